"""BACnet/IP datagrams by hand: the measuring side shares no code with the measured."""

from collections.abc import Iterable, Iterator
import struct

ANALOG_INPUT = 0
ANALOG_OUTPUT = 1
ANALOG_VALUE = 2
BINARY_INPUT = 3
BINARY_OUTPUT = 4
BINARY_VALUE = 5
DEVICE = 8
MULTI_STATE_INPUT = 13
MULTI_STATE_VALUE = 19

PRESENT_VALUE = 85
STATUS_FLAGS = 111

SUBSCRIBE_COV = 5
READ_PROPERTY = 12
READ_PROPERTY_MULTIPLE = 14
WRITE_PROPERTY = 15

I_AM = 0
COV_NOTIFICATION = 2
WHO_IS = 8

CONFIRMED_REQUEST = 0x02
"""First octet of the APDU, from a client that takes segments."""

UNCONFIRMED_REQUEST = 0x10
SIMPLE_ACK = 0x20
COMPLEX_ACK = 0x30
ERROR = 0x50
REJECT = 0x60
ABORT = 0x71

SEGMENTED_BOTH = 0
NO_SEGMENTATION = 3

APDU = 6
"""Where the APDU begins in a datagram without network addresses."""

_EXPECTING_REPLY = 0x04
_TO_NETWORK = 0x20
_ANY_SEGMENTS_1476 = 0x75
_NO_SEGMENTS_1476 = 0x05

_UNICAST, _BROADCAST = 0x0A, 0x0B

_EXTENDED_LENGTH, _TWO_OCTETS = 5, 254
_BOOLEAN = 0x10

SUBSCRIBE_INVOKE_ID = 1
_NOTIFIED = bytes((0x09, PRESENT_VALUE, 0x2E, 0x44))

type Selection = tuple[int, int | None]
"""A property, and the element of it, if not all."""


def datagram(apdu: bytes, control: int = 0, function: int = _UNICAST) -> bytes:
    """Return an APDU as a unicast on its own network."""
    return struct.pack(">BBHBB", 0x81, function, len(apdu) + APDU, 1, control) + apdu


def apdu_of(data: bytes) -> bytes:
    """Return the APDU of a datagram, also of one to all networks."""
    destination = 4 + data[APDU + 2] if data[APDU - 1] & _TO_NETWORK else 0
    return data[APDU + destination :]


# --- tags -----------------------------------------------------------------------------


def context(number: int, value: int | bytes) -> bytes:
    """Return a context tag with an unsigned, or with up to four octets."""
    if isinstance(value, int):
        value = unsigned(value)
    return bytes((number << 4 | 0x08 | len(value),)) + value


def unsigned(value: int) -> bytes:
    """Return the octets of an unsigned, as few as possible."""
    return value.to_bytes(max((value.bit_length() + 7) // 8, 1))


def real(value: float) -> bytes:
    """Return an application-tagged Real."""
    return b"\x44" + struct.pack(">f", value)


def character_string(text: str) -> bytes:
    """Return an application-tagged CharacterString in UTF-8."""
    octets = b"\x00" + text.encode()
    head = (
        bytes((0x70 | len(octets),))
        if len(octets) < _EXTENDED_LENGTH
        else bytes((0x70 | _EXTENDED_LENGTH, len(octets)))
    )
    return head + octets


def tags(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the tags one after the other: the first octet, and the content.

    The length is left out of the octet: 0x08 is context tag 0, 0x40 a Real; 0x1E and
    0x1F are opening and closing tag 1.
    """
    at, end = 0, len(data)
    while at < end:
        octet = data[at]
        at += 1
        length = octet & 0x07
        if octet & 0x08 and length > _EXTENDED_LENGTH:
            yield octet, b""
            continue
        kind = octet & 0xF8
        if kind == _BOOLEAN:
            yield kind, bytes((length,))
            continue
        if length == _EXTENDED_LENGTH:
            length = data[at]
            at += 1
            if length == _TWO_OCTETS:
                length = int.from_bytes(data[at : at + 2])
                at += 2
        yield kind, data[at : at + length]
        at += length


# --- messages -------------------------------------------------------------------------


def object_id(object_type: int, instance: int) -> bytes:
    """Return the octets of an object identifier."""
    return struct.pack(">L", object_type << 22 | instance)


def value_of(instance: int) -> float:
    """Return the present-value that every object of the benchmarks has."""
    return instance / 2


def _confirmed(invoke_id: int, service: int, parameters: bytes) -> bytes:
    head = bytes((CONFIRMED_REQUEST, _ANY_SEGMENTS_1476, invoke_id, service))
    return datagram(head + parameters, _EXPECTING_REPLY)


def read_selections(
    invoke_id: int, items: Iterable[tuple[bytes, Iterable[Selection]]]
) -> bytes:
    """Return a ReadPropertyMultiple request whose answer may not be segmented."""
    head = bytes((0x00, _NO_SEGMENTS_1476, invoke_id, READ_PROPERTY_MULTIPLE))
    parameters = b"".join(
        b"".join(
            (
                context(0, item),
                b"\x1e",
                *(
                    context(0, property_id)
                    + (b"" if index is None else context(1, index))
                    for property_id, index in selections
                ),
                b"\x1f",
            )
        )
        for item, selections in items
    )
    return datagram(head + parameters, _EXPECTING_REPLY)


def write_present_value(
    invoke_id: int, item: bytes, value: float, priority: int
) -> bytes:
    """Return a WriteProperty request for a Real."""
    parameters = (
        context(0, item)
        + context(1, PRESENT_VALUE)
        + b"\x3e"
        + real(value)
        + b"\x3f"
        + context(4, priority)
    )
    return _confirmed(invoke_id, WRITE_PROPERTY, parameters)


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
    return _confirmed(SUBSCRIBE_INVOKE_ID, SUBSCRIBE_COV, parameters)


def notified_value(apdu: bytes) -> float:
    """Return the present-value in a COV notification, a Real."""
    begin = apdu.index(_NOTIFIED) + len(_NOTIFIED)
    return float(struct.unpack_from(">f", apdu, begin)[0])


def who_is() -> bytes:
    """Return a Who-Is to everybody on the local network."""
    return datagram(bytes((UNCONFIRMED_REQUEST, WHO_IS)), function=_BROADCAST)


def i_am(instance: int, segmentation: int = SEGMENTED_BOTH) -> bytes:
    """Return an I-Am: APDU of 1476 octets, vendor 999."""
    identifier = b"\xc4" + object_id(DEVICE, instance)
    rest = b"\x22\x05\xc4" + bytes((0x91, segmentation)) + b"\x22\x03\xe7"
    return datagram(bytes((UNCONFIRMED_REQUEST, I_AM)) + identifier + rest)
