"""Setting up the node, its remote devices and its virtual devices."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface
from types import MappingProxyType
from typing import Any, override

from homeassistant.components import network
from homeassistant.config_entries import (
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentry,
    ConfigSubentryData,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import (
    CONF_ADDRESS,
    CONF_DESCRIPTION,
    CONF_ENTITIES,
    CONF_ENTITY_ID,
    CONF_NAME,
    CONF_PORT,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
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

from .client.directory import Directory
from .const import (
    CONF_DEVICES,
    CONF_EXPOSURES,
    CONF_INSTANCE,
    CONF_INTERFACE,
    CONF_OBJECT,
    CONF_PRIORITY,
    CONF_WRITABLE,
    DEFAULT_INSTANCE,
    DEFAULT_PORT,
    DEFAULT_PRIORITY,
    DOMAIN,
    SUBENTRY_TYPE_DEVICE,
    SUBENTRY_TYPE_VIRTUAL_DEVICE,
)
from .exposure_mapping import EXPOSABLE_DOMAINS, traits_of_entity
from .hub import BacnetConfigEntry, BacnetHub, device_data_of, start_error_key
from .node.errors import AddressInUseError, NodeStartError
from .node.node import normalized_address
from .node.types import MAX_INSTANCE
from .search import FoundDevice, async_describe, async_search, temporary_node

_INSTANCE_QUESTION_SECONDS = 1.0
_FIND_SECONDS = 3.0
_MAX_LISTED = 30
"""More options than this are offered as a searchable drop-down."""

_POINT_TO_POINT = 31
"""From this prefix on, all addresses of a network are those of stations."""

_INTEGER = NumberSelector(NumberSelectorConfig(mode=NumberSelectorMode.BOX, step=1))
_PRIORITY = NumberSelector(
    NumberSelectorConfig(mode=NumberSelectorMode.BOX, min=1, max=16, step=1)
)


# --- shared by the flows ------------------------------------------------------------------


def _device_selector(found: Iterable[FoundDevice]) -> SelectSelector:
    options = [
        SelectOptionDict(value=str(device.info.instance), label=device.label)
        for device in found
    ]
    return SelectSelector(
        SelectSelectorConfig(
            options=options,
            multiple=True,
            mode=(
                SelectSelectorMode.LIST
                if len(options) <= _MAX_LISTED
                else SelectSelectorMode.DROPDOWN
            ),
        )
    )


def _device_subentry(device: FoundDevice) -> ConfigSubentryData:
    return ConfigSubentryData(
        data=device_data_of(device.info) | {CONF_PRIORITY: DEFAULT_PRIORITY},
        subentry_type=SUBENTRY_TYPE_DEVICE,
        title=device.title,
        unique_id=str(device.info.instance),
    )


async def _async_interfaces(hass: HomeAssistant) -> dict[str, str]:
    """Return the addresses of the adapters with a label each; enabled ones first."""
    adapters = sorted(
        await network.async_get_adapters(hass),
        key=lambda adapter: (not adapter["default"], not adapter["enabled"]),
    )
    return {
        interface: f"{interface} ({adapter['name']})"
        for adapter in adapters
        for ipv4 in adapter["ipv4"]
        if (interface := f"{ipv4['address']}/{ipv4['network_prefix']}")
    }


def _parse_interface(text: str, known: Iterable[str]) -> IPv4Interface:
    """Return address and network; a known address needs no prefix.

    Raises ValueError, also for an address that no adapter can have.
    """
    text = text.strip()
    if "/" not in text:
        matching = [known_one for known_one in known if known_one.split("/")[0] == text]
        if not matching:
            raise ValueError("prefix missing")
        text = matching[0]
    interface = IPv4Interface(text)
    address, network = interface.ip, interface.network
    of_all = (network.network_address, network.broadcast_address)
    if (
        address.is_unspecified
        or address.is_multicast
        or (address in of_all and network.prefixlen < _POINT_TO_POINT)
    ):
        raise ValueError("not the address of an adapter")
    return interface


@dataclass(slots=True)
class _NodeForm:
    """The checked fields of the node's form."""

    data: dict[str, Any]
    errors: dict[str, str]
    placeholders: dict[str, str]


