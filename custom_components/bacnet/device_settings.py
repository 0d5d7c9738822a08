"""What a user chose for a remote device: its points, their looks, how to poll."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import re
from typing import Any, Self

from homeassistant.const import CONF_NAME, CONF_PLATFORM, CONF_SCAN_INTERVAL, Platform

from .client.models import Point
from .const import (
    CONF_FILTER,
    CONF_NAMES,
    CONF_NEW_POINTS,
    CONF_OBJECT_TYPES,
    CONF_OBJECTS,
    CONF_POINTS,
    CONF_POLL,
    CONF_PRIORITY,
    DEFAULT_PRIORITY,
    DEFAULT_SCAN_INTERVAL,
    NAMES_DESCRIPTION,
    NAMES_OBJECT_NAME,
    NEW_POINTS_ADD,
    POLL_NORMAL,
)
from .node.enumerations import ObjectType, label_of
from .node.types import ObjectId
from .point_mapping import is_ordinary, platform_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSelection:
    """Which points of a device become entities.

    ``objects`` names them one by one. Otherwise all points of the object types (None:
    every ordinary type) whose name, description or identifier matches ``filter``.
    """

    object_types: frozenset[str] | None = None
    filter: str = ""
    objects: frozenset[ObjectId] | None = None

    def matches(self, point: Point) -> bool:
        """Return whether a point is chosen."""
        if self.objects is not None:
            return point.object_id in self.objects
        return self.matches_rule(point)

    def matches_rule(self, point: Point) -> bool:
        """Return whether types and filter admit a point."""
        if self.object_types is None:
            if not is_ordinary(point):
                return False
        elif type_label(point) not in self.object_types:
            return False
        if not self.filter:
            return True
        return any(
            re.search(self.filter, text, re.IGNORECASE)
            for text in (point.name, point.description, str(point.object_id))
        )


def type_label(point: Point) -> str:
    """Return the object type of a point in the standard's words."""
    return label_of(ObjectType, point.object_id.type)


def count_types(points: Iterable[Point]) -> Counter[str]:
    """Return how many points there are of each object type."""
    return Counter(map(type_label, points))


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSettings:
    """What a user changed about one point."""

    name: str | None = None
    platform: Platform | None = None
    poll: str = POLL_NORMAL
    priority: int | None = None


_UNCHANGED = PointSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSettings:
    """What a user chose for a device; ``scan_interval`` is in seconds."""

    selection: PointSelection = PointSelection()
    points: Mapping[ObjectId, PointSettings]
    priority: int = DEFAULT_PRIORITY
    scan_interval: int = DEFAULT_SCAN_INTERVAL
    names: str = NAMES_OBJECT_NAME
    new_points: str = NEW_POINTS_ADD

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Return the settings that a subentry keeps."""
        types, objects = data.get(CONF_OBJECT_TYPES), data.get(CONF_OBJECTS)
        return cls(
            selection=PointSelection(
                object_types=None if types is None else frozenset(types),
                filter=data.get(CONF_FILTER, ""),
                objects=None
                if objects is None
                else frozenset(map(ObjectId.parse, objects)),
            ),
            points={
                ObjectId.parse(object_id): PointSettings(
                    name=changes.get(CONF_NAME),
                    platform=Platform(changes[CONF_PLATFORM])
                    if CONF_PLATFORM in changes
                    else None,
                    poll=changes.get(CONF_POLL, POLL_NORMAL),
                    priority=changes.get(CONF_PRIORITY),
                )
                for object_id, changes in data.get(CONF_POINTS, {}).items()
            },
            priority=data.get(CONF_PRIORITY, DEFAULT_PRIORITY),
            scan_interval=data.get(CONF_SCAN_INTERVAL, DEFAULT_SCAN_INTERVAL),
            names=data.get(CONF_NAMES, NAMES_OBJECT_NAME),
            new_points=data.get(CONF_NEW_POINTS, NEW_POINTS_ADD),
        )

    def of(self, point: Point) -> PointSettings:
        """Return what was changed about a point."""
        return self.points.get(point.object_id, _UNCHANGED)

    def name_of(self, point: Point) -> str:
        """Return the name of a point's entity."""
        if (name := self.of(point).name) is not None:
            return name
        if self.names == NAMES_DESCRIPTION and point.description:
            return point.description
        return point.name or str(point.object_id)

    def platform_of(self, point: Point) -> Platform:
        """Return the platform of a point's entity."""
        return self.of(point).platform or platform_of(point)

    def priority_of(self, point: Point) -> int:
        """Return the priority of our commands to a point."""
        return self.of(point).priority or self.priority
