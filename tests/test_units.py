"""Every engineering unit of the standard, in Home Assistant and back."""

from homeassistant.components.number import NumberDeviceClass
from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.components.sensor.const import (
    DEVICE_CLASS_STATE_CLASSES,
    DEVICE_CLASS_UNITS,
)
from homeassistant.util.unit_conversion import (
    EnergyConverter,
    PowerConverter,
    PressureConverter,
    SpeedConverter,
    VolumeConverter,
    VolumeFlowRateConverter,
)
import pytest

from custom_components.bacnet.node.enumerations import EngineeringUnits as Bacnet
from custom_components.bacnet.units import BACNET_UNITS, UNITS, traits_of


@pytest.mark.parametrize("units", Bacnet, ids=lambda units: units.label)
def test_every_unit_has_a_place(units: Bacnet) -> None:
    """Test that unit, device class and state class belong together."""
    traits = traits_of(units)
    assert traits is UNITS[units]
    assert traits.factor > 0
    device_class = traits.device_class
    assert device_class is None or (
        traits.unit in DEVICE_CLASS_UNITS[device_class]
        and traits.state_class in DEVICE_CLASS_STATE_CLASSES[device_class]
    )


@pytest.mark.parametrize(
    "device_class", sorted({t.device_class for t in UNITS.values()} - {None})
)
def test_numbers_have_the_same_classes(device_class: SensorDeviceClass) -> None:
    """Test that a commandable point can carry the class of its unit."""
    assert NumberDeviceClass(device_class)


@pytest.mark.parametrize(
    ("units", "known", "converter", "expected"),
    [
        (Bacnet.BTUS, 1.0, EnergyConverter, 1.05505585262 / 3600),
        (Bacnet.TON_HOURS, 1.0, EnergyConverter, 3.5168528),
        (Bacnet.THERMS, 1.0, EnergyConverter, 29.3001),
        (Bacnet.HORSEPOWER, 1.0, PowerConverter, 0.745699872),
        (Bacnet.TONS_REFRIGERATION, 1.0, PowerConverter, 3.5168528),
        (Bacnet.BTUS_PER_HOUR, 1000.0, PowerConverter, 0.29307107),
        (Bacnet.CENTIMETERS_OF_WATER, 1.0, PressureConverter, 98.0665),
        (Bacnet.CENTIMETERS_OF_MERCURY, 1.0, PressureConverter, 1333.22),
        (Bacnet.FEET_PER_MINUTE, 196.8504, SpeedConverter, 1.0),
        (Bacnet.MILLIMETERS_PER_MINUTE, 60000.0, SpeedConverter, 1.0),
        (Bacnet.IMPERIAL_GALLONS, 1.0, VolumeConverter, 0.00454609),
        (Bacnet.CUBIC_FEET_PER_SECOND, 1.0, VolumeFlowRateConverter, 101.9406),
        (Bacnet.IMPERIAL_GALLONS_PER_MINUTE, 1.0, VolumeFlowRateConverter, 0.2727654),
        (Bacnet.CUBIC_METERS_PER_DAY, 24.0, VolumeFlowRateConverter, 1.0),
    ],
    ids=lambda value: getattr(value, "label", None),
)
def test_conversions(
    units: Bacnet, known: float, converter: type, expected: float
) -> None:
    """Test converted units against Home Assistant's own converters, in SI-like units."""
    si = {
        EnergyConverter: "kWh",
        PowerConverter: "kW",
        PressureConverter: "Pa",
        SpeedConverter: "m/s",
        VolumeConverter: "m³",
        VolumeFlowRateConverter: "m³/h",
    }[converter]
    traits = traits_of(units)
    shown = known * traits.factor
    assert converter.convert(shown, traits.unit, si) == pytest.approx(
        expected, rel=1e-4
    )


def test_kilovolt_amperes_are_not_volt_amperes() -> None:
    """Test the mistake of others: a thousand times too much."""
    assert traits_of(Bacnet.KILOVOLT_AMPERES)[:2] == (
        "kVA",
        SensorDeviceClass.APPARENT_POWER,
    )
    assert traits_of(Bacnet.CENTIMETERS_OF_WATER).device_class == (
        SensorDeviceClass.PRESSURE
    )
    assert traits_of(Bacnet.LITERS_PER_SECOND).unit == "L/s"
    assert traits_of(Bacnet.PARTS_PER_MILLION).device_class is None


@pytest.mark.parametrize("units", [None, 47808, 65535])
def test_unknown_units(units: int | None) -> None:
    """Test that a proprietary unit is a number without one."""
    assert traits_of(units).unit is None


def test_the_way_back() -> None:
    """Test that each unit we show unconverted is found again, the usual one first."""
    for unit, units in BACNET_UNITS.items():
        assert UNITS[units].unit == unit
        assert UNITS[units].factor == 1
    assert BACNET_UNITS["%"] is Bacnet.PERCENT
    assert BACNET_UNITS["°C"] is Bacnet.DEGREES_CELSIUS
    assert BACNET_UNITS["kWh"] is Bacnet.KILOWATT_HOURS
