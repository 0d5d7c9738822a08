"""The protocol stack of a simulated device: stock layers, fit for loopback."""

import asyncio
from collections import Counter
import socket
from typing import Any, override

from bacpypes3.apdu import (
    AbortPDU,
    ConfirmedRequestPDU,
    ConfirmedServiceChoice,
    RejectPDU,
    UnconfirmedServiceChoice,
    confirmed_request_types,
)
from bacpypes3.app import DeviceInfoCache
from bacpypes3.appservice import ApplicationServiceAccessPoint, ServerSSM
from bacpypes3.comm import bind
from bacpypes3.ipv4 import IPv4DatagramProtocol, IPv4DatagramServer
from bacpypes3.ipv4.bvll import BVLLCodec
from bacpypes3.ipv4.service import BIPNormal, UDPMultiplexer
from bacpypes3.local.device import DeviceObject
from bacpypes3.pdu import IPv4Address, LocalBroadcast

# The headers of a complex ack: whole, and in segments.
_ACK_HEADER, _SEGMENT_HEADER = 3, 5

_CONFIRMED_REQUEST, _UNCONFIRMED_REQUEST, _SEGMENTED = 0, 1, 0x08


def _bound_socket(address: tuple[str, int], shared: bool) -> socket.socket:
    """Return a bound UDP socket; only the one for broadcasts is shared."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(address)
    except OSError as err:
        sock.close()
        raise OSError(err.errno, f"{err.strerror}: {address[0]}:{address[1]}") from err
    return sock


class LoopbackServer(IPv4DatagramServer):
    """A datagram server that really sends to 127.x addresses.

    The stock one delivers datagrams to any of them to itself, and retries for ever
    and silently while its own address is not free.
    """

    def __init__(self, address: IPv4Address) -> None:
        """Bind both sockets, or fail."""
        self._sockets: dict[tuple[str, int], socket.socket] = {}
        try:
            for target, shared in (
                (address.addrTuple, False),
                (address.addrBroadcastTuple, True),
            ):
                self._sockets[target] = _bound_socket(target, shared)
        except OSError:
            for sock in self._sockets.values():
                sock.close()
            raise
        super().__init__(address)

    @override
    async def retrying_create_datagram_endpoint(
        self, loop: Any, addrTuple: Any, bind_socket: Any = None
    ) -> Any:
        """Return the endpoint of a socket that is bound already."""

        def protocol() -> IPv4DatagramProtocol:
            """Return a protocol that knows its server before the first datagram."""
            result = IPv4DatagramProtocol()
            result.server = self
            return result

        return await loop.create_datagram_endpoint(
            protocol, sock=self._sockets[addrTuple]
        )

    async def ready(self) -> None:
        """Wait until both sockets are served."""
        await asyncio.gather(*self._transport_tasks)

    @override
    async def indication(self, pdu: Any) -> None:
        """Send a datagram."""
        destination = pdu.pduDestination
        if isinstance(destination, LocalBroadcast):
            target = self.broadcast_address
        elif isinstance(destination, IPv4Address):
            target = destination.addrTuple
        else:
            target = IPv4Address(destination).addrTuple
        self.local_transport.sendto(pdu.pduData, target)


class LoopbackLinkLayer(BIPNormal):
    """The stock link layer of BACnet/IP on a loopback server."""

    def __init__(self, address: IPv4Address) -> None:
        """Stack codec, multiplexer and server."""
        super().__init__()
        self.codec = BVLLCodec()
        self.multiplexer = UDPMultiplexer()
        self.server = LoopbackServer(address)
        bind(self, self.codec, self.multiplexer.annexJ)
        bind(self.multiplexer, self.server)

    def close(self) -> None:
        """Close the sockets."""
        self.server.close()


class Transaction(ServerSSM):
    """A request that the device answers, within its own limits too."""

    @override
    async def request(self, apdu: Any) -> None:
        """Reject a service that bacpypes3 does not know; it would stay silent."""
        if (
            isinstance(apdu, ConfirmedRequestPDU)
            and apdu.apduService not in confirmed_request_types
        ):
            reject = RejectPDU(invoke_id=self.invokeID, reason="unrecognized-service")
            await self.confirmation(reject)
            return
        await super().request(apdu)

    @override
    async def confirmation(self, apdu: Any) -> None:
        """Answer with what fits both sides; stock code only asks the client."""
        limit = min(
            self.maxApduLengthAccepted, self.ssmSAP.device_object.maxApduLengthAccepted
        )
        whole = len(apdu.pduData) + _ACK_HEADER <= limit
        self.maxApduLengthAccepted = limit - (_ACK_HEADER if whole else _SEGMENT_HEADER)
        await super().confirmation(apdu)


class AccessPoint(ApplicationServiceAccessPoint):
    """The application layer, where requests are counted and silence is kept."""

    def __init__(self, device_object: DeviceObject) -> None:
        """Start answering."""
        super().__init__(device_object, DeviceInfoCache())
        # The stock 3 seconds would end the transactions of a slow device.
        self.applicationTimeout = 60_000
        self.requests: Counter[str] = Counter()
        self.silent = False
        self.answers_left: int | None = None

    @override
    async def request(self, apdu: Any) -> None:
        """Send an APDU, unless the device is silent."""
        if not self.silent:
            await super().request(apdu)

    @override
    async def confirmation(self, pdu: Any) -> None:
        """Count an APDU and process it, unless the device is silent."""
        data = pdu.pduData
        kind = data[0] >> 4
        if kind == _UNCONFIRMED_REQUEST:
            self.requests[str(UnconfirmedServiceChoice(data[1]))] += 1
        elif kind == _CONFIRMED_REQUEST:
            service = data[5] if data[0] & _SEGMENTED else data[3]
            self.requests[str(ConfirmedServiceChoice(service))] += 1
            if self.answers_left == 0:
                self.silent = True
            elif self.answers_left is not None:
                self.answers_left -= 1
        if self.silent:
            return
        if kind == _CONFIRMED_REQUEST:
            if len(data) > self.device_object.maxApduLengthAccepted:
                await self.request(
                    AbortPDU(
                        True, data[2], "buffer-overflow", destination=pdu.pduSource
                    )
                )
                return
            self._begin(pdu.pduSource, data[2])
        await super().confirmation(pdu)

    def _begin(self, source: Any, invoke_id: int) -> None:
        """Register the transaction; stock code takes what it finds registered."""
        if not any(
            transaction.invokeID == invoke_id and transaction.pdu_address == source
            for transaction in self.serverTransactions
        ):
            transaction = Transaction(self, source)
            transaction.invokeID = invoke_id
            self.serverTransactions.append(transaction)
