"""COV subscriptions, seen by subscribers of independent stacks."""

import asyncio
from dataclasses import replace
import socket
from typing import Any, Final

from bacpypes3.basetypes import COVSubscription
from bacpypes3.pdu import PDUData
from bacpypes3.primitivedata import TagList
import pytest

from custom_components.bacnet.node.codec import Datatype, encode
from custom_components.bacnet.node.enumerations import ObjectType, Reliability
from custom_components.bacnet.node.node import Node
from custom_components.bacnet.node.services import (
    CovSubscription,
    PropertySelection,
    encode_cov_notification,
    encode_property_values,
    encode_subscribe_cov,
)
from custom_components.bacnet.node.types import Date, ObjectId, Time
from custom_components.bacnet.server import cov
from custom_components.bacnet.server.cov import CovLimits
from custom_components.bacnet.server.definition import ObjectDefinition
from custom_components.bacnet.server.device import LocalDevice
from custom_components.bacnet.server.values import DateTime, PresentValue
from tests.independent.client import STACKS, IndependentClient, StackName
from tests.independent.model import CovNotification, Encoded, Refused
from tests.independent.raw import RawPeer, unicast

from .objects import ADDRESS, DEVICE, INSTANCE, OBJECTS, READ_ONLY, WRITABLE, define

_PV: Final = "present-value"
_FLAGS: Final = "status-flags"
_FINE: Final = (False, False, False, False)
_FAULT: Final = (False, True, False, False)

type Notifications = asyncio.Queue[CovNotification]


async def _next(notifications: Notifications) -> CovNotification:
    async with asyncio.timeout(2):
        return await notifications.get()


async def _values(notifications: Notifications) -> tuple[Any, Any]:
    values = (await _next(notifications)).values
    return values[_PV], values[_FLAGS]


async def _silence(notifications: Notifications) -> bool:
    await asyncio.sleep(0.1)
    return notifications.empty()


OTHER_VALUES: Final[dict[ObjectType, tuple[PresentValue, Any]]] = {
    ObjectType.ANALOG_INPUT: (30.0, 30),
    ObjectType.ANALOG_OUTPUT: (30.0, 30),
    ObjectType.ANALOG_VALUE: (30.0, 30),
    ObjectType.BINARY_INPUT: (False, 0),
    ObjectType.BINARY_OUTPUT: (False, 0),
    ObjectType.BINARY_VALUE: (False, 0),
    ObjectType.MULTI_STATE_INPUT: (1, 1),
    ObjectType.MULTI_STATE_OUTPUT: (1, 1),
    ObjectType.MULTI_STATE_VALUE: (1, 1),
    ObjectType.CHARACTERSTRING_VALUE: ("", ""),
    ObjectType.INTEGER_VALUE: (0, 0),
    ObjectType.POSITIVE_INTEGER_VALUE: (10, 10),
    ObjectType.LARGE_ANALOG_VALUE: (0.1, 0.1),
    ObjectType.DATE_VALUE: (Date(2000, 1, 1, 6), (2000, 1, 1, 6)),
    ObjectType.TIME_VALUE: (Time(0, 0, 0, 0), (0, 0, 0, 0)),
    ObjectType.DATETIME_VALUE: (
        DateTime(Date(2000, 1, 1, 6), Time(0, 0, 0, 0)),
        [(2000, 1, 1, 6), (0, 0, 0, 0)],
    ),
}


