"""Telling subscribers of a change: our device against a stock one of bacpypes3."""

from collections.abc import AsyncIterator

from .measure import alternately
from .process import Process, ProcessError
from .rows import Baseline, Row, cheaper

_OBJECTS = 5000
_CHANGES = 200
"""So few that all notifications of a round find room in a receive buffer."""

_ROUNDS = 3


async def notifying() -> AsyncIterator[Row]:
    """Yield the cost of a change."""
    async with (
        Process("our_device") as ours,
        Process("stock_device") as stock,
        Process("load") as our_load,
        Process("load") as stock_load,
    ):
        our_address = await ours.call("open", _OBJECTS)
        stock_address = await stock.call("open", _OBJECTS)
        for subscribers, bar in ((1, 30), (10, 40)):
            await our_load.call("subscribe", our_address, subscribers)
            await stock_load.call("subscribe", stock_address, subscribers)

            async def change(device: Process, load: Process) -> float:
                seconds = float(await device.call("change", _CHANGES))
                notified = await load.call("notified")
                if notified != _CHANGES * subscribers:  # noqa: B023
                    raise ProcessError(f"{notified} notifications arrived")
                return seconds

            our_times, stock_times = await alternately(
                _ROUNDS,
                lambda: change(ours, our_load),
                lambda: change(stock, stock_load),
            )
            yield cheaper(
                f"change and notify, {_OBJECTS:,} objects, {subscribers} subscribed: CPU",
                min(our_times) * 1e6,
                "µs",
                Baseline("stock device", min(stock_times) * 1e6),
                at_least=bar,
            )
