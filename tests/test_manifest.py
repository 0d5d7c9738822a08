"""What hassfest and HACS would check; neither runs where this project is developed."""

import json
from pathlib import Path
import struct

from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integration
import pytest

from custom_components.bacnet.const import DOMAIN

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "custom_components" / DOMAIN


def test_manifest_keys() -> None:
    """Test that the keys HACS wants are there, in hassfest's order."""
    manifest = json.loads((PACKAGE / "manifest.json").read_text())
    keys = list(manifest)
    assert keys == ["domain", "name", *sorted(keys[2:])]
    assert {
        "codeowners",
        "documentation",
        "domain",
        "issue_tracker",
        "name",
        "version",
    } <= manifest.keys()
    # This key would forbid the cards of discovered devices.
    assert "single_config_entry" not in manifest


async def test_manifest_is_loaded(
    hass: HomeAssistant, enable_custom_integrations: None
) -> None:
    """Test that Home Assistant takes the manifest, version included."""
    integration = await async_get_integration(hass, DOMAIN)
    assert integration.version is not None
    assert integration.config_flow


def test_requirements_are_pinned_alike() -> None:
    """Test that development and users have the same bacpypes3."""
    [requirement] = json.loads((PACKAGE / "manifest.json").read_text())["requirements"]
    assert requirement in (ROOT / "requirements_test.txt").read_text().split()


def test_hacs() -> None:
    """Test that HACS finds what it needs."""
    hacs = json.loads((ROOT / "hacs.json").read_text())
    assert hacs["name"]
    assert hacs["homeassistant"] == "2026.10.0"
    assert (ROOT / "README.md").exists()
    assert "MIT License" in (ROOT / "LICENSE").read_text()


@pytest.mark.parametrize(("name", "size"), [("icon.png", 256), ("icon@2x.png", 512)])
def test_brand(name: str, size: int) -> None:
    """Test the sizes of the icon."""
    header = (PACKAGE / "brand" / name).read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    assert struct.unpack(">II", header[16:]) == (size, size)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.json")), ids=lambda p: p.name)
def test_json(path: Path) -> None:
    """Test that every file can be read."""
    assert isinstance(json.loads(path.read_text()), dict)
