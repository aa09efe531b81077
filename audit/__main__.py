"""`python -m audit`: audit a page with an hour of history; exit with 1 if a check fails.

It needs the npm packages that `make audit` installs in this directory.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from playwright.sync_api import Browser, sync_playwright

from audit import axe, lighthouse
from audit.many import many
from audit.states import STATES, State
from audit.verdict import Report, Violations, is_fast, verdict
from bench.page import browser, chromium
from bench.served import Served, command, fill, folder, free_port, launched, serving

HISTORY = 3600


def main() -> int:
    if not (lighthouse.COMMAND.exists() and axe.SCRIPT.exists()):
        print(
            "The audit's npm packages are not installed: run `make audit`, which installs them.",
            file=sys.stderr,
        )
        return 1
    start = time.monotonic()
    try:
        with folder() as store:
            fill(store, HISTORY)
            with serving(store, "--threshold", "memory.percent > 0.01") as filled_server:
                reports = _reports(filled_server)
                violations = _violations(filled_server)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    lines, code = verdict(reports, violations)
    print("\n".join([*lines, f"In {time.monotonic() - start:.0f} s."]))
    return code


def _reports(filled_server: Served) -> list[Report]:
    path = _chromium()
    reports: list[Report] = []
    while len(reports) < lighthouse.MAX_RUNS and not any(map(is_fast, reports)):
        reports.append(lighthouse.run(filled_server.url, path))
    return reports


def _chromium() -> str:
    if path := chromium():
        return path
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _violations(filled_server: Served) -> dict[str, Violations]:
    with ExitStack() as stack:
        empty_server = stack.enter_context(_empty_server())
        hosts = stack.enter_context(many())
        running: Browser = stack.enter_context(browser())
        pages: dict[tuple[object, ...], list[State]] = {}
        for state in STATES:
            pages.setdefault(state.page(), []).append(state)
        found: dict[str, Violations] = {}
        for states in pages.values():
            server = filled_server if states[0].filled else empty_server
            found |= axe.violations(running, hosts if states[0].many else server.url, states)
        return found


@contextmanager
def _empty_server() -> Iterator[Served]:
    """Yield a server without any tick and without a collector."""
    port = free_port()
    with folder() as store, launched(command(store, port, "--no-collector"), port) as served:
        served.wait("/healthz")
        yield served


if __name__ == "__main__":
    raise SystemExit(main())
