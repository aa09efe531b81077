"""How many examples a test tries: few by default, all of them with `make test ARGS=--thorough`."""

from __future__ import annotations

import os

VARIABLE = "DASHAPP_TESTS_THOROUGH"


def amount(usual: int, thorough: int) -> int:
    return thorough if os.environ.get(VARIABLE) else usual
