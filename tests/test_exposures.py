"""Exposures at work: what survives, what settles, and what disturbs nobody."""

import asyncio
from datetime import timedelta
import gc
from time import perf_counter
from typing import Any

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CoreState, HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_mock_service,
)

from custom_components.bacnet import exposed_entity
from custom_components.bacnet.const import DOMAIN, EVENT_WRITE
from custom_components.bacnet.hub import BacnetHub
from custom_components.bacnet.node.types import ObjectId
from custom_components.bacnet.server.control import TimeSynchronization
from tests.common import (
    NODE_ADDRESS,
    NODE_INSTANCE,
    node_entry,
    set_up_entry,
    set_up_helpers,
    until,
    virtual_device,
)
from tests.independent import IndependentClient, Refused

PRESENT_VALUE = "present-value"
AV1 = ("analog-value", 1)
SETPOINT = "input_number.setpoint"


@pytest.fixture
async def entry(hass: HomeAssistant, port: int) -> MockConfigEntry:
    """Return the loaded node with one writable virtual device."""
    await set_up_helpers(hass)
    return await set_up_entry(hass, node_entry(port, virtual_device()))


@pytest.fixture
def hub(entry: MockConfigEntry) -> BacnetHub:
    """Return what runs the node."""
    return entry.runtime_data


def _client(port: int) -> IndependentClient:
    return IndependentClient("127.0.0.50", port)


async def _read(client: IndependentClient, target: Any, *property_: Any) -> Any:
    return await client.read_property(NODE_ADDRESS, *target, *property_)


async def _write(
    client: IndependentClient, target: Any, value: float, priority: int = 8
) -> None:
    await client.write_property(
        NODE_ADDRESS, *target, PRESENT_VALUE, value, "real", priority
    )


async def _settle(hass: HomeAssistant) -> None:
    await hass.async_block_till_done(wait_background_tasks=True)


async def _update(hass: HomeAssistant, entry: MockConfigEntry, **changes: Any) -> None:
    [subentry] = entry.subentries.values()
    hass.config_entries.async_update_subentry(
        entry, subentry, data={**subentry.data, **changes}
    )
    await _settle(hass)


async def _restart(hass: HomeAssistant, entry: MockConfigEntry) -> BacnetHub:
    await hass.config_entries.async_reload(entry.entry_id)
    await _settle(hass)
    return entry.runtime_data


def _numbers(count: int, first: int = 1) -> dict[str, str]:
    return {
        f"analog-value,{number}": f"input_number.n{number}"
        for number in range(first, first + count)
    }


def _set_numbers(hass: HomeAssistant, exposures: dict[str, str]) -> None:
    for entity_id in exposures.values():
        hass.states.async_set(entity_id, "1", {"min": 0, "max": 100, "step": 0.5})


def _records(exposures: dict[str, str]) -> list[dict[str, str]]:
    return [
        {"object": object_id, "entity_id": entity_id}
        for object_id, entity_id in exposures.items()
    ]


# --- settling -------------------------------------------------------------------------------


@pytest.mark.parametrize("with_context", [True, False])
async def test_rounding_settles(
    hass: HomeAssistant, port: int, with_context: bool
) -> None:
    """Test that an entity that rounds, at once or later, is commanded once."""
    attributes = {"min": 0, "max": 50, "step": 0.5}
    hass.states.async_set("input_number.one", "20", attributes)
    calls: list[float] = []

    async def set_value(call: ServiceCall) -> None:
        calls.append(call.data["value"])
        if with_context:
            hass.states.async_set(
                "input_number.one", "21.5", attributes, context=call.context
            )

    hass.services.async_register("input_number", "set_value", set_value)
    entry = await set_up_entry(
        hass,
        node_entry(
            port, virtual_device(exposures={"analog-value,1": "input_number.one"})
        ),
    )
    item = entry.runtime_data.local_device.objects[ObjectId(2, 1)]
    async with _client(port) as client:
        await _write(client, AV1, 21.53)
        await _settle(hass)
        if not with_context:
            # An old value in between is not a wish, nor is the late answer.
            hass.states.async_set("input_number.one", "20", attributes | {"other": 1})
            hass.states.async_set("input_number.one", "21.5", attributes)
            await _settle(hass)
        assert calls == [21.53]
        assert await _read(client, AV1, PRESENT_VALUE) == 21.5
        assert await _read(client, AV1, "priority-array", 8) == 21.5
        assert await _read(client, AV1, "priority-array", 16) == 20
    assert item.active_priority == 8


