"""Reading from devices that can do little, refuse, break, or fall silent."""

import asyncio
from collections.abc import Iterable
from math import ceil
from time import monotonic

import pytest

from custom_components.bacnet.client.capabilities import Capabilities
from custom_components.bacnet.client.link import UnansweredError
from custom_components.bacnet.client.reader import PropertyReader
from custom_components.bacnet.node.enumerations import (
    AbortReason,
    ConfirmedService as Service,
    ErrorClass,
    ErrorCode,
    ObjectType,
    PropertyIdentifier as Prop,
    RejectReason,
    Segmentation,
)
from custom_components.bacnet.node.errors import (
    AbortError,
    BacnetError,
    MalformedError,
    NodeStoppedError,
    NoResponseError,
    RejectError,
    ServiceError,
)
from custom_components.bacnet.node.node import Node
from custom_components.bacnet.node.services import decode_read_property_multiple
from custom_components.bacnet.node.types import ObjectId, PropertyReference

from .conftest import DeviceFactory, info_of, reader_of
from .scripted import FLAGS_OK, UNKNOWN_OBJECT, ScriptedDevice, analog, real, text

RP = Service.READ_PROPERTY
RPM = Service.READ_PROPERTY_MULTIPLE
UNRECOGNIZED = RejectError(RejectReason.UNRECOGNIZED_SERVICE)


def analog_inputs(count: int) -> dict[ObjectId, dict]:
    """Return objects with their number as value."""
    return {
        ObjectId(ObjectType.ANALOG_INPUT, number): analog(f"AI {number}", number)
        for number in range(count)
    }


def references_to(
    objects: Iterable[ObjectId],
    property_ids: Iterable[int] = (Prop.PRESENT_VALUE, Prop.STATUS_FLAGS),
) -> list[PropertyReference]:
    """Return references to properties of objects."""
    return [
        PropertyReference(object_id, property_id)
        for object_id in objects
        for property_id in property_ids
    ]


def values_of(references: list[PropertyReference], results: dict) -> list:
    """Return the present-values in results, which has all references and no more."""
    assert set(results) == set(references)
    return [
        result
        for reference, result in results.items()
        if reference.property_id == Prop.PRESENT_VALUE
    ]


def objects_in(body: bytes) -> int:
    """Return how many objects a ReadPropertyMultiple asks for."""
    return len(decode_read_property_multiple(body))


