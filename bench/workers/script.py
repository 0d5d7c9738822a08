"""A plain script that reads a site as fast as it can: what a reader could do at best.

It shares no code with the integration. It knows beforehand how much of these devices
fits one answer, asks each device for as much at once as our client does, and has no
time-outs, no second tries and nothing that a device could refuse.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import batched
import struct
from time import monotonic
from typing import override

from bench.wire import (
    ANALOG_INPUT,
    ANALOG_OUTPUT,
    ANALOG_VALUE,
    BINARY_INPUT,
    BINARY_OUTPUT,
    BINARY_VALUE,
    COMPLEX_ACK,
    DEVICE,
    MULTI_STATE_INPUT,
    MULTI_STATE_VALUE,
    PRESENT_VALUE,
    STATUS_FLAGS,
    UNCONFIRMED_REQUEST,
    Selection,
    apdu_of,
    read_selections,
    tags,
    who_is,
)

from .udp import BROADCAST, HOST
from .worker import BaseWorker

type Value = int | float | str | bytes
type Values = dict[tuple[bytes, Selection], list[Value]]

_PATIENCE = 20
_AT_ONCE = 4
"""Requests under way to one device, as many as our client has."""

_TYPE_SHIFT = 22
_NETWORK_PORT = 56

_OBJECT_LIST = (76, None)
_DEVICE_SELECTIONS: tuple[Selection, ...] = (
    *((property_id, None) for property_id in (155, 203, 97, 77, 28, 121, 70, 44)),
    *((property_id, None) for property_id in (12, 372, 58)),
    _OBJECT_LIST,
)

_COMMON = (77, 28)
_ANALOG = (117, 69, 65, 106, 22)
_BINARY = (46, 4)
_MULTI_STATE = (74, 110)
_PRIORITY = 431
_LAST_SLOT: Selection = (87, 16)
_METADATA = {
    ANALOG_INPUT: _ANALOG,
    ANALOG_OUTPUT: (*_ANALOG, _PRIORITY),
    ANALOG_VALUE: (*_ANALOG, _PRIORITY),
    BINARY_INPUT: _BINARY,
    BINARY_OUTPUT: (*_BINARY, _PRIORITY),
    BINARY_VALUE: (*_BINARY, _PRIORITY),
    MULTI_STATE_INPUT: _MULTI_STATE,
    MULTI_STATE_VALUE: (*_MULTI_STATE, _PRIORITY),
}
_VALUES = {ANALOG_VALUE, BINARY_VALUE, MULTI_STATE_VALUE}
"""Types that may have a priority array or none."""

_VALUE_BEGINS, _VALUE_ENDS = 0x4E, 0x4F

_METADATA_AT_ONCE = 12
_VALUES_AT_ONCE = 45
"""Objects whose properties just fit one answer of these devices."""


class Worker(BaseWorker):
    """Reads all devices at the same time."""

    async def first_reading(self, port: int, devices: int) -> tuple[float, int, float]:
        """Return the seconds from Who-Is to the last value, the points, and their sum."""
        reader = _Reader()
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: reader, local_addr=(HOST, 0), allow_broadcast=True
        )
        try:
            async with asyncio.timeout(_PATIENCE):
                started = monotonic()
                transport.sendto(who_is(), (BROADCAST, port))
                async with asyncio.TaskGroup() as tasks:
                    readings = [
                        tasks.create_task(_read_device(reader, *await reader.found()))
                        for _ in range(devices)
                    ]
                seconds = monotonic() - started
        finally:
            transport.close()
        values = [value for reading in readings for value in reading.result()]
        return seconds, len(values), sum(values)


class _Reader(asyncio.DatagramProtocol):
    """The socket: requests and their answers."""

    def __init__(self) -> None:
        """Start without a request."""
        self._found: asyncio.Queue[tuple[tuple[str, int], bytes]] = asyncio.Queue()
        self._waiting: dict[tuple[tuple[str, int], int], asyncio.Future[bytes]] = {}
        self._invoke_id = 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to send on."""
        assert isinstance(transport, asyncio.DatagramTransport)
        self._send = transport.sendto

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take an I-Am or an answer."""
        apdu = apdu_of(data)
        if apdu[0] == UNCONFIRMED_REQUEST:
            self._found.put_nowait((addr, apdu[3:7]))
        else:
            self._waiting.pop((addr, apdu[1])).set_result(apdu)

    async def found(self) -> tuple[tuple[str, int], bytes]:
        """Return the address and the identifier of the next device."""
        return await self._found.get()

    async def read(
        self,
        address: tuple[str, int],
        items: Iterable[tuple[bytes, Iterable[Selection]]],
    ) -> Values:
        """Return what one request brings."""
        invoke_id = self._invoke_id = (self._invoke_id + 1) % 256
        answer = asyncio.get_running_loop().create_future()
        self._waiting[address, invoke_id] = answer
        self._send(read_selections(invoke_id, items), address)
        apdu = await answer
        if apdu[0] != COMPLEX_ACK:
            raise ValueError(f"refused: {apdu.hex()}")
        return dict(_decoded(apdu[3:]))


async def _read_device(
    reader: _Reader, address: tuple[str, int], device: bytes
) -> list[float]:
    """Return the present-values of a device as numbers, when all is known of it."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def read(
        items: Sequence[tuple[bytes, Iterable[Selection]]],
    ) -> Values:
        async with places:
            return await reader.read(address, items)

    async def read_all(
        items: Iterable[tuple[bytes, Iterable[Selection]]], at_once: int
    ) -> Values:
        found = await asyncio.gather(*map(read, batched(items, at_once, strict=False)))
        return {key: value for part in found for key, value in part.items()}

    found = await read([(device, _DEVICE_SELECTIONS)])
    objects = [
        item
        for item in found[device, _OBJECT_LIST]
        if isinstance(item, bytes) and _type_of(item) not in (DEVICE, _NETWORK_PORT)
    ]
    metadata = await read_all(
        ((item, _metadata_of(item)) for item in objects), _METADATA_AT_ONCE
    )
    values = await read_all(
        (
            (
                item,
                [
                    (property_id, None)
                    for property_id in (PRESENT_VALUE, STATUS_FLAGS, _PRIORITY)
                    if property_id != _PRIORITY or (item, (_PRIORITY, None)) in metadata
                ],
            )
            for item in objects
        ),
        _VALUES_AT_ONCE,
    )
    return [
        value
        for item in objects
        for value in values[item, (PRESENT_VALUE, None)]
        if isinstance(value, int | float)
    ]


