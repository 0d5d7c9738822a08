"""COV subscriptions and notifications (13.1, 13.14, 13.15).

What changed within one round of the event loop is told once, with the latest value.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
import logging
from math import ceil

from ..node.codec import Datatype, closing, encode_context, object_id_octets, opening
from ..node.enumerations import (
    ConfirmedService,
    EnableDisable,
    ErrorClass,
    ErrorCode,
    PropertyIdentifier as P,
    RejectReason,
    UnconfirmedService,
)
from ..node.errors import (
    BacnetError,
    CommunicationDisabledError,
    MalformedError,
    NodeStoppedError,
    RefusedError,
    ServiceError,
)
from ..node.node import Node
from ..node.services import (
    CovSubscription,
    PropertySelection,
    decode_subscribe_cov,
    encode_property_values,
)
from ..node.types import ObjectId
from .addresses import encode_address
from .objects import LocalObject
from .table import ObjectTable
from .values import PresentValue, property_error

_LOGGER = logging.getLogger(__name__)

_SWEEP_INTERVAL = 30.0
_NOTIFICATIONS_PER_ROUND = 50
_PAUSE = 0.01
"""Between rounds: neither our loop nor a subscriber's buffer takes all at once."""

_MAX_OUTSTANDING = 16
_MAX_FAILURES = 3

_WHOLE_OBJECT = PropertySelection(P.PRESENT_VALUE)
_FLAGS = PropertySelection(P.STATUS_FLAGS)

_COV_PROPERTIES = frozenset(
    {
        P.PRESENT_VALUE,
        P.STATUS_FLAGS,
        P.EVENT_STATE,
        P.RELIABILITY,
        P.OUT_OF_SERVICE,
        P.PRIORITY_ARRAY,
        P.RELINQUISH_DEFAULT,
        P.CURRENT_COMMAND_PRIORITY,
        P.VALUE_SOURCE,
        P.CHANGE_OF_STATE_COUNT,
    }
)
"""What changes, and tells it: all else is definition or time."""

