"""Objects that are added, changed and removed while the device is live."""

from dataclasses import replace
from typing import Any

from bacpypes3.basetypes import DeviceObjectReference
from bacpypes3.pdu import PDUData
from bacpypes3.primitivedata import TagList
import pytest

from custom_components.bacnet.node.enumerations import (
    EngineeringUnits,
    NodeType,
    ObjectType,
    Reliability,
)
from custom_components.bacnet.node.node import Node
from custom_components.bacnet.node.types import ObjectId
from custom_components.bacnet.server.definition import ObjectDefinition, ViewDefinition
from custom_components.bacnet.server.device import LocalDevice
from tests.independent.client import IndependentClient
from tests.independent.model import Refused
from tests.independent.raw import RawPeer

from .objects import ADDRESS, DEVICE, INSTANCE, WRITABLE

_AV = ObjectId(ObjectType.ANALOG_VALUE, WRITABLE)


async def test_database_revision(
    device: LocalDevice, client: IndependentClient
) -> None:
    """Test that every change of the list or of a name counts, and nothing else does."""

    async def revision() -> Any:
        return await client.read_property(
            ADDRESS, "device", INSTANCE, "database-revision"
        )

    before = await revision()
    assert before == device.database_revision
    definition = device.objects[_AV].definition
    device.update(replace(definition, description="Other", units=95, maximum=60))
    device.objects[_AV].set_own_value(1.0)
    device.update_device(replace(DEVICE, location="Attic"))
    assert await revision() == before
    device.update(replace(definition, name="Other"))
    assert await revision() == before + 1
    device.update_device(replace(DEVICE, name="House"))
    assert await revision() == before + 2
    device.remove(_AV)
    assert await revision() == before + 3
    device.add(definition)
    assert await revision() == before + 4
    device.add_view(ViewDefinition(object_id=ObjectId(29, 1), name="View"))
    device.update_view(
        ViewDefinition(object_id=ObjectId(29, 1), name="View", subordinates=(_AV,))
    )
    assert await revision() == before + 5
    device.update_view(ViewDefinition(object_id=ObjectId(29, 1), name="Views"))
    device.remove_view(ObjectId(29, 1))
    assert await revision() == before + 7


async def test_revision_goes_on(node: Node) -> None:
    """Test that the revision continues from an earlier run."""
    device = LocalDevice(node, DEVICE, database_revision=41)
    assert device.database_revision == 43  # the device itself and its port
    device.close()


async def test_live_changes(device: LocalDevice, client: IndependentClient) -> None:
    """Test that a reader sees a changed definition at once."""
    at = (ADDRESS, "analog-value", WRITABLE)
    await client.read_property_multiple(
        ADDRESS, [("analog-value", WRITABLE, "all"), ("device", INSTANCE, "all")]
    )
    device.update(
        ObjectDefinition(
            object_id=_AV,
            name="Setpoint",
            description="Living room",
            units=EngineeringUnits.DEGREES_FAHRENHEIT,
            minimum=40,
            maximum=90,
            resolution=0.5,
            writable=True,
            own_priority=12,
        )
    )
    device.update_device(replace(DEVICE, name="House", model_name="Other"))
    wanted: list[tuple[str, Any]] = [
        ("object-name", "Setpoint"),
        ("description", "Living room"),
        ("units", 64),
        ("min-pres-value", 40),
        ("max-pres-value", 90),
        ("resolution", 0.5),
        ("cov-increment", 0.5),
        ("present-value", 23.5),
        ("current-command-priority", 12),
    ]
    for name, value in wanted:
        assert await client.read_property(*at, name) == value
    for name, value in (("object-name", "House"), ("model-name", "Other")):
        assert await client.read_property(ADDRESS, "device", INSTANCE, name) == value
    assert len(await client.who_has("Setpoint", wait=0.1)) == 1
    assert not await client.who_has("analog-value 2", wait=0.1)
    assert device.object_named("Setpoint") == _AV
    assert device.object_named("House") == ObjectId(8, INSTANCE)
    assert device.object_named("Home") is None


async def test_permission_changes(
    device: LocalDevice, client: IndependentClient
) -> None:
    """Test that an object gets and loses its priority array, and keeps its value."""
    at = (ADDRESS, "analog-value", WRITABLE)
    target = device.objects[_AV]
    await client.write_property(*at, "present-value", 50.0, "real", 8)
    device.update(replace(target.definition, writable=False))
    assert await client.read_property(*at, "present-value") == 23.5
    with pytest.raises(Refused, match="unknown-property"):
        await client.read_property(*at, "priority-array")
    device.update(replace(target.definition, writable=True))
    assert target.priority_array == (*[None] * 15, 23.5)
    await client.write_property(*at, "present-value", 50.0, "real", 8)
    assert await client.read_property(*at, "present-value") == 50


