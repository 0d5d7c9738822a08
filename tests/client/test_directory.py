"""Finding devices: all, one, those that come by themselves, and two of a kind."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
import socket
from time import monotonic

import pytest

from custom_components.bacnet.client import directory as directory_module
from custom_components.bacnet.client.directory import Directory
from custom_components.bacnet.client.models import DeviceInfo
from custom_components.bacnet.node.enumerations import (
    ConfirmedService as Service,
    PropertyIdentifier as Prop,
    Segmentation,
    UnconfirmedService,
)
from custom_components.bacnet.node.node import Node
from custom_components.bacnet.node.services import IAm, decode_who_is, encode_i_am

from .conftest import DeviceFactory, info_of
from .scripted import ScriptedDevice, ScriptedRouter, unsigned

WAIT = 0.3


@pytest.fixture
async def directory(node: Node) -> AsyncIterator[Directory]:
    """Return the directory of our node."""
    directory = Directory(node)
    yield directory
    directory.close()


def i_am(instance: int) -> bytes:
    """Return an I-Am as a datagram."""
    data = encode_i_am(IAm(instance, 480, Segmentation.NO_SEGMENTATION, 5))
    apdu = bytes((0x10, UnconfirmedService.I_AM)) + data
    return b"\x81\x0a" + (len(apdu) + 6).to_bytes(2) + b"\x01\x00" + apdu


async def test_search(
    node: Node, directory: Directory, start_device: DeviceFactory
) -> None:
    """Test that all devices are found, told at once, and returned in order."""
    devices = [
        await start_device(
            ScriptedDevice(instance=instance, max_apdu=480), f"127.0.20.{host}"
        )
        for instance, host in ((30, 2), (10, 3), (20, 4))
    ]
    found: list[DeviceInfo] = []
    result = await directory.search(wait=WAIT, on_found=found.append)
    assert result == sorted(map(info_of, devices), key=lambda info: info.instance)
    assert sorted(info.instance for info in found) == [10, 20, 30]
    assert dict(directory.devices) == {info.instance: info for info in result}
    assert directory.by_address(devices[0].address) == info_of(devices[0])
    assert directory.by_address("10.9.9.9") is None
    assert directory.search_age < 1


async def test_search_in_a_range(
    directory: Directory, start_device: DeviceFactory
) -> None:
    """Test that only devices of the range are returned."""
    for instance, host in ((30, 2), (10, 3)):
        await start_device(ScriptedDevice(instance=instance), f"127.0.20.{host}")
    assert [info.instance for info in await directory.search(5, 20, wait=WAIT)] == [10]
    assert directory.search_age > 1e9


async def test_search_of_one_address(
    directory: Directory, start_device: DeviceFactory
) -> None:
    """Test that a unicast asks only one device."""
    devices = [
        await start_device(ScriptedDevice(instance=host), f"127.0.20.{host}")
        for host in (2, 3)
    ]
    found = await directory.search(destination=devices[1].address, wait=WAIT)
    assert [info.instance for info in found] == [3]


async def test_search_behind_a_router(
    directory: Directory, start_device: DeviceFactory
) -> None:
    """Test that stations of other networks have their own addresses."""
    router = await start_device(ScriptedRouter(), "127.0.20.9")
    for number in (1, 2):
        router.add(number, ScriptedDevice(instance=number))
    assert [info.address for info in await directory.search(wait=WAIT)] == [
        "5:1",
        "5:2",
    ]


async def test_search_again_in_ranges(
    directory: Directory,
    start_device: DeviceFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Test that a large site is asked part by part, so that no answer gets lost."""
    monkeypatch.setattr(directory_module, "_RANGE_PAUSE", 0.005)
    asked: list[tuple[int, int]] = []

    class Site(ScriptedRouter):
        """Two hundred stations, some of which do not hear the first question."""

        def datagram_received(self, data: bytes, addr: object) -> None:
            if (
                data.endswith(b"\x10\x08")
                or b"\x10\x08\x09" in data
                or b"\x10\x08\x0a" in data
            ):
                body = data[data.index(b"\x10\x08") + 2 :]
                asked.append(decode_who_is(body))
                for device in self.stations.values():
                    device.hears_broadcasts = (
                        len(asked) > 1 or device.instance % 1000 != 0
                    )
            super().datagram_received(data, addr)

    router = await start_device(Site(), "127.0.20.9")
    for number in range(1, 201):
        router.add(number, ScriptedDevice(instance=number * 100))
    found = await directory.search(wait=0.9)
    assert len(found) == 200
    assert asked[0] == (0, 4194303)
    parts = asked[1:]
    assert len(parts) >= 4
    assert parts[0][0] == 0
    assert parts[-1][1] == 4194303
    for (_, last), (first, _) in pairwise(parts):
        assert first == last + 1
    for low, high in parts:
        assert sum(low <= number * 100 <= high for number in range(1, 201)) <= 80


