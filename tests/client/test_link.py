"""How requests to one device are paced, how long they wait, when they are not sent."""

import asyncio
from itertools import pairwise
from time import monotonic

import pytest

from custom_components.bacnet.client import link as link_module
from custom_components.bacnet.client.link import (
    DeviceLink,
    NoRouteError,
    UnansweredError,
    Urgency,
)
from custom_components.bacnet.client.reader import PropertyReader
from custom_components.bacnet.node.enumerations import (
    ConfirmedService as Service,
    ObjectType,
    PropertyIdentifier as Prop,
    RejectReason,
)
from custom_components.bacnet.node.errors import (
    NoResponseError,
    RejectError,
    ServiceError,
)
from custom_components.bacnet.node.node import Node
from custom_components.bacnet.node.services import encode_read_property
from custom_components.bacnet.node.types import ObjectId, PropertyReference
from tests.conftest import NodeFactory

from .conftest import DeviceFactory, info_of
from .scripted import ScriptedDevice, ScriptedRouter, analog

RP = Service.READ_PROPERTY
POINT = ObjectId(ObjectType.ANALOG_INPUT, 1)
READ_VALUE = encode_read_property(PropertyReference(POINT, Prop.PRESENT_VALUE))
READ_UNITS = encode_read_property(PropertyReference(POINT, Prop.UNITS))


async def read_value(link: DeviceLink, urgency: Urgency = Urgency.POLL) -> bytes:
    """Read the value of the point."""
    return await link.request(RP, READ_VALUE, urgency=urgency)


@pytest.fixture
async def device(start_device: DeviceFactory) -> ScriptedDevice:
    """Return a device with one point."""
    return await start_device(ScriptedDevice(objects={POINT: analog("AI", 21.5)}))


@pytest.fixture
def link(node: Node, device: ScriptedDevice) -> DeviceLink:
    """Return the link to the device."""
    return DeviceLink(node, info_of(device))


async def test_time_out_follows_the_device(
    device: ScriptedDevice, link: DeviceLink
) -> None:
    """Test that the time-out adapts to round-trip times, within bounds."""
    assert link.round_trip is None
    assert link.patience() == pytest.approx(0.3)
    assert link.patience(1) == pytest.approx(0.6)
    assert link.patience(5) == pytest.approx(0.6)
    for _ in range(20):
        await read_value(link)
    assert link.round_trip is not None
    assert link.round_trip < 0.05
    assert link.patience() == pytest.approx(0.1)

    device.latency = 0.15
    for _ in range(12):
        await read_value(link)
    assert 0.15 < link.patience() < 0.6
    # The slow answers were late only until this was known.
    before = device.services[RP]
    await read_value(link)
    assert device.services[RP] == before + 1


async def test_waiting_for_a_turn_is_no_round_trip(
    device: ScriptedDevice, link: DeviceLink
) -> None:
    """Test that the queue before the device does not count as its slowness."""
    device.latency = 0.03
    await asyncio.gather(*(read_value(link) for _ in range(40)))
    assert link.round_trip is not None
    assert link.round_trip < 0.08


async def test_refusals_are_answers(device: ScriptedDevice, link: DeviceLink) -> None:
    """Test that an error is neither silence nor repeated."""
    device.refuse[RP] = RejectError(RejectReason.OTHER)
    with pytest.raises(RejectError):
        await read_value(link)
    assert device.services == {RP: 1}
    assert not link.silent


async def test_silent_device_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, device: ScriptedDevice, start_node: NodeFactory
) -> None:
    """Test back-off: no traffic at all, then one probe, each time twice as late."""
    node = await start_node("127.0.20.1", apdu_timeout=0.05)
    link = DeviceLink(node, info_of(device))
    monkeypatch.setattr(link_module, "uniform", lambda low, high: 1.0)
    clock = 1000.0
    monkeypatch.setattr(link_module, "monotonic", lambda: clock)
    device.ignore = lambda service, body: True
    with pytest.raises(NoResponseError):
        await read_value(link)
    assert link.silent
    assert device.services[RP] == 3  # two tries and a probe

    delay = 0.05
    for _ in range(4):
        device.services.clear()
        clock += delay * 0.99
        for _ in range(5):
            with pytest.raises(NoResponseError):
                await read_value(link)
        assert device.services == {}
        clock += delay * 0.02
        with pytest.raises(NoResponseError):
            await read_value(link)
        assert device.services == {RP: 1}
        delay *= 2
    for _ in range(20):
        clock += 1000
        with pytest.raises(NoResponseError):
            await read_value(link)
        if link._backoff == 120:  # noqa: SLF001
            break
    else:
        pytest.fail("the back-off has no bound")


