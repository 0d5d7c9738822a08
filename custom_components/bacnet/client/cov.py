"""Being told of changes instead of asking: COV subscriptions (clause 13.1).

A point whose subscription was accepted and has brought a notification is *covered*;
all others are polled. A device may refuse some subscriptions, accept only a kind of
them, lose them, or never notify: that costs only the cover.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from heapq import heappop, heappush
import logging
from math import inf
from random import uniform
from time import monotonic

from ..node.enumerations import (
    ConfirmedService,
    ErrorClass,
    ErrorCode,
    PropertyIdentifier,
    UnconfirmedService,
)
from ..node.errors import BacnetError, NoResponseError, RefusedError, ServiceError
from ..node.node import Node
from ..node.services import (
    CovNotification,
    CovSubscription,
    PropertySelection,
    decode_cov_notification,
    encode_subscribe_cov,
)
from ..node.types import ObjectId, Value
from .capabilities import Capabilities
from .link import DeviceLink, UnansweredError, Urgency
from .models import Point
from .refusals import CovRefusal, cov_refusal
from .subscription import COV_RANK, NOTHING, Subscription

_LOGGER = logging.getLogger(__name__)

PROCESS_ID = 1
"""The same for ever: after a restart of ours a subscription renews the old one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CovSettings:
    """How subscriptions are made and checked; times are in seconds."""

    lifetime: int = 1800
    """Asked for; it is renewed between 50 and 75 % of it."""

    safety_interval: float = 600.0
    """A covered point that was not heard of for so long is read."""

    grace: float = 10.0
    """A device that has not notified by then is not trusted with more."""

    retry: float = 3600.0
    """When a refused subscription is tried again; doubles each time, up to a day."""

    close_timeout: float = 3.0
    """How long the cancellations at the end may take."""


_PILOT = 20
"""How many subscriptions a device gets before its first notification."""

_TRIES = 3
"""How often something must fail before it is taken for a rule."""

_LONGEST_RETRY = 86_400.0
_BUSY_PAUSE = 60.0
_PRESENT_VALUE = PropertySelection(PropertyIdentifier.PRESENT_VALUE)


class CovDispatcher:
    """Passes the COV notifications a node receives to the subscribers concerned."""

    def __init__(self, node: Node) -> None:
        """Answer and listen from now on until ``close``."""
        self._subscribers: dict[int, CovSubscriber] = {}
        self._end_answering = node.answer(
            ConfirmedService.CONFIRMED_COV_NOTIFICATION, self._confirmed
        )
        self._unlisten = node.listen(
            UnconfirmedService.UNCONFIRMED_COV_NOTIFICATION, self._unconfirmed
        )

    def close(self) -> None:
        """Pass nothing on any more."""
        self._unlisten()
        self._end_answering()
        self._subscribers.clear()

    def add(self, subscriber: CovSubscriber) -> None:
        """Pass on what a subscriber's device notifies."""
        self._subscribers[subscriber.link.info.instance] = subscriber

    def remove(self, subscriber: CovSubscriber) -> None:
        """End that."""
        instance = subscriber.link.info.instance
        if self._subscribers.get(instance) is subscriber:
            del self._subscribers[instance]

    def _unconfirmed(self, source: str, parameters: bytes) -> None:
        self._dispatch(source, parameters)

    def _confirmed(self, source: str, parameters: bytes) -> None:
        """Acknowledge what was subscribed to; the device may drop the rest."""
        if not self._dispatch(source, parameters):
            raise ServiceError(ErrorClass.SERVICES, ErrorCode.UNKNOWN_SUBSCRIPTION)

    def _dispatch(self, source: str, parameters: bytes) -> bool:
        notification = decode_cov_notification(parameters)
        subscriber = self._subscribers.get(notification.device.instance)
        return (
            subscriber is not None
            and notification.process_id == PROCESS_ID
            # Another device with the same instance must not mix its values in.
            and subscriber.link.info.address == source
            and subscriber.notified(notification)
        )