async def test_entity_on_the_way(hass: HomeAssistant, port: int) -> None:
    """Test that a cover that moves for a while is commanded once."""
    calls = async_mock_service(hass, "cover", "close_cover")
    hass.states.async_set("cover.one", "open")
    entry = await set_up_entry(
        hass,
        node_entry(port, virtual_device(exposures={"binary-value,1": "cover.one"})),
    )
    item = entry.runtime_data.local_device.objects[ObjectId(5, 1)]
    async with _client(port) as client:
        await client.write_property(
            NODE_ADDRESS, "binary-value", 1, PRESENT_VALUE, 0, "enumerated", 8
        )
        await _settle(hass)
    hass.states.async_set("cover.one", "closing")
    await _settle(hass)
    assert item.present_value is False
    hass.states.async_set("cover.one", "closed")
    await _settle(hass)
    assert item.present_value is False
    assert item.priority_array[15] is True
    assert len(calls) == 1


async def test_failing_action(hass: HomeAssistant, port: int) -> None:
    """Test that the object goes back to the truth, and that a repair says why."""
    hass.states.async_set("input_number.one", "20", {"min": 0, "max": 50})
    error: list[Exception] = [HomeAssistantError("jammed")]

    async def set_value(call: ServiceCall) -> None:
        for one in error:
            raise one
        hass.states.async_set(
            "input_number.one",
            str(call.data["value"]),
            {"min": 0, "max": 50},
            context=call.context,
        )

    hass.services.async_register("input_number", "set_value", set_value)
    entry = await set_up_entry(
        hass,
        node_entry(
            port, virtual_device(exposures={"analog-value,1": "input_number.one"})
        ),
    )
    issues = ir.async_get(hass)
    async with _client(port) as client:
        await _write(client, AV1, 30)
        await _settle(hass)
        assert await _read(client, AV1, PRESENT_VALUE) == 20
        issue = issues.async_get_issue(DOMAIN, "action_failed_analog-value,1")
        assert issue is not None
        assert issue.translation_placeholders["error"] == "jammed"
        results = [record["result"] for record in entry.runtime_data.write_log.records]
        assert results == ["accepted", "failed: input_number.one: jammed"]
        error.clear()
        await _write(client, AV1, 30)
        await _settle(hass)
        assert await _read(client, AV1, PRESENT_VALUE) == 30
    assert issues.async_get_issue(DOMAIN, "action_failed_analog-value,1") is None


async def test_out_of_service_decouples(
    hass: HomeAssistant, hub: BacnetHub, port: int
) -> None:
    """Test that values go neither way meanwhile, and that both agree afterwards."""
    async with _client(port) as client:

        async def out_of_service(value: bool) -> None:
            await client.write_property(
                NODE_ADDRESS, *AV1, "out-of-service", value, "boolean"
            )
            await _settle(hass)

        await out_of_service(True)
        await _write(client, AV1, 28)
        await _settle(hass)
        assert hass.states.get(SETPOINT).state == "21.0"
        assert await _read(client, AV1, PRESENT_VALUE) == 28
        await out_of_service(False)
        assert hass.states.get(SETPOINT).state == "28.0"


async def test_no_write_is_lost(
    hass: HomeAssistant, entry: MockConfigEntry, port: int
) -> None:
    """Test 200 writes: each one event, in order, and the last one counts."""
    events = async_capture_events(hass, EVENT_WRITE)
    values = [10 + number / 10 for number in range(200)]
    async with _client(port) as client:
        for value in values:
            await _write(client, AV1, value)
    await _settle(hass)
    assert [event.data["written_value"] for event in events] == pytest.approx(values)
    assert float(hass.states.get(SETPOINT).state) == pytest.approx(values[-1])


# --- entities that go -------------------------------------------------------------------------


