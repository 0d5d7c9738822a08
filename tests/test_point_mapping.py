"""What points become: the table, and the functions on it."""

from typing import Any

from homeassistant.const import Platform
import pytest

from custom_components.bacnet.client.models import Point
from custom_components.bacnet.const import PLATFORMS
from custom_components.bacnet.device_settings import DeviceSettings, PointSelection
from custom_components.bacnet.node.enumerations import EngineeringUnits, ObjectType
from custom_components.bacnet.node.types import ObjectId
from custom_components.bacnet.point_mapping import (
    choices_of,
    is_ordinary,
    options_of,
    platform_of,
    precision_of,
    range_of,
    read_only_platform_of,
)


def _point(object_type: int, **details: Any) -> Point:
    return Point(object_id=ObjectId(object_type, 1), name="Point", **details)


@pytest.mark.parametrize("object_type", ObjectType, ids=lambda kind: kind.label)
@pytest.mark.parametrize("commandable", [False, True])
def test_every_object_type(object_type: ObjectType, commandable: bool) -> None:
    """Test that any object with a present-value has a platform that we set up."""
    point = _point(object_type, commandable=commandable)
    assert platform_of(point) in PLATFORMS
    assert choices_of(point)[0] is platform_of(point)
    assert read_only_platform_of(point.object_id) in (
        Platform.SENSOR,
        Platform.BINARY_SENSOR,
    )


@pytest.mark.parametrize(
    ("details", "platform"),
    [
        ({"object_type": ObjectType.ANALOG_VALUE}, Platform.SENSOR),
        ({"object_type": ObjectType.ANALOG_VALUE, "commandable": True}, "number"),
        ({"object_type": ObjectType.ANALOG_VALUE, "writable": True}, "number"),
        ({"object_type": ObjectType.ANALOG_OUTPUT}, Platform.NUMBER),
        ({"object_type": ObjectType.BINARY_OUTPUT}, Platform.SWITCH),
        ({"object_type": ObjectType.MULTI_STATE_OUTPUT}, Platform.SELECT),
        ({"object_type": ObjectType.ANALOG_INPUT, "writable": True}, "sensor"),
        ({"object_type": 300, "commandable": True}, Platform.SENSOR),
    ],
)
def test_what_can_be_written(details: dict[str, Any], platform: str) -> None:
    """Test that outputs, commandable and proven writable points get a way to write."""
    assert platform_of(_point(**details)) == platform


def test_proprietary_types_are_not_ordinary() -> None:
    """Test what is shown only when the user asks for it."""
    assert not is_ordinary(_point(300))
    assert not is_ordinary(_point(ObjectType.CALENDAR))
    assert is_ordinary(_point(ObjectType.LOOP))


def test_repeated_state_texts() -> None:
    """Test that options are unique and keep the order of the states."""
    assert options_of(["Off", "On", "On", "Auto"]) == [
        "Off",
        "On (2)",
        "On (3)",
        "Auto",
    ]


@pytest.mark.parametrize(
    ("details", "limits"),
    [
        ({"minimum": 12.0, "maximum": 30.0, "resolution": 0.5}, (12, 30, 0.5)),
        ({"minimum": 0.0, "maximum": 0.0}, (-1e6, 1e6, 0.1)),
        ({}, (-1e6, 1e6, 0.1)),
        ({"units": EngineeringUnits.PERCENT}, (0, 100, 0.1)),
        (
            {"units": EngineeringUnits.MEGAVOLT_AMPERES, "minimum": 0, "maximum": 2},
            (0, 2000, 0.1),
        ),
    ],
)
def test_limits(details: dict[str, Any], limits: tuple[float, float, float]) -> None:
    """Test limits that are given, missing, senseless, usual for a unit, converted."""
    assert range_of(_point(ObjectType.ANALOG_VALUE, **details)) == limits


def test_whole_numbers_have_whole_steps() -> None:
    """Test integers: steps of one, and nothing below zero where nothing can be."""
    assert range_of(_point(ObjectType.INTEGER_VALUE)) == (-1e6, 1e6, 1)
    assert range_of(_point(ObjectType.POSITIVE_INTEGER_VALUE)) == (0, 1e6, 1)


@pytest.mark.parametrize(
    ("resolution", "decimals"),
    [(None, None), (0.1, 1), (0.25, 2), (1.0, 0), (1e-7, None)],
)
def test_precision(resolution: float | None, decimals: int | None) -> None:
    """Test that a device's resolution tells how many decimals are worth showing."""
    assert (
        precision_of(_point(ObjectType.ANALOG_INPUT, resolution=resolution)) == decimals
    )


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (PointSelection(), True),
        (PointSelection(object_types=frozenset({"binary-input"})), False),
        (PointSelection(filter="^room"), True),
        (PointSelection(filter="SUPPLY"), True),
        (PointSelection(filter="analog-input,7$"), True),
        (PointSelection(filter="return"), False),
        (PointSelection(objects=frozenset({ObjectId(0, 7)})), True),
        (PointSelection(objects=frozenset({ObjectId(0, 8)})), False),
    ],
)
def test_selection(selection: PointSelection, chosen: bool) -> None:
    """Test types, texts in name, description and identifier, and single points."""
    point = Point(
        object_id=ObjectId(0, 7), name="Room temperature", description="Supply zone 3"
    )
    assert selection.matches(point) is chosen


def test_names() -> None:
    """Test where the name of an entity comes from."""
    point = Point(object_id=ObjectId(0, 7), name="AI-7", description="Room temperature")
    bare = Point(object_id=ObjectId(0, 8))
    by_name = DeviceSettings.from_data({})
    by_description = DeviceSettings.from_data(
        {"names": "description", "points": {"analog-input,8": {"name": "Mine"}}}
    )
    assert by_name.name_of(point) == "AI-7"
    assert by_name.name_of(bare) == "analog-input,8"
    assert by_description.name_of(point) == "Room temperature"
    assert by_description.name_of(bare) == "Mine"
