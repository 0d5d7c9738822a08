"""The Device object: what the device is and can do (clause 12.11)."""

from collections.abc import Callable, Iterable, Sequence
from typing import override

from ..node.codec import Datatype, encode
from ..node.enumerations import (
    ConfirmedService,
    ObjectType,
    PropertyIdentifier as P,
    Segmentation,
    UnconfirmedService,
)
from ..node.node import MAX_APDU, Node
from ..node.types import ObjectId
from .clock import Clock, bacnet_date, bacnet_time, is_daylight_saving, utc_offset
from .definition import DeviceDefinition
from .kinds import OBJECT_KINDS
from .served import (
    FALSE,
    IDENTITY,
    PROPERTY_LIST,
    TRUE,
    Property,
    ServedObject,
    Shape,
    Table,
    constant,
    enumerated,
    optional,
    required,
    text,
    unsigned,
)
from .table import ObjectTable

_PROTOCOL_VERSION = 1

_PROTOCOL_REVISION = 19
"""ANSI/ASHRAE 135-2016, whose rules we follow to the letter.

From revision 20 on a device has to refuse DISABLE in DeviceCommunicationControl, from
21 on it has to acknowledge a Null written to a value that is not commandable.
"""

_SERVICE_BITS = 44
_OBJECT_TYPE_BITS = 60

_FIRST_MOVED = ConfirmedService.READ_RANGE

_CONFIRMED_BITS = {
    ConfirmedService.READ_RANGE: 35,
    ConfirmedService.LIFE_SAFETY_OPERATION: 37,
    ConfirmedService.SUBSCRIBE_COV_PROPERTY: 38,
    ConfirmedService.GET_EVENT_INFORMATION: 39,
    ConfirmedService.SUBSCRIBE_COV_PROPERTY_MULTIPLE: 41,
    ConfirmedService.CONFIRMED_COV_NOTIFICATION_MULTIPLE: 42,
}
"""Bits of the confirmed services from ReadRange on; those before have their number."""

_UNCONFIRMED_BITS = {
    UnconfirmedService.I_AM: 26,
    UnconfirmedService.I_HAVE: 27,
    UnconfirmedService.UNCONFIRMED_COV_NOTIFICATION: 28,
    UnconfirmedService.UNCONFIRMED_EVENT_NOTIFICATION: 29,
    UnconfirmedService.UNCONFIRMED_PRIVATE_TRANSFER: 30,
    UnconfirmedService.UNCONFIRMED_TEXT_MESSAGE: 31,
    UnconfirmedService.TIME_SYNCHRONIZATION: 32,
    UnconfirmedService.WHO_HAS: 33,
    UnconfirmedService.WHO_IS: 34,
    UnconfirmedService.UTC_TIME_SYNCHRONIZATION: 36,
    UnconfirmedService.WRITE_GROUP: 40,
    UnconfirmedService.UNCONFIRMED_COV_NOTIFICATION_MULTIPLE: 43,
}

_OPERATIONAL = 0


class DeviceObject(ServedObject):
    """The Device object of our node."""

    __slots__ = ("clock", "cov_subscriptions", "definition", "node", "table")

    def __init__(
        self,
        node: Node,
        definition: DeviceDefinition,
        table: ObjectTable,
        clock: Clock,
        cov_subscriptions: Callable[[], Sequence[bytes]],
    ) -> None:
        """Describe a node, the objects of a table and who is subscribed to them."""
        object_id = ObjectId(ObjectType.DEVICE, definition.instance)
        super().__init__(object_id, _PROPERTIES)
        self.definition = definition
        self.node = node
        self.table = table
        self.clock = clock
        self.cov_subscriptions = cov_subscriptions

    @property
    @override
    def name(self) -> str:
        """Return the device's name."""
        return self.definition.name

    def update(self, definition: DeviceDefinition) -> None:
        """Take a changed definition."""
        self.definition = definition
        self.cache.clear()


def _bits(count: int, set_bits: Iterable[int]) -> bytes:
    chosen = frozenset(set_bits)
    return encode(Datatype.BIT_STRING, tuple(bit in chosen for bit in range(count)))


