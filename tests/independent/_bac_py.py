"""The process of a client on bac-py."""

import asyncio
from collections.abc import Callable
from datetime import datetime
import socket
from typing import Any, Final, override

from bac_py.app.application import BACnetApplication, DeviceConfig
from bac_py.app.client import BACnetClient
from bac_py.encoding import primitives as codec
from bac_py.encoding.tags import decode_tag
from bac_py.network.address import GLOBAL_BROADCAST, BACnetAddress, parse_address
from bac_py.network.layer import NetworkLayer
from bac_py.services.common import BACnetPropertyValue
from bac_py.services.cov import COVNotificationRequest
from bac_py.services.errors import (
    BACnetAbortError,
    BACnetError,
    BACnetRejectError,
    BACnetTimeoutError,
)
from bac_py.services.read_property_multiple import (
    PropertyReference,
    ReadAccessSpecification,
)
from bac_py.services.read_range import RangeByPosition, RangeBySequenceNumber
from bac_py.services.who_is import IAmRequest, WhoIsRequest
from bac_py.services.write_property_multiple import WriteAccessSpecification
from bac_py.transport.bip import BIPTransport, _UDPProtocol
from bac_py.types.enums import (
    EnableDisable,
    ErrorClass,
    ErrorCode,
    ObjectType,
    PropertyIdentifier,
    ReinitializedState,
    UnconfirmedServiceChoice,
)
from bac_py.types.primitives import BACnetDate, BACnetTime, BitString, ObjectIdentifier

from ._pipe import Notify, serve
from .model import (
    ABORT_REASONS,
    REJECT_REASONS,
    SEGMENTATION,
    CovNotification,
    Datatype,
    Encoded,
    IAm,
    IHave,
    Name,
    PropertyKey,
    PropertyWrite,
    Range,
    Refused,
)

_ENCODERS: Final[dict[Datatype, Callable[[Any], bytes]]] = {
    "null": lambda _: codec.encode_application_null(),
    "boolean": codec.encode_application_boolean,
    "unsigned": codec.encode_application_unsigned,
    "signed": codec.encode_application_signed,
    "real": codec.encode_application_real,
    "double": codec.encode_application_double,
    "octet_string": codec.encode_application_octet_string,
    "character_string": codec.encode_application_character_string,
    "bit_string": lambda bits: codec.encode_application_bit_string(_bit_string(bits)),
    "enumerated": codec.encode_application_enumerated,
    "date": lambda date: codec.encode_application_date(BACnetDate(*date)),
    "time": lambda time: codec.encode_application_time(BACnetTime(*time)),
    "object_identifier": lambda key: codec.encode_application_object_id(
        _object_type(key[0]), key[1]
    ),
    "encoded": bytes,
}


class _Transport(BIPTransport):
    """Hears broadcasts although its socket is bound to one of many loopback addresses."""

    @override
    async def start(self) -> None:
        """Open a second socket, shared with the others who hear the broadcasts."""
        await super().start()
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((self._broadcast_address, self._port))
        self._broadcasts, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _UDPProtocol(self._on_datagram_received), sock=sock
        )

    @override
    async def stop(self) -> None:
        """Close both sockets."""
        self._broadcasts.close()
        await super().stop()


class _Application(BACnetApplication):
    """A client only, with the errors of WritePropertyMultiple put right."""

    def __init__(self, config: DeviceConfig, notify: Notify) -> None:
        """Tell COV notifications to notify."""
        super().__init__(config)
        self._notify = notify

    @override
    async def _start_non_router_mode(self) -> None:
        """Use our transport."""
        self._transport = transport = _Transport(
            self._config.interface, self._config.port, self._config.broadcast_address
        )
        self._network = NetworkLayer(transport)
        self._network.on_receive(self._on_apdu_received)
        await transport.start()

    @override
    def _broadcast_i_am(self) -> None:
        """Stay silent: a client is no device."""

    @override
    def _on_apdu_received(self, data: bytes, source: BACnetAddress) -> None:
        """Drop the opening tag that encloses class and code in some errors.

        bac-py 1.5.7 takes it for the error class and reports another error.
        """
        if data[0] >> 4 == 5 and data[3] == 0x0E:
            data = bytes(data[:3]) + bytes(data[4:])
        super()._on_apdu_received(data, source)

    @override
    async def _handle_confirmed_cov_notification(
        self, service_choice: int, data: bytes, source: BACnetAddress
    ) -> bytes | None:
        """Pass a notification on and acknowledge it."""
        self._notify(_notification(data, confirmed=True))
        return None

    @override
    async def _handle_unconfirmed_cov_notification(
        self, service_choice: int, data: bytes, source: BACnetAddress
    ) -> None:
        """Pass a notification on."""
        self._notify(_notification(data, confirmed=False))


