"""The flow that sets up the node, and the one that changes it."""

import asyncio
import errno
import inspect
import re
import socket
from types import MappingProxyType, ModuleType
from typing import Any, NoReturn, override

from homeassistant.components.network import Adapter
from homeassistant.config_entries import (
    SOURCE_IGNORE,
    SOURCE_INTEGRATION_DISCOVERY,
    SOURCE_USER,
    ConfigEntryState,
    ConfigFlowResult,
    ConfigSubentry,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import (
    EVENT_DATA_ENTRY_FLOW_PROGRESS_UPDATE,
    FlowResultType,
    UnknownFlow,
)
from homeassistant.helpers.selector import SelectSelectorMode
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.bacnet import (
    config_flow,
    device_flow,
    hub,
    object_settings,
    options_flow,
    search,
    subentry_flow,
    virtual_device_flow,
)
from custom_components.bacnet.client.directory import Directory
from custom_components.bacnet.const import DOMAIN
from custom_components.bacnet.node.node import Node
from tests.common import node_entry, remote_device, set_up_entry
from tests.conftest import (
    TRANSLATIONS,
    NodeFactory,
    Texts,
    after_progress,
    shown_errors,
    shown_options,
    shown_values,
)
from tests.simulator import Simulator, generated

pytestmark = pytest.mark.usefixtures("quick_flows", "translated_flows")

AHU, VAV, METER = 1001, 1002, 1004
ETHERNET = "192.0.2.10/24"
LOOPBACK = "127.0.0.1/8"
SECOND_LOOPBACK = "127.0.0.2/8"

TEXT_KINDS = (
    "abort",
    "data",
    "data_description",
    "error",
    "menu_options",
    "progress",
    "sections",
    "step",
)

INVALID_FIELDS = [
    pytest.param("interface", "192.0.2.99", "invalid_interface", id="no prefix"),
    pytest.param("interface", "192.0.2.10/33", "invalid_interface", id="prefix"),
    pytest.param("interface", "eth0", "invalid_interface", id="no address"),
    pytest.param("interface", "fe80::1/64", "invalid_interface", id="IPv6"),
    pytest.param("interface", "0.0.0.0/8", "invalid_interface", id="any address"),
    pytest.param("interface", "224.0.0.1/8", "invalid_interface", id="multicast"),
    pytest.param("interface", "127.0.0.0/8", "invalid_interface", id="network"),
    pytest.param("interface", "127.255.255.255/8", "invalid_interface", id="broadcast"),
    pytest.param("port", 0, "port_out_of_range", id="port too low"),
    pytest.param("port", 65536, "port_out_of_range", id="port too high"),
    pytest.param("instance", -1, "instance_out_of_range", id="instance too low"),
    pytest.param("instance", 4194303, "instance_out_of_range", id="instance too high"),
    pytest.param("name", " ", "name_missing", id="no name"),
]


def _adapter(name: str, *interfaces: str, **options: bool) -> Adapter:
    addresses = [interface.split("/") for interface in interfaces]
    return Adapter(
        name=name,
        index=0,
        auto=False,
        ipv4=[
            {"address": address, "network_prefix": int(prefix)}
            for address, prefix in addresses
        ],
        ipv6=[],
        **({"default": False, "enabled": False} | options),
    )


@pytest.fixture(autouse=True)
def adapters(monkeypatch: pytest.MonkeyPatch) -> list[Adapter]:
    """Return the adapters that Home Assistant knows of, for a test to change."""
    adapters = [
        _adapter("lo", LOOPBACK),
        _adapter("tunnel"),
        _adapter("eth1", "198.51.100.7/25", "203.0.113.9/28", enabled=True),
        _adapter("eth0", ETHERNET, default=True, enabled=True),
    ]

    async def get_adapters(hass: HomeAssistant) -> list[Adapter]:
        return adapters

    monkeypatch.setattr(
        "homeassistant.components.network.async_get_adapters", get_adapters
    )
    return adapters


@pytest.fixture
def alone(quick_flows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nobody, where nobody is."""
    monkeypatch.setattr(search, "_SEARCH_SECONDS", 0.02)
    monkeypatch.setattr(search, "_TICK_SECONDS", 0.01)
    monkeypatch.setattr(config_flow, "_INSTANCE_QUESTION_SECONDS", 0.02)


@pytest.fixture
def user_input(port: int) -> dict[str, Any]:
    """Return what works."""
    return {"interface": LOOPBACK, "port": port, "instance": 8888, "name": "Town hall"}


@pytest.fixture
def other_port(port: int) -> int:
    """Return a second port that is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1])


