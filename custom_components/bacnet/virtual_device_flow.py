"""Showing entities to the building: making virtual devices, and changing them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from homeassistant.config_entries import ConfigSubentry, SubentryFlowResult
from homeassistant.const import (
    CONF_DESCRIPTION,
    CONF_ENTITIES,
    CONF_ENTITY_ID,
    CONF_NAME,
)
from homeassistant.core import callback
from homeassistant.data_entry_flow import section
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    AreaSelector,
    AreaSelectorConfig,
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    LabelSelector,
    LabelSelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
import voluptuous as vol

from .const import (
    CONF_AREAS,
    CONF_ASPECT,
    CONF_BY_RULE,
    CONF_DOMAINS,
    CONF_ENABLED,
    CONF_EXPOSURES,
    CONF_INSTANCE,
    CONF_LABELS,
    CONF_LEASE,
    CONF_LEASE_PRIORITY,
    CONF_OBJECT,
    CONF_OBJECTS,
    CONF_OVERRIDES,
    CONF_POINT,
    CONF_RELEASE,
    CONF_RULES,
    CONF_SWITCHED_OFF,
    CONF_TEMPLATE,
    CONF_WRITABLE,
    SUBENTRY_TYPE_VIRTUAL_DEVICE,
)
from .exposure_aspects import STATE_ASPECT
from .exposure_mapping import EXPOSABLE_DOMAINS, aspects_of, attributes_of, is_exposable
from .exposure_rules import follow_rules, has_rules, new_records
from .hub import BacnetHub
from .node.enumerations import ObjectType, label_of
from .node.types import ObjectId
from .object_settings import object_schema, object_values, overrides_of, type_choices
from .subentry_flow import NodeSubentryFlow
from .template_entities import type_of
from .templates import Template, async_load_templates, records_of
from .virtual_device import DEFAULT_LEASE_PRIORITY, is_enabled

_ADVANCED: Final = "advanced"
_LONGEST_LEASE: Final = 86400

_RULES_SCHEMA: Final = vol.Schema(
    {
        vol.Optional(CONF_LABELS): LabelSelector(LabelSelectorConfig(multiple=True)),
        vol.Optional(CONF_AREAS): AreaSelector(AreaSelectorConfig(multiple=True)),
        vol.Optional(CONF_DOMAINS): SelectSelector(
            SelectSelectorConfig(
                options=EXPOSABLE_DOMAINS,
                multiple=True,
                mode=SelectSelectorMode.DROPDOWN,
                translation_key="domain",
            )
        ),
    }
)

_ADVANCED_SCHEMA: Final = vol.Schema(
    {
        vol.Optional(CONF_LEASE): NumberSelector(
            NumberSelectorConfig(
                mode=NumberSelectorMode.BOX,
                min=0,
                max=_LONGEST_LEASE,
                step=1,
                unit_of_measurement="s",
            )
        ),
        vol.Required(
            CONF_LEASE_PRIORITY, default=DEFAULT_LEASE_PRIORITY
        ): NumberSelector(
            NumberSelectorConfig(mode=NumberSelectorMode.BOX, min=1, max=16, step=1)
        ),
        vol.Required(CONF_RELEASE, default=False): BooleanSelector(),
    }
)


class VirtualDeviceSubentryFlowHandler(NodeSubentryFlow):
    """Group entities of Home Assistant into a virtual device, or change the group."""

    def __init__(self) -> None:
        """Start with nothing chosen."""
        self._object = ""
        self._templates: dict[str, Template] = {}

    # --- making -----------------------------------------------------------------------

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what the virtual device is made of."""
        self._get_hub()
        return self.async_show_menu(
            step_id="user", menu_options=[CONF_ENTITIES, CONF_TEMPLATE]
        )

    async def async_step_entities(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Make a virtual device of entities."""
        hub = self._get_hub()
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = self._errors_of(user_input)
            if not errors:
                data = self._data_of(hub, user_input, ())
                return self.async_create_entry(title=data[CONF_NAME], data=data)
        return self._async_show(CONF_ENTITIES, user_input or {}, errors)

    async def async_step_template(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Make a virtual device of a template, with entities of our own."""
        hub = self._get_hub()
        errors: dict[str, str] = {}
        if user_input is None:
            self._templates = await async_load_templates(self.hass)
        else:
            errors = self._name_errors(user_input)
            if not errors:
                template = self._templates[user_input[CONF_TEMPLATE]]
                name = user_input[CONF_NAME].strip()
                return self.async_create_entry(
                    title=name,
                    data={
                        CONF_NAME: name,
                        CONF_DESCRIPTION: template[CONF_DESCRIPTION],
                        CONF_WRITABLE: user_input[CONF_WRITABLE],
                        CONF_TEMPLATE: user_input[CONF_TEMPLATE],
                        CONF_EXPOSURES: records_of(template, hub.exposure_store),
                    },
                )
        schema = vol.Schema(
            {
                vol.Required(CONF_TEMPLATE): SelectSelector(
                    SelectSelectorConfig(
                        options=[
                            SelectOptionDict(value=key, label=template[CONF_NAME])
                            for key, template in self._templates.items()
                        ],
                        mode=SelectSelectorMode.LIST,
                    )
                ),
                vol.Required(CONF_NAME): TextSelector(),
                vol.Required(CONF_WRITABLE, default=False): BooleanSelector(),
            }
        )
        return self.async_show_form(
            step_id=CONF_TEMPLATE,
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
        )

    # --- changing ---------------------------------------------------------------------

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what to change."""
        self._get_hub()
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=["settings", CONF_OBJECT, "more"],
            description_placeholders=self._placeholders(),
        )

    def _placeholders(self) -> dict[str, str]:
        subentry = self._get_reconfigure_subentry()
        records = subentry.data[CONF_EXPOSURES]
        return {
            "device": subentry.title,
            "count": str(sum(map(is_enabled, records))),
        }

    async def async_step_settings(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change the group; objects that stay keep their identifiers."""
        hub = self._get_hub()
        subentry = self._get_reconfigure_subentry()
        records = subentry.data[CONF_EXPOSURES]
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = self._errors_of(user_input, subentry)
            if not errors:
                data = self._data_of(hub, user_input, records)
                if CONF_TEMPLATE in subentry.data:
                    data[CONF_TEMPLATE] = subentry.data[CONF_TEMPLATE]
                return self.async_update_and_abort(
                    self._get_entry(), subentry, title=data[CONF_NAME], data=data
                )
        known = self._entities(
            record[CONF_ENTITY_ID] for record in records if _is_picked(record)
        )
        values = {
            **subentry.data,
            CONF_ENTITIES: [
                entity_id for entity_id in dict.fromkeys(known) if entity_id
            ],
            _ADVANCED: {
                key: subentry.data[key]
                for key in (CONF_LEASE, CONF_LEASE_PRIORITY, CONF_RELEASE)
                if key in subentry.data
            },
        }
        return self._async_show("settings", user_input or values, errors)

    @callback
    def _async_show(
        self, step_id: str, values: Mapping[str, Any], errors: dict[str, str]
    ) -> SubentryFlowResult:
        schema = vol.Schema(
            {
                vol.Required(CONF_NAME): TextSelector(),
                vol.Optional(CONF_DESCRIPTION): TextSelector(),
                vol.Optional(CONF_ENTITIES, default=list): EntitySelector(
                    EntitySelectorConfig(domain=EXPOSABLE_DOMAINS, multiple=True)
                ),
                vol.Required(CONF_WRITABLE, default=False): BooleanSelector(),
                vol.Optional(CONF_RULES, default=dict): section(
                    _RULES_SCHEMA, {"collapsed": True}
                ),
                vol.Optional(_ADVANCED, default=dict): section(
                    _ADVANCED_SCHEMA, {"collapsed": True}
                ),
            }
        )
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, values),
            errors=errors,
        )

    @callback
    def _entities(self, references: Iterable[str]) -> list[str | None]:
        """Return the entity of each registry id or entity id, None where it is gone."""
        registry = er.async_get(self.hass)
        return [
            er.async_resolve_entity_id(registry, reference) for reference in references
        ]

    def _name_errors(
        self, user_input: Mapping[str, Any], itself: ConfigSubentry | None = None
    ) -> dict[str, str]:
        name = user_input[CONF_NAME].strip()
        others = {
            subentry.data[CONF_NAME]
            for subentry in self._get_entry().get_subentries_of_type(
                SUBENTRY_TYPE_VIRTUAL_DEVICE
            )
            if subentry is not itself
        }
        if not name:
            return {CONF_NAME: "name_missing"}
        return {CONF_NAME: "name_in_use"} if name in others else {}

    def _errors_of(
        self, user_input: Mapping[str, Any], itself: ConfigSubentry | None = None
    ) -> dict[str, str]:
        errors = self._name_errors(user_input, itself)
        entities = self._entities(user_input[CONF_ENTITIES])
        has_points = itself is not None and CONF_TEMPLATE in itself.data
        if not entities and not has_points and not has_rules(user_input[CONF_RULES]):
            errors[CONF_ENTITIES] = "nothing_chosen"
        elif not all(entity and is_exposable(entity) for entity in entities):
            errors[CONF_ENTITIES] = "entity_not_supported"
        return errors

    def _data_of(
        self,
        hub: BacnetHub,
        user_input: Mapping[str, Any],
        records: Iterable[Mapping[str, Any]],
    ) -> dict[str, Any]:
        """Return the subentry's data; new entities get identifiers never used before."""
        registry = er.async_get(self.hass)
        store = hub.exposure_store
        others: list[dict[str, Any]] = []
        kept: dict[str | None, list[dict[str, Any]]] = {}
        for record in records:
            if CONF_POINT in record:
                others.append(dict(record))
                continue
            entity_id = er.async_resolve_entity_id(registry, record[CONF_ENTITY_ID])
            kept.setdefault(entity_id, []).append(dict(record))
        exposures = others
        for entity_id in dict.fromkeys(self._entities(user_input[CONF_ENTITIES])):
            if entity_id:
                known = kept.pop(entity_id, None)
                for record in known or new_records(self.hass, store, entity_id):
                    if record.pop(CONF_BY_RULE, False) and not record.get(
                        CONF_SWITCHED_OFF
                    ):
                        # Picked now, whatever the rules say.
                        record.pop(CONF_ENABLED, None)
                    exposures.append(record)
        rules = {key: value for key, value in user_input[CONF_RULES].items() if value}
        exposures += [
            record
            for remaining in kept.values()
            for record in remaining
            if record.get(CONF_BY_RULE)
        ]
        exposures = follow_rules(self.hass, store, rules, exposures)
        advanced = user_input[_ADVANCED]
        data = {
            CONF_NAME: user_input[CONF_NAME].strip(),
            CONF_DESCRIPTION: user_input.get(CONF_DESCRIPTION, ""),
            CONF_WRITABLE: user_input[CONF_WRITABLE],
            CONF_EXPOSURES: exposures,
        }
        if rules:
            data[CONF_RULES] = rules
        if lease := int(advanced.get(CONF_LEASE, 0)):
            data[CONF_LEASE] = lease
            data[CONF_LEASE_PRIORITY] = int(advanced[CONF_LEASE_PRIORITY])
        if advanced.get(CONF_RELEASE):
            data[CONF_RELEASE] = True
        return data

    # --- changing one object ------------------------------------------------------------

    def _record(self) -> dict[str, Any]:
        records = self._get_reconfigure_subentry().data[CONF_EXPOSURES]
        return next(
            dict(record) for record in records if record[CONF_OBJECT] == self._object
        )

    async def async_step_object(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose an object."""
        hub = self._get_hub()
        if user_input is not None:
            self._object = user_input[CONF_OBJECT]
            return await self.async_step_object_settings()
        subentry = self._get_reconfigure_subentry()
        names = {
            str(object_id): item.name
            for object_id, item in hub.local_device.objects.items()
        }
        options = [
            SelectOptionDict(
                value=record[CONF_OBJECT],
                label=f"{names.get(record[CONF_OBJECT], '-')} ({record[CONF_OBJECT]})",
            )
            for record in subentry.data[CONF_EXPOSURES]
        ]
        if not options:
            return self.async_abort(reason="no_objects")
        return self.async_show_form(
            step_id=CONF_OBJECT,
            data_schema=vol.Schema(
                {
                    vol.Required(CONF_OBJECT): SelectSelector(
                        SelectSelectorConfig(
                            options=options, mode=SelectSelectorMode.DROPDOWN
                        )
                    )
                }
            ),
            description_placeholders=self._placeholders(),
        )

    async def async_step_object_settings(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change what an object is."""
        hub = self._get_hub()
        subentry = self._get_reconfigure_subentry()
        record = self._record()
        virtual_device = hub.virtual_devices[subentry.subentry_id]
        choices = type_choices(virtual_device, record)
        definition = hub.exposure_store.definition_of(self._object)
        errors: dict[str, str] = {}
        if user_input is not None:
            overrides, errors = overrides_of(user_input, definition, record)
            object_id = self._identifier_of(hub, user_input, errors)
            if not errors:
                changed = record | {CONF_WRITABLE: user_input[CONF_WRITABLE]}
                for key in (CONF_ENABLED, CONF_SWITCHED_OFF, CONF_OVERRIDES):
                    changed.pop(key, None)
                if overrides:
                    changed[CONF_OVERRIDES] = overrides
                if not user_input[CONF_ENABLED]:
                    changed |= {CONF_ENABLED: False, CONF_SWITCHED_OFF: True}
                changed[CONF_OBJECT] = str(object_id)
                records = [
                    changed if one[CONF_OBJECT] == self._object else one
                    for one in subentry.data[CONF_EXPOSURES]
                ]
                return self.async_update_and_abort(
                    self._get_entry(),
                    subentry,
                    data_updates={CONF_EXPOSURES: records},
                )
        schema = object_schema(definition, record, choices)
        values = user_input or object_values(
            definition, record, writable=virtual_device.writable
        )
        return self.async_show_form(
            step_id="object_settings",
            data_schema=self.add_suggested_values_to_schema(schema, values),
            errors=errors,
            description_placeholders={
                "object": self._object,
                "name": definition.name if definition else "-",
                "source": definition.description if definition else "-",
            },
        )

    def _identifier_of(
        self, hub: BacnetHub, user_input: Mapping[str, Any], errors: dict[str, str]
    ) -> ObjectId:
        """Return the identifier that an object has from now on."""
        old = ObjectId.parse(self._object)
        object_type = type_of(
            {
                "object_type": user_input.get(
                    "object_type", label_of(ObjectType, old.type)
                )
            }
        )
        new = ObjectId(object_type, int(user_input[CONF_INSTANCE]))
        if errors or new == old:
            return old
        if new.instance == old.instance:
            return hub.exposure_store.async_allocate(object_type)
        if not hub.exposure_store.async_choose(new):
            errors[CONF_INSTANCE] = "number_taken"
        return new

    # --- more of the same entities ----------------------------------------------------------

    async def async_step_more(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show more of the entities: further values, and attributes."""
        hub = self._get_hub()
        subentry = self._get_reconfigure_subentry()
        records = list(subentry.data[CONF_EXPOSURES])
        found: dict[str, tuple[SelectOptionDict, dict[str, Any], int]] = {}
        shown = {
            (record.get(CONF_ENTITY_ID), record.get(CONF_ASPECT, STATE_ASPECT))
            for record in records
        }
        references = dict.fromkeys(
            record[CONF_ENTITY_ID] for record in records if CONF_POINT not in record
        )
        for reference in references:
            [entity_id] = self._entities([reference])
            state = self.hass.states.get(entity_id) if entity_id else None
            if state is None:
                continue
            for aspect in (*aspects_of(state), *attributes_of(state)):
                if (reference, aspect.key) not in shown:
                    value = f"{reference} {aspect.key}"
                    option = SelectOptionDict(
                        value=value, label=f"{state.name}: {aspect.name or state.name}"
                    )
                    record = {CONF_ENTITY_ID: reference, CONF_ASPECT: aspect.key}
                    found.setdefault(value, (option, record, aspect.object_type))
        if not found:
            return self.async_abort(reason="nothing_more")
        if user_input is not None:
            for chosen in user_input[CONF_OBJECTS]:
                _, record, object_type = found[chosen]
                object_id = hub.exposure_store.async_allocate(object_type)
                records.append(record | {CONF_OBJECT: str(object_id)})
            return self.async_update_and_abort(
                self._get_entry(), subentry, data_updates={CONF_EXPOSURES: records}
            )
        return self.async_show_form(
            step_id="more",
            data_schema=vol.Schema(
                {
                    vol.Required(CONF_OBJECTS): SelectSelector(
                        SelectSelectorConfig(
                            options=[option for option, _, _ in found.values()],
                            multiple=True,
                            mode=SelectSelectorMode.DROPDOWN,
                        )
                    )
                }
            ),
            description_placeholders=self._placeholders(),
        )


def _is_picked(record: Mapping[str, Any]) -> bool:
    """Return whether the user chose the entity, not a rule."""
    return CONF_POINT not in record and not record.get(CONF_BY_RULE)
