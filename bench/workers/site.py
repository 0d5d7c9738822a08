"""A site of bytes: many devices of analog inputs, at next to no cost."""

import asyncio
from collections import Counter
from collections.abc import Iterator
import socket
from typing import override

from bench.wire import (
    ABORT,
    ANALOG_INPUT,
    COMPLEX_ACK,
    COV_NOTIFICATION,
    DEVICE,
    ERROR,
    NO_SEGMENTATION,
    PRESENT_VALUE,
    READ_PROPERTY,
    READ_PROPERTY_MULTIPLE,
    REJECT,
    SIMPLE_ACK,
    STATUS_FLAGS,
    SUBSCRIBE_COV,
    UNCONFIRMED_REQUEST,
    WHO_IS,
    Selection,
    apdu_of,
    character_string,
    context,
    datagram,
    i_am,
    object_id,
    real,
    tags,
    unsigned,
    value_of,
)

from .udp import BROADCAST, SITE_ADDRESS, SITE_INSTANCE
from .worker import BaseWorker

_RECEIVE_BUFFER = 1 << 20

_LARGEST_ANSWER = 1476
_SEGMENTATION_NOT_SUPPORTED = 4
_UNRECOGNIZED_SERVICE = 9
_UNKNOWN_PROPERTY = b"\x91\x02\x91\x20"

_INSTANCES = (1 << 22) - 1
_TYPE_SHIFT = 22
_NO_FLAGS = b"\x82\x04\x00"

_DEVICE_PROPERTIES = {
    12: character_string("1.0"),
    28: character_string("Device of a benchmark"),
    44: character_string("2.0"),
    58: character_string("Benchmark"),
    70: character_string("Bytes"),
    97: b"\x85\x06\x00\x04\x0a\x00\x20\x20",
    121: character_string("Nobody"),
    155: b"\x21\x01",
    372: character_string("0001"),
}
"""Texts, and the services: SubscribeCOV, ReadProperty, ReadPropertyMultiple, Who-Is."""

_POINT_PROPERTIES = {
    22: real(0.5),
    65: real(100_000.0),
    69: real(-50.0),
    106: real(0.1),
    117: b"\x91\x3e",
    STATUS_FLAGS: _NO_FLAGS,
}


