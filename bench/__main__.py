"""`python -m bench [NAME …]`: run the named parts, or all, and print one table.

A run of all parts also writes bench/RESULTS.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.parts import measure

# In this order, because parts that are sensitive to a busy machine must run before those that heat it.
PARTS = (
    "startup",
    "recovery",
    "push_client",
    "collector_cost",
    "checks",
    "top_processes",
    "ingest",
    "click_to_names",
    "busy_machine",
    "viewers",
    "streams",
    "behind_login",
    "alert_delay",
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
    "wide",
    "forecasts",
)
RESULTS = Path(__file__).with_name("RESULTS.md")


if __name__ == "__main__":
    raise SystemExit(measure("bench", PARTS, sys.argv[1:], RESULTS, "make bench"))
