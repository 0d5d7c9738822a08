"""Run the simulated building, or generated devices, until interrupted."""

import argparse
import asyncio
from dataclasses import replace
import resource
import sys

from .building import building, generated
from .process import serve
from .simulator import DEFAULT_PORT, Simulator


def _arguments() -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser("python -m tests.simulator", description=__doc__)
    add = parser.add_argument
    add("--port", type=int, default=DEFAULT_PORT, help="UDP port of every device")
    add("--devices", type=int, help="generate this many devices, no building")
    add("--points", type=int, default=50, help="points of each generated device")
    add("--latency", type=float, default=0, help="delay of each answer, in ms")
    add(
        "--interval",
        type=float,
        default=1.0,
        help="seconds between moves of the values, 0 for none",
    )
    add("--seed", type=int, default=1, help="seed of the random moves")
    add("--list", action="store_true", help="print the devices and objects, and exit")
    add(
        "--control",
        action="store_true",
        help="take JSON controls on standard input, and exit at its end",
    )
    return parser.parse_args()


def main() -> None:
    """Run the simulator."""
    arguments = _arguments()
    if arguments.devices is None:
        plans = building()
    else:
        plans = generated(arguments.devices, arguments.points)
    if arguments.list:
        for plan in plans:
            print(f"{plan.instance} {plan.name} {plan.address}")
            for point in plan.points:
                detail = point.units or " / ".join(point.texts)
                print(f"  {point.object_id:24} {point.name:26} {point.access} {detail}")
        return
    if arguments.latency:
        plans = tuple(
            replace(plan, shape=replace(plan.shape, latency=arguments.latency / 1000))
            for plan in plans
        )
    # Each device has two sockets.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    simulator = Simulator(
        plans,
        port=arguments.port,
        interval=arguments.interval,
        seed=arguments.seed,
    )
    try:
        asyncio.run(serve(simulator, arguments.control))
    except OSError as err:
        sys.exit(f"cannot start: {err}")


if __name__ == "__main__":
    main()
