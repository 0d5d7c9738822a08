"""The simulated building, and any number of generated devices for load tests."""

from collections import Counter
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import cycle, islice

from .model import Access, DevicePlan, DeviceShape, Motion, Point, Value
from .motion import At, accumulate, approach, calculate, flip, wave

CELSIUS = "degrees-celsius"
PERCENT = (0.0, 100.0)
OFF_ON = ("Off", "On")
AHU_MODES = ("Off", "Heat", "Cool", "Auto")
AHU_STATES = ("Stopped", "Ventilating", "Heating", "Cooling")
VAV_MODES = ("Off", "Standby", "Economy", "Comfort")
SCENES = ("Off", "Work", "Presentation", "Cleaning", "Night")
ZONES = (
    "Lobby",
    "Reception",
    "Office 1",
    "Office 2",
    "Office 3",
    "Office 4",
    "Meeting 1",
    "Meeting 2",
    "Kitchen",
    "Canteen",
    "Corridor",
    "Stairs",
    "Archive",
    "Workshop",
    "Garage",
    "Terrace",
)


def _ai(
    instance: int,
    name: str,
    value: float,
    units: str,
    motion: Motion | None = None,
    increment: float = 0.1,
) -> Point:
    """Return an analog input."""
    return Point(
        "analog-input", instance, name, value, units, motion=motion, increment=increment
    )


def _ao(instance: int, name: str, value: float) -> Point:
    """Return an analog output in percent."""
    return Point(
        "analog-output",
        instance,
        name,
        value,
        "percent",
        access=Access.COMMAND,
        limits=PERCENT,
        increment=1.0,
    )


def _setpoint(
    instance: int, name: str, value: float, limits: tuple[float, float]
) -> Point:
    """Return a commandable analog value in degrees Celsius."""
    return Point(
        "analog-value",
        instance,
        name,
        value,
        CELSIUS,
        access=Access.COMMAND,
        limits=limits,
    )


def _input(
    kind: str,
    instance: int,
    name: str,
    value: Value,
    texts: tuple[str, ...],
    motion: Motion | None = None,
) -> Point:
    """Return a binary or multi-state input."""
    return Point(kind, instance, name, value, texts=texts, motion=motion)


def _command(
    kind: str, instance: int, name: str, value: Value, texts: tuple[str, ...] = OFF_ON
) -> Point:
    """Return a commandable binary or multi-state object."""
    return Point(kind, instance, name, value, texts=texts, access=Access.COMMAND)


def _supply_target(at: At) -> float:
    """Return the temperature that the air handling unit is heading for."""
    if not at("Supply fan status"):
        return 20.0
    by_mode = (
        20.0,
        15.0 + 0.25 * at("Heating valve"),
        25.0 - 0.15 * at("Cooling valve"),
        at("Supply air setpoint"),
    )
    return by_mode[int(at("Operating mode")) - 1]


def _unit_state(at: At) -> int:
    """Return which of its states the air handling unit is in."""
    if not at("Supply fan status"):
        return 1
    return {2: 3, 3: 4}.get(int(at("Operating mode")), 2)


def _air_handling_unit() -> tuple[Point, ...]:
    """Return the points of the air handling unit."""
    return (
        _ai(
            1,
            "Supply air temperature",
            18.0,
            CELSIUS,
            approach(_supply_target, 0.1, 0.02),
        ),
        _ai(2, "Return air temperature", 22.5, CELSIUS, wave(22.5, 0.8, 300, 0.02)),
        _ai(3, "Outdoor air temperature", 12.0, CELSIUS, wave(12.0, 6.0, 600, 0.05)),
        _ai(
            4,
            "Supply duct pressure",
            250.0,
            "pascals",
            approach(lambda at: 250.0 * at("Supply fan status"), 0.3, 4.0),
            increment=5.0,
        ),
        _ai(
            5,
            "Filter pressure drop",
            112.0,
            "pascals",
            approach(lambda at: 0.45 * at("Supply duct pressure"), 0.3, 1.0),
            increment=5.0,
        ),
        _input(
            "binary-input",
            1,
            "Supply fan status",
            True,
            ("Stopped", "Running"),
            calculate(lambda at: bool(at("Supply fan command"))),
        ),
        _input(
            "binary-input",
            2,
            "Filter alarm",
            False,
            ("Normal", "Alarm"),
            calculate(lambda at: at("Filter pressure drop") > 150.0),
        ),
        _command("binary-output", 1, "Supply fan command", True),
        _ao(1, "Heating valve", 20.0),
        _ao(2, "Cooling valve", 0.0),
        _setpoint(1, "Supply air setpoint", 18.0, (12.0, 30.0)),
        Point("analog-value", 2, "Nominal airflow", 4500.0, "cubic-meters-per-hour"),
        _command(
            "binary-value", 1, "Economizer enable", False, ("Disabled", "Enabled")
        ),
        _command("multi-state-value", 1, "Operating mode", 4, AHU_MODES),
        _input(
            "multi-state-input", 1, "Unit state", 2, AHU_STATES, calculate(_unit_state)
        ),
    )


