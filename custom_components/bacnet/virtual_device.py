"""Virtual devices: groups of objects of our BACnet device, one for each subentry."""

from asyncio import TimerHandle
from collections.abc import Iterable, Mapping
from time import time
from typing import TYPE_CHECKING, Any, Final

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_DESCRIPTION, CONF_ENTITY_ID, CONF_NAME, Platform
from homeassistant.core import State, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.start import async_at_started

from .const import (
    CONF_ENABLED,
    CONF_EXPOSURES,
    CONF_LEASE,
    CONF_LEASE_PRIORITY,
    CONF_OBJECT,
    CONF_POINT,
    CONF_RELEASE,
    CONF_WRITABLE,
    DOMAIN,
)
from .exposure_aspects import Aspect
from .exposures import Exposure
from .node.enumerations import NodeType
from .node.types import ObjectId
from .pacing import Pacer
from .server.command import Command
from .server.definition import LOWEST_PRIORITY, ObjectDefinition, ViewDefinition
from .server.values import PresentValue
from .template_entities import (
    ENTITIES,
    definition_fields_of,
    entities_of,
    registry_id_of,
)

if TYPE_CHECKING:
    from .hub import BacnetHub

DEFAULT_LEASE_PRIORITY: Final = 8

_LONGEST_SWEEP: Final = 30.0
_NAMED: Final = 20
"""How many entities a repair issue names."""


def is_enabled(record: Mapping[str, Any]) -> bool:
    """Return whether there is to be an object; otherwise its number is only kept."""
    return bool(record.get(CONF_ENABLED, True))


def object_ids_of(subentry: ConfigSubentry) -> list[ObjectId]:
    """Return the objects that a virtual device is configured to have."""
    return [
        ObjectId.parse(record[CONF_OBJECT])
        for record in subentry.data[CONF_EXPOSURES]
        if is_enabled(record)
    ]


