"""Base of all entities that show a point of a remote device."""

import math
from typing import Any, override

from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
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
ATTR_TEXT = "text"


def number_of(reading: PointValue, factor: float = 1.0) -> float | None:
    """Return the value of a numeric point times a factor; integers stay integers.

    Infinite and missing values are unknown.
    """
    value = reading.value
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value if factor == 1 else value * factor


def device_info_of(coordinator: DeviceCoordinator) -> DeviceInfo:
    """Return the device registry's description of a remote device."""
    inventory = coordinator.session.inventory
    assert inventory is not None
    device = inventory.device
    versions = (device.firmware_revision, device.application_software_version)
    return DeviceInfo(
        identifiers={(DOMAIN, str(coordinator.instance))},
        name=device.name or coordinator.name,
        manufacturer=device.vendor_name or None,
        model=device.model_name or None,
        sw_version=" / ".join(filter(None, versions)) or None,
        serial_number=device.serial_number or None,
        via_device_id=coordinator.config_entry.runtime_data.device_id,
    )


class BacnetDeviceEntity(CoordinatorEntity[DeviceCoordinator], Entity):
    """Something to know of a device as a whole; looked at with every poll."""

    _attr_has_entity_name = True

    def __init__(self, coordinator: DeviceCoordinator, key: str) -> None:
        """Identify the entity by device instance and what it tells."""
        super().__init__(coordinator)
        self._attr_unique_id = f"{coordinator.instance}-{key}"
        self._attr_device_info = device_info_of(coordinator)

    @override
    async def async_added_to_hass(self) -> None:
        """Look again after each poll; a coordinator tells only of lost contact."""
        await super().async_added_to_hass()
        self.async_on_remove(
            self.coordinator.async_after_poll(self._handle_coordinator_update)
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
    def async_rename(self) -> None:
        """Take another name, where the user chose one."""
        name = self.coordinator.settings.name_of(self.point)
        if name != self._attr_name and self.registry_entry is not None:
            self._attr_name = name
            er.async_get(self.hass).async_update_entity(
                self.entity_id, original_name=name
            )

    @callback
    def async_vanish(self) -> None:
        """Leave, since the device has the point no more; the registry keeps the entity.

        Its history may be worth keeping, and the point may come back.
        """
        if self.registry_entry is not None and not self.registry_entry.disabled:
            self.hass.async_create_task(self.async_remove())

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


class BacnetBinaryEntity(BacnetPointEntity):
    """A binary point, with the device's own words for its states."""

    _attr_is_on: bool | None

    @callback
    @override
    def _async_take(self, reading: PointValue) -> None:
        """Set the state."""
        self._attr_is_on = None if reading.value is None else bool(reading.value)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Add what the device calls the state, where it has a word for it."""
        attributes = super().extra_state_attributes
        texts = (self.point.inactive_text, self.point.active_text)
        if self.reading.value is not None and any(texts):
            attributes[ATTR_TEXT] = texts[bool(self.reading.value)]
        return attributes
