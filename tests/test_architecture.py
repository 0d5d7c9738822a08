"""Who may import whom; the rules are those of docs/architecture.md."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "custom_components" / "bacnet"
NAME = "custom_components.bacnet"

# The rest of the integration sees only our own small types.
MAY_IMPORT_BACPYPES3 = {"node", "client", "server"}

FORBIDDEN = {
    "node": ("homeassistant", f"{NAME}.client", f"{NAME}.server"),
    "client": ("homeassistant", f"{NAME}.server"),
    "server": ("homeassistant", f"{NAME}.client"),
    "": (),
}
"""What the modules of a folder must not import; the empty name is the top level."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def _imports(source: str, path: Path) -> Iterator[str]:
    """Yield the absolute names of all modules that a module at a path imports."""
    package = [NAME, *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=0):
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = ".".join(".".join(package).split(".")[: -level + 1 or None])
                prefix = f"{base}.{module}" if module else base
                yield from (f"{prefix}.{alias.name}" for alias in names)


def _is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize(
    "path", MODULES, ids=[str(path.relative_to(PACKAGE)) for path in MODULES]
)
def test_imports(path: Path) -> None:
    """Test that a module imports only what its layer may know."""
    folder = path.relative_to(PACKAGE).parts[0] if path.parent != PACKAGE else ""
    imports = list(_imports(path.read_text(), path))
    outside = [f"{NAME}.{module.stem}" for module in PACKAGE.glob("*.py")]
    forbidden = (
        *FORBIDDEN[folder],
        *(outside if folder else ()),
        *(() if folder in MAY_IMPORT_BACPYPES3 else ("bacpypes3",)),
    )
    assert [
        name
        for name in imports
        for package in forbidden
        if _is_within(name, package) and package != f"{NAME}.__init__"
    ] == []


def test_imports_are_seen() -> None:
    """Test that relative and absolute imports are named alike."""
    source = (
        "from ..client import models\nimport homeassistant.core\nfrom . import codec"
    )
    assert list(_imports(source, PACKAGE / "node" / "example.py")) == [
        f"{NAME}.client.models",
        "homeassistant.core",
        f"{NAME}.node.codec",
    ]


@pytest.mark.parametrize("folder", ["client", "node", "server"])
def test_tests_mirror_the_package(folder: str) -> None:
    """Test that each package of the integration has its folder of tests."""
    assert list((Path(__file__).parent / folder).glob("test_*.py"))
