"""Datatypes of what is written, and what is shown of what is read."""

from datetime import date, datetime, time
from math import inf, isnan, nan
from random import Random
import struct
from typing import Any

import pytest

from custom_components.bacnet.client.models import DateTime
from custom_components.bacnet.client.values import (
    PRESENT_VALUE_DATATYPES,
    STATUS_FLAGS,
    encode_property_value,
    point_data,
    shortest_real,
)
from custom_components.bacnet.node.codec import Datatype, decode_primitive, encode
from custom_components.bacnet.node.enumerations import (
    ObjectType,
    PropertyIdentifier as Prop,
)
from custom_components.bacnet.node.errors import BacnetError, MalformedError
from custom_components.bacnet.node.types import (
    BitString,
    Constructed,
    Date,
    Enumerated,
    ObjectId,
    Time,
)


@pytest.mark.parametrize(
    ("object_type", "value", "datatype", "decoded"),
    [
        (ObjectType.ANALOG_OUTPUT, 21.5, Datatype.REAL, 21.5),
        (ObjectType.ANALOG_VALUE, 21, Datatype.REAL, 21.0),
        (ObjectType.LIGHTING_OUTPUT, 33, Datatype.REAL, 33.0),
        (ObjectType.LARGE_ANALOG_VALUE, 0.1, Datatype.DOUBLE, 0.1),
        (ObjectType.INTEGER_VALUE, -3.0, Datatype.SIGNED, -3),
        (ObjectType.POSITIVE_INTEGER_VALUE, 3.0, Datatype.UNSIGNED, 3),
        (ObjectType.BINARY_OUTPUT, True, Datatype.ENUMERATED, 1),
        (ObjectType.BINARY_VALUE, 0, Datatype.ENUMERATED, 0),
        (ObjectType.BINARY_LIGHTING_OUTPUT, 1, Datatype.ENUMERATED, 1),
        (ObjectType.MULTI_STATE_VALUE, 2, Datatype.UNSIGNED, 2),
        (ObjectType.ACCUMULATOR, 12, Datatype.UNSIGNED, 12),
        (ObjectType.CHARACTERSTRING_VALUE, "Ä", Datatype.CHARACTER_STRING, "Ä"),
        (ObjectType.OCTETSTRING_VALUE, b"\x01", Datatype.OCTET_STRING, b"\x01"),
        (
            ObjectType.BITSTRING_VALUE,
            (True, False),
            Datatype.BIT_STRING,
            BitString((True, False)),
        ),
        (
            ObjectType.DATE_VALUE,
            date(2026, 11, 23),
            Datatype.DATE,
            Date(2026, 11, 23, 1),
        ),
        (
            ObjectType.DATE_VALUE,
            Date(None, 12, None),
            Datatype.DATE,
            Date(None, 12, None),
        ),
        (
            ObjectType.TIME_VALUE,
            time(7, 30, 5, 120_000),
            Datatype.TIME,
            Time(7, 30, 5, 12),
        ),
        (ObjectType.TIME_VALUE, Time(7), Datatype.TIME, Time(7, 0, 0, 0)),
        (ObjectType.CALENDAR, 1, Datatype.BOOLEAN, True),
        (ObjectType.ANALOG_VALUE, None, Datatype.NULL, None),
        # A proprietary object: what the value is decides.
        (300, 5, Datatype.UNSIGNED, 5),
        (300, -5, Datatype.SIGNED, -5),
        (300, 1.5, Datatype.REAL, 1.5),
        (300, True, Datatype.BOOLEAN, True),
        (300, Enumerated(3), Datatype.ENUMERATED, 3),
        (300, "x", Datatype.CHARACTER_STRING, "x"),
        (300, ObjectId(2, 3), Datatype.OBJECT_IDENTIFIER, ObjectId(2, 3)),
    ],
)
def test_present_value(
    object_type: int, value: Any, datatype: Datatype, decoded: Any
) -> None:
    """Test the datatype that each object type wants."""
    octets = encode_property_value(object_type, Prop.PRESENT_VALUE, value)
    assert decode_primitive(octets) == (datatype, decoded)


@pytest.mark.parametrize(
    ("property_id", "value", "datatype"),
    [
        (Prop.OUT_OF_SERVICE, True, Datatype.BOOLEAN),
        (Prop.RELINQUISH_DEFAULT, 20, Datatype.REAL),
        (Prop.HIGH_LIMIT, 20, Datatype.REAL),
        (Prop.DESCRIPTION, "x", Datatype.CHARACTER_STRING),
        (Prop.RELIABILITY, 0, Datatype.ENUMERATED),
        (Prop.SETPOINT, 20, Datatype.REAL),
    ],
)
def test_other_properties(property_id: int, value: Any, datatype: Datatype) -> None:
    """Test properties besides present-value."""
    octets = encode_property_value(ObjectType.ANALOG_VALUE, property_id, value)
    assert decode_primitive(octets)[0] == datatype


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 11, 23, 7, 30),
        DateTime(Date(2026, 11, 23, 1), Time(7, 30, 0, 0)),
    ],
)
def test_datetime(value: Any) -> None:
    """Test the one value that is two."""
    octets = encode_property_value(ObjectType.DATETIME_VALUE, Prop.PRESENT_VALUE, value)
    assert octets == bytes.fromhex("a47e0b1701b4071e0000")
    assert encode_property_value(
        ObjectType.DATETIME_VALUE, Prop.PRESENT_VALUE, None
    ) == encode(Datatype.NULL, None)


