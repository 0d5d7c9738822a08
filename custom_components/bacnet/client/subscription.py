"""One object's COV subscription: what is known of it, and what it is worth."""

from math import inf

from ..node.enumerations import ObjectType
from ..node.types import Value
from .models import Point

_TYPES = (
    ObjectType.BINARY_INPUT,
    ObjectType.BINARY_OUTPUT,
    ObjectType.BINARY_VALUE,
    ObjectType.BINARY_LIGHTING_OUTPUT,
    ObjectType.MULTI_STATE_INPUT,
    ObjectType.MULTI_STATE_OUTPUT,
    ObjectType.MULTI_STATE_VALUE,
    ObjectType.LIFE_SAFETY_POINT,
    ObjectType.LIFE_SAFETY_ZONE,
    ObjectType.ACCESS_DOOR,
    ObjectType.LOAD_CONTROL,
    ObjectType.LIGHTING_OUTPUT,
    ObjectType.ANALOG_OUTPUT,
    ObjectType.ANALOG_VALUE,
    ObjectType.ANALOG_INPUT,
    ObjectType.LARGE_ANALOG_VALUE,
    ObjectType.INTEGER_VALUE,
    ObjectType.POSITIVE_INTEGER_VALUE,
    ObjectType.CHARACTERSTRING_VALUE,
    ObjectType.BITSTRING_VALUE,
    ObjectType.OCTETSTRING_VALUE,
    ObjectType.DATE_VALUE,
    ObjectType.DATE_PATTERN_VALUE,
    ObjectType.TIME_VALUE,
    ObjectType.TIME_PATTERN_VALUE,
    ObjectType.DATETIME_VALUE,
    ObjectType.DATETIME_PATTERN_VALUE,
    ObjectType.PULSE_CONVERTER,
    ObjectType.LOOP,
    ObjectType.STAGING,
)
COV_RANK = {int(object_type): rank for rank, object_type in enumerate(_TYPES)}
"""Types that can notify (table 13-1), those first that gain most from it."""


class Nothing:
    """The value before the first notification."""


NOTHING = Nothing()


class Subscription:
    """What is known of one object's subscription."""

    __slots__ = (
        "active",
        "checked_at",
        "due",
        "heard_at",
        "increment",
        "misses",
        "object_id",
        "rank",
        "refusals",
        "value",
    )

    def __init__(self, point: Point, rank: int) -> None:
        """Start without any."""
        self.object_id = point.object_id
        self.rank = rank
        self.increment = point.cov_increment
        self.due = inf
        self.active = False
        self.heard_at = -inf
        self.checked_at = -inf
        self.misses = 0
        self.refusals = 0
        self.value: Value | Nothing = NOTHING

    @property
    def is_covered(self) -> bool:
        """Return whether changes are notified."""
        return self.active and self.heard_at > -inf

    def has_missed(self, value: Value) -> bool:
        """Return whether a value that was read should have been notified."""
        if isinstance(self.value, Nothing):
            return False
        if isinstance(value, int | float) and isinstance(self.value, int | float):
            if self.increment is not None:
                return abs(value - self.value) > self.increment * 1.001
            if isinstance(value, float):
                # Without knowing its increment no change is too large.
                return False
        return value != self.value