async def test_states_change(device: LocalDevice, client: IndependentClient) -> None:
    """Test that what is no state any more disappears."""
    at = (ADDRESS, "multi-state-value", WRITABLE)
    target = device.objects[ObjectId(19, WRITABLE)]
    for priority, value in ((3, 3), (8, 1)):
        await client.write_property(*at, "present-value", value, "unsigned", priority)
    target.set_own_value(3)
    device.update(replace(target.definition, states=("Off", "On")))
    assert target.priority_array == (*[None] * 7, 1, *[None] * 8)
    assert await client.read_property(*at, "present-value") == 1
    assert await client.read_property(*at, "state-text") == ["Off", "On"]
    assert await client.read_property(*at, "number-of-states") == 2
    read_only = device.objects[ObjectId(13, 1)]
    read_only.set_own_value(3)
    device.update(replace(read_only.definition, states=("Off", "On")))
    assert read_only.present_value in (1, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "exists already"),
        ({"object_id": ObjectId(2, 9)}, "has the name"),
        ({"object_id": ObjectId(2, 9), "name": "Home"}, "has the name"),
        ({"object_id": ObjectId(2, 9), "name": ""}, "needs a name"),
        ({"object_id": ObjectId(10, 9), "name": "x"}, "not supported"),
        ({"object_id": ObjectId(8, 9), "name": "x"}, "not supported"),
        ({"object_id": ObjectId(19, 9), "name": "x"}, "at least one state"),
        (
            {
                "object_id": ObjectId(19, 9),
                "name": "x",
                "states": ("a",),
                "relinquish_default": 2,
            },
            "no state 2",
        ),
        ({"object_id": ObjectId(2, 9), "name": "x", "own_priority": 0}, "no priority"),
        ({"object_id": ObjectId(2, 9), "name": "x", "own_priority": 6}, "no priority"),
        ({"object_id": ObjectId(2, 9), "name": "x", "own_priority": 17}, "no priority"),
        (
            {"object_id": ObjectId(2, 9), "name": "x", "minimum": 2, "maximum": 1},
            "above the maximum",
        ),
        (
            {"object_id": ObjectId(2, 9), "name": "x", "relinquish_default": "warm"},
            "could not convert",
        ),
    ],
)
async def test_wrong_definitions(
    device: LocalDevice, changes: dict[str, Any], message: str
) -> None:
    """Test that a wrong definition leaves no trace."""
    definition = device.objects[_AV].definition
    revision, count = device.database_revision, len(device.objects)
    with pytest.raises(ValueError, match=message):
        device.add(replace(definition, **changes))
    assert (device.database_revision, len(device.objects)) == (revision, count)


async def test_wrong_updates(device: LocalDevice) -> None:
    """Test that a refused update changes nothing."""
    target = device.objects[_AV]
    definition = target.definition
    wrong: list[dict[str, Any]] = [{"name": "Home"}, {"own_priority": 6}]
    for changes in wrong:
        with pytest.raises(ValueError):
            device.update(replace(definition, **changes))
    assert target.definition == definition
    assert device.object_named(definition.name) == _AV
    with pytest.raises(ValueError, match="keeps its instance"):
        device.update_device(replace(DEVICE, instance=1))
    with pytest.raises(KeyError):
        device.update(replace(definition, object_id=ObjectId(2, 99)))
    with pytest.raises(KeyError):
        device.remove(ObjectId(2, 99))


async def test_quality(device: LocalDevice, client: IndependentClient) -> None:
    """Test that a lost value stays and says that it is lost."""
    at = (ADDRESS, "analog-input", 1)
    target = device.objects[ObjectId(0, 1)]
    target.set_own_value(None, Reliability.COMMUNICATION_FAILURE)
    assert await client.read_property(*at, "present-value") == 21.5
    assert await client.read_property(*at, "reliability") == 12
    assert await client.read_property(*at, "status-flags") == (
        False,
        True,
        False,
        False,
    )
    assert await client.read_property(*at, "event-state") == 1
    target.set_own_value(22.0)
    assert await client.read_property(*at, "reliability") == 0
    assert await client.read_property(*at, "event-state") == 0