def test_encoded_already() -> None:
    """Test that what is encoded passes through."""
    octets = Constructed(b"\x0e\x09\x01\x0f")
    assert (
        encode_property_value(ObjectType.LIGHTING_OUTPUT, Prop.LIGHTING_COMMAND, octets)
        == octets
    )


@pytest.mark.parametrize(
    ("object_type", "value"),
    [
        (ObjectType.ANALOG_VALUE, "21.5"),
        (ObjectType.ANALOG_VALUE, [1]),
        (ObjectType.MULTI_STATE_VALUE, 1.5),
        (ObjectType.MULTI_STATE_VALUE, -1),
        (ObjectType.POSITIVE_INTEGER_VALUE, nan),
        (ObjectType.INTEGER_VALUE, inf),
        (ObjectType.CHARACTERSTRING_VALUE, 3),
        (ObjectType.DATE_VALUE, "today"),
        (ObjectType.DATE_VALUE, Date(1800, 1, 1)),
        (ObjectType.DATETIME_VALUE, date(2026, 1, 1)),
        (ObjectType.TIME_VALUE, 12),
        (300, object()),
    ],
)
def test_wrong_kind(object_type: int, value: Any) -> None:
    """Test that a senseless value is an error of ours, and is not sent."""
    with pytest.raises(MalformedError):
        encode_property_value(object_type, Prop.PRESENT_VALUE, value)


def test_every_datatype_has_a_conversion() -> None:
    """Test that no object type of the table fails on its own values."""
    samples: dict[Datatype, Any] = {
        Datatype.CHARACTER_STRING: "x",
        Datatype.OCTET_STRING: b"x",
        Datatype.BIT_STRING: [True],
        Datatype.DATE: date(2026, 1, 1),
        Datatype.TIME: time(12),
    }
    for object_type, datatype in PRESENT_VALUE_DATATYPES.items():
        octets = encode_property_value(
            object_type, Prop.PRESENT_VALUE, samples.get(datatype, 1)
        )
        assert decode_primitive(octets)[0] == datatype


def test_shortest_real() -> None:
    """Test that a Real loses nothing but the artefacts of its conversion."""
    random = Random(1)
    pack = struct.Struct(">f").pack
    for text in ("21.3", "0.1", "-273.15", "1013.25", "0.005", "99999.9", "1e-09"):
        (value,) = struct.unpack(">f", pack(float(text)))
        assert shortest_real(value) == float(text)
    for _ in range(5000):
        octets = random.randbytes(4)
        (value,) = struct.unpack(">f", octets)
        if isnan(value):
            continue
        assert pack(shortest_real(value)) == octets
    for value in (inf, -inf, 16777217.0, 3.0e38, 0.0, -0.0):
        assert shortest_real(value) == value
    assert isnan(shortest_real(nan))


@pytest.mark.parametrize(
    ("value", "object_type", "shown"),
    [
        (21.299999237060547, ObjectType.ANALOG_INPUT, 21.3),
        (21.299999237060547, ObjectType.LARGE_ANALOG_VALUE, 21.299999237060547),
        (Enumerated(1), ObjectType.BINARY_INPUT, 1),
        ("x", ObjectType.CHARACTERSTRING_VALUE, "x"),
        (
            [Date(2026, 1, 1), Time(12)],
            ObjectType.DATETIME_VALUE,
            DateTime(Date(2026, 1, 1), Time(12)),
        ),
        (None, ObjectType.SCHEDULE, None),
    ],
)
def test_point_data(value: Any, object_type: int, shown: Any) -> None:
    """Test what is shown of a present-value."""
    assert point_data(value, object_type) == shown


@pytest.mark.parametrize("value", [[1.0, 2.0], [], Constructed(b"\x0e\x0f")])
def test_structures_are_no_values(value: Any) -> None:
    """Test that what is more than a value says so."""
    assert isinstance(point_data(value, ObjectType.GROUP), BacnetError)


def test_status_flags() -> None:
    """Test that all combinations are found by what the network says."""
    assert len(STATUS_FLAGS) == 16
    flags = STATUS_FLAGS[BitString((False, True, False, True))]
    assert flags.fault
    assert flags.out_of_service
    assert not flags.in_alarm
