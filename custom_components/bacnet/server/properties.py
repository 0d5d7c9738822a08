"""The properties of the types of object that have a present-value (clause 12)."""

from collections.abc import Callable
from time import time
from typing import TYPE_CHECKING, Any

from ..node.codec import Datatype, encode, encode_context
from ..node.enumerations import PropertyIdentifier as P, Reliability
from ..node.types import Date, Time
from .addresses import encode_address
from .definition import LOWEST_PRIORITY
from .priority import OURSELVES, UNKNOWN, Source
from .served import (
    FALSE,
    IDENTITY,
    PROPERTY_LIST,
    TRUE,
    Encoder,
    Property,
    Shape,
    Table,
    constant,
    enumerated,
    optional,
    required,
    text,
    unsigned,
)
from .state_history import StateHistory
from .values import DateTime, encode_datetime

if TYPE_CHECKING:
    from .objects import LocalObject

NULL = b"\x00"

_OBJECT_ID = Datatype.OBJECT_IDENTIFIER
_PRIORITIES = range(1, LOWEST_PRIORITY + 1)

_EVENT_STATE_NORMAL = encode(Datatype.ENUMERATED, 0)
_EVENT_STATE_FAULT = encode(Datatype.ENUMERATED, 1)
_POLARITY_NORMAL = encode(Datatype.ENUMERATED, 0)

STATUS_PROPERTIES = (P.STATUS_FLAGS, P.EVENT_STATE, P.RELIABILITY, P.OUT_OF_SERVICE)
"""What changes with the reliability or out-of-service."""

COMMAND_PROPERTIES = (
    P.PRIORITY_ARRAY,
    P.CURRENT_COMMAND_PRIORITY,
    P.RELINQUISH_DEFAULT,
    P.VALUE_SOURCE,
    P.VALUE_SOURCE_ARRAY,
    P.LAST_COMMAND_TIME,
    P.COMMAND_TIME_ARRAY,
)
"""What changes with the priority array."""

COUNTER_PROPERTIES = (
    P.CHANGE_OF_STATE_TIME,
    P.CHANGE_OF_STATE_COUNT,
    P.TIME_OF_STATE_COUNT_RESET,
    P.TIME_OF_ACTIVE_TIME_RESET,
)
"""What changes with the state of a binary object."""

_NEVER = DateTime(Date(None, None, None), Time(None, None, None, None))
_NO_SOURCE = encode_context(0, Datatype.NULL, None)


def _of_value(get: Any) -> Encoder:
    """Encode what has the datatype of the present-value."""
    return lambda o: o.kind.value.encode(get(o))


def _of_span(get: Any) -> Encoder:
    """Encode what measures a difference of present-values."""
    return lambda o: o.kind.value.encode_span(get(o))


def _event_state(o: LocalObject) -> bytes:
    # Without intrinsic reporting it only tells whether there is a fault (12.1.7).
    if o.reliability == Reliability.NO_FAULT_DETECTED:
        return _EVENT_STATE_NORMAL
    return _EVENT_STATE_FAULT


def _status_flags(o: LocalObject) -> bytes:
    return encode(Datatype.BIT_STRING, o.status_flags)


def _priority_array(o: LocalObject) -> list[bytes]:
    encode_value = o.kind.value.encode
    tags = o.kind.slot_tags
    return [
        NULL if value is None else tags[0] + encode_value(value) + tags[1]
        for value in o.priority_array
    ]


def _current_command_priority(o: LocalObject) -> bytes:
    active = o.active_priority
    return NULL if active is None else encode(Datatype.UNSIGNED, active)


def _encode_source(o: LocalObject, source: Source | None) -> bytes:
    """Return a BACnetValueSource: nobody, our device, or an address."""
    if source is None or source.address == UNKNOWN:
        return _NO_SOURCE
    if source.address == OURSELVES:
        device_id = o.context.device_id
        return b"\x1e" + encode_context(1, _OBJECT_ID, device_id) + b"\x1f"
    return b"\x2e" + encode_address(source.address) + b"\x2f"


