"""What is read of a device once, and how little of it again."""

from collections.abc import Callable
import json
from math import nan
import struct
from typing import Any

import pytest

from custom_components.bacnet.client.inventory import (
    DeviceStatus,
    is_current,
    read_inventory,
    read_status,
)
from custom_components.bacnet.client.models import Inventory, Point
from custom_components.bacnet.node.codec import Datatype, encode, encode_context
from custom_components.bacnet.node.enumerations import (
    ConfirmedService as Service,
    EngineeringUnits,
    ErrorClass,
    ErrorCode,
    ObjectType,
    PropertyIdentifier as Prop,
    RejectReason,
    Segmentation,
)
from custom_components.bacnet.node.errors import (
    NoResponseError,
    RejectError,
    ServiceError,
)
from custom_components.bacnet.node.node import Node
from custom_components.bacnet.node.services import decode_read_property
from custom_components.bacnet.node.types import ObjectId

from .conftest import DeviceFactory, reader_of
from .scripted import (
    FLAGS_OK,
    UNKNOWN_OBJECT,
    Content,
    ScriptedDevice,
    analog,
    enumerated,
    real,
    text,
    unsigned,
)

NULL = b"\x00"
EMPTY_ARRAY: list[bytes] = [NULL] * 16
CELSIUS = int(EngineeringUnits.DEGREES_CELSIUS)


def objects_of(count: int) -> dict[ObjectId, dict[int, Content]]:
    """Return analog inputs."""
    return {
        ObjectId(ObjectType.ANALOG_INPUT, number): analog(f"AI {number}", number)
        for number in range(count)
    }


async def read(node: Node, device: ScriptedDevice) -> Inventory:
    """Return the inventory of a device."""
    return await read_inventory(reader_of(node, device))


async def test_device(node: Node, start_device: DeviceFactory) -> None:
    """Test the description of the device, with what is missing left empty."""
    device = await start_device(
        ScriptedDevice(
            revision=12,
            device={
                Prop.OBJECT_NAME: text("Controller"),
                Prop.VENDOR_NAME: text("Äcme\0"),
                Prop.MODEL_NAME: text("C-100"),
                Prop.FIRMWARE_REVISION: text("1.2"),
                Prop.PROTOCOL_SERVICES_SUPPORTED: encode(
                    Datatype.BIT_STRING, [False] * 12 + [True, False, True]
                ),
            },
        )
    )
    description = (await read(node, device)).device
    assert description.name == "Controller"
    assert description.vendor_name == "Äcme"
    assert description.model_name == "C-100"
    assert description.firmware_revision == "1.2"
    assert description.location == description.serial_number == ""
    assert description.database_revision == 12
    assert description.supports(Service.READ_PROPERTY) is True
    assert description.supports(13) is False
    assert description.supports(Service.WRITE_PROPERTY) is None


def _lighting(**more: Content) -> dict[int, Content]:
    return {
        Prop.OBJECT_NAME: text("Lamp"),
        Prop.PRESENT_VALUE: real(50),
        Prop.STATUS_FLAGS: FLAGS_OK,
    } | {Prop[key.upper()]: content for key, content in more.items()}


