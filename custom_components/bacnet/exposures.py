"""Virtual devices: entities of Home Assistant as objects of our BACnet device."""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
import logging
from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import (
    ATTR_ENTITY_ID,
    CONF_DESCRIPTION,
    CONF_ENTITY_ID,
    CONF_NAME,
)
from homeassistant.core import (
    CALLBACK_TYPE,
    Context,
    Event,
    EventStateChangedData,
    State,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import (
    async_track_entity_registry_updated_event,
    async_track_state_change_event,
)
import voluptuous as vol

from .const import CONF_EXPOSURES, CONF_OBJECT, CONF_WRITABLE, DOMAIN, EVENT_WRITE
from .exposure_mapping import ExposureTraits, reliability_of, traits_of_entity
from .node.enumerations import PropertyIdentifier, Reliability, label_of
from .node.types import ObjectId
from .server.command import Command
from .server.definition import ObjectDefinition
from .server.objects import LocalObject
from .server.values import PresentValue

if TYPE_CHECKING:
    from .hub import BacnetHub

_LOGGER = logging.getLogger(__name__)

_REMEMBERED_CONTEXTS = 64
_MAX_WAITING_ACTIONS = 256


class Exposure:
    """One entity and the object that stands for it.

    Home Assistant's state is one command among others: it holds the slot of its own
    priority. Where another command wins, the entity is put to the effective value.
    """

    def __init__(
        self,
        hub: BacnetHub,
        virtual_device: VirtualDevice,
        object_id: ObjectId,
        entity_ref: str,
        traits: ExposureTraits,
    ) -> None:
        """Prepare; ``entity_ref`` is a registry id, or an entity id without registry."""
        self.object_id = object_id
        self._entity_ref = entity_ref
        self._hub = hub
        self._hass = hub.hass
        self._virtual_device = virtual_device
        self._traits = traits
        self._object: LocalObject | None = None
        self._own_value: PresentValue | None = None
        self._untrack: list[CALLBACK_TYPE] = []
        # States that our own actions brought about carry one of these contexts.
        self._own_contexts: deque[str] = deque(maxlen=_REMEMBERED_CONTEXTS)
        self._actions: deque[tuple[PresentValue, Context]] = deque()
        self._worker: asyncio.Task[None] | None = None

    @property
    def entity_id(self) -> str | None:
        """Return the entity's current id, None when it is gone."""
        return er.async_resolve_entity_id(er.async_get(self._hass), self._entity_ref)

    @property
    def state(self) -> State | None:
        """Return the entity's state."""
        entity_id = self.entity_id
        return None if entity_id is None else self._hass.states.get(entity_id)

    # --- life -----------------------------------------------------------------------

    @callback
    def async_start(self) -> None:
        """Follow the entity; its first state makes it an object."""
        self._async_track()
        self._async_take(self.state)

    @callback
    def async_stop(self) -> None:
        """Remove the object."""
        self._async_untrack()
        if self._worker is not None:
            self._worker.cancel()
        if self._object is not None:
            self._hub.local_device.remove(self.object_id)
            self._object = None

    @callback
    def async_redefine(self) -> None:
        """Follow a changed name, limit, option or permission.

        Without a state the last definition stays, so that limits and texts do not
        vanish while an integration reloads.
        """
        state = self.state
        if self._object is None or state is None:
            return
        definition = self._define(state)
        if definition != self._object.definition:
            try:
                self._hub.local_device.update(definition)
            except ValueError as error:
                _LOGGER.debug("%s stays as it was: %s", self.object_id, error)

    def _define(self, state: State) -> ObjectDefinition:
        return ObjectDefinition(
            object_id=self.object_id,
            name=self._virtual_device.object_name(self, state),
            description=state.entity_id,
            writable=self._virtual_device.writable,
            **self._traits.describe(state),
        )

    @callback
    def _async_track(self) -> None:
        if (entity_id := self.entity_id) is None:
            return
        self._untrack = [
            async_track_state_change_event(
                self._hass, [entity_id], self._async_state_changed
            ),
            async_track_entity_registry_updated_event(
                self._hass, [entity_id], self._async_registry_updated
            ),
        ]

    @callback
    def _async_untrack(self) -> None:
        while self._untrack:
            self._untrack.pop()()

    # --- Home Assistant to BACnet --------------------------------------------------------

    @callback
    def _async_registry_updated(
        self, event: Event[er.EventEntityRegistryUpdatedData]
    ) -> None:
        """Follow a renamed entity."""
        self._async_untrack()
        self._async_track()
        self._async_take(self.state)

    @callback
    def _async_state_changed(self, event: Event[EventStateChangedData]) -> None:
        """Pass a new state on."""
        self._async_take(event.data["new_state"])

    def _value_of(self, state: State | None) -> tuple[PresentValue | None, Reliability]:
        reliability = reliability_of(state)
        if state is None or reliability != Reliability.NO_FAULT_DETECTED:
            return None, reliability
        try:
            return self._traits.read(state), reliability
        except ValueError:
            return None, Reliability.UNRELIABLE_OTHER

    @callback
    def _async_take(self, state: State | None) -> None:
        """Show a state to the building."""
        if self._object is not None:
            self.async_redefine()
            self._async_take_value(state)
        elif state is not None and self._async_create(state):
            self._async_take_value(state)

    @callback
    def _async_create(self, state: State) -> bool:
        """Add the object, with the commands that an earlier run kept.

        Returns whether the state goes on to become our own value.
        """
        try:
            self._object = self._hub.local_device.add(self._define(state))
        except ValueError as error:
            # A select without options yet, for one; its next state may do.
            _LOGGER.debug("%s can not be exposed yet: %s", state.entity_id, error)
            return False
        self._object.restore(self._hub.exposure_store.priority_array(self.object_id))
        own_priority = self._object.definition.own_priority
        value, _ = self._value_of(state)
        if (
            self._object.active_priority in (None, own_priority)
            or value != self._object.present_value
        ):
            return True
        # The command of another made the entity what it is, before the restart.
        self._own_value = self._object.priority_array[own_priority - 1]
        return False

    @callback
    def _async_take_value(self, state: State | None) -> None:
        assert self._object is not None
        value, reliability = self._value_of(state)
        if value is None or state is None:
            self._object.set_own_value(None, reliability)
            return
        if state.context.id in self._own_contexts:
            # Our own doing. Where the entity made something else of the value, that is
            # what the object shows; while more is to come, the entity is only late.
            if not self._actions and value != self._object.present_value:
                self._object.adjust_active_value(value)
                self._async_remember()
            self._object.set_own_value(None, reliability)
            return
        self._own_value = value
        self._object.set_own_value(value, reliability)
        self._async_remember()
        if self._object.present_value != value:
            # Another command wins: the entity has to show the effective value.
            self._async_act(self._object.present_value, Context())

    @callback
    def _async_remember(self) -> None:
        """Keep the commands for the next start."""
        assert self._object is not None
        if self._object.priority_array:
            self._hub.exposure_store.async_remember(
                self.object_id,
                {
                    priority: value
                    for priority, value in enumerate(self._object.priority_array, 1)
                    if value is not None
                },
            )

    # --- BACnet to Home Assistant --------------------------------------------------------

    @callback
    def async_command(self, command: Command) -> None:
        """Tell of an external write and bring it about."""
        if self._object is None:
            return
        new_value = command.new_value
        if (
            command.value is None
            and command.priority == self._object.definition.own_priority
            and self._own_value is not None
        ):
            # Whoever relinquishes our slot gives it back to Home Assistant.
            self._object.set_own_value(self._own_value, self._object.reliability)
            new_value = self._object.present_value
        self._async_remember()
        context = Context()
        state = self.state
        self._hass.bus.async_fire(
            EVENT_WRITE,
            {
                "virtual_device": self._virtual_device.name,
                ATTR_ENTITY_ID: self.entity_id,
                "object": str(command.object_id),
                "object_name": self._object.name,
                "property": label_of(PropertyIdentifier, command.property_id),
                "old_value": self._show(command.old_value, state),
                "new_value": self._show(new_value, state),
                "written_value": self._show(command.value, state),
                "priority": command.priority,
                "source": command.source,
                "source_instance": self._hub.instance_at(command.source),
            },
            context=context,
        )
        if command.property_id == PropertyIdentifier.PRESENT_VALUE:
            self._async_act(new_value, context)

    def _show(self, value: PresentValue | None, state: State | None) -> Any:
        """Return a value in the words of Home Assistant, where it has words for it."""
        if value is None or state is None:
            return value
        try:
            return self._traits.show(value, state)
        except IndexError:
            return value

    @callback
    def _async_act(self, value: PresentValue, context: Context) -> None:
        """Queue the action for a value; actions of one entity run one by one."""
        if len(self._actions) >= _MAX_WAITING_ACTIONS:
            # The entity can not follow; only the newest values still matter.
            self._actions.popleft()
        self._own_contexts.append(context.id)
        self._actions.append((value, context))
        if self._worker is None:
            self._worker = self._hub.entry.async_create_background_task(
                self._hass,
                self._async_run_actions(),
                f"{DOMAIN} {self.object_id}",
                eager_start=False,
            )

    async def _async_run_actions(self) -> None:
        try:
            while self._actions:
                await self._async_run_action(*self._actions.popleft())
        finally:
            self._worker = None

    async def _async_run_action(self, value: PresentValue, context: Context) -> None:
        state = self.state
        if state is None or self._value_of(state)[0] == value:
            return
        try:
            action = self._traits.act(value, state)
            await self._hass.services.async_call(
                action.domain,
                action.service,
                action.data | {ATTR_ENTITY_ID: state.entity_id},
                blocking=True,
                context=context,
            )
        except (HomeAssistantError, IndexError, vol.Invalid) as error:
            _LOGGER.warning(
                "A BACnet write to %s could not be carried out: %s",
                state.entity_id,
                error,
            )
            self._async_show_truth()

    @callback
    def _async_show_truth(self) -> None:
        """Put the object back to what the entity is."""
        value, _ = self._value_of(self.state)
        if self._object is not None and value is not None and not self._actions:
            self._object.adjust_active_value(value)
            self._async_remember()


class VirtualDevice:
    """A named group of exposures: one subentry."""

    def __init__(self, hub: BacnetHub, subentry: ConfigSubentry) -> None:
        """Prepare for a subentry."""
        self._hub = hub
        self._exposures: dict[ObjectId, Exposure] = {}
        self._data: Mapping[str, Any] = subentry.data

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
    def exposures(self) -> Iterable[Exposure]:
        """Return the exposures."""
        return self._exposures.values()

    def object_name(self, exposure: Exposure, state: State) -> str:
        """Return a name that no other object of our device has."""
        name = f"{self.name} {state.name}"
        owner = self._hub.local_device.object_named(name)
        if owner in (None, exposure.object_id):
            return name
        return f"{name} ({exposure.object_id})"

    @callback
    def async_start(self) -> None:
        """Add all objects."""
        for record in self._data[CONF_EXPOSURES]:
            self._async_add(record)

    @callback
    def _async_add(self, record: Mapping[str, str]) -> None:
        object_id = ObjectId.parse(record[CONF_OBJECT])
        entity_ref = record[CONF_ENTITY_ID]
        registry = er.async_get(self._hub.hass)
        entity_id = er.async_resolve_entity_id(registry, entity_ref)
        traits = traits_of_entity(entity_id) if entity_id else None
        if traits is None or traits.object_type != object_id.type:
            _LOGGER.warning("%s of %s has no entity any more", object_id, self.name)
            return
        self._hub.exposure_store.async_reserve(object_id)
        exposure = Exposure(self._hub, self, object_id, entity_ref, traits)
        self._exposures[object_id] = exposure
        exposure.async_start()

    @callback
    def async_update(self, subentry: ConfigSubentry) -> None:
        """Apply a changed configuration; objects that stay are not touched."""
        self._data = subentry.data
        records = {
            ObjectId.parse(record[CONF_OBJECT]): record
            for record in self._data[CONF_EXPOSURES]
        }
        for object_id in self._exposures.keys() - records.keys():
            self._exposures.pop(object_id).async_stop()
            self._hub.exposure_store.async_forget(object_id)
        for object_id, record in records.items():
            if object_id in self._exposures:
                self._exposures[object_id].async_redefine()
            else:
                self._async_add(record)

    @callback
    def async_stop(self) -> None:
        """Remove all objects; their commands stay remembered."""
        for exposure in self._exposures.values():
            exposure.async_stop()
        self._exposures.clear()

    @callback
    def async_remove(self) -> None:
        """Remove all objects for good."""
        object_ids = list(self._exposures)
        self.async_stop()
        for object_id in object_ids:
            self._hub.exposure_store.async_forget(object_id)

    @callback
    def async_command(self, command: Command) -> bool:
        """Pass a command to its exposure; tell whether it is one of ours."""
        exposure = self._exposures.get(command.object_id)
        if exposure is not None:
            exposure.async_command(command)
        return exposure is not None
