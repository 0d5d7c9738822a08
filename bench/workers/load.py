"""The load: a raw UDP client with a number of requests outstanding."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import batched, cycle, islice
import socket
from time import perf_counter

from bench.wire import (
    ANALOG_VALUE,
    APDU,
    i_am,
    object_id,
    read_present_value,
    read_present_values,
    subscribe_cov,
)

from .udp import Address
from .worker import BaseWorker

_PATIENCE = 2.0
_LARGEST = 2048
_INVOKE_IDS = 250
"""A ring of requests is a multiple of this, so that ids do not meet at its end."""


class Worker(BaseWorker):
    """Sends requests for the present-values of analog values 1 to ``points``."""

    def __init__(self) -> None:
        """Start without a subscription."""
        super().__init__()
        self._subscribers: list[socket.socket] = []

    async def answers(self, server: Address, points: int, at_once: int) -> str:
        """Return a digest of the answers to all requests, one after the other."""
        digest = sha256()
        with _connected(server) as client:
            for request in _requests(points, at_once):
                client.send(request)
                digest.update(client.recv(_LARGEST)[APDU:])
        return digest.hexdigest()

    async def rate(
        self,
        server: Address,
        points: int,
        at_once: int,
        outstanding: int,
        seconds: float,
        kind: int,
    ) -> tuple[int, float]:
        """Return how many requests were answered, and the seconds that took.

        Raises TimeoutError when an answer is lost, and ValueError when one is of
        another kind.
        """
        requests = cycle(_requests(points, at_once))
        answered = 0
        with _connected(server) as client:
            send, receive = client.send, client.recv
            for request in islice(requests, outstanding):
                send(request)
            started = now = perf_counter()
            end = started + seconds
            while now < end:
                if receive(_LARGEST)[APDU] != kind:
                    raise ValueError("a request was refused")
                send(next(requests))
                answered += 1
                now = perf_counter()
            for _ in range(outstanding):
                receive(_LARGEST)
        return answered, now - started

    async def subscribe(self, server: Address, subscribers: int) -> None:
        """Subscribe to the first object until there are that many subscribers."""
        while len(self._subscribers) < subscribers:
            subscriber = self.exits.enter_context(_connected(server))
            subscriber.send(subscribe_cov(object_id(ANALOG_VALUE, 1)))
            # The acknowledgement and the first notification, in either order.
            for _ in range(2):
                subscriber.recv(_LARGEST)
            subscriber.setblocking(False)
            self._subscribers.append(subscriber)

    async def notified(self) -> int:
        """Return how many notifications came since the last call."""
        count = 0
        for subscriber in self._subscribers:
            with suppress(BlockingIOError):
                while subscriber.recv(_LARGEST):
                    count += 1
        return count

    async def announce(self, node: Address, devices: int) -> None:
        """Send one I-Am for each device, each from an address of its own."""
        for number in range(1, devices + 1):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
                device.bind((f"127.1.{number >> 8}.{number & 255}", 0))
                device.sendto(i_am(number), tuple(node))


def _requests(points: int, at_once: int) -> list[bytes]:
    """Return requests that together read every point equally often."""
    items = [object_id(ANALOG_VALUE, number + 1) for number in range(points)]
    batches = list(batched(items, at_once, strict=True))
    return [
        read_present_value(number % _INVOKE_IDS, batch[0])
        if at_once == 1
        else read_present_values(number % _INVOKE_IDS, batch)
        for number, batch in enumerate(islice(cycle(batches), points))
    ]


@contextmanager
def _connected(server: Address) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        host, port = server
        client.settimeout(_PATIENCE)
        client.connect((host, port))
        yield client
