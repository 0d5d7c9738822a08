"""The log of what others wrote to us, accepted and refused."""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .node.enumerations import PropertyIdentifier, label_of
from .node.types import ObjectId
from .server.command import Command, Refusal
from .storage import PacedStore

if TYPE_CHECKING:
    from .server.device import LocalDevice

_MAX_RECORDS: Final = 1000
_SAVE_DELAY: Final = 10.0

ACCEPTED: Final = "accepted"
EXPIRED: Final = "expired"
FAILED: Final = "failed"

type WriteRecord = dict[str, Any]
"""Time, source, object, property, value, priority and result of one write."""


class WriteLog:
    """A bounded log that survives restarts; the newest writes push out the oldest."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Prepare the file."""
        self._records: deque[WriteRecord] = deque(maxlen=_MAX_RECORDS)
        self._file = PacedStore(hass, "write_log", lambda: list(self._records))

    @property
    def records(self) -> Sequence[WriteRecord]:
        """Return what is in the log, oldest first."""
        return tuple(self._records)

    async def async_load(self) -> None:
        """Read the file."""
        self._records.extend(await self._file.async_load() or ())

    async def async_close(self) -> None:
        """Write what is not written yet."""
        await self._file.async_close()

    @callback
    def async_follow(self, device: LocalDevice) -> None:
        """Log the writes to our device, as long as it lives."""
        device.subscribe_commands(self._async_accepted)
        device.subscribe_refusals(self._async_refused)

    @callback
    def _async_accepted(self, command: Command) -> None:
        self._add(command, ACCEPTED)

    @callback
    def _async_refused(self, refusal: Refusal) -> None:
        self._add(refusal, str(refusal.error))

    def _add(self, write: Command | Refusal, result: str) -> None:
        self._append(
            {
                "time": write.time.isoformat(),
                "source": write.source,
                "object": str(write.object_id),
                "property": label_of(PropertyIdentifier, write.property_id),
                "index": write.index,
                "value": _shown(write.value),
                "priority": write.priority,
                "result": result,
            }
        )

    @callback
    def async_add_failure(
        self, object_id: ObjectId, entity: str, error: Exception
    ) -> None:
        """Log that Home Assistant could not do what was written."""
        self._append(
            self._own_record(object_id) | {"result": f"{FAILED}: {entity}: {error}"}
        )

    @callback
    def async_add_expiry(self, object_id: ObjectId, priority: int) -> None:
        """Log that nobody renewed a command."""
        self._append(
            self._own_record(object_id) | {"priority": priority, "result": EXPIRED}
        )

    def _own_record(self, object_id: ObjectId) -> WriteRecord:
        return {
            "time": dt_util.now().isoformat(),
            "source": "",
            "object": str(object_id),
            "property": label_of(PropertyIdentifier, PropertyIdentifier.PRESENT_VALUE),
            "index": None,
            "value": None,
            "priority": None,
        }

    def _append(self, record: WriteRecord) -> None:
        self._records.append(record)
        self._file.async_schedule(_SAVE_DELAY)


def _shown(value: object) -> Any:
    """Return a written value as JSON can have it."""
    if value is None or isinstance(value, bool | float | str):
        return value
    if isinstance(value, int):
        return int(value)
    return str(value)
