"""Lighthouse, run on an address by its command line; what its answers mean is not known here."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from audit.verdict import CATEGORIES

COMMAND = Path(__file__).parent / "node_modules" / ".bin" / "lighthouse"
RUNS = 3
# The page asks for something every second and draws it, so that Lighthouse never sees it come to rest. It was
# drawn long before.
PATIENCE_MS = 8000
PATIENCE = 60.0


def run(url: str, chromium: str) -> dict[str, Any]:
    """One report. RuntimeError, in one sentence, where Lighthouse gave none."""
    command = [
        *(str(COMMAND), url, "--output=json", "--quiet", "--no-enable-error-reporting"),
        # A monitor for desks and walls: the phone's preset slows the processor to a quarter.
        "--preset=desktop",
        f"--only-categories={','.join(CATEGORIES)}",
        f"--max-wait-for-load={PATIENCE_MS}",
        f"--chrome-flags={' '.join(flags())}",
    ]
    try:
        said = subprocess.run(
            command,
            env={**os.environ, "CHROME_PATH": chromium},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"Lighthouse took longer than {PATIENCE:g} s; run `make audit` again") from None
    try:
        report: dict[str, Any] = json.loads(said.stdout)
    except ValueError:
        last = (said.stderr.strip().splitlines() or ["nothing"])[-1]
        raise RuntimeError(f"Lighthouse gave no report, and said: {last}") from None
    return report


def flags() -> list[str]:
    # Chromium refuses to run its sandbox as root, as containers have it.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return ["--headless=new", *sandbox, "--no-first-run", "--disable-background-networking"]
