"""One device: what is polled, who hears of it, and what a write does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import date
from math import nan
from time import monotonic
from typing import Any

import pytest

from custom_components.bacnet.client import device as device_module
from custom_components.bacnet.client.capabilities import Capabilities
from custom_components.bacnet.client.device import DeviceSession
from custom_components.bacnet.client.models import (
    DateTime,
    Inventory,
    PointValue,
    StatusFlags,
)
from custom_components.bacnet.node.codec import Datatype, decode_primitive, encode
from custom_components.bacnet.node.enumerations import (
    ConfirmedService as Service,
    ErrorClass,
    ErrorCode,
    ObjectType,
    PropertyIdentifier as Prop,
    Reliability,
)
from custom_components.bacnet.node.errors import (
    BacnetError,
    MalformedError,
    NoResponseError,
    ServiceError,
)
from custom_components.bacnet.node.node import Node
from custom_components.bacnet.node.types import Date, ObjectId, PropertyReference, Time

from .conftest import DeviceFactory, info_of
from .scripted import (
    FLAGS_FAULT,
    FLAGS_OK,
    WRITE_DENIED,
    ScriptedDevice,
    analog,
    enumerated,
    real,
    text,
    unsigned,
)

RP = Service.READ_PROPERTY
RPM = Service.READ_PROPERTY_MULTIPLE
WP = Service.WRITE_PROPERTY

NULL = b"\x00"
OK = StatusFlags(False, False, False, False)
FAULT = StatusFlags(False, True, False, False)

AI = ObjectId(ObjectType.ANALOG_INPUT, 1)
AO = ObjectId(ObjectType.ANALOG_OUTPUT, 1)
AV = ObjectId(ObjectType.ANALOG_VALUE, 1)
BI = ObjectId(ObjectType.BINARY_INPUT, 1)
BO = ObjectId(ObjectType.BINARY_OUTPUT, 1)


def commandable(name: str, value: float, **more: Any) -> dict:
    """Return the properties of an analog object with a priority array."""
    return analog(
        name,
        value,
        priority_array=[NULL] * 16,
        relinquish_default=real(value),
        **more,
    )


@pytest.fixture
async def device(start_device: DeviceFactory) -> ScriptedDevice:
    """Return a device with a few points."""
    return await start_device(
        ScriptedDevice(
            objects={
                AI: analog("AI", 21.3),
                AO: commandable("AO", 10),
                AV: analog("AV", 5),
                BI: {
                    Prop.OBJECT_NAME: text("BI"),
                    Prop.PRESENT_VALUE: enumerated(0),
                    Prop.STATUS_FLAGS: FLAGS_OK,
                },
            }
        )
    )


@pytest.fixture
async def session(node: Node, device: ScriptedDevice) -> AsyncIterator[DeviceSession]:
    """Return a session that has loaded the inventory and selected all points."""
    session = DeviceSession(node, info_of(device))
    inventory = await session.load()
    session.select(inventory.points)
    device.services.clear()
    yield session
    await session.close()


@pytest.fixture
def changes(session: DeviceSession) -> dict[ObjectId, list[PointValue]]:
    """Return a record of what the followers of the points were told."""
    record: dict[ObjectId, list[PointValue]] = {AI: [], AO: [], AV: [], BI: []}
    for object_id, values in record.items():
        session.subscribe(
            object_id,
            lambda object_id=object_id, values=values: values.append(
                session.values[object_id]
            ),
        )
    return record


# --- polling -----------------------------------------------------------------------------


async def test_poll(device: ScriptedDevice, session: DeviceSession) -> None:
    """Test that one request brings all values."""
    await session.poll()
    assert device.services == {RPM: 1}
    assert session.values == {
        AI: PointValue(21.3, OK),
        AO: PointValue(10.0, OK),
        AV: PointValue(5.0, OK),
        BI: PointValue(0, OK),
    }
    assert session.polled_count == 4
    assert session.cov_count == 0
    assert session.cov_text == "COV 0/0, 4 polled"


async def test_only_changes_are_told(
    device: ScriptedDevice,
    session: DeviceSession,
    changes: dict[ObjectId, list[PointValue]],
) -> None:
    """Test that nobody wakes up for a value that stays as it is."""
    for _ in range(3):
        await session.poll()
    assert {key: len(values) for key, values in changes.items()} == {
        AI: 1,
        AO: 1,
        AV: 1,
        BI: 1,
    }
    device.change(AI, real(22))
    device.objects[BI][Prop.STATUS_FLAGS] = encode(
        Datatype.BIT_STRING, (False, False, True, False)
    )
    await session.poll()
    assert [value.value for value in changes[AI]] == [21.3, 22.0]
    assert changes[BI][1].status_flags == StatusFlags(False, False, True, False)
    assert len(changes[AO]) == len(changes[AV]) == 1


async def test_not_a_number_is_no_change(
    device: ScriptedDevice,
    session: DeviceSession,
    changes: dict[ObjectId, list[PointValue]],
) -> None:
    """Test that NaN does not wake anybody each time."""
    device.change(AI, real(nan))
    await session.poll()
    await session.poll()
    assert len(changes[AI]) == 1


async def test_unsubscribe(device: ScriptedDevice, session: DeviceSession) -> None:
    """Test that whoever has left is not told any more; twice leaving is harmless."""
    calls: list[str] = []
    first = session.subscribe(AI, lambda: calls.append("first"))
    session.subscribe(AI, lambda: calls.append("second"))
    first()
    first()
    await session.poll()
    assert calls == ["second"]


async def test_failing_follower(
    session: DeviceSession,
    changes: dict[ObjectId, list[PointValue]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Test that a fault in a callback does not stop the poll."""

    def fail() -> None:
        raise RuntimeError("oops")

    session.subscribe(AI, fail)
    await session.poll()
    assert len(changes[AI]) == len(changes[BI]) == 1
    assert "oops" in caplog.text


