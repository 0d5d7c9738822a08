"""BACnet peers that share no code with the integration: what they accept, others do.

Two clients (bac-py and rusty-bacnet), a device (rusty-bacnet) and a bare socket. The
stacks run in processes of their own, so a test needs no cleanup beyond `async with`.
"""

from .client import STACKS, IndependentClient, StackName
from .device import OBJECTS, DeviceObject, IndependentDevice
from .model import (
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
from .raw import RawPeer, apdu_of, unicast

__all__ = [
    "OBJECTS",
    "STACKS",
    "CovNotification",
    "Datatype",
    "DeviceObject",
    "Encoded",
    "IAm",
    "IHave",
    "IndependentClient",
    "IndependentDevice",
    "Name",
    "PropertyKey",
    "PropertyWrite",
    "Range",
    "RawPeer",
    "Refused",
    "StackName",
    "apdu_of",
    "unicast",
]