async def _start(hass: HomeAssistant) -> ConfigFlowResult:
    return await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )


async def _submit(
    hass: HomeAssistant, flow: ConfigFlowResult, user_input: dict[str, Any]
) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_configure(flow["flow_id"], user_input)
    if result["type"] is not FlowResultType.SHOW_PROGRESS:
        await hass.async_block_till_done(wait_background_tasks=True)
    return result


async def _finish_alone(
    hass: HomeAssistant, flow: ConfigFlowResult, user_input: dict[str, Any]
) -> MockConfigEntry:
    """Submit the node's form where no other device is, up to the loaded entry."""
    result = await after_progress(hass, await _submit(hass, flow, user_input))
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "nothing_found")
    result = await _submit(hass, flow, {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].state is ConfigEntryState.LOADED
    return result["result"]


# --- the node -------------------------------------------------------------------------------


async def test_form(hass: HomeAssistant) -> None:
    """Test that the form offers the adapters with their networks, the best one first."""
    hass.config.location_name = "Town hall"
    result = await _start(hass)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "user")
    assert result["errors"] == {}
    assert list(shown_options(result, "interface").items()) == [
        (ETHERNET, "192.0.2.10/24 (eth0)"),
        ("198.51.100.7/25", "198.51.100.7/25 (eth1)"),
        ("203.0.113.9/28", "203.0.113.9/28 (eth1)"),
        (LOOPBACK, "127.0.0.1/8 (lo)"),
    ]
    assert shown_values(result) == {
        "interface": ETHERNET,
        "port": 47808,
        "instance": 8888,
        "name": "Town hall",
    }


@pytest.mark.usefixtures("alone")
async def test_manual_address(
    hass: HomeAssistant, adapters: list[Adapter], user_input: dict[str, Any]
) -> None:
    """Test that an address can be entered where Home Assistant knows no adapter."""
    adapters.clear()
    flow = await _start(hass)
    assert shown_options(flow, "interface") == {}
    assert "interface" not in shown_values(flow)
    entry = await _finish_alone(hass, flow, user_input)
    assert entry.data == user_input


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("127.0.0.1", id="prefix known"),
        pytest.param(" 127.0.0.1/8 ", id="spaces"),
        pytest.param("127.0.0.1/255.0.0.0", id="netmask"),
    ],
)
async def test_address_in_other_words(
    hass: HomeAssistant, user_input: dict[str, Any], text: str
) -> None:
    """Test that the address and its network are understood in all usual forms."""
    flow = await _start(hass)
    entry = await _finish_alone(hass, flow, user_input | {"interface": text})
    assert entry.data == user_input


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("field", "value", "error"), INVALID_FIELDS)
async def test_invalid_field(
    hass: HomeAssistant,
    user_input: dict[str, Any],
    field: str,
    value: Any,
    error: str,
) -> None:
    """Test that a wrong value is named, the others stay, and it can be corrected."""
    flow = await _start(hass)
    result = await _submit(hass, flow, user_input | {field: value})
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "user")
    assert result["errors"] == {field: error}
    assert shown_values(result) == user_input | {field: value}
    await _finish_alone(hass, flow, user_input)


async def test_all_fields_invalid(hass: HomeAssistant) -> None:
    """Test that all wrong values are named at once, in words."""
    result = await _submit(
        hass,
        await _start(hass),
        {"interface": "", "port": -1, "instance": 4194303, "name": ""},
    )
    assert shown_errors(result) == {
        "interface": "Enter an IPv4 address with its network prefix, such as "
        "192.168.1.10/24.",
        "port": "Choose a number from 1 to 65535.",
        "instance": "Choose a number from 0 to 4194302.",
        "name": "Enter a name.",
    }