class BacnetConfigFlow(ConfigFlow, domain=DOMAIN):
    """Set up the node, then the devices it finds."""

    VERSION = 1

    def __init__(self) -> None:
        """Start with nothing found."""
        self._data: dict[str, Any] = {}
        self._found: dict[str, FoundDevice] = {}
        self._search: asyncio.Task[None] | None = None

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: BacnetConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return what can be added to the node."""
        return {
            SUBENTRY_TYPE_DEVICE: DeviceSubentryFlowHandler,
            SUBENTRY_TYPE_VIRTUAL_DEVICE: VirtualDeviceSubentryFlowHandler,
        }

    # --- the node ---------------------------------------------------------------------

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask where the node lives and try it."""
        if self._async_current_entries():
            return self.async_abort(reason="single_instance_allowed")
        form = _NodeForm({}, {}, {})
        if user_input is not None:
            form = await self._async_check(user_input)
            if not form.errors:
                self._data = form.data
                return await self.async_step_search()
        return await self._async_show_node_form("user", user_input or {}, form)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Move or rename the node."""
        entry: BacnetConfigEntry = self._get_reconfigure_entry()
        form = _NodeForm({}, {}, {})
        if user_input is not None:
            form = await self._async_check(user_input, entry)
            if not form.errors:
                return self._async_update(entry, form.data)
        return await self._async_show_node_form(
            "reconfigure", user_input or dict(entry.data), form
        )

    @callback
    def _async_update(
        self, entry: BacnetConfigEntry, data: dict[str, Any]
    ) -> ConfigFlowResult:
        """Apply what was reconfigured; a title of the user's own stays."""
        title = entry.title
        if title == _entry_title(entry.data):
            title = _entry_title(data)
        if entry.update_listeners:
            return self.async_update_and_abort(entry, data=data, title=title)
        # The node is not running, so nobody listens: it starts with the new data.
        return self.async_update_reload_and_abort(entry, data=data, title=title)

    async def _async_show_node_form(
        self, step_id: str, values: Mapping[str, Any], form: _NodeForm
    ) -> ConfigFlowResult:
        interfaces = await _async_interfaces(self.hass)
        schema = vol.Schema(
            {
                vol.Required(
                    CONF_INTERFACE, default=next(iter(interfaces), vol.UNDEFINED)
                ): SelectSelector(
                    SelectSelectorConfig(
                        options=[
                            SelectOptionDict(value=value, label=label)
                            for value, label in interfaces.items()
                        ],
                        custom_value=True,
                        mode=SelectSelectorMode.DROPDOWN,
                    )
                ),
                vol.Required(CONF_PORT, default=DEFAULT_PORT): _INTEGER,
                vol.Required(CONF_INSTANCE, default=DEFAULT_INSTANCE): _INTEGER,
                vol.Required(
                    CONF_NAME, default=self.hass.config.location_name
                ): TextSelector(),
            }
        )
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, values),
            errors=form.errors,
            description_placeholders={"highest": str(MAX_INSTANCE)} | form.placeholders,
        )

    async def _async_check(
        self, user_input: dict[str, Any], entry: BacnetConfigEntry | None = None
    ) -> _NodeForm:
        """Check the fields, then by really opening the port and asking around."""
        form = _NodeForm({}, {}, {})
        port = int(user_input[CONF_PORT])
        instance = int(user_input[CONF_INSTANCE])
        name = user_input[CONF_NAME].strip()
        try:
            interface = _parse_interface(
                user_input[CONF_INTERFACE], await _async_interfaces(self.hass)
            )
        except ValueError:
            form.errors[CONF_INTERFACE] = "invalid_interface"
        if not 1 <= port <= 65535:
            form.errors[CONF_PORT] = "port_out_of_range"
        if not 0 <= instance <= MAX_INSTANCE:
            form.errors[CONF_INSTANCE] = "instance_out_of_range"
        if not name:
            form.errors[CONF_NAME] = "name_missing"
        if form.errors:
            return form
        form.data = {
            CONF_INTERFACE: str(interface),
            CONF_PORT: port,
            CONF_INSTANCE: instance,
            CONF_NAME: name,
        }
        try:
            taken = await _async_owner_of_instance(form.data, entry)
        except NodeStartError as error:
            wrong = (
                CONF_PORT if isinstance(error, AddressInUseError) else CONF_INTERFACE
            )
            form.errors[wrong] = start_error_key(error)
            form.placeholders |= {
                "address": f"{interface.ip}:{port}",
                "error": str(error),
            }
            return form
        if taken is not None:
            form.errors[CONF_INSTANCE] = "instance_in_use"
            form.placeholders["address"] = taken
        return form

    # --- the devices it finds -------------------------------------------------------------

    async def async_step_search(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Search the network, with progress."""
        if self._search is None:
            self._search = self.hass.async_create_task(self._async_search())
        if not self._search.done():
            return self.async_show_progress(
                step_id="search",
                progress_action="search",
                progress_task=self._search,
            )
        # An error of the search is an error of the flow.
        await self._search
        return self.async_show_progress_done(
            next_step_id="devices" if self._found else "nothing_found"
        )

    async def _async_search(self) -> None:
        interface = IPv4Interface(self._data[CONF_INTERFACE])
        async with temporary_node(interface, self._data[CONF_PORT]) as (
            node,
            directory,
        ):
            found = await async_search(node, directory, self.async_update_progress)
        self._found = {str(device.info.instance): device for device in found}

    async def async_step_devices(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Let the user choose among the devices that answered."""
        if user_input is not None:
            return self._async_create(
                [self._found[value] for value in user_input[CONF_DEVICES]]
            )
        return self.async_show_form(
            step_id="devices",
            data_schema=vol.Schema(
                {
                    vol.Required(
                        CONF_DEVICES, default=list(self._found)
                    ): _device_selector(self._found.values())
                }
            ),
            description_placeholders={"count": str(len(self._found))},
        )

    async def async_step_nothing_found(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say that nobody answered; the node is useful all the same."""
        if user_input is not None:
            return self._async_create([])
        return self.async_show_form(step_id="nothing_found", data_schema=vol.Schema({}))

    @callback
    def _async_create(self, devices: Iterable[FoundDevice]) -> ConfigFlowResult:
        if self._async_current_entries():
            # Another flow was faster.
            return self.async_abort(reason="single_instance_allowed")
        return self.async_create_entry(
            title=_entry_title(self._data),
            data=self._data,
            subentries=[_device_subentry(device) for device in devices],
        )


def _entry_title(data: Mapping[str, Any]) -> str:
    address = data[CONF_INTERFACE].split("/")[0]
    return f"BACnet/IP {address}:{data[CONF_PORT]}"


async def _async_owner_of_instance(
    data: Mapping[str, Any], entry: BacnetConfigEntry | None
) -> str | None:
    """Return the address of another device with our instance, None where none is.

    Opens the port unless the running node holds it already. Raises NodeStartError.
    """
    interface = IPv4Interface(data[CONF_INTERFACE])
    port, instance = data[CONF_PORT], data[CONF_INSTANCE]
    hub: BacnetHub | None = None
    if entry is not None:
        for subentry in entry.get_subentries_of_type(SUBENTRY_TYPE_DEVICE):
            if subentry.unique_id == str(instance):
                return str(subentry.data[CONF_ADDRESS])
        if entry.state is ConfigEntryState.LOADED:
            hub = entry.runtime_data
    if hub and (hub.node.config.interface.ip, hub.node.port) == (interface.ip, port):
        return await _async_ask(hub.client.directory, instance)
    async with temporary_node(interface, port) as (_, directory):
        owner = await _async_ask(directory, instance)
    if (
        hub
        and owner == hub.node.address
        and instance == hub.local_device.definition.instance
    ):
        return None  # it is ourselves, still at the old address
    return owner


async def _async_ask(directory: Directory, instance: int) -> str | None:
    found = await directory.find(instance, timeout=_INSTANCE_QUESTION_SECONDS)
    return None if found is None else found.address


class _SubentryFlowHandler(ConfigSubentryFlow):
    """A flow that needs the running node."""

    @callback
    def _get_hub(self) -> BacnetHub:
        """Return what runs the node; where nothing does, the flow ends."""
        entry: BacnetConfigEntry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            raise AbortFlow("entry_not_loaded")
        return entry.runtime_data


# --- remote devices -------------------------------------------------------------------------


class DeviceSubentryFlowHandler(_SubentryFlowHandler):
    """Add a remote device, or change how it is reached."""

    def __init__(self) -> None:
        """Start with nothing found."""
        self._found: dict[str, FoundDevice] = {}
        self._search: asyncio.Task[None] | None = None

    @property
    def _known(self) -> set[str | None]:
        """Return the instances that can not be added: configured ones, and our own."""
        entry = self._get_entry()
        devices = entry.get_subentries_of_type(SUBENTRY_TYPE_DEVICE)
        return {subentry.unique_id for subentry in devices} | {
            str(entry.data[CONF_INSTANCE])
        }

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Offer both ways to a device."""
        self._get_hub()
        return self.async_show_menu(step_id="user", menu_options=["search", "manual"])

    async def async_step_search(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Search the network, with progress."""
        if self._search is None:
            self._search = self.hass.async_create_task(
                self._async_search(self._get_hub())
            )
        if not self._search.done():
            return self.async_show_progress(
                step_id="search",
                progress_action="search",
                progress_task=self._search,
            )
        await self._search
        return self.async_show_progress_done(
            next_step_id="devices" if self._found else "nothing_found"
        )

    async def _async_search(self, hub: BacnetHub) -> None:
        found = await async_search(
            hub.node, hub.client.directory, self.async_update_progress
        )
        self._found = {
            value: device
            for device in found
            if (value := str(device.info.instance)) not in self._known
        }

    async def async_step_nothing_found(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say that there is nothing new, or why."""
        self._get_hub()
        return self.async_abort(reason="no_new_devices")

    async def async_step_devices(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Let the user choose among the devices that are new."""
        errors = {}
        if user_input is not None:
            if chosen := [self._found[value] for value in user_input[CONF_DEVICES]]:
                return self._async_create(chosen)
            errors[CONF_DEVICES] = "nothing_chosen"
        return self.async_show_form(
            step_id="devices",
            data_schema=vol.Schema(
                {
                    vol.Required(CONF_DEVICES, default=[]): _device_selector(
                        self._found.values()
                    )
                }
            ),
            errors=errors,
            description_placeholders={"count": str(len(self._found))},
        )

    async def async_step_manual(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for one device by its instance, its address, or both."""
        hub = self._get_hub()
        errors: dict[str, str] = {}
        if user_input is not None:
            instance, address = _parse_target(user_input, errors)
            if not errors:
                device = await self._async_find(hub, instance, address, errors)
                if device is not None:
                    return self._async_create([device])
        schema = vol.Schema(
            {
                vol.Optional(CONF_INSTANCE): _INTEGER,
                vol.Optional(CONF_ADDRESS): TextSelector(),
            }
        )
        return self.async_show_form(
            step_id="manual",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders={"highest": str(MAX_INSTANCE)},
        )

    async def _async_find(
        self,
        hub: BacnetHub,
        instance: int | None,
        address: str | None,
        errors: dict[str, str],
    ) -> FoundDevice | None:
        """Return the device that is asked for, if it is new and answers."""
        info = None
        # Nobody needs to be asked about devices that are known; they may be silent.
        known = str(instance) in self._known or address == hub.node.address
        if not known:
            info = await hub.client.directory.find(
                instance, address, timeout=_FIND_SECONDS
            )
            known = info is not None and str(info.instance) in self._known
        if known:
            errors["base"] = "already_configured"
        elif info is None:
            errors["base"] = "no_answer"
        else:
            return await async_describe(hub.node, info)
        return None

    @callback
    def _async_create(self, devices: Iterable[FoundDevice]) -> SubentryFlowResult:
        """Add all devices; a flow itself makes only one subentry, the last."""
        new = [
            _device_subentry(device)
            for device in devices
            if str(device.info.instance) not in self._known
        ]
        if not new:
            # Another flow was faster.
            return self.async_abort(reason="already_configured")
        *others, last = new
        for other in others:
            self.hass.config_entries.async_add_subentry(
                self._get_entry(),
                ConfigSubentry(
                    data=MappingProxyType(dict(other["data"])),
                    subentry_type=other["subentry_type"],
                    title=other["title"],
                    unique_id=other["unique_id"],
                ),
            )
        return self.async_create_entry(
            title=last["title"], data=last["data"], unique_id=last["unique_id"]
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change the address of a device and the priority of our commands."""
        hub = self._get_hub()
        subentry = self._get_reconfigure_subentry()
        errors: dict[str, str] = {}
        if user_input is not None:
            address = await self._async_checked_address(
                hub, user_input[CONF_ADDRESS], subentry, errors
            )
            if not errors:
                return self.async_update_and_abort(
                    self._get_entry(),
                    subentry,
                    data_updates={
                        CONF_ADDRESS: address,
                        CONF_PRIORITY: int(user_input[CONF_PRIORITY]),
                    },
                )
        schema = vol.Schema(
            {
                vol.Required(CONF_ADDRESS): TextSelector(),
                vol.Required(CONF_PRIORITY): _PRIORITY,
            }
        )
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(
                schema, user_input or subentry.data
            ),
            errors=errors,
            description_placeholders={
                "device": subentry.title,
                "instance": str(subentry.data[CONF_INSTANCE]),
            },
        )

    async def _async_checked_address(
        self,
        hub: BacnetHub,
        text: str,
        subentry: ConfigSubentry,
        errors: dict[str, str],
    ) -> str:
        """Return the address once the device has answered there."""
        try:
            address = _parse_address(text)
        except ValueError:
            errors[CONF_ADDRESS] = "invalid_address"
            return text
        if address != subentry.data[CONF_ADDRESS]:
            info = await hub.client.directory.find(
                subentry.data[CONF_INSTANCE], address, timeout=_FIND_SECONDS
            )
            if info is None:
                errors[CONF_ADDRESS] = "no_answer"
        return address


def _parse_address(text: str) -> str:
    """Return the address of one device as the node reports it; raises ValueError."""
    address = normalized_address(text)
    if "*" in address:
        raise ValueError("a broadcast is no device")
    return address


def _parse_target(
    user_input: Mapping[str, Any], errors: dict[str, str]
) -> tuple[int | None, str | None]:
    """Return instance and address of a device that is looked for."""
    instance = user_input.get(CONF_INSTANCE)
    address = user_input.get(CONF_ADDRESS)
    if instance is None and not address:
        errors["base"] = "nothing_given"
    if instance is not None:
        instance = int(instance)
        if not 0 <= instance <= MAX_INSTANCE:
            errors[CONF_INSTANCE] = "instance_out_of_range"
    if address:
        try:
            address = _parse_address(address)
        except ValueError:
            errors[CONF_ADDRESS] = "invalid_address"
    return instance, address or None


# --- virtual devices ------------------------------------------------------------------------


class VirtualDeviceSubentryFlowHandler(_SubentryFlowHandler):
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
