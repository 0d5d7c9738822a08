"""The objects that have a present-value."""

from asyncio import TimerHandle, get_running_loop
from collections.abc import Callable, Iterable, Mapping
from time import time
from typing import override

from ..node.enumerations import PropertyIdentifier as P, Reliability
from ..node.types import BitString
from .context import ObjectContext
from .definition import LOWEST_PRIORITY, MINIMUM_TIME_PRIORITY, ObjectDefinition
from .kinds import OBJECT_KINDS, Commandable, ObjectKind
from .priority import OURSELVES, UNKNOWN, PriorityArray, Source
from .properties import COMMAND_PROPERTIES, COUNTER_PROPERTIES, STATUS_PROPERTIES
from .served import ServedObject
from .state_history import StateHistory
from .values import BINARY, STATE, PresentValue, value_out_of_range

_DEFAULT_COV_INCREMENT = 0.1
"""Used where nobody chose one; integers never change by less than 1."""


class LocalObject(ServedObject):
    """One object: its value, where the value comes from, and how good it is."""

    __slots__ = (
        "_hold_timer",
        "_own_reliability",
        "_own_value",
        "_written_default",
        "_written_increment",
        "commands",
        "context",
        "definition",
        "history",
        "kind",
        "observer",
        "out_of_service",
        "present_value",
        "reliability",
    )

    def __init__(self, definition: ObjectDefinition, context: ObjectContext) -> None:
        """Start with a neutral value; raises ValueError for a wrong definition."""
        kind = _checked_kind(definition)
        super().__init__(definition.object_id, kind.properties)
        self.definition = definition
        self.kind = kind
        self.commands = PriorityArray() if _is_commandable(definition, kind) else None
        self.history = StateHistory(time()) if kind.value is BINARY else None
        self.reliability: int = Reliability.NO_FAULT_DETECTED
        self.out_of_service = False
        self.observer: Callable[[LocalObject], None] | None = None
        self.context = context
        self._hold_timer: TimerHandle | None = None
        self._own_value: PresentValue | None = None
        self._own_reliability: int = Reliability.NO_FAULT_DETECTED
        self._written_increment: PresentValue | None = None
        self._written_default: PresentValue | None = None
        self.present_value: PresentValue = self.relinquish_default

    # --- what it shows --------------------------------------------------------------

    @property
    @override
    def name(self) -> str:
        """Return the object's name."""
        return self.definition.name

    @property
    def status_flags(self) -> BitString:
        """Return in-alarm, fault, overridden and out-of-service."""
        fault = self.reliability != Reliability.NO_FAULT_DETECTED
        return BitString((False, fault, False, self.out_of_service))

    @property
    def priority_array(self) -> tuple[PresentValue | None, ...]:
        """Return the sixteen slots; nothing where the object is not commandable."""
        return () if self.commands is None else tuple(self.commands.slots)

    @property
    def active_priority(self) -> int | None:
        """Return the priority whose value is in effect."""
        return None if self.commands is None else self.commands.active

    @property
    def relinquish_default(self) -> PresentValue:
        """Return the value in effect when every slot is Null."""
        if self._written_default is not None:
            return self._written_default
        default = self.definition.relinquish_default
        if default is not None:
            return self.kind.value.convert(default)
        if self._own_value is not None:
            return self._own_value
        return self._neutral_value()

    @property
    def minimum(self) -> PresentValue | None:
        """Return the lowest value that can be written."""
        return self._converted(self.definition.minimum)

    @property
    def maximum(self) -> PresentValue | None:
        """Return the highest value that can be written."""
        return self._converted(self.definition.maximum)

    @property
    def resolution(self) -> PresentValue | None:
        """Return the smallest difference of values."""
        return self._converted(self.definition.resolution)

    @property
    def is_numeric(self) -> bool:
        """Return whether values differ by an amount."""
        return self.kind.value.encode_span is not None

    @property
    def cov_increment(self) -> PresentValue:
        """Return the change that is worth a notification."""
        if self._written_increment is not None:
            return self._written_increment
        increment = self.definition.cov_increment
        if increment is None:
            increment = self.definition.resolution or _DEFAULT_COV_INCREMENT
        return self.kind.value.convert(abs(increment))

    # --- our own side ---------------------------------------------------------------

    def set_own_value(
        self,
        value: PresentValue | None,
        reliability: int = Reliability.NO_FAULT_DETECTED,
    ) -> None:
        """Take the value that Home Assistant has; None keeps the last one.

        While the object is out of service it waits. Raises ValueError or TypeError
        for a value that the type can not have.
        """
        if value is not None:
            value = self._own_value = self._taken(value)
        self._own_reliability = reliability
        if not self.out_of_service:
            self._take_own(value)

    def adjust_active_value(self, value: PresentValue) -> None:
        """Correct the value in effect to what became of it, without a command.

        A commanded 21.53 that Home Assistant rounds to 21.5 is 21.5 from then on.
        Raises ValueError or TypeError as ``set_own_value``.
        """
        value = self._taken(value)
        active = self.active_priority
        if active is None or self.commands is None:
            self._own_value = value
            self._forget(COMMAND_PROPERTIES)
            changed = self._set_present_value(value)
        else:
            changed = self._command(active, value, self.commands.sources[active])
        if changed:
            self._notify()

    def release_commands(
        self, priorities: Iterable[int], *, before: float | None = None
    ) -> bool:
        """Relinquish what others commanded; return whether there was anything.

        ``before`` (seconds since 1970) spares what was written later. Our own value
        stays.
        """
        if self.commands is None:
            return False
        expired = [
            priority
            for priority in priorities
            if self.commands[priority] is not None
            and (source := self.commands.sources[priority]).address != OURSELVES
            and (before is None or source.time < before)
        ]
        for priority in expired:
            self._command(priority, None, _by_ourselves())
        if expired:
            self._notify()
        return bool(expired)

    def restore(
        self,
        slots: Mapping[int, PresentValue],
        *,
        out_of_service: bool = False,
        present_value: PresentValue | None = None,
        relinquish_default: PresentValue | None = None,
    ) -> None:
        """Take over what an earlier run kept; values that no longer fit are left out.

        ``present_value`` counts only where out-of-service decoupled the value.
        """
        self._written_default = self._fitting(relinquish_default)
        if self.commands is not None:
            for priority, value in slots.items():
                fitting = self._fitting(value)
                if fitting is not None and priority != MINIMUM_TIME_PRIORITY:
                    is_ours = priority == self.definition.own_priority
                    source = Source(OURSELVES if is_ours else UNKNOWN, time())
                    self.commands.command(priority, fitting, source)
        self.out_of_service = out_of_service
        if self.active_priority is not None:
            self._set_present_value(self._effective_value())
        elif self.commands is not None:
            # Not yet a state to count from.
            self.present_value = self._effective_value()
        elif out_of_service and (fitting := self._fitting(present_value)) is not None:
            self._set_present_value(fitting)
        self.cache.clear()
        self._notify()

    def update(self, definition: ObjectDefinition) -> None:
        """Take a changed definition of the same object; raises ValueError."""
        kind = _checked_kind(definition)
        old, self.definition = self.definition, definition
        if definition.cov_increment != old.cov_increment:
            self._written_increment = None
        if definition.relinquish_default != old.relinquish_default:
            self._written_default = None
        self.cache.clear()
        self._forget_unfitting()
        if not _is_commandable(definition, kind):
            self._end_hold()
            self.commands = None
        elif self.commands is None:
            self.commands = PriorityArray()
            if self._own_value is not None:
                self._put_own(self._own_value)
        elif definition.own_priority != old.own_priority:
            own = self.commands[old.own_priority]
            self.commands.clear(old.own_priority)
            if own is not None and self.commands[definition.own_priority] is None:
                self._put_own(own)
        if self.commands is not None:
            self._set_present_value(self._effective_value())
        elif self._own_value is not None and not self.out_of_service:
            self._set_present_value(self._own_value)
        elif self._fitting(self.present_value) is None:
            self._set_present_value(self._neutral_value())
        self._notify()

    def close(self) -> None:
        """Let go of timers."""
        self._cancel_hold_timer()

    # --- the network's side ---------------------------------------------------------

    def check(self, value: PresentValue) -> None:
        """Raise ServiceError value-out-of-range for a value outside the limits."""
        minimum, maximum = self.minimum, self.maximum
        if (
            (minimum is not None and value < minimum)  # type: ignore[operator]
            or (maximum is not None and value > maximum)  # type: ignore[operator]
            or (self.kind.value is STATE and not self._is_state(value))
        ):
            raise value_out_of_range()
        length = self.definition.max_length
        if length is not None and isinstance(value, str) and len(value) > length:
            raise value_out_of_range()

    def command(
        self, priority: int, value: PresentValue | None, source: Source
    ) -> None:
        """Take a checked command from the network; None relinquishes."""
        if self._command(priority, value, source):
            self._notify()

    def simulate(self, value: PresentValue) -> None:
        """Take a present-value that was written while the object is out of service."""
        if self._set_present_value(value):
            self._notify()

    def simulate_reliability(self, reliability: int) -> None:
        """Take a reliability that was written while the object is out of service."""
        if self._set_reliability(reliability):
            self._notify()

    def set_out_of_service(self, out_of_service: bool) -> None:
        """Decouple the value from Home Assistant, or couple it again."""
        if out_of_service == self.out_of_service:
            return
        self.out_of_service = out_of_service
        self._forget(STATUS_PROPERTIES)
        if not out_of_service:
            self._take_own(self._own_value)
        self._notify()

    def set_cov_increment(self, increment: PresentValue) -> None:
        """Take a COV increment that was written."""
        self._written_increment = increment
        self.cache.pop(P.COV_INCREMENT, None)

    def set_relinquish_default(self, value: PresentValue) -> None:
        """Take a relinquish default that was written."""
        self._written_default = value
        self._forget(COMMAND_PROPERTIES)
        self._set_present_value(self._effective_value())
        self._notify()

    def set_state_count(self, count: int, now: float) -> None:
        """Take a count of changes of state that was written."""
        if self.history is not None:
            self.history.set_count(count, now)
            self._forget(COUNTER_PROPERTIES)
            self._notify()

    def set_active_time(self, seconds: int, now: float) -> None:
        """Take an elapsed active time that was written."""
        if self.history is not None:
            self.history.set_active_seconds(seconds, now)
            self._forget(COUNTER_PROPERTIES)

    # --- inside ---------------------------------------------------------------------

    def _take_own(self, value: PresentValue | None) -> None:
        changed = self._set_reliability(self._own_reliability)
        if value is not None:
            if self.commands is None:
                changed |= self._set_present_value(value)
            else:
                priority = self.definition.own_priority
                changed |= self._command(priority, value, _by_ourselves())
        if changed:
            self._notify()

    def _put_own(self, value: PresentValue) -> None:
        if self.commands is not None:
            self.commands.command(self.definition.own_priority, value, _by_ourselves())

    def _neutral_value(self) -> PresentValue:
        neutral = self.kind.value.neutral
        if self.minimum is not None and neutral < self.minimum:  # type: ignore[operator]
            return self.minimum
        if self.maximum is not None and neutral > self.maximum:  # type: ignore[operator]
            return self.maximum
        return neutral

    def _converted(self, value: float | None) -> PresentValue | None:
        if value is None or not self.is_numeric:
            return None
        return self.kind.value.convert(value)

    def _is_state(self, value: PresentValue) -> bool:
        return isinstance(value, int) and 1 <= value <= len(self.definition.states)

    def _taken(self, value: PresentValue) -> PresentValue:
        value = self.kind.value.convert(value)
        if self.kind.value is STATE and not self._is_state(value):
            raise ValueError(f"{self.object_id} has no state {value}")
        return value

    def _fitting(self, value: PresentValue | None) -> PresentValue | None:
        """Return a value as the type has it, None where it can not."""
        try:
            return None if value is None else self._taken(value)
        except TypeError, ValueError:
            return None

    def _forget_unfitting(self) -> None:
        """Drop values that a changed definition rules out."""
        self._own_value = self._fitting(self._own_value)
        self._written_default = self._fitting(self._written_default)
        if self.commands is not None:
            for priority, value in enumerate(self.commands.slots, 1):
                if value is not None and self._fitting(value) is None:
                    self.commands.clear(priority)

    def _effective_value(self) -> PresentValue:
        commanded = None if self.commands is None else self.commands.value
        return self.relinquish_default if commanded is None else commanded

    def _command(
        self, priority: int, value: PresentValue | None, source: Source
    ) -> bool:
        if self.commands is None:
            return False
        changed = self.commands.command(priority, value, source)
        self._forget(COMMAND_PROPERTIES)
        return self._set_present_value(self._effective_value()) or changed

    def _set_present_value(self, value: PresentValue) -> bool:
        changed = value != self.present_value
        if not changed and P.PRESENT_VALUE in self.cache:
            return False
        self.present_value = value
        self.cache[P.PRESENT_VALUE] = self.kind.value.encode(value)
        if self.history is not None:
            state = bool(value)
            was_known = self.history.state is not None
            self.history.record(state, time())
            self._forget(COUNTER_PROPERTIES)
            if changed and was_known:
                self._hold(state)
        return changed

    def _hold(self, state: bool) -> None:
        """Keep a new state for its minimum time (19.2.3)."""
        self._end_hold()
        definition = self.definition
        seconds = definition.minimum_on_time if state else definition.minimum_off_time
        if seconds and self.commands is not None:
            self.commands.command(MINIMUM_TIME_PRIORITY, state, _by_ourselves())
            self._forget(COMMAND_PROPERTIES)
            self._hold_timer = get_running_loop().call_later(seconds, self._hold_over)

    def _hold_over(self) -> None:
        self._end_hold()
        if self._set_present_value(self._effective_value()):
            self.context.changed_with_time(self)
        self._notify()

    def _end_hold(self) -> None:
        if self._hold_timer is not None and self.commands is not None:
            self.commands.clear(MINIMUM_TIME_PRIORITY)
            self._forget(COMMAND_PROPERTIES)
        self._cancel_hold_timer()

    def _cancel_hold_timer(self) -> None:
        if self._hold_timer is not None:
            self._hold_timer.cancel()
            self._hold_timer = None

    def _set_reliability(self, reliability: int) -> bool:
        if reliability == self.reliability:
            return False
        self.reliability = reliability
        self._forget(STATUS_PROPERTIES)
        return True

    def _forget(self, property_ids: tuple[int, ...]) -> None:
        for property_id in property_ids:
            self.cache.pop(property_id, None)

    def _notify(self) -> None:
        if self.observer is not None:
            self.observer(self)


