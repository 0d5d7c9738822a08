"""Run one worker: python -m bench.workers NAME, then a JSON line for each call."""

import asyncio
from importlib import import_module
import os
from pathlib import Path
import signal
import sys
from types import ModuleType

from .worker import serve

_WITH_HOME_ASSISTANT = "home"


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
    name = sys.argv[1]
    if name != _WITH_HOME_ASSISTANT:
        leave_home_assistant_out()
    asyncio.run(serve(import_module(f"bench.workers.{name}").Worker()))
    # Python would take seconds to take Home Assistant apart, object by object.
    os._exit(0)
