"""Addresses of other stations as values of properties (BACnetAddress)."""

from functools import lru_cache

from ..node.codec import Datatype, encode
from ..node.node import parse_address


@lru_cache(1024)
def encode_address(text: str) -> bytes:
    """Return a BACnetAddress: network number (0 is ours) and MAC address."""
    address = parse_address(text)
    return encode(Datatype.UNSIGNED, address.addrNet or 0) + encode(
        Datatype.OCTET_STRING, address.addrAddr
    )
