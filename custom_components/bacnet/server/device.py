"""The device: our own objects, and the services that others use on them."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ..node.enumerations import (
    ConfirmedService as Confirmed,
    ObjectType,
    UnconfirmedService as Unconfirmed,
)
from ..node.node import Node
from ..node.types import ObjectId
from .callbacks import Callbacks
from .clock import Clock, system_time
from .command import Command, Refusal
from .context import ObjectContext
from .control import ControlServices, ReinitializeRequest, TimeSynchronization
from .cov import CovLimits, CovServices
from .definition import DeviceDefinition, ObjectDefinition, ViewDefinition
from .device_object import DeviceObject
from .discovery import DiscoveryServices
from .network_port import NetworkPortObject
from .objects import LocalObject
from .policy import WritePolicy
from .ranges import RangeServices
from .reading import ReadServices
from .structured_view import StructuredView
from .table import ObjectTable
from .writing import WriteServices

type Unsubscribe = Callable[[], None]


class LocalDevice:
    """Our own BACnet device on a node.

    What callbacks hear of was acknowledged to the network before.
    """

    def __init__(
        self,
        node: Node,
        definition: DeviceDefinition,
        *,
        database_revision: int = 0,
        clock: Clock = system_time,
        cov_limits: CovLimits | None = None,
    ) -> None:
        """Answer for a node; ``database_revision`` is what an earlier run came to."""
        device_id = ObjectId(ObjectType.DEVICE, definition.instance)
        self._objects: dict[ObjectId, LocalObject] = {}
        self._views: dict[ObjectId, StructuredView] = {}
        self._changes_with_time: Callbacks[LocalObject] = Callbacks()
        self._context = ObjectContext(
            device_id, clock, self._changes_with_time.tell_soon
        )
        self._table = ObjectTable(database_revision)
        self._cov = CovServices(node, device_id, self._table, cov_limits or CovLimits())
        self._device = DeviceObject(
            node, definition, self._table, clock, self._cov.active_subscriptions
        )
        self._table.add(self._device)
        self._table.add(NetworkPortObject(node))
        self._discovery = DiscoveryServices(node, self._device, self._table)
        self._writing = WriteServices(self._table, clock)
        self._control = ControlServices(node, clock, self._cov.resume)
        reading = ReadServices(node, self._table)
        ranges = RangeServices(node, self._table)
        confirmed = {
            Confirmed.READ_PROPERTY: reading.read_property,
            Confirmed.READ_PROPERTY_MULTIPLE: reading.read_property_multiple,
            Confirmed.READ_RANGE: ranges.read_range,
            Confirmed.WRITE_PROPERTY: self._writing.write_property,
            Confirmed.WRITE_PROPERTY_MULTIPLE: self._writing.write_property_multiple,
            Confirmed.SUBSCRIBE_COV: self._cov.subscribe_cov,
            Confirmed.SUBSCRIBE_COV_PROPERTY: self._cov.subscribe_cov_property,
            Confirmed.DEVICE_COMMUNICATION_CONTROL: (
                self._control.device_communication_control
            ),
            Confirmed.REINITIALIZE_DEVICE: self._control.reinitialize_device,
        }
        unconfirmed = {
            Unconfirmed.WHO_IS: self._discovery.who_is,
            Unconfirmed.WHO_HAS: self._discovery.who_has,
            Unconfirmed.TIME_SYNCHRONIZATION: self._control.time_synchronization,
            Unconfirmed.UTC_TIME_SYNCHRONIZATION: (
                self._control.utc_time_synchronization
            ),
        }
        self._end_services = [
            *(node.answer(service, handler) for service, handler in confirmed.items()),
            *(
                node.listen(service, handler)
                for service, handler in unconfirmed.items()
            ),
        ]

    # --- objects --------------------------------------------------------------------

    @property
    def objects(self) -> Mapping[ObjectId, LocalObject]:
        """Return the objects with a present-value."""
        return MappingProxyType(self._objects)

    @property
    def definition(self) -> DeviceDefinition:
        """Return what the device says of itself."""
        return self._device.definition

    @property
    def database_revision(self) -> int:
        """Return how often the list of objects or a name has changed."""
        return self._table.revision

    @property
    def cov_subscription_count(self) -> int:
        """Return how many subscriptions others have."""
        return self._cov.count

    def object_named(self, name: str) -> ObjectId | None:
        """Return whose name this is, the device's own included."""
        served = self._table.find_name(name)
        return None if served is None else served.object_id

    def add(self, definition: ObjectDefinition) -> LocalObject:
        """Add an object.

        Raises ValueError for an identifier or name in use, and for a wrong definition.
        """
        added = LocalObject(definition, self._context)
        self._table.add(added)
        self._objects[definition.object_id] = added
        return added

    def update(self, definition: ObjectDefinition) -> None:
        """Change an object's definition; raises KeyError, and ValueError as ``add``."""
        changed = self._objects[definition.object_id]
        with self._table.renaming(changed, definition.name):
            changed.update(definition)
        self._cov.updated(changed)

    def remove(self, object_id: ObjectId) -> None:
        """Remove an object and the subscriptions to it; raises KeyError."""
        removed = self._objects.pop(object_id)
        removed.close()
        self._cov.removed(removed)
        self._table.remove(object_id)

    def add_view(self, definition: ViewDefinition) -> None:
        """Add a Structured View; raises ValueError as ``add``."""
        added = StructuredView(definition)
        self._table.add(added)
        self._views[definition.object_id] = added

    def update_view(self, definition: ViewDefinition) -> None:
        """Change a Structured View; raises KeyError, and ValueError as ``add``."""
        changed = self._views[definition.object_id]
        with self._table.renaming(changed, definition.name):
            changed.update(definition)

    def remove_view(self, object_id: ObjectId) -> None:
        """Remove a Structured View; raises KeyError."""
        del self._views[object_id]
        self._table.remove(object_id)

    # --- the device itself ----------------------------------------------------------

    def update_device(self, definition: DeviceDefinition) -> None:
        """Change what the device says of itself; raises ValueError.

        Another instance needs another device.
        """
        if definition.instance != self.definition.instance:
            raise ValueError("a device keeps its instance")
        with self._table.renaming(self._device, definition.name):
            self._device.update(definition)

    def announce(self) -> None:
        """Tell everybody that we are here."""
        self._discovery.announce()

    def set_password(self, password: str | None) -> None:
        """Set what silences and restarts the device; without it nobody can."""
        self._control.password = password or None

    def set_write_policy(self, policy: WritePolicy) -> None:
        """Set who may write, and how often."""
        self._writing.guard.policy = policy

    def close(self) -> None:
        """Stop answering; end subscriptions, timers and tasks."""
        for end in self._end_services:
            end()
        self._end_services.clear()
        self._control.close()
        self._cov.close()
        for served in self._objects.values():
            served.close()
        for callbacks in (
            self._writing.commands,
            self._writing.refusals,
            self._changes_with_time,
            self._control.reinitialize_requests,
            self._control.time_synchronizations,
        ):
            callbacks.clear()

    # --- news -----------------------------------------------------------------------

    def subscribe_commands(self, callback: Callable[[Command], None]) -> Unsubscribe:
        """Hear of every accepted write, once."""
        return self._writing.commands.subscribe(callback)

    def subscribe_refusals(self, callback: Callable[[Refusal], None]) -> Unsubscribe:
        """Hear of every refused write."""
        return self._writing.refusals.subscribe(callback)

    def subscribe_changes_with_time(
        self, callback: Callable[[LocalObject], None]
    ) -> Unsubscribe:
        """Hear of present-values that changed because a minimum time was over."""
        return self._changes_with_time.subscribe(callback)

    def subscribe_reinitialize(
        self, callback: Callable[[ReinitializeRequest], None]
    ) -> Unsubscribe:
        """Hear of restarts asked for with the password; refused while nobody does."""
        return self._control.reinitialize_requests.subscribe(callback)

    def subscribe_time_synchronizations(
        self, callback: Callable[[TimeSynchronization], None]
    ) -> Unsubscribe:
        """Hear of the times that others tell us."""
        return self._control.time_synchronizations.subscribe(callback)
