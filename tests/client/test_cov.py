"""Subscriptions: made, renewed, refused, lost, silent, cancelled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Any

import pytest

from custom_components.bacnet.client import cov as cov_module, device as device_module
from custom_components.bacnet.client.capabilities import Capabilities
from custom_components.bacnet.client.client import Client
from custom_components.bacnet.client.cov import PROCESS_ID, CovSettings
from custom_components.bacnet.client.device import DeviceSession
from custom_components.bacnet.client.models import PointValue, StatusFlags
from custom_components.bacnet.node.codec import Datatype, encode_context
from custom_components.bacnet.node.enumerations import (
    AbortReason,
    ConfirmedService as Service,
    ErrorClass,
    ErrorCode,
    ObjectType,
    PropertyIdentifier as Prop,
    RejectReason,
)
from custom_components.bacnet.node.errors import (
    AbortError,
    NoResponseError,
    RejectError,
    ServiceError,
)
from custom_components.bacnet.node.services import (
    CovSubscription,
    PropertySelection,
    encode_cov_notification,
    encode_property_values,
)
from custom_components.bacnet.node.types import ObjectId

from .conftest import DeviceFactory, info_of
from .scripted import (
    FLAGS_FAULT,
    FLAGS_OK,
    NO_SPACE,
    OUT_OF_RANGE,
    UNKNOWN_OBJECT,
    ScriptedDevice,
    analog,
    enumerated,
    real,
    text,
    unsigned,
)

SUBSCRIBE = Service.SUBSCRIBE_COV
RPM = Service.READ_PROPERTY_MULTIPLE

OK = StatusFlags(False, False, False, False)
FOREVER = CovSettings()
QUICK = CovSettings(grace=0.15, retry=0.4)

type SessionFactory = Callable[..., Awaitable[DeviceSession]]


def points(count: int, **more: Any) -> dict[ObjectId, dict]:
    """Return analog inputs."""
    return {
        ObjectId(ObjectType.ANALOG_INPUT, number): analog("AI", number, **more)
        for number in range(count)
    }


async def until(condition: Callable[[], Any], timeout: float = 3.0) -> None:
    """Wait until something is true."""
    end = monotonic() + timeout
    while not condition():
        if monotonic() > end:
            pytest.fail("it does not come true")
        await asyncio.sleep(0.005)


@pytest.fixture
async def open_session(client: Client) -> AsyncIterator[SessionFactory]:
    """Return a function that opens a session, reads all points and goes on."""

    async def open_session(
        device: ScriptedDevice,
        settings: CovSettings = FOREVER,
        capabilities: Capabilities | None = None,
    ) -> DeviceSession:
        session = client.open_session(
            info_of(device), capabilities=capabilities, cov=settings
        )
        await session.load()
        session.select(session.inventory.points)
        await session.poll()
        device.services.clear()
        return session

    return open_session


async def test_changes_are_notified(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that subscribed points are not polled any more, and change at once."""
    device = await start_device(ScriptedDevice(objects=points(10)))
    session = await open_session(device)
    await until(lambda: session.cov_count == 10)
    assert session.cov_text == "COV 10/10, 0 polled"
    for item in device.subscribe_log:
        assert item.process_id == PROCESS_ID
        assert item.confirmed is False
        assert item.lifetime == FOREVER.lifetime
    assert len(device.subscribe_log) == 10

    changes: list[PointValue] = []
    point = ObjectId(ObjectType.ANALOG_INPUT, 3)
    session.subscribe(point, lambda: changes.append(session.values[point]))
    device.change(point, real(30.3))
    await until(lambda: changes)
    assert changes == [PointValue(30.3, OK)]
    device.notify(point)
    device.objects[point][Prop.STATUS_FLAGS] = FLAGS_FAULT
    device.notify(point)
    await until(lambda: len(changes) == 2)
    assert changes[1].status_flags.fault

    # Only a sign of life of the device is read, and what is wrong with the point.
    device.requests.clear()
    device.objects[point][Prop.RELIABILITY] = enumerated(4)
    await session.poll()
    assert session.values[point].reliability == 4
    assert [service for service, _ in device.requests] == [RPM, Service.READ_PROPERTY]