@pytest.mark.parametrize("confirmed", [False, True])
@pytest.mark.parametrize("stack", STACKS)
async def test_every_type(
    device: LocalDevice, port: int, stack: StackName, confirmed: bool
) -> None:
    """Test that every type tells its value at once, changes of it and of its flags."""
    async with IndependentClient("127.0.30.60", port, stack=stack) as client:
        for process_id, definition in enumerate(OBJECTS, 1):
            object_type = ObjectType(definition.object_id.type)
            at = (object_type.label, definition.object_id.instance)
            target = device.objects[definition.object_id]
            notifications = await client.subscribe_cov(
                ADDRESS, *at, process_id=process_id, confirmed=confirmed, lifetime=60
            )
            first = await _next(notifications)
            assert first.values == {
                _PV: await client.read_property(ADDRESS, *at, _PV),
                _FLAGS: _FINE,
            }
            assert (first.process_id, first.device) == (process_id, INSTANCE)
            assert (first.object_type, first.instance) == at
            assert first.time_remaining == 60
            assert first.confirmed is confirmed
            value, seen = OTHER_VALUES[object_type]
            target.set_own_value(value)
            assert await _values(notifications) == (seen, _FINE)
            target.set_own_value(None, Reliability.COMMUNICATION_FAILURE)
            assert await _values(notifications) == (seen, _FAULT)
            target.set_own_value(value)
            assert await _values(notifications) == (seen, _FINE)
            target.set_own_value(value)
            await client.unsubscribe_cov(ADDRESS, *at, process_id=process_id)
            assert notifications.empty()


async def test_increment(device: LocalDevice, client: IndependentClient) -> None:
    """Test that an analog value tells when it has moved by its increment."""
    target = device.objects[ObjectId(0, WRITABLE)]
    at = (ADDRESS, "analog-input", WRITABLE)
    notifications = await client.subscribe_cov(*at)
    assert await _values(notifications) == (21.5, _FINE)
    for value in (22.5, 23.4, 19.6):
        target.set_own_value(value)
        await asyncio.sleep(0)
    assert await _silence(notifications)
    target.set_own_value(23.5)
    assert await _values(notifications) == (23.5, _FINE)
    await client.write_property(*at, "cov-increment", 0.1, "real")
    target.set_own_value(23.6)
    assert (await _values(notifications))[0] == pytest.approx(23.6)
    target.set_own_value(23.65)
    assert await _silence(notifications)
    await client.write_property(*at, "cov-increment", 0.0, "real")
    target.set_own_value(23.66)
    assert (await _values(notifications))[0] == pytest.approx(23.66)


async def test_commands_and_service_are_told(
    device: LocalDevice, client: IndependentClient, other_client: IndependentClient
) -> None:
    """Test that subscribers hear what another client writes."""
    at = (ADDRESS, "binary-value", WRITABLE)
    notifications = await client.subscribe_cov(*at)
    assert await _values(notifications) == (1, _FINE)
    await other_client.write_property(*at, _PV, 0, "enumerated", 8)
    assert await _values(notifications) == (0, _FINE)
    await other_client.write_property(*at, "out-of-service", True, "boolean")
    assert await _values(notifications) == (0, (False, False, False, True))
    await other_client.relinquish(*at, 8)
    assert await _values(notifications) == (1, (False, False, False, True))


async def test_two_subscribers(
    device: LocalDevice, client: IndependentClient, other_client: IndependentClient
) -> None:
    """Test that two subscribers hear the same, and one that leaves misses nothing."""
    target = device.objects[ObjectId(19, WRITABLE)]
    at = (ADDRESS, "multi-state-value", WRITABLE)
    one = await client.subscribe_cov(*at, process_id=1)
    two = await other_client.subscribe_cov(*at, process_id=1, confirmed=True)
    three = await other_client.subscribe_cov(*at, process_id=2)
    for notifications in (one, two, three):
        assert await _values(notifications) == (2, _FINE)
    target.set_own_value(3)
    for notifications in (one, two, three):
        assert await _values(notifications) == (3, _FINE)
    await other_client.unsubscribe_cov(*at, process_id=1)
    target.set_own_value(1)
    for notifications in (one, three):
        assert await _values(notifications) == (1, _FINE)
    assert await _silence(two)