_NO_SPACE = ServiceError(ErrorClass.RESOURCES, ErrorCode.NO_SPACE_TO_ADD_LIST_ELEMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class CovLimits:
    """How many subscriptions there may be."""

    total: int = 20_000
    per_client: int = 10_000


type _Key = tuple[str, int, ObjectId, PropertySelection | None]


class _Subscription:
    """One client's wish to hear of one object."""

    __slots__ = (
        "confirmed",
        "expires",
        "failures",
        "flags",
        "head",
        "increment",
        "key",
        "served",
        "value",
    )

    def __init__(self, key: _Key, served: LocalObject, head: bytes) -> None:
        self.key = key
        self.served = served
        self.head = head
        """The notification up to the time remaining."""
        self.confirmed = False
        self.expires: float | None = None
        self.increment: float | None = None
        self.failures = 0
        self.forget()

    def forget(self) -> None:
        """Make the next look at the object find a change."""
        self.value: PresentValue | bytes | None = None
        self.flags = b""

    @property
    def source(self) -> str:
        return self.key[0]

    @property
    def selection(self) -> PropertySelection:
        return self.key[3] or _WHOLE_OBJECT

    @property
    def follows_value(self) -> bool:
        return self.selection == _WHOLE_OBJECT

    def is_due(self, increment: PresentValue | None) -> bool:
        """Return whether the object changed enough since the last notification."""
        served = self.served
        if self.flags != served.read(P.STATUS_FLAGS):
            return True
        if not self.follows_value:
            return self.value != served.read(*self.selection)
        value = served.present_value
        if value == self.value:
            return False
        if self.increment is not None:
            increment = self.increment
        if increment is None or not isinstance(self.value, int | float):
            return True
        # A Real is only that exact: 0.3 - 0.2 is meant to be 0.1.
        return abs(value - self.value) >= increment * 0.999999  # type: ignore[operator]

    def told(self) -> None:
        """Remember what the client knows now."""
        served = self.served
        self.flags = served.read(P.STATUS_FLAGS)
        self.value = (
            served.present_value if self.follows_value else served.read(*self.selection)
        )

    def time_remaining(self, now: float) -> int:
        """Return the seconds left, 0 for ever."""
        return 0 if self.expires is None else max(1, ceil(self.expires - now))


class _Client:
    """A subscriber that acknowledges what it gets: one notification at a time."""

    __slots__ = ("failures", "pending", "task")

    def __init__(self) -> None:
        self.pending: dict[_Subscription, None] = {}
        self.failures = 0
        self.task: asyncio.Task[None] | None = None


class CovServices:
    """Keeps subscriptions and tells changes."""

    def __init__(
        self,
        node: Node,
        device_id: ObjectId,
        table: ObjectTable,
        limits: CovLimits,
    ) -> None:
        """Tell of the objects of a table."""
        self._node = node
        self._device_id = device_id
        self._table = table
        self._limits = limits
        self._subscriptions: dict[_Key, _Subscription] = {}
        self._by_object: dict[LocalObject, dict[_Key, _Subscription]] = {}
        self._per_source: dict[str, int] = {}
        self._clients: dict[str, _Client] = {}
        self._changed: dict[LocalObject, None] = {}
        self._flush_handle: asyncio.Handle | None = None
        self._sweep_handle: asyncio.TimerHandle | None = None
        self._outstanding = asyncio.Semaphore(_MAX_OUTSTANDING)

    # --- subscriptions --------------------------------------------------------------

    @property
    def count(self) -> int:
        """Return how many subscriptions there are."""
        return len(self._subscriptions)

    def subscribe_cov(self, source: str, data: bytes) -> None:
        """Answer a SubscribeCOV."""
        wanted = decode_subscribe_cov(data)
        if wanted.selection is not None:
            raise MalformedError(
                "SubscribeCOV names no property", RejectReason.TOO_MANY_ARGUMENTS
            )
        self._subscribe(source, wanted)

    def subscribe_cov_property(self, source: str, data: bytes) -> None:
        """Answer a SubscribeCOVProperty."""
        wanted = decode_subscribe_cov(data)
        if wanted.selection is None:
            raise MalformedError(
                "SubscribeCOVProperty names a property",
                RejectReason.MISSING_REQUIRED_PARAMETER,
            )
        self._subscribe(source, wanted)

    def _subscribe(self, source: str, wanted: CovSubscription) -> None:
        key = (source, wanted.process_id, wanted.object_id, wanted.selection)
        if wanted.is_cancellation:
            self._drop(key)
            return
        if wanted.confirmed is None:
            raise MalformedError(
                "a lifetime without the kind of notification",
                RejectReason.MISSING_REQUIRED_PARAMETER,
            )
        served = self._monitored(wanted)
        subscription = self._subscriptions.get(key) or self._add(key, served)
        subscription.confirmed = wanted.confirmed
        subscription.increment = wanted.cov_increment
        subscription.expires = (
            asyncio.get_running_loop().time() + wanted.lifetime
            if wanted.lifetime
            else None
        )
        subscription.failures = 0
        subscription.forget()
        self._object_changed(served)

    def _monitored(self, wanted: CovSubscription) -> LocalObject:
        served = self._table.find(wanted.object_id)
        selection = wanted.selection
        if selection is not None:
            served.read(*selection)
        if not isinstance(served, LocalObject):
            if selection is None:
                raise ServiceError(
                    ErrorClass.OBJECT, ErrorCode.OPTIONAL_FUNCTIONALITY_NOT_SUPPORTED
                )
            raise property_error(ErrorCode.NOT_COV_PROPERTY)
        if selection is not None and selection.property_id not in _COV_PROPERTIES:
            raise property_error(ErrorCode.NOT_COV_PROPERTY)
        # Written so that it refuses NaN as well.
        if wanted.cov_increment is not None and not wanted.cov_increment >= 0:
            raise ServiceError(ErrorClass.SERVICES, ErrorCode.PARAMETER_OUT_OF_RANGE)
        return served

    def _add(self, key: _Key, served: LocalObject) -> _Subscription:
        source = key[0]
        if not self._has_space(source):
            self._drop_expired()
            if not self._has_space(source):
                raise _NO_SPACE
        head = (
            encode_context(0, Datatype.UNSIGNED, key[1])
            + b"\x1c"
            + object_id_octets(self._device_id)
            + b"\x2c"
            + object_id_octets(served.object_id)
        )
        subscription = _Subscription(key, served, head)
        self._subscriptions[key] = subscription
        self._by_object.setdefault(served, {})[key] = subscription
        self._per_source[source] = self._per_source.get(source, 0) + 1
        served.observer = self._object_changed
        if self._sweep_handle is None:
            self._sweep_later()
        return subscription

    def _has_space(self, source: str) -> bool:
        return (
            len(self._subscriptions) < self._limits.total
            and self._per_source.get(source, 0) < self._limits.per_client
        )

    def _drop(self, key: _Key) -> None:
        subscription = self._subscriptions.pop(key, None)
        if subscription is None:
            return
        served, source = subscription.served, subscription.source
        del self._by_object[served][key]
        if not self._by_object[served]:
            del self._by_object[served]
            served.observer = None
        self._per_source[source] -= 1
        if not self._per_source[source]:
            del self._per_source[source]
        client = self._clients.get(source)
        if client is not None:
            client.pending.pop(subscription, None)

    def updated(self, served: LocalObject) -> None:
        """Drop the subscriptions to properties that an object no longer has."""
        for key, subscription in list(self._by_object.get(served, {}).items()):
            try:
                served.read(*subscription.selection)
            except ServiceError:
                self._drop(key)

    def removed(self, served: LocalObject) -> None:
        """Drop the subscriptions to an object that is no more."""
        for key in list(self._by_object.get(served, ())):
            self._drop(key)
        self._changed.pop(served, None)

    def _drop_expired(self) -> None:
        now = asyncio.get_running_loop().time()
        expired = [
            key
            for key, subscription in self._subscriptions.items()
            if subscription.expires is not None and subscription.expires <= now
        ]
        for key in expired:
            self._drop(key)

    def _sweep_later(self) -> None:
        self._sweep_handle = asyncio.get_running_loop().call_later(
            _SWEEP_INTERVAL, self._sweep
        )

    def _sweep(self) -> None:
        self._drop_expired()
        if self._subscriptions:
            self._sweep_later()
        else:
            self._sweep_handle = None

    def active_subscriptions(self) -> Sequence[bytes]:
        """Return the subscriptions as BACnetCOVSubscription."""
        if not self._subscriptions:
            return ()
        now = asyncio.get_running_loop().time()
        return [
            _encode_subscription(subscription, subscription.time_remaining(now))
            for subscription in self._subscriptions.values()
            if subscription.expires is None or subscription.expires > now
        ]

    # --- notifications --------------------------------------------------------------

    def resume(self) -> None:
        """Tell what changed while the node was silenced."""
        self._changed.update(dict.fromkeys(self._by_object))
        self._flush_soon()

    def _object_changed(self, served: LocalObject) -> None:
        self._changed[served] = None
        self._flush_soon()

    def _flush_soon(self) -> None:
        if self._flush_handle is None:
            self._flush_handle = asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_handle = None
        if self._node.communication != EnableDisable.ENABLE:
            return
        now = asyncio.get_running_loop().time()
        sent = 0
        while self._changed:
            if sent >= _NOTIFICATIONS_PER_ROUND:
                self._flush_handle = asyncio.get_running_loop().call_later(
                    _PAUSE, self._flush
                )
                return
            served = next(iter(self._changed))
            del self._changed[served]
            sent += self._tell(served, now)

    def _tell(self, served: LocalObject, now: float) -> int:
        """Tell those who want to know of an object; return how many."""
        subscriptions = self._by_object.get(served)
        if not subscriptions:
            return 0
        increment = served.cov_increment if served.is_numeric else None
        contents: dict[PropertySelection, bytes] = {}
        sent = 0
        for key, subscription in list(subscriptions.items()):
            if subscription.expires is not None and subscription.expires <= now:
                self._drop(key)
            elif subscription.is_due(increment):
                sent += 1
                if subscription.confirmed:
                    self._deliver_soon(subscription)
                    continue
                selection = subscription.selection
                if selection not in contents:
                    contents[selection] = _encode_values(subscription)
                subscription.told()
                self._node.send(
                    subscription.source,
                    UnconfirmedService.UNCONFIRMED_COV_NOTIFICATION,
                    _encode_notification(subscription, now, contents[selection]),
                )
        return sent

    def _deliver_soon(self, subscription: _Subscription) -> None:
        source = subscription.source
        client = self._clients.get(source)
        if client is None:
            client = self._clients[source] = _Client()
        client.pending[subscription] = None
        if client.task is None:
            client.task = asyncio.get_running_loop().create_task(
                self._deliver(source, client)
            )

    async def _deliver(self, source: str, client: _Client) -> None:
        try:
            while client.pending:
                subscription = next(iter(client.pending))
                async with self._outstanding:
                    # It may have been cancelled while it waited.
                    if subscription in client.pending:
                        del client.pending[subscription]
                        await self._deliver_one(client, subscription)
        except NodeStoppedError, CommunicationDisabledError:
            client.pending.clear()
        finally:
            client.task = None
            if self._clients.get(source) is client:
                del self._clients[source]

    async def _deliver_one(self, client: _Client, subscription: _Subscription) -> None:
        now = asyncio.get_running_loop().time()
        content = _encode_values(subscription)
        notification = _encode_notification(subscription, now, content)
        subscription.told()
        try:
            await self._node.request(
                subscription.source,
                ConfirmedService.CONFIRMED_COV_NOTIFICATION,
                notification,
            )
        except NodeStoppedError:
            raise
        except CommunicationDisabledError:
            subscription.forget()
            raise
        except RefusedError as error:
            self._refused(subscription, error)
        except BacnetError:
            self._undelivered(client, subscription)
        else:
            client.failures = subscription.failures = 0

    def _refused(self, subscription: _Subscription, error: RefusedError) -> None:
        subscription.failures += 1
        unknown = ServiceError(ErrorClass.SERVICES, ErrorCode.UNKNOWN_SUBSCRIPTION)
        if error == unknown or subscription.failures >= _MAX_FAILURES:
            _LOGGER.debug(
                "%s does not want notifications of %s (%s): subscription dropped",
                subscription.source,
                subscription.served.object_id,
                error,
            )
            self._drop(subscription.key)

    def _undelivered(self, client: _Client, subscription: _Subscription) -> None:
        client.failures += 1
        if client.failures < _MAX_FAILURES:
            if subscription.key in self._subscriptions:
                subscription.forget()
                client.pending[subscription] = None
            return
        client.pending.clear()
        source = subscription.source
        vanished = [
            key
            for key, other in self._subscriptions.items()
            if other.confirmed and key[0] == source
        ]
        _LOGGER.warning(
            "%s does not acknowledge notifications: %d subscriptions dropped",
            source,
            len(vanished),
        )
        for key in vanished:
            self._drop(key)

    def close(self) -> None:
        """Forget all subscriptions, and end timers and tasks."""
        for handle in (self._flush_handle, self._sweep_handle):
            if handle is not None:
                handle.cancel()
        self._flush_handle = self._sweep_handle = None
        for client in self._clients.values():
            if client.task is not None:
                client.task.cancel()
        for served in self._by_object:
            served.observer = None
        self._subscriptions.clear()
        self._by_object.clear()
        self._per_source.clear()
        self._changed.clear()


def _encode_values(subscription: _Subscription) -> bytes:
    served, selection = subscription.served, subscription.selection
    wanted = [selection] if selection == _FLAGS else [selection, _FLAGS]
    values = encode_property_values((item, served.read(*item)) for item in wanted)
    return opening(4) + values + closing(4)


def _encode_notification(
    subscription: _Subscription, now: float, content: bytes
) -> bytes:
    remaining = subscription.time_remaining(now)
    return subscription.head + encode_context(3, Datatype.UNSIGNED, remaining) + content


def _encode_subscription(subscription: _Subscription, remaining: int) -> bytes:
    source, process_id, object_id, _ = subscription.key
    property_id, index = subscription.selection
    data = (
        b"\x0e\x0e\x1e"
        + encode_address(source)
        + b"\x1f\x0f"
        + encode_context(1, Datatype.UNSIGNED, process_id)
        + b"\x0f\x1e"
        + encode_context(0, Datatype.OBJECT_IDENTIFIER, object_id)
        + encode_context(1, Datatype.ENUMERATED, property_id)
        + (b"" if index is None else encode_context(2, Datatype.UNSIGNED, index))
        + b"\x1f"
        + encode_context(2, Datatype.BOOLEAN, subscription.confirmed)
        + encode_context(3, Datatype.UNSIGNED, remaining)
    )
    if not subscription.follows_value or not subscription.served.is_numeric:
        return data
    increment = subscription.increment
    if increment is None:
        increment = float(subscription.served.cov_increment)  # type: ignore[arg-type]
    return data + encode_context(4, Datatype.REAL, increment)
