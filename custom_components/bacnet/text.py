"""Texts: character string values that can be written."""

from typing import override

from homeassistant.components.text import TextEntity
from homeassistant.const import MAX_LENGTH_STATE_STATE, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .client.models import PointValue
from .entity import BacnetPointEntity
from .hub import BacnetConfigEntry

# The node bounds the requests to each device.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BacnetConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the texts of all devices, now and later."""
    entry.runtime_data.async_add_platform(Platform.TEXT, BacnetText, async_add_entities)


class BacnetText(BacnetPointEntity, TextEntity):
    """A character string value that can be written."""

    @callback
    @override
    def _async_take(self, reading: PointValue) -> None:
        """Set the text, cut to what a state can hold."""
        value = reading.value
        self._attr_native_value = (
            value[:MAX_LENGTH_STATE_STATE] if isinstance(value, str) else None
        )

    @override
    async def async_set_value(self, value: str) -> None:
        """Write a text."""
        await self._async_command(value)