async def test_latest_value_wins(
    device: LocalDevice, client: IndependentClient
) -> None:
    """Test that values that come at once are told once, with the last of them."""
    target = device.objects[ObjectId(0, READ_ONLY)]
    notifications = await client.subscribe_cov(ADDRESS, "analog-input", READ_ONLY)
    await _next(notifications)
    for value in range(50):
        target.set_own_value(float(value))
    assert await _values(notifications) == (49, _FINE)
    target.set_own_value(0.0)
    target.set_own_value(49.0)
    assert await _silence(notifications)


async def test_lifetime(device: LocalDevice, client: IndependentClient) -> None:
    """Test that a subscription ends with its lifetime, unless it is renewed."""
    target = device.objects[ObjectId(0, READ_ONLY)]
    at = (ADDRESS, "analog-input", READ_ONLY)
    notifications = await client.subscribe_cov(*at, lifetime=1)
    assert (await _next(notifications)).time_remaining == 1
    await asyncio.sleep(0.7)
    await client.subscribe_cov(*at, lifetime=2, confirmed=True)
    renewed = await _next(notifications)
    assert (renewed.time_remaining, renewed.confirmed) == (2, True)
    await asyncio.sleep(0.7)
    target.set_own_value(30.0)
    later = await _next(notifications)
    assert (later.time_remaining, later.confirmed) == (2, True)
    assert device.cov_subscription_count == 1
    await asyncio.sleep(1.5)
    target.set_own_value(40.0)
    assert await _silence(notifications)
    assert device.cov_subscription_count == 0


@pytest.mark.parametrize("lifetime", [None, 0])
async def test_indefinite(
    device: LocalDevice, client: IndependentClient, lifetime: int | None
) -> None:
    """Test that a subscription without a lifetime has no end."""
    target = device.objects[ObjectId(0, READ_ONLY)]
    notifications = await client.subscribe_cov(
        ADDRESS, "analog-input", READ_ONLY, lifetime=lifetime
    )
    assert (await _next(notifications)).time_remaining == 0
    target.set_own_value(30.0)
    assert (await _next(notifications)).time_remaining == 0


async def test_property(device: LocalDevice, client: IndependentClient) -> None:
    """Test subscriptions to one property, with an increment of their own."""
    target = device.objects[ObjectId(2, WRITABLE)]
    at = (ADDRESS, "analog-value", WRITABLE)
    fine = await client.subscribe_cov_property(*at, _PV, process_id=1, increment=0.5)
    coarse = await client.subscribe_cov_property(*at, _PV, process_id=2, confirmed=True)
    slot = await client.subscribe_cov_property(*at, "priority-array", 8, process_id=3)
    flags = await client.subscribe_cov_property(*at, _FLAGS, process_id=4)
    assert (await _next(fine)).values == {_PV: 23.5, _FLAGS: _FINE}
    assert (await _next(coarse)).values == {_PV: 23.5, _FLAGS: _FINE}
    assert (await _next(slot)).values == {"priority-array": None, _FLAGS: _FINE}
    assert (await _next(flags)).values == {_FLAGS: _FINE}
    target.set_own_value(24.0)
    assert await _values(fine) == (24, _FINE)
    await client.write_property(*at, _PV, 24.0, "real", 8)
    assert (await _next(slot)).values == {"priority-array": 24, _FLAGS: _FINE}
    assert await _silence(coarse)
    target.set_own_value(None, Reliability.NO_SENSOR)
    for notifications in (fine, coarse, slot):
        assert (await _next(notifications)).values[_FLAGS] == _FAULT
    assert (await _next(flags)).values == {_FLAGS: _FAULT}
    assert await _silence(fine)
    # A property that is no more takes its subscription with it.
    device.update(replace(target.definition, writable=False))
    assert device.cov_subscription_count == 3


