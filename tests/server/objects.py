"""The objects of the device under test: of every type a plain and a writable one."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from custom_components.bacnet.node.enumerations import EngineeringUnits, ObjectType
from custom_components.bacnet.node.types import Date, ObjectId, Time
from custom_components.bacnet.server.definition import (
    DeviceDefinition,
    ObjectDefinition,
)
from custom_components.bacnet.server.values import DateTime, PresentValue

ADDRESS: Final = "127.0.30.1"
INSTANCE: Final = 8888

NOW: Final = datetime(2026, 7, 1, 14, 30, 5, 250_000, ZoneInfo("America/New_York"))
"""What the clock of the device under test always says."""

DEVICE: Final = DeviceDefinition(
    instance=INSTANCE,
    name="Home",
    description="Our house",
    location="Cellar",
    vendor_name="Home Assistant",
    vendor_id=999,
    model_name="BACnet integration",
    firmware_revision="2026.10.4",
    application_software_version="1.0.0",
    serial_number="A-1",
)

READ_ONLY: Final = 1
WRITABLE: Final = 2

_CELSIUS = EngineeringUnits.DEGREES_CELSIUS
_A_DAY = Date(2026, 11, 23, 1)
_A_TIME = Time(16, 45, 30, 25)

_VALUES: Final[dict[ObjectType, PresentValue]] = {
    ObjectType.ANALOG_INPUT: 21.5,
    ObjectType.ANALOG_OUTPUT: 22.5,
    ObjectType.ANALOG_VALUE: 23.5,
    ObjectType.BINARY_INPUT: True,
    ObjectType.BINARY_OUTPUT: True,
    ObjectType.BINARY_VALUE: True,
    ObjectType.MULTI_STATE_INPUT: 2,
    ObjectType.MULTI_STATE_OUTPUT: 3,
    ObjectType.MULTI_STATE_VALUE: 2,
    ObjectType.CHARACTERSTRING_VALUE: "Grüße",
    ObjectType.INTEGER_VALUE: -40,
    ObjectType.POSITIVE_INTEGER_VALUE: 70_000,
    ObjectType.LARGE_ANALOG_VALUE: 1234.56789,
    ObjectType.DATE_VALUE: _A_DAY,
    ObjectType.TIME_VALUE: _A_TIME,
    ObjectType.DATETIME_VALUE: DateTime(_A_DAY, _A_TIME),
}

_LIMITS: Final[dict[ObjectType, tuple[float, float]]] = {
    ObjectType.ANALOG_INPUT: (-10, 50),
    ObjectType.ANALOG_OUTPUT: (0, 100),
    ObjectType.ANALOG_VALUE: (0, 100),
    ObjectType.INTEGER_VALUE: (-100, 100),
    ObjectType.POSITIVE_INTEGER_VALUE: (10, 100_000),
    ObjectType.LARGE_ANALOG_VALUE: (-1e6, 1e6),
}


def define(
    object_type: ObjectType, instance: int, *, writable: bool
) -> ObjectDefinition:
    """Return an object with everything that its type can have."""
    minimum, maximum = _LIMITS.get(object_type, (None, None))
    is_multi_state = "MULTI_STATE" in object_type.name
    is_binary = "BINARY" in object_type.name
    return ObjectDefinition(
        object_id=ObjectId(object_type, instance),
        name=f"{object_type.label} {instance}",
        description=f"The {object_type.label}",
        units=_CELSIUS,
        states=("Off", "Heat", "Cool") if is_multi_state else (),
        inactive_text="Closed" if is_binary else "",
        active_text="Open" if is_binary else "",
        minimum=minimum,
        maximum=maximum,
        resolution=None if minimum is None else 1,
        cov_increment=None if minimum is None else 2,
        max_length=20,
        writable=writable,
    )


OBJECTS: Final = tuple(
    define(object_type, instance, writable=instance == WRITABLE)
    for object_type in _VALUES
    for instance in (READ_ONLY, WRITABLE)
)
OWN_VALUES: Final = {
    definition.object_id: _VALUES[ObjectType(definition.object_id.type)]
    for definition in OBJECTS
}
