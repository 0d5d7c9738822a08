"""What a benchmark yields: a figure, its baseline, and the bar it must reach."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Sign(StrEnum):
    """On which side of a bar one has to be."""

    AT_LEAST = ">="
    AT_MOST = "<="


@dataclass(frozen=True, slots=True)
class Bar:
    """What must be reached: by the ratio, or by the figure where there is none."""

    sign: Sign
    limit: float

    def holds(self, value: float) -> bool:
        """Return whether a value reaches the bar."""
        if self.sign is Sign.AT_LEAST:
            return value >= self.limit
        return value <= self.limit


@dataclass(frozen=True, slots=True)
class Baseline:
    """The same quantity of something else, measured in the same run."""

    name: str
    figure: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure; without a bar it is only reported."""

    name: str
    figure: float
    unit: str
    baseline: Baseline | None = None
    ratio: float | None = None
    bar: Bar | None = None

    @property
    def is_reached(self) -> bool:
        """Return whether the bar is reached, if there is one."""
        value = self.figure if self.ratio is None else self.ratio
        return self.bar is None or self.bar.holds(value)

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain JSON types."""
        return {**asdict(self), "is_reached": self.is_reached}


def faster(
    name: str,
    figure: float,
    unit: str,
    baseline: Baseline,
    at_least: float | None = None,
) -> Row:
    """Return a row of a rate: the ratio says how many times the baseline it is."""
    return Row(
        name=name,
        figure=figure,
        unit=unit,
        baseline=baseline,
        ratio=figure / baseline.figure,
        bar=None if at_least is None else Bar(Sign.AT_LEAST, at_least),
    )


def cheaper(
    name: str,
    figure: float,
    unit: str,
    baseline: Baseline,
    at_least: float | None = None,
) -> Row:
    """Return a row of a cost: the ratio says how many times less it is."""
    return Row(
        name=name,
        figure=figure,
        unit=unit,
        baseline=baseline,
        ratio=baseline.figure / figure,
        bar=None if at_least is None else Bar(Sign.AT_LEAST, at_least),
    )


def within(
    name: str,
    figure: float,
    unit: str,
    at_most: float,
    baseline: Baseline | None = None,
) -> Row:
    """Return a row of a cost with a limit: of itself, or as a part of the baseline."""
    return Row(
        name=name,
        figure=figure,
        unit=unit,
        baseline=baseline,
        ratio=None if baseline is None else figure / baseline.figure,
        bar=Bar(Sign.AT_MOST, at_most),
    )


def table(title: str, rows: Iterable[Row]) -> str:
    """Return rows as a Markdown table with aligned columns."""
    cells = [
        (title, "figure", "baseline", "ratio", "bar", ""),
        *(_cells(row) for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    # Numbers stand to the right.
    aligned = [
        [
            cell.rjust(width) if column in (1, 3) else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        for line in cells
    ]
    rule = [
        "-" * (width - 1) + ":" if column in (1, 3) else "-" * width
        for column, width in enumerate(widths)
    ]
    return "\n".join(map(_line, [aligned[0], rule, *aligned[1:]]))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: Row) -> tuple[str, str, str, str, str, str]:
    baseline = ratio = bar = verdict = ""
    if row.baseline is not None:
        baseline = f"{_quantity(row.baseline.figure, row.unit)} ({row.baseline.name})"
    if row.ratio is not None:
        ratio = f"{row.ratio:.2f}x"
    if row.bar is not None:
        limit = f"{row.bar.limit:g}"
        unit = f" {row.unit}" if row.ratio is None else "x"
        bar = f"{row.bar.sign} {limit}{unit}"
        verdict = "ok" if row.is_reached else "MISSED"
    return (
        row.name,
        _quantity(row.figure, row.unit),
        baseline,
        ratio,
        bar,
        verdict,
    )


def _quantity(figure: float, unit: str) -> str:
    digits = 0 if figure >= 100 or figure == int(figure) else 1 if figure >= 10 else 2
    return f"{figure:,.{digits}f} {unit}"
