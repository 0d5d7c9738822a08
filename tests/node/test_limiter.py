"""How many requests may be under way."""

import asyncio
from collections import Counter

import pytest

from custom_components.bacnet.node.errors import NodeStoppedError, OverloadError
from custom_components.bacnet.node.limiter import RequestLimiter


async def test_bounds_hold() -> None:
    """Test that neither a destination nor all together get more than they may."""
    limiter = RequestLimiter(per_destination=2, total=5, waiting=100)
    running: Counter[str] = Counter()
    highest: Counter[str] = Counter()

    async def use(destination: str) -> None:
        async with limiter.slot(destination):
            running[destination] += 1
            highest[destination] = max(highest[destination], running[destination])
            highest["all"] = max(highest["all"], running.total())
            await asyncio.sleep(0)
            running[destination] -= 1

    await asyncio.gather(*(use(name) for name in "abc" for _ in range(20)))
    assert highest == {"a": 2, "b": 2, "c": 2, "all": 5}


async def test_urgent_requests_go_first() -> None:
    """Test that urgency decides, then age."""
    limiter = RequestLimiter(per_destination=1, total=1, waiting=100)
    order = []

    async def use(name: str, urgency: int) -> None:
        async with limiter.slot("a", urgency):
            order.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(
        use("first", 2), use("poll", 2), use("late", 2), use("user", 0)
    )
    assert order == ["first", "user", "poll", "late"]


async def test_cancelled_waiting_loses_no_place() -> None:
    """Test that places come back when waiting requests are cancelled."""
    limiter = RequestLimiter(per_destination=1, total=1, waiting=100)
    started = asyncio.Event()

    async def use() -> None:
        async with limiter.slot("a"):
            started.set()
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(use()) for _ in range(10)]
    await started.wait()
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(1):
        await use()


async def test_waiting_is_bounded() -> None:
    """Test that too many waiting requests are refused at once."""
    limiter = RequestLimiter(per_destination=1, total=1, waiting=2)

    async def use() -> None:
        async with limiter.slot("a"):
            await asyncio.sleep(0)

    results = await asyncio.gather(*(use() for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results].count(OverloadError) == 2


async def test_failing_ends_all_waiting() -> None:
    """Test that everybody who waits gets the error, and places are free again."""
    limiter = RequestLimiter(per_destination=1, total=1, waiting=100)
    release = asyncio.Event()

    async def use() -> None:
        async with limiter.slot("a"):
            await release.wait()

    tasks = [asyncio.create_task(use()) for _ in range(3)]
    await asyncio.sleep(0)
    limiter.fail(NodeStoppedError())
    release.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [
        type(None),
        NodeStoppedError,
        NodeStoppedError,
    ]
    async with limiter.slot("a"):
        pass
    with pytest.raises(RuntimeError):
        async with limiter.slot("a"):
            raise RuntimeError
