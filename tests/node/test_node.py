"""The station on real UDP sockets."""

import asyncio
from collections.abc import Callable
import errno
from ipaddress import IPv4Interface
from pathlib import Path
import socket
import time

import pytest

from custom_components.bacnet.node.enumerations import (
    AbortReason,
    ConfirmedService,
    ErrorClass,
    ErrorCode,
    RejectReason,
    Segmentation,
    UnconfirmedService,
)
from custom_components.bacnet.node.errors import (
    AbortError,
    AddressInUseError,
    AddressUnavailableError,
    BacnetError,
    NodeStartError,
    NodeStoppedError,
    NoResponseError,
    OverloadError,
    RejectError,
    ServiceError,
    UnreachableError,
)
from custom_components.bacnet.node.node import (
    GLOBAL_BROADCAST,
    LOCAL_BROADCAST,
    Node,
    NodeConfig,
    normalized_address,
)
from tests.conftest import NodeFactory

READ = ConfirmedService.READ_PROPERTY
SILENT = "127.0.0.99"


@pytest.fixture
def silent(port: int) -> str:
    """Return an address where nobody answers."""
    return f"{SILENT}:{port}"


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def _settled(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


# --- starting and stopping --------------------------------------------------------------


async def test_taken_port_is_named(start_node: NodeFactory) -> None:
    """Test that a second node on the same address is refused at once."""
    node = await start_node()
    with pytest.raises(AddressInUseError, match=f"127.0.0.1:{node.port}"):
        await start_node()


@pytest.mark.parametrize("option", [socket.SO_REUSEPORT, socket.SO_REUSEADDR])
async def test_taken_port_is_found_though_shared(
    start_node: NodeFactory, port: int, option: int
) -> None:
    """Test that other stacks' shared sockets are found, before they split our traffic."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, option, 1)
        other.bind(("0.0.0.0", port))
        with pytest.raises(AddressInUseError):
            await start_node()
    await start_node()


async def test_foreign_address_is_named(start_node: NodeFactory) -> None:
    """Test that an address of another machine is refused."""
    with pytest.raises(AddressUnavailableError, match="192.0.2.1"):
        await start_node("192.0.2.1")


async def test_other_start_errors_are_named(
    start_node: NodeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test that any refusal of the system becomes a start error with its text."""

    def refuse(self: socket.socket, address: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(NodeStartError, match="Permission denied"):
        await start_node()


async def test_starts_fifty_times_in_a_row(port: int) -> None:
    """Test that nothing stays behind, and the port is free at once."""
    config = NodeConfig(interface=IPv4Interface("127.0.0.1/8"), port=port)
    counts = []
    for _ in range(50):
        node = Node(config)
        await node.start()
        request = asyncio.create_task(node.request(SILENT, READ, b""))
        await asyncio.sleep(0)
        await node.stop()
        with pytest.raises(NodeStoppedError):
            await request
        counts.append((_open_files(), len(asyncio.all_tasks())))
    assert len(set(counts)) == 1


async def test_two_nodes_share_a_broadcast_address(start_node: NodeFactory) -> None:
    """Test that both hear a broadcast, also with a stock stack beside them."""
    heard = []
    for host in ("127.0.0.1", "127.0.0.2"):
        node = await start_node(host)
        node.listen(
            UnconfirmedService.WHO_IS, lambda source, data: heard.append(source)
        )
    sender = await start_node("127.0.0.3")
    sender.send(LOCAL_BROADCAST, UnconfirmedService.WHO_IS)
    await _settled(lambda: len(heard) == 2)
    sender.send(GLOBAL_BROADCAST, UnconfirmedService.WHO_IS)
    await _settled(lambda: len(heard) == 4)
    assert set(heard) == {sender.address}


async def test_hears_limited_broadcast(start_node: NodeFactory) -> None:
    """Test that 255.255.255.255 is heard from our network only."""
    node = await start_node()
    heard = []
    node.listen(UnconfirmedService.WHO_IS, lambda source, data: heard.append(source))
    # No network of a test has a limited broadcast: the datagram is handed in.
    endpoints = node._link.server._endpoints  # noqa: SLF001
    limited = endpoints[2][1]
    who_is = b"\x81\x0b\x00\x08\x01\x00\x10\x08"
    limited.datagram_received(who_is, ("127.1.2.3", 47808))
    limited.datagram_received(who_is, ("192.0.2.7", 47808))
    await _settled(lambda: bool(heard))
    assert heard == ["127.1.2.3"]
    assert endpoints[2][0].get_extra_info("sockname")[0] == "255.255.255.255"


async def test_single_address_has_no_broadcast(port: int) -> None:
    """Test a network without broadcast address: unicasts work, broadcasts go nowhere."""
    node = Node(NodeConfig(interface=IPv4Interface("127.0.0.1/32"), port=port))
    await node.start()
    assert not node.can_broadcast
    node.send(LOCAL_BROADCAST, UnconfirmedService.WHO_IS)
    await asyncio.sleep(0.01)
    assert node.statistics.sent == 0
    await node.stop()


async def test_receive_buffer_is_large(start_node: NodeFactory) -> None:
    """Test that the system was asked for a buffer that holds a burst."""
    limit = int(Path("/proc/sys/net/core/rmem_max").read_text())
    node = await start_node()
    assert node.statistics.receive_buffer >= min(4 << 20, limit)


# --- asking and answering ------------------------------------------------------------------


async def test_question_and_answer(start_node: NodeFactory) -> None:
    """Test every kind of answer."""
    server = await start_node("127.0.0.1")
    client = await start_node("127.0.0.2")
    answers: dict[bytes, bytes | BacnetError | None] = {
        b"\x01": b"data",
        b"\x02": None,
        b"\x03": ServiceError(ErrorClass.OBJECT, ErrorCode.UNKNOWN_OBJECT),
        b"\x04": RejectError(RejectReason.TOO_MANY_ARGUMENTS),
        b"\x05": AbortError(AbortReason.OUT_OF_RESOURCES),
    }

    def handler(source: str, data: bytes) -> bytes | None:
        assert source == client.address
        answer = answers[data]
        if isinstance(answer, BacnetError):
            raise answer
        return answer

    server.answer(READ, handler)
    assert await client.request(server.address, READ, b"\x01") == b"data"
    assert await client.request(server.address, READ, b"\x02") == b""
    for question, kind in ((b"\x03", ServiceError), (b"\x04", RejectError)):
        with pytest.raises(kind) as error:
            await client.request(server.address, READ, question)
        assert str(error.value) == str(answers[question])
    with pytest.raises(AbortError, match="out-of-resources"):
        await client.request(server.address, READ, b"\x05")


async def test_fault_of_a_handler_is_answered(
    start_node: NodeFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """Test that a bug is logged and the client gets an error, not silence."""
    server = await start_node("127.0.0.1")
    client = await start_node("127.0.0.2")
    server.answer(READ, lambda source, data: bytes(1 // len(data)))
    with pytest.raises(ServiceError, match="operational-problem"):
        await client.request(server.address, READ, b"")
    assert "Answering read-property failed" in caplog.text
    caplog.clear()


async def test_unknown_service_is_rejected(start_node: NodeFactory) -> None:
    """Test services that nobody answers, and one that does not exist."""
    server = await start_node("127.0.0.1")
    client = await start_node("127.0.0.2")
    for service in (READ, 99):
        with pytest.raises(RejectError, match="unrecognized-service"):
            await client.request(server.address, service, b"")


async def test_long_messages_are_segmented(start_node: NodeFactory) -> None:
    """Test that both directions carry more than a datagram."""
    server = await start_node("127.0.0.1")
    client = await start_node("127.0.0.2")
    server.answer(READ, lambda source, data: data * 2)
    data = bytes(range(256)) * 40
    client.learn_peer(server.address, 1476, Segmentation.SEGMENTED_BOTH)
    assert await client.request(server.address, READ, data) == data * 2


async def test_segments_fit_the_client(start_node: NodeFactory, port: int) -> None:
    """Test that no segment is longer than the client takes."""
    server = await start_node("127.0.0.1")
    server.answer(READ, lambda source, data: bytes(1000))
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
        raw.setblocking(False)
        raw.bind(("127.0.0.4", port))
        # Segmented response accepted, up to 480 octets (code 3)
        apdu = bytes((0x02, 0x73, 1, READ))
        bvll = b"\x81\x0a" + (6 + len(apdu)).to_bytes(2) + b"\x01\x04"
        await loop.sock_sendto(raw, bvll + apdu, ("127.0.0.1", port))
        first = await loop.sock_recv(raw, 2000)
        assert first[6] & 0x0C == 0x0C
        assert len(first) - 6 <= 480
        # Nobody acknowledges: the first segment comes again, and then no more.
        assert await loop.sock_recv(raw, 2000) == first
    # Without segmentation the same question is aborted.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
        raw.setblocking(False)
        raw.bind(("127.0.0.5", port))
        apdu = bytes((0x00, 0x03, 1, READ))
        await loop.sock_sendto(raw, bvll + apdu, ("127.0.0.1", port))
        assert (await loop.sock_recv(raw, 2000))[6:] == bytes(
            (0x71, 1, AbortReason.SEGMENTATION_NOT_SUPPORTED)
        )


async def test_silence_is_noticed(start_node: NodeFactory, silent: str) -> None:
    """Test that tries and time-out of a request can be chosen."""
    node = await start_node()
    start = time.monotonic()
    with pytest.raises(NoResponseError, match=SILENT):
        await node.request(silent, READ, b"", timeout=0.05, retries=2)
    assert 0.14 < time.monotonic() - start < 1


async def test_cancelled_request_is_not_repeated(
    start_node: NodeFactory, port: int
) -> None:
    """Test that nothing is sent for a request nobody waits for."""
    node = await start_node()
    received = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
        raw.bind((SILENT, port))
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        loop.add_reader(raw, lambda: received.append(raw.recv(2000)))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await node.request(f"{SILENT}:{port}", READ, b"", timeout=0.1)
        await asyncio.sleep(0.3)
        loop.remove_reader(raw)
    assert len(received) == 1


async def test_two_thousand_requests_to_a_silent_address(
    start_node: NodeFactory, silent: str
) -> None:
    """Test that neither the loop hangs nor the limit is exceeded."""
    node = await start_node(requests_per_destination=4)
    tasks = [
        asyncio.create_task(node.request(silent, READ, b"", timeout=30))
        for _ in range(2000)
    ]
    await asyncio.sleep(0.05)
    assert node.statistics.outstanding == 4
    assert node.statistics.sent == 4
    await node.stop()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(result) for result in results} == {NodeStoppedError}


async def test_total_limit(start_node: NodeFactory, port: int) -> None:
    """Test that many silent devices together stay below the limit of all."""
    node = await start_node(requests_total=8)
    tasks = [
        asyncio.create_task(
            node.request(f"127.0.1.{host}:{port}", READ, b"", timeout=30)
        )
        for host in range(1, 100)
    ]
    await asyncio.sleep(0.05)
    assert node.statistics.outstanding == 8
    await node.stop()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_invoke_ids_can_not_run_out(start_node: NodeFactory, silent: str) -> None:
    """Test that even without a sensible limit the loop does not hang."""
    node = await start_node(requests_per_destination=300, requests_total=300)
    tasks = [
        asyncio.create_task(node.request(silent, READ, b"", timeout=30))
        for _ in range(300)
    ]
    await asyncio.sleep(0.05)
    assert node.statistics.outstanding == 256
    await node.stop()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(result, OverloadError) for result in results) == 44


async def test_unknown_network(start_node: NodeFactory) -> None:
    """Test that a network without a router is an error of its own."""
    node = await start_node()
    with pytest.raises(UnreachableError, match="no route"):
        await node.request("5:12", READ, b"")


async def test_stopped_node_refuses(start_node: NodeFactory) -> None:
    """Test that requests after the end fail at once and messages go nowhere."""
    node = await start_node()
    await node.stop()
    with pytest.raises(NodeStoppedError):
        await node.request(SILENT, READ, b"")
    node.send(LOCAL_BROADCAST, UnconfirmedService.WHO_IS)


async def test_stop_while_a_router_is_looked_for(start_node: NodeFactory) -> None:
    """Test that not even the search for a router survives."""
    node = await start_node()
    task = asyncio.create_task(node.request("5:12", READ, b""))
    await asyncio.sleep(0.01)
    await node.stop()
    with pytest.raises(BacnetError):
        await task


# --- whatever arrives ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\x81",
        b"\x82\x0a\x00\x04",
        b"\x81\x0a\x00\x04",
        b"\x81\x0a\x00\x06\x01\x04",
        b"\x81\x0a\x00\x08\x01\x04\x00\x05",
        b"\x81\x0a\x00\x07\x01\x04\xf0",
        b"\x81\x0a\x00\x08\x01\x00\x10\x08",
        b"\x81\x0a\x00\x09\x01\x00\x10\x00\xff",
        b"\x81\x0a\x00\x09\x01\x80\x00\x00\x05",
        b"\x81\x0a\x00\x0a\x01\x04\x30\x01\x0c\x00",
        b"\x81\x99\x00\x04",
    ],
)
async def test_malformed_datagrams_do_no_harm(
    start_node: NodeFactory,
    port: int,
    datagram: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Test that the node goes on and the log stays clean."""
    server = await start_node("127.0.0.1")
    client = await start_node("127.0.0.2")
    server.answer(READ, lambda source, data: b"fine")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
        raw.bind(("127.0.0.4", port))
        raw.sendto(datagram, ("127.0.0.1", port))
    assert await client.request(server.address, READ, b"") == b"fine"
    assert not [record for record in caplog.records if record.levelname != "DEBUG"]


async def test_malformed_broadcasts_are_ignored(start_node: NodeFactory) -> None:
    """Test that a handler's complaint about a message ends with the message."""
    server = await start_node("127.0.0.1")
    client = await start_node("127.0.0.2")
    heard = []

    def complain(source: str, data: bytes) -> None:
        heard.append(data)
        raise ServiceError(ErrorClass.DEVICE, ErrorCode.OTHER)

    forget = server.listen(UnconfirmedService.I_AM, complain)
    client.send(server.address, UnconfirmedService.I_AM, b"\x01")
    await _settled(lambda: heard == [b"\x01"])
    forget()
    client.send(server.address, UnconfirmedService.I_AM, b"\x02")
    server.answer(READ, lambda source, data: b"")
    await client.request(server.address, READ, b"")
    assert heard == [b"\x01"]


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("10.0.0.5", "10.0.0.5"),
        (" 10.0.0.5:47808 ", "10.0.0.5"),
        ("10.0.0.5:47809", "10.0.0.5:47809"),
        ("5:12", "5:12"),
        ("5:10.0.0.7", "5:10.0.0.7"),
    ],
)
def test_addresses(text: str, normal: str) -> None:
    """Test how addresses are written."""
    assert normalized_address(text) == normal


@pytest.mark.parametrize(
    "text",
    ["", "host", "host:47808", "12", "10.0.0", "300.0.0.1", "10.0.0.5:99999", "eth0"],
)
def test_no_addresses(text: str) -> None:
    """Test that what is no address is refused, without asking a name server."""
    with pytest.raises(ValueError):
        normalized_address(text)
