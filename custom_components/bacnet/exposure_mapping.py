"""What an entity becomes on our BACnet device: one table, pure functions."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, Final

from homeassistant.components.alarm_control_panel.const import AlarmControlPanelState
from homeassistant.components.climate.const import HVACAction
from homeassistant.components.humidifier.const import HumidifierAction
from homeassistant.components.light.const import ColorMode
from homeassistant.components.light.helper import brightness_supported
from homeassistant.components.weather import (
    ATTR_CONDITION_CLEAR_NIGHT,
    ATTR_CONDITION_CLOUDY,
    ATTR_CONDITION_EXCEPTIONAL,
    ATTR_CONDITION_FOG,
    ATTR_CONDITION_HAIL,
    ATTR_CONDITION_LIGHTNING,
    ATTR_CONDITION_LIGHTNING_RAINY,
    ATTR_CONDITION_PARTLYCLOUDY,
    ATTR_CONDITION_POURING,
    ATTR_CONDITION_RAINY,
    ATTR_CONDITION_SNOWY,
    ATTR_CONDITION_SNOWY_RAINY,
    ATTR_CONDITION_SUNNY,
    ATTR_CONDITION_WINDY,
    ATTR_CONDITION_WINDY_VARIANT,
)
from homeassistant.const import (
    ATTR_DEVICE_CLASS,
    ATTR_TEMPERATURE,
    ATTR_UNIT_OF_MEASUREMENT,
    PERCENTAGE,
    STATE_HOME,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import State, split_entity_id
from homeassistant.util import dt as dt_util

from .exposure_aspects import (
    ATTRIBUTE_PREFIX,
    STATE_ASPECT,
    SYSTEM_TEMPERATURE,
    Action,
    Aspect,
    Kind,
    Limits,
    attribute_aspects,
)
from .node.enumerations import Reliability

_MAX_TEXT: Final = 255
"""Longest state of an entity in Home Assistant."""

_IN_TRANSIT: Final = frozenset({"opening", "closing", "locking", "unlocking"})
"""States on the way to what was commanded."""

_WHOLE_PERCENT: Final = Limits(0, 100, 1)
_LIGHT_LEVELS: Final = 255


# --- reading ------------------------------------------------------------------------------


def _number(state: State) -> float:
    return float(state.state)


def _text(state: State) -> str:
    return state.state


def _attribute(name: str) -> Callable[[State], Any]:
    """Return a reader of an attribute; None is no value."""

    def read(state: State) -> Any:
        if (value := state.attributes[name]) is None:
            raise ValueError(f"{name} is not known")
        return value

    return read


def _is(on: str, *off: str) -> Callable[[State], bool]:
    """Return a reader of a state that is one of two; any other is no value."""

    def read(state: State) -> bool:
        if state.state != on and state.state not in off:
            raise ValueError(state.state)
        return state.state == on

    return read


_on = _is(STATE_ON, STATE_OFF)


def _moment(state: State) -> datetime:
    if (moment := dt_util.parse_datetime(state.state)) is None:
        raise ValueError(state.state)
    # Without a zone it is local time.
    return moment if moment.tzinfo else dt_util.as_local(moment)


def _day(state: State) -> date:
    if (day := dt_util.parse_date(state.state)) is None:
        raise ValueError(state.state)
    return day


def _clock(state: State) -> time:
    if (clock := dt_util.parse_time(state.state)) is None:
        raise ValueError(state.state)
    return clock


def _brightness(state: State) -> float:
    """Return percent; a light that is off gives none."""
    if not _on(state):
        return 0
    return float(round(_attribute("brightness")(state) * 100 / _LIGHT_LEVELS))


def _fan_speed(state: State) -> float:
    return float(_attribute("percentage")(state)) if _on(state) else 0


# --- describing ---------------------------------------------------------------------------


def _has(*names: str) -> Callable[[State], bool]:
    return lambda state: all(name in state.attributes for name in names)


def _limits(minimum: str, maximum: str, step: str) -> Callable[[State], Limits]:
    return lambda state: Limits(*map(state.attributes.get, (minimum, maximum, step)))


def _options(name: str) -> Callable[[State], Sequence[str]]:
    return lambda state: list(state.attributes.get(name) or ())


def _fixed(*options: str) -> Callable[[State], Sequence[str]]:
    return lambda _: options


def _unit(name: str = ATTR_UNIT_OF_MEASUREMENT) -> Callable[[State], str | None]:
    return lambda state: state.attributes.get(name)


def _always_unit(unit: str) -> Callable[[State], str | None]:
    return lambda _: unit


def _texts(inactive: str, active: str) -> Callable[[State], tuple[str, str]]:
    return lambda _: (inactive, active)


_BINARY_SENSOR_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "battery": ("Normal", "Low"),
    "battery_charging": ("Not charging", "Charging"),
    "carbon_monoxide": ("Clear", "Detected"),
    "cold": ("Normal", "Cold"),
    "connectivity": ("Disconnected", "Connected"),
    "door": ("Closed", "Open"),
    "garage_door": ("Closed", "Open"),
    "gas": ("Clear", "Detected"),
    "glass_break": ("Clear", "Glass break detected"),
    "heat": ("Normal", "Hot"),
    "light": ("No light", "Light detected"),
    "lock": ("Locked", "Unlocked"),
    "moisture": ("Dry", "Wet"),
    "motion": ("Clear", "Detected"),
    "moving": ("Not moving", "Moving"),
    "occupancy": ("Clear", "Detected"),
    "opening": ("Closed", "Open"),
    "plug": ("Unplugged", "Plugged in"),
    "power": ("Off", "On"),
    "presence": ("Away", "Home"),
    "problem": ("OK", "Problem"),
    "running": ("Not running", "Running"),
    "safety": ("Safe", "Unsafe"),
    "smoke": ("Clear", "Detected"),
    "sound": ("Clear", "Detected"),
    "tamper": ("Clear", "Tampering detected"),
    "update": ("Up-to-date", "Update available"),
    "vibration": ("Clear", "Detected"),
    "window": ("Closed", "Open"),
}
"""The words that Home Assistant's frontend uses."""


