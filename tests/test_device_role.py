"""Home Assistant as a BACnet device, seen by stacks that are not ours.

bac-py and rusty-bacnet run in processes of their own and talk to the node over UDP.
"""

from collections.abc import AsyncIterator
from typing import Any

from homeassistant.core import Event, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.bacnet.const import EVENT_WRITE
from tests.common import (
    NODE_ADDRESS,
    NODE_INSTANCE,
    node_entry,
    set_up_entry,
    set_up_helpers,
    virtual_device,
)
from tests.independent import STACKS, IndependentClient, PropertyWrite, Refused

PRESENT_VALUE = "present-value"

WRITES = [
    pytest.param(
        ("analog-value", 1), 25.5, "real", "input_number.setpoint", "25.5", id="analog"
    ),
    pytest.param(
        ("binary-value", 1), 1, "enumerated", "input_boolean.fan", "on", id="binary"
    ),
    pytest.param(
        ("multi-state-value", 1),
        2,
        "unsigned",
        "input_select.mode",
        "Heat",
        id="states",
    ),
    pytest.param(
        ("characterstring-value", 1),
        "Zürich",
        "character_string",
        "input_text.note",
        "Zürich",
        id="text",
    ),
]


@pytest.fixture
async def entry(hass: HomeAssistant, port: int) -> MockConfigEntry:
    """Return the loaded node with one writable virtual device."""
    await set_up_helpers(hass)
    return await set_up_entry(hass, node_entry(port, virtual_device()))


@pytest.fixture(params=STACKS)
async def client(
    request: pytest.FixtureRequest, entry: MockConfigEntry, port: int
) -> AsyncIterator[IndependentClient]:
    """Return a client of each independent stack."""
    async with IndependentClient("127.0.0.50", port, stack=request.param) as client:
        yield client


@pytest.fixture
async def events(hass: HomeAssistant) -> list[Event]:
    """Return the events of external writes."""
    return async_capture_events(hass, EVENT_WRITE)


async def _read(
    client: IndependentClient, target: tuple[str, int], *property_: Any
) -> Any:
    return await client.read_property(NODE_ADDRESS, *target, *property_)


async def test_is_found(client: IndependentClient, port: int) -> None:
    """Test that a broadcast and a unicast Who-Is find the node, and only in range."""
    me = (NODE_INSTANCE, f"{NODE_ADDRESS}:{port}", 1476, "segmented-both", 999)
    assert await client.who_is() == [me]
    assert await client.who_is(NODE_INSTANCE, NODE_INSTANCE) == [me]
    assert await client.who_is(0, 100, NODE_ADDRESS) == []


async def test_every_object_is_readable(client: IndependentClient) -> None:
    """Test names, values and descriptions of all objects, found by the object list."""
    device = ("device", NODE_INSTANCE)
    objects = await _read(client, device, "object-list")
    assert objects[:2] == [device, ("network-port", 1)]
    assert {
        (object_id, await _read(client, object_id, "object-name"))
        for object_id in objects
    } == {
        (device, "Test home"),
        (("network-port", 1), await _read(client, objects[1], "object-name")),
        (("analog-value", 1), "Meeting room Setpoint"),
        (("binary-value", 1), "Meeting room Fan"),
        (("multi-state-value", 1), "Meeting room Mode"),
        (("characterstring-value", 1), "Meeting room Note"),
        (("structured-view", 1), "Meeting room"),
    }
    assert [
        await _read(client, object_id, PRESENT_VALUE) for object_id in objects[2:-1]
    ] == [21.0, 0, 4, "commissioning"]
    for object_id in objects:
        for property_ in await _read(client, object_id, "property-list"):
            await _read(client, object_id, property_)


async def test_objects_describe_their_entities(client: IndependentClient) -> None:
    """Test units, limits and texts."""
    number = ("analog-value", 1)
    assert await _read(client, number, "units") == 62  # degrees-celsius
    assert await _read(client, number, "min-pres-value") == 10
    assert await _read(client, number, "max-pres-value") == 30
    assert await _read(client, number, "resolution") == 0.5
    assert await _read(client, ("binary-value", 1), "active-text") == "On"
    assert await _read(client, ("multi-state-value", 1), "state-text") == [
        "Off",
        "Heat",
        "Cool",
        "Auto",
    ]
    assert await _read(client, ("device", NODE_INSTANCE), "model-name") == "BACnet node"


