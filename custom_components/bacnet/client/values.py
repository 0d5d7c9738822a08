"""Values of points: their datatypes, and what reading and writing makes of them."""

from collections.abc import Callable
from datetime import date, datetime, time
from itertools import product
from struct import Struct
from typing import Any

from ..node.codec import Datatype, encode
from ..node.enumerations import ObjectType, PropertyIdentifier, RejectReason
from ..node.errors import BacnetError, MalformedError
from ..node.types import (
    BitString,
    Constructed,
    Date,
    Enumerated,
    ObjectId,
    Primitive,
    Time,
    Value,
)
from .models import DateTime, PointData, StatusFlags

_REAL = Struct(">f")

PRESENT_VALUE_DATATYPES: dict[int, Datatype] = {
    ObjectType.ACCESS_DOOR: Datatype.ENUMERATED,
    ObjectType.ACCUMULATOR: Datatype.UNSIGNED,
    ObjectType.ANALOG_INPUT: Datatype.REAL,
    ObjectType.ANALOG_OUTPUT: Datatype.REAL,
    ObjectType.ANALOG_VALUE: Datatype.REAL,
    ObjectType.BINARY_INPUT: Datatype.ENUMERATED,
    ObjectType.BINARY_LIGHTING_OUTPUT: Datatype.ENUMERATED,
    ObjectType.BINARY_OUTPUT: Datatype.ENUMERATED,
    ObjectType.BINARY_VALUE: Datatype.ENUMERATED,
    ObjectType.BITSTRING_VALUE: Datatype.BIT_STRING,
    ObjectType.CALENDAR: Datatype.BOOLEAN,
    ObjectType.CHARACTERSTRING_VALUE: Datatype.CHARACTER_STRING,
    ObjectType.COLOR_TEMPERATURE: Datatype.UNSIGNED,
    ObjectType.COMMAND: Datatype.UNSIGNED,
    ObjectType.DATE_PATTERN_VALUE: Datatype.DATE,
    ObjectType.DATE_VALUE: Datatype.DATE,
    ObjectType.INTEGER_VALUE: Datatype.SIGNED,
    ObjectType.LARGE_ANALOG_VALUE: Datatype.DOUBLE,
    ObjectType.LIFE_SAFETY_POINT: Datatype.ENUMERATED,
    ObjectType.LIFE_SAFETY_ZONE: Datatype.ENUMERATED,
    ObjectType.LIGHTING_OUTPUT: Datatype.REAL,
    ObjectType.LOAD_CONTROL: Datatype.ENUMERATED,
    ObjectType.LOOP: Datatype.REAL,
    ObjectType.MULTI_STATE_INPUT: Datatype.UNSIGNED,
    ObjectType.MULTI_STATE_OUTPUT: Datatype.UNSIGNED,
    ObjectType.MULTI_STATE_VALUE: Datatype.UNSIGNED,
    ObjectType.OCTETSTRING_VALUE: Datatype.OCTET_STRING,
    ObjectType.POSITIVE_INTEGER_VALUE: Datatype.UNSIGNED,
    ObjectType.PULSE_CONVERTER: Datatype.REAL,
    ObjectType.STAGING: Datatype.REAL,
    ObjectType.TIME_PATTERN_VALUE: Datatype.TIME,
    ObjectType.TIME_VALUE: Datatype.TIME,
    ObjectType.TIMER: Datatype.UNSIGNED,
}
"""Datatype of present-value; dates with times are more than one primitive value."""

_DATETIME_TYPES = {ObjectType.DATETIME_VALUE, ObjectType.DATETIME_PATTERN_VALUE}

_LIKE_PRESENT_VALUE = {
    PropertyIdentifier.PRESENT_VALUE,
    PropertyIdentifier.RELINQUISH_DEFAULT,
    PropertyIdentifier.PRIORITY_ARRAY,
    PropertyIdentifier.MIN_PRES_VALUE,
    PropertyIdentifier.MAX_PRES_VALUE,
    PropertyIdentifier.HIGH_LIMIT,
    PropertyIdentifier.LOW_LIMIT,
}

_PROPERTY_DATATYPES: dict[int, Datatype] = {
    PropertyIdentifier.DESCRIPTION: Datatype.CHARACTER_STRING,
    PropertyIdentifier.LOCATION: Datatype.CHARACTER_STRING,
    PropertyIdentifier.NOTIFICATION_CLASS: Datatype.UNSIGNED,
    PropertyIdentifier.OBJECT_NAME: Datatype.CHARACTER_STRING,
    PropertyIdentifier.OUT_OF_SERVICE: Datatype.BOOLEAN,
    PropertyIdentifier.RELIABILITY: Datatype.ENUMERATED,
    PropertyIdentifier.SETPOINT: Datatype.REAL,
    PropertyIdentifier.TIME_DELAY: Datatype.UNSIGNED,
    PropertyIdentifier.UNITS: Datatype.ENUMERATED,
}


# --- reading --------------------------------------------------------------------------