@pytest.mark.parametrize("max_apdu", [1476, 480, 206, 50])
async def test_answers_fit_one_message(
    node: Node, start_device: DeviceFactory, max_apdu: int
) -> None:
    """Test that a poll needs as few requests as the device's messages allow."""
    device = await start_device(
        ScriptedDevice(max_apdu=max_apdu, objects=analog_inputs(500))
    )
    references = references_to(device.objects)
    results = await reader_of(node, device).read(references)
    assert sorted(values_of(references, results)) == list(range(500))
    # An analog object with its flags is 23 octets long in an answer.
    fewest = ceil(500 / ((max_apdu - 3) // 23))
    assert device.services == {RPM: device.services[RPM]}
    assert device.services[RPM] <= fewest * 1.1


async def test_without_read_property_multiple(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test that a device without the service is read property by property."""
    device = await start_device(
        ScriptedDevice(objects=analog_inputs(10), refuse={RPM: UNRECOGNIZED})
    )
    capabilities = Capabilities()
    reader = PropertyReader(node, info_of(device), capabilities)
    references = references_to(device.objects)
    results = await reader.read(references)
    assert sorted(values_of(references, results)) == list(range(10))
    assert capabilities.rpm is False

    device.services.clear()
    again = PropertyReader(
        node, info_of(device), Capabilities.from_dict(capabilities.to_dict())
    )
    assert await again.read(references) == results
    assert device.services == {RP: 20}


@pytest.mark.parametrize(
    "error",
    [
        ServiceError(
            ErrorClass.SERVICES, ErrorCode.OPTIONAL_FUNCTIONALITY_NOT_SUPPORTED
        ),
        # Not what the standard wants, but what devices do.
        AbortError(AbortReason.OTHER),
        RejectError(RejectReason.OTHER),
        ServiceError(ErrorClass.SERVICES, ErrorCode.SERVICE_REQUEST_DENIED),
    ],
)
async def test_refusing_every_batch(
    node: Node, start_device: DeviceFactory, error: Exception
) -> None:
    """Test that useless batches are given up after some."""
    device = await start_device(
        ScriptedDevice(objects=analog_inputs(20), refuse={RPM: error})
    )
    reader = reader_of(node, device)
    references = references_to(device.objects)
    assert len(values_of(references, await reader.read(references))) == 20
    assert device.services[RP] == 40
    device.services.clear()
    await reader.read(references)
    assert device.services == {RP: 40}


async def test_time_out_keeps_multiple(node: Node, start_device: DeviceFactory) -> None:
    """Test that a silence does not make the device one without the service."""
    device = await start_device(ScriptedDevice(objects=analog_inputs(10)))
    reader = reader_of(node, device)
    references = references_to(device.objects)
    device.silent = True
    with pytest.raises(NoResponseError):
        await reader.read(references)
    device.silent = False
    reader.link.heard()
    assert len(values_of(references, await reader.read(references))) == 10
    assert reader.capabilities.rpm is True
    # One of them is the sign of life.
    assert device.services == {RPM: 1, RP: 1}


async def test_batches_too_large_to_be_answered(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test that a device which ignores large requests gets smaller ones."""
    device = await start_device(ScriptedDevice(objects=analog_inputs(100)))
    device.ignore = lambda service, body: service == RPM and objects_in(body) > 20
    reader = reader_of(node, device)
    references = references_to(device.objects)
    assert len(values_of(references, await reader.read(references))) == 100

    device.requests.clear()
    await reader.read(references)
    assert all(objects_in(body) <= 20 for _, body in device.requests)
    assert len(device.requests) < 10
    # It could have been a bad hour of the network: nothing to remember for ever.
    assert reader.capabilities.reply_limit is None


@pytest.mark.parametrize(
    ("error", "lasting"),
    [
        (AbortError(AbortReason.BUFFER_OVERFLOW), True),
        (AbortError(AbortReason.SEGMENTATION_NOT_SUPPORTED), True),
        (AbortError(AbortReason.APDU_TOO_LONG), True),
        (RejectError(RejectReason.BUFFER_OVERFLOW), True),
        (ServiceError(ErrorClass.DEVICE, ErrorCode.ABORT_BUFFER_OVERFLOW), True),
        (AbortError(AbortReason.OUT_OF_RESOURCES), False),
        (ServiceError(ErrorClass.RESOURCES, ErrorCode.OUT_OF_MEMORY), False),
    ],
)
async def test_smaller_than_announced(
    node: Node, start_device: DeviceFactory, error: Exception, lasting: bool
) -> None:
    """Test that batches shrink to what the device can do, and that it is remembered."""

    class Device(ScriptedDevice):
        def read_multiple(self, body: bytes) -> bytes:
            if objects_in(body) > 10:
                raise error
            return super().read_multiple(body)

    device = await start_device(Device(objects=analog_inputs(100)))
    capabilities = Capabilities()
    reader = PropertyReader(node, info_of(device), capabilities)
    references = references_to(device.objects)
    assert len(values_of(references, await reader.read(references))) == 100

    device.requests.clear()
    await reader.read(references)
    assert all(objects_in(body) <= 10 for _, body in device.requests)
    assert (capabilities.reply_limit is not None) == lasting
    if lasting:
        restored = Capabilities.from_dict(capabilities.to_dict())
        device.requests.clear()
        await PropertyReader(node, info_of(device), restored).read(references)
        assert all(objects_in(body) <= 10 for _, body in device.requests)


async def test_fewer_properties_than_octets(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test a device that takes two properties at once, and then only one."""
    device = await start_device(ScriptedDevice(objects=analog_inputs(10)))
    references = references_to(device.objects)
    for limit in (2, 1):
        device.max_properties = limit
        reader = reader_of(node, device)
        assert len(values_of(references, await reader.read(references))) == 10


async def test_one_bad_object_spoils_the_batch(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test that one bad object costs only itself, also with a device that gives up."""
    bad = ObjectId(ObjectType.ANALOG_INPUT, 33)

    class Device(ScriptedDevice):
        def read_multiple(self, body: bytes) -> bytes:
            if any(
                object_id == bad for object_id, _ in decode_read_property_multiple(body)
            ):
                raise UNKNOWN_OBJECT
            return super().read_multiple(body)

    device = await start_device(Device(objects=analog_inputs(60)))
    references = references_to(device.objects)
    del device.objects[bad]
    reader = reader_of(node, device)
    results = await reader.read(references)
    assert {
        reference.object_id
        for reference, result in results.items()
        if isinstance(result, BacnetError)
    } == {bad}
    assert results[PropertyReference(bad, Prop.PRESENT_VALUE)] == UNKNOWN_OBJECT

    # From now on it is asked alone.
    device.services.clear()
    assert len(await reader.read(references)) == 120
    assert device.services[RPM] <= 3
    assert device.services[RP] == 2


async def test_errors_stay_where_they_are(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test that errors and broken values within an answer cost only themselves."""
    device = await start_device(ScriptedDevice(objects=analog_inputs(6)))
    objects = list(device.objects)
    device.objects[objects[1]][Prop.PRESENT_VALUE] = b"\xd1\x00"  # reserved tag
    device.objects[objects[2]][Prop.PRESENT_VALUE] = b"\x82\x09\x00"  # 9 unused bits
    device.objects[objects[3]][Prop.PRESENT_VALUE] = b"\x43\x00\x00\x00"  # short Real
    device.objects[objects[4]][Prop.PRESENT_VALUE] = ServiceError(
        ErrorClass.PROPERTY, ErrorCode.READ_ACCESS_DENIED
    )
    references = references_to(objects)
    results = await reader_of(node, device).read(references)
    assert device.services == {RPM: 1}
    good = [
        result for result in results.values() if not isinstance(result, BacnetError)
    ]
    assert len(good) == 8
    for number, kind in (
        (1, MalformedError),
        (2, MalformedError),
        (3, MalformedError),
        (4, ServiceError),
    ):
        result = results[PropertyReference(objects[number], Prop.PRESENT_VALUE)]
        assert type(result) is kind


async def test_partial_answer_is_kept(node: Node, start_device: DeviceFactory) -> None:
    """Test that the rest of a broken answer is asked for again, and only the rest."""
    device = await start_device(ScriptedDevice(objects=analog_inputs(40)))
    device.mangle = lambda service, reply: reply[:500] if service == RPM else reply
    references = references_to(device.objects)
    results = await reader_of(node, device).read(references)
    assert sorted(values_of(references, results)) == list(range(40))
    assert device.services[RPM] == 2


async def test_properties_left_out(node: Node, start_device: DeviceFactory) -> None:
    """Test that what a device leaves out of its answer is asked for alone."""

    class Device(ScriptedDevice):
        def read_multiple(self, body: bytes) -> bytes:
            self.objects, objects = (
                {
                    object_id: properties
                    for object_id, properties in self.objects.items()
                    if object_id.instance != 3
                },
                self.objects,
            )
            try:
                answer = super().read_multiple(body)
            finally:
                self.objects = objects
            # What is unknown to it simply does not appear.
            error = b"\x5e\x91\x01\x91\x1f\x5f"
            header = b"\x0c" + (3).to_bytes(4) + b"\x1e"
            return answer.replace(
                header + b"\x29\x55" + error + b"\x29\x6f" + error + b"\x1f", b""
            )

    device = await start_device(Device(objects=analog_inputs(10)))
    references = references_to(device.objects)
    results = await reader_of(node, device).read(references)
    assert sorted(values_of(references, results)) == list(range(10))
    assert device.services[RPM] <= 2


async def test_garbage(node: Node, start_device: DeviceFactory) -> None:
    """Test that a device whose answers are garbage gives errors, not exceptions."""
    device = await start_device(ScriptedDevice(objects=analog_inputs(5)))
    device.mangle = lambda service, reply: b"\xff\x00garbage\xfe" * 3
    references = references_to(device.objects)
    results = await reader_of(node, device).read(references)
    assert set(results) == set(references)
    assert all(isinstance(result, MalformedError) for result in results.values())


async def test_answer_about_something_else(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test that the answer to another question is not taken for this one's."""
    device = await start_device(ScriptedDevice(objects=analog_inputs(2)))
    first, second = references_to(device.objects, [Prop.PRESENT_VALUE])
    honest = device.read
    device.read = lambda reference: honest(second)  # type: ignore[method-assign]
    device.mangle = lambda service, reply: reply.replace(b"\x19\x55", b"\x19\x6f")
    results = await reader_of(node, device).read([first])
    assert isinstance(results[first], MalformedError)


async def test_dies_on_the_way(node: Node, start_device: DeviceFactory) -> None:
    """Test that what was read before a device died is kept."""
    device = await start_device(
        ScriptedDevice(max_apdu=480, objects=analog_inputs(200), dies_after=4)
    )
    references = references_to(device.objects)
    started = monotonic()
    results = await reader_of(node, device).read(references)
    assert monotonic() - started < 3
    assert set(results) == set(references)
    read = [
        result for result in results.values() if not isinstance(result, BacnetError)
    ]
    assert len(read) == 4 * 40
    lost = [result for result in results.values() if isinstance(result, BacnetError)]
    assert {type(error) for error in lost} == {NoResponseError}


async def test_total_silence(node: Node, start_device: DeviceFactory) -> None:
    """Test that a silent device raises one error, after few requests."""
    device = await start_device(
        ScriptedDevice(max_apdu=50, objects=analog_inputs(500), dies_after=0)
    )
    with pytest.raises(NoResponseError, match="does not answer"):
        await reader_of(node, device).read(references_to(device.objects))
    # It was deaf from the first request on; the node counted what was sent: four
    # requests at once, each repeated once, and one probe for all.
    assert node.statistics.sent <= 4 * 2 + 1


async def test_one_property_is_never_answered(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test that a request which always gets lost costs only its own property."""
    device = await start_device(
        ScriptedDevice(objects=analog_inputs(3), refuse={RPM: UNRECOGNIZED})
    )
    lost = PropertyReference(ObjectId(ObjectType.ANALOG_INPUT, 1), Prop.PRESENT_VALUE)
    device.ignore = lambda service, body: body.startswith(
        b"\x0c\x00\x00\x00\x01\x19\x55"
    )
    reader = reader_of(node, device)
    results = await reader.read(references_to(device.objects))
    assert isinstance(results.pop(lost), UnansweredError)
    assert not any(isinstance(result, BacnetError) for result in results.values())
    assert not reader.link.silent


async def test_late_answers(node: Node, start_device: DeviceFactory) -> None:
    """Test that a device slower than the first time-out is waited for."""
    device = await start_device(ScriptedDevice(objects=analog_inputs(10), latency=0.4))
    assert node.config.apdu_timeout < device.latency
    references = references_to(device.objects)
    reader = reader_of(node, device)
    assert len(values_of(references, await reader.read(references))) == 10
    # Once its slowness is known, nothing is sent twice.
    device.services.clear()
    await reader.read(references)
    await reader.read(references)
    assert device.services[RPM] == 2


async def test_one_request_at_a_time(node: Node, start_device: DeviceFactory) -> None:
    """Test that a device which drops parallel requests is read one by one."""
    device = await start_device(
        ScriptedDevice(max_apdu=480, objects=analog_inputs(200), latency=0.005)
    )
    device.ignore = lambda service, body: device.at_once > 0
    reader = reader_of(node, device)
    references = references_to(device.objects)
    assert len(values_of(references, await reader.read(references))) == 200
    assert reader.capabilities.concurrency == 1
    device.services.clear()
    await reader.read(references)
    assert device.services == {RPM: 10}


async def test_direct_device_gets_several_requests_at_once(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test that a few requests are under way at once, and no more."""
    device = await start_device(
        ScriptedDevice(max_apdu=480, objects=analog_inputs(400), latency=0.01)
    )
    await reader_of(node, device).read(references_to(device.objects))
    assert device.most_at_once == node.config.requests_per_destination


async def test_texts_of_unknown_length(node: Node, start_device: DeviceFactory) -> None:
    """Test that long texts do not shrink the batches of short values."""
    objects = {
        ObjectId(ObjectType.ANALOG_INPUT, number): analog("A long name " * 6, number)
        for number in range(60)
    }
    device = await start_device(ScriptedDevice(max_apdu=480, objects=objects))
    reader = reader_of(node, device)
    names = await reader.read(references_to(objects, [Prop.OBJECT_NAME]))
    assert set(names.values()) == {"A long name " * 6}
    assert reader.capabilities.reply_limit is None
    device.services.clear()
    await reader.read(references_to(objects))
    assert device.services == {RPM: 3}

    # Next time their length is known.
    refused = []
    honest = device.reply

    def reply(invoke_id: int, service: int, body: bytes) -> bytes:
        answer = honest(invoke_id, service, body)
        if answer[0] >> 4 == 7:
            refused.append(answer)
        return answer

    device.reply = reply  # type: ignore[method-assign]
    await reader.read(references_to(objects, [Prop.OBJECT_NAME]))
    assert not refused


async def test_text_values_are_sized_one_by_one(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test that the batches of text values fit after the first reading."""
    objects = {
        ObjectId(ObjectType.CHARACTERSTRING_VALUE, number): {
            Prop.PRESENT_VALUE: text("x" * number),
            Prop.STATUS_FLAGS: FLAGS_OK,
        }
        for number in range(1, 120)
    }
    device = await start_device(ScriptedDevice(max_apdu=480, objects=objects))
    reader = reader_of(node, device)
    references = references_to(objects)
    await reader.read(references)
    device.services.clear()
    results = await reader.read(references)
    assert [len(value) for value in results.values() if isinstance(value, str)] == list(
        range(1, 120)
    )
    octets = sum(23 - 5 + number + 4 for number in range(1, 120))
    assert device.services[RPM] <= ceil(octets / 477) * 1.2
    assert device.services[RP] == 0


async def test_index_and_proprietary_properties(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test array elements and property identifiers of more than one octet."""
    object_id = ObjectId(ObjectType.MULTI_STATE_VALUE, 1)
    proprietary = ObjectId(300, 70000)
    device = await start_device(
        ScriptedDevice(
            objects={
                object_id: {Prop.STATE_TEXT: [text("Off"), text("On")]},
                proprietary: {5001: real(1.5), 70000: b"\x0e\x21\x05\x0f"},
            }
        )
    )
    references = [
        PropertyReference(object_id, Prop.STATE_TEXT),
        PropertyReference(object_id, Prop.STATE_TEXT, 0),
        PropertyReference(object_id, Prop.STATE_TEXT, 2),
        PropertyReference(object_id, Prop.STATE_TEXT, 3),
        PropertyReference(proprietary, 5001),
        PropertyReference(proprietary, 70000),
    ]
    results = await reader_of(node, device).read(references)
    assert [results[reference] for reference in references] == [
        ["Off", "On"],
        2,
        "On",
        ServiceError(ErrorClass.PROPERTY, ErrorCode.INVALID_ARRAY_INDEX),
        1.5,
        b"\x0e\x21\x05\x0f",
    ]


async def test_read_one(node: Node, start_device: DeviceFactory) -> None:
    """Test that a single property is returned or raised."""
    device = await start_device(ScriptedDevice(objects=analog_inputs(2)))
    reader = reader_of(node, device)
    object_id = ObjectId(ObjectType.ANALOG_INPUT, 1)
    assert await reader.read_one(PropertyReference(object_id, Prop.PRESENT_VALUE)) == 1
    with pytest.raises(ServiceError, match="unknown-property"):
        await reader.read_one(PropertyReference(object_id, Prop.DESCRIPTION))


async def test_results_come_one_answer_after_the_other(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test that nobody has to wait for the last answer."""
    device = await start_device(
        ScriptedDevice(max_apdu=480, objects=analog_inputs(100))
    )
    references = references_to(device.objects)
    parts: list[dict] = []
    results = await reader_of(node, device).read(references, on_results=parts.append)
    assert len(parts) == device.services[RPM] == 5
    assert {key: value for part in parts for key, value in part.items()} == results


async def test_stopping_and_cancelling(node: Node, start_device: DeviceFactory) -> None:
    """Test that a reading ends with the node, and with whoever wanted it."""
    device = await start_device(
        ScriptedDevice(max_apdu=480, objects=analog_inputs(200), latency=0.2)
    )
    reader = reader_of(node, device)
    references = references_to(device.objects)
    reading = asyncio.ensure_future(reader.read(references))
    await asyncio.sleep(0.05)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    reading = asyncio.ensure_future(reader.read(references))
    await asyncio.sleep(0.05)
    await node.stop()
    with pytest.raises(NodeStoppedError):
        await reading


async def test_segmented_answers_are_no_problem(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test that a limit is not lowered for a device that announces segmentation."""
    device = await start_device(
        ScriptedDevice(
            objects=analog_inputs(100), segmentation=Segmentation.SEGMENTED_BOTH
        )
    )
    reader = reader_of(node, device)
    await reader.read(references_to(device.objects))
    assert device.services[RPM] == 2
