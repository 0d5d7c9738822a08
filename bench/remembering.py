"""What a point occupies that is kept up to date, without its entity."""

from collections.abc import AsyncIterator
from tempfile import TemporaryDirectory

from .process import Process, free_port
from .rows import Row, within

_DEVICES, _POINTS = 25, 400


async def remembering() -> AsyncIterator[Row]:
    """Yield the memory of sessions, inventories, coordinators and what they keep."""
    port = free_port()
    with TemporaryDirectory() as config_dir:
        async with Process("site") as site, Process("home") as home:
            await site.call("open", port, _DEVICES, _POINTS)
            await home.call("start", config_dir)
            octets = await home.call("memory", port, _DEVICES * _POINTS)
    yield within(
        f"memory of a point, of {_DEVICES * _POINTS:,} notified ones, without entity",
        octets / 1000,
        "kB",
        2,
    )
