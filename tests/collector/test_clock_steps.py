"""The collector while its clock is set.

Ticks have right times, and no right point is lost or doubled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby, pairwise
from pathlib import Path

import pytest
from clocks import START, SteppingClock
from hypothesis import given, settings
from hypothesis import strategies as st
from redis_server import needs_redis
from store_variants import Kept, Links, PromptReader, kept, links_by_kind
from thorough import amount
from waiting import wait_for

from dashapp.alerts.monitor import AlertMonitor
from dashapp.collector.service import collect
from dashapp.model.thresholds import AlertChange, Threshold
from dashapp.model.ticks import MAX_LEAD_S, Metric, Tick
from dashapp.stores.base import Reader, Rewind
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.redis.store import RedisStore

ALL = ["memory", "disk", pytest.param("redis", marks=needs_redis)]
MINUTE, HOUR, DAY, YEAR = 60.0, 3600.0, 86_400.0, 365 * 86_400.0
STEP = 10
# The clock is set when some ticks are already in the archive.
BEFORE = 40 * MINUTE

links = pytest.fixture(scope="module")(links_by_kind)


class TrueTime:
    """A source whose value is the time since START that no one set."""

    metric = Metric("true", "True time", "s", "true")

    def __init__(self, clock: SteppingClock) -> None:
        self._clock = clock

    def read(self) -> Mapping[Metric, float]:
        return {self.metric: self._clock.true() - START}


class Expected:
    """The history that a reader must see: what was stored, without what a rewind has set aside."""

    def __init__(self, found: Kept) -> None:
        self.ticks: dict[float, float] = {}
        self._aside: dict[int, dict[float, float]] = {}
        self.follow(found)

    def follow(self, found: Kept) -> None:
        """Follow the rewinds of a store that was just opened.

        A restart forgets the ticks that could come back.
        """
        self._aside = {}
        apply = found.store.rewind

        def rewind(rewind: Rewind) -> None:
            self._rewind(rewind)
            apply(rewind)

        vars(found.store)["rewind"] = rewind

    def _rewind(self, rewind: Rewind) -> None:
        later = {time: value for time, value in self.ticks.items() if 1000 * time > rewind.after_ms}
        self.ticks = {time: value for time, value in self.ticks.items() if time not in later}
        if rewind.restores:
            self.ticks |= self._aside.pop(rewind.after_ms, {})
        else:
            self._aside[rewind.after_ms] = later


class Observer(AlertMonitor):
    """Records each tick when it is stored, with the store's generation and the clock."""

    def __init__(self, found: Kept, clock: SteppingClock, expected: Expected) -> None:
        super().__init__([Threshold("true", ">", -1)], found.store)
        self._found, self._clock, self._expected = found, clock, expected
        self.ticks: list[tuple[str, float]] = []
        self.late: list[tuple[float, float]] = []

    def observe(self, tick: Tick) -> list[AlertChange]:
        self._expected.ticks[tick.time] = tick.values["true"]
        self.ticks.append((self._found.store.newest().generation, tick.time))
        if abs(tick.time - self._clock.wall()) > STEP and not self._clock.is_set_since(MAX_LEAD_S + STEP):
            self.late.append((tick.time, self._clock.wall()))
        return super().observe(tick)


def run(found: Kept, clock: SteppingClock, expected: Expected | None = None) -> Observer:
    observer = Observer(found, clock, expected or Expected(found))
    collect(found.store, clock, STEP, monitor=observer, extra_sources=[TrueTime(clock)])
    return observer


