"""ReadRange: parts of lists and arrays (15.8)."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..node.codec import (
    Datatype,
    ParameterReader,
    TagKind,
    closing,
    encode_context,
    opening,
)
from ..node.enumerations import ErrorClass, ErrorCode, RejectReason
from ..node.errors import MalformedError, ServiceError
from ..node.node import Node
from ..node.types import BitString, PropertyReference
from .served import ServedObject, Shape
from .table import ObjectTable
from .values import property_error

_MAX_PROPERTY = 0x3FFFFF

_BY_POSITION, _BY_SEQUENCE, _BY_TIME = 3, 6, 7

_FIXED_LENGTH = 40
"""What an answer holds besides the items, at the most."""

_NO_MEANS = {
    _BY_SEQUENCE: ErrorCode.LIST_ITEM_NOT_NUMBERED,
    _BY_TIME: ErrorCode.LIST_ITEM_NOT_TIMESTAMPED,
}


@dataclass(frozen=True, slots=True)
class _Request:
    reference: PropertyReference
    kind: int | None
    start: int
    count: int


class RangeServices:
    """Answers whoever reads long properties in parts."""

    def __init__(self, node: Node, table: ObjectTable) -> None:
        """Read objects of a table."""
        self._node = node
        self._table = table

    def read_range(self, source: str, data: bytes) -> bytes:
        """Answer a ReadRange with as many items as the asker can take."""
        request = _decode(data)
        served = self._table.find(request.reference.object_id)
        items = _items(served, request.reference)
        if request.kind in _NO_MEANS:
            raise property_error(_NO_MEANS[request.kind])
        first, last = _bounds(request, len(items))
        chosen = items[first:last]
        room = self._node.reply_limit - _FIXED_LENGTH
        kept = _fitting(chosen, room, backwards=request.count < 0)
        if request.count < 0:
            first = last - len(kept)
        else:
            last = first + len(kept)
        flags = BitString(
            (
                bool(kept) and first == 0,
                bool(kept) and last == len(items),
                len(kept) < len(chosen),
            )
        )
        _, property_id, index = request.reference
        return (
            encode_context(0, Datatype.OBJECT_IDENTIFIER, served.object_id)
            + encode_context(1, Datatype.ENUMERATED, property_id)
            + (b"" if index is None else encode_context(2, Datatype.UNSIGNED, index))
            + encode_context(3, Datatype.BIT_STRING, flags)
            + encode_context(4, Datatype.UNSIGNED, len(kept))
            + opening(5)
            + b"".join(kept)
            + closing(5)
        )


def _decode(data: bytes) -> _Request:
    reader = ParameterReader(data)
    reference = PropertyReference(
        reader.object_id(0),
        reader.unsigned(1, _MAX_PROPERTY),
        reader.optional_unsigned(2),
    )
    for kind in (_BY_POSITION, _BY_SEQUENCE, _BY_TIME):
        if reader.at(kind, TagKind.OPENING):
            break
    else:
        reader.finish()
        return _Request(reference, None, 1, 0)
    reader.enter(kind)
    start = 0
    if kind == _BY_TIME:
        _expect(reader, Datatype.DATE)
        _expect(reader, Datatype.TIME)
    else:
        start = _expect(reader, Datatype.UNSIGNED)
    count = _expect(reader, Datatype.SIGNED)
    reader.leave(kind)
    reader.finish()
    if not count:
        raise MalformedError(
            "a count of zero asks for nothing", RejectReason.PARAMETER_OUT_OF_RANGE
        )
    return _Request(reference, kind, start, count)


def _expect(reader: ParameterReader, wanted: Datatype) -> int:
    datatype, value = reader.application()
    if datatype != wanted:
        raise MalformedError(
            f"{wanted.name.lower()} was expected",
            RejectReason.INVALID_PARAMETER_DATATYPE,
        )
    return value if isinstance(value, int) else 0


def _items(served: ServedObject, reference: PropertyReference) -> Sequence[bytes]:
    found = served.property_of(reference.property_id)
    if reference.index is not None:
        # An element that is a list: none of our arrays has such.
        served.read(reference.property_id, reference.index)
    if found.shape is Shape.SINGLE or reference.index is not None:
        raise ServiceError(ErrorClass.SERVICES, ErrorCode.PROPERTY_IS_NOT_ALIST)
    return found.elements(served)


def _bounds(request: _Request, length: int) -> tuple[int, int]:
    """Return the first item asked for, and the one behind the last."""
    if request.kind is None:
        return 0, length
    if not 1 <= request.start <= length:
        return 0, 0
    if request.count > 0:
        return request.start - 1, min(length, request.start - 1 + request.count)
    return max(0, request.start + request.count), request.start


def _fitting(items: Sequence[bytes], room: int, *, backwards: bool) -> Sequence[bytes]:
    """Return the items that there is room for, next to where the reading began."""
    count = 0
    for item in reversed(items) if backwards else items:
        room -= len(item)
        if room < 0:
            break
        count += 1
    return items[len(items) - count :] if backwards else items[:count]
