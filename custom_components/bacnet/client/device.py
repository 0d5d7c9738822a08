"""One remote device: its inventory, the values of its points, and writing to them."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
import logging
from random import uniform
from time import monotonic
from types import MappingProxyType

from ..node.enumerations import (
    ConfirmedService,
    ErrorCode,
    ObjectType,
    PropertyIdentifier,
)
from ..node.errors import BacnetError, NoResponseError, ServiceError
from ..node.node import Node, normalized_address
from ..node.services import CovNotification, PropertyWrite, encode_write_property
from ..node.types import BitString, ObjectId, Primitive, PropertyReference
from .capabilities import Capabilities
from .cov import CovDispatcher, CovSettings, CovSubscriber
from .inventory import DeviceStatus, is_current, read_inventory, read_status
from .link import DeviceLink, Urgency
from .models import DeviceInfo, Inventory, Point, PointValue, StatusFlags
from .reader import PropertyReader, Result, Results
from .readings import UNKNOWN, Readings, Unknown
from .values import STATUS_FLAGS, encode_property_value, point_data

_LOGGER = logging.getLogger(__name__)

_PRESENT_VALUE = PropertyIdentifier.PRESENT_VALUE
_STATUS_FLAGS = PropertyIdentifier.STATUS_FLAGS
_RELIABILITY = PropertyIdentifier.RELIABILITY
_PRIORITY = PropertyIdentifier.CURRENT_COMMAND_PRIORITY
_PRIORITY_ARRAY = PropertyIdentifier.PRIORITY_ARRAY

_SLOTS = 16

_SETTLING_TIME = 0.25
_SETTLED_TIME = 1.5
"""Devices take a command over in their next cycle: when to look, and look again."""

_SIGNS_OF_LIFE = 10
"""Covered points that are read when there is nothing else to read."""

_RESTART_CHECK_INTERVAL = 60.0
_BLIND_RESUBSCRIPTION_INTERVAL = 600.0
"""An I-Am may mean a restart, but mostly somebody has sent a Who-Is."""


class DeviceSession:
    """Everything we do with one remote device."""

    def __init__(
        self,
        node: Node,
        info: DeviceInfo,
        *,
        inventory: Inventory | None = None,
        capabilities: Capabilities | None = None,
        dispatcher: CovDispatcher | None = None,
        cov_settings: CovSettings | None = None,
    ) -> None:
        """Start with what is remembered; nothing is sent yet.

        Without a dispatcher of COV notifications everything is polled.
        """
        self._link = DeviceLink(node, info, self._returned)
        self.capabilities = capabilities or Capabilities()
        self._reader = PropertyReader(node, info, self.capabilities, link=self._link)
        self._inventory = inventory
        self._readings = Readings()
        self._plan: dict[ObjectId, tuple[PropertyReference, ...]] = {}
        self._due: set[ObjectId] = set()
        self._cov = (
            CovSubscriber(
                self._link,
                self.capabilities,
                dispatcher,
                self._notified,
                cov_settings or CovSettings(),
            )
            if dispatcher is not None
            else None
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._checking_restart = False
        self._restart_checked_at = -_BLIND_RESUBSCRIPTION_INTERVAL
        self._restarted_at: bytes | None = None
        self._unsettled: set[ObjectId] = set()
        node.learn_peer(info.address, info.max_apdu, info.segmentation)

    # --- what others see --------------------------------------------------------------

    @property
    def info(self) -> DeviceInfo:
        """Return where the device is and what it can take."""
        return self._link.info

    @property
    def inventory(self) -> Inventory | None:
        """Return what is known of the device and its points."""
        return self._inventory

    @property
    def values(self) -> Mapping[ObjectId, PointValue]:
        """Return the latest value of each selected point that was read."""
        return MappingProxyType(self._readings.values)

    @property
    def is_silent(self) -> bool:
        """Return whether the device has stopped answering."""
        return self._link.silent

    @property
    def round_trip(self) -> float | None:
        """Return how long answers take, in seconds."""
        return self._link.round_trip

    @property
    def cov_count(self) -> int:
        """Return how many points are kept up to date by notifications."""
        return 0 if self._cov is None else self._cov.covered_count

    @property
    def polled_count(self) -> int:
        """Return how many points are polled."""
        return len(self._plan) - self.cov_count

    @property
    def cov_text(self) -> str:
        """Return both counts in words: ``COV 20/20, 140 polled``."""
        wanted = 0 if self._cov is None else self._cov.wanted_count
        return f"COV {self.cov_count}/{wanted}, {self.polled_count} polled"

    # --- the device moves, restarts, returns ------------------------------------------

    def update_info(self, info: DeviceInfo) -> None:
        """Follow the device to another address."""
        self._link.node.learn_peer(info.address, info.max_apdu, info.segmentation)
        moved = info.address != self._link.info.address
        self._link.update_info(info)
        if moved and self._cov is not None:
            self._cov.resubscribe()

    def update_address(self, address: str) -> None:
        """Follow the device to an address that somebody has typed; ValueError."""
        self.update_info(replace(self.info, address=normalized_address(address)))

    def heard(self) -> None:
        """Take notice of an I-Am: the device may be back, or have restarted."""
        self._link.heard()
        if (
            self._cov is not None
            and self._cov.active_count
            and not self._link.silent
            and not self._checking_restart
        ):
            self._checking_restart = True
            self._spawn(self._check_restart(self._cov))

    async def _check_restart(self, cov: CovSubscriber) -> None:
        """Subscribe again after a restart, or when there is no way to tell."""
        try:
            interval = (
                _BLIND_RESUBSCRIPTION_INTERVAL
                if self._restarted_at is None
                else _RESTART_CHECK_INTERVAL
            )
            next_at = self._restart_checked_at + interval
            await asyncio.sleep(max(next_at - monotonic(), 0) + uniform(0, 1))
            known = self._restarted_at
            self._note_status(await read_status(self._reader))
            if known is None or self._restarted_at != known:
                cov.resubscribe()
        except BacnetError as error:
            _LOGGER.debug("%s can not be checked: %s", self.info.address, error)
        finally:
            self._checking_restart = False

    def _note_status(self, status: DeviceStatus) -> None:
        self._restart_checked_at = monotonic()
        self._restarted_at = status.restarted_at

    def _returned(self) -> None:
        if self._cov is not None:
            self._cov.resubscribe()

    async def close(self) -> None:
        """Let go of the device: end all tasks, cancel the subscriptions."""
        self._readings.clear_callbacks()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._cov is not None:
            await self._cov.close()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- inventory --------------------------------------------------------------------

    async def load(self) -> Inventory:
        """Return the inventory: the remembered one where it is still right.

        Raises BacnetError when the device can not be read.
        """
        status = await read_status(self._reader)
        self._note_status(status)
        old = self._inventory
        if old is None or not is_current(old, status):
            new = await read_inventory(self._reader, status)
            if old is not None:
                _keep_what_was_proven(old, new)
            self._inventory = new
            self._plan = {item: self._references(item) for item in self._plan}
            return new
        return old

    async def is_current(self) -> bool:
        """Return whether the inventory still describes the device: one request.

        Raises BacnetError when the device can not be read.
        """
        status = await read_status(self._reader)
        return self._inventory is not None and is_current(self._inventory, status)

    def select(self, object_ids: Iterable[ObjectId]) -> None:
        """Set which points are kept up to date."""
        self._plan = {
            object_id: self._plan.get(object_id) or self._references(object_id)
            for object_id in object_ids
        }
        self._readings.keep(set(self._plan))
        self._due.intersection_update(self._plan)
        if self._cov is not None:
            self._cov.select(
                self._point(object_id) or Point(object_id=object_id)
                for object_id in self._plan
            )

    def _point(self, object_id: ObjectId) -> Point | None:
        inventory = self._inventory
        return None if inventory is None else inventory.points.get(object_id)

    def _references(self, object_id: ObjectId) -> tuple[PropertyReference, ...]:
        """Return what is read of a point each time."""
        point = self._point(object_id)
        property_ids = [_PRESENT_VALUE, _STATUS_FLAGS]
        if point is not None and point.reports_priority:
            property_ids.append(_PRIORITY)
        return tuple(PropertyReference(object_id, item) for item in property_ids)

    # --- values -----------------------------------------------------------------------

    def subscribe(
        self, object_id: ObjectId, callback: Callable[[], None]
    ) -> Callable[[], None]:
        """Have each change of a point reported; return how to end that."""
        return self._readings.subscribe(object_id, callback)

    async def poll(self, is_due: Callable[[ObjectId], bool] | None = None) -> None:
        """Read the selected points that no notification keeps up to date.

        ``is_due`` leaves out points this time, but none that was never read. What can
        not be read of a single point becomes its error. Raises NoResponseError when
        the device is silent.
        """
        await self._read_points(self._points_to_poll(is_due), Urgency.POLL)
        if self._link.silent:
            raise NoResponseError(f"{self.info.address} does not answer")
        if self._cov is not None:
            self._cov.start()

    def _points_to_poll(
        self, is_due: Callable[[ObjectId], bool] | None
    ) -> list[ObjectId]:
        points: Iterable[ObjectId] = self._plan
        if is_due is not None:
            values = self._readings.values
            points = (item for item in points if item not in values or is_due(item))
        cov = self._cov
        if cov is None:
            return list(points)
        now = monotonic()
        points = [
            item for item in points if item in self._due or not cov.covers(item, now)
        ]
        self._due.difference_update(points)
        return points or cov.oldest(_SIGNS_OF_LIFE)

    async def _read_points(self, points: Sequence[ObjectId], urgency: Urgency) -> None:
        """Read points, and why those in fault are; show whether the device lives."""
        values = self._readings.values
        references: list[PropertyReference] = []
        for object_id in points:
            references += self._plan.get(object_id) or self._references(object_id)
            value = values.get(object_id)
            if value is not None and value.reliability is not None:
                references.append(PropertyReference(object_id, _RELIABILITY))
        if not references:
            device = ObjectId(ObjectType.DEVICE, self.info.instance)
            references.append(
                PropertyReference(device, PropertyIdentifier.OBJECT_IDENTIFIER)
            )
            await self._reader.read(references, urgency)
            return
        await self._reader.read(references, urgency, self._take)
        in_fault = [
            PropertyReference(object_id, _RELIABILITY)
            for object_id in points
            if (value := values.get(object_id)) is not None
            and value.reliability is None
            and value.status_flags is not None
            and value.status_flags.fault
        ]
        if in_fault and not self._link.silent:
            await self._reader.read(in_fault, urgency, self._take)

    def _take(self, found: Results) -> None:
        """Take an answer apart, object by object."""
        objects: dict[ObjectId, dict[int, Result]] = {}
        for (object_id, property_id, _), result in found.items():
            properties = objects.get(object_id)
            if properties is None:
                properties = objects[object_id] = {}
            properties[property_id] = result
        for object_id, properties in objects.items():
            self._take_point(object_id, properties)

    def _take_point(
        self, object_id: ObjectId, properties: Mapping[int, Result]
    ) -> None:
        result = properties.get(_PRESENT_VALUE, UNKNOWN)
        if isinstance(result, Unknown):
            # The rest of an object whose value came with another answer.
            old = self._readings.values.get(object_id)
            if old is None:
                return
            data = old.value if old.error is None else old.error
        elif isinstance(result, BacnetError):
            data = result
        else:
            data = point_data(result, object_id.type)
            if self._cov is not None:
                self._cov.checked(object_id, result)
        reliability = properties.get(_RELIABILITY, UNKNOWN)
        priority = properties.get(_PRIORITY, UNKNOWN)
        self._readings.take(
            object_id,
            data,
            self._flags(object_id, properties),
            _number(reliability),
            _number(priority),
        )

    def _flags(
        self, object_id: ObjectId, properties: Mapping[int, Result]
    ) -> StatusFlags | Unknown | None:
        flags = properties.get(_STATUS_FLAGS, UNKNOWN)
        if isinstance(flags, BitString):
            return STATUS_FLAGS.get(flags) or STATUS_FLAGS.get(flags[:4])
        if isinstance(flags, Unknown):
            return flags
        if (
            isinstance(flags, ServiceError)
            and flags.error_code == ErrorCode.UNKNOWN_PROPERTY
            and object_id in self._plan
        ):
            self._plan[object_id] = tuple(
                reference
                for reference in self._plan[object_id]
                if reference.property_id != _STATUS_FLAGS
            )
        return None

    def _notified(self, notification: CovNotification) -> None:
        """Take a COV notification."""
        object_id = notification.object_id
        if object_id not in self._plan:
            return
        self._link.heard()
        old = self._readings.values.get(object_id)
        properties = {
            property_id: result
            for (property_id, index), result in notification.values.items()
            if index is None
        }
        self._take_notified(object_id, properties, old)

    def _take_notified(
        self,
        object_id: ObjectId,
        properties: Mapping[int, Result],
        old: PointValue | None,
    ) -> None:
        result = properties.get(_PRESENT_VALUE)
        if result is None or isinstance(result, BacnetError):
            self._due.add(object_id)
            return
        flags = self._flags(object_id, properties)
        self._readings.take(
            object_id,
            point_data(result, object_id.type),
            flags,
            priority=None if old is None else old.priority,
        )
        point = self._point(object_id)
        if (point is not None and point.reports_priority) or (
            isinstance(flags, StatusFlags) and flags.fault
        ):
            # The notification does not tell who commands, nor what is wrong.
            self._due.add(object_id)

    async def read(
        self, references: Sequence[PropertyReference]
    ) -> dict[PropertyReference, Result]:
        """Return any properties of the device, each with its value or its error.

        Raises NoResponseError when the device is silent.
        """
        return await self._reader.read(references, Urgency.ACTION)

    async def read_priority_array(self, object_id: ObjectId) -> list[Primitive]:
        """Return the sixteen slots of a commandable point; None is an empty one.

        Raises BacnetError.
        """
        reference = PropertyReference(object_id, _PRIORITY_ARRAY)
        slots = _slots(await self._reader.read_one(reference, Urgency.ACTION))
        if slots is None:
            raise BacnetError(f"{object_id} has no simple priority array")
        return slots

    # --- writing ----------------------------------------------------------------------

    async def write(
        self,
        object_id: ObjectId,
        value: object,
        *,
        priority: int | None,
        property_id: int = _PRESENT_VALUE,
    ) -> PointValue:
        """Write a value, None to relinquish, and return what the device says then.

        A point that is not commandable is written without a priority. The write is
        never repeated: after NoResponseError it may or may not have been done.
        Raises BacnetError.
        """
        point = self._point(object_id)
        commandable = point is None or point.commandable
        encoded = encode_property_value(object_id.type, property_id, value)
        write = PropertyWrite(
            reference=PropertyReference(object_id, property_id),
            value=encoded,
            priority=priority if commandable else None,
        )
        config = self._link.node.config
        try:
            await self._link.request_once(
                ConfirmedService.WRITE_PROPERTY,
                encode_write_property(write),
                urgency=Urgency.ACTION,
                timeout=config.apdu_timeout * (config.apdu_retries + 1),
            )
        except ServiceError as error:
            if error.error_code == ErrorCode.WRITE_ACCESS_DENIED:
                self._note_writable(object_id, property_id, writable=False)
            raise
        except NoResponseError:
            self._look_again(object_id)
            raise
        self._note_writable(object_id, property_id, writable=True)
        effective, slot = await self._read_back(object_id, commandable=commandable)
        overridden = slot is not None and priority is not None and slot < priority
        if value is None or (
            property_id == _PRESENT_VALUE and effective != encoded and not overridden
        ):
            # Many devices take a command over a moment later.
            await asyncio.sleep(_SETTLING_TIME)
            await self._read_back(object_id, commandable=commandable)
            self._look_again(object_id)
        return self._readings.values.get(object_id, PointValue())

    async def _read_back(
        self, object_id: ObjectId, *, commandable: bool
    ) -> tuple[bytes | None, int | None]:
        """Read a point after a write; return its encoded value and active slot."""
        references = [*(self._plan.get(object_id) or self._references(object_id))]
        array = PropertyReference(object_id, _PRIORITY_ARRAY)
        if commandable and references[-1].property_id != _PRIORITY:
            references.append(array)
        found = await self._reader.read(references, Urgency.ACTION)
        properties = {
            reference.property_id: result for reference, result in found.items()
        }
        slots = _slots(found.get(array))
        if slots is not None:
            properties[_PRIORITY] = next(
                (number for number, slot in enumerate(slots, 1) if slot is not None),
                None,
            )
        self._take_point(object_id, properties)
        value = properties[_PRESENT_VALUE]
        if isinstance(value, BacnetError):
            return None, None
        slot = properties.get(_PRIORITY)
        return (
            encode_property_value(object_id.type, _PRESENT_VALUE, value),
            slot if isinstance(slot, int) else None,
        )

    def _note_writable(
        self, object_id: ObjectId, property_id: int, *, writable: bool
    ) -> None:
        point = self._point(object_id)
        if (
            self._inventory is not None
            and point is not None
            and property_id == _PRESENT_VALUE
            and point.writable is not writable
        ):
            self._inventory.points[object_id] = replace(point, writable=writable)

    def _look_again(self, object_id: ObjectId) -> None:
        """Read a point a little later, once for all that ask in between."""
        self._unsettled.add(object_id)
        if len(self._unsettled) == 1:
            self._spawn(self._read_unsettled())

    async def _read_unsettled(self) -> None:
        await asyncio.sleep(_SETTLED_TIME)
        points = list(self._unsettled)
        self._unsettled.clear()
        try:
            await self._read_points(points, Urgency.ACTION)
        except BacnetError as error:
            _LOGGER.debug("%s can not be read: %s", self.info.address, error)


def _number(result: Result | Unknown) -> int | Unknown | None:
    if isinstance(result, Unknown):
        return result
    return int(result) if isinstance(result, int) else None


def _slots(value: Result) -> list[Primitive] | None:
    """Return the slots of a priority array of primitive values."""
    if isinstance(value, list) and len(value) == _SLOTS:
        return value
    return None


def _keep_what_was_proven(old: Inventory, new: Inventory) -> None:
    """Carry over what no property tells."""
    for object_id, point in new.points.items():
        before = old.points.get(object_id)
        if before is not None and before.writable is not None:
            new.points[object_id] = replace(point, writable=before.writable)