@pytest.mark.usefixtures("alone")
async def test_taken_port(hass: HomeAssistant, user_input: dict[str, Any]) -> None:
    """Test that a port of another program is named; it works as soon as it is free."""
    flow = await _start(hass)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", user_input["port"]))
        result = await _submit(hass, flow, user_input)
    assert result["errors"] == {"port": "address_in_use"}
    assert shown_errors(result) == {
        "port": f"Another program uses 127.0.0.1:{user_input['port']}. "
        "Stop it or choose another port."
    }
    assert shown_values(result) == user_input
    await _finish_alone(hass, flow, user_input)


@pytest.mark.usefixtures("alone")
async def test_foreign_address(hass: HomeAssistant, user_input: dict[str, Any]) -> None:
    """Test that an address of another machine is named."""
    flow = await _start(hass)
    result = await _submit(hass, flow, user_input | {"interface": ETHERNET})
    assert result["errors"] == {"interface": "address_unavailable"}
    assert shown_errors(result) == {
        "interface": f"192.0.2.10:{user_input['port']} does not belong to this machine."
    }
    assert shown_values(result) == user_input | {"interface": ETHERNET}
    await _finish_alone(hass, flow, user_input)


@pytest.mark.usefixtures("alone")
async def test_forbidden_port(
    hass: HomeAssistant, user_input: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test that any other failure of the system is passed on in its words."""

    class ForbiddenSocket(socket.socket):
        @override
        def bind(self, address: object) -> NoReturn:
            raise PermissionError(errno.EACCES, "Permission denied")

    flow = await _start(hass)
    with monkeypatch.context() as system:
        system.setattr(socket, "socket", ForbiddenSocket)
        result = await _submit(hass, flow, user_input)
    assert result["errors"] == {"interface": "cannot_start"}
    assert shown_errors(result) == {
        "interface": "The port could not be opened: "
        f"127.0.0.1:{user_input['port']} can not be opened: Permission denied"
    }
    await _finish_alone(hass, flow, user_input)


async def test_instance_in_use(
    hass: HomeAssistant, user_input: dict[str, Any], simulator: Simulator
) -> None:
    """Test that the network is asked whether the instance is free."""
    flow = await _start(hass)
    result = await _submit(hass, flow, user_input | {"instance": AHU})
    assert result["errors"] == {"instance": "instance_in_use"}
    assert shown_errors(result) == {
        "instance": f"A device at {simulator.addresses[AHU]} has this instance already."
        " Choose another one."
    }
    assert shown_values(result) == user_input | {"instance": AHU}
    result = await after_progress(hass, await _submit(hass, flow, user_input))
    assert result["step_id"] == "devices"
    result = await _submit(hass, flow, {"devices": []})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == user_input


async def test_second_node(hass: HomeAssistant, loaded_entry: MockConfigEntry) -> None:
    """Test that there is only one node."""
    result = await _start(hass)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "single_instance_allowed"


@pytest.mark.usefixtures("alone")
async def test_two_flows_at_once(
    hass: HomeAssistant, user_input: dict[str, Any], other_port: int
) -> None:
    """Test that there is only one node, even where two flows were begun before."""
    slower = await _start(hass)
    faster = await _start(hass)
    result = await _submit(hass, slower, user_input | {"port": other_port})
    await after_progress(hass, result)
    entry = await _finish_alone(hass, faster, user_input)
    result = await _submit(hass, slower, {})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "single_instance_allowed"
    assert hass.config_entries.async_entries(DOMAIN) == [entry]


# --- the devices it finds -------------------------------------------------------------------


async def test_devices(
    hass: HomeAssistant, user_input: dict[str, Any], simulator: Simulator
) -> None:
    """Test that the devices found can be told apart, and that those ticked are added."""
    progress = async_capture_events(hass, EVENT_DATA_ENTRY_FLOW_PROGRESS_UPDATE)
    flow = await _start(hass)
    result = await _submit(hass, flow, user_input)
    assert (result["step_id"], result["progress_action"]) == ("search", "search")
    result = await after_progress(hass, result)
    steps = [event.data["progress"] for event in progress]
    assert steps == sorted(steps)
    assert 0 < steps[0] < steps[-1] <= 1

    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "devices")
    assert result["description_placeholders"] == {"count": "3"}
    where = simulator.addresses
    assert shown_options(result, "devices") == {
        "1001": f"AHU-1 (1001) · {where[AHU]} · Simulated Controls SC-AHU",
        "1002": f"VAV-1 (1002) · {where[VAV]} · Simulated Controls SC-VAV",
        "1004": f"METER-1 (1004) · {where[METER]} · Simulated Controls SC-METER",
    }
    assert shown_values(result) == {"devices": ["1001", "1002", "1004"]}
    mode = result["data_schema"].schema["devices"].config["mode"]
    assert mode == SelectSelectorMode.LIST

    result = await _submit(hass, flow, {"devices": ["1004", "1002"]})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == f"BACnet/IP 127.0.0.1:{user_input['port']}"
    assert result["data"] == user_input
    assert [
        (subentry.subentry_type, subentry.title, subentry.unique_id, subentry.data)
        for subentry in result["result"].subentries.values()
    ] == [
        (
            "device",
            name,
            str(instance),
            {
                "instance": instance,
                "address": where[instance],
                "max_apdu": 1476,
                "segmentation": 0,
                "vendor_id": 999,
                "priority": 16,
            },
        )
        for name, instance in (("METER-1", METER), ("VAV-1", VAV))
    ]
    devices = result["result"].runtime_data.devices.values()
    assert {device.instance for device in devices} == {METER, VAV}
    assert all(device.session.inventory for device in devices)


async def test_no_device_ticked(
    hass: HomeAssistant, user_input: dict[str, Any], simulator: Simulator
) -> None:
    """Test that no device has to be added."""
    flow = await _start(hass)
    await after_progress(hass, await _submit(hass, flow, user_input))
    result = await _submit(hass, flow, {"devices": []})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].state is ConfigEntryState.LOADED
    assert result["result"].subentries == {}


@pytest.mark.usefixtures("alone")
async def test_nothing_found(hass: HomeAssistant, user_input: dict[str, Any]) -> None:
    """Test that the node is set up where it is alone."""
    entry = await _finish_alone(hass, await _start(hass), user_input)
    assert entry.title == f"BACnet/IP 127.0.0.1:{user_input['port']}"
    assert entry.data == user_input
    assert entry.subentries == {}


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param({"latency": 60}, id="silent"),
        pytest.param(
            {"unsupported": ["read-property", "read-property-multiple"]}, id="refusing"
        ),
    ],
)
async def test_device_without_names(
    hass: HomeAssistant,
    user_input: dict[str, Any],
    simulator: Simulator,
    shape: dict[str, Any],
) -> None:
    """Test that a device that does not tell its names does not hold up the others."""
    await simulator.reshape(VAV, **shape)
    result = await _submit(hass, await _start(hass), user_input)
    result = await after_progress(hass, result)
    labels = shown_options(result, "devices")
    assert labels["1001"].startswith("AHU-1 (1001) · ")
    assert labels["1002"] == f"Device 1002 (1002) · {simulator.addresses[VAV]}"


async def test_many_devices(
    hass: HomeAssistant, user_input: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test that many devices are offered in a list that can be searched."""
    monkeypatch.setattr(search, "_SEARCH_SECONDS", 1.0)
    async with Simulator(generated(31, 1), port=user_input["port"], interval=0):
        result = await _submit(hass, await _start(hass), user_input)
        result = await after_progress(hass, result)
    assert len(shown_options(result, "devices")) == 31
    mode = result["data_schema"].schema["devices"].config["mode"]
    assert mode == SelectSelectorMode.DROPDOWN


async def test_closed_while_searching(
    hass: HomeAssistant, user_input: dict[str, Any], start_node: NodeFactory
) -> None:
    """Test that a flow that is closed lets go of the port at once."""
    flow = await _start(hass)
    result = await _submit(hass, flow, user_input)
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    hass.config_entries.flow.async_abort(flow["flow_id"])
    # Home Assistant does not wait for tasks that it has cancelled.
    for _ in range(10):
        await asyncio.sleep(0)
    await start_node()
    with pytest.raises(UnknownFlow):
        await hass.config_entries.flow.async_configure(flow["flow_id"])


# --- changing the node ----------------------------------------------------------------------


async def _answers(node: Node, instance: int, address: str) -> bool:
    """Return whether others find an instance at an address."""
    directory = Directory(node)
    found = await directory.find(instance, address, timeout=0.3)
    directory.close()
    return found is not None


@pytest.mark.usefixtures("alone")
async def test_reconfigure_form(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """Test that the form shows what is configured, and that nothing has to change."""
    running = loaded_entry.runtime_data
    result = await loaded_entry.start_reconfigure_flow(hass)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "reconfigure")
    assert result["errors"] == {}
    assert shown_values(result) == loaded_entry.data
    result = await _submit(hass, result, dict(loaded_entry.data))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    assert loaded_entry.runtime_data is running


@pytest.mark.parametrize(
    ("host", "changes"),
    [
        pytest.param("127.0.0.1", {"name": "Annex"}, id="name"),
        pytest.param("127.0.0.1", {"instance": 9999}, id="instance"),
        pytest.param("127.0.0.1", {"interface": "127.0.0.1/16"}, id="prefix"),
        pytest.param("127.0.0.2", {"interface": SECOND_LOOPBACK}, id="address"),
        pytest.param(
            "127.0.0.2",
            {"interface": SECOND_LOOPBACK, "instance": 9999, "name": "Annex"},
            id="address and instance",
        ),
    ],
)
async def test_reconfigure(
    hass: HomeAssistant,
    port: int,
    start_node: NodeFactory,
    host: str,
    changes: dict[str, Any],
) -> None:
    """Test that the node restarts as what it was changed to, with its devices."""
    device = remote_device(METER, f"127.0.0.99:{port}")
    entry = node_entry(port, device)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    before = entry.runtime_data
    data = entry.data | changes

    result = await entry.start_reconfigure_flow(hass)
    result = await hass.config_entries.flow.async_configure(result["flow_id"], data)
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data is not before
    assert entry.data == data
    assert entry.title == f"BACnet/IP {host}:{port}"
    assert [one.unique_id for one in entry.subentries.values()] == [str(METER)]
    other = await start_node("127.0.0.9")
    assert await _answers(other, data["instance"], f"{host}:{port}")


async def test_reconfigure_port(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    other_port: int,
    start_node: NodeFactory,
) -> None:
    """Test that the node moves to another port."""
    port = loaded_entry.data["port"]
    result = await loaded_entry.start_reconfigure_flow(hass)
    await _submit(hass, result, loaded_entry.data | {"port": other_port})
    assert loaded_entry.title == f"BACnet/IP 127.0.0.1:{other_port}"
    other = await start_node("127.0.0.9", apdu_timeout=0.1, apdu_retries=0)
    assert not await _answers(other, 8888, f"127.0.0.1:{port}")
    assert await _answers(other, 8888, f"127.0.0.1:{other_port}")


@pytest.mark.usefixtures("alone")
async def test_reconfigure_with_invalid_fields(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """Test that the same fields are checked, and that the node goes on until then."""
    running = loaded_entry.runtime_data
    flow = await loaded_entry.start_reconfigure_flow(hass)
    wrong = {"interface": "eth0", "port": 0, "instance": -1, "name": ""}
    result = await _submit(hass, flow, wrong)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "reconfigure")
    assert result["errors"] == {
        "interface": "invalid_interface",
        "port": "port_out_of_range",
        "instance": "instance_out_of_range",
        "name": "name_missing",
    }
    assert shown_values(result) == wrong
    assert loaded_entry.runtime_data is running
    result = await _submit(hass, flow, loaded_entry.data | {"name": " Annex "})
    assert result["reason"] == "reconfigure_successful"
    assert loaded_entry.data["name"] == "Annex"


@pytest.mark.usefixtures("alone")
async def test_reconfigure_to_taken_port(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, other_port: int
) -> None:
    """Test that the node stays where it is when the new port is taken."""
    running = loaded_entry.runtime_data
    data = loaded_entry.data | {"port": other_port}
    flow = await loaded_entry.start_reconfigure_flow(hass)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", other_port))
        result = await _submit(hass, flow, data)
    assert result["errors"] == {"port": "address_in_use"}
    assert shown_values(result) == data
    assert loaded_entry.runtime_data is running
    assert loaded_entry.state is ConfigEntryState.LOADED
    result = await _submit(hass, flow, data)
    assert result["reason"] == "reconfigure_successful"
    assert loaded_entry.data == data
    assert loaded_entry.state is ConfigEntryState.LOADED


@pytest.mark.parametrize("interface", [LOOPBACK, SECOND_LOOPBACK])
async def test_reconfigure_to_instance_in_use(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    simulator: Simulator,
    interface: str,
) -> None:
    """Test that the network is asked about a new instance, here or at a new address."""
    data = loaded_entry.data | {"interface": interface, "instance": AHU}
    flow = await loaded_entry.start_reconfigure_flow(hass)
    result = await _submit(hass, flow, data)
    assert result["errors"] == {"instance": "instance_in_use"}
    assert result["description_placeholders"]["address"] == simulator.addresses[AHU]
    assert shown_values(result) == data
    result = await _submit(hass, flow, data | {"instance": 9999})
    assert result["reason"] == "reconfigure_successful"
    assert loaded_entry.runtime_data.local_device.definition.instance == 9999


async def test_reconfigure_to_instance_of_silent_device(
    hass: HomeAssistant, port: int
) -> None:
    """Test that a device of ours keeps its instance though it is not on line."""
    entry = node_entry(port, remote_device(METER, "127.0.0.99"))
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    flow = await entry.start_reconfigure_flow(hass)
    result = await hass.config_entries.flow.async_configure(
        flow["flow_id"], entry.data | {"instance": METER}
    )
    assert result["errors"] == {"instance": "instance_in_use"}
    assert result["description_placeholders"]["address"] == "127.0.0.99"
    result = await hass.config_entries.flow.async_configure(
        flow["flow_id"], entry.data | {"instance": METER + 1}
    )
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()


async def test_reconfigure_node_that_could_not_start(
    hass: HomeAssistant, port: int, other_port: int
) -> None:
    """Test that the node starts as soon as its configuration is right."""
    entry = node_entry(port)
    entry.add_to_hass(hass)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        await hass.config_entries.async_setup(entry.entry_id)
        assert entry.state is ConfigEntryState.SETUP_RETRY
        flow = await entry.start_reconfigure_flow(hass)
        result = await _submit(hass, flow, dict(entry.data))
        assert result["errors"] == {"port": "address_in_use"}
        result = await _submit(hass, flow, entry.data | {"port": other_port})
    assert result["reason"] == "reconfigure_successful"
    assert entry.state is ConfigEntryState.LOADED
    assert entry.title == f"BACnet/IP 127.0.0.1:{other_port}"


async def test_reconfigure_keeps_title(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """Test that a title that the user chose stays."""
    hass.config_entries.async_update_entry(loaded_entry, title="Basement")
    flow = await loaded_entry.start_reconfigure_flow(hass)
    await _submit(hass, flow, loaded_entry.data | {"interface": SECOND_LOOPBACK})
    assert loaded_entry.data["interface"] == SECOND_LOOPBACK
    assert loaded_entry.title == "Basement"


# --- devices that were heard ----------------------------------------------------------------


async def _cards(hass: HomeAssistant, count: int) -> dict[str, ConfigFlowResult]:
    """Return the devices that are offered, by instance, once they are so many."""
    flows: list[ConfigFlowResult] = []
    async with asyncio.timeout(5):
        while len(flows) != count:
            await asyncio.sleep(0.01)
            flows = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    return {flow["context"]["unique_id"]: flow for flow in flows}


async def _discover(hass: HomeAssistant, address: str) -> ConfigFlowResult:
    return await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_INTEGRATION_DISCOVERY},
        data=remote_device(AHU, address)["data"],
    )


