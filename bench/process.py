"""The parties of a benchmark: each is a process of its own.

So each one's CPU time is its own, and none makes another's garbage collector work.
"""

import asyncio
import json
from pathlib import Path
import socket
import sys
from typing import Any, Self

_ROOT = Path(__file__).parents[1]
_CALL_TIMEOUT = 60
_STOP_TIMEOUT = 30


class ProcessError(Exception):
    """A process failed."""


def free_port() -> int:
    """Return a UDP port that is free on all addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1])


class Process:
    """A worker (see bench/workers) in another process, as long as the context."""

    def __init__(self, worker: str) -> None:
        """Prepare; the name is that of the worker's module."""
        self._worker = worker

    async def __aenter__(self) -> Self:
        """Start the process."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.workers", self._worker),
            cwd=_ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """End the process: it does so by itself when its input ends."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT):
                await self._process.wait()
        except BaseException:
            self._process.kill()
            await self._process.wait()
            raise

    async def call(self, name: str, *arguments: object) -> Any:
        """Return what a method of the worker returns."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = json.dumps([name, *arguments]).encode() + b"\n"
        try:
            self._process.stdin.write(line)
            async with asyncio.timeout(_CALL_TIMEOUT):
                answer = json.loads(await self._process.stdout.readline() or b"{}")
        except (OSError, TimeoutError) as error:
            raise ProcessError(f"{self._worker}: {name}: {error!r}") from error
        if "result" not in answer:
            reason = answer.get("error", "the process ended")
            raise ProcessError(f"{self._worker}: {name}: {reason}")
        return answer["result"]
