"""Holding many objects: what it takes to make them, and what they occupy."""

from collections.abc import AsyncIterator

from .process import Process
from .rows import Baseline, Row, cheaper, within

_OBJECTS = 5000
_ROUNDS = 3


async def holding() -> AsyncIterator[Row]:
    """Yield CPU time, the longest stall, and memory."""
    made = f"create {_OBJECTS:,} commandable objects"
    async with Process("stock_device") as stock:
        await stock.call("open", 1)
        stock_time = await stock.call("create", 2, _OBJECTS)
    async with Process("our_device") as ours:
        await ours.call("open", 1)
        firsts = range(2, 2 + 2 * _ROUNDS * _OBJECTS, 2 * _OBJECTS)
        our_times = [await ours.call("create", first, _OBJECTS) for first in firsts]
        stalls = [
            await ours.call("create_in_chunks", first + _OBJECTS, _OBJECTS)
            for first in firsts
        ]
    yield cheaper(
        f"{made}: CPU per object",
        min(our_times) / _OBJECTS * 1e6,
        "µs",
        Baseline("stock device", stock_time / _OBJECTS * 1e6),
        at_least=15,
    )
    yield within(
        f"{made}, 100 at a time: longest stall of the loop",
        min(stalls) * 1000,
        "ms",
        20,
    )
    async with Process("our_device") as ours:
        await ours.call("open", 1)
        yield within(
            "memory of a commandable object, all properties read",
            await ours.call("memory", 2, _OBJECTS) / 1000,
            "kB",
            6,
        )