class VirtualDevice:
    """A named group of exposures."""

    def __init__(self, hub: BacnetHub, subentry: ConfigSubentry) -> None:
        """Prepare for a subentry."""
        self.subentry_id = subentry.subentry_id
        self._hub = hub
        self._exposures: dict[ObjectId, Exposure] = {}
        self._data: Mapping[str, Any] = subentry.data
        self._gone: dict[ObjectId, Exposure] = {}
        self._issue_due = False
        self._is_started = False
        self._view = hub.exposure_store.async_view_of(subentry.subentry_id)
        self._has_view = False
        self._entities: dict[Platform, set[ObjectId]] = {}
        self._sweep: TimerHandle | None = None
        self._end_waiting = async_at_started(hub.hass, self._async_started)

    @property
    def name(self) -> str:
        """Return the name that BACnet and Home Assistant show."""
        return str(self._data[CONF_NAME])

    @property
    def description(self) -> str:
        """Return what the user wrote about it."""
        return str(self._data.get(CONF_DESCRIPTION, ""))

    @property
    def writable(self) -> bool:
        """Return whether others may command its objects."""
        return bool(self._data[CONF_WRITABLE])

    @property
    def owns_entities(self) -> bool:
        """Return whether its entities are our own, whose values nobody else keeps."""
        return any(CONF_POINT in record for record in self._data[CONF_EXPOSURES])

    @property
    def exposures(self) -> Iterable[Exposure]:
        """Return the exposures."""
        return self._exposures.values()

    @property
    def view(self) -> ObjectId:
        """Return the Structured View that mirrors it."""
        return self._view

    def exposure(self, object_id: ObjectId) -> Exposure | None:
        """Return the exposure of an object."""
        return self._exposures.get(object_id)

    # --- what exposures ask --------------------------------------------------------------

    def object_name(self, exposure: Exposure, state: State, aspect: Aspect) -> str:
        """Return a name that no other object of our device has."""
        name = f"{self.name} {state.name}"
        if aspect.name:
            name = f"{name} {aspect.name}"
        return self.unique_name(name, exposure.object_id)

    def unique_name(self, name: str, object_id: ObjectId) -> str:
        """Return a name, made different where another object has it."""
        owner = self._hub.local_device.object_named(name)
        return name if owner in (None, object_id) else f"{name} ({object_id})"

    def reference_of(self, record: Mapping[str, Any]) -> str:
        """Return how the entity of a record is found."""
        if CONF_POINT in record:
            return registry_id_of(self._hub, self.subentry_id, record)
        return str(record[CONF_ENTITY_ID])

    def fields_of(self, exposure: Exposure) -> dict[str, Any]:
        """Return what a template says of an object."""
        point = exposure.record.get(CONF_POINT)
        if point is None:
            return {}
        name = f"{self.name} {point[CONF_NAME]}"
        return {
            "name": self.unique_name(name, exposure.object_id),
            **definition_fields_of(point),
        }

    def initial_definition(self, exposure: Exposure) -> ObjectDefinition | None:
        """Return what an object is before there is an entity, where that is known."""
        fields = self.fields_of(exposure)
        if not fields:
            return None
        fields |= {"object_id": exposure.object_id, "writable": self.writable}
        return ObjectDefinition(**fields)

    def initial_value(self, object_id: ObjectId) -> PresentValue | None:
        """Return the value that an entity of our own begins with."""
        return self._exposures[object_id].known_value

    @callback
    def async_add_entities(
        self, platform: Platform, async_add_entities: AddConfigEntryEntitiesCallback
    ) -> None:
        """Add the entities of a platform that are not there yet."""
        if platform not in ENTITIES or not self.owns_entities:
            return
        added = self._entities.setdefault(platform, set())
        records = {
            object_id: record
            for object_id, record in self._records().items()
            if object_id in self._exposures and object_id not in added
        }
        new = entities_of(self, platform, records)
        added |= new.keys()
        async_add_entities(new.values(), config_subentry_id=self.subentry_id)

    # --- life -------------------------------------------------------------------------

    async def async_start(self) -> None:
        """Add all objects."""
        pacer = Pacer()
        for record in self._records().values():
            self._async_add(record)
            await pacer.pause()
        self._async_show_view()
        self._async_schedule_sweep()

    def _records(self) -> dict[ObjectId, Mapping[str, Any]]:
        return {
            ObjectId.parse(record[CONF_OBJECT]): record
            for record in self._data[CONF_EXPOSURES]
            if is_enabled(record)
        }

    @callback
    def _async_add(self, record: Mapping[str, Any]) -> None:
        exposure = Exposure(self._hub, self, record)
        self._hub.exposure_store.async_reserve(exposure.object_id)
        self._exposures[exposure.object_id] = exposure
        exposure.async_start()

    async def async_update(self, subentry: ConfigSubentry) -> None:
        """Apply a changed configuration; objects that stay are not touched."""
        if subentry.data == self._data:
            return
        self._data = subentry.data
        records = self._records()
        pacer = Pacer()
        for object_id in self._exposures.keys() - records.keys():
            self._async_drop(object_id)
            await pacer.pause()
        for object_id, record in records.items():
            if (exposure := self._exposures.get(object_id)) is not None:
                exposure.async_update(record)
            else:
                self._async_add(record)
            await pacer.pause()
        self._async_show_view()
        self._async_schedule_sweep()

    @callback
    def _async_drop(self, object_id: ObjectId) -> None:
        self._exposures.pop(object_id).async_stop()
        self._hub.exposure_store.async_forget(object_id)

    async def async_stop(self) -> None:
        """Remove all objects; their commands stay remembered."""
        await self._async_end(forget=False)

    async def async_remove(self) -> None:
        """Remove all objects for good."""
        await self._async_end(forget=True)
        self._hub.exposure_store.async_forget_view(self.subentry_id)

    async def _async_end(self, *, forget: bool) -> None:
        self._end_waiting()
        self._cancel_sweep()
        pacer = Pacer()
        while self._exposures:
            object_id, exposure = self._exposures.popitem()
            exposure.async_stop()
            if forget:
                self._hub.exposure_store.async_forget(object_id)
            await pacer.pause()
        if self._has_view:
            self._hub.local_device.remove_view(self._view)
            self._has_view = False
        self._gone.clear()
        self._async_show_issue()

    @callback
    def async_command(self, command: Command) -> bool:
        """Pass a command to its exposure; tell whether it is one of ours."""
        exposure = self._exposures.get(command.object_id)
        if exposure is not None:
            exposure.async_command(command)
        return exposure is not None

    # --- its Structured View ---------------------------------------------------------------

    @callback
    def _async_show_view(self) -> None:
        """Mirror the virtual device in a Structured View."""
        device = self._hub.local_device
        store = self._hub.exposure_store
        shown = [item for item in self._exposures.values() if item.object is not None]
        definition = ViewDefinition(
            object_id=self._view,
            name=self.unique_name(self.name, self._view),
            description=self.description,
            node_type=NodeType.COLLECTION,
            subordinates=tuple(exposure.object_id for exposure in shown),
        )
        if not self._has_view:
            # Under its old name at first, so that only a change counts as one.
            old_name = store.view_name(self._view) or definition.name
            device.add_view(
                ViewDefinition(
                    object_id=self._view, name=self.unique_name(old_name, self._view)
                )
            )
            self._has_view = True
        device.update_view(definition)
        store.async_keep_view_name(self._view, definition.name)

    # --- entities that are gone ----------------------------------------------------------

    @callback
    def async_note_entity(self, exposure: Exposure, *, is_gone: bool) -> None:
        """Take notice of an entity that went or came back."""
        if is_gone == (exposure.object_id in self._gone):
            return
        if is_gone:
            self._gone[exposure.object_id] = exposure
        else:
            del self._gone[exposure.object_id]
        if self._is_started and not self._issue_due:
            # Many entities go at once.
            self._issue_due = True
            self._hub.hass.loop.call_soon(self._async_show_issue)

    @callback
    def _async_started(self, _: object) -> None:
        """Home Assistant has all its entities now."""
        self._is_started = True
        self._async_show_issue()

    @callback
    def _async_show_issue(self) -> None:
        self._issue_due = False
        issue_id = f"entity_gone_{self.subentry_id}"
        if not self._gone:
            ir.async_delete_issue(self._hub.hass, DOMAIN, issue_id)
            return
        names = sorted({item.entity_name for item in self._gone.values()})
        more = [] if len(names) <= _NAMED else ["..."]
        ir.async_create_issue(
            self._hub.hass,
            DOMAIN,
            issue_id,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key="entity_gone",
            translation_placeholders={
                "device": self.name,
                "count": str(len(names)),
                "entities": ", ".join(names[:_NAMED] + more),
            },
        )

    # --- leases ----------------------------------------------------------------------------

    @callback
    def _async_schedule_sweep(self) -> None:
        self._cancel_sweep()
        if seconds := self._data.get(CONF_LEASE):
            self._sweep = self._hub.hass.loop.call_later(
                min(seconds / 10, _LONGEST_SWEEP), self._async_end_leases
            )

    def _cancel_sweep(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    @callback
    def _async_end_leases(self) -> None:
        """Relinquish commands that nobody renewed."""
        before = time() - self._data[CONF_LEASE]
        lowest = self._data.get(CONF_LEASE_PRIORITY, DEFAULT_LEASE_PRIORITY)
        for exposure in self._exposures.values():
            for priority in exposure.async_release(lowest, before):
                self._hub.write_log.async_add_expiry(exposure.object_id, priority)
        self._async_schedule_sweep()

    async def async_shut_down(self) -> None:
        """Release everything that others commanded, where that is wanted."""
        if not self._data.get(CONF_RELEASE):
            return
        for exposure in self._exposures.values():
            exposure.async_release(LOWEST_PRIORITY)
        for exposure in self._exposures.values():
            await exposure.entity.async_settle()