class CovSubscriber:
    """The subscriptions to one device, from the first request to the cancellation.

    One task does it all, one request at a time.
    """

    def __init__(
        self,
        link: DeviceLink,
        capabilities: Capabilities,
        dispatcher: CovDispatcher,
        on_notification: Callable[[CovNotification], None],
        settings: CovSettings,
    ) -> None:
        """Register for notifications; nothing is sent before ``start``."""
        self.link = link
        self._capabilities = capabilities
        self._dispatcher = dispatcher
        self._on_notification = on_notification
        self._settings = settings
        self._subscriptions: dict[ObjectId, Subscription] = {}
        self._agenda: list[tuple[float, int, ObjectId]] = []
        self._cancellations: deque[ObjectId] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._started = False
        self._closed = False
        self._paused = False
        self._active_count = 0
        self._proven = False
        self._verdict_at = inf
        self._wants_confirmed = False
        self._unanswered = 0
        self._refused_types: dict[int, int] = {}
        self._accepted_types: set[int] = set()
        self._retry_pause = settings.retry
        self._retry_at = monotonic() + settings.retry
        dispatcher.add(self)

    # --- what others see --------------------------------------------------------------

    @property
    def active_count(self) -> int:
        """Return how many subscriptions the device has accepted."""
        return self._active_count

    @property
    def covered_count(self) -> int:
        """Return how many points need no polling."""
        return sum(item.is_covered for item in self._subscriptions.values())

    @property
    def wanted_count(self) -> int:
        """Return how many subscriptions there could be, within the device's budget."""
        wanted = len(self._subscriptions)
        budget = self._capabilities.cov_budget
        return wanted if budget is None else min(wanted, budget)

    def covers(self, object_id: ObjectId, now: float) -> bool:
        """Return whether a point was notified or checked a short while ago."""
        item = self._subscriptions.get(object_id)
        return (
            item is not None
            and item.is_covered
            and now - max(item.heard_at, item.checked_at)
            < self._settings.safety_interval
        )

    def oldest(self, number: int) -> list[ObjectId]:
        """Return the covered points that were not heard of for the longest time."""
        covered = [item for item in self._subscriptions.values() if item.is_covered]
        covered.sort(key=lambda item: max(item.heard_at, item.checked_at))
        return [item.object_id for item in covered[:number]]

    # --- what is wanted ---------------------------------------------------------------

    def select(self, points: Iterable[Point]) -> None:
        """Set which points to subscribe to, as far as their types can notify."""
        refused = self._capabilities.cov_refused_types
        wanted = [
            point
            for point in points
            if point.object_id.type in COV_RANK and point.object_id.type not in refused
        ]
        wanted.sort(key=lambda point: COV_RANK[point.object_id.type])
        ids = {point.object_id for point in wanted}
        for object_id in self._subscriptions.keys() - ids:
            self._end(self._subscriptions.pop(object_id))
        now = monotonic()
        for rank, point in enumerate(wanted):
            item = self._subscriptions.get(point.object_id)
            if item is None:
                item = Subscription(point, rank)
                self._subscriptions[point.object_id] = item
                with suppress(ValueError):
                    self._cancellations.remove(point.object_id)
                self._schedule(item, now)
            else:
                item.rank = rank
                item.increment = point.cov_increment
        self._work()

    def start(self) -> None:
        """Begin to subscribe."""
        self._started = True
        self._work()

    def resubscribe(self) -> None:
        """Subscribe again to everything: the device may have forgotten it."""
        self._paused = False
        now = monotonic()
        self._retry_at = 0.0
        self._verdict_at = inf
        for item in self._subscriptions.values():
            item.heard_at = -inf
            item.refusals = 0
            self._schedule(item, now)
        self._work()

    async def close(self) -> None:
        """Cancel everything as far as the device lets us in a short time."""
        self._dispatcher.remove(self)
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._cancellations.extend(
            item.object_id for item in self._subscriptions.values() if item.active
        )
        self._subscriptions.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.close_timeout):
                while self._cancellations and not self.link.silent:
                    await self._cancel(self._cancellations.popleft())

    # --- what is notified and checked -------------------------------------------------

    def notified(self, notification: CovNotification) -> bool:
        """Take a notification; return whether it was subscribed to."""
        item = self._subscriptions.get(notification.object_id)
        if item is None:
            return False
        item.heard_at = monotonic()
        value = notification.values.get(_PRESENT_VALUE, NOTHING)
        if not isinstance(value, BacnetError):
            item.value = value
        if not self._proven:
            self._prove()
        self._on_notification(notification)
        return True

    def checked(self, object_id: ObjectId, value: Value) -> None:
        """Compare what was read of a point with what was notified.

        A subscription that lets changes pass is renewed, and given up in the end.
        """
        item = self._subscriptions.get(object_id)
        if item is None or not item.active:
            return
        item.checked_at = monotonic()
        if not item.is_covered:
            return
        if not item.has_missed(value):
            item.misses = 0
            return
        item.misses += 1
        item.heard_at = -inf
        if item.misses < _TRIES:
            self._schedule(item, item.checked_at)
        else:
            item.misses = 0
            item.refusals += 1
            self._end(item)
            self._schedule(item, item.checked_at + self._settings.retry)
        self._work()

    # --- the task ---------------------------------------------------------------------

    def _work(self) -> None:
        self._wake.set()
        if (
            self._started
            and not self._closed
            and self._task is None
            and (self._subscriptions or self._cancellations)
        ):
            self._task = asyncio.get_running_loop().create_task(self._run())

    def _schedule(self, item: Subscription, due: float) -> None:
        item.due = due
        heappush(self._agenda, (due, item.rank, item.object_id))

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            if monotonic() >= self._verdict_at:
                self._judge()
            if self._paused:
                await self._wake.wait()
            elif self._cancellations:
                await self._cancel(self._cancellations.popleft())
            elif (item := self._next_due()) is not None:
                await self._subscribe(item)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._idle_time()):
                        await self._wake.wait()

    def _next_due(self) -> Subscription | None:
        """Take the next subscription off the agenda, if its time has come."""
        now = monotonic()
        while self._agenda and self._agenda[0][0] <= now:
            due, _, object_id = heappop(self._agenda)
            item = self._subscriptions.get(object_id)
            if item is None or item.due != due:
                continue
            if not item.active and (until := self._blocked_until()) > now:
                # They come in the order of their ranks again.
                self._schedule(item, until)
                continue
            return item
        return None

    def _blocked_until(self) -> float:
        """Return when it makes sense again to ask for one subscription more."""
        if self._capabilities.cov is False:
            return self._retry_at
        budget = self._capabilities.cov_budget
        if budget is not None and self._active_count >= budget:
            return self._retry_at
        if not self._proven and self._active_count >= _PILOT:
            return inf
        return 0.0

    def _idle_time(self) -> float | None:
        """Return how long there is nothing to do."""
        next_at = min(self._verdict_at, self._agenda[0][0] if self._agenda else inf)
        return None if next_at == inf else max(next_at - monotonic(), 0.0)

    def _end(self, item: Subscription) -> None:
        """Give a subscription up; its cancellation makes room for another."""
        if item.active:
            item.active = False
            self._active_count -= 1
            self._cancellations.append(item.object_id)

    def _wake_waiting(self) -> None:
        """Give those another chance that were not refused themselves."""
        now = monotonic()
        for item in self._subscriptions.values():
            if not item.active and not item.refusals:
                self._schedule(item, now)

    # --- requests ---------------------------------------------------------------------

    async def _subscribe(self, item: Subscription) -> None:
        """Subscribe to an object or renew that, in a way the device accepts."""
        refusal = CovRefusal.OBJECT
        for confirmed, lifetime in self._variants():
            try:
                await self._request(
                    CovSubscription(
                        process_id=PROCESS_ID,
                        object_id=item.object_id,
                        confirmed=confirmed,
                        lifetime=lifetime,
                    )
                )
            except UnansweredError:
                refusal = CovRefusal.MOMENT
                self._unanswered += 1
                if self._unanswered >= _TRIES and not self._active_count:
                    refusal = CovRefusal.SERVICE
                break
            except NoResponseError:
                # ``resubscribe`` ends the pause when the device is back.
                self._paused = True
                self._schedule(item, monotonic())
                return
            except RefusedError as error:
                refusal = cov_refusal(error)
                if refusal != CovRefusal.PARAMETERS:
                    break
            except BacnetError:
                refusal = CovRefusal.MOMENT
                break
            else:
                if self._subscriptions.get(item.object_id) is item:
                    self._accepted(item, confirmed, lifetime)
                else:
                    self._cancellations.append(item.object_id)
                return
        self._refused(item, refusal)

    async def _request(self, subscription: CovSubscription) -> None:
        await self.link.request(
            ConfirmedService.SUBSCRIBE_COV,
            encode_subscribe_cov(subscription),
            urgency=Urgency.SUBSCRIBE,
        )

    def _variants(self) -> list[tuple[bool, int]]:
        """Return the kinds and lifetimes to try: what is known to work, else all."""
        known = self._capabilities
        kinds = [False, True] if known.cov_confirmed is None else [known.cov_confirmed]
        if self._wants_confirmed:
            kinds = [True]
        lifetimes = [self._settings.lifetime, 0]
        if known.cov_lifetime is not None:
            lifetimes = lifetimes[:1] if known.cov_lifetime else lifetimes[1:]
        return [(kind, lifetime) for kind in kinds for lifetime in lifetimes]

    def _accepted(self, item: Subscription, confirmed: bool, lifetime: int) -> None:
        now = monotonic()
        known = self._capabilities
        if not item.active:
            item.active = True
            self._active_count += 1
        item.refusals = 0
        known.cov_lifetime = lifetime
        if not self._wants_confirmed:
            known.cov_confirmed = confirmed
        if known.cov is False:
            known.cov = None
            self._wake_waiting()
        if known.cov is None:
            known.cov = True
        if known.cov_budget is not None and self._active_count > known.cov_budget:
            # There is more room than there was.
            known.cov_budget = None
            self._retry_pause = self._settings.retry
            self._wake_waiting()
        self._unanswered = 0
        self._accepted_types.add(item.object_id.type)
        if not self._proven and self._verdict_at == inf:
            self._verdict_at = now + self._settings.grace
        self._schedule(
            item, now + (lifetime or self._settings.lifetime) * uniform(0.5, 0.75)
        )

    def _refused(self, item: Subscription, refusal: CovRefusal) -> None:
        now = monotonic()
        known = self._capabilities
        if item.active:
            item.active = False
            item.heard_at = -inf
            self._active_count -= 1
        if refusal == CovRefusal.SERVICE and self._active_count:
            # A device that has subscriptions knows the service.
            refusal = CovRefusal.OBJECT
        if refusal == CovRefusal.MOMENT:
            self._schedule(item, now + _BUSY_PAUSE * uniform(1, 2))
            return
        if refusal in (CovRefusal.SERVICE, CovRefusal.SPACE):
            if refusal == CovRefusal.SERVICE:
                known.cov = False
            else:
                known.cov_budget = self._active_count
            self._retry_at = now + self._retry_pause
            self._retry_pause = min(self._retry_pause * 2, _LONGEST_RETRY)
            self._schedule(item, self._retry_at)
            _LOGGER.debug(
                "%s: no more than %d subscriptions",
                self.link.info.address,
                self._active_count,
            )
            return
        object_type = item.object_id.type
        if object_type not in self._accepted_types:
            count = self._refused_types.get(object_type, 0) + 1
            self._refused_types[object_type] = count
            if count >= _TRIES:
                self._give_up_type(object_type)
                return
        item.refusals += 1
        pause = self._settings.retry * 2 ** min(item.refusals - 1, 5)
        self._schedule(item, now + min(pause, _LONGEST_RETRY))

    def _give_up_type(self, object_type: int) -> None:
        """Poll all objects of a type none of which can be subscribed to."""
        if object_type not in self._capabilities.cov_refused_types:
            self._capabilities.cov_refused_types.append(object_type)
        for object_id in [
            object_id
            for object_id in self._subscriptions
            if object_id.type == object_type
        ]:
            del self._subscriptions[object_id]

    async def _cancel(self, object_id: ObjectId) -> None:
        with suppress(BacnetError):
            await self.link.request_once(
                ConfirmedService.SUBSCRIBE_COV,
                encode_subscribe_cov(
                    CovSubscription(process_id=PROCESS_ID, object_id=object_id)
                ),
                urgency=Urgency.SUBSCRIBE,
                timeout=self.link.patience(),
            )
        if not self._cancellations:
            self._wake_waiting()

    # --- devices that do not notify ---------------------------------------------------

    def _prove(self) -> None:
        """Go on after the first notification of all."""
        self._proven = True
        self._verdict_at = inf
        if self._wants_confirmed:
            self._capabilities.cov_confirmed = True
        self._wake_waiting()
        self._work()

    def _judge(self) -> None:
        """Ask a device that has not notified at all to confirm; else give it up.

        Its subscriptions stay: should one of them ever bring something, all goes on.
        """
        self._verdict_at = inf
        if self._capabilities.cov_confirmed is not True and not self._wants_confirmed:
            self._wants_confirmed = True
            now = monotonic()
            for item in self._subscriptions.values():
                if item.active:
                    self._schedule(item, now)
            return
        _LOGGER.debug("%s: does not notify", self.link.info.address)
