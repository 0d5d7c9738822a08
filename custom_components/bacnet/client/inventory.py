"""Reading what a device is and which points it has."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
import struct
from typing import Any

from ..node.codec import ParameterReader
from ..node.enumerations import (
    EngineeringUnits,
    ErrorCode,
    ObjectType,
    PropertyIdentifier,
    Segmentation,
)
from ..node.errors import (
    BacnetError,
    MalformedError,
    NoResponseError,
    RefusedError,
    ServiceError,
)
from ..node.types import BitString, Constructed, Enumerated, ObjectId, PropertyReference
from .link import Urgency
from .models import DeviceDescription, Inventory, Point
from .reader import PropertyReader, Result, Results
from .refusals import is_overflow
from .values import shortest_real

_P = PropertyIdentifier

_DEVICE_TEXTS = {
    "name": _P.OBJECT_NAME,
    "description": _P.DESCRIPTION,
    "vendor_name": _P.VENDOR_NAME,
    "model_name": _P.MODEL_NAME,
    "firmware_revision": _P.FIRMWARE_REVISION,
    "application_software_version": _P.APPLICATION_SOFTWARE_VERSION,
    "serial_number": _P.SERIAL_NUMBER,
    "location": _P.LOCATION,
}

_COMMON = (_P.OBJECT_NAME, _P.DESCRIPTION)
_NUMERIC = (_P.UNITS, _P.MIN_PRES_VALUE, _P.MAX_PRES_VALUE)
_ANALOG = (*_NUMERIC, _P.RESOLUTION, _P.COV_INCREMENT)
_BINARY = (_P.INACTIVE_TEXT, _P.ACTIVE_TEXT)
_MULTI_STATE = (_P.NUMBER_OF_STATES, _P.STATE_TEXT)

_METADATA: dict[int, tuple[int, ...]] = {
    ObjectType.ACCUMULATOR: (_P.UNITS, _P.MAX_PRES_VALUE, _P.SCALE),
    ObjectType.ANALOG_INPUT: _ANALOG,
    ObjectType.ANALOG_OUTPUT: _ANALOG,
    ObjectType.ANALOG_VALUE: _ANALOG,
    ObjectType.BINARY_INPUT: _BINARY,
    ObjectType.BINARY_OUTPUT: _BINARY,
    ObjectType.BINARY_VALUE: _BINARY,
    ObjectType.INTEGER_VALUE: _ANALOG,
    ObjectType.LARGE_ANALOG_VALUE: _ANALOG,
    ObjectType.LIGHTING_OUTPUT: (
        _P.MIN_ACTUAL_VALUE,
        _P.MAX_ACTUAL_VALUE,
        _P.COV_INCREMENT,
    ),
    ObjectType.LOOP: (
        _P.OUTPUT_UNITS,
        _P.MINIMUM_OUTPUT,
        _P.MAXIMUM_OUTPUT,
        _P.COV_INCREMENT,
    ),
    ObjectType.MULTI_STATE_INPUT: _MULTI_STATE,
    ObjectType.MULTI_STATE_OUTPUT: _MULTI_STATE,
    ObjectType.MULTI_STATE_VALUE: _MULTI_STATE,
    ObjectType.POSITIVE_INTEGER_VALUE: _ANALOG,
    ObjectType.PULSE_CONVERTER: (_P.UNITS, _P.COV_INCREMENT),
    ObjectType.STAGING: (*_NUMERIC, _P.COV_INCREMENT),
}
"""What is read of each object, besides its name and description."""

_ALWAYS_COMMANDABLE = {
    ObjectType.ACCESS_DOOR,
    ObjectType.ANALOG_OUTPUT,
    ObjectType.BINARY_LIGHTING_OUTPUT,
    ObjectType.BINARY_OUTPUT,
    ObjectType.CHANNEL,
    ObjectType.LIGHTING_OUTPUT,
    ObjectType.MULTI_STATE_OUTPUT,
}

_PERHAPS_COMMANDABLE = {
    ObjectType.ANALOG_VALUE,
    ObjectType.BINARY_VALUE,
    ObjectType.BITSTRING_VALUE,
    ObjectType.CHARACTERSTRING_VALUE,
    ObjectType.DATE_PATTERN_VALUE,
    ObjectType.DATE_VALUE,
    ObjectType.DATETIME_PATTERN_VALUE,
    ObjectType.DATETIME_VALUE,
    ObjectType.INTEGER_VALUE,
    ObjectType.LARGE_ANALOG_VALUE,
    ObjectType.MULTI_STATE_VALUE,
    ObjectType.OCTETSTRING_VALUE,
    ObjectType.POSITIVE_INTEGER_VALUE,
    ObjectType.TIME_PATTERN_VALUE,
    ObjectType.TIME_VALUE,
}

_WITHOUT_PRESENT_VALUE = {
    ObjectType.ACCESS_CREDENTIAL,
    ObjectType.ACCESS_POINT,
    ObjectType.ACCESS_RIGHTS,
    ObjectType.ACCESS_USER,
    ObjectType.ACCESS_ZONE,
    ObjectType.AUDIT_LOG,
    ObjectType.AUDIT_REPORTER,
    ObjectType.AVERAGING,
    ObjectType.DEVICE,
    ObjectType.ELEVATOR_GROUP,
    ObjectType.ESCALATOR,
    ObjectType.EVENT_ENROLLMENT,
    ObjectType.EVENT_LOG,
    ObjectType.FILE,
    ObjectType.GLOBAL_GROUP,
    ObjectType.GROUP,
    ObjectType.LIFT,
    ObjectType.NETWORK_PORT,
    ObjectType.NETWORK_SECURITY,
    ObjectType.NOTIFICATION_CLASS,
    ObjectType.NOTIFICATION_FORWARDER,
    ObjectType.PROGRAM,
    ObjectType.STRUCTURED_VIEW,
    ObjectType.TREND_LOG,
    ObjectType.TREND_LOG_MULTIPLE,
}
"""Object types without a present-value, or with one that is a list of others'."""

