"""The client against devices that are not made for it, in other processes.

The simulated building consists of stock bacpypes3 devices; the independent device
shares no code with bacpypes3 either.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Any

import pytest

from custom_components.bacnet.client import directory as directory_module
from custom_components.bacnet.client.client import Client
from custom_components.bacnet.client.cov import CovSettings
from custom_components.bacnet.client.device import DeviceSession
from custom_components.bacnet.client.models import PointValue, StatusFlags
from custom_components.bacnet.node.enumerations import EngineeringUnits
from custom_components.bacnet.node.errors import (
    BacnetError,
    NoResponseError,
    ServiceError,
)
from custom_components.bacnet.node.node import Node
from custom_components.bacnet.node.types import ObjectId
from tests.conftest import NodeFactory
from tests.independent.device import IndependentDevice
from tests.simulator import SimulatorProcess

OK = StatusFlags(False, False, False, False)

AHU, VAV_1, VAV_2, METER, LIGHTING = 1001, 1002, 1003, 1004, 1005


async def until(condition: Callable[[], Any], timeout: float = 5.0) -> None:
    """Wait until something is true."""
    end = monotonic() + timeout
    while not condition():
        if monotonic() > end:
            pytest.fail("it does not come true")
        await asyncio.sleep(0.01)


@pytest.fixture
async def node(start_node: NodeFactory) -> Node:
    """Return our node, with the patience that other processes need."""
    return await start_node("127.0.20.1", apdu_timeout=1.0, apdu_retries=2)


@pytest.fixture
async def building(port: int) -> AsyncIterator[SimulatorProcess]:
    """Return the simulated building, with values that stand still."""
    async with SimulatorProcess("--port", str(port), "--interval", "0") as building:
        yield building


@pytest.fixture
async def sessions(
    building: SimulatorProcess, client: Client
) -> dict[int, DeviceSession]:
    """Return a session with each device of the building, all points read."""
    found = await client.directory.search(wait=0.6)
    assert [info.instance for info in found] == [AHU, VAV_1, VAV_2, METER, LIGHTING]
    sessions = {info.instance: client.open_session(info) for info in found}
    await asyncio.gather(*map(read_all, sessions.values()))
    return sessions


async def read_all(session: DeviceSession) -> None:
    """Load the inventory and read all points."""
    inventory = await session.load()
    session.select(inventory.points)
    await session.poll()


def point_named(session: DeviceSession, name: str) -> ObjectId:
    """Return the point with a name."""
    return next(
        object_id
        for object_id, point in session.inventory.points.items()
        if point.name == name
    )


async def test_everything_is_read(
    building: SimulatorProcess, sessions: dict[int, DeviceSession]
) -> None:
    """Test that every point of every device has the device's own value and name."""
    assert {
        instance: len(session.inventory.points)
        for instance, session in sessions.items()
    } == {AHU: 15, VAV_1: 9, VAV_2: 9, METER: 12, LIGHTING: 114}
    for instance, session in sessions.items():
        for object_id, point in session.inventory.points.items():
            reading = session.values[object_id]
            assert reading.error is None
            assert reading.status_flags == OK
            name = await building.read(instance, str(object_id), "object-name")
            assert point.name == name
            value = await building.read(instance, str(object_id))
            assert reading.value == (
                pytest.approx(value) if isinstance(value, float) else value
            )


async def test_metadata(sessions: dict[int, DeviceSession]) -> None:
    """Test what is known of some points."""
    ahu = sessions[AHU].inventory
    assert ahu.device.name == "AHU-1"
    assert ahu.device.model_name == "SC-AHU"
    assert ahu.device.location == "Plant room"
    setpoint = ahu.points[point_named(sessions[AHU], "Supply air setpoint")]
    assert setpoint.units == EngineeringUnits.DEGREES_CELSIUS
    assert (setpoint.minimum, setpoint.maximum) == (12.0, 30.0)
    assert setpoint.commandable
    assert not ahu.points[point_named(sessions[AHU], "Nominal airflow")].commandable
    mode = ahu.points[point_named(sessions[AHU], "Operating mode")]
    assert mode.states == ("Off", "Heat", "Cool", "Auto")
    economizer = ahu.points[point_named(sessions[AHU], "Economizer enable")]
    assert (economizer.inactive_text, economizer.active_text) == (
        "Disabled",
        "Enabled",
    )
    energy = sessions[METER].inventory.points[ObjectId.parse("accumulator,1")]
    assert energy.scale == pytest.approx(0.1)
    assert energy.units == EngineeringUnits.KILOWATT_HOURS
    lighting = sessions[LIGHTING].inventory.points
    assert lighting[ObjectId.parse("characterstring-value,1")].name == "Panel label"


async def test_abilities(
    building: SimulatorProcess, sessions: dict[int, DeviceSession]
) -> None:
    """Test that each device is asked in the way it can answer."""
    assert sessions[AHU].capabilities.rpm is True
    assert sessions[METER].capabilities.rpm is False
    assert (await building.requests(METER))["read-property-multiple"] == 1
    # The short messages of the lighting controller were never too short.
    assert sessions[LIGHTING].capabilities.reply_limit is None


