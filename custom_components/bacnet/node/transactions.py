"""The application layer between bytes and bacpypes3's transaction machines.

bacpypes3 keeps what is hard: invoke ids on the wire, retries, segmentation both
ways. Parameters of services pass through undecoded: the two roles decode only what
they need, one bad value can not spoil a whole answer, and requests are answered
without building an object for every tag. Malformed requests and unknown services,
which bacpypes3 leaves unanswered, get their Reject here.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
import logging
from typing import Any, override

from bacpypes3.apdu import (
    APDU,
    AbortPDU,
    ComplexAckPDU,
    ConfirmedRequestPDU,
    ErrorPDU,
    RejectPDU,
    SimpleAckPDU,
    UnconfirmedRequestPDU,
)
from bacpypes3.appservice import (
    ABORTED,
    COMPLETED,
    ApplicationServiceAccessPoint,
    ClientSSM,
    ServerSSM,
)
from bacpypes3.basetypes import Segmentation as LibrarySegmentation
from bacpypes3.comm import Client
from bacpypes3.errors import CommuncationError
from bacpypes3.pdu import PDU, Address

from .enumerations import (
    AbortReason,
    ConfirmedService,
    EnableDisable,
    ErrorClass,
    ErrorCode,
    RejectReason,
    Segmentation,
    UnconfirmedService,
    label_of,
)
from .errors import (
    AbortError,
    BacnetError,
    MalformedError,
    NoResponseError,
    RejectError,
    ServiceError,
    UnreachableError,
)
from .services import decode_error, encode_error_pdu

_LOGGER = logging.getLogger(__name__)

type ConfirmedHandler = Callable[[str, bytes], bytes | None]
"""Answers a request of an address: parameters in, parameters out.

None stands for a simple acknowledgement. RefusedError and MalformedError become the
negative answer.
"""

type UnconfirmedHandler = Callable[[str, bytes], None]

_MAX_SERVER_TRANSACTIONS = 64
_APDU_SIZES = (50, 128, 206, 480, 1024, 1476)
_LARGEST = len(_APDU_SIZES) - 1
_SEGMENTED_HEADER = 5
_COMPLEX_ACK_HEADER = 3

_SEGMENT_COUNTS = (255, 2, 4, 8, 16, 32, 64, 255)
"""Segments that a client takes, by its code; bacpypes3 can not count beyond 255."""

_ALWAYS_ANSWERED = frozenset(
    {
        ConfirmedService.DEVICE_COMMUNICATION_CONTROL,
        ConfirmedService.REINITIALIZE_DEVICE,
    }
)
"""Services that a silenced device still answers (16.1)."""

text_of = lru_cache(4096)(str)
"""Text of an address; the addresses of a building are few and come again."""


@dataclass(slots=True)
class StackParameters:
    """What bacpypes3 reads of the device object for each transaction.

    Times are in milliseconds; attribute names are bacpypes3's.
    """

    numberOfApduRetries: int  # noqa: N815
    apduTimeout: int  # noqa: N815
    apduSegmentTimeout: int  # noqa: N815
    maxApduLengthAccepted: int  # noqa: N815
    maxSegmentsAccepted: int = 64  # noqa: N815
    segmentationSupported: Any = LibrarySegmentation.segmentedBoth  # noqa: N815


@dataclass(slots=True)
class Peer:
    """What the transaction machines need to know of a device; names are bacpypes3's."""

    max_apdu_length_accepted: int
    max_npdu_length: int
    segmentation_supported: Any
    max_segments_accepted: int | None = None


class PeerTable:
    """Capabilities of the devices we talk to, by address."""

    def __init__(self) -> None:
        """Start empty."""
        self._peers: dict[str, Peer] = {}

    def learn(self, address: str, max_apdu: int, segmentation: Segmentation) -> None:
        """Remember how large a message a device takes."""
        self._peers[address] = Peer(
            max_apdu_length_accepted=max_apdu,
            # bacpypes3 forgets the header when it cuts segments.
            max_npdu_length=max(max_apdu - 6, 44),
            segmentation_supported=LibrarySegmentation(int(segmentation)),
        )

    def forget(self, address: str) -> None:
        """Drop a device."""
        self._peers.pop(address, None)

    async def get_device_info(self, address: Address) -> Peer | None:
        """Answer a transaction machine."""
        return self._peers.get(text_of(address))

    def update_device_info(self, peer: Peer) -> None:
        """Accept what a transaction machine found out; it changed the record itself."""


