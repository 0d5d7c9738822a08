"""Plain values in which a test speaks with an independent stack."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, override

type Name = str | int
"""A standard name, such as "analog-input" or "present-value", or a number."""

type Datatype = Literal[
    "null",
    "boolean",
    "unsigned",
    "signed",
    "real",
    "double",
    "octet_string",
    "character_string",
    "bit_string",
    "enumerated",
    "date",
    "time",
    "object_identifier",
    "encoded",
]
"""How a written value is tagged; never derived from the value, so that it can be wrong.

A bit string is a tuple of bools, a date (year, month, day, weekday), a time (hour,
minute, second, hundredths), both with 255 for "any"; "encoded" are finished octets.
A list is written as its elements, one after the other.
"""

REJECT_REASONS: Final = (
    "other",
    "buffer-overflow",
    "inconsistent-parameters",
    "invalid-parameter-data-type",
    "invalid-tag",
    "missing-required-parameter",
    "parameter-out-of-range",
    "too-many-arguments",
    "undefined-enumeration",
    "unrecognized-service",
    "invalid-data-encoding",
)
ABORT_REASONS: Final = (
    "other",
    "buffer-overflow",
    "invalid-apdu-in-this-state",
    "preempted-by-higher-priority-task",
    "segmentation-not-supported",
    "security-error",
    "insufficient-security",
    "window-size-out-of-range",
    "application-exceeded-reply-time",
    "out-of-resources",
    "tsm-timeout",
    "apdu-too-long",
)
SEGMENTATION: Final = (
    "segmented-both",
    "segmented-transmit",
    "segmented-receive",
    "no-segmentation",
)


class PropertyKey(NamedTuple):
    """One property of one object."""

    object_type: Name
    instance: int
    property: Name
    array_index: int | None = None


class Refused(Exception):
    """A device answered with an Error, a Reject or an Abort."""

    def __init__(
        self,
        kind: Literal["error", "reject", "abort"],
        error_class: str | None,
        code: str,
        first_failed: PropertyKey | None = None,
    ) -> None:
        """Keep the answer; only an error has a class, only some say what failed first."""
        super().__init__(kind, error_class, code, first_failed)
        self.kind = kind
        self.error_class = error_class
        self.code = code
        self.first_failed = first_failed

    @override
    def __str__(self) -> str:
        """Return "error property write-access-denied", "reject invalid-tag", ..."""
        return " ".join(
            part for part in (self.kind, self.error_class, self.code) if part
        )

    @override
    def __eq__(self, other: object) -> bool:
        """Compare what was answered."""
        return isinstance(other, Refused) and str(self) == str(other)

    @override
    def __hash__(self) -> int:
        """Hash what was answered."""
        return hash(str(self))


class Encoded(bytes):
    """The octets of a constructed value, as they were on the wire."""


class IAm(NamedTuple):
    """A device that answered a Who-Is."""

    instance: int
    address: str
    max_apdu: int
    segmentation: str
    vendor: int


class IHave(NamedTuple):
    """An object that answered a Who-Has."""

    device: int
    object_type: Name
    instance: int
    name: str


class PropertyWrite(NamedTuple):
    """One value of a WritePropertyMultiple."""

    object_type: Name
    instance: int
    property: Name
    value: Any
    datatype: Datatype
    priority: int | None = None
    array_index: int | None = None


@dataclass(frozen=True)
class Range:
    """The answer to a ReadRange, its items still encoded."""

    first_item: bool
    last_item: bool
    more_items: bool
    item_count: int
    item_data: bytes
    first_sequence_number: int | None


@dataclass(frozen=True)
class CovNotification:
    """A COV notification that arrived."""

    process_id: int
    device: int
    object_type: Name
    instance: int
    time_remaining: int
    confirmed: bool
    values: dict[Name, Any] = field(default_factory=dict)
