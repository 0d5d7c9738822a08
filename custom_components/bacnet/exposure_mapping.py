"""What an entity becomes on our BACnet device: one table, pure functions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from homeassistant.components import (
    input_boolean,
    input_number,
    input_select,
    input_text,
)
from homeassistant.components.input_number import ATTR_VALUE
from homeassistant.components.number import ATTR_MAX, ATTR_MIN, ATTR_STEP
from homeassistant.components.select import ATTR_OPTION, ATTR_OPTIONS
from homeassistant.const import (
    ATTR_UNIT_OF_MEASUREMENT,
    SERVICE_SELECT_OPTION,
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import State, split_entity_id

from .node.enumerations import EngineeringUnits, ObjectType, Reliability
from .server.values import PresentValue
from .units import BACNET_UNITS

_MAX_TEXT = 255
"""Longest state of an entity in Home Assistant."""


class Action(NamedTuple):
    """The action of Home Assistant that brings a written value about."""

    domain: str
    service: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureTraits:
    """How entities of one domain are BACnet objects.

    ``describe`` returns fields of an ObjectDefinition, ``read`` the present-value for a
    state, ``act`` the action for a present-value, ``show`` a present-value in the words
    of Home Assistant. ``read`` raises ValueError for a state it can not express.
    """

    object_type: ObjectType
    describe: Callable[[State], dict[str, Any]]
    read: Callable[[State], PresentValue]
    act: Callable[[Any, State], Action]
    show: Callable[[Any, State], str | float | bool]


def _describe_number(state: State) -> dict[str, Any]:
    attributes = state.attributes
    step = attributes.get(ATTR_STEP)
    return {
        "units": BACNET_UNITS.get(
            attributes.get(ATTR_UNIT_OF_MEASUREMENT, ""), EngineeringUnits.NO_UNITS
        ),
        "minimum": attributes.get(ATTR_MIN),
        "maximum": attributes.get(ATTR_MAX),
        "resolution": step,
        "cov_increment": step,
    }


def _on_off(state: State) -> bool:
    if state.state not in (STATE_ON, STATE_OFF):
        raise ValueError(state.state)
    return state.state == STATE_ON


def _options(state: State) -> list[str]:
    return list(state.attributes.get(ATTR_OPTIONS, ()))


_TRAITS: Final[dict[str, ExposureTraits]] = {
    input_boolean.DOMAIN: ExposureTraits(
        object_type=ObjectType.BINARY_VALUE,
        describe=lambda state: {"inactive_text": "Off", "active_text": "On"},
        read=_on_off,
        act=lambda value, state: Action(
            input_boolean.DOMAIN, SERVICE_TURN_ON if value else SERVICE_TURN_OFF, {}
        ),
        show=lambda value, state: bool(value),
    ),
    input_number.DOMAIN: ExposureTraits(
        object_type=ObjectType.ANALOG_VALUE,
        describe=_describe_number,
        read=lambda state: float(state.state),
        act=lambda value, state: Action(
            input_number.DOMAIN, input_number.SERVICE_SET_VALUE, {ATTR_VALUE: value}
        ),
        show=lambda value, state: float(value),
    ),
    input_select.DOMAIN: ExposureTraits(
        object_type=ObjectType.MULTI_STATE_VALUE,
        describe=lambda state: {"states": tuple(_options(state))},
        read=lambda state: _options(state).index(state.state) + 1,
        act=lambda value, state: Action(
            input_select.DOMAIN,
            SERVICE_SELECT_OPTION,
            {ATTR_OPTION: _options(state)[value - 1]},
        ),
        show=lambda value, state: _options(state)[value - 1],
    ),
    input_text.DOMAIN: ExposureTraits(
        object_type=ObjectType.CHARACTERSTRING_VALUE,
        describe=lambda state: {
            "max_length": int(state.attributes.get(ATTR_MAX, _MAX_TEXT))
        },
        read=lambda state: state.state,
        act=lambda value, state: Action(
            input_text.DOMAIN, input_text.SERVICE_SET_VALUE, {ATTR_VALUE: value}
        ),
        show=lambda value, state: str(value),
    ),
}

EXPOSABLE_DOMAINS: Final = sorted(_TRAITS)


def traits_of_entity(entity_id: str) -> ExposureTraits | None:
    """Return how an entity is exposed, None where it can not be."""
    return _TRAITS.get(split_entity_id(entity_id)[0])


def reliability_of(state: State | None) -> Reliability:
    """Return how far a state can be trusted."""
    if state is None:
        return Reliability.NO_SENSOR
    if state.state == STATE_UNAVAILABLE:
        return Reliability.COMMUNICATION_FAILURE
    if state.state == STATE_UNKNOWN:
        return Reliability.UNRELIABLE_OTHER
    return Reliability.NO_FAULT_DETECTED