async def test_errors_of_single_points(
    device: ScriptedDevice,
    session: DeviceSession,
    changes: dict[ObjectId, list[PointValue]],
) -> None:
    """Test that what can not be read of a point is the error of that point."""
    denied = ServiceError(ErrorClass.PROPERTY, ErrorCode.READ_ACCESS_DENIED)
    device.objects[AI][Prop.PRESENT_VALUE] = denied
    del device.objects[BI]
    await session.poll()
    await session.poll()
    assert session.values[AI] == PointValue(None, OK, error=denied)
    assert isinstance(session.values[BI].error, ServiceError)
    assert session.values[AV].value == 5
    assert len(changes[AI]) == len(changes[BI]) == 1

    device.objects[AI][Prop.PRESENT_VALUE] = real(3)
    await session.poll()
    assert session.values[AI] == PointValue(3.0, OK)


async def test_structures_are_errors(
    device: ScriptedDevice, session: DeviceSession
) -> None:
    """Test a present-value that is no value."""
    device.change(AI, b"\x0e\x21\x05\x0f")
    await session.poll()
    assert session.values[AI].value is None
    assert str(session.values[AI].error) == "the present value is a structure"


async def test_dates_with_times(device: ScriptedDevice, session: DeviceSession) -> None:
    """Test the value that consists of two."""
    when = ObjectId(ObjectType.DATETIME_VALUE, 1)
    device.objects[when] = {
        Prop.PRESENT_VALUE: bytes.fromhex("a47e0b1701b4071e0000"),
        Prop.STATUS_FLAGS: FLAGS_OK,
    }
    session.select([when])
    await session.poll()
    assert session.values[when].value == DateTime(
        Date(2026, 11, 23, 1), Time(7, 30, 0, 0)
    )


async def test_objects_without_status_flags(
    device: ScriptedDevice, session: DeviceSession
) -> None:
    """Test that missing flags are asked for once."""
    del device.objects[AI][Prop.STATUS_FLAGS]
    await session.poll()
    assert session.values[AI] == PointValue(21.3)
    device.requests.clear()
    await session.poll()
    ((_, body),) = device.requests
    assert body.count(b"\x09\x6f") == 3


async def test_long_status_flags(
    device: ScriptedDevice, session: DeviceSession
) -> None:
    """Test a device that has more flags than the standard, or fewer."""
    device.objects[AI][Prop.STATUS_FLAGS] = encode(
        Datatype.BIT_STRING, (False, True, False, False, True)
    )
    device.objects[BI][Prop.STATUS_FLAGS] = encode(Datatype.BIT_STRING, (True,))
    device.objects[AV][Prop.STATUS_FLAGS] = unsigned(0)
    await session.poll()
    assert session.values[AI].status_flags == FAULT
    assert session.values[BI].status_flags is None
    assert session.values[AV].status_flags is None


