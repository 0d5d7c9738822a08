"""Answering reads: our device against a stock one of bacpypes3."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from .measure import alternately
from .process import Process, ProcessError
from .rows import Baseline, Row, cheaper, faster
from .wire import COMPLEX_ACK, CONFIRMED_REQUEST

_POINTS = 500
_OUTSTANDING = 10
_ROUNDS = 5
_SECONDS = 0.4

_ONE, _TWENTY = 1, 20


@dataclass(slots=True)
class _Server:
    """A process under load."""

    process: Process
    load: Process
    address: list[str | int]
    answer: int = COMPLEX_ACK
    costs: list[float] = field(default_factory=list)

    async def rate(self, at_once: int) -> float:
        """Return the requests answered in a second, and note the cost of one."""
        before = await self.process.call("cpu")
        answered, seconds = await self.load.call(
            *("rate", self.address, _POINTS, at_once),
            *(_OUTSTANDING, _SECONDS, self.answer),
        )
        used = await self.process.call("cpu") - before
        self.costs.append(used / (answered + _OUTSTANDING) * 1e6)
        return float(answered / seconds)


async def serving() -> AsyncIterator[Row]:
    """Yield requests per second, and what a request costs."""
    async with (
        Process("load") as load,
        Process("our_device") as our_process,
        Process("stock_device") as stock_process,
        Process("echo") as echo_process,
    ):
        ours = _Server(our_process, load, await our_process.call("open", _POINTS))
        stock = _Server(stock_process, load, await stock_process.call("open", _POINTS))
        echo = _Server(
            echo_process, load, await echo_process.call("open"), CONFIRMED_REQUEST
        )
        for at_once in (_ONE, _TWENTY):
            answers = [
                await load.call("answers", server.address, _POINTS, at_once)
                for server in (ours, stock)
            ]
            if answers[0] != answers[1]:
                raise ProcessError("the two devices answer differently")

        what = "serve ReadProperty of a present-value"
        our_rates, stock_rates, echo_rates = await alternately(
            _ROUNDS,
            lambda: ours.rate(_ONE),
            lambda: stock.rate(_ONE),
            lambda: echo.rate(_ONE),
        )
        yield faster(
            what,
            max(our_rates),
            "requests/s",
            Baseline("stock device", max(stock_rates)),
            at_least=3.5,
        )
        yield cheaper(
            f"{what}: CPU",
            min(ours.costs),
            "µs",
            Baseline("stock device", min(stock.costs)),
        )
        yield faster(
            f"{what}, part of the limit",
            max(our_rates),
            "requests/s",
            Baseline("asyncio echo", max(echo_rates)),
            at_least=0.35,
        )
        # The load may be too little for an echo server: this shows what it could do.
        yield cheaper(
            f"{what}, part of the limit: CPU",
            min(ours.costs),
            "µs",
            Baseline("asyncio echo", min(echo.costs)),
            at_least=0.35,
        )

        our_rates, stock_rates = await alternately(
            _ROUNDS, lambda: ours.rate(_TWENTY), lambda: stock.rate(_TWENTY)
        )
        yield faster(
            "serve ReadPropertyMultiple of 20 present-values",
            max(our_rates),
            "requests/s",
            Baseline("stock device", max(stock_rates)),
            at_least=15,
        )
