"""Charts through a change of the clocks: points from left to right, local times as labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from faulty_server import Served
from page_scripts import load_scripts
from playwright.sync_api import Browser, Page
from waiting import hover_until, still_box, wait_until

from dashapp.config.settings import Settings
from dashapp.model.ticks import Metric, Tick
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app

CPU = Metric("cpu.percent", "CPU", "%", "cpu", 0, 100)
# Pixels of the points, and the labels with their pixels.
READ = """() => {
    const gd = [...document.querySelectorAll(".js-plotly-plot")].find((each) => each.calcdata);
    if (!gd) return null;
    const { xaxis } = gd._fullLayout;
    const labels = [...gd.querySelectorAll(".xtick text")];
    return {
        points: [...gd.data[0].x].map((x) => [x, xaxis.d2p(x)]),
        labels: labels
            .map((each) => [each.textContent, each.getBoundingClientRect().x])
            .sort((a, b) => a[1] - b[1]),
    };
}"""


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@contextmanager
def page_at(
    chromium: Browser, zone: str, change: str, step: float = 60.0, window: int = 7200
) -> Iterator[tuple[Page, float]]:
    """Yield a page that shows a straight line around the change of the clocks at `change` (UTC)."""
    middle, half = seconds(change), round(window / 2 / step)
    store = MemoryStore()
    store.describe([CPU])
    for count in range(-half - 5, half + 5):
        store.append(Tick(middle + count * step, step, {"cpu.percent": 50 + 45 * count / half}))
    server = Served(create_app(store, Settings(interval=step, store="memory:")))
    context = chromium.new_context(timezone_id=zone, viewport={"width": 1000, "height": 700}, locale="en-GB")
    try:
        page = context.new_page()
        page.goto(f"{server.url}?window={window}&end={1000 * (middle + window / 2):.0f}")
        yield page, middle
    finally:
        context.close()
        server.close()


def drawn(page: Page, count: int) -> dict[str, Any]:
    """Return the chart of `page` once it has at least `count` points and labels."""

    def complete() -> dict[str, Any] | None:
        found = page.evaluate(READ)
        is_complete = found and len(found["points"]) >= count and len(found["labels"]) > 1
        return found if is_complete else None

    result: dict[str, Any] = wait_until(page, complete)
    return result


CHANGES = {
    "Berlin, back": ("Europe/Berlin", "2026-10-25T01:00", ["02:30", "02:00", "02:30", "03:00"]),
    "New York, back": ("America/New_York", "2026-11-01T06:00", ["01:30", "01:00", "01:30", "02:00"]),
    "New York, forward": ("America/New_York", "2026-03-08T07:00", ["01:30", "03:00", "03:30"]),
    "Lord Howe, back": ("Australia/Lord_Howe", "2026-04-04T15:00", ["01:30", "01:30", "02:00"]),
    "Lord Howe, forward": ("Australia/Lord_Howe", "2026-10-03T15:30", ["01:30", "02:30", "03:00"]),
}


@pytest.mark.parametrize(("zone", "change", "labels"), CHANGES.values(), ids=CHANGES.keys())
def test_chart_runs_from_left_to_right_through_change_of_clocks(
    chromium: Browser, zone: str, change: str, labels: list[str]
) -> None:
    with page_at(chromium, zone, change) as (page, _middle):
        found = drawn(page, 120)
    widths = [new[1] - old[1] for old, new in pairwise(found["points"])]
    assert min(widths) > 0
    assert max(widths) == pytest.approx(min(widths), rel=0.01), "a straight line stays straight"
    texts = [text for text, _ in found["labels"]]
    assert " ".join(labels) in " ".join(texts)


def test_hover_and_zoom_are_exact_in_the_hour_that_comes_twice(chromium: Browser) -> None:
    with page_at(chromium, "America/New_York", "2026-11-01T06:00") as (page, middle):
        drawn(page, 120)
        box = still_box(page, '[data-panel="cpu"] .nsewdrag')
        height = box["y"] + box["height"] / 2
        title = page.locator('[data-panel="cpu"] .tooltip-time')
        # Half an hour before and after the change, which is in the middle, the clock shows the same time.
        for share in (0.25, 0.75):
            hover_until(
                page,
                box["x"] + share * box["width"],
                height,
                lambda: any(re.search(r"\b1 Nov\b.* 01:30:00$", text) for text in title.all_inner_texts()),
            )
        page.mouse.move(box["x"] + 0.75 * box["width"], height)
        page.mouse.down()
        for share in (0.8, 0.9, 1.0):
            page.mouse.move(box["x"] + share * box["width"], height)
        page.mouse.up()
        paused = "window.dashapp.page.liveView.pausedRange"
        wait_until(page, lambda: page.evaluate(f"{paused}?.[1] - {paused}?.[0] < 3000000"))
        start, end = page.evaluate(paused)
        assert start == pytest.approx(1000 * (middle + 1800), abs=60_000)
        assert end == pytest.approx(1000 * (middle + 3600), abs=60_000)


def test_live_chart_moves_through_change_of_clocks(chromium: Browser) -> None:
    with page_at(chromium, "America/New_York", "2026-11-01T06:00", step=1, window=100) as (page, middle):
        found = drawn(page, 100)
    assert all(new[1] > old[1] for old, new in pairwise(found["points"]))
    assert {"01:59:50", "01:00:00", "01:00:10"} & {text for text, _ in found["labels"]}
    assert found["points"][0][0] < 1000 * middle < found["points"][-1][0]


ZONES = (
    *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Asia/Kathmandu", "UTC"),
    *("America/St_Johns", "Africa/Cairo", "Pacific/Chatham", "America/Santiago"),
)
SPANS = (10, 61, 100, 300, 3600, 7200, 20_000, 86_400, 3 * 86_400, 7 * 86_400, 40 * 86_400, 800 * 86_400)
# A change of each zone with one, at the end and in the middle of ranges.
MOMENTS = ("2026-10-25T01:00", "2026-11-01T06:00", "2026-04-04T15:00", "2026-10-03T15:30", "2026-03-29T01:00")


def _formats(milliseconds: float, zone: str) -> set[str]:
    time = datetime.fromtimestamp(milliseconds / 1000, ZoneInfo(zone))
    texts = {f"{time:%H:%M:%S}", f"{time:%b} {time.day}", f"{time:%b %Y}"}
    return texts | {f"{time:%H:%M}"} if time.second == 0 else texts


@contextmanager
def scripts_in(chromium: Browser, zone: str) -> Iterator[Page]:
    """Yield an empty page with our scripts for time, in a browser of this zone."""
    with closing(chromium.new_context(timezone_id=zone)) as context:
        page = context.new_page()
        load_scripts(page, "ui/time_zone.js", "ui/times.js", "plot/time_axis.js")
        yield page


@pytest.fixture(scope="module")
def tokyo(chromium: Browser) -> Iterator[Page]:
    """Scripts in a browser whose zone is none of ZONES, for tests that set the zone of the page."""
    with scripts_in(chromium, "Asia/Tokyo") as page:
        yield page


RANGES = [
    [1000 * (seconds(moment) - share * span), 1000 * (seconds(moment) + (1 - share) * span)]
    for moment in MOMENTS
    for span in SPANS
    for share in (0.0, 0.4, 1.0)
]
TICKS = "(ranges) => ranges.map((range) => window.dashapp.timeTicks(range, 7))"


@pytest.mark.parametrize("zone", ZONES)
def test_time_labels_are_local_times_at_their_place(chromium: Browser, tokyo: Page, zone: str) -> None:
    # The zone of the page, in a browser elsewhere.
    assert tokyo.evaluate("(zone) => window.dashapp.setTimeZone(zone)", zone)
    found = tokyo.evaluate(TICKS, RANGES)
    # The zone of the browser.
    with scripts_in(chromium, zone) as page:
        assert page.evaluate(TICKS, RANGES) == found
    for (start, end), ticks in zip(RANGES, found, strict=True):
        times = [tick["time"] for tick in ticks]
        assert 2 <= len(times) <= 9, (start, end, ticks)
        assert times == sorted(set(times))
        assert start <= times[0]
        assert times[-1] <= end
        for tick in ticks:
            assert tick["text"] in _formats(tick["time"], zone), (start, end, tick)


@pytest.mark.parametrize("zone", [*ZONES, "+05:45", "-03:30"])
def test_wall_time_of_zone_matches_zoneinfo(tokyo: Page, zone: str) -> None:
    """Check the clock on the wall, and the first time at which it shows that."""
    offset = datetime.fromisoformat(f"2026-01-01T00:00{zone}").tzinfo if zone[0] in "+-" else ZoneInfo(zone)
    times = [int(seconds(moment)) + minutes * 60 for moment in MOMENTS for minutes in range(-1500, 1500, 15)]
    assert tokyo.evaluate("(zone) => window.dashapp.setTimeZone(zone)", zone)
    found = tokyo.evaluate(
        """(times) => times.map((time) => {
            const text = window.dashapp.wallText(1000 * time);
            return [text, window.dashapp.parseWallText(text) / 1000];
        })""",
        times,
    )
    for time, (text, back) in zip(times, found, strict=True):
        wall = datetime.fromtimestamp(time, offset)
        assert text == f"{wall:%Y-%m-%dT%H:%M:%S}"
        assert back == wall.replace(fold=0).timestamp()


def test_unknown_zone_is_rejected_and_changes_nothing(chromium: Browser) -> None:
    with closing(chromium.new_context(timezone_id="Asia/Tokyo")) as context:
        page = context.new_page()
        load_scripts(page, "ui/time_zone.js")
        assert not page.evaluate("window.dashapp.setTimeZone('Mars/Olympus')")
        assert page.evaluate("window.dashapp.timeZoneName()") is None
