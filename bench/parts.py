"""Runs the parts of a benchmark, prints one table, and updates the documentation."""

from __future__ import annotations

import importlib
import os
import sys
import time
import traceback
from collections.abc import Sequence

from bench.machine import words
from bench.report import RESULTS, write_pages
from bench.results import record
from bench.table import Row, plain


def measure(benchmark: str, parts: Sequence[str], names: Sequence[str]) -> int:
    """Run the named parts, or all. Return 1 for a missed target, 2 for an unknown part."""
    unknown = [name for name in names if name not in parts]
    if unknown:
        print(f'"{unknown[0]}" is not a part of the bench; expected {", ".join(parts)}', file=sys.stderr)
        return 2
    machine, load = words(), os.getloadavg()[0]
    print(f"{machine} Load at the start: {load:.2f}.", file=sys.stderr)
    measured: dict[str, list[Row]] = {}
    failed: list[Row] = []
    start = time.monotonic()
    for name in names or parts:
        print(f"{time.monotonic() - start:4.0f} s  {name} …", file=sys.stderr)
        try:
            measured[name] = list(importlib.import_module(f"{benchmark.replace('-', '.')}.{name}").run())
        except Exception:
            # A part that fails keeps its former results; a target of 0 failures shows it.
            traceback.print_exc()
            failed.append(Row(f"{name} failed", 1, "", 0))
    rows = [row for part in measured.values() for row in part] + failed
    print(f"\n{plain(rows)}\n\nIn {(time.monotonic() - start) / 60:.1f} minutes.")
    record(RESULTS[benchmark], machine, load, measured)
    write_pages()
    return 1 if any(row.ok is False for row in rows) else 0