async def test_reliability_of_points_in_fault(
    device: ScriptedDevice,
    session: DeviceSession,
    changes: dict[ObjectId, list[PointValue]],
) -> None:
    """Test that the cause of a fault is read as long as there is one."""
    device.objects[AI][Prop.STATUS_FLAGS] = FLAGS_FAULT
    device.objects[AI][Prop.RELIABILITY] = enumerated(Reliability.OPEN_LOOP)
    await session.poll()
    assert session.values[AI] == PointValue(21.3, FAULT, Reliability.OPEN_LOOP)
    device.objects[AI][Prop.RELIABILITY] = enumerated(Reliability.SHORTED_LOOP)
    device.services.clear()
    await session.poll()
    assert session.values[AI].reliability == Reliability.SHORTED_LOOP
    assert device.services == {RPM: 1}
    device.objects[AI][Prop.STATUS_FLAGS] = FLAGS_OK
    device.objects[AI][Prop.RELIABILITY] = enumerated(0)
    await session.poll()
    assert session.values[AI] == PointValue(21.3, OK)
    device.requests.clear()
    await session.poll()
    assert b"\x09\x67" not in device.requests[0][1]


async def test_current_command_priority(node: Node, device: ScriptedDevice) -> None:
    """Test that the priority in effect comes with the value, where it is told."""
    device.objects[AO][Prop.CURRENT_COMMAND_PRIORITY] = unsigned(8)
    session = DeviceSession(node, info_of(device))
    inventory = await session.load()
    assert inventory.points[AO].reports_priority
    session.select(inventory.points)
    await session.poll()
    assert session.values[AO].priority == 8
    device.objects[AO][Prop.CURRENT_COMMAND_PRIORITY] = NULL
    await session.poll()
    assert session.values[AO].priority is None
    await session.close()


async def test_select(device: ScriptedDevice, session: DeviceSession) -> None:
    """Test that unselected points cost nothing."""
    await session.poll()
    session.select([BI])
    assert list(session.values) == [BI]
    device.requests.clear()
    await session.poll()
    ((service, body),) = device.requests
    assert service == RPM
    assert len(body) == 11

    session.select([])
    device.services.clear()
    await session.poll()
    assert device.services == {RP: 1}
    device.silent = True
    with pytest.raises(NoResponseError):
        await session.poll()


async def test_points_that_are_not_due(
    device: ScriptedDevice, session: DeviceSession
) -> None:
    """Test that points can be left out of a cycle, but not before their first value."""
    await session.poll(lambda object_id: False)
    assert len(session.values) == 4
    device.change(AI, real(1))
    device.change(AV, real(1))
    await session.poll(lambda object_id: object_id == AV)
    assert session.values[AI].value == 21.3
    assert session.values[AV].value == 1


async def test_silence_and_return(
    device: ScriptedDevice,
    session: DeviceSession,
    changes: dict[ObjectId, list[PointValue]],
) -> None:
    """Test that silence is an error of the poll, not a value, and that it ends."""
    await session.poll()
    device.silent = True
    with pytest.raises(NoResponseError):
        await session.poll()
    assert session.is_silent
    assert session.values[AI] == PointValue(21.3, OK)
    started = monotonic()
    with pytest.raises(NoResponseError):
        await session.poll()
    assert monotonic() - started < 0.1

    device.silent = False
    device.change(AI, real(22))
    session.heard()
    await session.poll()
    assert not session.is_silent
    assert len(changes[AI]) == 2
    assert len(changes[AV]) == 1


async def test_dies_during_a_poll(node: Node, start_device: DeviceFactory) -> None:
    """Test that the values that did come are taken."""
    device = await start_device(
        ScriptedDevice(
            max_apdu=480,
            objects={
                ObjectId(ObjectType.ANALOG_INPUT, number): analog("AI", number)
                for number in range(200)
            },
        )
    )
    session = DeviceSession(node, info_of(device))
    session.select(device.objects)
    device.dies_after = 3
    with pytest.raises(NoResponseError):
        await session.poll()
    assert len(session.values) == 60
    await session.close()


