"""WriteProperty and WritePropertyMultiple: what is taken, what is refused and how."""

import asyncio
from dataclasses import replace
from itertools import product
from math import inf, nan
from typing import Any, Final

import pytest

from custom_components.bacnet.node.enumerations import (
    ObjectType,
    PropertyIdentifier,
    Reliability,
)
from custom_components.bacnet.node.node import Node
from custom_components.bacnet.node.types import Date, ObjectId, Time
from custom_components.bacnet.server.command import Command, Refusal
from custom_components.bacnet.server.definition import ObjectDefinition
from custom_components.bacnet.server.device import LocalDevice
from custom_components.bacnet.server.values import DateTime, PresentValue
from tests.independent.client import STACKS, IndependentClient, StackName
from tests.independent.model import Datatype, PropertyKey, PropertyWrite, Refused
from tests.independent.raw import RawPeer

from .objects import ADDRESS, INSTANCE, NOW, OBJECTS, READ_ONLY, WRITABLE

_PV: Final = "present-value"
_DATETIME: Final = bytes.fromhex("a4 7e 0c 1f 04 b4 17 3b 3b 63")
_HIGH_UNSIGNED: Final = bytes.fromhex("25 05 01 00 00 00 00")
_LOW_SIGNED: Final = bytes.fromhex("35 06 ff 00 00 00 00 00")

WRITES: Final[list[tuple[str, Any, Datatype, PresentValue]]] = [
    ("analog-output", 21.3, "real", 21.3),
    ("analog-value", 0.1, "real", 0.1),
    ("binary-output", 0, "enumerated", False),
    ("binary-value", 0, "enumerated", False),
    ("multi-state-output", 1, "unsigned", 1),
    ("multi-state-value", 3, "unsigned", 3),
    ("characterstring-value", "Zürich 東京", "character_string", "Zürich 東京"),
    ("integer-value", -100, "signed", -100),
    ("positive-integer-value", 100_000, "unsigned", 100_000),
    ("large-analog-value", 0.1, "double", 0.1),
    ("date-value", (2026, 12, 31, 255), "date", Date(2026, 12, 31, 4)),
    ("time-value", (23, 59, 59, 99), "time", Time(23, 59, 59, 99)),
    (
        "datetime-value",
        _DATETIME,
        "encoded",
        DateTime(Date(2026, 12, 31, 4), Time(23, 59, 59, 99)),
    ),
]
"""Every commandable type with a value that it takes."""

