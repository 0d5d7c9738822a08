"""Entities that are shown to the building, and the actions that change them."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import (
    CALLBACK_TYPE,
    Context,
    Event,
    EventStateChangedData,
    HomeAssistant,
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

from .const import DOMAIN
from .exposure_aspects import Action
from .server.values import PresentValue

if TYPE_CHECKING:
    from .hub import BacnetHub

_MAX_WAITING_ACTIONS = 256
_REMEMBERED_CONTEXTS = 2 * _MAX_WAITING_ACTIONS


class Follower(Protocol):
    """An object that shows an entity."""

    def async_take(self, state: State | None) -> None:
        """Take a new state."""

    def action_for(self, value: PresentValue, state: State) -> Action | None:
        """Return what makes the entity show a value, None where it does already.

        Raises ValueError where nothing can.
        """

    def async_acted(self, error: Exception | None) -> None:
        """Take notice of how an action went."""


class ExposedEntity:
    """One entity, its objects, and the actions that wait for it."""

    def __init__(self, hub: BacnetHub, reference: str) -> None:
        """Prepare; a reference is a registry id, or an entity id without registry."""
        self.reference = reference
        self._hub = hub
        self._hass: HomeAssistant = hub.hass
        self._followers: list[Follower] = []
        self._untrack: list[CALLBACK_TYPE] = []
        # Most entities are never commanded: the queues, a kilobyte, come when needed.
        # States that our own actions brought about carry one of these contexts.
        self._own_contexts: deque[str] | tuple[()] = ()
        self._actions: deque[tuple[Follower, PresentValue, Context]] | tuple[()] = ()
        self._worker: asyncio.Task[None] | None = None
        self.entity_id: str | None = None

    @property
    def state(self) -> State | None:
        """Return the entity's state."""
        return None if self.entity_id is None else self._hass.states.get(self.entity_id)

    @property
    def is_gone(self) -> bool:
        """Return whether only a user can bring the entity back."""
        if self.state is not None:
            return False
        if self.entity_id is None:
            return True
        entity = er.async_get(self._hass).async_get(self.entity_id)
        return entity is None or entity.disabled

    @property
    def is_busy(self) -> bool:
        """Return whether more actions are waiting."""
        return bool(self._actions)

    def is_own_doing(self, state: State) -> bool:
        """Return whether one of our actions brought a state about."""
        return state.context.id in self._own_contexts

    # --- life -----------------------------------------------------------------------

    @callback
    def async_add(self, follower: Follower) -> None:
        """Let an object follow the entity."""
        if not self._followers:
            self.async_track()
        self._followers.append(follower)

    @callback
    def async_remove(self, follower: Follower) -> bool:
        """Let an object go; return whether it was the last."""
        self._followers.remove(follower)
        if self._followers:
            return False
        self._async_untrack()
        if self._worker is not None:
            self._worker.cancel()
        return True

    @callback
    def async_track(self) -> None:
        """Find the entity and follow it."""
        self._async_untrack()
        self.entity_id = er.async_resolve_entity_id(
            er.async_get(self._hass), self.reference
        )
        if self.entity_id is None:
            return
        self._untrack = [
            async_track_state_change_event(
                self._hass, [self.entity_id], self._async_state_changed
            ),
            async_track_entity_registry_updated_event(
                self._hass, [self.entity_id], self._async_registry_updated
            ),
        ]

    @callback
    def _async_untrack(self) -> None:
        while self._untrack:
            self._untrack.pop()()

    @callback
    def _async_state_changed(self, event: Event[EventStateChangedData]) -> None:
        self._async_tell(event.data["new_state"])

    @callback
    def _async_registry_updated(
        self, event: Event[er.EventEntityRegistryUpdatedData]
    ) -> None:
        """Follow an entity that is renamed, removed or disabled."""
        self.async_refresh()

    @callback
    def async_refresh(self) -> None:
        """Look for the entity again."""
        self.async_track()
        self._async_tell(self.state)

    @callback
    def _async_tell(self, state: State | None) -> None:
        for follower in tuple(self._followers):
            follower.async_take(state)

    # --- actions --------------------------------------------------------------------

    @callback
    def async_act(
        self, follower: Follower, value: PresentValue, context: Context
    ) -> None:
        """Queue the action for a value; actions of one entity run one by one."""
        if isinstance(self._own_contexts, tuple):
            self._own_contexts = deque(maxlen=_REMEMBERED_CONTEXTS)
        if isinstance(self._actions, tuple):
            self._actions = deque()
        if len(self._actions) >= _MAX_WAITING_ACTIONS:
            # The entity can not follow; only the newest values still matter.
            self._actions.popleft()
        self._own_contexts.append(context.id)
        self._actions.append((follower, value, context))
        if self._worker is None:
            self._worker = self._hub.entry.async_create_background_task(
                self._hass,
                self._async_run_actions(),
                f"{DOMAIN} {self.reference}",
                eager_start=False,
            )

    async def async_settle(self) -> None:
        """Wait until no action is left."""
        if self._worker is not None:
            await asyncio.wait([self._worker])

    async def _async_run_actions(self) -> None:
        try:
            while self._actions:
                await self._async_run_action(*self._actions.popleft())
        finally:
            self._worker = None

    async def _async_run_action(
        self, follower: Follower, value: PresentValue, context: Context
    ) -> None:
        if (state := self.state) is None:
            return
        try:
            if (action := follower.action_for(value, state)) is None:
                return
            await self._hass.services.async_call(
                action.domain,
                action.service,
                action.data | {ATTR_ENTITY_ID: state.entity_id},
                blocking=True,
                context=context,
            )
        except (HomeAssistantError, ValueError, vol.Invalid) as error:
            follower.async_acted(error)
        except Exception as error:  # noqa: BLE001 - whatever an integration raises
            follower.async_acted(error)
        else:
            follower.async_acted(None)


class ExposedEntities:
    """The entities that any virtual device shows."""

    def __init__(self, hub: BacnetHub) -> None:
        """Start with none."""
        self._hub = hub
        self._entities: dict[str, ExposedEntity] = {}
        self._unsubscribe: Callable[[], None] | None = None

    @callback
    def async_start(self) -> None:
        """Look out for entities that come back."""
        self._unsubscribe = self._hub.hass.bus.async_listen(
            er.EVENT_ENTITY_REGISTRY_UPDATED, self._async_registry_updated
        )

    @callback
    def async_stop(self) -> None:
        """Look out no more."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    @callback
    def async_follow(self, reference: str, follower: Follower) -> ExposedEntity:
        """Let an object follow an entity."""
        entity = self._entities.get(reference)
        if entity is None:
            entity = self._entities[reference] = ExposedEntity(self._hub, reference)
        entity.async_add(follower)
        return entity

    @callback
    def async_leave(self, entity: ExposedEntity, follower: Follower) -> None:
        """Let an object go."""
        if entity.async_remove(follower):
            del self._entities[entity.reference]

    @callback
    def _async_registry_updated(
        self, event: Event[er.EventEntityRegistryUpdatedData]
    ) -> None:
        if event.data["action"] != "create":
            return
        entry = er.async_get(self._hub.hass).async_get(event.data["entity_id"])
        if entry is not None and (lost := self._entities.get(entry.id)) is not None:
            lost.async_refresh()
