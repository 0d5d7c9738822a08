"""ReadRange on lists and arrays."""

from typing import Any, Final

import pytest

from custom_components.bacnet.node.types import ObjectId
from custom_components.bacnet.server.definition import ObjectDefinition
from custom_components.bacnet.server.device import LocalDevice
from tests.independent.client import IndependentClient
from tests.independent.model import Range, Refused
from tests.independent.raw import RawPeer

from .objects import ADDRESS, INSTANCE

_STATES: Final = (ADDRESS, "multi-state-input", 1, "state-text")
_OFF: Final = b"\x74\x00Off"
_HEAT: Final = b"\x75\x05\x00Heat"
_COOL: Final = b"\x75\x05\x00Cool"


def _range(items: list[bytes], *, first: bool, last: bool) -> Range:
    return Range(first, last, False, len(items), b"".join(items), None)


async def test_by_position(device: LocalDevice, client: IndependentClient) -> None:
    """Test that exactly the items of the range come, forwards and backwards."""
    wanted = {
        (1, 1): _range([_OFF], first=True, last=False),
        (1, 3): _range([_OFF, _HEAT, _COOL], first=True, last=True),
        (2, 9): _range([_HEAT, _COOL], first=False, last=True),
        (3, -1): _range([_COOL], first=False, last=True),
        (2, -2): _range([_OFF, _HEAT], first=True, last=False),
        (2, -9): _range([_OFF, _HEAT], first=True, last=False),
        (4, 1): _range([], first=False, last=False),
        (4, -1): _range([], first=False, last=False),
        (0, 1): _range([], first=False, last=False),
    }
    answers = {
        (start, count): await client.read_range(*_STATES, start, count)
        for start, count in wanted
    }
    assert answers == wanted


async def test_subscriptions(device: LocalDevice, client: IndependentClient) -> None:
    """Test that the list of subscriptions is read in parts."""
    for instance in (1, 2):
        await client.subscribe_cov(
            ADDRESS, "analog-input", instance, process_id=instance
        )
    at = (ADDRESS, "device", INSTANCE, "active-cov-subscriptions")
    part = await client.read_range(*at, 2, 1)
    assert (part.first_item, part.last_item, part.item_count) == (False, True, 1)
    assert await client.read_property(*at) == (
        (await client.read_range(*at, 1, 1)).item_data + part.item_data
    )
    empty = await client.read_range(
        ADDRESS, "device", INSTANCE, "device-address-binding", 1, 5
    )
    assert empty == _range([], first=False, last=False)


_WRONG: Final[list[tuple[tuple[Any, ...], dict[str, Any], str]]] = [
    (("analog-input", 99, "state-text", 1, 1), {}, "error object unknown-object"),
    (("analog-input", 1, "state-text", 1, 1), {}, "error property unknown-property"),
    (
        ("analog-input", 1, "present-value", 1, 1),
        {},
        "error services property-is-not-a-list",
    ),
    (
        ("analog-input", 1, "present-value", 1, 1),
        {"index": 1},
        "error property property-is-not-an-array",
    ),
    (
        ("multi-state-input", 1, "state-text", 1, 1),
        {"index": 4},
        "error property invalid-array-index",
    ),
    (
        ("multi-state-input", 1, "state-text", 1, 1),
        {"index": 1},
        "error services property-is-not-a-list",
    ),
]


async def test_wrong_ranges(device: LocalDevice, client: IndependentClient) -> None:
    """Test that every wrong range gets the standard's own error."""
    answers = []
    for target, options, _ in _WRONG:
        with pytest.raises(Refused) as caught:
            await client.read_range(ADDRESS, *target, **options)
        answers.append((target, options, str(caught.value)))
    assert answers == _WRONG


_STATE_TEXT = "0c 03 40 00 01 19 6e"


@pytest.mark.parametrize(
    ("parameters", "answer"),
    [
        # All of it: no range is given.
        pytest.param(
            _STATE_TEXT,
            f"30 01 1a {_STATE_TEXT} 3a 05 c0 49 03 5e"
            " 74 00 4f 66 66 75 05 00 48 65 61 74 75 05 00 43 6f 6f 6c 5f",
            id="all",
        ),
        # bac-py does not know list-item-not-numbered and list-item-not-timestamped.
        pytest.param(
            f"{_STATE_TEXT} 6e 21 01 31 01 6f",
            "50 01 1a 91 02 91 8c",
            id="by sequence number",
        ),
        pytest.param(
            f"{_STATE_TEXT} 7e a4 7e 0b 17 01 b4 00 00 00 00 31 01 7f",
            "50 01 1a 91 02 91 8d",
            id="by time",
        ),
        pytest.param(f"{_STATE_TEXT} 3e 21 01 31 00 3f", "60 01 06", id="count of 0"),
        pytest.param(f"{_STATE_TEXT} 3e 21 01 21 01 3f", "60 01 03", id="wrong type"),
        pytest.param(f"{_STATE_TEXT} 3e 21 01 3f", "60 01 04", id="no count"),
        pytest.param(f"{_STATE_TEXT} 5e 21 01 31 01 5f", "60 01 07", id="unknown kind"),
        pytest.param("", "60 01 05", id="nothing"),
    ],
)
async def test_octets(
    device: LocalDevice, peer: RawPeer, parameters: str, answer: str
) -> None:
    """Test requests that a client's library would not send."""
    reply = await peer.send_raw_apdu(
        ADDRESS, b"\x02\x75\x01\x1a" + bytes.fromhex(parameters)
    )
    assert reply.hex(" ") == answer


@pytest.mark.parametrize("count", [3000, -3000])
async def test_as_much_as_fits(device: LocalDevice, peer: RawPeer, count: int) -> None:
    """Test that an asker without segmentation gets a message full, and is told so."""
    for instance in range(100, 3100):
        device.add(
            ObjectDefinition(object_id=ObjectId(0, instance), name=f"AI {instance}")
        )
    start = 1 if count > 0 else device.database_revision
    parameters = (
        bytes.fromhex("0c 02 00 22 b8 19 4c 3e 22")
        + start.to_bytes(2)
        + b"\x32"
        + count.to_bytes(2, signed=True)
        + b"\x3f"
    )
    reply = await peer.send_raw_apdu(ADDRESS, b"\x00\x03\x01\x1a" + parameters)
    assert 400 < len(reply) <= 480
    flags = reply[12]
    at_first, at_last, more = flags & 0x80, flags & 0x40, flags & 0x20
    assert more
    assert (bool(at_first), bool(at_last)) == (count > 0, count < 0)
    last = ObjectId(0, 3099)
    edge = (
        bytes.fromhex("c4 02 00 22 b8")
        if count > 0
        else b"\xc4" + (last.instance.to_bytes(4))
    )
    assert edge in reply