WRONG_VALUES: Final[list[tuple[str, Any, Datatype, str]]] = [
    *((name, True, "boolean", "invalid-data-type") for name, *_ in WRITES),
    *((name, b"\x01", "octet_string", "invalid-data-type") for name, *_ in WRITES),
    ("analog-value", 50, "unsigned", "invalid-data-type"),
    ("analog-value", 50.0, "double", "invalid-data-type"),
    ("analog-value", b"\x44\x42\x48\x00\x00" * 2, "encoded", "invalid-data-type"),
    ("analog-value", b"", "encoded", "invalid-data-type"),
    ("analog-value", b"\x43\x42\x48\x00", "encoded", "invalid-data-type"),
    ("binary-value", 1, "unsigned", "invalid-data-type"),
    ("multi-state-value", 1, "enumerated", "invalid-data-type"),
    ("multi-state-value", 1, "signed", "invalid-data-type"),
    ("integer-value", 1, "unsigned", "invalid-data-type"),
    ("positive-integer-value", 50, "signed", "invalid-data-type"),
    ("large-analog-value", 50.0, "real", "invalid-data-type"),
    ("date-value", (1, 1, 1, 1), "time", "invalid-data-type"),
    ("datetime-value", (2026, 12, 31, 4), "date", "invalid-data-type"),
    ("datetime-value", _DATETIME[5:] + _DATETIME[:5], "encoded", "invalid-data-type"),
    ("analog-output", 100.01, "real", "value-out-of-range"),
    ("analog-output", -0.01, "real", "value-out-of-range"),
    ("analog-value", nan, "real", "value-out-of-range"),
    ("analog-value", inf, "real", "value-out-of-range"),
    ("analog-value", -inf, "real", "value-out-of-range"),
    ("binary-output", 2, "enumerated", "value-out-of-range"),
    ("multi-state-output", 0, "unsigned", "value-out-of-range"),
    ("multi-state-output", 4, "unsigned", "value-out-of-range"),
    ("characterstring-value", "x" * 21, "character_string", "value-out-of-range"),
    ("integer-value", 101, "signed", "value-out-of-range"),
    ("integer-value", _LOW_SIGNED, "encoded", "value-out-of-range"),
    ("positive-integer-value", 9, "unsigned", "value-out-of-range"),
    ("positive-integer-value", _HIGH_UNSIGNED, "encoded", "value-out-of-range"),
    ("large-analog-value", nan, "double", "value-out-of-range"),
    ("large-analog-value", 1e6 + 1, "double", "value-out-of-range"),
    ("date-value", (2026, 2, 30, 255), "date", "value-out-of-range"),
    ("date-value", (2026, 12, 31, 1), "date", "value-out-of-range"),
    ("date-value", (255, 12, 31, 255), "date", "value-out-of-range"),
    ("date-value", (2026, 13, 32, 255), "date", "value-out-of-range"),
    ("time-value", (24, 0, 0, 0), "time", "value-out-of-range"),
    ("time-value", (12, 255, 0, 0), "time", "value-out-of-range"),
    (
        "datetime-value",
        b"\xa4\xff\xff\xff\xff\xb4\xff\xff\xff\xff",
        "encoded",
        "value-out-of-range",
    ),
]


async def _refusal_of(request: Any) -> str:
    try:
        await request
    except Refused as error:
        return str(error)
    return "accepted"


def _object_id(name: str, instance: int = WRITABLE) -> ObjectId:
    return ObjectId.parse(f"{name},{instance}")


async def _flush() -> None:
    """Let callbacks come that wait for the next round."""
    await asyncio.sleep(0.01)


@pytest.fixture
def commands(device: LocalDevice) -> list[Command]:
    """Return the accepted writes."""
    commands: list[Command] = []
    device.subscribe_commands(commands.append)
    return commands


@pytest.fixture
def refusals(device: LocalDevice) -> list[Refusal]:
    """Return the refused writes."""
    refusals: list[Refusal] = []
    device.subscribe_refusals(refusals.append)
    return refusals


@pytest.mark.parametrize("stack", STACKS)
async def test_every_type(
    device: LocalDevice,
    commands: list[Command],
    refusals: list[Refusal],
    port: int,
    stack: StackName,
) -> None:
    """Test that every type is written, read back and relinquished; each tells once."""
    wanted = []
    async with IndependentClient("127.0.30.60", port, stack=stack) as client:
        for name, value, datatype, taken in WRITES:
            target = device.objects[_object_id(name)]
            own_value = target.present_value
            write = (ADDRESS, name, WRITABLE, _PV, value, datatype)
            await client.write_property(*write, 8)
            assert target.present_value == taken
            assert target.priority_array == (*[None] * 7, taken, *[None] * 7, own_value)
            assert target.active_priority == 8
            await client.write_property(*write)
            assert target.priority_array[15] == taken
            await client.relinquish(ADDRESS, name, WRITABLE, 8)
            assert target.priority_array == (*[None] * 15, taken)
            wanted += [
                (name, taken, 8, own_value, taken),
                (name, taken, 16, taken, taken),
                (name, None, 8, taken, taken),
            ]
        await _flush()
    assert [
        (
            ObjectType(command.object_id.type).label,
            command.value,
            command.priority,
            command.old_value,
            command.new_value,
        )
        for command in commands
    ] == wanted
    assert {
        (command.property_id, command.index, command.source, command.time)
        for command in commands
    } == {(PropertyIdentifier.PRESENT_VALUE, None, f"127.0.30.60:{port}", NOW)}
    assert not refusals