@pytest.mark.parametrize(
    ("object_type", "properties", "expected"),
    [
        pytest.param(
            ObjectType.ANALOG_INPUT,
            analog(
                "AI",
                21.5,
                description=text("Somewhere"),
                min_pres_value=real(-10),
                max_pres_value=real(50.1),
                resolution=real(0.1),
                cov_increment=real(0.25),
            ),
            {
                "name": "AI",
                "description": "Somewhere",
                "units": CELSIUS,
                "minimum": -10.0,
                "maximum": 50.1,
                "resolution": 0.1,
                "cov_increment": 0.25,
            },
            id="analog-input",
        ),
        pytest.param(
            ObjectType.ANALOG_INPUT,
            analog("AI", 1, min_pres_value=real(0), max_pres_value=real(0)),
            {"name": "AI", "units": CELSIUS},
            id="limits nobody has set",
        ),
        pytest.param(
            ObjectType.ANALOG_INPUT,
            analog(
                "AI",
                1,
                min_pres_value=real(float("-inf")),
                max_pres_value=real(float("inf")),
                resolution=real(nan),
            ),
            {"name": "AI", "units": CELSIUS},
            id="limits that are none",
        ),
        pytest.param(
            ObjectType.ANALOG_OUTPUT,
            analog("AO", 1, priority_array=list(EMPTY_ARRAY)),
            {"name": "AO", "units": CELSIUS, "commandable": True},
            id="analog-output",
        ),
        pytest.param(
            ObjectType.ANALOG_VALUE,
            analog("AV", 1),
            {"name": "AV", "units": CELSIUS},
            id="analog-value",
        ),
        pytest.param(
            ObjectType.ANALOG_VALUE,
            analog(
                "AV",
                1,
                priority_array=list(EMPTY_ARRAY),
                current_command_priority=NULL,
            ),
            {
                "name": "AV",
                "units": CELSIUS,
                "commandable": True,
                "reports_priority": True,
            },
            id="commandable analog-value",
        ),
        pytest.param(
            ObjectType.ANALOG_VALUE,
            analog(
                "AV",
                1,
                priority_array=ServiceError(
                    ErrorClass.PROPERTY, ErrorCode.PROPERTY_IS_NOT_AN_ARRAY
                ),
            ),
            {"name": "AV", "units": CELSIUS, "commandable": True},
            id="priority array without elements",
        ),
        pytest.param(
            ObjectType.BINARY_INPUT,
            {
                Prop.OBJECT_NAME: text("BI"),
                Prop.PRESENT_VALUE: enumerated(0),
                Prop.INACTIVE_TEXT: text("Closed"),
                Prop.ACTIVE_TEXT: text("Open"),
            },
            {"name": "BI", "inactive_text": "Closed", "active_text": "Open"},
            id="binary-input",
        ),
        pytest.param(
            ObjectType.MULTI_STATE_INPUT,
            {
                Prop.OBJECT_NAME: text("MSI"),
                Prop.NUMBER_OF_STATES: unsigned(4),
                Prop.STATE_TEXT: [text("Off"), text(""), text("On")],
            },
            {"name": "MSI", "states": ("Off", "State 2", "On", "State 4")},
            id="states without text",
        ),
        pytest.param(
            ObjectType.MULTI_STATE_INPUT,
            {Prop.OBJECT_NAME: text("MSI"), Prop.NUMBER_OF_STATES: unsigned(3)},
            {"name": "MSI", "states": ("State 1", "State 2", "State 3")},
            id="no state texts",
        ),
        pytest.param(
            ObjectType.MULTI_STATE_VALUE,
            {
                Prop.OBJECT_NAME: text("MSV"),
                Prop.NUMBER_OF_STATES: unsigned(1),
                Prop.STATE_TEXT: [text("Only"), text("Surplus")],
                Prop.PRIORITY_ARRAY: list(EMPTY_ARRAY),
            },
            {"name": "MSV", "states": ("Only",), "commandable": True},
            id="more texts than states",
        ),
        pytest.param(
            ObjectType.ACCUMULATOR,
            {
                Prop.OBJECT_NAME: text("kWh"),
                Prop.UNITS: enumerated(19),
                Prop.MAX_PRES_VALUE: unsigned(999999),
                Prop.SCALE: encode_context(1, Datatype.SIGNED, -2),
            },
            {"name": "kWh", "units": 19, "maximum": 999999, "scale": 0.01},
            id="accumulator with a power of ten",
        ),
        pytest.param(
            ObjectType.ACCUMULATOR,
            {
                Prop.OBJECT_NAME: text("kWh"),
                Prop.SCALE: b"\x0c" + struct.pack(">f", 0.1),
            },
            {"name": "kWh", "scale": 0.1},
            id="accumulator with a factor",
        ),
        pytest.param(
            ObjectType.PULSE_CONVERTER,
            analog("Pulses", 1, cov_increment=real(5)),
            {"name": "Pulses", "units": CELSIUS, "cov_increment": 5.0},
            id="pulse-converter",
        ),
        pytest.param(
            ObjectType.LOOP,
            {
                Prop.OBJECT_NAME: text("PID"),
                Prop.PRESENT_VALUE: real(40),
                Prop.OUTPUT_UNITS: enumerated(98),
                Prop.MINIMUM_OUTPUT: real(0),
                Prop.MAXIMUM_OUTPUT: real(100),
                Prop.COV_INCREMENT: real(1),
            },
            {
                "name": "PID",
                "units": 98,
                "minimum": 0.0,
                "maximum": 100.0,
                "cov_increment": 1.0,
            },
            id="loop",
        ),
        pytest.param(
            ObjectType.LIGHTING_OUTPUT,
            _lighting(min_actual_value=real(5), max_actual_value=real(95)),
            {
                "name": "Lamp",
                "units": 98,
                "minimum": 5.0,
                "maximum": 95.0,
                "commandable": True,
            },
            id="lighting-output",
        ),
        pytest.param(
            ObjectType.INTEGER_VALUE,
            {
                Prop.OBJECT_NAME: text("IV"),
                Prop.UNITS: enumerated(95),
                Prop.MIN_PRES_VALUE: encode(Datatype.SIGNED, -5),
                Prop.MAX_PRES_VALUE: encode(Datatype.SIGNED, 5),
                Prop.COV_INCREMENT: unsigned(1),
            },
            {
                "name": "IV",
                "units": 95,
                "minimum": -5,
                "maximum": 5,
                "cov_increment": 1,
            },
            id="integer-value",
        ),
        pytest.param(
            ObjectType.LARGE_ANALOG_VALUE,
            {
                Prop.OBJECT_NAME: text("LAV"),
                Prop.UNITS: enumerated(95),
                Prop.MAX_PRES_VALUE: encode(Datatype.DOUBLE, 1e12),
                Prop.PRIORITY_ARRAY: list(EMPTY_ARRAY),
            },
            {"name": "LAV", "units": 95, "maximum": 1e12, "commandable": True},
            id="large-analog-value",
        ),
        pytest.param(
            ObjectType.CHARACTERSTRING_VALUE,
            {Prop.OBJECT_NAME: text("CSV"), Prop.PRIORITY_ARRAY: list(EMPTY_ARRAY)},
            {"name": "CSV", "commandable": True},
            id="characterstring-value",
        ),
        pytest.param(
            ObjectType.DATETIME_VALUE,
            {Prop.OBJECT_NAME: text("When")},
            {"name": "When"},
            id="datetime-value",
        ),
        pytest.param(
            ObjectType.SCHEDULE,
            {Prop.OBJECT_NAME: text("Opening hours")},
            {"name": "Opening hours"},
            id="schedule",
        ),
        pytest.param(
            300,
            {Prop.OBJECT_NAME: text("Own"), Prop.PRESENT_VALUE: unsigned(1)},
            {"name": "Own"},
            id="proprietary type",
        ),
        pytest.param(
            ObjectType.ANALOG_INPUT,
            {Prop.PRESENT_VALUE: real(1)},
            {"name": "analog-input,1"},
            id="nothing but a value",
        ),
    ],
)
async def test_points(
    node: Node,
    start_device: DeviceFactory,
    object_type: int,
    properties: dict[int, Content],
    expected: dict[str, Any],
) -> None:
    """Test what becomes of the properties of each kind of object."""
    object_id = ObjectId(object_type, 1)
    device = await start_device(ScriptedDevice(objects={object_id: properties}))
    inventory = await read(node, device)
    assert inventory.points == {object_id: Point(object_id=object_id, **expected)}
    assert Inventory.from_dict(json.loads(json.dumps(inventory.to_dict()))) == inventory


