"""Rules: entities that join a virtual device because of a label, an area or a domain."""

from asyncio import TimerHandle
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from homeassistant.const import CONF_ENTITY_ID, EVENT_STATE_CHANGED
from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventStateChangedData,
    HomeAssistant,
    callback,
    split_entity_id,
)
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.start import async_at_started

from .const import (
    CONF_AREAS,
    CONF_ASPECT,
    CONF_BY_RULE,
    CONF_DOMAINS,
    CONF_ENABLED,
    CONF_EXPOSURES,
    CONF_LABELS,
    CONF_OBJECT,
    CONF_POINT,
    CONF_RULES,
    CONF_SWITCHED_OFF,
    DOMAIN,
    SUBENTRY_TYPE_VIRTUAL_DEVICE,
)
from .exposure_aspects import STATE_ASPECT
from .exposure_mapping import ASPECTS, aspects_of, is_exposable
from .storage import ExposureStore

if TYPE_CHECKING:
    from .hub import BacnetHub

_QUIET: Final = 1.0
"""Registries change in bursts."""

type Record = dict[str, Any]
"""One object of a virtual device, as its subentry keeps it."""


def has_rules(rules: Mapping[str, list[str]]) -> bool:
    """Return whether there is any rule at all."""
    return any(rules.get(kind) for kind in (CONF_LABELS, CONF_AREAS, CONF_DOMAINS))


def matching_entities(
    hass: HomeAssistant, rules: Mapping[str, list[str]]
) -> Iterator[str]:
    """Yield the entities that a rule names: one of its labels, areas and domains each.

    What is disabled, hidden, of use to administrators only, or of our own, joins only
    by a label of its own.
    """
    if not has_rules(rules):
        return
    registry, devices = er.async_get(hass), dr.async_get(hass)
    labels, areas, domains = (
        set(rules.get(kind, ())) for kind in (CONF_LABELS, CONF_AREAS, CONF_DOMAINS)
    )
    for entity in registry.entities.values():
        if entity.disabled or not is_exposable(entity.entity_id):
            continue
        device = devices.async_get(entity.device_id) if entity.device_id else None
        area_id = entity.area_id or (device.area_id if device else None)
        device_labels = device.labels if device else set[str]()
        is_labelled = not labels.isdisjoint(entity.labels)
        is_ordinary = not (
            entity.hidden or entity.entity_category or entity.platform == DOMAIN
        )
        if (
            (is_labelled or is_ordinary)
            and (not labels or is_labelled or not labels.isdisjoint(device_labels))
            and (not areas or area_id in areas)
            and (not domains or entity.domain in domains)
        ):
            yield entity.entity_id
    if labels or areas:
        return
    for entity_id in hass.states.async_entity_ids(domains):
        if registry.async_get(entity_id) is None:
            yield entity_id


def new_records(
    hass: HomeAssistant, store: ExposureStore, entity_id: str
) -> list[Record]:
    """Return records for an entity, with identifiers that were never used before."""
    entity = er.async_get(hass).async_get(entity_id)
    state = hass.states.get(entity_id)
    if state is not None:
        aspects = [aspect for aspect in aspects_of(state) if aspect.usual]
    else:
        # Nothing is known of it yet but its kind.
        aspects = [ASPECTS[split_entity_id(entity_id)[0]][0]]
    return [
        {
            CONF_ENTITY_ID: entity_id if entity is None else entity.id,
            CONF_OBJECT: str(store.async_allocate(aspect.object_type)),
        }
        | ({} if aspect.key == STATE_ASPECT else {CONF_ASPECT: aspect.key})
        for aspect in aspects
    ]


def follow_rules(
    hass: HomeAssistant,
    store: ExposureStore,
    rules: Mapping[str, list[str]],
    records: Iterable[Mapping[str, Any]],
) -> list[Record]:
    """Return the records of a virtual device as its rules want them now.

    Entities that match no longer keep their numbers, without objects. Those that are
    gone keep their objects: the user has to know.
    """
    registry = er.async_get(hass)
    wanted = dict.fromkeys(matching_entities(hass, rules))
    followed: list[Record] = []
    known: set[str] = set()
    for record in records:
        changed = dict(record)
        entity_id = None
        if CONF_POINT not in record:
            entity_id = er.async_resolve_entity_id(registry, record[CONF_ENTITY_ID])
        if entity_id is not None:
            known.add(entity_id)
            if record.get(CONF_BY_RULE):
                changed.pop(CONF_ENABLED, None)
                if entity_id not in wanted or record.get(CONF_SWITCHED_OFF):
                    changed[CONF_ENABLED] = False
        followed.append(changed)
    for entity_id in wanted:
        if entity_id in known or hass.states.get(entity_id) is None:
            continue
        followed += [
            record | {CONF_BY_RULE: True}
            for record in new_records(hass, store, entity_id)
        ]
    return followed


class ExposureRules:
    """Keeps virtual devices up to date with the registries."""

    def __init__(self, hub: BacnetHub) -> None:
        """Prepare."""
        self._hub = hub
        self._unsubscribe: list[CALLBACK_TYPE] = []
        self._timer: TimerHandle | None = None

    @callback
    def async_start(self) -> None:
        """Follow the registries, from when Home Assistant has started."""
        self._unsubscribe.append(
            async_at_started(self._hub.hass, self._async_follow_registries)
        )

    @callback
    def _async_follow_registries(self, _: HomeAssistant) -> None:
        bus = self._hub.hass.bus
        self._unsubscribe += [
            bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, self._async_changed),
            bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, self._async_changed),
            bus.async_listen(
                EVENT_STATE_CHANGED,
                self._async_changed,
                event_filter=_is_new_state,
            ),
        ]
        self.async_schedule()

    @callback
    def async_stop(self) -> None:
        """Follow nothing any more."""
        while self._unsubscribe:
            self._unsubscribe.pop()()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @callback
    def _async_changed(self, _: Event[Any]) -> None:
        self.async_schedule()

    @callback
    def async_schedule(self) -> None:
        """Look at the rules soon, where there are any."""
        if self._timer is None and self._unsubscribe and any(self._ruled()):
            self._timer = self._hub.hass.loop.call_later(_QUIET, self._async_apply)

    def _ruled(self) -> Iterator[Any]:
        entry = self._hub.entry
        for subentry in entry.get_subentries_of_type(SUBENTRY_TYPE_VIRTUAL_DEVICE):
            if has_rules(subentry.data.get(CONF_RULES, {})):
                yield subentry

    @callback
    def _async_apply(self) -> None:
        self._timer = None
        hub = self._hub
        for subentry in list(self._ruled()):
            records = list(subentry.data[CONF_EXPOSURES])
            followed = follow_rules(
                hub.hass, hub.exposure_store, subentry.data[CONF_RULES], records
            )
            if followed != records:
                hub.hass.config_entries.async_update_subentry(
                    hub.entry,
                    subentry,
                    data={**subentry.data, CONF_EXPOSURES: followed},
                )


@callback
def _is_new_state(data: EventStateChangedData) -> bool:
    return data["old_state"] is None
