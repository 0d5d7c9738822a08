"""Dates with times: datetime values that can be written."""

from datetime import datetime
from typing import override

from homeassistant.components.datetime import DateTimeEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .calendar_values import datetime_of
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
    entry.runtime_data.async_add_platform(
        Platform.DATETIME, BacnetDateTime, async_add_entities
    )


class BacnetDateTime(BacnetPointEntity, DateTimeEntity):
    """A datetime value that can be written."""

    @callback
    @override
    def _async_take(self, reading: PointValue) -> None:
        """Set the value; one with wildcards has no counterpart."""
        self._attr_native_value = datetime_of(reading.value)

    @override
    async def async_set_value(self, value: datetime) -> None:
        """Write a value in local time, as BACnet means it."""
        await self._async_command(dt_util.as_local(value))
