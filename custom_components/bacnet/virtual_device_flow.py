"""Showing entities to the building: making virtual devices, and changing them."""

from collections.abc import Iterable, Mapping
from typing import Any

from homeassistant.config_entries import ConfigSubentry, SubentryFlowResult
from homeassistant.const import (
    CONF_DESCRIPTION,
    CONF_ENTITIES,
    CONF_ENTITY_ID,
    CONF_NAME,
)
from homeassistant.core import callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    TextSelector,
)
import voluptuous as vol

from .const import (
    CONF_EXPOSURES,
    CONF_OBJECT,
    CONF_WRITABLE,
    SUBENTRY_TYPE_VIRTUAL_DEVICE,
)
from .exposure_mapping import EXPOSABLE_DOMAINS, traits_of_entity
from .hub import BacnetHub
from .subentry_flow import NodeSubentryFlow


class VirtualDeviceSubentryFlowHandler(NodeSubentryFlow):
    """Group entities of Home Assistant into a virtual device, or change the group."""

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Make a virtual device."""
        hub = self._get_hub()
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = self._errors_of(user_input)
            if not errors:
                data = self._data_of(hub, user_input, ())
                return self.async_create_entry(title=data[CONF_NAME], data=data)
        return self._async_show("user", user_input or {}, errors)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change a virtual device; objects that stay keep their identifiers."""
        hub = self._get_hub()
        subentry = self._get_reconfigure_subentry()
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = self._errors_of(user_input, subentry)
            if not errors:
                data = self._data_of(hub, user_input, subentry.data[CONF_EXPOSURES])
                return self.async_update_and_abort(
                    self._get_entry(), subentry, title=data[CONF_NAME], data=data
                )
        known = self._entities(
            record[CONF_ENTITY_ID] for record in subentry.data[CONF_EXPOSURES]
        )
        values = {
            **subentry.data,
            CONF_ENTITIES: [entity_id for entity_id in known if entity_id],
        }
        return self._async_show("reconfigure", user_input or values, errors)

    @callback
    def _async_show(
        self, step_id: str, values: Mapping[str, Any], errors: dict[str, str]
    ) -> SubentryFlowResult:
        schema = vol.Schema(
            {
                vol.Required(CONF_NAME): TextSelector(),
                vol.Optional(CONF_DESCRIPTION): TextSelector(),
                vol.Required(CONF_ENTITIES): EntitySelector(
                    EntitySelectorConfig(domain=EXPOSABLE_DOMAINS, multiple=True)
                ),
                vol.Required(CONF_WRITABLE, default=False): BooleanSelector(),
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

    def _errors_of(
        self, user_input: Mapping[str, Any], itself: ConfigSubentry | None = None
    ) -> dict[str, str]:
        errors = {}
        name = user_input[CONF_NAME].strip()
        others = {
            subentry.data[CONF_NAME]
            for subentry in self._get_entry().get_subentries_of_type(
                SUBENTRY_TYPE_VIRTUAL_DEVICE
            )
            if subentry is not itself
        }
        if not name:
            errors[CONF_NAME] = "name_missing"
        elif name in others:
            errors[CONF_NAME] = "name_in_use"
        entities = self._entities(user_input[CONF_ENTITIES])
        if not entities:
            errors[CONF_ENTITIES] = "nothing_chosen"
        elif not all(entity and traits_of_entity(entity) for entity in entities):
            errors[CONF_ENTITIES] = "entity_not_supported"
        return errors

    def _data_of(
        self,
        hub: BacnetHub,
        user_input: Mapping[str, Any],
        records: Iterable[Mapping[str, str]],
    ) -> dict[str, Any]:
        """Return the subentry's data; new entities get identifiers never used before."""
        registry = er.async_get(self.hass)
        kept = {
            er.async_resolve_entity_id(registry, record[CONF_ENTITY_ID]): record
            for record in records
        }
        return {
            CONF_NAME: user_input[CONF_NAME].strip(),
            CONF_DESCRIPTION: user_input.get(CONF_DESCRIPTION, ""),
            CONF_WRITABLE: user_input[CONF_WRITABLE],
            CONF_EXPOSURES: [
                dict(kept[entity_id])
                if entity_id in kept
                else _new_record(hub, registry, entity_id)
                for entity_id in dict.fromkeys(
                    self._entities(user_input[CONF_ENTITIES])
                )
                if entity_id
            ],
        }


def _new_record(
    hub: BacnetHub, registry: er.EntityRegistry, entity_id: str
) -> dict[str, str]:
    traits = traits_of_entity(entity_id)
    assert traits is not None
    entity = registry.async_get(entity_id)
    return {
        CONF_ENTITY_ID: entity_id if entity is None else entity.id,
        CONF_OBJECT: str(hub.exposure_store.async_allocate(traits.object_type)),
    }
