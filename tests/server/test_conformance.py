"""Every property of every object, read by an independent stack."""

from typing import Any, Final

import pytest

from custom_components.bacnet.node.enumerations import ObjectType, PropertyIdentifier
from custom_components.bacnet.node.types import ObjectId
from custom_components.bacnet.server.definition import ViewDefinition
from custom_components.bacnet.server.device import LocalDevice
from tests.independent.client import IndependentClient
from tests.independent.model import Refused
from tests.independent.raw import RawPeer

from .objects import ADDRESS, INSTANCE, OBJECTS, READ_ONLY, WRITABLE

_FLAGS: Final = (False, False, False, False)
_UNSPECIFIED: Final = [(255, 255, 255, 255), (255, 255, 255, 255)]
_NULLS: Final = [None] * 15

type Values = dict[str, Any]


def label(property_: str | int) -> str:
    """Return the standard's name of a property."""
    if isinstance(property_, str):
        return property_
    return PropertyIdentifier(property_).label


async def read_group(
    client: IndependentClient, object_type: str, instance: int, group: str
) -> Values:
    """Return what a ReadPropertyMultiple of several properties says."""
    answers = await client.read_property_multiple(
        ADDRESS, [(object_type, instance, group)]
    )
    return {label(key.property): value for key, value in answers}


def _numeric(value: float, limits: tuple[float, float]) -> Values:
    return {
        "present-value": value,
        "units": 62,
        "min-pres-value": limits[0],
        "max-pres-value": limits[1],
        "resolution": 1,
        "cov-increment": 2,
    }


def _state(value: int) -> Values:
    return {
        "present-value": value,
        "number-of-states": 3,
        "state-text": ["Off", "Heat", "Cool"],
    }


_BINARY: Final[Values] = {
    "present-value": 1,
    "inactive-text": "Closed",
    "active-text": "Open",
    "change-of-state-count": 0,
    "change-of-state-time": _UNSPECIFIED,
}

_A_DAY, _A_TIME = (2026, 11, 23, 1), (16, 45, 30, 25)

EXPECTED: Final[dict[ObjectType, Values]] = {
    ObjectType.ANALOG_INPUT: _numeric(21.5, (-10, 50)),
    ObjectType.ANALOG_OUTPUT: _numeric(22.5, (0, 100)),
    ObjectType.ANALOG_VALUE: _numeric(23.5, (0, 100)),
    ObjectType.BINARY_INPUT: _BINARY | {"polarity": 0},
    ObjectType.BINARY_OUTPUT: _BINARY | {"polarity": 0},
    ObjectType.BINARY_VALUE: _BINARY,
    ObjectType.MULTI_STATE_INPUT: _state(2),
    ObjectType.MULTI_STATE_OUTPUT: _state(3),
    ObjectType.MULTI_STATE_VALUE: _state(2),
    ObjectType.CHARACTERSTRING_VALUE: {"present-value": "Grüße"},
    ObjectType.INTEGER_VALUE: _numeric(-40, (-100, 100)),
    ObjectType.POSITIVE_INTEGER_VALUE: _numeric(70_000, (10, 100_000)),
    ObjectType.LARGE_ANALOG_VALUE: _numeric(1234.56789, (-1e6, 1e6)),
    ObjectType.DATE_VALUE: {"present-value": _A_DAY},
    ObjectType.TIME_VALUE: {"present-value": _A_TIME},
    ObjectType.DATETIME_VALUE: {"present-value": [_A_DAY, _A_TIME], "is-utc": False},
}

MOVING: Final = {
    "elapsed-active-time",
    "time-of-active-time-reset",
    "time-of-state-count-reset",
}

COMMANDED: Final = {
    "priority-array",
    "relinquish-default",
    "current-command-priority",
    "value-source",
    "value-source-array",
    "last-command-time",
    "command-time-array",
}

REQUIRED: Final = {"object-identifier", "object-name", "object-type", "present-value"}
REQUIRED_STATUS: Final = {"status-flags", "event-state", "out-of-service"}


