"""Sensors: points that can only be read."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorStateClass,
)
from homeassistant.const import MAX_LENGTH_STATE_STATE, EntityCategory, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .calendar_values import date_of, datetime_of, text_of
from .client.models import Point, PointValue
from .const import UPDATES
from .coordinator import DeviceCoordinator
from .entity import BacnetDeviceEntity, BacnetPointEntity, number_of
from .hub import BacnetConfigEntry
from .node.enumerations import ObjectType
from .point_mapping import COUNTERS, MULTI_STATE, is_ordinary, options_of, precision_of
from .units import traits_of

# The coordinator polls; entities do nothing on their own.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BacnetConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the sensors of all devices, now and later."""
    entry.runtime_data.async_add_platform(
        Platform.SENSOR, _sensor_of, async_add_entities, BacnetUpdatesSensor
    )


class BacnetAnalogSensor(BacnetPointEntity, SensorEntity):
    """A number with a unit."""

    def __init__(self, coordinator: DeviceCoordinator, point: Point) -> None:
        """Take unit and classes from the engineering units."""
        super().__init__(coordinator, point)
        traits = traits_of(point.units)
        self._factor = traits.factor * (point.scale or 1.0)
        self._attr_native_unit_of_measurement = traits.unit
        self._attr_device_class = traits.device_class
        self._attr_state_class = traits.state_class
        if point.object_id.type in COUNTERS:
            self._attr_state_class = SensorStateClass.TOTAL_INCREASING
        self._attr_suggested_display_precision = precision_of(point)

    @callback
    @override
    def _async_take(self, reading: PointValue) -> None:
        """Set the value."""
        self._attr_native_value = number_of(reading, self._factor)


class BacnetStateSensor(BacnetPointEntity, SensorEntity):
    """A multi-state point, shown by its state text."""

    _attr_device_class = SensorDeviceClass.ENUM

    def __init__(self, coordinator: DeviceCoordinator, point: Point) -> None:
        """Offer the state texts."""
        super().__init__(coordinator, point)
        self._options = options_of(point.states)
        self._attr_options = self._options

    @callback
    @override
    def _async_take(self, reading: PointValue) -> None:
        """Set the text of the state; states count from one."""
        value = reading.value
        self._attr_native_value = (
            self._options[value - 1]
            if isinstance(value, int) and 1 <= value <= len(self._options)
            else None
        )


class BacnetTextSensor(BacnetPointEntity, SensorEntity):
    """A point that is shown as text, cut to what a state can hold."""

    @callback
    @override
    def _async_take(self, reading: PointValue) -> None:
        """Set the text."""
        value = reading.value
        text = text_of(value) or (None if value is None else str(value))
        self._attr_native_value = text and text[:MAX_LENGTH_STATE_STATE]


class BacnetDateSensor(BacnetPointEntity, SensorEntity):
    """A date."""

    _attr_device_class = SensorDeviceClass.DATE
    _attr_native_value: date | None

    @callback
    @override
    def _async_take(self, reading: PointValue) -> None:
        """Set the date; one with wildcards has no counterpart."""
        self._attr_native_value = date_of(reading.value)


class BacnetTimestampSensor(BacnetPointEntity, SensorEntity):
    """A date with a time."""

    _attr_device_class = SensorDeviceClass.TIMESTAMP
    _attr_native_value: datetime | None

    @callback
    @override
    def _async_take(self, reading: PointValue) -> None:
        """Set the moment; one with wildcards has no counterpart."""
        self._attr_native_value = datetime_of(reading.value)


class BacnetDiagnosticSensor(BacnetTextSensor):
    """The present-value of an object that has no place in Home Assistant."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC


class BacnetUpdatesSensor(BacnetDeviceEntity, SensorEntity):
    """How the points of a device are kept up to date."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_translation_key = UPDATES

    def __init__(self, coordinator: DeviceCoordinator) -> None:
        """Belong to the device."""
        super().__init__(coordinator, UPDATES)

    @property
    @override
    def native_value(self) -> str:
        """Return the counts in words: ``COV 20/20, 140 polled``."""
        return self.coordinator.session.cov_text


_SENSORS: Final[Mapping[int, type[BacnetPointEntity]]] = {
    ObjectType.CHARACTERSTRING_VALUE: BacnetTextSensor,
    ObjectType.DATE_VALUE: BacnetDateSensor,
    ObjectType.DATETIME_VALUE: BacnetTimestampSensor,
    ObjectType.TIME_VALUE: BacnetTextSensor,
    **dict.fromkeys(MULTI_STATE, BacnetStateSensor),
}


def _sensor_of(coordinator: DeviceCoordinator, point: Point) -> BacnetPointEntity:
    ordinary = BacnetAnalogSensor if is_ordinary(point) else BacnetDiagnosticSensor
    return _SENSORS.get(point.object_id.type, ordinary)(coordinator, point)
