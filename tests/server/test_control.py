"""What others may do to the device as a whole."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import pytest

from custom_components.bacnet.node.enumerations import (
    ReinitializedState,
    UnconfirmedService,
)
from custom_components.bacnet.node.errors import CommunicationDisabledError
from custom_components.bacnet.node.node import Node
from custom_components.bacnet.node.types import ObjectId
from custom_components.bacnet.server.control import (
    ReinitializeRequest,
    TimeSynchronization,
)
from custom_components.bacnet.server.device import LocalDevice
from tests.independent.client import IndependentClient
from tests.independent.model import Refused
from tests.independent.raw import RawPeer, unicast

from .objects import ADDRESS, INSTANCE, NOW

_PASSWORD: Final = "Sesam"
_AI: Final = (ADDRESS, "analog-input", 1, "present-value")


def _state_of(node: Node) -> str:
    return node.communication.label


@pytest.fixture
def locked_device(device: LocalDevice) -> LocalDevice:
    """Return the device with a password."""
    device.set_password(_PASSWORD)
    return device


async def test_passwords(
    device: LocalDevice, node: Node, client: IndependentClient
) -> None:
    """Test that nobody gets in without the password, least of all without one set."""
    requests: list[ReinitializeRequest] = []
    device.subscribe_reinitialize(requests.append)
    states: list[Literal["enable", "disable", "disable-initiation"]] = [
        "enable",
        "disable",
        "disable-initiation",
    ]
    for configured, given in (
        (None, None),
        (None, "x"),
        ("", "x"),
        (_PASSWORD, None),
        (_PASSWORD, "sesam"),
    ):
        device.set_password(configured)
        for state in states:
            with pytest.raises(Refused, match="error security password-failure"):
                await client.device_communication_control(ADDRESS, state, 1, given)
        for restart in ("coldstart", "warmstart", "start-backup"):
            with pytest.raises(Refused, match="error security password-failure"):
                await client.reinitialize_device(ADDRESS, restart, given)
    assert _state_of(node) == "enable"
    assert not requests


async def test_silence(
    locked_device: LocalDevice, node: Node, client: IndependentClient, port: int
) -> None:
    """Test that a disabled device says nothing at all until it is enabled."""
    target = locked_device.objects[ObjectId(0, 1)]
    notifications = await client.subscribe_cov(ADDRESS, "analog-input", 1)
    confirmed = await client.subscribe_cov(
        ADDRESS, "analog-input", 1, process_id=2, confirmed=True
    )
    for queue in (notifications, confirmed):
        await queue.get()
    await client.device_communication_control(ADDRESS, "disable", None, _PASSWORD)
    async with IndependentClient("127.0.30.60", port, timeout=0.3) as hasty:
        for quiet in (
            hasty.read_property(*_AI),
            hasty.write_property(*_AI, 1.0, "real"),
            hasty.subscribe_cov(ADDRESS, "analog-input", 1),
        ):
            with pytest.raises(TimeoutError):
                await quiet
    assert not await client.who_is(INSTANCE, INSTANCE)
    assert not await client.who_is(INSTANCE, INSTANCE, ADDRESS)
    assert not await client.who_has("Home")
    with pytest.raises(Refused, match="password-failure"):
        await client.device_communication_control(ADDRESS, "enable", None, "x")
    with pytest.raises(CommunicationDisabledError):
        await node.request("127.0.30.50", 12, b"")
    target.set_own_value(30.0)
    locked_device.announce()
    sent = node.statistics.sent
    await asyncio.sleep(0.1)
    assert node.statistics.sent == sent
    assert notifications.empty() and confirmed.empty()
    await client.device_communication_control(ADDRESS, "enable", None, _PASSWORD)
    assert await client.read_property(*_AI) == 30
    # What changed meanwhile is told now.
    for queue in (notifications, confirmed):
        async with asyncio.timeout(1):
            assert (await queue.get()).values["present-value"] == 30


async def test_no_initiation(
    locked_device: LocalDevice, node: Node, client: IndependentClient
) -> None:
    """Test that a device that may not start anything still answers."""
    target = locked_device.objects[ObjectId(0, 1)]
    notifications = await client.subscribe_cov(ADDRESS, "analog-input", 1)
    await notifications.get()
    await client.device_communication_control(
        ADDRESS, "disable-initiation", None, _PASSWORD
    )
    target.set_own_value(30.0)
    assert await client.read_property(*_AI) == 30
    assert len(await client.who_is(INSTANCE, INSTANCE)) == 1
    assert len(await client.who_has("Home")) == 1
    assert notifications.empty()
    with pytest.raises(CommunicationDisabledError):
        await node.request("127.0.30.50", 12, b"")
    sent = node.statistics.sent
    node.send("127.0.30.50", UnconfirmedService.WHO_IS)
    locked_device.announce()
    assert node.statistics.sent == sent
    await client.device_communication_control(ADDRESS, "enable", None, _PASSWORD)
    async with asyncio.timeout(1):
        assert (await notifications.get()).values["present-value"] == 30


async def test_silence_ends_by_itself(
    locked_device: LocalDevice,
    node: Node,
    client: IndependentClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Test that a device that was disabled for a time speaks again after it."""
    loop = asyncio.get_running_loop()
    call_later, delays = loop.call_later, []

    def sooner(delay: float, callback: Any, *args: Any) -> asyncio.TimerHandle:
        if delay >= 60:
            delays.append(delay)
            delay = 0.2
        return call_later(delay, callback, *args)

    monkeypatch.setattr(loop, "call_later", sooner)
    await client.device_communication_control(ADDRESS, "disable", 2, _PASSWORD)
    assert _state_of(node) == "disable"
    await asyncio.sleep(0.3)
    assert delays == [120]
    assert await client.read_property(*_AI) == 21.5
    # A later order replaces an earlier one, its time included.
    await client.device_communication_control(ADDRESS, "disable", 5, _PASSWORD)
    await client.device_communication_control(
        ADDRESS, "disable-initiation", None, _PASSWORD
    )
    await asyncio.sleep(0.3)
    assert _state_of(node) == "disable-initiation"


