"""Starting Home Assistant with a site that it knows already."""

from collections.abc import AsyncIterator
from math import ceil
from tempfile import TemporaryDirectory

from .process import Process, free_port
from .rows import Bar, Row, Sign, within

_DEVICES, _POINTS = 100, 90
_BATCH = 64
"""Points whose value and status flags fit one answer of 1476 octets."""


async def restarting() -> AsyncIterator[Row]:
    """Yield when the entities and their values are there, and the requests for that."""
    port = free_port()
    entities = _DEVICES * _POINTS
    with TemporaryDirectory() as config_dir:
        async with Process("site") as site:
            await site.call("open", port, _DEVICES, _POINTS)
            async with Process("home") as home:
                await home.call("start", config_dir)
                await home.call("set_up", port, entities)
            async with Process("home") as home:
                await home.call("start", config_dir)
                await site.call("requests")
                taken = await home.call("load", entities)
                requests = await site.call("requests")
    what = f"restart with {_DEVICES} devices x {_POINTS} points"
    yield Row(
        name=f"{what}: entities there when it is set up",
        figure=taken["set_up"],
        unit="entities",
        bar=Bar(Sign.AT_LEAST, entities),
    )
    yield Row(name=f"{what}: time to all entities", figure=taken["present"], unit="s")
    yield Row(name=f"{what}: time to all values", figure=taken["valued"], unit="s")
    yield Row(
        name=f"{what}: longest stall of the loop",
        figure=taken["stall"] * 1000,
        unit="ms",
    )
    yield within(
        f"{what}: requests to a device for all values",
        requests["reads"],
        "requests",
        1 + ceil(_POINTS / _BATCH),
    )