def _type_of(item: bytes) -> int:
    return int.from_bytes(item) >> _TYPE_SHIFT


def _metadata_of(item: bytes) -> list[Selection]:
    object_type = _type_of(item)
    selections: list[Selection] = [
        (property_id, None) for property_id in (*_COMMON, *_METADATA[object_type])
    ]
    if object_type in _VALUES:
        selections.append(_LAST_SLOT)
    return selections


def _decoded(
    parameters: bytes,
) -> Iterator[tuple[tuple[bytes, Selection], list[Value]]]:
    """Yield the values in the answer to a ReadPropertyMultiple, without the errors."""
    item, property_id, index = b"", 0, None
    values: list[Value] | None = None
    for kind, content in tags(parameters):
        if kind == _VALUE_BEGINS:
            values = []
        elif kind == _VALUE_ENDS:
            assert values is not None
            yield (item, (property_id, index)), values
            values = None
        elif values is not None:
            values.append(_value_of(kind, content))
        elif kind == 0x08:
            item = content
        elif kind == 0x28:
            property_id, index = int.from_bytes(content), None
        elif kind == 0x38:
            index = int.from_bytes(content)


def _value_of(kind: int, content: bytes) -> Value:
    match kind:
        case 0x20 | 0x90:
            return int.from_bytes(content)
        case 0x40:
            return float(struct.unpack(">f", content)[0])
        case 0x70:
            return content[1:].decode()
    return content