_WRONG_SUBSCRIPTIONS: Final = [
    (("analog-input", 99), None, "error object unknown-object"),
    (("device", INSTANCE), None, "error object optional-functionality-not-supported"),
    (("network-port", 1), None, "error object optional-functionality-not-supported"),
    (("analog-input", 99), (_PV,), "error object unknown-object"),
    (("device", INSTANCE), ("object-name",), "error property not-cov-property"),
    (("device", INSTANCE), (_PV,), "error property unknown-property"),
    (("analog-input", 1), ("object-name",), "error property not-cov-property"),
    (("analog-input", 1), ("state-text",), "error property unknown-property"),
    (("analog-input", 1), (_PV, 1), "error property property-is-not-an-array"),
    (
        ("analog-output", 1),
        ("priority-array", 17),
        "error property invalid-array-index",
    ),
]


async def test_wrong_subscriptions(
    device: LocalDevice, client: IndependentClient
) -> None:
    """Test that what can not be subscribed to gets the standard's own error."""
    answers = []
    for target, property_, _ in _WRONG_SUBSCRIPTIONS:
        if property_ is None:
            subscribing = client.subscribe_cov(ADDRESS, *target)
        else:
            subscribing = client.subscribe_cov_property(ADDRESS, *target, *property_)
        with pytest.raises(Refused) as caught:
            await subscribing
        answers.append((target, property_, str(caught.value)))
    assert answers == _WRONG_SUBSCRIPTIONS
    with pytest.raises(Refused, match="error services parameter-out-of-range"):
        await client.subscribe_cov_property(
            ADDRESS, "analog-input", 1, _PV, increment=-1.0
        )
    assert device.cov_subscription_count == 0


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        pytest.param("02 75 01 05", "60 01 05", id="nothing"),
        pytest.param(
            "02 75 01 05 09 01 1c 00 00 00 01 39 3c", "60 01 05", id="kind is missing"
        ),
        pytest.param(
            "02 75 01 05 09 01 1c 00 00 00 01 29 00 39 3c 4e 09 55 4f",
            "60 01 07",
            id="a property too much",
        ),
        pytest.param(
            "02 75 01 1c 09 01 1c 00 00 00 01 29 00 39 3c",
            "60 01 05",
            id="property is missing",
        ),
        # What is not subscribed can be cancelled all the same.
        pytest.param("02 75 01 05 09 01 1c 00 00 00 01", "20 01 05", id="cancel"),
    ],
)
async def test_malformed(
    device: LocalDevice, peer: RawPeer, request_: str, answer: str
) -> None:
    """Test that a malformed subscription is rejected with the right reason."""
    reply = await peer.send_raw_apdu(ADDRESS, bytes.fromhex(request_))
    assert reply.hex(" ") == answer


async def test_limits(
    node: Node, client: IndependentClient, other_client: IndependentClient
) -> None:
    """Test that neither one client nor all take more than their share."""
    device = LocalDevice(node, DEVICE, cov_limits=CovLimits(total=3, per_client=2))
    for definition in OBJECTS:
        device.add(definition)
    full = "error resources no-space-to-add-list-element"
    await client.subscribe_cov(ADDRESS, "analog-input", 1, lifetime=1)
    await client.subscribe_cov(ADDRESS, "analog-input", 2)
    with pytest.raises(Refused, match=full):
        await client.subscribe_cov(ADDRESS, "binary-input", 1)
    # A renewal needs no space.
    await client.subscribe_cov(ADDRESS, "analog-input", 2)
    await other_client.subscribe_cov(ADDRESS, "analog-input", 1)
    with pytest.raises(Refused, match=full):
        await other_client.subscribe_cov(ADDRESS, "binary-input", 1)
    await asyncio.sleep(1.1)  # the first one ends and makes place
    await other_client.subscribe_cov(ADDRESS, "binary-input", 1)
    await other_client.unsubscribe_cov(ADDRESS, "binary-input", 1)
    await client.subscribe_cov(ADDRESS, "binary-input", 1)
    assert device.cov_subscription_count == 3
    device.close()


