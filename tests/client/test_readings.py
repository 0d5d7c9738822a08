"""When a value is news."""

from math import nan

import pytest

from custom_components.bacnet.client.models import PointValue, StatusFlags
from custom_components.bacnet.client.readings import UNKNOWN, Readings
from custom_components.bacnet.node.errors import BacnetError, NoResponseError
from custom_components.bacnet.node.types import ObjectId

POINT = ObjectId(0, 1)
OK = StatusFlags(False, False, False, False)
FAULT = StatusFlags(False, True, False, False)


@pytest.fixture
def readings() -> Readings:
    """Return readings with one value."""
    readings = Readings()
    readings.take(POINT, 20.0, OK, priority=8)
    return readings


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((20.0, OK), None),
        ((20.0, UNKNOWN), None),
        ((20.0, OK, None, 8), None),
        ((20.0, OK, UNKNOWN, UNKNOWN), None),
        ((21.0, OK), PointValue(21.0, OK)),
        ((21.0, UNKNOWN, UNKNOWN, 5), PointValue(21.0, OK, None, 5)),
        ((20.0, FAULT), PointValue(20.0, FAULT, None, 8)),
        ((20.0, FAULT, 4), PointValue(20.0, FAULT, 4, 8)),
        # What is not in fault has no cause of one.
        ((20.0, OK, 4), None),
        ((20.0, OK, UNKNOWN, None), PointValue(20.0, OK)),
        ((20.0, None), PointValue(20.0, None, None, 8)),
        ((nan, OK), PointValue(nan, OK)),
    ],
)
def test_take(
    readings: Readings, arguments: tuple, expected: PointValue | None
) -> None:
    """Test what is told, and what stays."""
    calls: list[PointValue] = []
    readings.subscribe(POINT, lambda: calls.append(readings.values[POINT]))
    before = readings.values[POINT]
    readings.take(POINT, *arguments)
    if expected is None:
        assert calls == []
        assert readings.values[POINT] is before
    else:
        assert list(map(repr, calls)) == [repr(expected)]
    readings.take(POINT, *arguments)
    assert len(calls) == (expected is not None)


def test_errors(readings: Readings) -> None:
    """Test that an error is told once, and its end."""
    calls: list[PointValue] = []
    readings.subscribe(POINT, lambda: calls.append(readings.values[POINT]))
    for error in (
        BacnetError("first"),
        BacnetError("first"),
        BacnetError("second"),
        NoResponseError("second"),
    ):
        readings.take(POINT, error, UNKNOWN)
    readings.take(POINT, 20.0, OK)
    assert [str(value.error) for value in calls] == [
        "first",
        "second",
        "second",
        "None",
    ]
    assert calls[0].value is None


def test_fault_ends(readings: Readings) -> None:
    """Test that the cause of a fault goes with it."""
    readings.take(POINT, 20.0, FAULT, 4)
    readings.take(POINT, 20.0, FAULT)
    assert readings.values[POINT].reliability == 4
    readings.take(POINT, 20.0, OK)
    assert readings.values[POINT].reliability is None


def test_keep(readings: Readings) -> None:
    """Test that values nobody wants are forgotten."""
    readings.take(ObjectId(0, 2), 1.0, OK)
    readings.keep({POINT})
    assert list(readings.values) == [POINT]


def test_follower_that_leaves_while_told(readings: Readings) -> None:
    """Test that followers may come and go at any time."""
    calls: list[str] = []

    def first() -> None:
        calls.append("first")
        leave()

    leave = readings.subscribe(POINT, first)
    readings.subscribe(POINT, lambda: calls.append("second"))
    readings.take(POINT, 1.0, OK)
    readings.take(POINT, 2.0, OK)
    assert calls == ["first", "second", "second"]
