"""Templates: virtual devices that are described by a file."""

import json
import logging
from pathlib import Path
from typing import Any, Final

from homeassistant.const import CONF_DESCRIPTION, CONF_NAME
from homeassistant.core import HomeAssistant
import voluptuous as vol

from .const import CONF_OBJECT, CONF_POINT, CONF_POINTS, DOMAIN
from .node.enumerations import EngineeringUnits
from .storage import ExposureStore
from .template_entities import PLATFORMS_BY_TYPE, type_of

_LOGGER = logging.getLogger(__name__)

_SHIPPED: Final = Path(__file__).parent / "templates"

type Template = dict[str, Any]

_TYPES: Final = [
    object_type.name.lower().replace("_", "-") for object_type in PLATFORMS_BY_TYPE
]
_UNITS: Final = [units.name.lower().replace("_", "-") for units in EngineeringUnits]
_PRIORITY: Final = vol.In([*range(1, 6), *range(7, 17)])
"""6 is reserved for minimum on and off times."""


def _check_point(point: dict[str, Any]) -> dict[str, Any]:
    """Check what belongs together."""
    object_type: str = point["object_type"]
    states, default = point.get("states"), point.get("default")
    if object_type.startswith("multi-state") != (states is not None):
        raise vol.Invalid("multi-state points have states, and only those", ["states"])
    if object_type.startswith("binary"):
        fits = default is None or isinstance(default, bool)
    elif states is not None:
        fits = default is None or default in states
    elif object_type.startswith("characterstring"):
        fits = default is None or isinstance(default, str)
    else:
        fits = default is None or (
            isinstance(default, int | float)
            and point.get("minimum", default) <= default
            and default <= point.get("maximum", default)
        )
    if not fits:
        raise vol.Invalid("the default does not fit the point", ["default"])
    return point


_POINT: Final = vol.All(
    vol.Schema(
        {
            vol.Required("key"): vol.Match(r"^[a-z0-9_]+$"),
            vol.Required(CONF_NAME): vol.All(str, vol.Length(min=1)),
            vol.Required("object_type"): vol.In(_TYPES),
            vol.Optional(CONF_DESCRIPTION): str,
            vol.Optional("units"): vol.In(_UNITS),
            vol.Optional("minimum"): vol.Any(int, float),
            vol.Optional("maximum"): vol.Any(int, float),
            vol.Optional("resolution"): vol.Any(int, float),
            vol.Optional("cov_increment"): vol.Any(int, float),
            vol.Optional("default"): vol.Any(bool, int, float, str),
            vol.Optional("states"): vol.All([str], vol.Length(min=1), vol.Unique()),
            vol.Optional("inactive_text"): str,
            vol.Optional("active_text"): str,
            vol.Optional("max_length"): vol.All(int, vol.Range(min=1)),
            vol.Optional("own_priority"): _PRIORITY,
            vol.Optional("minimum_on_time"): vol.All(int, vol.Range(min=1)),
            vol.Optional("minimum_off_time"): vol.All(int, vol.Range(min=1)),
        }
    ),
    _check_point,
)


def _unique_keys(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len({point["key"] for point in points}) != len(points):
        raise vol.Invalid("two points have the same key")
    return points


SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_NAME): vol.All(str, vol.Length(min=1)),
        vol.Optional(CONF_DESCRIPTION, default=""): str,
        vol.Required(CONF_POINTS): vol.All([_POINT], vol.Length(min=1), _unique_keys),
    }
)
"""What a template file has to be."""


def load_templates(user_folder: Path) -> dict[str, Template]:
    """Return all templates by name of their file; those of the user win."""
    templates: dict[str, Template] = {}
    for folder in (_SHIPPED, user_folder):
        for path in sorted(folder.glob("*.json")):
            try:
                templates[path.stem] = SCHEMA(json.loads(path.read_text("utf-8")))
            except (OSError, ValueError, vol.Invalid) as error:
                _LOGGER.warning("Template %s can not be used: %s", path, error)
    return templates


async def async_load_templates(hass: HomeAssistant) -> dict[str, Template]:
    """Return the shipped templates and those of the user."""
    folder = Path(hass.config.path(DOMAIN, "templates"))
    return await hass.async_add_executor_job(load_templates, folder)


def records_of(template: Template, store: ExposureStore) -> list[dict[str, Any]]:
    """Return the objects of a virtual device that is made from a template."""
    return [
        {
            CONF_OBJECT: str(store.async_allocate(type_of(point))),
            # A copy: a template that changes later does not change what exists.
            CONF_POINT: dict(point),
        }
        for point in template[CONF_POINTS]
    ]