def _services_supported(device: DeviceObject) -> bytes:
    confirmed = [
        service
        if service < _FIRST_MOVED
        else _CONFIRMED_BITS[ConfirmedService(service)]
        for service in device.node.answered_services
        if service < _FIRST_MOVED or service in _CONFIRMED_BITS
    ]
    unconfirmed = [
        _UNCONFIRMED_BITS[UnconfirmedService(service)]
        for service in device.node.heard_services
        if service in _UNCONFIRMED_BITS
    ]
    return _bits(_SERVICE_BITS, confirmed + unconfirmed)


def _object_types_supported(_: DeviceObject) -> bytes:
    return _bits(
        _OBJECT_TYPE_BITS,
        [
            *OBJECT_KINDS,
            ObjectType.DEVICE,
            ObjectType.NETWORK_PORT,
            ObjectType.STRUCTURED_VIEW,
        ],
    )


def _structured_object_list(device: DeviceObject) -> list[bytes]:
    return [
        encode(Datatype.OBJECT_IDENTIFIER, object_id)
        for object_id in device.table.object_ids
        if object_id.type == ObjectType.STRUCTURED_VIEW
    ]


def _nothing(_: DeviceObject) -> Sequence[bytes]:
    return ()


_PROPERTIES: Table = {
    **IDENTITY,
    P.LOCATION: optional(text(lambda o: o.definition.location)),
    P.SYSTEM_STATUS: required(
        constant(encode(Datatype.ENUMERATED, _OPERATIONAL)),
    ),
    P.VENDOR_NAME: required(text(lambda o: o.definition.vendor_name)),
    P.VENDOR_IDENTIFIER: required(unsigned(lambda o: o.definition.vendor_id)),
    P.MODEL_NAME: required(text(lambda o: o.definition.model_name)),
    P.FIRMWARE_REVISION: required(text(lambda o: o.definition.firmware_revision)),
    P.APPLICATION_SOFTWARE_VERSION: required(
        text(lambda o: o.definition.application_software_version)
    ),
    P.SERIAL_NUMBER: optional(
        text(lambda o: o.definition.serial_number),
        lambda o: bool(o.definition.serial_number),
    ),
    P.PROTOCOL_VERSION: required(unsigned(lambda o: _PROTOCOL_VERSION)),
    P.PROTOCOL_REVISION: required(unsigned(lambda o: _PROTOCOL_REVISION)),
    P.PROTOCOL_SERVICES_SUPPORTED: required(_services_supported, cached=False),
    P.PROTOCOL_OBJECT_TYPES_SUPPORTED: required(_object_types_supported),
    P.OBJECT_LIST: Property(
        lambda o: o.table.encoded_list, Shape.ARRAY, required=True, cached=False
    ),
    P.STRUCTURED_OBJECT_LIST: Property(
        _structured_object_list, Shape.ARRAY, cached=False
    ),
    P.MAX_APDU_LENGTH_ACCEPTED: required(unsigned(lambda o: MAX_APDU)),
    P.SEGMENTATION_SUPPORTED: required(
        enumerated(lambda o: Segmentation.SEGMENTED_BOTH)
    ),
    P.MAX_SEGMENTS_ACCEPTED: optional(unsigned(lambda o: o.node.max_segments)),
    P.APDU_SEGMENT_TIMEOUT: optional(
        unsigned(lambda o: int(o.node.config.segment_timeout * 1000))
    ),
    P.APDU_TIMEOUT: required(
        unsigned(lambda o: int(o.node.config.apdu_timeout * 1000))
    ),
    P.NUMBER_OF_APDU_RETRIES: required(unsigned(lambda o: o.node.config.apdu_retries)),
    P.DEVICE_ADDRESS_BINDING: Property(_nothing, Shape.LIST, required=True),
    P.DATABASE_REVISION: required(unsigned(lambda o: o.table.revision), cached=False),
    P.ACTIVE_COV_SUBSCRIPTIONS: Property(
        lambda o: o.cov_subscriptions(), Shape.LIST, cached=False
    ),
    P.LOCAL_DATE: optional(
        lambda o: encode(Datatype.DATE, bacnet_date(o.clock())), cached=False
    ),
    P.LOCAL_TIME: optional(
        lambda o: encode(Datatype.TIME, bacnet_time(o.clock())), cached=False
    ),
    P.UTC_OFFSET: optional(
        lambda o: encode(Datatype.SIGNED, utc_offset(o.clock())), cached=False
    ),
    P.DAYLIGHT_SAVINGS_STATUS: optional(
        lambda o: TRUE if is_daylight_saving(o.clock()) else FALSE, cached=False
    ),
    **PROPERTY_LIST,
}
