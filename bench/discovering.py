"""Getting to know a site: a burst of I-Ams, and a device with very many objects."""

import asyncio
from collections.abc import AsyncIterator

from .process import Process
from .rows import Bar, Row, Sign, within

_DEVICES = 1000
_OBJECTS = 20_000
_PATIENCE = 5
_ROUNDS = 3


async def discovering() -> AsyncIterator[Row]:
    """Yield what is lost, and how long the loop is held up."""
    async with (
        Process("our_client") as ours,
        Process("load") as load,
        Process("our_device") as device,
    ):
        node = await ours.call("open")
        heard = [
            await asyncio.gather(
                ours.call("hear", _DEVICES, _PATIENCE),
                load.call("announce", node, _DEVICES),
            )
            for _ in range(_ROUNDS)
        ]
        yield Row(
            name=f"{_DEVICES:,} I-Am at once: devices heard of",
            figure=min(devices for (devices, _), _ in heard),
            unit="devices",
            bar=Bar(Sign.AT_LEAST, _DEVICES),
        )
        yield within(
            f"{_DEVICES:,} I-Am at once: longest stall of the loop",
            min(stall for (_, stall), _ in heard) * 1000,
            "ms",
            20,
        )

        address = await device.call("open", _OBJECTS)
        read = [await ours.call("inventory", address) for _ in range(_ROUNDS)]
        what = f"inventory of {min(points for points, _, _ in read):,} objects"
        yield Row(
            name=f"{what}: time", figure=min(time for _, time, _ in read), unit="s"
        )
        yield within(
            f"{what}: longest stall of the loop",
            min(stall for _, _, stall in read) * 1000,
            "ms",
            20,
        )
