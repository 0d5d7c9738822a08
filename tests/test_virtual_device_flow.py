"""The flow that groups helpers into a virtual device, and the one that changes it."""

from typing import Any

from homeassistant.config_entries import SOURCE_USER, SubentryFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bacnet.const import SUBENTRY_TYPE_VIRTUAL_DEVICE
from custom_components.bacnet.exposure_mapping import EXPOSABLE_DOMAINS
from tests.common import node_entry, set_up_entry, set_up_helpers, virtual_device
from tests.conftest import shown_errors, shown_values

pytestmark = pytest.mark.usefixtures("quick_flows", "translated_flows")

FAN = "input_boolean.fan"
SETPOINT = "input_number.setpoint"
MODE = "input_select.mode"
NOTE = "input_text.note"

ROOM = {
    "name": "Meeting room",
    "description": "First floor",
    "entities": [SETPOINT, FAN],
    "writable": True,
}


@pytest.fixture
async def entry(hass: HomeAssistant, port: int) -> MockConfigEntry:
    """Return a loaded node beside one helper of each kind."""
    await set_up_helpers(hass)
    return await set_up_entry(hass, node_entry(port))


@pytest.fixture
async def room(hass: HomeAssistant, entry: MockConfigEntry) -> str:
    """Return the subentry of a virtual device with a setpoint and a fan."""
    flow = await _start(hass, entry)
    await _submit(hass, flow, ROOM)
    (subentry_id,) = entry.subentries
    return subentry_id


async def _begin(hass: HomeAssistant, entry: MockConfigEntry) -> SubentryFlowResult:
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_TYPE_VIRTUAL_DEVICE), context={"source": SOURCE_USER}
    )


async def _start(
    hass: HomeAssistant, entry: MockConfigEntry, step: str = "entities"
) -> SubentryFlowResult:
    """Begin a flow and choose from its menu."""
    flow = await _begin(hass, entry)
    assert flow["type"] is FlowResultType.MENU
    assert flow["menu_options"] == ["entities", "template"]
    return await _submit(hass, flow, {"next_step_id": step})


async def _start_change(
    hass: HomeAssistant, entry: MockConfigEntry, subentry_id: str, step: str
) -> SubentryFlowResult:
    """Begin to change a virtual device and choose from the menu."""
    flow = await entry.start_subentry_reconfigure_flow(hass, subentry_id)
    assert flow["menu_options"] == ["settings", "object", "more"]
    return await _submit(hass, flow, {"next_step_id": step})


def _main_values(flow: SubentryFlowResult) -> dict[str, Any]:
    """Return the values of a form without its sections."""
    return {
        key: value
        for key, value in shown_values(flow).items()
        if key not in {"rules", "advanced"}
    }


async def _submit(
    hass: HomeAssistant, flow: SubentryFlowResult, user_input: dict[str, Any]
) -> SubentryFlowResult:
    result = await hass.config_entries.subentries.async_configure(
        flow["flow_id"], user_input
    )
    await hass.async_block_till_done()
    return result


async def _change(
    hass: HomeAssistant, entry: MockConfigEntry, subentry_id: str, **changes: Any
) -> None:
    """Change a virtual device as a user does who leaves all other fields alone."""
    flow = await _start_change(hass, entry, subentry_id, "settings")
    result = await _submit(hass, flow, shown_values(flow) | changes)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"


def _objects(entry: MockConfigEntry) -> dict[str, str]:
    """Return the names of the objects that others see, by identifier."""
    return {
        str(object_id): item.name
        for object_id, item in entry.runtime_data.local_device.objects.items()
    }


def _records(
    hass: HomeAssistant, entry: MockConfigEntry, subentry_id: str
) -> dict[str, str | None]:
    """Return the entities of a virtual device by their objects, as configured."""
    registry = er.async_get(hass)
    return {
        record["object"]: er.async_resolve_entity_id(registry, record["entity_id"])
        for record in entry.subentries[subentry_id].data["exposures"]
    }


# --- making ---------------------------------------------------------------------------------


