"""Constants of the BACnet integration."""

from typing import Final

from homeassistant.const import Platform

DOMAIN: Final = "bacnet"

PLATFORMS: Final = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.DATE,
    Platform.DATETIME,
    Platform.LIGHT,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
    Platform.TEXT,
    Platform.TIME,
]

CONF_ALLOWED_NETWORKS: Final = "allowed_networks"
CONF_AREAS: Final = "areas"
CONF_ASPECT: Final = "aspect"
CONF_BY_RULE: Final = "by_rule"
CONF_DEVICES: Final = "devices"
CONF_DOMAINS: Final = "domains"
CONF_ENABLED: Final = "enabled"
CONF_EXPOSURES: Final = "exposures"
CONF_FILTER: Final = "filter"
CONF_INSTANCE: Final = "instance"
CONF_INTERFACE: Final = "interface"
CONF_LABELS: Final = "labels"
CONF_LEASE: Final = "lease"
CONF_LEASE_PRIORITY: Final = "lease_priority"
CONF_MAX_APDU: Final = "max_apdu"
CONF_NAMES: Final = "names"
CONF_NEW_POINTS: Final = "new_points"
CONF_OBJECT: Final = "object"
CONF_OBJECTS: Final = "objects"
CONF_OBJECT_TYPES: Final = "object_types"
CONF_OVERRIDES: Final = "overrides"
CONF_POINT: Final = "point"
CONF_POINTS: Final = "points"
CONF_POLL: Final = "poll"
CONF_PRIORITY: Final = "priority"
CONF_RELEASE: Final = "release_on_shutdown"
CONF_RULES: Final = "rules"
CONF_SEGMENTATION: Final = "segmentation"
CONF_SWITCHED_OFF: Final = "switched_off"
CONF_TEMPLATE: Final = "template"
CONF_VENDOR_ID: Final = "vendor_id"
CONF_WRITABLE: Final = "writable"
CONF_WRITES_PER_SECOND: Final = "writes_per_second"

SUBENTRY_TYPE_DEVICE: Final = "device"
SUBENTRY_TYPE_VIRTUAL_DEVICE: Final = "virtual_device"

DEFAULT_INSTANCE: Final = 8888
DEFAULT_PORT: Final = 47808
DEFAULT_PRIORITY: Final = 16
DEFAULT_SCAN_INTERVAL: Final = 60

NAMES_DESCRIPTION: Final = "description"
NAMES_OBJECT_NAME: Final = "object_name"

NEW_POINTS_ADD: Final = "add"
NEW_POINTS_OFFER: Final = "offer"

POLL_FAST: Final = "fast"
POLL_NORMAL: Final = "normal"
POLL_SLOW: Final = "slow"

EVENT_WRITE: Final = "bacnet_write"

MANUFACTURER: Final = "Home Assistant"
MODEL: Final = "BACnet node"
MODEL_VIRTUAL: Final = "BACnet virtual device"

RELEASE_SUFFIX: Final = "-release"
"""Tells the unique id of a release button from that of the point's own entity."""

UPDATES: Final = "updates"
"""Key of the entity that tells how a device's points are kept up to date."""
