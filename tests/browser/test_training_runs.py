"""Training runs on the page: state, configuration, charts by step and by time, comparison."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing
from threading import Event, Thread
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect
from processes import Dashapp, dashapp
from push_requests import ENV, HEADERS
from waiting import PATIENCE_S, wait_for, wait_until

# The points of the chart of a metric, by run.
POINTS = """([run, metric]) => {
    const plot = document.querySelector(`[data-run="${run}"] [data-run-metric="${metric}"] .run-plot`);
    const points = ({ x, y }) => x.map((value, index) => [value, y[index]]);
    return Object.fromEntries((plot?.data ?? []).map((trace) => [trace.meta, points(trace)]));
}"""
TICKS = 10
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashapp]:
    with dashapp(tmp_path_factory.mktemp("runs"), "--interval", "0.2", env=ENV) as app:
        app.serving().moves()
        log(app, {"id": "1", "name": "resnet", "config": {"lr": 0.01, HOSTILE: HOSTILE}})
        for step in (0, 10, 20):
            log(app, {"id": "1", "name": "resnet"}, step, loss=1 / (1 + step))
        # A value of an earlier step in the same tick as a later one.
        log(app, {"id": "1", "name": "resnet"}, 30, loss=0.3, **{"val.loss": 0.5})
        log(app, {"id": "1", "name": "resnet", "state": "failed", "error": "ValueError"})
        log(app, {"id": "2", "name": "resnet"}, 5, loss=0.7)
        stopping = Event()
        # Without a sign of life for a minute, the run would be lost.
        thread = Thread(target=keep_alive, args=(app, stopping))
        thread.start()
        yield app
        stopping.set()
        thread.join()


def keep_alive(app: Dashapp, stopping: Event) -> None:
    while not stopping.wait(2):
        log(app, {"id": "2", "name": "resnet"})


def log(app: Dashapp, run: dict[str, Any], step: float | None = None, **metrics: float) -> None:
    """Push an entry of a run, and wait until it is stored."""
    body = json.dumps({"run": run, "step": step, "metrics": metrics})
    with closing(http.client.HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)) as connection:
        connection.request("POST", "/api/push", body, HEADERS)
        assert connection.getresponse().status == 200
    if step is None:
        wait_for(lambda: run.get("state", "running") in states(app))
    else:
        wait_for(lambda: step in app.ticks()["y"].get(f"run.{name_of(run)}.step", []))


def name_of(run: dict[str, Any]) -> str:
    return "resnet" if run["id"] == "1" else "resnet-2"


def states(app: Dashapp) -> list[str]:
    return [run["state"] for run in json.loads(app.get("/api/runs")[1])["runs"]]


def open_page(page: Page, app: Dashapp) -> None:
    page.goto(f"http://127.0.0.1:{app.port}/")
    expect(page.locator('[data-table="runs"]')).to_be_visible()


def test_runs_show_state_and_configuration_as_text(page: Page, app: Dashapp) -> None:
    open_page(page, app)
    failed = page.locator('[data-run="resnet"]')
    expect(failed).to_have_attribute("data-state", "failed")
    expect(failed.locator(".run-state")).to_have_text("Failed: ValueError")
    expect(page.locator('[data-run="resnet-2"]')).to_have_attribute("data-state", "running")
    expect(page.locator('[data-run="resnet-2"]')).to_have_attribute("open", "")
    failed.locator("summary").click()
    expect(failed.locator(".run-config")).to_contain_text(f"lr0.01{HOSTILE}{HOSTILE}")
    failed.locator("figure").nth(1).wait_for()
    section = page.locator('[data-table="runs"]')
    assert section.evaluate("element => element.scrollHeight <= element.clientHeight + 1")
    expect(page.locator('[data-panel^="run"]')).to_have_count(0)


def test_states_of_runs_are_those_of_now_when_page_shows_the_past(page: Page, app: Dashapp) -> None:
    open_page(page, app)
    summary = page.locator('[data-table="runs"] .of')
    expect(summary).to_have_text("1 of 2 running")
    page.keyboard.press("ArrowLeft")
    expect(summary).to_have_text("now: 1 of 2 running")
    page.keyboard.press("l")
    expect(summary).to_have_text("1 of 2 running")


def test_chart_by_step_grows_with_each_tick(page: Page, app: Dashapp) -> None:
    open_page(page, app)
    wait_until(page, lambda: page.evaluate(POINTS, ["resnet-2", "loss"])["run.resnet-2.loss"][0] == [5, 0.7])
    log(app, {"id": "2", "name": "resnet"}, 6, loss=0.6)
    wait_until(
        page, lambda: [6, 0.6] in page.evaluate(POINTS, ["resnet-2", "loss"]).get("run.resnet-2.loss", [])
    )
    expect(page.locator('[data-run="resnet-2"] .run-facts')).to_contain_text(re.compile("step [67]"))


def test_two_runs_are_compared_by_step_and_by_elapsed_time(page: Page, app: Dashapp) -> None:
    open_page(page, app)
    page.locator('[data-run="resnet"] summary').click()
    page.get_by_label("Compare with").select_option("resnet-2")

    def drawn() -> Any:
        return page.evaluate(POINTS, ["resnet", "loss"])

    wait_until(page, lambda: set(drawn()) == {"run.resnet.loss", "run.resnet-2.loss"})
    steps = [0, 10, 20, 30]
    wait_until(page, lambda: [step for step, _ in drawn()["run.resnet.loss"]] == steps)
    wait_until(page, lambda: drawn()["run.resnet-2.loss"][0] == [5, 0.7])
    asked = ["resnet", "val.loss"]
    wait_until(page, lambda: page.evaluate(POINTS, asked)["run.resnet.val.loss"] == [[30, 0.5]])
    rows = page.locator('[data-run="resnet"] [data-run-metric="loss"] .legend-line')
    expect(rows.locator("bdi")).to_have_text(["resnet", "resnet-2"])
    expect(rows.locator(".value")).to_have_text([re.compile(r"0\.\d")] * 2)
    rows.nth(1).click()
    expect(rows.nth(1)).to_have_attribute("aria-pressed", "false")
    lines = page.locator('[data-run="resnet"] [data-run-metric="loss"] .scatterlayer .trace')
    expect(lines).to_have_count(1)
    rows.nth(1).click()
    expect(lines).to_have_count(2)
    page.get_by_role("button", name="Time", exact=True).click()
    wait_until(page, lambda: [step for step, _ in drawn()["run.resnet.loss"]] != steps)
    elapsed = [time for points in drawn().values() for time, _ in points]
    assert all(-2 < time < 2 * PATIENCE_S for time in elapsed)
    page.get_by_label("Compare with").select_option("")
    wait_until(page, lambda: set(drawn()) == {"run.resnet.loss"})
    expect(rows).to_have_count(0)
    # The time of the day.
    wait_until(page, lambda: min(time for time, _ in drawn()["run.resnet.loss"]) > 1e12)


def test_open_run_needs_no_further_request_per_tick(page: Page, app: Dashapp) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    open_page(page, app)
    wait_until(page, lambda: bool(page.evaluate(POINTS, ["resnet-2", "loss"])))
    page.on("request", note)
    # A page with a stream gets its ticks without requests.
    last = "dashapp.page.liveView.series.lastTime"
    begun = page.evaluate(last)
    wait_until(page, lambda: page.evaluate(last) >= begun + 1000 * TICKS)
    # The earlier points of the run come by a request of its own, also after the stream had to begin again.
    of_runs = [url for url in asked if "/api/runs" in url or ("/api/ticks" in url and "like=run" in url)]
    assert len(of_runs) < TICKS / 3