async def test_signs_of_life(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that a device whose points are all notified is noticed when it dies."""
    device = await start_device(ScriptedDevice(objects=points(100)))
    session = await open_session(device)
    await until(lambda: session.cov_count == 100)
    device.services.clear()
    await session.poll()
    assert device.services == {RPM: 1}
    device.silent = True
    with pytest.raises(NoResponseError):
        await session.poll()


async def test_notification_before_the_acknowledgement(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that the first notification is not lost, however early it comes."""
    device = await start_device(ScriptedDevice(objects=points(5), latency=0.02))
    device.cov_refusal = lambda item: device.change(item.object_id, real(77))
    session = await open_session(device)
    await until(lambda: session.cov_count == 5)
    assert {value.value for value in session.values.values()} == {77.0}


async def test_confirmed_notifications_are_acknowledged(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test a device that knows only confirmed notifications."""
    device = await start_device(ScriptedDevice(objects=points(5)))
    device.cov_refusal = lambda item: None if item.confirmed else OUT_OF_RANGE
    session = await open_session(device)
    await until(lambda: session.cov_count == 5)
    await until(lambda: len(device.cov_answers) == 5)
    assert {kind for kind, _ in device.cov_answers} == {2}
    assert session.capabilities.cov_confirmed is True
    # What works is found once, not for each point.
    assert len(device.subscribe_log) == 2 + 5


async def test_unknown_subscriptions_are_refused(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that a device learns which of its subscriptions nobody wants."""
    device = await start_device(ScriptedDevice(objects=points(2)))
    session = await open_session(device)
    await until(lambda: session.cov_count == 2)
    stranger = ObjectId(ObjectType.ANALOG_INPUT, 9)
    device.objects[stranger] = analog("Stranger", 1)
    device.subscriptions[stranger] = CovSubscription(
        process_id=PROCESS_ID, object_id=stranger, confirmed=True, lifetime=60
    )
    device.notify(stranger)
    known = next(iter(device.subscriptions))
    device.subscriptions[known] = CovSubscription(
        process_id=99, object_id=known, confirmed=True, lifetime=60
    )
    device.notify(known)
    await until(lambda: len(device.cov_answers) == 2)
    assert {kind for kind, _ in device.cov_answers} == {5}
    assert stranger not in session.values


async def test_values_of_another_device(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that a second device with the same instance does not mix in."""
    device = await start_device(ScriptedDevice(objects=points(2)))
    session = await open_session(device)
    await until(lambda: session.cov_count == 2)
    other = await start_device(ScriptedDevice(objects=points(2)), "127.0.20.3")
    other.client = device.client
    other.subscriptions = device.subscriptions
    other.change(ObjectId(ObjectType.ANALOG_INPUT, 1), real(666))
    await asyncio.sleep(0.05)
    assert session.values[ObjectId(ObjectType.ANALOG_INPUT, 1)].value == 1


async def test_malformed_notifications(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that broken notifications and broken values in them do no harm."""
    device = await start_device(ScriptedDevice(objects=points(2)))
    session = await open_session(device)
    await until(lambda: session.cov_count == 2)
    first = ObjectId(ObjectType.ANALOG_INPUT, 0)
    device_id = ObjectId(ObjectType.DEVICE, 7)
    good = encode_cov_notification(
        PROCESS_ID,
        device_id,
        first,
        0,
        encode_property_values(
            [
                (PropertySelection(Prop.PRESENT_VALUE), b"\x43\x00\x00\x00"),
                (PropertySelection(Prop.STATUS_FLAGS), FLAGS_OK),
            ]
        ),
    )
    for parameters in (good, good[:-5], b"", b"\xff" * 30):
        device.send(b"\x10\x02" + parameters, device.client)
    device.change(ObjectId(ObjectType.ANALOG_INPUT, 1), real(5))
    await until(lambda: session.values[ObjectId(ObjectType.ANALOG_INPUT, 1)].value == 5)
    assert session.values[first] == PointValue(0.0, OK)
    # The value that could not be read is read again.
    device.change(first, real(8), notify=False)
    await session.poll()
    assert session.values[first].value == 8


async def test_paced(start_device: DeviceFactory, open_session: SessionFactory) -> None:
    """Test that there is one subscription request at a time."""
    device = await start_device(ScriptedDevice(objects=points(50), latency=0.003))
    session = await open_session(device)
    device.most_at_once = 0
    await until(lambda: session.cov_count == 50)
    assert device.most_at_once == 1


async def test_most_important_first(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that a small budget goes to those that change suddenly."""
    objects = points(5)
    switch = ObjectId(ObjectType.BINARY_INPUT, 1)
    mode = ObjectId(ObjectType.MULTI_STATE_VALUE, 1)
    count = ObjectId(ObjectType.ACCUMULATOR, 1)
    objects |= {
        object_id: {Prop.PRESENT_VALUE: unsigned(1), Prop.STATUS_FLAGS: FLAGS_OK}
        for object_id in (count, mode)
    }
    objects[switch] = {Prop.PRESENT_VALUE: enumerated(0), Prop.STATUS_FLAGS: FLAGS_OK}
    device = await start_device(ScriptedDevice(objects=objects, cov_limit=2))
    session = await open_session(device)
    await until(lambda: session.capabilities.cov_budget == 2)
    assert set(device.subscriptions) == {switch, mode}
    # An accumulator does not notify: it is never asked to.
    assert count not in {item.object_id for item in device.subscribe_log}


# --- limits and refusals ---------------------------------------------------------------


async def test_budget(
    start_device: DeviceFactory, open_session: SessionFactory, client: Client
) -> None:
    """Test that the device's limit is found once, kept, and used by the same points."""
    device = await start_device(ScriptedDevice(objects=points(160), cov_limit=20))
    session = await open_session(device)
    await until(lambda: session.cov_text == "COV 20/20, 140 polled")
    assert len(device.subscribe_log) == 21
    device.services.clear()
    await session.poll()
    assert device.services == {RPM: 3}

    # After a restart of ours the same subscriptions are renewed; the device has not
    # been told of our end.
    kept = set(device.subscriptions)
    remembered = Capabilities.from_dict(session.capabilities.to_dict())
    device.silent = True
    await client.close_session(session)
    device.silent = False
    device.subscribe_log.clear()
    again = await open_session(device, capabilities=remembered)
    await until(lambda: again.cov_count == 20)
    await asyncio.sleep(0.05)
    assert set(device.subscriptions) == kept
    assert len(device.subscribe_log) == 20
    assert {item.process_id for item in device.subscribe_log} == {PROCESS_ID}


async def test_more_room_later(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that more is asked for now and then."""
    device = await start_device(ScriptedDevice(objects=points(30), cov_limit=5))
    session = await open_session(device, QUICK)
    await until(lambda: session.capabilities.cov_budget == 5)
    device.cov_limit = 25
    await until(lambda: session.capabilities.cov_budget == 25)
    device.cov_limit = None
    await until(lambda: session.cov_count == 30)
    assert session.capabilities.cov_budget is None
    assert session.cov_text == "COV 30/30, 0 polled"


async def test_full_device_is_not_bothered(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that a full device hears of one more wish each time, not of all."""
    device = await start_device(ScriptedDevice(objects=points(50), cov_limit=0))
    session = await open_session(device, CovSettings(retry=0.1))
    await until(lambda: len(device.subscribe_log) == 3, 2)
    await asyncio.sleep(0.1)
    # At 0, 0.1, 0.3 and 0.7 seconds.
    assert len(device.subscribe_log) <= 4
    assert session.cov_text == "COV 0/0, 50 polled"


@pytest.mark.parametrize(
    "error",
    [
        RejectError(RejectReason.UNRECOGNIZED_SERVICE),
        ServiceError(
            ErrorClass.SERVICES, ErrorCode.OPTIONAL_FUNCTIONALITY_NOT_SUPPORTED
        ),
        ServiceError(ErrorClass.SERVICES, ErrorCode.SERVICE_REQUEST_DENIED),
    ],
)
async def test_no_cov_at_all(
    start_device: DeviceFactory, open_session: SessionFactory, error: Exception
) -> None:
    """Test that a device without COV is asked once, and polled."""
    device = await start_device(
        ScriptedDevice(objects=points(30), refuse={SUBSCRIBE: error})
    )
    session = await open_session(device)
    await until(lambda: session.capabilities.cov is False)
    await asyncio.sleep(0.05)
    assert device.services[SUBSCRIBE] == 1
    device.change(ObjectId(ObjectType.ANALOG_INPUT, 1), real(9))
    await session.poll()
    assert session.values[ObjectId(ObjectType.ANALOG_INPUT, 1)].value == 9
    assert session.cov_text == "COV 0/30, 30 polled"


async def test_cov_after_an_update(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that a refused service is tried again later, by one request."""
    device = await start_device(ScriptedDevice(objects=points(30)))
    device.refuse[SUBSCRIBE] = RejectError(RejectReason.UNRECOGNIZED_SERVICE)
    session = await open_session(device, QUICK)
    await until(lambda: session.capabilities.cov is False)
    del device.refuse[SUBSCRIBE]
    await until(lambda: session.cov_count == 30)
    assert session.capabilities.cov is True


async def test_single_objects_refused(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that a refused point is polled and tried again, and the rest notified."""
    bad = {ObjectId(ObjectType.ANALOG_INPUT, number) for number in (0, 4)}
    error = ServiceError(
        ErrorClass.OBJECT, ErrorCode.OPTIONAL_FUNCTIONALITY_NOT_SUPPORTED
    )
    device = await start_device(ScriptedDevice(objects=points(10)))
    device.cov_refusal = lambda item: error if item.object_id in bad else None
    session = await open_session(device, QUICK)
    await until(lambda: session.cov_text == "COV 8/10, 2 polled")
    for object_id in device.objects:
        device.change(object_id, real(50), notify=object_id not in bad)
    await session.poll()
    assert {value.value for value in session.values.values()} == {50.0}
    device.cov_refusal = lambda item: None
    await until(lambda: session.cov_count == 10)


async def test_type_without_cov(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that a type is given up after some refusals, and that it is remembered."""
    objects = points(5)
    for number in range(20):
        objects[ObjectId(ObjectType.BINARY_INPUT, number)] = {
            Prop.PRESENT_VALUE: enumerated(0),
            Prop.STATUS_FLAGS: FLAGS_OK,
        }
    error = ServiceError(ErrorClass.PROPERTY, ErrorCode.NOT_COV_PROPERTY)
    device = await start_device(ScriptedDevice(objects=objects))
    device.cov_refusal = lambda item: (
        error if item.object_id.type == ObjectType.BINARY_INPUT else None
    )
    session = await open_session(device)
    await until(lambda: session.cov_text == "COV 5/5, 20 polled")
    assert len(device.subscribe_log) == 5 + 3
    assert session.capabilities.cov_refused_types == [ObjectType.BINARY_INPUT]
    assert Capabilities.from_dict(session.capabilities.to_dict()) == (
        session.capabilities
    )


@pytest.mark.parametrize(
    "error",
    [
        OUT_OF_RANGE,
        ServiceError(ErrorClass.PROPERTY, ErrorCode.VALUE_OUT_OF_RANGE),
        RejectError(RejectReason.PARAMETER_OUT_OF_RANGE),
    ],
)
async def test_only_without_end(
    start_device: DeviceFactory, open_session: SessionFactory, error: Exception
) -> None:
    """Test a device that accepts only subscriptions without a lifetime."""
    device = await start_device(ScriptedDevice(objects=points(10)))
    device.cov_refusal = lambda item: error if item.lifetime else None
    session = await open_session(device)
    await until(lambda: session.cov_count == 10)
    assert {item.lifetime for item in device.subscriptions.values()} == {0}
    assert session.capabilities.cov_lifetime == 0
    assert len(device.subscribe_log) == 11


async def test_busy(
    start_device: DeviceFactory,
    open_session: SessionFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Test that a device which is busy is asked again a little later."""
    monkeypatch.setattr(cov_module, "_BUSY_PAUSE", 0.05)
    device = await start_device(ScriptedDevice(objects=points(5)))
    answers: list[Exception] = [
        ServiceError(ErrorClass.DEVICE, ErrorCode.DEVICE_BUSY),
        AbortError(AbortReason.PREEMPTED_BY_HIGHER_PRIORITY_TASK),
    ]
    device.cov_refusal = lambda item: answers.pop() if answers else None
    session = await open_session(device)
    await until(lambda: session.cov_count == 5)
    assert session.capabilities.cov_budget is None


async def test_requests_that_are_never_answered(
    start_device: DeviceFactory,
    open_session: SessionFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Test that a device which ignores the service is one without it."""
    monkeypatch.setattr(cov_module, "_BUSY_PAUSE", 0.05)
    device = await start_device(ScriptedDevice(objects=points(5)))
    device.ignore = lambda service, body: service == SUBSCRIBE
    session = await open_session(device)
    await until(lambda: session.capabilities.cov is False)
    await session.poll()
    assert not session.is_silent
    assert session.polled_count == 5


# --- devices that forget, or do not notify ---------------------------------------------


async def test_renewal(
    start_device: DeviceFactory,
    open_session: SessionFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Test that each subscription is renewed between 50 and 75 % of its lifetime."""
    device = await start_device(ScriptedDevice(objects=points(20)))
    session = await open_session(device, CovSettings(lifetime=1))
    await until(lambda: session.cov_count == 20)
    started = monotonic()
    assert len(device.subscribe_log) == 20
    await asyncio.sleep(0.45)
    assert len(device.subscribe_log) == 20
    await until(lambda: len(device.subscribe_log) >= 21)
    assert monotonic() - started > 0.45
    await until(lambda: len(device.subscribe_log) == 40)
    assert monotonic() - started < 0.9
    # Not all at the same moment.
    first = device.subscribe_log[20:]
    assert {item.object_id for item in first} == set(device.objects)
    assert [item.object_id for item in first] != list(device.objects)


async def test_subscription_lost_at_renewal(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that a refused renewal means polling."""
    device = await start_device(ScriptedDevice(objects=points(4)))
    session = await open_session(device, CovSettings(lifetime=1))
    await until(lambda: session.cov_count == 4)
    device.cov_refusal = lambda item: NO_SPACE
    await until(lambda: session.cov_count == 0)
    assert session.capabilities.cov_budget is not None
    device.change(ObjectId(ObjectType.ANALOG_INPUT, 1), real(9), notify=False)
    await session.poll()
    assert session.values[ObjectId(ObjectType.ANALOG_INPUT, 1)].value == 9


async def test_object_disappears(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that one object's end does not touch the others."""
    device = await start_device(ScriptedDevice(objects=points(4)))
    session = await open_session(device, CovSettings(lifetime=1))
    await until(lambda: session.cov_count == 4)
    gone = ObjectId(ObjectType.ANALOG_INPUT, 2)
    del device.objects[gone]
    await until(lambda: session.cov_count == 3)
    await session.poll()
    assert session.values[gone].error == UNKNOWN_OBJECT


async def test_safety_poll(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that a lost notification does not freeze a value for ever."""
    device = await start_device(
        ScriptedDevice(objects=points(10, cov_increment=real(1)))
    )
    session = await open_session(device, CovSettings(safety_interval=0.2))
    await until(lambda: session.cov_count == 10)
    device.subscribe_log.clear()
    point = ObjectId(ObjectType.ANALOG_INPUT, 3)
    device.change(point, real(30), notify=False)
    # Less than the increment is no lost notification.
    device.change(ObjectId(ObjectType.ANALOG_INPUT, 4), real(4.9), notify=False)
    await asyncio.sleep(0.25)
    await session.poll()
    assert session.values[point].value == 30
    assert session.values[ObjectId(ObjectType.ANALOG_INPUT, 4)].value == 4.9
    await until(lambda: device.subscribe_log)
    await asyncio.sleep(0.05)
    assert [item.object_id for item in device.subscribe_log] == [point]
    # The renewal has brought a notification: all is well again.
    assert session.cov_count == 10

    # As long as it brings none, the point is polled.
    device.notifies = False
    device.change(point, real(40))
    await asyncio.sleep(0.25)
    await session.poll()
    await asyncio.sleep(0.05)
    assert session.cov_text == "COV 9/10, 1 polled"


async def test_subscription_that_keeps_missing(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that a point whose notifications get lost again and again is polled."""
    switch = ObjectId(ObjectType.BINARY_INPUT, 1)
    device = await start_device(
        ScriptedDevice(
            objects={
                switch: {
                    Prop.PRESENT_VALUE: enumerated(0),
                    Prop.STATUS_FLAGS: FLAGS_OK,
                },
                **points(3),
            }
        )
    )
    session = await open_session(device, CovSettings(safety_interval=0.0))
    await until(lambda: session.cov_count == 4)
    for number in range(1, 4):
        device.change(switch, enumerated(number % 2), notify=False)
        await session.poll()
        await asyncio.sleep(0.05)
    assert session.cov_count == 3
    await until(lambda: switch not in device.subscriptions)


async def test_device_that_never_notifies(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that such a device gets few subscriptions and is polled."""
    device = await start_device(ScriptedDevice(objects=points(100), notifies=False))
    session = await open_session(device, QUICK)
    await until(lambda: len(device.subscriptions) == 20)
    await until(lambda: any(item.confirmed for item in device.subscribe_log))
    await asyncio.sleep(0.4)
    assert len(device.subscriptions) == 20
    assert len(device.subscribe_log) == 40
    assert session.cov_text == "COV 0/100, 100 polled"
    # That it is mute is not remembered as its preference.
    assert session.capabilities.cov_confirmed is not True
    device.services.clear()
    await session.poll()
    assert device.services == {RPM: 2}

    # Should one of them ever bring something, all goes on.
    device.notifies = True
    device.change(next(iter(device.subscriptions)), real(99))
    await until(lambda: session.cov_count == 81)


async def test_device_that_notifies_only_confirmed(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that lost unconfirmed notifications are replaced by confirmed ones."""
    device = await start_device(ScriptedDevice(objects=points(30)))
    honest = device.notify

    def notify(object_id: ObjectId) -> None:
        if device.subscriptions[object_id].confirmed:
            honest(object_id)

    device.notify = notify
    session = await open_session(device, QUICK)
    await until(lambda: session.cov_count == 30)
    assert session.capabilities.cov_confirmed is True


async def test_never_changes_the_device(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that nothing is ever written without being asked."""
    device = await start_device(
        ScriptedDevice(objects=points(10, cov_increment=real(50)))
    )
    session = await open_session(device, QUICK)
    await until(lambda: session.cov_count == 10)
    await session.poll()
    assert device.writes == []
    assert all(item.cov_increment is None for item in device.subscribe_log)


async def test_return_after_silence(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that everything is subscribed to again when the device is back."""
    device = await start_device(ScriptedDevice(objects=points(30)))
    session = await open_session(device)
    await until(lambda: session.cov_count == 30)
    device.silent = True
    with pytest.raises(NoResponseError):
        await session.poll()
    # It comes back as a device that has forgotten everything.
    device.subscriptions.clear()
    device.subscribe_log.clear()
    for object_id in device.objects:
        device.change(object_id, real(55))
    device.silent = False
    session.heard()
    await session.poll()
    await until(lambda: session.cov_count == 30)
    assert len(device.subscriptions) == len(device.subscribe_log) == 30
    assert {value.value for value in session.values.values()} == {55.0}


async def test_silence_while_subscribing(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that the rest is subscribed to when the device is back."""
    device = await start_device(ScriptedDevice(objects=points(60)))
    session = await open_session(device)
    device.dies_after = 10
    await until(lambda: session.is_silent)
    count = device.services[SUBSCRIBE]
    await asyncio.sleep(0.2)
    assert device.services[SUBSCRIBE] == count
    device.silent, device.dies_after = False, None
    session.heard()
    await session.poll()
    await until(lambda: session.cov_count == 60)


@pytest.fixture
def quick_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for restarts often."""
    monkeypatch.setattr(device_module, "_RESTART_CHECK_INTERVAL", 0.05)
    monkeypatch.setattr(device_module, "_BLIND_RESUBSCRIPTION_INTERVAL", 0.2)
    monkeypatch.setattr(device_module, "uniform", lambda low, high: 0.0)


async def test_restart_that_is_told(
    start_device: DeviceFactory, open_session: SessionFactory, quick_checks: None
) -> None:
    """Test that an I-Am leads to one small question, and a restart to subscriptions."""
    stamps = [encode_context(1, Datatype.UNSIGNED, number) for number in (1, 2)]
    device = await start_device(
        ScriptedDevice(
            objects=points(10), device={Prop.TIME_OF_DEVICE_RESTART: stamps[0]}
        )
    )
    session = await open_session(device)
    await until(lambda: session.cov_count == 10)
    await asyncio.sleep(0.1)
    device.services.clear()
    for _ in range(5):
        device.announce(device.client)
    await until(lambda: device.services[RPM])
    await asyncio.sleep(0.1)
    assert device.services == {RPM: 1}

    device.device[Prop.TIME_OF_DEVICE_RESTART] = stamps[1]
    device.subscriptions.clear()
    device.announce(device.client)
    await until(lambda: len(device.subscriptions) == 10)
    await until(lambda: session.cov_count == 10)


async def test_restart_that_is_not_told(
    start_device: DeviceFactory, open_session: SessionFactory, quick_checks: None
) -> None:
    """Test that without a way to tell an I-Am renews everything, now and then."""
    device = await start_device(ScriptedDevice(objects=points(10)))
    session = await open_session(device)
    await until(lambda: session.cov_count == 10)
    device.subscriptions.clear()
    device.subscribe_log.clear()
    started = monotonic()
    for _ in range(5):
        device.announce(device.client)
    await until(lambda: len(device.subscriptions) == 10)
    assert monotonic() - started < 0.4
    await asyncio.sleep(0.1)
    assert len(device.subscribe_log) == 10


async def test_follows_to_another_address(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that subscriptions move with the device."""
    device = await start_device(ScriptedDevice(objects=points(5)))
    session = await open_session(device)
    await until(lambda: session.cov_count == 5)
    moved = await start_device(ScriptedDevice(objects=device.objects), "127.0.20.3")
    device.silent = True
    session.update_info(info_of(moved))
    await until(lambda: len(moved.subscriptions) == 5)
    await until(lambda: session.cov_count == 5)
    moved.change(ObjectId(ObjectType.ANALOG_INPUT, 1), real(9))
    await until(lambda: session.values[ObjectId(ObjectType.ANALOG_INPUT, 1)].value == 9)


# --- the end -----------------------------------------------------------------------------


async def test_deselected_points_are_cancelled(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that room is made, and used by those that wait for it."""
    device = await start_device(ScriptedDevice(objects=points(10), cov_limit=4))
    session = await open_session(device)
    await until(lambda: session.cov_count == 4)
    gone = list(device.subscriptions)[:2]
    session.select(item for item in device.objects if item not in gone)
    await until(lambda: session.cov_text == "COV 4/4, 4 polled")
    assert not set(gone) & set(device.subscriptions)
    assert len(device.subscriptions) == 4
    session.select(device.objects)
    await asyncio.sleep(0.05)
    assert session.cov_text == "COV 4/4, 6 polled"


async def test_deselected_at_once(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that a subscription under way is cancelled when nobody wants it."""
    device = await start_device(ScriptedDevice(objects=points(3), latency=0.05))
    session = await open_session(device)
    await until(lambda: device.services[SUBSCRIBE] == 1)
    session.select([])
    await until(lambda: device.services[SUBSCRIBE] == 2)
    await until(lambda: not device.subscriptions)
    assert session.cov_text == "COV 0/0, 0 polled"


async def test_close_cancels(
    start_device: DeviceFactory, open_session: SessionFactory, client: Client
) -> None:
    """Test that nothing is left in the device."""
    device = await start_device(ScriptedDevice(objects=points(50)))
    session = await open_session(device)
    await until(lambda: session.cov_count == 50)
    await client.close()
    assert device.subscriptions == {}
    # What comes late is nobody's.
    device.subscriptions = {
        object_id: CovSubscription(
            process_id=PROCESS_ID, object_id=object_id, confirmed=True, lifetime=60
        )
        for object_id in device.objects
    }
    device.change(ObjectId(ObjectType.ANALOG_INPUT, 1), real(9))
    await until(lambda: device.cov_answers)
    assert device.cov_answers[-1][0] == 6
    assert session.values[ObjectId(ObjectType.ANALOG_INPUT, 1)].value == 1


async def test_close_is_bounded(
    start_device: DeviceFactory, open_session: SessionFactory, client: Client
) -> None:
    """Test that neither a slow nor a dead device holds up the end."""
    slow = await start_device(ScriptedDevice(objects=points(50), instance=1))
    dead = await start_device(
        ScriptedDevice(objects=points(50), instance=2), "127.0.20.3"
    )
    settings = CovSettings(close_timeout=0.4)
    sessions = [await open_session(device, settings) for device in (slow, dead)]
    await until(lambda: all(session.cov_count == 50 for session in sessions))
    slow.latency = 0.05
    dead.silent = True
    started = monotonic()
    await client.close()
    assert monotonic() - started < 0.7
    assert 0 < len(slow.subscriptions) < 50


async def test_without_cov(start_device: DeviceFactory, client: Client) -> None:
    """Test that a device can be left to polling."""
    device = await start_device(ScriptedDevice(objects=points(5)))
    session = client.open_session(info_of(device), cov=None)
    session.select(device.objects)
    await session.poll()
    await asyncio.sleep(0.05)
    assert device.services == {RPM: 1}
    assert session.cov_text == "COV 0/0, 5 polled"


async def test_priority_is_read_after_a_notification(
    start_device: DeviceFactory, open_session: SessionFactory
) -> None:
    """Test that a notified change of a command leads to its priority being read."""
    output = ObjectId(ObjectType.ANALOG_OUTPUT, 1)
    device = await start_device(
        ScriptedDevice(
            objects={
                output: analog("AO", 1, current_command_priority=unsigned(12)),
                ObjectId(ObjectType.CHARACTERSTRING_VALUE, 1): {
                    Prop.PRESENT_VALUE: text("x"),
                    Prop.STATUS_FLAGS: FLAGS_OK,
                },
            }
        )
    )
    session = await open_session(device)
    await until(lambda: session.cov_count == 2)
    await session.poll()
    assert session.values[output].priority == 12
    device.objects[output][Prop.CURRENT_COMMAND_PRIORITY] = unsigned(5)
    device.change(output, real(2))
    await until(lambda: session.values[output].value == 2)
    assert session.values[output].priority == 12
    await session.poll()
    assert session.values[output] == PointValue(2.0, OK, priority=5)
