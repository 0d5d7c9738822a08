"""How often and how long a binary object was active (12.6, 12.7, 12.8)."""


class StateHistory:
    """Counts changes of state; times are in seconds since 1970."""

    __slots__ = (
        "_active_seconds",
        "_active_since",
        "changed_at",
        "count",
        "count_reset_at",
        "state",
        "time_reset_at",
    )

    def __init__(self, now: float) -> None:
        """Start counting."""
        self.state: bool | None = None
        self.changed_at: float | None = None
        self.count = 0
        self.count_reset_at = now
        self.time_reset_at = now
        self._active_seconds = 0.0
        self._active_since: float | None = None

    def record(self, state: bool, now: float) -> None:
        """Take the state of now; the first one is no change."""
        if state == self.state:
            return
        if self.state is not None:
            self.count += 1
            self.changed_at = now
        if self._active_since is not None:
            self._active_seconds += now - self._active_since
        self._active_since = now if state else None
        self.state = state

    def active_seconds(self, now: float) -> int:
        """Return for how long the object was active."""
        running = 0.0 if self._active_since is None else now - self._active_since
        return max(0, int(self._active_seconds + running))

    def set_count(self, count: int, now: float) -> None:
        """Take a count that was written; 0 resets it."""
        self.count = count
        if not count:
            self.count_reset_at = now

    def set_active_seconds(self, seconds: int, now: float) -> None:
        """Take a time that was written; 0 resets it."""
        self._active_seconds = seconds
        if self._active_since is not None:
            self._active_since = now
        if not seconds:
            self.time_reset_at = now
