"""Run the benchmarks: each figure beside its baseline from the same run.

Exit status 1 when a bar is missed.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
import json
from pathlib import Path
import sys
from time import monotonic
from typing import Any

from tests.simulator import SimulatorError

from .discovering import discovering
from .holding import holding
from .keeping_up import keeping_up
from .machine import describe
from .notifying import notifying
from .polling import polling
from .process import ProcessError
from .reading import reading
from .remembering import remembering
from .restarting import restarting
from .rows import Row, table
from .serving import serving
from .setting_up import setting_up
from .writing import writing

type Benchmark = Callable[[], AsyncIterator[Row]]

GROUPS: Mapping[str, tuple[Benchmark, ...]] = {
    "client": (polling, discovering),
    "device": (serving, notifying, holding),
    "building": (reading, keeping_up),
    "home": (setting_up, writing, restarting, remembering),
}


async def run(groups: list[str]) -> dict[str, list[Row]]:
    """Return the rows of the groups, one benchmark after the other."""
    rows: dict[str, list[Row]] = {}
    for group in groups:
        rows[group] = []
        for benchmark in GROUPS[group]:
            async for row in benchmark():
                print(f"{group}: {row.name}", file=sys.stderr)
                rows[group].append(row)
    return rows


def arguments() -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument(
        "groups",
        nargs="*",
        metavar="group",
        help=f"what to run: {', '.join(GROUPS)}; everything when none is given",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all of it")
    options = parser.parse_args()
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    return options


def main() -> int:
    """Run the command."""
    options = arguments()
    groups = [name for name in GROUPS if name in (options.groups or GROUPS)]
    machine = describe()
    started = monotonic()
    try:
        rows = asyncio.run(run(groups))
    except (ProcessError, SimulatorError) as error:
        print(f"script/bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    seconds = round(monotonic() - started, 1)

    print("\n".join(f"{name}: {text}" for name, text in machine.items()))
    for group in groups:
        print(f"\n{table(group, rows[group])}")
    missed = [row.name for group in groups for row in rows[group] if not row.is_reached]
    print(f"\n{seconds:.0f} s; missed bars: {', '.join(missed) or 'none'}")
    if options.json:
        result: dict[str, Any] = {
            "machine": machine,
            "seconds": seconds,
            "rows": [
                {"group": group, **row.to_dict()}
                for group in groups
                for row in rows[group]
            ],
        }
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