async def test_objects_come_and_go(
    device: LocalDevice, client: IndependentClient
) -> None:
    """Test that adding and removing objects concerns only who is subscribed to them."""
    target = ObjectId(2, WRITABLE)
    at = (ADDRESS, "analog-value", WRITABLE)
    kept = await client.subscribe_cov(ADDRESS, "analog-input", 1, process_id=1)
    gone = await client.subscribe_cov(*at, process_id=2)
    await _next(kept)
    await _next(gone)
    for instance in range(100, 600):
        device.add(define(ObjectType.ANALOG_VALUE, instance, writable=True))
    removed = device.objects[target]
    device.remove(target)
    removed.set_own_value(50.0)
    assert await _silence(gone)
    assert device.cov_subscription_count == 1
    with pytest.raises(Refused, match="unknown-object"):
        await client.subscribe_cov(*at, process_id=2)
    await client.unsubscribe_cov(*at, process_id=2)
    device.add(removed.definition).set_own_value(60.0)
    assert await _silence(gone)
    await client.subscribe_cov(*at, process_id=2)
    assert await _values(gone) == (60, _FINE)
    device.objects[target].set_own_value(70.0)
    assert await _values(gone) == (70, _FINE)
    device.objects[ObjectId(0, 1)].set_own_value(30.0)
    assert await _values(kept) == (30, _FINE)


async def test_active_subscriptions(
    device: LocalDevice, client: IndependentClient, port: int
) -> None:
    """Test that the device lists who is subscribed to what."""
    await client.subscribe_cov(ADDRESS, "analog-input", 1, process_id=7)
    await client.subscribe_cov_property(
        ADDRESS,
        "analog-output",
        1,
        "priority-array",
        8,
        process_id=8,
        confirmed=True,
        lifetime=None,
    )
    await client.subscribe_cov_property(
        ADDRESS, "analog-value", 1, _PV, process_id=9, increment=0.5
    )
    encoded = await client.read_property(
        ADDRESS, "device", INSTANCE, "active-cov-subscriptions"
    )
    assert isinstance(encoded, Encoded)
    tags = TagList.decode(PDUData(bytes(encoded)))
    listed = []
    while tags:
        subscription = COVSubscription.decode(tags)
        recipient = subscription.recipient
        reference = subscription.monitoredPropertyReference
        listed.append(
            (
                recipient.recipient.address.networkNumber,
                recipient.recipient.address.macAddress,
                recipient.processIdentifier,
                str(reference.objectIdentifier),
                str(reference.propertyIdentifier),
                reference.propertyArrayIndex,
                bool(subscription.issueConfirmedNotifications),
                subscription.timeRemaining,
                subscription.covIncrement,
            )
        )
    us = (0, bytes((127, 0, 30, 50)) + port.to_bytes(2))
    assert listed == [
        (*us, 7, "analog-input,1", _PV, None, False, 60, 2),
        (*us, 8, "analog-output,1", "priority-array", 8, True, 0, None),
        (*us, 9, "analog-value,1", _PV, None, False, 60, 0.5),
    ]


def _subscribe(
    object_id: ObjectId, *, confirmed: bool, process_id: int = 1, invoke_id: int = 1
) -> bytes:
    return bytes((0x02, 0x75, invoke_id, 5)) + encode_subscribe_cov(
        CovSubscription(
            process_id=process_id, object_id=object_id, confirmed=confirmed, lifetime=60
        )
    )


async def test_octets(device: LocalDevice, peer: RawPeer) -> None:
    """Test that a notification is encoded as our own client would expect it."""
    target = ObjectId(0, 1)
    reply = await peer.send_raw_apdu(
        ADDRESS, _subscribe(target, confirmed=False, process_id=70_000)
    )
    # The acknowledgement comes first.
    assert reply == bytes.fromhex("20 01 05")
    flags = encode(Datatype.BIT_STRING, _FINE)
    content = encode_property_values(
        [
            (PropertySelection(85), encode(Datatype.REAL, 21.5)),
            (PropertySelection(111), flags),
        ]
    )
    assert await peer.receive_apdu() == b"\x10\x02" + encode_cov_notification(
        70_000, ObjectId(8, INSTANCE), target, 60, content
    )


