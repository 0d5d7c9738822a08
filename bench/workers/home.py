"""A real Home Assistant with the integration, used as its user interface uses it."""

import asyncio
from collections.abc import Mapping
import gc
import logging
import re
from time import monotonic
import tracemalloc
from typing import Any
from unittest.mock import patch

from homeassistant.bootstrap import CORE_INTEGRATIONS, async_load_base_functionality
from homeassistant.components.input_number import ATTR_VALUE, SERVICE_SET_VALUE
from homeassistant.config_entries import SOURCE_USER, ConfigEntries
from homeassistant.const import (
    ATTR_ENTITY_ID,
    ATTR_RESTORED,
    CONF_ENTITIES,
    CONF_NAME,
    CONF_PORT,
    EVENT_STATE_CHANGED,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import (
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.core_config import async_process_ha_core_config
from homeassistant.data_entry_flow import (
    EVENT_DATA_ENTRY_FLOW_PROGRESSED,
    FlowManager,
    FlowResultType,
)
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import SelectSelector
from homeassistant.loader import (
    async_get_custom_components,
    async_get_integration,
    async_setup as async_setup_loader,
)
from homeassistant.runner import configure_event_loop
from homeassistant.setup import async_setup_component
import voluptuous as vol

import custom_components.bacnet as integration
from custom_components.bacnet.const import (
    CONF_EXPOSURES,
    CONF_INSTANCE,
    CONF_INTERFACE,
    CONF_OBJECT,
    CONF_WRITABLE,
    DOMAIN,
    EVENT_WRITE,
    PLATFORMS,
    SUBENTRY_TYPE_VIRTUAL_DEVICE,
)
from custom_components.bacnet.hub import BacnetHub
from custom_components.bacnet.node.types import ObjectId

from .stalls import StallWatch
from .udp import HOST
from .worker import BaseWorker

_PATIENCE = 50
_SAVING_TIME = 2
_TICK = 0.05
_INSTANCE = 8888
_HELPERS = "input_number"
_POINT = re.compile(r"\d+-[a-z-]+,\d+")
"""Unique id of a point's entity: device instance and object."""

type Answers = Mapping[str, dict[str, Any]]
"""What is filled in at the steps of a flow that have no suitable defaults."""

type Moments = list[tuple[float, float]]
"""Values, and when they were there: seconds of the machine's monotonic clock."""


class Worker(BaseWorker):
    """Home Assistant with its core integrations, helpers and ours."""

    def __init__(self) -> None:
        """Start without Home Assistant."""
        super().__init__()
        self._arrivals = _Arrivals(0)
        self._followed: set[str] = set()
        self._moments: Moments = []
        self._written: list[float] = []

    async def start(self, config_dir: str, helpers: int = 0) -> None:
        """Start with a configuration directory and a number of helpers."""
        logging.getLogger("homeassistant.loader").setLevel(logging.ERROR)
        configure_event_loop(asyncio.get_running_loop())
        config = {
            _HELPERS: {
                f"helper_{number + 1}": {"min": 0, "max": 1_000_000, "step": 1}
                for number in range(helpers)
            }
        }
        hass = self._hass = HomeAssistant(config_dir)
        self.exits.push_async_callback(self._stop)
        async_setup_loader(hass)
        hass.config.skip_pip = True
        hass.config_entries = ConfigEntries(hass, config)
        await async_get_custom_components(hass)
        await async_load_base_functionality(hass)
        await async_process_ha_core_config(hass, {})
        # Home Assistant has the platforms' own integrations before all others.
        for domain in (*CORE_INTEGRATIONS, *PLATFORMS, _HELPERS, "network"):
            if not await async_setup_component(hass, domain, config):
                raise RuntimeError(f"{domain} can not be set up")
        hass.bus.async_listen(EVENT_STATE_CHANGED, self._state_changed)
        hass.bus.async_listen(EVENT_WRITE, self._write_told)

    async def _stop(self) -> None:
        """Stop, so that everything is stored."""
        await self._hass.async_stop(force=True)

    @callback
    def _state_changed(self, event: Event[EventStateChangedData]) -> None:
        now = monotonic()
        state = event.data["new_state"]
        if state is None:
            return
        if state.entity_id in self._followed:
            self._moments.append((float(state.state), now))
        elif self._is_point(state.entity_id):
            self._arrivals.note(state, now)

    def _is_point(self, entity_id: str) -> bool:
        """Return whether an entity shows a point, and not a device as a whole."""
        entity = er.async_get(self._hass).async_get(entity_id)
        return (
            entity is not None
            and entity.platform == DOMAIN
            and _POINT.fullmatch(entity.unique_id) is not None
        )

    @callback
    def _write_told(self, event: Event[dict[str, Any]]) -> None:
        self._written.append(event.data["new_value"])

    # --- setting up -------------------------------------------------------------------

    async def set_up(self, port: int, entities: int) -> dict[str, float]:
        """Set the integration up by its flow, with all devices that are found.

        Return the seconds until the flow ended, until all entities existed and until
        they had their values, and the longest stall.
        """
        await self._hass.async_start()
        self._arrivals = _Arrivals(entities)
        async with StallWatch() as watch, asyncio.timeout(_PATIENCE):
            started = monotonic()
            await self._set_up(port)
            ended = monotonic()
            if entities:
                await self._arrivals.valued.wait()
        return self._arrivals.since(started) | {
            "flow": ended - started,
            "stall": watch.longest,
        }

    async def load(self, entities: int) -> dict[str, float]:
        """Set up what is stored, as Home Assistant does before it is running.

        Return the seconds until all entities existed and until they had their values,
        the longest stall, and how many entities existed when the set-up had ended.
        """
        self._arrivals = _Arrivals(entities)
        async with StallWatch() as watch, asyncio.timeout(_PATIENCE):
            started = monotonic()
            if not await async_setup_component(self._hass, DOMAIN, {}):
                raise RuntimeError("the integration can not be set up")
            set_up = self._arrivals.present_count
            await self._arrivals.valued.wait()
        return self._arrivals.since(started) | {
            "stall": watch.longest,
            "set_up": set_up,
        }

    async def _set_up(self, port: int) -> None:
        node = {
            CONF_INTERFACE: f"{HOST}/8",
            CONF_PORT: port,
            CONF_INSTANCE: _INSTANCE,
            CONF_NAME: "Benchmark",
        }
        flows = self._hass.config_entries.flow
        await self._go_through(flows, DOMAIN, {"user": node})

    async def expose(self, entity_ids: list[str]) -> list[int]:
        """Make a virtual device of helpers; return the instances of its objects."""
        [entry] = self._hass.config_entries.async_entries(DOMAIN)
        choice = {
            CONF_NAME: "Benchmark",
            CONF_ENTITIES: entity_ids,
            CONF_WRITABLE: True,
        }
        handler = (entry.entry_id, SUBENTRY_TYPE_VIRTUAL_DEVICE)
        flows = self._hass.config_entries.subentries
        # The first step, or what its menu offers first.
        answers = {"user": choice, CONF_ENTITIES: choice}
        await self._go_through(flows, handler, answers)
        await self._hass.async_block_till_done()
        [subentry] = entry.get_subentries_of_type(SUBENTRY_TYPE_VIRTUAL_DEVICE)
        return [
            ObjectId.parse(record[CONF_OBJECT]).instance
            for record in subentry.data[CONF_EXPOSURES]
        ]

    async def _go_through(
        self, flows: FlowManager[Any, Any, Any], handler: Any, answers: Answers
    ) -> None:
        """Go through a flow as the frontend does, and take all that it offers."""
        progressed = asyncio.Event()

        @callback
        def note(event: Event[dict[str, Any]]) -> None:
            if event.data["handler"] == handler:
                progressed.set()

        unlisten = self._hass.bus.async_listen(EVENT_DATA_ENTRY_FLOW_PROGRESSED, note)
        step = await flows.async_init(handler, context={"source": SOURCE_USER})
        while step["type"] is not FlowResultType.CREATE_ENTRY:
            flow_id = step["flow_id"]
            if step["type"] is FlowResultType.SHOW_PROGRESS:
                await progressed.wait()
                progressed.clear()
                step = await flows.async_configure(flow_id)
            elif step["type"] is FlowResultType.MENU:
                choice = {"next_step_id": next(iter(step["menu_options"]))}
                step = await flows.async_configure(flow_id, choice)
            elif step["type"] is FlowResultType.FORM and not step["errors"]:
                answer = answers.get(step["step_id"])
                if answer is None:
                    answer = _everything(step["data_schema"])
                step = await flows.async_configure(flow_id, answer)
            else:
                raise RuntimeError(f"the flow does not go on: {step}")
        unlisten()

    # --- what happens -----------------------------------------------------------------

    async def covered(self) -> int:
        """Return how many points are kept up to date by notifications."""
        devices = self._hub().devices.values()
        return sum(coordinator.session.cov_count for coordinator in devices)

    async def entity_id(self, platform: str, unique_id: str) -> str | None:
        """Return the entity of a point."""
        registry = er.async_get(self._hass)
        return registry.async_get_entity_id(platform, DOMAIN, unique_id)

    async def follow(self, entity_ids: list[str]) -> None:
        """Note the values of some entities from now on."""
        self._followed = set(entity_ids)
        self._moments.clear()
        self._written.clear()

    async def moments(self) -> Moments:
        """Return the values that the followed entities had."""
        return self._moments

    async def told(self) -> list[float]:
        """Return the values that events of external writes told."""
        return self._written

    async def change(
        self, entity_id: str, values: list[float], interval: float
    ) -> Moments:
        """Set a helper to one value after the other, each at its own moment."""
        moments: Moments = []
        first = monotonic()
        for number, value in enumerate(values):
            await asyncio.sleep(max(first + number * interval - monotonic(), 0))
            moments.append((value, monotonic()))
            await self._hass.services.async_call(
                _HELPERS,
                SERVICE_SET_VALUE,
                {ATTR_ENTITY_ID: entity_id, ATTR_VALUE: value},
                blocking=True,
            )
        return moments

    # --- memory -----------------------------------------------------------------------

    async def memory(self, port: int, points: int) -> float:
        """Return the octets of a point that is kept up to date, without an entity."""
        await self._hass.async_start()
        ours = await async_get_integration(self._hass, DOMAIN)
        await ours.async_get_platform("config_flow")
        gc.collect()
        with patch.object(integration, "PLATFORMS", []):
            tracemalloc.start()
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._set_up(port)
                    while await self.covered() < points:
                        await asyncio.sleep(_TICK)
                for coordinator in self._hub().devices.values():
                    inventory = coordinator.inventory
                    assert inventory is not None
                    for object_id in inventory.points:
                        coordinator.async_follow(object_id, self._ignore)
                await asyncio.sleep(_SAVING_TIME)
                gc.collect()
                return tracemalloc.get_traced_memory()[0] / points
            finally:
                tracemalloc.stop()

    def _ignore(self) -> None:
        """Take the place of an entity."""

    def _hub(self) -> BacnetHub:
        [entry] = self._hass.config_entries.async_entries(DOMAIN)
        hub: BacnetHub = entry.runtime_data
        return hub


def _everything(schema: vol.Schema) -> dict[str, Any]:
    """Return the defaults of a form, and all options of its lists."""
    answer: dict[str, Any] = schema({})
    for field, selector in schema.schema.items():
        if isinstance(selector, SelectSelector) and selector.config["multiple"]:
            answer[str(field)] = [
                option if isinstance(option, str) else option["value"]
                for option in selector.config["options"]
            ]
    return answer


class _Arrivals:
    """When all entities of the integration existed, and when all had a value."""

    def __init__(self, expected: int) -> None:
        """Wait for a number of entities."""
        self._expected = expected
        self._present: set[str] = set()
        self._valued: set[str] = set()
        self._present_at = 0.0
        self._valued_at = 0.0
        self.valued = asyncio.Event()

    @property
    def present_count(self) -> int:
        """Return how many entities exist."""
        return len(self._present)

    def note(self, state: State, now: float) -> None:
        """Take a state; one that was restored is not the entity's own."""
        entity_id = state.entity_id
        if entity_id in self._valued or ATTR_RESTORED in state.attributes:
            return
        self._present.add(entity_id)
        if len(self._present) == self._expected and not self._present_at:
            self._present_at = now
        if state.state not in (STATE_UNAVAILABLE, STATE_UNKNOWN):
            self._valued.add(entity_id)
            if len(self._valued) == self._expected:
                self._valued_at = now
                self.valued.set()

    def since(self, started: float) -> dict[str, float]:
        """Return the seconds that both took."""
        return {
            "present": self._present_at - started,
            "valued": self._valued_at - started,
        }
