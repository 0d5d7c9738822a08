"""What of an entity can be an object: its state or an attribute, as one value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import Enum
from math import isfinite
from typing import Any, Final, NamedTuple

from homeassistant.const import ATTR_DEVICE_CLASS
from homeassistant.core import State
from homeassistant.util import dt as dt_util
from homeassistant.util.unit_system import UnitSystem

from .calendar_values import date_of, time_of
from .exposure_units import Measure, measure_of
from .node.enumerations import EngineeringUnits as Units, ObjectType as T
from .node.types import Date, Time
from .server.values import DateTime, PresentValue

STATE_ASPECT: Final = "state"
"""The aspect of records that name none."""

SYSTEM_TEMPERATURE: Final = "system temperature"
"""Stands for the unit of temperatures that Home Assistant is set to."""

INTEGERS: Final = (T.INTEGER_VALUE, T.POSITIVE_INTEGER_VALUE)

_OUTPUTS: Final = (T.ANALOG_OUTPUT, T.BINARY_OUTPUT, T.MULTI_STATE_OUTPUT)

_COV_INCREMENTS: Final[dict[Units, float]] = {
    Units.DEGREES_ANGULAR: 1,
    Units.LUXES: 10,
    Units.PARTS_PER_BILLION: 10,
    Units.PARTS_PER_MILLION: 10,
    Units.PASCALS: 10,
    Units.PERCENT: 1,
    Units.PERCENT_RELATIVE_HUMIDITY: 1,
    Units.VOLTS: 1,
    Units.WATTS: 5,
    Units.WATT_HOURS: 10,
}
"""A change worth a notification, where 0.1 would be noise."""


class Action(NamedTuple):
    """The action of Home Assistant that brings a written value about."""

    domain: str
    service: str
    data: dict[str, Any]


class Kind(Enum):
    """What values are; the types of object that hold them, the usual ones first.

    The first is for what can only be read, the second for what can be set.
    """

    ANALOG = (
        T.ANALOG_INPUT,
        T.ANALOG_VALUE,
        T.ANALOG_OUTPUT,
        T.LARGE_ANALOG_VALUE,
        *INTEGERS,
    )
    BINARY = (T.BINARY_INPUT, T.BINARY_VALUE, T.BINARY_OUTPUT)
    DATE = (T.DATE_VALUE, T.DATE_VALUE)
    DATETIME = (T.DATETIME_VALUE, T.DATETIME_VALUE)
    INTEGER = (
        T.INTEGER_VALUE,
        T.INTEGER_VALUE,
        T.POSITIVE_INTEGER_VALUE,
        T.ANALOG_INPUT,
        T.ANALOG_OUTPUT,
        T.ANALOG_VALUE,
    )
    STATES = (T.MULTI_STATE_INPUT, T.MULTI_STATE_VALUE, T.MULTI_STATE_OUTPUT)
    TEXT = (T.CHARACTERSTRING_VALUE, T.CHARACTERSTRING_VALUE)
    TIME = (T.TIME_VALUE, T.TIME_VALUE)


class Limits(NamedTuple):
    """Range and step of a number, in the unit of Home Assistant."""

    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None


def no_unit(_: State) -> None:
    """Return that a number has no unit."""


def no_limits(_: State) -> Limits:
    """Return that a number has no limits."""
    return Limits()


def no_options(_: State) -> Sequence[str]:
    """Return that there is nothing to choose from."""
    return ()


def always(_: State) -> bool:
    """Return that every entity has it."""
    return True


def on_off_texts(_: State) -> tuple[str, str]:
    """Return the usual texts for inactive and active."""
    return ("Off", "On")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspect:
    """One value of an entity, and how Home Assistant is brought to change it.

    ``read`` returns the value in the words of Home Assistant and raises ValueError,
    TypeError or KeyError for a state that has none; ``act`` takes such a value.
    """

    key: str = STATE_ASPECT
    kind: Kind
    read: Callable[[State], Any]
    act: Callable[[Any, State], Action] | None = None
    exists: Callable[[State], bool] = always
    usual: bool = True
    """Whether it is exposed without asking."""
    guarded: bool = False
    """Whether writing has to be allowed for the object itself."""
    reads_unknown: bool = False
    """Whether an unknown state says something all the same, as a button's does."""
    unit: Callable[[State], str | None] = no_unit
    limits: Callable[[State], Limits] = no_limits
    options: Callable[[State], Sequence[str]] = no_options
    prettify: bool = False
    """Whether options are words of a program, to be made readable."""
    texts: Callable[[State], tuple[str, str]] = on_off_texts
    max_length: Callable[[State], int | None] = no_unit

    @property
    def object_type(self) -> T:
        """Return the type of object that it usually is."""
        types: tuple[T, ...] = self.kind.value
        return types[self.act is not None]

    @property
    def object_types(self) -> tuple[T, ...]:
        """Return all types of object that it can be, the usual one first."""
        types = dict.fromkeys((self.object_type, *self.kind.value))
        # An output is there to be commanded.
        return tuple(t for t in types if self.act is not None or t not in _OUTPUTS)

    @property
    def name(self) -> str:
        """Return what is added to the name of the entity."""
        if self.key == STATE_ASPECT:
            return ""
        return self.key.removeprefix(ATTRIBUTE_PREFIX).replace("_", " ").capitalize()

    # --- values ---------------------------------------------------------------------

    def present_value(self, state: State, object_type: int) -> PresentValue:
        """Return the value as the building sees it; raises as ``read`` does."""
        value = self.read(state)
        match self.kind:
            case Kind.ANALOG | Kind.INTEGER:
                number = float(value) * self._measure(state).factor
                if not isfinite(number):
                    raise ValueError(f"{value} is no finite number")
                return round(number) if object_type in INTEGERS else number
            case Kind.BINARY:
                return bool(value)
            case Kind.STATES:
                return list(self.options(state)).index(value) + 1
            case Kind.DATE:
                return bacnet_date(value)
            case Kind.TIME:
                return bacnet_time(value)
            case Kind.DATETIME:
                local = dt_util.as_local(value)
                return DateTime(bacnet_date(local.date()), bacnet_time(local.time()))
            case Kind.TEXT:
                return str(value)

    def words(self, value: Any, state: State) -> Any:
        """Return a present-value in the words of Home Assistant.

        Raises IndexError or ValueError where it has none for it.
        """
        match self.kind:
            case Kind.ANALOG:
                factor = self._measure(state).factor
                return float(value) if factor == 1 else float(value) / factor
            case Kind.INTEGER:
                return int(value)
            case Kind.STATES:
                return self.options(state)[value - 1]
            case Kind.DATE:
                return _known(date_of(value))
            case Kind.TIME:
                return _known(time_of(value))
            case Kind.DATETIME:
                day, moment = _known(date_of(value.date)), _known(time_of(value.time))
                return datetime.combine(day, moment, dt_util.get_default_time_zone())
        return value

    def action(self, value: Any, state: State) -> Action:
        """Return what brings a present-value about; raises ValueError if nothing."""
        if self.act is None:
            raise ValueError(f"{state.entity_id} can not be set")
        try:
            return self.act(self.words(value, state), state)
        except (IndexError, KeyError, TypeError) as error:
            raise ValueError(f"{state.entity_id} has no {value}") from error

    def tolerance(self, state: State) -> float:
        """Return by how much the entity may round, in the building's unit."""
        return abs((self.limits(state).step or 0) * self._measure(state).factor)

    # --- what it is -----------------------------------------------------------------

    def describe(self, state: State, system: UnitSystem) -> dict[str, Any]:
        """Return fields of an ObjectDefinition."""
        match self.kind:
            case Kind.ANALOG | Kind.INTEGER:
                return self._describe_number(state, system)
            case Kind.BINARY:
                inactive, active = self.texts(state)
                return {"inactive_text": inactive, "active_text": active}
            case Kind.STATES:
                texts = tuple(map(str, self.options(state)))
                if self.prettify:
                    texts = tuple(text.replace("_", " ").capitalize() for text in texts)
                return {"states": texts}
            case Kind.TEXT:
                return {"max_length": self.max_length(state)}
        return {}

    def _describe_number(self, state: State, system: UnitSystem) -> dict[str, Any]:
        units, factor = self._measure(state, system)
        limits = self.limits(state)
        minimum, maximum, step = (
            None if number is None else float(number) * factor for number in limits
        )
        return {
            "units": units,
            "minimum": minimum,
            "maximum": maximum,
            "resolution": step,
            "cov_increment": step or _COV_INCREMENTS.get(units),
        }

    def _measure(self, state: State, system: UnitSystem | None = None) -> Measure:
        unit = self.unit(state)
        if unit == SYSTEM_TEMPERATURE:
            unit = system.temperature_unit if system else None
        device_class = state.attributes.get(ATTR_DEVICE_CLASS)
        return measure_of(unit, device_class if self.key == STATE_ASPECT else None)


