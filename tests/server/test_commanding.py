"""Sources and times of commands, minimum times and releases."""

import asyncio
from dataclasses import replace
from datetime import datetime
from time import time

from bacpypes3.basetypes import TimeStamp, ValueSource
from bacpypes3.pdu import PDUData
from bacpypes3.primitivedata import TagList
import pytest

from custom_components.bacnet.node.enumerations import ObjectType
from custom_components.bacnet.node.types import ObjectId
from custom_components.bacnet.server.command import Command
from custom_components.bacnet.server.device import LocalDevice
from custom_components.bacnet.server.objects import LocalObject
from tests.independent.client import IndependentClient
from tests.independent.model import Refused

from .objects import ADDRESS, INSTANCE, NOW, WRITABLE

_AV = (ADDRESS, "analog-value", WRITABLE)
_BO = (ADDRESS, "binary-output", WRITABLE)


def _tags(encoded: bytes) -> TagList:
    return TagList.decode(PDUData(bytes(encoded)))


def _source(encoded: bytes) -> tuple[object, ...] | None:
    source = ValueSource.decode(_tags(encoded))
    if source.address is not None:
        return source.address.networkNumber, bytes(source.address.macAddress)
    if source.object is not None:
        return tuple(source.object.objectIdentifier)
    return None


def _moment(encoded: bytes) -> datetime | None:
    stamp = TimeStamp.decode(_tags(encoded)).dateTime
    if stamp.date[0] == 255:
        return None
    year, month, day, _ = stamp.date
    hour, minute, second, hundredth = stamp.time
    return datetime(
        year + 1900,
        month,
        day,
        hour,
        minute,
        second,
        hundredth * 10_000,
        tzinfo=NOW.tzinfo,
    )


async def test_value_source(
    device: LocalDevice, client: IndependentClient, port: int
) -> None:
    """Test that the object tells who gave it its value, for every slot, and when."""
    ourselves = (ObjectType.DEVICE, INSTANCE)
    them = (0, bytes((127, 0, 30, 50)) + port.to_bytes(2))
    assert _source(await client.read_property(*_AV, "value-source")) == ourselves
    before = time()
    await client.write_property(*_AV, "present-value", 50.0, "real", 8)
    assert _source(await client.read_property(*_AV, "value-source")) == them
    for priority, source in ((8, them), (16, ourselves), (1, None)):
        assert (
            _source(await client.read_property(*_AV, "value-source-array", priority))
            == source
        )
    assert await client.read_property(*_AV, "value-source-array", 0) == 16
    assert _moment(await client.read_property(*_AV, "last-command-time")) == NOW
    assert _moment(await client.read_property(*_AV, "command-time-array", 8)) == NOW
    assert _moment(await client.read_property(*_AV, "command-time-array", 1)) is None
    own = _moment(await client.read_property(*_AV, "command-time-array", 16))
    assert own is not None
    assert abs(own.timestamp() - before) < 10
    await client.relinquish(*_AV, 8)
    assert _source(await client.read_property(*_AV, "value-source")) == ourselves
    assert _source(await client.read_property(*_AV, "value-source-array", 8)) is None


async def test_release(device: LocalDevice, client: IndependentClient) -> None:
    """Test that commands of others are released, all or those of some age."""
    target = device.objects[ObjectId(2, WRITABLE)]
    for priority in (3, 8, 10, 16):
        await client.write_property(
            *_AV, "present-value", float(priority), "real", priority
        )
    assert not target.release_commands(range(4, 17), before=NOW.timestamp())
    assert target.release_commands(range(4, 17), before=NOW.timestamp() + 1)
    assert target.priority_array == (None, None, 3.0, *[None] * 13)
    target.set_own_value(20.0)
    assert target.release_commands(range(1, 17))
    assert target.priority_array == (*[None] * 15, 20.0)
    assert await client.read_property(*_AV, "present-value") == 20
    assert not target.release_commands(range(1, 17))
    assert not device.objects[ObjectId(0, 1)].release_commands(range(1, 17))


async def test_restored_commands_are_not_ours(
    device: LocalDevice, client: IndependentClient
) -> None:
    """Test that commands of an earlier run can be released, and have no source."""
    target = device.objects[ObjectId(2, WRITABLE)]
    target.restore({8: 50.0, 16: 20.0})
    assert _source(await client.read_property(*_AV, "value-source")) is None
    assert target.release_commands(range(1, 17))
    assert target.priority_array == (*[None] * 15, 20.0)


async def test_minimum_times(device: LocalDevice, client: IndependentClient) -> None:
    """Test that a new state stays for its minimum time (19.2.3)."""
    target = device.objects[ObjectId(4, WRITABLE)]
    commands: list[Command] = []
    device.subscribe_commands(commands.append)
    changed: list[LocalObject] = []
    device.subscribe_changes_with_time(changed.append)
    device.update(replace(target.definition, minimum_on_time=2, minimum_off_time=1))
    assert await client.read_property(*_BO, "minimum-on-time") == 2
    assert await client.read_property(*_BO, "minimum-off-time") == 1
    target.set_own_value(False)
    assert target.priority_array == (*[None] * 5, False, *[None] * 9, False)
    await client.write_property(*_BO, "present-value", 1, "enumerated", 8)
    assert await client.read_property(*_BO, "present-value") == 0
    assert await client.read_property(*_BO, "current-command-priority") == 6
    # Nobody else may use the slot, and emergencies do not wait.
    with pytest.raises(Refused, match="write-access-denied"):
        await client.relinquish(*_BO, 6)
    await client.write_property(*_BO, "present-value", 1, "enumerated", 1)
    assert await client.read_property(*_BO, "present-value") == 1
    await client.relinquish(*_BO, 1)
    assert target.priority_array[5] is True
    await client.relinquish(*_BO, 8)
    assert await client.read_property(*_BO, "present-value") == 1
    assert not changed
    await asyncio.sleep(2.1)
    assert changed == [target]
    assert await client.read_property(*_BO, "present-value") == 0
    await asyncio.sleep(1.1)
    assert target.priority_array == (*[None] * 15, False)
    assert [command.new_value for command in commands] == [False, True, True, True]


async def test_minimum_times_end_with_the_object(device: LocalDevice) -> None:
    """Test that no timer outlives an object, and that the first value is no change."""
    target = device.objects[ObjectId(5, WRITABLE)]
    definition = replace(target.definition, minimum_on_time=60, minimum_off_time=60)
    device.update(definition)
    target.set_own_value(False)
    assert target.active_priority == 6
    device.remove(target.object_id)
    added = device.add(definition)
    added.restore({})
    added.set_own_value(True)
    assert added.active_priority == 16
    added.set_own_value(False)
    device.update(replace(definition, writable=False))
    assert added.priority_array == ()
