"""Fixtures for all tests: real UDP sockets on loopback addresses, no mocks of BACnet."""

from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import IPv4Interface
import socket

import pytest

from custom_components.bacnet.node.node import Node, NodeConfig

type NodeFactory = Callable[..., Awaitable[Node]]


@pytest.fixture(autouse=True)
def auto_enable_custom_integrations(enable_custom_integrations: None) -> None:
    """Let Home Assistant load the integration."""


@pytest.fixture
def port(socket_enabled: None) -> int:
    """Return a UDP port that is free on all loopback addresses; opens the network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def start_node(port: int) -> AsyncIterator[NodeFactory]:
    """Return a function that starts a node; all of them end with the test."""
    nodes: list[Node] = []

    async def start(host: str = "127.0.0.1", **options: float) -> Node:
        settings = {"apdu_timeout": 0.3, "apdu_retries": 1, "port": port} | options
        node = Node(NodeConfig(interface=IPv4Interface(f"{host}/8"), **settings))
        await node.start()
        nodes.append(node)
        return node

    yield start
    for node in nodes:
        await node.stop()
