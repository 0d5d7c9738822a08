"""A bacpypes3 application as its own documentation makes one."""

import asyncio
from collections.abc import Iterable
from typing import Any

from bacpypes3.app import Application
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject

from .udp import HOST, Address


async def stock_application(
    objects: Iterable[Any] = (),
) -> tuple[Application, Address]:
    """Return an application that is ready, and its address."""
    application = Application.from_object_list(
        [
            DeviceObject(
                objectIdentifier=("device", 1),
                objectName="Stock",
                vendorIdentifier=999,
                maxApduLengthAccepted=1476,
                segmentationSupported="segmented-both",
                maxSegmentsAccepted=64,
            ),
            NetworkPortObject(
                f"{HOST}/32:0",
                objectIdentifier=("network-port", 1),
                objectName="Port",
            ),
            *objects,
        ]
    )
    [link] = application.link_layers.values()
    await asyncio.gather(*link.server._transport_tasks)  # noqa: SLF001
    await asyncio.sleep(0)
    address = link.server.local_transport.get_extra_info("sockname")
    return application, list(address)
