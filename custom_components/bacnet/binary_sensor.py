"""Binary sensors: binary points that can only be read."""

from typing import Any, override

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .client.models import PointValue
from .entity import BacnetPointEntity, binary_text_of
from .hub import BacnetConfigEntry

# The coordinator polls; entities do nothing on their own.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BacnetConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the binary sensors of all devices, now and later."""
    entry.runtime_data.async_add_platform(
        Platform.BINARY_SENSOR, BacnetBinarySensor, async_add_entities
    )


class BacnetBinarySensor(BacnetPointEntity, BinarySensorEntity):
    """A binary point."""

    @callback
    @override
    def _async_take(self, reading: PointValue) -> None:
        """Set the state."""
        self._attr_is_on = None if reading.value is None else bool(reading.value)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Add what the device calls the state."""
        return super().extra_state_attributes | binary_text_of(self.point, self.reading)