async def test_removed_entity(
    hass: HomeAssistant, entry: MockConfigEntry, port: int
) -> None:
    """Test that the object stays, also after a restart, until the entity is back."""
    registry = er.async_get(hass)
    entity = registry.async_get(SETPOINT)
    reference = entity.id
    records = [
        record | {"entity_id": reference}
        if record["entity_id"] == SETPOINT
        else dict(record)
        for record in next(iter(entry.subentries.values())).data["exposures"]
    ]
    await _update(hass, entry, exposures=records)
    [subentry_id] = entry.subentries
    issue_id = f"entity_gone_{subentry_id}"
    issues = ir.async_get(hass)
    assert issues.async_get_issue(DOMAIN, issue_id) is None
    state = hass.states.get(SETPOINT)
    registry.async_remove(SETPOINT)
    hass.states.async_remove(SETPOINT)
    await _settle(hass)
    async with _client(port) as client:
        for _ in range(2):
            assert await _read(client, AV1, "reliability") == 1
            assert await _read(client, AV1, PRESENT_VALUE) == 21
            assert await _read(client, AV1, "object-name") == "Meeting room Setpoint"
            assert await _read(client, AV1, "max-pres-value") == 30
            assert issues.async_get_issue(DOMAIN, issue_id) is not None
            await _restart(hass, entry)
        registry.async_get_or_create(
            entity.domain,
            entity.platform,
            entity.unique_id,
            suggested_object_id="setpoint",
        )
        hass.states.async_set(SETPOINT, "23", state.attributes)
        await _settle(hass)
        assert registry.async_get(SETPOINT).id == reference
        assert await _read(client, AV1, "reliability") == 0
        assert await _read(client, AV1, PRESENT_VALUE) == 23
    assert issues.async_get_issue(DOMAIN, issue_id) is None


async def test_changes_are_followed(
    hass: HomeAssistant, hub: BacnetHub, port: int
) -> None:
    """Test a new name, unit and limit, and that only the name is a revision."""
    revision = hub.local_device.database_revision
    state = hass.states.get(SETPOINT)
    hass.states.async_set(
        SETPOINT, "70", state.attributes | {"max": 90, "unit_of_measurement": "°F"}
    )
    async with _client(port) as client:
        assert await _read(client, AV1, "units") == 64
        assert await _read(client, AV1, "max-pres-value") == 90
        assert hub.local_device.database_revision == revision
        hass.states.async_set(
            SETPOINT, "70", state.attributes | {"friendly_name": "Soll"}
        )
        assert await _read(client, AV1, "object-name") == "Meeting room Soll"
    assert hub.local_device.database_revision == revision + 1


# --- restarts -------------------------------------------------------------------------------


async def test_restart(hass: HomeAssistant, entry: MockConfigEntry, port: int) -> None:
    """Test that arrays, out-of-service and the revision come back."""
    hub = entry.runtime_data
    revision = hub.local_device.database_revision
    async with _client(port) as client:
        await _write(client, AV1, 25)
        await _write(client, AV1, 27, 10)
        await client.write_property(
            NODE_ADDRESS, "binary-value", 1, "out-of-service", True, "boolean"
        )
        await client.write_property(
            NODE_ADDRESS, "binary-value", 1, PRESENT_VALUE, 1, "enumerated", 8
        )
        await _settle(hass)
        for _ in range(2):
            hub = await _restart(hass, entry)
            assert hub.local_device.database_revision == revision
            assert await _read(client, AV1, "priority-array", 8) == 25
            assert await _read(client, AV1, "priority-array", 10) == 27
            assert await _read(client, ("binary-value", 1), "out-of-service") is True
            assert await _read(client, ("binary-value", 1), PRESENT_VALUE) == 1
            assert hass.states.get("input_boolean.fan").state == "off"
        # What changes while nobody looks counts as well.
        hass.states.async_remove(SETPOINT)
        await _update(
            hass,
            entry,
            exposures=next(iter(entry.subentries.values())).data["exposures"][:-1],
        )
        assert hub.local_device.database_revision == revision + 1
        hub = await _restart(hass, entry)
        assert hub.local_device.database_revision == revision + 1


async def test_crash(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    port: int,
    hass_storage: dict[str, Any],
) -> None:
    """Test that commands are written within a second, without a goodbye."""
    async with _client(port) as client:
        await _write(client, AV1, 25)
    began = perf_counter()
    await until(
        lambda: (
            "8"
            in hass_storage.get("bacnet.commands", {})
            .get("data", {})
            .get("analog-value,1", {})
            .get("slots", {})
        )
    )
    assert perf_counter() - began < 1.5
    assert hass_storage["bacnet.commands"]["data"]["analog-value,1"]["slots"] == {
        "8": 25.0,
        "16": 21.0,
    }


# --- many -----------------------------------------------------------------------------------


