"""All devices of a simulation in one event loop."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Self, override

from .control import Controls
from .device import SimulatedDevice
from .model import DevicePlan

DEFAULT_PORT = 47808


class Simulator(Controls):
    """Simulated devices that live as long as the context."""

    def __init__(
        self,
        devices: Iterable[DevicePlan],
        *,
        port: int = DEFAULT_PORT,
        interval: float = 1.0,
        seed: int = 1,
    ) -> None:
        """Prepare; the interval is the time between moves, 0 to move by `step`."""
        self._plans = tuple(devices)
        self._port = port
        self._interval = interval
        self._seed = seed
        self._devices: dict[int, SimulatedDevice] = {}
        self._motion: asyncio.Task[None] | None = None
        self.addresses = {
            plan.instance: f"{plan.address}:{port}" for plan in self._plans
        }

    async def __aenter__(self) -> Self:
        """Open all devices, or none."""
        try:
            for plan in self._plans:
                device = SimulatedDevice(plan, self._port, self._seed)
                self._devices[plan.instance] = device
                await device.open()
        except BaseException:
            await self.__aexit__()
            raise
        if self._interval:
            self._motion = asyncio.create_task(self._move())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close all devices."""
        if self._motion is not None:
            self._motion.cancel()
            with suppress(asyncio.CancelledError):
                await self._motion
        for device in self._devices.values():
            await device.shutdown()
        self._devices.clear()

    @override
    async def control(self, name: str, **arguments: Any) -> Any:
        """Perform a control on a device of this process, or on all."""
        if name.startswith("_") or name == "control" or name not in vars(Controls):
            raise LookupError(f"no such control: {name}")
        if name == "step":
            return await self._step(**arguments)
        device = self._devices[arguments.pop("device")]
        return await getattr(device, name)(**arguments)

    async def _move(self) -> None:
        """Move all values at every interval."""
        while True:
            await asyncio.sleep(self._interval)
            await self._step(1)

    async def _step(self, seconds: int) -> None:
        """Move all values by some simulated seconds."""
        for _ in range(seconds):
            for device in self._devices.values():
                device.advance()
                # Requests get their turn in a large simulation.
                await asyncio.sleep(0)