async def test_thousand_at_once(node: Node, directory: Directory, port: int) -> None:
    """Test that a burst of I-Ams is heard to the last."""
    heard: list[int] = []
    directory.subscribe(lambda info: heard.append(info.instance))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.20.50", port))
        for instance in range(1000):
            sender.sendto(i_am(instance), ("127.0.20.1", port))
    end = monotonic() + 5
    while len(heard) < 1000 and monotonic() < end:
        await asyncio.sleep(0.01)
    assert sorted(heard) == list(range(1000))


@pytest.mark.parametrize("by_instance", [True, False])
@pytest.mark.parametrize("by_address", [True, False])
async def test_find(
    directory: Directory,
    start_device: DeviceFactory,
    by_instance: bool,
    by_address: bool,
) -> None:
    """Test that one device is found as soon as it answers."""
    device = await start_device(ScriptedDevice(instance=30))
    await start_device(ScriptedDevice(instance=31), "127.0.20.3")
    instance = 30 if by_instance else None
    address = f" {device.address} " if by_address else None
    if instance is None and address is None:
        with pytest.raises(ValueError, match="needed"):
            await directory.find(instance, address)
        return
    started = monotonic()
    assert await directory.find(instance, address) == info_of(device)
    assert monotonic() - started < 0.2


async def test_find_asks_again(
    directory: Directory, start_device: DeviceFactory
) -> None:
    """Test that a lost question is repeated."""
    device = await start_device(ScriptedDevice(hears_broadcasts=False))
    search = asyncio.ensure_future(directory.find(7, timeout=0.3))
    await asyncio.sleep(0.05)
    device.hears_broadcasts = True
    assert await search == info_of(device)


async def test_find_nobody(directory: Directory, start_device: DeviceFactory) -> None:
    """Test that silence ends in time."""
    device = await start_device(ScriptedDevice())
    started = monotonic()
    assert await directory.find(8, timeout=0.3) is None
    assert await directory.find(8, device.address, timeout=0.3) is None
    assert await directory.find(None, "127.0.20.77", timeout=0.3) is None
    assert monotonic() - started < 1.2


@pytest.mark.parametrize("address", ["somewhere", "", "127.0.0.300", "*:*"])
async def test_find_at_no_address(directory: Directory, address: str) -> None:
    """Test that a wrong address is an error at once."""
    with pytest.raises(ValueError, match=r"."):
        await directory.find(None, address, timeout=0.1)


@pytest.mark.parametrize("instance", [None, 7])
async def test_find_by_reading(
    directory: Directory, start_device: DeviceFactory, instance: int | None
) -> None:
    """Test that a device whose I-Am does not reach us is read instead."""
    device = await start_device(ScriptedDevice(hears_broadcasts=False, max_apdu=480))
    heard: list[DeviceInfo] = []
    directory.subscribe(heard.append)
    assert await directory.find(instance, device.address, timeout=0.6) == (
        info_of(device)
    )
    assert heard == [info_of(device)]
    assert device.services == {Service.READ_PROPERTY: 4}


async def test_reading_does_not_hold_up_the_i_am(
    directory: Directory, start_device: DeviceFactory
) -> None:
    """Test that an I-Am counts while a read is under way that nobody answers."""
    device = await start_device(ScriptedDevice(hears_broadcasts=False))
    device.ignore = lambda service, body: True
    search = asyncio.ensure_future(directory.find(None, device.address, timeout=0.9))
    await asyncio.sleep(0.4)
    device.announce(device.client)
    started = monotonic()
    assert await search == info_of(device)
    assert monotonic() - started < 0.1


async def test_find_by_reading_nonsense(
    directory: Directory, start_device: DeviceFactory
) -> None:
    """Test that a device which answers nonsense is not found."""
    device = await start_device(ScriptedDevice(hears_broadcasts=False))
    device.device[Prop.SEGMENTATION_SUPPORTED] = unsigned(77)
    assert await directory.find(None, device.address, timeout=0.4) is None


async def test_unsolicited(
    directory: Directory, start_device: DeviceFactory, node: Node, port: int
) -> None:
    """Test that a device that announces itself is heard until nobody listens."""
    device = await start_device(ScriptedDevice())
    heard: list[DeviceInfo] = []
    unsubscribe = directory.subscribe(heard.append)
    device.announce(("127.0.20.1", port))
    await asyncio.sleep(0.05)
    assert heard == [info_of(device)]
    unsubscribe()
    unsubscribe()
    device.announce(("127.0.20.1", port))
    await asyncio.sleep(0.05)
    assert len(heard) == 1
    directory.close()
    device.instance = 8
    device.announce(("127.0.20.1", port))
    await asyncio.sleep(0.05)
    assert 8 not in directory.devices


