"""The entities of remote devices: made for the points that are chosen, live."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, NamedTuple

from homeassistant.const import Platform
from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .client.models import Point
from .const import DOMAIN, RELEASE_SUFFIX
from .coordinator import DeviceCoordinator

if TYPE_CHECKING:
    from .entity import BacnetDeviceEntity, BacnetPointEntity
    from .hub import BacnetHub

type DeviceEntityFactory = Callable[[DeviceCoordinator], BacnetDeviceEntity]
type EntityFactory = Callable[[DeviceCoordinator, Point], BacnetPointEntity]

_AT_ONCE = 20
"""Home Assistant adds entities in one go, at half a millisecond each."""


class EntityPlatform(NamedTuple):
    """A platform of Home Assistant that is ready for entities."""

    factory: EntityFactory
    device_factories: tuple[DeviceEntityFactory, ...]
    async_add_entities: AddConfigEntryEntitiesCallback


class _Waiting(NamedTuple):
    """A point whose entity is not made yet; without a point, a device's own entities."""

    coordinator: DeviceCoordinator
    platform: Platform
    key: str
    point: Point | None


_OWN = ""
"""Key of what a device has beside its points."""


def _key_of(coordinator: DeviceCoordinator, platform: Platform, point: Point) -> str:
    """Return the unique id of the entity that a platform makes of a point."""
    suffix = RELEASE_SUFFIX if platform == Platform.BUTTON else ""
    return f"{coordinator.unique_id_of(point)}{suffix}"


class PointEntities:
    """Adds and removes entities so that they are those of the chosen points."""

    def __init__(self, hub: BacnetHub) -> None:
        """Start without platforms."""
        self._hub = hub
        self._platforms: dict[Platform, EntityPlatform] = {}
        # None stands for an entity that waits to be made.
        self._made: dict[tuple[str, Platform], dict[str, BacnetPointEntity | None]] = {}
        self._waiting: deque[_Waiting] = deque()
        self._worker: asyncio.Task[None] | None = None

    @callback
    def async_add_platform(self, platform: Platform, ready: EntityPlatform) -> None:
        """Take a platform; devices that are synchronized from now on use it."""
        self._platforms[platform] = ready

    @callback
    def async_sync(self, coordinator: DeviceCoordinator) -> None:
        """Make the entities of a device those that are chosen."""
        if coordinator.inventory is None:
            return
        chosen = coordinator.platforms
        for platform in self._platforms:
            self._async_sync_platform(coordinator, platform, chosen.get(platform, ()))
        if self._waiting and self._worker is None:
            self._worker = self._hub.entry.async_create_background_task(
                self._hub.hass,
                self._async_make(),
                f"{DOMAIN} entities",
                eager_start=False,
            )

    @callback
    def _async_sync_platform(
        self,
        coordinator: DeviceCoordinator,
        platform: Platform,
        points: Collection[Point],
    ) -> None:
        inventory = coordinator.inventory
        assert inventory is not None
        wanted = {_key_of(coordinator, platform, point): point for point in points}
        made = self._made.setdefault((coordinator.subentry.subentry_id, platform), {})
        for key in made.keys() - wanted.keys() - {_OWN}:
            entity = made.pop(key)
            if entity is not None and entity.point.object_id not in inventory.points:
                entity.async_vanish()
        self._async_forget(coordinator, platform, wanted)
        for entity in made.values():
            if entity is not None:
                entity.async_rename()
        if _OWN not in made and self._platforms[platform].device_factories:
            made[_OWN] = None
            self._waiting.append(_Waiting(coordinator, platform, _OWN, None))
        for key, point in wanted.items():
            if key not in made:
                made[key] = None
                self._waiting.append(_Waiting(coordinator, platform, key, point))

    async def _async_make(self) -> None:
        """Make and add what waits, a few at a time."""
        try:
            while self._waiting:
                self._async_make_some()
                await asyncio.sleep(0)
        finally:
            self._worker = None

    @callback
    def _async_make_some(self) -> None:
        first = self._waiting[0]
        subentry_id = first.coordinator.subentry.subentry_id
        made = self._made.get((subentry_id, first.platform), {})
        platform = self._platforms[first.platform]
        entities: list[BacnetDeviceEntity | BacnetPointEntity] = []
        while (
            self._waiting
            and len(entities) < _AT_ONCE
            and self._waiting[0][:2] == first[:2]
        ):
            coordinator, _, key, point = self._waiting.popleft()
            if made.get(key, self) is not None:
                continue  # not wanted any more, or made by an earlier turn
            if point is None:
                entities += [make(coordinator) for make in platform.device_factories]
            else:
                made[key] = entity = platform.factory(coordinator, point)
                entities.append(entity)
        platform.async_add_entities(entities, config_subentry_id=subentry_id)

    async def async_wait(self) -> None:
        """Wait until nothing waits to be made."""
        while self._worker is not None:
            await asyncio.wait([self._worker])

    @callback
    def async_drop(self, subentry_id: str) -> None:
        """Forget a device that was removed; its entities go with its subentry."""
        for platform in self._platforms:
            self._made.pop((subentry_id, platform), None)

    @callback
    def _async_forget(
        self,
        coordinator: DeviceCoordinator,
        platform: Platform,
        wanted: Collection[str],
    ) -> None:
        """Drop registered entities of points that are not chosen any more.

        Those of points that vanished from the device stay until the user removes them:
        their history may be worth keeping, and the point may come back.
        """
        hass, inventory = self._hub.hass, coordinator.inventory
        assert inventory is not None
        device = dr.async_get(hass).async_get_device_by_identifier(
            (DOMAIN, str(coordinator.instance)), self._hub.entry.entry_id
        )
        if device is None:
            return
        registry = er.async_get(hass)
        unwanted = [
            entity
            for entity in er.async_entries_for_device(
                registry, device.id, include_disabled_entities=True
            )
            if entity.domain == platform and entity.unique_id not in wanted
        ]
        if not unwanted:
            return
        existing = {
            f"{coordinator.instance}-{object_id}" for object_id in inventory.points
        }
        for entity in unwanted:
            if entity.unique_id.removesuffix(RELEASE_SUFFIX) in existing:
                registry.async_remove(entity.entity_id)

    def is_enabled(self, platform: Platform, unique_id: str) -> bool:
        """Return whether an entity is, or would be, enabled."""
        registry = er.async_get(self._hub.hass)
        entity_id = registry.async_get_entity_id(platform, DOMAIN, unique_id)
        entity = entity_id and registry.async_get(entity_id)
        return not entity or not entity.disabled
