"""Fixtures for all tests: real UDP sockets on loopback addresses, no mocks of BACnet."""

from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import IPv4Interface
import json
from pathlib import Path
import socket
from string import Formatter
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowHandler, FlowManager, FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.bacnet import config_flow, search
from custom_components.bacnet.const import DOMAIN
from custom_components.bacnet.node.node import Node, NodeConfig
from tests.common import node_entry, set_up_entry
from tests.simulator import Simulator, building

type NodeFactory = Callable[..., Awaitable[Node]]
type Texts = dict[str, Any]

TRANSLATIONS: Texts = json.loads(
    (Path(search.__file__).parent / "translations" / "en.json").read_text()
)


@pytest.fixture(autouse=True)
def auto_enable_custom_integrations(enable_custom_integrations: None) -> None:
    """Let Home Assistant load the integration."""


@pytest.fixture
def port(socket_enabled: None) -> int:
    """Return a UDP port that is free on all loopback addresses; opens the network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def start_node(port: int) -> AsyncIterator[NodeFactory]:
    """Return a function that starts a node; all of them end with the test."""
    nodes: list[Node] = []

    async def start(host: str = "127.0.0.1", **options: float) -> Node:
        settings = {"apdu_timeout": 0.3, "apdu_retries": 1, "port": port} | options
        node = Node(NodeConfig(interface=IPv4Interface(f"{host}/8"), **settings))
        await node.start()
        nodes.append(node)
        return node

    yield start
    for node in nodes:
        await node.stop()


@pytest.fixture
async def simulator(port: int) -> AsyncIterator[Simulator]:
    """Return three devices of the building; the last only has the single services."""
    air_handling_unit, vav_box, _, meter, _ = building()
    plans = (air_handling_unit, vav_box, meter)
    async with Simulator(plans, port=port, interval=0) as simulator:
        yield simulator


@pytest.fixture
async def loaded_entry(hass: HomeAssistant, port: int) -> MockConfigEntry:
    """Return the loaded entry of a node without any devices."""
    return await set_up_entry(hass, node_entry(port))


# --- flows --------------------------------------------------------------------------------


@pytest.fixture
def quick_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the flows wait only as long as loopback needs."""
    monkeypatch.setattr(search, "_SEARCH_SECONDS", 0.2)
    monkeypatch.setattr(search, "_TICK_SECONDS", 0.05)
    monkeypatch.setattr(search, "_NAMES_SECONDS", 0.5)
    monkeypatch.setattr(config_flow, "_INSTANCE_QUESTION_SECONDS", 0.1)
    monkeypatch.setattr(config_flow, "_FIND_SECONDS", 0.6)


@pytest.fixture
def translated_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look up each text that a flow of ours shows, as a frontend does."""
    handle_step = FlowManager._async_handle_step  # noqa: SLF001

    async def handle_and_look_up(
        manager: FlowManager[Any, Any, Any],
        flow: FlowHandler[Any, Any, Any],
        *arguments: Any,
    ) -> Any:
        result = await handle_step(manager, flow, *arguments)
        if flow.__module__ == config_flow.__name__:
            assert _missing_texts(result, _texts_of(flow.handler)) == set()
        return result

    monkeypatch.setattr(FlowManager, "_async_handle_step", handle_and_look_up)


def _texts_of(handler: str | tuple[str, str]) -> Texts:
    """Return the texts of a flow for an entry or for a type of subentries."""
    if handler == DOMAIN:
        return TRANSLATIONS["config"]
    return TRANSLATIONS["config_subentries"][handler[1]]


def _missing_texts(result: Any, texts: Texts) -> set[str]:
    """Return what is shown without a text, and texts with nothing to show."""
    step: Texts = texts["step"].get(result.get("step_id"), {})
    shown = [step.get("title"), step.get("description")]
    missing: set[str] = set()
    match result["type"]:
        case FlowResultType.FORM:
            fields = {str(marker) for marker in result["data_schema"].schema}
            errors = set((result["errors"] or {}).values())
            for kind in ("data", "data_description"):
                missing |= fields ^ step.get(kind, {}).keys()
                shown += step.get(kind, {}).values()
            missing |= errors - texts["error"].keys()
            shown += [texts["error"].get(error) for error in errors]
        case FlowResultType.MENU:
            missing |= set(result["menu_options"]) ^ step["menu_options"].keys()
        case FlowResultType.SHOW_PROGRESS:
            return {result["progress_action"]} - texts["progress"].keys()
        case FlowResultType.ABORT if "translation_domain" not in result:
            return {result["reason"]} - texts["abort"].keys()
        case _:
            return missing
    if step.get("title") is None:
        missing.add(f"title of {result['step_id']}")
    placeholders = {
        name
        for text in shown
        for _, name, _, _ in Formatter().parse(text or "")
        if name is not None
    }
    return missing | (placeholders - (result["description_placeholders"] or {}).keys())


def shown_values(result: Any) -> dict[str, Any]:
    """Return the values with which the fields of a form are filled in."""
    return {
        str(marker): marker.description["suggested_value"]
        if marker.description
        else marker.default()
        for marker in result["data_schema"].schema
        if marker.description or marker.default is not vol.UNDEFINED
    }


def shown_errors(result: Any) -> dict[str, str]:
    """Return the errors of a form in words."""
    texts = _texts_of(result["handler"])["error"]
    placeholders = result["description_placeholders"] or {}
    return {
        field: texts[error].format(**placeholders)
        for field, error in result["errors"].items()
    }


def shown_options(result: Any, field: str) -> dict[str, str]:
    """Return the options of a field of a form, each with its label."""
    options = result["data_schema"].schema[field].config["options"]
    return {option["value"]: option["label"] for option in options}


async def after_search(hass: HomeAssistant, result: Any) -> Any:
    """Return what a flow shows when its search is over."""
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    manager = {str: hass.config_entries.flow, tuple: hass.config_entries.subentries}
    await hass.async_block_till_done()
    return await manager[type(result["handler"])].async_configure(result["flow_id"])