_SLOT = 16
_CHUNK = 250
"""Objects that are read before any of them is evaluated."""

_OBJECT_ID_SIZE = 5
_LIST_FRAME = 12

_MAX_STATES = 1000
"""A device may claim four billion states."""


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """What tells whether a device is still as it was.

    ``restarted_at`` is the encoded time of its last restart; each is None where the
    device does not tell.
    """

    database_revision: int | None
    object_count: int | None
    restarted_at: bytes | None


async def read_status(
    reader: PropertyReader, *, urgency: Urgency = Urgency.LOAD
) -> DeviceStatus:
    """Return a device's status; costs one request.

    Raises BacnetError when the device is silent or has no such device object.
    """
    device_id = ObjectId(ObjectType.DEVICE, reader.link.info.instance)
    references = [
        PropertyReference(device_id, _P.DATABASE_REVISION),
        PropertyReference(device_id, _P.OBJECT_LIST, 0),
        PropertyReference(device_id, _P.TIME_OF_DEVICE_RESTART),
    ]
    results = await reader.read(references, urgency)
    revision, count, restarted_at = (results[reference] for reference in references)
    for error in (revision, count):
        if isinstance(error, NoResponseError) or (
            isinstance(error, ServiceError)
            and error.error_code == ErrorCode.UNKNOWN_OBJECT
        ):
            raise error
    return DeviceStatus(
        revision if isinstance(revision, int) else None,
        count if isinstance(count, int) else None,
        bytes(restarted_at) if isinstance(restarted_at, Constructed) else None,
    )


def is_current(inventory: Inventory, status: DeviceStatus) -> bool:
    """Return whether an inventory still describes the device.

    Some devices never count their revisions; a list of another length gives them away.
    """
    revision = inventory.device.database_revision
    same_length = status.object_count == inventory.object_count
    if revision is not None and status.database_revision is not None:
        return status.database_revision == revision and (
            same_length or status.object_count is None
        )
    return same_length


async def read_inventory(
    reader: PropertyReader,
    status: DeviceStatus | None = None,
    *,
    urgency: Urgency = Urgency.LOAD,
) -> Inventory:
    """Return what the device is and all its points.

    What one object does not tell is left at its default. Raises BacnetError when the
    device is silent, or when neither object list nor its length can be read.
    """
    if status is None:
        status = await read_status(reader, urgency=urgency)
    device_id = ObjectId(ObjectType.DEVICE, reader.link.info.instance)
    description = await _read_device(reader, device_id, urgency)
    description.database_revision = status.database_revision
    objects = await _read_object_list(reader, device_id, status.object_count, urgency)
    points: dict[ObjectId, Point] = {}
    shared: dict[Any, Any] = {}
    candidates = [item for item in objects if item.type not in _WITHOUT_PRESENT_VALUE]
    for start in range(0, len(candidates), _CHUNK):
        chunk = candidates[start : start + _CHUNK]
        results = await reader.read(
            [reference for item in chunk for reference in _references(item)], urgency
        )
        if reader.link.silent:
            raise NoResponseError(f"{reader.link.info.address} fell silent")
        await _read_long_state_texts(reader, chunk, results, urgency)
        for object_id in chunk:
            point = _point(object_id, results, shared)
            if point is not None:
                points[object_id] = point
    return Inventory(
        device=description,
        points=points,
        objects=tuple(objects),
        object_count=status.object_count,
    )


