"""Choosing the points of a device, in the flow and again at any time."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.config_entries import SOURCE_USER, SubentryFlowResult
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bacnet.const import DOMAIN, SUBENTRY_TYPE_DEVICE
from custom_components.bacnet.coordinator import DeviceCoordinator
from custom_components.bacnet.node.types import ObjectId
from tests.common import node_entry, remote_device, set_up_entry, until
from tests.simulator import Simulator

pytestmark = pytest.mark.usefixtures("quick_flows", "translated_flows")

AHU, VAV = 1001, 1002
FAN = "binary-output,1"
AIRFLOW = "analog-value,2"


@pytest.fixture
async def entry(
    hass: HomeAssistant, port: int, simulator: Simulator
) -> MockConfigEntry:
    """Return a loaded node with the air handling unit."""
    return await set_up_entry(
        hass, node_entry(port, remote_device(AHU, simulator.addresses[AHU]))
    )


@pytest.fixture
def coordinator(entry: MockConfigEntry) -> DeviceCoordinator:
    """Return what keeps the device up to date."""
    [coordinator] = entry.runtime_data.devices.values()
    return coordinator


async def _submit(
    hass: HomeAssistant, flow: SubentryFlowResult, user_input: dict[str, Any]
) -> SubentryFlowResult:
    return await hass.config_entries.subentries.async_configure(
        flow["flow_id"], user_input
    )


async def _choose(
    hass: HomeAssistant, flow: SubentryFlowResult, step: str
) -> SubentryFlowResult:
    return await _submit(hass, flow, {"next_step_id": step})


async def _reconfigure(
    hass: HomeAssistant, entry: MockConfigEntry, step: str
) -> SubentryFlowResult:
    """Return the first form of a way to change the only device."""
    [subentry] = entry.subentries.values()
    flow = await entry.start_subentry_reconfigure_flow(hass, subentry.subentry_id)
    assert flow["menu_options"] == ["settings", "points", "point"]
    return await _choose(hass, flow, step)


def _entities(hass: HomeAssistant, device: int = AHU) -> dict[str, str]:
    """Return the platforms of a device's entities, by object."""
    return {
        entity.unique_id.removeprefix(f"{device}-"): entity.domain
        for entity in er.async_get(hass).entities.values()
        if entity.platform == DOMAIN
        and entity.unique_id.startswith(f"{device}-")
        and entity.domain != "button"
        and not entity.unique_id.endswith("updates")
    }


def _state(hass: HomeAssistant, object_id: str) -> Any:
    registry = er.async_get(hass)
    return next(
        hass.states.get(entity.entity_id)
        for entity in registry.entities.values()
        if entity.unique_id == f"{AHU}-{object_id}"
    )


def _values(result: SubentryFlowResult) -> dict[str, Any]:
    return {
        str(marker): (marker.description or {}).get("suggested_value")
        for marker in result["data_schema"].schema
    }


async def _add_vav(hass: HomeAssistant, entry: MockConfigEntry) -> SubentryFlowResult:
    """Return the menu after a device was found and its points were read."""
    flow = await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_TYPE_DEVICE), context={"source": SOURCE_USER}
    )
    flow = await _choose(hass, flow, "manual")
    result = await _submit(hass, flow, {"instance": VAV})
    assert result["progress_action"] == "inventory"
    await hass.async_block_till_done()
    return await hass.config_entries.subentries.async_configure(flow["flow_id"])


async def test_all_points_of_a_new_device(
    hass: HomeAssistant, entry: MockConfigEntry, simulator: Simulator
) -> None:
    """Test that one click adds everything, and the inventory is read only once."""
    menu = await _add_vav(hass, entry)
    assert menu["type"] is FlowResultType.MENU
    assert menu["description_placeholders"] | {"names": ""} == {
        "device": "VAV-1",
        "count": "9",
        "total": "9",
        "names": "",
    }
    before = await simulator.requests(VAV)
    result = await _choose(hass, menu, "import_all")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(_entities(hass, VAV)) == 9
    after = await simulator.requests(VAV)
    assert after["read-property-multiple"] - before["read-property-multiple"] <= 2