class ClientTransaction(ClientSSM):
    """One confirmed request of ours; its end resolves ``answer``."""

    ssmSAP: AccessPoint  # noqa: N815
    _timer_expired_request: asyncio.Future[None] | None  # type: ignore[assignment]

    def __init__(
        self,
        access_point: AccessPoint,
        address: Address,
        *,
        timeout: float | None,
        retries: int | None,
    ) -> None:
        """Start with the node's timing where the caller gives none."""
        super().__init__(access_point, address)
        if timeout is not None:
            self.apduTimeout = int(timeout * 1000)
        if retries is not None:
            self.numberOfApduRetries = retries
        self.answer: asyncio.Future[APDU] = asyncio.get_running_loop().create_future()

    @override
    async def request(self, apdu: APDU) -> None:
        """Send, and end the transaction where the network can not be reached."""
        try:
            await super().request(apdu)
        except CommuncationError as error:
            self.end(
                UnreachableError(f"no route to {text_of(self.pdu_address)}: {error}")
            )

    @override
    async def response(self, apdu: APDU) -> None:
        """Take the answer."""
        if not self.answer.done():
            self.answer.set_result(apdu)

    def end(self, error: BacnetError | None = None) -> None:
        """Stop timers and retries; whoever waits gets the error."""
        self.stop_timer()
        if self._timer_expired_request is not None:
            self._timer_expired_request.cancel()
        if self.state not in (COMPLETED, ABORTED):
            self.state = ABORTED
            self.ssmSAP.clientTransactions.remove(self)
        if error is not None and not self.answer.done():
            self.answer.set_exception(error)


def parameters_of(apdu: APDU, destination: str) -> bytes:
    """Return the parameters of a positive answer; a negative one is raised."""
    if isinstance(apdu, ComplexAckPDU):
        return bytes(apdu.pduData)
    if isinstance(apdu, SimpleAckPDU):
        return b""
    if isinstance(apdu, ErrorPDU):
        try:
            raise decode_error(bytes(apdu.pduData))
        except MalformedError:
            raise ServiceError(ErrorClass.DEVICE, ErrorCode.OTHER) from None
    reason = int(apdu.apduAbortRejectReason)
    if isinstance(apdu, RejectPDU):
        raise RejectError(reason)
    if reason == _LIBRARY_NO_RESPONSE:
        raise NoResponseError(f"{destination} does not answer")
    raise AbortError(reason)


_LIBRARY_NO_RESPONSE = 65
"""bacpypes3's own abort reason for a time-out; it never comes from the wire."""


class _ServerTransaction(ServerSSM):
    """A request or an answer that needs several segments."""

    ssmSAP: AccessPoint  # noqa: N815
    _timer_expired_request: asyncio.Future[None] | None  # type: ignore[assignment]
    prepared: bytes | None = None

    @override
    async def request(self, apdu: APDU) -> None:
        """Answer a request that is complete."""
        if isinstance(apdu, AbortPDU):
            return
        self.ssmSAP.reply_limit = _reply_limit(
            0x02 if apdu.apduSA else 0, apdu.apduMaxSegs << 4 | apdu.apduMaxResp
        )
        reply = self.prepared or self.ssmSAP.reply_to(
            text_of(self.pdu_address),
            apdu.apduService,
            apdu.apduInvokeID,
            bytes(apdu.pduData),
        )
        # bacpypes3 forgets the header when it cuts segments.
        self.maxApduLengthAccepted -= _SEGMENTED_HEADER
        await self.confirmation(APDU.decode(PDU(reply)))

    @override
    async def segmented_response_timeout(self) -> None:
        """Send the first segment again as long as nobody acknowledged it."""
        if self.actualWindowSize is not None:
            await super().segmented_response_timeout()
        elif (self.segmentRetryCount or 0) < self.numberOfApduRetries:
            self.segmentRetryCount = (self.segmentRetryCount or 0) + 1
            self.start_timer(self.segmentTimeout)
            await self.response(self.get_segment(0))
        else:
            self.set_state(ABORTED)

    def end(self) -> None:
        """Stop timers and forget the transaction."""
        self.stop_timer()
        if self._timer_expired_request is not None:
            self._timer_expired_request.cancel()
        if self in self.ssmSAP.serverTransactions:
            self.ssmSAP.serverTransactions.remove(self)


