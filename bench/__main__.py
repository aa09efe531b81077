"""`python -m bench [NAME …]`: run the named parts, or all, and print one table.

The tables of docs/performance.md and README.md get the new results.
"""

from __future__ import annotations

import sys

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
    "busy_streams",
    "behind_login",
    "alert_delay",
    "cached",
    "mounted",
    "first_load",
    "main_thread",
    "browser_cpu",
    "whole_page",
    "dense_page",
    "live_graphs",
    "tutorials",
    "latency",
    "soak",
    "two_years",
    "wide",
    "forecasts",
)


if __name__ == "__main__":
    raise SystemExit(measure("bench", PARTS, sys.argv[1:]))
