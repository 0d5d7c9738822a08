"""Names and numbers of the standard."""

from bacpypes3 import apdu, basetypes, primitivedata
import pytest

from custom_components.bacnet.node import enumerations
from custom_components.bacnet.node.enumerations import BacnetEnum, label_of
from custom_components.bacnet.node.types import ObjectId


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (enumerations.ObjectType, primitivedata.ObjectType),
        (enumerations.PropertyIdentifier, basetypes.PropertyIdentifier),
        (enumerations.Segmentation, basetypes.Segmentation),
        (enumerations.Reliability, basetypes.Reliability),
        (enumerations.ErrorClass, basetypes.ErrorClass),
        (enumerations.ErrorCode, basetypes.ErrorCode),
        (enumerations.EngineeringUnits, basetypes.EngineeringUnits),
        (enumerations.RejectReason, apdu.RejectReason),
        (enumerations.AbortReason, apdu.AbortReason),
    ],
)
def test_numbers_agree_with_the_library(
    ours: type[BacnetEnum], theirs: type[primitivedata.Enumerated]
) -> None:
    """Test that every name stands for the library's number."""
    numbers = theirs._enum_map.values()  # noqa: SLF001
    known = {int(number) for number in numbers}
    assert known - {64, 65} <= {int(member) for member in ours}


def test_labels() -> None:
    """Test names in messages; unknown numbers stay numbers."""
    assert enumerations.ObjectType.MULTI_STATE_INPUT.label == "multi-state-input"
    assert label_of(enumerations.ObjectType, 900) == "900"


@pytest.mark.parametrize(
    ("text", "object_id"),
    [
        ("analog-value,3", ObjectId(2, 3)),
        ("2,3", ObjectId(2, 3)),
        ("900,4194303", ObjectId(900, 4194303)),
    ],
)
def test_object_id_from_text(text: str, object_id: ObjectId) -> None:
    """Test object identifiers in texts."""
    assert ObjectId.parse(text) == object_id
    assert ObjectId.parse(str(object_id)) == object_id


@pytest.mark.parametrize(
    "text", ["", "analog-value", "nothing,3", "2,-1", "2,4194304", "1024,1", "2,x"]
)
def test_object_id_from_wrong_text(text: str) -> None:
    """Test that a wrong text is an error."""
    with pytest.raises(ValueError):
        ObjectId.parse(text)
