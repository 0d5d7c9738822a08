"""The objects of a simulated device: stock ones, with an access policy and real COV."""

from collections.abc import Callable
from math import isnan
from typing import Any

from bacpypes3.basetypes import (
    BinaryPV,
    ObjectTypesSupported,
    PropertyIdentifier,
    Scale,
)
from bacpypes3.constructeddata import ArrayOf, Choice
from bacpypes3.errors import PropertyError
from bacpypes3.local.analog import (
    AnalogInputObject,
    AnalogOutputObject,
    AnalogValueObject,
    AnalogValueObjectCmd,
)
from bacpypes3.local.binary import (
    BinaryInputObject,
    BinaryOutputObject,
    BinaryValueObject,
)
from bacpypes3.local.cmd import Commandable
from bacpypes3.local.cov import COVIncrementCriteria, GenericCriteria
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.multistate import (
    MultiStateInputObject,
    MultiStateOutputObject,
    MultiStateValueObject,
)
from bacpypes3.local.networkport import NetworkPortObject
from bacpypes3.local.object import Object as LocalObject
from bacpypes3.object import AccumulatorObject, CharacterStringValueObject
from bacpypes3.primitivedata import Boolean, Enumerated, Null, ObjectIdentifier

from .model import Access, Point, Value

_NOT_LISTED = ("objectIdentifier", "objectName", "objectType", "propertyList")

_WRITABLE = {
    Access.READ: frozenset({"outOfService", "covIncrement"}),
    Access.WRITE: frozenset({"outOfService", "covIncrement", "presentValue"}),
    Access.COMMAND: frozenset(
        {"outOfService", "covIncrement", "presentValue", "relinquishDefault"}
    ),
}


class LiveFlags:
    """COV criteria that follow the status flags; stock ones read them once."""

    properties_tracked = (
        "presentValue",
        "statusFlags",
        "eventState",
        "reliability",
        "outOfService",
    )

    def send_cov_notifications(self, subscription: Any = None) -> None:
        """Notify with the flags of now."""
        self.statusFlags = self.obj.statusFlags
        super().send_cov_notifications(subscription)


class StateCriteria(LiveFlags, GenericCriteria):
    """Notify about any change."""


class IncrementCriteria(LiveFlags, COVIncrementCriteria):
    """Notify about a change by the COV increment."""


class SimulatedObject:
    """What every simulated object adds to a stock one."""

    _writable: frozenset[str] = frozenset()

    async def _post_init(self) -> None:
        """Skip the look for a notification class, which not all types have."""

    @property
    def propertyList(self) -> Any:
        """Return the properties, without the four that the standard excludes."""
        return ArrayOf(PropertyIdentifier)(
            [name for name in super().propertyList if name.attr not in _NOT_LISTED]
        )

    @propertyList.setter
    def propertyList(self, value: Any) -> None:
        """Ignore the initial value, as the stock object does."""

    async def write_property(
        self,
        attr: int | str,
        value: Any,
        index: int | None = None,
        priority: int | None = None,
    ) -> None:
        """Accept a write by a client, if it is allowed and in range."""
        name = PropertyIdentifier(attr).attr if isinstance(attr, int) else attr
        self.check_access(name)
        if isinstance(value, Null):
            if name != "presentValue" or not isinstance(self, Commandable):
                raise PropertyError("invalid-data-type")
        elif name in ("presentValue", "relinquishDefault"):
            self._check_range(value)
        await super().write_property(name, value, index, priority)

    def allow(self, access: Access) -> None:
        """Set what clients may write."""
        self._writable = _WRITABLE[access]

    def check_access(self, name: str) -> None:
        """Refuse a property that clients may not write, or not now."""
        if name not in self._writable and not (
            name == "presentValue" and self._writable and self.outOfService
        ):
            raise PropertyError("write-access-denied")

    def _check_range(self, value: Any) -> None:
        """Refuse a value that the object cannot take."""
        if isinstance(value, BinaryPV):
            low, high = 0, 1
        elif (states := getattr(self, "numberOfStates", None)) is not None:
            low, high = 1, states
        else:
            low = getattr(self, "minPresValue", None)
            high = getattr(self, "maxPresValue", None)
        if isinstance(value, float) and isnan(value):
            raise PropertyError("value-out-of-range")
        if (low is not None and value < low) or (high is not None and value > high):
            raise PropertyError("value-out-of-range")


