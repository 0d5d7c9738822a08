"""A site in Home Assistant: from the config flow to values that follow the devices."""

import asyncio
from collections.abc import AsyncIterator
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic

from tests.simulator import SimulatorProcess

from .measure import percentile
from .process import Process, ProcessError, free_port
from .rows import Row, within

_DEVICES, _POINTS = 10, 90
_LATENCY_MS = 5
_ROUNDS = 2

_POINT = "analog-input,1"
_CHANGES = 200
_PAUSE = 0.02
_COVER_PATIENCE = 30


async def setting_up() -> AsyncIterator[Row]:
    """Yield how long it takes, and how late a change on a device is seen."""
    port = free_port()
    async with SimulatorProcess(
        *("--port", f"{port}", "--interval", "0"),
        *("--devices", f"{_DEVICES}", "--points", f"{_POINTS}"),
        *("--latency", f"{_LATENCY_MS}"),
    ) as simulator:
        taken: list[dict[str, float]] = []
        delays: list[float] = []
        for _ in range(_ROUNDS):
            with TemporaryDirectory() as config_dir:
                async with Process("home") as home:
                    await home.call("start", config_dir)
                    taken.append(await home.call("set_up", port, _DEVICES * _POINTS))
                    if len(taken) == _ROUNDS:
                        await _until_covered(home, _DEVICES * _POINTS)
                        delays = await _delays(simulator, home)
    best = min(taken, key=lambda seconds: seconds["valued"])
    what = f"config flow with {_DEVICES} devices x {_POINTS} points"
    yield within(f"{what}: to all values", best["valued"], "s", 5)
    yield Row(
        name=f"{what}: of that, until the flow ends", figure=best["flow"], unit="s"
    )
    yield within(
        f"{what}: longest stall of the loop",
        min(seconds["stall"] for seconds in taken) * 1000,
        "ms",
        50,
    )
    what = f"{_CHANGES} changes on a device -> entity by COV"
    yield within(f"{what}: median", median(delays) * 1000, "ms", 25)
    yield Row(
        name=f"{what}: 99 of 100", figure=percentile(delays, 99) * 1000, unit="ms"
    )


async def _until_covered(home: Process, points: int) -> None:
    """Wait until the devices notify of all points."""
    try:
        async with asyncio.timeout(_COVER_PATIENCE):
            while await home.call("covered") < points:
                await asyncio.sleep(_PAUSE)
    except TimeoutError as error:
        raise ProcessError("the devices do not notify") from error


async def _delays(simulator: SimulatorProcess, home: Process) -> list[float]:
    """Return the seconds between changes on a device and those of the entity.

    The way of the command to the simulator is included.
    """
    device = min(simulator.addresses)
    entity_id = await home.call("entity_id", "sensor", f"{device}-{_POINT}")
    await home.call("follow", [entity_id])
    begun: dict[float, float] = {}
    for number in range(_CHANGES):
        value = 100.0 + number
        begun[value] = monotonic()
        await simulator.set_value(device, _POINT, value)
        await asyncio.sleep(_PAUSE)
    seen = dict(await home.call("moments"))
    if seen.keys() != begun.keys():
        raise ProcessError(f"{len(seen)} changes were seen")
    return [seen[value] - moment for value, moment in begun.items()]
