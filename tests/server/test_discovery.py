"""Who-Is, I-Am, Who-Has and I-Have."""

import asyncio
from typing import override

import pytest

from custom_components.bacnet.server.device import LocalDevice
from tests.independent.client import STACKS, IndependentClient, StackName
from tests.independent.model import IAm, IHave
from tests.independent.raw import RawPeer, unicast

from .objects import ADDRESS, INSTANCE


@pytest.mark.parametrize("stack", STACKS)
async def test_who_is(device: LocalDevice, port: int, stack: StackName) -> None:
    """Test that the device answers whoever means it, and nobody else."""
    us = IAm(INSTANCE, f"{ADDRESS}:{port}", 1476, "segmented-both", 999)
    async with IndependentClient("127.0.30.60", port, stack=stack) as client:
        for limits in ((), (0, 4194303), (INSTANCE, INSTANCE), (0, INSTANCE)):
            assert await client.who_is(*limits, wait=0.1) == [us]
        assert await client.who_is(INSTANCE, INSTANCE, ADDRESS, wait=0.1) == [us]
        for low, high in ((0, INSTANCE - 1), (INSTANCE + 1, 4194303)):
            assert not await client.who_is(low, high, wait=0.1)


@pytest.mark.parametrize("stack", STACKS)
async def test_who_has(device: LocalDevice, port: int, stack: StackName) -> None:
    """Test that objects are found by identifier and by name."""
    async with IndependentClient("127.0.30.60", port, stack=stack) as client:
        for wanted, found in (
            ("analog-input 1", ("analog-input", 1, "analog-input 1")),
            (("analog-input", 1), ("analog-input", 1, "analog-input 1")),
            ("Home", ("device", INSTANCE, "Home")),
            (("network-port", 1), ("network-port", 1, "Network Port 1")),
        ):
            answers = await client.who_has(wanted, wait=0.1)
            assert answers == [IHave(INSTANCE, *found)]
        for unknown in ("home", "", ("analog-input", 99)):
            assert not await client.who_has(unknown, wait=0.1)


async def test_who_has_within_limits(device: LocalDevice, peer: RawPeer) -> None:
    """Test that a search for an object respects the range of devices."""
    wanted = bytes.fromhex("2c 00 00 00 01")
    inside = bytes.fromhex("10 07 09 00 1a 22 b8")
    outside = bytes.fromhex("10 07 09 00 1a 22 b7")
    answer = await peer.send_raw_apdu(ADDRESS, inside + wanted)
    assert answer[:7] == bytes.fromhex("10 01 c4 02 00 22 b8")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await peer.send_raw_apdu(ADDRESS, outside + wanted)


async def test_malformed(device: LocalDevice, peer: RawPeer) -> None:
    """Test that nobody answers what makes no sense."""
    for request in ("10 08 09 00", "10 08 19 00", "10 07", "10 07 09 00", "10 63"):
        peer.send_datagram(ADDRESS, unicast(bytes.fromhex(request)))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await peer.receive_datagram()


async def test_announce(device: LocalDevice, peer: RawPeer, port: int) -> None:
    """Test that the device tells all networks that it is here."""
    loop = asyncio.get_running_loop()
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    class Protocol(asyncio.DatagramProtocol):
        @override
        def datagram_received(self, data: bytes, addr: object) -> None:
            heard.put_nowait(data)

    transport, _ = await loop.create_datagram_endpoint(
        Protocol, local_addr=("127.255.255.255", port), reuse_port=True
    )
    device.announce()
    async with asyncio.timeout(1):
        datagram = await heard.get()
    transport.close()
    # Original-Broadcast-NPDU to the global network 65535, then the I-Am.
    assert datagram.hex(" ") == (
        "81 0b 00 19 01 20 ff ff 00 ff 10 00 c4 02 00 22 b8 22 05 c4 91 00 22 03 e7"
    )
