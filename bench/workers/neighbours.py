"""Other stations: some write to ours, some are told of its changes."""

import asyncio
from time import monotonic
from typing import override

from bench.wire import (
    ANALOG_VALUE,
    COV_NOTIFICATION,
    SIMPLE_ACK,
    SUBSCRIBE_INVOKE_ID,
    UNCONFIRMED_REQUEST,
    apdu_of,
    notified_value,
    object_id,
    subscribe_cov,
    write_present_value,
)

from .udp import Address
from .worker import BaseWorker

_PRIORITY = 8
_PATIENCE = 2.0
_TICK = 0.01
_INVOKE_IDS = 256
_HOSTS = "127.0.3."

type Moments = list[tuple[float, float]]
"""Values, and when they were there: seconds of the machine's monotonic clock."""


class Worker(BaseWorker):
    """Each station has an address of its own."""

    def __init__(self) -> None:
        """Start alone."""
        super().__init__()
        self._stations: list[_Station] = []

    async def open(self, node: Address, stations: int) -> None:
        """Make stations that know one node."""
        host, port = node
        for number in range(stations):
            (
                transport,
                station,
            ) = await asyncio.get_running_loop().create_datagram_endpoint(
                _Station,
                local_addr=(f"{_HOSTS}{number + 1}", 0),
                remote_addr=(str(host), int(port)),
            )
            self.exits.callback(transport.close)
            self._stations.append(station)

    async def write(
        self, instances: list[int], values: list[float], interval: float
    ) -> Moments:
        """Write the values, one after the other, each at its own moment.

        The stations take turns; each writes to an object of its own. Return when each
        value was sent. Raises TimeoutError when a write is not acknowledged, and
        ValueError when one is refused.
        """
        moments: Moments = []
        answers = []
        first = monotonic()
        for number, value in enumerate(values):
            await asyncio.sleep(max(first + number * interval - monotonic(), 0))
            turn = number % len(instances)
            moments.append((value, monotonic()))
            answers.append(self._stations[turn].write(instances[turn], value))
        async with asyncio.timeout(_PATIENCE):
            for answer in await asyncio.gather(*answers):
                if answer[0] != SIMPLE_ACK:
                    raise ValueError(f"a write was refused: {answer.hex()}")
        return moments

    async def subscribe(self, instances: list[int]) -> None:
        """Let each station subscribe to an object of its own."""
        async with asyncio.timeout(_PATIENCE):
            for station, instance in zip(self._stations, instances, strict=True):
                await station.subscribe(instance)
                while not station.notified:
                    await asyncio.sleep(_TICK)
                station.notified.clear()

    async def notified(self) -> Moments:
        """Return the values that were notified."""
        return [moment for station in self._stations for moment in station.notified]


class _Station(asyncio.DatagramProtocol):
    """One station."""

    def __init__(self) -> None:
        """Start without a request."""
        self.notified: Moments = []
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._invoke_id = 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to send on."""
        assert isinstance(transport, asyncio.DatagramTransport)
        self._send = transport.sendto

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take an answer or a notification."""
        now = monotonic()
        apdu = apdu_of(data)
        if apdu[0] != UNCONFIRMED_REQUEST:
            self._waiting.pop(apdu[1]).set_result(apdu)
        elif apdu[1] == COV_NOTIFICATION:
            self.notified.append((notified_value(apdu), now))

    def write(self, instance: int, value: float) -> asyncio.Future[bytes]:
        """Write to an analog value; return what becomes the answer."""
        self._invoke_id = (self._invoke_id + 1) % _INVOKE_IDS
        item = object_id(ANALOG_VALUE, instance)
        return self._request(
            self._invoke_id,
            write_present_value(self._invoke_id, item, value, _PRIORITY),
        )

    def subscribe(self, instance: int) -> asyncio.Future[bytes]:
        """Subscribe to an analog value; return what becomes the answer."""
        request = subscribe_cov(object_id(ANALOG_VALUE, instance))
        return self._request(SUBSCRIBE_INVOKE_ID, request)

    def _request(self, invoke_id: int, request: bytes) -> asyncio.Future[bytes]:
        answer = asyncio.get_running_loop().create_future()
        self._waiting[invoke_id] = answer
        self._send(request)
        return answer