STATUS_FLAGS: dict[Any, StatusFlags] = {
    flags: StatusFlags(*flags) for flags in product((False, True), repeat=4)
}
"""The sixteen combinations; any tuple of four booleans finds its own."""


def shortest_real(value: float) -> float:
    """Return the shortest decimal number with the same Real: 21.3, not 21.29999924.

    A Real has about seven decimal digits; the rest is an artefact of the conversion
    to Python's longer floats.
    """
    if not -1e9 < value < 1e9 or value.is_integer():
        return value
    octets = _REAL.pack(value)
    for digits in (7, 8):
        shorter = float(f"{value:.{digits}g}")
        if _REAL.pack(shorter) == octets:
            return shorter
    return value


def point_data(value: Value, object_type: int) -> PointData | BacnetError:
    """Return what a present-value shows; a structure becomes an error."""
    if type(value) is float:
        if object_type == ObjectType.LARGE_ANALOG_VALUE:
            return value
        return shortest_real(value)
    if isinstance(value, list):
        match value:
            case [Date() as day, Time() as moment]:
                return DateTime(day, moment)
        return BacnetError("the present value is a list")
    if isinstance(value, Constructed):
        return BacnetError("the present value is a structure")
    return value


# --- writing --------------------------------------------------------------------------


def _whole(value: Any) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError
    return int(value)


def _real(value: Any) -> float:
    if isinstance(value, str | bytes):
        raise TypeError
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _date(value: Any) -> Date:
    if isinstance(value, date):
        return Date(value.year, value.month, value.day, value.isoweekday())
    return Date(*value)


def _time(value: Any) -> Time:
    if isinstance(value, time):
        return Time(value.hour, value.minute, value.second, value.microsecond // 10_000)
    return Time(*value)


def _object_id(value: Any) -> ObjectId:
    return ObjectId.parse(value) if isinstance(value, str) else ObjectId(*value)


_CONVERT: dict[Datatype, Callable[[Any], Primitive]] = {
    Datatype.BOOLEAN: bool,
    Datatype.UNSIGNED: _whole,
    Datatype.SIGNED: _whole,
    Datatype.REAL: _real,
    Datatype.DOUBLE: _real,
    Datatype.OCTET_STRING: bytes,
    Datatype.CHARACTER_STRING: _text,
    Datatype.BIT_STRING: BitString,
    Datatype.ENUMERATED: _whole,
    Datatype.DATE: _date,
    Datatype.TIME: _time,
    Datatype.OBJECT_IDENTIFIER: _object_id,
}

_DATATYPES_OF_VALUES: tuple[tuple[type, Datatype], ...] = (
    (bool, Datatype.BOOLEAN),
    (Enumerated, Datatype.ENUMERATED),
    (float, Datatype.REAL),
    (str, Datatype.CHARACTER_STRING),
    (BitString, Datatype.BIT_STRING),
    (Date, Datatype.DATE),
    (date, Datatype.DATE),
    (Time, Datatype.TIME),
    (time, Datatype.TIME),
    (ObjectId, Datatype.OBJECT_IDENTIFIER),
    (bytes, Datatype.OCTET_STRING),
)


def _datatype_of(object_type: int, property_id: int, value: Any) -> Datatype:
    """Return the datatype the standard gives a property, else what the value is."""
    datatype = (
        PRESENT_VALUE_DATATYPES.get(object_type)
        if property_id in _LIKE_PRESENT_VALUE
        else _PROPERTY_DATATYPES.get(property_id)
    )
    if datatype is not None:
        return datatype
    for value_type, datatype in _DATATYPES_OF_VALUES:
        if isinstance(value, value_type):
            return datatype
    if isinstance(value, int):
        return Datatype.UNSIGNED if value >= 0 else Datatype.SIGNED
    raise TypeError


def _encode_datetime(value: Any) -> bytes:
    if isinstance(value, datetime):
        day, moment = _date(value.date()), _time(value.time())
    else:
        day, moment = _date(value[0]), _time(value[1])
    return encode(Datatype.DATE, day) + encode(Datatype.TIME, moment)


def encode_property_value(object_type: int, property_id: int, value: Any) -> bytes:
    """Return a value as a property of an object takes it; None is Null.

    Python's own dates and times are accepted as well; ``Constructed`` is encoded
    already. Raises MalformedError for a value of the wrong kind.
    """
    if isinstance(value, Constructed):
        return bytes(value)
    try:
        if (
            value is not None
            and object_type in _DATETIME_TYPES
            and property_id in _LIKE_PRESENT_VALUE
        ):
            return _encode_datetime(value)
        if value is None:
            return encode(Datatype.NULL, None)
        datatype = _datatype_of(object_type, property_id, value)
        return encode(datatype, _CONVERT[datatype](value))
    except ArithmeticError, IndexError, TypeError, ValueError:
        raise MalformedError(
            f"{value!r} is of the wrong kind", RejectReason.INVALID_PARAMETER_DATATYPE
        ) from None