def _binary_sensor_texts(state: State) -> tuple[str, str]:
    device_class = state.attributes.get(ATTR_DEVICE_CLASS, "")
    return _BINARY_SENSOR_TEXTS.get(device_class, ("Off", "On"))


def _is_enum(state: State) -> bool:
    return state.attributes.get(ATTR_DEVICE_CLASS) == "enum"


def _is_class(device_class: str) -> Callable[[State], bool]:
    return lambda state: state.attributes.get(ATTR_DEVICE_CLASS) == device_class


def _is_numeric(state: State) -> bool:
    if not {ATTR_UNIT_OF_MEASUREMENT, "state_class"}.isdisjoint(state.attributes):
        return True
    try:
        float(state.state)
    except ValueError:
        return False
    return True


def _dims(state: State) -> bool:
    return brightness_supported(state.attributes.get("supported_color_modes"))


def _has_white_range(state: State) -> bool:
    modes = state.attributes.get("supported_color_modes") or ()
    return ColorMode.COLOR_TEMP in modes


def _has_parts(has_date: bool, has_time: bool) -> Callable[[State], bool]:
    wanted = (has_date, has_time)
    return lambda state: (
        (state.attributes.get("has_date"), state.attributes.get("has_time")) == wanted
    )


# --- acting -------------------------------------------------------------------------------

type _Act = Callable[[Any, State], Action]


def _call(domain: str, service: str, field: str) -> _Act:
    return lambda value, _: Action(domain, service, {field: value})


def _call_text(domain: str, service: str, field: str) -> _Act:
    return lambda value, _: Action(domain, service, {field: value.isoformat()})


def _either(domain: str, inactive: str, active: str) -> _Act:
    return lambda value, _: Action(domain, active if value else inactive, {})


def _choose(domain: str, services: Mapping[str, str]) -> _Act:
    return lambda value, _: Action(domain, services[value], {})


