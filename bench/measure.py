"""How to measure on a machine that does other things as well."""

from collections.abc import Awaitable, Callable, Sequence
from math import ceil

type Measurement = Callable[[], Awaitable[float]]


async def alternately(
    rounds: int, *measurements: Measurement
) -> tuple[list[float], ...]:
    """Return the figures of measurements taken in turn.

    So whatever slows the machine down for a while slows all of them down. The best
    figure of each is the one least disturbed.
    """
    figures: tuple[list[float], ...] = tuple([] for _ in measurements)
    for _ in range(rounds):
        for measurement, found in zip(measurements, figures, strict=True):
            found.append(await measurement())
    return figures


def percentile(figures: Sequence[float], percent: float) -> float:
    """Return the figure that so many of all do not exceed."""
    return sorted(figures)[ceil(len(figures) * percent / 100) - 1]
