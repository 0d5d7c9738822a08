"""Adding remote devices, choosing their points, and changing both at any time."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
import re
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigSubentry,
    ConfigSubentryData,
    SubentryFlowResult,
)
from homeassistant.const import (
    CONF_ADDRESS,
    CONF_NAME,
    CONF_PLATFORM,
    CONF_SCAN_INTERVAL,
)
from homeassistant.core import callback
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .client.device import DeviceSession
from .client.models import Inventory, Point
from .const import (
    CONF_DEVICES,
    CONF_FILTER,
    CONF_INSTANCE,
    CONF_NAMES,
    CONF_NEW_POINTS,
    CONF_OBJECT,
    CONF_OBJECT_TYPES,
    CONF_OBJECTS,
    CONF_POINTS,
    CONF_POLL,
    CONF_PRIORITY,
    DEFAULT_PRIORITY,
    DEFAULT_SCAN_INTERVAL,
    NAMES_DESCRIPTION,
    NAMES_OBJECT_NAME,
    NEW_POINTS_ADD,
    NEW_POINTS_OFFER,
    POLL_FAST,
    POLL_NORMAL,
    POLL_SLOW,
    SUBENTRY_TYPE_DEVICE,
)
from .device_data import device_data_of
from .device_settings import (
    DeviceSettings,
    PointSelection,
    PointSettings,
    count_types,
    type_label,
)
from .hub import BacnetHub
from .node.errors import BacnetError
from .node.node import normalized_address
from .node.types import MAX_INSTANCE, ObjectId
from .point_mapping import choices_of, is_ordinary
from .search import FoundDevice, async_describe, async_search
from .subentry_flow import NodeSubentryFlow

_FIND_SECONDS: Final = 3.0
MAX_LISTED: Final = 30
"""More options than this are offered as a searchable drop-down."""

_MAX_PICKED: Final = 1000
"""More points than this are chosen by a filter, not one by one."""

_SAMPLES: Final = 8

_ADVANCED: Final = "advanced"
_MIN_SCAN_INTERVAL, _MAX_SCAN_INTERVAL = 5, 86400

INTEGER: Final = NumberSelector(
    NumberSelectorConfig(mode=NumberSelectorMode.BOX, step=1)
)
_PRIORITY: Final = NumberSelector(
    NumberSelectorConfig(mode=NumberSelectorMode.BOX, min=1, max=16, step=1)
)


def _select(
    options: Sequence[SelectOptionDict] | Sequence[str],
    *,
    multiple: bool = False,
    translation_key: str | None = None,
) -> SelectSelector:
    config = SelectSelectorConfig(
        options=options,
        multiple=multiple,
        mode=SelectSelectorMode.LIST
        if len(options) <= MAX_LISTED
        else SelectSelectorMode.DROPDOWN,
    )
    if translation_key is not None:
        config["translation_key"] = translation_key
    return SelectSelector(config)


def device_selector(found: Iterable[FoundDevice]) -> SelectSelector:
    """Return a selector of devices by instance."""
    return _select(
        [
            SelectOptionDict(value=str(device.info.instance), label=device.label)
            for device in found
        ],
        multiple=True,
    )


def device_subentry(device: FoundDevice, **data: Any) -> ConfigSubentryData:
    """Return the subentry of a device that was found."""
    return ConfigSubentryData(
        data=device_data_of(device.info) | {CONF_PRIORITY: DEFAULT_PRIORITY} | data,
        subentry_type=SUBENTRY_TYPE_DEVICE,
        title=device.title,
        unique_id=str(device.info.instance),
    )


def as_subentry(data: ConfigSubentryData) -> ConfigSubentry:
    """Return a subentry that can be added to an entry."""
    return ConfigSubentry(
        data=MappingProxyType(dict(data["data"])),
        subentry_type=data["subentry_type"],
        title=data["title"],
        unique_id=data["unique_id"],
    )


def _point_options(points: Iterable[Point]) -> list[SelectOptionDict]:
    return [
        SelectOptionDict(
            value=str(point.object_id), label=f"{point.name} ({point.object_id})"
        )
        for point in points
    ]


class DeviceSubentryFlowHandler(NodeSubentryFlow):
    """Add remote devices, or change one."""

    def __init__(self) -> None:
        """Start with nothing found."""
        self._found: dict[str, FoundDevice] = {}
        self._chosen: FoundDevice | None = None
        self._inventory: Inventory | None = None
        self._selection = PointSelection()
        self._object_id: ObjectId | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def _known(self) -> set[str | None]:
        """Return the instances that can not be added: configured ones, and our own."""
        entry = self._get_entry()
        devices = entry.get_subentries_of_type(SUBENTRY_TYPE_DEVICE)
        return {subentry.unique_id for subentry in devices} | {
            str(entry.data[CONF_INSTANCE])
        }

    # --- finding devices ------------------------------------------------------------------

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Offer the ways to a device."""
        last = self._get_hub().last_search
        return self.async_show_menu(
            step_id="user",
            menu_options=[*(["found"] if last else []), "search", "manual"],
            description_placeholders={
                "time": dt_util.as_local(last.at).strftime("%H:%M") if last else ""
            },
        )

    async def async_step_found(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show what the last search found."""
        last = self._get_hub().last_search
        self._keep_new(last.found if last else ())
        return await (
            self.async_step_devices()
            if self._found
            else self.async_step_nothing_found()
        )

    async def async_step_search(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Search the network, with progress."""
        if self._task is None:
            self._task = self.hass.async_create_task(
                self._async_search(self._get_hub())
            )
        if not self._task.done():
            return self.async_show_progress(
                step_id="search", progress_action="search", progress_task=self._task
            )
        task, self._task = self._task, None
        await task
        return self.async_show_progress_done(
            next_step_id="devices" if self._found else "nothing_found"
        )

    async def _async_search(self, hub: BacnetHub) -> None:
        found = await async_search(
            hub.node, hub.client.directory, self.async_update_progress
        )
        hub.keep_search(found)
        self._keep_new(found)

    def _keep_new(self, found: Iterable[FoundDevice]) -> None:
        self._found = {
            value: device
            for device in found
            if (value := str(device.info.instance)) not in self._known
        }

    async def async_step_nothing_found(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say that there is nothing new, or why."""
        self._get_hub()
        return self.async_abort(reason="no_new_devices")

    async def async_step_devices(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Let the user choose among the devices that are new."""
        errors = {}
        if user_input is not None:
            match [self._found[value] for value in user_input[CONF_DEVICES]]:
                case []:
                    errors[CONF_DEVICES] = "nothing_chosen"
                case [device]:
                    return await self._async_choose(device)
                case devices:
                    return self._async_create(devices)
        return self.async_show_form(
            step_id="devices",
            data_schema=vol.Schema(
                {
                    vol.Required(CONF_DEVICES, default=[]): device_selector(
                        self._found.values()
                    )
                }
            ),
            errors=errors,
            description_placeholders={"count": str(len(self._found))},
        )

    async def async_step_manual(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for one device by its instance, its address, or both."""
        hub = self._get_hub()
        errors: dict[str, str] = {}
        if user_input is not None:
            instance, address = _parse_target(user_input, errors)
            if not errors:
                device = await self._async_find(hub, instance, address, errors)
                if device is not None:
                    return await self._async_choose(device)
        schema = vol.Schema(
            {
                vol.Optional(CONF_INSTANCE): INTEGER,
                vol.Optional(CONF_ADDRESS): TextSelector(),
            }
        )
        return self.async_show_form(
            step_id="manual",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders={"highest": str(MAX_INSTANCE)},
        )

    async def _async_find(
        self,
        hub: BacnetHub,
        instance: int | None,
        address: str | None,
        errors: dict[str, str],
    ) -> FoundDevice | None:
        """Return the device that is asked for, if it is new and answers."""
        info = None
        # Nobody needs to be asked about devices that are known; they may be silent.
        known = str(instance) in self._known or address == hub.node.address
        if not known:
            info = await hub.client.directory.find(
                instance, address, timeout=_FIND_SECONDS
            )
            known = info is not None and str(info.instance) in self._known
        if known:
            errors["base"] = "already_configured"
        elif info is None:
            errors["base"] = "no_answer"
        else:
            return await async_describe(hub.node, info)
        return None

    # --- one device: its points --------------------------------------------------------------

    async def _async_choose(self, device: FoundDevice) -> SubentryFlowResult:
        self._chosen = device
        return await self.async_step_inventory()

    async def async_step_inventory(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Read which points the device has, with progress."""
        if self._task is None:
            self._task = self.hass.async_create_task(
                self._async_read_inventory(self._get_hub())
            )
        if not self._task.done():
            return self.async_show_progress(
                step_id="inventory",
                progress_action="inventory",
                progress_task=self._task,
            )
        task, self._task = self._task, None
        await task
        return self.async_show_progress_done(
            next_step_id="import_all" if self._inventory is None else "choice"
        )

    async def _async_read_inventory(self, hub: BacnetHub) -> None:
        """Read the inventory; a device that fails now is tried again as an entry."""
        assert self._chosen is not None
        session = DeviceSession(hub.node, self._chosen.info)
        try:
            self._inventory = await session.load()
        except BacnetError:
            self._inventory = None
        else:
            hub.keep_inventory(session)
        finally:
            await session.close()

    async def async_step_choice(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Offer all points or some."""
        return self.async_show_menu(
            step_id="choice",
            menu_options=["import_all", "points"],
            description_placeholders=self._counts(),
        )

    async def async_step_import_all(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Take all ordinary points."""
        assert self._chosen is not None
        return self._async_create([self._chosen])

    @property
    def _points(self) -> list[Point]:
        return [] if self._inventory is None else list(self._inventory.points.values())

    def _counts(self) -> dict[str, str]:
        matching = [point for point in self._points if self._selection.matches(point)]
        names = ", ".join(point.name for point in matching[:_SAMPLES])
        device = self._chosen.title if self._chosen else self._subentry.title
        return {
            "device": device,
            "count": str(len(matching)),
            "total": str(len(self._points)),
            "names": names + (", …" if len(matching) > _SAMPLES else ""),
        }

    async def async_step_points(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose points by object type and by text."""
        if self.source == SOURCE_RECONFIGURE and self._inventory is None:
            self._inventory = self._coordinator_inventory()
            if self._inventory is None:
                return self.async_abort(reason="inventory_unknown")
            self._selection = self._settings.selection
        errors: dict[str, str] = {}
        types = count_types(self._points)
        ordinary = count_types(filter(is_ordinary, self._points))
        if user_input is not None:
            chosen = frozenset(user_input[CONF_OBJECT_TYPES])
            selection = PointSelection(
                object_types=None if chosen == ordinary.keys() else chosen,
                filter=user_input.get(CONF_FILTER, "").strip(),
            )
            try:
                found = any(map(selection.matches, self._points))
            except re.error:
                errors[CONF_FILTER] = "invalid_filter"
            else:
                self._selection = selection
                if found:
                    return await self.async_step_matching()
                errors["base"] = "nothing_matches"
        labels = [
            SelectOptionDict(value=name, label=f"{name} ({count})")
            for name, count in sorted(types.items())
        ]
        schema = vol.Schema(
            {
                vol.Required(CONF_OBJECT_TYPES): _select(labels, multiple=True),
                vol.Optional(CONF_FILTER): TextSelector(),
            }
        )
        values = user_input or {
            CONF_OBJECT_TYPES: sorted(
                (self._selection.object_types or ordinary.keys()) & types.keys()
            ),
            CONF_FILTER: self._selection.filter,
        }
        return self.async_show_form(
            step_id="points",
            data_schema=self.add_suggested_values_to_schema(schema, values),
            errors=errors,
            description_placeholders=self._counts(),
        )

    async def async_step_matching(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show how many points match; take them, change the filter, or pick."""
        matching = sum(map(self._selection.matches, self._points))
        return self.async_show_menu(
            step_id="matching",
            menu_options=[
                "save_points",
                "points",
                *(["pick"] if matching <= _MAX_PICKED else []),
            ],
            description_placeholders=self._counts(),
        )

    async def async_step_pick(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose one by one among the points that match."""
        errors = {}
        if user_input is not None:
            if user_input[CONF_OBJECTS]:
                self._selection = replace(
                    self._selection,
                    objects=frozenset(map(ObjectId.parse, user_input[CONF_OBJECTS])),
                )
                return await self.async_step_save_points()
            errors[CONF_OBJECTS] = "no_points_chosen"
        matching = [
            point for point in self._points if self._selection.matches_rule(point)
        ]
        before = (
            self._settings.selection.objects
            if self.source == SOURCE_RECONFIGURE
            else None
        )
        return self.async_show_form(
            step_id="pick",
            data_schema=vol.Schema(
                {
                    vol.Required(
                        CONF_OBJECTS,
                        default=[
                            str(point.object_id)
                            for point in matching
                            if before is None or point.object_id in before
                        ],
                    ): SelectSelector(
                        SelectSelectorConfig(
                            options=_point_options(matching),
                            multiple=True,
                            mode=SelectSelectorMode.DROPDOWN,
                        )
                    )
                }
            ),
            errors=errors,
            description_placeholders=self._counts(),
        )

    async def async_step_save_points(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Keep the choice."""
        selection = self._selection
        data: dict[str, Any] = {CONF_FILTER: selection.filter}
        if selection.object_types is not None:
            data[CONF_OBJECT_TYPES] = sorted(selection.object_types)
        if selection.objects is not None:
            data[CONF_OBJECTS] = sorted(map(str, selection.objects))
        if self._chosen is not None:
            return self._async_create([self._chosen], **data)
        kept = {
            key: value
            for key, value in self._subentry.data.items()
            if key not in (CONF_FILTER, CONF_OBJECT_TYPES, CONF_OBJECTS)
        }
        return self.async_update_and_abort(
            self._get_entry(), self._subentry, data=kept | data
        )

    @callback
    def _async_create(
        self, devices: list[FoundDevice], **data: Any
    ) -> SubentryFlowResult:
        """Add all devices; a flow itself makes only one subentry, the last."""
        new = [
            device_subentry(device, **data)
            for device in devices
            if str(device.info.instance) not in self._known
        ]
        if not new:
            # Another flow was faster.
            return self.async_abort(reason="already_configured")
        *others, last = new
        for other in others:
            self.hass.config_entries.async_add_subentry(
                self._get_entry(), as_subentry(other)
            )
        return self.async_create_entry(
            title=last["title"], data=last["data"], unique_id=last["unique_id"]
        )

    # --- changing a device --------------------------------------------------------------------

    @property
    def _subentry(self) -> ConfigSubentry:
        return self._get_reconfigure_subentry()

    @property
    def _settings(self) -> DeviceSettings:
        return DeviceSettings.from_data(self._subentry.data)

    def _coordinator_inventory(self) -> Inventory | None:
        coordinator = self._get_hub().devices.get(self._subentry.subentry_id)
        return None if coordinator is None else coordinator.inventory

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Offer what can be changed."""
        self._get_hub()
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=["settings", "points", "point"],
            description_placeholders=self._placeholders(),
        )

    def _placeholders(self) -> dict[str, str]:
        subentry = self._subentry
        return {
            "device": subentry.title,
            "instance": str(subentry.data[CONF_INSTANCE]),
        }

    async def async_step_settings(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change address, priority, names and polling."""
        errors: dict[str, str] = {}
        subentry = self._subentry
        if user_input is not None:
            address = await self._async_checked_address(
                user_input[CONF_ADDRESS], subentry, errors
            )
            if not errors:
                advanced = user_input[_ADVANCED]
                return self.async_update_and_abort(
                    self._get_entry(),
                    subentry,
                    data_updates={
                        CONF_ADDRESS: address,
                        CONF_PRIORITY: int(user_input[CONF_PRIORITY]),
                        CONF_NAMES: user_input[CONF_NAMES],
                        CONF_NEW_POINTS: user_input[CONF_NEW_POINTS],
                        CONF_SCAN_INTERVAL: int(advanced[CONF_SCAN_INTERVAL]),
                    },
                )
        schema = vol.Schema(
            {
                vol.Required(CONF_ADDRESS): TextSelector(),
                vol.Required(CONF_PRIORITY): _PRIORITY,
                vol.Required(CONF_NAMES): _select(
                    [NAMES_OBJECT_NAME, NAMES_DESCRIPTION], translation_key=CONF_NAMES
                ),
                vol.Required(CONF_NEW_POINTS): _select(
                    [NEW_POINTS_ADD, NEW_POINTS_OFFER], translation_key=CONF_NEW_POINTS
                ),
                vol.Required(_ADVANCED): section(
                    vol.Schema(
                        {
                            vol.Required(
                                CONF_SCAN_INTERVAL, default=DEFAULT_SCAN_INTERVAL
                            ): NumberSelector(
                                NumberSelectorConfig(
                                    mode=NumberSelectorMode.BOX,
                                    min=_MIN_SCAN_INTERVAL,
                                    max=_MAX_SCAN_INTERVAL,
                                    step=1,
                                    unit_of_measurement="s",
                                )
                            )
                        }
                    ),
                    {"collapsed": True},
                ),
            }
        )
        settings = self._settings
        values = user_input or {
            CONF_ADDRESS: subentry.data[CONF_ADDRESS],
            CONF_PRIORITY: settings.priority,
            CONF_NAMES: settings.names,
            CONF_NEW_POINTS: settings.new_points,
            _ADVANCED: {CONF_SCAN_INTERVAL: settings.scan_interval},
        }
        return self.async_show_form(
            step_id="settings",
            data_schema=self.add_suggested_values_to_schema(schema, values),
            errors=errors,
            description_placeholders=self._placeholders(),
        )

    async def _async_checked_address(
        self, text: str, subentry: ConfigSubentry, errors: dict[str, str]
    ) -> str:
        """Return the address once the device has answered there."""
        try:
            address = _parse_address(text)
        except ValueError:
            errors[CONF_ADDRESS] = "invalid_address"
            return text
        if address != subentry.data[CONF_ADDRESS]:
            info = await self._get_hub().client.directory.find(
                subentry.data[CONF_INSTANCE], address, timeout=_FIND_SECONDS
            )
            if info is None:
                errors[CONF_ADDRESS] = "no_answer"
        return address

    # --- changing one point -----------------------------------------------------------------------

    async def async_step_point(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose the point to change."""
        if user_input is not None:
            self._object_id = ObjectId.parse(user_input[CONF_OBJECT])
            return await self.async_step_point_settings()
        inventory = self._coordinator_inventory()
        if inventory is None:
            return self.async_abort(reason="inventory_unknown")
        selection = self._settings.selection
        points = [p for p in inventory.points.values() if selection.matches(p)]
        return self.async_show_form(
            step_id="point",
            data_schema=vol.Schema(
                {
                    vol.Required(CONF_OBJECT): SelectSelector(
                        SelectSelectorConfig(
                            options=_point_options(points),
                            mode=SelectSelectorMode.DROPDOWN,
                        )
                    )
                }
            ),
            description_placeholders=self._placeholders(),
        )

    async def async_step_point_settings(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change name, platform, polling and priority of one point."""
        inventory = self._coordinator_inventory()
        assert inventory is not None
        assert self._object_id is not None
        point = inventory.points[self._object_id]
        if user_input is not None:
            return self._async_save_point(point, user_input)
        settings = self._settings
        changed = settings.of(point)
        schema: dict[vol.Marker, Any] = {
            vol.Optional(CONF_NAME): TextSelector(),
            vol.Required(CONF_PLATFORM): _select(
                [str(platform) for platform in choices_of(point)],
                translation_key=CONF_PLATFORM,
            ),
            vol.Required(CONF_POLL): _select(
                [POLL_FAST, POLL_NORMAL, POLL_SLOW], translation_key=CONF_POLL
            ),
        }
        if point.commandable:
            schema[vol.Optional(CONF_PRIORITY)] = _PRIORITY
        return self.async_show_form(
            step_id="point_settings",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(schema),
                {
                    CONF_NAME: changed.name,
                    CONF_PLATFORM: str(settings.platform_of(point)),
                    CONF_POLL: changed.poll,
                    CONF_PRIORITY: changed.priority,
                },
            ),
            description_placeholders={
                "point": point.name,
                "object": str(point.object_id),
                "type": type_label(point),
                "default_name": replace(settings, points={}).name_of(point),
            },
        )

    @callback
    def _async_save_point(
        self, point: Point, user_input: Mapping[str, Any]
    ) -> SubentryFlowResult:
        """Keep what differs from the usual."""
        usual = PointSettings(platform=choices_of(point)[0])
        changes: dict[str, Any] = {}
        if name := user_input.get(CONF_NAME, "").strip():
            changes[CONF_NAME] = name
        if user_input[CONF_PLATFORM] != usual.platform:
            changes[CONF_PLATFORM] = user_input[CONF_PLATFORM]
        if user_input[CONF_POLL] != usual.poll:
            changes[CONF_POLL] = user_input[CONF_POLL]
        if (priority := user_input.get(CONF_PRIORITY)) is not None:
            changes[CONF_PRIORITY] = int(priority)
        points = dict(self._subentry.data.get(CONF_POINTS, {}))
        points.pop(str(point.object_id), None)
        if changes:
            points[str(point.object_id)] = changes
        return self.async_update_and_abort(
            self._get_entry(), self._subentry, data_updates={CONF_POINTS: points}
        )


def _parse_address(text: str) -> str:
    """Return the address of one device as the node reports it; raises ValueError."""
    address = normalized_address(text)
    if "*" in address:
        raise ValueError("a broadcast is no device")
    return address


def _parse_target(
    user_input: Mapping[str, Any], errors: dict[str, str]
) -> tuple[int | None, str | None]:
    """Return instance and address of a device that is looked for."""
    instance = user_input.get(CONF_INSTANCE)
    address = user_input.get(CONF_ADDRESS)
    if instance is None and not address:
        errors["base"] = "nothing_given"
    if instance is not None:
        instance = int(instance)
        if not 0 <= instance <= MAX_INSTANCE:
            errors[CONF_INSTANCE] = "instance_out_of_range"
    if address:
        try:
            address = _parse_address(address)
        except ValueError:
            errors[CONF_ADDRESS] = "invalid_address"
    return instance, address or None
