"""What a point of a remote device becomes in Home Assistant: tables and pure functions."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from homeassistant.const import PERCENTAGE, Platform

from .client.models import Point
from .node.enumerations import ObjectType
from .node.types import ObjectId
from .units import traits_of


class _Platforms(NamedTuple):
    """Platforms of an object type, by whether it can be written."""

    read_only: Platform
    writable: Platform


_ONLY_SENSOR: Final = _Platforms(Platform.SENSOR, Platform.SENSOR)

_PLATFORMS: Final[dict[int, _Platforms]] = {
    ObjectType.ACCUMULATOR: _ONLY_SENSOR,
    ObjectType.ANALOG_INPUT: _ONLY_SENSOR,
    ObjectType.ANALOG_OUTPUT: _Platforms(Platform.SENSOR, Platform.NUMBER),
    ObjectType.ANALOG_VALUE: _Platforms(Platform.SENSOR, Platform.NUMBER),
    ObjectType.BINARY_INPUT: _Platforms(Platform.BINARY_SENSOR, Platform.BINARY_SENSOR),
    ObjectType.BINARY_OUTPUT: _Platforms(Platform.BINARY_SENSOR, Platform.SWITCH),
    ObjectType.BINARY_VALUE: _Platforms(Platform.BINARY_SENSOR, Platform.SWITCH),
    ObjectType.CHARACTERSTRING_VALUE: _Platforms(Platform.SENSOR, Platform.TEXT),
    ObjectType.DATE_VALUE: _Platforms(Platform.SENSOR, Platform.DATE),
    ObjectType.DATETIME_VALUE: _Platforms(Platform.SENSOR, Platform.DATETIME),
    ObjectType.INTEGER_VALUE: _Platforms(Platform.SENSOR, Platform.NUMBER),
    ObjectType.LARGE_ANALOG_VALUE: _Platforms(Platform.SENSOR, Platform.NUMBER),
    ObjectType.LIGHTING_OUTPUT: _Platforms(Platform.SENSOR, Platform.LIGHT),
    ObjectType.LOOP: _ONLY_SENSOR,
    ObjectType.MULTI_STATE_INPUT: _ONLY_SENSOR,
    ObjectType.MULTI_STATE_OUTPUT: _Platforms(Platform.SENSOR, Platform.SELECT),
    ObjectType.MULTI_STATE_VALUE: _Platforms(Platform.SENSOR, Platform.SELECT),
    ObjectType.POSITIVE_INTEGER_VALUE: _Platforms(Platform.SENSOR, Platform.NUMBER),
    ObjectType.PULSE_CONVERTER: _ONLY_SENSOR,
    ObjectType.TIME_VALUE: _Platforms(Platform.SENSOR, Platform.TIME),
}

_OUTPUTS: Final = {
    ObjectType.ANALOG_OUTPUT,
    ObjectType.BINARY_OUTPUT,
    ObjectType.LIGHTING_OUTPUT,
    ObjectType.MULTI_STATE_OUTPUT,
}
"""Object types that the standard makes commandable."""

COUNTERS: Final = {ObjectType.ACCUMULATOR, ObjectType.PULSE_CONVERTER}
"""Object types that count up."""

MULTI_STATE: Final = {
    ObjectType.MULTI_STATE_INPUT,
    ObjectType.MULTI_STATE_OUTPUT,
    ObjectType.MULTI_STATE_VALUE,
}

_WHOLE_NUMBERS: Final = {ObjectType.INTEGER_VALUE, ObjectType.POSITIVE_INTEGER_VALUE}

# A device that tells no limits gets some which no real setpoint reaches.
_UNLIMITED: Final = (-1_000_000.0, 1_000_000.0)
_DEFAULT_STEP: Final = 0.1


def is_writable(point: Point) -> bool:
    """Return whether a point can be written: commandable, or proven writable."""
    return (
        point.commandable or point.writable is True or point.object_id.type in _OUTPUTS
    )


def is_ordinary(point: Point) -> bool:
    """Return whether a point is of a type that has a place in Home Assistant.

    Any other point with a present-value is shown as a diagnostic sensor.
    """
    return point.object_id.type in _PLATFORMS


def platform_of(point: Point) -> Platform:
    """Return the platform that shows a point."""
    platforms = _PLATFORMS.get(point.object_id.type, _ONLY_SENSOR)
    return platforms.writable if is_writable(point) else platforms.read_only


def read_only_platform_of(object_id: ObjectId) -> Platform:
    """Return the platform that only shows an object."""
    return _PLATFORMS.get(object_id.type, _ONLY_SENSOR).read_only


def choices_of(point: Point) -> list[Platform]:
    """Return the platforms that a user may choose for a point, the usual one first."""
    usual = platform_of(point)
    platforms = _PLATFORMS.get(point.object_id.type, _ONLY_SENSOR)
    return [usual, *(platform for platform in set(platforms) if platform != usual)]


def options_of(states: Sequence[str]) -> list[str]:
    """Return state texts as options, in order, each of them unique.

    Devices repeat texts; the state number tells those apart.
    """
    counts = Counter(states)
    return [
        text if counts[text] == 1 else f"{text} ({number})"
        for number, text in enumerate(states, 1)
    ]


class NumberRange(NamedTuple):
    """Limits and step of a number, in the unit that Home Assistant shows."""

    minimum: float
    maximum: float
    step: float


def range_of(point: Point) -> NumberRange:
    """Return the limits and the step of an analog or integer point."""
    traits = traits_of(point.units)
    low, high = (0.0, 100.0) if traits.unit == PERCENTAGE else _UNLIMITED
    if point.object_id.type == ObjectType.POSITIVE_INTEGER_VALUE:
        low = 0.0
    minimum = low if point.minimum is None else point.minimum * traits.factor
    maximum = high if point.maximum is None else point.maximum * traits.factor
    if not minimum < maximum:
        minimum, maximum = low, high
    step = 1.0 if point.object_id.type in _WHOLE_NUMBERS else _DEFAULT_STEP
    if point.resolution:
        step = point.resolution * traits.factor
    return NumberRange(minimum, maximum, step)


def precision_of(point: Point) -> int | None:
    """Return how many decimals are worth showing, where the device tells it."""
    if not point.resolution:
        return None
    decimals = f"{point.resolution * traits_of(point.units).factor:.4g}"
    return len(decimals.partition(".")[2]) if "e" not in decimals else None
