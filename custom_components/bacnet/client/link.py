"""Requests to one device: their pace, how long they wait, and whether it answers."""

import asyncio
from collections.abc import Callable
from enum import IntEnum
from random import uniform
from time import monotonic

from ..node.codec import decode_value
from ..node.enumerations import (
    ConfirmedService,
    ErrorCode,
    ObjectType,
    PropertyIdentifier,
)
from ..node.errors import (
    MalformedError,
    NoResponseError,
    RefusedError,
    ServiceError,
    UnreachableError,
)
from ..node.node import Node
from ..node.services import decode_read_property_ack, encode_read_property
from ..node.types import ObjectId, PropertyReference
from .models import DeviceInfo

_GROWTH = 2.0
"""After each time-out the next try waits longer: perhaps the device became slow."""

_LEAST_PATIENCE = 1 / 3
_MOST_PATIENCE = 2.0
"""Bounds of the adapted time-out, as parts of the node's."""

_MAX_BACKOFF = 120.0


class Urgency(IntEnum):
    """Whose request goes first; the lower, the sooner."""

    ACTION = 0
    PROBE = 10
    LOAD = 30
    POLL = 40
    SUBSCRIBE = 50


class UnansweredError(NoResponseError):
    """The device lives, but it did not answer this request."""


class NoRouteError(NoResponseError):
    """There is no router to the device's network."""


class DeviceLink:
    """The way to one device.

    A device that stays silent is left alone for a while that doubles each time, then
    asked by one small request; others never wait for it.
    """

    def __init__(
        self,
        node: Node,
        info: DeviceInfo,
        on_return: Callable[[], None] | None = None,
    ) -> None:
        """Start trusting; ``on_return`` is called when a silent device is back."""
        self.info = info
        self.node = node
        self.silent = False
        self._on_return = on_return
        self._first_timeout = node.config.apdu_timeout
        self._smoothed: float | None = None
        self._deviation = 0.0
        self._backoff = 0.0
        self._next_probe = 0.0
        self._answered_at = 0.0
        self._probing = asyncio.Lock()

    @property
    def round_trip(self) -> float | None:
        """Return the smoothed round-trip time in seconds."""
        return self._smoothed

    @property
    def is_routed(self) -> bool:
        """Return whether the device is behind a router."""
        return self.node.lane_of(self.info.address) is not None

    def update_info(self, info: DeviceInfo) -> None:
        """Follow a device to another address."""
        self.info = info
        self.heard()

    def heard(self) -> None:
        """Take notice that the device lives: a silent one is probed at once."""
        self._next_probe = 0.0
        self._backoff = 0.0

    def patience(self, attempt: int = 0) -> float:
        """Return how long a try waits, from the round-trip times measured."""
        if self._smoothed is None:
            timeout = self._first_timeout
        else:
            timeout = max(
                self._smoothed + 4 * self._deviation,
                self._first_timeout * _LEAST_PATIENCE,
            )
        return min(timeout * _GROWTH**attempt, self._first_timeout * _MOST_PATIENCE)

    async def request(
        self, service: int, parameters: bytes, *, urgency: Urgency
    ) -> bytes:
        """Send a request that may be repeated; return its answer's parameters.

        Raises NoResponseError when the device is silent, at once while it is left
        alone; UnansweredError when it answers other requests; and RefusedError.
        """
        await self._end_silence(urgency)
        tried_at = monotonic()
        for attempt in range(self.node.config.apdu_retries + 1):
            tried_at = monotonic()
            try:
                return await self._send(
                    service, parameters, urgency, self.patience(attempt)
                )
            except NoRouteError:
                self._fell_silent()
                raise
            except NoResponseError:
                # Another request has tried often enough for all.
                if self.silent:
                    raise
        async with self._probing:
            if not self.silent and self._answered_at < tried_at:
                try:
                    await self._probe()
                except NoResponseError:
                    self._fell_silent()
        if self.silent:
            raise NoResponseError(f"{self.info.address} does not answer")
        raise UnansweredError(f"{self.info.address} does not answer this request")

    async def request_once(
        self, service: int, parameters: bytes, *, urgency: Urgency, timeout: float
    ) -> bytes:
        """Send a request that must not be repeated.

        Where the device was silent it is not even sent before a sign of life.
        """
        await self._end_silence(urgency)
        return await self._send(service, parameters, urgency, timeout)

    async def _end_silence(self, urgency: Urgency) -> None:
        """Probe a silent device; raise NoResponseError as long as it stays silent."""
        if not self.silent:
            return
        async with self._probing:
            if self._is_back():
                return
            if urgency != Urgency.ACTION and monotonic() < self._next_probe:
                raise NoResponseError(f"{self.info.address} does not answer")
            try:
                await self._probe()
            except NoResponseError:
                self._fell_silent()
                raise

    def _is_back(self) -> bool:
        return not self.silent

    async def _probe(self) -> None:
        """Read the device's identifier: it could be another device by now."""
        device = ObjectId(ObjectType.DEVICE, self.info.instance)
        reference = PropertyReference(device, PropertyIdentifier.OBJECT_IDENTIFIER)
        lane = self.node.lane_of(self.info.address)
        found: object = device
        try:
            answer = await self._exchange(
                ConfirmedService.READ_PROPERTY,
                encode_read_property(reference),
                Urgency.PROBE,
                max(self.patience(), self._first_timeout),
                # Healthy devices behind the same router do not wait for this one.
                lane and f"probes of {lane}",
            )
            found = decode_value(decode_read_property_ack(answer)[1])
        except ServiceError as error:
            if error.error_code == ErrorCode.UNKNOWN_OBJECT:
                found = None
        except RefusedError, MalformedError:
            pass
        if found != device:
            raise NoResponseError(f"{self.info.address} is another device now")
        self._answered()

    async def _send(
        self, service: int, parameters: bytes, urgency: Urgency, timeout: float
    ) -> bytes:
        try:
            answer = await self._exchange(
                service,
                parameters,
                urgency,
                timeout,
                self.node.lane_of(self.info.address),
            )
        except RefusedError:
            self._answered()
            raise
        self._answered()
        return answer

    async def _exchange(
        self,
        service: int,
        parameters: bytes,
        urgency: Urgency,
        timeout: float,
        lane: str | None,
    ) -> bytes:
        """Send once and measure how long the answer takes."""
        sent_at = 0.0

        def start() -> None:
            nonlocal sent_at
            sent_at = monotonic()

        try:
            answer = await self.node.request(
                self.info.address,
                service,
                parameters,
                urgency=urgency,
                timeout=timeout,
                retries=0,
                lane=lane,
                on_turn=start,
            )
        except UnreachableError as error:
            raise NoRouteError(str(error)) from error
        except RefusedError:
            self._measured(monotonic() - sent_at)
            raise
        self._measured(monotonic() - sent_at)
        return answer

    def _measured(self, duration: float) -> None:
        """Adapt to a round-trip time, as RFC 6298 does."""
        if self._smoothed is None:
            self._smoothed = duration
            self._deviation = duration / 2
            return
        self._deviation += (abs(duration - self._smoothed) - self._deviation) / 4
        self._smoothed += (duration - self._smoothed) / 8

    def _answered(self) -> None:
        self._answered_at = monotonic()
        self._backoff = 0.0
        if self.silent:
            self.silent = False
            if self._on_return is not None:
                self._on_return()

    def _fell_silent(self) -> None:
        self.silent = True
        self._backoff = min(self._backoff * 2 or self._first_timeout, _MAX_BACKOFF)
        self._next_probe = monotonic() + self._backoff * uniform(0.75, 1.25)