def _dim(value: float, _: State) -> Action:
    if value <= 0:
        return Action("light", "turn_off", {})
    return Action("light", "turn_on", {"brightness_pct": value})


def _set_range(field: str, other: str) -> _Act:
    """Return how to set one end of a range; the other has to be said as well."""
    return lambda value, state: Action(
        "climate",
        "set_temperature",
        {field: value, other: state.attributes[other]},
    )


# --- the table ----------------------------------------------------------------------------


def _switch(domain: str) -> Aspect:
    return Aspect(
        kind=Kind.BINARY, read=_on, act=_either(domain, "turn_off", "turn_on")
    )


def _presence() -> tuple[Aspect, ...]:
    return (
        Aspect(
            kind=Kind.BINARY,
            read=lambda state: state.state == STATE_HOME,
            texts=_texts("Away", "Home"),
        ),
        Aspect(
            key="zone", kind=Kind.TEXT, read=_text, max_length=_fixed_max, usual=False
        ),
    )


def _fixed_max(_: State) -> int:
    return _MAX_TEXT


def _settable_number(domain: str) -> Aspect:
    return Aspect(
        kind=Kind.ANALOG,
        read=_number,
        act=_call(domain, "set_value", "value"),
        unit=_unit(),
        limits=_limits("min", "max", "step"),
    )


def _settable_text(domain: str) -> Aspect:
    return Aspect(
        kind=Kind.TEXT,
        read=_text,
        act=_call(domain, "set_value", "value"),
        max_length=lambda state: int(state.attributes.get("max", _MAX_TEXT)),
    )


def _choice(domain: str) -> Aspect:
    return Aspect(
        kind=Kind.STATES,
        read=_text,
        act=_call(domain, "select_option", "option"),
        options=_options("options"),
    )


def _press(domain: str) -> Aspect:
    # A button is never pressed for longer than a moment.
    return Aspect(
        kind=Kind.BINARY,
        read=lambda _: False,
        act=lambda *_: Action(domain, "press", {}),
        texts=_texts("Idle", "Press"),
        reads_unknown=True,
    )


def _mode(
    domain: str, key: str, options: str, service: str, *, usual: bool = True
) -> Aspect:
    """Return an attribute that is one of those in another attribute."""
    return Aspect(
        key=key,
        kind=Kind.STATES,
        read=_attribute(key),
        act=_call(domain, service, key),
        options=_options(options),
        exists=_has(options),
        prettify=True,
        usual=usual,
    )


def _opening(domain: str, close: str, open_: str, position: str) -> tuple[Aspect, ...]:
    return (
        Aspect(
            kind=Kind.BINARY,
            read=lambda state: (
                state.state != "closed"
                if state.state in {"open", "closed", "opening", "closing"}
                else _no_value(state)
            ),
            act=_either(domain, close, open_),
            texts=_texts("Closed", "Open"),
        ),
        Aspect(
            key="position",
            kind=Kind.ANALOG,
            read=_attribute("current_position"),
            act=_call(domain, position, "position"),
            unit=_always_unit(PERCENTAGE),
            limits=lambda _: _WHOLE_PERCENT,
            exists=_has("current_position"),
        ),
    )


def _no_value(state: State) -> bool:
    raise ValueError(state.state)


def _temperature(key: str, act: _Act | None = None) -> Aspect:
    return Aspect(
        key=key,
        kind=Kind.ANALOG,
        read=_attribute(key),
        act=act,
        unit=_always_unit(SYSTEM_TEMPERATURE),
        limits=(
            _limits("min_temp", "max_temp", "target_temp_step")
            if act
            else lambda _: Limits()
        ),
        exists=_has(key),
    )


def _humidity(
    key: str, act: _Act | None = None, *, step: str = "target_humidity_step"
) -> Aspect:
    return Aspect(
        key=key,
        kind=Kind.ANALOG,
        read=_attribute(key),
        act=act,
        unit=_always_unit("%RH"),
        limits=(
            _limits("min_humidity", "max_humidity", step) if act else lambda _: Limits()
        ),
        exists=_has(key),
    )


