"""Dates and times of BACnet, with and without wildcards."""

from datetime import UTC, date, datetime, time

from homeassistant.util import dt as dt_util
import pytest

from custom_components.bacnet.calendar_values import (
    date_of,
    datetime_of,
    text_of,
    time_of,
)
from custom_components.bacnet.client.models import DateTime
from custom_components.bacnet.node.types import Date, Time

DAY, MOMENT = Date(2026, 11, 23, 1), Time(21, 30, 5, 0)
ANY_YEAR, LAST_DAY = Date(None, 12, 24), Date(2026, 2, 32)
ANY_SECOND, LATE = Time(21, 30, None, None), Time(24, 0, 0, 0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(DAY, date(2026, 11, 23)), (ANY_YEAR, None), (LAST_DAY, None), (MOMENT, None)],
)
def test_dates(value: object, expected: date | None) -> None:
    """Test that only a date that exists is a date."""
    assert date_of(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(MOMENT, time(21, 30, 5)), (ANY_SECOND, None), (LATE, None), (None, None)],
)
def test_times(value: object, expected: time | None) -> None:
    """Test that only a time that exists is a time."""
    assert time_of(value) == expected


@pytest.mark.parametrize(
    "value", [DateTime(ANY_YEAR, MOMENT), DateTime(DAY, ANY_SECOND), DAY]
)
def test_moments_that_are_none(value: object) -> None:
    """Test that half a moment is unknown."""
    assert datetime_of(value) is None


def test_moments() -> None:
    """Test that a moment is in Home Assistant's time zone."""
    dt_util.set_default_time_zone(dt_util.get_time_zone("Europe/Amsterdam"))
    expected = datetime(2026, 11, 23, 20, 30, 5, tzinfo=UTC)
    assert datetime_of(DateTime(DAY, MOMENT)) == expected
    dt_util.set_default_time_zone(UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (DAY, "2026-11-23"),
        (ANY_YEAR, "*-12-24"),
        (MOMENT, "21:30:05"),
        (ANY_SECOND, "21:30:*"),
        (DateTime(DAY, MOMENT), "2026-11-23 21:30:05"),
        (5, None),
    ],
)
def test_texts(value: object, text: str | None) -> None:
    """Test that wildcards stay visible in texts."""
    assert text_of(value) == text
