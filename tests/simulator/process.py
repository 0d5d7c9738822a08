"""The simulator as a process of its own, and both ends of its control channel.

The process prints `ready` and the addresses when every socket is bound. With
`--control` it then answers each JSON line with another: `{"id": 1, "do": "read",
"with": {"device": 1001, ...}}` with `{"id": 1, "result": ...}` or an `"error"`.
"""

import asyncio
from itertools import count
import json
from pathlib import Path
import signal
import sys
from typing import Any, Self, override

from .control import Controls
from .simulator import Simulator

READY = "ready "
STOP_TIMEOUT = 10


async def serve(simulator: Simulator, controlled: bool) -> None:
    """Run until SIGTERM, SIGINT or, if controlled, the end of standard input."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with simulator, asyncio.TaskGroup() as tasks:
        print(READY + json.dumps(simulator.addresses), flush=True)
        controls = controlled and tasks.create_task(_answer_lines(simulator, ended))
        await ended.wait()
        if controls:
            controls.cancel()


async def _answer_lines(simulator: Simulator, ended: asyncio.Event) -> None:
    """Answer the lines on standard input."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        while line := await reader.readline():
            print(json.dumps(await _answer(simulator, line)), flush=True)
    finally:
        transport.close()
        ended.set()


async def _answer(simulator: Simulator, line: bytes) -> dict[str, Any]:
    """Return the answer to one line."""
    answer: dict[str, Any] = {"id": None}
    try:
        request = json.loads(line)
        answer["id"] = request["id"]
        answer["result"] = await simulator.control(request["do"], **request["with"])
    except Exception as err:  # noqa: BLE001
        answer["error"] = f"{type(err).__name__}: {err}"
    return answer


class SimulatorError(Exception):
    """The simulator process failed, or refused a control."""


class SimulatorProcess(Controls):
    """A simulator in another process, as long as the context.

    The arguments are those of `python -m tests.simulator`.
    """

    def __init__(self, *arguments: str, timeout: float = 60.0) -> None:
        """Prepare; the timeout is for the process to become ready."""
        self._arguments = arguments
        self._timeout = timeout
        self._process: asyncio.subprocess.Process | None = None
        self._numbers = count(1)
        self._lock = asyncio.Lock()
        self.addresses = {}

    async def __aenter__(self) -> Self:
        """Start the process and wait until it is ready."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            __package__,
            "--control",
            *self._arguments,
            cwd=Path(__file__).parents[2],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**24,
        )
        try:
            async with asyncio.timeout(self._timeout):
                ready = await self._line()
        except BaseException:
            await self.__aexit__()
            raise
        addresses = json.loads(ready.removeprefix(READY))
        self.addresses = {int(device): addresses[device] for device in addresses}
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """End the process by closing its standard input."""
        process = self._process
        process.stdin.close()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    @property
    def pid(self) -> int:
        """Return the id of the process."""
        return self._process.pid

    async def _line(self) -> str:
        """Return the next line that the process prints."""
        if not (line := await self._process.stdout.readline()):
            raise SimulatorError("the simulator process ended")
        return line.decode()

    @override
    async def control(self, name: str, **arguments: Any) -> Any:
        """Perform a control in the process."""
        async with self._lock:
            number = next(self._numbers)
            request = {"id": number, "do": name, "with": arguments}
            self._process.stdin.write(
                json.dumps(request, default=list).encode() + b"\n"
            )
            await self._process.stdin.drain()
            answer: dict[str, Any] = {}
            # The answer to a caller that gave up may come first.
            while answer.get("id") != number:
                answer = json.loads(await self._line())
        if "error" in answer:
            raise SimulatorError(answer["error"])
        return answer["result"]
