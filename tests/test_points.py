"""Points of every type, on a device that shares no code with us: rusty-bacnet."""

from collections.abc import AsyncIterator
from typing import Any

from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN, EntityCategory
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er, issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bacnet import coordinator
from custom_components.bacnet.const import DOMAIN
from tests.common import node_entry, remote_device, set_up_entry
from tests.independent import DeviceObject, IndependentDevice

INSTANCE = 1234

OBJECTS = (
    DeviceObject("accumulator", 1, "Pulses", {"units": 19, "scale": 0.1}),
    DeviceObject("analog-input", 1, "Room temperature", {"present_value": 21.5}),
    DeviceObject("binary-input", 1, "Window"),
    DeviceObject("calendar", 1, "Holidays"),
    DeviceObject("character-string-value", 1, "Label"),
    DeviceObject("date-time-value", 1, "Next start"),
    DeviceObject("date-value", 1, "Commissioned"),
    DeviceObject("integer-value", 1, "Offset"),
    DeviceObject("large-analog-value", 1, "Total"),
    DeviceObject("life-safety-point", 1, "Smoke"),
    DeviceObject("lighting-output", 1, "Lobby"),
    DeviceObject("loop", 1, "Heating loop", {"output_units": 98}),
    DeviceObject("multi-state-input", 1, "Step", {"number_of_states": 4}),
    DeviceObject("positive-integer-value", 1, "Starts"),
    DeviceObject("pulse-converter", 1, "Water", {"units": 80}),
    DeviceObject("time-value", 1, "Switch off"),
)


@pytest.fixture
async def device(hass: HomeAssistant, port: int) -> AsyncIterator[IndependentDevice]:
    """Return a device with one object of each type."""
    async with IndependentDevice(
        "127.0.0.60", port, instance=INSTANCE, objects=OBJECTS
    ) as device:
        yield device
        for entry in hass.config_entries.async_loaded_entries(DOMAIN):
            await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
async def entry(
    hass: HomeAssistant, port: int, device: IndependentDevice
) -> MockConfigEntry:
    """Return a node with the device, all of whose points are entities."""
    subentry = remote_device(INSTANCE, device.address)
    types = [item.object_type for item in OBJECTS] + [
        "characterstring-value",
        "datetime-value",
    ]
    subentry["data"] = {**subentry["data"], "object_types": types}
    return await set_up_entry(hass, node_entry(port, subentry))


def _entity(hass: HomeAssistant, object_id: str) -> er.RegistryEntry:
    registry = er.async_get(hass)
    return next(
        entity
        for entity in registry.entities.values()
        if entity.platform == DOMAIN and entity.unique_id == f"{INSTANCE}-{object_id}"
    )


def _state(hass: HomeAssistant, object_id: str) -> State:
    state = hass.states.get(_entity(hass, object_id).entity_id)
    assert state is not None
    return state


async def _act(hass: HomeAssistant, service: str, object_id: str, **data: Any) -> None:
    entity_id = _entity(hass, object_id).entity_id
    await hass.services.async_call(
        entity_id.split(".", maxsplit=1)[0],
        service,
        {"entity_id": entity_id, **data},
        blocking=True,
    )


