"""A row of results, and the table of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEAD = ("Measurement", "Result", "Target", "Met")


@dataclass(frozen=True)
class Row:
    """One result. `target` is its maximum, in the same `unit`; None if it has no target."""

    what: str
    value: float
    unit: str
    target: float | None = None
    note: str = ""

    @property
    def ok(self) -> bool | None:
        return None if self.target is None else self.value <= self.target

    def cells(self) -> tuple[str, str, str, str]:
        measured = f"{number(self.value)} {self.unit}".strip()
        if self.note:
            measured += f" ({self.note})"
        target = "" if self.target is None else f"{number(self.target)} {self.unit}".strip()
        return self.what, measured, target, {None: "", True: "yes", False: "NO"}[self.ok]


def number(value: float) -> str:
    """Return a number with three significant digits and thousands separators."""
    if value == 0 or abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"


def plain(rows: Sequence[Row]) -> str:
    """Return the table for a terminal, with aligned columns."""
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def markdown(rows: Sequence[Row]) -> str:
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
