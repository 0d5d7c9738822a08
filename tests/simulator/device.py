"""One simulated device: a stock bacpypes3 application on its own address."""

import asyncio
from dataclasses import replace
from random import Random
from typing import Any, override

from bacpypes3.apdu import (
    ConfirmedRequestPDU,
    ConfirmedServiceChoice,
    RejectPDU,
    UnconfirmedServiceChoice,
    WritePropertyMultipleError,
    confirmed_request_types,
    unconfirmed_request_types,
)
from bacpypes3.app import Application
from bacpypes3.basetypes import PriorityValue, PropertyIdentifier, ServicesSupported
from bacpypes3.comm import bind
from bacpypes3.errors import ExecutionError, InvalidTag, PropertyError
from bacpypes3.local.cmd import Commandable
from bacpypes3.netservice import NetworkServiceAccessPoint, NetworkServiceElement
from bacpypes3.pdu import IPv4Address
from bacpypes3.primitivedata import Enumerated, Null, ObjectIdentifier

from .model import DevicePlan, Moment, Point, Value
from .objects import (
    SimulatedDeviceObject,
    SimulatedNetworkPort,
    build,
    encodable,
    plain,
)
from .stack import AccessPoint, LoopbackLinkLayer

VENDOR_NAME = "Simulated Controls"

# bacpypes3 answers these with an internal error.
_UNIMPLEMENTED = frozenset({"read-range"})

# At 256 outstanding requests to one address bacpypes3 loops for ever.
_MAX_OUTSTANDING = 64


