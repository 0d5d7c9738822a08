"""What others may do to the device as a whole (16.1, 16.4, 16.7, 16.8)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hmac import compare_digest

from ..node.codec import Datatype, ParameterReader
from ..node.enumerations import (
    BacnetEnum,
    EnableDisable,
    ErrorClass,
    ErrorCode,
    ReinitializedState,
    RejectReason,
)
from ..node.errors import MalformedError, ServiceError
from ..node.node import Node
from ..node.types import Date, Time
from .callbacks import Callbacks
from .clock import Clock

_MAX_MINUTES = 0xFFFF
_MAX_PASSWORD = 20
_RESTARTS = frozenset({ReinitializedState.COLDSTART, ReinitializedState.WARMSTART})


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSynchronization:
    """A time that somebody told us."""

    source: str
    told: datetime
    """With the time zone: ours for local time."""
    received: datetime
    utc: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinitializeRequest:
    """A restart that somebody with the password asked for."""

    source: str
    state: ReinitializedState


class ControlServices:
    """Guards and answers what concerns the whole device."""

    def __init__(self, node: Node, clock: Clock, resumed: Callable[[], None]) -> None:
        """Control a node; ``resumed`` is called when it may speak again."""
        self.password: str | None = None
        self.reinitialize_requests: Callbacks[ReinitializeRequest] = Callbacks()
        self.time_synchronizations: Callbacks[TimeSynchronization] = Callbacks()
        self._node = node
        self._clock = clock
        self._resumed = resumed
        self._timer: asyncio.TimerHandle | None = None

    def device_communication_control(self, source: str, data: bytes) -> None:
        """Answer a DeviceCommunicationControl."""
        reader = ParameterReader(data)
        minutes = reader.optional_unsigned(0, _MAX_MINUTES)
        state = _enumerated(reader, 1, EnableDisable)
        password = _password(reader, 2)
        reader.finish()
        self._check_password(password)
        self._set(state, minutes)

    def reinitialize_device(self, source: str, data: bytes) -> None:
        """Answer a ReinitializeDevice; whoever subscribed does the restart."""
        reader = ParameterReader(data)
        state = _enumerated(reader, 0, ReinitializedState)
        password = _password(reader, 1)
        reader.finish()
        self._check_password(password)
        if state not in _RESTARTS:
            raise ServiceError(
                ErrorClass.SERVICES, ErrorCode.OPTIONAL_FUNCTIONALITY_NOT_SUPPORTED
            )
        if not self.reinitialize_requests:
            raise ServiceError(ErrorClass.SERVICES, ErrorCode.SERVICE_REQUEST_DENIED)
        self._set(EnableDisable.ENABLE, None)
        self.reinitialize_requests.tell_soon(
            ReinitializeRequest(source=source, state=state)
        )

    def time_synchronization(self, source: str, data: bytes) -> None:
        """Report a TimeSynchronization; our clock stays as it is."""
        now = self._clock()
        told = _decode_moment(data).replace(tzinfo=now.tzinfo)
        self._report(source, told, now, utc=False)

    def utc_time_synchronization(self, source: str, data: bytes) -> None:
        """Report a UTCTimeSynchronization; our clock stays as it is."""
        told = _decode_moment(data).replace(tzinfo=UTC)
        self._report(source, told, self._clock(), utc=True)

    def _report(self, source: str, told: datetime, now: datetime, *, utc: bool) -> None:
        self.time_synchronizations.tell_soon(
            TimeSynchronization(source=source, told=told, received=now, utc=utc)
        )

    def _check_password(self, password: str | None) -> None:
        if (
            self.password is None
            or password is None
            or not compare_digest(self.password.encode(), password.encode())
        ):
            raise ServiceError(ErrorClass.SECURITY, ErrorCode.PASSWORD_FAILURE)

    def _set(self, state: EnableDisable, minutes: int | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        was_silent = self._node.communication != EnableDisable.ENABLE
        self._node.set_communication(state)
        if state != EnableDisable.ENABLE:
            if minutes:
                self._timer = asyncio.get_running_loop().call_later(
                    minutes * 60, self._set, EnableDisable.ENABLE, None
                )
        elif was_silent:
            self._resumed()

    def close(self) -> None:
        """End the timer and let the node speak."""
        self._set(EnableDisable.ENABLE, None)


def _enumerated[E: BacnetEnum](
    reader: ParameterReader, number: int, enumeration: type[E]
) -> E:
    value = reader.unsigned(number)
    try:
        return enumeration(value)
    except ValueError:
        raise MalformedError(
            f"{value} is no {enumeration.__name__}",
            RejectReason.UNDEFINED_ENUMERATION,
        ) from None


def _password(reader: ParameterReader, number: int) -> str | None:
    if not reader.at(number):
        return None
    password = reader.string(number)
    if not 1 <= len(password) <= _MAX_PASSWORD:
        raise MalformedError(
            "a password has 1 to 20 characters", RejectReason.PARAMETER_OUT_OF_RANGE
        )
    return password


def _decode_moment(data: bytes) -> datetime:
    reader = ParameterReader(data)
    day, time = reader.application(), reader.application()
    reader.finish()
    match day, time:
        case (Datatype.DATE, Date() as date), (Datatype.TIME, Time() as clock):
            year, month, day_of_month, _ = date
            if None not in {year, month, day_of_month, clock.hour, clock.minute}:
                try:
                    return datetime(
                        year or 0,
                        month or 0,
                        day_of_month or 0,
                        clock.hour or 0,
                        clock.minute or 0,
                        clock.second or 0,
                        (clock.hundredth or 0) * 10_000,
                    )
                except ValueError:
                    pass
    raise MalformedError("a time synchronization names one moment")
