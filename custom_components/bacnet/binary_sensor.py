"""Binary sensors: binary points that can only be read."""

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import BacnetBinaryEntity
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


class BacnetBinarySensor(BacnetBinaryEntity, BinarySensorEntity):
    """A binary point."""
