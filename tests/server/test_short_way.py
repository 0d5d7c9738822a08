"""Requests that are answered past the network layer, and those that are not."""

import asyncio
from typing import Final

import pytest

from custom_components.bacnet.node.enumerations import (
    PropertyIdentifier,
    UnconfirmedService,
)
from custom_components.bacnet.node.node import Node
from custom_components.bacnet.node.types import ObjectId
from custom_components.bacnet.server.command import Command
from custom_components.bacnet.server.device import LocalDevice
from tests.independent.model import PropertyKey
from tests.independent.raw import RawPeer, apdu_of, unicast

from .objects import ADDRESS, OBJECTS, WRITABLE

_READ: Final = bytes.fromhex("02 75 07 0c 0c 00 00 00 01 19 55")
_ANSWER: Final = bytes.fromhex("30 07 0c 0c 00 00 00 01 19 55 3e 44 41 ac 00 00 3f")


async def test_short_way_says_the_same(device: LocalDevice, peer: RawPeer) -> None:
    """Test that answers of the short way are octet by octet those of the long way.

    A network priority of 1 sends a request the long way; the answer has none.
    """
    keys = [
        PropertyKey(definition.object_id.type, definition.object_id.instance, number)
        for definition in OBJECTS
        for number in device.objects[definition.object_id].property_ids()
        # It moves between two answers.
        if number != PropertyIdentifier.ELAPSED_ACTIVE_TIME
    ]
    requests = [
        *(b"\x02\x75\x07\x0c" + _selector(key, 1) for key in keys),
        *(b"\x02\x75\x08\x0e" + _specification(key) for key in keys),
        b"\x02\x75\x09\x0e" + b"".join(_specification(key) for key in keys[:30]),
        b"\x02\x75\x0a\x0c" + _selector(PropertyKey(0, 99, 85), 1),
        b"\x02\x75\x0b\x0e" + _specification(PropertyKey(0, 99, 85)),
        b"\x02\x75\x0c\x0c\x0c\x00",
        b"\x02\x75\x0d\x63",
    ]
    for request in requests:
        for _ in range(2):  # the first fills the cache
            await peer.send_raw_apdu(ADDRESS, request)
        peer.send_datagram(ADDRESS, unicast(request))
        short = await peer.receive_datagram()
        datagram = bytearray(unicast(request))
        datagram[5] |= 0x01
        peer.send_datagram(ADDRESS, bytes(datagram))
        assert await peer.receive_datagram() == short
        assert apdu_of(short)[1] == request[2]


def _selector(key: PropertyKey, number: int) -> bytes:
    object_id = (int(key.object_type) << 22 | key.instance).to_bytes(4)
    return b"\x0c" + object_id + _property_tag(int(key.property), number)


def _specification(key: PropertyKey) -> bytes:
    object_id = (int(key.object_type) << 22 | key.instance).to_bytes(4)
    return b"\x0c" + object_id + b"\x1e" + _property_tag(int(key.property), 0) + b"\x1f"


def _property_tag(property_id: int, number: int) -> bytes:
    length = 1 if property_id < 256 else 2
    return bytes((number << 4 | 8 | length,)) + property_id.to_bytes(length)


_FROM_5_12: Final = bytes.fromhex("01 0c 00 05 01 0c")
_TO_5_12: Final = bytes.fromhex("01 20 00 05 01 0c ff")


def _datagram(npdu: bytes) -> bytes:
    return b"\x81\x0a" + (len(npdu) + 4).to_bytes(2) + npdu


async def test_requests_from_behind_a_router(
    device: LocalDevice, peer: RawPeer
) -> None:
    """Test that stations of other networks read, write and hear of changes."""
    commands: list[Command] = []
    device.subscribe_commands(commands.append)
    peer.send_datagram(ADDRESS, _datagram(_FROM_5_12 + _READ))
    assert await peer.receive_datagram() == _datagram(_TO_5_12 + _ANSWER)
    write = bytes.fromhex("00 05 08 0f 0c 00 80 00 02 19 55 3e 44 42 48 00 00 3f 49 08")
    peer.send_datagram(ADDRESS, _datagram(_FROM_5_12 + write))
    assert await peer.receive_datagram() == _datagram(_TO_5_12 + b"\x20\x08\x0f")
    await asyncio.sleep(0)
    assert [(command.source, command.new_value) for command in commands] == [
        ("5:12", 50)
    ]
    source = device.objects[ObjectId(2, WRITABLE)].read(PropertyIdentifier.VALUE_SOURCE)
    assert source == bytes.fromhex("2e 21 05 61 0c 2f")
    subscribe = bytes.fromhex("00 05 09 05 09 01 1c 00 00 00 01 29 00 39 3c")
    peer.send_datagram(ADDRESS, _datagram(_FROM_5_12 + subscribe))
    assert await peer.receive_datagram() == _datagram(_TO_5_12 + b"\x20\x09\x05")
    notification = await peer.receive_datagram()
    assert notification[4:13] == _TO_5_12 + b"\x10\x02"


@pytest.mark.parametrize(
    "datagram",
    [
        pytest.param(unicast(_READ)[:-1], id="shorter than it says"),
        pytest.param(unicast(_READ) + b"\x00", id="longer than it says"),
        pytest.param(_datagram(b"\x02\x04" + _READ), id="another version"),
        pytest.param(_datagram(b"\x01\x84" + _READ), id="a network message"),
        pytest.param(_datagram(b"\x01\x04"), id="nothing"),
        pytest.param(_datagram(b"\x01\x04\x02\x75\x07"), id="no service"),
        pytest.param(_datagram(b"\x01\x04\x20\x07\x0c"), id="an answer to nothing"),
        pytest.param(
            _datagram(b"\x01\x04\x10\x08\x0c" + _READ[4:]), id="an unconfirmed request"
        ),
        pytest.param(b"\x81", id="next to nothing"),
    ],
)
async def test_not_answered(
    device: LocalDevice, peer: RawPeer, datagram: bytes
) -> None:
    """Test that what is no request gets no answer and does no harm."""
    peer.send_datagram(ADDRESS, datagram)
    await asyncio.sleep(0.05)
    assert await peer.send_raw_apdu(ADDRESS, _READ) == _ANSWER


async def test_request_in_segments(device: LocalDevice, peer: RawPeer) -> None:
    """Test that a request that comes in two segments is answered when it is whole."""
    head = bytes((0x0E, 0x75, 7, 0, 2, 0x0C))
    acknowledge = await peer.send_raw_apdu(ADDRESS, head + _READ[4:9])
    assert acknowledge == bytes((0x41, 7, 0, 2))
    tail = bytes((0x0A, 0x75, 7, 1, 2, 0x0C))
    acknowledge = await peer.send_raw_apdu(ADDRESS, tail + _READ[9:])
    assert acknowledge == bytes((0x41, 7, 1, 2))
    assert await peer.receive_apdu() == _ANSWER


async def test_unconfirmed(node: Node, peer: RawPeer, port: int) -> None:
    """Test that an unconfirmed request is a plain datagram."""
    node.send(f"127.0.30.51:{port}", UnconfirmedService.WHO_IS, b"\x09\x00\x19\x01")
    assert await peer.receive_datagram() == bytes.fromhex(
        "81 0a 00 0c 01 00 10 08 09 00 19 01"
    )
