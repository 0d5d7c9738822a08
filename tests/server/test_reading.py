"""Errors of ReadProperty and ReadPropertyMultiple, and what is too long."""

from typing import Any, Final

import pytest

from custom_components.bacnet.node.types import ObjectId
from custom_components.bacnet.server.definition import ObjectDefinition
from custom_components.bacnet.server.device import LocalDevice
from tests.independent.client import STACKS, IndependentClient, StackName
from tests.independent.model import PropertyKey, Refused
from tests.independent.raw import RawPeer, unicast

from .objects import ADDRESS, INSTANCE

_ANY = 4194303

_WRONG_READS: Final[list[tuple[tuple[Any, ...], str]]] = [
    (("analog-input", 99, "present-value"), "error object unknown-object"),
    (("file", 1, "present-value"), "error object unknown-object"),
    (("device", 1, "object-name"), "error object unknown-object"),
    (("analog-input", 1, "priority-array"), "error property unknown-property"),
    (("analog-value", 1, "priority-array"), "error property unknown-property"),
    (("analog-input", 1, "state-text"), "error property unknown-property"),
    (("analog-input", 1, 9999), "error property unknown-property"),
    (("analog-input", 1, "all"), "error property unknown-property"),
    (
        ("analog-input", 1, "present-value", 1),
        "error property property-is-not-an-array",
    ),
    (
        ("device", INSTANCE, "device-address-binding", 1),
        "error property property-is-not-an-array",
    ),
    (
        ("multi-state-input", 1, "state-text", 4),
        "error property invalid-array-index",
    ),
    (
        ("analog-output", 1, "priority-array", 17),
        "error property invalid-array-index",
    ),
]


@pytest.mark.parametrize("stack", STACKS)
async def test_wrong_reads(device: LocalDevice, port: int, stack: StackName) -> None:
    """Test that every wrong read gets the standard's own error."""
    answers = []
    async with IndependentClient("127.0.30.60", port, stack=stack) as client:
        for key, _ in _WRONG_READS:
            try:
                answers.append((key, await client.read_property(ADDRESS, *key)))
            except Refused as error:
                answers.append((key, str(error)))
    assert answers == _WRONG_READS


async def test_errors_stay_in_their_place(
    device: LocalDevice, client: IndependentClient
) -> None:
    """Test that a property that fails costs the others nothing."""
    keys = [
        PropertyKey("analog-input", 1, "present-value"),
        *(PropertyKey(*key) for key, _ in _WRONG_READS if key[2] != "all"),
        PropertyKey("analog-input", 99, "all"),
        PropertyKey("analog-input", 1, "all", 1),
        PropertyKey("binary-input", 1, "present-value"),
    ]
    answers = await client.read_property_multiple(ADDRESS, keys)
    assert [str(value) for _, value in answers] == [
        "21.5",
        *(error for key, error in _WRONG_READS if key[2] != "all"),
        "error object unknown-object",
        "error property property-is-not-an-array",
        "1",
    ]


async def test_instance_of_whoever_is_asked(
    device: LocalDevice, client: IndependentClient
) -> None:
    """Test that the highest instance stands for our device and our port."""
    answers = await client.read_property_multiple(
        ADDRESS,
        [
            ("device", _ANY, "object-name"),
            ("network-port", _ANY, "object-name"),
            ("analog-input", _ANY, "object-name"),
        ],
    )
    assert answers[:2] == [
        (PropertyKey("device", INSTANCE, "object-name"), "Home"),
        (PropertyKey("network-port", 1, "object-name"), "Network Port 1"),
    ]
    assert str(answers[2][1]) == "error object unknown-object"
    assert await client.read_property(ADDRESS, "device", _ANY, "object-identifier") == (
        "device",
        INSTANCE,
    )


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        # ReadProperty: nothing; without a property; something behind; wrong tags.
        ("02 75 01 0c", "60 01 05"),
        ("02 75 01 0c 0c 00 00 00 01", "60 01 05"),
        ("02 75 01 0c 0c 00 00 00 01 19 55 29 01 39 01", "60 01 07"),
        ("02 75 01 0c 1c 00 00 00 01 19 55", "60 01 04"),
        ("02 75 01 0c 0c 00 00", "60 01 05"),
        # ReadPropertyMultiple: nothing; the end is missing.
        ("02 75 01 0e", "60 01 05"),
        ("02 75 01 0e 0c 00 00 00 01 1e 09 55", "60 01 05"),
        ("02 75 01 0e 0c 00 00 00 01 1e 09 55 2f", "60 01 04"),
        # A service that nobody knows.
        ("02 75 01 63", "60 01 09"),
    ],
)
async def test_malformed(
    device: LocalDevice, peer: RawPeer, request_: str, answer: str
) -> None:
    """Test that a malformed request is rejected with the right reason."""
    reply = await peer.send_raw_apdu(ADDRESS, bytes.fromhex(request_))
    assert reply.hex(" ") == answer