async def test_some_points_of_a_new_device(
    hass: HomeAssistant, entry: MockConfigEntry, simulator: Simulator
) -> None:
    """Test types and filter, with counts, before the device is added."""
    menu = await _add_vav(hass, entry)
    form = await _choose(hass, menu, "points")
    assert form["step_id"] == "points"
    assert "analog-input" in _values(form)["object_types"]

    result = await _submit(
        hass, form, {"object_types": ["analog-input"], "filter": "("}
    )
    assert result["errors"] == {"filter": "invalid_filter"}
    result = await _submit(
        hass, form, {"object_types": ["analog-input"], "filter": "no such thing"}
    )
    assert result["errors"] == {"base": "nothing_matches"}
    result = await _submit(
        hass, form, {"object_types": ["analog-input"], "filter": "^room"}
    )
    assert result["step_id"] == "matching"
    assert result["description_placeholders"]["count"] == "3"

    again = await _choose(hass, result, "points")
    assert _values(again) == {"object_types": ["analog-input"], "filter": "^room"}
    result = await _submit(
        hass, again, {"object_types": ["analog-input"], "filter": "room temp"}
    )
    result = await _choose(hass, result, "save_points")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    assert _entities(hass, VAV) == {"analog-input,1": "sensor"}
    coordinator = list(entry.runtime_data.devices.values())[-1]
    assert [str(object_id) for object_id in coordinator.session.values] == [
        "analog-input,1"
    ]


async def test_points_one_by_one(
    hass: HomeAssistant, entry: MockConfigEntry, simulator: Simulator
) -> None:
    """Test picking among those that match."""
    form = await _choose(hass, await _add_vav(hass, entry), "points")
    result = await _submit(
        hass, form, {"object_types": ["analog-input", "binary-input"]}
    )
    form = await _choose(hass, result, "pick")
    result = await _submit(hass, form, {"objects": []})
    assert result["errors"] == {"objects": "no_points_chosen"}
    result = await _submit(
        hass, form, {"objects": ["analog-input,3", "binary-input,1"]}
    )
    assert result["data"]["objects"] == ["analog-input,3", "binary-input,1"]
    await hass.async_block_till_done(wait_background_tasks=True)
    assert _entities(hass, VAV) == {
        "analog-input,3": "sensor",
        "binary-input,1": "binary_sensor",
    }


async def test_device_that_falls_silent_in_the_flow(
    hass: HomeAssistant, entry: MockConfigEntry, simulator: Simulator
) -> None:
    """Test that a device whose points can not be read now is added all the same."""
    await simulator.stop(VAV, after=4)
    flow = await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_TYPE_DEVICE), context={"source": SOURCE_USER}
    )
    flow = await _choose(hass, flow, "manual")
    result = await _submit(hass, flow, {"instance": VAV})
    await hass.async_block_till_done()
    result = await hass.config_entries.subentries.async_configure(flow["flow_id"])
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_other_points_later(
    hass: HomeAssistant, entry: MockConfigEntry, coordinator: DeviceCoordinator
) -> None:
    """Test that a narrower choice removes entities, a wider one adds them, live."""
    hub = entry.runtime_data
    assert len(_entities(hass)) == 15
    form = await _reconfigure(hass, entry, "points")
    result = await _submit(hass, form, {"object_types": ["analog-input"], "filter": ""})
    result = await _choose(hass, result, "save_points")
    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "reconfigure_successful",
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    assert set(_entities(hass).values()) == {"sensor"}
    assert len(_entities(hass)) == 5
    assert len(coordinator.session.values) == 5

    form = await _reconfigure(hass, entry, "points")
    assert _values(form)["object_types"] == ["analog-input"]
    result = await _submit(
        hass, form, {"object_types": ["analog-input", "binary-output"]}
    )
    await _choose(hass, result, "save_points")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(_entities(hass)) == 6
    await until(lambda: _state(hass, FAN).state == "on")
    assert entry.runtime_data is hub


async def test_settings(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    coordinator: DeviceCoordinator,
    simulator: Simulator,
) -> None:
    """Test priority, names and polling."""
    form = await _reconfigure(hass, entry, "settings")
    values = {
        "address": simulator.addresses[AHU],
        "priority": 10,
        "names": "description",
        "new_points": "offer",
        "advanced": {"scan_interval": 300},
    }
    result = await _submit(hass, form, values)
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert coordinator.update_interval.total_seconds() == 300
    await hass.services.async_call(
        "switch", "turn_off", {"entity_id": _state(hass, FAN).entity_id}, blocking=True
    )
    slots = await simulator.read(AHU, FAN, "priority-array")
    assert slots[9] is False