def required_properties(object_type: ObjectType) -> set[str]:
    """Return the properties with conformance code R or W (clause 12)."""
    required = REQUIRED | {"status-flags"}
    name = object_type.name
    if not name.endswith("VALUE") or name.split("_")[0] in {
        "ANALOG",
        "BINARY",
        "MULTI",
    }:
        required |= REQUIRED_STATUS
    if "ANALOG" in name or "INTEGER" in name:
        required |= {"units"}
    if "MULTI" in name:
        required |= {"number-of-states"}
    if name in {"BINARY_INPUT", "BINARY_OUTPUT"}:
        required |= {"polarity"}
    if name.endswith("OUTPUT"):
        required |= {"priority-array", "relinquish-default", "current-command-priority"}
    return required


async def test_every_value(device: LocalDevice, client: IndependentClient) -> None:
    """Test that every object shows everything its type can have."""
    shown, wanted = {}, {}
    for definition in OBJECTS:
        object_type = ObjectType(definition.object_id.type)
        instance = definition.object_id.instance
        values = await read_group(client, object_type.label, instance, "all")
        expected: Values = {
            "object-identifier": (object_type.label, instance),
            "object-name": definition.name,
            "object-type": int(object_type),
            "description": definition.description,
            "status-flags": _FLAGS,
            "event-state": 0,
            "reliability": 0,
            "out-of-service": False,
        } | EXPECTED[object_type]
        is_commandable = instance == WRITABLE and "INPUT" not in object_type.name
        if is_commandable or "OUTPUT" in object_type.name:
            value = expected["present-value"]
            slot = [value]
            expected |= {
                "relinquish-default": value,
                "current-command-priority": 16,
            }
            if object_type is not ObjectType.DATETIME_VALUE:
                expected["priority-array"] = _NULLS + slot
        shown[str(definition.object_id)] = {name: values[name] for name in expected}
        wanted[str(definition.object_id)] = expected
        extra = set(values) - set(expected)
        extra -= MOVING
        assert extra <= COMMANDED, definition.object_id
        assert bool(extra) == ("relinquish-default" in expected)
    assert shown == wanted


async def test_property_lists(device: LocalDevice, client: IndependentClient) -> None:
    """Test that property lists and groups of properties agree for every object."""
    device.add_view(ViewDefinition(object_id=ObjectId(29, 1), name="House"))
    targets = [
        *(
            (ObjectType(definition.object_id.type).label, definition.object_id.instance)
            for definition in OBJECTS
        ),
        ("device", INSTANCE),
        ("network-port", 1),
        ("structured-view", 1),
    ]
    for target in targets:
        listed = await client.read_property(ADDRESS, *target, "property-list")
        everything = await read_group(client, *target, "all")
        required = await read_group(client, *target, "required")
        optional = await read_group(client, *target, "optional")
        names = {"object-identifier", "object-name", "object-type"}
        assert {label(number) for number in listed} | names == set(everything), target
        assert set(required) | set(optional) == set(everything), target
        assert not set(required) & set(optional), target
        assert "property-list" not in everything
        assert not any(isinstance(value, Refused) for value in everything.values())
        object_type = ObjectType[target[0].upper().replace("-", "_")]
        if object_type in EXPECTED:
            assert set(required) == required_properties(object_type), target


async def test_arrays(device: LocalDevice, client: IndependentClient) -> None:
    """Test that element 0 of an array is its length, and the others its elements."""
    arrays = [
        ("multi-state-input", READ_ONLY, "state-text"),
        ("analog-output", READ_ONLY, "priority-array"),
        ("analog-value", WRITABLE, "property-list"),
        ("device", INSTANCE, "object-list"),
        ("network-port", 1, "ip-dns-server"),
    ]
    for array in arrays:
        whole = await client.read_property(ADDRESS, *array)
        whole = whole if isinstance(whole, list) else [whole]
        assert await client.read_property(ADDRESS, *array, 0) == len(whole)
        for index, element in enumerate(whole, 1):
            assert await client.read_property(ADDRESS, *array, index) == element
        with pytest.raises(Refused, match="property invalid-array-index"):
            await client.read_property(ADDRESS, *array, len(whole) + 1)


async def test_two_stacks_see_the_same(
    device: LocalDevice, client: IndependentClient, other_client: IndependentClient
) -> None:
    """Test that single reads of another stack agree with ReadPropertyMultiple."""
    for definition in OBJECTS:
        target = ObjectType(definition.object_id.type).label, definition.object_id[1]
        for name in ("object-name", "present-value", "status-flags", "description"):
            assert await other_client.read_property(
                ADDRESS, *target, name
            ) == await client.read_property(ADDRESS, *target, name)


