"""`python -m bench [NAME …]`: run the parts, all of them by default, and print one table.

A run of everything is written to bench/RESULTS.md as well.
"""

from __future__ import annotations

import importlib
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

from bench.machine import words
from bench.table import Row, markdown, plain

# In this order: what is sensitive to a busy machine comes before what heats it.
PARTS = (
    "startup",
    "collector_cost",
    "viewers",
    "behind_login",
    "cached",
    "mounted",
    "first_load",
    "main_thread",
    "whole_page",
    "live_graphs",
    "tutorials",
    "latency",
    "soak",
    "two_years",
)
RESULTS = Path(__file__).with_name("RESULTS.md")


def main(names: list[str]) -> int:
    """1 where a target was missed, 2 where there is no such part."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f'"{unknown[0]}" is not a part of the bench; expected {", ".join(PARTS)}', file=sys.stderr)
        return 2
    machine = words()
    print(machine, file=sys.stderr)
    rows: list[Row] = []
    start = time.monotonic()
    for name in names or PARTS:
        print(f"{time.monotonic() - start:4.0f} s  {name} …", file=sys.stderr)
        try:
            rows += importlib.import_module(f"bench.{name}").run()
        except Exception:
            # One part that broke costs its own rows; a target of 0 failures shows it.
            traceback.print_exc()
            rows.append(Row(f"{name} broke", 1, "", 0))
    took = f"{(time.monotonic() - start) / 60:.1f} minutes"
    print(f"\n{plain(rows)}\n\nIn {took}.")
    if not names:
        RESULTS.write_text(_document(machine, rows, took))
    return 1 if any(row.ok is False for row in rows) else 0


def _document(machine: str, rows: list[Row], took: str) -> str:
    today = datetime.now(UTC).date().isoformat()
    return (
        f"# What `make bench` measured\n\n{today}, in {took}. {machine}\n\n{markdown(rows)}\n\n"
        "CPU is user and system time of the processes, or of the page's main thread, not time on a clock: a "
        "busy machine changes it little. Bytes count headers. `python -m bench NAME` runs one part.\n"
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
