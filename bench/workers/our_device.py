"""Our device: a node with objects."""

import asyncio
from collections.abc import Iterable
import gc
from ipaddress import IPv4Interface
from itertools import batched
from time import process_time
import tracemalloc

from bench.wire import ANALOG_VALUE, value_of
from custom_components.bacnet.node.node import Node, NodeConfig
from custom_components.bacnet.node.types import ObjectId
from custom_components.bacnet.server.definition import (
    DeviceDefinition,
    ObjectDefinition,
)
from custom_components.bacnet.server.device import LocalDevice

from .stalls import StallWatch
from .udp import HOST, Address
from .worker import BaseWorker

_CHUNK = 100
"""Objects made before the loop gets its turn."""

_SENDING_TIME = 0.05
"""Time for the last notification to leave."""


class Worker(BaseWorker):
    """Serves analog values."""

    async def open(self, points: int) -> Address:
        """Return the address."""
        node = Node(NodeConfig(interface=IPv4Interface(f"{HOST}/32"), port=0))
        await node.start()
        self.exits.push_async_callback(node.stop)
        self._device = LocalDevice(
            node,
            DeviceDefinition(
                instance=1,
                name="Ours",
                vendor_name="Home Assistant",
                model_name="Benchmark",
                firmware_revision="1",
                application_software_version="1",
            ),
        )
        self.exits.callback(self._device.close)
        self._add(range(1, points + 1), writable=False)
        return [HOST, node.port]

    async def change(self, times: int) -> float:
        """Return the CPU time of a change of the first object, in seconds."""
        first = self._device.objects[ObjectId(ANALOG_VALUE, 1)]
        assert isinstance(first.present_value, float)
        value = first.present_value
        started = process_time()
        for _ in range(times):
            value += 1.0
            first.set_own_value(value)
            await asyncio.sleep(0)
        await asyncio.sleep(_SENDING_TIME)
        return (process_time() - started) / times

    async def create(self, first: int, count: int) -> float:
        """Make commandable objects; return the CPU time in seconds."""
        started = process_time()
        self._add(range(first, first + count), writable=True)
        return process_time() - started

    async def create_in_chunks(self, first: int, count: int) -> float:
        """Make commandable objects; return the longest stall in seconds."""
        async with StallWatch() as watch:
            for numbers in batched(range(first, first + count), _CHUNK, strict=False):
                self._add(numbers, writable=True)
                await asyncio.sleep(0)
        return watch.longest

    async def memory(self, first: int, count: int) -> float:
        """Return the octets of a commandable object whose properties were all read."""
        gc.collect()
        tracemalloc.start()
        try:
            self._add(range(first, first + count), writable=True)
            for number in range(first, first + count):
                added = self._device.objects[ObjectId(ANALOG_VALUE, number)]
                for property_id in added.property_ids():
                    added.read(property_id)
            gc.collect()
            return tracemalloc.get_traced_memory()[0] / count
        finally:
            tracemalloc.stop()

    def _add(self, numbers: Iterable[int], *, writable: bool) -> None:
        for number in numbers:
            self._device.add(
                ObjectDefinition(
                    object_id=ObjectId(ANALOG_VALUE, number),
                    name=f"Value {number}",
                    description=f"Number {number}",
                    units=62,
                    minimum=0.0,
                    maximum=100_000.0,
                    writable=writable,
                )
            ).set_own_value(value_of(number))
