"""The UDP sockets of the node and the BACnet/IP link layer on them (annex J).

bacpypes3 binds in background tasks that retry for ever without a word, shares its
port through SO_REUSEPORT, and hands unicasts to 127.x.x.x back to itself. So the
sockets are opened here: at once, exclusively, with named errors.
"""

import asyncio
from collections.abc import Callable, Coroutine
import errno
from ipaddress import IPv4Address as IpAddress, IPv4Interface
import logging
import socket
from typing import Any, override

from bacpypes3.comm import Server, bind
from bacpypes3.ipv4.bvll import BVLLCodec
from bacpypes3.ipv4.service import BIPNormal
from bacpypes3.pdu import PDU, Address, IPv4Address, LocalBroadcast

from .errors import AddressInUseError, AddressUnavailableError, NodeStartError

_LOGGER = logging.getLogger(__name__)

_RECEIVE_BUFFER = 4 << 20
"""A blocked loop or a burst of I-Ams overflows the usual 208 kB after 257 datagrams."""

_MAX_PENDING = 2000
"""Datagrams being worked on at once; more are dropped, as a full buffer would."""

_BVLC_TYPE = 0x81
_UNICAST = 0x0A
_UNICAST_HEAD = b"\x81\x0a"
_PLAIN_NPDU = b"\x01\x00"
_PLAIN_OVERHEAD = 6
_PLAIN_CONTROLS = b"\x04\x00"
_SHORTEST_REQUEST = 10
_DEFAULT_PORT = 47808
_LIMITED_BROADCAST = "255.255.255.255"


def _start_error(error: OSError, where: str) -> NodeStartError:
    match error.errno:
        case errno.EADDRINUSE:
            return AddressInUseError(f"{where} is in use by another program")
        case errno.EADDRNOTAVAIL:
            return AddressUnavailableError(f"{where} is not an address of this machine")
    return NodeStartError(f"{where} can not be opened: {error.strerror or error}")