async def test_one_at_a_time(device: LocalDevice, peer: RawPeer) -> None:
    """Test that a subscriber has one notification to acknowledge, then the latest."""
    target = device.objects[ObjectId(0, 1)]
    other = device.objects[ObjectId(3, 1)]
    for invoke_id, served in enumerate((target, other), 1):
        await peer.send_raw_apdu(
            ADDRESS, _subscribe(served.object_id, confirmed=True, invoke_id=invoke_id)
        )
        if served is target:
            first = await peer.receive_apdu()
    assert first[3] == 1  # ConfirmedCOVNotification
    for value in (30.0, 35.0, 40.0):
        target.set_own_value(value)
        await asyncio.sleep(0.01)
    # Nothing new before the first is acknowledged, only itself again.
    assert await peer.receive_apdu() == first
    peer.send_datagram(ADDRESS, unicast(bytes((0x20, first[2], 1))))
    second = await peer.receive_apdu()
    assert second[2] != first[2]
    assert other.object_id.type << 22 | 1 == int.from_bytes(second[12:16])
    peer.send_datagram(ADDRESS, unicast(bytes((0x20, second[2], 1))))
    third = await peer.receive_apdu()
    assert encode(Datatype.REAL, 40.0) in third
    peer.send_datagram(ADDRESS, unicast(bytes((0x20, third[2], 1))))
    await asyncio.sleep(0.05)
    assert device.cov_subscription_count == 2