class Worker(BaseWorker):
    """Answers for every device on its own address, and to a Who-Is for all."""

    def __init__(self) -> None:
        """Start without a device."""
        super().__init__()
        self.points = 0
        self.requests_by_service: Counter[tuple[int, int]] = Counter()
        self._added = 0.0
        self._answers: dict[tuple[int, bytes], bytes] = {}
        self._devices: dict[int, asyncio.DatagramTransport] = {}

    async def open(self, port: int, devices: int, points: int) -> None:
        """Start the devices, all of them with the same points."""
        self.points = points
        for number in range(devices):
            address = (str(SITE_ADDRESS + number), port)
            instance = SITE_INSTANCE + number
            self._devices[instance] = await self._listen(address, instance)
        await self._listen((BROADCAST, port), None)

    async def _listen(
        self, address: tuple[str, int], instance: int | None
    ) -> asyncio.DatagramTransport:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.exits.callback(sock.close)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if instance is None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(address)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Protocol(self, instance), sock=sock
        )
        self.exits.callback(transport.close)
        return transport

    async def requests(self) -> dict[str, int]:
        """Return the most requests that one device got: reads, subscriptions."""
        reads: Counter[int] = Counter()
        subscriptions: Counter[int] = Counter()
        for (instance, service), count in self.requests_by_service.items():
            counter = subscriptions if service == SUBSCRIBE_COV else reads
            counter[instance] += count
        self.requests_by_service.clear()
        return {
            "reads": max(reads.values(), default=0),
            "subscriptions": max(subscriptions.values(), default=0),
        }

    async def advance(self) -> None:
        """Change every value."""
        self._added += 1.0
        self._answers.clear()

    # --- answering --------------------------------------------------------------------

    def announce(self, apdu: bytes, source: tuple[str, int]) -> None:
        """Answer a Who-Is for all devices it means."""
        limits = [int.from_bytes(content) for _, content in tags(apdu[2:])]
        low, high = limits or (0, _INSTANCES)
        for instance, transport in self._devices.items():
            if low <= instance <= high:
                transport.sendto(i_am(instance, NO_SEGMENTATION), source)

    def answer(self, instance: int, apdu: bytes) -> Iterator[bytes]:
        """Yield the answer to a confirmed request, and a first notification."""
        invoke_id, service = apdu[2:4]
        parameters = apdu[4:]
        self.requests_by_service[instance, service] += 1
        if service == SUBSCRIBE_COV:
            yield bytes((SIMPLE_ACK, invoke_id, service))
            fields = dict(tags(parameters))
            if 0x28 in fields:
                yield self._notification(instance, fields[0x08], fields[0x18])
            return
        key = (service, parameters)
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = self._read(service, parameters)
        yield answer[:1] + bytes((invoke_id,)) + answer[1:]

    def _read(self, service: int, parameters: bytes) -> bytes:
        """Return an answer without its invoke id."""
        if service == READ_PROPERTY:
            return self._read_property(parameters)
        if service != READ_PROPERTY_MULTIPLE:
            return bytes((REJECT, _UNRECOGNIZED_SERVICE))
        answer = b"".join(
            (bytes((COMPLEX_ACK, service)), *self._read_multiple(parameters))
        )
        if len(answer) >= _LARGEST_ANSWER:
            return bytes((ABORT, _SEGMENTATION_NOT_SUPPORTED))
        return answer

    def _read_property(self, parameters: bytes) -> bytes:
        fields = dict(tags(parameters))
        index = fields.get(0x28)
        value = self._value(
            fields[0x08],
            (
                int.from_bytes(fields[0x18]),
                None if index is None else int.from_bytes(index),
            ),
        )
        if value is None:
            return bytes((ERROR, READ_PROPERTY)) + _UNKNOWN_PROPERTY
        return b"".join(
            (bytes((COMPLEX_ACK, READ_PROPERTY)), parameters, b"\x3e", value, b"\x3f")
        )

    def _read_multiple(self, parameters: bytes) -> Iterator[bytes]:
        item = b""
        inside = False
        wanted: list[Selection] = []
        for kind, content in tags(parameters):
            match kind:
                case 0x08 if not inside:
                    item = content
                case 0x08:
                    wanted.append((int.from_bytes(content), None))
                case 0x18:
                    wanted[-1] = wanted[-1][0], int.from_bytes(content)
                case 0x1E:
                    inside = True
                case 0x1F:
                    yield context(0, item) + b"\x1e"
                    for selection in wanted:
                        yield self._result(item, selection)
                    yield b"\x1f"
                    inside = False
                    wanted.clear()

    def _result(self, item: bytes, selection: Selection) -> bytes:
        property_id, index = selection
        head = context(2, property_id)
        if index is not None:
            head += context(3, index)
        value = self._value(item, selection)
        if value is None:
            return head + b"\x5e" + _UNKNOWN_PROPERTY + b"\x5f"
        return head + b"\x4e" + value + b"\x4f"

    def _value(self, item: bytes, selection: Selection) -> bytes | None:
        """Return an encoded value, None for an unknown property."""
        property_id, index = selection
        number = int.from_bytes(item)
        instance = number & _INSTANCES
        if number >> _TYPE_SHIFT == DEVICE:
            match property_id, index:
                case 75, None:
                    return b"\xc4" + item
                case 76, 0:
                    count = unsigned(self.points + 1)
                    return bytes((0x20 | len(count),)) + count
                case 76, None:
                    return b"".join(
                        self._listed(item, place) for place in range(1, self.points + 2)
                    )
                case 76, int():
                    return self._listed(item, index)
                case 77, None:
                    return character_string(f"Device {instance}")
            return _DEVICE_PROPERTIES.get(property_id)
        if property_id == PRESENT_VALUE:
            return real(value_of(instance) + self._added)
        if property_id == 28:
            return character_string(f"Description of point {instance}")
        if property_id == 77:
            return character_string(f"Point {instance}")
        return _POINT_PROPERTIES.get(property_id)

    def _listed(self, device: bytes, place: int) -> bytes:
        """Return an element of the object list: the device, then its points."""
        return b"\xc4" + (device if place == 1 else object_id(ANALOG_INPUT, place - 1))

    def _notification(self, instance: int, process: bytes, item: bytes) -> bytes:
        value = self._value(item, (PRESENT_VALUE, None))
        assert value is not None
        return b"".join(
            (
                bytes((UNCONFIRMED_REQUEST, COV_NOTIFICATION)),
                context(0, process),
                context(1, object_id(DEVICE, instance)),
                context(2, item),
                context(3, 0),
                b"\x4e",
                context(0, PRESENT_VALUE) + b"\x2e" + value + b"\x2f",
                context(0, STATUS_FLAGS) + b"\x2e" + _NO_FLAGS + b"\x2f",
                b"\x4f",
            )
        )


class _Protocol(asyncio.DatagramProtocol):
    """One address of the site; that of no device is the broadcast address."""

    def __init__(self, site: Worker, instance: int | None) -> None:
        """Answer by the site."""
        self._site = site
        self._instance = instance

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to send on."""
        assert isinstance(transport, asyncio.DatagramTransport)
        self._send = transport.sendto

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a datagram."""
        apdu = apdu_of(data)
        if apdu[0] == UNCONFIRMED_REQUEST:
            if apdu[1] == WHO_IS:
                self._site.announce(apdu, addr)
        elif self._instance is not None and not apdu[0] & 0xF0:
            for answer in self._site.answer(self._instance, apdu):
                self._send(datagram(answer), addr)
