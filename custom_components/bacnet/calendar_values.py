"""Dates and times of BACnet as those of Python; wildcards have no counterpart."""

from datetime import date, datetime, time

from homeassistant.util import dt as dt_util

from .client.models import DateTime
from .node.types import Date, Time


def date_of(value: object) -> date | None:
    """Return a date; None for one with wildcards, and for anything else."""
    match value:
        case Date(year=int(year), month=int(month), day=int(day)):
            try:
                return date(year, month, day)
            except ValueError:  # "the last day", "odd months"
                return None
    return None


def time_of(value: object) -> time | None:
    """Return a time of day; None for one with wildcards, and for anything else."""
    match value:
        case Time(hour=int(hour), minute=int(minute), second=int(second)):
            try:
                return time(hour, minute, second)
            except ValueError:
                return None
    return None


def datetime_of(value: object) -> datetime | None:
    """Return a moment in Home Assistant's time zone; None as for dates and times."""
    match value:
        case DateTime(date=day, time=moment):
            day_part, time_part = date_of(day), time_of(moment)
            if day_part is not None and time_part is not None:
                return datetime.combine(
                    day_part, time_part, dt_util.get_default_time_zone()
                )
    return None


def text_of(value: object) -> str | None:
    """Return a date, a time or both as text, with * for "any"."""
    match value:
        case Date():
            return f"{_part(value.year, 4)}-{_part(value.month)}-{_part(value.day)}"
        case Time():
            return f"{_part(value.hour)}:{_part(value.minute)}:{_part(value.second)}"
        case DateTime():
            return f"{text_of(value.date)} {text_of(value.time)}"
    return None


def _part(number: int | None, digits: int = 2) -> str:
    return "*" if number is None else f"{number:0{digits}}"