async def test_home_assistants_changes_are_seen_at_once(
    hass: HomeAssistant, client: IndependentClient
) -> None:
    """Test that the next read after a change has the new value."""
    await hass.services.async_call(
        "input_number",
        "set_value",
        {"entity_id": "input_number.setpoint", "value": 22.5},
        blocking=True,
    )
    assert await _read(client, ("analog-value", 1), PRESENT_VALUE) == 22.5


@pytest.mark.parametrize(("target", "value", "datatype", "entity_id", "state"), WRITES)
async def test_write_and_relinquish(
    hass: HomeAssistant,
    client: IndependentClient,
    events: list[Event],
    target: tuple[str, int],
    value: Any,
    datatype: str,
    entity_id: str,
    state: str,
) -> None:
    """Test a command at priority 8: the array, the helper, the event, and back."""
    before = await _read(client, target, PRESENT_VALUE)
    old_state = hass.states.get(entity_id).state

    await client.write_property(
        NODE_ADDRESS, *target, PRESENT_VALUE, value, datatype, 8
    )
    assert await _read(client, target, PRESENT_VALUE) == value
    assert await _read(client, target, "priority-array", 8) == value
    assert await _read(client, target, "priority-array", 16) == before
    assert await _read(client, target, "current-command-priority") == 8
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get(entity_id).state == state
    [event] = events
    assert event.data | {
        "old_value": None,
        "new_value": None,
        "written_value": None,
    } == {
        "virtual_device": "Meeting room",
        "entity_id": entity_id,
        "object": f"{target[0]},{target[1]}",
        "object_name": f"Meeting room {hass.states.get(entity_id).name}",
        "property": PRESENT_VALUE,
        "old_value": None,
        "new_value": None,
        "written_value": None,
        "priority": 8,
        "source": event.data["source"],
        "source_instance": None,
    }
    assert event.data["source"].startswith("127.0.0.50:")
    assert event.data["new_value"] == event.data["written_value"]
    # Event and state share one context, so that the logbook knows who did it.
    assert hass.states.get(entity_id).context.id == event.context.id

    await client.relinquish(NODE_ADDRESS, *target, 8)
    assert await _read(client, target, PRESENT_VALUE) == before
    assert await _read(client, target, "priority-array", 8) is None
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get(entity_id).state == old_state
    assert [event.data["written_value"] for event in events[1:]] == [None]


