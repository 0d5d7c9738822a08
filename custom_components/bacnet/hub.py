"""The loaded integration: the node with both its roles, and what uses them."""

import asyncio
from datetime import datetime, timedelta
from ipaddress import IPv4Interface
from typing import NamedTuple

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_NAME, CONF_PORT, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import UNDEFINED, UndefinedType
from homeassistant.util import dt as dt_util

from .client.client import Client
from .client.device import DeviceSession
from .client.models import DeviceInfo
from .const import (
    CONF_INSTANCE,
    CONF_INTERFACE,
    DOMAIN,
    MANUFACTURER,
    MODEL,
    MODEL_VIRTUAL,
    SUBENTRY_TYPE_DEVICE,
)
from .coordinator import DeviceCoordinator
from .device_data import device_info_of
from .device_role import DeviceRole
from .discovery import DeviceDiscovery
from .node.errors import AddressInUseError, AddressUnavailableError, NodeStartError
from .node.node import Node, NodeConfig
from .point_entities import (
    DeviceEntityFactory,
    EntityFactory,
    EntityPlatform,
    PointEntities,
)
from .search import FoundDevice
from .server.definition import DeviceDefinition
from .server.device import LocalDevice
from .storage import DeviceStore

type BacnetConfigEntry = ConfigEntry[BacnetHub]

_SEARCH_LIFETIME = timedelta(minutes=5)
_DESCRIPTION = "Home Assistant as a BACnet device"


_START_ERRORS = {
    AddressInUseError: "address_in_use",
    AddressUnavailableError: "address_unavailable",
}


def start_error_key(error: NodeStartError) -> str:
    """Return the translation key for why the node can not start."""
    return _START_ERRORS.get(type(error), "cannot_start")


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
        self.local_device: LocalDevice
        self.role = DeviceRole(self)
        self.exposed_entities = self.role.entities
        self.exposure_store = self.role.store
        self.virtual_devices = self.role.virtual_devices
        self.write_log = self.role.log
        self.devices: dict[str, DeviceCoordinator] = {}
        self.device_id = ""
        self.point_entities = PointEntities(self)
        self._running = False
        self._applying = asyncio.Lock()
        self._discovery = DeviceDiscovery(self)
        self._last_search: LastSearch | None = None
        self._prepared: dict[int, DeviceSession] = {}
        self._version = version

    # --- life -------------------------------------------------------------------------

    async def async_start(self) -> None:
        """Restore our objects, go on line, and begin with the remote devices.

        Raises NodeStartError.
        """
        self.device_id = self._async_register_device(
            self.entry.entry_id, self.entry.data[CONF_NAME], MODEL
        )
        await self.role.async_start(self._definition())
        try:
            await self.role.async_restore()
            await self.node.start()
        except BaseException:
            await self._async_close_roles()
            await self.role.async_close()
            raise
        self.client.directory.subscribe(self._async_heard)
        self.client.directory.subscribe_moves(self._async_moved)
        for subentry in self.entry.get_subentries_of_type(SUBENTRY_TYPE_DEVICE):
            await self._async_add_device(subentry)
        self.local_device.announce()

    async def async_begin(self) -> None:
        """Show what is known of the devices, then begin to poll.

        Requests wait for the entities: while thousands are added, answers would come
        too late to be taken.
        """
        self._running = True
        for coordinator in list(self.devices.values()):
            coordinator.async_show()
            await asyncio.sleep(0)
        await self.point_entities.async_wait()
        for coordinator in list(self.devices.values()):
            coordinator.async_start()
            await asyncio.sleep(0)

    async def async_stop(self) -> None:
        """Let go of all devices and close the port."""
        self._running = False
        for coordinator in self.devices.values():
            await coordinator.async_shutdown()
        self.devices.clear()
        await self._async_close_roles()
        await self.node.stop()
        await self.role.async_close()

    async def _async_close_roles(self) -> None:
        await self.role.async_stop()
        await self.client.close()
        self.local_device.close()

    def _definition(self) -> DeviceDefinition:
        return DeviceDefinition(
            instance=self.entry.data[CONF_INSTANCE],
            name=self.entry.data[CONF_NAME],
            description=_DESCRIPTION,
            location=self.hass.config.location_name,
            vendor_name=MANUFACTURER,
            model_name=MODEL,
            firmware_revision=self._version,
            application_software_version=self._version,
            serial_number=self.entry.entry_id,
        )

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
        # Changes that come together must not add a device twice.
        async with self._applying:
            await self._async_apply_subentries()

    async def _async_apply_subentries(self) -> None:
        subentries = self.entry.subentries
        for subentry_id in self.devices.keys() - subentries.keys():
            coordinator = self.devices.pop(subentry_id)
            await self._async_close_device(coordinator)
            await coordinator.async_forget()
            self.point_entities.async_drop(subentry_id)
        for subentry_id, subentry in subentries.items():
            if subentry.subentry_type == SUBENTRY_TYPE_DEVICE:
                if subentry_id in self.devices:
                    self.devices[subentry_id].async_update(subentry)
                else:
                    await self._async_add_device(subentry)
        await self.role.async_apply()

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
            self.hass,
            self.entry,
            subentry,
            session,
            store,
            self.point_entities.async_sync,
        )
        self.devices[subentry.subentry_id] = coordinator
        if self._running:
            coordinator.async_show()
            coordinator.async_start()

    async def _async_close_device(self, coordinator: DeviceCoordinator) -> None:
        await coordinator.async_shutdown()
        await self.client.close_session(coordinator.session)

    @callback
    def async_register_virtual_device(self, subentry: ConfigSubentry) -> None:
        """Show a virtual device among the devices of Home Assistant."""
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

    # --- entities ------------------------------------------------------------------------------

    @callback
    def async_add_platform(
        self,
        platform: Platform,
        factory: EntityFactory,
        async_add_entities: AddConfigEntryEntitiesCallback,
        *device_factories: DeviceEntityFactory,
    ) -> None:
        """Take a platform for the entities of devices and of virtual devices.

        ``factory`` makes the entity of a point, ``device_factories`` make the others.
        """
        self.point_entities.async_add_platform(
            platform, EntityPlatform(factory, device_factories, async_add_entities)
        )
        self.role.async_add_platform(platform, async_add_entities)

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

    def instance_at(self, address: str) -> int | None:
        """Return the instance of the device at an address, where it is known."""
        info = self.client.directory.by_address(address)
        return None if info is None else info.instance
