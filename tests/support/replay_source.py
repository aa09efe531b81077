"""A CSV file in a folder, and a replay of it with a fake clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clocks import FakeClock

from dashapp.sources.external.csv.csv_file import CsvFile
from dashapp.sources.external.csv.profile import Notation
from dashapp.sources.external.csv_reader import CsvRows
from dashapp.sources.external.replay import ReplaySource

ROWS = "time,open,close\n2026-01-01T00:00:00Z,1,10\n2026-01-01T00:01:00Z,2,20\n2026-01-01T00:02:00Z,3,30\n"


class Played:
    """A CSV file, a clock, and the values of the file at the clock's time."""

    def __init__(self, folder: Path, text: str | bytes, speed: float = 60, **more: object) -> None:
        self.path = folder / "prices.csv"
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)
        self.clock = FakeClock()
        self.source = ReplaySource(self.path, speed, clock=self.clock.monotonic, **more)  # type: ignore[arg-type]

    def after(self, seconds: float) -> Mapping[str, float]:
        self.clock.pass_time(seconds)
        return {metric.key: value for metric, value in self.source.read().items()}


def file_rows(
    folder: Path, text: str | bytes, **notation: Any
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Return the values of a file by time, and the messages about what was dropped."""
    path = folder / "prices.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    rows = CsvRows(CsvFile(path, Notation(**notation)))
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        found.setdefault(f"{datetime.fromtimestamp(row.time, UTC):%Y-%m-%d %H:%M:%S}", {}).update(row.values)
    return found, list(rows.messages())
