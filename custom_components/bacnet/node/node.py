"""The node: one BACnet/IP station, shared by the client and the server role."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address as IPv4, IPv4Interface
from typing import override

from bacpypes3.apdu import ConfirmedRequestPDU
from bacpypes3.comm import ApplicationServiceElement, bind
from bacpypes3.netservice import NetworkServiceAccessPoint, NetworkServiceElement
from bacpypes3.pdu import Address, GlobalBroadcast, IPv4Address, LocalBroadcast

from .enumerations import EnableDisable, Segmentation, UnconfirmedService
from .errors import CommunicationDisabledError, NodeStoppedError, OverloadError
from .limiter import RequestLimiter
from .transactions import (
    AccessPoint,
    ClientTransaction,
    ConfirmedHandler,
    StackParameters,
    UnconfirmedHandler,
    parameters_of,
    text_of,
)
from .transport import LinkLayer

DEFAULT_PORT = 47808
_MAX_PORT = 65535
MAX_APDU = 1476
GLOBAL_BROADCAST = "*:*"
LOCAL_BROADCAST = "*"

_UNCONFIRMED_REQUEST = 0x10
_NOT_INITIATED = frozenset({UnconfirmedService.I_AM, UnconfirmedService.I_HAVE})
"""Services that only answer others, even where they look like requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """Where the node lives and how patient it is; times are in seconds."""

    interface: IPv4Interface
    port: int = DEFAULT_PORT
    apdu_timeout: float = 3.0
    apdu_retries: int = 2
    segment_timeout: float = 2.0
    requests_per_destination: int = 4
    requests_total: int = 64
    requests_waiting: int = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatistics:
    """What the node has counted since it started, and what is under way."""

    outstanding: int
    received: int
    sent: int
    dropped: int
    failed: int
    send_errors: int
    receive_buffer: int


@lru_cache(4096)
def parse_address(text: str) -> Address:
    """Return the library's address for ``10.0.0.5``, ``10.0.0.5:47809`` or ``5:12``.

    Raises ValueError; a host name is not an address.
    """
    if text == GLOBAL_BROADCAST:
        return GlobalBroadcast()
    if text == LOCAL_BROADCAST:
        return LocalBroadcast()
    if not text or not (text[0].isdigit()):
        raise ValueError(f"not a BACnet address: {text!r}")
    address = Address(text)
    if address.addrType == Address.localStationAddr and (
        not isinstance(address, IPv4Address) or address.addrPort > _MAX_PORT
    ):
        raise ValueError(f"not an address on BACnet/IP: {text!r}")
    return address


@lru_cache(4096)
def _station(text: str) -> tuple[str, int] | None:
    """Return host and port of a station of our own network, None for others."""
    address = parse_address(text)
    octets = address.addrAddr
    if address.addrType != Address.localStationAddr or octets is None:
        return None
    return f"{IPv4(octets[:4])}", int.from_bytes(octets[4:])


def normalized_address(text: str) -> str:
    """Return an address in the form in which the node reports sources.

    Raises ValueError.
    """
    return str(parse_address(text.strip()))


class _TopElement(ApplicationServiceElement):
    """The end of the library's stack; transactions end before they get here."""

    @override
    async def indication(self, *args: object) -> None:
        """Ignore what no transaction took."""

    @override
    async def confirmation(self, *args: object) -> None:
        """Ignore what no transaction took."""


