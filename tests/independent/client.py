"""A BACnet client that shares no code with the integration or its stack."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Literal, Self

from ._pipe import Child
from .model import (
    CovNotification,
    Datatype,
    IAm,
    IHave,
    Name,
    PropertyKey,
    PropertyWrite,
    Range,
)

type StackName = Literal["bac-py", "rusty-bacnet"]

STACKS: Final[tuple[StackName, ...]] = ("bac-py", "rusty-bacnet")
_MODULES: Final[dict[StackName, str]] = {
    "bac-py": "_bac_py",
    "rusty-bacnet": "_rusty_client",
}


class IndependentClient:
    """A BACnet/IP client on its own loopback address.

    An address is "127.0.0.1" or "127.0.0.1:47809"; without a port it has the client's.
    Raises Refused for an Error, Reject or Abort and TimeoutError when nothing comes.
    Requests are never repeated. A segmented answer needs bac-py: rusty-bacnet 0.14.0
    acknowledges only full windows, so that it waits for ever after the first segment.
    """

    def __init__(
        self,
        address: str = "127.0.0.50",
        port: int = 47808,
        *,
        broadcast: str = "127.255.255.255",
        timeout: float = 2,
        stack: StackName = "bac-py",
    ) -> None:
        """Prepare a client; broadcasts go to its own port."""
        self.address = f"{address}:{port}"
        self._port = port
        self._options = {
            "address": address,
            "port": port,
            "broadcast": broadcast,
            "timeout": timeout,
        }
        self._child = Child(_MODULES[stack], self._hear)
        self._notifications: defaultdict[int, asyncio.Queue[CovNotification]] = (
            defaultdict(asyncio.Queue)
        )

    async def __aenter__(self) -> Self:
        """Start the client."""
        await self._child.start(**self._options)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the client."""
        await self._child.stop()

    async def who_is(
        self,
        low: int | None = None,
        high: int | None = None,
        address: str | None = None,
        *,
        wait: float = 0.3,
    ) -> list[IAm]:
        """Return who answers a broadcast, or a Who-Is to one address, within a time.

        bac-py lists every answer, rusty-bacnet one per device.
        """
        answers: list[IAm] = await self._child.call(
            "who_is", low, high, self._at(address) if address else None, wait
        )
        return answers

    async def who_has(
        self,
        wanted: str | tuple[Name, int],
        address: str | None = None,
        *,
        wait: float = 0.3,
    ) -> list[IHave]:
        """Return who has an object of a name or an identifier; an address needs bac-py."""
        answers: list[IHave] = await self._child.call(
            "who_has", wanted, self._at(address) if address else None, wait
        )
        return answers

    async def read_property(
        self,
        address: str,
        object_type: Name,
        instance: int,
        property: Name,
        index: int | None = None,
    ) -> Any:
        """Return a value.

        An enumerated is an int, an object identifier (type, instance), the others look
        as they are written (see Datatype). A list, if there is not exactly one value;
        Encoded, if it is constructed.
        """
        return await self._child.call(
            "read_property",
            self._at(address),
            PropertyKey(object_type, instance, property, index),
        )

    async def read_property_multiple(
        self, address: str, keys: Iterable[PropertyKey | tuple[Name, int, Name]]
    ) -> list[tuple[PropertyKey, Any]]:
        """Return the answers in their order; Refused stands for a value that failed."""
        answers: list[tuple[PropertyKey, Any]] = await self._child.call(
            "read_property_multiple",
            self._at(address),
            [PropertyKey(*key) for key in keys],
        )
        return answers

    async def write_property(
        self,
        address: str,
        object_type: Name,
        instance: int,
        property: Name,
        value: Any,
        datatype: Datatype,
        priority: int | None = None,
        index: int | None = None,
    ) -> None:
        """Write a value; rusty-bacnet sends no priority beyond 1 to 16."""
        await self._child.call(
            "write_property",
            self._at(address),
            PropertyWrite(
                object_type, instance, property, value, datatype, priority, index
            ),
        )

    async def relinquish(
        self,
        address: str,
        object_type: Name,
        instance: int,
        priority: int | None = None,
    ) -> None:
        """Write Null to the present value."""
        await self.write_property(
            address, object_type, instance, "present-value", None, "null", priority
        )

    async def write_property_multiple(
        self, address: str, writes: Iterable[PropertyWrite]
    ) -> None:
        """Write several values in one request."""
        await self._child.call(
            "write_property_multiple", self._at(address), list(writes)
        )

    async def subscribe_cov(
        self,
        address: str,
        object_type: Name,
        instance: int,
        *,
        process_id: int = 1,
        confirmed: bool = False,
        lifetime: int | None = 60,
    ) -> asyncio.Queue[CovNotification]:
        """Subscribe to an object and return where the process's notifications arrive."""
        await self._child.call(
            "subscribe_cov",
            self._at(address),
            (object_type, instance),
            process_id,
            confirmed,
            lifetime,
        )
        return self._notifications[process_id]

    async def subscribe_cov_property(
        self,
        address: str,
        object_type: Name,
        instance: int,
        property: Name,
        index: int | None = None,
        *,
        process_id: int = 1,
        confirmed: bool = False,
        lifetime: int | None = 60,
        increment: float | None = None,
    ) -> asyncio.Queue[CovNotification]:
        """Subscribe to a property, with bac-py only."""
        await self._child.call(
            "subscribe_cov_property",
            self._at(address),
            PropertyKey(object_type, instance, property, index),
            process_id,
            confirmed,
            lifetime,
            increment,
        )
        return self._notifications[process_id]

    async def unsubscribe_cov(
        self, address: str, object_type: Name, instance: int, *, process_id: int = 1
    ) -> None:
        """Cancel a subscription to an object."""
        await self._child.call(
            "unsubscribe_cov",
            self._at(address),
            (object_type, instance),
            process_id,
        )

    async def read_range(
        self,
        address: str,
        object_type: Name,
        instance: int,
        property: Name,
        start: int,
        count: int,
        *,
        by: Literal["position", "sequence"] = "position",
        index: int | None = None,
    ) -> Range:
        """Return a part of a list or log."""
        answer: Range = await self._child.call(
            "read_range",
            self._at(address),
            PropertyKey(object_type, instance, property, index),
            by,
            start,
            count,
        )
        return answer

    async def time_synchronization(
        self, address: str, time: datetime, *, utc: bool = False
    ) -> None:
        """Send a time, which nobody answers."""
        await self._child.call("time_synchronization", self._at(address), time, utc)

    async def device_communication_control(
        self,
        address: str,
        state: Literal["enable", "disable", "disable-initiation"],
        minutes: int | None = None,
        password: str | None = None,
    ) -> None:
        """Silence a device or let it speak."""
        await self._child.call(
            "device_communication_control",
            self._at(address),
            state,
            minutes,
            password,
        )

    async def reinitialize_device(
        self, address: str, state: str, password: str | None = None
    ) -> None:
        """Ask for a "coldstart", a "warmstart", a "start-backup", ..."""
        await self._child.call(
            "reinitialize_device", self._at(address), state, password
        )

    async def confirmed_request(
        self, address: str, service: int, parameters: bytes
    ) -> bytes:
        """Send any request, with bac-py only, and return the answer's parameters."""
        answer: bytes = await self._child.call(
            "confirmed_request", self._at(address), service, parameters
        )
        return answer

    def _at(self, address: str) -> str:
        """Return an address with its port."""
        return address if ":" in address else f"{address}:{self._port}"

    def _hear(self, notification: CovNotification) -> None:
        """Queue a notification for its process."""
        self._notifications[notification.process_id].put_nowait(notification)
