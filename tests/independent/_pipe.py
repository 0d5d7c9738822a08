"""A process with a stack in it, and how it is called: pickles over its pipes.

A process of its own, because no thread, task or timer of a stack may outlive a test
and no mocked clock may reach it. The stack and the code under test share nothing.
"""

import asyncio
from collections.abc import Callable
import os
from pathlib import Path
import pickle
import sys
from typing import Any, Protocol

from .model import Refused

type Notify = Callable[[Any], None]

_ROOT = Path(__file__).parents[2]


class Stack(Protocol):
    """What a stack's process offers; start and its other async methods can be called."""

    async def stop(self) -> None:
        """Close them."""


class Child:
    """A stack's process, seen from the test."""

    def __init__(self, module: str, notify: Notify | None = None) -> None:
        """Prepare the process that runs a module of this package."""
        self._module = module
        self._notify = notify
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._last_call = 0

    async def start(self, **options: Any) -> None:
        """Start the process and its stack."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"{__package__}.{self._module}",
            cwd=_ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._reader = asyncio.create_task(self._read())
        try:
            await self.call("start", **options)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the process; it does so by itself when its input ends."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await self._process.wait()
        except BaseException:
            self._process.kill()
            raise
        finally:
            await self._reader

    async def call(self, method: str, *args: Any, **options: Any) -> Any:
        """Call a method of the stack."""
        assert self._process.stdin
        self._last_call += 1
        call = self._last_call
        future = self._calls[call] = asyncio.get_running_loop().create_future()
        try:
            self._process.stdin.write(_pack((call, method, args, options)))
            return await future
        finally:
            del self._calls[call]

    async def _read(self) -> None:
        """Deliver what the process says until it ends."""
        assert self._process.stdout
        while message := await _unpack(self._process.stdout):
            call, result = message
            if call is None:
                if self._notify:
                    self._notify(result)
            elif (future := self._calls.get(call)) is None or future.done():
                continue
            elif isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        for future in self._calls.values():
            if not future.done():
                future.set_exception(ConnectionError(f"{self._module} ended"))


async def serve(create: Callable[[Notify], Stack]) -> None:
    """Run a stack in this process until the input ends."""
    # A print in a stack must not end up among the answers.
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    messages = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(messages), sys.stdin
    )

    started = False

    def send(call: int | None, result: Any) -> None:
        output.write(_pack((call, result)))
        output.flush()

    async def answer(call: int, method: str, args: Any, options: Any) -> None:
        nonlocal started
        try:
            result = await getattr(stack, method, _missing)(*args, **options)
        except Exception as error:  # noqa: BLE001
            known = isinstance(error, Refused) or type(error).__module__ == "builtins"
            send(call, error if known else RuntimeError(repr(error)))
        else:
            started = True
            send(call, result)

    stack = create(lambda event: send(None, event))
    calls: set[asyncio.Task[None]] = set()
    while message := await _unpack(messages):
        task = asyncio.create_task(answer(*message))
        calls.add(task)
        task.add_done_callback(calls.discard)
    for task in calls:
        task.cancel()
    if started:
        await stack.stop()


async def _missing(*_: Any, **_options: Any) -> None:
    """Stand for what a stack does not offer."""
    raise NotImplementedError("not with this stack")


def _pack(message: Any) -> bytes:
    """Return a message with its length."""
    body = pickle.dumps(message)
    return len(body).to_bytes(4) + body


async def _unpack(reader: asyncio.StreamReader) -> Any:
    """Return the next message, None at the end."""
    try:
        length = int.from_bytes(await reader.readexactly(4))
        return pickle.loads(await reader.readexactly(length))  # noqa: S301
    except asyncio.IncompleteReadError:
        return None