def _add_by_hand(
    hass: HomeAssistant, entry: MockConfigEntry, instance: int, address: str
) -> ConfigSubentry:
    data = remote_device(instance, address)
    subentry = ConfigSubentry(**data | {"data": MappingProxyType(data["data"])})
    hass.config_entries.async_add_subentry(entry, subentry)
    return subentry


async def test_heard_device(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, simulator: Simulator
) -> None:
    """Test that a device that announces itself is offered, and added to the node."""
    running = loaded_entry.runtime_data
    cards = await _cards(hass, 3)
    names = {
        instance: card["context"]["title_placeholders"]
        for instance, card in cards.items()
    }
    assert names == {
        "1001": {"name": "AHU-1"},
        "1002": {"name": "VAV-1"},
        "1004": {"name": "METER-1"},
    }
    flow = await hass.config_entries.flow.async_configure(cards["1002"]["flow_id"])
    assert (flow["type"], flow["step_id"]) == (FlowResultType.FORM, "confirm")
    label = f"VAV-1 (1002) · {simulator.addresses[VAV]} · Simulated Controls SC-VAV"
    assert flow["description_placeholders"] == {"label": label}
    result = await _submit(hass, flow, {})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "device_added"
    assert result["description_placeholders"] == {"name": "VAV-1"}
    (subentry,) = loaded_entry.subentries.values()
    assert (subentry.title, subentry.unique_id) == ("VAV-1", "1002")
    assert subentry.data["address"] == simulator.addresses[VAV]
    (device,) = running.devices.values()
    assert device.instance == VAV
    assert loaded_entry.runtime_data is running
    assert (await _cards(hass, 2)).keys() == {"1001", "1004"}


