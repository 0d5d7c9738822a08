"""ReadProperty and ReadPropertyMultiple (15.5, 15.7)."""

from collections.abc import Iterator

from ..node.enumerations import ErrorCode, PropertyIdentifier as P
from ..node.errors import ServiceError
from ..node.node import Node
from ..node.services import (
    PropertySelection,
    ReadResult,
    decode_read_property,
    decode_read_property_multiple,
    encode_read_property_ack,
    encode_read_property_multiple_ack,
)
from ..node.types import ObjectId
from .served import ServedObject
from .table import ObjectTable
from .values import property_error

_GROUPS: dict[int, bool | None] = {P.ALL: None, P.REQUIRED: True, P.OPTIONAL: False}
"""Property identifiers that stand for several: which of an object's they mean."""


class ReadServices:
    """Answers whoever reads properties."""

    def __init__(self, node: Node, table: ObjectTable) -> None:
        """Read objects of a table."""
        self._node = node
        self._table = table

    def read_property(self, source: str, data: bytes) -> bytes:
        """Answer a ReadProperty."""
        # The usual request, an object and a property below 256, is the head of its own
        # answer: nothing has to be decoded where the value is known.
        if len(data) == 7 and data[0] == 0x0C and data[5] == 0x19:
            served = self._table.by_octets.get(data[1:5])
            if served is not None:
                value = served.cache.get(data[6])
                if value is not None:
                    return data + b"\x3e" + value + b"\x3f"
        reference = decode_read_property(data)
        served = self._table.find(reference.object_id)
        value = served.read(reference.property_id, reference.index)
        return encode_read_property_ack(
            reference._replace(object_id=served.object_id), value
        )

    def read_property_multiple(self, source: str, data: bytes) -> bytes:
        """Answer a ReadPropertyMultiple; what fails, fails by itself."""
        known = self._known_values(data)
        if known is not None:
            return known
        parts = []
        length = 0
        for object_id, selections in decode_read_property_multiple(data):
            results = self._results(object_id, selections)
            parts.append(encode_read_property_multiple_ack([results]))
            length += len(parts[-1])
            if length > self._node.reply_limit:
                break  # The asker can not take it, however much is left to read.
        return b"".join(parts)

    def _known_values(self, data: bytes) -> bytes | None:
        """Return the answer where every value is known, None for any other request.

        Says the same as the long way, without an object for every tag.
        """
        parts: list[bytes] = []
        position = 0
        try:
            while position < len(data):
                if data[position] != 0x0C or data[position + 5] != 0x1E:
                    return None
                served = self._table.by_octets.get(data[position + 1 : position + 5])
                if served is None:
                    return None
                parts.append(data[position : position + 6])
                position += 6
                while data[position] == 0x09:
                    value = served.cache.get(data[position + 1])
                    if value is None:
                        return None
                    parts += (
                        b"\x29",
                        data[position + 1 : position + 2],
                        b"\x4e",
                        value,
                        b"\x4f",
                    )
                    position += 2
                if data[position] != 0x1F:
                    return None
                parts.append(b"\x1f")
                position += 1
        except IndexError:
            return None
        return b"".join(parts) or None

    def _results(
        self, object_id: ObjectId, selections: list[PropertySelection]
    ) -> tuple[ObjectId, list[ReadResult]]:
        try:
            served = self._table.find(object_id)
        except ServiceError as error:
            return object_id, [(selection, error) for selection in selections]
        return served.object_id, [
            result
            for selection in selections
            for result in self._read(served, selection)
        ]

    def _read(
        self, served: ServedObject, selection: PropertySelection
    ) -> Iterator[ReadResult]:
        property_id, index = selection
        if property_id not in _GROUPS:
            try:
                yield selection, served.read(property_id, index)
            except ServiceError as error:
                yield selection, error
        elif index is not None:
            yield selection, property_error(ErrorCode.PROPERTY_IS_NOT_AN_ARRAY)
        else:
            for found in served.property_ids(_GROUPS[property_id]):
                if found != P.PROPERTY_LIST:  # not part of any group (15.7.3.1.2)
                    yield PropertySelection(found), served.read(found)
