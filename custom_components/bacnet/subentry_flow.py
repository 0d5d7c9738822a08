"""What the flows of devices and of virtual devices share."""

from homeassistant.config_entries import ConfigEntryState, ConfigSubentryFlow
from homeassistant.core import callback
from homeassistant.data_entry_flow import AbortFlow

from .hub import BacnetConfigEntry, BacnetHub


class NodeSubentryFlow(ConfigSubentryFlow):
    """A flow that needs the running node."""

    @callback
    def _get_hub(self) -> BacnetHub:
        """Return what runs the node; where nothing does, the flow ends."""
        entry: BacnetConfigEntry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            raise AbortFlow("entry_not_loaded")
        return entry.runtime_data
