"""The sixteen slots of a commandable object (clause 19.2)."""

from typing import NamedTuple

from .definition import LOWEST_PRIORITY
from .values import PresentValue

OURSELVES = ""
"""The address of what Home Assistant does itself."""

UNKNOWN = "unknown"
"""The address of whoever commanded something before a restart."""


class Source(NamedTuple):
    """Who changed a slot, and when (seconds since 1970)."""

    address: str
    time: float


class PriorityArray:
    """Values by priority; the lowest number wins."""

    __slots__ = ("last", "slots", "sources")

    def __init__(self) -> None:
        """Start with nothing but Null."""
        self.slots: list[PresentValue | None] = [None] * LOWEST_PRIORITY
        self.sources: dict[int, Source] = {}
        self.last: Source | None = None

    def __getitem__(self, priority: int) -> PresentValue | None:
        """Return what is in a slot, None for Null."""
        return self.slots[priority - 1]

    def command(
        self, priority: int, value: PresentValue | None, source: Source
    ) -> bool:
        """Put a value into a slot, None for Null; return whether it is another one."""
        changed = self.slots[priority - 1] != value
        self.slots[priority - 1] = value
        self.sources[priority] = self.last = source
        return changed

    def clear(self, priority: int) -> None:
        """Empty a slot without a trace."""
        self.slots[priority - 1] = None
        self.sources.pop(priority, None)

    @property
    def value(self) -> PresentValue | None:
        """Return the value of the highest priority that has one."""
        return next((value for value in self.slots if value is not None), None)

    @property
    def active(self) -> int | None:
        """Return the highest priority that has a value."""
        for priority, value in enumerate(self.slots, 1):
            if value is not None:
                return priority
        return None
