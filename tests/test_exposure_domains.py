"""Every domain as objects, read and written by a stack that is not ours."""

from typing import Any, NamedTuple

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service

from custom_components.bacnet.exposure_mapping import ASPECTS
from custom_components.bacnet.exposure_rules import new_records
from tests.common import NODE_ADDRESS, node_entry, set_up_entry, virtual_device
from tests.independent import IndependentClient, Refused


class Write(NamedTuple):
    """A write, and the action that it has to perform."""

    key: str
    value: Any
    datatype: str
    action: str
    data: dict[str, Any]


class Case(NamedTuple):
    """An entity, the objects it becomes, and what writes to them do."""

    entity_id: str
    state: str
    attributes: dict[str, Any]
    objects: dict[str, tuple[str, Any]]
    """By aspect: the type of object and its present-value."""
    writes: tuple[Write, ...] = ()


_TEXT_MOMENT = "2026-10-05T06:30:00+00:00"

CASES = [
    Case(
        "input_number.n",
        "21.5",
        {"min": 5, "max": 30, "step": 0.5, "unit_of_measurement": "°C"},
        {"state": ("analog-value", 21.5)},
        (Write("state", 25.0, "real", "input_number.set_value", {"value": 25.0}),),
    ),
    Case(
        "number.n",
        "3",
        {"min": 0, "max": 10, "step": 1},
        {"state": ("analog-value", 3)},
        (Write("state", 4.0, "real", "number.set_value", {"value": 4.0}),),
    ),
    Case(
        "sensor.t",
        "20.25",
        {"unit_of_measurement": "°C"},
        {"state": ("analog-input", 20.25)},
    ),
    Case(
        "sensor.e",
        "dry",
        {"device_class": "enum", "options": ["wash", "dry"]},
        {"state": ("multi-state-input", 2)},
    ),
    Case("sensor.s", "Zürich", {}, {"state": ("characterstring-value", "Zürich")}),
    Case(
        "counter.c",
        "-7",
        {"step": 1},
        {"state": ("integer-value", -7)},
        (Write("state", 9, "signed", "counter.set_value", {"value": 9}),),
    ),
    *(
        Case(
            f"{domain}.b",
            "off",
            {},
            {"state": ("binary-value", 0)},
            (Write("state", 1, "enumerated", f"{domain}.turn_on", {}),),
        )
        for domain in ("input_boolean", "switch")
    ),
    Case(
        "binary_sensor.d",
        "on",
        {"device_class": "door"},
        {"state": ("binary-input", 1)},
    ),
    Case(
        "light.l",
        "on",
        {"supported_color_modes": ["brightness"], "brightness": 128},
        {"state": ("binary-value", 1), "brightness": ("analog-value", 50)},
        (
            Write(
                "brightness", 80.0, "real", "light.turn_on", {"brightness_pct": 80.0}
            ),
            Write("state", 0, "enumerated", "light.turn_off", {}),
        ),
    ),
    Case(
        "fan.f",
        "on",
        {"percentage": 40, "percentage_step": 1},
        {"state": ("binary-value", 1), "percentage": ("analog-value", 40)},
        (
            Write(
                "percentage", 70.0, "real", "fan.set_percentage", {"percentage": 70.0}
            ),
            Write("state", 0, "enumerated", "fan.turn_off", {}),
        ),
    ),
    *(
        Case(
            f"{domain}.o",
            "open",
            {"current_position": 30},
            {"state": ("binary-value", 1), "position": ("analog-value", 30)},
            (
                Write(
                    "position", 60.0, "real", f"{domain}.{position}", {"position": 60.0}
                ),
                Write("state", 0, "enumerated", f"{domain}.close_{domain}", {}),
            ),
        )
        for domain, position in (
            ("cover", "set_cover_position"),
            ("valve", "set_valve_position"),
        )
    ),
    Case(
        "lock.k",
        "locked",
        {},
        {"state": ("binary-value", 1)},
        (Write("state", 0, "enumerated", "lock.unlock", {}),),
    ),
    Case(
        "climate.c",
        "heat",
        {
            "hvac_modes": ["off", "heat", "cool"],
            "hvac_action": "heating",
            "current_temperature": 20.5,
            "temperature": 22,
            "min_temp": 7,
            "max_temp": 35,
            "fan_modes": ["low", "high"],
            "fan_mode": "low",
        },
        {
            "state": ("multi-state-value", 2),
            "current_temperature": ("analog-input", 20.5),
            "temperature": ("analog-value", 22),
            "hvac_action": ("multi-state-input", 5),
            "fan_mode": ("multi-state-value", 1),
        },
        (
            Write(
                "state", 3, "unsigned", "climate.set_hvac_mode", {"hvac_mode": "cool"}
            ),
            Write(
                "temperature",
                23.0,
                "real",
                "climate.set_temperature",
                {"temperature": 23.0},
            ),
            Write(
                "fan_mode", 2, "unsigned", "climate.set_fan_mode", {"fan_mode": "high"}
            ),
        ),
    ),
    Case(
        "climate.r",
        "heat_cool",
        {
            "hvac_modes": ["off", "heat_cool"],
            "target_temp_low": 19,
            "target_temp_high": 24,
            "min_temp": 7,
            "max_temp": 35,
        },
        {
            "state": ("multi-state-value", 2),
            "target_temp_low": ("analog-value", 19),
            "target_temp_high": ("analog-value", 24),
        },
        (
            Write(
                "target_temp_low",
                20.0,
                "real",
                "climate.set_temperature",
                {"target_temp_low": 20.0, "target_temp_high": 24},
            ),
        ),
    ),
    Case(
        "humidifier.h",
        "on",
        {
            "humidity": 45,
            "current_humidity": 40,
            "min_humidity": 30,
            "max_humidity": 80,
            "available_modes": ["eco", "boost"],
            "mode": "eco",
            "action": "humidifying",
        },
        {
            "state": ("binary-value", 1),
            "humidity": ("analog-value", 45),
            "current_humidity": ("analog-input", 40),
            "mode": ("multi-state-value", 1),
            "action": ("multi-state-input", 1),
        },
        (
            Write(
                "humidity", 50.0, "real", "humidifier.set_humidity", {"humidity": 50.0}
            ),
            Write("mode", 2, "unsigned", "humidifier.set_mode", {"mode": "boost"}),
        ),
    ),
    Case(
        "water_heater.w",
        "eco",
        {
            "operation_list": ["off", "eco"],
            "temperature": 50,
            "current_temperature": 48,
            "min_temp": 30,
            "max_temp": 60,
        },
        {
            "state": ("multi-state-value", 2),
            "temperature": ("analog-value", 50),
            "current_temperature": ("analog-input", 48),
        },
        (
            Write(
                "temperature",
                55.0,
                "real",
                "water_heater.set_temperature",
                {"temperature": 55.0},
            ),
            Write(
                "state",
                1,
                "unsigned",
                "water_heater.set_operation_mode",
                {"operation_mode": "off"},
            ),
        ),
    ),
    *(
        Case(
            f"{domain}.s",
            "two",
            {"options": ["one", "two"]},
            {"state": ("multi-state-value", 2)},
            (
                Write(
                    "state", 1, "unsigned", f"{domain}.select_option", {"option": "one"}
                ),
            ),
        )
        for domain in ("input_select", "select")
    ),
    *(
        Case(
            f"{domain}.t",
            "hello",
            {"max": 20},
            {"state": ("characterstring-value", "hello")},
            (
                Write(
                    "state",
                    "Grüezi",
                    "character_string",
                    f"{domain}.set_value",
                    {"value": "Grüezi"},
                ),
            ),
        )
        for domain in ("input_text", "text")
    ),
    Case(
        "input_datetime.d",
        "2026-10-05",
        {"has_date": True, "has_time": False},
        {"state": ("date-value", (2026, 10, 5, 1))},
        (
            Write(
                "state",
                (2026, 11, 1, 255),
                "date",
                "input_datetime.set_datetime",
                {"date": "2026-11-01"},
            ),
        ),
    ),
    Case(
        "input_datetime.t",
        "06:30:00",
        {"has_date": False, "has_time": True},
        {"state": ("time-value", (6, 30, 0, 0))},
        (
            Write(
                "state",
                (7, 15, 0, 0),
                "time",
                "input_datetime.set_datetime",
                {"time": "07:15:00"},
            ),
        ),
    ),
    Case(
        "input_datetime.m",
        "2026-10-05 06:30:00",
        {"has_date": True, "has_time": True},
        {"state": ("datetime-value", None)},
        (
            Write(
                "state",
                bytes.fromhex("a47e0b01ff b4070f0000"),
                "encoded",
                "input_datetime.set_datetime",
                {"datetime": "2026-11-01 07:15:00"},
            ),
        ),
    ),
    Case("datetime.m", _TEXT_MOMENT, {}, {"state": ("datetime-value", None)}),
    Case(
        "date.d",
        "2026-10-05",
        {},
        {"state": ("date-value", (2026, 10, 5, 1))},
        (
            Write(
                "state",
                (2026, 11, 1, 7),
                "date",
                "date.set_value",
                {"date": "2026-11-01"},
            ),
        ),
    ),
    Case(
        "time.t",
        "06:30:00",
        {},
        {"state": ("time-value", (6, 30, 0, 0))},
        (
            Write(
                "state", (7, 15, 0, 0), "time", "time.set_value", {"time": "07:15:00"}
            ),
        ),
    ),
    *(
        Case(
            f"{domain}.p",
            "unknown",
            {},
            {"state": ("binary-value", 0)},
            (Write("state", 1, "enumerated", f"{domain}.press", {}),),
        )
        for domain in ("button", "input_button")
    ),
    Case(
        "timer.t",
        "idle",
        {},
        {"state": ("multi-state-value", 1)},
        (Write("state", 2, "unsigned", "timer.start", {}),),
    ),
    Case("schedule.s", "on", {}, {"state": ("binary-input", 1)}),
    Case("person.p", "home", {}, {"state": ("binary-input", 1)}),
    Case("device_tracker.p", "Work", {}, {"state": ("binary-input", 0)}),
    Case(
        "alarm_control_panel.a", "armed_away", {}, {"state": ("multi-state-value", 3)}
    ),
    Case(
        "weather.w",
        "sunny",
        {"temperature": 18.5, "temperature_unit": "°C", "humidity": 60},
        {
            "state": ("multi-state-input", 13),
            "temperature": ("analog-input", 18.5),
            "humidity": ("analog-input", 60),
        },
    ),
    Case(
        "event.e",
        _TEXT_MOMENT,
        {"event_types": ["short", "long"], "event_type": "long"},
        {"state": ("multi-state-input", 2), "time": ("datetime-value", None)},
    ),
]


