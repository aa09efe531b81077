"""Runs the parts of a benchmark one after the other, and prints one table.

A run of all parts also writes the table to a file.
"""

from __future__ import annotations

import importlib
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.machine import words
from bench.table import Row, markdown, plain


def measure(package: str, parts: Sequence[str], names: Sequence[str], results: Path, command: str) -> int:
    """Run the named parts, or all. Return 1 for a missed target, 2 for an unknown part."""
    unknown = [name for name in names if name not in parts]
    if unknown:
        print(f'"{unknown[0]}" is not a part of the bench; expected {", ".join(parts)}', file=sys.stderr)
        return 2
    machine = words()
    print(machine, file=sys.stderr)
    rows: list[Row] = []
    start = time.monotonic()
    for name in names or parts:
        print(f"{time.monotonic() - start:4.0f} s  {name} …", file=sys.stderr)
        try:
            rows += importlib.import_module(f"{package}.{name}").run()
        except Exception:
            # A part that fails costs only its own rows; a target of 0 failures shows it.
            traceback.print_exc()
            rows.append(Row(f"{name} failed", 1, "", 0))
    duration = f"{(time.monotonic() - start) / 60:.1f} minutes"
    print(f"\n{plain(rows)}\n\nIn {duration}.")
    if not names:
        results.write_text(_document(machine, rows, duration, package, command))
    return 1 if any(row.ok is False for row in rows) else 0


def _document(machine: str, rows: list[Row], duration: str, package: str, command: str) -> str:
    today = datetime.now(UTC).date().isoformat()
    return (
        f"# Results of `{command}`\n\n{today}, in {duration}. {machine}\n\n{markdown(rows)}\n\n"
        "CPU is the user and system time of the processes or of the page's main thread, so a busy machine "
        f"changes it little. Bytes include headers. `python -m {package} NAME` runs one part.\n"
    )
