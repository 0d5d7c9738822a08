"""Values on the wire, with the codec of bacpypes3 as the second opinion."""

import math
from typing import Any

from bacpypes3 import primitivedata as library
from bacpypes3.primitivedata import Tag, TagList
import pytest

from custom_components.bacnet.node.codec import (
    Datatype,
    ParameterReader,
    TagKind,
    closing,
    decode_primitive,
    decode_value,
    encode,
    encode_context,
    encode_tag,
    opening,
    read_tag,
    skip_constructed,
)
from custom_components.bacnet.node.errors import MalformedError
from custom_components.bacnet.node.types import (
    BitString,
    Constructed,
    Date,
    Enumerated,
    ObjectId,
    Time,
)

VALUES: list[tuple[Datatype, Any, Any]] = [
    (Datatype.NULL, None, library.Null(())),
    (Datatype.BOOLEAN, True, library.Boolean(True)),
    (Datatype.BOOLEAN, False, library.Boolean(False)),
    *(
        (Datatype.UNSIGNED, number, library.Unsigned(number))
        for number in (0, 1, 255, 256, 65535, 65536, 2**32 - 1)
    ),
    *(
        (Datatype.SIGNED, number, library.Integer(number))
        for number in (0, 1, -1, 127, 128, -128, -129, 2**31 - 1, -(2**31))
    ),
    (Datatype.REAL, 21.5, library.Real(21.5)),
    (Datatype.REAL, -math.inf, library.Real(-math.inf)),
    (Datatype.DOUBLE, 1 / 3, library.Double(1 / 3)),
    (Datatype.OCTET_STRING, b"", library.OctetString(b"")),
    (Datatype.OCTET_STRING, bytes(300), library.OctetString(bytes(300))),
    (Datatype.CHARACTER_STRING, "", library.CharacterString("")),
    (
        Datatype.CHARACTER_STRING,
        "Zürich 22 °C",
        library.CharacterString("Zürich 22 °C"),
    ),
    (Datatype.CHARACTER_STRING, "x" * 253, library.CharacterString("x" * 253)),
    (Datatype.CHARACTER_STRING, "x" * 70000, library.CharacterString("x" * 70000)),
    (Datatype.BIT_STRING, BitString(), library.BitString([])),
    (
        Datatype.BIT_STRING,
        BitString((True, False, False, True)),
        library.BitString([1, 0, 0, 1]),
    ),
    (Datatype.BIT_STRING, BitString([True] * 9), library.BitString([1] * 9)),
    (Datatype.ENUMERATED, Enumerated(300), library.Enumerated(300)),
    (Datatype.DATE, Date(2026, 11, 23, 1), library.Date((126, 11, 23, 1))),
    (Datatype.DATE, Date(None, None, None), library.Date((255, 255, 255, 255))),
    (Datatype.TIME, Time(13, 5, 0, 99), library.Time((13, 5, 0, 99))),
    (Datatype.TIME, Time(None, None, None, None), library.Time((255,) * 4)),
    (
        Datatype.OBJECT_IDENTIFIER,
        ObjectId(2, 4194303),
        library.ObjectIdentifier((2, 4194303)),
    ),
]
IDS = [f"{datatype.name}-{str(value)[:20]}" for datatype, value, _ in VALUES]


@pytest.mark.parametrize(("datatype", "value", "theirs"), VALUES, ids=IDS)
def test_encodes_as_the_library(datatype: Datatype, value: Any, theirs: Any) -> None:
    """Test that both codecs make the same octets of a value."""
    assert encode(datatype, value) == bytes(theirs.encode().encode().pduData)


@pytest.mark.parametrize(("datatype", "value", "theirs"), VALUES, ids=IDS)
def test_decodes_what_the_library_encodes(
    datatype: Datatype, value: Any, theirs: Any
) -> None:
    """Test that a value of the library comes back with its type."""
    data = bytes(theirs.encode().encode().pduData)
    assert decode_primitive(data) == (datatype, value)
    assert type(decode_value(data)) is type(value)


@pytest.mark.parametrize(("datatype", "value", "theirs"), VALUES, ids=IDS)
@pytest.mark.parametrize("number", [0, 14, 15, 200])
def test_context_tags(datatype: Datatype, value: Any, theirs: Any, number: int) -> None:
    """Test that the library reads our context tags."""
    tag_list = TagList.decode(_pdu(encode_context(number, datatype, value)))
    [tag] = tag_list
    assert tag.tag_number == number
    application = library.Tag(tag.tag_class, datatype, tag.tag_lvt, tag.tag_data)
    assert application.tag_data == (
        bytes((value,))
        if datatype == Datatype.BOOLEAN
        else theirs.encode().pop().tag_data
    )


