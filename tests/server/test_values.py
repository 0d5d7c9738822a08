"""Values on their way between Python and octets."""

from math import copysign, isfinite
from random import Random
from struct import pack, unpack

import pytest

from custom_components.bacnet.node.codec import Datatype, encode
from custom_components.bacnet.node.errors import ServiceError
from custom_components.bacnet.server import values


def test_reals_are_what_was_meant() -> None:
    """Test that a written Real becomes the shortest number with the same octets."""
    for meant in (21.3, 0.1, -1e-7, 123456.7, 3.4028235e38, 1e-45, 16777217.0):
        octets = encode(Datatype.REAL, meant)
        assert values.REAL.encode(values.REAL.decode(octets)) == octets
    assert values.REAL.decode(encode(Datatype.REAL, 21.3)) == 21.3
    random = Random(8888)
    for _ in range(20_000):
        octets = b"\x44" + random.randbytes(4)
        (number,) = unpack(">f", octets[1:])
        if isfinite(number):
            taken = values.REAL.decode(octets)
            assert isinstance(taken, float)
            assert pack(">f", taken) == octets[1:]
            assert copysign(1, taken) == copysign(1, number)
            assert len(repr(taken)) <= len(repr(number))


@pytest.mark.parametrize(
    ("value_type", "given", "taken"),
    [
        (values.REAL, 5, 5.0),
        (values.BINARY, 1, True),
        (values.STATE, 2.0, 2),
        (values.SIGNED, -2.0, -2),
        (values.DATE, (2026, 1, 2, 5), (2026, 1, 2, 5)),
        (
            values.DATETIME,
            ((2026, 1, 2, 5), (1, 2, 3, 4)),
            ((2026, 1, 2, 5), (1, 2, 3, 4)),
        ),
    ],
)
def test_own_values(value_type: values.ValueType, given: object, taken: object) -> None:
    """Test that own values become what the type has, and come back from the network."""
    converted = value_type.convert(given)
    assert converted == taken
    assert type(converted) is type(value_type.neutral)
    assert value_type.decode(value_type.encode(converted)) == taken


def test_hundredths_may_be_open() -> None:
    """Test that a time without hundredths is a time."""
    octets = bytes.fromhex("b4 01 02 03 ff")
    assert values.TIME.decode(octets) == (1, 2, 3, 0)
    with pytest.raises(ServiceError, match="value-out-of-range"):
        values.TIME.decode(bytes.fromhex("b4 01 02 03 64"))
