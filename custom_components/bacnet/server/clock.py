"""Dates and times as BACnet has them."""

from collections.abc import Callable
from datetime import datetime, timedelta

from ..node.types import Date, Time
from .values import DateTime

type Clock = Callable[[], datetime]
"""Returns the time of now, with its time zone."""

_MINUTE = timedelta(minutes=1)


def system_time() -> datetime:
    """Return the time of now in the system's time zone."""
    return datetime.now().astimezone()


def bacnet_date(moment: datetime) -> Date:
    """Return the date of a moment."""
    return Date(moment.year, moment.month, moment.day, moment.isoweekday())


def bacnet_time(moment: datetime) -> Time:
    """Return the time of day of a moment."""
    return Time(moment.hour, moment.minute, moment.second, moment.microsecond // 10_000)


def bacnet_datetime(moment: datetime) -> DateTime:
    """Return date and time of a moment."""
    return DateTime(bacnet_date(moment), bacnet_time(moment))


def utc_offset(moment: datetime) -> int:
    """Return the minutes from standard time to UTC; west counts positive (12.11.26)."""
    offset = moment.utcoffset() or timedelta()
    return -((offset - (moment.dst() or timedelta())) // _MINUTE)


def is_daylight_saving(moment: datetime) -> bool:
    """Return whether daylight saving time is in effect."""
    return bool(moment.dst())