def _by_ourselves() -> Source:
    return Source(OURSELVES, time())


def _is_commandable(definition: ObjectDefinition, kind: ObjectKind) -> bool:
    return kind.commandable is Commandable.ALWAYS or (
        kind.commandable is Commandable.WHEN_WRITABLE and definition.writable
    )


def _checked_kind(definition: ObjectDefinition) -> ObjectKind:
    kind = OBJECT_KINDS.get(definition.object_id.type)
    if kind is None:
        raise ValueError(f"{definition.object_id} is of a type that is not supported")
    if (
        not 1 <= definition.own_priority <= LOWEST_PRIORITY
        or definition.own_priority == MINIMUM_TIME_PRIORITY
    ):
        raise ValueError(f"{definition.own_priority} is no priority for own values")
    states = definition.states
    if kind.value is STATE and not states:
        raise ValueError(f"{definition.object_id} needs at least one state")
    default = definition.relinquish_default
    if default is not None:
        converted = kind.value.convert(default)
        if kind.value is STATE and not 1 <= converted <= len(states):  # type: ignore[operator]
            raise ValueError(f"{definition.object_id} has no state {default}")
    if (
        definition.minimum is not None
        and definition.maximum is not None
        and definition.minimum > definition.maximum
    ):
        raise ValueError("the minimum is above the maximum")
    return kind
