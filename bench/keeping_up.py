"""Keeping up with a large site: what polling it takes of the event loop."""

from collections.abc import AsyncIterator

from .process import Process, ProcessError, free_port
from .rows import Row, within

_DEVICES, _POINTS = 100, 400
_INTERVAL = 60
_ROUNDS = 3


async def keeping_up() -> AsyncIterator[Row]:
    """Yield the part of the loop's time, and how long it is held up."""
    port = free_port()
    async with Process("site") as site, Process("our_client") as ours:
        await site.call("open", port, _DEVICES, _POINTS)
        await ours.call("follow_site", port, _DEVICES, _POINTS)
        await ours.call("poll_site")
        shares: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(_ROUNDS):
            for changed, found in shares.items():
                if changed:
                    await site.call("advance")
                seconds, changes = await ours.call("poll_site")
                if changes != (_DEVICES * _POINTS if changed else 0):
                    raise ProcessError(f"{changes} changes were told")
                found.append(seconds / _INTERVAL * 100)
        stalls: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(_ROUNDS):
            for together, longest in stalls.items():
                await site.call("advance")
                longest.append(await ours.call("stall_of_site", together))
    what = f"{_DEVICES} devices x {_POINTS} points polled each {_INTERVAL} s"
    yield Row(
        name=f"{what}: part of the loop's time, no value changed",
        figure=min(shares[False]),
        unit="%",
    )
    yield Row(
        name=f"{what}: part of the loop's time, all values changed and told",
        figure=min(shares[True]),
        unit="%",
    )
    yield within(
        f"{what}: longest stall of the loop", min(stalls[False]) * 1000, "ms", 20
    )
    yield Row(
        name=f"{what}: longest stall, all polls begun in one moment",
        figure=min(stalls[True]) * 1000,
        unit="ms",
    )
