"""Devices that announce themselves, and those that claim another's instance."""

from collections.abc import AsyncIterator

from homeassistant.config_entries import SOURCE_IGNORE, SOURCE_INTEGRATION_DISCOVERY
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bacnet.const import DOMAIN
from custom_components.bacnet.device_flow import as_subentry
from custom_components.bacnet.node.enumerations import Segmentation, UnconfirmedService
from custom_components.bacnet.node.node import LOCAL_BROADCAST, Node
from custom_components.bacnet.node.services import IAm, encode_i_am
from tests.common import NODE_INSTANCE, node_entry, remote_device, set_up_entry, until
from tests.conftest import NodeFactory
from tests.independent import IndependentDevice

INSTANCE = 1234


@pytest.fixture
async def device(
    hass: HomeAssistant, port: int, entry: MockConfigEntry
) -> AsyncIterator[IndependentDevice]:
    """Return a device that comes on line after the node; it announces itself."""
    async with IndependentDevice("127.0.0.60", port, instance=INSTANCE) as device:
        yield device
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
async def entry(hass: HomeAssistant, port: int) -> MockConfigEntry:
    """Return a loaded node without devices."""
    return await set_up_entry(hass, node_entry(port))


def _announce(node: Node, instance: int) -> None:
    i_am = IAm(instance, 1476, Segmentation.NO_SEGMENTATION, 999)
    node.send(LOCAL_BROADCAST, UnconfirmedService.I_AM, encode_i_am(i_am))


def _cards(hass: HomeAssistant) -> list[str]:
    return [
        flow["context"]["unique_id"]
        for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        if flow["context"]["source"] == SOURCE_INTEGRATION_DISCOVERY
        and "unique_id" in flow["context"]
    ]


async def _card(hass: HomeAssistant, instance: int) -> str:
    """Return the flow behind the card of a device, once it is shown."""
    await until(lambda: str(instance) in _cards(hass))
    return next(
        flow["flow_id"]
        for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        if flow["context"]["unique_id"] == str(instance)
    )


async def test_card(
    hass: HomeAssistant, entry: MockConfigEntry, device: IndependentDevice
) -> None:
    """Test that a device which is heard is offered, and becomes part of the node."""
    hub = entry.runtime_data
    await hub.client.directory.find(INSTANCE)
    flow_id = await _card(hass, INSTANCE)
    result = await hass.config_entries.flow.async_configure(flow_id, {})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "device_added")
    assert [subentry.unique_id for subentry in entry.subentries.values()] == [
        str(INSTANCE)
    ]
    assert entry.runtime_data is hub
    await hass.async_block_till_done(wait_background_tasks=True)
    await until(
        lambda: (
            hass.states.get("sensor.independent_device_room_temperature") is not None
        )
    )


async def test_one_card_for_each_device(
    hass: HomeAssistant, entry: MockConfigEntry, start_node: NodeFactory
) -> None:
    """Test that repeated announcements change nothing."""
    other = await start_node("127.0.0.70")
    for _ in range(3):
        _announce(other, 4711)
    await _card(hass, 4711)
    _announce(other, 4712)
    await _card(hass, 4712)
    assert sorted(_cards(hass)) == ["4711", "4712"]


async def test_ignored_device_is_not_offered(
    hass: HomeAssistant, entry: MockConfigEntry, start_node: NodeFactory
) -> None:
    """Test that a card can be ignored for good."""
    MockConfigEntry(domain=DOMAIN, source=SOURCE_IGNORE, unique_id="4711").add_to_hass(
        hass
    )
    other = await start_node("127.0.0.70")
    _announce(other, 4711)
    _announce(other, 4712)
    await _card(hass, 4712)
    assert _cards(hass) == ["4712"]


async def test_own_instance_is_a_conflict(
    hass: HomeAssistant, entry: MockConfigEntry, start_node: NodeFactory
) -> None:
    """Test that a second device with our instance is a repair issue, never a device."""
    other = await start_node("127.0.0.70")
    _announce(other, NODE_INSTANCE)
    issue_id = f"duplicate_instance_{NODE_INSTANCE}"
    registry = ir.async_get(hass)
    await until(lambda: registry.async_get_issue(DOMAIN, issue_id) is not None)
    issue = registry.async_get_issue(DOMAIN, issue_id)
    assert issue.translation_placeholders == {
        "instance": str(NODE_INSTANCE),
        "addresses": f"{entry.runtime_data.node.address}, {other.address}",
    }
    assert _cards(hass) == []


async def test_two_devices_with_one_instance(
    hass: HomeAssistant, port: int, start_node: NodeFactory
) -> None:
    """Test that both addresses are named, and ours is not led astray."""
    first, second = await start_node("127.0.0.70"), await start_node("127.0.0.71")
    entry = await set_up_entry(
        hass, node_entry(port, remote_device(4711, first.address))
    )
    registry = ir.async_get(hass)
    issue_id = "duplicate_instance_4711"
    for node in (first, second, first, second):
        _announce(node, 4711)
        await hass.async_block_till_done()
        await until(
            lambda node=node: (
                entry.runtime_data.client.directory.by_address(node.address) is not None
            )
        )
    await until(lambda: registry.async_get_issue(DOMAIN, issue_id) is not None)
    issue = registry.async_get_issue(DOMAIN, issue_id)
    assert issue.translation_placeholders["addresses"] == (
        f"{first.address}, {second.address}"
    )


async def test_card_is_taken_back(
    hass: HomeAssistant, entry: MockConfigEntry, start_node: NodeFactory
) -> None:
    """Test that the card goes when the device is added by another way."""
    other = await start_node("127.0.0.70")
    _announce(other, 4711)
    await _card(hass, 4711)
    hass.config_entries.async_add_subentry(
        entry, as_subentry(remote_device(4711, other.address))
    )
    await hass.async_block_till_done()
    assert _cards(hass) == []


async def test_device_at_a_new_address(hass: HomeAssistant, port: int) -> None:
    """Test that a device which moved is followed, without a reload."""
    async with IndependentDevice("127.0.0.60", port, instance=INSTANCE) as device:
        entry = await set_up_entry(
            hass, node_entry(port, remote_device(INSTANCE, device.address))
        )
    hub = entry.runtime_data
    sensor = "sensor.independent_device_room_temperature"
    assert hass.states.get(sensor).state == "21.5"
    async with IndependentDevice("127.0.0.61", port, instance=INSTANCE) as device:
        await device.measure("analog-input", 1, 23.5)
        await hub.client.directory.find(INSTANCE)
        [subentry] = entry.subentries.values()
        await until(lambda: subentry.data["address"] == device.address)
        [coordinator] = hub.devices.values()
        await coordinator.async_refresh()
        await until(lambda: hass.states.get(sensor).state == "23.5")
        assert entry.runtime_data is hub
        await hass.config_entries.async_unload(entry.entry_id)
