"""Run one worker: python -m bench.workers NAME, then a JSON line for each call."""

import asyncio
from importlib import import_module
from pathlib import Path
import signal
import sys
from types import ModuleType

from .worker import serve


def leave_home_assistant_out() -> None:
    """Let the integration's layers below Home Assistant be imported without it.

    Loading Home Assistant for them would take seconds and tens of megabytes, which
    the baselines do not have.
    """
    package = ModuleType("custom_components.bacnet")
    package.__path__ = [f"{Path(__file__).parents[2] / 'custom_components' / 'bacnet'}"]
    sys.modules[package.__name__] = package


if __name__ == "__main__":
    # Ctrl-C ends the command, and the end of its input this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leave_home_assistant_out()
    asyncio.run(serve(import_module(f"bench.workers.{sys.argv[1]}").Worker()))