@pytest.mark.parametrize(
    ("object_type", "value"),
    [
        (ObjectType.ANALOG_VALUE, float("nan")),
        (ObjectType.ANALOG_VALUE, 1e39),
        (ObjectType.ANALOG_VALUE, "warm"),
        (ObjectType.MULTI_STATE_VALUE, 0),
        (ObjectType.MULTI_STATE_VALUE, 4),
        (ObjectType.POSITIVE_INTEGER_VALUE, -1),
        (ObjectType.INTEGER_VALUE, 2**31),
    ],
)
async def test_impossible_own_values(
    device: LocalDevice, object_type: ObjectType, value: Any
) -> None:
    """Test that a value that the type can not have is not taken."""
    target = device.objects[ObjectId(object_type, WRITABLE)]
    before = target.priority_array
    with pytest.raises(ValueError):
        target.set_own_value(value)
    assert target.priority_array == before


async def test_restore(device: LocalDevice, client: IndependentClient) -> None:
    """Test that commands and services of an earlier run are taken over."""
    target = device.objects[_AV]
    at = (ADDRESS, "analog-value", WRITABLE)
    target.restore(
        {6: 1.0, 8: 50.0, 9: float("nan"), 16: 20.0},
        out_of_service=True,
        relinquish_default=5.0,
    )
    assert await client.read_property(*at, "priority-array") == [
        *[None] * 7,
        50,
        *[None] * 7,
        20,
    ]
    assert await client.read_property(*at, "relinquish-default") == 5
    assert await client.read_property(*at, "status-flags") == (
        False,
        False,
        False,
        True,
    )
    assert target.active_priority == 8
    read_only = device.objects[ObjectId(0, WRITABLE)]
    read_only.restore({8: 1.0}, out_of_service=True, present_value=7.0)
    read_only.set_own_value(30.0)
    assert (
        await client.read_property(ADDRESS, "analog-input", WRITABLE, "present-value")
        == 7
    )


async def test_views(device: LocalDevice, client: IndependentClient) -> None:
    """Test that groups are shown as Structured View objects."""
    subordinates = (_AV, ObjectId(3, 1))
    definition = ViewDefinition(
        object_id=ObjectId(29, 1),
        name="Living room",
        description="Ground floor",
        node_type=NodeType.ROOM,
        node_subtype="living",
        subordinates=subordinates,
        annotations=("Setpoint", "Door"),
    )
    device.add_view(definition)
    at = (ADDRESS, "structured-view", 1)
    wanted: list[tuple[str, Any]] = [
        ("object-name", "Living room"),
        ("description", "Ground floor"),
        ("node-type", 20),
        ("node-subtype", "living"),
        ("subordinate-annotations", ["Setpoint", "Door"]),
    ]
    for name, value in wanted:
        assert await client.read_property(*at, name) == value
    assert await client.read_property(*at, "subordinate-list", 0) == 2
    encoded = await client.read_property(*at, "subordinate-list")
    tags = TagList.decode(PDUData(bytes(encoded)))
    listed = []
    while tags:
        reference = DeviceObjectReference.decode(tags)
        assert reference.deviceIdentifier is None
        listed.append(ObjectId(*reference.objectIdentifier))
    assert tuple(listed) == subordinates
    assert await client.read_property(
        ADDRESS, "device", INSTANCE, "structured-object-list"
    ) == ("structured-view", 1)
    with pytest.raises(Refused, match="write-access-denied"):
        await client.write_property(*at, "description", "x", "character_string")
    with pytest.raises(ValueError, match="annotation"):
        device.update_view(replace(definition, annotations=("one",)))
    with pytest.raises(ValueError, match="no structured view"):
        device.add_view(replace(definition, object_id=ObjectId(2, 77), name="x"))
    with pytest.raises(ValueError, match="has the name"):
        device.add_view(replace(definition, object_id=ObjectId(29, 2)))


async def test_close(device: LocalDevice, node: Node, peer: RawPeer) -> None:
    """Test that nothing answers after the end, and that it can be repeated."""
    device.close()
    device.close()
    assert not node.answered_services
    assert not node.heard_services
    reply = await peer.send_raw_apdu(
        ADDRESS, bytes.fromhex("02 75 01 0c 0c 00 00 00 01 19 55")
    )
    assert reply == bytes.fromhex("60 01 09")
    successor = LocalDevice(node, DEVICE)
    device.close()
    assert 12 in node.answered_services
    successor.close()