@pytest.mark.parametrize("stack", STACKS)
async def test_wrong_values(
    device: LocalDevice,
    commands: list[Command],
    refusals: list[Refusal],
    port: int,
    stack: StackName,
) -> None:
    """Test that what is no value of the type is refused and changes nothing."""
    before = {
        target: device.objects[target].priority_array for target in device.objects
    }
    answers = []
    async with IndependentClient("127.0.30.60", port, stack=stack) as client:
        for name, value, datatype, _ in WRONG_VALUES:
            answers.append(
                await _refusal_of(
                    client.write_property(
                        ADDRESS, name, WRITABLE, _PV, value, datatype, 8
                    )
                )
            )
        await _flush()
    assert answers == [f"error property {error}" for *_, error in WRONG_VALUES]
    assert before == {
        target: device.objects[target].priority_array for target in device.objects
    }
    assert not commands
    assert [(str(refusal.error), refusal.priority) for refusal in refusals] == [
        (f"property: {error}", 8) for *_, error in WRONG_VALUES
    ]


async def test_what_can_not_be_written(
    device: LocalDevice, commands: list[Command], client: IndependentClient
) -> None:
    """Test that read-only objects, definitions, device and port refuse every write."""
    targets = [
        ("device", INSTANCE),
        ("network-port", 1),
        *(
            (ObjectType(definition.object_id.type).label, definition.object_id.instance)
            for definition in OBJECTS
        ),
    ]
    writable = {
        PropertyIdentifier(property_id).label
        for property_id in (
            PropertyIdentifier.PRESENT_VALUE,
            PropertyIdentifier.OUT_OF_SERVICE,
            PropertyIdentifier.COV_INCREMENT,
            PropertyIdentifier.RELINQUISH_DEFAULT,
            PropertyIdentifier.CHANGE_OF_STATE_COUNT,
            PropertyIdentifier.ELAPSED_ACTIVE_TIME,
        )
    }
    answers = {}
    for target in targets:
        for number in (
            *await client.read_property(ADDRESS, *target, "property-list"),
            PropertyIdentifier.OBJECT_IDENTIFIER,
            PropertyIdentifier.OBJECT_NAME,
            PropertyIdentifier.OBJECT_TYPE,
            PropertyIdentifier.PROPERTY_LIST,
        ):
            name = PropertyIdentifier(number).label
            if target[1] == WRITABLE and name in writable:
                continue
            answers[target, name] = await _refusal_of(
                client.write_property(ADDRESS, *target, number, "x", "character_string")
            )
    assert len(answers) > 500
    assert set(answers.values()) == {"error property write-access-denied"}
    assert not commands


_WRONG_TARGETS: Final[list[tuple[tuple[Any, ...], str]]] = [
    (("analog-value", 99, _PV, 1.0, "real"), "error object unknown-object"),
    (("analog-value", 2, "state-text", 1.0, "real"), "error property unknown-property"),
    (("analog-value", 2, 9999, 1.0, "real"), "error property unknown-property"),
    (
        ("analog-value", 2, _PV, 1.0, "real", None, 1),
        "error property property-is-not-an-array",
    ),
    (
        ("analog-value", 2, "priority-array", 1.0, "real", None, 17),
        "error property invalid-array-index",
    ),
    (
        ("analog-value", 2, "priority-array", 1.0, "real", None, 8),
        "error property write-access-denied",
    ),
    (
        ("multi-state-value", 2, "state-text", 1, "unsigned", None, 0),
        "error property write-access-denied",
    ),
    (
        ("analog-value", 2, _PV, 1.0, "real", 6),
        "error property write-access-denied",
    ),
    (
        ("analog-value", 1, _PV, None, "null", 8),
        "error property write-access-denied",
    ),
    # Written to what is writable but not commandable: Null is not its datatype.
    (
        ("analog-value", 2, "cov-increment", None, "null"),
        "error property invalid-data-type",
    ),
    (
        ("analog-value", 2, "cov-increment", -1.0, "real"),
        "error property value-out-of-range",
    ),
    (
        ("analog-value", 2, "out-of-service", 1, "unsigned"),
        "error property invalid-data-type",
    ),
    (
        ("analog-value", 2, "relinquish-default", 101.0, "real"),
        "error property value-out-of-range",
    ),
    (
        ("analog-value", 2, "reliability", 7, "enumerated"),
        "error property write-access-denied",
    ),
    # An input takes a value only while it is out of service.
    (("analog-input", 2, _PV, 1.0, "real"), "error property write-access-denied"),
]


