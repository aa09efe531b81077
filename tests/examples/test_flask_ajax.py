"""examples/flask_ajax.py: live points, a curve that is replaced, and a static chart."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import log2
from typing import Any

import pytest
from example_process import Example, example, lines_of_code
from playwright.sync_api import Frame, Page
from waiting import stays, wait_for, wait_until

EVERY = 0.5
THERE = "(gd) => gd.calcdata?.[0] && gd.data[0]"
READ = f"""() => [...document.querySelectorAll(".js-plotly-plot")].filter({THERE}).map((gd) => ({{
    x: [...gd.data[0].x ?? gd.calcdata[0].map((point) => point.x)], y: gd.calcdata[0].map((point) => point.y),
    width: gd.querySelector(".main-svg").getBoundingClientRect().width,
}}))"""


@pytest.fixture(scope="module")
def doubling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    folder = tmp_path_factory.mktemp("doubling")
    with example("flask_ajax.py", folder, env={"EVERY": str(EVERY)}) as running:
        yield running


def frames(page: Page) -> list[Frame]:
    elements = [page.wait_for_selector(f"iframe >> nth={place}") for place in (0, 1)]
    found = [frame for each in elements if each and (frame := each.content_frame())]
    assert len(found) == 2
    return found


def drawn(frame: Frame | Page) -> dict[str, Any]:
    found = frame.evaluate(READ)
    assert len(found) <= 1
    return dict(found[0]) if found else {}


def is_doubling(y: list[float]) -> bool:
    return bool(y) and y == [2.0**x for x in range(len(y))]


def grown(frame: Frame, before: dict[str, Any], count: int) -> bool:
    """Return whether the drawn trace has `count` points that are later than those in `before`.

    Its length may stay the same, because the window moves.
    """
    return len([x for x in drawn(frame)["x"] if x > before["x"][-1]]) >= count


def steps_of(found: dict[str, Any]) -> list[int]:
    """Return the number of doublings from each point to the next."""
    values = [y for y in found["y"] if y is not None]
    return [round(log2(now) - log2(was)) % 20 for was, now in pairwise(values)]


def test_flask_ajax_example_has_at_most_40_lines() -> None:
    assert lines_of_code("flask_ajax.py") <= 40


def test_flask_ajax_appends_points_and_replaces_curve_beside_static_chart(
    page: Page, doubling: Example
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(doubling.url)
    newest, growth = frames(page)
    wait_until(page, lambda: len(drawn(newest).get("y", [])) > 2)
    wait_until(page, lambda: is_doubling(drawn(growth).get("y", [])))
    wait_until(page, lambda: is_doubling(drawn(page).get("y", [])))
    static = drawn(page)
    # Appended: earlier points stay. Each EVERY adds one, twice the previous one or the first value again.
    before = drawn(newest)
    stays(lambda: drawn(page)["y"] == static["y"], lambda: grown(newest, before, 6), page)
    after = drawn(newest)
    values = dict(zip(after["x"], after["y"], strict=True))
    assert all(values[x] == y for x, y in zip(before["x"], before["y"], strict=True) if x >= after["x"][0])
    # No point appears twice. If the function misses a tick on a slow machine, its last value is still valid.
    assert sorted(set(after["x"])) == after["x"]
    wait_until(page, lambda: 1 in steps_of(drawn(newest)))
    # Replaced: the chart always shows the whole series, whatever its length.
    seen: set[int] = set()

    def two_lengths() -> bool:
        y = drawn(growth)["y"]
        assert is_doubling(y)
        seen.add(len(y))
        return len(seen) > 2

    wait_until(page, two_lengths)
    assert [url for url in asked if not url.startswith((doubling.url, "data:", "blob:"))] == []
    # All three charts share one charting library, and the page itself contains none.
    assert len({url for url in asked if "plotly" in url}) == 1
    assert len(doubling.get()[1]) < 20_000


def test_charts_fit_page_width(page: Page, doubling: Example) -> None:
    page.goto(doubling.url)
    newest, growth = frames(page)
    wait_until(page, lambda: drawn(newest) and drawn(growth) and drawn(page))

    def fits(frame: Frame, width: int) -> bool:
        box = frame.frame_element().bounding_box()
        return box is not None and 0.8 * box["width"] < drawn(frame)["width"] <= box["width"] <= width

    for width in (1200, 360):
        page.set_viewport_size({"width": width, "height": 1000})
        wait_until(page, lambda width=width: fits(newest, width) and fits(growth, width))
        wait_until(page, lambda width=width: drawn(page)["width"] <= width)
        wait_until(page, lambda: page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_interval_is_read_from_environment(doubling: Example) -> None:
    wait_for(lambda: b'"step":0.5' in doubling.get("/monitor/api/ticks")[1])
