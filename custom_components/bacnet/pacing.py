"""Long work in the event loop, in pieces."""

from asyncio import sleep
from time import perf_counter
from typing import Final

_LONGEST_PIECE: Final = 0.004


class Pacer:
    """Lets others have the event loop after a few milliseconds."""

    def __init__(self) -> None:
        """Begin with the first piece."""
        self._since = perf_counter()

    async def pause(self) -> None:
        """Let others go on, when it is time to."""
        if perf_counter() - self._since >= _LONGEST_PIECE:
            await sleep(0)
            self._since = perf_counter()
