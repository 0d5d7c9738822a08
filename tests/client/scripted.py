"""A device made of bytes on a UDP socket, as awkward as a test wants it.

It is one protocol object, so that a test can change it while it runs: what it
contains, what it refuses, when it stays silent.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import socket
from typing import Any, override

from custom_components.bacnet.node.codec import Datatype, encode
from custom_components.bacnet.node.enumerations import (
    AbortReason,
    ConfirmedService as Service,
    ErrorClass,
    ErrorCode,
    ObjectType,
    PropertyIdentifier as Prop,
    RejectReason,
    Segmentation,
    UnconfirmedService,
)
from custom_components.bacnet.node.errors import AbortError, RejectError, ServiceError
from custom_components.bacnet.node.services import (
    CovSubscription,
    IAm,
    PropertySelection,
    PropertyWrite,
    decode_read_property,
    decode_read_property_multiple,
    decode_subscribe_cov,
    decode_who_is,
    decode_write_property,
    encode_cov_notification,
    encode_error,
    encode_i_am,
    encode_property_values,
    encode_read_property_ack,
    encode_read_property_multiple_ack,
)
from custom_components.bacnet.node.types import ObjectId, PropertyReference

UNKNOWN_OBJECT = ServiceError(ErrorClass.OBJECT, ErrorCode.UNKNOWN_OBJECT)
UNKNOWN_PROPERTY = ServiceError(ErrorClass.PROPERTY, ErrorCode.UNKNOWN_PROPERTY)
NO_SPACE = ServiceError(ErrorClass.RESOURCES, ErrorCode.NO_SPACE_TO_ADD_LIST_ELEMENT)
WRITE_DENIED = ServiceError(ErrorClass.PROPERTY, ErrorCode.WRITE_ACCESS_DENIED)
OUT_OF_RANGE = ServiceError(ErrorClass.SERVICES, ErrorCode.PARAMETER_OUT_OF_RANGE)

FLAGS_OK = encode(Datatype.BIT_STRING, (False, False, False, False))
FLAGS_FAULT = encode(Datatype.BIT_STRING, (False, True, False, False))

type Content = bytes | list[bytes] | ServiceError | AbortError


def real(value: float) -> bytes:
    """Return an encoded Real."""
    return encode(Datatype.REAL, value)


def text(value: str) -> bytes:
    """Return an encoded character string."""
    return encode(Datatype.CHARACTER_STRING, value)


def enumerated(value: int) -> bytes:
    """Return an encoded Enumerated."""
    return encode(Datatype.ENUMERATED, value)


def unsigned(value: int) -> bytes:
    """Return an encoded Unsigned."""
    return encode(Datatype.UNSIGNED, value)


def analog(name: str, value: float, **more: Content) -> dict[int, Content]:
    """Return the properties of an analog object in degrees Celsius."""
    return {
        Prop.OBJECT_NAME: text(name),
        Prop.PRESENT_VALUE: real(value),
        Prop.STATUS_FLAGS: FLAGS_OK,
        Prop.UNITS: enumerated(62),
    } | {Prop[key.upper()]: content for key, content in more.items()}


@dataclass
class ScriptedDevice(asyncio.DatagramProtocol):
    """A device whose behaviour is data."""

    instance: int = 7
    max_apdu: int = 1476
    segmentation: Segmentation = Segmentation.NO_SEGMENTATION
    vendor_id: int = 999
    objects: dict[ObjectId, dict[int, Content]] = field(default_factory=dict)
    device: dict[int, Content] = field(default_factory=dict)
    revision: int | None = 1

    silent: bool = False
    hears_broadcasts: bool = True
    dies_after: int | None = None
    latency: float = 0.0
    refuse: dict[int, Exception] = field(default_factory=dict)
    """The answer to all requests of a service."""
    ignore: Callable[[int, bytes], bool] = lambda service, body: False
    """Whether a request is lost."""
    mangle: Callable[[int, bytes], bytes] = lambda service, reply: reply
    """Changes the parameters of a positive answer."""
    reply_limit: int | None = None
    max_properties: int | None = None

    cov_limit: int | None = None
    cov_refusal: Callable[[CovSubscription], Exception | None] = lambda item: None
    notifies: bool = True

    services: Counter[int] = field(default_factory=Counter)
    requests: list[tuple[int, bytes]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    writes: list[PropertyWrite] = field(default_factory=list)
    subscriptions: dict[ObjectId, CovSubscription] = field(default_factory=dict)
    subscribe_log: list[CovSubscription] = field(default_factory=list)
    cov_answers: list[tuple[int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Prepare what belongs to the socket."""
        self.transports: list[asyncio.DatagramTransport] = []
        self.handles: set[asyncio.TimerHandle] = set()
        self.address = ""
        self.client: tuple[str, int] | None = None
        self.router: ScriptedRouter | None = None
        self._invoke_id = 0

    # --- the socket -------------------------------------------------------------------

    @override
    def connection_made(self, transport: Any) -> None:
        """Keep the socket; the first one is for sending."""
        self.transports.append(transport)

    @override
    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Take a datagram of BACnet/IP without routing information."""
        if self.silent or data[0] != 0x81 or data[4] != 1 or data[5] & 0x80:
            return
        # A global broadcast carries its destination network and a hop count.
        start = 6 + (4 + data[8] if data[5] & 0x20 else 0)
        self.received(data[start:], addr)

    def send(self, apdu: bytes, target: tuple[str, int]) -> None:
        """Send an APDU, from behind the router where there is one."""
        if self.router is not None:
            self.router.send(b"\x01\x08" + self.router.station(self) + apdu, target)
            return
        data = b"\x01\x00" + apdu
        self.transports[0].sendto(
            b"\x81\x0a" + (len(data) + 4).to_bytes(2) + data, target
        )

    def later(self, delay: float, action: Callable[..., None], *args: Any) -> None:
        """Do something later, unless the device is closed by then."""

        def run() -> None:
            self.handles.discard(handle)
            action(*args)

        handle = asyncio.get_running_loop().call_later(delay, run)
        self.handles.add(handle)

    # --- application layer ------------------------------------------------------------

    def received(self, apdu: bytes, source: tuple[str, int]) -> None:
        """Take an APDU."""
        kind = apdu[0] >> 4
        if kind == 1:
            if apdu[1] == UnconfirmedService.WHO_IS and self.hears_broadcasts:
                low, high = decode_who_is(apdu[2:])
                if low <= self.instance <= high:
                    self.announce(source)
        elif kind == 0:
            self.request(apdu[2], apdu[3], apdu[4:], source)
        else:
            self.cov_answers.append((kind, apdu))

    def announce(self, target: tuple[str, int]) -> None:
        """Send an I-Am."""
        i_am = IAm(self.instance, self.max_apdu, self.segmentation, self.vendor_id)
        self.send(bytes((0x10, UnconfirmedService.I_AM)) + encode_i_am(i_am), target)

    def request(
        self, invoke_id: int, service: int, body: bytes, source: tuple[str, int]
    ) -> None:
        """Answer a confirmed request, now or after the latency."""
        self.services[service] += 1
        self.requests.append((service, body))
        self.client = source
        if self.dies_after is not None:
            if self.dies_after == 0:
                self.silent = True
                return
            self.dies_after -= 1
        if self.ignore(service, body):
            return
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        reply = self.reply(invoke_id, service, body)
        if self.latency:
            self.later(self.latency, self.finish, reply, source)
        else:
            self.finish(reply, source)

    def finish(self, reply: bytes, source: tuple[str, int]) -> None:
        """Send an answer."""
        self.at_once -= 1
        if not self.silent:
            self.send(reply, source)

    def reply(self, invoke_id: int, service: int, body: bytes) -> bytes:
        """Return the answer to a request as an APDU."""
        try:
            if service in self.refuse:
                raise self.refuse[service]
            result = self.serve(service, body)
        except ServiceError as error:
            return bytes((0x50, invoke_id, service)) + encode_error(error)
        except RejectError as error:
            return bytes((0x60, invoke_id, error.reason))
        except AbortError as error:
            return bytes((0x71, invoke_id, error.reason))
        if result is None:
            return bytes((0x20, invoke_id, service))
        result = self.mangle(service, result)
        if len(result) + 3 > min(self.max_apdu, self.reply_limit or 1476):
            return bytes((0x71, invoke_id, AbortReason.SEGMENTATION_NOT_SUPPORTED))
        return bytes((0x30, invoke_id, service)) + result

    def serve(self, service: int, body: bytes) -> bytes | None:
        """Return the parameters of the answer to a request."""
        match service:
            case Service.READ_PROPERTY:
                reference = decode_read_property(body)
                content = self.read(reference)
                if not isinstance(content, bytes):
                    raise content
                return encode_read_property_ack(reference, content)
            case Service.READ_PROPERTY_MULTIPLE:
                return self.read_multiple(body)
            case Service.WRITE_PROPERTY:
                self.write(decode_write_property(body))
                return None
            case Service.SUBSCRIBE_COV:
                self.subscribe(decode_subscribe_cov(body))
                return None
        raise RejectError(RejectReason.UNRECOGNIZED_SERVICE)

    # --- properties -------------------------------------------------------------------

    def read_multiple(self, body: bytes) -> bytes:
        """Return the answer to a ReadPropertyMultiple."""
        specifications = decode_read_property_multiple(body)
        total = sum(len(selections) for _, selections in specifications)
        if self.max_properties is not None and total > self.max_properties:
            raise AbortError(AbortReason.BUFFER_OVERFLOW)
        results = []
        for object_id, selections in specifications:
            contents = []
            for selection in selections:
                content = self.read(PropertyReference(object_id, *selection))
                if isinstance(content, AbortError):
                    raise content
                contents.append((selection, content))
            results.append((object_id, contents))
        return encode_read_property_multiple_ack(results)

    def read(self, reference: PropertyReference) -> Any:
        """Return the encoded value of a property, or an error."""
        object_id, property_id, index = reference
        if object_id.type == ObjectType.DEVICE:
            if object_id.instance not in (self.instance, 4194303):
                return UNKNOWN_OBJECT
            content = self.device_property(property_id)
        elif object_id not in self.objects:
            return UNKNOWN_OBJECT
        else:
            content = self.objects[object_id].get(property_id)
        if content is None:
            return UNKNOWN_PROPERTY
        if isinstance(content, list):
            if index is None:
                return b"".join(content)
            if index == 0:
                return unsigned(len(content))
            if index > len(content):
                return ServiceError(ErrorClass.PROPERTY, ErrorCode.INVALID_ARRAY_INDEX)
            return content[index - 1]
        return content

    def device_property(self, property_id: int) -> Content | None:
        """Return a property of the device object."""
        if property_id in self.device:
            return self.device[property_id]
        device_id = ObjectId(ObjectType.DEVICE, self.instance)
        match property_id:
            case Prop.OBJECT_IDENTIFIER:
                return encode(Datatype.OBJECT_IDENTIFIER, device_id)
            case Prop.OBJECT_NAME:
                return text(f"Device {self.instance}")
            case Prop.DATABASE_REVISION if self.revision is not None:
                return unsigned(self.revision)
            case Prop.MAX_APDU_LENGTH_ACCEPTED:
                return unsigned(self.max_apdu)
            case Prop.SEGMENTATION_SUPPORTED:
                return enumerated(self.segmentation)
            case Prop.VENDOR_IDENTIFIER:
                return unsigned(self.vendor_id)
            case Prop.OBJECT_LIST:
                return [
                    encode(Datatype.OBJECT_IDENTIFIER, object_id)
                    for object_id in (device_id, *self.objects)
                ]
        return None

    def write(self, write: PropertyWrite) -> None:
        """Do a WriteProperty."""
        self.writes.append(write)
        object_id, property_id, _ = write.reference
        if object_id not in self.objects:
            raise UNKNOWN_OBJECT
        properties = self.objects[object_id]
        slots = properties.get(Prop.PRIORITY_ARRAY)
        if isinstance(slots, list) and property_id == Prop.PRESENT_VALUE:
            slots[(write.priority or 16) - 1] = write.value
            used = [slot for slot in slots if slot != b"\x00"]
            default = properties[Prop.RELINQUISH_DEFAULT]
            properties[property_id] = used[0] if used else default
        else:
            properties[property_id] = write.value

    # --- COV --------------------------------------------------------------------------

    def subscribe(self, item: CovSubscription) -> None:
        """Do a SubscribeCOV."""
        self.subscribe_log.append(item)
        if item.is_cancellation:
            self.subscriptions.pop(item.object_id, None)
            return
        if item.object_id not in self.objects:
            raise UNKNOWN_OBJECT
        refusal = self.cov_refusal(item)
        if refusal is not None:
            raise refusal
        if (
            self.cov_limit is not None
            and item.object_id not in self.subscriptions
            and len(self.subscriptions) >= self.cov_limit
        ):
            raise NO_SPACE
        self.subscriptions[item.object_id] = item
        # The first notification may well come before the acknowledgement.
        self.notify(item.object_id)

    def notify(self, object_id: ObjectId) -> None:
        """Send a notification to whoever subscribed to an object."""
        item = self.subscriptions.get(object_id)
        if item is None or not self.notifies or self.client is None or self.silent:
            return
        parameters = encode_cov_notification(
            item.process_id,
            ObjectId(ObjectType.DEVICE, self.instance),
            object_id,
            item.lifetime or 0,
            encode_property_values(
                (PropertySelection(property_id), content)
                for property_id in (Prop.PRESENT_VALUE, Prop.STATUS_FLAGS)
                if isinstance(content := self.objects[object_id][property_id], bytes)
            ),
        )
        if item.confirmed:
            self._invoke_id = (self._invoke_id + 1) % 256
            head = bytes((0x00, 0x05, self._invoke_id, 1))
        else:
            head = bytes((0x10, UnconfirmedService.UNCONFIRMED_COV_NOTIFICATION))
        self.send(head + parameters, self.client)

    def change(
        self, object_id: ObjectId, content: Content, *, notify: bool = True
    ) -> None:
        """Change a present-value, with or without telling."""
        self.objects[object_id][Prop.PRESENT_VALUE] = content
        if notify:
            self.notify(object_id)

    def close(self) -> None:
        """Close the sockets."""
        for handle in self.handles:
            handle.cancel()
        for transport in self.transports:
            transport.abort()


class ScriptedRouter(ScriptedDevice):
    """A router to one network, whose stations are devices of bytes, too."""

    def __post_init__(self) -> None:
        """Start without stations."""
        super().__post_init__()
        self.network = 5
        self.stations: dict[int, ScriptedDevice] = {}

    def add(self, number: int, device: ScriptedDevice) -> ScriptedDevice:
        """Put a device behind the router."""
        self.stations[number] = device
        device.router = self
        device.address = f"{self.network}:{number}"
        return device

    def station(self, device: ScriptedDevice) -> bytes:
        """Return the source address of a device."""
        number = next(key for key, item in self.stations.items() if item is device)
        return self.network.to_bytes(2) + bytes((1, number))

    @property
    def stations_at_once(self) -> int:
        """Return how many requests the stations work on."""
        return sum(device.at_once for device in self.stations.values())

    def send(self, npdu: bytes, target: tuple[str, int]) -> None:
        """Send an NPDU."""
        self.transports[0].sendto(
            b"\x81\x0a" + (len(npdu) + 4).to_bytes(2) + npdu, target
        )

    @override
    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Route a datagram, or say where the network is."""
        control, rest = data[5], data[6:]
        if control & 0x80:
            if rest[0] == 0x00:  # Who-Is-Router-To-Network
                self.send(b"\x01\x80\x01" + self.network.to_bytes(2), addr)
            return
        if not control & 0x20:
            return
        network, length = int.from_bytes(rest[:2]), rest[2]
        destination, apdu = rest[3 : 3 + length], rest[4 + length :]
        if network not in (self.network, 0xFFFF):
            return
        for number, device in self.stations.items():
            if destination in (b"", bytes((number,))) and not device.silent:
                device.received(apdu, addr)

    @override
    def close(self) -> None:
        """Close the sockets of the router and the timers of its stations."""
        for device in self.stations.values():
            device.close()
        super().close()


@asynccontextmanager
async def running(
    device: ScriptedDevice, host: str, port: int
) -> AsyncIterator[ScriptedDevice]:
    """Run a device on an address, with its broadcasts."""
    loop = asyncio.get_running_loop()
    for target in (host, "127.255.255.255"):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        if target != host:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((target, port))
        await loop.create_datagram_endpoint(lambda: device, sock=sock)
    device.address = f"{host}:{port}" if port != 47808 else host
    try:
        yield device
    finally:
        device.close()
        await asyncio.sleep(0)
