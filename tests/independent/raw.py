"""A UDP socket that sends whatever octets it is told to."""

import asyncio
from typing import Final, Self, override

_UNICAST: Final = b"\x81\x0a"
_EXPECTING_REPLY: Final = b"\x01\x04"


class _Protocol(asyncio.DatagramProtocol):
    """Queues what arrives."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Keep a datagram."""
        self.arrived.put_nowait(data)


class RawPeer:
    """A peer for malformed requests and for answers that no stack would give.

    Its socket belongs to the test's process: the socket_enabled fixture is needed.
    """

    def __init__(
        self, address: str = "127.0.0.51", port: int = 47808, *, timeout: float = 2
    ) -> None:
        """Prepare a peer."""
        self._local = (address, port)
        self._timeout = timeout

    async def __aenter__(self) -> Self:
        """Open the socket."""
        loop = asyncio.get_running_loop()
        self._transport, self._protocol = await loop.create_datagram_endpoint(
            _Protocol, local_addr=self._local
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the socket."""
        self._transport.close()
        # The transport lets go of its socket in the next round of the loop.
        await asyncio.sleep(0)

    async def send_raw_apdu(self, address: str, apdu: bytes) -> bytes:
        """Send an APDU and return the APDU that comes back."""
        self.send_datagram(address, unicast(apdu))
        return await self.receive_apdu()

    def send_datagram(self, address: str, datagram: bytes) -> None:
        """Send a whole datagram, BVLC and NPDU headers included."""
        host, _, port = address.partition(":")
        self._transport.sendto(datagram, (host, int(port or self._local[1])))

    async def receive_apdu(self) -> bytes:
        """Return the APDU of the next datagram."""
        return apdu_of(await self.receive_datagram())

    async def receive_datagram(self) -> bytes:
        """Return the next datagram."""
        async with asyncio.timeout(self._timeout):
            return await self._protocol.arrived.get()


def unicast(apdu: bytes) -> bytes:
    """Return an APDU in an Original-Unicast-NPDU that expects a reply."""
    npdu = _EXPECTING_REPLY + apdu
    return _UNICAST + (len(npdu) + 4).to_bytes(2) + npdu


def apdu_of(datagram: bytes) -> bytes:
    """Return the APDU in a datagram, whatever headers it has."""
    # A Forwarded-NPDU names its origin first.
    position = 10 if datagram[1] == 0x04 else 4
    control = datagram[position + 1]
    position += 2
    for present in (control & 0x20, control & 0x08):
        if present:
            position += 3 + datagram[position + 2]
    return datagram[position + bool(control & 0x20) :]
