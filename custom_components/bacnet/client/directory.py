"""Which devices there are: everything known from I-Ams."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
import logging
from math import inf
from time import monotonic
from types import MappingProxyType

from ..node.codec import decode_value
from ..node.enumerations import (
    ConfirmedService,
    ObjectType,
    PropertyIdentifier,
    Segmentation,
    UnconfirmedService,
)
from ..node.errors import BacnetError
from ..node.node import GLOBAL_BROADCAST, LOCAL_BROADCAST, Node, normalized_address
from ..node.services import (
    decode_i_am,
    decode_read_property_ack,
    encode_read_property,
    encode_who_is,
)
from ..node.types import MAX_INSTANCE, ObjectId, PropertyReference
from .models import DeviceInfo

_LOGGER = logging.getLogger(__name__)

ANY_INSTANCE = MAX_INSTANCE + 1

_MAX_DEVICES = 20_000
"""More can only be forged; the oldest is forgotten."""

_RANGE_DEVICES = 40
"""How many devices may answer one Who-Is without losing answers on the way."""

_RANGE_PAUSE = 0.2

_SILENCE = 1.5
"""How much longer than the others a device behind a slow router may take to answer."""

_REPEAT_AFTER = 1 / 3

_MAX_ADDRESSES = 16
"""More devices with one instance need not be told apart."""

_MOVE_PATIENCE = 3.0
_RETURN_WINDOW = 60.0
"""A device that is back at an address later than this has really moved twice."""


type _Callbacks = list[Callable[[DeviceInfo], None]]


class Directory:
    """All devices heard of since the node started."""

    def __init__(self, node: Node) -> None:
        """Listen from now on until ``close``."""
        self._node = node
        self._devices: dict[int, DeviceInfo] = {}
        self._by_address: dict[str, DeviceInfo] = {}
        self._former: dict[int, dict[str, float]] = {}
        self._conflicts: dict[int, set[str]] = {}
        self._callbacks: _Callbacks = []
        self._move_callbacks: _Callbacks = []
        self._moves: dict[int, asyncio.TimerHandle] = {}
        self._searched_at = -inf
        self._unlisten = node.listen(UnconfirmedService.I_AM, self._hear)

    def close(self) -> None:
        """Stop listening."""
        self._unlisten()
        self._callbacks.clear()
        self._move_callbacks.clear()
        for handle in self._moves.values():
            handle.cancel()
        self._moves.clear()

    @property
    def devices(self) -> Mapping[int, DeviceInfo]:
        """Return the devices by instance."""
        return MappingProxyType(self._devices)

    @property
    def conflicts(self) -> dict[int, set[str]]:
        """Return the instances that more than one device claims, with addresses."""
        return {
            instance: set(addresses) for instance, addresses in self._conflicts.items()
        }

    def expect(self, info: DeviceInfo) -> None:
        """Take a device for known that was heard before our start."""
        if info.instance not in self._devices:
            self._devices[info.instance] = info
            self._by_address.setdefault(info.address, info)

    def by_address(self, address: str) -> DeviceInfo | None:
        """Return the device last heard at an address."""
        return self._by_address.get(address)

    def subscribe(self, callback: Callable[[DeviceInfo], None]) -> Callable[[], None]:
        """Have every I-Am reported; return how to end that."""
        return _add(self._callbacks, callback)

    def subscribe_moves(
        self, callback: Callable[[DeviceInfo], None]
    ) -> Callable[[], None]:
        """Have each device reported that has moved to another address.

        That takes a few seconds: nobody may answer at the former address any more.
        """
        return _add(self._move_callbacks, callback)

    @property
    def search_age(self) -> float:
        """Return how many seconds ago all devices were searched; may be infinite."""
        return monotonic() - self._searched_at

    # --- searching ----------------------------------------------------------------

    async def search(
        self,
        low: int = 0,
        high: int = ANY_INSTANCE,
        *,
        destination: str = GLOBAL_BROADCAST,
        wait: float = 3.0,
        on_found: Callable[[DeviceInfo], None] | None = None,
    ) -> list[DeviceInfo]:
        """Return the devices of a range of instances that answer, by instance.

        ``on_found`` hears of each at once. A large site is asked again range by
        range, so that no burst of answers is too large; that takes longer.
        """
        found: dict[int, DeviceInfo] = {}

        def note(info: DeviceInfo) -> None:
            if low <= info.instance <= high and info.instance not in found:
                found[info.instance] = info
                if on_found is not None:
                    on_found(info)

        with self._subscribed(note):
            self._ask(destination, low, high)
            await asyncio.sleep(wait * _REPEAT_AFTER)
            for first, last in _ranges(sorted(found), low, high):
                self._ask(destination, first, last)
                await asyncio.sleep(_RANGE_PAUSE if len(found) > _RANGE_DEVICES else 0)
            await self._wait_for_silence(found, wait * (1 - _REPEAT_AFTER))
        if (low, high, destination) == (0, ANY_INSTANCE, GLOBAL_BROADCAST):
            self._searched_at = monotonic()
        return [found[instance] for instance in sorted(found)]

    async def _wait_for_silence(
        self, found: Mapping[int, DeviceInfo], longest: float
    ) -> None:
        """Wait until nobody new has answered for a while; all the time if nobody did."""
        end = monotonic() + longest
        count, quiet_since = len(found), monotonic()
        while (now := monotonic()) < end:
            if len(found) != count:
                count, quiet_since = len(found), now
            elif count and now - quiet_since >= _SILENCE:
                return
            await asyncio.sleep(min(_SILENCE / 10, end - now))

    async def find(
        self,
        instance: int | None = None,
        address: str | None = None,
        *,
        timeout: float = 3.0,
    ) -> DeviceInfo | None:
        """Return the device of an instance, at an address, or both, once it answers.

        A device at a given address is also read, since its I-Am may not get through
        to us. Raises ValueError for something that is no address.
        """
        if instance is None and address is None:
            raise ValueError("an instance or an address is needed")
        wanted = None if address is None else normalized_address(address)
        if wanted in (GLOBAL_BROADCAST, LOCAL_BROADCAST):
            raise ValueError(f"not the address of a device: {address!r}")
        answer: asyncio.Future[DeviceInfo] = asyncio.get_running_loop().create_future()

        def note(info: DeviceInfo) -> None:
            if (
                instance in (None, info.instance)
                and wanted in (None, info.address)
                and not answer.done()
            ):
                answer.set_result(info)

        destination = wanted or GLOBAL_BROADCAST
        low, high = (0, ANY_INSTANCE) if instance is None else (instance, instance)
        reading: asyncio.Task[None] | None = None
        with self._subscribed(note):
            try:
                async with asyncio.timeout(timeout):
                    self._ask(destination, low, high)
                    await asyncio.wait([answer], timeout=timeout * _REPEAT_AFTER)
                    if not answer.done():
                        self._ask(destination, low, high)
                        if wanted is not None:
                            reading = asyncio.get_running_loop().create_task(
                                self._read_identity(wanted, instance)
                            )
                    return await answer
            except TimeoutError:
                return None
            finally:
                if reading is not None:
                    reading.cancel()
                    await asyncio.gather(reading, return_exceptions=True)

    def _ask(self, destination: str, low: int, high: int) -> None:
        everything = (low, high) == (0, ANY_INSTANCE)
        self._node.send(
            destination,
            UnconfirmedService.WHO_IS,
            encode_who_is() if everything else encode_who_is(low, high),
        )

    async def _read_identity(self, address: str, instance: int | None) -> None:
        """Note what a device that is not heard says of itself when it is read."""
        device = ObjectId(
            ObjectType.DEVICE, ANY_INSTANCE if instance is None else instance
        )
        values = []
        try:
            for property_id in (
                PropertyIdentifier.OBJECT_IDENTIFIER,
                PropertyIdentifier.MAX_APDU_LENGTH_ACCEPTED,
                PropertyIdentifier.SEGMENTATION_SUPPORTED,
                PropertyIdentifier.VENDOR_IDENTIFIER,
            ):
                answer = await self._node.request(
                    address,
                    ConfirmedService.READ_PROPERTY,
                    encode_read_property(PropertyReference(device, property_id)),
                    lane=self._node.lane_of(address),
                )
                values.append(decode_value(decode_read_property_ack(answer)[1]))
            match values:
                case [ObjectId() as found, int(max_apdu), int(segments), int(vendor)]:
                    self._note(
                        DeviceInfo(
                            instance=found.instance,
                            address=address,
                            max_apdu=max_apdu,
                            segmentation=Segmentation(segments),
                            vendor_id=vendor,
                        )
                    )
        except (BacnetError, ValueError) as error:
            _LOGGER.debug("%s can not be identified: %s", address, error)

    @contextmanager
    def _subscribed(self, callback: Callable[[DeviceInfo], None]) -> Iterator[None]:
        unsubscribe = self.subscribe(callback)
        try:
            yield
        finally:
            unsubscribe()

    # --- hearing ------------------------------------------------------------------

    def _hear(self, source: str, parameters: bytes) -> None:
        i_am = decode_i_am(parameters)
        self._note(
            DeviceInfo(
                instance=i_am.instance,
                address=source,
                max_apdu=i_am.max_apdu,
                segmentation=i_am.segmentation,
                vendor_id=i_am.vendor_id,
            )
        )

    def _note(self, info: DeviceInfo) -> None:
        """Remember a device and tell everybody."""
        known = self._devices.pop(info.instance, None)
        # The last heard of is the last in line to be forgotten.
        self._devices[info.instance] = info
        if known is not None and known.address != info.address:
            self._drop_address(known)
            self._moved(known, info)
        self._by_address[info.address] = info
        self._node.learn_peer(info.address, info.max_apdu, info.segmentation)
        if len(self._devices) > _MAX_DEVICES:
            self._forget(self._devices[next(iter(self._devices))])
        _call(self._callbacks, info)

    def _moved(self, known: DeviceInfo, info: DeviceInfo) -> None:
        """Find out whether a device moved or whether there are two of them.

        Whoever is heard again at the address it has just left is a second one.
        """
        now = monotonic()
        former = {
            address: left_at
            for address, left_at in self._former.get(info.instance, {}).items()
            if now - left_at < _RETURN_WINDOW
        }
        self._former[info.instance] = former
        if info.address in former:
            self._conflicts.setdefault(info.instance, set()).update(
                (known.address, info.address)
            )
        else:
            self._ask(known.address, info.instance, info.instance)
        if len(former) < _MAX_ADDRESSES:
            former[known.address] = now
        if (handle := self._moves.pop(info.instance, None)) is not None:
            handle.cancel()
        self._moves[info.instance] = asyncio.get_running_loop().call_later(
            _MOVE_PATIENCE, self._settle, info.instance
        )

    def _settle(self, instance: int) -> None:
        """Report a move, unless the device answered at its former address, too."""
        del self._moves[instance]
        info = self._devices.get(instance)
        if info is not None and instance not in self._conflicts:
            _call(self._move_callbacks, info)

    async def recheck_conflicts(self, *, wait: float = 3.0) -> None:
        """Ask again at all addresses in conflict; drop those that stay silent."""
        heard: dict[int, set[str]] = {}

        def note(info: DeviceInfo) -> None:
            heard.setdefault(info.instance, set()).add(info.address)

        conflicts = self.conflicts
        with self._subscribed(note):
            for instance, addresses in conflicts.items():
                for address in addresses:
                    self._ask(address, instance, instance)
            if conflicts:
                await asyncio.sleep(wait)
        for instance in conflicts:
            remaining = heard.get(instance, set())
            if len(remaining) < 2:
                self._conflicts.pop(instance, None)
                self._former.pop(instance, None)
            else:
                self._conflicts[instance] = remaining

    def _forget(self, info: DeviceInfo) -> None:
        del self._devices[info.instance]
        self._drop_address(info)
        self._former.pop(info.instance, None)
        self._conflicts.pop(info.instance, None)

    def _drop_address(self, info: DeviceInfo) -> None:
        if self._by_address.get(info.address) == info:
            del self._by_address[info.address]
            self._node.forget_peer(info.address)


def _add(
    callbacks: _Callbacks, callback: Callable[[DeviceInfo], None]
) -> Callable[[], None]:
    callbacks.append(callback)

    def remove() -> None:
        if callback in callbacks:
            callbacks.remove(callback)

    return remove


def _call(callbacks: _Callbacks, info: DeviceInfo) -> None:
    for callback in tuple(callbacks):
        try:
            callback(info)
        except Exception:
            _LOGGER.exception("A listener failed on device %d", info.instance)


def _ranges(instances: list[int], low: int, high: int) -> Iterator[tuple[int, int]]:
    """Cut a range of instances so that each part has few of the known devices."""
    first = low
    for start in range(_RANGE_DEVICES, len(instances), _RANGE_DEVICES):
        last = instances[start] - 1
        yield first, last
        first = last + 1
    yield first, high