async def test_wrong_targets(device: LocalDevice, client: IndependentClient) -> None:
    """Test that a write to the wrong place gets the standard's own error."""
    answers = [
        (write, await _refusal_of(client.write_property(ADDRESS, *write)))
        for write, _ in _WRONG_TARGETS
    ]
    assert answers == _WRONG_TARGETS


async def test_priorities_that_do_not_exist(
    device: LocalDevice, client: IndependentClient
) -> None:
    """Test that there are 16 priorities, wherever one is given."""
    for name, priority in product((_PV, "units"), (0, 17, 255)):
        with pytest.raises(Refused, match="error services parameter-out-of-range"):
            await client.write_property(
                ADDRESS, "analog-value", WRITABLE, name, 1.0, "real", priority
            )


async def test_all_priorities(device: LocalDevice, client: IndependentClient) -> None:
    """Test that the highest priority wins, up and down the whole array."""
    target = device.objects[_object_id("analog-value")]
    priorities = [priority for priority in range(16, 0, -1) if priority != 6]
    for priority in priorities:
        await client.write_property(
            ADDRESS, "analog-value", WRITABLE, _PV, float(priority), "real", priority
        )
        assert target.present_value == priority
        assert target.active_priority == priority
    assert await client.read_property(
        ADDRESS, "analog-value", WRITABLE, "priority-array"
    ) == [None if priority == 6 else priority for priority in range(1, 17)]
    for priority in reversed(priorities):
        assert target.present_value == priority
        assert (
            await client.read_property(
                ADDRESS, "analog-value", WRITABLE, "current-command-priority"
            )
            == priority
        )
        await client.relinquish(ADDRESS, "analog-value", WRITABLE, priority)
    assert target.active_priority is None
    assert (
        await client.read_property(
            ADDRESS, "analog-value", WRITABLE, "current-command-priority"
        )
        is None
    )
    # Without a default of its own the last own value stays in effect.
    assert await client.read_property(ADDRESS, "analog-value", WRITABLE, _PV) == 23.5


async def test_relinquish_default(
    device: LocalDevice, client: IndependentClient
) -> None:
    """Test that a default takes effect when all is relinquished, and can be written."""
    target = device.objects[_object_id("analog-value")]
    device.update(replace(target.definition, relinquish_default=19.0))
    await client.relinquish(ADDRESS, "analog-value", WRITABLE)
    assert await client.read_property(ADDRESS, "analog-value", WRITABLE, _PV) == 19
    await client.write_property(
        ADDRESS, "analog-value", WRITABLE, "relinquish-default", 17.0, "real"
    )
    assert target.present_value == 17
    for name in (_PV, "relinquish-default"):
        assert await client.read_property(ADDRESS, "analog-value", WRITABLE, name) == 17
    target.set_own_value(30.0)
    assert await client.read_property(ADDRESS, "analog-value", WRITABLE, _PV) == 30


