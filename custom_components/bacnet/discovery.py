"""Cards for devices that were heard and are not set up, and warnings about conflicts."""

from typing import TYPE_CHECKING

from homeassistant.config_entries import SOURCE_INTEGRATION_DISCOVERY
from homeassistant.core import callback
from homeassistant.helpers import discovery_flow, issue_registry as ir

from .client.models import DeviceInfo
from .const import CONF_INSTANCE, DOMAIN, SUBENTRY_TYPE_DEVICE
from .device_data import device_data_of

if TYPE_CHECKING:
    from .hub import BacnetHub

_MAX_CARDS = 100
"""More cards in one run help nobody, and I-Ams can be forged."""


class DeviceDiscovery:
    """Looks at every I-Am for what the user should know of."""

    def __init__(self, hub: BacnetHub) -> None:
        """Start with nothing shown."""
        self._hub = hub
        self._shown: set[int] = set()
        self._conflicts: set[int] = set()

    @callback
    def async_heard(self, info: DeviceInfo) -> None:
        """Take notice of an I-Am."""
        self._async_check_conflict(info)
        if (
            info.instance in self._shown
            or len(self._shown) >= _MAX_CARDS
            or info.instance == self._hub.data[CONF_INSTANCE]
            or self._is_set_up(info.instance)
        ):
            return
        self._shown.add(info.instance)
        discovery_flow.async_create_flow(
            self._hub.hass,
            DOMAIN,
            context={"source": SOURCE_INTEGRATION_DISCOVERY},
            data=device_data_of(info),
        )

    def _is_set_up(self, instance: int) -> bool:
        devices = self._hub.entry.get_subentries_of_type(SUBENTRY_TYPE_DEVICE)
        return any(subentry.unique_id == str(instance) for subentry in devices)

    @callback
    def _async_check_conflict(self, info: DeviceInfo) -> None:
        """Warn of two devices with one instance, ours included, until they are apart."""
        instance = info.instance
        addresses = self._hub.client.directory.conflicts.get(instance, set())
        if instance == self._hub.data[CONF_INSTANCE]:
            addresses = {info.address, self._hub.node.address}
        if not addresses:
            if instance in self._conflicts:
                self._conflicts.discard(instance)
                ir.async_delete_issue(self._hub.hass, DOMAIN, _issue_id(instance))
            return
        self._conflicts.add(instance)
        ir.async_create_issue(
            self._hub.hass,
            DOMAIN,
            _issue_id(instance),
            is_fixable=False,
            severity=ir.IssueSeverity.ERROR,
            translation_key="duplicate_instance",
            translation_placeholders={
                "instance": str(instance),
                "addresses": ", ".join(sorted(addresses)),
            },
        )

    @callback
    def async_set_up(self, instance: int) -> None:
        """Take back the card of a device that was added by another way."""
        flows = self._hub.hass.config_entries.flow
        for flow in flows.async_progress_by_handler(
            DOMAIN, match_context={"unique_id": str(instance)}
        ):
            flows.async_abort(flow["flow_id"])


def _issue_id(instance: int) -> str:
    return f"duplicate_instance_{instance}"
