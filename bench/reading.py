"""Reading a site for the first time: our client against a plain script."""

from collections.abc import AsyncIterator

from tests.simulator import SimulatorProcess

from .measure import alternately
from .process import Process, ProcessError, free_port
from .rows import Baseline, Row, within

_DEVICES, _POINTS = 10, 90
_LATENCY_MS = 5
_ROUNDS = 5


async def reading() -> AsyncIterator[Row]:
    """Yield the time from Who-Is to all values, and the requests that takes."""
    port = free_port()
    async with (
        SimulatorProcess(
            *("--port", f"{port}", "--interval", "0"),
            *("--devices", f"{_DEVICES}", "--points", f"{_POINTS}"),
            *("--latency", f"{_LATENCY_MS}"),
        ) as simulator,
        Process("our_client") as ours,
        Process("script") as script,
    ):
        device = min(simulator.addresses)
        found: set[tuple[int, float]] = set()
        requests: dict[str, int] = {}

        async def read(name: str, reader: Process) -> float:
            before = sum((await simulator.requests(device)).values())
            seconds, points, total = await reader.call("first_reading", port, _DEVICES)
            found.add((points, total))
            after = sum((await simulator.requests(device)).values())
            requests[name] = after - before
            return float(seconds)

        our_times, script_times = await alternately(
            _ROUNDS, lambda: read("ours", ours), lambda: read("script", script)
        )
        if len(found) != 1 or found.pop()[0] != _DEVICES * _POINTS:
            raise ProcessError("the two did not read the same")
    what = f"first reading of {_DEVICES} devices x {_POINTS} points, {_LATENCY_MS} ms"
    yield within(f"{what}: Who-Is to all values", min(our_times), "s", 2.5)
    yield within(
        f"{what}: against a script",
        min(our_times),
        "s",
        1.25,
        Baseline("plain script", min(script_times)),
    )
    yield Row(
        name=f"{what}: requests to a device",
        figure=requests["ours"],
        unit="requests",
        baseline=Baseline("plain script", requests["script"]),
        ratio=requests["ours"] / requests["script"],
    )