async def test_many_come_and_go_unnoticed(
    hass: HomeAssistant, hub: BacnetHub, entry: MockConfigEntry, port: int
) -> None:
    """Test that 500 objects come and go while a subscriber of another hears all."""
    kept = list(next(iter(entry.subentries.values())).data["exposures"])
    many = _numbers(500, 2)
    _set_numbers(hass, many)
    async with _client(port) as client:
        heard = await client.subscribe_cov(NODE_ADDRESS, *AV1, lifetime=300)
        count = hub.local_device.cov_subscription_count
        assert count == 1
        revision = hub.local_device.database_revision
        for number, records in enumerate((kept + _records(many), kept), 1):
            await _update(hass, entry, exposures=records)
            assert hub.local_device.database_revision == revision + 500 * number
            assert hub.local_device.cov_subscription_count == count
            await hass.services.async_call(
                "input_number",
                "set_value",
                {"entity_id": SETPOINT, "value": 22 + number},
                blocking=True,
            )
            async with asyncio.timeout(5):
                while 22 + number not in (await heard.get()).values.values():
                    pass


@pytest.mark.slow
async def test_5000_exposures_do_not_stall(hass: HomeAssistant, port: int) -> None:
    """Test that the event loop is never held up for long while 5,000 are added."""
    entry = await set_up_entry(hass, node_entry(port, virtual_device(exposures={})))
    many = _numbers(5000)
    _set_numbers(hass, many)
    await _settle(hass)
    hass.loop.set_debug(False)
    # The garbage of all other tests is not ours either.
    gc.collect()
    gc.freeze()
    # What Home Assistant itself does to store a subentry is not ours.
    [subentry] = entry.subentries.values()
    device = entry.runtime_data.virtual_devices[subentry.subentry_id]
    changed = type(subentry)(
        data={**subentry.data, "exposures": _records(many)},
        subentry_type=subentry.subentry_type,
        title=subentry.title,
        unique_id=None,
        subentry_id=subentry.subentry_id,
    )
    stalls: list[float] = []
    task = hass.async_create_task(device.async_update(changed))
    last = perf_counter()
    while not task.done():
        await asyncio.sleep(0)
        now = perf_counter()
        stalls.append(now - last)
        last = now
    assert len(entry.runtime_data.local_device.objects) == 5000
    gc.unfreeze()
    assert max(stalls) < 0.05


# --- leases, log, policy ---------------------------------------------------------------------


async def test_lease(hass: HomeAssistant, entry: MockConfigEntry, port: int) -> None:
    """Test that a command which nobody renews expires, lower ones stay."""
    await _update(hass, entry, lease=1, lease_priority=8)
    item = entry.runtime_data.local_device.objects[ObjectId(2, 1)]
    async with _client(port) as client:
        await _write(client, AV1, 25)
        await _write(client, AV1, 15, 10)
        for _ in range(3):
            await asyncio.sleep(0.4)
            await _write(client, AV1, 25)
        assert item.active_priority == 8
        await until(lambda: item.active_priority == 10)
    await until(lambda: hass.states.get(SETPOINT).state == "15.0")
    expired = entry.runtime_data.write_log.records[-1]
    assert (expired["object"], expired["priority"], expired["result"]) == (
        "analog-value,1",
        8,
        "expired",
    )


async def test_release_on_shutdown(
    hass: HomeAssistant, entry: MockConfigEntry, port: int
) -> None:
    """Test that Home Assistant's own values come back when it stops."""
    await _update(hass, entry, release_on_shutdown=True)
    async with _client(port) as client:
        await _write(client, AV1, 25)
        await _settle(hass)
        assert hass.states.get(SETPOINT).state == "25.0"
    [device] = entry.runtime_data.virtual_devices.values()
    await device.async_shut_down()
    assert hass.states.get(SETPOINT).state == "21.0"


async def test_write_log(
    hass: HomeAssistant, entry: MockConfigEntry, port: int
) -> None:
    """Test that accepted and refused writes are kept, over a restart too."""
    async with _client(port) as client:
        await _write(client, AV1, 25)
        with pytest.raises(Refused):
            await _write(client, AV1, 99)
    await _settle(hass)
    hub = await _restart(hass, entry)
    accepted, refused = hub.write_log.records
    assert accepted["source"].startswith("127.0.0.50:")
    assert {
        key: accepted[key] for key in ("object", "property", "value", "priority")
    } == {
        "object": "analog-value,1",
        "property": PRESENT_VALUE,
        "value": 25,
        "priority": 8,
    }
    assert accepted["result"] == "accepted"
    assert dt_util.parse_datetime(accepted["time"]) is not None
    assert refused["value"] == 99
    assert "value-out-of-range" in refused["result"]


