"""BACnet for Home Assistant: one node that is a client and a device of the building."""

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers import device_registry as dr
from homeassistant.loader import async_get_integration

from .const import DOMAIN, PLATFORMS
from .hub import BacnetConfigEntry, BacnetHub, start_error_key
from .node.errors import NodeStartError


async def async_setup_entry(hass: HomeAssistant, entry: BacnetConfigEntry) -> bool:
    """Start the node and everything on it."""
    integration = await async_get_integration(hass, DOMAIN)
    hub = BacnetHub(hass, entry, str(integration.version))
    try:
        await hub.async_start()
    except NodeStartError as error:
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN,
            translation_key=start_error_key(error),
            translation_placeholders={
                "address": hub.node.address,
                "error": str(error),
            },
        ) from error
    entry.runtime_data = hub
    hub.role.async_begin()

    async def async_stop(_: Event) -> None:
        await hub.async_stop()

    entry.async_on_unload(
        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, async_stop)
    )
    entry.async_on_unload(entry.add_update_listener(_async_entry_updated))
    try:
        await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
        await hub.async_begin()
    except BaseException:
        # Home Assistant unloads nothing here; the port has to be free for another try.
        await hub.async_stop()
        raise
    return True


async def async_unload_entry(hass: HomeAssistant, entry: BacnetConfigEntry) -> bool:
    """Take everything down again."""
    if not await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        return False
    await entry.runtime_data.async_stop()
    return True


async def _async_entry_updated(hass: HomeAssistant, entry: BacnetConfigEntry) -> None:
    """Apply changed subentries live; only the node's own data need a new node."""
    if dict(entry.data) != entry.runtime_data.data:
        hass.config_entries.async_schedule_reload(entry.entry_id)
    else:
        await entry.runtime_data.async_apply_subentries()


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: BacnetConfigEntry, device: dr.AnyDeviceEntry
) -> bool:
    """Allow removing a device that no subentry stands for any more."""
    return device.id != entry.runtime_data.device_id and (
        device.config_subentry_id not in entry.subentries
    )
