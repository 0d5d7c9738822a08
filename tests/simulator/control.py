"""What a test can ask of a simulation and do to it, besides the network."""

from abc import ABC, abstractmethod
from typing import Any

from .model import Value


class Controls(ABC):
    """The controls of a simulation in this process or in another.

    Devices are named by their instance, objects by text such as `analog-input,1`.
    """

    addresses: dict[int, str]

    @abstractmethod
    async def control(self, name: str, **arguments: Any) -> Any:
        """Perform one of the controls below and return its result."""

    async def read(
        self, device: int, object_id: str, prop: str = "present-value"
    ) -> Any:
        """Return a property as the device sees it.

        Enumerations are text, except for binary values: booleans. A priority array
        is a list of 16 values or None.
        """
        return await self.control("read", device=device, object_id=object_id, prop=prop)

    async def set_value(
        self,
        device: int,
        object_id: str,
        value: Value | None,
        prop: str = "present-value",
        priority: int | None = None,
    ) -> None:
        """Change a property as the device itself, whatever clients may write.

        For a commandable object a present-value goes into the priority array, at 16
        where no priority is given, and None relinquishes it.
        """
        await self.control(
            "set_value",
            device=device,
            object_id=object_id,
            value=value,
            prop=prop,
            priority=priority,
        )

    async def stop(self, device: int, after: int = 0) -> None:
        """Silence a device, at once or after a number of confirmed requests."""
        await self.control("stop", device=device, after=after)

    async def start(self, device: int) -> None:
        """Let a silent device answer again; it broadcasts an I-Am."""
        await self.control("start", device=device)

    async def reshape(self, device: int, **changes: Any) -> None:
        """Change fields of the `DeviceShape` of a running device."""
        await self.control("reshape", device=device, **changes)

    async def requests(self, device: int) -> dict[str, int]:
        """Return how many requests of each service reached a device, even silent.

        Retries count, too.
        """
        return await self.control("requests", device=device)

    async def subscriptions(self, device: int) -> list[dict[str, Any]]:
        """Return the COV subscriptions that a device keeps.

        Each has `subscriber`, `process`, `object`, `confirmed` and `lifetime`.
        """
        return await self.control("subscriptions", device=device)

    async def step(self, seconds: int = 1) -> None:
        """Move all values by some simulated seconds at once."""
        await self.control("step", seconds=seconds)