class SimulatedDevice(Application):
    """A device of the building: stock services with the usual mistakes corrected."""

    def __init__(self, plan: DevicePlan, port: int, seed: int = 1) -> None:
        """Build the objects and the stack, and bind the sockets."""
        super().__init__()
        self.plan = plan
        self.shape = plan.shape
        self.address = f"{plan.address}:{port}"
        self._delayed: set[asyncio.Task[None]] = set()
        self._time = 0
        self._moving: list[tuple[Point, Any, Random]] = []

        address = IPv4Address(f"{plan.address}/8:{port}")
        self.link = LoopbackLinkLayer(address)
        self.asap = AccessPoint(self._add_device(plan))
        self.nsap = NetworkServiceAccessPoint()
        self.nse = NetworkServiceElement()
        bind(self.nse, self.nsap)
        bind(self, self.asap, self.nsap)
        self.nsap.bind(self.link, address=address)

        # Not yet an application port, or bacpypes3 makes a link layer of its own.
        network_port = SimulatedNetworkPort(
            address,
            objectIdentifier=("network-port", 1),
            objectName="Network port",
            protocolLevel="physical",
        )
        self.add_object(network_port)
        network_port.protocolLevel = "bacnet-application"
        self.link_layers[network_port.objectIdentifier] = self.link

        for point in plan.points:
            obj = build(point)
            self.add_object(obj)
            if point.motion is not None:
                random = Random(f"{seed} {plan.instance} {point.object_id}")
                self._moving.append((point, obj, random))

    def _add_device(self, plan: DevicePlan) -> SimulatedDeviceObject:
        """Return the device object, added to the application."""
        device = SimulatedDeviceObject(
            objectIdentifier=("device", plan.instance),
            objectName=plan.name,
            description=plan.description,
            location=plan.location,
            vendorName=VENDOR_NAME,
            modelName=plan.model,
            firmwareRevision="2.4.1",
            applicationSoftwareVersion="1.3.0",
            serialNumber=f"{plan.instance:08}",
            maxApduLengthAccepted=plan.shape.max_apdu,
            segmentationSupported=plan.shape.segmentation,
            maxSegmentsAccepted=64,
        )
        self.add_object(device)
        return device

    async def open(self) -> None:
        """Begin to receive, and tell the network."""
        await self.link.server.ready()
        if self.shape.announces:
            self.i_am()

    async def shutdown(self) -> None:
        """Close the sockets and leave no timer or task behind."""
        await self.link.server.ready()
        self.asap.silent = True
        for task in self._delayed:
            task.cancel()
        for transactions in (
            self.asap.clientTransactions,
            self.asap.serverTransactions,
        ):
            for transaction in transactions:
                transaction.stop_timer()
            transactions.clear()
        for requests in list(self._requests.values()):
            for _, future in list(requests):
                future.cancel()
        for detection in self._cov_detections.values():
            for subscription in detection.cov_subscriptions:
                subscription.cancel_subscription()
            detection.cov_subscriptions.clear()
        self.close()
        await asyncio.sleep(0)

    # The controls of a device: what a test asks and does without the network.

    def _find(self, object_id: str) -> Any:
        """Return an object by an identifier such as `analog-input,1`."""
        if (obj := self.get_object_id(ObjectIdentifier(object_id))) is None:
            raise LookupError(f"{self.plan.name} has no {object_id}")
        return obj

    async def read(self, object_id: str, prop: str) -> Any:
        """Return a property as plain data."""
        obj = self._find(object_id)
        return plain(await obj.read_property(PropertyIdentifier(prop)))

    async def set_value(
        self, object_id: str, value: Value | None, prop: str, priority: int | None
    ) -> None:
        """Change a property, whatever clients may write."""
        obj = self._find(object_id)
        name = PropertyIdentifier(prop).attr
        if name != "presentValue":
            setattr(obj, name, value)
        elif not isinstance(obj, Commandable):
            obj.presentValue = encodable(value)
        else:
            element = Null if value is None else obj.get_property_type(name)
            command = () if value is None else element.cast(encodable(value))
            obj.priorityArray[(priority or 16) - 1] = PriorityValue(element(command))

    async def stop(self, after: int) -> None:
        """Fall silent, at once or after a number of confirmed requests."""
        self.asap.answers_left = after
        self.asap.silent = not after

    async def start(self) -> None:
        """Answer again, and tell the network as a device that powers up."""
        self.asap.answers_left = None
        self.asap.silent = False
        if self.shape.announces:
            self.i_am()

    async def reshape(self, **changes: Any) -> None:
        """Change the shape of the running device."""
        if "unsupported" in changes:
            changes["unsupported"] = frozenset(changes["unsupported"])
        self.shape = shape = replace(self.shape, **changes)
        self.device_object.maxApduLengthAccepted = shape.max_apdu
        self.device_object.segmentationSupported = shape.segmentation

    async def requests(self) -> dict[str, int]:
        """Return how many requests of each service arrived."""
        return dict(self.asap.requests)

    async def subscriptions(self) -> list[dict[str, Any]]:
        """Return the active COV subscriptions."""
        return [
            {
                "subscriber": str(subscription.client_addr),
                "process": int(subscription.proc_id),
                "object": str(subscription.obj_id),
                "confirmed": bool(subscription.confirmed),
                "lifetime": int(subscription.lifetime),
            }
            for subscription in self._subscriptions()
        ]

    def advance(self) -> None:
        """Move every moving point by one second."""
        self._time += 1
        for point, obj, random in self._moving:
            if not obj.outOfService:
                value = plain(obj.presentValue)
                moment = Moment(self._time, value, random, self._at)
                obj.presentValue = encodable(point.motion(moment))

    def _at(self, name: str) -> float:
        """Return the present-value of the point with this name."""
        return plain(self.objectName[name].presentValue)

    # The services, where the stock answer is wrong or the shape says otherwise.

    @override
    def get_services_supported(self) -> ServicesSupported:
        """Return the services; stock code takes unconfirmed ones for confirmed."""
        supported = ServicesSupported([])
        for requests, choices in (
            (confirmed_request_types, ConfirmedServiceChoice),
            (unconfirmed_request_types, UnconfirmedServiceChoice),
        ):
            for number, request in requests.items():
                service = choices(number)
                if hasattr(self, f"do_{request.__name__}") and self._supports(service):
                    supported[getattr(ServicesSupported, service.attr)] = 1
        return supported

    def _supports(self, service: Enumerated) -> bool:
        """Return whether this device supports a service that bacpypes3 has."""
        return str(service) not in _UNIMPLEMENTED | self.shape.unsupported

    @override
    async def indication(self, apdu: Any) -> None:
        """Process a request after the delay, or reject its service."""
        if isinstance(apdu, ConfirmedRequestPDU):
            if self.shape.latency:
                await self._delay()
            if not self._supports(ConfirmedServiceChoice(apdu.apduService)):
                reject = RejectPDU(reason="unrecognized-service", context=apdu)
                await self.response(reject)
                return
        await super().indication(apdu)

    async def _delay(self) -> None:
        """Wait for the latency in a task that a shutdown finds."""
        task = asyncio.current_task()
        self._delayed.add(task)
        try:
            await asyncio.sleep(self.shape.latency)
        finally:
            self._delayed.discard(task)

    async def do_WritePropertyRequest(self, apdu: Any) -> None:
        """Write with the default priority and the standard errors."""
        if (obj := self.get_object_id(apdu.objectIdentifier)) is not None:
            if obj.get_property_type(apdu.propertyIdentifier) is None:
                raise PropertyError("unknown-property")
            obj.check_access(apdu.propertyIdentifier.attr)
        if apdu.priority is None:
            apdu.priority = 16
        elif not 1 <= apdu.priority <= 16:
            raise ExecutionError("services", "parameter-out-of-range")
        try:
            await super().do_WritePropertyRequest(apdu)
        except InvalidTag as err:
            raise PropertyError("invalid-data-type") from err
        except ValueError as err:
            raise PropertyError("value-out-of-range") from err

    async def do_WritePropertyMultipleRequest(self, apdu: Any) -> None:
        """Answer an error; stock code loses it and stays silent."""
        try:
            await super().do_WritePropertyMultipleRequest(apdu)
        except WritePropertyMultipleError as err:
            err.set_context(apdu)
            await self.response(err)

    async def do_SubscribeCOVRequest(self, apdu: Any) -> None:
        """Subscribe, where there is space, also for an indefinite time."""
        if apdu.issueConfirmedNotifications is not None:
            if apdu.lifetime is None:
                apdu.lifetime = 0
            subscriptions = self._subscriptions()
            key = (
                apdu.pduSource,
                apdu.subscriberProcessIdentifier,
                apdu.monitoredObjectIdentifier,
            )
            for known in subscriptions:
                if (known.client_addr, known.proc_id, known.obj_id) == key:
                    # Stock code renews the lifetime only.
                    known.confirmed = apdu.issueConfirmedNotifications
                    break
            else:
                limit = self.shape.cov_limit
                if limit is not None and len(subscriptions) >= limit:
                    raise ExecutionError("resources", "no-space-to-add-list-element")
        await super().do_SubscribeCOVRequest(apdu)

    def _subscriptions(self) -> list[Any]:
        """Return the active COV subscriptions as bacpypes3 keeps them."""
        return [
            subscription
            for detection in self._cov_detections.values()
            for subscription in detection.cov_subscriptions
        ]

    @override
    def cov_notification(self, cov: Any, apdu: Any) -> None:
        """Send a notification, unless the subscriber is far behind."""
        if len(self._requests.get(cov.client_addr, ())) < _MAX_OUTSTANDING:
            super().cov_notification(cov, apdu)

    @override
    def cov_confirmation(self, cov: Any, future: Any) -> None:
        """Ignore whether the subscriber acknowledged."""
        if not future.cancelled():
            future.exception()
