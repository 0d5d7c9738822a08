"""Exposures: entities of Home Assistant as objects of our BACnet device."""

from collections.abc import Mapping
from dataclasses import replace
import logging
from typing import TYPE_CHECKING, Any

from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import Context, State, callback
from homeassistant.helpers import issue_registry as ir

from .const import (
    CONF_ASPECT,
    CONF_OBJECT,
    CONF_OVERRIDES,
    CONF_WRITABLE,
    DOMAIN,
    EVENT_WRITE,
)
from .exposed_entity import ExposedEntity
from .exposure_aspects import STATE_ASPECT, Action, Aspect
from .exposure_mapping import aspect_of, is_in_transit, reliability_of
from .node.enumerations import ObjectType, PropertyIdentifier, Reliability, label_of
from .node.types import ObjectId
from .server.command import Command
from .server.definition import LOWEST_PRIORITY, ObjectDefinition
from .server.objects import LocalObject
from .server.values import PresentValue
from .storage import SavedObject

if TYPE_CHECKING:
    from .hub import BacnetHub
    from .virtual_device import VirtualDevice

_LOGGER = logging.getLogger(__name__)

_INPUTS = (
    ObjectType.ANALOG_INPUT,
    ObjectType.BINARY_INPUT,
    ObjectType.MULTI_STATE_INPUT,
)
"""What the building writes to only while it is out of service."""


