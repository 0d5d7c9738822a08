"""The process of a device on rusty-bacnet."""

import asyncio
from typing import Any

import rusty_bacnet as rusty

from ._pipe import Notify, serve
from ._rusty import decode, encode, error_names, object_id, property_id
from .model import Name, PropertyKey, PropertyWrite, Refused


class _RustyDevice:
    """The operations of a device."""

    def __init__(self, notify: Notify) -> None:
        """Have nothing to tell."""

    async def start(
        self,
        instance: int,
        name: str,
        address: str,
        port: int,
        broadcast: str,
        segmentation: bool,
        objects: list[tuple[str, int, str, dict[str, Any]]],
    ) -> None:
        """Open the sockets."""
        self._server = rusty.BACnetServer(
            instance,
            name,
            address,
            port,
            broadcast,
            share_port_by_address=True,
            segmentation_supported=rusty.Segmentation.BOTH
            if segmentation
            else rusty.Segmentation.NONE,
        )
        add = {
            method.replace("_", ""): getattr(self._server, method)
            for method in dir(self._server)
            if method.startswith("add_")
        }
        for object_type, number, object_name, options in objects:
            add["add" + object_type.replace("-", "")](number, object_name, **options)
        try:
            await self._server.start()
        except rusty.BacnetTransportError as error:
            raise OSError(error.errno, error.strerror) from None

    async def stop(self) -> None:
        """Close them."""
        await self._server.stop()

    async def read(self, key: PropertyKey) -> Any:
        """Return a value of the device."""
        try:
            value = await self._server.read_property(
                object_id(key.object_type, key.instance),
                property_id(key.property),
                key.array_index,
            )
        except rusty.BacnetProtocolError as error:
            raise _refused(error) from None
        return decode(value)

    async def write(self, write: PropertyWrite) -> None:
        """Write a value as the device itself."""
        try:
            await self._server.write_property_local(
                object_id(write.object_type, write.instance),
                property_id(write.property),
                encode(write.value, write.datatype),
                write.priority,
                write.array_index,
                source_object=None,
            )
        except rusty.BacnetProtocolError as error:
            raise _refused(error) from None

    async def measure(self, object_type: Name, instance: int, value: float) -> None:
        """Change the present value of an input, as its sensor would."""
        measured = rusty.PropertyValue.real(value)
        if object_type == "binary-input":
            measured = rusty.PropertyValue.enumerated(int(value))
        elif object_type == "multi-state-input":
            measured = rusty.PropertyValue.unsigned(int(value))
        await self._server.set_present_value_local(
            object_id(object_type, instance), measured
        )


def _refused(error: rusty.BacnetProtocolError) -> Refused:
    """Return an error of the device."""
    return Refused("error", *error_names(error.error_class, error.error_code))


if __name__ == "__main__":
    asyncio.run(serve(_RustyDevice))