def history(reader: Reader) -> dict[float, float]:
    """Return time and value of each tick that a reader can get; the times must rise."""
    if isinstance(reader, PromptReader):
        reader = PromptReader(reader.client, reader.name)  # without a cache
    newest = reader.newest().time_ms
    recent = reader.since(float("-inf"), 100_000)
    assert all(old.time < new.time for old, new in pairwise(recent))
    ticks = {tick.time: tick.values["true"] for tick in recent}
    for level in reader.levels()[:1]:
        columns = level.columns(0, newest, ["true"])
        assert all(old < new for old, new in pairwise(columns.t.tolist()))
        if len(columns.t):
            ticks |= dict(zip((columns.t / 1000).tolist(), columns.mean[0].tolist(), strict=True))
    return dict(sorted(ticks.items()))


def true_times(found: Kept) -> list[float]:
    """Return the true times of the ticks in order of their own times, if both agree."""
    ticks = [(time - START, value) for time, value in history(found.reader).items()]
    assert [pair for pair in ticks if abs(pair[0] - pair[1]) > STEP] == []
    return [value for _time, value in ticks]


def notices(found: Kept) -> str:
    found.reader.since(0, 1)  # a reader on disk checks the files only now and then
    return "\n".join(found.reader.notices())


def is_complete(times: list[float], seconds: float, missing: int = 2) -> bool:
    return len(times) >= seconds / STEP - missing and all(
        new - old < 2.5 * STEP for old, new in pairwise(times)
    )


@pytest.fixture(params=ALL)
def found(request: pytest.FixtureRequest, tmp_path: Path, links: Links) -> Iterator[Kept]:
    found = kept(request.param, tmp_path / "store", link=links(request.param))
    yield found
    found.close()


@pytest.mark.parametrize("size", [61, 3 * YEAR])
def test_ticks_of_clock_that_was_ahead_are_a_gap(found: Kept, size: float) -> None:
    clock = SteppingClock([(BEFORE, size), (BEFORE + 25 * MINUTE, -size)], 2 * BEFORE)
    observer = run(found, clock)
    assert observer.late == []
    times = true_times(found)
    assert is_complete([time for time in times if time < BEFORE + STEP], BEFORE)
    assert is_complete([time for time in times if time > BEFORE + MINUTE], 15 * MINUTE)
    assert found.reader.clock_steps() == [pytest.approx(1000 * (START + BEFORE + 25 * MINUTE), abs=2000)]


@pytest.mark.parametrize(("size", "minutes"), [(61, 0.5), (HOUR, 30)])
def test_history_returns_after_clock_was_set_back_by_mistake(
    found: Kept, size: float, minutes: float
) -> None:
    clock = SteppingClock([(BEFORE, -size), (BEFORE + minutes * MINUTE, size)], 2 * BEFORE)
    observer = run(found, clock)
    assert observer.late == []
    times = true_times(found)
    assert is_complete([time for time in times if time < BEFORE + STEP], BEFORE)
    after = BEFORE + minutes * MINUTE
    assert is_complete([time for time in times if time > after], 2 * BEFORE - after)


@pytest.mark.parametrize("size", [30, 60])
@pytest.mark.parametrize("sign", [1, -1])
def test_short_step_keeps_generation_and_order(found: Kept, size: float, sign: int) -> None:
    clock = SteppingClock([(MINUTE, sign * size), (10 * MINUTE, -sign * size)], 15 * MINUTE)
    observer = run(found, clock)
    assert observer.late == []
    assert len({generation for generation, _ in observer.ticks[1:]}) == 1
    assert found.store.dropped == 0
    assert all(old < new for old, new in pairwise(time for _, time in observer.ticks))


@pytest.mark.parametrize("size", [61, 3 * YEAR])
def test_step_back_is_followed_at_once(found: Kept, size: float) -> None:
    clock = SteppingClock([(BEFORE, -size)], BEFORE + 2 * STEP)
    observer = run(found, clock)
    assert abs(observer.ticks[-1][1] - clock.wall()) <= STEP
    assert observer.ticks[-1][0] != observer.ticks[-3][0], "another generation"
    assert found.reader.newest().time_ms <= clock.wall() * 1000
    wait_for(lambda: "The clock of this machine was set back by " in notices(found))


