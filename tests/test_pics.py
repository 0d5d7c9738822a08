"""The published documents: every claim is what the device says, or does, on the wire."""

from pathlib import Path
import re
from typing import Any

from homeassistant.core import HomeAssistant, State
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service

from custom_components.bacnet.exposure_aspects import Aspect
from custom_components.bacnet.exposure_mapping import ASPECTS
from custom_components.bacnet.node.enumerations import (
    ObjectType,
    PropertyIdentifier,
    label_of,
)
from tests.common import (
    NODE_ADDRESS,
    NODE_INSTANCE,
    node_entry,
    set_up_entry,
    virtual_device,
)
from tests.independent import IndependentClient, Refused

DOCS = Path(__file__).parent.parent / "docs"
PICS = (DOCS / "PICS.md").read_text()
GUIDE = (DOCS / "virtual_devices.md").read_text()

_NUMBER = {"min": 0, "max": 100, "step": 1, "unit_of_measurement": "°C"}
_OPTIONS = {"options": ["One", "Two"]}

ENTITIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "analog-input": ("sensor.ai", "1", _NUMBER),
    "analog-output": ("input_number.ao", "1", _NUMBER),
    "analog-value": ("input_number.av", "1", _NUMBER),
    "binary-input": ("binary_sensor.bi", "on", {}),
    "binary-output": ("input_boolean.bo", "on", {}),
    "binary-value": ("input_boolean.bv", "on", {}),
    "multi-state-input": ("sensor.msi", "One", _OPTIONS | {"device_class": "enum"}),
    "multi-state-output": ("input_select.mso", "One", _OPTIONS),
    "multi-state-value": ("input_select.msv", "One", _OPTIONS),
    "characterstring-value": ("input_text.csv", "a", {"max": 20}),
    "integer-value": ("counter.iv", "1", {"minimum": 0, "maximum": 9, "step": 1}),
    "positive-integer-value": (
        "counter.piv",
        "1",
        {"minimum": 0, "maximum": 9, "step": 1},
    ),
    "large-analog-value": ("input_number.lav", "1", _NUMBER),
    "date-value": ("date.dv", "2026-10-05", {}),
    "time-value": ("time.tv", "06:30:00", {}),
    "datetime-value": ("datetime.dtv", "2026-10-05T06:30:00+00:00", {}),
}
"""An entity for each type of object that virtual devices can have."""


def _labels(properties: list[str | int]) -> str:
    """Return the names of properties, which a client may know by number only."""
    return ", ".join(
        label_of(PropertyIdentifier, property_)
        if isinstance(property_, int)
        else property_
        for property_ in properties
    )


def _table(text: str, title: str) -> dict[str, list[str]]:
    """Return the rows of the table below a title, by their first cell."""
    body = text.split(f"## {title}\n")[1].split("\n## ", maxsplit=1)[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in body.splitlines()
        if line.startswith("|")
    ]
    return {first: rest for first, *rest in rows[2:]}


@pytest.fixture
async def port_of_node(hass: HomeAssistant, port: int) -> int:
    """Return the port of a node that has an object of each type."""
    for entity_id, state, attributes in ENTITIES.values():
        hass.states.async_set(entity_id, state, attributes)
    exposures = {
        f"{object_type},1": entity_id
        for object_type, (entity_id, *_) in ENTITIES.items()
    }
    await set_up_entry(hass, node_entry(port, virtual_device(exposures=exposures)))
    return port


async def _read_device(client: IndependentClient, property_: str) -> Any:
    return await client.read_property(NODE_ADDRESS, "device", NODE_INSTANCE, property_)


async def test_device(port_of_node: int) -> None:
    """Test the table of what the device says of itself."""
    async with IndependentClient("127.0.0.50", port_of_node) as client:
        for property_, (value,) in _table(PICS, "Device").items():
            assert str(await _read_device(client, property_)) == value, property_


SERVICE_BITS = {
    "ConfirmedCOVNotification": 1,
    "I-Am": 26,
    "UnconfirmedCOVNotification": 28,
    "SubscribeCOV": 5,
    "ReadProperty": 12,
    "ReadPropertyMultiple": 14,
    "WriteProperty": 15,
    "WritePropertyMultiple": 16,
    "DeviceCommunicationControl": 17,
    "ReinitializeDevice": 20,
    "TimeSynchronization": 32,
    "Who-Has": 33,
    "Who-Is": 34,
    "ReadRange": 35,
    "UTCTimeSynchronization": 36,
    "SubscribeCOVProperty": 38,
}