def _weather_number(key: str, unit: Callable[[State], str | None]) -> Aspect:
    return Aspect(
        key=key,
        kind=Kind.ANALOG,
        read=_attribute(key),
        unit=unit,
        exists=_has(key),
    )


_CONDITIONS: Final = (
    ATTR_CONDITION_CLEAR_NIGHT,
    ATTR_CONDITION_CLOUDY,
    ATTR_CONDITION_EXCEPTIONAL,
    ATTR_CONDITION_FOG,
    ATTR_CONDITION_HAIL,
    ATTR_CONDITION_LIGHTNING,
    ATTR_CONDITION_LIGHTNING_RAINY,
    ATTR_CONDITION_PARTLYCLOUDY,
    ATTR_CONDITION_POURING,
    ATTR_CONDITION_RAINY,
    ATTR_CONDITION_SNOWY,
    ATTR_CONDITION_SNOWY_RAINY,
    ATTR_CONDITION_SUNNY,
    ATTR_CONDITION_WINDY,
    ATTR_CONDITION_WINDY_VARIANT,
)

_ALARM_SERVICES: Final[dict[str, str]] = {
    AlarmControlPanelState.DISARMED: "alarm_disarm",
    AlarmControlPanelState.ARMED_HOME: "alarm_arm_home",
    AlarmControlPanelState.ARMED_AWAY: "alarm_arm_away",
    AlarmControlPanelState.ARMED_NIGHT: "alarm_arm_night",
    AlarmControlPanelState.ARMED_VACATION: "alarm_arm_vacation",
    AlarmControlPanelState.ARMED_CUSTOM_BYPASS: "alarm_arm_custom_bypass",
}

_TIMER_SERVICES: Final = {"idle": "cancel", "active": "start", "paused": "pause"}

