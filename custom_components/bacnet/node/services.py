"""The parameters of the services both roles use, as bytes (clauses 13 to 16).

``encode_*`` and ``decode_*`` are each other's inverse; the client uses one half of
them, the server the other. Decoding raises MalformedError.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .codec import (
    SHORT_VALUES,
    Datatype,
    ParameterReader,
    TagKind,
    closing,
    decode_value,
    encode,
    encode_context,
    encode_tag,
    object_id_octets,
    opening,
    read_tag,
    skip_constructed,
    unsigned_octets,
)
from .enumerations import ObjectType, PropertyIdentifier, RejectReason, Segmentation
from .errors import BacnetError, MalformedError, ServiceError
from .types import MAX_INSTANCE, Constructed, ObjectId, PropertyReference, Value

_MAX_PROPERTY = 0x3FFFFF
_ANY_INSTANCE = MAX_INSTANCE + 1


# --- Who-Is, I-Am (16.10), Who-Has, I-Have (16.9) --------------------------------


def encode_who_is(low: int | None = None, high: int | None = None) -> bytes:
    """Return a Who-Is for all devices, or for a range of instances."""
    if low is None or high is None:
        return b""
    return encode_context(0, Datatype.UNSIGNED, low) + encode_context(
        1, Datatype.UNSIGNED, high
    )


def decode_who_is(data: bytes) -> tuple[int, int]:
    """Return the range of instances that is asked for."""
    if not data:
        return 0, _ANY_INSTANCE
    reader = ParameterReader(data)
    low = reader.unsigned(0, _ANY_INSTANCE)
    high = reader.unsigned(1, _ANY_INSTANCE)
    reader.finish()
    return low, high


class IAm(NamedTuple):
    """What a device says of itself in an I-Am."""

    instance: int
    max_apdu: int
    segmentation: Segmentation
    vendor_id: int


def encode_i_am(i_am: IAm) -> bytes:
    """Return an I-Am."""
    return (
        encode(Datatype.OBJECT_IDENTIFIER, (ObjectType.DEVICE, i_am.instance))
        + encode(Datatype.UNSIGNED, i_am.max_apdu)
        + encode(Datatype.ENUMERATED, i_am.segmentation)
        + encode(Datatype.UNSIGNED, i_am.vendor_id)
    )


_I_AM_DATATYPES = [
    Datatype.OBJECT_IDENTIFIER,
    Datatype.UNSIGNED,
    Datatype.ENUMERATED,
    Datatype.UNSIGNED,
]


def decode_i_am(data: bytes) -> IAm:
    """Return what the I-Am says."""
    reader = ParameterReader(data)
    parameters = [reader.application() for _ in _I_AM_DATATYPES]
    if [datatype for datatype, _ in parameters] != _I_AM_DATATYPES:
        raise MalformedError("an I-Am has four parameters of fixed types")
    device, max_apdu, segmentation, vendor_id = (value for _, value in parameters)
    if not isinstance(device, ObjectId) or device.type != ObjectType.DEVICE:
        raise MalformedError("an I-Am names a device object")
    try:
        return IAm(
            device.instance,
            int(max_apdu),  # type: ignore[arg-type]
            Segmentation(segmentation),  # type: ignore[arg-type]
            int(vendor_id),  # type: ignore[arg-type]
        )
    except ValueError:
        raise MalformedError("unknown kind of segmentation") from None


class WhoHas(NamedTuple):
    """A search for an object by identifier or by name."""

    low: int
    high: int
    object: ObjectId | str


def encode_who_has(wanted: WhoHas) -> bytes:
    """Return a Who-Has."""
    limits = (
        b""
        if (wanted.low, wanted.high) == (0, _ANY_INSTANCE)
        else encode_who_is(wanted.low, wanted.high)
    )
    if isinstance(wanted.object, str):
        return limits + encode_context(3, Datatype.CHARACTER_STRING, wanted.object)
    return limits + encode_context(2, Datatype.OBJECT_IDENTIFIER, wanted.object)


def decode_who_has(data: bytes) -> WhoHas:
    """Return what the Who-Has searches."""
    reader = ParameterReader(data)
    low, high = 0, _ANY_INSTANCE
    if reader.at(0):
        low = reader.unsigned(0, _ANY_INSTANCE)
        high = reader.unsigned(1, _ANY_INSTANCE)
    wanted = reader.object_id(2) if reader.at(2) else reader.string(3)
    reader.finish()
    return WhoHas(low, high, wanted)


class IHave(NamedTuple):
    """The answer to a Who-Has."""

    device: ObjectId
    object_id: ObjectId
    object_name: str


def encode_i_have(i_have: IHave) -> bytes:
    """Return an I-Have."""
    return (
        encode(Datatype.OBJECT_IDENTIFIER, i_have.device)
        + encode(Datatype.OBJECT_IDENTIFIER, i_have.object_id)
        + encode(Datatype.CHARACTER_STRING, i_have.object_name)
    )


def decode_i_have(data: bytes) -> IHave:
    """Return what the I-Have says."""
    reader = ParameterReader(data)
    (_, device), (_, object_id), (_, name) = (reader.application() for _ in range(3))
    if not (
        isinstance(device, ObjectId)
        and isinstance(object_id, ObjectId)
        and isinstance(name, str)
    ):
        raise MalformedError("an I-Have has three parameters of fixed types")
    return IHave(device, object_id, name)


# --- ReadProperty (15.5) -----------------------------------------------------------


def _encode_reference(reference: PropertyReference) -> bytes:
    object_id, property_id, index = reference
    data = b"\x0c" + object_id_octets(object_id) + _property_tag(1, property_id)
    if index is None:
        return data
    return data + encode_context(2, Datatype.UNSIGNED, index)


def _property_tag(number: int, property_id: int) -> bytes:
    if property_id < 256:
        return bytes((number << 4 | 0x09, property_id))
    octets = unsigned_octets(property_id)
    return encode_tag(number, len(octets), context=True) + octets


def _decode_reference(reader: ParameterReader) -> PropertyReference:
    return PropertyReference(
        reader.object_id(0),
        reader.unsigned(1, _MAX_PROPERTY),
        reader.optional_unsigned(2),
    )


def encode_read_property(reference: PropertyReference) -> bytes:
    """Return the parameters of a ReadProperty."""
    return _encode_reference(reference)


def decode_read_property(data: bytes) -> PropertyReference:
    """Return what a ReadProperty asks for."""
    reader = ParameterReader(data)
    reference = _decode_reference(reader)
    reader.finish()
    return reference


def encode_read_property_ack(reference: PropertyReference, value: bytes) -> bytes:
    """Return the answer to a ReadProperty."""
    return _encode_reference(reference) + b"\x3e" + value + b"\x3f"


def decode_read_property_ack(data: bytes) -> tuple[PropertyReference, bytes]:
    """Return the property and its encoded value."""
    reader = ParameterReader(data)
    reference = _decode_reference(reader)
    value = reader.last_constructed(3)
    return reference, value


# --- ReadPropertyMultiple (15.7) -----------------------------------------------------


class PropertySelection(NamedTuple):
    """A property, or one element of it, within a list for one object."""

    property_id: int
    index: int | None = None  # type: ignore[assignment]


def encode_read_property_multiple(
    specifications: Iterable[tuple[ObjectId, Iterable[PropertySelection]]],
) -> bytes:
    """Return the parameters of a ReadPropertyMultiple."""
    parts = []
    for object_id, selections in specifications:
        parts.append(b"\x0c" + object_id_octets(object_id) + b"\x1e")
        for property_id, index in selections:
            parts.append(_property_tag(0, property_id))
            if index is not None:
                parts.append(encode_context(1, Datatype.UNSIGNED, index))
        parts.append(b"\x1f")
    return b"".join(parts)


def decode_read_property_multiple(
    data: bytes,
) -> list[tuple[ObjectId, list[PropertySelection]]]:
    """Return what a ReadPropertyMultiple asks for."""
    reader = ParameterReader(data)
    specifications = []
    while not reader.at_end:
        object_id = reader.object_id(0)
        reader.enter(1)
        selections = []
        while not reader.at(1, TagKind.CLOSING):
            selections.append(
                PropertySelection(
                    reader.unsigned(0, _MAX_PROPERTY), reader.optional_unsigned(1)
                )
            )
        reader.leave(1)
        specifications.append((object_id, selections))
    if not specifications:
        raise MalformedError("nothing to read", RejectReason.MISSING_REQUIRED_PARAMETER)
    return specifications


type ReadResult = tuple[PropertySelection, bytes | ServiceError]


def encode_read_property_multiple_ack(
    results: Iterable[tuple[ObjectId, Iterable[ReadResult]]],
) -> bytes:
    """Return the answer to a ReadPropertyMultiple."""
    parts = []
    for object_id, properties in results:
        parts.append(b"\x0c" + object_id_octets(object_id) + b"\x1e")
        for (property_id, index), result in properties:
            parts.append(_property_tag(2, property_id))
            if index is not None:
                parts.append(encode_context(3, Datatype.UNSIGNED, index))
            if isinstance(result, bytes):
                parts.append(b"\x4e" + result + b"\x4f")
            else:
                parts.append(b"\x5e" + encode_error(result) + b"\x5f")
        parts.append(b"\x1f")
    return b"".join(parts)


def decode_read_property_multiple_ack(
    data: bytes,
    results: dict[PropertyReference, Value | BacnetError] | None = None,
) -> dict[PropertyReference, Value | BacnetError]:
    """Return each property's value, or the error that took its place.

    A value that can not be decoded becomes a MalformedError in its own place and
    costs nothing else. Raises MalformedError when the answer's frame is broken; what
    came before is in ``results`` then, where the caller gave it.
    """
    if results is None:
        results = {}
    position = 0
    end = len(data)
    try:
        while position < end:
            if data[position] != 0x0C or data[position + 5] != 0x1E:
                raise MalformedError("an object identifier was expected")
            number = int.from_bytes(data[position + 1 : position + 5])
            object_id = ObjectId(number >> 22, number & 0x3FFFFF)
            position += 6
            while (octet := data[position]) != 0x1F:
                if octet == 0x29:
                    property_id = data[position + 1]
                    position += 2
                else:
                    property_id, position = _read_context(data, position, 2)
                index = None
                if (octet := data[position]) not in (0x4E, 0x5E):
                    index, position = _read_context(data, position, 3)
                    octet = data[position]
                if octet not in (0x4E, 0x5E):
                    raise MalformedError("a value or an error was expected")
                position += 1
                result: Value | BacnetError
                try:
                    # Most values are short: tag and value, then the closing tag.
                    first = data[position]
                    stop = position + 1 + (first & 0x07)
                    if (
                        octet == 0x4E
                        and (decode_octets := SHORT_VALUES[first]) is not None
                        and data[stop] == 0x4F
                    ):
                        result = decode_octets(data[position + 1 : stop])
                    else:
                        stop = skip_constructed(data, position)
                        content = data[position:stop]
                        if octet == 0x4E:
                            result = decode_value(content)
                        else:
                            result = decode_error(content)
                except MalformedError as error:
                    stop = skip_constructed(data, position)
                    result = error
                results[PropertyReference(object_id, property_id, index)] = result
                position = stop + 1
            position += 1
    except IndexError:
        raise MalformedError("the answer ends early") from None
    return results


def _read_context(data: bytes, position: int, wanted: int) -> tuple[int, int]:
    """Return a context-tagged number and the position behind it."""
    number, kind, length, position = read_tag(data, position)
    if kind != TagKind.CONTEXT or number != wanted:
        raise MalformedError(f"context tag {wanted} was expected")
    stop = position + length
    return int.from_bytes(data[position:stop]), stop


# --- WriteProperty (15.9), WritePropertyMultiple (15.10) --------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyWrite:
    """A value on its way to a property; the value is encoded."""

    reference: PropertyReference
    value: bytes
    priority: int | None = None


def encode_write_property(write: PropertyWrite) -> bytes:
    """Return the parameters of a WriteProperty."""
    data = _encode_reference(write.reference) + b"\x3e" + write.value + b"\x3f"
    if write.priority is None:
        return data
    return data + encode_context(4, Datatype.UNSIGNED, write.priority)


def decode_write_property(data: bytes) -> PropertyWrite:
    """Return what a WriteProperty writes."""
    reader = ParameterReader(data)
    reference = _decode_reference(reader)
    value = reader.constructed(3)
    priority = reader.optional_unsigned(4)
    reader.finish()
    return PropertyWrite(reference=reference, value=value, priority=priority)


def encode_write_property_multiple(writes: Sequence[PropertyWrite]) -> bytes:
    """Return the parameters of a WritePropertyMultiple."""
    parts = []
    for write in writes:
        object_id, property_id, index = write.reference
        parts.append(b"\x0c" + object_id_octets(object_id) + b"\x1e")
        parts.append(_property_tag(0, property_id))
        if index is not None:
            parts.append(encode_context(1, Datatype.UNSIGNED, index))
        parts.append(opening(2) + write.value + closing(2))
        if write.priority is not None:
            parts.append(encode_context(3, Datatype.UNSIGNED, write.priority))
        parts.append(b"\x1f")
    return b"".join(parts)


def decode_write_property_multiple(data: bytes) -> list[PropertyWrite]:
    """Return what a WritePropertyMultiple writes, in its order."""
    reader = ParameterReader(data)
    writes = []
    while not reader.at_end:
        object_id = reader.object_id(0)
        reader.enter(1)
        while not reader.at(1, TagKind.CLOSING):
            property_id = reader.unsigned(0, _MAX_PROPERTY)
            index = reader.optional_unsigned(1)
            value = reader.constructed(2)
            priority = reader.optional_unsigned(3)
            writes.append(
                PropertyWrite(
                    reference=PropertyReference(object_id, property_id, index),
                    value=value,
                    priority=priority,
                )
            )
        reader.leave(1)
    if not writes:
        raise MalformedError(
            "nothing to write", RejectReason.MISSING_REQUIRED_PARAMETER
        )
    return writes


class WriteMultipleError(ServiceError):
    """A WritePropertyMultiple failed; earlier writes of it were done (15.10)."""

    def __init__(self, error: ServiceError, first_failed: PropertyReference) -> None:
        """Keep which write failed first."""
        super().__init__(error.error_class, error.error_code)
        self.first_failed = first_failed


# --- SubscribeCOV (13.14), COV notifications (13.1, 13.13) ----------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CovSubscription:
    """A subscription to the changes of an object, or of one property of it.

    Without confirmed and lifetime it is a cancellation. A lifetime of 0 never ends.
    """

    process_id: int
    object_id: ObjectId
    confirmed: bool | None = None
    lifetime: int | None = None
    selection: PropertySelection | None = None
    cov_increment: float | None = None

    @property
    def is_cancellation(self) -> bool:
        """Return whether this ends a subscription."""
        return self.confirmed is None and self.lifetime is None


def encode_subscribe_cov(subscription: CovSubscription) -> bytes:
    """Return a SubscribeCOV, or a SubscribeCOVProperty where one property is named."""
    data = encode_context(
        0, Datatype.UNSIGNED, subscription.process_id
    ) + encode_context(1, Datatype.OBJECT_IDENTIFIER, subscription.object_id)
    if subscription.confirmed is not None:
        data += encode_context(2, Datatype.BOOLEAN, subscription.confirmed)
    if subscription.lifetime is not None:
        data += encode_context(3, Datatype.UNSIGNED, subscription.lifetime)
    if subscription.selection is not None:
        data += opening(4) + _property_tag(0, subscription.selection.property_id)
        if subscription.selection.index is not None:
            data += encode_context(1, Datatype.UNSIGNED, subscription.selection.index)
        data += closing(4)
        if subscription.cov_increment is not None:
            data += encode_context(5, Datatype.REAL, subscription.cov_increment)
    return data


def decode_subscribe_cov(data: bytes) -> CovSubscription:
    """Return what is subscribed to, by either of the two services."""
    reader = ParameterReader(data)
    process_id = reader.unsigned(0, 0xFFFFFFFF)
    object_id = reader.object_id(1)
    confirmed = reader.boolean(2) if reader.at(2) else None
    lifetime = reader.optional_unsigned(3)
    selection = None
    increment = None
    if reader.at(4, TagKind.OPENING):
        reader.enter(4)
        selection = PropertySelection(
            reader.unsigned(0, _MAX_PROPERTY), reader.optional_unsigned(1)
        )
        reader.leave(4)
        if reader.at(5):
            octets = reader.octets(5)
            if len(octets) != 4:
                raise MalformedError("a COV increment is a Real")
            decoded = decode_value(encode_tag(Datatype.REAL, 4) + octets)
            increment = decoded if isinstance(decoded, float) else None
    reader.finish()
    return CovSubscription(
        process_id=process_id,
        object_id=object_id,
        confirmed=confirmed,
        lifetime=lifetime,
        selection=selection,
        cov_increment=increment,
    )


class CovNotification(NamedTuple):
    """The changed values of an object."""

    process_id: int
    device: ObjectId
    object_id: ObjectId
    time_remaining: int
    values: dict[PropertySelection, Value | BacnetError]


def encode_cov_notification(
    process_id: int,
    device: ObjectId,
    object_id: ObjectId,
    time_remaining: int,
    values: bytes,
) -> bytes:
    """Return a COV notification around values of ``encode_property_values``."""
    return (
        encode_context(0, Datatype.UNSIGNED, process_id)
        + b"\x1c"
        + object_id_octets(device)
        + b"\x2c"
        + object_id_octets(object_id)
        + encode_context(3, Datatype.UNSIGNED, time_remaining)
        + b"\x4e"
        + values
        + b"\x4f"
    )


def encode_property_values(
    values: Iterable[tuple[PropertySelection, bytes]],
) -> bytes:
    """Return a list of property values; each value is encoded."""
    parts = []
    for (property_id, index), value in values:
        parts.append(_property_tag(0, property_id))
        if index is not None:
            parts.append(encode_context(1, Datatype.UNSIGNED, index))
        parts.append(b"\x2e" + value + b"\x2f")
    return b"".join(parts)


def decode_cov_notification(data: bytes) -> CovNotification:
    """Return what a COV notification reports, each value with its own errors."""
    reader = ParameterReader(data)
    process_id = reader.unsigned(0)
    device = reader.object_id(1)
    object_id = reader.object_id(2)
    time_remaining = reader.unsigned(3)
    values: dict[PropertySelection, Value | BacnetError] = {}
    reader.enter(4)
    while not reader.at(4, TagKind.CLOSING):
        selection = PropertySelection(
            reader.unsigned(0, _MAX_PROPERTY), reader.optional_unsigned(1)
        )
        content = reader.constructed(2)
        reader.optional_unsigned(3)
        try:
            values[selection] = decode_value(content)
        except MalformedError as error:
            values[selection] = error
    reader.leave(4)
    return CovNotification(process_id, device, object_id, time_remaining, values)


# --- Error (18) ------------------------------------------------------------------------


def encode_error(error: ServiceError) -> bytes:
    """Return error class and code."""
    return encode(Datatype.ENUMERATED, error.error_class) + encode(
        Datatype.ENUMERATED, error.error_code
    )


def encode_error_pdu(error: ServiceError) -> bytes:
    """Return the parameters of the Error PDU, which some services have more of."""
    if isinstance(error, WriteMultipleError):
        return (
            opening(0)
            + encode_error(error)
            + closing(0)
            + opening(1)
            + _encode_reference(error.first_failed)
            + closing(1)
        )
    return encode_error(error)


def decode_error(data: bytes) -> ServiceError:
    """Return the error, also where it is wrapped as WritePropertyMultiple's is."""
    reader = ParameterReader(data)
    if reader.at(0, TagKind.OPENING):
        reader = ParameterReader(reader.constructed(0))
    (_, error_class), (_, error_code) = reader.application(), reader.application()
    if not isinstance(error_class, int) or not isinstance(error_code, int):
        raise MalformedError("an error has a class and a code")
    return ServiceError(int(error_class), int(error_code))


# --- Values of properties that are lists of something ------------------------------------


def object_ids(value: Value) -> list[ObjectId]:
    """Return the object identifiers of an object list.

    Raises MalformedError when it is something else.
    """
    items = value if isinstance(value, list) else [value]
    if isinstance(value, Constructed) or not all(
        isinstance(item, ObjectId) for item in items
    ):
        raise MalformedError("a list of object identifiers was expected")
    return items  # type: ignore[return-value]


def describe(reference: PropertyReference) -> str:
    """Return ``analog-value,3 present-value[2]`` for messages."""
    try:
        name = PropertyIdentifier(reference.property_id).label
    except ValueError:
        name = str(reference.property_id)
    index = "" if reference.index is None else f"[{reference.index}]"
    return f"{reference.object_id} {name}{index}"