async def test_return(device: ScriptedDevice, node: Node) -> None:
    """Test that a device is back after one probe, and that it is told."""
    returns: list[float] = []
    link = DeviceLink(node, info_of(device), lambda: returns.append(monotonic()))
    device.silent = True
    with pytest.raises(NoResponseError):
        await read_value(link)
    device.silent = False
    with pytest.raises(NoResponseError):
        await read_value(link)
    assert device.services == {}
    link.heard()
    await asyncio.gather(*(read_value(link) for _ in range(5)))
    assert device.services[RP] == 6
    assert len(returns) == 1
    assert not link.silent


async def test_user_does_not_wait_for_the_back_off(
    device: ScriptedDevice, link: DeviceLink
) -> None:
    """Test that an action is tried at once, after a sign of life."""
    device.silent = True
    with pytest.raises(NoResponseError):
        await read_value(link)
    device.silent = False
    await read_value(link, Urgency.ACTION)
    assert not link.silent


async def test_nothing_is_sent_to_a_stranger(
    device: ScriptedDevice, link: DeviceLink
) -> None:
    """Test that another device at the address does not get what is not meant for it."""
    device.silent = True
    with pytest.raises(NoResponseError):
        await read_value(link)
    device.silent = False
    device.instance = 8
    with pytest.raises(NoResponseError, match="another device"):
        await link.request_once(
            Service.WRITE_PROPERTY, b"", urgency=Urgency.ACTION, timeout=0.3
        )
    assert device.services == {RP: 1}
    assert link.silent


async def test_one_unanswered_request(device: ScriptedDevice, link: DeviceLink) -> None:
    """Test that a request that gets lost does not make the device silent."""
    device.ignore = lambda service, body: body == READ_VALUE
    with pytest.raises(UnansweredError):
        await read_value(link)
    assert not link.silent
    assert await link.request(RP, READ_UNITS, urgency=Urgency.POLL)


async def test_request_once_is_sent_once(
    device: ScriptedDevice, link: DeviceLink
) -> None:
    """Test that there is one datagram, whatever happens."""
    device.ignore = lambda service, body: True
    with pytest.raises(NoResponseError):
        await link.request_once(RP, READ_VALUE, urgency=Urgency.ACTION, timeout=0.3)
    assert device.services == {RP: 1}


async def test_urgent_requests_overtake(
    device: ScriptedDevice, link: DeviceLink
) -> None:
    """Test that what a user waits for goes before polls."""
    device.latency = 0.02
    done: list[str] = []

    async def request(name: str, urgency: Urgency) -> None:
        await read_value(link, urgency)
        done.append(name)

    async with asyncio.TaskGroup() as group:
        for _ in range(40):
            group.create_task(request("poll", Urgency.POLL))
        await asyncio.sleep(0.01)
        group.create_task(request("action", Urgency.ACTION))
    assert done.index("action") < 10


async def test_follows_to_another_address(
    start_device: DeviceFactory, device: ScriptedDevice, link: DeviceLink
) -> None:
    """Test that requests go to the new address, and back-off ends."""
    moved = await start_device(
        ScriptedDevice(objects=device.objects, instance=7), "127.0.20.3"
    )
    device.silent = True
    with pytest.raises(NoResponseError):
        await read_value(link)
    link.update_info(info_of(moved))
    assert await read_value(link)
    assert moved.services[RP] == 2


# --- behind a router ----------------------------------------------------------------------


@pytest.fixture
async def router(start_device: DeviceFactory) -> ScriptedRouter:
    """Return a router with four stations."""
    router = await start_device(ScriptedRouter(), "127.0.20.9")
    for number in range(1, 5):
        router.add(
            number,
            ScriptedDevice(
                instance=number,
                objects={POINT: analog("AI", number)},
                latency=0.01,
                max_apdu=480,
            ),
        )
    return router