async def test_follows_to_another_address(
    start_device: DeviceFactory, device: ScriptedDevice, session: DeviceSession
) -> None:
    """Test that a session survives a change of address."""
    await session.poll()
    moved = await start_device(ScriptedDevice(objects=device.objects), "127.0.20.3")
    device.silent = True
    moved.change(AI, real(25))
    session.update_address(moved.address)
    assert session.info.address == moved.address
    await session.poll()
    assert session.values[AI].value == 25


async def test_remembered_capabilities(
    node: Node, device: ScriptedDevice, session: DeviceSession
) -> None:
    """Test that nothing is learnt twice, and that entities can exist before contact."""
    inventory = Inventory.from_dict(session.inventory.to_dict())
    capabilities = Capabilities.from_dict({"rpm": False, "unheard": 1})
    again = DeviceSession(
        node, info_of(device), inventory=inventory, capabilities=capabilities
    )
    assert again.inventory is inventory
    again.select(inventory.points)
    await again.poll()
    assert device.services == {RP: 8}
    assert again.capabilities is capabilities
    await again.close()


async def test_restart_costs_one_request(
    node: Node, device: ScriptedDevice, session: DeviceSession
) -> None:
    """Test that a known inventory is checked, not read."""
    inventory = session.inventory
    again = DeviceSession(node, info_of(device), inventory=inventory)
    assert await again.load() is inventory
    assert await again.is_current()
    assert device.services == {RPM: 2}
    await again.close()


async def test_changed_object_list(
    device: ScriptedDevice, session: DeviceSession
) -> None:
    """Test that a changed device is read again, and what was proven is kept."""
    device.refuse[WP] = WRITE_DENIED
    with pytest.raises(ServiceError):
        await session.write(AV, 1, priority=None)
    new = ObjectId(ObjectType.ANALOG_INPUT, 2)
    device.objects[new] = analog("New", 1)
    del device.objects[BI]
    device.revision = 2
    assert not await session.is_current()
    before = session.inventory
    after = await session.load()
    assert after is session.inventory
    assert after.points.keys() - before.points.keys() == {new}
    assert before.points.keys() - after.points.keys() == {BI}
    assert after.points[AV].writable is False


async def test_read_anything(device: ScriptedDevice, session: DeviceSession) -> None:
    """Test reading properties that are no part of a point."""
    name = PropertyReference(AI, Prop.OBJECT_NAME)
    missing = PropertyReference(AI, Prop.DEADBAND)
    results = await session.read([name, missing])
    assert results[name] == "AI"
    assert isinstance(results[missing], BacnetError)
    device.objects[AO][Prop.PRIORITY_ARRAY] = [NULL] * 7 + [real(4)] + [NULL] * 8
    slots = await session.read_priority_array(AO)
    assert slots == [None] * 7 + [4.0] + [None] * 8
    with pytest.raises(BacnetError):
        await session.read_priority_array(AI)


# --- writing -----------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def quick_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again soon after a write."""
    monkeypatch.setattr(device_module, "_SETTLING_TIME", 0.02)
    monkeypatch.setattr(device_module, "_SETTLED_TIME", 0.1)


async def test_command(
    device: ScriptedDevice,
    session: DeviceSession,
    changes: dict[ObjectId, list[PointValue]],
) -> None:
    """Test that a command is written at its priority and read back."""
    reading = await session.write(AO, 40, priority=8)
    (write,) = device.writes
    assert write.reference == PropertyReference(AO, Prop.PRESENT_VALUE)
    assert decode_primitive(write.value) == (Datatype.REAL, 40.0)
    assert write.priority == 8
    assert reading == PointValue(40.0, OK, priority=8)
    assert session.values[AO] is reading
    assert changes[AO] == [reading]
    assert session.inventory.points[AO].writable is True
    assert device.services[WP] == 1


async def test_relinquish(device: ScriptedDevice, session: DeviceSession) -> None:
    """Test that a slot is emptied and the next one shows."""
    await session.write(AO, 40, priority=8)
    await session.write(AO, 50, priority=12)
    reading = await session.write(AO, None, priority=8)
    assert device.writes[-1].value == NULL
    assert device.writes[-1].priority == 8
    assert reading == PointValue(50.0, OK, priority=12)
    reading = await session.write(AO, None, priority=12)
    assert reading == PointValue(10.0, OK)


