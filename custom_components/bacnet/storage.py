"""What is remembered over restarts, beside the configuration."""

from collections.abc import Mapping
from typing import Any, TypedDict

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.storage import Store

from .client.capabilities import Capabilities
from .client.device import DeviceSession
from .client.models import Inventory
from .const import DOMAIN
from .node.types import ObjectId
from .server.values import PresentValue

_VERSION = 1
_SAVE_DELAY = 1.0


class DeviceStore:
    """Points and abilities of one remote device, and which points are only offered."""

    def __init__(self, hass: HomeAssistant, instance: int) -> None:
        """Prepare the file of a device."""
        self._store: Store[dict[str, Any]] = Store(
            hass, _VERSION, f"{DOMAIN}.device.{instance}"
        )
        self._data: dict[str, Any] = {}
        self._inventory: Inventory | None = None
        self.known: set[ObjectId] = set()
        self.offered: set[ObjectId] = set()

    async def async_load(self) -> tuple[Inventory | None, Capabilities | None]:
        """Return what is known of the device."""
        data = await self._store.async_load()
        if data is None:
            return None, None
        self._data = data
        self._inventory = Inventory.from_dict(data["inventory"])
        self.known = set(self._inventory.points)
        self.offered = set(map(ObjectId.parse, data["offered"]))
        return self._inventory, Capabilities.from_dict(data["capabilities"])

    @callback
    def async_save(self, session: DeviceSession) -> None:
        """Remember what a session found out, soon, and only when it is news."""
        inventory = session.inventory
        if inventory is None:
            return
        data = {
            "capabilities": session.capabilities.to_dict(),
            "offered": sorted(map(str, self.offered)),
        }
        if inventory is self._inventory and all(
            self._data.get(key) == value for key, value in data.items()
        ):
            return
        self._inventory = inventory
        self._data = data | {"inventory": None}
        self._store.async_delay_save(
            lambda: data | {"inventory": inventory.to_dict()}, _SAVE_DELAY
        )

    @callback
    def async_offer(self, object_ids: set[ObjectId]) -> None:
        """Hold points back until the user has seen them."""
        self.offered |= object_ids

    @callback
    def async_accept_offers(self) -> None:
        """Hold nothing back any more."""
        self.offered.clear()

    async def async_remove(self) -> None:
        """Forget the device."""
        await self._store.async_remove()


class _ExposureData(TypedDict):
    next_instance: dict[str, int]
    priority_arrays: dict[str, dict[str, Any]]


class ExposureStore:
    """Object instances that were given away, and the priority arrays of our objects."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Prepare the file."""
        self._store: Store[_ExposureData] = Store(
            hass, _VERSION, f"{DOMAIN}.exposures", atomic_writes=True
        )
        self._data: _ExposureData = {"next_instance": {}, "priority_arrays": {}}

    async def async_load(self) -> None:
        """Read the file."""
        self._data = await self._store.async_load() or self._data

    async def async_close(self) -> None:
        """Write what is not written yet."""
        await self._store.async_save(self._data)

    @callback
    def async_allocate(self, object_type: int) -> ObjectId:
        """Return an identifier that was never given away before.

        A building management system refers to ``analog-value,12`` for years: a number
        that once was another value must not come back.
        """
        key = str(int(object_type))
        instance = self._data["next_instance"].get(key, 1)
        self._data["next_instance"][key] = instance + 1
        self._async_schedule_save()
        return ObjectId(object_type, instance)

    @callback
    def async_reserve(self, object_id: ObjectId) -> None:
        """Make sure that an identifier in use is not given away (a restored backup)."""
        key = str(int(object_id.type))
        if self._data["next_instance"].get(key, 1) <= object_id.instance:
            self._data["next_instance"][key] = object_id.instance + 1
            self._async_schedule_save()

    def priority_array(self, object_id: ObjectId) -> dict[int, Any]:
        """Return the remembered slots of an object."""
        slots = self._data["priority_arrays"].get(str(object_id), {})
        return {int(priority): value for priority, value in slots.items()}

    @callback
    def async_remember(
        self, object_id: ObjectId, slots: Mapping[int, PresentValue]
    ) -> None:
        """Remember the slots of an object that are in use."""
        self._data["priority_arrays"][str(object_id)] = {
            str(priority): value for priority, value in slots.items()
        }
        self._async_schedule_save()

    @callback
    def async_forget(self, object_id: ObjectId) -> None:
        """Drop the slots of an object that is gone."""
        if self._data["priority_arrays"].pop(str(object_id), None) is not None:
            self._async_schedule_save()

    @callback
    def _async_schedule_save(self) -> None:
        self._store.async_delay_save(lambda: self._data, _SAVE_DELAY)