def _vav_box(airflow: str, per_percent: float) -> tuple[Point, ...]:
    """Return the points of a variable air volume box, with its unit of airflow."""
    return (
        _ai(
            1,
            "Room temperature",
            20.5,
            CELSIUS,
            approach(
                lambda at: (
                    at("Room setpoint") + 1.5 * at("Reheat") + 0.3 * at("Occupancy")
                ),
                0.05,
                0.02,
            ),
        ),
        _ai(
            2,
            "Supply airflow",
            40 * per_percent,
            airflow,
            approach(lambda at: at("Damper position") * per_percent, 0.3, 0.5),
            increment=per_percent,
        ),
        _ai(
            3,
            "Room CO2",
            500.0,
            "parts-per-million",
            approach(lambda at: 450.0 + 450.0 * at("Occupancy"), 0.02, 2.0),
            increment=10.0,
        ),
        _ai(
            4,
            "Room humidity",
            45.0,
            "percent-relative-humidity",
            wave(45.0, 5.0, 600, 0.1),
            increment=0.5,
        ),
        _ao(1, "Damper position", 40.0),
        _setpoint(1, "Room setpoint", 21.0, (16.0, 28.0)),
        _input(
            "binary-input", 1, "Occupancy", False, ("Vacant", "Occupied"), flip(1 / 120)
        ),
        _command("binary-output", 1, "Reheat", False),
        _command("multi-state-output", 1, "Mode", 4, VAV_MODES),
    )


def _voltage(phase: int) -> Point:
    """Return the voltage of one of the three phases."""
    return _ai(
        3 + phase,
        f"Voltage L{phase}",
        230.0,
        "volts",
        wave(230.0, 2.0, 300, 0.3, phase / 3),
        increment=0.5,
    )


def _current(phase: int) -> Point:
    """Return the current of one of the three phases."""
    return _ai(
        6 + phase,
        f"Current L{phase}",
        66.0,
        "amperes",
        calculate(
            lambda at: round(
                1000 * at("Apparent power") / 3 / at(f"Voltage L{phase}"), 3
            )
        ),
        increment=0.5,
    )


def _energy_meter() -> tuple[Point, ...]:
    """Return the points of the energy meter."""
    return (
        _ai(1, "Active power", 42.0, "kilowatts", wave(42.0, 18.0, 600, 0.5)),
        _ai(
            2,
            "Apparent power",
            46.0,
            "kilovolt-amperes",
            calculate(lambda at: round(at("Active power") / at("Power factor"), 3)),
        ),
        _ai(
            3,
            "Active energy",
            15000.0,
            "kilowatt-hours",
            accumulate(lambda at: at("Active power") / 3600),
        ),
        *map(_voltage, (1, 2, 3)),
        *map(_current, (1, 2, 3)),
        _ai(10, "Frequency", 50.0, "hertz", wave(50.0, 0.03, 120, 0.005), 0.02),
        _ai(11, "Power factor", 0.92, "power-factor", wave(0.92, 0.03, 700), 0.01),
        Point(
            "accumulator",
            1,
            "Active energy import",
            150000,
            "kilowatt-hours",
            motion=calculate(lambda at: int(10 * at("Active energy"))),
            description="Counts tenths of a kilowatt-hour",
        ),
    )


