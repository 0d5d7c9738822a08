"""Switches: binary points that can be commanded."""

from typing import Any, override

from homeassistant.components.switch import SwitchEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .client.models import PointValue
from .entity import BacnetPointEntity, binary_text_of
from .hub import BacnetConfigEntry
from .node.types import Enumerated

# The node bounds the requests to each device.
PARALLEL_UPDATES = 0

_INACTIVE = Enumerated(0)
_ACTIVE = Enumerated(1)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BacnetConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the switches of all devices, now and later."""
    entry.runtime_data.async_add_platform(
        Platform.SWITCH, BacnetSwitch, async_add_entities
    )


class BacnetSwitch(BacnetPointEntity, SwitchEntity):
    """A binary point that can be commanded."""

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

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Command the active state."""
        await self._async_command(_ACTIVE)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Command the inactive state."""
        await self._async_command(_INACTIVE)
