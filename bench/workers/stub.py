"""A device of bytes: it answers reads of analog inputs at next to no cost."""

from collections.abc import Iterator
import struct

from bench.wire import APDU, COMPLEX_ACK, PRESENT_VALUE, datagram, value_of

from .udp import Address, answering
from .worker import BaseWorker

_INSTANCES = (1 << 22) - 1
_NO_FLAGS = b"\x82\x04\x00"


class Worker(BaseWorker):
    """Answers ReadPropertyMultiple of present-value and status-flags."""

    def __init__(self) -> None:
        """Start without a request."""
        super().__init__()
        self._requests = 0
        self._answers: dict[bytes, bytes] = {}

    async def open(self) -> Address:
        """Return the address."""
        transport = await answering(self._answer)
        self.exits.callback(transport.close)
        return list(transport.get_extra_info("sockname"))

    async def requests(self) -> int:
        """Return how many requests came since the last call."""
        requests, self._requests = self._requests, 0
        return requests

    def _answer(self, data: bytes) -> bytes:
        self._requests += 1
        invoke_id, service = data[APDU + 2 : APDU + 4]
        parameters = data[APDU + 4 :]
        answer = self._answers.get(parameters)
        if answer is None:
            answer = self._answers[parameters] = b"".join(_results(parameters))
        return datagram(bytes((COMPLEX_ACK, invoke_id, service)) + answer)


def _results(parameters: bytes) -> Iterator[bytes]:
    """Yield the answer to a ReadPropertyMultiple, piece by piece."""
    octets = iter(parameters)
    for _ in octets:
        item = bytes(next(octets) for _ in range(4))
        instance = int.from_bytes(item) & _INSTANCES
        next(octets)
        yield b"\x0c" + item + b"\x1e"
        while next(octets) == 0x09:
            property_id = next(octets)
            value = (
                b"\x44" + struct.pack(">f", value_of(instance))
                if property_id == PRESENT_VALUE
                else _NO_FLAGS
            )
            yield bytes((0x29, property_id)) + b"\x4e" + value + b"\x4f"
        yield b"\x1f"
