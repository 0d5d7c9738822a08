"""Fixing what was found to be wrong."""

from typing import Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.const import CONF_PLATFORM
from homeassistant.core import HomeAssistant

from .const import CONF_POINTS, DOMAIN
from .coordinator import DeviceCoordinator
from .hub import BacnetConfigEntry
from .node.types import ObjectId
from .point_mapping import read_only_platform_of


class WriteRefusedFlow(RepairsFlow):
    """A device denies writing to a point: try again, or show it as read-only."""

    def __init__(self, coordinator: DeviceCoordinator, object_id: ObjectId) -> None:
        """Prepare for a point."""
        self._coordinator = coordinator
        self._object_id = object_id

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Offer both ways."""
        return self.async_show_menu(step_id="init", menu_options=["retry", "read_only"])

    async def async_step_retry(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Let the next write be sent again."""
        self._coordinator.async_forgive(self._object_id)
        return self.async_create_entry(data={})

    async def async_step_read_only(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Choose the read-only platform for the point."""
        subentry = self._coordinator.subentry
        object_id = self._object_id
        points: dict[str, Any] = dict(subentry.data.get(CONF_POINTS, {}))
        points[str(object_id)] = {
            **points.get(str(object_id), {}),
            CONF_PLATFORM: str(read_only_platform_of(object_id)),
        }
        self._coordinator.async_forgive(object_id)
        self.hass.config_entries.async_update_subentry(
            self._coordinator.config_entry,
            subentry,
            data={**subentry.data, CONF_POINTS: points},
        )
        return self.async_create_entry(data={})


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Return the flow that fixes an issue: so far only refused writes have one."""
    assert data is not None
    [entry] = hass.config_entries.async_loaded_entries(DOMAIN)
    loaded: BacnetConfigEntry = entry
    coordinator = loaded.runtime_data.devices[str(data["subentry_id"])]
    return WriteRefusedFlow(coordinator, ObjectId.parse(str(data["object_id"])))
