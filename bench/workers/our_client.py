"""Our client: a node with a session."""

import asyncio
from ipaddress import IPv4Interface
from random import uniform
from time import perf_counter, process_time

from bench.wire import ANALOG_INPUT
from custom_components.bacnet.client.client import Client
from custom_components.bacnet.client.device import DeviceSession
from custom_components.bacnet.client.directory import Directory
from custom_components.bacnet.client.inventory import read_inventory
from custom_components.bacnet.client.models import DeviceInfo
from custom_components.bacnet.client.reader import PropertyReader
from custom_components.bacnet.node.enumerations import Segmentation
from custom_components.bacnet.node.node import Node, NodeConfig
from custom_components.bacnet.node.types import ObjectId

from .stalls import StallWatch
from .udp import HOST, SITE_ADDRESS, Address
from .worker import BaseWorker

_PART_OF_SECOND = 0.05, 0.5
"""When a DataUpdateCoordinator of Home Assistant begins an update."""


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

    async def first_reading(self, port: int, devices: int) -> tuple[float, int, float]:
        """Return the seconds from Who-Is to the last value, the points, and their sum."""
        node = Node(NodeConfig(interface=IPv4Interface(f"{HOST}/8"), port=port))
        await node.start()
        client = Client(node)
        sessions: list[DeviceSession] = []
        all_found = asyncio.Event()

        async def read(info: DeviceInfo) -> None:
            session = client.open_session(info, cov=None)
            sessions.append(session)
            session.select((await session.load()).points)
            await session.poll()

        def found(info: DeviceInfo) -> None:
            readings.create_task(read(info))
            if len(client.directory.devices) == devices:
                all_found.set()

        try:
            started = perf_counter()
            async with asyncio.TaskGroup() as readings:
                search = readings.create_task(client.directory.search(on_found=found))
                await all_found.wait()
                search.cancel()
            seconds = perf_counter() - started
        finally:
            await client.close()
            await node.stop()
        values = [
            value.value
            for session in sessions
            for value in session.values.values()
            if isinstance(value.value, int | float)
        ]
        return seconds, len(values), sum(values)

    async def follow_site(self, port: int, devices: int, points: int) -> None:
        """Select the points of all devices of a site, and follow each of them."""
        await self.open()
        self._site: list[DeviceSession] = []
        self._changes = 0
        object_ids = [ObjectId(ANALOG_INPUT, number + 1) for number in range(points)]
        for number in range(devices):
            address: Address = [str(SITE_ADDRESS + number), port]
            info = _info(address, 1476, Segmentation.NO_SEGMENTATION)
            session = DeviceSession(self._node, info)
            self.exits.push_async_callback(session.close)
            session.select(object_ids)
            for object_id in object_ids:
                session.subscribe(object_id, self._changed)
            self._site.append(session)

    def _changed(self) -> None:
        self._changes += 1

    async def poll_site(self) -> tuple[float, int]:
        """Return the CPU time of polling all devices, and the number of changes."""
        self._changes = 0
        started = process_time()
        await asyncio.gather(*(session.poll() for session in self._site))
        return process_time() - started, self._changes

    async def stall_of_site(self, together: bool) -> float:
        """Return the longest stall of the loop while all devices are polled.

        They begin in one moment, or each in its own, as in Home Assistant: there each
        coordinator has its own part of the second.
        """

        async def poll(session: DeviceSession) -> None:
            await asyncio.sleep(0 if together else uniform(*_PART_OF_SECOND))
            await session.poll()

        async with StallWatch() as watch:
            await asyncio.gather(*map(poll, self._site))
        return watch.longest


def _info(device: Address, max_apdu: int, segmentation: Segmentation) -> DeviceInfo:
    host, port = device
    return DeviceInfo(
        instance=1,
        address=f"{host}:{port}",
        max_apdu=max_apdu,
        segmentation=segmentation,
        vendor_id=999,
    )
