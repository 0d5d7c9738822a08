"""Lights: lighting outputs."""

from typing import Any, override

from homeassistant.components.light import LightEntity
from homeassistant.components.light.const import ATTR_BRIGHTNESS, ColorMode
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util.color import brightness_to_value, value_to_brightness

from .client.models import PointValue
from .entity import BacnetPointEntity, number_of
from .hub import BacnetConfigEntry

# The node bounds the requests to each device.
PARALLEL_UPDATES = 0

_DIMMED = (1.0, 100.0)
"""Percent; 0 is off, and -1 to -3 are commands to warn first (clause 12.54.4)."""


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BacnetConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the lights of all devices, now and later."""
    entry.runtime_data.async_add_platform(
        Platform.LIGHT, BacnetLight, async_add_entities
    )


class BacnetLight(BacnetPointEntity, LightEntity):
    """A lighting output."""

    _attr_color_mode = ColorMode.BRIGHTNESS
    _attr_supported_color_modes = {ColorMode.BRIGHTNESS}

    @callback
    @override
    def _async_take(self, reading: PointValue) -> None:
        """Set state and brightness."""
        level = number_of(reading)
        self._attr_is_on = None if level is None else level > 0
        self._attr_brightness = (
            value_to_brightness(_DIMMED, max(level, _DIMMED[0]))
            if level is not None and level > 0
            else None
        )

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Command a level; the last one seen, or full, where none is given."""
        brightness = kwargs.get(ATTR_BRIGHTNESS, self.brightness or 255)
        await self._async_command(brightness_to_value(_DIMMED, brightness))

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Command darkness."""
        await self._async_command(0.0)