async def test_devices_behind_a_router_share_one_request(
    node: Node, router: ScriptedRouter
) -> None:
    """Test that there is one request under way to all stations together."""
    most = 0

    def watch(service: int, body: bytes) -> bool:
        nonlocal most
        most = max(most, router.stations_at_once + 1)
        return False

    links = []
    for station in router.stations.values():
        station.ignore = watch
        links.append(DeviceLink(node, info_of(station)))
    assert all(link.is_routed for link in links)
    # The first request finds the router; then the network becomes the router's.
    assert node.lane_of("5:1") == "network 5"
    await read_value(links[0])
    assert node.lane_of("5:1") == f"router {router.address}"
    await asyncio.gather(*(read_value(link) for link in links for _ in range(5)))
    assert most == 1
    assert all(station.services[RP] >= 5 for station in router.stations.values())


async def test_direct_device_does_not_wait_for_the_router(
    node: Node, router: ScriptedRouter, device: ScriptedDevice, link: DeviceLink
) -> None:
    """Test that a slow trunk is nobody else's problem."""
    for station in router.stations.values():
        station.latency = 0.25
    slow = [
        asyncio.ensure_future(read_value(DeviceLink(node, info_of(station))))
        for station in router.stations.values()
    ]
    await asyncio.sleep(0.1)
    started = monotonic()
    await read_value(link)
    assert monotonic() - started < 0.1
    await asyncio.gather(*slow)


async def test_silent_station_does_not_hold_up_the_others(
    start_node: NodeFactory, router: ScriptedRouter
) -> None:
    """Test that others are served between the tries of a silent device."""
    node = await start_node("127.0.20.1", apdu_timeout=0.6, apdu_retries=2)
    silent, *others = router.stations.values()
    first_link, *links = [
        DeviceLink(node, info_of(station)) for station in router.stations.values()
    ]
    for link in (first_link, *links):
        for _ in range(3):
            await read_value(link)
    silent.silent = True
    lost = asyncio.ensure_future(read_value(first_link))
    await asyncio.sleep(0)
    longest = 0.0
    stamps = [monotonic()]
    while not lost.done():
        for link in links:
            await read_value(link)
            stamps.append(monotonic())
    longest = max(later - earlier for earlier, later in pairwise(stamps))
    with pytest.raises(NoResponseError):
        await lost
    # Each try holds the trunk once, the last one for 0.8 s; together it were 1.4 s.
    assert longest < 1.1
    assert all(station.services[RP] > 3 for station in others)

    # From then on its probes wait beside the others.
    first_link.heard()
    probe = asyncio.ensure_future(read_value(first_link))
    await asyncio.sleep(0)
    started = monotonic()
    await read_value(links[0])
    assert monotonic() - started < 0.3
    with pytest.raises(NoResponseError):
        await probe


async def test_reading_through_a_router(node: Node, router: ScriptedRouter) -> None:
    """Test that batches to a station go one after the other."""
    station = router.stations[1]
    station.objects = {
        ObjectId(ObjectType.ANALOG_INPUT, number): analog("AI", number)
        for number in range(100)
    }
    reader = PropertyReader(node, info_of(station))
    references = [
        PropertyReference(object_id, Prop.PRESENT_VALUE)
        for object_id in station.objects
    ]
    results = await reader.read(references)
    assert list(results.values()) == list(range(100))
    assert station.most_at_once == 1


async def test_no_route(start_node: NodeFactory) -> None:
    """Test that a network nobody routes to counts as silence."""
    # The search for a router takes two seconds.
    node = await start_node("127.0.20.1", apdu_timeout=2.5)
    station = ScriptedDevice(instance=1)
    station.address = "77:1"
    link = DeviceLink(node, info_of(station))
    started = monotonic()
    with pytest.raises(NoRouteError):
        await read_value(link)
    assert monotonic() - started < 3
    assert link.silent


async def test_error_of_a_stopped_node(node: Node, link: DeviceLink) -> None:
    """Test that a request after the end fails with a named error."""
    await node.stop()
    with pytest.raises(Exception, match="stopped") as raised:
        await read_value(link)
    assert not isinstance(raised.value, NoResponseError | ServiceError)
