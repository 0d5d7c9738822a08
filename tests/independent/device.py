"""A BACnet device that shares no code with the integration or its stack."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, Self

from ._pipe import Child
from .model import Datatype, Name, PropertyKey, PropertyWrite


class DeviceObject(NamedTuple):
    """An object of the device; the options are those of rusty-bacnet's add methods."""

    object_type: str
    instance: int
    name: str
    options: dict[str, Any] = {}


_DEGREES_CELSIUS: Final = 62
_PERCENT: Final = 98

OBJECTS: Final = (
    DeviceObject(
        "analog-input",
        1,
        "Room temperature",
        {"units": _DEGREES_CELSIUS, "present_value": 21.5},
    ),
    DeviceObject("analog-output", 1, "Valve", {"units": _PERCENT}),
    DeviceObject("analog-value", 1, "Setpoint", {"units": _DEGREES_CELSIUS}),
    DeviceObject("binary-input", 1, "Window"),
    DeviceObject("binary-output", 1, "Fan"),
    DeviceObject("multi-state-input", 1, "Step", {"number_of_states": 4}),
    DeviceObject("multi-state-value", 1, "Mode", {"number_of_states": 3}),
)
"""Outputs and values are commandable."""


class IndependentDevice:
    """A BACnet/IP device on its own loopback address, on rusty-bacnet."""

    def __init__(
        self,
        address: str = "127.0.0.60",
        port: int = 47808,
        *,
        instance: int = 1234,
        name: str = "Independent device",
        objects: Iterable[DeviceObject] = OBJECTS,
        broadcast: str = "127.255.255.255",
        segmentation: bool = True,
    ) -> None:
        """Prepare a device."""
        self.address = f"{address}:{port}"
        self.instance = instance
        self._options = {
            "instance": instance,
            "name": name,
            "address": address,
            "port": port,
            "broadcast": broadcast,
            "segmentation": segmentation,
            "objects": [tuple(item) for item in objects],
        }
        self._child = Child("_rusty_device")

    async def __aenter__(self) -> Self:
        """Start the device."""
        await self._child.start(**self._options)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the device."""
        await self._child.stop()

    async def read(
        self, object_type: Name, instance: int, property: Name, index: int | None = None
    ) -> Any:
        """Return a value as the device has it."""
        return await self._child.call(
            "read", PropertyKey(object_type, instance, property, index)
        )

    async def write(
        self,
        object_type: Name,
        instance: int,
        property: Name,
        value: Any,
        datatype: Datatype,
        priority: int | None = None,
        index: int | None = None,
    ) -> None:
        """Write a value as the device itself."""
        await self._child.call(
            "write",
            PropertyWrite(
                object_type, instance, property, value, datatype, priority, index
            ),
        )

    async def measure(self, object_type: Name, instance: int, value: float) -> None:
        """Change the present value of an input, as its sensor would."""
        await self._child.call("measure", object_type, instance, value)