def _open_socket(host: str, port: int, *, shared: bool) -> socket.socket:
    """Return a bound UDP socket; a shared one lets other programs listen as well.

    Every socket bound to a broadcast address gets its own copy of a broadcast, so
    sharing it is harmless. A shared unicast port would split the datagrams.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "SO_REUSEPORT"):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise _start_error(error, f"{host}:{port}") from error
    return sock


class _Protocol(asyncio.DatagramProtocol):
    """Hands the datagrams of one socket to the datagram server."""

    def __init__(
        self, server: DatagramServer, accept: Callable[[str], bool] | None = None
    ) -> None:
        """Mark what comes in as broadcast when the socket is one for broadcasts."""
        self._server = server
        self._accept = accept
        self.closed = asyncio.get_running_loop().create_future()

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take a datagram."""
        if self._accept is None:
            self._server.received(data, addr, broadcast=False)
        elif self._accept(addr[0]):
            self._server.received(data, addr, broadcast=True)

    @override
    def error_received(self, exc: Exception) -> None:
        """Count a send that the system refused; the transaction will time out."""
        self._server.send_errors += 1
        _LOGGER.debug("Sending failed: %s", exc)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the socket is closed."""
        if not self.closed.done():
            self.closed.set_result(None)


def _is_plain_request(data: bytes) -> bool:
    """Return whether this is a confirmed request, whole, from our own network."""
    return (
        len(data) >= _SHORTEST_REQUEST
        and data[1] == _UNICAST
        and int.from_bytes(data[2:4]) == len(data)
        and data[4] == _PLAIN_NPDU[0]
        and data[5] in _PLAIN_CONTROLS
        and not data[6] & 0xF8
    )


def station_text(station: tuple[str, int]) -> str:
    """Return the text of an address of our own network."""
    host, port = station
    return host if port == _DEFAULT_PORT else f"{host}:{port}"


class DatagramServer(Server[PDU]):
    """The lowest layer of the stack: datagrams to and from the UDP sockets."""

    def __init__(self, interface: IPv4Interface, port: int) -> None:
        """Prepare for one address; nothing is opened yet."""
        super().__init__()
        self._host = str(interface.ip)
        self._network = interface.network
        self._port = port
        # A /32 or /31 network has no broadcast address.
        self._broadcast = (
            (str(self._network.broadcast_address), port)
            if interface.network.prefixlen < 31
            else None
        )
        self._endpoints: list[tuple[asyncio.DatagramTransport, _Protocol]] = []
        self._pending: set[asyncio.Task[None]] = set()
        self.answer: Callable[[str, bytes], bytes | None] = lambda source, apdu: None
        """Answers a plain request at once, or leaves it to the layers above."""
        self.receive_buffer = 0
        self.received_count = 0
        self.sent_count = 0
        self.dropped_count = 0
        self.failed_count = 0
        self.send_errors = 0

    async def open(self) -> int:
        """Bind all sockets and return the unicast port.

        Raises AddressInUseError, AddressUnavailableError or NodeStartError.
        """
        try:
            unicast = _open_socket(self._host, self._port, shared=False)
            self._port = unicast.getsockname()[1]
            await self._listen(unicast, None)
            if self._broadcast:
                self._broadcast = (self._broadcast[0], self._port)
                # Limited broadcasts of every adapter arrive on one socket; only our
                # own network's are meant for us.
                for host in (self._broadcast[0], _LIMITED_BROADCAST):
                    broadcast = _open_socket(host, self._port, shared=True)
                    await self._listen(broadcast, self._in_network)
        except BaseException:
            await self.close()
            raise
        self.receive_buffer = (
            self._endpoints[0][0]
            .get_extra_info("socket")
            .getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        )
        return self._port

    async def _listen(
        self, sock: socket.socket, accept: Callable[[str], bool] | None
    ) -> None:
        loop = asyncio.get_running_loop()
        endpoint = await loop.create_datagram_endpoint(
            lambda: _Protocol(self, accept), sock=sock
        )
        self._endpoints.append(endpoint)

    @property
    def can_broadcast(self) -> bool:
        """Return whether the network has a broadcast address."""
        return self._broadcast is not None

    def _in_network(self, host: str) -> bool:
        return IpAddress(host) in self._network

    async def close(self) -> None:
        """Close the sockets and end what is being worked on."""
        endpoints, self._endpoints = self._endpoints, []
        for transport, _ in endpoints:
            transport.abort()
        pending = list(self._pending)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for _, protocol in endpoints:
            await protocol.closed

    def received(
        self, data: bytes, source: tuple[str, int], *, broadcast: bool
    ) -> None:
        """Start working on a datagram."""
        if source == (self._host, self._port):
            return  # our own broadcast comes back
        self.received_count += 1
        if len(data) < 4 or data[0] != _BVLC_TYPE or len(self._pending) >= _MAX_PENDING:
            self.dropped_count += 1
            return
        if not broadcast and _is_plain_request(data):
            reply = self.answer(station_text(source), data[_PLAIN_OVERHEAD:])
            if reply is not None:
                self.send_plain(reply, source)
                return
        pdu = PDU(
            data,
            source=IPv4Address(source),
            destination=LocalBroadcast() if broadcast else None,
        )
        self.spawn(self.response, pdu)

    def send_plain(self, apdu: bytes, target: tuple[str, int]) -> None:
        """Send an APDU to a station of our own network, past the layers above."""
        if self._endpoints:
            self.sent_count += 1
            length = (len(apdu) + _PLAIN_OVERHEAD).to_bytes(2)
            self._endpoints[0][0].sendto(
                _UNICAST_HEAD + length + _PLAIN_NPDU + apdu, target
            )

    def spawn[**P](
        self,
        work: Callable[P, Coroutine[Any, Any, None]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Run work for one datagram; it ends with the sockets at the latest."""
        task = asyncio.get_running_loop().create_task(
            self._contain(work, *args, **kwargs)
        )
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _contain[**P](
        self,
        work: Callable[P, Coroutine[Any, Any, None]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        # Whatever a datagram contains, it must not reach Home Assistant's log as a
        # traceback: bacpypes3 raises all kinds of errors for malformed ones, its own
        # among them derived from BaseException.
        try:
            await work(*args, **kwargs)
        except asyncio.CancelledError, KeyboardInterrupt, SystemExit:
            raise
        except BaseException as error:  # noqa: BLE001
            self.failed_count += 1
            _LOGGER.debug("Datagram ignored: %r", error)

    @override
    async def indication(self, pdu: PDU) -> None:
        """Send a datagram."""
        destination = pdu.pduDestination
        assert destination is not None
        if destination.addrType == Address.localBroadcastAddr:
            if self._broadcast is None:
                return
            target = self._broadcast
        else:
            octets = destination.addrAddr
            assert octets is not None
            target = socket.inet_ntoa(octets[:4]), int.from_bytes(octets[4:])
        if self._endpoints:
            self.sent_count += 1
            self._endpoints[0][0].sendto(pdu.pduData, target)


class LinkLayer(BIPNormal):
    """BACnet/IP on one address, neither foreign device nor BBMD."""

    def __init__(self, interface: IPv4Interface, port: int) -> None:
        """Stack the BVLL codec on the datagram server."""
        super().__init__()
        self.server = DatagramServer(interface, port)
        bind(self, BVLLCodec(), self.server)
