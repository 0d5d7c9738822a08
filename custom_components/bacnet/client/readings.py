"""The latest values of a device's points, and who wants to hear of changes."""

from collections.abc import Callable
from enum import Enum
import logging
from math import isnan

from ..node.errors import BacnetError
from ..node.types import ObjectId
from .models import PointData, PointValue, StatusFlags

_LOGGER = logging.getLogger(__name__)


class Unknown(Enum):
    """What stands for a part of a point's value that was not read this time."""

    UNKNOWN = 0


UNKNOWN = Unknown.UNKNOWN


def _same(first: PointData, second: PointData) -> bool:
    """Return whether two values are the same; NaN is the same as NaN."""
    return first == second or (
        isinstance(first, float)
        and isinstance(second, float)
        and isnan(first)
        and isnan(second)
    )


def _same_error(first: BacnetError | None, second: BacnetError | None) -> bool:
    return type(first) is type(second) and str(first) == str(second)


class Readings:
    """Values by object; whoever follows a point is called when it changed."""

    def __init__(self) -> None:
        """Start empty."""
        self.values: dict[ObjectId, PointValue] = {}
        self._callbacks: dict[ObjectId, list[Callable[[], None]]] = {}

    def subscribe(
        self, object_id: ObjectId, callback: Callable[[], None]
    ) -> Callable[[], None]:
        """Have each change of a point reported; return how to end that."""
        self._callbacks.setdefault(object_id, []).append(callback)

        def unsubscribe() -> None:
            callbacks = self._callbacks.get(object_id, [])
            if callback in callbacks:
                callbacks.remove(callback)
                if not callbacks:
                    del self._callbacks[object_id]

        return unsubscribe

    def clear_callbacks(self) -> None:
        """Tell nobody any more."""
        self._callbacks.clear()

    def keep(self, object_ids: set[ObjectId]) -> None:
        """Forget the values of all other points."""
        for object_id in self.values.keys() - object_ids:
            del self.values[object_id]

    def take(
        self,
        object_id: ObjectId,
        data: PointData | BacnetError,
        flags: StatusFlags | Unknown | None,
        reliability: int | Unknown | None = UNKNOWN,
        priority: int | Unknown | None = UNKNOWN,
    ) -> None:
        """Take what was read of a point or notified; tell whoever follows it.

        What is unknown stays as it was, but a changed value makes the old priority
        worthless, and the end of a fault the old reliability.
        """
        old = self.values.get(object_id)
        error = None
        if isinstance(data, BacnetError):
            data, error = None, data
        if old is None:
            old = _NOTHING
            changed = True
        else:
            changed = not (
                (old.value is data or _same(old.value, data))
                and (old.error is error or _same_error(old.error, error))
            )
        if flags is UNKNOWN:
            flags = old.status_flags
        if flags is None or not flags.fault:
            reliability = None
        elif reliability is UNKNOWN:
            reliability = old.reliability
        if priority is UNKNOWN:
            priority = None if changed else old.priority
        if (
            changed
            or flags != old.status_flags
            or reliability != old.reliability
            or priority != old.priority
        ):
            self.values[object_id] = PointValue(
                data, flags, reliability, priority, error
            )
            self._tell(object_id)

    def _tell(self, object_id: ObjectId) -> None:
        for callback in tuple(self._callbacks.get(object_id, ())):
            try:
                callback()
            except Exception:
                _LOGGER.exception("Following %s failed", object_id)


_NOTHING = PointValue()
