"""Parameters of services, with the classes of bacpypes3 as the second opinion."""

from typing import Any

from bacpypes3 import apdu as library
from bacpypes3.pdu import PDU
import pytest

from custom_components.bacnet.node import services
from custom_components.bacnet.node.codec import Datatype, encode
from custom_components.bacnet.node.enumerations import (
    ErrorClass,
    ErrorCode,
    ObjectType,
    PropertyIdentifier,
    Segmentation,
)
from custom_components.bacnet.node.errors import MalformedError, ServiceError
from custom_components.bacnet.node.services import (
    CovSubscription,
    IAm,
    PropertySelection,
    PropertyWrite,
    WhoHas,
    WriteMultipleError,
)
from custom_components.bacnet.node.types import (
    BitString,
    Constructed,
    ObjectId,
    PropertyReference,
)

VALUE = ObjectId(ObjectType.ANALOG_VALUE, 3)
PRESENT_VALUE = PropertyReference(VALUE, PropertyIdentifier.PRESENT_VALUE)
ELEMENT = PropertyReference(VALUE, PropertyIdentifier.PRIORITY_ARRAY, 8)
PROPRIETARY = PropertyReference(ObjectId(200, 1), 1025)
REAL = encode(Datatype.REAL, 21.5)


def _their_parameters(request: Any) -> bytes:
    return bytes(request.encode().pduData)


def _theirs(kind: type, service: int, parameters: bytes) -> Any:
    """Return the library's reading of our parameters."""
    carrier = (
        library.ConfirmedRequestPDU
        if issubclass(kind, library.ConfirmedRequestSequence)
        else library.ComplexAckPDU
        if issubclass(kind, library.ComplexAckSequence)
        else library.UnconfirmedRequestPDU
    )
    pdu = carrier(service)
    pdu.put_data(parameters)
    return library.APCISequence.decode(pdu)


def test_who_is() -> None:
    """Test searches for all devices and for some."""
    assert services.decode_who_is(services.encode_who_is()) == (0, 4194303)
    data = services.encode_who_is(5, 4194302)
    assert data == _their_parameters(
        library.WhoIsRequest(
            deviceInstanceRangeLowLimit=5, deviceInstanceRangeHighLimit=4194302
        )
    )
    assert services.decode_who_is(data) == (5, 4194302)


@pytest.mark.parametrize("data", [b"\x09\x05", b"\x09\x05\x19", b"\x09\x05\x1c\xff"])
def test_who_is_malformed(data: bytes) -> None:
    """Test that half a range is refused."""
    with pytest.raises(MalformedError):
        services.decode_who_is(data)


def test_i_am() -> None:
    """Test what a device says of itself."""
    i_am = IAm(8888, 1476, Segmentation.SEGMENTED_BOTH, 999)
    data = services.encode_i_am(i_am)
    assert data == _their_parameters(
        library.IAmRequest(
            iAmDeviceIdentifier=("device", 8888),
            maxAPDULengthAccepted=1476,
            segmentationSupported="segmented-both",
            vendorID=999,
        )
    )
    assert services.decode_i_am(data) == i_am


@pytest.mark.parametrize(
    "data",
    [
        b"",
        services.encode_i_am(IAm(1, 50, Segmentation.NO_SEGMENTATION, 0))[:-2],
        encode(Datatype.OBJECT_IDENTIFIER, (0, 1))
        + services.encode_i_am(IAm(1, 50, Segmentation.NO_SEGMENTATION, 0))[5:],
        b"\x21\x01\x21\x01\x91\x00\x21\x01",
        encode(Datatype.OBJECT_IDENTIFIER, (8, 1)) + b"\x21\x32\x91\x09\x21\x00",
    ],
    ids=["empty", "short", "no device", "wrong types", "segmentation"],
)
def test_i_am_malformed(data: bytes) -> None:
    """Test that an I-Am is what it has to be."""
    with pytest.raises(MalformedError):
        services.decode_i_am(data)