async def _read_device(
    reader: PropertyReader, device_id: ObjectId, urgency: Urgency
) -> DeviceDescription:
    """Return what the device object says."""
    services = PropertyReference(device_id, _P.PROTOCOL_SERVICES_SUPPORTED)
    texts = {
        name: PropertyReference(device_id, property_id)
        for name, property_id in _DEVICE_TEXTS.items()
    }
    results = await reader.read([services, *texts.values()], urgency)
    description = DeviceDescription()
    for name, reference in texts.items():
        setattr(description, name, _text(results[reference]))
    supported = results[services]
    if isinstance(supported, BitString):
        description.services = supported
    return description


# --- object list ----------------------------------------------------------------------


async def _read_object_list(
    reader: PropertyReader, device_id: ObjectId, count: int | None, urgency: Urgency
) -> list[ObjectId]:
    """Return the object list: whole where that can work, else element by element."""
    whole = PropertyReference(device_id, _P.OBJECT_LIST)
    if count is None or _may_come_whole(reader, count):
        try:
            return _unique([await reader.read_one(whole, urgency)])
        except NoResponseError:
            raise
        except RefusedError, MalformedError:
            if count is None:
                raise
    found: list[Result] = []
    for start in range(1, count + 1, _CHUNK):
        references = [
            PropertyReference(device_id, _P.OBJECT_LIST, index)
            for index in range(start, min(start + _CHUNK, count + 1))
        ]
        results = await reader.read(references, urgency)
        if reader.link.silent:
            raise NoResponseError(f"{reader.link.info.address} fell silent")
        found += (results[reference] for reference in references)
    return _unique(found)


def _may_come_whole(reader: PropertyReader, count: int) -> bool:
    """Return whether the object list fits one message, or the device sends several."""
    if count * _OBJECT_ID_SIZE <= reader.reply_limit - _LIST_FRAME:
        return True
    return reader.link.info.segmentation in (
        Segmentation.SEGMENTED_BOTH,
        Segmentation.SEGMENTED_TRANSMIT,
    )


def _unique(results: Iterable[Result]) -> list[ObjectId]:
    """Return the object identifiers in results, each once, in their order."""
    found: dict[ObjectId, None] = {}
    for result in results:
        for item in result if isinstance(result, list) else (result,):
            if isinstance(item, ObjectId):
                found[item] = None
    return list(found)


# --- metadata -------------------------------------------------------------------------


def _property_ids(object_type: int) -> tuple[int, ...]:
    """Return what is read of an object of this type."""
    property_ids = (*_COMMON, *_METADATA.get(object_type, ()))
    if object_type in _PERHAPS_COMMANDABLE or object_type in _ALWAYS_COMMANDABLE:
        property_ids += (_P.CURRENT_COMMAND_PRIORITY,)
    if not _is_well_known(object_type):
        property_ids += (_P.PRESENT_VALUE,)
    return property_ids


def _references(object_id: ObjectId) -> list[PropertyReference]:
    references = [
        PropertyReference(object_id, property_id)
        for property_id in _property_ids(object_id.type)
    ]
    if object_id.type in _PERHAPS_COMMANDABLE:
        references.append(PropertyReference(object_id, _P.PRIORITY_ARRAY, _SLOT))
    return references


def _is_well_known(object_type: int) -> bool:
    """Return whether the standard gives objects of this type a present-value."""
    return object_type in ObjectType


async def _read_long_state_texts(
    reader: PropertyReader,
    objects: Sequence[ObjectId],
    results: Results,
    urgency: Urgency,
) -> None:
    """Read state texts one by one where all of them do not fit one message."""
    references: list[PropertyReference] = []
    for object_id in objects:
        error = results.get(PropertyReference(object_id, _P.STATE_TEXT))
        count = results.get(PropertyReference(object_id, _P.NUMBER_OF_STATES))
        if (
            isinstance(error, RefusedError)
            and is_overflow(error)
            and isinstance(count, int)
        ):
            references += (
                PropertyReference(object_id, _P.STATE_TEXT, index)
                for index in range(1, min(count, _MAX_STATES) + 1)
            )
    if not references:
        return
    texts = await reader.read(references, urgency)
    for reference in references:
        whole = PropertyReference(reference.object_id, _P.STATE_TEXT)
        if not isinstance(results[whole], list):
            results[whole] = []
        values = results[whole]
        assert isinstance(values, list)
        values.append(_text(texts[reference]))


