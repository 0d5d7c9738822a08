"""The process of a client on rusty-bacnet."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime
from typing import Any, Final

import rusty_bacnet as rusty

from ._pipe import Notify, serve
from ._rusty import (
    decode,
    encode,
    error_names,
    member,
    object_id,
    object_key,
    property_id,
    property_name,
)
from .model import (
    ABORT_REASONS,
    REJECT_REASONS,
    SEGMENTATION,
    CovNotification,
    IAm,
    IHave,
    Name,
    PropertyKey,
    PropertyWrite,
    Range,
    Refused,
)

# Far beyond any test: rusty-bacnet repeats a request after it, and reports the end of
# the repetitions as an Abort by the device.
_NEVER: Final = 600_000


class _Rusty:
    """The operations of a client."""

    def __init__(self, notify: Notify) -> None:
        """Tell COV notifications to notify."""
        self._notify = notify

    async def start(
        self, address: str, port: int, broadcast: str, timeout: float
    ) -> None:
        """Open the sockets."""
        self._timeout = timeout
        self._client = rusty.BACnetClient(
            address, port, broadcast, _NEVER, share_port_by_address=True
        )
        try:
            await self._client.__aenter__()
        except rusty.BacnetTransportError as error:
            raise OSError(error.errno, error.strerror) from None
        self._hearing = asyncio.create_task(self._hear())

    async def stop(self) -> None:
        """Close them."""
        await self._client.__aexit__()
        await self._hearing

    async def _hear(self) -> None:
        """Pass notifications on."""
        async for heard in await self._client.cov_notifications():
            self._notify(
                CovNotification(
                    heard.subscriber_process_identifier,
                    heard.initiating_device_identifier.instance,
                    *object_key(heard.monitored_object_identifier),
                    heard.time_remaining,
                    heard.delivery == "confirmed",
                    {
                        property_name(value["property_id"]): decode(value["value"])
                        for value in heard.values
                    },
                )
            )

    async def who_is(
        self, low: int | None, high: int | None, address: str | None, wait: float
    ) -> list[IAm]:
        """Return one answer per device."""
        await self._client.clear_devices()
        if address:
            await self._client.who_is_directed(address, low, high)
        else:
            await self._client.who_is(low, high)
        await asyncio.sleep(wait)
        return [
            IAm(
                device.object_identifier.instance,
                _address(device.mac_address),
                device.max_apdu_length,
                SEGMENTATION[device.segmentation_supported.to_raw()],
                device.vendor_id,
            )
            for device in await self._client.discovered_devices()
        ]

    async def who_has(
        self, wanted: str | tuple[Name, int], address: str | None, wait: float
    ) -> list[IHave]:
        """Return one answer per device."""
        if address:
            raise NotImplementedError("rusty-bacnet only broadcasts Who-Has")
        answers = await self._client.who_has_replies(
            wanted if isinstance(wanted, str) else object_id(*wanted),
            timeout_ms=round(wait * 1000),
        )
        return [
            IHave(
                answer.device_identifier.instance,
                *object_key(answer.object_identifier),
                answer.object_name,
            )
            for answer in answers
        ]

    async def read_property(self, address: str, key: PropertyKey) -> Any:
        """Return the value."""
        return decode(
            await self._confirmed(
                self._client.read_property(
                    address,
                    object_id(key.object_type, key.instance),
                    property_id(key.property),
                    key.array_index,
                )
            )
        )

    async def read_property_multiple(
        self, address: str, keys: list[PropertyKey]
    ) -> list[tuple[PropertyKey, Any]]:
        """Return the values and the refusals."""
        groups: list[tuple[Any, list[Any]]] = []
        for key in keys:
            item = object_id(key.object_type, key.instance)
            if not groups or groups[-1][0] != item:
                groups.append((item, []))
            groups[-1][1].append((property_id(key.property), key.array_index))
        answer = await self._confirmed(
            self._client.read_property_multiple(address, groups)
        )
        return [
            (
                PropertyKey(
                    *object_key(result["object_id"]),
                    property_name(element["property_id"]),
                    element["array_index"],
                ),
                decode(element["value"] or b"")
                if element["error"] is None
                else Refused(
                    "error",
                    *error_names(*(part.to_raw() for part in element["error"])),
                ),
            )
            for result in answer
            for element in result["results"]
        ]

    async def write_property(self, address: str, write: PropertyWrite) -> None:
        """Write a value."""
        await self._confirmed(
            self._client.write_property(
                address,
                object_id(write.object_type, write.instance),
                property_id(write.property),
                encode(write.value, write.datatype),
                write.priority,
                write.array_index,
            )
        )

    async def write_property_multiple(
        self, address: str, writes: list[PropertyWrite]
    ) -> None:
        """Write several values."""
        groups: list[tuple[Any, list[Any]]] = []
        for write in writes:
            item = object_id(write.object_type, write.instance)
            if not groups or groups[-1][0] != item:
                groups.append((item, []))
            groups[-1][1].append(
                (
                    property_id(write.property),
                    encode(write.value, write.datatype),
                    write.priority,
                    write.array_index,
                )
            )
        await self._confirmed(self._client.write_property_multiple(address, groups))

    async def subscribe_cov(
        self,
        address: str,
        item: tuple[Name, int],
        process_id: int,
        confirmed: bool,
        lifetime: int | None,
    ) -> None:
        """Subscribe to an object."""
        await self._confirmed(
            self._client.subscribe_cov(
                address, process_id, object_id(*item), confirmed, lifetime
            )
        )

    async def unsubscribe_cov(
        self, address: str, item: tuple[Name, int], process_id: int
    ) -> None:
        """Cancel a subscription to an object."""
        await self._confirmed(
            self._client.unsubscribe_cov(address, process_id, object_id(*item))
        )

    async def read_range(
        self, address: str, key: PropertyKey, by: str, start: int, count: int
    ) -> Range:
        """Return a part of a list."""
        answer = await self._confirmed(
            self._client.read_range(
                address,
                object_id(key.object_type, key.instance),
                property_id(key.property),
                key.array_index,
                "position" if by == "position" else "sequence",
                start if by == "position" else None,
                None if by == "position" else start,
                count,
            )
        )
        return Range(
            *answer["result_flags"],
            answer["item_count"],
            answer["item_data"],
            answer["first_sequence_number"],
        )

    async def time_synchronization(
        self, address: str, time: datetime, utc: bool
    ) -> None:
        """Send a time."""
        send = (
            self._client.utc_time_synchronization
            if utc
            else self._client.time_synchronization
        )
        await send(
            address,
            (time.year, time.month, time.day, time.isoweekday()),
            (time.hour, time.minute, time.second, time.microsecond // 10000),
        )

    async def device_communication_control(
        self, address: str, state: str, minutes: int | None, password: str | None
    ) -> None:
        """Silence a device or let it speak."""
        await self._confirmed(
            self._client.device_communication_control(
                address, member(rusty.EnableDisable, state), minutes, password
            )
        )

    async def reinitialize_device(
        self, address: str, state: str, password: str | None
    ) -> None:
        """Ask for a restart, a backup or a restore."""
        await self._confirmed(
            self._client.reinitialize_device(
                address, member(rusty.ReinitializedState, state), password
            )
        )

    async def _confirmed[T](self, request: Awaitable[T]) -> T:
        """Wait for the answer to a request."""
        try:
            async with asyncio.timeout(self._timeout):
                return await request
        except rusty.BacnetProtocolError as error:
            failed = error.first_failed_write_attempt
            raise Refused(
                "error",
                *error_names(error.error_class, error.error_code),
                failed
                and PropertyKey(
                    *object_key(failed["object_identifier"]),
                    property_name(failed["property_identifier"]),
                    failed["property_array_index"],
                ),
            ) from None
        except rusty.BacnetRejectError as error:
            raise Refused("reject", None, REJECT_REASONS[error.reason]) from None
        except rusty.BacnetAbortError as error:
            raise Refused("abort", None, ABORT_REASONS[error.reason]) from None


def _address(mac: bytes) -> str:
    """Return address and port."""
    return f"{'.'.join(map(str, mac[:4]))}:{int.from_bytes(mac[4:])}"


if __name__ == "__main__":
    asyncio.run(serve(_Rusty))
