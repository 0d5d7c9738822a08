"""Numbers: analog points that can be commanded."""

from typing import override

from homeassistant.components.number import NumberDeviceClass, NumberEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .client.models import Point, PointValue
from .coordinator import DeviceCoordinator
from .entity import BacnetPointEntity, number_of
from .hub import BacnetConfigEntry
from .point_mapping import range_of
from .units import traits_of

# The node bounds the requests to each device.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BacnetConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the numbers of all devices, now and later."""
    entry.runtime_data.async_add_platform(
        Platform.NUMBER, BacnetNumber, async_add_entities
    )


class BacnetNumber(BacnetPointEntity, NumberEntity):
    """An analog point that can be commanded."""

    def __init__(self, coordinator: DeviceCoordinator, point: Point) -> None:
        """Take unit, class and limits from the point."""
        super().__init__(coordinator, point)
        traits = traits_of(point.units)
        self._factor = traits.factor
        self._attr_native_unit_of_measurement = traits.unit
        self._attr_device_class = (
            NumberDeviceClass(traits.device_class) if traits.device_class else None
        )
        limits = range_of(point)
        self._attr_native_min_value = limits.minimum
        self._attr_native_max_value = limits.maximum
        self._attr_native_step = limits.step

    @callback
    @override
    def _async_take(self, reading: PointValue) -> None:
        """Set the value."""
        self._attr_native_value = number_of(reading, self._factor)

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Command a value."""
        await self._async_command(value / self._factor)
