"""The client of bacpypes3."""

import asyncio
from itertools import batched
from time import process_time
from typing import Any

from bacpypes3.basetypes import PropertyIdentifier
from bacpypes3.pdu import Address as LibraryAddress
from bacpypes3.primitivedata import ObjectIdentifier

from .stock import stock_application
from .udp import Address
from .worker import BaseWorker

_CONCURRENCY = 4
"""As many requests at once as our node sends."""

_PRESENT_VALUE = PropertyIdentifier("present-value")


class Worker(BaseWorker):
    """Reads with Application.read_property_multiple."""

    async def open(self) -> Address:
        """Return the address."""
        self._application, address = await stock_application()
        self.exits.callback(self._application.close)
        return address

    async def follow(self, device: Address, points: int, batch: int) -> None:
        """Select the points of a device, and how many are read at once."""
        host, port = device
        self._address = LibraryAddress(f"{host}:{port}")
        properties = [_PRESENT_VALUE, PropertyIdentifier("status-flags")]
        objects = [
            ObjectIdentifier(("analog-input", number + 1)) for number in range(points)
        ]
        self._batches = [
            [part for item in items for part in (item, properties)]
            for items in batched(objects, batch, strict=False)
        ]

    async def poll(self, cycles: int) -> float:
        """Return the CPU time of reading all points, in seconds."""
        places = asyncio.Semaphore(_CONCURRENCY)

        async def read(batch: Any) -> Any:
            async with places:
                return await self._application.read_property_multiple(
                    self._address, batch
                )

        started = process_time()
        for _ in range(cycles):
            self._results = await asyncio.gather(*map(read, self._batches))
        return (process_time() - started) / cycles

    async def total(self) -> float:
        """Return the sum of the values read, to see that they are right."""
        return sum(
            float(value)
            for results in self._results
            for _, property_id, _, value in results
            if property_id == _PRESENT_VALUE
        )
