"""`python -m bench.scale [NAME …]`: run the parts, all of them by default, and print one table.

A run of everything is written to bench/scale/RESULTS.md as well.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.parts import measure
from bench.served import ROOT

PARTS = ("append", "registry", "thousand", "page", "viewers", "outage")
RESULTS = Path(__file__).with_name("RESULTS.md")

if __name__ == "__main__":
    # Redis and nginx are started as the tests start them.
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    raise SystemExit(measure("bench.scale", PARTS, sys.argv[1:], RESULTS, "make bench-scale"))
