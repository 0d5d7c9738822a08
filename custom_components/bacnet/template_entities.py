"""Entities of our own that virtual devices made from templates have."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.components.number import NumberDeviceClass, NumberEntity, NumberMode
from homeassistant.components.select import SelectEntity
from homeassistant.components.switch import SwitchEntity
from homeassistant.components.text import TextEntity
from homeassistant.const import CONF_NAME, Platform
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity

from .const import CONF_POINT, DOMAIN
from .node.enumerations import EngineeringUnits, ObjectType
from .node.types import ObjectId
from .units import traits_of

if TYPE_CHECKING:
    from .hub import BacnetHub
    from .virtual_device import VirtualDevice

type Point = Mapping[str, Any]
"""One point of a template, as ``templates`` checked it."""

PLATFORMS_BY_TYPE: Final[dict[ObjectType, Platform]] = {
    ObjectType.ANALOG_INPUT: Platform.NUMBER,
    ObjectType.ANALOG_OUTPUT: Platform.NUMBER,
    ObjectType.ANALOG_VALUE: Platform.NUMBER,
    ObjectType.BINARY_INPUT: Platform.SWITCH,
    ObjectType.BINARY_OUTPUT: Platform.SWITCH,
    ObjectType.BINARY_VALUE: Platform.SWITCH,
    ObjectType.CHARACTERSTRING_VALUE: Platform.TEXT,
    ObjectType.INTEGER_VALUE: Platform.NUMBER,
    ObjectType.MULTI_STATE_INPUT: Platform.SELECT,
    ObjectType.MULTI_STATE_OUTPUT: Platform.SELECT,
    ObjectType.MULTI_STATE_VALUE: Platform.SELECT,
    ObjectType.POSITIVE_INTEGER_VALUE: Platform.NUMBER,
}
"""What Home Assistant has for both sides of an object; automations set all of them."""

_FIELDS: Final = (
    "description",
    "inactive_text",
    "active_text",
    "minimum",
    "maximum",
    "resolution",
    "cov_increment",
    "max_length",
    "own_priority",
    "minimum_on_time",
    "minimum_off_time",
)
_UNLIMITED: Final = 1_000_000.0
_MAX_TEXT: Final = 255


def type_of(point: Point) -> ObjectType:
    """Return the type of object that a point is."""
    return ObjectType[point["object_type"].upper().replace("-", "_")]


def units_of(point: Point) -> EngineeringUnits:
    """Return the engineering unit of a point."""
    return EngineeringUnits[point.get("units", "no-units").upper().replace("-", "_")]


def platform_of(point: Point) -> Platform:
    """Return the platform of a point's entity."""
    return PLATFORMS_BY_TYPE[type_of(point)]


def definition_fields_of(point: Point) -> dict[str, Any]:
    """Return fields of an ObjectDefinition, all but the name."""
    fields = {name: point[name] for name in _FIELDS if name in point}
    fields["units"] = units_of(point)
    if "states" in point:
        fields["states"] = tuple(point["states"])
    if "default" in point:
        default = point["default"]
        fields["relinquish_default"] = (
            point["states"].index(default) + 1 if "states" in point else default
        )
    return fields


def _unique_id(subentry_id: str, record: Mapping[str, Any]) -> str:
    return f"{subentry_id}-{record[CONF_POINT]['key']}"


def registry_id_of(hub: BacnetHub, subentry_id: str, record: Mapping[str, Any]) -> str:
    """Return the registry's id of a point's entity, which may be yet to come."""
    point = record[CONF_POINT]
    subentry = hub.entry.subentries[subentry_id]
    entity = er.async_get(hub.hass).async_get_or_create(
        platform_of(point),
        DOMAIN,
        _unique_id(subentry_id, record),
        config_entry=hub.entry,
        config_subentry_id=subentry_id,
        suggested_object_id=f"{subentry.title} {point[CONF_NAME]}",
    )
    return entity.id


class TemplateEntity(Entity):
    """One point of a template; its value is what anybody last made it."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(
        self, virtual_device: VirtualDevice, record: Mapping[str, Any], value: Any
    ) -> None:
        """Take what the template says, and the value of the last run."""
        self._point: Point = record[CONF_POINT]
        self._attr_unique_id = _unique_id(virtual_device.subentry_id, record)
        self._attr_name = self._point[CONF_NAME]
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, virtual_device.subentry_id)}
        )
        self._prepare(value)

    def _prepare(self, value: Any) -> None:
        raise NotImplementedError


class TemplateNumber(TemplateEntity, NumberEntity):
    """An analog point or an integer."""

    _attr_mode = NumberMode.BOX

    @override
    def _prepare(self, value: Any) -> None:
        point, traits = self._point, traits_of(units_of(self._point))
        self._attr_native_unit_of_measurement = traits.unit
        if traits.device_class:
            self._attr_device_class = NumberDeviceClass(traits.device_class)
        self._attr_native_min_value = point.get("minimum", -_UNLIMITED)
        self._attr_native_max_value = point.get("maximum", _UNLIMITED)
        self._attr_native_step = point.get("resolution", 0.1)
        self._attr_native_value = None if value is None else float(value)

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Take a value."""
        self._attr_native_value = value
        self.async_write_ha_state()


class TemplateSwitch(TemplateEntity, SwitchEntity):
    """A binary point."""

    @override
    def _prepare(self, value: Any) -> None:
        self._attr_is_on = None if value is None else bool(value)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Make it active."""
        self._attr_is_on = True
        self.async_write_ha_state()

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Make it inactive."""
        self._attr_is_on = False
        self.async_write_ha_state()


class TemplateSelect(TemplateEntity, SelectEntity):
    """A multi-state point."""

    @override
    def _prepare(self, value: Any) -> None:
        self._attr_options = list(self._point["states"])
        if value is not None and 1 <= value <= len(self._attr_options):
            self._attr_current_option = self._attr_options[value - 1]

    @override
    async def async_select_option(self, option: str) -> None:
        """Take a state."""
        self._attr_current_option = option
        self.async_write_ha_state()


class TemplateText(TemplateEntity, TextEntity):
    """A text."""

    @override
    def _prepare(self, value: Any) -> None:
        self._attr_native_max = min(self._point.get("max_length", _MAX_TEXT), _MAX_TEXT)
        self._attr_native_value = value

    @override
    async def async_set_value(self, value: str) -> None:
        """Take a text."""
        self._attr_native_value = value
        self.async_write_ha_state()


ENTITIES: Final[dict[Platform, Callable[..., TemplateEntity]]] = {
    Platform.NUMBER: TemplateNumber,
    Platform.SELECT: TemplateSelect,
    Platform.SWITCH: TemplateSwitch,
    Platform.TEXT: TemplateText,
}


def entities_of(
    virtual_device: VirtualDevice,
    platform: Platform,
    records: Mapping[ObjectId, Mapping[str, Any]],
) -> dict[ObjectId, TemplateEntity]:
    """Return the entities that a virtual device has on a platform."""
    return {
        object_id: ENTITIES[platform](
            virtual_device, record, virtual_device.initial_value(object_id)
        )
        for object_id, record in records.items()
        if CONF_POINT in record and platform_of(record[CONF_POINT]) == platform
    }