def _encode_moment(o: LocalObject, source: Source | None) -> bytes:
    """Return a BACnetTimeStamp."""
    moment = _NEVER if source is None else o.context.datetime_of(source.time)
    return b"\x2e" + encode_datetime(moment) + b"\x2f"


def _source_in(o: LocalObject, priority: int | None) -> Source | None:
    if priority is None or o.commands is None or o.commands[priority] is None:
        return None
    return o.commands.sources[priority]


def _value_source(o: LocalObject) -> bytes:
    return _encode_source(o, _source_in(o, o.active_priority))


def _value_source_array(o: LocalObject) -> list[bytes]:
    return [_encode_source(o, _source_in(o, priority)) for priority in _PRIORITIES]


def _last_command_time(o: LocalObject) -> bytes:
    return _encode_moment(o, None if o.commands is None else o.commands.last)


def _command_time_array(o: LocalObject) -> list[bytes]:
    sources = {} if o.commands is None else o.commands.sources
    return [_encode_moment(o, sources.get(priority)) for priority in _PRIORITIES]


def _is_commandable(o: LocalObject) -> bool:
    return o.commands is not None


def _row(encoder: Encoder, *, is_required: bool) -> Property:
    return required(encoder) if is_required else optional(encoder)


def _status(*, is_required: bool) -> Table:
    return {
        P.STATUS_FLAGS: required(_status_flags),
        P.EVENT_STATE: _row(_event_state, is_required=is_required),
        P.RELIABILITY: optional(enumerated(lambda o: o.reliability)),
        P.OUT_OF_SERVICE: _row(
            lambda o: TRUE if o.out_of_service else FALSE, is_required=is_required
        ),
    }


_PRESENT_VALUE: Table = {
    P.PRESENT_VALUE: required(_of_value(lambda o: o.present_value))
}

_VALUE_SOURCE: Table = {
    P.VALUE_SOURCE: optional(_value_source, _is_commandable),
    P.VALUE_SOURCE_ARRAY: Property(
        _value_source_array, Shape.ARRAY, exists=_is_commandable
    ),
    P.LAST_COMMAND_TIME: optional(_last_command_time, _is_commandable),
    P.COMMAND_TIME_ARRAY: Property(
        _command_time_array, Shape.ARRAY, exists=_is_commandable
    ),
}

_COMMANDABLE: Table = {
    P.PRIORITY_ARRAY: Property(_priority_array, Shape.ARRAY, exists=_is_commandable),
    P.RELINQUISH_DEFAULT: optional(
        _of_value(lambda o: o.relinquish_default), _is_commandable
    ),
    P.CURRENT_COMMAND_PRIORITY: optional(_current_command_priority, _is_commandable),
    **_VALUE_SOURCE,
}

_COMMANDED: Table = {
    P.PRIORITY_ARRAY: Property(_priority_array, Shape.ARRAY, required=True),
    P.RELINQUISH_DEFAULT: required(_of_value(lambda o: o.relinquish_default)),
    P.CURRENT_COMMAND_PRIORITY: required(_current_command_priority),
    **_VALUE_SOURCE,
}

_NUMERIC: Table = {
    P.UNITS: required(enumerated(lambda o: o.definition.units)),
    P.MIN_PRES_VALUE: optional(
        _of_value(lambda o: o.minimum), lambda o: o.minimum is not None
    ),
    P.MAX_PRES_VALUE: optional(
        _of_value(lambda o: o.maximum), lambda o: o.maximum is not None
    ),
    P.RESOLUTION: optional(
        _of_value(lambda o: o.resolution), lambda o: o.resolution is not None
    ),
    P.COV_INCREMENT: optional(_of_span(lambda o: o.cov_increment)),
}


