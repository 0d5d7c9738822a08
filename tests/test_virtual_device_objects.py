"""Rules, templates, and the settings of single objects, through the flow to the wire."""

import json
from pathlib import Path
from typing import Any

from homeassistant.config_entries import SOURCE_USER, SubentryFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    label_registry as lr,
)
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bacnet import exposure_rules, templates
from custom_components.bacnet.const import SUBENTRY_TYPE_VIRTUAL_DEVICE
from custom_components.bacnet.hub import BacnetHub
from custom_components.bacnet.node.enumerations import ObjectType
from tests.common import NODE_ADDRESS, node_entry, set_up_entry, set_up_helpers, until
from tests.conftest import shown_errors, shown_options, shown_values
from tests.independent import IndependentClient, Refused

pytestmark = pytest.mark.usefixtures("quick_flows", "translated_flows")

SETPOINT = "input_number.setpoint"
FAN = "input_boolean.fan"


@pytest.fixture
async def entry(hass: HomeAssistant, port: int) -> MockConfigEntry:
    """Return a loaded node beside one helper of each kind."""
    await set_up_helpers(hass)
    return await set_up_entry(hass, node_entry(port))


@pytest.fixture(autouse=True)
def quick_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rules follow at once."""
    monkeypatch.setattr(exposure_rules, "_QUIET", 0.01)


async def _submit(
    hass: HomeAssistant, flow: SubentryFlowResult, user_input: dict[str, Any]
) -> SubentryFlowResult:
    result = await hass.config_entries.subentries.async_configure(
        flow["flow_id"], user_input
    )
    await hass.async_block_till_done()
    return result


async def _make(
    hass: HomeAssistant, entry: MockConfigEntry, step: str, user_input: dict[str, Any]
) -> str:
    """Make a virtual device and return its subentry."""
    before = set(entry.subentries)
    flow = await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_TYPE_VIRTUAL_DEVICE), context={"source": SOURCE_USER}
    )
    flow = await _submit(hass, flow, {"next_step_id": step})
    result = await _submit(hass, flow, user_input)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    [subentry_id] = set(entry.subentries) - before
    return subentry_id


async def _change(
    hass: HomeAssistant, entry: MockConfigEntry, subentry_id: str, step: str
) -> SubentryFlowResult:
    flow = await entry.start_subentry_reconfigure_flow(hass, subentry_id)
    return await _submit(hass, flow, {"next_step_id": step})


async def _object_form(
    hass: HomeAssistant, entry: MockConfigEntry, subentry_id: str, object_id: str
) -> SubentryFlowResult:
    flow = await _change(hass, entry, subentry_id, "object")
    return await _submit(hass, flow, {"object": object_id})


def _names(hub: BacnetHub) -> dict[str, str]:
    return {
        str(object_id): item.name
        for object_id, item in hub.local_device.objects.items()
    }


def _client(port: int) -> IndependentClient:
    return IndependentClient("127.0.0.50", port)


# --- rules ----------------------------------------------------------------------------------


async def test_rules_follow_registries(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Test that entities join and leave by themselves and always keep their numbers."""
    registry = er.async_get(hass)
    area = ar.async_get(hass).async_create("Lab")
    label = lr.async_get(hass).async_create("BMS")
    hub = entry.runtime_data
    await _make(
        hass,
        entry,
        "entities",
        {"name": "Lab", "rules": {"areas": [area.id], "domains": ["sensor", "switch"]}},
    )
    await _make(
        hass, entry, "entities", {"name": "BMS", "rules": {"labels": [label.label_id]}}
    )
    assert _names(hub) == {}

    for number in (1, 2):
        registry.async_get_or_create(
            "sensor", "test", str(number), suggested_object_id=f"s{number}"
        )
        hass.states.async_set(f"sensor.s{number}", str(number), {"state_class": "x"})
    registry.async_update_entity("sensor.s2", area_id=area.id)
    await until(lambda: _names(hub) == {"analog-input,1": "Lab s2"})
    registry.async_update_entity("sensor.s1", area_id=area.id)
    await until(lambda: len(_names(hub)) == 2)
    # One that leaves takes its number along, and comes back with it.
    registry.async_update_entity("sensor.s2", area_id=None)
    await until(lambda: _names(hub) == {"analog-input,2": "Lab s1"})
    registry.async_update_entity("sensor.s2", area_id=area.id)
    await until(lambda: "analog-input,1" in _names(hub))
    # The same entity in another virtual device is another object.
    registry.async_update_entity("sensor.s1", labels={label.label_id})
    await until(lambda: _names(hub).get("analog-input,3") == "BMS s1")
    # What only administrators need does not join by its area.
    registry.async_get_or_create(
        "switch",
        "test",
        "3",
        suggested_object_id="hidden",
        hidden_by=er.RegistryEntryHider.USER,
    )
    registry.async_update_entity("switch.hidden", area_id=area.id)
    hass.states.async_set("switch.hidden", "on")
    registry.async_get_or_create("switch", "test", "4", suggested_object_id="seen")
    hass.states.async_set("switch.seen", "on")
    registry.async_update_entity("switch.seen", area_id=area.id)
    await until(lambda: "Lab seen" in _names(hub).values())
    assert "Lab hidden" not in _names(hub).values()