async def test_objects_without_present_value(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test that they are listed, but are no points."""
    objects: dict[ObjectId, dict[int, Content]] = {
        ObjectId(object_type, 1): {Prop.OBJECT_NAME: text("X")}
        for object_type in (
            ObjectType.FILE,
            ObjectType.TREND_LOG,
            ObjectType.NOTIFICATION_CLASS,
            ObjectType.NETWORK_PORT,
            301,
        )
    }
    point = ObjectId(ObjectType.ANALOG_INPUT, 1)
    objects[point] = analog("AI", 1)
    device = await start_device(ScriptedDevice(objects=objects))
    inventory = await read(node, device)
    assert list(inventory.points) == [point]
    assert inventory.objects == (ObjectId(ObjectType.DEVICE, 7), *objects)


async def test_duplicate_names_and_entries(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test that objects are told apart by their identifiers."""
    objects = {
        ObjectId(ObjectType.ANALOG_INPUT, number): analog("Same", number)
        for number in range(3)
    }
    device = await start_device(ScriptedDevice(objects=objects))
    device.device[Prop.OBJECT_LIST] = [
        encode(Datatype.OBJECT_IDENTIFIER, object_id)
        for object_id in (*objects, *objects)
    ]
    inventory = await read(node, device)
    assert [point.name for point in inventory.points.values()] == ["Same"] * 3
    assert len(inventory.objects) == 3
    # It does not look changed each time.
    assert is_current(inventory, await read_status(reader_of(node, device)))


@pytest.mark.parametrize("max_apdu", [50, 206, 480])
async def test_list_element_by_element(
    node: Node, start_device: DeviceFactory, max_apdu: int
) -> None:
    """Test a device whose object list does not fit one message."""
    device = await start_device(
        ScriptedDevice(max_apdu=max_apdu, objects=objects_of(150))
    )
    inventory = await read(node, device)
    assert inventory.objects[1:] == tuple(device.objects)
    assert [point.name for point in inventory.points.values()] == [
        f"AI {number}" for number in range(150)
    ]


async def test_list_is_never_asked_whole_in_vain(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test that no request is wasted on a list that can not fit."""
    device = await start_device(ScriptedDevice(max_apdu=480, objects=objects_of(150)))
    await read(node, device)
    whole = [
        body
        for service, body in device.requests
        if service == Service.READ_PROPERTY
        and decode_read_property(body)[1:] == (Prop.OBJECT_LIST, None)
    ]
    assert whole == []


async def test_list_of_a_device_that_lies_about_segmentation(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test that the abort of the whole list leads to its elements."""
    device = await start_device(
        ScriptedDevice(
            max_apdu=480,
            objects=objects_of(150),
            segmentation=Segmentation.SEGMENTED_BOTH,
        )
    )
    assert len((await read(node, device)).points) == 150


async def test_list_that_shrinks_meanwhile(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test that elements which are gone do not matter."""
    device = await start_device(ScriptedDevice(max_apdu=480, objects=objects_of(150)))
    honest = device.reply

    def reply(invoke_id: int, service: int, body: bytes) -> bytes:
        answer = honest(invoke_id, service, body)
        # The length was told; now five objects disappear.
        for number in range(145, 150):
            device.objects.pop(ObjectId(ObjectType.ANALOG_INPUT, number), None)
        return answer

    device.reply = reply
    assert len((await read(node, device)).points) == 145


async def test_length_of_the_list_is_not_told(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test a device that only knows the list as a whole."""
    device = await start_device(ScriptedDevice(objects=objects_of(20)))
    honest = device.read

    def read_property(reference: Any) -> Any:
        if reference[1:] == (Prop.OBJECT_LIST, 0):
            return ServiceError(ErrorClass.PROPERTY, ErrorCode.PROPERTY_IS_NOT_AN_ARRAY)
        return honest(reference)

    device.read = read_property
    assert len((await read(node, device)).points) == 20


async def test_one_bad_object(node: Node, start_device: DeviceFactory) -> None:
    """Test that an object that is listed but unknown costs only its own details."""
    device = await start_device(ScriptedDevice(objects=objects_of(20)))
    ghost = ObjectId(ObjectType.ANALOG_INPUT, 99)
    device.device[Prop.OBJECT_LIST] = [
        encode(Datatype.OBJECT_IDENTIFIER, object_id)
        for object_id in (ghost, *device.objects)
    ]
    inventory = await read(node, device)
    assert len(inventory.points) == 21
    assert inventory.points[ghost] == Point(object_id=ghost, name=str(ghost))


async def test_long_state_texts(node: Node, start_device: DeviceFactory) -> None:
    """Test that texts which do not fit one message come one by one."""
    texts = [f"A rather long text of state {number}" for number in range(1, 31)]
    object_id = ObjectId(ObjectType.MULTI_STATE_VALUE, 1)
    device = await start_device(
        ScriptedDevice(
            max_apdu=206,
            objects={
                object_id: {
                    Prop.OBJECT_NAME: text("Mode"),
                    Prop.NUMBER_OF_STATES: unsigned(30),
                    Prop.STATE_TEXT: [text(item) for item in texts],
                }
            },
        )
    )
    assert (await read(node, device)).points[object_id].states == tuple(texts)


async def test_four_billion_states(node: Node, start_device: DeviceFactory) -> None:
    """Test that a senseless number of states does not eat the memory."""
    object_id = ObjectId(ObjectType.MULTI_STATE_VALUE, 1)
    device = await start_device(
        ScriptedDevice(
            objects={object_id: {Prop.NUMBER_OF_STATES: unsigned(2**32 - 1)}}
        )
    )
    assert len((await read(node, device)).points[object_id].states) == 1000


async def test_without_read_property_multiple(
    node: Node, start_device: DeviceFactory
) -> None:
    """Test that a simple device gives the same inventory."""
    device = await start_device(ScriptedDevice(objects=objects_of(10)))
    inventory = await read(node, device)
    device.refuse[Service.READ_PROPERTY_MULTIPLE] = RejectError(
        RejectReason.UNRECOGNIZED_SERVICE
    )
    assert await read(node, device) == inventory


@pytest.mark.parametrize("after", [0, 3, 6])
async def test_silence(node: Node, start_device: DeviceFactory, after: int) -> None:
    """Test that half an inventory is none."""
    device = await start_device(
        ScriptedDevice(max_apdu=480, objects=objects_of(100), dies_after=after)
    )
    with pytest.raises(NoResponseError):
        await read(node, device)


async def test_wrong_instance(node: Node, start_device: DeviceFactory) -> None:
    """Test that another device at the address is not taken for this one."""
    device = await start_device(ScriptedDevice(objects=objects_of(2)))
    reader = reader_of(node, device)
    device.instance = 8
    with pytest.raises(ServiceError) as raised:
        await read_inventory(reader)
    assert raised.value == UNKNOWN_OBJECT


# --- is it still right? ---------------------------------------------------------------


def _changed_revision(device: ScriptedDevice) -> None:
    device.revision = 2


def _new_object(device: ScriptedDevice) -> None:
    device.objects[ObjectId(ObjectType.ANALOG_INPUT, 50)] = analog("New", 1)


def _no_change(device: ScriptedDevice) -> None:
    device.objects[ObjectId(ObjectType.ANALOG_INPUT, 0)] = analog("Renamed", 1)


@pytest.mark.parametrize(
    ("revision", "change", "current"),
    [
        (1, _no_change, True),
        (1, _changed_revision, False),
        # Some devices never count.
        (1, _new_object, False),
        (None, _no_change, True),
        (None, _new_object, False),
        (None, _changed_revision, True),
    ],
)
async def test_check(
    node: Node,
    start_device: DeviceFactory,
    revision: int | None,
    change: Callable[[ScriptedDevice], None],
    current: bool,
) -> None:
    """Test that one request tells whether an inventory is out of date."""
    device = await start_device(
        ScriptedDevice(objects=objects_of(5), revision=revision)
    )
    reader = reader_of(node, device)
    inventory = await read_inventory(reader)
    change(device)
    device.services.clear()
    status = await read_status(reader)
    assert is_current(inventory, status) is current
    assert device.services == {Service.READ_PROPERTY_MULTIPLE: 1}


async def test_status(node: Node, start_device: DeviceFactory) -> None:
    """Test what the status consists of."""
    device = await start_device(ScriptedDevice(objects=objects_of(5)))
    reader = reader_of(node, device)
    assert await read_status(reader) == DeviceStatus(1, 6, None)
    stamp = encode_context(1, Datatype.UNSIGNED, 12)
    device.device[Prop.TIME_OF_DEVICE_RESTART] = stamp
    assert await read_status(reader) == DeviceStatus(1, 6, stamp)
