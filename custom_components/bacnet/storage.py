"""What is remembered over restarts, beside the configuration."""

from asyncio import TimerHandle
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import Any, TypedDict

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.storage import Store

from .client.capabilities import Capabilities
from .client.device import DeviceSession
from .client.models import Inventory
from .const import DOMAIN
from .node.enumerations import ObjectType
from .node.types import ObjectId
from .server.definition import ObjectDefinition

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


_PROMPT = 0.5
"""Seconds until something is written that must survive a crash."""

_LAZY = 30.0
"""Seconds until something is written that Home Assistant remembers as well."""

_OF_ITSELF = 2
"""How often a device that starts counts up: for itself and for its network port."""


class PacedStore[T]:
    """A store that writes soon after the first change, however many follow.

    What ``snapshot`` returns must not change any more: it is written in a thread.
    """

    def __init__(
        self, hass: HomeAssistant, name: str, snapshot: Callable[[], T]
    ) -> None:
        """Prepare the file."""
        self._hass = hass
        self._snapshot = snapshot
        self._store: Store[Any] = Store(
            hass,
            _VERSION,
            f"{DOMAIN}.{name}",
            atomic_writes=True,
            serialize_in_event_loop=False,
        )
        self._timer: TimerHandle | None = None

    async def async_load(self) -> T | None:
        """Read the file."""
        data: T | None = await self._store.async_load()
        return data

    @callback
    def async_schedule(self, delay: float = _PROMPT) -> None:
        """Write after a delay at the latest."""
        loop = self._hass.loop
        if self._timer is not None:
            if self._timer.when() <= loop.time() + delay:
                return
            self._timer.cancel()
        self._timer = loop.call_later(delay, self._async_due)

    @callback
    def _async_due(self) -> None:
        self._timer = None
        self._hass.async_create_task(
            self._store.async_save(self._snapshot()), f"{DOMAIN} save"
        )

    async def async_close(self) -> None:
        """Write what is there."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._store.async_save(self._snapshot())


class SavedObject(TypedDict, total=False):
    """What an object holds beside its definition."""

    slots: dict[str, Any]
    out_of_service: bool
    present_value: Any
    relinquish_default: Any
    own_value: Any


class _ExposureData(TypedDict):
    next_instance: dict[str, int]
    chosen_instances: dict[str, list[int]]
    definitions: dict[str, dict[str, Any]]
    views: dict[str, str]
    view_names: dict[str, str]
    device_name: str
    revision: int


def _plain(value: Any) -> Any:
    """Return a value as JSON can have it."""
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


_DEFINITION_FIELDS = {
    field.name: field.default
    for field in fields(ObjectDefinition)
    if field.name != "object_id"
}
"""What is kept of an object, and what it is where nothing is kept."""


class ExposureStore:
    """Object instances that were given away, and what our objects are and hold."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Prepare the files."""
        self._objects_file = PacedStore(hass, "exposures", self._snapshot)
        self._commands_file = PacedStore(hass, "commands", lambda: dict(self._saved))
        self._data: _ExposureData = {
            "next_instance": {},
            "chosen_instances": {},
            "definitions": {},
            "views": {},
            "view_names": {},
            "device_name": "",
            "revision": 0,
        }
        self._saved: dict[str, SavedObject] = {}
        self.revision: Callable[[], int] = lambda: self._data["revision"]
        """Returns the database revision, once there is a device."""

    async def async_load(self) -> None:
        """Read the files."""
        self._data |= await self._objects_file.async_load() or {}  # type: ignore[typeddict-item]
        self._saved = await self._commands_file.async_load() or {}

    async def async_close(self) -> None:
        """Write what is not written yet."""
        await self._objects_file.async_close()
        await self._commands_file.async_close()

    @callback
    def async_freeze_revision(self) -> None:
        """Keep the revision that the device has come to, before it is taken down."""
        revision = self._data["revision"] = self.revision()
        self.revision = lambda: revision

    def _snapshot(self) -> _ExposureData:
        # Records of objects are replaced, never changed: a copy of the table will do.
        self._data["revision"] = self.revision()
        return {
            **self._data,
            "next_instance": dict(self._data["next_instance"]),
            "chosen_instances": {
                key: list(numbers)
                for key, numbers in self._data["chosen_instances"].items()
            },
            "definitions": dict(self._data["definitions"]),
            "views": dict(self._data["views"]),
            "view_names": dict(self._data["view_names"]),
        }

    # --- instances ------------------------------------------------------------------

    @callback
    def async_allocate(self, object_type: int) -> ObjectId:
        """Return an identifier that was never given away before.

        A building management system refers to ``analog-value,12`` for years: a number
        that once was another value must not come back.
        """
        key = str(int(object_type))
        instance = self._data["next_instance"].get(key, 1)
        while instance in self._data["chosen_instances"].get(key, ()):
            instance += 1
        self._data["next_instance"][key] = instance + 1
        self._objects_file.async_schedule()
        return ObjectId(object_type, instance)

    @callback
    def async_choose(self, object_id: ObjectId) -> bool:
        """Give away an identifier that the user chose; False if it ever was before."""
        key = str(int(object_id.type))
        chosen = self._data["chosen_instances"].setdefault(key, [])
        if object_id.instance in chosen or (
            0 < object_id.instance < self._data["next_instance"].get(key, 1)
        ):
            return False
        chosen.append(object_id.instance)
        self._objects_file.async_schedule()
        return True

    @callback
    def async_reserve(self, object_id: ObjectId) -> None:
        """Make sure that an identifier in use is not given away (a restored backup)."""
        key = str(int(object_id.type))
        if object_id.instance in self._data["chosen_instances"].get(key, ()):
            return
        if self._data["next_instance"].get(key, 1) <= object_id.instance:
            self._data["next_instance"][key] = object_id.instance + 1
            self._objects_file.async_schedule()

    @callback
    def async_view_of(self, subentry_id: str) -> ObjectId:
        """Return the Structured View of a virtual device, always the same."""
        views = self._data["views"]
        if subentry_id not in views:
            views[subentry_id] = str(self.async_allocate(ObjectType.STRUCTURED_VIEW))
        return ObjectId.parse(views[subentry_id])

    # --- definitions ----------------------------------------------------------------

    def definition(self, object_id: ObjectId) -> ObjectDefinition | None:
        """Return what an object was when it was last known."""
        known = self._data["definitions"].get(str(object_id))
        if known is None:
            return None
        arguments = {name: known[name] for name in _DEFINITION_FIELDS if name in known}
        arguments["states"] = tuple(arguments.get("states", ()))
        return ObjectDefinition(object_id=object_id, **arguments)

    def definition_of(self, object_id: str) -> ObjectDefinition | None:
        """Return what an object is, given as text."""
        return self.definition(ObjectId.parse(object_id))

    @callback
    def async_keep_definition(self, definition: ObjectDefinition) -> None:
        """Keep what an object is, for when its entity is gone."""
        plain = {
            name: _plain(value)
            for name, default in _DEFINITION_FIELDS.items()
            if (value := getattr(definition, name)) != default
        }
        key = str(definition.object_id)
        if self._data["definitions"].get(key) != plain:
            self._data["definitions"][key] = plain
            self._objects_file.async_schedule()

    def view_name(self, object_id: ObjectId) -> str | None:
        """Return the name that a Structured View had."""
        return self._data["view_names"].get(str(object_id))

    @callback
    def async_keep_view_name(self, object_id: ObjectId, name: str) -> None:
        """Keep the name of a Structured View."""
        if self._data["view_names"].get(str(object_id)) != name:
            self._data["view_names"][str(object_id)] = name
            self._objects_file.async_schedule()

    @callback
    def async_begin(
        self, device_name: str, objects: Collection[ObjectId], subentries: set[str]
    ) -> int:
        """Return the database revision with which a device has to start.

        Everything that is added again counts; when all is as it was, the device comes
        to the revision that it had, so that nobody reads it anew. Objects that went
        while we were not running are forgotten, and count.
        """
        data = self._data
        revision = data["revision"]
        names = {str(object_id) for object_id in objects}
        gone = data["definitions"].keys() - names
        for key in gone:
            del data["definitions"][key]
            self._saved.pop(key, None)
        views = {
            view for key, view in data["views"].items() if key in subentries
        } & data["view_names"].keys()
        gone_views = data["view_names"].keys() - views
        for key in gone_views:
            del data["view_names"][key]
        changes = len(gone) + len(gone_views) + (device_name != data["device_name"])
        data["device_name"] = device_name
        if not revision:
            return 0
        kept = len(data["definitions"]) + len(views) + _OF_ITSELF
        return max(0, revision - kept + changes)

    # --- what objects hold ------------------------------------------------------------

    def saved(self, object_id: ObjectId) -> SavedObject:
        """Return what an object held."""
        return self._saved.get(str(object_id), {})

    @callback
    def async_remember(
        self, object_id: ObjectId, saved: SavedObject, *, prompt: bool = True
    ) -> None:
        """Remember what an object holds, at once where others rely on it."""
        plain: Any = {
            key: {str(slot): _plain(item) for slot, item in value.items()}
            if isinstance(value, Mapping)
            else _plain(value)
            for key, value in saved.items()
            if value is not None
        }
        if self._saved.get(str(object_id)) == plain:
            return
        self._saved[str(object_id)] = plain
        self._commands_file.async_schedule(_PROMPT if prompt else _LAZY)

    @callback
    def async_forget(self, object_id: ObjectId) -> None:
        """Drop what is known of an object that is gone."""
        key = str(object_id)
        if self._saved.pop(key, None) is not None:
            self._commands_file.async_schedule()
        self._data["definitions"].pop(key, None)
        self._objects_file.async_schedule()

    @callback
    def async_forget_view(self, subentry_id: str) -> None:
        """Drop the Structured View of a virtual device that is gone."""
        view = self._data["views"].pop(subentry_id, None)
        if view is not None:
            self._data["view_names"].pop(view, None)
            self._objects_file.async_schedule()