@pytest.mark.parametrize(
    "wanted",
    [WhoHas(0, 4194303, VALUE), WhoHas(1, 9, "Setpoint"), WhoHas(0, 4194303, "x")],
)
def test_who_has(wanted: WhoHas) -> None:
    """Test searches for objects."""
    assert services.decode_who_has(services.encode_who_has(wanted)) == wanted


def test_i_have() -> None:
    """Test the answer to a search for an object."""
    i_have = services.IHave(ObjectId(8, 8888), VALUE, "Setpoint")
    data = services.encode_i_have(i_have)
    assert data == _their_parameters(
        library.IHaveRequest(
            deviceIdentifier=("device", 8888),
            objectIdentifier=("analog-value", 3),
            objectName="Setpoint",
        )
    )
    assert services.decode_i_have(data) == i_have
    with pytest.raises(MalformedError):
        services.decode_i_have(b"\x21\x01" * 3)


@pytest.mark.parametrize("reference", [PRESENT_VALUE, ELEMENT, PROPRIETARY])
def test_read_property(reference: PropertyReference) -> None:
    """Test the question and the answer."""
    data = services.encode_read_property(reference)
    theirs = _theirs(library.ReadPropertyRequest, 12, data)
    assert int(theirs.objectIdentifier) == (reference[0].type << 22) + reference[0][1]
    assert int(theirs.propertyIdentifier) == reference.property_id
    assert theirs.propertyArrayIndex == reference.index
    assert services.decode_read_property(data) == reference
    answer = services.encode_read_property_ack(reference, REAL)
    assert services.decode_read_property_ack(answer) == (reference, REAL)


def test_read_property_multiple() -> None:
    """Test that library and we read the same question."""
    specifications = [
        (VALUE, [PropertySelection(85), PropertySelection(87, 8)]),
        (ObjectId(200, 1), [PropertySelection(1025)]),
    ]
    data = services.encode_read_property_multiple(specifications)
    assert services.decode_read_property_multiple(data) == specifications
    theirs = _theirs(library.ReadPropertyMultipleRequest, 14, data)
    assert [
        (
            int(item.propertyIdentifier),
            item.propertyArrayIndex,
        )
        for specification in theirs.listOfReadAccessSpecs
        for item in specification.listOfPropertyReferences
    ] == [(85, None), (87, 8), (1025, None)]
    with pytest.raises(MalformedError):
        services.decode_read_property_multiple(b"")


def test_read_property_multiple_answer() -> None:
    """Test that every value and every error keeps its own place."""
    error = ServiceError(ErrorClass.PROPERTY, ErrorCode.UNKNOWN_PROPERTY)
    constructed = b"\x0e\x09\x01\x0f"
    data = services.encode_read_property_multiple_ack(
        [
            (
                VALUE,
                [
                    (PropertySelection(85), REAL),
                    (PropertySelection(87, 8), error),
                    (PropertySelection(28), b"\x42\x00\x00"),
                    (PropertySelection(1025), constructed),
                ],
            ),
            (
                ObjectId(3, 4),
                [
                    (
                        PropertySelection(111),
                        encode(Datatype.BIT_STRING, BitString((True, False))),
                    )
                ],
            ),
        ]
    )
    results = services.decode_read_property_multiple_ack(data)
    broken = results.pop(PropertyReference(VALUE, 28))
    assert isinstance(broken, MalformedError)
    assert results == {
        PRESENT_VALUE: 21.5,
        ELEMENT: error,
        PropertyReference(VALUE, 1025): Constructed(constructed),
        PropertyReference(ObjectId(3, 4), 111): BitString((True, False)),
    }


def test_read_property_multiple_answer_cut_anywhere() -> None:
    """Test that a cut answer is one kind of error, wherever it ends."""
    data = services.encode_read_property_multiple_ack(
        [(VALUE, [(PropertySelection(85), REAL), (PropertySelection(87, 300), REAL)])]
    )
    for length in range(1, len(data)):
        with pytest.raises(MalformedError):
            services.decode_read_property_multiple_ack(data[:length])


