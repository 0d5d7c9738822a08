"""Listeners that are told when the work at hand is done."""

import asyncio
from collections.abc import Callable


class Callbacks[T]:
    """Listeners of one kind of news.

    They are told in the next round of the event loop, when the answer to the request
    that made the news is on its way.
    """

    def __init__(self) -> None:
        """Start without listeners."""
        self._callbacks: list[Callable[[T], None]] = []

    def __bool__(self) -> bool:
        """Return whether anybody listens."""
        return bool(self._callbacks)

    def subscribe(self, callback: Callable[[T], None]) -> Callable[[], None]:
        """Add a listener; return how to end that."""
        self._callbacks.append(callback)

        def end() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return end

    def tell_soon(self, news: T) -> None:
        """Tell everybody who listens then."""
        if self._callbacks:
            asyncio.get_running_loop().call_soon(self._tell, news)

    def _tell(self, news: T) -> None:
        for callback in tuple(self._callbacks):
            callback(news)

    def clear(self) -> None:
        """Forget all listeners."""
        self._callbacks.clear()