def _unrecognized(source: str, parameters: bytes) -> None:
    raise RejectError(RejectReason.UNRECOGNIZED_SERVICE)


def _reply_limit(flags: int, limits: int) -> int:
    """Return how long an answer may be, by the head of its request."""
    size = _APDU_SIZES[min(limits & 0x0F, _LARGEST)]
    if not flags & 0x02:
        return size
    count = _SEGMENT_COUNTS[limits >> 4 & 0x07]
    return _COMPLEX_ACK_HEADER + count * (size - _SEGMENTED_HEADER)


def _abort(invoke_id: int, reason: int) -> bytes:
    return bytes((AbortPDU.pduType << 4 | 0x01, invoke_id, reason))


def _error(invoke_id: int, service: int, error: ServiceError) -> bytes:
    return bytes((ErrorPDU.pduType << 4, invoke_id, service)) + encode_error_pdu(error)


class AccessPoint(ApplicationServiceAccessPoint):
    """Transactions of both directions, with undecoded parameters."""

    clientTransactions: list[ClientTransaction]  # type: ignore[assignment]  # noqa: N815
    serverTransactions: list[_ServerTransaction]  # type: ignore[assignment]  # noqa: N815

    def __init__(self, parameters: StackParameters) -> None:
        """Start without handlers: every confirmed request is rejected."""
        self.peers = PeerTable()
        super().__init__(parameters, self.peers)
        self.proposedWindowSize = 16
        self.confirmed_handlers: dict[int, ConfirmedHandler] = {}
        self.unconfirmed_handlers: dict[int, list[UnconfirmedHandler]] = {}
        self.communication = EnableDisable.ENABLE
        self.reply_limit = 0
        """Length of the longest answer to the request that a handler is working on."""

    @override
    async def confirmation(self, pdu: PDU) -> None:
        """Take an APDU from the network."""
        data = pdu.pduData
        kind = data[0] >> 4
        if self.communication == EnableDisable.DISABLE and not (
            kind == ConfirmedRequestPDU.pduType and data[3] in _ALWAYS_ANSWERED
        ):
            return
        if kind == UnconfirmedRequestPDU.pduType:
            self._unconfirmed(text_of(pdu.pduSource), data[1], bytes(data[2:]))
        elif kind == ConfirmedRequestPDU.pduType and not data[0] & 0x08:
            await self._confirmed(pdu)
        elif kind == ConfirmedRequestPDU.pduType:
            await self._segmented(APDU.decode(pdu))
        else:
            await super().confirmation(pdu)

    def _unconfirmed(self, source: str, service: int, parameters: bytes) -> None:
        for handler in self.unconfirmed_handlers.get(service, ()):
            try:
                handler(source, parameters)
            except MalformedError as error:
                _LOGGER.debug(
                    "Malformed %s from %s ignored: %s",
                    label_of(UnconfirmedService, service),
                    source,
                    error,
                )

    async def _confirmed(self, pdu: PDU) -> None:
        """Answer an unsegmented request, in one message where it fits."""
        flags, limits, invoke_id, service = pdu.pduData[:4]
        assert pdu.pduSource is not None
        self.reply_limit = _reply_limit(flags, limits)
        reply = self.reply_to(
            text_of(pdu.pduSource), service, invoke_id, bytes(pdu.pduData[4:])
        )
        if len(reply) > self.reply_limit:
            reply = _abort(
                invoke_id,
                AbortReason.APDU_TOO_LONG
                if flags & 0x02
                else AbortReason.SEGMENTATION_NOT_SUPPORTED,
            )
        elif len(reply) > _APDU_SIZES[min(limits & 0x0F, _LARGEST)]:
            await self._segmented(APDU.decode(pdu), reply)
            return
        await self._reply(reply, pdu.pduSource)

    def answer_at_once(self, source: str, apdu: bytes) -> bytes | None:
        """Return the answer to an unsegmented request, where one message holds it.

        The short way for the bulk of all requests; None sends a request the long way.
        """
        flags, limits, invoke_id, service = apdu[:4]
        if (
            self.communication == EnableDisable.DISABLE
            and service not in _ALWAYS_ANSWERED
        ):
            return None
        self.reply_limit = _reply_limit(flags, limits)
        reply = self.reply_to(source, service, invoke_id, apdu[4:])
        if len(reply) > _APDU_SIZES[min(limits & 0x0F, _LARGEST)]:
            return None
        return reply

    async def _reply(self, reply: bytes, destination: Address) -> None:
        await Client.request(self, PDU(reply, destination=destination))

    async def _segmented(self, apdu: APDU, reply: bytes | None = None) -> None:
        assert apdu.pduSource is not None
        for transaction in self.serverTransactions:
            if (
                transaction.invokeID == apdu.apduInvokeID
                and transaction.pdu_address == apdu.pduSource
            ):
                break
        else:
            if len(self.serverTransactions) >= _MAX_SERVER_TRANSACTIONS:
                abort = _abort(apdu.apduInvokeID, AbortReason.OUT_OF_RESOURCES)
                await self._reply(abort, apdu.pduSource)
                return
            apdu.apduMaxResp = min(apdu.apduMaxResp, _LARGEST)
            transaction = _ServerTransaction(self, apdu.pduSource)
            transaction.prepared = reply
            self.serverTransactions.append(transaction)
        await transaction.indication(apdu)

    def reply_to(
        self, source: str, service: int, invoke_id: int, parameters: bytes
    ) -> bytes:
        """Return the answer to a request as one APDU, whatever happens on the way."""
        handler = self.confirmed_handlers.get(service, _unrecognized)
        try:
            result = handler(source, parameters)
        except (MalformedError, RejectError) as error:
            return bytes((RejectPDU.pduType << 4, invoke_id, error.reason))
        except AbortError as error:
            return _abort(invoke_id, error.reason)
        except ServiceError as error:
            return _error(invoke_id, service, error)
        except Exception:
            # A fault of ours: it belongs into the log, and the client gets an answer.
            _LOGGER.exception(
                "Answering %s failed", label_of(ConfirmedService, service)
            )
            problem = ServiceError(ErrorClass.DEVICE, ErrorCode.OPERATIONAL_PROBLEM)
            return _error(invoke_id, service, problem)
        if result is None:
            return bytes((SimpleAckPDU.pduType << 4, invoke_id, service))
        return bytes((ComplexAckPDU.pduType << 4, invoke_id, service)) + result

    async def send_unconfirmed(
        self, destination: Address, service: int, parameters: bytes
    ) -> None:
        """Send an unconfirmed request."""
        pdu = PDU(bytes((0x10, service)) + parameters, destination=destination)
        await Client.request(self, pdu)

    def free_invoke_id(self, destination: Address, start: int) -> int | None:
        """Return an invoke id that is not in use towards a destination, if any is."""
        used = {
            transaction.invokeID
            for transaction in self.clientTransactions
            if transaction.pdu_address == destination
        }
        return next(
            (
                invoke_id
                for offset in range(256)
                if (invoke_id := (start + offset) % 256) not in used
            ),
            None,
        )

    def end_requests(self, error: BacnetError) -> None:
        """End our own requests; whoever waits for an answer gets the error."""
        for asked in list(self.clientTransactions):
            asked.end(error)

    def end_all(self, error: BacnetError) -> None:
        """End every transaction; whoever waits for an answer gets the error."""
        self.end_requests(error)
        for answered in list(self.serverTransactions):
            answered.end()
