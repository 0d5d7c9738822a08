"""What a user can change of one object: the fields, their values, and their checks."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from homeassistant.const import CONF_DESCRIPTION, CONF_NAME
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
import voluptuous as vol

from .const import (
    CONF_ENABLED,
    CONF_INSTANCE,
    CONF_OVERRIDES,
    CONF_POINT,
    CONF_WRITABLE,
)
from .node.enumerations import EngineeringUnits, ObjectType, label_of
from .node.types import MAX_INSTANCE, ObjectId
from .server.definition import LOWEST_PRIORITY, MINIMUM_TIME_PRIORITY, ObjectDefinition
from .server.kinds import OBJECT_KINDS
from .server.values import BINARY, STATE, STRING
from .virtual_device import VirtualDevice

_OBJECT_TYPE: Final = "object_type"
_PRIORITY: Final = "own_priority"
_DEFAULT: Final = "relinquish_default"
_UNITS: Final = "units"
_NUMBERS: Final = ("cov_increment", "minimum", "maximum")

_NUMBER: Final = NumberSelector(
    NumberSelectorConfig(mode=NumberSelectorMode.BOX, step="any")
)
_INSTANCE: Final = NumberSelector(
    NumberSelectorConfig(mode=NumberSelectorMode.BOX, min=0, max=MAX_INSTANCE, step=1)
)
_PRIORITIES: Final = NumberSelector(
    NumberSelectorConfig(mode=NumberSelectorMode.BOX, min=1, max=16, step=1)
)


def _dropdown(options: Sequence[str]) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(
            options=list(options), mode=SelectSelectorMode.DROPDOWN, sort=False
        )
    )


def type_choices(virtual_device: VirtualDevice, record: Mapping[str, Any]) -> list[str]:
    """Return the types of object that a record can be."""
    object_id = ObjectId.parse(record["object"])
    exposure = virtual_device.exposure(object_id)
    aspect = None if exposure is None else exposure.aspect
    if aspect is None or CONF_POINT in record:
        return []
    return [label_of(ObjectType, object_type) for object_type in aspect.object_types]


def _is_numeric(definition: ObjectDefinition) -> bool:
    return OBJECT_KINDS[definition.object_id.type].value.encode_span is not None


def _default_selector(definition: ObjectDefinition) -> Any:
    """Return how a relinquish default is entered, None where it can not be."""
    value = OBJECT_KINDS[definition.object_id.type].value
    if value is BINARY:
        return _dropdown([definition.inactive_text, definition.active_text])
    if value is STATE:
        return _dropdown(definition.states)
    if value is STRING:
        return TextSelector()
    return _NUMBER if _is_numeric(definition) else None


def object_schema(
    definition: ObjectDefinition | None,
    record: Mapping[str, Any],
    choices: Sequence[str],
) -> vol.Schema:
    """Return the form for an object."""
    fields: dict[Any, Any] = {vol.Required(CONF_ENABLED): BooleanSelector()}
    if choices:
        fields[vol.Required(_OBJECT_TYPE)] = _dropdown(choices)
    fields[vol.Required(CONF_INSTANCE)] = _INSTANCE
    fields[vol.Optional(CONF_NAME)] = TextSelector()
    fields[vol.Optional(CONF_DESCRIPTION)] = TextSelector()
    fields[vol.Required(CONF_WRITABLE)] = BooleanSelector()
    fields[vol.Required(_PRIORITY)] = _PRIORITIES
    if definition is not None:
        if _is_numeric(definition):
            fields[vol.Optional(_UNITS)] = _dropdown(
                [label_of(EngineeringUnits, units) for units in EngineeringUnits]
            )
            fields |= {vol.Optional(name): _NUMBER for name in _NUMBERS}
        if (selector := _default_selector(definition)) is not None:
            fields[vol.Optional(_DEFAULT)] = selector
    return vol.Schema(fields)


def object_values(
    definition: ObjectDefinition | None, record: Mapping[str, Any], *, writable: bool
) -> dict[str, Any]:
    """Return what the form is filled in with: only what differs from the usual."""
    overrides = dict(record.get(CONF_OVERRIDES, {}))
    values: dict[str, Any] = {
        CONF_ENABLED: record.get(CONF_ENABLED, True),
        _OBJECT_TYPE: record["object"].split(",")[0],
        CONF_INSTANCE: ObjectId.parse(record["object"]).instance,
        CONF_WRITABLE: record.get(
            CONF_WRITABLE, writable if definition is None else definition.writable
        ),
        _PRIORITY: overrides.pop(_PRIORITY, LOWEST_PRIORITY),
    }
    if _UNITS in overrides:
        overrides[_UNITS] = label_of(EngineeringUnits, overrides[_UNITS])
    if _DEFAULT in overrides and definition is not None:
        overrides[_DEFAULT] = _shown_default(overrides[_DEFAULT], definition)
    return values | overrides


def _shown_default(default: Any, definition: ObjectDefinition) -> Any:
    value = OBJECT_KINDS[definition.object_id.type].value
    if value is BINARY:
        return definition.active_text if default else definition.inactive_text
    return definition.states[default - 1] if value is STATE else default


def _default_of(shown: Any, definition: ObjectDefinition) -> Any:
    value = OBJECT_KINDS[definition.object_id.type].value
    if value is BINARY:
        return shown == definition.active_text
    return definition.states.index(shown) + 1 if value is STATE else shown


def overrides_of(
    user_input: Mapping[str, Any],
    definition: ObjectDefinition | None,
    record: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what differs from the usual, and what is wrong with it."""
    errors: dict[str, str] = {}
    overrides: dict[str, Any] = {
        name: text
        for name in (CONF_NAME, CONF_DESCRIPTION)
        if (text := user_input.get(name, "").strip())
    }
    priority = int(user_input[_PRIORITY])
    if priority == MINIMUM_TIME_PRIORITY:
        errors[_PRIORITY] = "priority_reserved"
    elif priority != LOWEST_PRIORITY:
        overrides[_PRIORITY] = priority
    if units := user_input.get(_UNITS):
        overrides[_UNITS] = int(EngineeringUnits[units.upper().replace("-", "_")])
    overrides |= {
        name: user_input[name] for name in _NUMBERS if user_input.get(name) is not None
    }
    if user_input.get("cov_increment", 0) < 0:
        errors["cov_increment"] = "negative"
    low, high = user_input.get("minimum"), user_input.get("maximum")
    if low is not None and high is not None and low > high:
        errors["maximum"] = "limits_crossed"
    default = user_input.get(_DEFAULT)
    if default not in (None, "") and definition is not None:
        overrides[_DEFAULT] = _default_of(default, definition)
    return overrides, errors