async def test_options(hass: HomeAssistant, entry: MockConfigEntry, port: int) -> None:
    """Test that networks, rate and password are applied live."""
    running = entry.runtime_data

    async def set_options(**options: Any) -> dict[str, Any]:
        flow = await hass.config_entries.options.async_init(entry.entry_id)
        result = await hass.config_entries.options.async_configure(
            flow["flow_id"], {"writes_per_second": 100} | options
        )
        await _settle(hass)
        return result

    async with _client(port) as client:
        await set_options(allowed_networks=["127.0.0.60/32"])
        with pytest.raises(Refused, match="write-access-denied"):
            await _write(client, AV1, 25)
        await set_options(allowed_networks=["127.0.0.50", "5"])
        assert entry.options["allowed_networks"] == ["127.0.0.50/32", "5"]
        await _write(client, AV1, 25)
        for wrong, field, error in (
            (
                {"allowed_networks": ["next door"]},
                "allowed_networks",
                "invalid_network",
            ),
            ({"allowed_networks": ["0"]}, "allowed_networks", "invalid_network"),
            ({"password": "x" * 21}, "password", "password_too_long"),
        ):
            result = await set_options(**wrong)
            assert result["errors"] == {field: error}
        await set_options(password="secret")
        assert entry.options["password"] == "secret"
    assert entry.runtime_data is running


@pytest.mark.parametrize(("seconds", "is_hinted"), [(30, False), (-600, True)])
async def test_time_drift(
    hass: HomeAssistant, hub: BacnetHub, seconds: int, is_hinted: bool
) -> None:
    """Test the hint at clocks that differ, and that it heals."""
    now = dt_util.now()
    issues = ir.async_get(hass)

    def tell(drift: int) -> None:
        hub.role.async_told_time(
            TimeSynchronization(
                source="127.0.0.50:47808",
                told=now + timedelta(seconds=drift),
                received=now,
                utc=False,
            )
        )

    tell(seconds)
    assert (issues.async_get_issue(DOMAIN, "time_drift") is not None) is is_hinted
    tell(0)
    assert issues.async_get_issue(DOMAIN, "time_drift") is None


# --- views ---------------------------------------------------------------------------------


async def test_structured_view(
    hass: HomeAssistant, entry: MockConfigEntry, port: int
) -> None:
    """Test that a view mirrors the virtual device and keeps its number."""
    view = ("structured-view", 1)
    async with _client(port) as client:
        assert view in await _read(client, ("device", NODE_INSTANCE), "object-list")
        assert await _read(client, view, "object-name") == "Meeting room"
        assert await _read(client, view, "subordinate-list", 0) == 4
        exposures = next(iter(entry.subentries.values())).data["exposures"]
        await _update(hass, entry, name="Lobby", exposures=exposures[:1])
        assert await _read(client, view, "object-name") == "Lobby"
        assert await _read(client, view, "subordinate-list", 0) == 1
        await _restart(hass, entry)
        assert await _read(client, view, "object-name") == "Lobby"


# --- restarts that others ask for ------------------------------------------------------------


async def test_restart_with_password(
    hass: HomeAssistant, entry: MockConfigEntry, port: int
) -> None:
    """Test that the node restarts for whoever knows the password, and only then."""
    running = entry.runtime_data
    async with _client(port) as client:
        for password in (None, "secret"):
            with pytest.raises(Refused):
                await client.reinitialize_device(NODE_ADDRESS, "warmstart", password)
        hass.config_entries.async_update_entry(entry, options={"password": "secret"})
        await _settle(hass)
        with pytest.raises(Refused):
            await client.reinitialize_device(NODE_ADDRESS, "warmstart", "wrong")
        assert entry.runtime_data is running
        await client.reinitialize_device(NODE_ADDRESS, "warmstart", "secret")
        await until(lambda: getattr(entry, "runtime_data", running) is not running)
        await _settle(hass)
        assert await _read(client, AV1, PRESENT_VALUE) == 21


async def test_stop_of_home_assistant(
    hass: HomeAssistant, entry: MockConfigEntry, port: int
) -> None:
    """Test that all is released when Home Assistant really stops."""
    await _update(hass, entry, release_on_shutdown=True)
    async with _client(port) as client:
        await _write(client, AV1, 25)
        await _settle(hass)
    hass.set_state(CoreState.stopping)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await _settle(hass)
    assert hass.states.get(SETPOINT).state == "21.0"
    hass.set_state(CoreState.running)


