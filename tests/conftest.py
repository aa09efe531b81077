"""Shared fixtures: one Chromium for all tests; a page and a server with a store per test."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import memory_folder
import pytest
from chromium import find
from fake_collector import Feeder
from fake_hosts import Fleet
from faulty_server import POLL, Served
from hypothesis import HealthCheck, settings
from kept_tab import KeptTab, OpenAt
from leftover_threads import are_at_rest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from redis_server import RedisServer, redis_at
from reporting import pytest_runtest_makereport, pytest_terminal_summary
from served_page import Live, Many, Serve, Serving
from tab import SharedContext, Tab, new_context, pytest_runtest_teardown
from thorough import VARIABLE, amount
from waiting import PATIENCE_S, wait_for

from dashapp.config.settings import Settings
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app

# Hooks that pytest finds here.
__all__ = ["pytest_runtest_makereport", "pytest_runtest_teardown", "pytest_terminal_summary"]

# Background processes of a shell ignore Ctrl-C, and so would all processes that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# This limit ends a test that hangs. It is no promise, and a slow machine is no fault.
expect.set_options(timeout=1000 * PATIENCE_S)

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # A page that opens again finds its process with the compiled scripts: a third less CPU time.
    "--process-per-site",
    # Optimizing compilers and parallel garbage collection take more CPU time than a short test gains. Parsing
    # while a script arrives is in vain if the process has it compiled: a sixth of a page's CPU time.
    "--js-flags=--no-opt --no-maglev --single-threaded-gc --no-script-streaming",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="try all examples, not only the usual few")


def pytest_configure(config: pytest.Config) -> None:
    memory_folder.use()
    gc.disable()  # until ten thousand tests are collected: a quarter of the CPU time of that
    if config.option.thorough:
        os.environ[VARIABLE] = "1"  # before test modules are imported, and for the workers
    # A property must hold however busy the machine is.
    slow = [HealthCheck.too_slow]
    settings.register_profile(
        "any pace", deadline=None, suppress_health_check=slow, max_examples=amount(20, 200)
    )
    settings.load_profile("any pace")


# The longest files run first, because at the end the last file would run alone.
LONGEST = (
    *("test_rewind.py", "test_render_cost.py", "test_stocks.py", "test_hostile_writer.py"),
    *("test_streams.py", "test_faults.py", "test_live_graph.py", "test_time_handling.py"),
)
# These use the processor; the tests of other folders mostly wait.
BUSY = ("browser", "examples")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Alternate files that use the processor with files that wait, so that neither is idle."""
    kinds: dict[bool, list[Path]] = {True: [], False: []}
    for path in dict.fromkeys(item.path for item in items):
        kinds[path.parent.name in BUSY].append(path)
    place = {path: at / len(paths) for paths in kinds.values() for at, path in enumerate(paths)}
    items.sort(key=lambda item: (item.path.name not in LONGEST, place[item.path]))


def pytest_collection_finish() -> None:
    """Keep ten thousand tests out of each garbage collection: a tenth less CPU time."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="module", autouse=True)
def _leftover_threads_wait() -> Iterator[None]:
    """Assert that no thread works on after the tests of its module."""
    before = set(threading.enumerate())
    yield
    if left := set(threading.enumerate()) - before:
        wait_for(lambda: are_at_rest(left))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared_context(chromium: Browser) -> Iterator[SharedContext]:
    shared = SharedContext(chromium)
    yield shared
    shared.context.close()


@pytest.fixture(scope="session")
def kept_tab(shared_context: SharedContext) -> KeptTab:
    return KeptTab(shared_context)


@pytest.fixture
def tab(kept_tab: KeptTab, request: pytest.FixtureRequest) -> Iterator[Tab]:
    """A desktop tab; an exception in its scripts fails the test."""
    yield from kept_tab.lend(request.node)


@pytest.fixture
def open_at(kept_tab: KeptTab, tab: Tab) -> OpenAt:
    """`open_at(url, ready)`: open `url` in `page`, unless it is open already.

    The page stays open for the next test of the module that uses this, if it can be reset.
    """
    return partial(kept_tab.open_at, tab)


@pytest.fixture
def page(tab: Tab) -> Page:
    return tab.page


@pytest.fixture
def own_page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page in a process of its own, so that no earlier page counts as memory."""
    with new_context(chromium) as context:
        for tab in Tab(context).lend(request.node):
            yield tab.page


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to an empty folder, so that only settings files of the test apply."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_at(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(past=100, interval=1.0, feeding=True)`: serve a store with history and live ticks."""
    with serving() as start:
        yield start


@pytest.fixture(scope="module")
def serve_all() -> Iterator[Serve]:
    """`serve` for all tests of a module that leave no trace in the store."""
    with serving() as start:
        yield start


@contextmanager
def serving() -> Iterator[Serve]:
    lives: list[Live] = []

    def start(
        past: int = 100,
        interval: float = 1.0,
        *,
        feeding: bool = True,
        age: float = 0.0,
        transport: str = POLL,
    ) -> Live:
        store = MemoryStore()
        feeder = Feeder(store, interval)
        feeder.backfill(past, age)
        if feeding:
            feeder.start(gapless=past > 0 and not age)
        app = create_app(store, Settings(interval=interval, store="memory:"))
        live = Live(store, feeder, Served(app, transport))
        lives.append(live)
        return live

    yield start
    for live in lives:
        live.feeder.stop()
        live.server.close()


@pytest.fixture
def many() -> Iterator[Serving]:
    """`many("web-1", "web-2")`: serve hosts with a minute of history; the first is the own one."""
    lives: list[Many] = []

    def start(
        *names: str,
        skews: dict[str, float] | None = None,
        steps: dict[str, float] | None = None,
        transport: str = POLL,
    ) -> Many:
        fleet = Fleet()
        for name in names:
            fleet.add(name, 60, (steps or {}).get(name, 1.0), (skews or {}).get(name, 0.0))
        fleet.start()
        own = names[0] if names else ""
        app = create_app(MemoryStore(), Settings(store="memory:"), None, fleet, own)
        lives.append(Many(fleet, Served(app, transport)))
        return lives[-1]

    yield start
    for live in lives:
        live.fleet.end()
        live.server.close()
