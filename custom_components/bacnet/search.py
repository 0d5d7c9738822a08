"""Looking for devices on the network, for the flows."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Interface

from .client.directory import Directory
from .client.models import DeviceInfo
from .client.reader import PropertyReader
from .node.enumerations import ObjectType, PropertyIdentifier
from .node.errors import BacnetError
from .node.node import Node, NodeConfig
from .node.types import ObjectId, PropertyReference

_SEARCH_SECONDS = 4.0
_TICK_SECONDS = 0.2
_NAMES_SECONDS = 20.0
"""Nobody waits longer for devices that say who they are but then nothing else."""

_NAMES = (
    PropertyIdentifier.OBJECT_NAME,
    PropertyIdentifier.VENDOR_NAME,
    PropertyIdentifier.MODEL_NAME,
)


@dataclass(frozen=True, slots=True)
class FoundDevice:
    """A device that answered, with the names it gives itself."""

    info: DeviceInfo
    name: str
    vendor: str
    model: str

    @property
    def title(self) -> str:
        """Return what to call the device."""
        return self.name or f"Device {self.info.instance}"

    @property
    def label(self) -> str:
        """Return one line that tells the device from the others."""
        product = " ".join(part for part in (self.vendor, self.model) if part)
        parts = (f"{self.title} ({self.info.instance})", self.info.address, product)
        return " · ".join(part for part in parts if part)


@asynccontextmanager
async def temporary_node(
    interface: IPv4Interface, port: int
) -> AsyncIterator[tuple[Node, Directory]]:
    """Open a node for as long as a flow needs one. Raises NodeStartError."""
    node = Node(NodeConfig(interface=interface, port=port))
    directory = Directory(node)
    await node.start()
    try:
        yield node, directory
    finally:
        directory.close()
        await node.stop()


async def async_describe(node: Node, info: DeviceInfo) -> FoundDevice:
    """Ask a device for its names; one that does not tell them has none."""
    device = ObjectId(ObjectType.DEVICE, info.instance)
    references = [PropertyReference(device, name) for name in _NAMES]
    try:
        async with asyncio.timeout(_NAMES_SECONDS):
            values = await PropertyReader(node, info).read(references)
    except BacnetError, TimeoutError:
        values = {}
    texts = (values.get(reference) for reference in references)
    return FoundDevice(info, *(text if isinstance(text, str) else "" for text in texts))


async def async_search(
    node: Node,
    directory: Directory,
    on_progress: Callable[[float], None],
) -> list[FoundDevice]:
    """Return all devices that answer, by instance; reports progress from 0 to 1."""
    search = asyncio.ensure_future(directory.search(wait=_SEARCH_SECONDS))
    try:
        elapsed = 0.0
        while not search.done():
            await asyncio.wait([search], timeout=_TICK_SECONDS)
            elapsed += _TICK_SECONDS
            on_progress(min(elapsed / _SEARCH_SECONDS, 1.0) * 0.9)
    finally:
        search.cancel()
    found = search.result()
    return list(await asyncio.gather(*(async_describe(node, info) for info in found)))