async def test_close_ends_the_silence(
    locked_device: LocalDevice, node: Node, client: IndependentClient
) -> None:
    """Test that the end of the device ends timer and silence."""
    await client.device_communication_control(ADDRESS, "disable", 5, _PASSWORD)
    locked_device.close()
    assert _state_of(node) == "enable"


async def test_restart(
    locked_device: LocalDevice, node: Node, client: IndependentClient, port: int
) -> None:
    """Test that a restart is passed on and ends a silence, but needs a listener."""
    with pytest.raises(Refused, match="error services service-request-denied"):
        await client.reinitialize_device(ADDRESS, "warmstart", _PASSWORD)
    requests: list[ReinitializeRequest] = []
    end = locked_device.subscribe_reinitialize(requests.append)
    await client.device_communication_control(ADDRESS, "disable", None, _PASSWORD)
    await client.reinitialize_device(ADDRESS, "coldstart", _PASSWORD)
    await client.reinitialize_device(ADDRESS, "warmstart", _PASSWORD)
    await asyncio.sleep(0)
    assert _state_of(node) == "enable"
    source = f"127.0.30.50:{port}"
    assert requests == [
        ReinitializeRequest(source=source, state=ReinitializedState.COLDSTART),
        ReinitializeRequest(source=source, state=ReinitializedState.WARMSTART),
    ]
    for state in ("start-backup", "end-backup", "start-restore", "activate-changes"):
        with pytest.raises(
            Refused, match="error services optional-functionality-not-supported"
        ):
            await client.reinitialize_device(ADDRESS, state, _PASSWORD)
    end()
    assert len(requests) == 2


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        pytest.param("11", "60 01 05", id="dcc: nothing"),
        pytest.param("11 19 03", "60 01 08", id="dcc: unknown state"),
        pytest.param("11 0b 01 00 00 19 00", "60 01 06", id="dcc: too long"),
        pytest.param("11 19 00 29 00", "60 01 06", id="dcc: no password"),
        pytest.param(
            "11 19 00 2d 16 00 " + "61 " * 21, "60 01 06", id="dcc: long password"
        ),
        pytest.param("11 19 00 29 00 39 00", "60 01 06", id="dcc: too much"),
        pytest.param("14", "60 01 05", id="reinitialize: nothing"),
        pytest.param("14 09 08", "60 01 08", id="reinitialize: unknown state"),
    ],
)
async def test_malformed(
    locked_device: LocalDevice, peer: RawPeer, request_: str, answer: str
) -> None:
    """Test that a malformed order is rejected with the right reason."""
    reply = await peer.send_raw_apdu(ADDRESS, b"\x02\x75\x01" + bytes.fromhex(request_))
    assert reply.hex(" ") == answer


async def test_times_are_reported(
    device: LocalDevice, client: IndependentClient, peer: RawPeer, port: int
) -> None:
    """Test that a time that somebody tells is passed on, and nothing else happens."""
    heard: list[TimeSynchronization] = []
    end = device.subscribe_time_synchronizations(heard.append)
    local = datetime(2026, 7, 1, 14, 29, 5, 250_000)
    await client.time_synchronization(ADDRESS, local)
    await client.time_synchronization(
        ADDRESS, datetime(2026, 7, 1, 18, 31, 5, 250_000, tzinfo=UTC), utc=True
    )
    for wrong in (
        "06",
        "06 a4 7e 07 01 03",
        "06 a4 ff ff ff ff b4 00 00 00 00",
        "06 a4 7e 02 1f ff b4 00 00 00 00",
        "09 b4 00 00 00 00 a4 7e 07 01 03",
    ):
        peer.send_datagram(ADDRESS, unicast(b"\x10" + bytes.fromhex(wrong)))
    await asyncio.sleep(0.1)
    source = f"127.0.30.50:{port}"
    assert [
        (told.source, told.utc, told.received, told.told - told.received)
        for told in heard
    ] == [
        (source, False, NOW, timedelta(minutes=-1)),
        (source, True, NOW, timedelta(minutes=1)),
    ]
    end()
    await client.time_synchronization(ADDRESS, local)
    await asyncio.sleep(0.1)
    assert len(heard) == 2
