"""Engineering units of BACnet and units of measurement of Home Assistant, both ways."""

from typing import Final, NamedTuple

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import (
    DEGREE,
    LIGHT_LUX,
    PERCENTAGE,
    REVOLUTIONS_PER_MINUTE,
    UnitOfApparentPower,
    UnitOfArea,
    UnitOfConductivity,
    UnitOfDensity,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfEnergy,
    UnitOfFrequency,
    UnitOfIrradiance,
    UnitOfLength,
    UnitOfMass,
    UnitOfPower,
    UnitOfPressure,
    UnitOfRatio,
    UnitOfReactiveEnergy,
    UnitOfReactivePower,
    UnitOfSoundPressure,
    UnitOfSpeed,
    UnitOfTemperature,
    UnitOfTime,
    UnitOfVolume,
    UnitOfVolumeFlowRate,
)

from .node.enumerations import EngineeringUnits as Bacnet


class UnitTraits(NamedTuple):
    """How Home Assistant shows values of one engineering unit.

    ``factor`` converts: Home Assistant's value is the device's value times it.
    """

    unit: str | None
    device_class: SensorDeviceClass | None = None
    state_class: SensorStateClass | None = SensorStateClass.MEASUREMENT
    factor: float = 1.0


_Class = SensorDeviceClass
_TOTAL = SensorStateClass.TOTAL
_INCREASING = SensorStateClass.TOTAL_INCREASING
_MEASUREMENT = SensorStateClass.MEASUREMENT

_LITERS_PER_IMPERIAL_GALLON = 4.54609
_WATTS_PER_TON = 3516.8528
_JOULES_PER_BTU = 1055.05585262


def _energy(unit: UnitOfEnergy, factor: float = 1.0) -> UnitTraits:
    return UnitTraits(unit, _Class.ENERGY, _INCREASING, factor)


def _power(unit: UnitOfPower, factor: float = 1.0) -> UnitTraits:
    return UnitTraits(unit, _Class.POWER, _MEASUREMENT, factor)


def _pressure(unit: UnitOfPressure, factor: float = 1.0) -> UnitTraits:
    return UnitTraits(unit, _Class.PRESSURE, _MEASUREMENT, factor)


def _flow(unit: UnitOfVolumeFlowRate, factor: float = 1.0) -> UnitTraits:
    return UnitTraits(unit, _Class.VOLUME_FLOW_RATE, _MEASUREMENT, factor)


def _speed(unit: UnitOfSpeed, factor: float = 1.0) -> UnitTraits:
    return UnitTraits(unit, _Class.SPEED, _MEASUREMENT, factor)


def _volume(unit: UnitOfVolume, factor: float = 1.0) -> UnitTraits:
    # TOTAL suits a meter and a tank: the statistics follow every change.
    return UnitTraits(unit, _Class.VOLUME, _TOTAL, factor)


def _plain(symbol: str | None) -> UnitTraits:
    """Show a unit that has no device class as the standard's symbol."""
    return UnitTraits(symbol)


