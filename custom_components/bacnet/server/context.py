"""What the objects of a device share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ..node.types import ObjectId
from .clock import Clock, bacnet_datetime
from .values import DateTime

if TYPE_CHECKING:
    from .objects import LocalObject


@dataclass(frozen=True, slots=True)
class ObjectContext:
    """The device around an object."""

    device_id: ObjectId
    clock: Clock
    changed_with_time: Callable[[LocalObject], None]
    """Hears of a present-value that changed because a time was over."""

    def datetime_of(self, timestamp: float) -> DateTime:
        """Return a moment, given in seconds since 1970, in the device's time zone."""
        zone = self.clock().tzinfo
        return bacnet_datetime(datetime.fromtimestamp(timestamp, zone))
