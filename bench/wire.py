"""BACnet/IP datagrams by hand: the measuring side shares no code with the measured."""

from collections.abc import Iterable
import struct

ANALOG_INPUT = 0
ANALOG_VALUE = 2
DEVICE = 8

PRESENT_VALUE = 85
STATUS_FLAGS = 111

SUBSCRIBE_COV = 5
READ_PROPERTY = 12
READ_PROPERTY_MULTIPLE = 14

CONFIRMED_REQUEST = 0x02
"""First octet of the APDU, from a client that takes segments."""

COMPLEX_ACK = 0x30

APDU = 6
"""Where the APDU begins in a datagram without network addresses."""

_EXPECTING_REPLY = 0x04
_ANY_SEGMENTS_1476 = 0x75


def datagram(apdu: bytes, control: int = 0) -> bytes:
    """Return an APDU as a unicast on its own network."""
    return struct.pack(">BBHBB", 0x81, 0x0A, len(apdu) + APDU, 1, control) + apdu


def object_id(object_type: int, instance: int) -> bytes:
    """Return the octets of an object identifier."""
    return struct.pack(">L", object_type << 22 | instance)


def value_of(instance: int) -> float:
    """Return the present-value that every object of the benchmarks has."""
    return instance / 2


def _confirmed(invoke_id: int, service: int, parameters: bytes) -> bytes:
    head = bytes((CONFIRMED_REQUEST, _ANY_SEGMENTS_1476, invoke_id, service))
    return datagram(head + parameters, _EXPECTING_REPLY)


def read_present_value(invoke_id: int, item: bytes) -> bytes:
    """Return a ReadProperty request."""
    parameters = b"\x0c" + item + bytes((0x19, PRESENT_VALUE))
    return _confirmed(invoke_id, READ_PROPERTY, parameters)


def read_present_values(invoke_id: int, items: Iterable[bytes]) -> bytes:
    """Return a ReadPropertyMultiple request."""
    selection = bytes((0x1E, 0x09, PRESENT_VALUE, 0x1F))
    parameters = b"".join(b"\x0c" + item + selection for item in items)
    return _confirmed(invoke_id, READ_PROPERTY_MULTIPLE, parameters)


def subscribe_cov(item: bytes) -> bytes:
    """Return a SubscribeCOV request: process 1, unconfirmed, for ten minutes."""
    parameters = b"\x09\x01\x1c" + item + b"\x29\x00\x3a\x02\x58"
    return _confirmed(1, SUBSCRIBE_COV, parameters)


def i_am(instance: int) -> bytes:
    """Return an I-Am: APDU of 1476 octets, segmentation both ways, vendor 999."""
    identifier = b"\xc4" + object_id(DEVICE, instance)
    return datagram(b"\x10\x00" + identifier + b"\x22\x05\xc4\x91\x00\x22\x03\xe7")
