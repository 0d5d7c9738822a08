"""What was learnt of a device the hard way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from .models import known_fields, to_plain


@dataclass(slots=True, kw_only=True)
class Capabilities:
    """What was learnt of a device the hard way, and is worth remembering.

    None stands for "not known yet".
    """

    rpm: bool | None = None
    """Whether the device executes ReadPropertyMultiple."""

    reply_limit: int | None = None
    """How long an answer may be, in octets, where that is less than it announces."""

    concurrency: int | None = None
    """How many requests it can work on at once, where that is less than usual."""

    cov: bool | None = None
    """Whether the device accepts subscriptions at all."""

    cov_confirmed: bool | None = None
    """The kind of COV notifications it accepts."""

    cov_lifetime: int | None = None
    """The lifetime in seconds it accepts; 0 is without end."""

    cov_budget: int | None = None
    """How many subscriptions it has room for."""

    cov_refused_types: list[int] = field(default_factory=list)
    """Object types it accepts no subscription for."""

    def to_dict(self) -> dict[str, Any]:
        """Return the capabilities as plain JSON types."""
        data = to_plain(self)
        if not self.cov_refused_types:
            data.pop("cov_refused_types", None)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return what ``to_dict`` was made of."""
        return cls(**known_fields(cls, data))