class Exposure:
    """One aspect of an entity and the object that stands for it.

    Home Assistant's state is one command among others: it holds the slot of its own
    priority. Where another command wins, the entity is put to the effective value.
    """

    def __init__(
        self, hub: BacnetHub, virtual_device: VirtualDevice, record: Mapping[str, Any]
    ) -> None:
        """Prepare for a record of the virtual device's subentry."""
        self.object_id = ObjectId.parse(record[CONF_OBJECT])
        self.record = record
        self._hub = hub
        self._hass = hub.hass
        self._virtual_device = virtual_device
        self._aspect_key: str = record.get(CONF_ASPECT, STATE_ASPECT)
        self._object: LocalObject | None = None
        self._own_value: PresentValue | None = None
        self._seen: PresentValue | None = None
        self._target: PresentValue | None = None
        self._written_default: PresentValue | None = None
        self._entity: ExposedEntity | None = None
        self._has_failed = False

    @property
    def entity(self) -> ExposedEntity:
        """Return the entity."""
        assert self._entity is not None
        return self._entity

    @property
    def object(self) -> LocalObject | None:
        """Return the object; there is none before the entity's first state."""
        return self._object

    @property
    def known_value(self) -> PresentValue | None:
        """Return the value in effect, None where it only stands in for one."""
        item = self._object
        if item is None or (
            self._own_value is None
            and item.active_priority is None
            and item.definition.relinquish_default is None
        ):
            return None
        if item.commands is None and self._own_value is None:
            return item.definition.relinquish_default
        return item.present_value

    @property
    def aspect(self) -> Aspect | None:
        """Return what of the entity is shown, None while the entity is not known."""
        entity_id = self.entity.entity_id
        if entity_id is None:
            return None
        return aspect_of(entity_id, self._aspect_key, self.object_id.type)

    @property
    def entity_name(self) -> str:
        """Return by what a user knows the entity."""
        if (state := self.entity.state) is not None:
            return state.name
        return self.entity.entity_id or (
            self._object.name if self._object else self.entity.reference
        )

    # --- life -----------------------------------------------------------------------

    @callback
    def async_start(self) -> None:
        """Follow the entity; what it was, or its first state, makes it an object."""
        self._entity = self._hub.exposed_entities.async_follow(
            self._virtual_device.reference_of(self.record), self
        )
        known = self._hub.exposure_store.definition(self.object_id)
        if known is not None:
            name = self._virtual_device.unique_name(known.name, self.object_id)
            self._async_create(replace(known, name=name))
        elif (initial := self._virtual_device.initial_definition(self)) is not None:
            self._async_create(initial)
        self.async_take(self._entity.state)

    @callback
    def async_stop(self) -> None:
        """Remove the object."""
        if self._object is not None:
            self._async_remember(prompt=False, everything=True)
            self._hub.local_device.remove(self.object_id)
            self._object = None
        self._hub.exposed_entities.async_leave(self.entity, self)
        self._virtual_device.async_note_entity(self, is_gone=False)
        self.async_forgive()

    @callback
    def async_update(self, record: Mapping[str, Any]) -> None:
        """Take a changed record."""
        self.record = record
        self.async_redefine()

    @callback
    def async_redefine(self, state: State | None = None) -> None:
        """Follow a changed name, limit, option or permission.

        Without a state the last definition stays, so that limits and texts do not
        vanish while an integration reloads.
        """
        state = state or self.entity.state
        if self._object is None:
            return
        definition = self._define(state, self._object.definition)
        if definition is None or definition == self._object.definition:
            return
        old = self._object.definition
        try:
            self._hub.local_device.update(definition)
        except ValueError as error:
            _LOGGER.debug("%s stays as it was: %s", self.object_id, error)
        else:
            if definition.relinquish_default != old.relinquish_default:
                self._written_default = None
            self._hub.exposure_store.async_keep_definition(definition)

    def _define(
        self, state: State | None, known: ObjectDefinition | None = None
    ) -> ObjectDefinition | None:
        """Return what the object is; what is not known now stays as it was."""
        aspect = self.aspect
        fields: dict[str, Any] = {}
        if known is not None:
            fields = {name: getattr(known, name) for name in ObjectDefinition.__slots__}
        if state is not None and aspect is not None:
            if known is None or reliability_of(state) != (
                Reliability.COMMUNICATION_FAILURE
            ):
                fields |= aspect.describe(state, self._hass.config.units)
            fields |= {
                "name": self._virtual_device.object_name(self, state, aspect),
                "description": state.entity_id,
                "writable": self._is_writable(aspect),
                "own_priority": LOWEST_PRIORITY,
                "relinquish_default": None,
            }
        elif known is None:
            return None
        fields |= self._virtual_device.fields_of(self)
        fields |= self.record.get(CONF_OVERRIDES, {})
        fields["name"] = self._virtual_device.unique_name(
            fields["name"], self.object_id
        )
        return ObjectDefinition(**fields | {"object_id": self.object_id})

    def _is_writable(self, aspect: Aspect) -> bool:
        by_default = self._virtual_device.writable and not aspect.guarded
        return bool(self.record.get(CONF_WRITABLE, by_default)) and (
            aspect.act is not None or self.object_id.type in _INPUTS
        )

    # --- Home Assistant to BACnet --------------------------------------------------------

    def _value_of(self, state: State | None) -> tuple[PresentValue | None, Reliability]:
        aspect = self.aspect
        reliability = reliability_of(state, aspect)
        if state is None or reliability != Reliability.NO_FAULT_DETECTED:
            return None, reliability
        if aspect is None:
            return None, Reliability.NO_SENSOR
        try:
            return aspect.present_value(state, self.object_id.type), reliability
        except ValueError, TypeError, KeyError, OverflowError:
            return None, Reliability.UNRELIABLE_OTHER

    @callback
    def async_take(self, state: State | None) -> None:
        """Show a state to the building."""
        if self._object is not None:
            self.async_redefine(state)
        elif state is None or not self._async_create(self._define(state)):
            return
        self._virtual_device.async_note_entity(self, is_gone=self.entity.is_gone)
        value, reliability = self._value_of(state)
        try:
            self._async_take_value(value, reliability, state)
        except ValueError, TypeError, OverflowError:
            # What the type of object can not hold: the last value stays.
            assert self._object is not None
            self._object.set_own_value(None, Reliability.UNRELIABLE_OTHER)

    @callback
    def _async_create(self, definition: ObjectDefinition | None) -> bool:
        """Add the object, with what an earlier run kept; return whether it worked."""
        if definition is None:
            return False
        try:
            self._object = self._hub.local_device.add(definition)
        except (ValueError, TypeError) as error:
            # A select without options yet, for one; its next state may do.
            _LOGGER.debug("%s can not be exposed yet: %s", self.object_id, error)
            return False
        store = self._hub.exposure_store
        store.async_keep_definition(definition)
        saved = store.saved(self.object_id)
        self._own_value = saved.get("own_value")
        self._written_default = saved.get("relinquish_default")
        if self._own_value is not None:
            try:
                self._object.set_own_value(self._own_value, Reliability.NO_SENSOR)
            except ValueError, TypeError:
                self._own_value = None
        self._object.restore(
            {int(key): value for key, value in saved.get("slots", {}).items()},
            out_of_service=saved.get("out_of_service", False),
            present_value=saved.get("present_value"),
            relinquish_default=self._written_default,
        )
        if self._is_overridden:
            # The command of another made the entity what it is, before the restart.
            self._target = self._object.present_value
        return True

    @callback
    def _async_take_value(
        self, value: PresentValue | None, reliability: Reliability, state: State | None
    ) -> None:
        item = self._object
        assert item is not None
        if value is None or state is None:
            self._seen = None
            item.set_own_value(None, reliability)
            return
        if item.commands is None or item.out_of_service:
            self._own_value = self._seen = value
            item.set_own_value(value, reliability)
            if self._virtual_device.owns_entities:
                self._async_remember(prompt=False)
            return
        is_news, self._seen = value != self._seen, value
        if not is_news or self._is_arrival(value, state):
            item.set_own_value(None, reliability)
            return
        if is_in_transit(state) and self._is_overridden:
            # On the way to what was commanded.
            item.set_own_value(None, reliability)
            return
        self._target = None
        self._own_value = value
        item.set_own_value(value, reliability)
        self._async_remember(prompt=False)
        if item.present_value != value:
            # Another command wins: the entity has to show the effective value.
            self._async_act(item.present_value, Context())

    @property
    def _is_overridden(self) -> bool:
        item = self._object
        return item is not None and item.active_priority not in (
            None,
            item.definition.own_priority,
        )

    @callback
    def _is_arrival(self, value: PresentValue, state: State) -> bool:
        """Return whether a state is what became of a command, not a wish.

        Where the entity made something else of the value, that is what the object
        shows; while more is to come, the entity is only late.
        """
        item = self._object
        assert item is not None
        if not self.entity.is_own_doing(state) and not self._is_near_target(value):
            return False
        if value != item.present_value and not (
            self.entity.is_busy or is_in_transit(state)
        ):
            item.adjust_active_value(value)
            self._async_remember()
        elif not self._is_overridden and item.active_priority is None:
            self._own_value = value
            item.set_own_value(value)
        return True

    def _is_near_target(self, value: PresentValue) -> bool:
        """Return whether a value is the commanded one, rounded at most."""
        target, aspect, state = self._target, self.aspect, self.entity.state
        if target is None:
            return False
        if value == target or aspect is None or state is None:
            return value == target
        return (
            isinstance(value, float)
            and isinstance(target, int | float)
            and abs(value - target) <= aspect.tolerance(state)
        )

    @callback
    def _async_remember(self, *, prompt: bool = True, everything: bool = False) -> None:
        """Keep what the object holds for the next start."""
        item = self._object
        assert item is not None
        saved = SavedObject()
        if item.priority_array:
            saved["slots"] = {
                str(priority): value
                for priority, value in enumerate(item.priority_array, 1)
                if value is not None
            }
            saved["relinquish_default"] = self._written_default
        if item.out_of_service:
            saved |= {"out_of_service": True, "present_value": item.present_value}
        saved["own_value"] = self._own_value
        self._hub.exposure_store.async_remember(self.object_id, saved, prompt=prompt)

    # --- BACnet to Home Assistant --------------------------------------------------------

    @callback
    def async_command(self, command: Command) -> None:
        """Tell of an external write and bring it about."""
        item = self._object
        if item is None:
            return
        new_value = command.new_value
        if (
            command.property_id == PropertyIdentifier.PRESENT_VALUE
            and command.value is None
            and command.priority == item.definition.own_priority
            and self._own_value is not None
        ):
            # Whoever relinquishes our slot gives it back to Home Assistant.
            item.set_own_value(self._own_value, item.reliability)
            new_value = item.present_value
        if command.property_id == PropertyIdentifier.RELINQUISH_DEFAULT:
            self._written_default = command.value
        self._async_remember()
        context = Context()
        state = self.entity.state
        self._hass.bus.async_fire(
            EVENT_WRITE,
            {
                "virtual_device": self._virtual_device.name,
                ATTR_ENTITY_ID: self.entity.entity_id,
                "object": str(command.object_id),
                "object_name": item.name,
                "property": label_of(PropertyIdentifier, command.property_id),
                "old_value": self._show(command.old_value, state),
                "new_value": self._show(new_value, state),
                "written_value": (
                    self._show(command.value, state)
                    if command.property_id == PropertyIdentifier.PRESENT_VALUE
                    else command.value
                ),
                "priority": command.priority,
                "source": command.source,
                "source_instance": self._hub.instance_at(command.source),
            },
            context=context,
        )
        if command.property_id == PropertyIdentifier.PRESENT_VALUE:
            self._async_act(new_value, context)
        else:
            self.async_reconcile(context)

    @callback
    def async_reconcile(self, context: Context | None = None) -> None:
        """Bring the entity to the value that is in effect."""
        item = self._object
        if item is None or item.commands is None or item.out_of_service:
            return
        self._async_remember()
        value, _ = self._value_of(self.entity.state)
        if value is not None and value != item.present_value:
            self._async_act(item.present_value, context or Context())

    def _show(self, value: PresentValue | None, state: State | None) -> Any:
        """Return a value in the words of Home Assistant, where it has words for it."""
        if value is None or state is None or (aspect := self.aspect) is None:
            return value
        try:
            return aspect.words(value, state)
        except IndexError, TypeError, ValueError:
            return value

    @callback
    def _async_act(self, value: PresentValue, context: Context) -> None:
        item = self._object
        if item is None or item.out_of_service or item.commands is None:
            return
        self._target = value
        self.entity.async_act(self, value, context)

    def action_for(self, value: PresentValue, state: State) -> Action | None:
        """Return what makes the entity show a value, None where it does already."""
        aspect = self.aspect
        if aspect is None:
            raise ValueError(f"{state.entity_id} is not what it was")
        if self._value_of(state)[0] == value:
            return None
        return aspect.action(value, state)

    @callback
    def async_acted(self, error: Exception | None) -> None:
        """Put the object back to what the entity is, where an action failed."""
        if error is None:
            if self._has_failed:
                self.async_forgive()
            elif (
                (aspect := self.aspect) is not None
                and aspect.reads_unknown
                and not self.entity.is_busy
            ):
                self._async_show_truth()
            return
        self._has_failed = True
        name = self.entity.entity_id or self.entity.reference
        _LOGGER.warning(
            "A BACnet write to %s could not be carried out: %s", name, error
        )
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            self._issue_id,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key="action_failed",
            translation_placeholders={
                "device": self._virtual_device.name,
                "entity": name,
                "object": str(self.object_id),
                "error": str(error) or type(error).__name__,
            },
        )
        self._hub.write_log.async_add_failure(self.object_id, name, error)
        self._async_show_truth()

    @property
    def _issue_id(self) -> str:
        return f"action_failed_{self.object_id}"

    @callback
    def async_forgive(self) -> None:
        """Forget that an action failed."""
        if self._has_failed:
            self._has_failed = False
            ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)

    @callback
    def _async_show_truth(self) -> None:
        """Put the object back to what the entity is."""
        value, _ = self._value_of(self.entity.state)
        if self._object is not None and value is not None and not self.entity.is_busy:
            self._target = None
            self._object.adjust_active_value(value)
            self._async_remember()

    # --- leases -------------------------------------------------------------------------

    @callback
    def async_release(
        self, lowest_priority: int, before: float | None = None
    ) -> list[int]:
        """Relinquish what others commanded; return the priorities that were."""
        item = self._object
        if item is None or item.commands is None:
            return []
        old = item.priority_array
        if not item.release_commands(range(1, lowest_priority + 1), before=before):
            return []
        released = [
            priority
            for priority, (was, is_) in enumerate(
                zip(old, item.priority_array, strict=True), 1
            )
            if was is not None and is_ is None
        ]
        if item.definition.own_priority in released and self._own_value is not None:
            item.set_own_value(self._own_value, item.reliability)
        self.async_reconcile()
        return released