def _add_many(device: LocalDevice, count: int) -> None:
    for instance in range(100, 100 + count):
        device.add(
            ObjectDefinition(object_id=ObjectId(0, instance), name=f"Input {instance}")
        )


async def test_long_answers(device: LocalDevice, client: IndependentClient) -> None:
    """Test that a long list comes whole, in segments."""
    _add_many(device, 3000)
    listed = await client.read_property(ADDRESS, "device", INSTANCE, "object-list")
    assert len(listed) == await client.read_property(
        ADDRESS, "device", INSTANCE, "object-list", 0
    )
    assert listed[-1] == ("analog-input", 3099)
    answers = await client.read_property_multiple(
        ADDRESS,
        [("analog-input", instance, "object-name") for instance in range(100, 600)],
    )
    assert [value for _, value in answers] == [
        f"Input {instance}" for instance in range(100, 600)
    ]


_OBJECT_LIST = "0c 0c 02 00 22 b8 19 4c"


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        pytest.param("00 05", "71 01 04", id="no segments"),
        # 2 segments of 1476 octets hold less than 1,000 identifiers of 5.
        pytest.param("02 15", "71 01 0b", id="too few segments"),
        # 255 segments of 50 octets.
        pytest.param("02 70", "71 01 0b", id="more than can be counted"),
    ],
)
async def test_too_long_answers(
    device: LocalDevice, peer: RawPeer, head: str, answer: str
) -> None:
    """Test that an answer is aborted that the asker can not take."""
    _add_many(device, 3000)
    reply = await peer.send_raw_apdu(
        ADDRESS, bytes.fromhex(f"{head} 01 {_OBJECT_LIST}")
    )
    assert reply.hex(" ") == answer


async def test_too_long_answers_cost_little(device: LocalDevice, peer: RawPeer) -> None:
    """Test that nobody reads on when the answer is too long already."""
    specification = bytes.fromhex("0c 00 00 00 01 1e 09 08 1f")
    nowhere = bytes.fromhex("0c 00 00 00 63 1e 09 08 1f")
    for head, answer in (("00 03", "71 01 04"), ("02 13", "71 01 0b")):
        reply = await peer.send_raw_apdu(
            ADDRESS,
            bytes.fromhex(f"{head} 01 0e") + specification * 50 + nowhere * 50,
        )
        assert reply.hex(" ") == answer


@pytest.mark.parametrize(
    ("limits", "size"), [(0x70, 50), (0x71, 128), (0x73, 480), (0x75, 1476)]
)
async def test_size_of_segments(
    device: LocalDevice, peer: RawPeer, limits: int, size: int
) -> None:
    """Test that no segment is longer than the asker can take, header included."""
    _add_many(device, 400)
    request = bytes((0x02, limits, 1)) + bytes.fromhex(_OBJECT_LIST)
    segment = await peer.send_raw_apdu(ADDRESS, request)
    assert (segment[0], segment[2]) == (0x3C, 0)
    length = len(segment)
    data = segment[5:]
    number = 0
    while segment[0] & 0x04:
        acknowledge = bytes((0x40, 1, number, 1))
        segment = await peer.send_raw_apdu(ADDRESS, acknowledge)
        number += 1
        assert segment[2] == number % 256
        assert len(segment) <= size
        data += segment[5:]
    assert length == size
    elements = device.database_revision  # every object was added once
    assert len(data) == 7 + 1 + 5 * elements + 1


async def test_segments_get_lost(device: LocalDevice, peer: RawPeer) -> None:
    """Test that a first segment that nobody acknowledges comes again."""
    _add_many(device, 400)
    request = bytes((0x02, 0x75, 1)) + bytes.fromhex(_OBJECT_LIST)
    first = await peer.send_raw_apdu(ADDRESS, request)
    assert await peer.receive_apdu() == first
    peer.send_datagram(ADDRESS, unicast(bytes((0x70, 1, 0))))  # Abort
