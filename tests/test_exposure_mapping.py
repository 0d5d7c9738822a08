"""The table of what entities become: units, texts and values, without a network."""

from enum import StrEnum
import json
from pathlib import Path
from typing import Any

from homeassistant import const
from homeassistant.components import binary_sensor
from homeassistant.components.number.const import DEVICE_CLASS_UNITS as NUMBER_UNITS
from homeassistant.components.sensor.const import DEVICE_CLASS_UNITS as SENSOR_UNITS
from homeassistant.core import State
from homeassistant.util.unit_system import METRIC_SYSTEM, US_CUSTOMARY_SYSTEM
import pytest

from custom_components.bacnet.exposure_aspects import Kind
from custom_components.bacnet.exposure_mapping import (
    _BINARY_SENSOR_TEXTS,
    ASPECTS,
    aspect_of,
    aspects_of,
    attributes_of,
    reliability_of,
)
from custom_components.bacnet.exposure_units import (
    UNITS_WITHOUT_COUNTERPART,
    Measure,
    measure_of,
)
from custom_components.bacnet.node.enumerations import (
    EngineeringUnits,
    ObjectType,
    Reliability,
)

ISSUE_DOMAINS = {
    "input_number",
    "number",
    "sensor",
    "counter",
    "input_boolean",
    "switch",
    "binary_sensor",
    "light",
    "fan",
    "cover",
    "lock",
    "climate",
    "humidifier",
    "valve",
    "water_heater",
    "input_select",
    "select",
    "input_text",
    "text",
    "input_datetime",
    "datetime",
    "date",
    "time",
    "input_button",
    "button",
    "timer",
    "schedule",
    "person",
    "device_tracker",
    "alarm_control_panel",
    "weather",
    "event",
}


def _units_of_home_assistant() -> set[str]:
    units = {
        str(unit)
        for classes in (SENSOR_UNITS, NUMBER_UNITS)
        for members in classes.values()
        for unit in members
        if unit is not None
    }
    for name in dir(const):
        enumeration = getattr(const, name)
        if (
            name.startswith("UnitOf")
            and isinstance(enumeration, type)
            and issubclass(enumeration, StrEnum)
        ):
            units |= {str(unit) for unit in enumeration}
    return units


def test_domains() -> None:
    """Test that every domain is there that is promised."""
    assert ASPECTS.keys() == ISSUE_DOMAINS


def test_every_unit_has_a_counterpart() -> None:
    """Test that only units stay without one that ASHRAE has nothing for."""
    without = {
        unit
        for unit in _units_of_home_assistant()
        if measure_of(unit).units == EngineeringUnits.NO_UNITS
    }
    assert without == UNITS_WITHOUT_COUNTERPART


@pytest.mark.parametrize(
    ("unit", "device_class", "measure"),
    [
        ("°C", "temperature", Measure(EngineeringUnits.DEGREES_CELSIUS)),
        ("°C", "temperature_delta", Measure(EngineeringUnits.DELTA_DEGREES_KELVIN)),
        ("%", None, Measure(EngineeringUnits.PERCENT)),
        ("%", "humidity", Measure(EngineeringUnits.PERCENT_RELATIVE_HUMIDITY)),
        ("GWh", "energy", Measure(EngineeringUnits.MEGAWATT_HOURS, 1000)),
        ("kWh", "energy", Measure(EngineeringUnits.KILOWATT_HOURS)),
        ("BTU/h", "power", Measure(EngineeringUnits.BTUS_PER_HOUR)),
        (None, "ph", Measure(EngineeringUnits.P_H)),
        (None, None, Measure(EngineeringUnits.NO_UNITS)),
        ("widgets", None, Measure(EngineeringUnits.NO_UNITS)),
    ],
)
def test_units(unit: str | None, device_class: str | None, measure: Measure) -> None:
    """Test engineering units, and factors where ASHRAE lacks the unit."""
    assert measure_of(unit, device_class) == measure


def test_converted_number() -> None:
    """Test that value, limits and the value written are all converted."""
    state = State(
        "number.meter",
        "2",
        {"unit_of_measurement": "GWh", "min": 0, "max": 5, "step": 0.5},
    )
    [aspect] = aspects_of(state)
    assert aspect.present_value(state, ObjectType.ANALOG_VALUE) == 2000
    assert aspect.action(3000.0, state).data == {"value": 3.0}
    assert aspect.describe(state, METRIC_SYSTEM) == {
        "units": EngineeringUnits.MEGAWATT_HOURS,
        "minimum": 0,
        "maximum": 5000,
        "resolution": 500,
        "cov_increment": 500,
    }


