"""WriteProperty and WritePropertyMultiple: one path for every write (15.9, 15.10)."""

from collections.abc import Callable
from typing import Any

from ..node.codec import Datatype, decode_value
from ..node.enumerations import (
    ErrorClass,
    ErrorCode,
    PropertyIdentifier as P,
    Reliability,
)
from ..node.errors import MalformedError, ServiceError
from ..node.services import (
    PropertyWrite,
    WriteMultipleError,
    decode_write_property,
    decode_write_property_multiple,
)
from ..node.types import Constructed, Value
from .callbacks import Callbacks
from .clock import Clock
from .command import Command, Refusal
from .definition import LOWEST_PRIORITY, MINIMUM_TIME_PRIORITY
from .objects import LocalObject
from .policy import WriteGuard, WritePolicy
from .priority import Source
from .properties import NULL
from .served import Shape
from .table import ObjectTable
from .values import (
    PresentValue,
    decode_as,
    decode_unsigned,
    property_error,
    value_out_of_range,
)


def _denied() -> ServiceError:
    return property_error(ErrorCode.WRITE_ACCESS_DENIED)


class WriteServices:
    """Takes writes: checks them, applies them, reports them."""

    def __init__(self, table: ObjectTable, clock: Clock) -> None:
        """Write to objects of a table."""
        self.guard = WriteGuard(WritePolicy())
        self.commands: Callbacks[Command] = Callbacks()
        self.refusals: Callbacks[Refusal] = Callbacks()
        self._table = table
        self._clock = clock

    def write_property(self, source: str, data: bytes) -> None:
        """Answer a WriteProperty."""
        self._write(source, decode_write_property(data))

    def write_property_multiple(self, source: str, data: bytes) -> None:
        """Answer a WritePropertyMultiple; the first write that fails ends it."""
        for write in decode_write_property_multiple(data):
            try:
                self._write(source, write)
            except ServiceError as error:
                raise WriteMultipleError(error, write.reference) from None

    def _write(self, source: str, write: PropertyWrite) -> None:
        try:
            self._try_write(source, write)
        except ServiceError as error:
            object_id, property_id, index = write.reference
            self.refusals.tell_soon(
                Refusal(
                    object_id=object_id,
                    property_id=property_id,
                    index=index,
                    value=_decoded(write.value),
                    priority=write.priority,
                    error=error,
                    source=source,
                    time=self._clock(),
                )
            )
            raise

    def _try_write(self, source: str, write: PropertyWrite) -> None:
        self.guard.count_write(source)
        object_id, property_id, index = write.reference
        served = self._table.find(object_id)
        found = served.property_of(property_id)
        _check_priority(write.priority)
        if index is not None and index > len(served.elements(property_id)):
            raise property_error(ErrorCode.INVALID_ARRAY_INDEX)
        self.guard.check_source(source)
        writer = _WRITERS.get(property_id)
        if (
            writer is None
            or found.shape is not Shape.SINGLE
            or not isinstance(served, LocalObject)
            or not served.definition.writable
        ):
            raise _denied()
        now = self._clock()
        old_value = served.present_value
        value, priority = writer(served, write, Source(source, now.timestamp()))
        self.commands.tell_soon(
            Command(
                object_id=served.object_id,
                property_id=property_id,
                index=index,
                value=value,
                priority=priority,
                old_value=old_value,
                new_value=served.present_value,
                source=source,
                time=now,
            )
        )


def _decoded(data: bytes) -> Value:
    try:
        return decode_value(data)
    except MalformedError:
        return Constructed(data)


def _check_priority(priority: int | None) -> None:
    if priority is not None and not 1 <= priority <= LOWEST_PRIORITY:
        raise ServiceError(ErrorClass.SERVICES, ErrorCode.PARAMETER_OUT_OF_RANGE)


type _Written = tuple[PresentValue | None, int | None]
"""The value, and the priority where it counts."""


def _write_present_value(
    target: LocalObject, write: PropertyWrite, by: Source
) -> _Written:
    value = None
    if target.commands is None:
        if not target.out_of_service:
            raise _denied()
        value = _checked_value(target, write.value)
        target.simulate(value)
        return value, None
    priority = write.priority or LOWEST_PRIORITY
    if priority == MINIMUM_TIME_PRIORITY:
        raise _denied()
    if write.value != NULL:
        value = _checked_value(target, write.value)
    target.command(priority, value, by)
    return value, priority


def _checked_value(target: LocalObject, data: bytes) -> PresentValue:
    value = target.kind.value.decode(data)
    target.check(value)
    return value


def _write_out_of_service(
    target: LocalObject, write: PropertyWrite, _: Source
) -> _Written:
    out_of_service = decode_as(Datatype.BOOLEAN, write.value) is True
    target.set_out_of_service(out_of_service)
    return out_of_service, None


def _write_cov_increment(
    target: LocalObject, write: PropertyWrite, _: Source
) -> _Written:
    decode_span: Any = target.kind.value.decode_span
    increment = decode_span(write.value)
    if increment < 0:
        raise value_out_of_range()
    target.set_cov_increment(increment)
    return increment, None


def _write_reliability(
    target: LocalObject, write: PropertyWrite, _: Source
) -> _Written:
    if not target.out_of_service:
        raise _denied()
    reliability: int = decode_as(Datatype.ENUMERATED, write.value)
    if reliability not in Reliability:
        raise value_out_of_range()
    target.simulate_reliability(reliability)
    return reliability, None


def _write_relinquish_default(
    target: LocalObject, write: PropertyWrite, _: Source
) -> _Written:
    value = _checked_value(target, write.value)
    target.set_relinquish_default(value)
    return value, None


def _write_state_count(
    target: LocalObject, write: PropertyWrite, by: Source
) -> _Written:
    count = decode_unsigned(write.value)
    target.set_state_count(count, by.time)
    return count, None


def _write_active_time(
    target: LocalObject, write: PropertyWrite, by: Source
) -> _Written:
    seconds = decode_unsigned(write.value)
    target.set_active_time(seconds, by.time)
    return seconds, None


_WRITERS: dict[int, Callable[[LocalObject, PropertyWrite, Source], _Written]] = {
    P.PRESENT_VALUE: _write_present_value,
    P.OUT_OF_SERVICE: _write_out_of_service,
    P.COV_INCREMENT: _write_cov_increment,
    P.RELIABILITY: _write_reliability,
    P.RELINQUISH_DEFAULT: _write_relinquish_default,
    P.CHANGE_OF_STATE_COUNT: _write_state_count,
    P.ELAPSED_ACTIVE_TIME: _write_active_time,
}
"""What can be written at all, in objects that are writable."""