async def test_create(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Test that helpers of all kinds become objects, with nothing reloaded."""
    running = entry.runtime_data
    flow = await _start(hass, entry)
    assert (flow["type"], flow["step_id"]) == (FlowResultType.FORM, "entities")
    assert flow["errors"] == {}
    assert _main_values(flow) == {"entities": [], "writable": False}
    entities = flow["data_schema"].schema["entities"].config
    assert entities["multiple"]
    assert entities["domain"] == EXPOSABLE_DOMAINS

    chosen = [NOTE, MODE, FAN, SETPOINT]
    result = await _submit(hass, flow, ROOM | {"name": " Room ", "entities": chosen})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert (result["title"], result["unique_id"]) == ("Room", None)
    registry = er.async_get(hass)
    assert result["data"] == {
        "name": "Room",
        "description": "First floor",
        "writable": True,
        "exposures": [
            {
                "object": object_id,
                "entity_id": registry.async_get(entity_id).id,
            }
            for object_id, entity_id in (
                ("characterstring-value,1", NOTE),
                ("multi-state-value,1", MODE),
                ("binary-value,1", FAN),
                ("analog-value,1", SETPOINT),
            )
        ],
    }
    assert entry.runtime_data is running
    assert _objects(entry) == {
        "characterstring-value,1": "Room Note",
        "multi-state-value,1": "Room Mode",
        "binary-value,1": "Room Fan",
        "analog-value,1": "Room Setpoint",
    }
    (device,) = running.virtual_devices.values()
    assert device.writable
    names = {
        device.name
        for device in dr.async_entries_for_config_entry(
            dr.async_get(hass), entry.entry_id
        )
    }
    assert "Room" in names


async def test_create_with_defaults(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Test that name and entities are enough, and that nothing is writable then."""
    hass.states.async_set("input_number.unregistered", "3", {"friendly_name": "Three"})
    flow = await _start(hass, entry)
    result = await _submit(
        hass, flow, {"name": "Room", "entities": ["input_number.unregistered"] * 2}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == {
        "name": "Room",
        "description": "",
        "writable": False,
        "exposures": [
            {"object": "analog-value,1", "entity_id": "input_number.unregistered"}
        ],
    }
    assert _objects(entry) == {"analog-value,1": "Room Three"}


async def test_two_devices(
    hass: HomeAssistant, entry: MockConfigEntry, room: str
) -> None:
    """Test that another virtual device has numbers of its own."""
    result = await _submit(
        hass,
        await _start(hass, entry),
        {"name": "Lobby", "entities": [FAN, MODE], "writable": False},
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert _objects(entry) == {
        "analog-value,1": "Meeting room Setpoint",
        "binary-value,1": "Meeting room Fan",
        "binary-value,2": "Lobby Fan",
        "multi-state-value,1": "Lobby Mode",
    }


@pytest.mark.parametrize(
    ("wrong", "errors"),
    [
        pytest.param({"name": " "}, {"name": "Enter a name."}, id="no name"),
        pytest.param(
            {"name": " Meeting room"},
            {"name": "Another virtual device has this name."},
            id="name in use",
        ),
        pytest.param(
            {"entities": []}, {"entities": "Choose at least one entity."}, id="nothing"
        ),
        pytest.param(
            {"name": "", "entities": []},
            {"name": "Enter a name.", "entities": "Choose at least one entity."},
            id="all",
        ),
        pytest.param(
            {"entities": [SETPOINT, "0" * 32]},
            {"entities": "One of these entities can not be a BACnet object."},
            id="entity that is gone",
        ),
    ],
)
async def test_create_errors(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    room: str,
    wrong: dict[str, Any],
    errors: dict[str, str],
) -> None:
    """Test that what is wrong is named, all input stays, and it can be corrected."""
    right = ROOM | {"name": "Lobby"}
    flow = await _start(hass, entry)
    result = await _submit(hass, flow, right | wrong)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "entities")
    assert shown_errors(result) == errors
    assert _main_values(result) == right | wrong
    result = await _submit(hass, flow, right)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    # Nothing was given away in vain.
    assert _records(hass, entry, list(entry.subentries)[1]) == {
        "analog-value,2": SETPOINT,
        "binary-value,2": FAN,
    }


async def test_entity_that_can_not_be_an_object(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Test that other entities are refused, however they are referred to."""
    registry = er.async_get(hass)
    camera = registry.async_get_or_create("camera", "test", "1")
    flow = await _start(hass, entry)
    with pytest.raises(InvalidData):
        await _submit(hass, flow, ROOM | {"entities": [camera.entity_id]})
    result = await _submit(hass, flow, ROOM | {"entities": [camera.id]})
    assert result["errors"] == {"entities": "entity_not_supported"}
    fan = registry.async_get(FAN)
    result = await _submit(hass, flow, ROOM | {"entities": [fan.id]})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert _objects(entry) == {"binary-value,1": "Meeting room Fan"}


# --- changing -------------------------------------------------------------------------------


async def test_reconfigure_form(
    hass: HomeAssistant, entry: MockConfigEntry, room: str
) -> None:
    """Test that the form shows what is configured, and that nothing has to change."""
    before = entry.subentries[room].data
    flow = await _start_change(hass, entry, room, "settings")
    assert (flow["type"], flow["step_id"]) == (FlowResultType.FORM, "settings")
    assert flow["errors"] == {}
    assert _main_values(flow) == ROOM
    result = await _submit(hass, flow, ROOM)
    assert result["reason"] == "reconfigure_successful"
    assert entry.subentries[room].data == before


async def test_reconfigure_entities(
    hass: HomeAssistant, entry: MockConfigEntry, room: str
) -> None:
    """Test that objects keep their numbers, and that those of others never return."""
    running = entry.runtime_data
    local_device = running.local_device
    setpoint = next(iter(local_device.objects.values()))

    await _change(hass, entry, room, entities=[NOTE, SETPOINT])
    assert _records(hass, entry, room) == {
        "characterstring-value,1": NOTE,
        "analog-value,1": SETPOINT,
    }
    assert _objects(entry) == {
        "analog-value,1": "Meeting room Setpoint",
        "characterstring-value,1": "Meeting room Note",
    }
    await _change(hass, entry, room, entities=[FAN, SETPOINT])
    assert _records(hass, entry, room) == {
        "binary-value,2": FAN,
        "analog-value,1": SETPOINT,
    }
    await _change(hass, entry, room, entities=[FAN])
    await _change(hass, entry, room, entities=[FAN, SETPOINT, NOTE])
    assert _objects(entry) == {
        "binary-value,2": "Meeting room Fan",
        "analog-value,2": "Meeting room Setpoint",
        "characterstring-value,2": "Meeting room Note",
    }
    assert entry.runtime_data is running
    assert setpoint not in local_device.objects.values()


async def test_reconfigure_name_and_access(
    hass: HomeAssistant, entry: MockConfigEntry, room: str
) -> None:
    """Test that name, description and permission change with the objects in place."""
    running = entry.runtime_data
    device = running.virtual_devices[room]
    objects = dict(running.local_device.objects)
    await _change(hass, entry, room, name=" Lobby ", description="", writable=False)
    assert entry.subentries[room].title == "Lobby"
    assert entry.subentries[room].data["name"] == "Lobby"
    assert entry.runtime_data is running
    assert running.virtual_devices == {room: device}
    assert running.local_device.objects == objects
    assert (device.name, device.description, device.writable) == ("Lobby", "", False)
    assert _objects(entry) == {
        "analog-value,1": "Lobby Setpoint",
        "binary-value,1": "Lobby Fan",
    }
    assert not any(item.definition.writable for item in objects.values())


async def test_reconfigure_errors(
    hass: HomeAssistant, entry: MockConfigEntry, room: str
) -> None:
    """Test that nothing changes before all is right; the own name is not in use."""
    await _submit(hass, await _start(hass, entry), ROOM | {"name": "Lobby"})
    before = entry.subentries[room].data
    flow = await _start_change(hass, entry, room, "settings")
    wrong = ROOM | {"name": "Lobby", "entities": []}
    result = await _submit(hass, flow, wrong)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "settings")
    assert result["errors"] == {"name": "name_in_use", "entities": "nothing_chosen"}
    assert _main_values(result) == wrong
    assert entry.subentries[room].data == before
    result = await _submit(hass, flow, ROOM | {"entities": [SETPOINT]})
    assert result["reason"] == "reconfigure_successful"
    assert _records(hass, entry, room) == {"analog-value,1": SETPOINT}


async def test_reconfigure_after_entities_changed(
    hass: HomeAssistant, entry: MockConfigEntry, room: str
) -> None:
    """Test that a renamed entity keeps its number, and that one that is gone is left out."""
    registry = er.async_get(hass)
    registry.async_update_entity(SETPOINT, new_entity_id="input_number.target")
    registry.async_remove(FAN)
    await hass.async_block_till_done()
    flow = await _start_change(hass, entry, room, "settings")
    assert shown_values(flow)["entities"] == ["input_number.target"]
    await _submit(hass, flow, ROOM | {"entities": ["input_number.target", NOTE]})
    assert _records(hass, entry, room) == {
        "analog-value,1": "input_number.target",
        "characterstring-value,1": NOTE,
    }


# --- removing, and without a running node ---------------------------------------------------


async def test_remove(hass: HomeAssistant, entry: MockConfigEntry, room: str) -> None:
    """Test that a virtual device goes with its objects, and that their numbers stay."""
    await _submit(
        hass, await _start(hass, entry), {"name": "Lobby", "entities": [MODE]}
    )
    running = entry.runtime_data
    hass.config_entries.async_remove_subentry(entry, room)
    await hass.async_block_till_done()
    assert entry.runtime_data is running
    assert _objects(entry) == {"multi-state-value,1": "Lobby Mode"}
    assert room not in running.virtual_devices
    names = {
        device.name
        for device in dr.async_entries_for_config_entry(
            dr.async_get(hass), entry.entry_id
        )
    }
    assert names == {"Test home", "Lobby"}

    await _submit(hass, await _start(hass, entry), ROOM)
    assert _objects(entry) == {
        "multi-state-value,1": "Lobby Mode",
        "analog-value,2": "Meeting room Setpoint",
        "binary-value,2": "Meeting room Fan",
    }


async def test_not_loaded(hass: HomeAssistant, port: int) -> None:
    """Test that the node has to run: it knows which numbers are free."""
    entry = node_entry(port, virtual_device())
    entry.add_to_hass(hass)
    result = await _begin(hass, entry)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_not_loaded"
    (subentry_id,) = entry.subentries
    result = await entry.start_subentry_reconfigure_flow(hass, subentry_id)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_not_loaded"


async def test_unloaded_before_submitting(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Test that a flow ends where the node ended while the user was choosing."""
    flow = await _start(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
    result = await _submit(hass, flow, ROOM)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_not_loaded"
    assert entry.subentries == {}