def _lighting_zone(number: int, zone: str) -> tuple[Point, ...]:
    """Return the points of one zone; they carry the number of the zone."""
    relay, dimmer = f"{zone} relay", f"{zone} dimmer"
    return (
        _command("binary-output", number, relay, number % 3 > 0),
        _ao(number, dimmer, 60.0),
        _command("multi-state-value", number, f"{zone} scene", 2, SCENES),
        _ai(
            number,
            f"{zone} illuminance",
            40.0,
            "luxes",
            approach(lambda at: 40.0 + 5.0 * at(relay) * at(dimmer), 0.5, 1.0),
            increment=10.0,
        ),
        _ai(
            100 + number,
            f"{zone} power",
            0.0,
            "watts",
            calculate(lambda at: round(1.2 * at(relay) * at(dimmer), 3)),
            increment=1.0,
        ),
        _input(
            "binary-input",
            number,
            f"{zone} presence",
            False,
            ("Vacant", "Present"),
            flip(1 / 90),
        ),
        Point(
            "analog-value",
            number,
            f"{zone} lamp hours",
            1200.0 + number,
            "hours",
            motion=accumulate(lambda at: at(relay) / 3600),
        ),
    )


def _lighting() -> tuple[Point, ...]:
    """Return the points of the lighting controller: more than 95 objects."""
    return (
        _command("multi-state-output", 1, "Building scene", 2, SCENES),
        Point(
            "characterstring-value",
            1,
            "Panel label",
            "Lighting panel L1",
            access=Access.WRITE,
        ),
        *(
            point
            for number, zone in enumerate(ZONES, 1)
            for point in _lighting_zone(number, zone)
        ),
    )


def building() -> tuple[DevicePlan, ...]:
    """Return the five devices of the building."""
    return (
        DevicePlan(
            1001,
            "127.0.0.11",
            "AHU-1",
            _air_handling_unit(),
            model="SC-AHU",
            description="Air handling unit",
            location="Plant room",
        ),
        DevicePlan(
            1002,
            "127.0.0.12",
            "VAV-1",
            _vav_box("cubic-meters-per-hour", 6.0),
            model="SC-VAV",
            description="Variable air volume box",
            location="Office 1",
        ),
        DevicePlan(
            1003,
            "127.0.0.13",
            "VAV-2",
            _vav_box("liters-per-second", 2.0),
            model="SC-VAV",
            description="Variable air volume box",
            location="Office 2",
        ),
        DevicePlan(
            1004,
            "127.0.0.14",
            "METER-1",
            _energy_meter(),
            model="SC-METER",
            description="Energy meter, without the multiple services",
            location="Electrical room",
            shape=DeviceShape(
                unsupported=frozenset(
                    {"read-property-multiple", "write-property-multiple"}
                )
            ),
        ),
        DevicePlan(
            1005,
            "127.0.0.15",
            "LIGHTING-1",
            _lighting(),
            model="SC-LIGHT",
            description="Lighting controller, short messages without segmentation",
            location="Ground floor",
            shape=DeviceShape(max_apdu=480, segmentation="no-segmentation"),
        ),
    )


def _mix() -> tuple[Point, ...]:
    """Return the points that generated devices repeat."""
    return (
        _ai(0, "Temperature", 20.0, CELSIUS, wave(20.0, 2.0, 300, 0.05)),
        _setpoint(0, "Setpoint", 21.0, (5.0, 35.0)),
        _input("binary-input", 0, "Status", False, OFF_ON, flip(1 / 60)),
        _command("binary-output", 0, "Command", False),
        _ai(0, "Pressure", 250.0, "pascals", wave(250.0, 30.0, 120, 1.0)),
        _ao(0, "Valve", 30.0),
        _command("multi-state-value", 0, "Mode", 1, AHU_MODES),
        _ai(0, "Humidity", 45.0, "percent-relative-humidity"),
        _command("binary-value", 0, "Enable", True),
        _input("multi-state-input", 0, "State", 1, VAV_MODES),
    )


def _generated_points(points: int) -> tuple[Point, ...]:
    """Return this many points, numbered per object type."""
    instances: Counter[str] = Counter()
    result = []
    for number, point in enumerate(islice(cycle(_mix()), points), 1):
        instances[point.kind] += 1
        result.append(
            replace(
                point, instance=instances[point.kind], name=f"{point.name} {number}"
            )
        )
    return tuple(result)


def generated(
    devices: int, points: int, shape: DeviceShape | None = None
) -> tuple[DevicePlan, ...]:
    """Return any number of equal devices with a mix of points, for load tests."""
    first = IPv4Address("127.0.1.1")
    # Every announcement reaches every device: the square of their number.
    shape = shape or DeviceShape(announces=False)
    return tuple(
        DevicePlan(
            2001 + index,
            str(first + index),
            f"GENERATED-{2001 + index}",
            _generated_points(points),
            model="SC-LOAD",
            description=f"Generated device with {points} points",
            location="Load test",
            shape=shape,
        )
        for index in range(devices)
    )
