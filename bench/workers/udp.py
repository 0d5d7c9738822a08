"""A UDP endpoint that answers each datagram with another."""

import asyncio
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import override

HOST = "127.0.0.1"
BROADCAST = "127.255.255.255"

SITE_ADDRESS, SITE_INSTANCE = IPv4Address("127.0.2.1"), 3001
"""Those of the first device of a site; the others follow."""

type Address = list[str | int]
"""Host and port, as JSON has them."""

type Answer = Callable[[bytes], bytes]


class _Protocol(asyncio.DatagramProtocol):
    """Answers by a function."""

    def __init__(self, answer: Answer) -> None:
        """Keep the function."""
        self._answer = answer

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to send on."""
        assert isinstance(transport, asyncio.DatagramTransport)
        self._send = transport.sendto

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a datagram."""
        self._send(self._answer(data), addr)


async def answering(answer: Answer) -> asyncio.DatagramTransport:
    """Return an endpoint on a free port."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Protocol(answer), local_addr=(HOST, 0)
    )
    return transport
