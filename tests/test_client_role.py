"""Home Assistant as a client of the simulated building, from flow to recovery."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from homeassistant.config_entries import SOURCE_USER
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bacnet import hub, search
from custom_components.bacnet.const import DOMAIN
from custom_components.bacnet.coordinator import DeviceCoordinator
from custom_components.bacnet.node.node import NodeConfig
from tests.common import node_entry, remote_device, set_up_entry, until
from tests.simulator import SimulatorProcess

AHU, VAV, METER, LIGHTING = 1001, 1002, 1004, 1005


@pytest.fixture(autouse=True)
def quick_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let silence be noticed sooner than a real building allows."""
    monkeypatch.setattr(
        hub, "NodeConfig", partial(NodeConfig, apdu_timeout=0.3, apdu_retries=1)
    )


@pytest.fixture
async def building(hass: HomeAssistant, port: int) -> AsyncIterator[SimulatorProcess]:
    """Return the simulated building; its values do not move on their own."""
    async with SimulatorProcess("--port", str(port), "--interval", "0") as building:
        yield building
        # Subscriptions are cancelled while there is still somebody to hear of it.
        for entry in hass.config_entries.async_loaded_entries(DOMAIN):
            await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
async def entry(
    hass: HomeAssistant, port: int, building: SimulatorProcess
) -> MockConfigEntry:
    """Return a loaded node with four devices of the building."""
    return await set_up_entry(
        hass,
        node_entry(
            port,
            *(
                remote_device(instance, building.addresses[instance])
                for instance in (AHU, VAV, METER)
            ),
            remote_device(LIGHTING, building.addresses[LIGHTING], max_apdu=480),
        ),
    )


def _coordinator(entry: MockConfigEntry, instance: int) -> DeviceCoordinator:
    return next(
        coordinator
        for coordinator in entry.runtime_data.devices.values()
        if coordinator.instance == instance
    )


def _entity_id(hass: HomeAssistant, device: int, object_id: str) -> str:
    registry = er.async_get(hass)
    return next(
        entity.entity_id
        for entity in registry.entities.values()
        if entity.platform == DOMAIN and entity.unique_id == f"{device}-{object_id}"
    )


def _state(hass: HomeAssistant, device: int, object_id: str) -> Any:
    return hass.states.get(_entity_id(hass, device, object_id))


async def _act(hass: HomeAssistant, service: str, entity_id: str, **data: Any) -> None:
    domain = entity_id.split(".", maxsplit=1)[0]
    await hass.services.async_call(
        domain, service, {"entity_id": entity_id, **data}, blocking=True
    )