async def test_malformed_and_failing(
    directory: Directory,
    start_device: DeviceFactory,
    port: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Test that neither a broken I-Am nor a broken listener stops the others."""
    device = await start_device(ScriptedDevice())
    heard: list[DeviceInfo] = []

    def fail(info: DeviceInfo) -> None:
        raise RuntimeError("oops")

    directory.subscribe(fail)
    directory.subscribe(heard.append)
    device.send(b"\x10\x00\xc4\x02", ("127.0.20.1", port))
    device.announce(("127.0.20.1", port))
    await asyncio.sleep(0.05)
    assert heard == [info_of(device)]
    assert "oops" in caplog.text


async def test_bounded_memory(
    node: Node, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test that forged I-Ams do not eat the memory; the oldest is forgotten."""
    monkeypatch.setattr(directory_module, "_MAX_DEVICES", 10)
    directory = Directory(node)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.20.50", port))
        for instance in range(50):
            sender.sendto(i_am(instance), ("127.0.20.1", port))
    await asyncio.sleep(0.1)
    assert list(directory.devices) == list(range(40, 50))
    directory.close()


# --- moves and conflicts ---------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take moves for granted soon."""
    monkeypatch.setattr(directory_module, "_MOVE_PATIENCE", 0.1)


async def test_move(
    directory: Directory, start_device: DeviceFactory, port: int, quick: None
) -> None:
    """Test that a device at a new address has moved when the old one is silent."""
    old = await start_device(ScriptedDevice())
    new = await start_device(ScriptedDevice(), "127.0.20.3")
    moves: list[DeviceInfo] = []
    directory.subscribe_moves(moves.append)
    old.announce(("127.0.20.1", port))
    await asyncio.sleep(0.02)
    old.silent = True
    new.announce(("127.0.20.1", port))
    await asyncio.sleep(0.02)
    assert moves == []
    await asyncio.sleep(0.2)
    assert moves == [info_of(new)]
    assert directory.conflicts == {}
    assert directory.devices[7] == info_of(new)
    assert directory.by_address(new.address) == info_of(new)
    assert directory.by_address(old.address) is None


async def test_two_devices_with_one_instance(
    directory: Directory, start_device: DeviceFactory, port: int, quick: None
) -> None:
    """Test that two devices are told from one that moved."""
    first = await start_device(ScriptedDevice())
    second = await start_device(ScriptedDevice(), "127.0.20.3")
    moves: list[DeviceInfo] = []
    directory.subscribe_moves(moves.append)
    first.announce(("127.0.20.1", port))
    await asyncio.sleep(0.02)
    second.announce(("127.0.20.1", port))
    await asyncio.sleep(0.25)
    assert directory.conflicts == {7: {first.address, second.address}}
    assert moves == []

    # The user gives one of them another instance.
    await directory.recheck_conflicts(wait=0.1)
    assert directory.conflicts
    second.instance = 8
    await directory.recheck_conflicts(wait=0.1)
    assert directory.conflicts == {}


async def test_back_at_the_former_address(
    directory: Directory,
    start_device: DeviceFactory,
    port: int,
    quick: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Test that a device that moves back much later is no second device."""
    monkeypatch.setattr(directory_module, "_RETURN_WINDOW", 0.3)
    places = [
        await start_device(ScriptedDevice(), f"127.0.20.{host}") for host in (2, 3)
    ]
    moves: list[DeviceInfo] = []
    directory.subscribe_moves(moves.append)
    for number in (0, 1, 0):
        here, there = places[number], places[1 - number]
        here.silent, there.silent = False, True
        here.announce(("127.0.20.1", port))
        await asyncio.sleep(0.35)
    assert directory.conflicts == {}
    assert moves == [info_of(places[1]), info_of(places[0])]


async def test_instance_that_comes_from_everywhere(
    node: Node, directory: Directory, port: int
) -> None:
    """Test that forged moves do not eat the memory."""
    for host in range(50, 150):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((f"127.0.20.{host}", port))
            sender.sendto(i_am(7), ("127.0.20.1", port))
    await asyncio.sleep(0.1)
    assert len(directory._former[7]) <= 16  # noqa: SLF001
    assert len(directory._by_address) == 1  # noqa: SLF001


async def test_close_during_a_move(
    directory: Directory, start_device: DeviceFactory, port: int
) -> None:
    """Test that no timer is left."""
    for host in (2, 3):
        device = await start_device(ScriptedDevice(), f"127.0.20.{host}")
        device.announce(("127.0.20.1", port))
        await asyncio.sleep(0.02)
    directory.close()
    directory.close()
