"""A simulated building of stock bacpypes3 devices on loopback addresses.

Run it with `python -m tests.simulator`, or use it from a test.
"""

from .building import building, generated
from .model import Access, DevicePlan, DeviceShape, Point
from .process import SimulatorError, SimulatorProcess
from .simulator import Simulator

__all__ = [
    "Access",
    "DevicePlan",
    "DeviceShape",
    "Point",
    "Simulator",
    "SimulatorError",
    "SimulatorProcess",
    "building",
    "generated",
]
