"""The device in the building: our objects, who may write to them, and what is kept."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any, Final

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_PASSWORD, Platform
from homeassistant.core import callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import (
    CONF_ALLOWED_NETWORKS,
    CONF_WRITES_PER_SECOND,
    DOMAIN,
    SUBENTRY_TYPE_VIRTUAL_DEVICE,
)
from .exposed_entity import ExposedEntities
from .exposure_rules import ExposureRules
from .server.command import Command
from .server.control import ReinitializeRequest, TimeSynchronization
from .server.definition import DeviceDefinition
from .server.device import LocalDevice
from .server.objects import LocalObject
from .server.policy import WritePolicy
from .storage import ExposureStore
from .virtual_device import VirtualDevice, object_ids_of
from .write_log import WriteLog

if TYPE_CHECKING:
    from .hub import BacnetHub

_DRIFT_WORTH_A_HINT: Final = timedelta(minutes=1)


def policy_of(options: Any) -> WritePolicy:
    """Return who may write and how often; a network is CIDR, or a BACnet number."""
    networks: list[str] = options.get(CONF_ALLOWED_NETWORKS, [])
    rate = options.get(CONF_WRITES_PER_SECOND)
    usual = WritePolicy()
    return WritePolicy(
        allowed_networks=tuple(
            IPv4Network(network) for network in networks if not network.isdecimal()
        ),
        allowed_bacnet_networks=frozenset(
            int(network) for network in networks if network.isdecimal()
        ),
        writes_per_second=usual.writes_per_second if rate is None else rate or None,
    )


class DeviceRole:
    """Our own device with its virtual devices, which follow the subentries."""

    def __init__(self, hub: BacnetHub) -> None:
        """Prepare; nothing is read or answered before ``async_start``."""
        self._hub = hub
        self._lock = asyncio.Lock()
        self._options: dict[str, Any] | None = None
        self._adders: dict[Platform, AddConfigEntryEntitiesCallback] = {}
        self._rules = ExposureRules(hub)
        self.store = ExposureStore(hub.hass)
        self.entities = ExposedEntities(hub)
        self.log = WriteLog(hub.hass)
        self.virtual_devices: dict[str, VirtualDevice] = {}

    # --- life -------------------------------------------------------------------------

    async def async_start(self, definition: DeviceDefinition) -> LocalDevice:
        """Make the device, with the objects that an earlier run had."""
        hub = self._hub
        await self.store.async_load()
        await self.log.async_load()
        subentries = list(self._subentries())
        configured = [
            object_id for entry in subentries for object_id in object_ids_of(entry)
        ]
        device = hub.local_device = LocalDevice(
            hub.node,
            definition,
            database_revision=self.store.async_begin(
                definition.name,
                configured,
                {subentry.subentry_id for subentry in subentries},
            ),
        )
        self.store.revision = lambda: device.database_revision
        device.subscribe_commands(self._async_command)
        device.subscribe_changes_with_time(self._async_changed)
        device.subscribe_time_synchronizations(self.async_told_time)
        device.subscribe_reinitialize(self._async_restart)
        self.log.async_follow(device)
        self.async_apply_options()
        self.entities.async_start()
        return device

    async def async_restore(self) -> None:
        """Add the objects of all virtual devices."""
        for subentry in self._subentries():
            await self._async_add(subentry)

    @callback
    def async_begin(self) -> None:
        """Begin to follow the registries; the entry is set up."""
        self._rules.async_start()

    async def async_stop(self) -> None:
        """Let go of everything; what was commanded stays remembered."""
        self._rules.async_stop()
        if self._hub.hass.is_stopping:
            for virtual_device in self.virtual_devices.values():
                await virtual_device.async_shut_down()
        self.store.async_freeze_revision()
        for virtual_device in self.virtual_devices.values():
            await virtual_device.async_stop()
        self.virtual_devices.clear()
        self.entities.async_stop()

    async def async_close(self) -> None:
        """Write what is not written yet."""
        await self.store.async_close()
        await self.log.async_close()

    # --- subentries and options -------------------------------------------------------------

    def _subentries(self) -> Iterable[ConfigSubentry]:
        return self._hub.entry.get_subentries_of_type(SUBENTRY_TYPE_VIRTUAL_DEVICE)

    async def async_apply(self) -> None:
        """Make the virtual devices what the configuration says, live."""
        self.async_apply_options()
        async with self._lock:
            subentries = {entry.subentry_id: entry for entry in self._subentries()}
            for subentry_id in self.virtual_devices.keys() - subentries.keys():
                await self.virtual_devices.pop(subentry_id).async_remove()
            for subentry_id, subentry in subentries.items():
                if subentry_id in self.virtual_devices:
                    await self.virtual_devices[subentry_id].async_update(subentry)
                    self._hub.async_register_virtual_device(subentry)
                else:
                    await self._async_add(subentry)
        self._rules.async_schedule()

    async def _async_add(self, subentry: ConfigSubentry) -> None:
        self._hub.async_register_virtual_device(subentry)
        virtual_device = VirtualDevice(self._hub, subentry)
        self.virtual_devices[subentry.subentry_id] = virtual_device
        await virtual_device.async_start()
        for platform, async_add_entities in self._adders.items():
            virtual_device.async_add_entities(platform, async_add_entities)

    @callback
    def async_add_platform(
        self, platform: Platform, async_add_entities: AddConfigEntryEntitiesCallback
    ) -> None:
        """Add the entities that templates made, now and later."""
        self._adders[platform] = async_add_entities
        for virtual_device in self.virtual_devices.values():
            virtual_device.async_add_entities(platform, async_add_entities)

    @callback
    def async_apply_options(self) -> None:
        """Apply who may write and who may restart us."""
        options = dict(self._hub.entry.options)
        if options != self._options:
            self._options = options
            self._hub.local_device.set_write_policy(policy_of(options))
            self._hub.local_device.set_password(options.get(CONF_PASSWORD))

    # --- what the network says ------------------------------------------------------------------

    @callback
    def _async_command(self, command: Command) -> None:
        """Pass an external write to the virtual device whose object it is."""
        for virtual_device in self.virtual_devices.values():
            if virtual_device.async_command(command):
                return

    @callback
    def _async_changed(self, item: LocalObject) -> None:
        """Bring an entity to a value that came into effect because a time was over."""
        for virtual_device in self.virtual_devices.values():
            if (exposure := virtual_device.exposure(item.object_id)) is not None:
                exposure.async_reconcile()
                return

    @callback
    def async_told_time(self, told: TimeSynchronization) -> None:
        """Hint at a clock that is wrong, ours or theirs."""
        drift = told.told - told.received
        if abs(drift) < _DRIFT_WORTH_A_HINT:
            ir.async_delete_issue(self._hub.hass, DOMAIN, "time_drift")
            return
        ir.async_create_issue(
            self._hub.hass,
            DOMAIN,
            "time_drift",
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key="time_drift",
            translation_placeholders={
                "source": told.source,
                "seconds": str(round(abs(drift).total_seconds())),
            },
        )

    @callback
    def _async_restart(self, request: ReinitializeRequest) -> None:
        """Restart the node, as somebody with the password asked for."""
        self._hub.hass.config_entries.async_schedule_reload(self._hub.entry.entry_id)
