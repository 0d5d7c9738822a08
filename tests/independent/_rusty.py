"""What the processes of the client and the device on rusty-bacnet have in common."""

from collections.abc import Callable
from typing import Any, Final

import rusty_bacnet as rusty

from .model import Datatype, Encoded, Name

_VALUES: Final[dict[Datatype, Callable[[Any], rusty.PropertyValue]]] = {
    "null": lambda _: rusty.PropertyValue.null(),
    "boolean": rusty.PropertyValue.boolean,
    "unsigned": rusty.PropertyValue.unsigned,
    "signed": rusty.PropertyValue.signed,
    "real": rusty.PropertyValue.real,
    "double": rusty.PropertyValue.double,
    "octet_string": rusty.PropertyValue.octet_string,
    "character_string": rusty.PropertyValue.character_string,
    "bit_string": lambda bits: _bit_string(bits),
    "enumerated": rusty.PropertyValue.enumerated,
    "date": lambda date: rusty.PropertyValue.date(*date),
    "time": lambda time: rusty.PropertyValue.time(*time),
    "object_identifier": lambda key: rusty.PropertyValue.object_identifier(
        object_id(*key)
    ),
    "encoded": rusty.PropertyValue.application_data,
}


def _names(enumeration: type) -> dict[int, str]:
    """Return the standard names of an enumeration."""
    return {
        getattr(enumeration, member).to_raw(): member.lower().replace("_", "-")
        for member in dir(enumeration)
        if member.isupper()
    }


_OBJECT_TYPES: Final = _names(rusty.ObjectType)
_PROPERTIES: Final = _names(rusty.PropertyIdentifier)
_ERROR_CLASSES: Final = _names(rusty.ErrorClass)
_ERROR_CODES: Final = _names(rusty.ErrorCode)


def member(enumeration: type, name: str) -> Any:
    """Return an enumeration's member by its standard name."""
    return getattr(enumeration, name.upper().replace("-", "_"))


def object_id(object_type: Name, instance: int) -> rusty.ObjectIdentifier:
    """Return an object identifier."""
    return rusty.ObjectIdentifier(
        member(rusty.ObjectType, object_type)
        if isinstance(object_type, str)
        else rusty.ObjectType.from_raw(object_type),
        instance,
    )


def property_id(name: Name) -> rusty.PropertyIdentifier:
    """Return a property identifier."""
    if isinstance(name, str):
        found: rusty.PropertyIdentifier = member(rusty.PropertyIdentifier, name)
        return found
    return rusty.PropertyIdentifier.from_raw(name)


def object_key(identifier: rusty.ObjectIdentifier) -> tuple[Name, int]:
    """Return the type, a number if it is proprietary, and the instance of an object."""
    number = identifier.object_type.to_raw()
    return _OBJECT_TYPES.get(number, number), identifier.instance


def property_name(identifier: rusty.PropertyIdentifier) -> Name:
    """Return the name of a property, its number if it is proprietary."""
    number = identifier.to_raw()
    return _PROPERTIES.get(number, number)


def error_names(error_class: int, error_code: int) -> tuple[str, str]:
    """Return the names of an error."""
    return (
        _ERROR_CLASSES.get(error_class, str(error_class)),
        _ERROR_CODES.get(error_code, str(error_code)),
    )


def encode(value: Any, datatype: Datatype) -> rusty.PropertyValue:
    """Return a value, or a list of values, as rusty-bacnet writes it."""
    if isinstance(value, list):
        return rusty.PropertyValue.list([_VALUES[datatype](item) for item in value])
    return _VALUES[datatype](value)


def decode(value: rusty.PropertyValue | bytes) -> Any:
    """Return a value without types of rusty-bacnet, or a list when it is not exactly one."""
    if isinstance(value, bytes):
        return Encoded(value)
    if not _is_plain(value.octets):
        return Encoded(value.octets)
    if value.tag != "list":
        return _plain(value.value)
    values = [_plain(item) for item in value.value]
    return values[0] if len(values) == 1 else values


def _plain(value: Any) -> Any:
    """Return a primitive value without types of rusty-bacnet."""
    match value:
        case rusty.ObjectIdentifier():
            return object_key(value)
        case {"unused_bits": int(unused), "data": bytes(data)}:
            return tuple(
                bool(data[bit // 8] << bit % 8 & 0x80)
                for bit in range(len(data) * 8 - unused)
            )
    return value


def _is_plain(octets: bytes) -> bool:
    """Return whether octets hold nothing but application-tagged values."""
    position = 0
    while position < len(octets):
        number, context, length = (
            octets[position] >> 4,
            octets[position] & 8,
            octets[position] & 7,
        )
        if context:
            return False
        position += 1
        if number == 1:
            continue
        if length == 5:
            length = octets[position]
            position += 1
            if length == 254:
                length = int.from_bytes(octets[position : position + 2])
                position += 2
        position += length
    return True


def _bit_string(bits: tuple[bool, ...]) -> rusty.PropertyValue:
    """Return a bit string."""
    unused = -len(bits) % 8
    number = int("".join("01"[bit] for bit in bits) or "0", 2) << unused
    return rusty.PropertyValue.bit_string(
        unused, number.to_bytes((len(bits) + unused) // 8)
    )
