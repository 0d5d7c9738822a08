"""How points move: small functions of a moment, one step per simulated second."""

from collections.abc import Callable
from math import pi, sin

from .model import Moment, Motion, Value

type At = Callable[[str], float]


def wave(
    mean: float, amplitude: float, period: float, noise: float = 0.0, phase: float = 0.0
) -> Motion:
    """Swing around a mean value; the phase is a fraction of the period."""

    def move(moment: Moment) -> float:
        """Return the value at this time."""
        swing = amplitude * sin(2 * pi * (moment.time / period + phase))
        return round(mean + swing + moment.random.uniform(-noise, noise), 3)

    return move


def approach(target: Callable[[At], float], rate: float, noise: float = 0.0) -> Motion:
    """Close a fraction of the distance to a target in each second."""

    def move(moment: Moment) -> float:
        """Return the value one step closer."""
        value = float(moment.value)
        step = (target(moment.at) - value) * rate
        return round(value + step + moment.random.uniform(-noise, noise), 3)

    return move


def calculate(formula: Callable[[At], Value]) -> Motion:
    """Follow from the values of other points."""

    def move(moment: Moment) -> Value:
        """Return the result of the formula."""
        return formula(moment.at)

    return move


def accumulate(gain: Callable[[At], float]) -> Motion:
    """Grow by a gain in each second."""

    def move(moment: Moment) -> float:
        """Return the value with this second's gain."""
        return float(moment.value) + gain(moment.at)

    return move


def flip(chance: float) -> Motion:
    """Change a binary value at random, with this chance in each second."""

    def move(moment: Moment) -> bool:
        """Return the value, flipped or not."""
        return bool(moment.value) != (moment.random.random() < chance)

    return move
