"""The flow that adds a remote device, and the one that changes how it is reached."""

import asyncio
from dataclasses import replace
import socket
from typing import Any

from homeassistant.config_entries import SOURCE_USER, SubentryFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import (
    EVENT_DATA_ENTRY_FLOW_PROGRESS_UPDATE,
    FlowResultType,
)
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.bacnet import storage
from custom_components.bacnet.const import (
    DEFAULT_SCAN_INTERVAL,
    DOMAIN,
    SUBENTRY_TYPE_DEVICE,
)
from custom_components.bacnet.coordinator import DeviceCoordinator
from tests.common import NODE_INSTANCE, node_entry, remote_device, set_up_entry
from tests.conftest import after_progress, shown_errors, shown_options, shown_values
from tests.simulator import Simulator, building

pytestmark = pytest.mark.usefixtures("quick_flows", "translated_flows")

AHU, VAV, METER = 1001, 1002, 1004
SILENT = 4000
SILENT_HOST = "127.0.0.99"


@pytest.fixture
async def entry(
    hass: HomeAssistant, port: int, simulator: Simulator
) -> MockConfigEntry:
    """Return a loaded node with one of the devices on line, and one that is not."""
    entry = node_entry(
        port,
        remote_device(AHU, simulator.addresses[AHU]),
        remote_device(SILENT, f"{SILENT_HOST}:{port}"),
    )
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


@pytest.fixture
async def device(
    hass: HomeAssistant, port: int, simulator: Simulator
) -> MockConfigEntry:
    """Return a loaded node with one device, whose points are known."""
    return await set_up_entry(
        hass, node_entry(port, remote_device(AHU, simulator.addresses[AHU]))
    )


async def _start(
    hass: HomeAssistant, entry: MockConfigEntry, way: str
) -> SubentryFlowResult:
    """Return what a way to a device shows first."""
    result = await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_TYPE_DEVICE), context={"source": SOURCE_USER}
    )
    assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "user")
    assert way in result["menu_options"]
    return await _submit(hass, result, {"next_step_id": way})


async def _submit(
    hass: HomeAssistant, flow: SubentryFlowResult, user_input: dict[str, Any]
) -> SubentryFlowResult:
    return await hass.config_entries.subentries.async_configure(
        flow["flow_id"], user_input
    )


async def _add_all(hass: HomeAssistant, flow: SubentryFlowResult) -> SubentryFlowResult:
    """Take all points of a device, once they are read."""
    result = await after_progress(hass, flow)
    assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "choice")
    return await _submit(hass, result, {"next_step_id": "import_all"})


async def _settings(
    hass: HomeAssistant, entry: MockConfigEntry, subentry_id: str
) -> SubentryFlowResult:
    """Return the form that changes how a device is reached."""
    flow = await entry.start_subentry_reconfigure_flow(hass, subentry_id)
    assert (flow["type"], flow["step_id"]) == (FlowResultType.MENU, "reconfigure")
    return await _submit(hass, flow, {"next_step_id": "settings"})


async def _subscribed(simulator: Simulator, instance: int) -> list[str]:
    """Return what a device reports to us, one element for each subscription."""
    subscriptions: list[dict[str, Any]] = []
    async with asyncio.timeout(5):
        while len(subscriptions) < 4:
            await asyncio.sleep(0.05)
            subscriptions = await simulator.subscriptions(instance)
    return [subscription["object"] for subscription in subscriptions]


def _coordinator(entry: MockConfigEntry, instance: int) -> DeviceCoordinator:
    """Return the only coordinator of a device."""
    (coordinator,) = (
        coordinator
        for coordinator in entry.runtime_data.devices.values()
        if coordinator.instance == instance
    )
    return coordinator


def _instances(entry: MockConfigEntry) -> list[str]:
    return [subentry.unique_id for subentry in entry.subentries.values()]


async def _polled(hass: HomeAssistant, entry: MockConfigEntry, *instances: int) -> None:
    """Wait until devices were read."""
    await hass.async_block_till_done()
    async with asyncio.timeout(5):
        for instance in instances:
            while not _coordinator(entry, instance).session.values:
                await asyncio.sleep(0.01)
    await hass.async_block_till_done()


# --- searching ------------------------------------------------------------------------------


