"""The device of bacpypes3."""

import asyncio
from collections.abc import Iterable
from time import process_time
from typing import Any

from bacpypes3.local.analog import AnalogValueObject, AnalogValueObjectCmd

from bench.wire import value_of

from .stock import stock_application
from .udp import Address
from .worker import BaseWorker

_SENDING_TIME = 0.05
"""Time for the last notification to leave."""


class Worker(BaseWorker):
    """Serves analog values."""

    async def open(self, points: int) -> Address:
        """Return the address."""
        self._objects = list(_made(AnalogValueObject, range(1, points + 1)))
        self._application, address = await stock_application(self._objects)
        self.exits.callback(self._application.close)
        return address

    async def change(self, times: int) -> float:
        """Return the CPU time of a change of the first object, in seconds."""
        first = self._objects[0]
        value = first.presentValue
        started = process_time()
        for _ in range(times):
            value += 1.0
            first.presentValue = value
            await asyncio.sleep(0)
        await asyncio.sleep(_SENDING_TIME)
        return (process_time() - started) / times

    async def create(self, first: int, count: int) -> float:
        """Make commandable objects; return the CPU time in seconds."""
        started = process_time()
        for made in _made(AnalogValueObjectCmd, range(first, first + count)):
            self._application.add_object(made)
        return process_time() - started


def _made(kind: type[Any], numbers: Iterable[int]) -> Iterable[Any]:
    for number in numbers:
        yield kind(
            objectIdentifier=("analog-value", number),
            objectName=f"Value {number}",
            description=f"Number {number}",
            units="degrees-celsius",
            presentValue=value_of(number),
            minPresValue=0.0,
            maxPresValue=100_000.0,
            covIncrement=0.1,
            eventState="normal",
            outOfService=False,
        )