async def test_area_of_the_device(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Test that an entity is where its device is, and labelled as its device is."""
    other = MockConfigEntry(domain="other")
    other.add_to_hass(hass)
    devices = dr.async_get(hass)
    device = devices.async_get_or_create(
        config_entry_id=other.entry_id, identifiers={("other", "1")}
    )
    er.async_get(hass).async_get_or_create(
        "switch", "other", "1", suggested_object_id="one", device_id=device.id
    )
    hass.states.async_set("switch.one", "on")
    area = ar.async_get(hass).async_create("Lab")
    label = lr.async_get(hass).async_create("BMS")
    rules = {"areas": [area.id], "labels": [label.label_id]}
    await _make(hass, entry, "entities", {"name": "Lab", "rules": rules})
    assert _names(entry.runtime_data) == {}
    devices.async_update_device(device.id, area_id=area.id, labels={label.label_id})
    await until(lambda: _names(entry.runtime_data) == {"binary-value,1": "Lab one"})


async def test_rules_of_a_domain_find_entities_without_registry(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Test that entities join that only have a state."""
    await _make(
        hass, entry, "entities", {"name": "Lab", "rules": {"domains": ["light"]}}
    )
    hass.states.async_set("light.one", "on")
    hass.states.async_set("switch.one", "on")
    await until(lambda: _names(entry.runtime_data) == {"binary-value,1": "Lab one"})


# --- templates ------------------------------------------------------------------------------


async def test_temperature_sensor(
    hass: HomeAssistant, entry: MockConfigEntry, port: int
) -> None:
    """Test numbers of Home Assistant that are analog inputs for the building."""
    subentry_id = await _make(
        hass, entry, "template", {"template": "temperature_sensor", "name": "Hall"}
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    temperature, humidity = ("analog-input", 1), ("analog-input", 2)
    assert hass.states.get("number.hall_temperature").state == "22.0"
    assert hass.states.get("number.hall_humidity").state == "45.0"
    registry_entry = er.async_get(hass).async_get("number.hall_temperature")
    assert registry_entry.config_subentry_id == subentry_id
    async with _client(port) as client:

        async def read(target: Any, property_: str) -> Any:
            return await client.read_property(NODE_ADDRESS, *target, property_)

        assert await read(temperature, "object-name") == "Hall Temperature"
        assert await read(temperature, "present-value") == 22
        assert await read(temperature, "units") == 62
        assert await read(temperature, "min-pres-value") == -10
        assert await read(temperature, "max-pres-value") == 50
        assert await read(temperature, "reliability") == 0
        assert await read(humidity, "present-value") == 45
        assert await read(humidity, "units") == 29
        await hass.services.async_call(
            "number",
            "set_value",
            {"entity_id": "number.hall_temperature", "value": 23.4},
            blocking=True,
        )
        assert await read(temperature, "present-value") == pytest.approx(23.4)
        with pytest.raises(Refused, match="write-access-denied"):
            await client.write_property(
                NODE_ADDRESS, *temperature, "present-value", 30.0, "real", 8
            )
        await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert hass.states.get("number.hall_temperature").state == "23.4"
        assert await read(temperature, "present-value") == pytest.approx(23.4)


async def test_hvac_controller(
    hass: HomeAssistant, entry: MockConfigEntry, port: int
) -> None:
    """Test outputs that the building commands and Home Assistant reads."""
    await _make(
        hass,
        entry,
        "template",
        {"template": "hvac_controller", "name": "AHU", "writable": True},
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    setpoint, fan = ("analog-output", 1), ("binary-output", 1)
    assert hass.states.get("number.ahu_temperature_setpoint").state == "24.0"
    assert hass.states.get("switch.ahu_fan_command").state == "off"
    async with _client(port) as client:

        async def read(target: Any, property_: str) -> Any:
            return await client.read_property(NODE_ADDRESS, *target, property_)

        assert await read(fan, "active-text") == "On"
        assert await read(fan, "inactive-text") == "Off"
        assert await read(setpoint, "relinquish-default") == 24
        assert await read(setpoint, "min-pres-value") == 18
        assert await read(setpoint, "max-pres-value") == 28
        await client.write_property(
            NODE_ADDRESS, *setpoint, "present-value", 26.0, "real", 8
        )
        await client.write_property(
            NODE_ADDRESS, *fan, "present-value", 1, "enumerated", 8
        )
        await hass.async_block_till_done(wait_background_tasks=True)
        assert hass.states.get("number.ahu_temperature_setpoint").state == "26.0"
        assert hass.states.get("switch.ahu_fan_command").state == "on"
        await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert hass.states.get("number.ahu_temperature_setpoint").state == "26.0"
        assert hass.states.get("switch.ahu_fan_command").state == "on"
        assert await read(setpoint, "priority-array") is not None
        await client.relinquish(NODE_ADDRESS, *setpoint, 8)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert hass.states.get("number.ahu_temperature_setpoint").state == "24.0"


@pytest.mark.parametrize("name", sorted(templates.load_templates(Path("/nowhere"))))
async def test_every_template(
    hass: HomeAssistant, entry: MockConfigEntry, name: str
) -> None:
    """Test that each shipped template makes one entity and one object per point."""
    subentry_id = await _make(
        hass, entry, "template", {"template": name, "name": "Thing"}
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    points = templates.load_templates(Path("/nowhere"))[name]["points"]
    assert sorted(_names(entry.runtime_data).values()) == sorted(
        f"Thing {point['name']}" for point in points
    )
    entities = [
        entity
        for entity in er.async_entries_for_config_entry(
            er.async_get(hass), entry.entry_id
        )
        if entity.config_subentry_id == subentry_id
    ]
    assert len(entities) == len(points)
    assert all(hass.states.get(entity.entity_id) for entity in entities)


async def test_templates_of_the_user(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Test files in the configuration: good ones are offered, others reported."""
    point = {"key": "a", "name": "A", "object_type": "analog-value", "default": 1}
    files = {
        "good": {"name": "Mine", "points": [point]},
        "twice": {"name": "Twice", "points": [point, point]},
        "unknown": {"name": "Unknown", "points": [point | {"object_type": "loop"}]},
        "default": {"name": "Default", "points": [point | {"default": "x"}]},
        "states": {"name": "States", "points": [point | {"states": ["a"]}]},
    }
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / "broken.json").write_text("{")
    found = templates.load_templates(tmp_path)
    assert set(found) - set(templates.load_templates(Path("/nowhere"))) == {"good"}
    for name in ("twice", "unknown", "default", "states", "broken"):
        assert f"{name}.json can not be used" in caplog.text


# --- single objects -----------------------------------------------------------------------------


@pytest.fixture
async def room(hass: HomeAssistant, entry: MockConfigEntry) -> str:
    """Return the subentry of a virtual device with a setpoint and a fan."""
    return await _make(
        hass,
        entry,
        "entities",
        {"name": "Room", "entities": [SETPOINT, FAN], "writable": True},
    )


async def test_number_of_an_object(
    hass: HomeAssistant, entry: MockConfigEntry, room: str, port: int
) -> None:
    """Test that a user may choose a number, once, and that it is not given away."""

    async def renumber(object_id: str, instance: int) -> Any:
        flow = await _change(hass, entry, room, "object")
        flow = await _submit(hass, flow, {"object": object_id})
        values = shown_values(flow)
        return await _submit(hass, flow, values | {"instance": instance})

    result = await renumber("analog-value,1", 3)
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    async with _client(port) as client:
        read = client.read_property
        assert await read(NODE_ADDRESS, "analog-value", 3, "present-value") == 21
        with pytest.raises(Refused, match="unknown-object"):
            await read(NODE_ADDRESS, "analog-value", 1, "present-value")
    result = await renumber("analog-value,3", 1)
    assert shown_errors(result) == {
        "instance": "An object of this type has or had this number. Choose another one."
    }
    store = entry.runtime_data.exposure_store
    given = [store.async_allocate(ObjectType.ANALOG_VALUE).instance for _ in range(3)]
    assert given == [2, 4, 5]


async def test_object_settings(
    hass: HomeAssistant, entry: MockConfigEntry, room: str, port: int
) -> None:
    """Test that everything that can be changed of an object is seen at once."""
    flow = await _change(hass, entry, room, "object")
    assert shown_options(flow, "object") == {
        "analog-value,1": "Room Setpoint (analog-value,1)",
        "binary-value,1": "Room Fan (binary-value,1)",
    }
    flow = await _submit(hass, flow, {"object": "analog-value,1"})
    assert flow["description_placeholders"]["object"] == "analog-value,1"
    values = shown_values(flow)
    assert values == {
        "enabled": True,
        "object_type": "analog-value",
        "instance": 1,
        "writable": True,
        "own_priority": 16,
    }
    wrong = {"own_priority": 6, "minimum": 5, "maximum": 4, "cov_increment": -1}
    result = await _submit(hass, flow, values | wrong)
    assert shown_errors(result) == {
        "own_priority": (
            "Priority 6 is reserved for minimum on and off times. Choose another one."
        ),
        "maximum": "The highest value has to be above the lowest.",
        "cov_increment": "Enter zero or more.",
    }
    changes = {
        "name": "ZN-T-SP",
        "description": "Zone setpoint",
        "units": "degrees-kelvin",
        "cov_increment": 0.25,
        "minimum": 15,
        "maximum": 25,
        "own_priority": 10,
        "relinquish_default": 20,
    }
    result = await _submit(hass, result, values | changes)
    assert result["reason"] == "reconfigure_successful"
    async with _client(port) as client:

        async def read(*property_: Any) -> Any:
            return await client.read_property(
                NODE_ADDRESS, "analog-value", 1, *property_
            )

        assert await read("object-name") == "ZN-T-SP"
        assert await read("description") == "Zone setpoint"
        assert await read("units") == 63
        assert await read("cov-increment") == 0.25
        assert await read("min-pres-value") == 15
        assert await read("max-pres-value") == 25
        assert await read("relinquish-default") == 20
        assert await read("priority-array", 10) == 21
        assert await read("priority-array", 16) is None
    flow = await _object_form(hass, entry, room, "analog-value,1")
    assert shown_values(flow) == values | changes
    # Back to what the entity says.
    await _submit(hass, flow, values)
    item = next(iter(entry.runtime_data.local_device.objects.values()))
    assert (item.definition.name, item.definition.maximum) == ("Room Setpoint", 30)


async def test_object_of_another_type(
    hass: HomeAssistant, entry: MockConfigEntry, room: str
) -> None:
    """Test that another type gets another number."""
    flow = await _object_form(hass, entry, room, "binary-value,1")
    await _submit(hass, flow, shown_values(flow) | {"object_type": "binary-output"})
    assert _names(entry.runtime_data) == {
        "analog-value,1": "Room Setpoint",
        "binary-output,1": "Room Fan",
    }


async def test_object_can_be_hidden(
    hass: HomeAssistant, entry: MockConfigEntry, room: str
) -> None:
    """Test that a hidden object comes back with its number, and that one can be read-only."""
    flow = await _object_form(hass, entry, room, "binary-value,1")
    await _submit(hass, flow, shown_values(flow) | {"enabled": False})
    assert _names(entry.runtime_data) == {"analog-value,1": "Room Setpoint"}
    flow = await _object_form(hass, entry, room, "binary-value,1")
    assert shown_values(flow)["enabled"] is False
    await _submit(hass, flow, shown_values(flow) | {"enabled": True, "writable": False})
    [_, fan] = entry.runtime_data.local_device.objects.values()
    assert str(fan.object_id) == "binary-value,1"
    assert not fan.definition.writable


async def test_more_of_an_entity(
    hass: HomeAssistant, entry: MockConfigEntry, port: int
) -> None:
    """Test that attributes become objects of their own."""
    hass.states.async_set("switch.plug", "on", {"power": 4.5})
    subentry_id = await _make(
        hass, entry, "entities", {"name": "Room", "entities": ["switch.plug"]}
    )
    flow = await _change(hass, entry, subentry_id, "more")
    [value] = shown_options(flow, "objects")
    await _submit(hass, flow, {"objects": [value]})
    assert _names(entry.runtime_data) == {
        "binary-value,1": "Room plug",
        "analog-input,1": "Room plug Power",
    }
    async with _client(port) as client:
        assert (
            await client.read_property(NODE_ADDRESS, "analog-input", 1, "present-value")
            == 4.5
        )
        hass.states.async_set("switch.plug", "on", {"power": 5.5})
        assert (
            await client.read_property(NODE_ADDRESS, "analog-input", 1, "present-value")
            == 5.5
        )
    result = await _change(hass, entry, subentry_id, "more")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "nothing_more")


@pytest.mark.parametrize(
    ("entity_id", "object_id", "default", "value"),
    [
        ("input_select.mode", "multi-state-value,1", "Heat", 2),
        (FAN, "binary-value,1", "On", True),
        ("input_text.note", "characterstring-value,1", "none", "none"),
    ],
)
async def test_relinquish_default(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    entity_id: str,
    object_id: str,
    default: str,
    value: Any,
) -> None:
    """Test that defaults are chosen in words."""
    subentry_id = await _make(
        hass,
        entry,
        "entities",
        {"name": "Room", "entities": [entity_id], "writable": True},
    )
    flow = await _object_form(hass, entry, subentry_id, object_id)
    await _submit(hass, flow, shown_values(flow) | {"relinquish_default": default})
    [item] = entry.runtime_data.local_device.objects.values()
    assert item.relinquish_default == value
    flow = await _object_form(hass, entry, subentry_id, object_id)
    assert shown_values(flow)["relinquish_default"] == default


async def test_no_objects(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Test that there is nothing to change where a rule has found nothing yet."""
    subentry_id = await _make(
        hass, entry, "entities", {"name": "Room", "rules": {"domains": ["valve"]}}
    )
    result = await _change(hass, entry, subentry_id, "object")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_objects")


async def test_settings_of_a_template(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Test that entities join the points of a template, and that names differ."""
    subentry_id = await _make(
        hass, entry, "template", {"template": "temperature_sensor", "name": "Hall"}
    )
    flow = await _change(hass, entry, subentry_id, "settings")
    values = shown_values(flow) | {"entities": [FAN]}
    await _submit(hass, flow, values | {"advanced": {"lease": 60}})
    assert set(_names(entry.runtime_data).values()) == {
        "Hall Temperature",
        "Hall Humidity",
        "Hall Fan",
    }
    assert entry.subentries[subentry_id].data["lease"] == 60
    assert entry.subentries[subentry_id].data["lease_priority"] == 8
    flow = await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_TYPE_VIRTUAL_DEVICE), context={"source": SOURCE_USER}
    )
    flow = await _submit(hass, flow, {"next_step_id": "template"})
    result = await _submit(hass, flow, {"template": "generic_io", "name": "Hall"})
    assert shown_errors(result) == {"name": "Another virtual device has this name."}


async def test_states_and_texts_of_templates(
    hass: HomeAssistant, entry: MockConfigEntry, port: int
) -> None:
    """Test that selects and texts go both ways and come back after a restart."""
    await _make(
        hass,
        entry,
        "template",
        {"template": "generic_io", "name": "IO", "writable": True},
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    state, text = ("multi-state-value", 1), ("characterstring-value", 1)
    # What nobody has measured is not known.
    assert hass.states.get("number.io_analog_input_1").state == "unknown"
    async with _client(port) as client:
        await client.write_property(
            NODE_ADDRESS, *state, "present-value", 3, "unsigned", 8
        )
        await client.write_property(
            NODE_ADDRESS, *text, "present-value", "Hallo", "character_string", 8
        )
        await hass.async_block_till_done(wait_background_tasks=True)
        await hass.services.async_call(
            "switch",
            "turn_on",
            {"entity_id": "switch.io_binary_input_1"},
            blocking=True,
        )
        for _ in range(2):
            assert hass.states.get("select.io_multi_state_value_1").state == "State 3"
            assert hass.states.get("text.io_text_1").state == "Hallo"
            assert hass.states.get("switch.io_binary_input_1").state == "on"
            value = await client.read_property(
                NODE_ADDRESS, "binary-input", 1, "present-value"
            )
            assert value == 1
            await hass.config_entries.async_reload(entry.entry_id)
            await hass.async_block_till_done(wait_background_tasks=True)
