"""Engineering units for what Home Assistant measures, converted where ASHRAE lacks one."""

from typing import Final, NamedTuple

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.const import PERCENTAGE

from .node.enumerations import EngineeringUnits as Bacnet
from .units import BACNET_UNITS


class Measure(NamedTuple):
    """An engineering unit; the building's value is Home Assistant's times ``factor``."""

    units: Bacnet
    factor: float = 1.0


_SQUARE_FOOT: Final = 0.09290304

_OWN_UNITS: Final[dict[str, Measure]] = {
    "%RH": Measure(Bacnet.PERCENT_RELATIVE_HUMIDITY),
    "BTU/h": Measure(Bacnet.BTUS_PER_HOUR),
}
"""Units that ``units`` shows in another way, or whose symbol Home Assistant lacks."""

_CONVERTED: Final[dict[str, Measure]] = {
    # Area
    "ac": Measure(Bacnet.SQUARE_METERS, 4046.8564224),
    "ha": Measure(Bacnet.SQUARE_METERS, 1e4),
    "km²": Measure(Bacnet.SQUARE_METERS, 1e6),
    "mi²": Measure(Bacnet.SQUARE_METERS, 2589988.110336),
    "mm²": Measure(Bacnet.SQUARE_CENTIMETERS, 0.01),
    "yd²": Measure(Bacnet.SQUARE_FEET, 9),
    # Conductivity
    "S/cm": Measure(Bacnet.SIEMENS_PER_METER, 100),
    "mS/cm": Measure(Bacnet.SIEMENS_PER_METER, 0.1),
    "μS/cm": Measure(Bacnet.SIEMENS_PER_METER, 1e-4),
    # Concentration
    "mg/dL": Measure(Bacnet.MILLIGRAMS_PER_LITER, 10),
    "μg/ft³": Measure(Bacnet.MICROGRAMS_PER_CUBIC_METER, 35.314666721488585),
    # Electricity
    "mVA": Measure(Bacnet.VOLT_AMPERES, 0.001),
    "mvar": Measure(Bacnet.VOLT_AMPERES_REACTIVE, 0.001),
    "μA": Measure(Bacnet.MILLIAMPERES, 0.001),
    "μV": Measure(Bacnet.MILLIVOLTS, 0.001),
    # Energy, power
    "GJ": Measure(Bacnet.MEGAJOULES, 1e3),
    "GWh": Measure(Bacnet.MEGAWATT_HOURS, 1e3),
    "TWh": Measure(Bacnet.MEGAWATT_HOURS, 1e6),
    "mWh": Measure(Bacnet.WATT_HOURS, 0.001),
    "cal": Measure(Bacnet.JOULES, 4.184),
    "kcal": Measure(Bacnet.KILOJOULES, 4.184),
    "Mcal": Measure(Bacnet.MEGAJOULES, 4.184),
    "Gcal": Measure(Bacnet.MEGAJOULES, 4184),
    "GW": Measure(Bacnet.MEGAWATTS, 1e3),
    "TW": Measure(Bacnet.MEGAWATTS, 1e6),
    "BTU/(h⋅ft²)": Measure(Bacnet.WATTS_PER_SQUARE_METER, 0.29307107 / _SQUARE_FOOT),
    # Frequency
    "GHz": Measure(Bacnet.MEGAHERTZ, 1e3),
    "mHz": Measure(Bacnet.HERTZ, 0.001),
    # Length, speed
    "mi": Measure(Bacnet.KILOMETERS, 1.609344),
    "nmi": Measure(Bacnet.KILOMETERS, 1.852),
    "yd": Measure(Bacnet.FEET, 3),
    "in/d": Measure(Bacnet.MILLIMETERS_PER_MINUTE, 25.4 / 1440),
    "in/h": Measure(Bacnet.MILLIMETERS_PER_MINUTE, 25.4 / 60),
    "in/s": Measure(Bacnet.MILLIMETERS_PER_SECOND, 25.4),
    "mm/d": Measure(Bacnet.MILLIMETERS_PER_MINUTE, 1 / 1440),
    "mm/h": Measure(Bacnet.MILLIMETERS_PER_MINUTE, 1 / 60),
    "kn": Measure(Bacnet.KILOMETERS_PER_HOUR, 1.852),
    # Mass
    "oz": Measure(Bacnet.GRAMS, 28.349523125),
    "st": Measure(Bacnet.POUNDS_MASS, 14),
    "μg": Measure(Bacnet.MILLIGRAMS, 0.001),
    # Pressure
    "atm": Measure(Bacnet.KILOPASCALS, 101.325),
    "cbar": Measure(Bacnet.KILOPASCALS),
    "mPa": Measure(Bacnet.PASCALS, 0.001),
    # Time
    "w": Measure(Bacnet.WEEKS),
    "y": Measure(Bacnet.YEARS),
    "μs": Measure(Bacnet.MILLISECONDS, 0.001),
    # Volume
    "CCF": Measure(Bacnet.CUBIC_FEET, 100),
    "MCF": Measure(Bacnet.CUBIC_FEET, 1000),
    "fl. oz.": Measure(Bacnet.MILLILITERS, 29.5735295625),
    "gal/d": Measure(Bacnet.US_GALLONS_PER_HOUR, 1 / 24),
}

_BY_CLASS: Final[dict[tuple[str, str | None], Bacnet]] = {
    (SensorDeviceClass.HUMIDITY, PERCENTAGE): Bacnet.PERCENT_RELATIVE_HUMIDITY,
    (SensorDeviceClass.PH, None): Bacnet.P_H,
    (SensorDeviceClass.POWER_FACTOR, None): Bacnet.POWER_FACTOR,
    (SensorDeviceClass.TEMPERATURE_DELTA, "°C"): Bacnet.DELTA_DEGREES_KELVIN,
    (SensorDeviceClass.TEMPERATURE_DELTA, "K"): Bacnet.DELTA_DEGREES_KELVIN,
    (SensorDeviceClass.TEMPERATURE_DELTA, "°F"): Bacnet.DELTA_DEGREES_FAHRENHEIT,
}
"""Where the same symbol is another unit."""

_NO_MEASURE: Final = Measure(Bacnet.NO_UNITS)

UNITS_WITHOUT_COUNTERPART: Final = frozenset(
    (
        *("bit", "kbit", "Mbit", "Gbit", "bit/s", "kbit/s", "Mbit/s", "Gbit/s"),
        *("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"),
        *("KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"),
        *("B/s", "kB/s", "MB/s", "GB/s", "KiB/s", "MiB/s", "GiB/s"),
        *("Beaufort", "Bq/m³", "dBm", "mmol/L", "pCi/L"),
        *("Wh/km", "kWh/100km", "km/kWh", "mi/kWh"),
    )
)
"""Units that ASHRAE has nothing for: no-units, with the number as it is."""


def measure_of(unit: str | None, device_class: str | None = None) -> Measure:
    """Return how the building sees a unit of measurement."""
    if (own := _BY_CLASS.get((device_class or "", unit))) is not None:
        return Measure(own)
    if unit is None:
        return _NO_MEASURE
    if (special := _OWN_UNITS.get(unit) or _CONVERTED.get(unit)) is not None:
        return special
    units = BACNET_UNITS.get(unit)
    return _NO_MEASURE if units is None else Measure(units)
