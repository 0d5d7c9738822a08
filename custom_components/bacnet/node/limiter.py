"""How many confirmed requests may be under way: to one destination, and in all.

Without a limit 256 requests to one address use up the invoke ids, and a slow
controller is flooded long before that.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from itertools import count

from .errors import BacnetError, OverloadError


class _Gate:
    """A counter with waiting places, served by urgency, then by age."""

    __slots__ = ("_error", "_free", "_order", "_waiting", "holders", "limit")

    def __init__(self, limit: int) -> None:
        """Let ``limit`` holders in at once."""
        self.limit = limit
        self.holders = 0
        self._free = limit
        self._order = count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    async def acquire(self, urgency: int) -> None:
        """Take a place; the lower the urgency number, the sooner."""
        if self._free:
            self._free -= 1
            return
        future = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (urgency, next(self._order), future))
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and not future.exception():
                self.release()
            raise

    def release(self) -> None:
        """Give a place back: to the next in line, or to nobody."""
        while self._waiting:
            future = heappop(self._waiting)[2]
            if not future.done():
                future.set_result(None)
                return
        self._free += 1

    def fail(self, error: BacnetError) -> None:
        """End all waiting with an error."""
        for _, _, future in self._waiting:
            if not future.done():
                future.set_exception(error)
        self._waiting.clear()


class RequestLimiter:
    """Bounds the requests under way and the requests that wait."""

    def __init__(self, *, per_destination: int, total: int, waiting: int) -> None:
        """Set the bounds; ``waiting`` counts per destination."""
        self._per_destination = per_destination
        self._waiting = waiting
        self._total = _Gate(total)
        self._gates: dict[str, _Gate] = {}

    @asynccontextmanager
    async def slot(
        self, destination: str, urgency: int = 0, limit: int | None = None
    ) -> AsyncIterator[None]:
        """Hold a place towards a destination, or towards what stands for several.

        A request waits for its destination first, so that a silent device holds
        few of the places that all share. ``limit`` counts for the first to come.
        Raises OverloadError when too many wait.
        """
        gate = self._gates.get(destination)
        if gate is None:
            gate = self._gates[destination] = _Gate(limit or self._per_destination)
        if gate.holders >= self._waiting + gate.limit:
            raise OverloadError(f"too many requests are waiting for {destination}")
        gate.holders += 1
        try:
            await gate.acquire(urgency)
            try:
                await self._total.acquire(urgency)
                try:
                    yield
                finally:
                    self._total.release()
            finally:
                gate.release()
        finally:
            gate.holders -= 1
            if not gate.holders:
                self._gates.pop(destination, None)

    def fail(self, error: BacnetError) -> None:
        """End everybody's waiting with an error."""
        for gate in list(self._gates.values()):
            gate.fail(error)
        self._total.fail(error)
