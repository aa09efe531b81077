"""The time zone of all times on the page: the browser's, the host's, or UTC."""

from __future__ import annotations

import itertools
import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from chart_assertions import wait_for_state
from playwright.sync_api import Page, expect
from served_page import Live, Serve, Serving
from tab import ZONE as BROWSER_ZONE
from waiting import wait_until

from dashapp.stores.documents import ZONE

HOST_ZONE = "America/St_Johns"


@pytest.fixture(scope="module")
def served(serve_all: Serve) -> Live:
    live = serve_all(past=3000)
    live.store.write_document(ZONE, HOST_ZONE)
    return live


@pytest.fixture(scope="module")
def other(serve_all: Serve) -> Live:
    """A server for tests that each store another zone."""
    return serve_all(past=30)


def wall(milliseconds: float, zone: str) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, ZoneInfo(zone)):%H:%M:%S}"


def axis_is_in(page: Page, zone: str) -> bool:
    ticks = page.evaluate("""() => {
        const xaxis = document.querySelector('[data-panel="cpu"] .js-plotly-plot')?.layout?.xaxis;
        return (xaxis?.tickvals ?? []).map((time, index) => [time, xaxis.ticktext[index]]);
    }""")
    return len(ticks) > 1 and all(wall(time, zone) == text for time, text in ticks)


@pytest.mark.parametrize(
    ("tz", "zone", "label"),
    [
        ("browser", BROWSER_ZONE, "Asia/"),
        ("host", HOST_ZONE, HOST_ZONE),
        ("UTC", "UTC", "UTC"),
        ("", BROWSER_ZONE, "Asia/"),
    ],
)
def test_all_times_are_in_the_zone_of_the_address(
    page: Page, served: Live, tz: str, zone: str, label: str
) -> None:
    end = 1000 * (served.feeder.newest // 1 - 400)
    page.goto(f"{served.url}?window=100&end={end:.0f}{f'&tz={tz}' if tz else ''}")
    wait_for_state(page, "paused")
    wait_until(page, lambda: axis_is_in(page, zone))
    expect(page.locator("#range")).to_have_text(
        re.compile(f"{wall(end - 100_000, zone)} \u2013 .*{wall(end, zone)}$")
    )
    # A browser may know the zone by an older name.
    expect(page.locator("#zone")).to_contain_text(label)
    expect(page.locator("#status")).to_have_text(re.compile(f"{wall(end, zone)}$"))
    steps = itertools.count()

    def tooltip_is_in_zone() -> bool:
        # Each time: the charts below the last tile can still move down.
        box = page.locator('[data-panel="cpu"] .nsewdrag').bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 2 + next(steps) % 2, box["y"] + 40)
        time = page.evaluate("dashapp.page.liveView.reading.pointer")
        texts = page.locator('[data-panel="cpu"] .tooltip-time').all_inner_texts()
        return time is not None and texts[0].endswith(wall(time, zone))

    wait_until(page, tooltip_is_in_zone)
    name = page.evaluate("(time) => dashapp.formatForFile(time)", end)
    assert name.endswith(wall(end, zone)[:5].replace(":", ""))


def test_zone_changes_by_key_and_is_remembered(page: Page, served: Live) -> None:
    page.goto(served.url)
    wait_for_state(page, "live")
    wait_until(page, lambda: axis_is_in(page, BROWSER_ZONE))
    page.keyboard.press("z")
    expect(page.locator("#note.shown")).to_have_text(f"Times of the host: {HOST_ZONE}.")
    wait_until(page, lambda: axis_is_in(page, HOST_ZONE))
    expect(page).to_have_url(re.compile(r"tz=host"))
    page.keyboard.press("z")
    wait_until(page, lambda: axis_is_in(page, "UTC"))
    page.goto(served.url)
    wait_until(page, lambda: axis_is_in(page, "UTC"))
    page.keyboard.press("z")
    wait_until(page, lambda: axis_is_in(page, BROWSER_ZONE))
    expect(page).not_to_have_url(re.compile(r"tz"))


def test_go_to_dialog_uses_the_zone(page: Page, served: Live) -> None:
    page.goto(f"{served.url}?tz=UTC")
    wait_for_state(page, "live")
    page.keyboard.press("g")
    start = 1000 * (served.feeder.newest // 60 * 60 - 1200)
    for index, time in enumerate((start, start + 60_000)):
        text = datetime.fromtimestamp(time / 1000, ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%S")
        page.locator("dialog input").nth(index).fill(text)
    page.get_by_role("button", name="Show").click()
    wait_until(page, lambda: page.evaluate("dashapp.page.liveView.pausedRange") == [start, start + 60_000])


@pytest.mark.parametrize(
    ("stored", "tz", "sentence"),
    [
        ("", "host", "The time zone of the host is not known, so times are those of this browser."),
        (
            "Mars/Olympus",
            "host",
            "The time zone of the host is not known, so times are those of this browser.",
        ),
        ("", "<i>", "Unknown time zone in the link: “<i>”; expected browser, host, UTC."),
    ],
)
def test_unknown_zone_is_explained(page: Page, other: Live, stored: str, tz: str, sentence: str) -> None:
    live = other
    live.store.write_document(ZONE, stored)
    page.goto(f"{live.url}?tz={tz}")
    wait_for_state(page, "live")
    expect(page.locator("#note.shown")).to_have_text(sentence)
    wait_until(page, lambda: axis_is_in(page, BROWSER_ZONE))


def test_offset_of_host_is_used_if_it_has_no_name(page: Page, other: Live) -> None:
    live = other
    live.store.write_document(ZONE, "-03:30")
    page.goto(f"{live.url}?tz=host")
    wait_for_state(page, "live")
    expect(page.locator("#zone")).to_have_text("-03:30")
    minutes = (
        "new Set(document.querySelector('[data-panel=\"cpu\"] .js-plotly-plot')?.layout?.xaxis?.ticktext)"
    )
    wait_until(page, lambda: page.evaluate(f"{minutes}.size") > 1)


def test_each_host_has_its_zone(page: Page, many: Serving) -> None:
    live = many("web-1", "web-2")
    for name, zone in (("web-1", "Asia/Tokyo"), ("web-2", "Europe/Berlin")):
        live.fleet.reader(name).write_document(ZONE, zone)  # type: ignore[union-attr]
        page.goto(f"{live.url(name)}?tz=host")
        expect(page.locator("#zone")).to_have_text(zone)
    page.goto(f"{live.url('web-1', 'web-2')}?tz=host")
    expect(page.locator("#note.shown")).to_contain_text("The time zone of the host is not known")
