"""examples/stocks.py: the URL selects a viewer's stock; the server keeps no viewer state."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
import pytest
from chart_assertions import READ
from example_process import FOLDER, Example, example, lines_of_code
from nginx import proxied
from playwright.sync_api import Browser, Page, expect
from processes import ROOT
from tools import NO_NGINX, nginx
from waiting import PATIENCE_S, wait_for, wait_until, wait_until_passes

from dashapp.model.ticks import Metric, Tick
from dashapp.stores.disk.store import DiskStore

CLOSES = {"AAPL": 231.5, "MSFT": 502.1, "NVDA": 181.2}
PAST = 5000  # seconds
VIEWERS = 20


def fill(folder: Path, past: int = PAST) -> None:
    """Fill a store with `past` seconds of history, each price one above its close."""
    metrics = {f"quotes.{name}": close for name, close in CLOSES.items()}
    metrics |= {f"{key}.close": close for key, close in metrics.items()}
    now = int(time.time())
    with closing(DiskStore(folder)) as store:
        store.describe([Metric(key, key.removeprefix("quotes."), "", "quotes") for key in metrics])
        values = metrics | {f"quotes.{name}": 1 + close for name, close in CLOSES.items()}
        for at in range(now - past, now):
            store.append(Tick(float(at), 1.0, values))


@pytest.fixture(scope="module")
def stocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    folder = tmp_path_factory.mktemp("stocks")
    fill(folder / "data")
    with example("stocks.py", folder) as running:
        yield running


def drawn(page: Page) -> dict[str, Any]:
    """Return the only chart: its range in seconds, its trace and the y axis."""
    found = page.evaluate(READ)
    if len(found) != 1 or not found[0]["traces"]:
        return {}
    line = found[0]["traces"][-1]
    axis = page.evaluate("document.querySelector('.js-plotly-plot')?._fullLayout?.yaxis.range")
    start, end = found[0]["range"]
    return {"seconds": (end - start) / 1000, "start": start, "axis": axis, **line}


def shows(page: Page, key: str, seconds: float | None = None) -> bool:
    found = drawn(page)
    if not found or found["key"] != key or not found["x"]:
        return False
    return seconds is None or abs(found["seconds"] - seconds) < 1


def test_stocks_example_has_at_most_40_lines() -> None:
    assert lines_of_code("stocks.py") <= 40


def test_stocks_page_shows_history_and_streams(page: Page, stocks: Example) -> None:
    page.goto(stocks.url)
    wait_until(page, lambda: shows(page, "quotes.AAPL", 900))
    first = drawn(page)
    assert len(first["x"]) > 800
    wait_until(page, lambda: drawn(page)["x"][-1] >= first["x"][-1] + 2000)
    # A mountain chart starts near its lowest point: an axis from zero would show a flat line.
    assert first["axis"][0] > 0.9 * CLOSES["AAPL"]
    expect(page.locator(".dashapp-live h2 .value")).to_contain_text("231.5")


def test_stocks_url_holds_choice_of_each_viewer(page: Page, chromium: Browser, stocks: Example) -> None:
    page.goto(stocks.url)
    wait_until(page, lambda: shows(page, "quotes.AAPL"))
    page.get_by_role("link", name="MSFT").click()
    wait_until(page, lambda: shows(page, "quotes.MSFT", 900))
    page.get_by_role("link", name="1 h").click()
    wait_until(page, lambda: shows(page, "quotes.MSFT", 3600))
    expect(page).to_have_url(re.compile(r"/\?symbol=MSFT&range=1%20h$"))
    # Another viewer who opens the link sees the same stock; without the link, the default.
    with closing(chromium.new_context()) as others:
        other = others.new_page()
        other.goto(page.url)
        wait_until(other, lambda: shows(other, "quotes.MSFT", 3600))
        other.get_by_role("link", name="NVDA").click()
        wait_until(other, lambda: shows(other, "quotes.NVDA", 3600))
        wait_until(page, lambda: shows(page, "quotes.MSFT", 3600))
        other.goto(stocks.url)
        wait_until(other, lambda: shows(other, "quotes.AAPL", 900))
    page.go_back()
    wait_until(page, lambda: shows(page, "quotes.MSFT", 900))
    page.reload()
    wait_until(page, lambda: shows(page, "quotes.MSFT", 900))


def test_stocks_range_links_set_range(page: Page, stocks: Example) -> None:
    page.goto(f"{stocks.url}?range=all")
    wait_until(page, lambda: shows(page, "quotes.AAPL"))
    for text, seconds in (("15 m", 900), ("30 m", 1800), ("1 h", 3600), ("1 d", 86_400)):
        page.get_by_role("link", name=text).click()
        wait_until(page, lambda seconds=seconds: shows(page, "quotes.AAPL", seconds))


def test_stocks_range_all_starts_at_first_point(page: Page, stocks: Example) -> None:
    page.goto(f"{stocks.url}?range=all")
    wait_until(page, lambda: shows(page, "quotes.AAPL"))
    found = drawn(page)
    assert PAST - 60 < found["seconds"] < PAST + 600
    assert abs(found["start"] - found["x"][0]) < 1000
    expect(page.locator(".window-label")).to_have_text("whole history")

    def goes_on() -> None:
        now = drawn(page)
        assert now["x"][-1] > found["x"][-1]
        assert now["start"] == found["start"]

    wait_until_passes(page, goes_on)


def test_stocks_ranges_work_without_store(page: Page, tmp_path: Path) -> None:
    with example("stocks.py", tmp_path, env={"DASHAPP_STORE": ""}) as running:
        for span in ("1 d", "all"):
            page.goto(f"{running.url}?range={span}")
            wait_until(page, lambda: shows(page, "quotes.AAPL"))


@pytest.mark.parametrize("search", ["?symbol=<b>&range=2", "?symbol=", "?%FF=%", "?symbol=a&symbol=MSFT&x"])
def test_stocks_page_ignores_invalid_query(page: Page, stocks: Example, search: str) -> None:
    page.goto(stocks.url + search)
    wait_until(page, lambda: drawn(page).get("key") in ("quotes.AAPL", "quotes.MSFT"))


# Resources that remain when the viewers have left.


def view(get: Any, symbol: str) -> None:
    """Send the requests of a browser: the page, and then ticks three times."""
    assert get("/")[0] == 200
    for _ in range(3):
        status, body = get(f"/_dashapp/api/ticks?window=900&like=quotes.{symbol},quotes.{symbol}.close")
        assert status == 200
        assert json.loads(body)["t"]


def test_stocks_server_frees_threads_and_connections_of_viewers(stocks: Example) -> None:
    server = psutil.Process(stocks.pid)

    def held() -> list[int]:
        return [server.num_threads(), len(server.net_connections()), server.num_fds()]

    def come_and_go() -> None:
        with ThreadPoolExecutor(VIEWERS) as crowd:
            asking = [crowd.submit(view, stocks.get, symbol) for symbol in list(CLOSES) * 7]
        for each in asking:
            each.result()

    come_and_go()
    # One connection: the listening socket.
    before = wait_for(lambda: held() if held()[1] == 1 else [])
    come_and_go()

    # The sampler's own threads and files vary by a few; a leak of twenty viewers would add twenty.
    most = [before[0] + 5, 1, before[2] + 5]

    def all_left() -> bool:
        now, left = held(), server.net_connections()
        assert all(count <= high for count, high in zip(now, most, strict=True)), (now, most, left)
        return True

    wait_for(all_left)


def test_stocks_server_frees_objects_of_viewers(tmp_path: Path) -> None:
    fill(tmp_path / "data", past=1000)
    argv = [
        sys.executable,
        str(ROOT / "tests" / "support" / "leak_probe.py"),
        str(FOLDER / "stocks.py"),
        *CLOSES,
    ]
    env = {"DASHAPP_STORE": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(argv, env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
    rounds = [set(each) for each in json.loads(done.stdout)]
    # The first visits create shared objects. Objects that grow in every round would belong to viewers.
    assert len(rounds) > 3
    assert not set.intersection(*rounds)


@pytest.mark.skipif(nginx() is None, reason=NO_NGINX)
def test_nginx_cache_merges_requests_for_same_stock(stocks: Example, tmp_path: Path) -> None:
    path = "/_dashapp/api/ticks?window=900&metrics=quotes.NVDA"
    with proxied(stocks.port, tmp_path / "nginx") as front, ThreadPoolExecutor(VIEWERS) as pool:
        page = f"http://127.0.0.1:{front.port}"
        urlopen(page + path, timeout=PATIENCE_S).read()
        start = time.monotonic()
        frames = set(pool.map(lambda _: urlopen(page + path, timeout=PATIENCE_S).read(), range(5 * VIEWERS)))
        took = time.monotonic() - start
        # nginx logs a response after it has sent it, so the log can lag behind the reads.
        wait_for(lambda: front.asked(path).total() == 1 + 5 * VIEWERS)
        asked = front.asked(path)
    reached = asked.total() - asked["HIT"] - asked["UPDATING"]
    # A response is valid for one second by nginx's clock, and a slow machine takes more seconds.
    assert len(frames) <= reached <= 3 * (took + 1)
