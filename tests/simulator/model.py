"""What a simulated device is made of, as plain data."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random

type Value = bool | int | float | str


class Access(StrEnum):
    """What a client may do with a present-value."""

    READ = "read"
    WRITE = "write"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Moment:
    """What a moving point knows when it moves: one call per simulated second.

    `at` returns the value of another point of the device, by name.
    """

    time: int
    value: Value
    random: Random
    at: Callable[[str], float]


type Motion = Callable[[Moment], Value]


@dataclass(frozen=True, slots=True)
class Point:
    """One object of a device, with its initial value."""

    kind: str
    instance: int
    name: str
    value: Value
    units: str | None = None
    texts: tuple[str, ...] = ()
    access: Access = Access.READ
    motion: Motion | None = None
    limits: tuple[float, float] | None = None
    increment: float = 0.1
    description: str = ""

    @property
    def object_id(self) -> str:
        """Return the object identifier as text, such as `analog-input,1`."""
        return f"{self.kind},{self.instance}"


@dataclass(frozen=True, slots=True)
class DeviceShape:
    """How a device deviates from a comfortable one.

    `unsupported` holds service names such as `read-property-multiple`: they are
    rejected and missing in protocol-services-supported. `cov_limit` is the number
    of COV subscriptions there is space for. `latency` is in seconds.
    """

    max_apdu: int = 1476
    segmentation: str = "segmented-both"
    unsupported: frozenset[str] = frozenset()
    latency: float = 0.0
    cov_limit: int | None = None
    announces: bool = True


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """One device: who it is, where it is, what it holds and how awkward it is."""

    instance: int
    address: str
    name: str
    points: tuple[Point, ...]
    model: str = "SC-100"
    description: str = ""
    location: str = ""
    shape: DeviceShape = DeviceShape()
