"""The recorded processes on the page: who caused last night's spike, found with one click."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from chart_assertions import assert_drawn_equals_store
from csv_store import seal
from faulty_server import Served
from playwright.sync_api import Page, expect
from process_tree import ProcessTree
from served_page import Serve
from waiting import still_box, wait_for, wait_until

from dashapp.collector.top_recorder import TopRecorder
from dashapp.config.settings import parse_settings
from dashapp.model.thresholds import AlertChange, AlertState, Threshold
from dashapp.model.ticks import Metric, Tick
from dashapp.model.top import AlertProcesses, TopEntry, TopRecord
from dashapp.sources.system.top.ranking import TopRanking
from dashapp.sources.system.top.scan import ProcScanner
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.space import DiskSpace
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.documents import ALERT_PROCESSES
from dashapp.stores.history.archive import Retention
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app

TABLE, LIST = '[data-table="top"]', ".top-list"
STEP, HOURS = 300, 10
# Seconds before the end of the history: one program worked for twenty minutes, eight hours ago.
SPIKE_START, SPIKE_END = 8 * 3600, 8 * 3600 - 1200
# The position of a time in the chart, in pixels of the page.
POSITION = """time => {
    const gd = document.querySelector('[data-panel="cpu"] .js-plotly-plot');
    const { l, t, w, h } = gd._fullLayout._size;
    const [start, end] = gd.layout.xaxis.range;
    const { left, top } = gd.getBoundingClientRect();
    return [left + l + w * (time - start) / (end - start), top + t + h / 2];
}"""


class Night:
    """A night by a fake clock: a collector's records of a /proc in a folder, in a store on disk."""

    def __init__(self, folder: Path) -> None:
        self.end = int(time.time()) // STEP * STEP - STEP
        tree = ProcessTree(folder)
        scanner = ProcScanner(str(tree.proc), tree.uptime, pause=lambda _seconds: None)
        records = MemoryStore()
        ticks, cpu = [], {b"python": 0.0, b"ffmpeg": 0.0}
        with closing(TopRecorder(TopRanking(scanner, tree.uptime), records)) as recorder:
            for age in range(HOURS * 3600, -1, -STEP):
                is_spike = SPIKE_END < age <= SPIKE_START
                cpu[b"python"] += 0.05 * STEP
                cpu[b"ffmpeg"] += 0.8 * STEP if is_spike else 0
                for pid, (name, seconds) in enumerate(cpu.items(), 1):
                    tree.run(pid, name, cpu=seconds, memory=100 << 20)
                tree.pass_time(STEP, busy=(0.9 if is_spike else 0.07) * STEP)
                moment = self.end - age
                recorder.step(moment)
                wait_for(lambda: recorder._request is None)
                ticks.append(Tick(moment, STEP, {"cpu.percent": 90 if is_spike else 7}))
            recorder.step(self.end + 1)
        store = folder / "store"
        store.mkdir()
        seal(store, ticks[:-5], Retention())
        archive = DiskSpace(store, Retention()).open_archive()
        archive.append_top(records.top_levels()[0].records(0, 1 << 60))
        archive.close()
        opened = DiskStore(store)
        opened.describe([Metric("cpu.percent", "CPU", "%", "cpu", 0.0, 100.0)])
        for tick in ticks[-5:]:
            opened.append(tick)
        opened.close()
        self.store = store
        # The middle of the spike, in epoch milliseconds.
        self.spike = 1000 * (self.end - (SPIKE_START + SPIKE_END) // 2)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    return Night(tmp_path_factory.mktemp("night"))


@pytest.fixture(scope="module")
def address(night: Night) -> Iterator[str]:
    server = Served(create_app(DiskReader(night.store), parse_settings(["--store", str(night.store)], {})))
    yield server.url
    server.close()


def position(page: Page, time_ms: float) -> list[float]:
    page.wait_for_selector('[data-panel="cpu"] .js-plotly-plot .trace')
    still_box(page, '[data-panel="cpu"] .nsewdrag')
    found: list[float] = page.evaluate(POSITION, time_ms)
    return found


def test_one_click_on_a_spike_of_last_night_names_its_program(page: Page, night: Night, address: str) -> None:
    page.goto(f"{address}?window=43200")
    page.mouse.click(*position(page, night.spike))
    expect(page.locator(f"{LIST} .cpu th")).to_have_text(["ffmpeg", "python", "Unknown"])
    expect(page.locator(f"{LIST} .cpu td").first).to_have_text(re.compile(r"^80"))
    expect(page.locator(f"{LIST} h3")).to_have_text(re.compile(r"^Top processes, .*\d\d:\d\d:\d\d$"))
    page.keyboard.press("Escape")
    expect(page.locator(LIST)).to_have_count(0)


def test_process_table_shows_the_time_below_the_pointer(page: Page, night: Night, address: str) -> None:
    page.goto(f"{address}?window=43200")
    x, y = position(page, night.spike)
    expect(page.locator(TABLE)).to_have_attribute("data-at", "now")
    page.mouse.move(x, y)
    names = page.locator('[data-panel="cpu"] .tooltip-top bdi')
    expect(names).to_have_text(["ffmpeg", "python"])
    page.locator(TABLE).scroll_into_view_if_needed()
    wait_until(page, lambda: page.locator(TABLE).get_attribute("data-at") != "now")
    at = int(page.locator(TABLE).get_attribute("data-at") or 0)
    assert abs(at - night.spike) < 600_000
    expect(page.locator(f"{TABLE} .record td.name")).to_have_text(["ffmpeg", "python", "Unknown"])
    expect(page.locator(f"{TABLE} h2")).to_contain_text("Top processes, ")


def test_dragging_shows_the_processes_of_the_range(page: Page, night: Night, address: str) -> None:
    page.goto(f"{address}?window=43200")
    # Half of the range is the spike.
    x, y = position(page, night.spike - 1_200_000)
    last, _y = position(page, night.spike + 1_200_000)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(last, y, steps=4)
    page.mouse.up()
    page.mouse.move(last, 2, steps=8)
    expect(page.locator(TABLE)).to_have_attribute("data-from", re.compile(r"^\d{13}$"))
    page.locator(TABLE).scroll_into_view_if_needed()
    cells = page.locator(f"{TABLE} .record tr", has_text="ffmpeg").locator("td.cpu")
    expect(cells).to_have_text(re.compile(r"^(3[5-9]|4[0-5])\."))
    expect(page.locator(f"{TABLE} h2")).to_contain_text(re.compile(r"Top processes, .* \u2013 "))
    page.get_by_role("button", name="Back to live").click()
    expect(page.locator(TABLE)).to_have_attribute("data-at", "now")


def test_names_are_requested_only_when_the_pointer_rests_and_once(page: Page, serve: Serve) -> None:
    live = serve(past=100)
    now = live.store.newest().time_ms
    for second in range(-100, 1, 10):
        live.store.append_top(
            TopRecord(now + 1000 * second, 10, {"cpu": [TopEntry("<b>a\u202e", 50, 2)], "memory": []}, 0)
        )
    name = "<b>a\u202e \u00d7 2"
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(live.url)
    page.locator("#pause").click()
    x, y = position(page, now - 50_000)
    page.mouse.move(x, y)
    expect(page.locator('[data-panel="cpu"] .tooltip-top bdi')).to_have_text(name)
    assert sum("/api/top?at=" in url for url in requests) == 1
    # Other points of the same record, and the list, need no other request.
    page.mouse.click(x, y)
    expect(page.locator(f"{LIST} .cpu th")).to_have_text(name)
    assert sum("/api/top?at=" in url for url in requests) == 1


def test_moment_without_a_record_says_so(page: Page, serve: Serve) -> None:
    live = serve(past=100)
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    page.locator("#pause").click()
    page.mouse.click(*position(page, live.store.newest().time_ms - 50_000))
    expect(page.locator(f"{LIST} .rest")).to_have_text("No processes were recorded at that time.")
    page.keyboard.press("Escape")
    page.locator(TABLE).scroll_into_view_if_needed()
    expect(page.locator(f"{TABLE} .record-note")).to_have_text("No processes were recorded at that time.")


def test_alerts_name_the_processes(page: Page, serve: Serve) -> None:
    live = serve(past=100)
    hot = Threshold.parse("cpu.percent > 90 for 30s")
    newest = live.store.newest().time_ms / 1000
    used = [TopEntry("ffmpeg", 61, 1), TopEntry("python", 22, 1)]
    fired_ms = round(1000 * newest - 60_000)
    live.store.write_document(ALERT_PROCESSES, {1: AlertProcesses(fired_ms, "cpu", used)})
    live.store.set_changes(
        [AlertChange(hot, True, newest - 60, 97, 1), AlertChange(hot, False, newest - 30, 9, 2)]
    )
    live.store.set_thresholds([AlertState(hot, False, newest - 30)])
    page.goto(live.url)
    what = page.locator('[data-table="alerts"] td.what').first
    expect(what).to_contain_text(re.compile(r": ffmpeg 61\D*%, python 22\D*%"))
