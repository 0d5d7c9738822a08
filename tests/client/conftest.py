"""A node of ours, and devices made of bytes beside it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from custom_components.bacnet.client.client import Client
from custom_components.bacnet.client.models import DeviceInfo
from custom_components.bacnet.client.reader import PropertyReader
from custom_components.bacnet.node.node import Node
from tests.conftest import NodeFactory

from .scripted import ScriptedDevice, running

type DeviceFactory = Callable[..., Awaitable[ScriptedDevice]]


def info_of(device: ScriptedDevice) -> DeviceInfo:
    """Return what a device would say in its I-Am."""
    return DeviceInfo(
        instance=device.instance,
        address=device.address,
        max_apdu=device.max_apdu,
        segmentation=device.segmentation,
        vendor_id=device.vendor_id,
    )


def reader_of(node: Node, device: ScriptedDevice) -> PropertyReader:
    """Return a reader of a device."""
    return PropertyReader(node, info_of(device))


@pytest.fixture
async def node(start_node: NodeFactory) -> Node:
    """Return our node."""
    return await start_node("127.0.20.1")


@pytest.fixture
async def client(node: Node) -> AsyncIterator[Client]:
    """Return the client role of our node."""
    client = Client(node)
    yield client
    await client.close()


@pytest.fixture
async def start_device(port: int) -> AsyncIterator[DeviceFactory]:
    """Return a function that starts a scripted device; all end with the test."""
    async with AsyncExitStack() as stack:

        async def start(
            device: ScriptedDevice, host: str = "127.0.20.2"
        ) -> ScriptedDevice:
            return await stack.enter_async_context(running(device, host, port))

        yield start