class SimulatedDeviceObject(SimulatedObject, DeviceObject):
    """The device object, read-only."""

    @property
    def protocolObjectTypesSupported(self) -> ObjectTypesSupported:
        """Return the object types that the device has; the stock set is empty."""
        types = ObjectTypesSupported([])
        for object_type, _ in self._app.objectIdentifier:
            types[int(object_type)] = 1
        return types

    @protocolObjectTypesSupported.setter
    def protocolObjectTypesSupported(self, value: Any) -> None:
        """Ignore the initial value, as the stock object does."""


class SimulatedNetworkPort(SimulatedObject, NetworkPortObject):
    """The network port object, read-only."""


def _object_class(criteria: type | None, *bases: type) -> type:
    """Return an object class that bacpypes3 does not register for the vendor."""
    return type(bases[-1])(
        f"Simulated{bases[-1].__name__}",
        (SimulatedObject, *bases),
        {"__module__": __name__, "_cov_criteria": criteria},
    )


_OTHER_CLASSES = {
    "accumulator": _object_class(None, LocalObject, AccumulatorObject),
    "analog-input": _object_class(IncrementCriteria, AnalogInputObject),
    "analog-value": _object_class(IncrementCriteria, AnalogValueObject),
    "binary-input": _object_class(StateCriteria, BinaryInputObject),
    "binary-value": _object_class(StateCriteria, BinaryValueObject),
    "characterstring-value": _object_class(
        StateCriteria, LocalObject, CharacterStringValueObject
    ),
    "multi-state-input": _object_class(StateCriteria, MultiStateInputObject),
    "multi-state-value": _object_class(StateCriteria, MultiStateValueObject),
}

_COMMANDABLE_CLASSES = {
    "analog-output": _object_class(IncrementCriteria, AnalogOutputObject),
    "analog-value": _object_class(IncrementCriteria, AnalogValueObjectCmd),
    "binary-output": _object_class(StateCriteria, BinaryOutputObject),
    "binary-value": _object_class(StateCriteria, Commandable, BinaryValueObject),
    "multi-state-output": _object_class(StateCriteria, MultiStateOutputObject),
    "multi-state-value": _object_class(
        StateCriteria, Commandable, MultiStateValueObject
    ),
}


# By the object type without its last word. None is left out, as is what only some
# of these types have.
_PROPERTIES: dict[str, Callable[[Point], dict[str, Any]]] = {
    "analog": lambda point: {
        "units": point.units,
        "covIncrement": point.increment,
        "minPresValue": point.limits and point.limits[0],
        "maxPresValue": point.limits and point.limits[1],
    },
    "binary": lambda point: {
        "inactiveText": point.texts[0],
        "activeText": point.texts[1],
        "polarity": "normal",
    },
    "multi-state": lambda point: {
        "numberOfStates": len(point.texts),
        "stateText": list(point.texts),
    },
    "characterstring": lambda point: {},
    "accumulator": lambda point: {
        "units": point.units,
        "scale": Scale(integerScale=-1),
        "maxPresValue": 2**32 - 1,
    },
}


def build(point: Point) -> Any:
    """Return the bacpypes3 object of a point."""
    classes = _COMMANDABLE_CLASSES if point.access is Access.COMMAND else _OTHER_CLASSES
    object_class = classes[point.kind]
    properties = _PROPERTIES[point.kind.rpartition("-")[0] or point.kind](point)
    obj = object_class(
        objectIdentifier=(point.kind, point.instance),
        objectName=point.name,
        description=point.description or f"Simulated {point.name.lower()}",
        presentValue=encodable(point.value),
        eventState="normal",
        reliability="no-fault-detected",
        outOfService=False,
        **{
            name: value
            for name, value in properties.items()
            if value is not None and object_class.get_property_type(name) is not None
        },
    )
    obj.allow(point.access)
    return obj


def encodable(value: Value) -> Value:
    """Return what bacpypes3 takes for a present-value: an int for a binary one."""
    return int(value) if isinstance(value, bool) else value


def plain(value: Any) -> Any:
    """Return a property value as plain data, with binary values as booleans."""
    match value:
        case None | Null():
            return None
        case Choice():
            return plain(getattr(value, value._choice))  # noqa: SLF001
        case Boolean() | BinaryPV():
            return bool(value)
        case Enumerated() if type(value) is Enumerated:
            # Without a type of its own it is a binary value in a priority slot.
            return bool(value)
        case Enumerated() | ObjectIdentifier():
            return str(value)
        case list():
            return [plain(item) for item in value]
        case int():
            return int(value)
        case float():
            return float(value)
    return str(value)