# The numbers of states are known to the building: new ones only at the end.
ASPECTS: Final[dict[str, tuple[Aspect, ...]]] = {
    "alarm_control_panel": (
        Aspect(
            kind=Kind.STATES,
            read=_text,
            act=_choose("alarm_control_panel", _ALARM_SERVICES),
            options=_fixed(*AlarmControlPanelState),
            prettify=True,
            guarded=True,
        ),
    ),
    "binary_sensor": (Aspect(kind=Kind.BINARY, read=_on, texts=_binary_sensor_texts),),
    "button": (_press("button"),),
    "climate": (
        Aspect(
            kind=Kind.STATES,
            read=_text,
            act=_call("climate", "set_hvac_mode", "hvac_mode"),
            options=_options("hvac_modes"),
            prettify=True,
        ),
        _temperature("current_temperature"),
        _temperature(
            ATTR_TEMPERATURE, _call("climate", "set_temperature", ATTR_TEMPERATURE)
        ),
        _temperature(
            "target_temp_low", _set_range("target_temp_low", "target_temp_high")
        ),
        _temperature(
            "target_temp_high", _set_range("target_temp_high", "target_temp_low")
        ),
        Aspect(
            key="hvac_action",
            kind=Kind.STATES,
            read=_attribute("hvac_action"),
            options=_fixed(*HVACAction),
            exists=_has("hvac_action"),
            prettify=True,
        ),
        _mode("climate", "fan_mode", "fan_modes", "set_fan_mode"),
        _humidity("current_humidity"),
        _humidity("humidity", _call("climate", "set_humidity", "humidity")),
        _mode("climate", "preset_mode", "preset_modes", "set_preset_mode", usual=False),
        _mode("climate", "swing_mode", "swing_modes", "set_swing_mode", usual=False),
    ),
    "counter": (
        Aspect(
            kind=Kind.INTEGER,
            read=_number,
            act=_call("counter", "set_value", "value"),
            limits=_limits("minimum", "maximum", "step"),
        ),
    ),
    "cover": _opening("cover", "close_cover", "open_cover", "set_cover_position"),
    "date": (
        Aspect(kind=Kind.DATE, read=_day, act=_call_text("date", "set_value", "date")),
    ),
    "datetime": (
        Aspect(
            kind=Kind.DATETIME,
            read=_moment,
            act=_call_text("datetime", "set_value", "datetime"),
        ),
    ),
    "device_tracker": _presence(),
    "event": (
        Aspect(
            kind=Kind.STATES,
            read=_attribute("event_type"),
            options=_options("event_types"),
            prettify=True,
        ),
        Aspect(key="time", kind=Kind.DATETIME, read=_moment),
    ),
    "fan": (
        _switch("fan"),
        Aspect(
            key="percentage",
            kind=Kind.ANALOG,
            read=_fan_speed,
            act=_call("fan", "set_percentage", "percentage"),
            unit=_always_unit(PERCENTAGE),
            limits=lambda state: Limits(
                0, 100, state.attributes.get("percentage_step")
            ),
            exists=_has("percentage"),
        ),
        _mode("fan", "preset_mode", "preset_modes", "set_preset_mode", usual=False),
    ),
    "humidifier": (
        _switch("humidifier"),
        _humidity("humidity", _call("humidifier", "set_humidity", "humidity")),
        _humidity("current_humidity"),
        _mode("humidifier", "mode", "available_modes", "set_mode"),
        Aspect(
            key="action",
            kind=Kind.STATES,
            read=_attribute("action"),
            options=_fixed(*HumidifierAction),
            exists=_has("action"),
            prettify=True,
        ),
    ),
    "input_boolean": (_switch("input_boolean"),),
    "input_button": (_press("input_button"),),
    "input_datetime": (
        Aspect(
            kind=Kind.DATETIME,
            read=_moment,
            act=lambda value, _: Action(
                "input_datetime",
                "set_datetime",
                {"datetime": value.strftime("%Y-%m-%d %H:%M:%S")},
            ),
            exists=_has_parts(True, True),
        ),
        Aspect(
            kind=Kind.DATE,
            read=_day,
            act=_call_text("input_datetime", "set_datetime", "date"),
            exists=_has_parts(True, False),
        ),
        Aspect(
            kind=Kind.TIME,
            read=_clock,
            act=_call_text("input_datetime", "set_datetime", "time"),
            exists=_has_parts(False, True),
        ),
    ),
    "input_number": (_settable_number("input_number"),),
    "input_select": (_choice("input_select"),),
    "input_text": (_settable_text("input_text"),),
    "light": (
        _switch("light"),
        Aspect(
            key="brightness",
            kind=Kind.ANALOG,
            read=_brightness,
            act=_dim,
            unit=_always_unit(PERCENTAGE),
            limits=lambda _: _WHOLE_PERCENT,
            exists=_dims,
        ),
        Aspect(
            key="color_temp_kelvin",
            kind=Kind.ANALOG,
            read=_attribute("color_temp_kelvin"),
            act=_call("light", "turn_on", "color_temp_kelvin"),
            unit=_always_unit("K"),
            limits=lambda state: Limits(
                state.attributes.get("min_color_temp_kelvin"),
                state.attributes.get("max_color_temp_kelvin"),
                1,
            ),
            exists=_has_white_range,
            usual=False,
        ),
    ),
    "lock": (
        Aspect(
            kind=Kind.BINARY,
            read=lambda state: (
                state.state == "locked"
                if state.state
                in {"locked", "unlocked", "open", "opening", "locking", "unlocking"}
                else _no_value(state)
            ),
            act=_either("lock", "unlock", "lock"),
            texts=_texts("Unlocked", "Locked"),
        ),
    ),
    "number": (_settable_number("number"),),
    "person": _presence(),
    "schedule": (Aspect(kind=Kind.BINARY, read=_on),),
    "select": (_choice("select"),),
    "sensor": (
        Aspect(
            kind=Kind.STATES,
            read=_text,
            options=_options("options"),
            exists=_is_enum,
        ),
        Aspect(kind=Kind.DATETIME, read=_moment, exists=_is_class("timestamp")),
        Aspect(kind=Kind.DATE, read=_day, exists=_is_class("date")),
        Aspect(kind=Kind.ANALOG, read=_number, unit=_unit(), exists=_is_numeric),
        Aspect(kind=Kind.TEXT, read=_text, max_length=_fixed_max),
    ),
    "switch": (_switch("switch"),),
    "text": (_settable_text("text"),),
    "time": (
        Aspect(
            kind=Kind.TIME, read=_clock, act=_call_text("time", "set_value", "time")
        ),
    ),
    "timer": (
        Aspect(
            kind=Kind.STATES,
            read=_text,
            act=_choose("timer", _TIMER_SERVICES),
            options=_fixed(*_TIMER_SERVICES),
            prettify=True,
        ),
    ),
    "valve": _opening("valve", "close_valve", "open_valve", "set_valve_position"),
    "water_heater": (
        Aspect(
            kind=Kind.STATES,
            read=_text,
            act=_call("water_heater", "set_operation_mode", "operation_mode"),
            options=_options("operation_list"),
            exists=_has("operation_list"),
            prettify=True,
        ),
        _temperature("current_temperature"),
        _temperature(
            ATTR_TEMPERATURE,
            _call("water_heater", "set_temperature", ATTR_TEMPERATURE),
        ),
    ),
    "weather": (
        Aspect(
            kind=Kind.STATES,
            read=_text,
            options=_fixed(*_CONDITIONS),
            prettify=True,
        ),
        _weather_number(ATTR_TEMPERATURE, _unit("temperature_unit")),
        _weather_number("humidity", _always_unit("%RH")),
        _weather_number("pressure", _unit("pressure_unit")),
        _weather_number("wind_speed", _unit("wind_speed_unit")),
        _weather_number("wind_bearing", _always_unit("°")),
    ),
}
"""What the entities of each domain become.

Of aspects with the same key an entity has the first that exists for its state.
"""

