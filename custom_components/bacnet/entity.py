"""Base of all entities that show a point of a remote device."""

import math
from typing import Any, override

from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .client.models import Point, PointValue
from .const import DOMAIN
from .coordinator import DeviceCoordinator
from .node.enumerations import Reliability, label_of
from .node.errors import BacnetError

ATTR_FAULT = "fault"
ATTR_IN_ALARM = "in_alarm"
ATTR_OBJECT = "object"
ATTR_OUT_OF_SERVICE = "out_of_service"
ATTR_OVERRIDDEN = "overridden"
ATTR_PRIORITY = "priority"
ATTR_RELIABILITY = "reliability"


def number_of(reading: PointValue) -> float | None:
    """Return the value of a numeric point; infinite and missing ones are unknown."""
    value = reading.value
    if isinstance(value, int | float) and math.isfinite(value):
        return value
    return None


def device_info_of(coordinator: DeviceCoordinator) -> DeviceInfo:
    """Return the device registry's description of a remote device."""
    inventory = coordinator.session.inventory
    assert inventory is not None
    device = inventory.device
    return DeviceInfo(
        identifiers={(DOMAIN, str(coordinator.instance))},
        name=device.name or coordinator.name,
        manufacturer=device.vendor_name or None,
        model=device.model_name or None,
        sw_version=device.application_software_version or None,
        hw_version=device.firmware_revision or None,
        serial_number=device.serial_number or None,
        via_device_id=coordinator.config_entry.runtime_data.device_id,
    )


class BacnetPointEntity(CoordinatorEntity[DeviceCoordinator], Entity):
    """A point; wakes up when its own value changes, or contact to the device."""

    _attr_has_entity_name = True
    _unrecorded_attributes = frozenset({ATTR_OBJECT})

    def __init__(self, coordinator: DeviceCoordinator, point: Point) -> None:
        """Identify the entity by device instance and object, never by address."""
        super().__init__(coordinator)
        self.point = point
        self._attr_unique_id = coordinator.unique_id_of(point)
        self._attr_name = coordinator.settings.name_of(point)
        self._attr_device_info = device_info_of(coordinator)

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the point."""
        await super().async_added_to_hass()
        self.async_on_remove(
            self.coordinator.async_follow(
                self.point.object_id, self._handle_coordinator_update
            )
        )
        self._async_take(self.reading)

    @property
    def reading(self) -> PointValue:
        """Return the latest reading."""
        return self.coordinator.reading_of(self.point)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return which object it is, and how good its value is."""
        reading = self.reading
        attributes: dict[str, Any] = {ATTR_OBJECT: str(self.point.object_id)}
        if (flags := reading.status_flags) is not None:
            attributes |= {
                ATTR_IN_ALARM: flags.in_alarm,
                ATTR_FAULT: flags.fault,
                ATTR_OVERRIDDEN: flags.overridden,
                ATTR_OUT_OF_SERVICE: flags.out_of_service,
            }
        if reading.reliability is not None:
            attributes[ATTR_RELIABILITY] = label_of(Reliability, reading.reliability)
        if self.point.commandable:
            attributes[ATTR_PRIORITY] = reading.priority
        return attributes

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Show the latest reading."""
        self._async_take(self.reading)
        self.async_write_ha_state()

    @callback
    def _async_take(self, reading: PointValue) -> None:
        """Set the entity's attributes from a reading."""
        raise NotImplementedError

    async def _async_command(self, value: object) -> None:
        """Write present-value, None to relinquish, and show what the device made of it.

        Raises HomeAssistantError with the device's own reason.
        """
        placeholders = {
            "point": self.coordinator.settings.name_of(self.point),
            "device": self.coordinator.name,
        }
        if self.coordinator.is_refused(self.point):
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="point_read_only",
                translation_placeholders=placeholders,
            )
        try:
            await self.coordinator.async_write(self.point, value)
        except BacnetError as error:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="write_failed",
                translation_placeholders=placeholders | {"error": str(error)},
            ) from error
        self._handle_coordinator_update()
