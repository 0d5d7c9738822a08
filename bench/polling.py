"""Reading the values of many points: our session against bacpypes3's own reader."""

from collections.abc import AsyncIterator
from math import ceil

from .measure import alternately
from .process import Process, ProcessError
from .rows import Baseline, Row, cheaper, within
from .wire import value_of

_LARGEST_APDU = 1476
_ROUNDS = 5
_PROPERTIES = 2
_OBJECT_SIZE = 23
"""Octets of an answer for each object: identifier, frame, a Real and a bit string."""

_ANSWER_HEADER = 3


async def polling() -> AsyncIterator[Row]:
    """Yield the cost of a value, and how well requests are filled."""
    async with (
        Process("stub") as stub,
        Process("our_client") as ours,
        Process("stock_client") as stock,
    ):
        device = await stub.call("open")
        await ours.call("open")
        await stock.call("open")
        for points, cycles in ((500, 10), (5000, 1)):
            await ours.call("follow", device, points, _LARGEST_APDU)
            await stub.call("requests")
            await ours.call("poll", 1)
            requests = await stub.call("requests")
            await stock.call("follow", device, points, ceil(points / requests))
            await stock.call("poll", 1)
            if await stub.call("requests") != requests:
                raise ProcessError("the batches differ")
            expected = sum(value_of(number + 1) for number in range(points))
            for client in (ours, stock):
                if await client.call("total") != expected:
                    raise ProcessError("wrong values were read")
            our_times, stock_times = await alternately(
                _ROUNDS,
                lambda: ours.call("poll", cycles),  # noqa: B023
                lambda: stock.call("poll", 1),
            )
            scale = 1e6 / (points * _PROPERTIES)
            yield cheaper(
                f"read {points:,} points (present-value, status-flags): CPU per value",
                min(our_times) * scale,
                "µs",
                Baseline("bacpypes3", min(stock_times) * scale),
                at_least=8,
            )
        for max_apdu in (1476, 480, 50):
            await ours.call("follow", device, 500, max_apdu)
            await stub.call("requests")
            await ours.call("poll", 1)
            least = ceil(500 * _OBJECT_SIZE / (max_apdu - _ANSWER_HEADER))
            yield within(
                f"read 500 points, APDU of {max_apdu}: requests of a cycle",
                await stub.call("requests"),
                "requests",
                1.1,
                Baseline("least possible", least),
            )