@pytest.mark.parametrize("size", [90, 3 * YEAR])
@pytest.mark.parametrize("kind", ["disk", pytest.param("redis", marks=needs_redis)])
def test_restart_with_ticks_from_future_uses_right_times(
    kind: str, size: float, tmp_path: Path, links: Links
) -> None:
    found = kept(kind, tmp_path / "store", link=links(kind))
    clock = SteppingClock([(BEFORE, size)], BEFORE + 25 * MINUTE)
    run(found, clock)
    found.reopen()
    clock.jump(-size)
    clock.extend([], 30 * MINUTE)
    observer = run(found, clock)
    assert observer.late == []
    assert abs(observer.ticks[0][1] - clock.true() + 30 * MINUTE) < 2 * STEP
    wait_for(lambda: "in the future when the collector started" in notices(found))
    ticks = history(found.reader)
    times = [value for time, value in ticks.items() if abs(time - START - value) <= STEP]
    assert is_complete([time for time in times if time < BEFORE], BEFORE)
    assert is_complete([time for time in times if time > BEFORE + 25 * MINUTE], 30 * MINUTE)
    found.close()


def test_history_returns_after_start_with_clock_behind(tmp_path: Path) -> None:
    """A machine without a battery starts with an old time, until the network sets it."""
    found = kept("disk", tmp_path / "store")
    clock = SteppingClock([], BEFORE)
    run(found, clock)
    found.reopen()
    clock.jump(-30 * MINUTE)
    clock.extend([(MINUTE, 30 * MINUTE)], BEFORE)
    observer = run(found, clock)
    assert observer.late == []
    times = true_times(found)
    assert is_complete([time for time in times if time < BEFORE], BEFORE)
    assert is_complete([time for time in times if time > BEFORE + MINUTE], BEFORE - MINUTE)
    wait_for(lambda: "set forward again by 30 min" in notices(found))
    found.close()


sizes = st.sampled_from([30.0, 59.0, 61.0, 90.0, 600.0, 25 * MINUTE, HOUR, DAY, 3 * YEAR])
jumps = st.builds(lambda size, sign: sign * size, sizes, st.sampled_from([1, -1]))
plans = st.lists(st.tuples(st.integers(1, 1800), jumps, st.booleans()), min_size=1, max_size=6)


@pytest.mark.parametrize("kind", ALL)
@settings(max_examples=amount(2, 60), deadline=None)
@given(plan=plans)
def test_history_is_right_after_any_steps_and_kills(
    kind: str, tmp_path_factory: pytest.TempPathFactory, links: Links, plan: list[tuple[int, float, bool]]
) -> None:
    """Each step: seconds until the clock is set, by how much, and whether a kill follows."""
    found = kept(kind, tmp_path_factory.mktemp("clock") / "store", link=links(kind))
    clock, expected = SteppingClock([], BEFORE), Expected(found)
    run(found, clock, expected)
    for seconds, jump, is_killed in plan:
        if is_killed:
            clock.jump(jump)
            kill(found)
            expected.follow(found)
            clock.extend([], seconds + 2 * MINUTE)
        else:
            clock.extend([(seconds, jump)], seconds + 2 * MINUTE)
        observer = run(found, clock, expected)
        assert observer.late == []
        for _generation, ticks in groupby(observer.ticks, lambda pair: pair[0]):
            assert all(old < new for (_, old), (_, new) in pairwise(ticks))
        assert abs(found.store.newest().time_ms / 1000 - clock.wall()) <= STEP + MAX_LEAD_S
        assert history(found.reader) == expected.ticks
        assert found.store.dropped == 0
    found.close()


def kill(found: Kept) -> None:
    """Open the store as after `kill -9` of its writer."""
    store = found.store
    if isinstance(store, DiskStore):
        store._close_files()
    elif isinstance(store, RedisStore):
        store.writer.stop()
        store.lease.release()
    found.reopen()