async def test_device(device: LocalDevice, client: IndependentClient) -> None:
    """Test that the device tells the truth about itself."""
    values = await read_group(client, "device", INSTANCE, "all")
    assert values == {
        "object-identifier": ("device", INSTANCE),
        "object-name": "Home",
        "object-type": 8,
        "description": "Our house",
        "location": "Cellar",
        "system-status": 0,
        "vendor-name": "Home Assistant",
        "vendor-identifier": 999,
        "model-name": "BACnet integration",
        "firmware-revision": "2026.10.4",
        "application-software-version": "1.0.0",
        "serial-number": "A-1",
        "protocol-version": 1,
        "protocol-revision": 19,
        "protocol-services-supported": tuple(bit in _SERVICES for bit in range(44)),
        "protocol-object-types-supported": tuple(
            bit in {*EXPECTED, 8, 29, 56} for bit in range(60)
        ),
        "object-list": [
            ("device", INSTANCE),
            ("network-port", 1),
            *(
                (
                    ObjectType(definition.object_id.type).label,
                    definition.object_id.instance,
                )
                for definition in OBJECTS
            ),
        ],
        "structured-object-list": [],
        "max-apdu-length-accepted": 1476,
        "segmentation-supported": 0,
        "max-segments-accepted": 64,
        "apdu-segment-timeout": 300,
        "apdu-timeout": 300,
        "number-of-apdu-retries": 1,
        "device-address-binding": [],
        "active-cov-subscriptions": [],
        "database-revision": 2 + len(OBJECTS),
        "local-date": (2026, 7, 1, 3),
        "local-time": (14, 30, 5, 25),
        "utc-offset": 300,
        "daylight-savings-status": True,
    }


_SERVICES: Final = {
    5,  # SubscribeCOV
    12,  # ReadProperty
    14,  # ReadPropertyMultiple
    15,  # WriteProperty
    16,  # WritePropertyMultiple
    17,  # DeviceCommunicationControl
    20,  # ReinitializeDevice
    32,  # TimeSynchronization
    33,  # Who-Has
    34,  # Who-Is
    35,  # ReadRange
    36,  # UTCTimeSynchronization
    38,  # SubscribeCOVProperty
}
"""Bits of BACnetServicesSupported (clause 21)."""

_CONFIRMED_SERVICES: Final = {5: 5, 12: 12, 14: 14, 15: 15, 16: 16, 17: 17, 20: 20} | {
    35: 26,
    38: 28,
}
"""Confirmed services by their bits."""


async def test_services_are_what_they_say(device: LocalDevice, peer: RawPeer) -> None:
    """Test that exactly the services that are said to be supported are recognized."""
    recognized = set()
    for service in range(40):
        reply = await peer.send_raw_apdu(ADDRESS, bytes((0x02, 0x75, 1, service)))
        # A Reject without arguments is never "unrecognized service".
        if not (reply[0] == 0x60 and reply[2] == 9):
            recognized.add(service)
    assert recognized == set(_CONFIRMED_SERVICES.values())


async def test_network_port(
    device: LocalDevice, client: IndependentClient, port: int
) -> None:
    """Test that the port object shows where the node lives."""
    address = bytes((127, 0, 30, 1))
    assert await read_group(client, "network-port", 1, "all") == {
        "object-identifier": ("network-port", 1),
        "object-name": "Network Port 1",
        "object-type": 56,
        "description": f"BACnet/IP on {ADDRESS}:{port}",
        "status-flags": _FLAGS,
        "reliability": 0,
        "out-of-service": False,
        "network-type": 5,
        "protocol-level": 2,
        "network-number": 0,
        "network-number-quality": 0,
        "changes-pending": False,
        "mac-address": address + port.to_bytes(2),
        "apdu-length": 1476,
        "link-speed": 0.0,
        "bacnet-ip-mode": 0,
        "ip-address": address,
        "bacnet-ip-udp-port": port,
        "ip-subnet-mask": bytes((255, 0, 0, 0)),
        "ip-default-gateway": bytes(4),
        "ip-dns-server": bytes(4),
    }