async def test_services(port_of_node: int) -> None:
    """Test the table of services against protocol-services-supported."""
    async with IndependentClient("127.0.0.50", port_of_node) as client:
        bits = await _read_device(client, "protocol-services-supported")
    said = {number for number, is_set in enumerate(bits) if is_set}
    assert {SERVICE_BITS[name] for name in _table(PICS, "Services executed")} == said


async def test_building_blocks() -> None:
    """Test that each building block rests on services that are executed."""
    services = _table(PICS, "Services executed").keys()
    for block, (needed,) in _table(PICS, "Interoperability building blocks").items():
        assert set(needed.split(", ")) <= services, block


async def test_object_types(port_of_node: int) -> None:
    """Test types, properties, and which of them can be written."""
    table = _table(PICS, "Object types")
    async with IndependentClient("127.0.0.50", port_of_node) as client:
        bits = await _read_device(client, "protocol-object-types-supported")
        assert {
            label_of(ObjectType, number) for number, is_set in enumerate(bits) if is_set
        } == table.keys()
        for object_type, (shown, changed) in table.items():
            instance = NODE_INSTANCE if object_type == "device" else 1
            target = (NODE_ADDRESS, object_type, instance)
            properties = await client.read_property(*target, "property-list")
            if object_type in ENTITIES:
                await client.write_property(*target, "out-of-service", True, "boolean")
            writable = []
            for property_ in properties:
                try:
                    await client.write_property(*target, property_, None, "null", 8)
                except Refused as refused:
                    if "write-access-denied" in str(refused):
                        continue
                writable.append(property_)
            assert shown == _labels(properties), object_type
            assert changed == (_labels(writable) or "-"), object_type


async def test_character_sets(hass: HomeAssistant, port_of_node: int) -> None:
    """Test that ISO 10646 (UTF-8) goes both ways."""
    async_mock_service(hass, "input_text", "set_value")
    assert _table(PICS, "Character sets") == {"ISO 10646 (UTF-8)": ["yes"]}
    target = (NODE_ADDRESS, "characterstring-value", 1, "present-value")
    async with IndependentClient("127.0.0.50", port_of_node) as client:
        await client.write_property(*target, "Zürich 21 °C ☀", "character_string", 8)
        assert await client.read_property(*target) == "Zürich 21 °C ☀"


# --- the user guide ----------------------------------------------------------------------------


def _row(domain: str, aspect: Aspect) -> str:
    types = [label_of(ObjectType, object_type) for object_type in aspect.object_types]
    usual, *others = types
    action = "-"
    if aspect.act is not None:
        action = "only where allowed for the object" if aspect.guarded else "yes"
    default = "yes" if aspect.usual else "on request"
    return (
        f"| {domain} | {aspect.key} | {usual} | {', '.join(others) or '-'} "
        f"| {action} | {default} |"
    )


def domain_table() -> list[str]:
    """Return the rows of the guide's table of domains."""
    return list(
        dict.fromkeys(
            _row(domain, aspect)
            for domain, aspects in ASPECTS.items()
            for aspect in aspects
        )
    )


def test_guide_has_every_domain() -> None:
    """Test the guide's table of domains against the table in the code."""
    body = GUIDE.split("## What entities become\n")[1].split("\n## ")[0]
    rows = [re.sub(r" +", " ", line) for line in body.splitlines() if line[:1] == "|"]
    assert rows[2:] == domain_table()


def test_guide_names_every_template() -> None:
    """Test that the guide lists the shipped templates."""
    folder = DOCS.parent / "custom_components" / "bacnet" / "templates"
    assert _table(GUIDE, "Templates").keys() == {
        f"`{path.stem}`" for path in folder.glob("*.json")
    }


def test_states_are_only_read_once() -> None:
    """Test that the table can describe an entity of which nothing is known."""
    for domain, (first, *_) in ASPECTS.items():
        assert first.key == "state"
        first.exists(State(f"{domain}.x", "unknown"))