async def test_same_entity_twice(
    hass: HomeAssistant, entry: MockConfigEntry, port: int
) -> None:
    """Test that two objects of one entity follow each other, and agree at the end."""
    exposures = list(next(iter(entry.subentries.values())).data["exposures"])
    await _update(
        hass,
        entry,
        exposures=[*exposures, {"object": "analog-value,2", "entity_id": SETPOINT}],
    )
    calls = async_capture_events(hass, "call_service")
    async with _client(port) as client:
        assert (
            await _read(client, ("analog-value", 2), "object-name")
            == "Meeting room Setpoint (analog-value,2)"
        )
        await _write(client, AV1, 25)
        await _settle(hass)
        assert await _read(client, ("analog-value", 2), PRESENT_VALUE) == 25
        await client.relinquish(NODE_ADDRESS, *AV1, 8)
        await _settle(hass)
        assert await _read(client, ("analog-value", 2), PRESENT_VALUE) == 21
    assert len(calls) == 2


# --- what does not fit ---------------------------------------------------------------------


async def test_options_come_late(hass: HomeAssistant, port: int) -> None:
    """Test that a select becomes an object with its first options, and loses none."""
    hass.states.async_set("select.one", "unavailable")
    entry = await set_up_entry(
        hass,
        node_entry(
            port, virtual_device(exposures={"multi-state-value,1": "select.one"})
        ),
    )
    objects = entry.runtime_data.local_device.objects
    assert not objects
    hass.states.async_set("select.one", "b", {"options": ["a", "b"]})
    [item] = objects.values()
    assert (item.present_value, item.definition.states) == (2, ("a", "b"))
    for state, attributes in (("unavailable", {}), ("c", {"options": ["a", "b"]})):
        hass.states.async_set("select.one", state, attributes)
        assert item.definition.states == ("a", "b")
        assert item.present_value == 2
        assert item.reliability != 0


async def test_value_that_the_type_can_not_hold(hass: HomeAssistant, port: int) -> None:
    """Test that the last value stays, marked as unreliable."""
    hass.states.async_set("counter.one", "5", {"step": 1})
    entry = await set_up_entry(
        hass,
        node_entry(port, virtual_device(exposures={"integer-value,1": "counter.one"})),
    )
    [item] = entry.runtime_data.local_device.objects.values()
    hass.states.async_set("counter.one", str(2**40), {"step": 1})
    assert (item.present_value, item.reliability) == (5, 7)
    hass.states.async_set("counter.one", "6", {"step": 1})
    assert (item.present_value, item.reliability) == (6, 0)


async def test_object_of_a_wrong_type(hass: HomeAssistant, port: int) -> None:
    """Test that a record which fits no entity of its kind makes no object."""
    hass.states.async_set("switch.one", "on")
    entry = await set_up_entry(
        hass,
        node_entry(port, virtual_device(exposures={"analog-value,1": "switch.one"})),
    )
    assert not entry.runtime_data.local_device.objects


async def test_minimum_on_time(
    hass: HomeAssistant, entry: MockConfigEntry, port: int
) -> None:
    """Test that the entity follows when a minimum time is over."""
    await _update(
        hass,
        entry,
        exposures=[
            {
                "object": "binary-output,1",
                "entity_id": "input_boolean.fan",
                "overrides": {"minimum_on_time": 1},
            }
        ],
    )
    async with _client(port) as client:
        for value in (1, 0):
            await client.write_property(
                NODE_ADDRESS, "binary-output", 1, PRESENT_VALUE, value, "enumerated", 8
            )
            await _settle(hass)
            assert hass.states.get("input_boolean.fan").state == "on"
        await until(lambda: hass.states.get("input_boolean.fan").state == "off")


async def test_actions_are_bounded(
    hass: HomeAssistant, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test that an entity which can not follow gets the newest values only."""
    monkeypatch.setattr(exposed_entity, "_MAX_WAITING_ACTIONS", 3)
    hass.states.async_set("input_number.one", "0", {"min": 0, "max": 100})
    calls: list[float] = []
    go_on = asyncio.Event()

    async def set_value(call: ServiceCall) -> None:
        calls.append(call.data["value"])
        await go_on.wait()

    hass.services.async_register("input_number", "set_value", set_value)
    entry = await set_up_entry(
        hass,
        node_entry(
            port, virtual_device(exposures={"analog-value,1": "input_number.one"})
        ),
    )
    async with _client(port) as client:
        for value in range(1, 11):
            await _write(client, AV1, value)
        await until(lambda: calls == [1])
        go_on.set()
        await _settle(hass)
    assert calls == [1, 8, 9, 10]
    assert entry.runtime_data.local_device.objects[ObjectId(2, 1)].present_value == 10