async def test_heard_device_is_added_by_hand(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, simulator: Simulator
) -> None:
    """Test that a device is not offered any more when it was added in another way."""
    await _cards(hass, 3)
    _add_by_hand(hass, loaded_entry, AHU, simulator.addresses[AHU])
    assert (await _cards(hass, 2)).keys() == {"1002", "1004"}


async def test_heard_device_is_added_meanwhile(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    simulator: Simulator,
    slow_storage: asyncio.Semaphore,
) -> None:
    """Test that a device is added once, though it was still offered."""
    cards = await _cards(hass, 3)
    subentry = _add_by_hand(hass, loaded_entry, AHU, simulator.addresses[AHU])
    result = await hass.config_entries.flow.async_configure(
        cards["1001"]["flow_id"], {}
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert list(loaded_entry.subentries.values()) == [subentry]
    slow_storage.release()
    await hass.async_block_till_done()


async def test_heard_device_is_ignored(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, simulator: Simulator
) -> None:
    """Test that a device that the user ignores is not offered again."""
    await _cards(hass, 3)
    await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_IGNORE},
        data={"unique_id": "1001", "title": "AHU-1"},
    )
    assert (await _cards(hass, 2)).keys() == {"1002", "1004"}
    result = await _discover(hass, simulator.addresses[AHU])
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert loaded_entry.subentries == {}


