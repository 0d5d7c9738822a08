"""What the device and its objects are, apart from their values."""

from dataclasses import dataclass

from ..node.enumerations import EngineeringUnits, NodeType
from ..node.types import ObjectId
from .values import PresentValue

NO_UNITS = EngineeringUnits.NO_UNITS
LOWEST_PRIORITY = 16
MINIMUM_TIME_PRIORITY = 6
"""Reserved for minimum on and off times (clause 19.2.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceDefinition:
    """What the device says of itself."""

    instance: int
    name: str
    description: str = ""
    location: str = ""
    vendor_name: str
    vendor_id: int = 999
    model_name: str
    firmware_revision: str
    application_software_version: str
    serial_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectDefinition:
    """What an object is; which fields count depends on its type.

    A writable output or value is commandable: Home Assistant's own value sits in the
    slot ``own_priority`` of its priority array. Without ``relinquish_default`` the
    last own value takes its place.
    """

    object_id: ObjectId
    name: str
    description: str = ""
    units: int = NO_UNITS
    states: tuple[str, ...] = ()
    inactive_text: str = ""
    active_text: str = ""
    minimum: float | None = None
    maximum: float | None = None
    resolution: float | None = None
    cov_increment: float | None = None
    max_length: int | None = None
    writable: bool = False
    own_priority: int = LOWEST_PRIORITY
    relinquish_default: PresentValue | None = None
    minimum_on_time: int | None = None
    """Seconds that a commandable binary object stays active at least."""
    minimum_off_time: int | None = None
    """Seconds that it stays inactive at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewDefinition:
    """What a Structured View is: a named group of objects."""

    object_id: ObjectId
    name: str
    description: str = ""
    node_type: int = NodeType.COLLECTION
    node_subtype: str = ""
    subordinates: tuple[ObjectId, ...] = ()
    annotations: tuple[str, ...] = ()
    """One for each subordinate, or none at all."""