async def test_search(
    hass: HomeAssistant, entry: MockConfigEntry, simulator: Simulator
) -> None:
    """Test that new devices are offered, at least one has to be chosen, and it works."""
    running, known = entry.runtime_data, _coordinator(entry, AHU)
    flow = await _start(hass, entry, "search")
    assert (flow["step_id"], flow["progress_action"]) == ("search", "search")
    result = await after_progress(hass, flow)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "devices")
    assert result["errors"] == {}
    assert result["description_placeholders"] == {"count": "2"}
    vav, meter = simulator.addresses[VAV], simulator.addresses[METER]
    assert shown_options(result, "devices") == {
        "1002": f"VAV-1 (1002) · {vav} · Simulated Controls SC-VAV",
        "1004": f"METER-1 (1004) · {meter} · Simulated Controls SC-METER",
    }
    assert shown_values(result) == {"devices": []}

    result = await _submit(hass, flow, {"devices": []})
    assert shown_errors(result) == {"devices": "Choose at least one device."}
    assert set(shown_options(result, "devices")) == {"1002", "1004"}

    result = await _submit(hass, flow, {"devices": ["1004"]})
    assert (result["step_id"], result["progress_action"]) == ("inventory", "inventory")
    result = await _add_all(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert (result["title"], result["unique_id"]) == ("METER-1", "1004")
    assert result["data"] == {
        "instance": METER,
        "address": meter,
        "max_apdu": 1476,
        "segmentation": 0,
        "vendor_id": 999,
        "priority": 16,
    }
    assert _instances(entry) == ["1001", "4000", "1004"]
    await _polled(hass, entry, METER)
    assert entry.runtime_data is running
    assert _coordinator(entry, AHU) is known


async def test_several_devices(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    simulator: Simulator,
) -> None:
    """Test that devices chosen together become a subentry each, and are set up once."""
    running = loaded_entry.runtime_data
    flow = await _start(hass, loaded_entry, "search")
    await after_progress(hass, flow)
    result = await _submit(hass, flow, {"devices": ["1002", "1001", "1004"]})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert [
        (subentry.title, subentry.unique_id, subentry.data["address"])
        for subentry in loaded_entry.subentries.values()
    ] == [
        ("VAV-1", "1002", simulator.addresses[VAV]),
        ("AHU-1", "1001", simulator.addresses[AHU]),
        ("METER-1", "1004", simulator.addresses[METER]),
    ]
    await _polled(hass, loaded_entry, VAV, AHU, METER)
    assert loaded_entry.runtime_data is running
    for instance in (VAV, AHU, METER):
        subscribed = await _subscribed(simulator, instance)
        assert len(subscribed) == len(set(subscribed)) > 3
    entities = er.async_entries_for_config_entry(
        er.async_get(hass), loaded_entry.entry_id
    )
    assert {
        entity.config_subentry_id for entity in entities
    } == loaded_entry.subentries.keys()


async def test_several_devices_with_slow_storage(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    simulator: Simulator,
    slow_storage: asyncio.Semaphore,
) -> None:
    """Test that devices are set up once, though they are added while others load."""
    flow = await _start(hass, loaded_entry, "search")
    await after_progress(hass, flow)
    result = await _submit(hass, flow, {"devices": ["1002", "1001", "1004"]})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    for _ in range(20):
        slow_storage.release()
    await _polled(hass, loaded_entry, VAV, AHU, METER)
    for instance in (VAV, AHU, METER):
        subscribed = await _subscribed(simulator, instance)
        assert len(subscribed) == len(set(subscribed)) > 3


async def test_last_search(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, simulator: Simulator
) -> None:
    """Test that more devices can be added without another search, up to the last."""
    await after_progress(hass, await _start(hass, loaded_entry, "search"))
    requests = await simulator.requests(AHU)
    flow = await _start(hass, loaded_entry, "found")
    assert set(shown_options(flow, "devices")) == {"1001", "1002", "1004"}
    assert await simulator.requests(AHU) == requests
    result = await _submit(hass, flow, {"devices": ["1001", "1002"]})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    flow = await _start(hass, loaded_entry, "found")
    assert set(shown_options(flow, "devices")) == {"1004"}
    await _add_all(hass, await _submit(hass, flow, {"devices": ["1004"]}))
    result = await _start(hass, loaded_entry, "found")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "no_new_devices"


async def test_own_instance_is_not_offered(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, port: int
) -> None:
    """Test that another device with our own instance can not be added."""
    twin, other, *_ = building()
    plans = (replace(twin, instance=NODE_INSTANCE), other)
    async with Simulator(plans, port=port, interval=0):
        flow = await _start(hass, loaded_entry, "search")
        result = await after_progress(hass, flow)
    assert list(shown_options(result, "devices")) == [str(VAV)]


async def test_nothing_new(
    hass: HomeAssistant, entry: MockConfigEntry, simulator: Simulator
) -> None:
    """Test that a search that finds only what is known says so."""
    await simulator.stop(VAV)
    await simulator.stop(METER)
    result = await after_progress(hass, await _start(hass, entry, "search"))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "no_new_devices"


async def test_unloaded_while_searching(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, simulator: Simulator
) -> None:
    """Test that what was found can be added though the node has ended."""
    await simulator.reshape(METER, latency=60)
    progress = async_capture_events(hass, EVENT_DATA_ENTRY_FLOW_PROGRESS_UPDATE)
    flow = await _start(hass, loaded_entry, "search")
    async with asyncio.timeout(5):
        while not progress or progress[-1].data["progress"] < 0.9:
            await asyncio.sleep(0.01)
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    result = await after_progress(hass, flow)
    assert shown_options(result, "devices")["1004"] == (
        f"Device 1004 (1004) · {simulator.addresses[METER]}"
    )
    result = await _submit(hass, flow, {"devices": ["1001", "1004"]})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert _instances(loaded_entry) == ["1001", "1004"]


async def test_unloaded_while_reading_points(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, simulator: Simulator
) -> None:
    """Test that a device is added though its points could not be read."""
    flow = await _start(hass, loaded_entry, "manual")
    result = await _submit(hass, flow, {"instance": METER})
    assert result["progress_action"] == "inventory"
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    result = await after_progress(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert _instances(loaded_entry) == ["1004"]


async def test_added_meanwhile(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, simulator: Simulator
) -> None:
    """Test that a device is added once, though two flows were about to."""
    slower = await _start(hass, loaded_entry, "search")
    await after_progress(hass, slower)
    faster = await _start(hass, loaded_entry, "manual")
    result = await _add_all(hass, await _submit(hass, faster, {"instance": AHU}))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    result = await _add_all(hass, await _submit(hass, slower, {"devices": ["1001"]}))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert _instances(loaded_entry) == ["1001"]


# --- by hand --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(["instance"], id="instance"),
        pytest.param(["address"], id="address"),
        pytest.param(["instance", "address"], id="both"),
    ],
)
async def test_manual(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    simulator: Simulator,
    fields: list[str],
) -> None:
    """Test that a device is added by what is known of it."""
    running = entry.runtime_data
    flow = await _start(hass, entry, "manual")
    assert (flow["type"], flow["step_id"]) == (FlowResultType.FORM, "manual")
    assert shown_values(flow) == {}
    known = {"instance": VAV, "address": f" {simulator.addresses[VAV]} "}
    result = await _submit(hass, flow, {field: known[field] for field in fields})
    result = await _add_all(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert (result["title"], result["unique_id"]) == ("VAV-1", "1002")
    assert result["data"]["address"] == simulator.addresses[VAV]
    await _polled(hass, entry, VAV)
    assert entry.runtime_data is running


async def test_manual_on_another_port(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, port: int
) -> None:
    """Test that a device that our broadcasts do not reach is added by its address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        other_port = probe.getsockname()[1]
    flow = await _start(hass, loaded_entry, "manual")
    async with Simulator(building()[:1], port=other_port, interval=0) as elsewhere:
        result = await _submit(hass, flow, {"instance": AHU})
        assert result["errors"] == {"base": "no_answer"}
        assert shown_values(result) == {"instance": AHU}
        address = elsewhere.addresses[AHU]
        result = await _submit(hass, flow, {"instance": AHU, "address": address})
        result = await _add_all(hass, result)
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert result["data"]["address"] == address
        await _polled(hass, loaded_entry, AHU)
        await hass.config_entries.async_unload(loaded_entry.entry_id)


@pytest.mark.parametrize(
    ("wrong", "errors"),
    [
        pytest.param({}, {"base": "nothing_given"}, id="nothing"),
        pytest.param({"address": ""}, {"base": "nothing_given"}, id="empty"),
        pytest.param(
            {"instance": -1}, {"instance": "instance_out_of_range"}, id="too low"
        ),
        pytest.param(
            {"instance": 4194303, "address": "127.0.0.300"},
            {"instance": "instance_out_of_range", "address": "invalid_address"},
            id="both wrong",
        ),
        pytest.param(
            {"address": "controller.local"}, {"address": "invalid_address"}, id="name"
        ),
        pytest.param({"address": "*"}, {"address": "invalid_address"}, id="broadcast"),
        pytest.param(
            {"address": "5:*"}, {"address": "invalid_address"}, id="remote broadcast"
        ),
        pytest.param({"instance": 3999}, {"base": "no_answer"}, id="silent instance"),
        pytest.param(
            {"address": "127.0.0.98"}, {"base": "no_answer"}, id="silent address"
        ),
        pytest.param(
            {"instance": METER, "address": "127.0.0.11:{port}"},
            {"base": "no_answer"},
            id="other device",
        ),
        pytest.param({"instance": AHU}, {"base": "already_configured"}, id="known"),
        pytest.param(
            {"address": "127.0.0.11:{port}"},
            {"base": "already_configured"},
            id="known address",
        ),
        pytest.param(
            {"instance": SILENT}, {"base": "already_configured"}, id="known but silent"
        ),
        pytest.param(
            {"instance": NODE_INSTANCE}, {"base": "already_configured"}, id="ourselves"
        ),
        pytest.param(
            {"address": "127.0.0.1:{port}"},
            {"base": "already_configured"},
            id="own address",
        ),
    ],
)
async def test_manual_errors(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    port: int,
    wrong: dict[str, Any],
    errors: dict[str, str],
) -> None:
    """Test that what is wrong is named, stays in the form, and can be corrected."""
    user_input = {
        field: value.format(port=port) if field == "address" else value
        for field, value in wrong.items()
    }
    flow = await _start(hass, entry, "manual")
    result = await _submit(hass, flow, user_input)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "manual")
    assert result["errors"] == errors
    assert shown_values(result) == user_input
    result = await _add_all(hass, await _submit(hass, flow, {"instance": VAV}))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert _instances(entry) == ["1001", "4000", "1002"]


# --- without a running node -----------------------------------------------------------------


async def test_not_loaded(hass: HomeAssistant, port: int) -> None:
    """Test that the node has to run before its devices are looked for."""
    entry = node_entry(port, remote_device(AHU, "127.0.0.11"))
    entry.add_to_hass(hass)
    result = await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_TYPE_DEVICE), context={"source": SOURCE_USER}
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_not_loaded"
    (subentry_id,) = entry.subentries
    result = await entry.start_subentry_reconfigure_flow(hass, subentry_id)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_not_loaded"


@pytest.mark.parametrize("way", ["search", "manual"])
async def test_unloaded_before_asking(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, way: str
) -> None:
    """Test that a flow ends where the node ended while the user was choosing."""
    flow = await hass.config_entries.subentries.async_init(
        (loaded_entry.entry_id, SUBENTRY_TYPE_DEVICE), context={"source": SOURCE_USER}
    )
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    result = await _submit(hass, flow, {"next_step_id": way})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_not_loaded"


async def test_unloaded_before_answers(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """Test that nothing found is not taken for the truth without the node."""
    flow = await _start(hass, loaded_entry, "search")
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    result = await after_progress(hass, flow)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_not_loaded"


# --- changing and removing ------------------------------------------------------------------


async def test_reconfigure_priority(
    hass: HomeAssistant, device: MockConfigEntry, simulator: Simulator
) -> None:
    """Test that a new priority counts from the next command on, with nothing reloaded."""
    running, coordinator = device.runtime_data, _coordinator(device, AHU)
    (subentry_id,) = device.subentries
    flow = await _settings(hass, device, subentry_id)
    assert (flow["type"], flow["step_id"]) == (FlowResultType.FORM, "settings")
    assert flow["errors"] == {}
    assert flow["description_placeholders"] == {
        "device": "Device 1001",
        "instance": "1001",
    }
    address = simulator.addresses[AHU]
    assert shown_values(flow) == {
        "address": address,
        "priority": 16,
        "names": "object_name",
        "new_points": "add",
        "advanced": {"scan_interval": DEFAULT_SCAN_INTERVAL},
    }
    result = await _submit(hass, flow, shown_values(flow) | {"priority": 8})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert device.runtime_data is running
    assert _coordinator(device, AHU) is coordinator
    entity_id = er.async_get(hass).async_get_entity_id(
        "switch", DOMAIN, "1001-binary-output,1"
    )
    await hass.services.async_call(
        "switch", "turn_off", {"entity_id": entity_id}, blocking=True
    )
    slots = await simulator.read(AHU, "binary-output,1", "priority-array")
    assert slots == [None] * 7 + [False] + [None] * 8


async def test_reconfigure_address(
    hass: HomeAssistant, device: MockConfigEntry, port: int, simulator: Simulator
) -> None:
    """Test that a device is followed to another address, with nothing reloaded."""
    running, coordinator = device.runtime_data, _coordinator(device, AHU)
    (subentry_id,) = device.subentries
    await simulator.stop(AHU)
    plan = replace(building()[0], address="127.0.0.31")
    plan = replace(plan, shape=replace(plan.shape, announces=False))
    async with Simulator([plan], port=port, interval=0) as moved:
        address = moved.addresses[AHU]
        flow = await _settings(hass, device, subentry_id)
        result = await _submit(hass, flow, shown_values(flow) | {"address": address})
        assert result["reason"] == "reconfigure_successful"
        assert device.subentries[subentry_id].data["address"] == address
        await hass.async_block_till_done(wait_background_tasks=True)
        assert device.runtime_data is running
        assert _coordinator(device, AHU) is coordinator
        assert coordinator.session.info.address == address
        await moved.set_value(AHU, "analog-input,1", 33.0)
        await coordinator.async_refresh()
        entity_id = er.async_get(hass).async_get_entity_id(
            "sensor", DOMAIN, "1001-analog-input,1"
        )
        assert hass.states.get(entity_id).state == "33.0"
        await hass.config_entries.async_unload(device.entry_id)


@pytest.mark.parametrize(
    ("host", "error"),
    [
        pytest.param("127.0.0", "invalid_address", id="no address"),
        pytest.param("*", "invalid_address", id="broadcast"),
        pytest.param("127.0.0.98", "no_answer", id="silent"),
        pytest.param("127.0.0.12", "no_answer", id="another device"),
    ],
)
async def test_reconfigure_to_wrong_address(
    hass: HomeAssistant, device: MockConfigEntry, port: int, host: str, error: str
) -> None:
    """Test that the device has to answer at a new address, and that it can be corrected."""
    (subentry_id,) = device.subentries
    flow = await _settings(hass, device, subentry_id)
    before = device.subentries[subentry_id].data
    right = shown_values(flow) | {"priority": 8}
    wrong = right | {"address": f"{host}:{port}"}
    result = await _submit(hass, flow, wrong)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "settings")
    assert result["errors"] == {"address": error}
    assert shown_values(result) == wrong
    assert device.subentries[subentry_id].data == before
    result = await _submit(hass, flow, right)
    assert result["reason"] == "reconfigure_successful"
    after = device.subentries[subentry_id].data
    assert (after["address"], after["priority"]) == (before["address"], 8)
    await hass.async_block_till_done()


async def test_reconfigure_silent_device(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Test that the priority can be changed while the device is not on line."""
    subentry_id = list(entry.subentries)[1]
    flow = await _settings(hass, entry, subentry_id)
    result = await _submit(hass, flow, shown_values(flow) | {"priority": 8})
    assert result["reason"] == "reconfigure_successful"
    assert entry.subentries[subentry_id].data["priority"] == 8


async def test_remove(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Test that a device goes with all that is known of it, and can come back."""
    monkeypatch.setattr(storage, "_SAVE_DELAY", 0)
    await _polled(hass, entry, AHU)
    assert "bacnet.device.1001" in hass_storage
    running, other = entry.runtime_data, _coordinator(entry, SILENT)
    subentry_id = next(iter(entry.subentries))
    assert len(hass.states.async_all(["sensor", "switch"])) > 3

    hass.config_entries.async_remove_subentry(entry, subentry_id)
    await hass.async_block_till_done()
    assert entry.runtime_data is running
    assert list(running.devices.values()) == [other]
    assert hass.states.async_all(["sensor", "switch"]) == []
    assert "bacnet.device.1001" not in hass_storage
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert subentry_id not in {device.config_subentry_id for device in devices}

    flow = await _start(hass, entry, "manual")
    result = await _add_all(hass, await _submit(hass, flow, {"instance": AHU}))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await _polled(hass, entry, AHU)
    assert len(hass.states.async_all(["sensor", "switch"])) > 3