async def test_overridden_by_others(
    device: ScriptedDevice, session: DeviceSession
) -> None:
    """Test that the effective value is shown, not the one written, and at once."""
    device.objects[AO][Prop.PRIORITY_ARRAY][4] = real(99)
    started = monotonic()
    reading = await session.write(AO, 40, priority=16)
    assert reading == PointValue(99.0, OK, priority=5)
    assert device.services[WP] == 1
    assert device.services[RPM] == 1
    assert monotonic() - started < 0.2


async def test_without_priority_array(
    device: ScriptedDevice, session: DeviceSession
) -> None:
    """Test that an object that is not commandable is written without a priority."""
    reading = await session.write(AV, 7, priority=16)
    assert device.writes[0].priority is None
    assert reading == PointValue(7.0, OK)


async def test_unknown_point(device: ScriptedDevice, node: Node) -> None:
    """Test that the priority is sent where nothing is known of the object."""
    session = DeviceSession(node, info_of(device))
    await session.write(AO, 7, priority=9)
    assert device.writes[0].priority == 9
    await session.close()


@pytest.mark.parametrize(
    ("object_type", "initial", "value", "written", "shown"),
    [
        (ObjectType.BINARY_VALUE, enumerated(0), True, enumerated(1), 1),
        (ObjectType.MULTI_STATE_VALUE, unsigned(1), 3, unsigned(3), 3),
        (ObjectType.CHARACTERSTRING_VALUE, text("a"), "Ü", text("Ü"), "Ü"),
        (
            ObjectType.INTEGER_VALUE,
            encode(Datatype.SIGNED, 1),
            -4.0,
            encode(Datatype.SIGNED, -4),
            -4,
        ),
        (ObjectType.POSITIVE_INTEGER_VALUE, unsigned(1), 4, unsigned(4), 4),
        (
            ObjectType.LARGE_ANALOG_VALUE,
            encode(Datatype.DOUBLE, 1.0),
            0.1,
            encode(Datatype.DOUBLE, 0.1),
            0.1,
        ),
        (
            ObjectType.DATE_VALUE,
            encode(Datatype.DATE, Date(2026, 1, 1)),
            date(2026, 11, 23),
            bytes.fromhex("a47e0b1701"),
            Date(2026, 11, 23, 1),
        ),
        (ObjectType.LIGHTING_OUTPUT, real(0), 33.5, real(33.5), 33.5),
        (ObjectType.BINARY_LIGHTING_OUTPUT, enumerated(0), 1, enumerated(1), 1),
        (300, unsigned(1), 5, unsigned(5), 5),
    ],
)
async def test_every_kind(
    device: ScriptedDevice,
    session: DeviceSession,
    object_type: int,
    initial: bytes,
    value: Any,
    written: bytes,
    shown: Any,
) -> None:
    """Test that each kind of object is written in its datatype and read back."""
    object_id = ObjectId(object_type, 5)
    device.objects[object_id] = {
        Prop.PRESENT_VALUE: initial,
        Prop.STATUS_FLAGS: FLAGS_OK,
    }
    reading = await session.write(object_id, value, priority=None)
    assert device.writes[0].value == written
    assert reading.value == shown


async def test_never_repeated(device: ScriptedDevice, session: DeviceSession) -> None:
    """Test that a write without an answer is sent once, and its effect looked at."""
    await session.poll()
    device.services.clear()

    def lose_the_answer(service: int, body: bytes) -> bool:
        if service == WP:
            device.serve(service, body)
            return True
        return False

    device.ignore = lose_the_answer
    with pytest.raises(NoResponseError):
        await session.write(AO, 40, priority=8)
    assert device.services[WP] == 1
    assert session.values[AO].value == 10
    await asyncio.sleep(0.3)
    assert device.services[WP] == 1
    assert session.values[AO].value == 40


async def test_waits_longer_than_a_read(
    device: ScriptedDevice, session: DeviceSession, node: Node
) -> None:
    """Test that a slow write is no failure."""
    honest = device.finish

    def finish(reply: bytes, source: tuple[str, int]) -> None:
        if reply[0] >> 4 == 2:
            device.later(0.5, honest, reply, source)
        else:
            honest(reply, source)

    device.finish = finish
    assert node.config.apdu_timeout < 0.5
    assert (await session.write(AO, 40, priority=8)).value == 40
    assert device.services[WP] == 1