async def test_from_flow_to_recovery(
    hass: HomeAssistant,
    port: int,
    building: SimulatorProcess,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Test the whole way: flow, entities, a write, an outage and its end."""
    monkeypatch.setattr(search, "_SEARCH_SECONDS", 0.5)
    flow = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    result = await hass.config_entries.flow.async_configure(
        flow["flow_id"],
        {"interface": "127.0.0.1/8", "port": port, "instance": 8888, "name": "Home"},
    )
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    await hass.async_block_till_done()
    result = await hass.config_entries.flow.async_configure(flow["flow_id"])
    assert result["step_id"] == "devices"
    result = await hass.config_entries.flow.async_configure(
        flow["flow_id"], {"devices": [str(AHU)]}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    entry = result["result"]

    assert _state(hass, AHU, "binary-output,1").state == "on"
    await _act(hass, "turn_off", _entity_id(hass, AHU, "binary-output,1"))
    assert await building.read(AHU, "binary-output,1") is False
    slots = await building.read(AHU, "binary-output,1", "priority-array")
    assert slots == [None] * 15 + [False]
    assert _state(hass, AHU, "binary-output,1").state == "off"

    coordinator = _coordinator(entry, AHU)
    await building.stop(AHU)
    caplog.clear()
    for _ in range(3):
        await coordinator.async_refresh()
    assert _state(hass, AHU, "binary-output,1").state == STATE_UNAVAILABLE
    lost = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(lost) == 1
    caplog.clear()

    # The device announces itself; nobody has to ask for anything.
    await building.start(AHU)
    await until(lambda: _state(hass, AHU, "binary-output,1").state == "off")


POINTS: dict[tuple[int, str], tuple[str, str | None, dict[str, Any]]] = {
    (AHU, "analog-input,4"): (
        "sensor",
        None,
        {"unit_of_measurement": "Pa", "device_class": "pressure"},
    ),
    (AHU, "binary-input,1"): ("binary_sensor", "on", {"text": "Running"}),
    (AHU, "binary-output,1"): ("switch", "on", {"text": "On"}),
    (AHU, "binary-value,1"): ("switch", None, {}),
    (AHU, "analog-output,1"): (
        "number",
        None,
        {"min": 0, "max": 100, "unit_of_measurement": "%"},
    ),
    (AHU, "analog-value,1"): (
        "number",
        None,
        {"min": 12, "max": 30, "device_class": "temperature"},
    ),
    (AHU, "analog-value,2"): ("sensor", None, {"unit_of_measurement": "m³/h"}),
    (AHU, "multi-state-value,1"): (
        "select",
        None,
        {"options": ["Off", "Heat", "Cool", "Auto"]},
    ),
    (AHU, "multi-state-input,1"): (
        "sensor",
        None,
        {
            "device_class": "enum",
            "options": ["Stopped", "Ventilating", "Heating", "Cooling"],
        },
    ),
    (METER, "analog-input,3"): (
        "sensor",
        None,
        {
            "device_class": "energy",
            "state_class": "total_increasing",
            "unit_of_measurement": "kWh",
        },
    ),
    (METER, "analog-input,2"): ("sensor", None, {"unit_of_measurement": "kVA"}),
    (LIGHTING, "analog-input,16"): ("sensor", None, {"unit_of_measurement": "lx"}),
}
"""Platform, state (None: any) and attributes of some points of the building."""


async def test_points_become_entities(
    hass: HomeAssistant, entry: MockConfigEntry, building: SimulatorProcess
) -> None:
    """Test platform, value and attributes of each kind of point."""
    shown = {point: _state(hass, *point) for point in POINTS}
    assert {
        point: (
            shown[point].domain,
            state and shown[point].state,
            {name: shown[point].attributes.get(name) for name in attributes},
        )
        for point, (_, state, attributes) in POINTS.items()
    } == POINTS


async def test_every_point_of_the_building_has_a_value(
    hass: HomeAssistant, entry: MockConfigEntry, building: SimulatorProcess
) -> None:
    """Test that no kind of device costs a value: no RPM, 480 octets, no segments."""
    registry = er.async_get(hass)
    entities = [
        entity
        for entity in er.async_entries_for_config_entry(registry, entry.entry_id)
        if entity.domain != "button" and not entity.unique_id.endswith("-updates")
    ]
    counts = {
        instance: sum(
            entity.unique_id.startswith(f"{instance}-") for entity in entities
        )
        for instance in (AHU, VAV, METER, LIGHTING)
    }
    assert counts[AHU] == 15
    assert counts[VAV] == 9
    assert counts[METER] >= 11
    assert counts[LIGHTING] >= 113
    states = [hass.states.get(entity.entity_id).state for entity in entities]
    assert not {"unknown", "unavailable"} & set(states)
    assert "read-property-multiple" in await building.requests(AHU)


async def test_devices_are_described(
    hass: HomeAssistant, entry: MockConfigEntry, building: SimulatorProcess
) -> None:
    """Test the device registry: vendor, model, versions, via our node."""
    registry = dr.async_get(hass)
    device = registry.async_get_device_by_identifier((DOMAIN, str(AHU)), entry.entry_id)
    node = registry.async_get_device_by_identifier(
        (DOMAIN, entry.entry_id), entry.entry_id
    )
    assert device.name == "AHU-1"
    assert device.model == "SC-AHU"
    assert device.manufacturer
    assert device.sw_version == "2.4.1 / 1.3.0"
    assert device.via_device_id == node.id
    assert node.name == "Test home"


async def test_writes_reach_the_device(
    hass: HomeAssistant, entry: MockConfigEntry, building: SimulatorProcess
) -> None:
    """Test that each platform commands its point and shows the device's answer."""
    for object_id, service, data, told, shown in (
        ("analog-output,1", "set_value", {"value": 42.5}, 42.5, "42.5"),
        ("analog-value,1", "set_value", {"value": 19}, 19, "19.0"),
        ("multi-state-value,1", "select_option", {"option": "Cool"}, 3, "Cool"),
        ("binary-value,1", "turn_off", {}, False, "off"),
        ("binary-value,1", "turn_on", {}, True, "on"),
    ):
        await _act(hass, service, _entity_id(hass, AHU, object_id), **data)
        assert await building.read(AHU, object_id) == told
        assert _state(hass, AHU, object_id).state == shown


async def test_overridden_write_is_not_shown_as_done(
    hass: HomeAssistant, entry: MockConfigEntry, building: SimulatorProcess
) -> None:
    """Test that the device's value is shown, not what we asked for."""
    await building.set_value(AHU, "binary-output,1", value=True, priority=5)
    await _act(hass, "turn_off", _entity_id(hass, AHU, "binary-output,1"))
    assert await building.read(AHU, "binary-output,1", "priority-array") == (
        [None] * 4 + [True] + [None] * 10 + [False]
    )
    assert _state(hass, AHU, "binary-output,1").state == "on"


async def test_refused_write_is_an_error_in_words(
    hass: HomeAssistant, entry: MockConfigEntry, building: SimulatorProcess
) -> None:
    """Test that the device's own reason reaches the user."""
    await building.reshape(AHU, unsupported=["write-property"])
    with pytest.raises(
        HomeAssistantError, match="Device 1001 did not accept .*unrecognized-service"
    ):
        await _act(
            hass, "set_value", _entity_id(hass, AHU, "analog-output,1"), value=10
        )


async def test_quality_and_priority_are_attributes(
    hass: HomeAssistant, entry: MockConfigEntry, building: SimulatorProcess
) -> None:
    """Test status flags, reliability and the priority in effect."""
    await building.set_value(AHU, "analog-input,1", "no-sensor", "reliability")
    await building.set_value(AHU, "analog-output,1", 33.0, priority=8)
    await _coordinator(entry, AHU).async_refresh()
    await until(lambda: _state(hass, AHU, "analog-input,1").attributes["fault"] is True)
    sensor = _state(hass, AHU, "analog-input,1")
    assert sensor.attributes["object"] == "analog-input,1"
    assert [
        sensor.attributes[name]
        for name in ("in_alarm", "fault", "overridden", "out_of_service")
    ] == [False, True, False, False]
    assert sensor.attributes["reliability"] == "no-sensor"
    await _act(hass, "set_value", _entity_id(hass, AHU, "analog-output,1"), value=50)
    valve = _state(hass, AHU, "analog-output,1")
    assert (valve.state, valve.attributes["priority"]) == ("33.0", 8)


async def test_changed_value_wakes_one_entity(
    hass: HomeAssistant, entry: MockConfigEntry, building: SimulatorProcess
) -> None:
    """Test that only the entity whose value changed writes its state."""
    changed = []
    hass.bus.async_listen(
        "state_changed", lambda event: changed.append(event.data["entity_id"])
    )
    await building.set_value(AHU, "analog-value,2", 4321.0)
    await _coordinator(entry, AHU).async_refresh()
    await hass.async_block_till_done()
    changed = [entity_id for entity_id in changed if not entity_id.endswith("updates")]
    assert changed == [_entity_id(hass, AHU, "analog-value,2")]
    assert float(_state(hass, AHU, "analog-value,2").state) == 4321


async def test_silent_at_start(
    hass: HomeAssistant, port: int, building: SimulatorProcess
) -> None:
    """Test that a device which is silent at first gets its entities when it answers."""
    await building.stop(VAV)
    entry = await set_up_entry(
        hass, node_entry(port, remote_device(VAV, building.addresses[VAV]))
    )
    registry = er.async_get(hass)
    assert not er.async_entries_for_config_entry(registry, entry.entry_id)
    await building.start(VAV)
    await until(lambda: bool(hass.states.async_entity_ids("sensor")))
    await until(lambda: _state(hass, VAV, "analog-input,1").state != STATE_UNAVAILABLE)


async def test_restart_shows_entities_before_the_device_answers(
    hass: HomeAssistant, entry: MockConfigEntry, building: SimulatorProcess
) -> None:
    """Test that the remembered inventory brings the entities back at once."""
    await building.stop(AHU)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert _state(hass, AHU, "analog-input,1").state == STATE_UNAVAILABLE
    await building.start(AHU)
    await until(lambda: _state(hass, AHU, "analog-input,1").state != STATE_UNAVAILABLE)


async def test_removed_device_leaves_nothing(
    hass: HomeAssistant, entry: MockConfigEntry, building: SimulatorProcess
) -> None:
    """Test that a removed subentry takes its entities and device with it, live."""
    hub = entry.runtime_data
    coordinator = _coordinator(entry, AHU)
    hass.config_entries.async_remove_subentry(entry, coordinator.subentry.subentry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.runtime_data is hub
    registry = er.async_get(hass)
    assert not [
        entity
        for entity in er.async_entries_for_config_entry(registry, entry.entry_id)
        if entity.unique_id.startswith(f"{AHU}-")
    ]
    assert (
        dr.async_get(hass).async_get_device_by_identifier(
            (DOMAIN, str(AHU)), entry.entry_id
        )
        is None
    )
