"""What present-values are: their datatypes, checks and encodings."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from math import isfinite
from struct import Struct
from typing import Any, NamedTuple

from ..node.codec import Datatype, decode_primitive, decode_value, encode
from ..node.enumerations import ErrorClass, ErrorCode
from ..node.errors import MalformedError, ServiceError
from ..node.types import Date, Time

_REAL = Struct(">f")
_HIGHEST_UNSIGNED = 0xFFFFFFFF
_LOWEST_SIGNED, _HIGHEST_SIGNED = -0x80000000, 0x7FFFFFFF


class DateTime(NamedTuple):
    """A date and a time of day (BACnetDateTime)."""

    date: Date
    time: Time


type PresentValue = bool | int | float | str | Date | Time | DateTime
"""Float for analog, bool for binary, int from 1 for multi-state, int, str, dates."""


def property_error(code: ErrorCode) -> ServiceError:
    """Return an error of class property."""
    return ServiceError(ErrorClass.PROPERTY, code)


def invalid_data_type() -> ServiceError:
    """Return the error for a value of the wrong datatype."""
    return property_error(ErrorCode.INVALID_DATA_TYPE)


def value_out_of_range() -> ServiceError:
    """Return the error for a value that can not be taken."""
    return property_error(ErrorCode.VALUE_OUT_OF_RANGE)


def decode_as(datatype: Datatype, data: bytes) -> Any:
    """Return a written value of exactly this datatype.

    Raises ServiceError: invalid-data-type.
    """
    try:
        found, value = decode_primitive(data)
    except MalformedError:
        raise invalid_data_type() from None
    if found != datatype:
        raise invalid_data_type()
    return value


def _shortest_real(value: float) -> float:
    """Return the number that was meant: 21.3, not 21.299999237060547."""
    octets = _REAL.pack(value)
    for digits in (6, 7, 8):
        short = float(f"{value:.{digits}g}")
        try:
            if _REAL.pack(short) == octets:
                return short
        except OverflowError:
            break
    return value


def _decode_real(data: bytes) -> PresentValue:
    value = decode_as(Datatype.REAL, data)
    if not isfinite(value):
        raise value_out_of_range()
    return _shortest_real(value)


def _decode_double(data: bytes) -> PresentValue:
    value: float = decode_as(Datatype.DOUBLE, data)
    if not isfinite(value):
        raise value_out_of_range()
    return value


def _decode_binary(data: bytes) -> PresentValue:
    value = decode_as(Datatype.ENUMERATED, data)
    if value not in {0, 1}:
        raise value_out_of_range()
    return bool(value)


def decode_unsigned(data: bytes) -> int:
    """Return a written Unsigned; raises ServiceError."""
    value: int = decode_as(Datatype.UNSIGNED, data)
    if value > _HIGHEST_UNSIGNED:
        raise value_out_of_range()
    return value


def _decode_signed(data: bytes) -> PresentValue:
    value: int = decode_as(Datatype.SIGNED, data)
    if not _LOWEST_SIGNED <= value <= _HIGHEST_SIGNED:
        raise value_out_of_range()
    return value


def _decode_string(data: bytes) -> PresentValue:
    value: str = decode_as(Datatype.CHARACTER_STRING, data)
    return value


def _specific_date(value: Date) -> Date:
    year, month, day, day_of_week = value
    if year is None or month is None or day is None:
        raise value_out_of_range()
    try:
        weekday = date(year, month, day).isoweekday()
    except ValueError:
        raise value_out_of_range() from None
    if day_of_week not in {None, weekday}:
        raise value_out_of_range()
    return Date(year, month, day, weekday)


def _specific_time(value: Time) -> Time:
    hour, minute, second, hundredth = value
    if hour is None or minute is None or second is None:
        raise value_out_of_range()
    if hour > 23 or minute > 59 or second > 59 or (hundredth or 0) > 99:
        raise value_out_of_range()
    return Time(hour, minute, second, hundredth or 0)


def _decode_date(data: bytes) -> PresentValue:
    return _specific_date(decode_as(Datatype.DATE, data))


def _decode_time(data: bytes) -> PresentValue:
    return _specific_time(decode_as(Datatype.TIME, data))


def _decode_datetime(data: bytes) -> PresentValue:
    try:
        value = decode_value(data)
    except MalformedError:
        raise invalid_data_type() from None
    match value:
        case [Date() as day, Time() as time]:
            return DateTime(_specific_date(day), _specific_time(time))
    raise invalid_data_type()


def encode_datetime(value: DateTime) -> bytes:
    """Return a BACnetDateTime."""
    return encode(Datatype.DATE, value.date) + encode(Datatype.TIME, value.time)


def _encoder(datatype: Datatype) -> Callable[[Any], bytes]:
    return lambda value: encode(datatype, value)


def _encode_binary(value: bool) -> bytes:
    return b"\x91\x01" if value else b"\x91\x00"


def _encode_real(value: float) -> bytes:
    return b"\x44" + _REAL.pack(value)


def _finite(value: Any) -> float:
    number = float(value)
    if not isfinite(number):
        raise ValueError("a present-value is a finite number")
    return number


def _finite_real(value: Any) -> float:
    number = _finite(value)
    try:
        _REAL.pack(number)
    except OverflowError:
        raise ValueError("the number is too large for a Real") from None
    return number


def _unsigned(value: Any) -> int:
    number = int(value)
    if not 0 <= number <= _HIGHEST_UNSIGNED:
        raise ValueError("the number does not fit an Unsigned")
    return number


def _signed(value: Any) -> int:
    number = int(value)
    if not _LOWEST_SIGNED <= number <= _HIGHEST_SIGNED:
        raise ValueError("the number does not fit an Integer")
    return number


def _datetime(value: Any) -> DateTime:
    day, time = value
    return DateTime(Date(*day), Time(*time))


@dataclass(frozen=True, slots=True)
class ValueType:
    """A datatype of present-values: how to take, write and read it."""

    convert: Callable[[Any], PresentValue]
    """Takes a value of our own; raises ValueError or TypeError."""
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], PresentValue]
    """Takes a value that was written; raises ServiceError."""
    neutral: PresentValue
    """Stands in until there is a value."""
    encode_span: Callable[[Any], bytes] | None = None
    """Encodes what measures a difference of values, as the COV increment does."""
    decode_span: Callable[[bytes], PresentValue] | None = None


_encode_unsigned = _encoder(Datatype.UNSIGNED)
_encode_double = _encoder(Datatype.DOUBLE)

REAL = ValueType(
    _finite_real, _encode_real, _decode_real, 0.0, _encode_real, _decode_real
)
DOUBLE = ValueType(
    _finite, _encode_double, _decode_double, 0.0, _encode_double, _decode_double
)
BINARY = ValueType(bool, _encode_binary, _decode_binary, False)
STATE = ValueType(_unsigned, _encode_unsigned, decode_unsigned, 1)
UNSIGNED = ValueType(
    _unsigned, _encode_unsigned, decode_unsigned, 0, _encode_unsigned, decode_unsigned
)
SIGNED = ValueType(
    _signed,
    _encoder(Datatype.SIGNED),
    _decode_signed,
    0,
    _encode_unsigned,
    decode_unsigned,
)
STRING = ValueType(str, _encoder(Datatype.CHARACTER_STRING), _decode_string, "")
DATE = ValueType(
    lambda value: Date(*value),
    _encoder(Datatype.DATE),
    _decode_date,
    Date(None, None, None),
)
TIME = ValueType(
    lambda value: Time(*value),
    _encoder(Datatype.TIME),
    _decode_time,
    Time(None, None, None, None),
)
DATETIME = ValueType(
    _datetime,
    encode_datetime,
    _decode_datetime,
    DateTime(Date(None, None, None), Time(None, None, None, None)),
)
