"""Who may write, and how often."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from time import monotonic

from ..node.enumerations import ErrorClass, ErrorCode
from ..node.errors import ServiceError
from ..node.node import parse_address
from .values import property_error

_MAX_SOURCES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePolicy:
    """Which sources may write; without any network all may."""

    allowed_networks: tuple[IPv4Network, ...] = ()
    allowed_bacnet_networks: frozenset[int] = frozenset()
    """Numbers of networks behind routers."""
    writes_per_second: float | None = 100.0
    """What each source may write in the long run, None for no limit."""
    burst: int = 500
    """What it may write at once."""


@lru_cache(1024)
def _location(source: str) -> IPv4Address | int:
    """Return the IP address of a source, or the number of its network."""
    address = parse_address(source)
    if address.addrNet is not None:
        return int(address.addrNet)
    return IPv4Address((address.addrAddr or b"")[:4])


class WriteGuard:
    """Applies the policy to every write."""

    def __init__(
        self, policy: WritePolicy, now: Callable[[], float] = monotonic
    ) -> None:
        """Start with full allowances."""
        self._now = now
        self._allowances: dict[str, tuple[float, float]] = {}
        self.policy = policy

    def check_source(self, source: str) -> None:
        """Raise ServiceError write-access-denied for a source that may not write."""
        policy = self.policy
        if not (policy.allowed_networks or policy.allowed_bacnet_networks):
            return
        location = _location(source)
        if isinstance(location, int):
            allowed = location in policy.allowed_bacnet_networks
        else:
            allowed = any(location in network for network in policy.allowed_networks)
        if not allowed:
            raise property_error(ErrorCode.WRITE_ACCESS_DENIED)

    def count_write(self, source: str) -> None:
        """Raise ServiceError device-busy for a source that writes too often."""
        rate = self.policy.writes_per_second
        if rate is None:
            return
        now = self._now()
        burst = float(self.policy.burst)
        allowance, since = self._allowances.pop(source, (burst, now))
        allowance = min(burst, allowance + (now - since) * rate)
        is_allowed = allowance >= 1
        self._allowances[source] = (allowance - is_allowed, now)
        if len(self._allowances) > _MAX_SOURCES:
            del self._allowances[next(iter(self._allowances))]
        if not is_allowed:
            raise ServiceError(ErrorClass.DEVICE, ErrorCode.DEVICE_BUSY)