def test_system_temperatures() -> None:
    """Test that climates are in the unit that Home Assistant is set to."""
    state = State("climate.room", "heat", {"temperature": 70, "hvac_modes": ["heat"]})
    aspect = aspect_of(state.entity_id, "temperature", ObjectType.ANALOG_VALUE)
    assert aspect is not None
    for system, units in (
        (METRIC_SYSTEM, EngineeringUnits.DEGREES_CELSIUS),
        (US_CUSTOMARY_SYSTEM, EngineeringUnits.DEGREES_FAHRENHEIT),
    ):
        assert aspect.describe(state, system)["units"] == units


def test_binary_sensor_texts_are_the_frontends() -> None:
    """Test the texts of all device classes against Home Assistant's own."""
    texts = json.loads(
        (Path(binary_sensor.__file__).parent / "translations/en.json").read_text()
    )["entity_component"]
    assert {
        name: (component["state"]["off"], component["state"]["on"])
        for name, component in texts.items()
        if name != "_"
    } == _BINARY_SENSOR_TEXTS


@pytest.mark.parametrize(
    ("value", "attributes", "kind"),
    [
        ("21.5", {"unit_of_measurement": "°C"}, Kind.ANALOG),
        ("unavailable", {"state_class": "measurement"}, Kind.ANALOG),
        ("42", {}, Kind.ANALOG),
        ("Monday", {}, Kind.TEXT),
        ("wash", {"device_class": "enum", "options": ["wash", "dry"]}, Kind.STATES),
        ("2026-10-01T12:00:00+00:00", {"device_class": "timestamp"}, Kind.DATETIME),
        ("2026-10-01", {"device_class": "date"}, Kind.DATE),
    ],
)
def test_sensors(value: str, attributes: dict[str, Any], kind: Kind) -> None:
    """Test what kind of value a sensor is."""
    [aspect] = aspects_of(State("sensor.one", value, attributes))
    assert aspect.kind is kind


def test_attributes() -> None:
    """Test that attributes which the table does not know can be objects as well."""
    state = State(
        "switch.plug", "on", {"power": 4.5, "locked": True, "colors": [1], "by": "x"}
    )
    assert {
        (aspect.key, aspect.kind, aspect.object_type) for aspect in attributes_of(state)
    } == {
        ("attribute:power", Kind.ANALOG, ObjectType.ANALOG_INPUT),
        ("attribute:locked", Kind.BINARY, ObjectType.BINARY_INPUT),
        ("attribute:by", Kind.TEXT, ObjectType.CHARACTERSTRING_VALUE),
    } | {
        # A bool is a number as well, if anybody wants it as one.
        ("attribute:locked", Kind.ANALOG, ObjectType.ANALOG_INPUT)
    }
    aspect = aspect_of("switch.plug", "attribute:power", ObjectType.ANALOG_INPUT)
    assert aspect is not None
    assert aspect.present_value(state, ObjectType.ANALOG_INPUT) == 4.5


@pytest.mark.parametrize(
    ("state", "reliability"),
    [
        (None, Reliability.NO_SENSOR),
        (State("sensor.a", "unavailable"), Reliability.COMMUNICATION_FAILURE),
        (State("sensor.a", "unknown"), Reliability.UNRELIABLE_OTHER),
        (State("sensor.a", "5"), Reliability.NO_FAULT_DETECTED),
    ],
)
def test_reliability(state: State | None, reliability: Reliability) -> None:
    """Test how far states can be trusted."""
    assert reliability_of(state) is reliability


@pytest.mark.parametrize(
    ("entity_id", "value", "key"),
    [
        ("sensor.a", "nan", "state"),
        ("sensor.a", "inf", "state"),
        ("sensor.a", "warm", "state"),
        ("switch.a", "maybe", "state"),
        ("cover.a", "ajar", "state"),
        ("cover.a", "open", "position"),
        ("lock.a", "jammed", "state"),
        ("light.a", "on", "brightness"),
        ("select.a", "other", "state"),
        ("date.a", "soon", "state"),
    ],
)
def test_no_value_is_made_up(entity_id: str, value: str, key: str) -> None:
    """Test that a state which says nothing is no value."""
    domain = entity_id.split(".", maxsplit=1)[0]
    state = State(entity_id, value, {"options": ["one"]})
    for aspect in ASPECTS[domain]:
        if aspect.key == key and aspect.kind is not Kind.TEXT:
            with pytest.raises((ValueError, KeyError, TypeError)):
                aspect.present_value(state, aspect.object_type)