async def test_own_value_has_its_slot(
    device: LocalDevice, client: IndependentClient
) -> None:
    """Test that our own value yields to a higher priority and prevails otherwise."""
    target = device.objects[_object_id("binary-output")]
    device.update(replace(target.definition, own_priority=10))
    assert target.priority_array == (*[None] * 9, True, *[None] * 6)
    await client.write_property(
        ADDRESS, "binary-output", WRITABLE, _PV, 0, "enumerated"
    )
    assert target.active_priority == 10
    await client.write_property(
        ADDRESS, "binary-output", WRITABLE, _PV, 0, "enumerated", 9
    )
    assert target.active_priority == 9
    target.set_own_value(False)
    target.set_own_value(True)
    assert target.active_priority == 9
    await client.relinquish(ADDRESS, "binary-output", WRITABLE, 9)
    assert target.active_priority == 10
    assert target.priority_array == (*[None] * 9, True, *[None] * 5, False)


async def test_rounded_commands(device: LocalDevice, client: IndependentClient) -> None:
    """Test that a command becomes what was made of it, in its own slot."""
    target = device.objects[_object_id("analog-value")]
    await client.write_property(
        ADDRESS, "analog-value", WRITABLE, _PV, 21.53, "real", 8
    )
    target.adjust_active_value(21.5)
    assert target.priority_array == (*[None] * 7, 21.5, *[None] * 7, 23.5)
    assert await client.read_property(ADDRESS, "analog-value", WRITABLE, _PV) == 21.5


async def test_corrections_without_a_command(
    device: LocalDevice, client: IndependentClient
) -> None:
    """Test that a value is corrected where nothing is commanded as well."""
    target = device.objects[_object_id("analog-value")]
    await client.relinquish(ADDRESS, "analog-value", WRITABLE)
    assert target.active_priority is None
    read_only = device.objects[_object_id("analog-input", READ_ONLY)]
    for corrected in (target, read_only):
        corrected.adjust_active_value(22.0)
        assert corrected.present_value == 22
        assert corrected.read(PropertyIdentifier.PRESENT_VALUE) == b"\x44\x41\xb0\0\0"


async def test_out_of_service(
    device: LocalDevice, commands: list[Command], client: IndependentClient
) -> None:
    """Test that out-of-service decouples a value from us, and couples it again."""
    target = device.objects[_object_id("analog-input")]
    at = (ADDRESS, "analog-input", WRITABLE)
    assert await client.read_property(*at, "out-of-service") is False
    assert not any(await client.read_property(*at, "status-flags"))
    await client.write_property(*at, "out-of-service", True, "boolean")
    assert await client.read_property(*at, "out-of-service") is True
    assert await client.read_property(*at, "status-flags") == (
        False,
        False,
        False,
        True,
    )
    target.set_own_value(30.0, Reliability.NO_SENSOR)
    assert await client.read_property(*at, _PV) == 21.5
    assert await client.read_property(*at, "reliability") == 0
    await client.write_property(*at, _PV, 40.0, "real")
    await client.write_property(*at, "reliability", 7, "enumerated")
    for wrong in (11, 64):
        with pytest.raises(Refused, match="value-out-of-range"):
            await client.write_property(*at, "reliability", wrong, "enumerated")
    assert await client.read_property(*at, _PV) == 40
    assert await client.read_property(*at, "status-flags") == (False, True, False, True)
    assert await client.read_property(*at, "event-state") == 1
    with pytest.raises(Refused, match="value-out-of-range"):
        await client.write_property(*at, _PV, 51.0, "real")
    with pytest.raises(Refused, match="invalid-data-type"):
        await client.write_property(*at, _PV, None, "null")
    await client.write_property(*at, "out-of-service", False, "boolean")
    assert await client.read_property(*at, _PV) == 30
    assert await client.read_property(*at, "reliability") == 1
    assert await client.read_property(*at, "status-flags") == (
        False,
        True,
        False,
        False,
    )
    await _flush()
    assert [
        (PropertyIdentifier(command.property_id).label, command.value, command.priority)
        for command in commands
    ] == [
        ("out-of-service", True, None),
        (_PV, 40, None),
        ("reliability", 7, None),
        ("out-of-service", False, None),
    ]
    assert [command.new_value for command in commands] == [21.5, 40, 40, 30]


