"""The number of examples in a test: few by default, all with `make test ARGS=--thorough`."""

from __future__ import annotations

import os

VARIABLE = "DASHAPP_TESTS_THOROUGH"


def amount(usual: int, thorough: int) -> int:
    return thorough if os.environ.get(VARIABLE) else usual
