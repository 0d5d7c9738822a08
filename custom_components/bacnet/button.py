"""Buttons that release commanded points to the building's own control."""

from typing import override

from homeassistant.components.button import ButtonEntity
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .client.models import Point, PointValue
from .const import RELEASE_SUFFIX
from .coordinator import DeviceCoordinator
from .entity import BacnetPointEntity
from .hub import BacnetConfigEntry

# The node bounds the requests to each device.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BacnetConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the buttons of all devices, now and later."""
    entry.runtime_data.async_add_platform(
        Platform.BUTTON, BacnetReleaseButton, async_add_entities
    )


class BacnetReleaseButton(BacnetPointEntity, ButtonEntity):
    """Takes back the command of Home Assistant: writes Null at its priority."""

    _attr_entity_category = EntityCategory.CONFIG
    _attr_entity_registry_enabled_default = False
    _attr_translation_key = "release"

    def __init__(self, coordinator: DeviceCoordinator, point: Point) -> None:
        """Stand beside the point's own entity."""
        super().__init__(coordinator, point)
        self._attr_unique_id = f"{self._attr_unique_id}{RELEASE_SUFFIX}"
        self._attr_translation_placeholders = {"point": str(self._attr_name)}
        del self._attr_name

    @callback
    @override
    def async_rename(self) -> None:
        """Keep the translated name; the next start takes the point's new one."""

    @callback
    @override
    def _async_take(self, reading: PointValue) -> None:
        """Show nothing of the value."""

    @override
    async def async_press(self) -> None:
        """Relinquish."""
        await self._async_command(None)