def _pdu(data: bytes) -> Any:
    from bacpypes3.pdu import PDUData  # noqa: PLC0415

    return PDUData(data)


def test_real_too_large_for_four_octets() -> None:
    """Test that a number beyond the range becomes infinite, not an error."""
    assert decode_value(encode(Datatype.REAL, 1e300)) == math.inf


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\x04\x00\x53\x00\x69", "Si"),
        (b"\x05\x5a\xfc", "Zü"),
        (b"\x03\x00\x00\x00\x53", "S"),
        (b"\x01\x03\x52\x53\x69", "Si"),
        (b"\x00\xff", "\ufffd"),
        (b"\x63\x53", "S"),
    ],
    ids=["utf-16", "latin-1", "utf-32", "dbcs", "broken utf-8", "unknown set"],
)
def test_character_sets(octets: bytes, text: str) -> None:
    """Test that texts of old devices are readable."""
    data = encode_tag(Datatype.CHARACTER_STRING, len(octets)) + octets
    assert decode_value(data) == text


def test_several_values_are_a_list() -> None:
    """Test arrays, and the empty list."""
    data = encode(Datatype.BOOLEAN, True) + encode(Datatype.UNSIGNED, 7)
    assert decode_value(data) == [True, 7]
    assert decode_value(b"") == []


def test_other_values_stay_encoded() -> None:
    """Test that constructed values are passed on as they are."""
    data = encode_context(0, Datatype.UNSIGNED, 1) + opening(1) + closing(1)
    assert decode_value(data) == Constructed(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x44\x00\x00",
        b"\x75\xff\xff\xff\xff\xff",
        b"\x45",
        b"\xf1",
        b"\x43\x00\x00\x00",
        b"\xd1\x00",
        b"\x80",
        b"\x81\x08",
        b"\x81\x01",
        b"\xa1\x00",
        b"\xb1\x00",
        b"\xc1\x00",
        b"\x20",
        b"\x30",
        b"\x70",
        b"\x06",
        b"\x0e",
    ],
)
def test_malformed_values(data: bytes) -> None:
    """Test that broken values are one kind of error, never another."""
    with pytest.raises(MalformedError):
        decode_primitive(data)


def test_two_values_are_not_one() -> None:
    """Test that a primitive value must be the only one."""
    with pytest.raises(MalformedError):
        decode_primitive(encode(Datatype.NULL, None) * 2)


def test_skips_nested_values() -> None:
    """Test that the closing tag of a constructed value is found."""
    inner = (
        opening(0)
        + encode(Datatype.BOOLEAN, True)
        + encode_context(1, Datatype.REAL, 1.0)
        + closing(0)
    )
    data = inner + closing(3) + b"rest"
    assert skip_constructed(data, 0) == len(inner)
    with pytest.raises(MalformedError):
        skip_constructed(inner, 0)


def test_tags_agree_with_the_library() -> None:
    """Test tag headers of all lengths."""
    for number in (0, 14, 15, 254):
        for length in (0, 4, 5, 253, 254, 65535, 65536):
            header = encode_tag(number, length, context=True)
            tag = Tag(1, number, length, bytes(length))
            assert bytes(tag.encode().pduData) == header + bytes(length)
            assert read_tag(header + bytes(length), 0) == (
                number,
                TagKind.CONTEXT,
                length,
                len(header),
            )


def test_reader_refuses_what_the_service_does_not_want() -> None:
    """Test that each method checks its tag."""
    data = encode_context(0, Datatype.UNSIGNED, 5)
    for method, number in (
        (ParameterReader.unsigned, 1),
        (ParameterReader.enter, 0),
        (ParameterReader.leave, 0),
        (ParameterReader.object_id, 0),
    ):
        with pytest.raises(MalformedError):
            method(ParameterReader(data), number)
    with pytest.raises(MalformedError):
        ParameterReader(data).unsigned(0, highest=4)
    with pytest.raises(MalformedError):
        ParameterReader(data).finish()
    with pytest.raises(MalformedError):
        ParameterReader(data).application()
    with pytest.raises(MalformedError):
        ParameterReader(b"").unsigned(0)