UNITS: Final[dict[Bacnet, UnitTraits]] = {
    # Acceleration, angles, rotation
    Bacnet.METERS_PER_SECOND_PER_SECOND: _plain("m/s²"),
    Bacnet.DEGREES_ANGULAR: _plain(DEGREE),
    Bacnet.DEGREES_PHASE: _plain(DEGREE),
    Bacnet.RADIANS: _plain("rad"),
    Bacnet.RADIANS_PER_SECOND: _plain("rad/s"),
    Bacnet.REVOLUTIONS_PER_MINUTE: _plain(REVOLUTIONS_PER_MINUTE),
    # Area
    Bacnet.SQUARE_METERS: UnitTraits(UnitOfArea.SQUARE_METERS, _Class.AREA),
    Bacnet.SQUARE_CENTIMETERS: UnitTraits(UnitOfArea.SQUARE_CENTIMETERS, _Class.AREA),
    Bacnet.SQUARE_FEET: UnitTraits(UnitOfArea.SQUARE_FEET, _Class.AREA),
    Bacnet.SQUARE_INCHES: UnitTraits(UnitOfArea.SQUARE_INCHES, _Class.AREA),
    # Currency
    **{
        Bacnet[f"CURRENCY{number}"]: UnitTraits(None, None, None)
        for number in range(1, 11)
    },
    # Electricity
    Bacnet.MILLIAMPERES: UnitTraits(UnitOfElectricCurrent.MILLIAMPERE, _Class.CURRENT),
    Bacnet.AMPERES: UnitTraits(UnitOfElectricCurrent.AMPERE, _Class.CURRENT),
    Bacnet.AMPERES_PER_METER: _plain("A/m"),
    Bacnet.AMPERES_PER_SQUARE_METER: _plain("A/m²"),
    Bacnet.AMPERE_SQUARE_METERS: _plain("A⋅m²"),
    Bacnet.AMPERE_SECONDS: _plain("A⋅s"),
    Bacnet.AMPERE_SQUARE_HOURS: _plain("A²⋅h"),
    Bacnet.FARADS: _plain("F"),
    Bacnet.HENRYS: _plain("H"),
    Bacnet.OHMS: _plain("Ω"),
    Bacnet.MILLIOHMS: _plain("mΩ"),
    Bacnet.KILOHMS: _plain("kΩ"),
    Bacnet.MEGOHMS: _plain("MΩ"),
    Bacnet.OHM_METERS: _plain("Ω⋅m"),
    Bacnet.OHM_METER_PER_SQUARE_METER: _plain("Ω⋅m/m²"),
    Bacnet.SIEMENS: _plain("S"),
    Bacnet.MILLISIEMENS: _plain("mS"),
    Bacnet.MICRO_SIEMENS: _plain("μS"),
    Bacnet.SIEMENS_PER_METER: UnitTraits(
        UnitOfConductivity.MILLISIEMENS_PER_CM, _Class.CONDUCTIVITY, factor=10
    ),
    Bacnet.TESLAS: _plain("T"),
    Bacnet.WEBERS: _plain("Wb"),
    Bacnet.VOLTS: UnitTraits(UnitOfElectricPotential.VOLT, _Class.VOLTAGE),
    Bacnet.MILLIVOLTS: UnitTraits(UnitOfElectricPotential.MILLIVOLT, _Class.VOLTAGE),
    Bacnet.KILOVOLTS: UnitTraits(UnitOfElectricPotential.KILOVOLT, _Class.VOLTAGE),
    Bacnet.MEGAVOLTS: UnitTraits(UnitOfElectricPotential.MEGAVOLT, _Class.VOLTAGE),
    Bacnet.VOLTS_PER_DEGREE_KELVIN: _plain("V/K"),
    Bacnet.VOLTS_PER_METER: _plain("V/m"),
    Bacnet.VOLTS_SQUARE_HOURS: _plain("V²⋅h"),
    Bacnet.VOLT_AMPERES: UnitTraits(
        UnitOfApparentPower.VOLT_AMPERE, _Class.APPARENT_POWER
    ),
    Bacnet.KILOVOLT_AMPERES: UnitTraits(
        UnitOfApparentPower.KILO_VOLT_AMPERE, _Class.APPARENT_POWER
    ),
    Bacnet.MEGAVOLT_AMPERES: UnitTraits(
        UnitOfApparentPower.KILO_VOLT_AMPERE, _Class.APPARENT_POWER, factor=1000
    ),
    Bacnet.VOLT_AMPERES_REACTIVE: UnitTraits(
        UnitOfReactivePower.VOLT_AMPERE_REACTIVE, _Class.REACTIVE_POWER
    ),
    Bacnet.KILOVOLT_AMPERES_REACTIVE: UnitTraits(
        UnitOfReactivePower.KILO_VOLT_AMPERE_REACTIVE, _Class.REACTIVE_POWER
    ),
    Bacnet.MEGAVOLT_AMPERES_REACTIVE: UnitTraits(
        UnitOfReactivePower.KILO_VOLT_AMPERE_REACTIVE,
        _Class.REACTIVE_POWER,
        factor=1000,
    ),
    Bacnet.POWER_FACTOR: UnitTraits(None, _Class.POWER_FACTOR),
    # Energy
    Bacnet.JOULES: _energy(UnitOfEnergy.JOULE),
    Bacnet.KILOJOULES: _energy(UnitOfEnergy.KILO_JOULE),
    Bacnet.MEGAJOULES: _energy(UnitOfEnergy.MEGA_JOULE),
    Bacnet.WATT_HOURS: _energy(UnitOfEnergy.WATT_HOUR),
    Bacnet.KILOWATT_HOURS: _energy(UnitOfEnergy.KILO_WATT_HOUR),
    Bacnet.MEGAWATT_HOURS: _energy(UnitOfEnergy.MEGA_WATT_HOUR),
    Bacnet.BTUS: _energy(UnitOfEnergy.KILO_JOULE, _JOULES_PER_BTU / 1e3),
    Bacnet.KILO_BTUS: _energy(UnitOfEnergy.MEGA_JOULE, _JOULES_PER_BTU / 1e3),
    Bacnet.MEGA_BTUS: _energy(UnitOfEnergy.GIGA_JOULE, _JOULES_PER_BTU / 1e3),
    Bacnet.THERMS: _energy(UnitOfEnergy.THERM),
    Bacnet.TON_HOURS: _energy(UnitOfEnergy.KILO_WATT_HOUR, _WATTS_PER_TON / 1e3),
    Bacnet.VOLT_AMPERE_HOURS: UnitTraits("VAh", None, _INCREASING),
    Bacnet.KILOVOLT_AMPERE_HOURS: UnitTraits("kVAh", None, _INCREASING),
    Bacnet.MEGAVOLT_AMPERE_HOURS: UnitTraits("MVAh", None, _INCREASING),
    **{
        unit: UnitTraits(
            UnitOfReactiveEnergy.KILO_VOLT_AMPERE_REACTIVE_HOUR,
            _Class.REACTIVE_ENERGY,
            _INCREASING,
            1000,
        )
        for unit in (
            Bacnet.MEGAVOLT_AMPERE_HOURS_REACTIVE,
            Bacnet.MEGAWATT_HOURS_REACTIVE,
        )
    },
    **{
        unit: UnitTraits(
            UnitOfReactiveEnergy.KILO_VOLT_AMPERE_REACTIVE_HOUR,
            _Class.REACTIVE_ENERGY,
            _INCREASING,
        )
        for unit in (
            Bacnet.KILOVOLT_AMPERE_HOURS_REACTIVE,
            Bacnet.KILOWATT_HOURS_REACTIVE,
        )
    },
    **{
        unit: UnitTraits(
            UnitOfReactiveEnergy.VOLT_AMPERE_REACTIVE_HOUR,
            _Class.REACTIVE_ENERGY,
            _INCREASING,
        )
        for unit in (
            Bacnet.VOLT_AMPERE_HOURS_REACTIVE,
            Bacnet.WATT_HOURS_REACTIVE,
        )
    },
    Bacnet.WATT_HOURS_PER_CUBIC_METER: _plain("Wh/m³"),
    Bacnet.JOULES_PER_CUBIC_METER: _plain("J/m³"),
    Bacnet.KILOWATT_HOURS_PER_SQUARE_METER: _plain("kWh/m²"),
    Bacnet.KILOWATT_HOURS_PER_SQUARE_FOOT: _plain("kWh/ft²"),
    Bacnet.MEGAJOULES_PER_SQUARE_METER: _plain("MJ/m²"),
    Bacnet.MEGAJOULES_PER_SQUARE_FOOT: _plain("MJ/ft²"),
    Bacnet.JOULE_SECONDS: _plain("J⋅s"),
    # Enthalpy, entropy
    Bacnet.JOULES_PER_KILOGRAM_DRY_AIR: _plain("J/kg"),
    Bacnet.KILOJOULES_PER_KILOGRAM_DRY_AIR: _plain("kJ/kg"),
    Bacnet.MEGAJOULES_PER_KILOGRAM_DRY_AIR: _plain("MJ/kg"),
    Bacnet.BTUS_PER_POUND_DRY_AIR: _plain("BTU/lb"),
    Bacnet.BTUS_PER_POUND: _plain("BTU/lb"),
    Bacnet.KILOJOULES_PER_KILOGRAM: _plain("kJ/kg"),
    Bacnet.JOULES_PER_DEGREE_KELVIN: _plain("J/K"),
    Bacnet.KILOJOULES_PER_DEGREE_KELVIN: _plain("kJ/K"),
    Bacnet.MEGAJOULES_PER_DEGREE_KELVIN: _plain("MJ/K"),
    Bacnet.JOULES_PER_KILOGRAM_DEGREE_KELVIN: _plain("J/(kg⋅K)"),
    # Force
    Bacnet.NEWTON: _plain("N"),
    Bacnet.NEWTON_METERS: _plain("N⋅m"),
    Bacnet.NEWTON_SECONDS: _plain("N⋅s"),
    Bacnet.NEWTONS_PER_METER: _plain("N/m"),
    Bacnet.SQUARE_METERS_PER_NEWTON: _plain("m²/N"),
    # Frequency
    Bacnet.HERTZ: UnitTraits(UnitOfFrequency.HERTZ, _Class.FREQUENCY),
    Bacnet.KILOHERTZ: UnitTraits(UnitOfFrequency.KILOHERTZ, _Class.FREQUENCY),
    Bacnet.MEGAHERTZ: UnitTraits(UnitOfFrequency.MEGAHERTZ, _Class.FREQUENCY),
    Bacnet.CYCLES_PER_HOUR: _plain("1/h"),
    Bacnet.CYCLES_PER_MINUTE: _plain("1/min"),
    Bacnet.PER_HOUR: _plain("1/h"),
    Bacnet.PER_MINUTE: _plain("1/min"),
    Bacnet.PER_SECOND: _plain("1/s"),
    # Humidity
    Bacnet.PERCENT_RELATIVE_HUMIDITY: UnitTraits(PERCENTAGE, _Class.HUMIDITY),
    Bacnet.GRAMS_OF_WATER_PER_KILOGRAM_DRY_AIR: _plain("g/kg"),
    # Length
    Bacnet.MICROMETERS: UnitTraits(
        UnitOfLength.MILLIMETERS, _Class.DISTANCE, factor=0.001
    ),
    Bacnet.MILLIMETERS: UnitTraits(UnitOfLength.MILLIMETERS, _Class.DISTANCE),
    Bacnet.CENTIMETERS: UnitTraits(UnitOfLength.CENTIMETERS, _Class.DISTANCE),
    Bacnet.METERS: UnitTraits(UnitOfLength.METERS, _Class.DISTANCE),
    Bacnet.KILOMETERS: UnitTraits(UnitOfLength.KILOMETERS, _Class.DISTANCE),
    Bacnet.INCHES: UnitTraits(UnitOfLength.INCHES, _Class.DISTANCE),
    Bacnet.FEET: UnitTraits(UnitOfLength.FEET, _Class.DISTANCE),
    # Light
    Bacnet.CANDELAS: _plain("cd"),
    Bacnet.CANDELAS_PER_SQUARE_METER: _plain("cd/m²"),
    Bacnet.WATTS_PER_SQUARE_FOOT: UnitTraits(
        UnitOfIrradiance.WATTS_PER_SQUARE_METER,
        _Class.IRRADIANCE,
        factor=1 / 0.09290304,
    ),
    Bacnet.WATTS_PER_SQUARE_METER: UnitTraits(
        UnitOfIrradiance.WATTS_PER_SQUARE_METER, _Class.IRRADIANCE
    ),
    Bacnet.LUMENS: _plain("lm"),
    Bacnet.LUXES: UnitTraits(LIGHT_LUX, _Class.ILLUMINANCE),
    Bacnet.FOOT_CANDLES: UnitTraits(
        LIGHT_LUX, _Class.ILLUMINANCE, factor=1 / 0.09290304
    ),
    # Mass, density, concentration
    Bacnet.MILLIGRAMS: UnitTraits(UnitOfMass.MILLIGRAMS, _Class.WEIGHT),
    Bacnet.GRAMS: UnitTraits(UnitOfMass.GRAMS, _Class.WEIGHT),
    Bacnet.KILOGRAMS: UnitTraits(UnitOfMass.KILOGRAMS, _Class.WEIGHT),
    Bacnet.POUNDS_MASS: UnitTraits(UnitOfMass.POUNDS, _Class.WEIGHT),
    Bacnet.TONS: UnitTraits(UnitOfMass.KILOGRAMS, _Class.WEIGHT, factor=1000),
    Bacnet.KILOGRAMS_PER_CUBIC_METER: _plain("kg/m³"),
    Bacnet.GRAMS_PER_CUBIC_CENTIMETER: _plain("g/cm³"),
    Bacnet.GRAMS_PER_MILLILITER: _plain("g/mL"),
    Bacnet.GRAMS_PER_LITER: _plain("g/L"),
    Bacnet.MILLIGRAMS_PER_LITER: _plain("mg/L"),
    Bacnet.MICROGRAMS_PER_LITER: _plain("μg/L"),
    Bacnet.GRAMS_PER_CUBIC_METER: _plain(UnitOfDensity.GRAMS_PER_CUBIC_METER),
    Bacnet.MILLIGRAMS_PER_CUBIC_METER: _plain(UnitOfDensity.MILLIGRAMS_PER_CUBIC_METER),
    Bacnet.MICROGRAMS_PER_CUBIC_METER: _plain(UnitOfDensity.MICROGRAMS_PER_CUBIC_METER),
    Bacnet.NANOGRAMS_PER_CUBIC_METER: UnitTraits(
        UnitOfDensity.MICROGRAMS_PER_CUBIC_METER, factor=0.001
    ),
    Bacnet.GRAMS_PER_SQUARE_METER: _plain("g/m²"),
    Bacnet.GRAMS_PER_GRAM: _plain("g/g"),
    Bacnet.GRAMS_PER_KILOGRAM: _plain("g/kg"),
    Bacnet.KILOGRAMS_PER_KILOGRAM: _plain("kg/kg"),
    Bacnet.MILLIGRAMS_PER_GRAM: _plain("mg/g"),
    Bacnet.MILLIGRAMS_PER_KILOGRAM: _plain("mg/kg"),
    # Mass flow
    Bacnet.GRAMS_PER_SECOND: _plain("g/s"),
    Bacnet.GRAMS_PER_MINUTE: _plain("g/min"),
    Bacnet.KILOGRAMS_PER_SECOND: _plain("kg/s"),
    Bacnet.KILOGRAMS_PER_MINUTE: _plain("kg/min"),
    Bacnet.KILOGRAMS_PER_HOUR: _plain("kg/h"),
    Bacnet.POUNDS_MASS_PER_SECOND: _plain("lb/s"),
    Bacnet.POUNDS_MASS_PER_MINUTE: _plain("lb/min"),
    Bacnet.POUNDS_MASS_PER_HOUR: _plain("lb/h"),
    Bacnet.TONS_PER_HOUR: _plain("t/h"),
    # Power
    Bacnet.MILLIWATTS: _power(UnitOfPower.MILLIWATT),
    Bacnet.WATTS: _power(UnitOfPower.WATT),
    Bacnet.KILOWATTS: _power(UnitOfPower.KILO_WATT),
    Bacnet.MEGAWATTS: _power(UnitOfPower.MEGA_WATT),
    Bacnet.BTUS_PER_HOUR: _power(UnitOfPower.WATT, _JOULES_PER_BTU / 3600),
    Bacnet.KILO_BTUS_PER_HOUR: _power(UnitOfPower.KILO_WATT, _JOULES_PER_BTU / 3600),
    Bacnet.HORSEPOWER: _power(UnitOfPower.KILO_WATT, 0.745699872),
    Bacnet.TONS_REFRIGERATION: _power(UnitOfPower.KILO_WATT, _WATTS_PER_TON / 1e3),
    Bacnet.JOULES_PER_HOURS: _power(UnitOfPower.MILLIWATT, 1 / 3.6),
    Bacnet.WATTS_PER_SQUARE_METER_DEGREE_KELVIN: _plain("W/(m²⋅K)"),
    Bacnet.WATTS_PER_METER_PER_DEGREE_KELVIN: _plain("W/(m⋅K)"),
    # Pressure
    Bacnet.PASCALS: _pressure(UnitOfPressure.PA),
    Bacnet.HECTOPASCALS: _pressure(UnitOfPressure.HPA),
    Bacnet.KILOPASCALS: _pressure(UnitOfPressure.KPA),
    Bacnet.MILLIBARS: _pressure(UnitOfPressure.MBAR),
    Bacnet.BARS: _pressure(UnitOfPressure.BAR),
    Bacnet.POUNDS_FORCE_PER_SQUARE_INCH: _pressure(UnitOfPressure.PSI),
    Bacnet.MILLIMETERS_OF_WATER: _pressure(UnitOfPressure.PA, 9.80665),
    Bacnet.CENTIMETERS_OF_WATER: _pressure(UnitOfPressure.PA, 98.0665),
    Bacnet.INCHES_OF_WATER: _pressure(UnitOfPressure.INH2O),
    Bacnet.MILLIMETERS_OF_MERCURY: _pressure(UnitOfPressure.MMHG),
    Bacnet.CENTIMETERS_OF_MERCURY: _pressure(UnitOfPressure.MMHG, 10),
    Bacnet.INCHES_OF_MERCURY: _pressure(UnitOfPressure.INHG),
    Bacnet.PASCAL_SECONDS: _plain("Pa⋅s"),
    Bacnet.PSI_PER_DEGREE_FAHRENHEIT: _plain("psi/°F"),
    # Radiation
    Bacnet.BECQUERELS: _plain("Bq"),
    Bacnet.KILOBECQUERELS: _plain("kBq"),
    Bacnet.MEGABECQUERELS: _plain("MBq"),
    Bacnet.GRAY: _plain("Gy"),
    Bacnet.MILLIGRAY: _plain("mGy"),
    Bacnet.MICROGRAY: _plain("μGy"),
    Bacnet.SIEVERTS: _plain("Sv"),
    Bacnet.MILLISIEVERTS: _plain("mSv"),
    Bacnet.MICROSIEVERTS: _plain("μSv"),
    Bacnet.MICROSIEVERTS_PER_HOUR: _plain("μSv/h"),
    # Ratios
    Bacnet.NO_UNITS: _plain(None),
    Bacnet.PERCENT: _plain(PERCENTAGE),
    Bacnet.PER_MILLE: _plain("‰"),
    Bacnet.PARTS_PER_MILLION: _plain(UnitOfRatio.PARTS_PER_MILLION),
    Bacnet.PARTS_PER_BILLION: _plain(UnitOfRatio.PARTS_PER_BILLION),
    Bacnet.PERCENT_PER_SECOND: _plain("%/s"),
    Bacnet.PERCENT_OBSCURATION_PER_FOOT: _plain("%/ft"),
    Bacnet.PERCENT_OBSCURATION_PER_METER: _plain("%/m"),
    Bacnet.NEPHELOMETRIC_TURBIDITY_UNIT: _plain("NTU"),
    Bacnet.P_H: UnitTraits(None, _Class.PH),
    # Sound
    Bacnet.DECIBELS: UnitTraits(UnitOfSoundPressure.DECIBEL, _Class.SOUND_PRESSURE),
    Bacnet.DECIBELS_A: UnitTraits(
        UnitOfSoundPressure.WEIGHTED_DECIBEL_A, _Class.SOUND_PRESSURE
    ),
    Bacnet.DECIBELS_MILLIVOLT: _plain("dBmV"),
    Bacnet.DECIBELS_VOLT: _plain("dBV"),
    # Speed
    Bacnet.MILLIMETERS_PER_SECOND: _speed(UnitOfSpeed.MILLIMETERS_PER_SECOND),
    Bacnet.MILLIMETERS_PER_MINUTE: _speed(UnitOfSpeed.METERS_PER_MINUTE, 0.001),
    Bacnet.METERS_PER_SECOND: _speed(UnitOfSpeed.METERS_PER_SECOND),
    Bacnet.METERS_PER_MINUTE: _speed(UnitOfSpeed.METERS_PER_MINUTE),
    Bacnet.METERS_PER_HOUR: _speed(UnitOfSpeed.METERS_PER_MINUTE, 1 / 60),
    Bacnet.KILOMETERS_PER_HOUR: _speed(UnitOfSpeed.KILOMETERS_PER_HOUR),
    Bacnet.FEET_PER_SECOND: _speed(UnitOfSpeed.FEET_PER_SECOND),
    Bacnet.FEET_PER_MINUTE: _speed(UnitOfSpeed.FEET_PER_SECOND, 1 / 60),
    Bacnet.MILES_PER_HOUR: _speed(UnitOfSpeed.MILES_PER_HOUR),
    # Temperature
    Bacnet.DEGREES_CELSIUS: UnitTraits(UnitOfTemperature.CELSIUS, _Class.TEMPERATURE),
    Bacnet.DEGREES_FAHRENHEIT: UnitTraits(
        UnitOfTemperature.FAHRENHEIT, _Class.TEMPERATURE
    ),
    Bacnet.DEGREES_KELVIN: UnitTraits(UnitOfTemperature.KELVIN, _Class.TEMPERATURE),
    Bacnet.DELTA_DEGREES_FAHRENHEIT: UnitTraits(
        UnitOfTemperature.FAHRENHEIT, _Class.TEMPERATURE_DELTA
    ),
    Bacnet.DELTA_DEGREES_KELVIN: UnitTraits(
        UnitOfTemperature.KELVIN, _Class.TEMPERATURE_DELTA
    ),
    Bacnet.DEGREE_DAYS_CELSIUS: _plain("°C⋅d"),
    Bacnet.DEGREE_DAYS_FAHRENHEIT: _plain("°F⋅d"),
    Bacnet.DEGREES_CELSIUS_PER_HOUR: _plain("°C/h"),
    Bacnet.DEGREES_CELSIUS_PER_MINUTE: _plain("°C/min"),
    Bacnet.DEGREES_FAHRENHEIT_PER_HOUR: _plain("°F/h"),
    Bacnet.DEGREES_FAHRENHEIT_PER_MINUTE: _plain("°F/min"),
    Bacnet.DEGREES_KELVIN_PER_HOUR: _plain("K/h"),
    Bacnet.DEGREES_KELVIN_PER_MINUTE: _plain("K/min"),
    Bacnet.MINUTES_PER_DEGREE_KELVIN: _plain("min/K"),
    # Time
    Bacnet.YEARS: UnitTraits(UnitOfTime.DAYS, _Class.DURATION, factor=365.2425),
    Bacnet.MONTHS: UnitTraits(UnitOfTime.DAYS, _Class.DURATION, factor=30.436875),
    Bacnet.WEEKS: UnitTraits(UnitOfTime.DAYS, _Class.DURATION, factor=7),
    Bacnet.DAYS: UnitTraits(UnitOfTime.DAYS, _Class.DURATION),
    Bacnet.HOURS: UnitTraits(UnitOfTime.HOURS, _Class.DURATION),
    Bacnet.MINUTES: UnitTraits(UnitOfTime.MINUTES, _Class.DURATION),
    Bacnet.SECONDS: UnitTraits(UnitOfTime.SECONDS, _Class.DURATION),
    Bacnet.HUNDREDTHS_SECONDS: UnitTraits(
        UnitOfTime.MILLISECONDS, _Class.DURATION, factor=10
    ),
    Bacnet.MILLISECONDS: UnitTraits(UnitOfTime.MILLISECONDS, _Class.DURATION),
    # Volume
    Bacnet.MILLILITERS: _volume(UnitOfVolume.MILLILITERS),
    Bacnet.LITERS: _volume(UnitOfVolume.LITERS),
    Bacnet.CUBIC_METERS: _volume(UnitOfVolume.CUBIC_METERS),
    Bacnet.CUBIC_FEET: _volume(UnitOfVolume.CUBIC_FEET),
    Bacnet.US_GALLONS: _volume(UnitOfVolume.GALLONS),
    Bacnet.IMPERIAL_GALLONS: _volume(UnitOfVolume.LITERS, _LITERS_PER_IMPERIAL_GALLON),
    # Volume flow
    Bacnet.MILLILITERS_PER_SECOND: _flow(UnitOfVolumeFlowRate.MILLILITERS_PER_SECOND),
    Bacnet.LITERS_PER_SECOND: _flow(UnitOfVolumeFlowRate.LITERS_PER_SECOND),
    Bacnet.LITERS_PER_MINUTE: _flow(UnitOfVolumeFlowRate.LITERS_PER_MINUTE),
    Bacnet.LITERS_PER_HOUR: _flow(UnitOfVolumeFlowRate.LITERS_PER_HOUR),
    Bacnet.CUBIC_METERS_PER_SECOND: _flow(UnitOfVolumeFlowRate.CUBIC_METERS_PER_SECOND),
    Bacnet.CUBIC_METERS_PER_MINUTE: _flow(UnitOfVolumeFlowRate.CUBIC_METERS_PER_MINUTE),
    Bacnet.CUBIC_METERS_PER_HOUR: _flow(UnitOfVolumeFlowRate.CUBIC_METERS_PER_HOUR),
    Bacnet.CUBIC_METERS_PER_DAY: _flow(
        UnitOfVolumeFlowRate.CUBIC_METERS_PER_HOUR, 1 / 24
    ),
    Bacnet.CUBIC_FEET_PER_SECOND: _flow(UnitOfVolumeFlowRate.CUBIC_FEET_PER_MINUTE, 60),
    Bacnet.CUBIC_FEET_PER_MINUTE: _flow(UnitOfVolumeFlowRate.CUBIC_FEET_PER_MINUTE),
    Bacnet.CUBIC_FEET_PER_HOUR: _flow(
        UnitOfVolumeFlowRate.CUBIC_FEET_PER_MINUTE, 1 / 60
    ),
    Bacnet.CUBIC_FEET_PER_DAY: _flow(
        UnitOfVolumeFlowRate.CUBIC_FEET_PER_MINUTE, 1 / 1440
    ),
    Bacnet.US_GALLONS_PER_MINUTE: _flow(UnitOfVolumeFlowRate.GALLONS_PER_MINUTE),
    Bacnet.US_GALLONS_PER_HOUR: _flow(UnitOfVolumeFlowRate.GALLONS_PER_HOUR),
    Bacnet.IMPERIAL_GALLONS_PER_MINUTE: _flow(
        UnitOfVolumeFlowRate.LITERS_PER_MINUTE, _LITERS_PER_IMPERIAL_GALLON
    ),
}

NO_TRAITS: Final = UnitTraits(None)
"""For a proprietary unit: a number without a unit."""


def traits_of(units: int | None) -> UnitTraits:
    """Return how Home Assistant shows an engineering unit."""
    return UNITS.get(units, NO_TRAITS) if units is not None else NO_TRAITS  # type: ignore[call-overload]


_PREFERRED: Final[dict[str, Bacnet]] = {
    PERCENTAGE: Bacnet.PERCENT,
    DEGREE: Bacnet.DEGREES_ANGULAR,
    UnitOfTemperature.FAHRENHEIT: Bacnet.DEGREES_FAHRENHEIT,
    UnitOfTemperature.KELVIN: Bacnet.DEGREES_KELVIN,
}
"""Where several engineering units are shown alike."""

BACNET_UNITS: Final[dict[str, Bacnet]] = {
    traits.unit: units
    for units, traits in reversed(UNITS.items())
    if traits.unit is not None and traits.factor == 1
} | _PREFERRED
"""The engineering unit for a unit of measurement of Home Assistant."""
