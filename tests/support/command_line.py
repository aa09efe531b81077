"""Run a Python command line until it exits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from processes import ROOT
from waiting import PATIENCE_S


def run(folder: Path, *argv: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *argv],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **(env or {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
