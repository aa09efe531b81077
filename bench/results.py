"""The newest results of each part of a benchmark, in a JSON file next to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.table import Row


@dataclass(frozen=True)
class Result:
    """The rows of one part. `load` is that of the machine at the start, or None if not known."""

    date: str
    machine: str
    load: float | None
    rows: tuple[Row, ...]


def read(path: Path) -> dict[str, Result]:
    """Return the results of a file by the name of the part."""
    if not path.exists():
        return {}
    entries = json.loads(path.read_text("utf-8"))
    return {
        part: Result(**{**entry, "rows": tuple(Row(**row) for row in entry["rows"])})
        for part, entry in entries.items()
    }


def record(path: Path, machine: str, load: float, measured: Mapping[str, list[Row]]) -> None:
    """Replace the results of the measured parts, and keep those of the others."""
    today = datetime.now(UTC).date().isoformat()
    new = {part: Result(today, machine, load, tuple(rows)) for part, rows in measured.items()}
    results = {**read(path), **new}
    entries = {part: asdict(result) for part, result in sorted(results.items())}
    path.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", "utf-8")
