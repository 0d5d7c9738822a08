"""Our client: a node with a session."""

import asyncio
from ipaddress import IPv4Interface
from time import perf_counter, process_time

from bench.wire import ANALOG_INPUT
from custom_components.bacnet.client.device import DeviceSession
from custom_components.bacnet.client.directory import Directory
from custom_components.bacnet.client.inventory import read_inventory
from custom_components.bacnet.client.models import DeviceInfo
from custom_components.bacnet.client.reader import PropertyReader
from custom_components.bacnet.node.enumerations import Segmentation
from custom_components.bacnet.node.node import Node, NodeConfig
from custom_components.bacnet.node.types import ObjectId

from .stalls import StallWatch
from .udp import HOST, Address
from .worker import BaseWorker


class Worker(BaseWorker):
    """Reads and listens as the integration does."""

    async def open(self) -> Address:
        """Return the address."""
        interface = IPv4Interface(f"{HOST}/32")
        self._node = Node(NodeConfig(interface=interface, port=0))
        await self._node.start()
        self.exits.push_async_callback(self._node.stop)
        return [HOST, self._node.port]

    async def follow(self, device: Address, points: int, max_apdu: int) -> None:
        """Select the points of a device."""
        info = _info(device, max_apdu, Segmentation.NO_SEGMENTATION)
        self._session = DeviceSession(self._node, info)
        self.exits.push_async_callback(self._session.close)
        self._session.select(
            ObjectId(ANALOG_INPUT, number + 1) for number in range(points)
        )

    async def poll(self, cycles: int) -> float:
        """Return the CPU time of reading all points, in seconds."""
        started = process_time()
        for _ in range(cycles):
            await self._session.poll()
        return (process_time() - started) / cycles

    async def total(self) -> float:
        """Return the sum of the values read, to see that they are right."""
        return sum(
            value.value
            for value in self._session.values.values()
            if isinstance(value.value, float) and value.status_flags is not None
        )

    async def inventory(self, device: Address) -> tuple[int, float, float]:
        """Return the number of points found, the time, and the longest stall."""
        info = _info(device, 1476, Segmentation.SEGMENTED_BOTH)
        reader = PropertyReader(self._node, info)
        async with StallWatch() as watch:
            started = perf_counter()
            inventory = await read_inventory(reader)
            seconds = perf_counter() - started
        return len(inventory.points), seconds, watch.longest

    async def hear(self, devices: int, seconds: float) -> tuple[int, float]:
        """Return how many devices were heard of, and the longest stall."""
        directory = Directory(self._node)
        try:
            async with StallWatch() as watch, asyncio.timeout(seconds):
                while len(directory.devices) < devices:
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pass
        finally:
            directory.close()
        return len(directory.devices), watch.longest


def _info(device: Address, max_apdu: int, segmentation: Segmentation) -> DeviceInfo:
    host, port = device
    return DeviceInfo(
        instance=1,
        address=f"{host}:{port}",
        max_apdu=max_apdu,
        segmentation=segmentation,
        vendor_id=999,
    )
