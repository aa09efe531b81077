"""An open page draws pushed metrics, and shows their names as text."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect
from processes import Dashapp, dashapp
from push_pipeline import TOKEN
from push_requests import ENV, push
from waiting import wait_until

HOSTILE = "<a href=//evil>loss</a><img src=x onerror=alert(1)>"
# For each pushed metric, the number of its drawn points.
COUNTS = """() => document.querySelector('[data-panel="pushed"] .js-plotly-plot').data
    .map((trace) => [trace.meta, trace.y.filter((value) => value !== null).length])"""


def newest(app: Dashapp, key: str) -> float:
    """Return the newest stored value of the metric."""
    return float([value for value in app.ticks()["y"][key] if value is not None][-1])


def test_open_page_draws_newly_pushed_metric(page: Page, tmp_path: Path) -> None:
    with dashapp(tmp_path, "--interval", "0.2", env=ENV) as app:
        app.serving().moves()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"http://127.0.0.1:{app.port}/")
        panel = page.locator('[data-panel="pushed"]')
        page.locator('[data-panel="cpu"] .js-plotly-plot').wait_for()
        expect(panel).to_be_hidden()
        for number in range(5):
            assert push(app, {"loss": 1 / (1 + number), HOSTILE: number})[0] == 200
            wait_until(page, lambda n=number: newest(app, HOSTILE) == n)
        panel.scroll_into_view_if_needed()
        panel.locator(".js-plotly-plot .scatterlayer .trace").nth(1).wait_for(state="attached")

        def drawn() -> bool:
            counts = dict(page.evaluate(COUNTS))
            return set(counts) == {"loss", HOSTILE} and min(counts.values()) > 3

        wait_until(page, drawn)
        assert page.locator('a[href*="evil"]').count() == 0
        assert page.locator('img[src="x"]').count() == 0
        assert not [url for url in asked if "127.0.0.1" not in url and not url.startswith(("data:", "blob:"))]
        assert TOKEN not in page.content()


def test_sparse_pushes_are_drawn_as_points(page: Page, tmp_path: Path) -> None:
    """A line between two gaps has no length and would be invisible."""
    with dashapp(tmp_path, "--interval", "0.2", env=ENV) as app:
        app.serving().moves()
        for number in range(4):
            assert push(app, {"epoch": number})[0] == 200
            wait_until(page, lambda n=number: newest(app, "epoch") == n)
            # Ticks without the metric: a gap lies between this point and the next.
            app.moves()
            app.moves()
        page.goto(f"http://127.0.0.1:{app.port}/")
        panel = page.locator('[data-panel="pushed"]')
        panel.scroll_into_view_if_needed()
        panel.locator(".point").nth(3).wait_for(state="attached")
        assert push(app, {"epoch": 9})[0] == 200
        panel.locator(".point").nth(4).wait_for(state="attached")
        expect(page.locator('[data-panel="cpu"] .point')).to_have_count(0)