def _point(
    object_id: ObjectId, results: Results, shared: dict[Any, Any]
) -> Point | None:
    """Return the point an object is, or None for one without a present-value.

    ``shared`` keeps one copy of what many points have in common.
    """

    def get(property_id: int) -> Result:
        return results.get(PropertyReference(object_id, property_id))

    if _is_absent(get(_P.PRESENT_VALUE)):
        return None
    states = _states(get(_P.NUMBER_OF_STATES), get(_P.STATE_TEXT))
    inactive, active = _text(get(_P.INACTIVE_TEXT)), _text(get(_P.ACTIVE_TEXT))
    priority = get(_P.CURRENT_COMMAND_PRIORITY)
    minimum, maximum = _limits(object_id.type, get)
    return Point(
        object_id=object_id,
        name=_text(get(_P.OBJECT_NAME)) or str(object_id),
        description=_text(get(_P.DESCRIPTION)),
        units=_units(object_id.type, get),
        states=shared.setdefault(states, states),
        inactive_text=shared.setdefault(inactive, inactive),
        active_text=shared.setdefault(active, active),
        minimum=minimum,
        maximum=maximum,
        resolution=_number(get(_P.RESOLUTION)),
        cov_increment=_number(get(_P.COV_INCREMENT)),
        scale=_scale(get(_P.SCALE)),
        commandable=_is_commandable(object_id, results),
        reports_priority=(
            _P.CURRENT_COMMAND_PRIORITY in _property_ids(object_id.type)
            and not isinstance(priority, BacnetError)
        ),
    )


def _is_absent(result: Result) -> bool:
    return isinstance(result, ServiceError) and result.error_code in (
        ErrorCode.UNKNOWN_PROPERTY,
        ErrorCode.UNKNOWN_OBJECT,
    )


def _is_commandable(object_id: ObjectId, results: Results) -> bool:
    """Return whether an object has a priority array."""
    if object_id.type in _ALWAYS_COMMANDABLE:
        return True
    slot = PropertyReference(object_id, _P.PRIORITY_ARRAY, _SLOT)
    if slot not in results:
        return False
    result = results[slot]
    if not isinstance(result, BacnetError):
        return True
    # It exists, although not one by one.
    return isinstance(result, ServiceError) and result.error_code in (
        ErrorCode.PROPERTY_IS_NOT_AN_ARRAY,
        ErrorCode.INVALID_ARRAY_INDEX,
    )


def _text(result: Result) -> str:
    return result.strip("\0 ") if isinstance(result, str) else ""


def _number(result: Result) -> float | None:
    if isinstance(result, float):
        return shortest_real(result) if isfinite(result) else None
    return result if type(result) is int else None


def _limits(
    object_type: int, get: Callable[[int], Result]
) -> tuple[float | None, float | None]:
    """Return the bounds of the present-value."""
    match object_type:
        case ObjectType.LIGHTING_OUTPUT:
            names = _P.MIN_ACTUAL_VALUE, _P.MAX_ACTUAL_VALUE
        case ObjectType.LOOP:
            names = _P.MINIMUM_OUTPUT, _P.MAXIMUM_OUTPUT
        case _:
            names = _P.MIN_PRES_VALUE, _P.MAX_PRES_VALUE
    minimum, maximum = (_number(get(name)) for name in names)
    if minimum is not None and maximum is not None and minimum >= maximum:
        # Many devices have both at 0 when nobody set them.
        return None, None
    return minimum, maximum


def _units(object_type: int, get: Callable[[int], Result]) -> int | None:
    if object_type == ObjectType.LIGHTING_OUTPUT:
        return int(EngineeringUnits.PERCENT)
    name = _P.OUTPUT_UNITS if object_type == ObjectType.LOOP else _P.UNITS
    units = get(name)
    return int(units) if isinstance(units, Enumerated) else None


def _states(count: Result, texts: Result) -> tuple[str, ...]:
    """Return the texts of all states; a state without one gets its number."""
    found = texts if isinstance(texts, list) else [texts]
    names = [item if isinstance(item, str) else "" for item in found]
    if isinstance(count, int):
        names = (names + [""] * min(count, _MAX_STATES))[: min(count, _MAX_STATES)]
    elif not any(names):
        return ()
    return tuple(name or f"State {number}" for number, name in enumerate(names, 1))


def _scale(result: Result) -> float | None:
    """Return the factor of an accumulator: a Real, or a power of ten."""
    if not isinstance(result, Constructed):
        return None
    try:
        parameters = ParameterReader(result)
        if parameters.at(1):
            return float(10.0 ** parameters.signed(1))
        octets = parameters.octets(0)
        return shortest_real(struct.unpack(">f", octets)[0])
    except MalformedError, OverflowError, struct.error:
        return None