async def test_denied(device: ScriptedDevice, session: DeviceSession) -> None:
    """Test that the device's error reaches the caller, and is remembered."""
    await session.poll()
    device.refuse[WP] = WRITE_DENIED
    with pytest.raises(ServiceError, match="write-access-denied"):
        await session.write(AV, 7, priority=None)
    assert session.values[AV].value == 5
    assert session.inventory.points[AV].writable is False
    assert device.services[WP] == 1


async def test_refused_for_the_value(
    device: ScriptedDevice, session: DeviceSession
) -> None:
    """Test that a wrong value says nothing about the point."""
    device.refuse[WP] = ServiceError(ErrorClass.PROPERTY, ErrorCode.VALUE_OUT_OF_RANGE)
    with pytest.raises(ServiceError, match="value-out-of-range"):
        await session.write(AV, 7000, priority=None)
    assert session.inventory.points[AV].writable is None


async def test_senseless_value_is_not_sent(
    device: ScriptedDevice, session: DeviceSession
) -> None:
    """Test that a value of the wrong kind stays here."""
    with pytest.raises(MalformedError):
        await session.write(AV, "warm", priority=None)
    assert device.services == {}


async def test_taken_over_later(
    device: ScriptedDevice,
    session: DeviceSession,
    changes: dict[ObjectId, list[PointValue]],
) -> None:
    """Test a device that applies what it is told in its next cycle."""
    await session.poll()
    honest = device.write
    device.write = lambda write: device.later(0.08, honest, write)
    reading = await session.write(AO, 40, priority=8)
    assert reading.value == 10
    await asyncio.sleep(0.3)
    assert session.values[AO].value == 40
    assert [value.value for value in changes[AO]] == [10, 40]
    assert device.services[WP] == 1


async def test_other_property(device: ScriptedDevice, session: DeviceSession) -> None:
    """Test that any property can be written, and that the point shows its effect."""
    honest = device.write

    def write(item: Any) -> None:
        honest(item)
        device.objects[AI][Prop.STATUS_FLAGS] = encode(
            Datatype.BIT_STRING, (False, False, False, True)
        )

    device.write = write
    reading = await session.write(
        AI, True, priority=None, property_id=Prop.OUT_OF_SERVICE
    )
    assert device.writes[0].reference.property_id == Prop.OUT_OF_SERVICE
    assert device.writes[0].value == b"\x11"
    assert reading.status_flags.out_of_service
    assert session.inventory.points[AI].writable is None


async def test_written_while_polling(node: Node, start_device: DeviceFactory) -> None:
    """Test that a write overtakes a long poll, and that the poll does not undo it."""
    objects = {
        ObjectId(ObjectType.ANALOG_INPUT, number): analog("AI", number)
        for number in range(300)
    }
    device = await start_device(
        ScriptedDevice(
            max_apdu=206, objects={AO: commandable("AO", 10), **objects}, latency=0.01
        )
    )
    session = DeviceSession(node, info_of(device))
    session.select(device.objects)
    poll = asyncio.ensure_future(session.poll())
    await asyncio.sleep(0.05)
    started = monotonic()
    assert (await session.write(AO, 40, priority=8)).value == 40
    assert monotonic() - started < 0.15
    assert not poll.done()
    await poll
    assert session.values[AO].value == 40
    await session.close()


async def test_silent_device_is_not_written_to(
    device: ScriptedDevice, session: DeviceSession
) -> None:
    """Test that a user is told at once that nothing was sent."""
    device.silent = True
    with pytest.raises(NoResponseError):
        await session.poll()
    device.silent = False
    device.ignore = lambda service, body: True
    with pytest.raises(NoResponseError):
        await session.write(AO, 40, priority=8)
    assert device.services[WP] == 0
    device.ignore = lambda service, body: False
    assert (await session.write(AO, 40, priority=8)).value == 40


async def test_close_ends_everything(
    device: ScriptedDevice, session: DeviceSession
) -> None:
    """Test that no task looks again after the end."""
    await session.write(AO, None, priority=8)
    await session.close()
    device.services.clear()
    await asyncio.sleep(0.2)
    assert device.services == {}


@pytest.mark.parametrize("follow", [True, False])
async def test_first_values_do_not_depend_on_followers(
    session: DeviceSession, follow: bool
) -> None:
    """Test that values are there whether anybody follows or not."""
    unsubscribe: Callable[[], None] = session.subscribe(AI, lambda: None)
    if not follow:
        unsubscribe()
    await session.poll()
    assert session.values[AI].value == 21.3