def _has_texts(o: LocalObject) -> bool:
    # Either both texts or none (12.6.15).
    return bool(o.definition.inactive_text or o.definition.active_text)


_BINARY_TEXTS: Table = {
    P.INACTIVE_TEXT: optional(text(lambda o: o.definition.inactive_text), _has_texts),
    P.ACTIVE_TEXT: optional(text(lambda o: o.definition.active_text), _has_texts),
}


def _of_history(get: Callable[[StateHistory], float | None]) -> Encoder:
    """Encode a moment of the history of states."""

    def encoder(o: LocalObject) -> bytes:
        moment = None if o.history is None else get(o.history)
        return encode_datetime(
            _NEVER if moment is None else o.context.datetime_of(moment)
        )

    return encoder


_COUNTERS: Table = {
    P.CHANGE_OF_STATE_TIME: optional(_of_history(lambda history: history.changed_at)),
    P.CHANGE_OF_STATE_COUNT: optional(unsigned(lambda o: o.history.count)),
    P.TIME_OF_STATE_COUNT_RESET: optional(
        _of_history(lambda history: history.count_reset_at)
    ),
    P.ELAPSED_ACTIVE_TIME: optional(
        unsigned(lambda o: o.history.active_seconds(time())), cached=False
    ),
    P.TIME_OF_ACTIVE_TIME_RESET: optional(
        _of_history(lambda history: history.time_reset_at)
    ),
}

_MINIMUM_TIMES: Table = {
    P.MINIMUM_OFF_TIME: optional(
        unsigned(lambda o: o.definition.minimum_off_time),
        lambda o: _is_commandable(o) and o.definition.minimum_off_time is not None,
    ),
    P.MINIMUM_ON_TIME: optional(
        unsigned(lambda o: o.definition.minimum_on_time),
        lambda o: _is_commandable(o) and o.definition.minimum_on_time is not None,
    ),
}

_POLARITY: Table = {P.POLARITY: required(constant(_POLARITY_NORMAL))}

_STATES: Table = {
    P.NUMBER_OF_STATES: required(unsigned(lambda o: len(o.definition.states))),
    P.STATE_TEXT: Property(
        lambda o: [
            encode(Datatype.CHARACTER_STRING, state) for state in o.definition.states
        ],
        Shape.ARRAY,
    ),
}

_LOCAL_TIME: Table = {P.IS_UTC: optional(constant(FALSE))}

_FULL, _SHORT = _status(is_required=True), _status(is_required=False)


def _table(*parts: Table) -> Table:
    table = dict(IDENTITY)
    for part in (_PRESENT_VALUE, *parts, PROPERTY_LIST):
        table |= part
    return table


ANALOG_INPUT = _table(_FULL, _NUMERIC)
ANALOG_OUTPUT = _table(_FULL, _NUMERIC, _COMMANDED)
ANALOG_VALUE = _table(_FULL, _NUMERIC, _COMMANDABLE)
BINARY_INPUT = _table(_FULL, _POLARITY, _BINARY_TEXTS, _COUNTERS)
BINARY_OUTPUT = _table(
    _FULL, _POLARITY, _BINARY_TEXTS, _COUNTERS, _MINIMUM_TIMES, _COMMANDED
)
BINARY_VALUE = _table(_FULL, _BINARY_TEXTS, _COUNTERS, _MINIMUM_TIMES, _COMMANDABLE)
MULTI_STATE_INPUT = _table(_FULL, _STATES)
MULTI_STATE_OUTPUT = _table(_FULL, _STATES, _COMMANDED)
MULTI_STATE_VALUE = _table(_FULL, _STATES, _COMMANDABLE)
NUMERIC_VALUE = _table(_SHORT, _NUMERIC, _COMMANDABLE)
PLAIN_VALUE = _table(_SHORT, _COMMANDABLE)
DATETIME_VALUE = _table(_SHORT, _LOCAL_TIME, _COMMANDABLE)
