"""One contract for every store: order, bounds, cursors, generations, metrics."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis_server import needs_redis
from store_variants import KINDS, REDIS, Kept, Links, kept, links_by_kind
from thorough import amount
from tick_pages import Page, cursor_start, last_page, page_after

from dashapp.model.ticks import Metric, Tick
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.memory import MemoryStore
from dashapp.stores.redis.reader import MAX_ENTRIES
from dashapp.stores.redis.store import RedisStore
from dashapp.stores.tick_cache import MAX_CACHED_TICKS

CPU = Metric("cpu.percent", "CPU", "%", "cpu", 0.0, 100.0)


ALL = [*KINDS, *(pytest.param(kind, marks=needs_redis) for kind in REDIS)]


links = pytest.fixture(scope="module")(links_by_kind)


@pytest.fixture(params=ALL)
def both(request: pytest.FixtureRequest, tmp_path: Path, links: Links) -> Iterator[Kept]:
    found = kept(request.param, tmp_path / "store", link=links(request.param))
    yield found
    found.close()


def times(page: Page) -> list[float]:
    return [tick.time for tick in page.ticks]


def test_empty_store_has_generation_and_no_ticks(both: Kept) -> None:
    assert both.reader.newest().time_ms == 0
    page = last_page(both.reader, 10)
    assert (page.ticks, page.reset) == ([], True)
    assert page_after(both.reader, page.cursor, 10).reset is False


def test_store_returns_ticks_whole_and_in_order(both: Kept) -> None:
    values = {"cpu.percent": 12.5, "é <b>": -1e300}
    both.store.append(Tick(1.001, 0.1, values))
    both.store.append(Tick(1.101, 0.1, values))
    assert last_page(both.reader, 10).ticks == [Tick(1.001, 0.1, values), Tick(1.101, 0.1, values)]


def test_append_drops_and_counts_ticks_that_are_not_newer(both: Kept) -> None:
    both.fill(5, 1)
    for number, time in enumerate((5.0, 4.999, 0.0, -1.0, 5.0004), 1):
        assert both.store.append(Tick(time, 1, {"cpu.percent": 1})) is False, time
        assert both.store.dropped == number
    assert times(last_page(both.reader, 10)) == [5]


def test_since_returns_newest_ticks_after_time(both: Kept) -> None:
    both.fill(1, 10)
    assert [tick.time for tick in both.reader.since(4, 100)] == [5, 6, 7, 8, 9, 10]
    assert [tick.time for tick in both.reader.since(4, 2)] == [9, 10]
    assert both.reader.since(10, 100) == []
    assert both.reader.since(99, 100) == []


def test_page_after_returns_ticks_since_cursor(both: Kept) -> None:
    both.fill(1, 5)
    first = last_page(both.reader, 3)
    assert times(first) == [3, 4, 5]
    assert page_after(both.reader, first.cursor, 10) == Page([], first.cursor, reset=False)
    both.fill(6, 2)
    second = page_after(both.reader, first.cursor, 10)
    assert (times(second), second.reset) == ([6, 7], False)


@pytest.mark.parametrize(("since", "reset"), [(9, False), (10, False), (11, True)])
def test_page_after_resets_when_more_ticks_than_limit(both: Kept, since: int, reset: bool) -> None:
    both.fill(1, 5)
    cursor = last_page(both.reader, 1).cursor
    both.fill(6, since)
    page = page_after(both.reader, cursor, 10)
    assert page.reset is reset
    assert times(page) == list(range(6 + since - min(since, 10), 6 + since))


HOSTILE = [
    "",
    ".",
    "x",
    "0" * 16,
    f"{'A' * 11}.1",
    f"{'w' * 11}.3000",
    f"{'x' * 11}.3000",
    f"{'f' * 16}.3000",
    "../../etc/passwd",
    "\0",
    "é" * 16 + ".1",
    "' OR 1=1 --",
    "LIFE.-1",
    "LIFE.3000.1",
    "LIFE.",
    "LIFE.1e3",
    "LIFE. 3000",
    "LIFE.3000\n",
    "LIFE.٣٠٠٠",
    "LIFE." + "9" * 16,
    "LIFE." + "9" * 17,
    "LIFE.9000",
    "LIFE.2500",
    "LIFE.0",
]


def test_page_after_resets_when_cursor_is_invalid(both: Kept) -> None:
    both.fill(1, 5)
    life = cursor_start(both.reader)
    for text in HOSTILE:
        page = page_after(both.reader, text.replace("LIFE", life), 3)
        assert (times(page), page.reset) == ([3, 4, 5], True), text


def test_clear_starts_new_generation() -> None:
    store = MemoryStore()
    store.append(Tick(1, 1, {"cpu.percent": 1}))
    old = last_page(store, 10)
    store.clear()
    assert cursor_start(store) != old.cursor.partition(".")[0]
    assert (last_page(store, 10).ticks, page_after(store, old.cursor, 10).reset) == ([], True)
    store.append(Tick(3, 1, {"cpu.percent": 3}))
    page = page_after(store, old.cursor, 10)
    assert (times(page), page.reset) == ([3], True)


def test_store_keeps_generation_and_ticks_after_reopen(both: Kept) -> None:
    both.fill(1, 5)
    cursor = last_page(both.reader, 10).cursor
    both.reopen()
    both.fill(6, 2)
    page = page_after(both.reader, cursor, 10)
    assert (times(page), page.reset) == ([6, 7], False)
    assert times(last_page(both.reader, 10)) == [1, 2, 3, 4, 5, 6, 7]


def test_append_drops_tick_that_is_not_newer_after_reopen(both: Kept) -> None:
    both.fill(1, 5)
    both.reopen()
    assert both.store.append(Tick(5, 1, {"cpu.percent": 1})) is False


@pytest.mark.parametrize("kind", ALL)
def test_store_keeps_bounded_number_of_ticks(kind: str, tmp_path: Path, links: Links) -> None:
    found = kept(kind, tmp_path, keep=50, link=links(kind))
    try:
        cursor = last_page(found.reader, 1).cursor
        found.fill(1, 10)
        cursor = last_page(found.reader, 1).cursor
        found.fill(11, MAX_ENTRIES + 100)
        ticks = found.reader.since(float("-inf"), 100_000)
        assert 50 <= len(ticks) <= max(50, MAX_CACHED_TICKS)
        assert ticks[-1].time == MAX_ENTRIES + 110
        assert all(new.time - old.time == 1 for old, new in pairwise(ticks))
        page = page_after(found.reader, cursor, 100_000)
        assert page.reset or page.ticks[0].time == 11, "what it no longer has is not left out silently"
        if kind in REDIS:
            # MAXLEN ~ removes only whole nodes of 100 entries.
            assert isinstance(found.store, RedisStore)
            keys = found.store.lease.keys
            assert 50 <= found.store.lease.client.connection.xlen(keys.ticks) <= 200
        elif kind != "memory":
            assert len(DiskReader(tmp_path).read_ticks(float("-inf"), float("inf"), 1000)) == 50
    finally:
        found.close()


def test_append_trims_store_after_limit_is_lowered(tmp_path: Path) -> None:
    store = DiskStore(tmp_path, keep=100)
    for second in range(100):
        store.append(Tick(second + 1, 1, {"a": 1}))
    store.close()
    store = DiskStore(tmp_path, keep=10)
    store.append(Tick(101, 1, {"a": 1}))
    rows = DiskReader(tmp_path).read_ticks(float("-inf"), float("inf"), 1000)
    store.close()
    assert [row.time for row in rows] == list(range(92, 102))


def test_store_returns_described_metrics(both: Kept) -> None:
    core = Metric("é", '<a href="x">', "%", "cores")
    both.store.describe([CPU, core])
    assert list(both.reader.metrics()) == [CPU, core]
    both.store.describe([CPU])
    assert list(both.reader.metrics()) == [CPU]


def test_disk_store_keeps_metrics_after_restart(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    store.describe([CPU])
    store.close()
    assert DiskReader(tmp_path).metrics() == [CPU]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 30)),
        st.tuples(st.just("read"), st.integers(1, 40)),
        st.tuples(st.just("old"), st.integers(0, 5)),
        st.tuples(st.just("reopen"), st.just(0)),
    ),
    max_size=25,
)


@pytest.mark.parametrize("kind", ALL)
@settings(max_examples=amount(10, 60))
@given(plan=steps)
def test_page_after_returns_every_tick_once_and_in_order(
    kind: str,
    tmp_path_factory: pytest.TempPathFactory,
    links: Links,
    plan: list[tuple[str, int]],
) -> None:
    """Any order of steps works. Only a reader that is too slow misses ticks; it gets `reset`."""
    found = kept(kind, tmp_path_factory.mktemp("store"), link=links(kind))
    written: list[float] = []
    seen: list[float] = []
    cursor = last_page(found.reader, 1).cursor
    try:
        for what, count in [*plan, ("read", 1000)]:
            newest = written[-1] if written else 0
            if what == "append":
                found.fill(int(newest) + 1, count)
                written += range(int(newest) + 1, int(newest) + 1 + count)
            elif what == "old" and written:
                assert not found.store.append(Tick(newest - count, 1, {"a": 1}))
            elif what == "reopen":
                found.reopen()
            elif what == "read":
                page = page_after(found.reader, cursor, count)
                if page.reset:
                    assert not seen or len(written) - written.index(seen[-1]) - 1 > count
                    seen = written[: len(written) - len(page.ticks)]
                seen += times(page)
                cursor = page.cursor
                assert seen == written
    finally:
        found.close()
