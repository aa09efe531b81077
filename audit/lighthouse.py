"""Lighthouse, run on an address by its command line; what its answers mean is not known here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from audit.verdict import CATEGORIES

COMMAND = Path(__file__).parent / "node_modules" / ".bin" / "lighthouse"
# How many reports at most, until one shows the page as fast as it is.
MAX_RUNS = 3
# For one report: beside other load Lighthouse at times loses its own trace, and says itself to run it again.
TRIES = 3
# The page asks for something every second and draws it: it never comes to rest, and was drawn long before.
PATIENCE_MS = 8000
# Longer than the page's second, so that every run is watched for as long.
QUIET_MS = 2000
PATIENCE = 60.0


def run(url: str, chromium: str) -> dict[str, Any]:
    """One report, asked for up to TRIES times. RuntimeError, in one sentence, where Lighthouse gave none."""
    for _ in range(TRIES - 1):
        try:
            return _report(url, chromium)
        except RuntimeError as error:
            print(f"{error} (asked once more)", file=sys.stderr, flush=True)
    return _report(url, chromium)


def _report(url: str, chromium: str) -> dict[str, Any]:
    command = [
        *(str(COMMAND), url, "--output=json", "--quiet", "--no-enable-error-reporting"),
        # A monitor for desks and walls: the phone's preset slows the processor to a quarter.
        "--preset=desktop",
        f"--only-categories={','.join(CATEGORIES)}",
        f"--max-wait-for-load={PATIENCE_MS}",
        f"--network-quiet-threshold-ms={QUIET_MS}",
        # It can begin after the wait for the page ended, and then breaks when the page is closed.
        "--cpu-quiet-threshold-ms=0",
        # Five seconds for a picture that only the report's own page shows.
        "--disable-full-page-screenshot",
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
        raise RuntimeError(f"Lighthouse took longer than {PATIENCE:g} s") from None
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