async def test_platforms(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Test which platform shows each type; what Home Assistant has no place for too."""
    registry = er.async_get(hass)
    entities = er.async_entries_for_config_entry(registry, entry.entry_id)
    assert {
        entity.unique_id.removeprefix(f"{INSTANCE}-"): entity.domain
        for entity in entities
        if entity.domain != "button"
    } == {
        "accumulator,1": "sensor",
        "analog-input,1": "sensor",
        "binary-input,1": "binary_sensor",
        "calendar,1": "sensor",
        "characterstring-value,1": "text",
        "date-value,1": "date",
        "datetime-value,1": "datetime",
        "integer-value,1": "number",
        "large-analog-value,1": "number",
        "life-safety-point,1": "sensor",
        "lighting-output,1": "light",
        "loop,1": "sensor",
        "multi-state-input,1": "sensor",
        "positive-integer-value,1": "number",
        "pulse-converter,1": "sensor",
        "time-value,1": "time",
        "updates": "sensor",
    }
    assert {
        entity.unique_id.removeprefix(f"{INSTANCE}-")
        for entity in entities
        if entity.entity_category is EntityCategory.DIAGNOSTIC
    } == {"calendar,1", "life-safety-point,1", "updates"}


async def test_counters(
    hass: HomeAssistant, entry: MockConfigEntry, device: IndependentDevice
) -> None:
    """Test that what counts up is a total, scaled to its unit."""
    pulses = _state(hass, "accumulator,1")
    assert pulses.attributes["state_class"] == "total_increasing"
    assert pulses.attributes["device_class"] == "energy"
    water = _state(hass, "pulse-converter,1")
    assert water.attributes["state_class"] == "total_increasing"
    assert water.attributes["unit_of_measurement"] == "m³"


@pytest.mark.parametrize("object_id", ["multi-state-input,1"])
async def test_states_without_texts(
    hass: HomeAssistant, entry: MockConfigEntry, object_id: str
) -> None:
    """Test that a device without state texts still has states."""
    state = _state(hass, object_id)
    assert state.state == "State 1"
    assert state.attributes["options"] == ["State 1", "State 2", "State 3", "State 4"]


async def test_writes_of_every_platform(
    hass: HomeAssistant, entry: MockConfigEntry, device: IndependentDevice
) -> None:
    """Test that each type is written in its own datatype, and read back."""
    for object_id, service, data, told, shown in (
        ("integer-value,1", "set_value", {"value": -5}, -5, "-5"),
        ("positive-integer-value,1", "set_value", {"value": 7}, 7, "7"),
        ("large-analog-value,1", "set_value", {"value": 1234.5}, 1234.5, "1234.5"),
        ("characterstring-value,1", "set_value", {"value": "Büro"}, "Büro", "Büro"),
        (
            "date-value,1",
            "set_value",
            {"date": "2026-11-23"},
            (2026, 11, 23, 1),
            "2026-11-23",
        ),
        (
            "time-value,1",
            "set_value",
            {"time": "21:30:00"},
            (21, 30, 0, 0),
            "21:30:00",
        ),
    ):
        await _act(hass, service, object_id, **data)
        object_type = object_id.partition(",")[0]
        assert await device.read(object_type, 1, "present-value") == told
        assert _state(hass, object_id).state == shown


async def test_datetime_is_local_time(
    hass: HomeAssistant, entry: MockConfigEntry, device: IndependentDevice
) -> None:
    """Test that a moment is written and shown in Home Assistant's time zone."""
    await hass.config.async_set_time_zone("Europe/Amsterdam")
    await _act(
        hass, "set_value", "datetime-value,1", datetime="2026-07-01 12:00:00+02:00"
    )
    assert _state(hass, "datetime-value,1").state == "2026-07-01T10:00:00+00:00"


async def test_light(
    hass: HomeAssistant, entry: MockConfigEntry, device: IndependentDevice
) -> None:
    """Test a lighting output: on at full level, dimmed, off, and on again."""
    await _act(hass, "turn_on", "lighting-output,1")
    assert await device.read("lighting-output", 1, "present-value") == 100
    await _act(hass, "turn_on", "lighting-output,1", brightness=128)
    level = await device.read("lighting-output", 1, "present-value")
    assert 49 < level < 52
    assert _state(hass, "lighting-output,1").attributes["brightness"] == 128
    await _act(hass, "turn_off", "lighting-output,1")
    assert await device.read("lighting-output", 1, "present-value") == 0
    assert _state(hass, "lighting-output,1").state == "off"


async def test_release(
    hass: HomeAssistant, entry: MockConfigEntry, device: IndependentDevice
) -> None:
    """Test that the button, once enabled, takes the command back."""
    registry = er.async_get(hass)
    button = _entity(hass, "integer-value,1-release")
    assert button.disabled_by is er.RegistryEntryDisabler.INTEGRATION
    registry.async_update_entity(button.entity_id, disabled_by=None)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    await _act(hass, "set_value", "integer-value,1", value=5)
    assert _state(hass, "integer-value,1").state == "5"
    await hass.services.async_call(
        "button", "press", {"entity_id": button.entity_id}, blocking=True
    )
    slots = await device.read("integer-value", 1, "priority-array")
    assert slots == [None] * 16
    assert _state(hass, "integer-value,1").state == "0"
    assert hass.states.get(button.entity_id).state != STATE_UNKNOWN


async def test_how_points_are_kept_up_to_date_is_visible(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Test the counts of subscribed and polled points."""
    assert _state(hass, "updates").state.startswith("COV ")
    assert _state(hass, "updates").state.endswith(" polled")


@pytest.mark.parametrize("mode", ["add", "offer"])
async def test_device_with_new_points(
    hass: HomeAssistant, port: int, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test that new points become entities at once, or wait to be seen."""
    monkeypatch.setattr(coordinator, "_INVENTORY_INTERVAL", 0)
    subentry = remote_device(INSTANCE, f"127.0.0.60:{port}")
    subentry["data"] = {**subentry["data"], "new_points": mode}
    few, all_ = OBJECTS[:3], (OBJECTS[1], *OBJECTS[4:6], OBJECTS[7])
    async with IndependentDevice("127.0.0.60", port, instance=INSTANCE, objects=few):
        entry = await set_up_entry(hass, node_entry(port, subentry))
        assert set(_points(hass)) == {
            "accumulator,1",
            "analog-input,1",
            "binary-input,1",
        }
    async with IndependentDevice("127.0.0.60", port, instance=INSTANCE, objects=all_):
        [device] = entry.runtime_data.devices.values()
        await device.async_refresh()
        await hass.async_block_till_done()
        new = {"characterstring-value,1", "datetime-value,1", "integer-value,1"}
        assert new <= set(_points(hass)) or mode == "offer"
        # What is gone stays until the user removes it.
        assert _state(hass, "binary-input,1").state == STATE_UNAVAILABLE
        issue = ir.async_get(hass).async_get_issue(DOMAIN, f"new_points_{INSTANCE}")
        assert (issue is not None) == (mode == "offer")
        assert (new & set(_points(hass)) == set()) == (mode == "offer")

        # Having seen the points is what accepts them, with whatever is chosen then.
        [subentry] = entry.subentries.values()
        hass.config_entries.async_update_subentry(
            entry, subentry, data={**subentry.data, "filter": "offset|label"}
        )
        await hass.async_block_till_done(wait_background_tasks=True)
        assert new & set(_points(hass)) == {
            "characterstring-value,1",
            "integer-value,1",
        }
        assert not ir.async_get(hass).async_get_issue(DOMAIN, f"new_points_{INSTANCE}")
        await hass.config_entries.async_unload(entry.entry_id)


def _points(hass: HomeAssistant) -> list[str]:
    """Return the objects that have an entity."""
    return [
        entity.unique_id.removeprefix(f"{INSTANCE}-")
        for entity in er.async_get(hass).entities.values()
        if entity.platform == DOMAIN
        and entity.domain != "button"
        and not entity.unique_id.endswith("-updates")
    ]