async def test_vanished_subscriber(
    device: LocalDevice,
    peer: RawPeer,
    client: IndependentClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Test that who never acknowledges is dropped after a few tries, and said once."""
    notifications = await client.subscribe_cov(
        ADDRESS, "analog-input", 1, confirmed=True
    )
    await _next(notifications)
    for instance, invoke_id in ((1, 1), (2, 2)):
        peer.send_datagram(
            ADDRESS,
            unicast(
                _subscribe(ObjectId(0, instance), confirmed=True, invoke_id=invoke_id)
            ),
        )
    peer.send_datagram(
        ADDRESS, unicast(_subscribe(ObjectId(2, 1), confirmed=False, invoke_id=3))
    )
    await asyncio.sleep(0.5)
    assert device.cov_subscription_count == 4
    await asyncio.sleep(2)  # three times two tries of 0.3 s
    assert device.cov_subscription_count == 2
    assert caplog.text.count("2 subscriptions dropped") == 1
    device.objects[ObjectId(0, 1)].set_own_value(30.0)
    assert await _values(notifications) == (30, _FINE)


@pytest.mark.parametrize(
    ("refusal", "count"),
    [
        pytest.param("91 05 91 4f", 1, id="unknown subscription"),
        pytest.param("91 00 91 00", 3, id="something else"),
    ],
)
async def test_unwanted_notifications(
    device: LocalDevice, peer: RawPeer, refusal: str, count: int
) -> None:
    """Test that a subscription ends when the subscriber does not know it."""
    target = device.objects[ObjectId(0, 1)]
    await peer.send_raw_apdu(ADDRESS, _subscribe(target.object_id, confirmed=True))
    for number in range(count):
        notification = await peer.receive_apdu()
        assert device.cov_subscription_count == 1
        error = bytes((0x50, notification[2], 1)) + bytes.fromhex(refusal)
        peer.send_datagram(ADDRESS, unicast(error))
        await asyncio.sleep(0.05)
        target.set_own_value(30.0 + 3 * number)
    assert device.cov_subscription_count == 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await peer.receive_apdu()


async def test_thousands(device: LocalDevice, node: Node, port: int) -> None:
    """Test that thousands hear of thousands of changes, some in each round."""
    count = 3000
    added = [
        device.add(
            ObjectDefinition(object_id=ObjectId(0, 1000 + number), name=f"AI {number}")
        )
        for number in range(count)
    ]
    loop = asyncio.get_running_loop()
    most_at_once = 0

    async def watch() -> None:
        nonlocal most_at_once
        while True:
            before = node.statistics.sent
            await asyncio.sleep(0)
            most_at_once = max(most_at_once, node.statistics.sent - before)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as subscriber:
        subscriber.bind(("127.0.30.53", port))
        subscriber.setblocking(False)
        for served in added:
            subscription = unicast(_subscribe(served.object_id, confirmed=False))
            await loop.sock_sendto(subscriber, subscription, (ADDRESS, port))
            assert (await loop.sock_recv(subscriber, 1500))[6:] == b"\x20\x01\x05"
            await loop.sock_recv(subscriber, 1500)
        watcher = asyncio.create_task(watch())
        await asyncio.sleep(0)
        for served in added:
            served.set_own_value(50.0)
        try:
            async with asyncio.timeout(20):
                heard = {await loop.sock_recv(subscriber, 1500) for _ in range(count)}
        finally:
            watcher.cancel()
    assert len(heard) == count
    assert 10 < most_at_once <= 50
    assert device.cov_subscription_count == count


async def test_expired_subscriptions_are_swept(
    device: LocalDevice, peer: RawPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test that subscriptions that nobody renews do not pile up."""
    monkeypatch.setattr(cov, "_SWEEP_INTERVAL", 0.7)
    for process_id, lifetime in ((1, 1), (2, 60)):
        request = CovSubscription(
            process_id=process_id,
            object_id=ObjectId(0, 1),
            confirmed=False,
            lifetime=lifetime,
        )
        await peer.send_raw_apdu(
            ADDRESS, bytes((2, 0x75, process_id, 5)) + encode_subscribe_cov(request)
        )
        await peer.receive_apdu()
    await asyncio.sleep(0.8)
    assert device.cov_subscription_count == 2
    await asyncio.sleep(0.7)
    assert device.cov_subscription_count == 1
    device.remove(ObjectId(0, 1))
    await asyncio.sleep(0.7)
    assert device.cov_subscription_count == 0


async def test_silenced_while_it_waits(
    device: LocalDevice, node: Node, peer: RawPeer
) -> None:
    """Test that a notification that was under way comes when the silence is over."""
    device.set_password("x")
    target = device.objects[ObjectId(0, 1)]
    await peer.send_raw_apdu(ADDRESS, _subscribe(target.object_id, confirmed=True))
    await peer.receive_apdu()
    target.set_own_value(30.0)
    for state, invoke_id in ((1, 2), (0, 3)):
        order = bytes((0, 5, invoke_id, 17, 0x19, state, 0x2A, 0, 0x78))
        assert await peer.send_raw_apdu(ADDRESS, order) == bytes((0x20, invoke_id, 17))
    assert encode(Datatype.REAL, 30.0) in await peer.receive_apdu()
    assert device.cov_subscription_count == 1


async def test_close_ends_everything(
    device: LocalDevice, node: Node, peer: RawPeer
) -> None:
    """Test that nothing is told after the end, whatever was under way."""
    target = device.objects[ObjectId(0, 1)]
    await peer.send_raw_apdu(ADDRESS, _subscribe(target.object_id, confirmed=True))
    await peer.receive_apdu()
    target.set_own_value(30.0)
    device.close()
    target.set_own_value(40.0)
    await asyncio.sleep(0)
    assert node.statistics.outstanding == 0
    assert device.cov_subscription_count == 0
    # No handler is left.
    reply = await peer.send_raw_apdu(ADDRESS, b"\x02\x75\x01\x05")
    assert reply == bytes.fromhex("60 01 09")
