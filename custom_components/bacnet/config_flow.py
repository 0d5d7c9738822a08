"""Setting up the node, its remote devices and its virtual devices."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface
from typing import Any, override

from homeassistant.components import network
from homeassistant.config_entries import (
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
)
from homeassistant.const import CONF_ADDRESS, CONF_NAME, CONF_PORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
from homeassistant.helpers.typing import DiscoveryInfoType
import voluptuous as vol

from .client.directory import Directory
from .const import (
    CONF_DEVICES,
    CONF_INSTANCE,
    CONF_INTERFACE,
    DEFAULT_INSTANCE,
    DEFAULT_PORT,
    DOMAIN,
    SUBENTRY_TYPE_DEVICE,
    SUBENTRY_TYPE_VIRTUAL_DEVICE,
)
from .device_data import device_info_of
from .device_flow import (
    INTEGER,
    MAX_LISTED,
    DeviceSubentryFlowHandler,
    as_subentry,
    device_selector,
    device_subentry,
)
from .hub import BacnetConfigEntry, BacnetHub, start_error_key
from .node.errors import AddressInUseError, NodeStartError
from .node.types import MAX_INSTANCE
from .options_flow import BacnetOptionsFlow
from .search import FoundDevice, async_describe, async_search, temporary_node
from .virtual_device_flow import VirtualDeviceSubentryFlowHandler

_INSTANCE_QUESTION_SECONDS = 1.0

_POINT_TO_POINT = 31
"""From this prefix on, all addresses of a network are those of stations."""


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

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: BacnetConfigEntry) -> BacnetOptionsFlow:
        """Return the flow for who may write and restart."""
        return BacnetOptionsFlow()

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
                vol.Required(CONF_PORT, default=DEFAULT_PORT): INTEGER,
                vol.Required(CONF_INSTANCE, default=DEFAULT_INSTANCE): INTEGER,
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
                        CONF_DEVICES,
                        # A large site is chosen from, not ticked off.
                        default=list(self._found)
                        if len(self._found) <= MAX_LISTED
                        else [],
                    ): device_selector(self._found.values())
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

    # --- a device that was heard --------------------------------------------------------

    @override
    async def async_step_integration_discovery(
        self, discovery_info: DiscoveryInfoType
    ) -> ConfigFlowResult:
        """Offer a device that announced itself; it becomes part of the node's entry."""
        instance = str(discovery_info[CONF_INSTANCE])
        await self.async_set_unique_id(instance)
        self._abort_if_unique_id_configured()
        hub = self._loaded_hub()
        if hub is None:
            return self.async_abort(reason="entry_not_loaded")
        if _is_set_up(hub, instance):
            return self.async_abort(reason="already_configured")
        device = await async_describe(hub.node, device_info_of(discovery_info))
        self._found = {instance: device}
        self.context["title_placeholders"] = {"name": device.title}
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Add the device, when the user wants it."""
        [(instance, device)] = self._found.items()
        if user_input is None:
            return self.async_show_form(
                step_id="confirm",
                data_schema=vol.Schema({}),
                description_placeholders={"label": device.label},
            )
        hub = self._loaded_hub()
        if hub is None:
            return self.async_abort(reason="entry_not_loaded")
        if _is_set_up(hub, instance):
            return self.async_abort(reason="already_configured")
        self.hass.config_entries.async_add_subentry(
            hub.entry, as_subentry(device_subentry(device))
        )
        return self.async_abort(
            reason="device_added", description_placeholders={"name": device.title}
        )

    @callback
    def _loaded_hub(self) -> BacnetHub | None:
        entries = self.hass.config_entries.async_loaded_entries(DOMAIN)
        return entries[0].runtime_data if entries else None

    @callback
    def _async_create(self, devices: Iterable[FoundDevice]) -> ConfigFlowResult:
        if self._async_current_entries():
            # Another flow was faster.
            return self.async_abort(reason="single_instance_allowed")
        return self.async_create_entry(
            title=_entry_title(self._data),
            data=self._data,
            subentries=[device_subentry(device) for device in devices],
        )


def _is_set_up(hub: BacnetHub, instance: str) -> bool:
    devices = hub.entry.get_subentries_of_type(SUBENTRY_TYPE_DEVICE)
    return any(subentry.unique_id == instance for subentry in devices)


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