def _known[V](value: V | None) -> V:
    if value is None:
        raise ValueError("a date or time with wildcards")
    return value


def bacnet_date(value: date) -> Date:
    """Return a date as the building sees it."""
    return Date(value.year, value.month, value.day, value.isoweekday())


def bacnet_time(value: time) -> Time:
    """Return a time of day as the building sees it."""
    return Time(value.hour, value.minute, value.second, value.microsecond // 10_000)


# --- attributes in general ----------------------------------------------------------------

ATTRIBUTE_PREFIX: Final = "attribute:"
"""Begins the aspect that is an attribute which the table does not know."""

_ATTRIBUTE_KINDS: Final[tuple[tuple[Kind, type | tuple[type, ...]], ...]] = (
    # A bool is an int as well.
    (Kind.BINARY, bool),
    (Kind.ANALOG, (int, float)),
    (Kind.DATETIME, datetime),
    (Kind.TEXT, str),
)


def attribute_aspects(name: str) -> tuple[Aspect, ...]:
    """Return an attribute as each kind of value; they only can be read."""
    return tuple(
        Aspect(
            key=f"{ATTRIBUTE_PREFIX}{name}",
            kind=kind,
            read=_attribute_reader(name, types),
            exists=_attribute_check(name, types),
            usual=False,
        )
        for kind, types in _ATTRIBUTE_KINDS
    )


def _attribute_reader(
    name: str, types: type | tuple[type, ...]
) -> Callable[[State], Any]:
    def read(state: State) -> Any:
        value = state.attributes[name]
        if not isinstance(value, types):
            raise TypeError(f"{name} is {value!r}")
        return value

    return read


def _attribute_check(
    name: str, types: type | tuple[type, ...]
) -> Callable[[State], bool]:
    return lambda state: isinstance(state.attributes.get(name), types)
