"""What every object of the device has in common: properties that can be read."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ..node.codec import Datatype, encode
from ..node.enumerations import ErrorCode, PropertyIdentifier as P
from ..node.types import ObjectId
from .values import property_error


class Shape(Enum):
    """What a property is: one value, or several in one of two ways."""

    SINGLE = 0
    ARRAY = 1
    LIST = 2


@dataclass(frozen=True, slots=True)
class Property:
    """How one property of a type of object is read."""

    elements: Callable[[Any], Sequence[bytes]]
    """Returns the encoded elements; a single value is one."""
    shape: Shape = Shape.SINGLE
    required: bool = False
    exists: Callable[[Any], bool] | None = None
    """Whether an object has it; without this all of the type do."""
    cached: bool = True


type Encoder = Callable[[Any], bytes]
type Table = Mapping[int, Property]

_UNLISTED = frozenset(
    {P.OBJECT_IDENTIFIER, P.OBJECT_NAME, P.OBJECT_TYPE, P.PROPERTY_LIST}
)


class ServedObject(ABC):
    """An object that others can read.

    ``cache`` holds encoded values by property; whoever changes something that a
    property shows takes its entry out.
    """

    __slots__ = ("cache", "object_id", "properties")

    def __init__(self, object_id: ObjectId, properties: Table) -> None:
        """Start with nothing encoded."""
        self.object_id = object_id
        self.properties = properties
        self.cache: dict[int, bytes] = {}

    @property
    @abstractmethod
    def name(self) -> str:
        """Return the object's name."""

    def property_of(self, property_id: int) -> Property:
        """Return how a property is read.

        Raises ServiceError: unknown-property.
        """
        found = self.properties.get(property_id)
        if found is None or (found.exists is not None and not found.exists(self)):
            raise property_error(ErrorCode.UNKNOWN_PROPERTY)
        return found

    def read(self, property_id: int, index: int | None = None) -> bytes:
        """Return the encoded value of a property, or of one element of it.

        Raises ServiceError: unknown-property, property-is-not-an-array or
        invalid-array-index.
        """
        if index is not None:
            return self._element(property_id, index)
        value = self.cache.get(property_id)
        if value is None:
            found = self.property_of(property_id)
            value = b"".join(found.elements(self))
            if found.cached:
                self.cache[property_id] = value
        return value

    def _element(self, property_id: int, index: int) -> bytes:
        elements = self.elements(property_id)
        if index == 0:
            return encode(Datatype.UNSIGNED, len(elements))
        if index > len(elements):
            raise property_error(ErrorCode.INVALID_ARRAY_INDEX)
        return elements[index - 1]

    def elements(self, property_id: int) -> Sequence[bytes]:
        """Return the encoded elements of an array.

        Raises ServiceError: unknown-property or property-is-not-an-array.
        """
        found = self.property_of(property_id)
        if found.shape is not Shape.ARRAY:
            raise property_error(ErrorCode.PROPERTY_IS_NOT_AN_ARRAY)
        return found.elements(self)

    def property_ids(self, required: bool | None = None) -> list[int]:
        """Return what the object has: all, the required or the optional properties."""
        return [
            property_id
            for property_id, found in self.properties.items()
            if (required is None or found.required is required)
            and (found.exists is None or found.exists(self))
        ]


# --- rows of property tables --------------------------------------------------------


def required(encoder: Encoder, *, cached: bool = True) -> Property:
    """Return a property that the standard requires of the type."""
    return Property(lambda o: (encoder(o),), required=True, cached=cached)


def optional(
    encoder: Encoder,
    exists: Callable[[Any], bool] | None = None,
    *,
    cached: bool = True,
) -> Property:
    """Return a property that the standard leaves open."""
    return Property(lambda o: (encoder(o),), exists=exists, cached=cached)


def text(get: Callable[[Any], str]) -> Encoder:
    """Encode a character string."""
    return lambda o: encode(Datatype.CHARACTER_STRING, get(o))


def unsigned(get: Callable[[Any], int]) -> Encoder:
    """Encode an Unsigned."""
    return lambda o: encode(Datatype.UNSIGNED, get(o))


def enumerated(get: Callable[[Any], int]) -> Encoder:
    """Encode an Enumerated."""
    return lambda o: encode(Datatype.ENUMERATED, get(o))


def constant(encoded: bytes) -> Encoder:
    """Encode what is the same for all objects."""
    return lambda o: encoded


TRUE, FALSE = encode(Datatype.BOOLEAN, True), encode(Datatype.BOOLEAN, False)

IDENTITY: Table = {
    P.OBJECT_IDENTIFIER: required(
        lambda o: encode(Datatype.OBJECT_IDENTIFIER, o.object_id)
    ),
    P.OBJECT_NAME: required(text(lambda o: o.name)),
    P.OBJECT_TYPE: required(enumerated(lambda o: o.object_id.type)),
    P.DESCRIPTION: optional(text(lambda o: o.definition.description)),
}
"""The head of every property table."""


def _property_list(served: ServedObject) -> list[bytes]:
    return [
        encode(Datatype.ENUMERATED, property_id)
        for property_id in served.property_ids()
        if property_id not in _UNLISTED
    ]


PROPERTY_LIST: Table = {
    P.PROPERTY_LIST: Property(_property_list, Shape.ARRAY, required=True)
}
"""The end of every property table."""
