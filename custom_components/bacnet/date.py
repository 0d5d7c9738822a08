"""Dates: date values that can be written."""

from datetime import date
from typing import override

from homeassistant.components.date import DateEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .calendar_values import date_of
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
    """Set up the entities of all devices, now and later."""
    entry.runtime_data.async_add_platform(Platform.DATE, BacnetDate, async_add_entities)


class BacnetDate(BacnetPointEntity, DateEntity):
    """A date value that can be written."""

    @callback
    @override
    def _async_take(self, reading: PointValue) -> None:
        """Set the value; one with wildcards has no counterpart."""
        self._attr_native_value = date_of(reading.value)

    @override
    async def async_set_value(self, value: date) -> None:
        """Write a value."""
        await self._async_command(value)
