"""Keeping one remote device up to date."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
import logging
from time import monotonic
from typing import TYPE_CHECKING, override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_ADDRESS, Platform
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .client.device import DeviceSession
from .client.models import DeviceInfo, Inventory, Point, PointValue
from .const import DOMAIN, NEW_POINTS_OFFER, POLL_FAST, POLL_NORMAL, POLL_SLOW
from .device_settings import DeviceSettings
from .node.enumerations import ErrorCode
from .node.errors import BacnetError, NodeStoppedError, ServiceError
from .node.types import ObjectId
from .storage import DeviceStore

if TYPE_CHECKING:
    from .hub import BacnetConfigEntry

_LOGGER = logging.getLogger(__name__)

_INVENTORY_INTERVAL = 600.0
"""Seconds between looks at whether the device still has the same objects: one request."""

_FAST, _SLOW = 3, 10
"""A fast point is polled this many times in an interval; a slow one every so many."""

_UNREAD = PointValue()


class DeviceCoordinator(DataUpdateCoordinator[None]):
    """Availability and polling of one device.

    Values go from the session to the one entity whose point changed; the listeners
    of the coordinator only hear of lost and regained contact.
    """

    config_entry: BacnetConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: BacnetConfigEntry,
        subentry: ConfigSubentry,
        session: DeviceSession,
        store: DeviceStore,
        on_points: Callable[[DeviceCoordinator], None],
    ) -> None:
        """Prepare; ``on_points`` is called when other points have to be entities."""
        super().__init__(
            hass, _LOGGER, config_entry=entry, name=subentry.title, always_update=False
        )
        self.subentry = subentry
        self._data = subentry.data
        self.session = session
        self.settings = DeviceSettings.from_data(subentry.data)
        self._store = store
        self._on_points = on_points
        self._followed: dict[ObjectId, int] = {}
        self._inventory: Inventory | None = None
        self._checked_at: float | None = None
        self._selecting = False
        self._after_poll: list[CALLBACK_TYPE] = []
        self._cycle = 0
        self._cycles = 1
        self._polls: dict[ObjectId, str] = {}
        self._refresh: asyncio.Task[None] | None = None
        self._set_interval()

    # --- what the device is ------------------------------------------------------------

    @property
    def instance(self) -> int:
        """Return the device instance."""
        return self.session.info.instance

    @property
    def inventory(self) -> Inventory | None:
        """Return what is known of the device."""
        return self.session.inventory

    def unique_id_of(self, point: Point) -> str:
        """Return what identifies a point for ever: device instance and object."""
        return f"{self.instance}-{point.object_id}"

    def reading_of(self, point: Point) -> PointValue:
        """Return the latest reading of a point."""
        return self.session.values.get(point.object_id, _UNREAD)

    @property
    def points(self) -> list[Point]:
        """Return the points that are chosen to be entities."""
        inventory = self.session.inventory
        if inventory is None:
            return []
        return [
            point
            for point in inventory.points.values()
            if self.settings.selection.matches(point)
            and point.object_id not in self._store.offered
        ]

    @property
    def platforms(self) -> dict[Platform, list[Point]]:
        """Return the chosen points by the platforms of their entities."""
        platforms: dict[Platform, list[Point]] = {}
        for point in self.points:
            platforms.setdefault(self.settings.platform_of(point), []).append(point)
            if point.commandable:
                platforms.setdefault(Platform.BUTTON, []).append(point)
        return platforms

    # --- life --------------------------------------------------------------------------

    @callback
    def async_show(self) -> None:
        """Show the points that are known from an earlier run."""
        self._async_take_inventory()

    @callback
    def async_start(self) -> None:
        """Begin to poll."""
        # Without a listener a coordinator does not poll; entities come later.
        self.async_add_listener(self._async_contact_changed)
        self._async_refresh_soon()

    @callback
    def async_update(self, subentry: ConfigSubentry) -> None:
        """Take a changed configuration, live."""
        # Home Assistant changes the subentry in place.
        if subentry.data is self._data and subentry.title == self.name:
            return
        self.subentry = subentry
        self._data = subentry.data
        self.name = subentry.title
        self.settings = DeviceSettings.from_data(subentry.data)
        self._set_interval()
        address = subentry.data[CONF_ADDRESS]
        if address != self.session.info.address:
            self.session.update_address(address)
        self._store.async_accept_offers()
        ir.async_delete_issue(self.hass, DOMAIN, self._issue_id("new_points"))
        self._async_select()
        self._on_points(self)
        self.async_update_listeners()
        self._async_refresh_soon()

    @callback
    def async_moved(self, info: DeviceInfo) -> None:
        """Keep the new address of the device; the session follows it already."""
        _LOGGER.info("%s moved to %s", self.name, info.address)
        self.hass.config_entries.async_update_subentry(
            self.config_entry,
            self.subentry,
            data={**self.subentry.data, CONF_ADDRESS: info.address},
        )

    @callback
    def async_heard(self) -> None:
        """Ask a silent device again at once: it has just said that it is there."""
        if not self.last_update_success:
            self._async_refresh_soon()

    @callback
    def _async_refresh_soon(self) -> None:
        """Refresh at once, unless that is under way."""
        if self._refresh is None or self._refresh.done():
            self._refresh = self.config_entry.async_create_background_task(
                self.hass, self.async_refresh(), f"{DOMAIN} refresh of {self.name}"
            )

    @override
    async def async_shutdown(self) -> None:
        """Stop polling."""
        await super().async_shutdown()
        self._store.async_save(self.session)

    async def async_forget(self) -> None:
        """Forget what was remembered of the device, also what is not written yet."""
        await self._store.async_remove()

    @callback
    def _async_contact_changed(self) -> None:
        _LOGGER.debug("%s answers: %s", self.name, self.last_update_success)

    # --- polling -----------------------------------------------------------------------

    def _set_interval(self) -> None:
        """Poll as often as the fastest point wants it."""
        self._polls = {
            object_id: point.poll
            for object_id, point in self.settings.points.items()
            if point.poll != POLL_NORMAL
        }
        self._cycles = _FAST if POLL_FAST in self._polls.values() else 1
        self.update_interval = timedelta(
            seconds=self.settings.scan_interval / self._cycles
        )

    def _is_due(self, object_id: ObjectId) -> bool:
        """Return whether a point is read in this cycle."""
        poll = self._polls.get(object_id, POLL_NORMAL)
        every = {POLL_FAST: 1, POLL_SLOW: self._cycles * _SLOW}
        return self._cycle % every.get(poll, self._cycles) == 0

    @override
    async def _async_update_data(self) -> None:
        """Look whether the inventory is right where that is due, then read the values."""
        try:
            now = monotonic()
            if self._checked_at is None or now - self._checked_at > _INVENTORY_INTERVAL:
                await self.session.load()
                self._checked_at = now
                self._async_take_inventory()
            await self.session.poll(self._is_due)
        except NodeStoppedError:
            # The entry is being unloaded; that is no failure of the device.
            return
        except BacnetError as error:
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key="device_not_answering",
                translation_placeholders={"device": self.name, "error": str(error)},
            ) from error
        self._cycle += 1
        self._store.async_save(self.session)
        for update in self._after_poll:
            update()

    @callback
    def _async_take_inventory(self) -> None:
        """Show what is new in the inventory, or offer it, as the user wants."""
        inventory, old = self.session.inventory, self._inventory
        if inventory is None or inventory is old:
            return
        self._inventory = inventory
        known = self._store.known if old is None else set(old.points)
        if known and self.settings.new_points == NEW_POINTS_OFFER:
            self._async_offer(inventory.points.keys() - known)
        self._store.async_save(self.session)
        self._async_select()
        self._on_points(self)

    @callback
    def _async_offer(self, new: set[ObjectId]) -> None:
        self._store.async_offer(new)
        if self._store.offered:
            ir.async_create_issue(
                self.hass,
                DOMAIN,
                self._issue_id("new_points"),
                is_fixable=False,
                severity=ir.IssueSeverity.WARNING,
                translation_key="new_points",
                translation_placeholders={
                    "device": self.name,
                    "count": str(len(self._store.offered)),
                },
            )

    @callback
    def async_after_poll(self, update: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Have each poll reported; return how to end that."""
        self._after_poll.append(update)
        return lambda: self._after_poll.remove(update)

    # --- following points ----------------------------------------------------------------

    @callback
    def async_follow(
        self, object_id: ObjectId, update: Callable[[], None]
    ) -> CALLBACK_TYPE:
        """Keep a point up to date for an entity; return how to end that."""
        self._followed[object_id] = self._followed.get(object_id, 0) + 1
        unsubscribe = self.session.subscribe(object_id, update)

        @callback
        def unfollow() -> None:
            unsubscribe()
            self._followed[object_id] -= 1
            if not self._followed[object_id]:
                del self._followed[object_id]
                self._async_select_soon()

        return unfollow

    @callback
    def _async_select_soon(self) -> None:
        """Select once for all entities that come and go in this turn of the loop."""
        if not self._selecting and not self._shutdown_requested:
            self._selecting = True
            self.hass.loop.call_soon(self._async_select)

    @callback
    def _async_select(self) -> None:
        """Keep up to date what is chosen, unless its entity is disabled."""
        self._selecting = False
        if self._shutdown_requested:
            return
        hub = self.config_entry.runtime_data
        self.session.select(
            point.object_id
            for point in self.points
            if point.object_id in self._followed
            or hub.point_entities.is_enabled(
                self.settings.platform_of(point), self.unique_id_of(point)
            )
        )

    # --- writing -------------------------------------------------------------------------

    def is_refused(self, point: Point) -> bool:
        """Return whether the device is known to refuse writes to a point."""
        inventory = self.session.inventory
        known = None if inventory is None else inventory.points.get(point.object_id)
        return known is not None and known.writable is False

    async def async_write(self, point: Point, value: object) -> PointValue:
        """Write present-value and return what the device made of it.

        Raises BacnetError. A device that denies the access will go on to do so: the
        entity loses its ability to write, and a repair issue says why.
        """
        try:
            reading = await self.session.write(
                point.object_id, value, priority=self.settings.priority_of(point)
            )
        except ServiceError as error:
            if error.error_code == ErrorCode.WRITE_ACCESS_DENIED:
                self._async_note_refused(point)
            raise
        self._async_forget_refused(point.object_id)
        return reading

    @callback
    def _async_note_refused(self, point: Point) -> None:
        ir.async_create_issue(
            self.hass,
            DOMAIN,
            self._issue_id("write_refused", point.object_id),
            is_fixable=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key="write_refused",
            translation_placeholders={
                "device": self.name,
                "point": self.settings.name_of(point),
                "object": str(point.object_id),
            },
            data={
                "subentry_id": self.subentry.subentry_id,
                "object_id": str(point.object_id),
            },
        )

    @callback
    def async_forgive(self, object_id: ObjectId) -> None:
        """Let a point that refused a write be written again."""
        inventory = self.session.inventory
        if inventory is not None and object_id in inventory.points:
            inventory.points[object_id] = replace(
                inventory.points[object_id], writable=None
            )
            self._store.async_save(self.session)
        self._async_forget_refused(object_id)

    @callback
    def _async_forget_refused(self, object_id: ObjectId) -> None:
        ir.async_delete_issue(
            self.hass, DOMAIN, self._issue_id("write_refused", object_id)
        )

    def _issue_id(self, key: str, object_id: ObjectId | None = None) -> str:
        suffix = "" if object_id is None else f"_{object_id}"
        return f"{key}_{self.instance}{suffix}"
