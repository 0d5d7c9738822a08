"""What the client knows of devices and points, as plain data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

from ..node.enumerations import Segmentation
from ..node.errors import BacnetError
from ..node.types import BitString, Date, ObjectId, Primitive, Time


class DateTime(NamedTuple):
    """A date and a time (BACnetDateTime)."""

    date: Date
    time: Time


type PointData = Primitive | DateTime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """Where a device is and what it can take, from its I-Am."""

    instance: int
    address: str
    max_apdu: int
    segmentation: Segmentation
    vendor_id: int


class StatusFlags(NamedTuple):
    """The four status flags of an object."""

    in_alarm: bool
    fault: bool
    overridden: bool
    out_of_service: bool


@dataclass(frozen=True, slots=True)
class PointValue:
    """What a point shows.

    ``error`` says why there is no value. ``priority`` is the priority of the command
    in effect, where the device tells it.
    """

    value: PointData = None
    status_flags: StatusFlags | None = None
    reliability: int | None = None
    priority: int | None = None
    error: BacnetError | None = None


def to_plain(record: Any, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the fields of a record that are not at their defaults."""
    return {
        item.name: value
        for item in fields(record)
        if item.name not in skip
        and (value := getattr(record, item.name)) != item.default
    }


def known_fields(record_type: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a record of this type has room for."""
    names = {item.name for item in fields(record_type)}
    return {name: value for name, value in data.items() if name in names}


@dataclass(slots=True, kw_only=True)
class DeviceDescription:
    """What a device's device object says; texts are empty where it says nothing."""

    name: str = ""
    description: str = ""
    vendor_name: str = ""
    model_name: str = ""
    firmware_revision: str = ""
    application_software_version: str = ""
    serial_number: str = ""
    location: str = ""
    database_revision: int | None = None
    services: BitString | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the description as plain JSON types."""
        data = to_plain(self, skip=("services",))
        if self.services is not None:
            data["services"] = "".join("01"[bit] for bit in self.services)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return what ``to_dict`` was made of."""
        values = known_fields(cls, data)
        if services := values.pop("services", None):
            values["services"] = BitString(bit == "1" for bit in services)
        return cls(**values)

    def supports(self, service: int) -> bool | None:
        """Return what protocol-services-supported says; None when it says nothing."""
        if self.services is None or service >= len(self.services):
            return None
        return self.services[service]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """An object with a present-value, and what is known of it without reading that.

    ``states`` holds the texts of a multi-state object, first state first. ``scale``
    times an accumulator's present-value is a quantity in ``units``. ``commandable``
    objects have a priority array. ``writable`` is None as long as nobody knows.
    ``reports_priority`` says that current-command-priority can be read.
    """

    object_id: ObjectId
    name: str = ""
    description: str = ""
    units: int | None = None
    states: tuple[str, ...] = ()
    inactive_text: str = ""
    active_text: str = ""
    minimum: float | None = None
    maximum: float | None = None
    resolution: float | None = None
    cov_increment: float | None = None
    scale: float | None = None
    commandable: bool = False
    writable: bool | None = None
    reports_priority: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the point as plain JSON types."""
        data = to_plain(self)
        data["object_id"] = list(self.object_id)
        if self.states:
            data["states"] = list(self.states)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return what ``to_dict`` was made of."""
        values = known_fields(cls, data)
        values["object_id"] = ObjectId(*data["object_id"])
        values["states"] = tuple(data.get("states", ()))
        return cls(**values)


@dataclass(slots=True, kw_only=True)
class Inventory:
    """What a device is and which points it has.

    ``objects`` is the whole object list; ``points`` those objects of it that have a
    present-value. ``object_count`` is how long the device says its list is: it may
    count an object twice, or one that can not be read.
    """

    device: DeviceDescription
    points: dict[ObjectId, Point]
    objects: tuple[ObjectId, ...] = ()
    object_count: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the inventory as plain JSON types."""
        return {
            "device": self.device.to_dict(),
            "points": [point.to_dict() for point in self.points.values()],
            "objects": [list(object_id) for object_id in self.objects],
            "object_count": self.object_count,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return what ``to_dict`` was made of."""
        points: Iterable[Point] = map(Point.from_dict, data["points"])
        return cls(
            device=DeviceDescription.from_dict(data["device"]),
            points={point.object_id: point for point in points},
            objects=tuple(ObjectId(*item) for item in data.get("objects", ())),
            object_count=data.get("object_count"),
        )
