"""The client as a whole: sessions hear what the directory hears."""

import asyncio

import pytest

from custom_components.bacnet.client import directory as directory_module
from custom_components.bacnet.client.client import Client
from custom_components.bacnet.client.models import Inventory
from custom_components.bacnet.node.enumerations import ObjectType
from custom_components.bacnet.node.errors import NoResponseError
from custom_components.bacnet.node.node import Node
from custom_components.bacnet.node.types import ObjectId

from .conftest import DeviceFactory, info_of
from .scripted import ScriptedDevice, analog, real

POINT = ObjectId(ObjectType.ANALOG_INPUT, 1)
NODE = "127.0.20.1"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take moves for granted soon."""
    monkeypatch.setattr(directory_module, "_MOVE_PATIENCE", 0.1)


@pytest.fixture
async def device(start_device: DeviceFactory) -> ScriptedDevice:
    """Return a device with one point."""
    return await start_device(ScriptedDevice(objects={POINT: analog("AI", 1)}))


async def test_from_search_to_value(client: Client, device: ScriptedDevice) -> None:
    """Test the straight line: find, load, select, poll."""
    (info,) = await client.directory.search(wait=0.1)
    session = client.open_session(info)
    assert isinstance(await session.load(), Inventory)
    session.select([POINT])
    await session.poll()
    assert session.values[POINT].value == 1


async def test_i_am_ends_the_back_off(
    client: Client, device: ScriptedDevice, port: int
) -> None:
    """Test that a device that announces itself is asked at once."""
    session = client.open_session(info_of(device), cov=None)
    session.select([POINT])
    device.silent = True
    for _ in range(2):
        with pytest.raises(NoResponseError):
            await session.poll()
    device.silent = False
    device.announce((NODE, port))
    await asyncio.sleep(0.02)
    await session.poll()
    assert session.values[POINT].value == 1


async def test_follows_a_device(
    client: Client,
    device: ScriptedDevice,
    start_device: DeviceFactory,
    port: int,
    quick: None,
) -> None:
    """Test that a session moves with its device, without being told from outside."""
    device.announce((NODE, port))
    session = client.open_session(info_of(device), cov=None)
    session.select([POINT])
    await session.poll()
    moved = await start_device(ScriptedDevice(objects=device.objects), "127.0.20.3")
    device.silent = True
    moved.announce((NODE, port))
    await asyncio.sleep(0.25)
    assert session.info == info_of(moved)
    moved.change(POINT, real(2))
    await session.poll()
    assert session.values[POINT].value == 2


async def test_stays_with_the_first_of_two(
    client: Client,
    device: ScriptedDevice,
    start_device: DeviceFactory,
    port: int,
    quick: None,
) -> None:
    """Test that a second device with the instance does not take the session over."""
    device.announce((NODE, port))
    session = client.open_session(info_of(device), cov=None)
    session.select([POINT])
    second = await start_device(
        ScriptedDevice(objects={POINT: analog("AI", 666)}), "127.0.20.3"
    )
    await asyncio.sleep(0.02)
    for _ in range(3):
        second.announce((NODE, port))
        await asyncio.sleep(0.15)
    assert session.info == info_of(device)
    assert client.directory.conflicts
    await session.poll()
    assert session.values[POINT].value == 1


async def test_address_from_before_the_start(
    client: Client,
    device: ScriptedDevice,
    start_device: DeviceFactory,
    port: int,
    quick: None,
) -> None:
    """Test that a remembered address which is wrong by now is corrected."""
    session = client.open_session(info_of(device), cov=None)
    session.select([POINT])
    device.silent = True
    moved = await start_device(
        ScriptedDevice(objects={POINT: analog("AI", 2)}), "127.0.20.3"
    )
    moved.announce((NODE, port))
    await asyncio.sleep(0.25)
    assert session.info == info_of(moved)
    await session.poll()
    assert session.values[POINT].value == 2


async def test_wrong_address_from_outside(
    client: Client, device: ScriptedDevice, port: int
) -> None:
    """Test that the device itself corrects an address that somebody has typed."""
    device.announce((NODE, port))
    await asyncio.sleep(0.02)
    session = client.open_session(info_of(device), cov=None)
    session.select([POINT])
    session.update_address(f"127.0.20.77:{port}")
    with pytest.raises(NoResponseError):
        await session.poll()
    device.announce((NODE, port))
    await asyncio.sleep(0.02)
    await session.poll()
    assert session.info == info_of(device)
    with pytest.raises(ValueError, match="address"):
        session.update_address("somewhere")


async def test_device_with_new_firmware(
    client: Client, device: ScriptedDevice, port: int
) -> None:
    """Test that what a device can take is taken from its latest I-Am."""
    session = client.open_session(info_of(device), cov=None)
    device.max_apdu = 480
    device.announce((NODE, port))
    await asyncio.sleep(0.02)
    assert session.info.max_apdu == 480


async def test_closed_session_hears_nothing(
    client: Client, device: ScriptedDevice, port: int
) -> None:
    """Test that a session can be closed, and opened again."""
    session = client.open_session(info_of(device))
    await client.close_session(session)
    again = client.open_session(info_of(device))
    await client.close_session(session)
    again.select([POINT])
    await again.poll()
    device.announce((NODE, port))
    await asyncio.sleep(0.02)


async def test_many_devices_at_once(
    client: Client, start_device: DeviceFactory
) -> None:
    """Test that a dead device among many holds nobody up."""
    devices = [
        await start_device(
            ScriptedDevice(instance=host, objects={POINT: analog("AI", host)}),
            f"127.0.20.{host}",
        )
        for host in range(10, 30)
    ]
    sessions = [client.open_session(info_of(device)) for device in devices]
    devices[3].silent = True
    for session in sessions:
        session.select([POINT])
    loop = asyncio.get_running_loop()
    started = loop.time()
    ends: list[float] = []

    async def poll(session: object) -> None:
        try:
            await session.poll()
        finally:
            ends.append(loop.time() - started)

    results = await asyncio.gather(
        *(poll(session) for session in sessions), return_exceptions=True
    )
    assert [type(result) for result in results if result] == [NoResponseError]
    assert sorted(ends)[-2] < 0.3 < max(ends)


async def test_start_and_stop_of_the_node(node: Node, device: ScriptedDevice) -> None:
    """Test that closing after the node has stopped is harmless, too."""
    client = Client(node)
    session = client.open_session(info_of(device))
    session.select([POINT])
    await session.poll()
    await asyncio.sleep(0.02)
    await node.stop()
    await client.close()
