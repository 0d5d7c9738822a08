"""Encoding of values (clause 20.2), on bytes, in both directions.

bacpypes3 has a codec for everything; this one covers what runs thousands of times
a second: the primitive values and the tags around them. An unusual value costs
only itself: what is not primitive is returned as ``Constructed`` bytes.
"""

from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache
import math
from struct import Struct, error as StructError
from typing import Any

from .enumerations import RejectReason
from .errors import MalformedError
from .types import (
    BitString,
    Constructed,
    Date,
    Enumerated,
    ObjectId,
    Primitive,
    Time,
    Value,
)

_UNPACK_REAL = Struct(">f").unpack
_PACK_REAL = Struct(">f").pack
_UNPACK_DOUBLE = Struct(">d").unpack
_PACK_DOUBLE = Struct(">d").pack
_UNPACK_OBJECT_IDS = Struct(">BI").iter_unpack

_ANY = 255


class Datatype(IntEnum):
    """The primitive datatypes, numbered by their application tags."""

    NULL = 0
    BOOLEAN = 1
    UNSIGNED = 2
    SIGNED = 3
    REAL = 4
    DOUBLE = 5
    OCTET_STRING = 6
    CHARACTER_STRING = 7
    BIT_STRING = 8
    ENUMERATED = 9
    DATE = 10
    TIME = 11
    OBJECT_IDENTIFIER = 12


class TagKind(IntEnum):
    """What a tag announces."""

    APPLICATION = 0
    CONTEXT = 1
    OPENING = 2
    CLOSING = 3


# --- tags ---------------------------------------------------------------------


def encode_tag(number: int, length: int, *, context: bool = False) -> bytes:
    """Return the header of a primitive value of ``length`` octets."""
    first = (0x08 if context else 0) | (number << 4 if number < 15 else 0xF0)
    extra = b"" if number < 15 else bytes((number,))
    if length < 5:
        return bytes((first | length,)) + extra
    if length < 254:
        return bytes((first | 5,)) + extra + bytes((length,))
    if length < 65536:
        return bytes((first | 5,)) + extra + b"\xfe" + length.to_bytes(2)
    return bytes((first | 5,)) + extra + b"\xff" + length.to_bytes(4)


def opening(number: int) -> bytes:
    """Return the opening tag of a constructed value."""
    return bytes((number << 4 | 0x0E,)) if number < 15 else bytes((0xFE, number))


def closing(number: int) -> bytes:
    """Return the closing tag of a constructed value."""
    return bytes((number << 4 | 0x0F,)) if number < 15 else bytes((0xFF, number))


def read_tag(data: bytes, position: int) -> tuple[int, int, int, int]:
    """Return number, kind, length and the position behind the tag.

    For an application-tagged boolean the length is its value.
    Raises MalformedError when the tag or its value reaches beyond the data.
    """
    try:
        octet = data[position]
        position += 1
        number = octet >> 4
        length = octet & 0x07
        if number == 15:
            number = data[position]
            position += 1
        if not octet & 0x08:
            kind = 0
            if number == Datatype.BOOLEAN:
                return number, kind, length, position
            if length > 5:
                raise MalformedError("application tag with a reserved length")
        elif length == 6:
            return number, 2, 0, position
        elif length == 7:
            return number, 3, 0, position
        else:
            kind = 1
        if length == 5:
            length = data[position]
            position += 1
            if length == 254:
                length = data[position] << 8 | data[position + 1]
                position += 2
            elif length == 255:
                length = int.from_bytes(data[position : position + 4])
                position += 4
    except IndexError:
        raise _ends_early() from None
    if position + length > len(data):
        raise _ends_early()
    return number, kind, length, position


def _ends_early() -> MalformedError:
    return MalformedError(
        "the data ends within a value", RejectReason.MISSING_REQUIRED_PARAMETER
    )


# --- primitive values -----------------------------------------------------------


