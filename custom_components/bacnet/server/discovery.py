"""Who-Is, I-Am, Who-Has, I-Have (16.9, 16.10)."""

from ..node.enumerations import Segmentation, UnconfirmedService
from ..node.errors import ServiceError
from ..node.node import GLOBAL_BROADCAST, MAX_APDU, Node
from ..node.services import (
    IAm,
    IHave,
    decode_who_has,
    decode_who_is,
    encode_i_am,
    encode_i_have,
)
from .device_object import DeviceObject
from .table import ObjectTable


class DiscoveryServices:
    """Answers whoever searches the device or one of its objects.

    Answers go to the asker alone, which the standard allows and which reaches it
    behind a router as well; thousands of devices need not hear them.
    """

    def __init__(self, node: Node, device: DeviceObject, table: ObjectTable) -> None:
        """Answer for a device."""
        self._node = node
        self._device = device
        self._table = table

    def announce(self, destination: str = GLOBAL_BROADCAST) -> None:
        """Send an I-Am, to everybody if nobody is named."""
        definition = self._device.definition
        i_am = IAm(
            definition.instance,
            MAX_APDU,
            Segmentation.SEGMENTED_BOTH,
            definition.vendor_id,
        )
        self._node.send(destination, UnconfirmedService.I_AM, encode_i_am(i_am))

    def who_is(self, source: str, data: bytes) -> None:
        """Answer a Who-Is that means us."""
        low, high = decode_who_is(data)
        if low <= self._device.definition.instance <= high:
            self.announce(source)

    def who_has(self, source: str, data: bytes) -> None:
        """Answer a Who-Has for an object that we have."""
        wanted = decode_who_has(data)
        if not wanted.low <= self._device.definition.instance <= wanted.high:
            return
        if isinstance(wanted.object, str):
            served = self._table.find_name(wanted.object)
        else:
            try:
                served = self._table.find(wanted.object)
            except ServiceError:
                return
        if served is not None:
            answer = IHave(self._device.object_id, served.object_id, served.name)
            self._node.send(source, UnconfirmedService.I_HAVE, encode_i_have(answer))