async def test_commands(
    building: SimulatorProcess, sessions: dict[int, DeviceSession]
) -> None:
    """Test commands of each kind, and how they are released."""
    ahu = sessions[AHU]
    for name, value, released in (
        ("Supply air setpoint", 21.5, 18.0),
        ("Supply fan command", 0, 1),
        ("Heating valve", 75.0, 20.0),
        ("Economizer enable", 1, 0),
        ("Operating mode", 2, 4),
    ):
        object_id = point_named(ahu, name)
        reading = await ahu.write(object_id, value, priority=8)
        assert reading == PointValue(value, OK, priority=8)
        assert await building.read(AHU, str(object_id)) == value
        array = await building.read(AHU, str(object_id), "priority-array")
        assert array[7] == value
        reading = await ahu.write(object_id, None, priority=8)
        assert reading.value == released
        assert (await building.read(AHU, str(object_id), "priority-array"))[7] is None

    label = ObjectId.parse("characterstring-value,1")
    reading = await sessions[LIGHTING].write(label, "Größe", priority=8)
    assert reading.value == "Größe"


async def test_refused_commands(sessions: dict[int, DeviceSession]) -> None:
    """Test that the device's words reach us."""
    ahu = sessions[AHU]
    with pytest.raises(ServiceError, match="write-access-denied"):
        await ahu.write(point_named(ahu, "Nominal airflow"), 1.0, priority=8)
    with pytest.raises(ServiceError, match="value-out-of-range"):
        await ahu.write(point_named(ahu, "Supply air setpoint"), 99.0, priority=8)
    with pytest.raises(BacnetError):
        await ahu.write(ObjectId.parse("analog-value,99"), 1.0, priority=8)


async def test_changes(
    building: SimulatorProcess, sessions: dict[int, DeviceSession]
) -> None:
    """Test that a change on the device arrives without being asked for."""
    vav = sessions[VAV_1]
    await until(lambda: vav.cov_count == 9)
    temperature = point_named(vav, "Room temperature")
    occupancy = point_named(vav, "Occupancy")
    await building.set_value(VAV_1, str(temperature), 25.25)
    await building.set_value(VAV_1, str(occupancy), True)
    await until(lambda: vav.values[temperature].value == 25.25)
    await until(lambda: vav.values[occupancy].value == 1)
    meter = sessions[METER]
    await until(lambda: meter.cov_text == "COV 11/11, 1 polled")


async def test_outage(
    building: SimulatorProcess, sessions: dict[int, DeviceSession]
) -> None:
    """Test that a device that was away is followed again as soon as it is back."""
    vav = sessions[VAV_1]
    await until(lambda: vav.cov_count == 9)
    temperature = point_named(vav, "Room temperature")
    await building.stop(VAV_1)
    with pytest.raises(NoResponseError):
        await vav.poll()
    await sessions[VAV_2].poll()
    await building.set_value(VAV_1, str(temperature), 30.0)
    await building.start(VAV_1)
    await asyncio.sleep(0.1)
    await vav.poll()
    assert vav.values[temperature].value == 30.0
    await until(lambda: vav.cov_count == 9)


async def test_limit_of_subscriptions(
    building: SimulatorProcess, client: Client
) -> None:
    """Test a stock device with room for some subscriptions."""
    await building.reshape(LIGHTING, cov_limit=20)
    info = await client.directory.find(LIGHTING)
    session = client.open_session(info)
    await read_all(session)
    await until(lambda: session.cov_text == "COV 20/20, 94 polled")
    await client.close_session(session)
    assert await building.subscriptions(LIGHTING) == []


@pytest.mark.parametrize(
    ("max_apdu", "segmentation"),
    [(50, "no-segmentation"), (206, "no-segmentation"), (206, "segmented-both")],
)
async def test_short_messages(
    building: SimulatorProcess, client: Client, max_apdu: int, segmentation: str
) -> None:
    """Test stock devices with the shortest messages there are."""
    await building.reshape(VAV_1, max_apdu=max_apdu, segmentation=segmentation)
    info = await client.directory.find(VAV_1)
    assert info.max_apdu == max_apdu
    session = client.open_session(info, cov=None)
    await read_all(session)
    assert len(session.values) == 9
    assert not any(reading.error for reading in session.values.values())
    # Long texts do not fit 50 octets; the names do.
    assert point_named(session, "Room temperature")


@pytest.fixture
async def independent(port: int) -> AsyncIterator[IndependentDevice]:
    """Return a device of another stack."""
    async with IndependentDevice("127.0.20.60", port) as device:
        yield device


async def test_independent_device(
    independent: IndependentDevice, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test finding, reading, following and commanding a device of another stack."""
    monkeypatch.setattr(directory_module, "_REPEAT_AFTER", 0.1)
    info = await client.directory.find(independent.instance, timeout=5)
    assert info is not None
    session = client.open_session(info, cov=CovSettings(grace=1))
    await read_all(session)
    names = {point.name for point in session.inventory.points.values()}
    assert {"Room temperature", "Valve", "Setpoint", "Window", "Fan", "Mode"} <= names
    temperature = point_named(session, "Room temperature")
    assert session.values[temperature].value == 21.5
    assert session.inventory.points[temperature].units == 62
    assert not any(reading.error for reading in session.values.values())

    for name, value in (("Valve", 55.5), ("Setpoint", 20.0), ("Fan", 1), ("Mode", 3)):
        object_id = point_named(session, name)
        assert session.inventory.points[object_id].commandable
        reading = await session.write(object_id, value, priority=9)
        assert reading.value == value
        assert reading.priority == 9
        reading = await session.write(object_id, None, priority=9)
        assert reading.priority is None

    await until(lambda: session.cov_count)
    await independent.measure("analog-input", 1, 30.5)
    await until(lambda: session.values[temperature].value == 30.5)
