"""The records of writes that came from the network."""

from dataclasses import dataclass
from datetime import datetime

from ..node.errors import ServiceError
from ..node.types import ObjectId, Value
from .values import PresentValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One accepted write: what was written, by whom, and what came of it."""

    object_id: ObjectId
    property_id: int
    index: int | None
    value: PresentValue | None
    """What was written; None relinquishes."""
    priority: int | None
    """The slot of a commandable present-value, None for other properties."""
    old_value: PresentValue
    """The present-value before the write."""
    new_value: PresentValue
    """The present-value after it."""
    source: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One refused write, and why."""

    object_id: ObjectId
    property_id: int
    index: int | None
    value: Value
    priority: int | None
    error: ServiceError
    source: str
    time: datetime
