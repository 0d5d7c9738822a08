"""Helpers of Home Assistant as objects: written to by others, and notified to them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from statistics import median
from tempfile import TemporaryDirectory

from .measure import percentile
from .process import Process, ProcessError, free_port
from .rows import Row, within

_QUIET_WRITES = 200
_QUIET_INTERVAL = 0.02

_CLIENTS = 10
_WRITES = 1000
_WRITES_PER_SECOND = 200
_CHANGES = 200
"""So many of Home Assistant's own meanwhile, to a helper that nobody writes to."""

_ROUNDS = 3
_ROUND = 10_000
"""The first value of a round is a multiple of this: each value comes once."""

_SETTLING_TIME = 0.2

type Moments = Sequence[tuple[float, float]]
"""Values, and when they were there."""


async def writing() -> AsyncIterator[Row]:
    """Yield how late either side sees what the other did, and whether all of it."""
    node = ["127.0.0.1", free_port()]
    helpers = [f"input_number.helper_{number + 1}" for number in range(_CLIENTS + 1)]
    with TemporaryDirectory() as config_dir:
        async with (
            Process("home") as home,
            Process("neighbours") as writers,
            Process("neighbours") as subscriber,
        ):
            await home.call("start", config_dir, len(helpers))
            await home.call("set_up", node[1], 0)
            *written, notified = await home.call("expose", helpers)
            await writers.call("open", node, _CLIENTS)
            await subscriber.call("open", node, 1)
            await subscriber.call("subscribe", [notified])

            await home.call("follow", helpers[:1])
            writes = await writers.call(
                *("write", written[:1], _values(0, _QUIET_WRITES), _QUIET_INTERVAL)
            )
            delays = _delays(writes, await home.call("moments"))
            if len(delays) != _QUIET_WRITES:
                raise ProcessError(f"{len(delays)} writes were seen")
            yield Row(
                name=f"{_QUIET_WRITES} writes of another station -> helper: median",
                figure=median(delays) * 1000,
                unit="ms",
            )

            lost = wrong = unnotified = 0
            write_delays: list[list[float]] = []
            notify_delays: list[list[float]] = []
            for number in range(1, _ROUNDS + 1):
                await home.call("follow", helpers[:-1])
                values = _values(number * _ROUND, _WRITES)
                own_values = _values(number * _ROUND + _WRITES, _CHANGES)
                duration = _WRITES / _WRITES_PER_SECOND
                writes, changes = await asyncio.gather(
                    writers.call("write", written, values, 1 / _WRITES_PER_SECOND),
                    home.call("change", helpers[-1], own_values, duration / _CHANGES),
                )
                await asyncio.sleep(_SETTLING_TIME)
                write_delays.append(_delays(writes, await home.call("moments")))
                told = Counter(await home.call("told"))
                notifications = await subscriber.call("notified")
                notify_delays.append(_delays(changes, notifications))
                lost += _WRITES - len(write_delays[-1])
                unnotified += _CHANGES - len(notify_delays[-1])
                wrong += sum(told.pop(value, 0) != 1 for value in values) + len(told)

    load = f"{_WRITES_PER_SECOND} writes/s of {_CLIENTS} stations"
    for what, delays_of_rounds in (
        (f"{load} -> helper", write_delays),
        (f"{load}: own change -> notification", notify_delays),
    ):
        for name, percent, limit in (("median", 50, 5), ("99 of 100", 99, 25)):
            figure = min(percentile(delays, percent) for delays in delays_of_rounds)
            yield within(f"{what}: {name}", figure * 1000, "ms", limit)
    writes_in_all = f"{load}, {_ROUNDS * _WRITES:,} in all"
    yield within(f"{writes_in_all}: lost", lost, "writes", 0)
    yield within(f"{writes_in_all}: without exactly one event", wrong, "writes", 0)
    yield within(f"{load}: own changes not notified", unnotified, "changes", 0)


def _values(first: int, count: int) -> list[float]:
    return [float(first + number) for number in range(1, count + 1)]


def _delays(begun: Moments, seen: Moments) -> list[float]:
    """Return how many seconds later each value was seen, those never seen left out."""
    moments = dict(seen)
    return [moments[value] - moment for value, moment in begun if value in moments]
