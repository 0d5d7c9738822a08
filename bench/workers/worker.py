"""What all workers have in common: they are called over standard input and output."""

import asyncio
from contextlib import AsyncExitStack
import json
import sys
from time import process_time
from typing import Any


class BaseWorker:
    """One party of a benchmark; its public methods are called by name."""

    def __init__(self) -> None:
        """Start with nothing to end."""
        self.exits = AsyncExitStack()
        """What has to be closed in the end."""

    async def cpu(self) -> float:
        """Return the CPU time used so far, in seconds."""
        return process_time()


async def serve(worker: BaseWorker) -> None:
    """Answer calls until the input ends."""
    lines = asyncio.StreamReader()
    async with worker.exits:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
        )
        worker.exits.callback(transport.close)
        while line := await lines.readline():
            print(json.dumps(await _answer(worker, line)), flush=True)


async def _answer(worker: BaseWorker, line: bytes) -> dict[str, Any]:
    name, *arguments = json.loads(line)
    try:
        return {"result": await getattr(worker, name)(*arguments)}
    except Exception as error:  # noqa: BLE001
        return {"error": f"{type(error).__name__}: {error}"}