async def test_commands_while_out_of_service(
    device: LocalDevice, client: IndependentClient
) -> None:
    """Test that a commandable object keeps its priorities while out of service."""
    target = device.objects[_object_id("analog-value")]
    at = (ADDRESS, "analog-value", WRITABLE)
    await client.write_property(*at, "out-of-service", True, "boolean")
    await client.write_property(*at, _PV, 50.0, "real", 8)
    target.set_own_value(60.0)
    await client.relinquish(*at, 8)
    assert await client.read_property(*at, _PV) == 23.5
    await client.write_property(*at, "out-of-service", False, "boolean")
    assert await client.read_property(*at, _PV) == 60


async def test_cov_increment(device: LocalDevice, client: IndependentClient) -> None:
    """Test that a COV increment is written in the datatype of the type."""
    writes: list[tuple[str, Any, Datatype]] = [
        ("analog-input", 0.5, "real"),
        ("integer-value", 5, "unsigned"),
        ("positive-integer-value", 5, "unsigned"),
        ("large-analog-value", 0.5, "double"),
    ]
    for name, value, datatype in writes:
        at = (ADDRESS, name, WRITABLE, "cov-increment")
        await client.write_property(*at, value, datatype)
        assert await client.read_property(*at) == value


async def test_counters(device: LocalDevice, client: IndependentClient) -> None:
    """Test that changes of state are counted and timed, and the counters reset."""
    target = device.objects[_object_id("binary-input")]
    at = (ADDRESS, "binary-input", WRITABLE)
    for state in (True, False, True, True, False):
        target.set_own_value(state)
    assert await client.read_property(*at, "change-of-state-count") == 3
    day, _ = await client.read_property(*at, "change-of-state-time")
    assert day[0] >= 2026
    await client.write_property(*at, "elapsed-active-time", 90, "unsigned")
    assert await client.read_property(*at, "elapsed-active-time") == 90
    await client.write_property(*at, "change-of-state-count", 0, "unsigned")
    await client.write_property(*at, "elapsed-active-time", 0, "unsigned")
    for name in ("change-of-state-count", "elapsed-active-time"):
        assert await client.read_property(*at, name) == 0
    for name in ("time-of-state-count-reset", "time-of-active-time-reset"):
        assert await client.read_property(*at, name) == [
            (2026, 7, 1, 3),
            (14, 30, 5, 25),
        ]
    with pytest.raises(Refused, match="invalid-data-type"):
        await client.write_property(*at, "change-of-state-count", 0, "signed")
    with pytest.raises(Refused, match="value-out-of-range"):
        await client.write_property(
            *at, "change-of-state-count", _HIGH_UNSIGNED, "encoded"
        )


@pytest.mark.parametrize("stack", STACKS)
async def test_write_multiple(
    device: LocalDevice,
    commands: list[Command],
    refusals: list[Refusal],
    port: int,
    stack: StackName,
) -> None:
    """Test that several writes take the same path, up to the first that fails."""
    async with IndependentClient("127.0.30.60", port, stack=stack) as client:
        await client.write_property_multiple(
            ADDRESS,
            [
                PropertyWrite(name, WRITABLE, _PV, value, datatype, 8)
                for name, value, datatype, _ in WRITES
            ],
        )
        assert [
            device.objects[_object_id(name)].priority_array[7] for name, *_ in WRITES
        ] == [taken for *_, taken in WRITES]
        with pytest.raises(Refused) as caught:
            await client.write_property_multiple(
                ADDRESS,
                [
                    PropertyWrite("analog-value", WRITABLE, _PV, 5.0, "real", 7),
                    PropertyWrite("binary-value", READ_ONLY, _PV, 1, "enumerated", 7),
                    PropertyWrite("analog-output", WRITABLE, _PV, 6.0, "real", 7),
                ],
            )
        await _flush()
    assert str(caught.value) == "error property write-access-denied"
    assert caught.value.first_failed == PropertyKey("binary-value", READ_ONLY, _PV)
    assert device.objects[_object_id("analog-value")].present_value == 5
    assert device.objects[_object_id("analog-output")].priority_array[6] is None
    assert len(commands) == len(WRITES) + 1
    assert [(refusal.object_id, refusal.value) for refusal in refusals] == [
        (_object_id("binary-value", READ_ONLY), 1)
    ]


