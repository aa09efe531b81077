"""Hostile names and many panels: the page works, and names stay text."""

from __future__ import annotations

from chart_assertions import heard, judged
from playwright.sync_api import Page, expect
from served_page import Serve
from thorough import amount
from waiting import still_box, wait_until

from dashapp.model.ticks import Metric, Tick

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '<a href="https://example.org">link</a>',
    "\u05e9\u05dc\u05d5\u05dd \U0001f600" + "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 40,
    "a.b {c: d}",
    "\"'`;--",
    "constructor",
    "__proto__",
    "toString",
    "x" * 200,
    "Ümläut \u202e \u4e2d\u6587",
    " ",
]


# Panels with a value that reaches their menu button or their edge.
OVERLAPS = """() => {
    const box = (panel, name) => panel.querySelector(name)?.getBoundingClientRect();
    const panels = [...document.querySelectorAll("main .panel")].filter((panel) => panel.offsetParent);
    return panels.filter((panel) => box(panel, ".value")?.right > box(panel, ".more")?.left + 4).length;
}"""


def fed(serve: Serve, metrics: list[Metric]) -> str:
    live = serve(feeding=False, past=1)
    now = live.feeder.newest
    live.store.describe(metrics)
    for second in range(1, 31):
        live.store.append(Tick(now + second, 1.0, {each.key: float(n) for n, each in enumerate(metrics)}))
    return live.url


# The data ends soon after the page opens, so the page may be live or stale.
JUDGED = f"{judged('live')}, {judged('stale')}"


def test_hostile_names_are_drawn_as_text(page: Page, serve: Serve) -> None:
    said = heard(page)
    page.set_viewport_size({"width": 1200, "height": 6000})
    names = [Metric(f"k.{name}", name, name, name) for name in HOSTILE]
    page.goto(fed(serve, [*names, *(Metric(name, name, "%", "cpu", 0, 100) for name in HOSTILE)]))
    page.wait_for_selector(JUDGED)
    lines = """[...document.querySelectorAll('.js-plotly-plot')].map((gd) => (gd.data ?? [])
        .filter((trace) => trace.x.length > 20).map((trace) => trace.meta))"""
    each_alone = [[f"k.{name}"] for name in HOSTILE]
    wait_until(
        page, lambda: sorted(map(sorted, page.evaluate(lines))) == sorted([sorted(HOSTILE), *each_alone])
    )
    # Titles leave room for the menu, and no axis, tooltip or title has a link.
    wait_until(page, lambda: page.evaluate(OVERLAPS) == 0)
    box = still_box(page, '[data-panel="cpu"] .nsewdrag')
    page.mouse.move(box["x"] + box["width"] - 60, box["y"] + 40)
    page.mouse.move(box["x"] + box["width"] - 50, box["y"] + 40)
    expect(page.locator('[data-panel="cpu"] .tooltip')).to_be_visible()
    page.keyboard.press("v")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    expect(page.locator("main img, main a")).to_have_count(0)
    assert said == []


def test_page_with_hundreds_of_panels_draws_only_visible_charts(page: Page, serve: Serve) -> None:
    said, count = heard(page), amount(250, 500)
    page.goto(fed(serve, [Metric(f"m{n}", f"m{n}", "", f"panel{n}") for n in range(count)]))
    page.wait_for_selector(JUDGED)
    last = f'[data-panel="panel{count - 1}"]'
    page.locator(last).scroll_into_view_if_needed()
    points = f"document.querySelector('{last} .js-plotly-plot')?.data?.[0]?.x.length ?? 0"
    wait_until(page, lambda: page.evaluate(points) > 20)
    assert page.locator(".js-plotly-plot").count() < 60
    assert said == []
