"""What is stored of a device survives the store."""

import json
from typing import Any

from custom_components.bacnet.client.capabilities import Capabilities
from custom_components.bacnet.client.models import DeviceDescription, Inventory, Point
from custom_components.bacnet.node.types import BitString, ObjectId

POINT = Point(
    object_id=ObjectId(2, 7),
    name="Setpoint",
    description="Room 1",
    units=62,
    states=("Off", "On"),
    inactive_text="No",
    active_text="Yes",
    minimum=16.0,
    maximum=28.5,
    resolution=0.5,
    cov_increment=0.1,
    scale=0.01,
    commandable=True,
    writable=False,
    reports_priority=True,
)
INVENTORY = Inventory(
    device=DeviceDescription(
        name="AHU",
        vendor_name="Acme",
        database_revision=3,
        services=BitString((1, 0, 1)),
    ),
    points={POINT.object_id: POINT, ObjectId(0, 1): Point(object_id=ObjectId(0, 1))},
    objects=(ObjectId(8, 1), ObjectId(2, 7), ObjectId(0, 1)),
    object_count=4,
)


def stored(data: dict[str, Any]) -> dict[str, Any]:
    """Return what comes back from a file."""
    return json.loads(json.dumps(data))


def test_inventory() -> None:
    """Test that an inventory comes back as it was."""
    assert Inventory.from_dict(stored(INVENTORY.to_dict())) == INVENTORY


def test_only_what_is_known_is_stored() -> None:
    """Test that the file is not full of defaults."""
    assert Point(object_id=ObjectId(0, 1)).to_dict() == {"object_id": [0, 1]}
    assert DeviceDescription().to_dict() == {}
    assert Capabilities().to_dict() == {}


def test_files_of_other_versions() -> None:
    """Test that unknown fields are ignored and missing ones have their defaults."""
    data = stored(INVENTORY.to_dict())
    data["points"][0]["future"] = data["device"]["future"] = 1
    data.pop("objects")
    inventory = Inventory.from_dict(data)
    assert inventory.points == INVENTORY.points
    assert inventory.device == INVENTORY.device
    assert inventory.objects == ()
    assert Capabilities.from_dict({"future": 1, "rpm": False}) == Capabilities(
        rpm=False
    )


def test_capabilities() -> None:
    """Test that what was learnt comes back."""
    capabilities = Capabilities(
        rpm=True,
        reply_limit=200,
        concurrency=1,
        cov=True,
        cov_confirmed=False,
        cov_lifetime=0,
        cov_budget=20,
        cov_refused_types=[3, 4],
    )
    assert Capabilities.from_dict(stored(capabilities.to_dict())) == capabilities
