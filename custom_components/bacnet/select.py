"""Selects: multi-state points that can be commanded."""

from typing import override

from homeassistant.components.select import SelectEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .client.models import Point, PointValue
from .coordinator import DeviceCoordinator
from .entity import BacnetPointEntity
from .hub import BacnetConfigEntry
from .point_mapping import options_of

# The node bounds the requests to each device.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BacnetConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the selects of all devices, now and later."""
    entry.runtime_data.async_add_platform(
        Platform.SELECT, BacnetSelect, async_add_entities
    )


class BacnetSelect(BacnetPointEntity, SelectEntity):
    """A multi-state point that can be commanded."""

    def __init__(self, coordinator: DeviceCoordinator, point: Point) -> None:
        """Offer the state texts."""
        super().__init__(coordinator, point)
        self._attr_options = options_of(point.states)

    @callback
    @override
    def _async_take(self, reading: PointValue) -> None:
        """Set the text of the state; states count from one."""
        value = reading.value
        self._attr_current_option = (
            self.options[value - 1]
            if isinstance(value, int) and 1 <= value <= len(self.options)
            else None
        )

    @override
    async def async_select_option(self, option: str) -> None:
        """Command a state by its number."""
        await self._async_command(self.options.index(option) + 1)