class Node:
    """One station on one UDP port: sends and answers services, as bytes.

    Addresses are texts: ``10.0.0.5`` (port 47808), ``10.0.0.5:47809``, ``5:12`` (station
    12 of network 5).
    """

    def __init__(self, config: NodeConfig) -> None:
        """Prepare; nothing is opened before ``start``."""
        self.config = config
        self._access_point = AccessPoint(
            StackParameters(
                numberOfApduRetries=config.apdu_retries,
                apduTimeout=int(config.apdu_timeout * 1000),
                apduSegmentTimeout=int(config.segment_timeout * 1000),
                maxApduLengthAccepted=MAX_APDU,
            )
        )
        self._network = NetworkServiceAccessPoint()
        self._network_element = NetworkServiceElement()
        self._link = LinkLayer(config.interface, config.port)
        self._link.server.answer = self._access_point.answer_at_once
        self._limiter = RequestLimiter(
            per_destination=config.requests_per_destination,
            total=config.requests_total,
            waiting=config.requests_waiting,
        )
        self._next_invoke_id = 0
        self._running = False
        self.port = config.port

    # --- life -------------------------------------------------------------------

    async def start(self) -> None:
        """Open the port and listen.

        Raises AddressInUseError, AddressUnavailableError or NodeStartError. A node
        is started once; after ``stop`` a new one is made.
        """
        bind(self._network_element, self._network)
        bind(_TopElement(), self._access_point, self._network)
        self.port = await self._link.server.open()
        self._network.bind(
            self._link,
            address=IPv4Address(f"{self.config.interface}", port=self.port),
        )
        self._running = True

    async def stop(self) -> None:
        """Close the port; requests under way end with NodeStoppedError at once."""
        self._running = False
        error = NodeStoppedError()
        self._limiter.fail(error)
        self._access_point.end_all(error)
        await self._link.server.close()
        for search in list(self._network_element.who_is_router_to_network_futures):
            # Nobody answered in time: whoever waits for the route goes on, and ends.
            search.future.set_result([])
        # Timers of transactions may just have started a task; it sees the end now.
        await asyncio.sleep(0)

    @property
    def address(self) -> str:
        """Return our own address as others see it."""
        suffix = "" if self.port == DEFAULT_PORT else f":{self.port}"
        return f"{self.config.interface.ip}{suffix}"

    @property
    def max_segments(self) -> int:
        """Return how many segments of one message we take."""
        return int(self._access_point.device_object.maxSegmentsAccepted)

    @property
    def can_broadcast(self) -> bool:
        """Return whether the network has a broadcast address."""
        return self._link.server.can_broadcast

    @property
    def statistics(self) -> NodeStatistics:
        """Return what was counted."""
        server = self._link.server
        return NodeStatistics(
            outstanding=len(self._access_point.clientTransactions),
            received=server.received_count,
            sent=server.sent_count,
            dropped=server.dropped_count,
            failed=server.failed_count,
            send_errors=server.send_errors,
            receive_buffer=server.receive_buffer,
        )

    # --- asking -----------------------------------------------------------------

    async def request(
        self,
        destination: str,
        service: int,
        parameters: bytes,
        *,
        urgency: int = 0,
        timeout: float | None = None,
        retries: int | None = None,
        lane: str | None = None,
        on_turn: Callable[[], None] | None = None,
    ) -> bytes:
        """Send a confirmed request and return the parameters of its answer.

        Waits for its turn first; the lower ``urgency``, the sooner. ``timeout``
        (seconds, for each try) and ``retries`` default to the node's. Requests of
        one ``lane`` go one after the other, whatever their destinations. ``on_turn``
        is called when the waiting is over.
        Raises ServiceError, RejectError or AbortError when the device refuses,
        NoResponseError when it is silent, UnreachableError, OverloadError,
        NodeStoppedError, CommunicationDisabledError, and ValueError for something
        that is no address.
        """
        address = parse_address(destination)
        limit = None if lane is None else 1
        async with self._limiter.slot(lane or destination, urgency, limit):
            if not self._running:
                raise NodeStoppedError
            if self.communication != EnableDisable.ENABLE:
                raise CommunicationDisabledError
            if on_turn is not None:
                on_turn()
            invoke_id = self._access_point.free_invoke_id(address, self._next_invoke_id)
            if invoke_id is None:
                raise OverloadError(f"too many requests are under way to {destination}")
            self._next_invoke_id = (invoke_id + 1) % 256
            apdu = ConfirmedRequestPDU(service, invoke_id, destination=address)
            apdu.put_data(parameters)
            transaction = ClientTransaction(
                self._access_point, address, timeout=timeout, retries=retries
            )
            self._access_point.clientTransactions.append(transaction)
            try:
                await transaction.indication(apdu)
                return parameters_of(await transaction.answer, destination)
            finally:
                transaction.end()

    def send(self, destination: str, service: int, parameters: bytes = b"") -> None:
        """Send an unconfirmed request, now or as soon as a route is known."""
        if not self._running or not self._may_send(service):
            return
        station = _station(destination)
        if station is not None:
            apdu = bytes((_UNCONFIRMED_REQUEST, service)) + parameters
            self._link.server.send_plain(apdu, station)
            return
        self._link.server.spawn(
            self._access_point.send_unconfirmed,
            parse_address(destination),
            service,
            parameters,
        )

    def _may_send(self, service: int) -> bool:
        match self.communication:
            case EnableDisable.ENABLE:
                return True
            case EnableDisable.DISABLE:
                return False
        return service in _NOT_INITIATED

    def learn_peer(
        self, address: str, max_apdu: int, segmentation: Segmentation
    ) -> None:
        """Remember how large a message the device at an address takes."""
        self._access_point.peers.learn(address, max_apdu, segmentation)

    def lane_of(self, destination: str) -> str | None:
        """Return what the devices behind one router have in common, else None.

        That is the router, once it is known; before that, the network.
        """
        address = parse_address(destination)
        if address.addrType != Address.remoteStationAddr:
            return None
        for (_, network), (
            router,
            _,
        ) in self._network.router_info_cache.path_info.items():
            if network == address.addrNet:
                return f"router {text_of(router)}"
        return f"network {address.addrNet}"

    def forget_peer(self, address: str) -> None:
        """Drop what is known of the device at an address."""
        self._access_point.peers.forget(address)

    # --- answering --------------------------------------------------------------

    def answer(self, service: int, handler: ConfirmedHandler) -> Callable[[], None]:
        """Let a handler answer a confirmed service; return how to end that.

        The handler gets the source's address and the parameters; it must not block.
        """
        handlers = self._access_point.confirmed_handlers
        handlers[service] = handler

        def end() -> None:
            if handlers.get(service) == handler:
                del handlers[service]

        return end

    def listen(self, service: int, handler: UnconfirmedHandler) -> Callable[[], None]:
        """Let a handler hear an unconfirmed service; return how to end that."""
        handlers = self._access_point.unconfirmed_handlers.setdefault(service, [])
        handlers.append(handler)

        def unlisten() -> None:
            if handler in handlers:
                handlers.remove(handler)

        return unlisten

    @property
    def reply_limit(self) -> int:
        """Return how long an answer the asker takes whom a handler is answering."""
        return self._access_point.reply_limit

    @property
    def communication(self) -> EnableDisable:
        """Return whether we may speak (clause 16.1)."""
        return self._access_point.communication

    def set_communication(self, state: EnableDisable) -> None:
        """Silence the node, or let it speak again; our own requests end with it."""
        self._access_point.communication = state
        if state != EnableDisable.ENABLE:
            self._access_point.end_requests(CommunicationDisabledError())

    @property
    def answered_services(self) -> set[int]:
        """Return the confirmed services that have a handler."""
        return set(self._access_point.confirmed_handlers)

    @property
    def heard_services(self) -> set[int]:
        """Return the unconfirmed services that have a handler."""
        return {
            service
            for service, handlers in self._access_point.unconfirmed_handlers.items()
            if handlers
        }