@pytest.mark.parametrize("priority", [None, 8])
def test_write_property(priority: int | None) -> None:
    """Test a write, and the library's reading of it."""
    write = PropertyWrite(reference=ELEMENT, value=REAL, priority=priority)
    data = services.encode_write_property(write)
    assert services.decode_write_property(data) == write
    theirs = _theirs(library.WritePropertyRequest, 15, data)
    assert (theirs.propertyArrayIndex, theirs.priority) == (8, priority)


def test_write_property_multiple() -> None:
    """Test several writes, and the library's reading of them."""
    writes = [
        PropertyWrite(reference=PRESENT_VALUE, value=REAL, priority=8),
        PropertyWrite(reference=ELEMENT, value=REAL),
    ]
    data = services.encode_write_property_multiple(writes)
    assert services.decode_write_property_multiple(data) == writes
    theirs = _theirs(library.WritePropertyMultipleRequest, 16, data)
    assert [
        int(item.propertyIdentifier)
        for specification in theirs.listOfWriteAccessSpecs
        for item in specification.listOfProperties
    ] == [85, 87]
    with pytest.raises(MalformedError):
        services.decode_write_property_multiple(b"")


@pytest.mark.parametrize(
    "subscription",
    [
        CovSubscription(process_id=7, object_id=VALUE, confirmed=True, lifetime=300),
        CovSubscription(process_id=7, object_id=VALUE),
        CovSubscription(
            process_id=7,
            object_id=VALUE,
            confirmed=False,
            lifetime=0,
            selection=PropertySelection(87, 8),
            cov_increment=0.5,
        ),
    ],
    ids=["object", "cancel", "property"],
)
def test_subscribe_cov(subscription: CovSubscription) -> None:
    """Test both subscription services and the cancellation."""
    data = services.encode_subscribe_cov(subscription)
    assert services.decode_subscribe_cov(data) == subscription
    assert subscription.is_cancellation == (subscription.lifetime is None)


def test_cov_notification() -> None:
    """Test that a broken value costs only itself."""
    values = services.encode_property_values(
        [(PropertySelection(85), REAL), (PropertySelection(111), b"\x42\x00\x00")]
    )
    data = services.encode_cov_notification(7, ObjectId(8, 8888), VALUE, 120, values)
    theirs = _theirs(library.UnconfirmedCOVNotificationRequest, 2, data)
    assert (theirs.subscriberProcessIdentifier, theirs.timeRemaining) == (7, 120)
    notification = services.decode_cov_notification(data)
    assert notification[:4] == (7, ObjectId(8, 8888), VALUE, 120)
    assert notification.values[PropertySelection(85)] == 21.5
    assert isinstance(notification.values[PropertySelection(111)], MalformedError)


def test_errors() -> None:
    """Test plain errors and the longer one of WritePropertyMultiple."""
    error = ServiceError(ErrorClass.PROPERTY, ErrorCode.WRITE_ACCESS_DENIED)
    assert str(error) == "property: write-access-denied"
    assert services.decode_error(services.encode_error_pdu(error)) == error
    longer = WriteMultipleError(error, PRESENT_VALUE)
    data = services.encode_error_pdu(longer)
    assert services.decode_error(data) == error
    apdu = library.ErrorPDU(16, 1)
    apdu.put_data(data)
    theirs = library.APCISequence.decode(
        library.APDU.decode(PDU(bytes(apdu.encode().pduData)))
    )
    assert int(theirs.firstFailedWriteAttempt.propertyIdentifier) == 85


def test_object_ids() -> None:
    """Test that an object list holds object identifiers and nothing else."""
    assert services.object_ids(VALUE) == [VALUE]
    assert services.object_ids([VALUE, VALUE]) == [VALUE, VALUE]
    for wrong in (Constructed(b""), [VALUE, 1], "text"):
        with pytest.raises(MalformedError):
            services.object_ids(wrong)


def test_descriptions() -> None:
    """Test names for messages."""
    assert services.describe(PRESENT_VALUE) == "analog-value,3 present-value"
    assert services.describe(ELEMENT) == "analog-value,3 priority-array[8]"
    assert services.describe(PROPRIETARY) == "200,1 1025"
