"""How long the event loop is held up."""

import asyncio
import gc
from time import perf_counter
from typing import Self

_PERIOD = 0.001


class StallWatch:
    """Watches the loop as long as the context; ``longest`` is in seconds.

    The garbage collector is off meanwhile: how long it takes depends on everything in
    Home Assistant, and how often it runs as well.
    """

    def __init__(self) -> None:
        """Start without a stall."""
        self.longest = 0.0

    async def __aenter__(self) -> Self:
        """Start watching."""
        gc.collect()
        gc.disable()
        self._task = asyncio.create_task(self._watch())
        await asyncio.sleep(2 * _PERIOD)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop after a last look."""
        try:
            await asyncio.sleep(2 * _PERIOD)
        finally:
            self._task.cancel()
            gc.enable()

    async def _watch(self) -> None:
        last = perf_counter()
        while True:
            await asyncio.sleep(_PERIOD)
            now = perf_counter()
            self.longest = max(self.longest, now - last - _PERIOD)
            last = now