def unsigned_octets(value: int) -> bytes:
    """Return the octets of an unsigned integer, shortest form."""
    return value.to_bytes((value.bit_length() + 7) // 8 or 1)


def _signed_octets(value: int) -> bytes:
    length = ((value if value >= 0 else ~value).bit_length() + 8) // 8
    return value.to_bytes(length, signed=True)


def _real_octets(value: float) -> bytes:
    try:
        return _PACK_REAL(value)
    except OverflowError:
        return _PACK_REAL(math.copysign(math.inf, value))


def _string_octets(value: str) -> bytes:
    # Character set 0 is UTF-8 (clause 20.2.9).
    return b"\x00" + value.encode("utf-8", "surrogatepass")


def _bit_string_octets(value: tuple[bool, ...]) -> bytes:
    unused = -len(value) % 8
    number = 0
    for bit in value:
        number = number << 1 | bool(bit)
    return bytes((unused,)) + (number << unused).to_bytes((len(value) + 7) // 8)


def _date_octets(value: Date) -> bytes:
    year, month, day, day_of_week = value
    return bytes(
        (
            _ANY if year is None else year - 1900,
            _ANY if month is None else month,
            _ANY if day is None else day,
            _ANY if day_of_week is None else day_of_week,
        )
    )


def _time_octets(value: Time) -> bytes:
    return bytes(_ANY if part is None else part for part in value)


def object_id_octets(value: tuple[int, int]) -> bytes:
    """Return the four octets of an object identifier."""
    return (value[0] << 22 | value[1]).to_bytes(4)


_OCTETS: dict[int, Callable[[Any], bytes]] = {
    Datatype.UNSIGNED: unsigned_octets,
    Datatype.SIGNED: _signed_octets,
    Datatype.REAL: _real_octets,
    Datatype.DOUBLE: _PACK_DOUBLE,
    Datatype.OCTET_STRING: bytes,
    Datatype.CHARACTER_STRING: _string_octets,
    Datatype.BIT_STRING: _bit_string_octets,
    Datatype.ENUMERATED: unsigned_octets,
    Datatype.DATE: _date_octets,
    Datatype.TIME: _time_octets,
    Datatype.OBJECT_IDENTIFIER: object_id_octets,
}


def encode(datatype: Datatype, value: Any) -> bytes:
    """Return a value with its application tag; None is always Null."""
    if value is None or datatype == Datatype.NULL:
        return b"\x00"
    if datatype == Datatype.BOOLEAN:
        return b"\x11" if value else b"\x10"
    octets = _OCTETS[datatype](value)
    length = len(octets)
    if length < 5:
        return bytes((datatype << 4 | length,)) + octets
    return encode_tag(datatype, length) + octets


def encode_context(number: int, datatype: Datatype, value: Any) -> bytes:
    """Return a value with a context tag."""
    if datatype == Datatype.BOOLEAN:
        octets = b"\x01" if value else b"\x00"
    elif datatype == Datatype.NULL:
        octets = b""
    else:
        octets = _OCTETS[datatype](value)
    return encode_tag(number, len(octets), context=True) + octets


def _decode_string(octets: bytes) -> str:
    if not octets:
        raise _ends_early()
    charset, text = octets[0], octets[1:]
    match charset:
        case 0:
            return text.decode("utf-8", "replace")
        case 1:  # DBCS: two octets of code page come first
            return text[2:].decode("cp850", "replace")
        case 3:
            return text.decode("utf-32-be", "replace")
        case 4:
            return text.decode("utf-16-be", "replace")
        case 5:
            return text.decode("latin-1")
    return text.decode("latin-1")


@lru_cache(256)
def _decode_bit_string(octets: bytes) -> BitString:
    if not octets or octets[0] > 7 or (octets[0] and len(octets) == 1):
        raise MalformedError("bit string without a valid count of unused bits")
    count = (len(octets) - 1) * 8 - octets[0]
    number = int.from_bytes(octets[1:]) >> octets[0]
    return BitString([bool(number >> shift & 1) for shift in range(count - 1, -1, -1)])


def _decode_date(octets: bytes) -> Date:
    if len(octets) != 4:
        raise MalformedError("a date has four octets")
    year, month, day, day_of_week = octets
    return Date(
        None if year == _ANY else year + 1900,
        None if month == _ANY else month,
        None if day == _ANY else day,
        None if day_of_week == _ANY else day_of_week,
    )


def _decode_time(octets: bytes) -> Time:
    if len(octets) != 4:
        raise MalformedError("a time has four octets")
    return Time(*(None if part == _ANY else part for part in octets))


def _decode_object_id(octets: bytes) -> ObjectId:
    if len(octets) != 4:
        raise MalformedError("an object identifier has four octets")
    number = int.from_bytes(octets)
    return ObjectId(number >> 22, number & 0x3FFFFF)


def _decode_unsigned(octets: bytes) -> int:
    if not octets:
        raise MalformedError("an integer without octets")
    return int.from_bytes(octets)


def _decode_signed(octets: bytes) -> int:
    if not octets:
        raise MalformedError("an integer without octets")
    return int.from_bytes(octets, signed=True)


def _decode_real(octets: bytes) -> float:
    return _UNPACK_REAL(octets)[0]  # type: ignore[no-any-return]


def _decode_double(octets: bytes) -> float:
    return _UNPACK_DOUBLE(octets)[0]  # type: ignore[no-any-return]


_DECODE: dict[int, Callable[[bytes], Primitive]] = {
    Datatype.UNSIGNED: _decode_unsigned,
    Datatype.SIGNED: _decode_signed,
    Datatype.REAL: _decode_real,
    Datatype.DOUBLE: _decode_double,
    Datatype.OCTET_STRING: bytes,
    Datatype.CHARACTER_STRING: _decode_string,
    Datatype.BIT_STRING: _decode_bit_string,
    Datatype.ENUMERATED: lambda octets: Enumerated(_decode_unsigned(octets)),
    Datatype.DATE: _decode_date,
    Datatype.TIME: _decode_time,
    Datatype.OBJECT_IDENTIFIER: _decode_object_id,
}


_SHORT_LENGTHS: dict[int, range] = {
    Datatype.REAL: range(4, 5),
    Datatype.DOUBLE: range(0),
    Datatype.DATE: range(4, 5),
    Datatype.TIME: range(4, 5),
    Datatype.OBJECT_IDENTIFIER: range(4, 5),
}


def decode(number: int, length: int, data: bytes, position: int) -> Primitive:
    """Return the application-tagged value whose tag ``read_tag`` has read."""
    if number == Datatype.BOOLEAN:
        return bool(length)
    if number == Datatype.NULL:
        return None
    decoder = _DECODE.get(number)
    if decoder is None:
        raise MalformedError(f"reserved application tag {number}")
    try:
        return decoder(data[position : position + length])
    except StructError:
        raise MalformedError(f"{Datatype(number).name.lower()} of wrong size") from None


SHORT_VALUES: tuple[Callable[[bytes], Primitive] | None, ...] = tuple(
    _DECODE.get(octet >> 4)
    if not octet & 0x08
    and (octet & 0x07) in _SHORT_LENGTHS.get(octet >> 4, range(1, 5))
    else None
    for octet in range(256)
)
"""How to decode the octets behind a tag of one octet, by that octet.

None where the value is none, has no such length, or needs a longer tag.
"""


def decode_value(data: bytes) -> Value:
    """Return the value of a property: the data between its opening and closing tag.

    One primitive value comes as itself, none or several as a list (arrays, lists),
    anything else as ``Constructed``. Raises MalformedError.
    """
    end = len(data)
    if end > 5 and data[:1] == b"\xc4" and end % 5 == 0:
        # Object lists are long: 20,000 objects must not stop everything else.
        tags = data[::5]
        if tags.count(0xC4) == len(tags):
            return [
                ObjectId(number >> 22, number & 0x3FFFFF)
                for _, number in _UNPACK_OBJECT_IDS(data)
            ]
    position = 0
    values: list[Primitive] = []
    while position < end:
        number, kind, length, position = read_tag(data, position)
        if kind != TagKind.APPLICATION:
            return Constructed(data)
        values.append(decode(number, length, data, position))
        if number != Datatype.BOOLEAN:
            position += length
    return values[0] if len(values) == 1 else values


def decode_primitive(data: bytes) -> tuple[Datatype, Primitive]:
    """Return datatype and value of data that is exactly one primitive value.

    Raises MalformedError.
    """
    number, kind, length, position = read_tag(data, 0)
    if kind != TagKind.APPLICATION:
        raise MalformedError("a primitive value was expected")
    value = decode(number, length, data, position)
    if position + (length if number != Datatype.BOOLEAN else 0) != len(data):
        raise MalformedError("a single primitive value was expected")
    return Datatype(number), value


def skip_constructed(data: bytes, position: int) -> int:
    """Return the position of the closing tag that ends the constructed value.

    ``position`` is behind its opening tag. Raises MalformedError.
    """
    depth = 1
    while True:
        start = position
        number, kind, length, position = read_tag(data, position)
        if kind == TagKind.OPENING:
            depth += 1
        elif kind == TagKind.CLOSING:
            depth -= 1
            if not depth:
                return start
        elif kind == TagKind.CONTEXT or number != Datatype.BOOLEAN:
            position += length


class ParameterReader:
    """Reads the parameters of a service, one context tag after the other.

    Every method raises MalformedError when the data is not what the service wants.
    """

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes) -> None:
        """Start at the first octet."""
        self._data = data
        self._position = 0

    @property
    def at_end(self) -> bool:
        """Return whether everything was read."""
        return self._position >= len(self._data)

    def at(self, number: int, kind: TagKind = TagKind.CONTEXT) -> bool:
        """Return whether the next tag is this one."""
        if self.at_end:
            return False
        found = read_tag(self._data, self._position)
        return found[0] == number and found[1] == kind

    def octets(self, number: int) -> bytes:
        """Read the octets of a context-tagged value."""
        if self.at_end:
            raise _ends_early()
        found, kind, length, position = read_tag(self._data, self._position)
        if found != number or kind != TagKind.CONTEXT:
            raise MalformedError(f"context tag {number} was expected")
        self._position = position + length
        return self._data[position : self._position]

    def unsigned(self, number: int, highest: int | None = None) -> int:
        """Read an Unsigned or an Enumerated."""
        value = _decode_unsigned(self.octets(number))
        if highest is not None and value > highest:
            raise MalformedError(
                f"parameter {number} is out of range",
                RejectReason.PARAMETER_OUT_OF_RANGE,
            )
        return value

    def signed(self, number: int) -> int:
        """Read an Integer."""
        return _decode_signed(self.octets(number))

    def boolean(self, number: int) -> bool:
        """Read a Boolean."""
        octets = self.octets(number)
        if len(octets) != 1:
            raise MalformedError("a boolean has one octet")
        return octets != b"\x00"

    def object_id(self, number: int) -> ObjectId:
        """Read an object identifier."""
        return _decode_object_id(self.octets(number))

    def string(self, number: int) -> str:
        """Read a character string."""
        return _decode_string(self.octets(number))

    def optional_unsigned(self, number: int, highest: int | None = None) -> int | None:
        """Read an Unsigned that may be missing."""
        return self.unsigned(number, highest) if self.at(number) else None

    def enter(self, number: int) -> None:
        """Step over an opening tag."""
        self._bracket(number, TagKind.OPENING)

    def leave(self, number: int) -> None:
        """Step over a closing tag."""
        self._bracket(number, TagKind.CLOSING)

    def _bracket(self, number: int, wanted: TagKind) -> None:
        if self.at_end:
            raise _ends_early()
        found, kind, _, position = read_tag(self._data, self._position)
        if found != number or kind != wanted:
            raise MalformedError(f"{wanted.name.lower()} tag {number} was expected")
        self._position = position

    def constructed(self, number: int) -> bytes:
        """Read everything between an opening and its closing tag."""
        self.enter(number)
        start = self._position
        end = skip_constructed(self._data, start)
        self._position = end
        self.leave(number)
        return self._data[start:end]

    def last_constructed(self, number: int) -> bytes:
        """Read everything between an opening tag and the closing tag at the end."""
        self.enter(number)
        if self.at_end or self._data[-1:] != closing(number):
            raise MalformedError(f"closing tag {number} was expected at the end")
        start, self._position = self._position, len(self._data)
        return self._data[start:-1]

    def application(self) -> tuple[Datatype, Primitive]:
        """Read an application-tagged value."""
        if self.at_end:
            raise _ends_early()
        number, kind, length, position = read_tag(self._data, self._position)
        if kind != TagKind.APPLICATION:
            raise MalformedError("an application tag was expected")
        value = decode(number, length, self._data, position)
        self._position = position + (0 if number == Datatype.BOOLEAN else length)
        return Datatype(number), value

    def finish(self) -> None:
        """Make sure that nothing is left."""
        if not self.at_end:
            raise MalformedError(
                "more parameters than the service has", RejectReason.TOO_MANY_ARGUMENTS
            )