EXPOSABLE_DOMAINS: Final = sorted(ASPECTS)


def aspects_of(state: State) -> list[Aspect]:
    """Return what of an entity can be an object, the state first."""
    found: dict[str, Aspect] = {}
    for aspect in ASPECTS.get(state.domain, ()):
        if aspect.key not in found and aspect.exists(state):
            found[aspect.key] = aspect
    return list(found.values())


def attributes_of(state: State) -> list[Aspect]:
    """Return the attributes that can be objects in addition."""
    known = {aspect.key for aspect in ASPECTS.get(state.domain, ())}
    return [
        aspect
        for name in state.attributes
        if name not in known
        for aspect in attribute_aspects(name)
        if aspect.exists(state)
    ]


def aspect_of(entity_id: str, key: str, object_type: int) -> Aspect | None:
    """Return the aspect of an entity that an object of a type shows, None for none."""
    domain = split_entity_id(entity_id)[0]
    if key.startswith(ATTRIBUTE_PREFIX):
        candidates = attribute_aspects(key.removeprefix(ATTRIBUTE_PREFIX))
    else:
        candidates = ASPECTS.get(domain, ())
    return next(
        (
            aspect
            for aspect in candidates
            if aspect.key == key and object_type in aspect.object_types
        ),
        None,
    )


def is_exposable(entity_id: str) -> bool:
    """Return whether entities of this domain can be objects."""
    return split_entity_id(entity_id)[0] in ASPECTS


def is_in_transit(state: State) -> bool:
    """Return whether an entity is on the way to what was commanded."""
    return state.state in _IN_TRANSIT


def reliability_of(state: State | None, aspect: Aspect | None = None) -> Reliability:
    """Return how far a state can be trusted."""
    if state is None:
        return Reliability.NO_SENSOR
    if state.state == STATE_UNAVAILABLE:
        return Reliability.COMMUNICATION_FAILURE
    if state.state == STATE_UNKNOWN and not (aspect and aspect.reads_unknown):
        return Reliability.UNRELIABLE_OTHER
    return Reliability.NO_FAULT_DETECTED


__all__ = [
    "ASPECTS",
    "EXPOSABLE_DOMAINS",
    "STATE_ASPECT",
    "aspect_of",
    "aspects_of",
    "attributes_of",
    "is_exposable",
    "is_in_transit",
    "reliability_of",
]