async def test_one_point(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    coordinator: DeviceCoordinator,
    simulator: Simulator,
) -> None:
    """Test name, platform, polling and priority of a single point."""
    form = await _reconfigure(hass, entry, "point")
    form = await _submit(hass, form, {"object": FAN})
    assert form["step_id"] == "point_settings"
    await _submit(
        hass,
        form,
        {"name": "Main fan", "platform": "switch", "poll": "fast", "priority": 5},
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    assert _state(hass, FAN).name.endswith("Main fan")
    assert coordinator.update_interval.total_seconds() == 20
    await hass.services.async_call(
        "switch", "turn_off", {"entity_id": _state(hass, FAN).entity_id}, blocking=True
    )
    assert (await simulator.read(AHU, FAN, "priority-array"))[4] is False

    form = await _reconfigure(hass, entry, "point")
    form = await _submit(hass, form, {"object": FAN})
    assert _values(form) == {
        "name": "Main fan",
        "platform": "switch",
        "poll": "fast",
        "priority": 5,
    }
    await _submit(hass, form, {"platform": "binary_sensor", "poll": "normal"})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert _entities(hass)[FAN] == "binary_sensor"
    [subentry] = entry.subentries.values()
    assert subentry.data["points"] == {FAN: {"platform": "binary_sensor"}}


async def test_refused_write(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    coordinator: DeviceCoordinator,
    simulator: Simulator,
) -> None:
    """Test that a write denied once is not sent again until the user says so."""
    assert await async_setup_component(hass, "repairs", {})
    form = await _reconfigure(hass, entry, "point")
    form = await _submit(hass, form, {"object": AIRFLOW})
    await _submit(hass, form, {"platform": "number", "poll": "normal"})
    await hass.async_block_till_done(wait_background_tasks=True)
    number = _state(hass, AIRFLOW).entity_id

    async def write() -> None:
        await hass.services.async_call(
            "number", "set_value", {"entity_id": number, "value": 5000}, blocking=True
        )

    with pytest.raises(HomeAssistantError, match="write-access-denied"):
        await write()
    sent = (await simulator.requests(AHU))["write-property"]
    with pytest.raises(HomeAssistantError, match="does not allow writing"):
        await write()
    assert (await simulator.requests(AHU))["write-property"] == sent
    registry = ir.async_get(hass)
    issue_id = f"write_refused_{AHU}_{AIRFLOW}"
    assert registry.async_get_issue(DOMAIN, issue_id) is not None

    # The user lets Home Assistant try again: the device still refuses.
    flow = await _fix(hass, issue_id, "retry")
    assert flow["type"] is FlowResultType.CREATE_ENTRY
    assert registry.async_get_issue(DOMAIN, issue_id) is None
    with pytest.raises(HomeAssistantError, match="write-access-denied"):
        await write()
    assert (await simulator.requests(AHU))["write-property"] == sent + 1

    # Then the point is shown as what it is.
    flow = await _fix(hass, issue_id, "read_only")
    assert flow["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    assert _entities(hass)[AIRFLOW] == "sensor"
    assert registry.async_get_issue(DOMAIN, issue_id) is None


async def _fix(hass: HomeAssistant, issue_id: str, way: str) -> Any:
    """Return the result of a repair, by one of its ways."""
    manager = repairs_flow_manager(hass)
    assert manager is not None
    flow = await manager.async_init(DOMAIN, data={"issue_id": issue_id})
    assert flow["menu_options"] == ["retry", "read_only"]
    return await manager.async_configure(flow["flow_id"], {"next_step_id": way})


async def test_vanished_point_is_stale(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    coordinator: DeviceCoordinator,
    simulator: Simulator,
) -> None:
    """Test that the entity of a point that is gone stays until the user removes it."""
    inventory = coordinator.session.inventory
    object_id = next(
        point.object_id for point in coordinator.points if str(point.object_id) == FAN
    )
    del inventory.points[object_id]
    coordinator._inventory = None  # noqa: SLF001
    coordinator._async_take_inventory()  # noqa: SLF001
    await hass.async_block_till_done()
    assert _entities(hass)[FAN] == "switch"
    assert _state(hass, FAN).state == STATE_UNAVAILABLE


async def test_polling_rates(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    coordinator: DeviceCoordinator,
    simulator: Simulator,
) -> None:
    """Test that slow points are read a tenth as often, and fast ones three times."""
    await simulator.reshape(AHU, unsupported=["subscribe-cov"])
    [subentry] = entry.subentries.values()
    objects = {"analog-input,1": "fast", "analog-input,2": "normal", FAN: "slow"}
    hass.config_entries.async_update_subentry(
        entry,
        subentry,
        data={
            **subentry.data,
            "objects": list(objects),
            "points": {key: {"poll": poll} for key, poll in objects.items()},
        },
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    polled: list[str] = []
    poll = coordinator.session.poll

    async def count(is_due: Callable[[ObjectId], bool]) -> None:
        polled.extend(name for name in objects if is_due(ObjectId.parse(name)))
        await poll(is_due)

    coordinator.session.poll = count
    for _ in range(30):
        await coordinator.async_refresh()
    assert Counter(polled) == {"analog-input,1": 30, "analog-input,2": 10, FAN: 1}
