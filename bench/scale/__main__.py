"""`python -m bench.scale [NAME …]`: run the named parts, or all, and print one table.

The tables of docs/performance.md get the new results.
"""

from __future__ import annotations

import sys

from bench.parts import measure
from bench.served import ROOT

PARTS = ("append", "registry", "thousand", "page", "viewers", "outage")

if __name__ == "__main__":
    # The tests' modules start Redis and nginx.
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    raise SystemExit(measure("bench-scale", PARTS, sys.argv[1:]))