class _BacPy:
    """The operations of a client."""

    def __init__(self, notify: Notify) -> None:
        """Tell COV notifications to notify."""
        self._notify = notify

    async def start(
        self, address: str, port: int, broadcast: str, timeout: float
    ) -> None:
        """Open the sockets."""
        config = DeviceConfig(
            instance_number=0x3FFFFF,
            interface=address,
            port=port,
            broadcast_address=broadcast,
            apdu_timeout=round(timeout * 1000),
            apdu_retries=0,
        )
        self._app = _Application(config, self._notify)
        self._client = BACnetClient(self._app)
        await self._app.start()

    async def stop(self) -> None:
        """Close them."""
        await self._app.stop()

    async def who_is(
        self, low: int | None, high: int | None, address: str | None, wait: float
    ) -> list[IAm]:
        """Return all answers, also repeated ones."""
        answers: list[IAm] = []

        def hear(data: bytes, source: BACnetAddress) -> None:
            answer = IAmRequest.decode(data)
            answers.append(
                IAm(
                    answer.object_identifier.instance_number,
                    str(source),
                    answer.max_apdu_length,
                    SEGMENTATION[answer.segmentation_supported],
                    answer.vendor_id,
                )
            )

        service = UnconfirmedServiceChoice.I_AM
        self._app.register_temporary_handler(service, hear)
        self._app.unconfirmed_request(
            parse_address(address) if address else GLOBAL_BROADCAST,
            UnconfirmedServiceChoice.WHO_IS,
            WhoIsRequest(low, high).encode(),
        )
        await asyncio.sleep(wait)
        self._app.unregister_temporary_handler(service, hear)
        return answers

    async def who_has(
        self, wanted: str | tuple[Name, int], address: str | None, wait: float
    ) -> list[IHave]:
        """Return the answers."""
        answers = await self._client.who_has(
            object_name=wanted if isinstance(wanted, str) else None,
            object_identifier=None if isinstance(wanted, str) else _object(*wanted),
            destination=parse_address(address) if address else GLOBAL_BROADCAST,
            timeout=wait,
        )
        return [
            IHave(
                answer.device_identifier.instance_number,
                *_key(answer.object_identifier),
                answer.object_name,
            )
            for answer in answers
        ]

    async def read_property(self, address: str, key: PropertyKey) -> Any:
        """Return the value."""
        answer = await self._confirmed(
            self._client.read_property(
                parse_address(address),
                _object(key.object_type, key.instance),
                _property(key.property),
                key.array_index,
            )
        )
        return _decode(answer.property_value)

    async def read_property_multiple(
        self, address: str, keys: list[PropertyKey]
    ) -> list[tuple[PropertyKey, Any]]:
        """Return the values and the refusals."""
        answer = await self._confirmed(
            self._client.read_property_multiple(
                parse_address(address),
                [
                    ReadAccessSpecification(
                        _object(*item),
                        [
                            PropertyReference(_property(key.property), key.array_index)
                            for key in group
                        ],
                    )
                    for item, group in _by_object(keys)
                ],
            )
        )
        return [
            (
                PropertyKey(
                    *_key(result.object_identifier),
                    _name(element.property_identifier),
                    element.property_array_index,
                ),
                _decode(element.property_value or b"")
                if element.property_access_error is None
                else _error(*element.property_access_error),
            )
            for result in answer.list_of_read_access_results
            for element in result.list_of_results
        ]

    async def write_property(self, address: str, write: PropertyWrite) -> None:
        """Write a value."""
        await self._confirmed(
            self._client.write_property(
                parse_address(address),
                _object(write.object_type, write.instance),
                _property(write.property),
                _encode(write.value, write.datatype),
                write.priority,
                write.array_index,
            )
        )

    async def write_property_multiple(
        self, address: str, writes: list[PropertyWrite]
    ) -> None:
        """Write several values."""
        await self._confirmed(
            self._client.write_property_multiple(
                parse_address(address),
                [
                    WriteAccessSpecification(
                        _object(*item),
                        [
                            BACnetPropertyValue(
                                _property(write.property),
                                write.array_index,
                                _encode(write.value, write.datatype),
                                write.priority,
                            )
                            for write in group
                        ],
                    )
                    for item, group in _by_object(writes)
                ],
            )
        )

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
                parse_address(address), _object(*item), process_id, confirmed, lifetime
            )
        )

    async def subscribe_cov_property(
        self,
        address: str,
        key: PropertyKey,
        process_id: int,
        confirmed: bool,
        lifetime: int | None,
        increment: float | None,
    ) -> None:
        """Subscribe to a property."""
        await self._confirmed(
            self._client.subscribe_cov_property(
                parse_address(address),
                _object(key.object_type, key.instance),
                _property(key.property),
                process_id,
                confirmed,
                lifetime,
                key.array_index,
                increment,
            )
        )

    async def unsubscribe_cov(
        self, address: str, item: tuple[Name, int], process_id: int
    ) -> None:
        """Cancel a subscription to an object."""
        await self._confirmed(
            self._client.unsubscribe_cov(
                parse_address(address), _object(*item), process_id
            )
        )

    async def read_range(
        self, address: str, key: PropertyKey, by: str, start: int, count: int
    ) -> Range:
        """Return a part of a list."""
        answer = await self._confirmed(
            self._client.read_range(
                parse_address(address),
                _object(key.object_type, key.instance),
                _property(key.property),
                key.array_index,
                RangeByPosition(start, count)
                if by == "position"
                else RangeBySequenceNumber(start, count),
            )
        )
        flags = answer.result_flags
        return Range(
            flags.first_item,
            flags.last_item,
            flags.more_items,
            answer.item_count,
            bytes(answer.item_data),
            answer.first_sequence_number,
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
        send(
            parse_address(address),
            BACnetDate(time.year, time.month, time.day, time.isoweekday()),
            BACnetTime(time.hour, time.minute, time.second, time.microsecond // 10000),
        )

    async def device_communication_control(
        self, address: str, state: str, minutes: int | None, password: str | None
    ) -> None:
        """Silence a device or let it speak."""
        await self._confirmed(
            self._client.device_communication_control(
                parse_address(address),
                EnableDisable[_member(state)],
                minutes,
                password,
            )
        )

    async def reinitialize_device(
        self, address: str, state: str, password: str | None
    ) -> None:
        """Ask for a restart, a backup or a restore."""
        await self._confirmed(
            self._client.reinitialize_device(
                parse_address(address), ReinitializedState[_member(state)], password
            )
        )

    async def confirmed_request(
        self, address: str, service: int, parameters: bytes
    ) -> bytes:
        """Send any request with finished parameters and return those of the answer."""
        return bytes(
            await self._confirmed(
                self._app.confirmed_request(parse_address(address), service, parameters)
            )
        )

    async def _confirmed(self, request: Any) -> Any:
        """Wait for the answer to a request."""
        try:
            return await request
        except BACnetError as error:
            raise _error(
                error.error_class, error.error_code, bytes(error.error_data)
            ) from None
        except BACnetRejectError as error:
            raise Refused("reject", None, REJECT_REASONS[error.reason]) from None
        except BACnetAbortError as error:
            raise Refused("abort", None, ABORT_REASONS[error.reason]) from None
        except BACnetTimeoutError:
            raise TimeoutError from None


def _member(name: str) -> str:
    """Return the name of an enumeration's member for a standard name."""
    return name.upper().replace("-", "_")


def _hyphens(member: Any) -> str:
    """Return the standard name of an enumeration's member."""
    return str(member.name).lower().replace("_", "-")


def _name(member: Any) -> Name:
    """Return the standard name of a type or property, the number of a proprietary one."""
    return int(member) if member.name.startswith("VENDOR_") else _hyphens(member)


def _object_type(name: Name) -> ObjectType:
    """Return an object type."""
    return ObjectType[_member(name)] if isinstance(name, str) else ObjectType(name)


def _object(object_type: Name, instance: int) -> ObjectIdentifier:
    """Return an object identifier."""
    return ObjectIdentifier(_object_type(object_type), instance)


def _key(identifier: ObjectIdentifier) -> tuple[Name, int]:
    """Return type and instance of an object."""
    return _name(identifier.object_type), identifier.instance_number


def _property(name: Name) -> PropertyIdentifier:
    """Return a property identifier."""
    if isinstance(name, str):
        return PropertyIdentifier[_member(name)]
    return PropertyIdentifier(name)


def _by_object[T: (PropertyKey, PropertyWrite)](
    items: list[T],
) -> list[tuple[tuple[Name, int], list[T]]]:
    """Return the items, grouped while their object stays the same."""
    groups: list[tuple[tuple[Name, int], list[T]]] = []
    for item in items:
        key = (item.object_type, item.instance)
        if not groups or groups[-1][0] != key:
            groups.append((key, []))
        groups[-1][1].append(item)
    return groups


def _encode(value: Any, datatype: Datatype) -> bytes:
    """Return the octets of a value or of a list of values."""
    values = value if isinstance(value, list) else [value]
    return b"".join(_ENCODERS[datatype](item) for item in values)


def _bit_string(bits: tuple[bool, ...]) -> BitString:
    """Return a bit string."""
    unused = -len(bits) % 8
    octets = (len(bits) + unused) // 8
    number = int("".join("01"[bit] for bit in bits) or "0", 2) << unused
    return BitString(number.to_bytes(octets), unused)


def _decode(octets: bytes) -> Any:
    """Return the value in octets, or a list when it is not exactly one."""
    try:
        values = [_plain(item) for item in codec.decode_all_application_values(octets)]
    except ValueError:
        return Encoded(octets)
    return values[0] if len(values) == 1 else values


def _plain(value: Any) -> Any:
    """Return a value without types of bac-py."""
    match value:
        case ObjectIdentifier():
            return _key(value)
        case BitString():
            return tuple(value[position] for position in range(len(value)))
        case BACnetDate():
            return value.year, value.month, value.day, value.day_of_week
        case BACnetTime():
            return value.hour, value.minute, value.second, value.hundredth
    return value


def _error(
    error_class: ErrorClass, error_code: ErrorCode, details: bytes = b""
) -> Refused:
    """Return the error in an answer."""
    return Refused(
        "error", _hyphens(error_class), _hyphens(error_code), _first_failed(details)
    )


def _first_failed(octets: bytes) -> PropertyKey | None:
    """Return what the error of a WritePropertyMultiple says after class and code."""
    if octets[:2] != b"\x0f\x1e":
        return None
    fields: dict[int, bytes] = {}
    position = 2
    while octets[position] != 0x1F:
        tag, position = decode_tag(octets, position)
        fields[tag.number] = octets[position : position + tag.length]
        position += tag.length
    return PropertyKey(
        *_key(ObjectIdentifier.decode(fields[0])),
        _name(PropertyIdentifier(int.from_bytes(fields[1]))),
        int.from_bytes(fields[2]) if 2 in fields else None,
    )


def _notification(data: bytes, *, confirmed: bool) -> CovNotification:
    """Return a notification that arrived."""
    notification = COVNotificationRequest.decode(data)
    return CovNotification(
        notification.subscriber_process_identifier,
        notification.initiating_device_identifier.instance_number,
        *_key(notification.monitored_object_identifier),
        notification.time_remaining,
        confirmed,
        {
            _name(value.property_identifier): _decode(bytes(value.value))
            for value in notification.list_of_values
        },
    )


if __name__ == "__main__":
    asyncio.run(serve(_BacPy))