async def test_first_failed_element(
    device: LocalDevice, client: IndependentClient
) -> None:
    """Test that the error of several writes names the array element as well."""
    write = PropertyWrite(
        "analog-value", WRITABLE, "priority-array", 1.0, "real", None, 3
    )
    with pytest.raises(Refused) as caught:
        await client.write_property_multiple(ADDRESS, [write])
    assert caught.value.first_failed == PropertyKey(
        "analog-value", WRITABLE, "priority-array", 3
    )


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        # WriteProperty: nothing, no value, more than there is.
        ("02 75 01 0f", "60 01 05"),
        ("02 75 01 0f 0c 00 80 00 02 19 55", "60 01 05"),
        (
            "02 75 01 0f 0c 00 80 00 02 19 55 3e 44 00 00 00 00 3f 49 08 59 00",
            "60 01 07",
        ),
        ("02 75 01 0f 0c 00 80 00 02 19 55 3e 44 00 00 00 00", "60 01 05"),
        # WritePropertyMultiple: nothing; the second write is malformed: none is done.
        ("02 75 01 10", "60 01 05"),
        (
            "02 75 01 10 0c 00 80 00 02 1e 09 55 2e 44 00 00 00 00 2f 1f 0c 00 80",
            "60 01 05",
        ),
        # Services that change lists or objects: there is nothing of that kind.
        ("02 75 01 08 0c 02 00 22 b8 19 98 3e 3f", "60 01 09"),
        ("02 75 01 09 0c 02 00 22 b8 19 98 3e 3f", "60 01 09"),
        ("02 75 01 0a 0e 09 02 0f", "60 01 09"),
        ("02 75 01 0b c4 00 80 00 02", "60 01 09"),
    ],
)
async def test_malformed(
    device: LocalDevice,
    commands: list[Command],
    peer: RawPeer,
    request_: str,
    answer: str,
) -> None:
    """Test that a malformed request is rejected with the right reason."""
    reply = await peer.send_raw_apdu(ADDRESS, bytes.fromhex(request_))
    assert reply.hex(" ") == answer
    await _flush()
    assert not commands


async def test_acknowledged_before_told(
    device: LocalDevice, node: Node, peer: RawPeer
) -> None:
    """Test that the acknowledgement is sent before anybody hears of the command."""
    sent: list[int] = []
    device.subscribe_commands(lambda _: sent.append(node.statistics.sent))
    before = node.statistics.sent
    write = bytes.fromhex("02 75 01 0f 0c 00 80 00 02 19 55 3e 44 00 00 00 00 3f")
    assert await peer.send_raw_apdu(ADDRESS, write) == bytes.fromhex("20 01 0f")
    assert sent == [before + 1]


async def test_segmented_write(device: LocalDevice, client: IndependentClient) -> None:
    """Test that a request in several segments is taken."""
    for instance in range(100, 300):
        device.add(
            ObjectDefinition(
                object_id=ObjectId(40, instance), name=f"Text {instance}", writable=True
            )
        )
    await client.write_property_multiple(
        ADDRESS,
        [
            PropertyWrite(
                "characterstring-value", instance, _PV, "x" * 50, "character_string"
            )
            for instance in range(100, 300)
        ],
    )
    assert {
        device.objects[ObjectId(40, instance)].present_value
        for instance in range(100, 300)
    } == {"x" * 50}
