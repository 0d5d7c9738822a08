"""What tests of the Home Assistant side share."""

import asyncio
from collections.abc import Callable
from typing import Any

from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bacnet.client.models import DeviceInfo
from custom_components.bacnet.const import (
    CONF_EXPOSURES,
    CONF_INSTANCE,
    CONF_INTERFACE,
    CONF_OBJECT,
    CONF_PRIORITY,
    CONF_WRITABLE,
    DOMAIN,
    SUBENTRY_TYPE_DEVICE,
    SUBENTRY_TYPE_VIRTUAL_DEVICE,
)
from custom_components.bacnet.device_data import device_data_of
from custom_components.bacnet.node.enumerations import Segmentation

NODE_ADDRESS = "127.0.0.1"
NODE_INSTANCE = 8888

HELPERS: dict[str, dict[str, Any]] = {
    "input_boolean": {"fan": {"name": "Fan", "initial": False}},
    "input_number": {
        "setpoint": {
            "name": "Setpoint",
            "min": 10,
            "max": 30,
            "step": 0.5,
            "initial": 21,
            "unit_of_measurement": "°C",
        }
    },
    "input_select": {
        "mode": {
            "name": "Mode",
            "options": ["Off", "Heat", "Cool", "Auto"],
            "initial": "Auto",
        }
    },
    "input_text": {"note": {"name": "Note", "initial": "commissioning", "max": 20}},
}

EXPOSED = {
    "analog-value,1": "input_number.setpoint",
    "binary-value,1": "input_boolean.fan",
    "multi-state-value,1": "input_select.mode",
    "characterstring-value,1": "input_text.note",
}


async def set_up_helpers(hass: HomeAssistant) -> None:
    """Set up one helper of each kind."""
    for domain, config in HELPERS.items():
        assert await async_setup_component(hass, domain, {domain: config})
    await hass.async_block_till_done()


def virtual_device(
    name: str = "Meeting room",
    *,
    writable: bool = True,
    exposures: dict[str, str] = EXPOSED,
) -> ConfigSubentryData:
    """Return the subentry of a virtual device; exposures by object identifier."""
    return ConfigSubentryData(
        data={
            "name": name,
            "description": "",
            CONF_WRITABLE: writable,
            CONF_EXPOSURES: [
                {CONF_OBJECT: object_id, "entity_id": entity_id}
                for object_id, entity_id in exposures.items()
            ],
        },
        subentry_type=SUBENTRY_TYPE_VIRTUAL_DEVICE,
        title=name,
        unique_id=None,
    )


def remote_device(
    instance: int, address: str, *, max_apdu: int = 1476, priority: int = 16
) -> ConfigSubentryData:
    """Return the subentry of a remote device."""
    info = DeviceInfo(
        instance=instance,
        address=address,
        max_apdu=max_apdu,
        segmentation=Segmentation.SEGMENTED_BOTH,
        vendor_id=999,
    )
    return ConfigSubentryData(
        data=device_data_of(info) | {CONF_PRIORITY: priority},
        subentry_type=SUBENTRY_TYPE_DEVICE,
        title=f"Device {instance}",
        unique_id=str(instance),
    )


def node_entry(port: int, *subentries: ConfigSubentryData) -> MockConfigEntry:
    """Return the entry of a node on loopback."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=f"BACnet/IP {NODE_ADDRESS}:{port}",
        data={
            CONF_INTERFACE: f"{NODE_ADDRESS}/8",
            "port": port,
            CONF_INSTANCE: NODE_INSTANCE,
            "name": "Test home",
        },
        subentries_data=subentries,
    )


async def set_up_entry(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Set up an entry and wait until its devices were read once."""
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    return entry


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that datagrams bring about; fail after ten seconds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)
