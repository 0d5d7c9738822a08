"""The loaded integration: the node with both its roles, and what uses them."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from ipaddress import IPv4Interface
from typing import TYPE_CHECKING, NamedTuple

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_NAME, CONF_PORT, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import UNDEFINED, UndefinedType
from homeassistant.util import dt as dt_util

from .client.client import Client
from .client.device import DeviceSession
from .client.models import DeviceInfo, Point
from .const import (
    CONF_INSTANCE,
    CONF_INTERFACE,
    DOMAIN,
    MANUFACTURER,
    MODEL,
    MODEL_VIRTUAL,
    RELEASE_SUFFIX,
    SUBENTRY_TYPE_DEVICE,
    SUBENTRY_TYPE_VIRTUAL_DEVICE,
)
from .coordinator import DeviceCoordinator
from .device_data import device_info_of
from .discovery import DeviceDiscovery
from .exposures import VirtualDevice
from .node.errors import AddressInUseError, AddressUnavailableError, NodeStartError
from .node.node import Node, NodeConfig
from .search import FoundDevice
from .server.command import Command
from .server.definition import DeviceDefinition
from .server.device import LocalDevice
from .storage import DeviceStore, ExposureStore

if TYPE_CHECKING:
    from .entity import BacnetDeviceEntity, BacnetPointEntity

type BacnetConfigEntry = ConfigEntry[BacnetHub]
type DeviceEntityFactory = Callable[[DeviceCoordinator], BacnetDeviceEntity]
type EntityFactory = Callable[[DeviceCoordinator, Point], BacnetPointEntity]

_SEARCH_LIFETIME = timedelta(minutes=5)
_DESCRIPTION = "Home Assistant as a BACnet device"


_START_ERRORS = {
    AddressInUseError: "address_in_use",
    AddressUnavailableError: "address_unavailable",
}


def start_error_key(error: NodeStartError) -> str:
    """Return the translation key for why the node can not start."""
    return _START_ERRORS.get(type(error), "cannot_start")


def entity_key(coordinator: DeviceCoordinator, platform: Platform, point: Point) -> str:
    """Return the unique id of the entity that a platform makes of a point."""
    suffix = RELEASE_SUFFIX if platform == Platform.BUTTON else ""
    return f"{coordinator.unique_id_of(point)}{suffix}"


class EntityPlatform(NamedTuple):
    """A platform of Home Assistant that is ready for entities."""

    factory: EntityFactory
    device_factories: tuple[DeviceEntityFactory, ...]
    async_add_entities: AddConfigEntryEntitiesCallback


class LastSearch(NamedTuple):
    """What the last search found, and when."""

    at: datetime
    found: list[FoundDevice]


class BacnetHub:
    """One node; its remote devices and its virtual devices follow the subentries."""

    def __init__(
        self, hass: HomeAssistant, entry: BacnetConfigEntry, version: str
    ) -> None:
        """Prepare; nothing is opened before ``async_start``."""
        self.hass = hass
        self.entry = entry
        self.data = dict(entry.data)
        self.node = Node(
            NodeConfig(
                interface=IPv4Interface(entry.data[CONF_INTERFACE]),
                port=entry.data[CONF_PORT],
            )
        )
        self.client = Client(self.node)
        self.local_device = LocalDevice(
            self.node,
            DeviceDefinition(
                instance=entry.data[CONF_INSTANCE],
                name=entry.data[CONF_NAME],
                description=_DESCRIPTION,
                location=hass.config.location_name,
                vendor_name=MANUFACTURER,
                model_name=MODEL,
                firmware_revision=version,
                application_software_version=version,
            ),
        )
        self.exposure_store = ExposureStore(hass)
        self.devices: dict[str, DeviceCoordinator] = {}
        self.virtual_devices: dict[str, VirtualDevice] = {}
        self.device_id = ""
        self._platforms: dict[Platform, EntityPlatform] = {}
        self._described: set[tuple[str, Platform]] = set()
        self._added: dict[tuple[str, Platform], dict[str, BacnetPointEntity]] = {}
        self._running = False
        self._discovery = DeviceDiscovery(self)
        self._last_search: LastSearch | None = None
        self._prepared: dict[int, DeviceSession] = {}
        self._version = version

    # --- life -------------------------------------------------------------------------

    async def async_start(self) -> None:
        """Restore our objects, go on line, and begin with the remote devices.

        Raises NodeStartError.
        """
        await self.exposure_store.async_load()
        self.device_id = self._async_register_device(
            self.entry.entry_id, self.entry.data[CONF_NAME], MODEL
        )
        self.local_device.subscribe_commands(self._async_command)
        for subentry in self.entry.get_subentries_of_type(SUBENTRY_TYPE_VIRTUAL_DEVICE):
            self._async_add_virtual_device(subentry)
        try:
            await self.node.start()
        except BaseException:
            await self._async_close_roles()
            raise
        self.client.directory.subscribe(self._async_heard)
        self.client.directory.subscribe_moves(self._async_moved)
        for subentry in self.entry.get_subentries_of_type(SUBENTRY_TYPE_DEVICE):
            await self._async_add_device(subentry)
        self.local_device.announce()

    @callback
    def async_begin(self) -> None:
        """Begin to poll; the entry knows its hub now."""
        self._running = True
        for coordinator in self.devices.values():
            coordinator.async_start()

    async def async_stop(self) -> None:
        """Let go of all devices and close the port."""
        self._running = False
        for coordinator in self.devices.values():
            await coordinator.async_shutdown()
        self.devices.clear()
        await self._async_close_roles()
        await self.node.stop()
        await self.exposure_store.async_close()

    async def _async_close_roles(self) -> None:
        for virtual_device in self.virtual_devices.values():
            virtual_device.async_stop()
        self.virtual_devices.clear()
        await self.client.close()
        self.local_device.close()

    def _async_register_device(
        self,
        identifier: str,
        name: str,
        model: str,
        subentry_id: str | None = None,
        via_device_id: str | UndefinedType = UNDEFINED,
    ) -> str:
        device = dr.async_get(self.hass).async_get_or_create(
            config_entry_id=self.entry.entry_id,
            config_subentry_id=subentry_id,
            identifiers={(DOMAIN, identifier)},
            name=name,
            manufacturer=MANUFACTURER,
            model=model,
            sw_version=self._version,
            entry_type=dr.DeviceEntryType.SERVICE,
            via_device_id=via_device_id,
        )
        return device.id

    # --- subentries ----------------------------------------------------------------------

    async def async_apply_subentries(self) -> None:
        """Make devices and virtual devices what the configuration says, live."""
        subentries = self.entry.subentries
        for subentry_id in self.devices.keys() - subentries.keys():
            coordinator = self.devices.pop(subentry_id)
            await self._async_close_device(coordinator)
            await DeviceStore(self.hass, coordinator.instance).async_remove()
            for platform in self._platforms:
                self._added.pop((subentry_id, platform), None)
                self._described.discard((subentry_id, platform))
        for subentry_id in self.virtual_devices.keys() - subentries.keys():
            self.virtual_devices.pop(subentry_id).async_remove()
        for subentry_id, subentry in subentries.items():
            if subentry.subentry_type == SUBENTRY_TYPE_DEVICE:
                if subentry_id in self.devices:
                    self.devices[subentry_id].async_update(subentry)
                else:
                    await self._async_add_device(subentry)
            elif subentry_id in self.virtual_devices:
                self.virtual_devices[subentry_id].async_update(subentry)
                self._async_register_virtual_device(subentry)
            else:
                self._async_add_virtual_device(subentry)

    async def _async_add_device(self, subentry: ConfigSubentry) -> None:
        info = device_info_of(subentry.data)
        store = DeviceStore(self.hass, info.instance)
        inventory, capabilities = await store.async_load()
        if (prepared := self._prepared.pop(info.instance, None)) is not None:
            inventory, capabilities = prepared.inventory, prepared.capabilities
        session = self.client.open_session(
            info, inventory=inventory, capabilities=capabilities
        )
        self._discovery.async_set_up(info.instance)
        coordinator = DeviceCoordinator(
            self.hass, self.entry, subentry, session, store, self._async_sync_entities
        )
        self.devices[subentry.subentry_id] = coordinator
        if self._running:
            coordinator.async_start()

    async def _async_close_device(self, coordinator: DeviceCoordinator) -> None:
        await coordinator.async_shutdown()
        await self.client.close_session(coordinator.session)

    def _async_add_virtual_device(self, subentry: ConfigSubentry) -> None:
        self._async_register_virtual_device(subentry)
        virtual_device = VirtualDevice(self, subentry)
        self.virtual_devices[subentry.subentry_id] = virtual_device
        virtual_device.async_start()

    def _async_register_virtual_device(self, subentry: ConfigSubentry) -> None:
        self._async_register_device(
            subentry.subentry_id,
            subentry.title,
            MODEL_VIRTUAL,
            subentry.subentry_id,
            self.device_id,
        )

    # --- what flows leave behind ---------------------------------------------------------------

    def keep_search(self, found: list[FoundDevice]) -> None:
        """Keep what a search found, for the next flow."""
        self._last_search = LastSearch(dt_util.utcnow(), found)

    @property
    def last_search(self) -> LastSearch | None:
        """Return what the last search found, unless that is long ago."""
        last = self._last_search
        if last is None or dt_util.utcnow() - last.at > _SEARCH_LIFETIME:
            return None
        return last

    def keep_inventory(self, session: DeviceSession) -> None:
        """Keep what a flow read of a device that is about to be added."""
        self._prepared[session.info.instance] = session

    # --- entities of remote devices ----------------------------------------------------------

    @callback
    def async_add_platform(
        self,
        platform: Platform,
        factory: EntityFactory,
        async_add_entities: AddConfigEntryEntitiesCallback,
        *device_factories: DeviceEntityFactory,
    ) -> None:
        """Add the entities of a platform for all devices, those to come included.

        ``factory`` makes the entity of a point, ``device_factories`` make the others.
        """
        self._platforms[platform] = EntityPlatform(
            factory, device_factories, async_add_entities
        )
        for coordinator in self.devices.values():
            self._async_sync_platform(coordinator, platform, coordinator.platforms)

    @callback
    def _async_sync_entities(self, coordinator: DeviceCoordinator) -> None:
        """Make the entities of a device those that are chosen."""
        platforms = coordinator.platforms
        for platform in self._platforms:
            self._async_sync_platform(coordinator, platform, platforms)

    @callback
    def _async_sync_platform(
        self,
        coordinator: DeviceCoordinator,
        platform: Platform,
        platforms: dict[Platform, list[Point]],
    ) -> None:
        if coordinator.inventory is None:
            return
        factory, device_factories, async_add_entities = self._platforms[platform]
        subentry_id = coordinator.subentry.subentry_id
        entities = {
            entity_key(coordinator, platform, point): point
            for point in platforms.get(platform, ())
        }
        added = self._added.setdefault((subentry_id, platform), {})
        for key in added.keys() - entities.keys():
            entity = added.pop(key)
            if entity.point.object_id not in coordinator.inventory.points:
                entity.async_vanish()
        self._async_forget_entities(coordinator, platform, entities)
        for entity in added.values():
            entity.async_rename()
        new = {
            key: factory(coordinator, point)
            for key, point in entities.items()
            if key not in added
        }
        if (subentry_id, platform) not in self._described:
            self._described.add((subentry_id, platform))
            others = [make(coordinator) for make in device_factories]
        else:
            others = []
        added |= new
        async_add_entities([*others, *new.values()], config_subentry_id=subentry_id)

    @callback
    def _async_forget_entities(
        self,
        coordinator: DeviceCoordinator,
        platform: Platform,
        wanted: Collection[str],
    ) -> None:
        """Drop registered entities of points that are not chosen any more.

        Those of points that vanished from the device stay until the user removes them:
        their history may be worth keeping, and the point may come back.
        """
        inventory = coordinator.inventory
        assert inventory is not None
        existing = {
            f"{coordinator.instance}-{object_id}" for object_id in inventory.points
        }
        registry = er.async_get(self.hass)
        for entity in er.async_entries_for_config_entry(registry, self.entry.entry_id):
            if (
                entity.config_subentry_id == coordinator.subentry.subentry_id
                and entity.domain == platform
                and entity.unique_id not in wanted
                and entity.unique_id.removesuffix(RELEASE_SUFFIX) in existing
            ):
                registry.async_remove(entity.entity_id)

    def is_enabled(self, platform: Platform, unique_id: str) -> bool:
        """Return whether an entity is, or would be, enabled."""
        registry = er.async_get(self.hass)
        entity_id = registry.async_get_entity_id(platform, DOMAIN, unique_id)
        entity = entity_id and registry.async_get(entity_id)
        return not entity or not entity.disabled

    # --- what the network says ------------------------------------------------------------------

    def _coordinator_of(self, instance: int) -> DeviceCoordinator | None:
        return next(
            (
                coordinator
                for coordinator in self.devices.values()
                if coordinator.instance == instance
            ),
            None,
        )

    @callback
    def _async_heard(self, info: DeviceInfo) -> None:
        """Take notice of an I-Am."""
        self._discovery.async_heard(info)
        if (coordinator := self._coordinator_of(info.instance)) is not None:
            coordinator.async_heard()

    @callback
    def _async_moved(self, info: DeviceInfo) -> None:
        """Keep the new address of a device of ours."""
        if (coordinator := self._coordinator_of(info.instance)) is not None:
            coordinator.async_moved(info)

    @callback
    def _async_command(self, command: Command) -> None:
        """Pass an external write to the virtual device whose object it is."""
        for virtual_device in self.virtual_devices.values():
            if virtual_device.async_command(command):
                return

    def instance_at(self, address: str) -> int | None:
        """Return the instance of the device at an address, where it is known."""
        info = self.client.directory.by_address(address)
        return None if info is None else info.instance
