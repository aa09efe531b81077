"""examples/nginx.conf: the page behind the real nginx while sampler and web server restart."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from chart_assertions import READ, wait_for_state
from example_process import FOLDER
from playwright.sync_api import Page, expect
from processes import Dashapp, Process, collector, free_port, holes, on_grid, stored
from tools import NO_NGINX, nginx
from waiting import wait_for, wait_until, wait_until_passes

pytestmark = pytest.mark.skipif(nginx() is None, reason=NO_NGINX)
STEP = 500  # milliseconds


class Site:
    """A sampler, a web server and nginx as separate processes, with the example's configuration."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.store = folder / "data"
        self._stack = stack
        self.sampler = self.sample()
        self.web_port, self.port = free_port(), free_port()
        self.web = self.serve()
        text = (FOLDER / "nginx.conf").read_text()
        assert "127.0.0.1:8050" in text
        assert "127.0.0.1:8080" in text
        text = text.replace("127.0.0.1:8050", f"127.0.0.1:{self.web_port}")
        (folder / "nginx.conf").write_text(text.replace("127.0.0.1:8080", f"127.0.0.1:{self.port}"))
        argv = [nginx() or "", "-p", str(folder), "-c", str(folder / "nginx.conf")]
        self.nginx = Process(argv, folder=folder, env={})
        stack.callback(self.nginx.end)
        self.url = f"http://127.0.0.1:{self.port}/monitor/"
        # One chart, and a window long enough for all ticks, however long the tests take.
        self.all = f"{self.url}?window=600&panels=cpu"

    def answers(self) -> bool:
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def sample(self) -> Process:
        flags = ("--store", str(self.store), "--interval", str(STEP / 1000))
        return self._stack.enter_context(collector(self.folder, *flags))

    def serve(self) -> Dashapp:
        wait_for(lambda: stored(self.store))
        web = Dashapp.__new__(Dashapp)
        web.port, web.store = self.web_port, self.store
        argv = [sys.executable, "-m", "dashapp", "--no-collector", "--port", str(self.web_port)]
        Process.__init__(web, [*argv, "--interval", str(STEP / 1000)], folder=self.folder, env={})
        self._stack.callback(web.end)
        return web.serving()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The running site. Each test restarts the processes that it ends."""
    with ExitStack() as stack:
        running = Site(tmp_path_factory.mktemp("site"), stack)
        wait_for(lambda: len(stored(running.store)) > 3)
        wait_for(running.answers)
        yield running


def cpu(page: Page) -> list[int]:
    """Return the times of the points that the CPU chart shows."""
    charts: list[dict[str, Any]] = page.evaluate(READ)
    found = [chart["traces"][0] for chart in charts if chart["panel"] == "cpu" and chart["traces"]]
    if not found:
        return []
    return [t for t, y in zip(found[0]["x"], found[0]["y"], strict=True) if y is not None]


def whole(page: Page, site: Site) -> bool:
    """Return whether the chart shows every stored tick, in order, up to the newest."""
    drawn, kept = cpu(page), stored(site.store)
    if not drawn or not on_grid(drawn, STEP):
        return False
    # The first tick has no CPU share, because nothing was measured before it.
    return drawn == [t for t in kept if drawn[0] <= t <= drawn[-1]]


def test_page_behind_nginx_shows_history_and_streams(page: Page, site: Site) -> None:
    failed: list[str] = []
    page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    page.goto(f"http://127.0.0.1:{site.port}/")
    expect(page).to_have_url(site.url)
    page.goto(site.all)
    before = stored(site.store)
    wait_until(page, lambda: cpu(page) and cpu(page)[0] <= before[1])
    wait_for_state(page, "live")
    for _ in range(2):
        newest = cpu(page)[-1]
        wait_until(page, lambda n=newest: cpu(page)[-1] > n)
        wait_until(page, lambda: whole(page, site))
    assert failed == []


def test_page_has_no_gap_after_web_server_restart(page: Page, site: Site) -> None:
    page.goto(site.all)
    wait_for_state(page, "live")
    wait_until(page, lambda: whole(page, site))
    first = cpu(page)[0]
    site.web.end()
    wait_for_state(page, "offline")
    fallen = stored(site.store)[-1]
    wait_for(lambda: stored(site.store)[-1] > fallen + 4 * STEP)
    site.web = site.serve()
    wait_for_state(page, "live")
    wait_until(page, lambda: whole(page, site) and cpu(page)[-1] > fallen + 4 * STEP)

    def nothing_lost() -> None:
        """Ticks that were sampled while the server was down are drawn as well."""
        drawn = cpu(page)
        assert drawn[0] == first
        kept = [t for t in stored(site.store) if first <= t <= drawn[-1]]
        assert holes(kept, STEP) == holes(drawn, STEP)

    wait_until_passes(page, nothing_lost)


def test_page_shows_no_data_when_sampler_is_killed(page: Page, site: Site) -> None:
    page.goto(site.all)
    wait_for_state(page, "live")
    site.sampler.end()
    wait_for_state(page, "stale")
    expect(page.locator("#status")).to_have_text(re.compile("^No data for"))
    site.sampler = site.sample()
    wait_for_state(page, "live")
