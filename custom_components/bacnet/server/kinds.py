"""The types of object that the device can have, as a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from ..node.codec import closing, opening
from ..node.enumerations import ObjectType
from . import properties, values
from .served import Table
from .values import ValueType


class Commandable(Enum):
    """When an object has a priority array."""

    NEVER = 0
    WHEN_WRITABLE = 1
    ALWAYS = 2


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """What the objects of one type have in common."""

    value: ValueType
    commandable: Commandable
    properties: Table
    slot_tags: tuple[bytes, bytes] = (b"", b"")
    """What a value is wrapped in within the priority array."""


_NEVER, _WHEN_WRITABLE, _ALWAYS = Commandable

OBJECT_KINDS: Mapping[int, ObjectKind] = {
    ObjectType.ANALOG_INPUT: ObjectKind(values.REAL, _NEVER, properties.ANALOG_INPUT),
    ObjectType.ANALOG_OUTPUT: ObjectKind(
        values.REAL, _ALWAYS, properties.ANALOG_OUTPUT
    ),
    ObjectType.ANALOG_VALUE: ObjectKind(
        values.REAL, _WHEN_WRITABLE, properties.ANALOG_VALUE
    ),
    ObjectType.BINARY_INPUT: ObjectKind(values.BINARY, _NEVER, properties.BINARY_INPUT),
    ObjectType.BINARY_OUTPUT: ObjectKind(
        values.BINARY, _ALWAYS, properties.BINARY_OUTPUT
    ),
    ObjectType.BINARY_VALUE: ObjectKind(
        values.BINARY, _WHEN_WRITABLE, properties.BINARY_VALUE
    ),
    ObjectType.MULTI_STATE_INPUT: ObjectKind(
        values.STATE, _NEVER, properties.MULTI_STATE_INPUT
    ),
    ObjectType.MULTI_STATE_OUTPUT: ObjectKind(
        values.STATE, _ALWAYS, properties.MULTI_STATE_OUTPUT
    ),
    ObjectType.MULTI_STATE_VALUE: ObjectKind(
        values.STATE, _WHEN_WRITABLE, properties.MULTI_STATE_VALUE
    ),
    ObjectType.CHARACTERSTRING_VALUE: ObjectKind(
        values.STRING, _WHEN_WRITABLE, properties.PLAIN_VALUE
    ),
    ObjectType.INTEGER_VALUE: ObjectKind(
        values.SIGNED, _WHEN_WRITABLE, properties.NUMERIC_VALUE
    ),
    ObjectType.POSITIVE_INTEGER_VALUE: ObjectKind(
        values.UNSIGNED, _WHEN_WRITABLE, properties.NUMERIC_VALUE
    ),
    ObjectType.LARGE_ANALOG_VALUE: ObjectKind(
        values.DOUBLE, _WHEN_WRITABLE, properties.NUMERIC_VALUE
    ),
    ObjectType.DATE_VALUE: ObjectKind(
        values.DATE, _WHEN_WRITABLE, properties.PLAIN_VALUE
    ),
    ObjectType.TIME_VALUE: ObjectKind(
        values.TIME, _WHEN_WRITABLE, properties.PLAIN_VALUE
    ),
    # BACnetPriorityValue: what is not primitive has a context tag of its own.
    ObjectType.DATETIME_VALUE: ObjectKind(
        values.DATETIME,
        _WHEN_WRITABLE,
        properties.DATETIME_VALUE,
        (opening(1), closing(1)),
    ),
}