async def test_heard_device_is_known(
    hass: HomeAssistant, port: int, simulator: Simulator
) -> None:
    """Test that a device of ours is not offered."""
    address = simulator.addresses[AHU]
    await set_up_entry(hass, node_entry(port, remote_device(AHU, address)))
    result = await _discover(hass, address)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_heard_device_without_node(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, simulator: Simulator
) -> None:
    """Test that a device needs a running node to be offered, and to be added."""
    cards = await _cards(hass, 3)
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    result = await _submit(hass, cards["1001"], {})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_not_loaded"
    result = await _discover(hass, simulator.addresses[AHU])
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_not_loaded"


# --- translations ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "modules"),
    [
        pytest.param(TRANSLATIONS["config"], (config_flow, hub), id="config"),
        pytest.param(
            TRANSLATIONS["config_subentries"]["device"],
            (device_flow, subentry_flow),
            id="device",
        ),
        pytest.param(
            TRANSLATIONS["config_subentries"]["virtual_device"],
            (virtual_device_flow, object_settings, subentry_flow),
            id="virtual device",
        ),
        pytest.param(TRANSLATIONS["options"], (options_flow,), id="options"),
    ],
)
def test_no_text_is_unused(texts: Texts, modules: tuple[ModuleType, ...]) -> None:
    """Test that each text of a flow has a place where it is shown.

    That each place has its text, and each text its placeholders, is looked up in every
    test of a flow.
    """
    names = {
        name
        for module in modules
        for name in (
            *re.findall(r'"(\w+)"', inspect.getsource(module)),
            *(value for value in vars(module).values() if isinstance(value, str)),
        )
    }
    parts = [*texts["step"].values()]
    parts += [part for step in parts for part in step.get("sections", {}).values()]
    keys = {
        key
        for part in (texts, *parts)
        for kind in TEXT_KINDS
        for key in part.get(kind, {})
    }
    assert keys - names == set()
