"""`python -m bench.scale [NAME …]`: run the named parts, or all, and print one table.

A run of all parts also writes bench/scale/RESULTS.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.parts import measure
from bench.served import ROOT

PARTS = ("append", "registry", "thousand", "page", "viewers", "outage")
RESULTS = Path(__file__).with_name("RESULTS.md")

if __name__ == "__main__":
    # The tests' modules start Redis and nginx.
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    raise SystemExit(measure("bench.scale", PARTS, sys.argv[1:], RESULTS, "make bench-scale"))
