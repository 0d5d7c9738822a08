"""The plain values that travel between the network and everything above it."""

from typing import NamedTuple, override

from .enumerations import ObjectType, label_of

MAX_INSTANCE = 4194302
"""Highest instance of an object; 4194303 means "any" (clause 21)."""


class ObjectId(NamedTuple):
    """An object identifier: type and instance."""

    type: int
    instance: int

    @override
    def __str__(self) -> str:
        """Return ``analog-value,3``."""
        return f"{label_of(ObjectType, self.type)},{self.instance}"

    @classmethod
    def parse(cls, text: str) -> ObjectId:
        """Return the identifier that ``analog-value,3`` or ``2,3`` stands for.

        Raises ValueError for an unknown type or an instance out of range.
        """
        type_text, separator, instance_text = text.partition(",")
        if not separator:
            raise ValueError(f"not an object identifier: {text!r}")
        if type_text.strip().isdecimal():
            object_type = int(type_text)
        else:
            name = type_text.strip().upper().replace("-", "_")
            if name not in ObjectType.__members__:
                raise ValueError(f"unknown object type: {type_text!r}")
            object_type = ObjectType[name]
        instance = int(instance_text)
        if not (0 <= object_type < 1024 and 0 <= instance <= MAX_INSTANCE + 1):
            raise ValueError(f"object identifier out of range: {text!r}")
        return cls(object_type, instance)


class PropertyReference(NamedTuple):
    """A property of an object, or one element of it."""

    object_id: ObjectId
    property_id: int
    index: int | None = None  # type: ignore[assignment]


class Enumerated(int):
    """A value that the network encodes as Enumerated."""

    __slots__ = ()


class BitString(tuple[bool, ...]):
    """A bit string, first bit first."""

    __slots__ = ()


class Date(NamedTuple):
    """A date; None stands for "any" (clause 20.2.12).

    Months 13 and 14 are odd and even months; days 32, 33 and 34 the last, odd and
    even days; day_of_week is 1 for Monday.
    """

    year: int | None
    month: int | None
    day: int | None
    day_of_week: int | None = None


class Time(NamedTuple):
    """A time of day; None stands for "any" (clause 20.2.13)."""

    hour: int | None
    minute: int | None = 0
    second: int | None = 0
    hundredth: int | None = 0


class Constructed(bytes):
    """The encoding of a value that is more than primitive values."""

    __slots__ = ()


type Primitive = (
    bool | int | float | str | bytes | BitString | Date | Time | ObjectId | None
)
type Value = Primitive | list[Primitive] | Constructed
