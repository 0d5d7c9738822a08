"""The Network Port object: the BACnet/IP port that the node uses (clause 12.56)."""

from typing import override

from ..node.codec import Datatype, encode
from ..node.enumerations import ObjectType, PropertyIdentifier as P, Reliability
from ..node.node import MAX_APDU, Node
from ..node.types import ObjectId
from .served import (
    FALSE,
    IDENTITY,
    PROPERTY_LIST,
    Encoder,
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

_INSTANCE = 1
_NO_FLAGS = encode(Datatype.BIT_STRING, (False,) * 4)
_IPV4 = 5
_BACNET_APPLICATION = 2
_UNKNOWN_NUMBER = 0
_UNKNOWN_QUALITY = 0
_NORMAL_MODE = 0
_UNKNOWN_SPEED = encode(Datatype.REAL, 0.0)
_NO_ADDRESS = encode(Datatype.OCTET_STRING, bytes(4))


class NetworkPortObject(ServedObject):
    """The one port of our node."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        """Describe a node's port."""
        super().__init__(ObjectId(ObjectType.NETWORK_PORT, _INSTANCE), _PROPERTIES)
        self.node = node

    @property
    @override
    def name(self) -> str:
        """Return the port's name."""
        return "Network Port 1"


def _octets(get: Encoder) -> Encoder:
    return lambda o: encode(Datatype.OCTET_STRING, get(o))


def _ip_address(port: NetworkPortObject) -> bytes:
    return port.node.config.interface.ip.packed


def _mac_address(port: NetworkPortObject) -> bytes:
    return _ip_address(port) + port.node.port.to_bytes(2)


_PROPERTIES: Table = {
    **IDENTITY,
    P.DESCRIPTION: optional(
        text(lambda o: f"BACnet/IP on {o.node.address}"), cached=False
    ),
    P.STATUS_FLAGS: required(constant(_NO_FLAGS)),
    P.RELIABILITY: required(enumerated(lambda o: Reliability.NO_FAULT_DETECTED)),
    P.OUT_OF_SERVICE: required(constant(FALSE)),
    P.NETWORK_TYPE: required(enumerated(lambda o: _IPV4)),
    P.PROTOCOL_LEVEL: required(enumerated(lambda o: _BACNET_APPLICATION)),
    P.NETWORK_NUMBER: required(unsigned(lambda o: _UNKNOWN_NUMBER)),
    P.NETWORK_NUMBER_QUALITY: required(enumerated(lambda o: _UNKNOWN_QUALITY)),
    P.CHANGES_PENDING: required(constant(FALSE)),
    P.MAC_ADDRESS: optional(_octets(_mac_address), cached=False),
    P.APDU_LENGTH: required(unsigned(lambda o: MAX_APDU)),
    P.LINK_SPEED: required(constant(_UNKNOWN_SPEED)),
    P.BACNET_IP_MODE: optional(enumerated(lambda o: _NORMAL_MODE)),
    P.IP_ADDRESS: optional(_octets(_ip_address)),
    P.BACNET_IP_UDP_PORT: optional(unsigned(lambda o: o.node.port), cached=False),
    P.IP_SUBNET_MASK: optional(
        _octets(lambda o: o.node.config.interface.netmask.packed)
    ),
    P.IP_DEFAULT_GATEWAY: optional(constant(_NO_ADDRESS)),
    P.IP_DNS_SERVER: Property(lambda o: (_NO_ADDRESS,), Shape.ARRAY),
    **PROPERTY_LIST,
}
