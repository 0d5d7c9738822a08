"""Who may write, and how often."""

import asyncio
from ipaddress import IPv4Network

import pytest

from custom_components.bacnet.node.errors import ServiceError
from custom_components.bacnet.node.types import ObjectId
from custom_components.bacnet.server.command import Refusal
from custom_components.bacnet.server.device import LocalDevice
from custom_components.bacnet.server.policy import WriteGuard, WritePolicy
from tests.independent.client import IndependentClient
from tests.independent.model import PropertyWrite, Refused

from .objects import ADDRESS, WRITABLE

_AV = (ADDRESS, "analog-value", WRITABLE)


async def test_sources(
    device: LocalDevice, client: IndependentClient, other_client: IndependentClient
) -> None:
    """Test that only those write who may, live; everybody reads."""
    refusals: list[Refusal] = []
    device.subscribe_refusals(refusals.append)
    device.set_write_policy(
        WritePolicy(allowed_networks=(IPv4Network("127.0.30.52/32"),))
    )
    await other_client.write_property(*_AV, "present-value", 5.0, "real")
    with pytest.raises(Refused, match="error property write-access-denied"):
        await client.write_property(*_AV, "present-value", 6.0, "real")
    with pytest.raises(Refused, match="error property write-access-denied"):
        await client.write_property_multiple(
            ADDRESS,
            [PropertyWrite("analog-value", WRITABLE, "present-value", 6.0, "real")],
        )
    assert await client.read_property(*_AV, "present-value") == 5
    await asyncio.sleep(0)
    assert [(refusal.object_id, refusal.value) for refusal in refusals] == [
        (ObjectId(2, WRITABLE), 6.0)
    ] * 2
    device.set_write_policy(
        WritePolicy(allowed_networks=(IPv4Network("127.0.30.0/24"),))
    )
    await client.write_property(*_AV, "present-value", 6.0, "real")


@pytest.mark.parametrize(
    ("source", "is_allowed"),
    [
        ("10.1.2.3", True),
        ("10.1.2.3:47809", True),
        ("10.2.2.3", False),
        ("5:12", True),
        ("6:12", False),
        ("6:10.1.2.3", False),
    ],
)
def test_networks(source: str, is_allowed: bool) -> None:
    """Test that IP networks and networks behind routers are told apart."""
    guard = WriteGuard(
        WritePolicy(
            allowed_networks=(IPv4Network("10.1.0.0/16"),),
            allowed_bacnet_networks=frozenset({5}),
        )
    )
    if is_allowed:
        guard.check_source(source)
    else:
        with pytest.raises(ServiceError, match="write-access-denied"):
            guard.check_source(source)


async def test_too_many_writes(device: LocalDevice, client: IndependentClient) -> None:
    """Test that a source that floods us is told that we are busy."""
    device.set_write_policy(WritePolicy(writes_per_second=5, burst=3))
    for _ in range(3):
        await client.write_property(*_AV, "present-value", 5.0, "real")
    with pytest.raises(Refused, match="error device device-busy"):
        await client.write_property(*_AV, "present-value", 5.0, "real")
    await asyncio.sleep(0.3)
    await client.write_property(*_AV, "present-value", 5.0, "real")
    device.set_write_policy(WritePolicy(writes_per_second=None))
    for _ in range(10):
        await client.write_property(*_AV, "present-value", 5.0, "real")


def test_allowances() -> None:
    """Test that sources are counted apart, and forgotten in the end."""
    now = 0.0
    guard = WriteGuard(WritePolicy(writes_per_second=1, burst=1), now=lambda: now)
    for number in range(2000):
        guard.count_write(f"10.0.{number >> 8}.{number & 255}")
    with pytest.raises(ServiceError, match="device-busy"):
        guard.count_write("10.0.7.207")
    now = 0.9
    with pytest.raises(ServiceError, match="device-busy"):
        guard.count_write("10.0.7.207")
    now = 1.1
    guard.count_write("10.0.7.207")
    guard.count_write("10.0.0.0")  # long forgotten
