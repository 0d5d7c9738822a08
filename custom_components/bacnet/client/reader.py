"""Reading many properties of one device with few requests, whatever it can do."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import groupby
import logging
from time import monotonic

from ..node.codec import decode_value
from ..node.enumerations import ConfirmedService
from ..node.errors import BacnetError, MalformedError, NoResponseError, RefusedError
from ..node.node import MAX_APDU, Node
from ..node.services import (
    PropertySelection,
    decode_read_property_ack,
    decode_read_property_multiple_ack,
    encode_read_property,
    encode_read_property_multiple,
)
from ..node.types import PropertyReference, Value
from .capabilities import Capabilities
from .link import DeviceLink, UnansweredError, Urgency
from .models import DeviceInfo
from .refusals import is_overflow, is_temporary, is_unrecognized
from .sizes import OBJECT_FRAME, SizeEstimates

_LOGGER = logging.getLogger(__name__)

type Result = Value | BacnetError
type Results = dict[PropertyReference, Result]

_ACK_HEADER = 3
_LEAST_LIMIT = 30
_LIMIT_MEMORY = 3600.0
"""A limit learnt from time-outs may have been the network's bad hour."""

_USELESS_BATCHES = 3
_SMALL_PART = 2


class PropertyReader:
    """Reads properties of one device in batches whose answers fit one message."""

    def __init__(
        self,
        node: Node,
        info: DeviceInfo,
        capabilities: Capabilities | None = None,
        *,
        link: DeviceLink | None = None,
    ) -> None:
        """Start with what is known; what is learnt goes into ``capabilities``."""
        self.link = link or DeviceLink(node, info)
        self.capabilities = capabilities or Capabilities()
        self.sizes = SizeEstimates()
        self._lonely: set[PropertyReference] = set()
        self._useless_batches = 0
        self._soft_limit: int | None = None
        self._soft_limit_until = 0.0

    @property
    def reply_limit(self) -> int:
        """Return how many octets of results an answer may have."""
        announced = min(self.link.info.max_apdu, MAX_APDU) - _ACK_HEADER
        limits = [announced]
        if self.capabilities.reply_limit is not None:
            limits.append(self.capabilities.reply_limit)
        if self._soft_limit is not None and monotonic() < self._soft_limit_until:
            limits.append(self._soft_limit)
        return max(min(limits), _LEAST_LIMIT)

    @property
    def concurrency(self) -> int:
        """Return how many requests may be under way at once."""
        if self.link.is_routed:
            return 1
        usual = self.link.node.config.requests_per_destination
        return min(self.capabilities.concurrency or usual, usual)

    async def read(
        self,
        references: Sequence[PropertyReference],
        urgency: Urgency = Urgency.LOAD,
        on_results: Callable[[Results], None] | None = None,
    ) -> Results:
        """Return the value of each property, or the error that took its place.

        ``on_results`` gets what each answer brings at once. Raises NoResponseError
        when the device does not answer at all; when it falls silent on the way, what
        was read is returned, and that error for the rest.
        """
        reading = _Reading(self, references, urgency, on_results)
        await reading.run()
        return reading.results

    async def read_one(
        self, reference: PropertyReference, urgency: Urgency = Urgency.LOAD
    ) -> Value:
        """Return the value of a property; raises BacnetError."""
        result = (await self.read([reference], urgency))[reference]
        if isinstance(result, BacnetError):
            raise result
        return result

    # --- what is learnt ---------------------------------------------------------------

    def is_lonely(self, reference: PropertyReference) -> bool:
        """Return whether a property spoils the requests it is a part of."""
        return reference in self._lonely

    def avoid(self, reference: PropertyReference) -> None:
        """Read a property alone from now on."""
        self._lonely.add(reference)

    def shrink(self, size: int, *, lasting: bool) -> None:
        """Ask for less at once than a batch of this size."""
        limit = max(size // 2, _LEAST_LIMIT)
        if lasting:
            self.capabilities.reply_limit = min(limit, self.reply_limit)
        else:
            self._soft_limit = min(limit, self.reply_limit)
            self._soft_limit_until = monotonic() + _LIMIT_MEMORY

    def batch_was_useless(self) -> None:
        """Count refused batches with nothing bad in them; give up after some."""
        if self.capabilities.rpm is None:
            self._useless_batches += 1
            if self._useless_batches >= _USELESS_BATCHES:
                self.give_up_multiple()

    def give_up_multiple(self) -> None:
        """Use ReadProperty for ever."""
        _LOGGER.debug("%s: no ReadPropertyMultiple", self.link.info.address)
        self.capabilities.rpm = False


class _Reading:
    """One call of ``read``: what is still to be read, and what came of it."""

    def __init__(
        self,
        reader: PropertyReader,
        references: Sequence[PropertyReference],
        urgency: Urgency,
        on_results: Callable[[Results], None] | None,
    ) -> None:
        """Line everything up."""
        self.results: Results = {}
        self._reader = reader
        self._link = reader.link
        self._urgency = urgency
        self._on_results = on_results
        self._references = references
        self._waiting = deque(references)
        self._parts: deque[list[PropertyReference]] = deque()
        self._suspects: set[PropertyReference] = set()
        self._failure: BacnetError | None = None

    async def run(self) -> None:
        """Read everything, with as many requests at once as the device can take."""
        workers = self._reader.concurrency
        if workers == 1 or self._fits_one_batch():
            await self._work()
        else:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(self._work())
        # What a late worker put back is read by this one.
        if self._failure is None:
            await self._work()
        if self._failure is not None:
            if not self.results or not isinstance(self._failure, NoResponseError):
                raise self._failure
            for reference in self._references:
                self.results.setdefault(reference, self._failure)

    def _fits_one_batch(self) -> bool:
        first = self._next()
        if first is not None:
            self._parts.appendleft(first)
        return not self._waiting

    async def _work(self) -> None:
        while self._failure is None and (batch := self._next()):
            try:
                if len(batch) == 1:
                    await self._read_single(batch[0])
                else:
                    await self._read_multiple(batch)
            except BacnetError as error:
                self._failure = error

    def _next(self) -> list[PropertyReference] | None:
        """Take the next batch off the line."""
        if self._parts:
            return self._parts.popleft()
        if not self._waiting:
            return None
        reader = self._reader
        first = self._waiting.popleft()
        batch = [first]
        if reader.capabilities.rpm is False or reader.is_lonely(first):
            return batch
        limit = reader.reply_limit
        size_of = reader.sizes.size_of
        size = OBJECT_FRAME + size_of(first)
        last = first.object_id
        while self._waiting:
            reference = self._waiting[0]
            size += size_of(reference)
            if reference.object_id != last:
                size += OBJECT_FRAME
                last = reference.object_id
            if size > limit or reader.is_lonely(reference):
                break
            batch.append(self._waiting.popleft())
        if self._waiting and batch[-1].object_id == self._waiting[0].object_id:
            self._put_back_part(batch)
        return batch

    def _put_back_part(self, batch: list[PropertyReference]) -> None:
        """Leave an object for the next batch whose value and flags would part."""
        object_id = batch[-1].object_id
        part = 0
        while part < len(batch) and batch[-1 - part].object_id == object_id:
            part += 1
        if part <= _SMALL_PART and part < len(batch):
            self._waiting.extendleft(reversed(batch[-part:]))
            del batch[-part:]

    async def _read_multiple(self, batch: list[PropertyReference]) -> None:
        concurrency = self._reader.concurrency
        parameters = encode_read_property_multiple(
            (
                object_id,
                [PropertySelection(item.property_id, item.index) for item in items],
            )
            for object_id, items in groupby(batch, lambda item: item.object_id)
        )
        try:
            answer = await self._link.request(
                ConfirmedService.READ_PROPERTY_MULTIPLE,
                parameters,
                urgency=self._urgency,
            )
        except UnansweredError:
            if concurrency > 1:
                # Perhaps it can not work on several requests at once.
                self._reader.capabilities.concurrency = 1
                self._waiting.extendleft(reversed(batch))
            else:
                self._lessen(batch, lasting=False)
            return
        except RefusedError as error:
            self._refused(batch, error)
            return
        self._take(batch, answer)

    def _take(self, batch: list[PropertyReference], answer: bytes) -> None:
        found: Results = {}
        try:
            decode_read_property_multiple_ack(answer, found)
        except MalformedError as error:
            _LOGGER.debug(
                "%s: answer is broken after %d values: %s",
                self._link.info.address,
                len(found),
                error,
            )
        missing = [reference for reference in batch if reference not in found]
        if len(missing) == len(batch):
            self._split(batch)
            return
        self._reader.capabilities.rpm = True
        self._reader.sizes.learn(found)
        self._found(found)
        if missing:
            self._parts.append(missing)

    def _found(self, found: Results) -> None:
        self.results.update(found)
        if self._on_results is not None:
            self._on_results(found)

    def _refused(self, batch: list[PropertyReference], error: RefusedError) -> None:
        reader = self._reader
        if is_unrecognized(error):
            reader.give_up_multiple()
            self._waiting.extendleft(reversed(batch))
        elif not is_overflow(error):
            self._suspects.update(batch)
            self._split(batch)
        elif reader.sizes.are_certain(batch):
            self._lessen(batch, lasting=not is_temporary(error))
        else:
            # One long text says nothing about other batches.
            self._split(batch)

    def _lessen(self, batch: list[PropertyReference], *, lasting: bool) -> None:
        """Read less at once, from now on."""
        size = self._reader.sizes.total(batch)
        if size > 2 * _LEAST_LIMIT:
            self._reader.shrink(size, lasting=lasting)
            self._waiting.extendleft(reversed(batch))
        else:
            self._split(batch)

    def _split(self, batch: list[PropertyReference]) -> None:
        half = (len(batch) + 1) // 2
        self._parts.extendleft((batch[half:], batch[:half]))

    async def _read_single(self, reference: PropertyReference) -> None:
        suspect = reference in self._suspects
        result: Result
        try:
            answer = await self._link.request(
                ConfirmedService.READ_PROPERTY,
                encode_read_property(reference),
                urgency=self._urgency,
            )
            result = _value_of(reference, answer)
        except (UnansweredError, RefusedError, MalformedError) as error:
            result = error
        if suspect:
            if isinstance(result, BacnetError):
                self._reader.avoid(reference)
            else:
                self._reader.batch_was_useless()
        self._found({reference: result})


def _value_of(reference: PropertyReference, answer: bytes) -> Value:
    """Return the value in the answer to a ReadProperty."""
    answered, content = decode_read_property_ack(answer)
    if answered[1:] != reference[1:]:
        raise MalformedError("the answer is about another property")
    return decode_value(content)
