"""How long the values in an answer will be, so that it fits one message."""

from collections.abc import Mapping, Sequence

from ..node.codec import Datatype
from ..node.enumerations import ObjectType, PropertyIdentifier
from ..node.errors import BacnetError
from ..node.types import PropertyReference, Value
from .values import PRESENT_VALUE_DATATYPES

OBJECT_FRAME = 7
"""Object identifier, opening and closing tag."""

_VALUE_FRAME = 4
_LONG_IDENTIFIER = 1
_INDEX = 3

_DATATYPE_SIZES: dict[int, int] = {
    Datatype.BOOLEAN: 1,
    Datatype.UNSIGNED: 5,
    Datatype.SIGNED: 5,
    Datatype.REAL: 5,
    Datatype.DOUBLE: 10,
    Datatype.ENUMERATED: 2,
    Datatype.DATE: 5,
    Datatype.TIME: 5,
}

_PRESENT_VALUE_SIZES: dict[int, int] = {
    object_type: _DATATYPE_SIZES[datatype]
    for object_type, datatype in PRESENT_VALUE_DATATYPES.items()
    if datatype in _DATATYPE_SIZES
} | {
    ObjectType.MULTI_STATE_INPUT: 2,
    ObjectType.MULTI_STATE_OUTPUT: 2,
    ObjectType.MULTI_STATE_VALUE: 2,
    ObjectType.DATETIME_VALUE: 10,
    ObjectType.DATETIME_PATTERN_VALUE: 10,
}

_PROPERTY_SIZES: dict[int, int] = {
    PropertyIdentifier.COV_INCREMENT: 5,
    PropertyIdentifier.CURRENT_COMMAND_PRIORITY: 2,
    PropertyIdentifier.DATABASE_REVISION: 3,
    PropertyIdentifier.MAX_PRES_VALUE: 5,
    PropertyIdentifier.MIN_PRES_VALUE: 5,
    PropertyIdentifier.NUMBER_OF_STATES: 2,
    PropertyIdentifier.OUTPUT_UNITS: 3,
    PropertyIdentifier.RELIABILITY: 2,
    PropertyIdentifier.RESOLUTION: 5,
    PropertyIdentifier.STATUS_FLAGS: 3,
    PropertyIdentifier.UNITS: 3,
}

_ELEMENT_SIZE = 5
_FIRST_GUESS = 24.0


class SizeEstimates:
    """Sizes of values: known from the datatype, else learnt from earlier answers."""

    def __init__(self) -> None:
        """Start with guesses."""
        self._of_values: dict[PropertyReference, int] = {}
        self._of_properties: dict[int, float] = {}

    def size_of(self, reference: PropertyReference) -> int:
        """Return how long a result will be, with the frame around it."""
        object_id, property_id, index = reference
        frame = _VALUE_FRAME if property_id < 256 else _VALUE_FRAME + _LONG_IDENTIFIER
        certain = _certain_size(object_id[0], property_id, index)
        if index is not None:
            frame += _INDEX
        if certain is not None:
            return frame + certain
        size = self._of_values.get(reference)
        if size is None:
            size = int(self._of_properties.get(property_id, _FIRST_GUESS))
        return frame + size

    def are_certain(self, references: Sequence[PropertyReference]) -> bool:
        """Return whether none of the sizes is a guess."""
        return all(
            reference in self._of_values
            or _certain_size(
                reference.object_id.type, reference.property_id, reference.index
            )
            is not None
            for reference in references
        )

    def total(self, references: Sequence[PropertyReference]) -> int:
        """Return how long the results will be."""
        objects = {reference.object_id for reference in references}
        return len(objects) * OBJECT_FRAME + sum(map(self.size_of, references))

    def learn(self, results: Mapping[PropertyReference, Value | BacnetError]) -> None:
        """Remember how long values of uncertain size were."""
        for reference, value in results.items():
            if not isinstance(value, str | bytes | list):
                continue
            if isinstance(value, list):
                size = sum(
                    len(item) + 4 if isinstance(item, str) else 5 for item in value
                )
            else:
                size = len(value.encode() if isinstance(value, str) else value) + 4
            property_id = reference.property_id
            if property_id == PropertyIdentifier.PRESENT_VALUE:
                self._of_values[reference] = size
            else:
                known = self._of_properties.get(property_id, _FIRST_GUESS)
                self._of_properties[property_id] = known + (size - known) / 4


def _certain_size(object_type: int, property_id: int, index: int | None) -> int | None:
    if property_id == PropertyIdentifier.PRESENT_VALUE:
        return _PRESENT_VALUE_SIZES.get(object_type)
    if index is not None and property_id != PropertyIdentifier.STATE_TEXT:
        return _ELEMENT_SIZE
    return _PROPERTY_SIZES.get(property_id)
