"""The independent peers understand each other, so that a failure elsewhere is ours."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial

import pytest

from . import (
    STACKS,
    Encoded,
    IndependentClient,
    IndependentDevice,
    PropertyKey,
    PropertyWrite,
    RawPeer,
    Refused,
    StackName,
)

VALVE = ("analog-output", 1, "present-value")
SENSOR = ("analog-input", 1, "present-value")


@pytest.fixture
async def device(port: int) -> AsyncIterator[IndependentDevice]:
    """Return a device."""
    async with IndependentDevice(port=port) as device:
        yield device


@pytest.fixture(params=STACKS)
async def client(
    request: pytest.FixtureRequest, port: int
) -> AsyncIterator[IndependentClient]:
    """Return a client on each of the stacks."""
    stack: StackName = request.param
    async with IndependentClient(port=port, timeout=0.5, stack=stack) as client:
        yield client


async def test_discovery(client: IndependentClient, device: IndependentDevice) -> None:
    """A device answers a broadcast, a direct question and nothing else."""
    found = [(1234, device.address, 1476, "segmented-both", 555)]
    assert await client.who_is() == found
    assert await client.who_is(1234, 1234, device.address) == found
    assert await client.who_is(1, 2) == []
    assert await client.who_has("Valve") == [(1234, "analog-output", 1, "Valve")]
    assert await client.who_has(("binary-output", 1)) == [
        (1234, "binary-output", 1, "Fan")
    ]


async def test_reading(client: IndependentClient, device: IndependentDevice) -> None:
    """Values come as plain Python values, refusals among several as values."""

    read = partial(client.read_property, device.address)
    assert await read(*SENSOR) == 21.5
    assert await read("analog-input", 1, "object-identifier") == ("analog-input", 1)
    assert await read("analog-input", 1, "status-flags") == (False,) * 4
    assert await read("analog-output", 1, "priority-array") == [None] * 16
    assert await read("analog-output", 1, "priority-array", 0) == 16
    assert await read("analog-output", 1, "value-source") == Encoded(b"\x08")
    with pytest.raises(Refused, match="^error object unknown-object$"):
        await read("analog-input", 99, "present-value")
    assert await client.read_property_multiple(
        device.address, [SENSOR, VALVE, ("analog-input", 1, "relinquish-default")]
    ) == [
        (PropertyKey(*SENSOR), 21.5),
        (PropertyKey(*VALVE), 0.0),
        (
            PropertyKey("analog-input", 1, "relinquish-default"),
            Refused("error", "property", "unknown-property"),
        ),
    ]
    members = await client.read_range(
        device.address, "device", 1234, "active-cov-subscriptions", 1, 10
    )
    assert members.item_count == 0


async def test_writing(client: IndependentClient, device: IndependentDevice) -> None:
    """A value takes its priority, Null gives it back, refusals are exact."""
    await client.write_property(device.address, *VALVE, 42, "real", 8)
    assert await device.read(*VALVE) == 42
    assert await device.read("analog-output", 1, "priority-array", 8) == 42
    await client.relinquish(device.address, "analog-output", 1, 8)
    assert await device.read("analog-output", 1, "priority-array") == [None] * 16

    with pytest.raises(Refused, match="^error property write-access-denied$"):
        await client.write_property(device.address, *SENSOR, 42, "real")
    with pytest.raises(Refused, match="^error property invalid-data-type$"):
        await client.write_property(device.address, *VALVE, "42", "character_string")
    with pytest.raises(Refused, match="^error property write-access-denied$") as failed:
        await client.write_property_multiple(
            device.address,
            [
                PropertyWrite(*VALVE, 10, "real", 8),
                PropertyWrite(*SENSOR, 10, "real", 8),
            ],
        )
    assert failed.value.first_failed == (*SENSOR, None)
    assert await device.read(*VALVE) == 10


@pytest.mark.parametrize("confirmed", [False, True])
async def test_cov(
    client: IndependentClient, device: IndependentDevice, confirmed: bool
) -> None:
    """Notifications arrive at once and with every change until they are cancelled."""
    queue = await client.subscribe_cov(
        device.address, "analog-input", 1, process_id=7, confirmed=confirmed
    )
    await device.measure("analog-input", 1, 25)
    async with asyncio.timeout(2):
        first, second = await queue.get(), await queue.get()
    assert (first.process_id, first.device, first.confirmed) == (7, 1234, confirmed)
    assert first.values == {"present-value": 21.5, "status-flags": (False,) * 4}
    assert second.values["present-value"] == 25
    await client.unsubscribe_cov(device.address, "analog-input", 1, process_id=7)
    assert await device.read("device", 1234, "active-cov-subscriptions") == []


async def test_management(client: IndependentClient, device: IndependentDevice) -> None:
    """Time is taken over, silence and restarts are refused."""
    await client.time_synchronization(device.address, datetime(2026, 1, 1, 12))
    assert await client.read_property(device.address, "device", 1234, "local-date") == (
        2026,
        1,
        1,
        4,
    )
    with pytest.raises(Refused, match="^error services service-request-denied$"):
        await client.device_communication_control(device.address, "disable", 1)
    with pytest.raises(Refused, match="^error "):
        await client.reinitialize_device(device.address, "coldstart")


async def test_silence(client: IndependentClient) -> None:
    """Where nobody is, nobody answers."""
    with pytest.raises(TimeoutError):
        await client.read_property("127.0.0.99", *SENSOR)


async def test_raw(device: IndependentDevice, port: int) -> None:
    """Malformed and unknown requests can be sent, the answers are seen as they are."""
    async with RawPeer(port=port) as peer:
        read = bytes.fromhex("02 05 01 0c 0c 00 00 00 01 19 55")
        answer = await peer.send_raw_apdu(device.address, read)
        assert answer.hex(" ") == "30 01 0c 0c 00 00 00 01 19 55 3e 44 41 ac 00 00 3f"
        answer = await peer.send_raw_apdu(device.address, read[:3] + b"\x63")
        assert answer.hex(" ") == "60 01 09"
