"""The BACnet identity of a remote device, as its subentry keeps it."""

from collections.abc import Mapping
from typing import Any

from homeassistant.const import CONF_ADDRESS

from .client.models import DeviceInfo
from .const import CONF_INSTANCE, CONF_MAX_APDU, CONF_SEGMENTATION, CONF_VENDOR_ID
from .node.enumerations import Segmentation


def device_info_of(data: Mapping[str, Any]) -> DeviceInfo:
    """Return the BACnet identity that a device subentry keeps."""
    return DeviceInfo(
        instance=data[CONF_INSTANCE],
        address=data[CONF_ADDRESS],
        max_apdu=data[CONF_MAX_APDU],
        segmentation=Segmentation(data[CONF_SEGMENTATION]),
        vendor_id=data[CONF_VENDOR_ID],
    )


def device_data_of(info: DeviceInfo) -> dict[str, Any]:
    """Return what a device subentry keeps of a BACnet identity."""
    return {
        CONF_INSTANCE: info.instance,
        CONF_ADDRESS: info.address,
        CONF_MAX_APDU: info.max_apdu,
        CONF_SEGMENTATION: int(info.segmentation),
        CONF_VENDOR_ID: info.vendor_id,
    }
