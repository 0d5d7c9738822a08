"""Switches: binary points that can be commanded."""

from typing import Any, override

from homeassistant.components.switch import SwitchEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import BacnetBinaryEntity
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


class BacnetSwitch(BacnetBinaryEntity, SwitchEntity):
    """A binary point that can be commanded."""

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Command the active state."""
        await self._async_command(_ACTIVE)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Command the inactive state."""
        await self._async_command(_INACTIVE)