def test_every_domain_is_tried() -> None:
    """Test that the table of cases leaves out no domain."""
    assert {case.entity_id.split(".")[0] for case in CASES} == ASPECTS.keys()


@pytest.mark.parametrize("case", CASES, ids=[case.entity_id for case in CASES])
async def test_round_trip(hass: HomeAssistant, port: int, case: Case) -> None:
    """Test that objects show what the entity is, and that writes do what they should."""
    hass.states.async_set(case.entity_id, case.state, case.attributes)
    entry = await set_up_entry(hass, node_entry(port, virtual_device(exposures={})))
    hub = entry.runtime_data
    records = new_records(hass, hub.exposure_store, case.entity_id)
    [subentry] = entry.subentries.values()
    hass.config_entries.async_update_subentry(
        entry, subentry, data={**subentry.data, "exposures": records}
    )
    await hass.async_block_till_done()
    found = {
        record.get("aspect", "state"): record["object"].split(",") for record in records
    }
    assert {key: type_ for key, (type_, _) in found.items()} == {
        key: type_ for key, (type_, _) in case.objects.items()
    }
    async with IndependentClient("127.0.0.50", port) as client:
        for key, (object_type, value) in case.objects.items():
            target = (object_type, int(found[key][1]))
            present = await client.read_property(NODE_ADDRESS, *target, "present-value")
            assert value in (None, present)
            assert await client.read_property(NODE_ADDRESS, *target, "reliability") == 0
        for write in case.writes:
            calls = async_mock_service(hass, *write.action.split("."))
            target = (found[write.key][0], int(found[write.key][1]))
            await client.write_property(
                NODE_ADDRESS, *target, "present-value", write.value, write.datatype, 8
            )
            await hass.async_block_till_done(wait_background_tasks=True)
            assert [call.data for call in calls] == [
                write.data | {"entity_id": case.entity_id}
            ]


async def test_arming_has_to_be_allowed(hass: HomeAssistant, port: int) -> None:
    """Test that an alarm panel is read-only unless the object itself is writable."""
    hass.states.async_set("alarm_control_panel.a", "disarmed", {})
    calls = async_mock_service(hass, "alarm_control_panel", "alarm_arm_away")
    entry = await set_up_entry(
        hass,
        node_entry(
            port,
            virtual_device(exposures={"multi-state-value,1": "alarm_control_panel.a"}),
        ),
    )
    arm = ("multi-state-value", 1, "present-value", 3, "unsigned", 8)
    async with IndependentClient("127.0.0.50", port) as client:
        with pytest.raises(Refused, match="write-access-denied"):
            await client.write_property(NODE_ADDRESS, *arm)
        [subentry] = entry.subentries.values()
        [record] = subentry.data["exposures"]
        hass.config_entries.async_update_subentry(
            entry,
            subentry,
            data={**subentry.data, "exposures": [record | {"writable": True}]},
        )
        await hass.async_block_till_done()
        await client.write_property(NODE_ADDRESS, *arm)
        await hass.async_block_till_done(wait_background_tasks=True)
    assert len(calls) == 1
