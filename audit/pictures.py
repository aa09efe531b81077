"""`make pictures`: the pictures and the film in `docs/`, and one picture of each other state in `pictures/`.

Those in `docs/` show this machine during some minutes of a scripted load. The list of hosts replays these
minutes, because there is one machine.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from audit import simulated
from audit.film import VIEWPORT, shoot
from audit.many import METRICS, many, replay
from audit.simulated import DARK, LIGHT, PHONE, opened, take
from audit.states import shows
from audit.workshop import missing, workshop
from bench.page import browser, until
from bench.served import Served, command, folder, free_port, launched

DOCS = Path(__file__).resolve().parent.parent / "docs"
# The load repeats after 165 seconds; before the first picture it has been through all of its phases.
RECORDED_S = 240
ALERT = "cpu.percent > 80 for 5s"
REPLAYED_KEYS = frozenset(metric.key for metric in METRICS)

# In docs/, `page-NAME.png`; tests/project/test_docs.py checks that the documentation shows each of them.
Reach = Callable[[Page], None]


def main() -> int:
    if sentence := missing():
        print(sentence, file=sys.stderr)
        return 1
    with ExitStack() as stack:
        running = stack.enter_context(browser())
        store = stack.enter_context(folder())
        with workshop(store.parent, "--threshold", ALERT) as served:
            print(f"recording {RECORDED_S} s", flush=True)
            time.sleep(RECORDED_S)
            recording = _recording(served)
            _film(running, served)
            _pages(running, served)
        _hosts(running, recording)
        _login(running, store)
        simulated.take_all(running)
    return 0


def _film(running: Browser, served: Served) -> None:
    page = opened(running, f"{served.url}?window=200", DARK | {"viewport": VIEWPORT})
    shows("live")(page)
    page.wait_for_timeout(2000)
    size = shoot(page).save(DOCS / "film.webp")
    page.context.close()
    print(f"film.webp, {size:,} bytes", flush=True)


def _pages(running: Browser, served: Served) -> None:
    """Take the pictures under load: live, on a phone, with an alert, and at a moment of the past."""
    pictures: tuple[tuple[str, str, dict[str, Any], Reach], ...] = (
        ("alert", "window=200", DARK, _firing),
        ("dark", "window=200", DARK, shows("live")),
        ("past", "window=200", LIGHT, _at_peak),
        ("phone", "window=200", PHONE | LIGHT, shows("live")),
    )
    for name, query, options, reach in pictures:
        page = opened(running, f"{served.url}?{query}", options)
        reach(page)
        take(page, DOCS / f"page-{name}.png")


def _firing(page: Page) -> None:
    until(page, "document.querySelector('.tile.broken') !== null", 200)


def _at_peak(page: Page) -> None:
    """Pause, and read the values at a moment of the past."""
    shows("live")(page)
    page.keyboard.press("p")
    until(page, "document.querySelector('#status')?.dataset.state === 'paused'")
    box = page.locator("[data-panel=cpu] .chart").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"])


def _recording(served: Served) -> list[Mapping[str, float]]:
    """Return the values of each recorded second; without those that a host of the list does not show."""
    with urllib.request.urlopen(f"{served.url}api/ticks?window={RECORDED_S}") as response:
        columns = json.load(response)["y"]
    rows = zip(*(columns[key] for key in REPLAYED_KEYS), strict=True)
    return [dict(zip(REPLAYED_KEYS, row, strict=True)) for row in rows if None not in row]


def _hosts(running: Browser, recording: list[Mapping[str, float]]) -> None:
    with many(replay(recording)) as url:
        for name, path, options in (("hosts", "", DARK), ("overlay", "host/web-001,web-004/", LIGHT)):
            page = opened(running, url + path, options)
            shows("live")(page)
            take(page, DOCS / f"page-{name}.png")


def _login(running: Browser, store: Path) -> None:
    port = free_port()
    with launched(command(store, port, "--no-collector"), port, DASHAPP_PASSWORD="correct horse 7") as served:
        served.wait("/healthz")
        page = opened(running, served.url, LIGHT)
        page.wait_for_selector("input[type=password]")
        take(page, DOCS / "page-login.png")


if __name__ == "__main__":
    raise SystemExit(main())
