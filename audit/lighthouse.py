"""Runs Lighthouse on a URL from its command line; `verdict` judges the reports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from audit.verdict import CATEGORIES

COMMAND = Path(__file__).parent / "node_modules" / ".bin" / "lighthouse"
# Maximum number of reports, until one shows the page as fast as it is.
MAX_RUNS = 3
# Attempts per report: under load Lighthouse sometimes loses its own trace, and advises to run it again.
MAX_ATTEMPTS = 3
# The page requests and draws something every second. It never becomes idle, and was drawn long before this
# timeout.
LOAD_TIMEOUT_MS = 8000
# Longer than the page's interval of one second, so that Lighthouse observes every run for the same time.
QUIET_MS = 2000
TIMEOUT_S = 60.0


def run(url: str, chromium: str) -> dict[str, Any]:
    """Return one report after up to MAX_ATTEMPTS attempts.

    Raise RuntimeError, with one sentence, if Lighthouse returned none.
    """
    for _ in range(MAX_ATTEMPTS - 1):
        try:
            return _report(url, chromium)
        except RuntimeError as error:
            print(f"{error} (retrying)", file=sys.stderr, flush=True)
    return _report(url, chromium)


def _report(url: str, chromium: str) -> dict[str, Any]:
    command = [
        *(str(COMMAND), url, "--output=json", "--quiet", "--no-enable-error-reporting"),
        # The monitor is for desktops and wall screens; the phone preset slows the processor to a quarter.
        "--preset=desktop",
        f"--only-categories={','.join(CATEGORIES)}",
        f"--max-wait-for-load={LOAD_TIMEOUT_MS}",
        f"--network-quiet-threshold-ms={QUIET_MS}",
        # This wait can begin after the wait for the page has ended, and then fails when the page closes.
        "--cpu-quiet-threshold-ms=0",
        # Saves five seconds for a screenshot that only the report's own page shows.
        "--disable-full-page-screenshot",
        f"--chrome-flags={' '.join(flags())}",
    ]
    try:
        process = subprocess.run(
            command,
            env={**os.environ, "CHROME_PATH": chromium},
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"Lighthouse took longer than {TIMEOUT_S:g} s") from None
    try:
        report: dict[str, Any] = json.loads(process.stdout)
    except ValueError:
        last_line = (process.stderr.strip().splitlines() or ["nothing"])[-1]
        raise RuntimeError(f"Lighthouse returned no report: {last_line}") from None
    return report


def flags() -> list[str]:
    # Chromium refuses to run its sandbox as root, the usual user in a container.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return ["--headless=new", *sandbox, "--no-first-run", "--disable-background-networking"]