async def test_event_speaks_home_assistants_language(
    hass: HomeAssistant, client: IndependentClient, events: list[Event]
) -> None:
    """Test that options and switches are reported as such, not as numbers."""
    await client.write_property(
        NODE_ADDRESS, "multi-state-value", 1, PRESENT_VALUE, 2, "unsigned", 8
    )
    await client.write_property(
        NODE_ADDRESS, "binary-value", 1, PRESENT_VALUE, 1, "enumerated", 8
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    assert [(event.data["old_value"], event.data["new_value"]) for event in events] == [
        ("Auto", "Heat"),
        (False, True),
    ]


async def test_higher_priority_wins(
    hass: HomeAssistant, client: IndependentClient, events: list[Event]
) -> None:
    """Test that a command below the one in effect waits in its slot."""
    number = ("analog-value", 1, PRESENT_VALUE)
    await client.write_property(NODE_ADDRESS, *number, 25.0, "real", 8)
    await client.write_property(NODE_ADDRESS, *number, 15.0, "real", 10)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("input_number.setpoint").state == "25.0"
    await client.relinquish(NODE_ADDRESS, "analog-value", 1, 8)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("input_number.setpoint").state == "15.0"
    assert [event.data["priority"] for event in events] == [8, 10, 8]


async def test_home_assistant_is_put_back_while_it_is_overridden(
    hass: HomeAssistant, client: IndependentClient, events: list[Event]
) -> None:
    """Test that a user's change waits in slot 16 and comes back with the release."""
    number = ("analog-value", 1)
    await client.write_property(NODE_ADDRESS, *number, PRESENT_VALUE, 25.0, "real", 8)
    await hass.async_block_till_done(wait_background_tasks=True)
    await hass.services.async_call(
        "input_number",
        "set_value",
        {"entity_id": "input_number.setpoint", "value": 18},
        blocking=True,
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("input_number.setpoint").state == "25.0"
    assert await _read(client, number, "priority-array", 16) == 18
    await client.relinquish(NODE_ADDRESS, *number, 8)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("input_number.setpoint").state == "18.0"
    assert len(events) == 2


async def test_relinquishing_our_slot_gives_it_back(
    hass: HomeAssistant, client: IndependentClient
) -> None:
    """Test that Null at priority 16 brings Home Assistant's own value back."""
    number = ("analog-value", 1, PRESENT_VALUE)
    await client.write_property(NODE_ADDRESS, *number, 25.0, "real")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("input_number.setpoint").state == "25.0"
    await client.relinquish(NODE_ADDRESS, "analog-value", 1)
    assert await _read(client, ("analog-value", 1), PRESENT_VALUE) == 21
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("input_number.setpoint").state == "21.0"


@pytest.mark.parametrize(
    ("target", "property_", "value", "datatype", "priority", "index", "refusal"),
    [
        pytest.param(*case[1:], id=case[0])
        for case in (
            (
                "unknown object",
                ("analog-value", 99),
                PRESENT_VALUE,
                1.0,
                "real",
                8,
                None,
                "error object unknown-object",
            ),
            (
                "unknown property",
                ("analog-value", 1),
                "state-text",
                1.0,
                "real",
                None,
                None,
                "error property unknown-property",
            ),
            (
                "wrong type",
                ("analog-value", 1),
                PRESENT_VALUE,
                "warm",
                "character_string",
                8,
                None,
                "error property invalid-data-type",
            ),
            (
                "wrong type, text",
                ("characterstring-value", 1),
                PRESENT_VALUE,
                1.0,
                "real",
                8,
                None,
                "error property invalid-data-type",
            ),
            (
                "above maximum",
                ("analog-value", 1),
                PRESENT_VALUE,
                30.5,
                "real",
                8,
                None,
                "error property value-out-of-range",
            ),
            (
                "below minimum",
                ("analog-value", 1),
                PRESENT_VALUE,
                9.5,
                "real",
                8,
                None,
                "error property value-out-of-range",
            ),
            (
                "not a number",
                ("analog-value", 1),
                PRESENT_VALUE,
                float("nan"),
                "real",
                8,
                None,
                "error property value-out-of-range",
            ),
            (
                "no such state",
                ("multi-state-value", 1),
                PRESENT_VALUE,
                5,
                "unsigned",
                8,
                None,
                "error property value-out-of-range",
            ),
            (
                "state zero",
                ("multi-state-value", 1),
                PRESENT_VALUE,
                0,
                "unsigned",
                8,
                None,
                "error property value-out-of-range",
            ),
            (
                "neither active nor inactive",
                ("binary-value", 1),
                PRESENT_VALUE,
                2,
                "enumerated",
                8,
                None,
                "error property value-out-of-range",
            ),
            (
                "text too long",
                ("characterstring-value", 1),
                PRESENT_VALUE,
                "x" * 21,
                "character_string",
                8,
                None,
                "error property value-out-of-range",
            ),
            (
                "reserved priority",
                ("analog-value", 1),
                PRESENT_VALUE,
                20.0,
                "real",
                6,
                None,
                "error property write-access-denied",
            ),
            (
                "object name",
                ("analog-value", 1),
                "object-name",
                "mine",
                "character_string",
                None,
                None,
                "error property write-access-denied",
            ),
            (
                "priority array",
                ("analog-value", 1),
                "priority-array",
                20.0,
                "real",
                None,
                8,
                "error property write-access-denied",
            ),
            (
                "device name",
                ("device", NODE_INSTANCE),
                "object-name",
                "mine",
                "character_string",
                None,
                None,
                "error property write-access-denied",
            ),
            (
                "network port",
                ("network-port", 1),
                "ip-address",
                b"\x0a\x00\x00\x01",
                "octet_string",
                None,
                None,
                "error property write-access-denied",
            ),
            (
                "no array",
                ("analog-value", 1),
                PRESENT_VALUE,
                20.0,
                "real",
                8,
                1,
                "error property property-is-not-an-array",
            ),
        )
    ],
)
async def test_wrong_writes_are_refused(
    hass: HomeAssistant,
    client: IndependentClient,
    events: list[Event],
    target: tuple[str, int],
    property_: str,
    value: Any,
    datatype: str,
    priority: int | None,
    index: int | None,
    refusal: str,
) -> None:
    """Test each wrong write's own error; nothing changes and no event is fired."""
    states = {state.entity_id: state.state for state in hass.states.async_all()}
    with pytest.raises(Refused) as refused:
        await client.write_property(
            NODE_ADDRESS, *target, property_, value, datatype, priority, index
        )
    assert str(refused.value) == refusal
    await hass.async_block_till_done(wait_background_tasks=True)
    assert events == []
    assert states == {state.entity_id: state.state for state in hass.states.async_all()}


@pytest.mark.parametrize("priority", [0, 17])
async def test_priorities_that_do_not_exist(
    entry: MockConfigEntry, port: int, priority: int
) -> None:
    """Test priorities that only bac-py sends."""
    async with IndependentClient("127.0.0.50", port) as client:
        with pytest.raises(Refused, match="error services parameter-out-of-range"):
            await client.write_property(
                NODE_ADDRESS, "analog-value", 1, PRESENT_VALUE, 20.0, "real", priority
            )


async def test_read_only_virtual_device(hass: HomeAssistant, port: int) -> None:
    """Test that an exposure which is not writable refuses every write."""
    await set_up_helpers(hass)
    await set_up_entry(hass, node_entry(port, virtual_device(writable=False)))
    async with IndependentClient("127.0.0.50", port) as client:
        for target, value, datatype in (
            (("analog-value", 1), 25.0, "real"),
            (("binary-value", 1), 1, "enumerated"),
            (("multi-state-value", 1), 2, "unsigned"),
            (("characterstring-value", 1), "x", "character_string"),
        ):
            with pytest.raises(Refused, match="write-access-denied"):
                await client.write_property(
                    NODE_ADDRESS, *target, PRESENT_VALUE, value, datatype, 8
                )
        with pytest.raises(Refused, match="unknown-property"):
            await _read(client, ("analog-value", 1), "priority-array")


async def test_write_property_multiple_takes_the_same_path(
    hass: HomeAssistant, client: IndependentClient, events: list[Event]
) -> None:
    """Test that the first failing write is named, and those before it were done."""
    writes = [
        PropertyWrite("analog-value", 1, PRESENT_VALUE, 24.0, "real", 8),
        PropertyWrite("analog-value", 1, "units", 62, "enumerated"),
        PropertyWrite("binary-value", 1, PRESENT_VALUE, 1, "enumerated", 8),
    ]
    with pytest.raises(Refused) as refused:
        await client.write_property_multiple(NODE_ADDRESS, writes)
    assert str(refused.value) == "error property write-access-denied"
    assert refused.value.first_failed[:3] == ("analog-value", 1, "units")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("input_number.setpoint").state == "24.0"
    assert hass.states.get("input_boolean.fan").state == "off"
    assert len(events) == 1


async def test_commands_survive_a_restart(
    hass: HomeAssistant, entry: MockConfigEntry, port: int, events: list[Event]
) -> None:
    """Test that arrays come back and Home Assistant's own value with the release."""
    number = ("analog-value", 1)
    async with IndependentClient("127.0.0.50", port) as client:
        await client.write_property(
            NODE_ADDRESS, *number, PRESENT_VALUE, 25.0, "real", 8
        )
        await hass.async_block_till_done(wait_background_tasks=True)
        await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert await _read(client, number, PRESENT_VALUE) == 25
        assert await _read(client, number, "priority-array", 16) == 21
        await client.relinquish(NODE_ADDRESS, *number, 8)
        await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("input_number.setpoint").state == "21.0"
    assert len(events) == 2


async def test_unavailable_entity_keeps_its_value(
    hass: HomeAssistant, client: IndependentClient
) -> None:
    """Test that a lost entity is a fault, never a made-up value."""
    number = ("analog-value", 1)
    state = hass.states.get("input_number.setpoint")
    for gone, reliability in (("unavailable", 12), ("unknown", 7)):
        hass.states.async_set(state.entity_id, gone, state.attributes)
        assert await _read(client, number, PRESENT_VALUE) == 21
        assert await _read(client, number, "reliability") == reliability
        assert (await _read(client, number, "status-flags"))[1] is True
    hass.states.async_remove(state.entity_id)
    assert await _read(client, number, "reliability") == 1
    hass.states.async_set(state.entity_id, "23.5", state.attributes)
    assert await _read(client, number, PRESENT_VALUE) == 23.5
    assert await _read(client, number, "reliability") == 0
