"""Our device with an object of every type, and clients that share no code with it."""

from collections.abc import AsyncIterator

import pytest

from custom_components.bacnet.node.node import Node
from custom_components.bacnet.server.device import LocalDevice
from tests.conftest import NodeFactory
from tests.independent.client import IndependentClient
from tests.independent.raw import RawPeer

from .objects import ADDRESS, DEVICE, NOW, OBJECTS, OWN_VALUES


@pytest.fixture
async def node(start_node: NodeFactory) -> Node:
    """Return the node of our device."""
    return await start_node(ADDRESS, segment_timeout=0.3)


@pytest.fixture
async def device(node: Node) -> AsyncIterator[LocalDevice]:
    """Return our device."""
    device = LocalDevice(node, DEVICE, clock=lambda: NOW)
    for definition in OBJECTS:
        added = device.add(definition)
        added.set_own_value(OWN_VALUES[definition.object_id])
    yield device
    device.close()


@pytest.fixture
async def client(port: int) -> AsyncIterator[IndependentClient]:
    """Return a client of an independent stack."""
    async with IndependentClient("127.0.30.50", port) as client:
        yield client


@pytest.fixture
async def other_client(port: int) -> AsyncIterator[IndependentClient]:
    """Return a client of another independent stack, at another address."""
    async with IndependentClient("127.0.30.52", port, stack="rusty-bacnet") as client:
        yield client


@pytest.fixture
async def peer(port: int) -> AsyncIterator[RawPeer]:
    """Return a peer that sends octets."""
    async with RawPeer("127.0.30.51", port) as peer:
        yield peer
