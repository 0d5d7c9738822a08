"""Fixtures for all tests: real UDP sockets on loopback addresses, no mocks of BACnet."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from ipaddress import IPv4Interface
import json
from pathlib import Path
import socket
from string import Formatter
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import (
    FlowHandler,
    FlowManager,
    FlowResultType,
    section,
)
from homeassistant.helpers.storage import STORAGE_SEMAPHORE
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.bacnet import config_flow, device_flow, search
from custom_components.bacnet.const import DOMAIN
from custom_components.bacnet.node.node import Node, NodeConfig
from custom_components.bacnet.subentry_flow import NodeSubentryFlow
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
async def simulator(hass: HomeAssistant, port: int) -> AsyncIterator[Simulator]:
    """Return three devices of the building; the last only has the single services."""
    air_handling_unit, vav_box, _, meter, _ = building()
    plans = (air_handling_unit, vav_box, meter)
    async with Simulator(plans, port=port, interval=0) as simulator:
        yield simulator
        # A node that says goodbye wants an answer.
        for entry in hass.config_entries.async_loaded_entries(DOMAIN):
            await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
async def loaded_entry(hass: HomeAssistant, port: int) -> MockConfigEntry:
    """Return the loaded entry of a node without any devices."""
    return await set_up_entry(hass, node_entry(port))


@pytest.fixture
def slow_storage(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> asyncio.Semaphore:
    """Let the devices of the building be remembered, each file behind a semaphore."""
    inventory = {"device": {}, "points": [], "objects": []}
    data = {"inventory": inventory, "capabilities": {}, "offered": []}
    for plan in building():
        key = f"{DOMAIN}.device.{plan.instance}"
        hass_storage[key] = {"version": 1, "minor_version": 1, "key": key, "data": data}
    return hass.data.setdefault(STORAGE_SEMAPHORE, asyncio.Semaphore(0))


# --- flows --------------------------------------------------------------------------------


@pytest.fixture
def quick_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the flows wait only as long as loopback needs."""
    monkeypatch.setattr(search, "_SEARCH_SECONDS", 0.3)
    monkeypatch.setattr(search, "_TICK_SECONDS", 0.05)
    monkeypatch.setattr(search, "_NAMES_SECONDS", 0.5)
    monkeypatch.setattr(config_flow, "_INSTANCE_QUESTION_SECONDS", 0.2)
    monkeypatch.setattr(device_flow, "_FIND_SECONDS", 0.6)


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
        if isinstance(flow, config_flow.BacnetConfigFlow | NodeSubentryFlow):
            assert _missing_texts(result, _texts_of(flow.handler)) == set()
        return result

    monkeypatch.setattr(FlowManager, "_async_handle_step", handle_and_look_up)


def _texts_of(handler: str | tuple[str, str]) -> Texts:
    """Return the texts of a flow for an entry or for a type of subentries."""
    if handler == DOMAIN:
        return TRANSLATIONS["config"]
    return TRANSLATIONS["config_subentries"][handler[1]]


def _missing_texts(result: Any, texts: Texts) -> set[str]:
    """Return what is shown without a text, and placeholders without a value."""
    step: Texts = texts["step"].get(result.get("step_id"), {})
    missing: set[str] = set()
    shown: list[str] = []

    def show(names: Iterable[str], among: Texts) -> None:
        missing.update(set(names) - among.keys())
        shown.extend(among[name] for name in names if name in among)

    match result["type"]:
        case FlowResultType.FORM:
            show({"title"}, step)
            show({"description"} & step.keys(), step)
            show((result["errors"] or {}).values(), texts.get("error", {}))
            missing |= _fields_without_text(result["data_schema"], step)
            shown += step.get("data_description", {}).values()
        case FlowResultType.MENU:
            show({"title", "description"}, step)
            show(result["menu_options"], step["menu_options"])
        case FlowResultType.SHOW_PROGRESS:
            show({result["progress_action"]}, texts["progress"])
        case FlowResultType.ABORT if "translation_domain" not in result:
            show({result["reason"]}, texts["abort"])
    placeholders = {
        name for text in shown for _, name, *_ in Formatter().parse(text) if name
    }
    return missing | (
        placeholders - (result.get("description_placeholders") or {}).keys()
    )


def _fields_without_text(schema: vol.Schema, step: Texts) -> set[str]:
    """Return fields without a name or without a description."""
    missing: set[str] = set()
    fields: set[str] = set()
    for marker, field in schema.schema.items():
        if isinstance(field, section):
            inner = step.get("sections", {}).get(str(marker), {})
            missing |= _fields_without_text(field.schema, inner)
            missing |= {"name"} - inner.keys()
        else:
            fields.add(str(marker))
    for kind in ("data", "data_description"):
        missing |= fields - step.get(kind, {}).keys() - step.get("sections", {}).keys()
    return missing


def shown_values(result: Any) -> dict[str, Any]:
    """Return the values with which the fields of a form are filled in."""
    return _shown_values(result["data_schema"])


def _shown_values(schema: vol.Schema) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for marker, field in schema.schema.items():
        suggested = (marker.description or {}).get("suggested_value")
        if isinstance(field, section):
            values[str(marker)] = _shown_values(field.schema)
        elif suggested is not None:
            values[str(marker)] = suggested
        elif marker.default is not vol.UNDEFINED:
            values[str(marker)] = marker.default()
    return values


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


async def after_progress(hass: HomeAssistant, result: Any) -> Any:
    """Return what a flow shows when a search, or what else takes time, is over."""
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    manager = {str: hass.config_entries.flow, tuple: hass.config_entries.subentries}
    await hass.async_block_till_done()
    return await manager[type(result["handler"])].async_configure(result["flow_id"])
