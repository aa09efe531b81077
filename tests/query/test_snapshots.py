"""Responses are complete if the store changes at any moment of the read."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from changing_store import KINDS_OF_READERS, START, STEP, ChangingStore, limit_caches
from csv_store import read
from fake_hosts import Fleet
from redis_server import needs_redis
from store_variants import REDIS, Links, links_by_kind
from thorough import amount
from tick_pages import cursor_start

from dashapp.api.endpoints import Api
from dashapp.model.ticks import Cursor
from dashapp.query.frames import Frame, live_frame, past_frame
from dashapp.query.host_reader import ClockSkews
from dashapp.query.overlay import OverlayReader
from dashapp.query.shared_view import SharedView, SharedViewReader
from dashapp.stores.base import Reader

WINDOW = 1700
# Seconds of a point in the frames of minutes.
COARSE_STEP = 120

links = pytest.fixture(scope="module")(links_by_kind)


@pytest.fixture(autouse=True)
def _limited(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_caches(monkeypatch)


def shown(frame: Frame, key: str = "v") -> dict[int, float]:
    pairs = zip(frame.t.tolist(), frame.y[key].tolist(), strict=True)
    return {time // 1000: value for time, value in pairs if not math.isnan(value)}


def end_of(frame: Frame) -> int:
    cursor = Cursor.decode(frame.cursor)
    assert cursor is not None
    return cursor.time_ms // 1000


def ticks_between(store: ChangingStore, start: int, end: int) -> dict[int, float]:
    return {time: float(time - START) for time in store.times if start < time <= end}


def check_window(store: ChangingStore, reader: Reader) -> None:
    frame = live_frame(reader, WINDOW)
    assert shown(frame) == ticks_between(store, end_of(frame) - WINDOW, end_of(frame))


def check_stream(store: ChangingStore, reader: Reader) -> None:
    """A reader far behind gets the rest, or everything."""
    life = cursor_start(reader)
    position = START + 700
    frame = live_frame(reader, WINDOW, f"{life}.{1000 * position}")
    start = end_of(frame) - WINDOW if frame.reset else position
    assert shown(frame) == ticks_between(store, start, end_of(frame))


def check_past(store: ChangingStore, reader: Reader) -> None:
    start, end = START + 130, START + 1330
    assert shown(past_frame(reader, 1000 * start, 1000 * end)) == ticks_between(store, start, end)


def check_minutes(store: ChangingStore, reader: Reader) -> None:
    frame = live_frame(reader, WINDOW, metrics={"v"}, max_values=45)
    assert frame.step == COARSE_STEP
    end = int(frame.t[-1]) // 1000
    first = min(shown(frame))
    for at in range(first, end + 1, COARSE_STEP):
        values = [*ticks_between(store, at - COARSE_STEP, at).values()]
        index = frame.t.tolist().index(1000 * at)
        assert frame.low["v"][index] == min(values)
        assert frame.high["v"][index] == max(values)
        assert frame.y["v"][index] == pytest.approx(sum(values) / len(values), abs=0.01)
    newest = reader.newest().time_ms // 1000
    assert newest - COARSE_STEP - 100 < end <= newest
    assert first <= end - WINDOW + 2 * COARSE_STEP


def check_csv(store: ChangingStore, reader: Reader) -> None:
    api = Api(reader, window=WINDOW, interval=STEP)
    start, end = START + 130, START + 1790
    rows = read(api, f"metrics=v&from={1000 * start}&to={1000 * end}")
    cells = {time // 1000: float(cell) for time, (cell,) in rows.items()}
    assert cells == ticks_between(store, start, min(end, max(cells)))
    assert max(cells) >= START + 1780


def check_shared_view(store: ChangingStore, reader: Reader) -> None:
    frame = live_frame(SharedViewReader(reader, SharedView(("one",), 1000.0)), WINDOW)
    assert shown(frame) == ticks_between(store, end_of(frame) - 1000, end_of(frame))


def check_overlay(store: ChangingStore, reader: Reader) -> None:
    fleet = Fleet()
    frame = live_frame(OverlayReader({"a": reader, "b": reader}, fleet, ClockSkews(fleet)), WINDOW)
    end = end_of(frame)
    for key in ("a/v", "b/v"):
        # The first host may have been read before the last tick.
        assert shown(frame, key).items() >= ticks_between(store, end - WINDOW, START + 1780).items()
    assert shown(frame, "b/v") == ticks_between(store, end - WINDOW, end)


KINDS = [pytest.param(kind, marks=needs_redis if kind in REDIS else ()) for kind in KINDS_OF_READERS]
CHECKS: list[Callable[[ChangingStore, Reader], None]] = [
    check_window,
    check_stream,
    check_past,
    check_minutes,
    check_csv,
    check_shared_view,
    check_overlay,
]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("kind", KINDS)
def test_response_is_complete_when_store_changes_during_read(
    kind: str, check: Callable[[ChangingStore, Reader], None], tmp_path: Path, links: Links
) -> None:
    calm = ChangingStore(kind, tmp_path / "calm", links(kind))
    check(calm, calm.reader())
    calm.close()
    assert calm.moments
    # All moments with --thorough; otherwise each check has other ones.
    every = amount(2, 1)
    for at in range(CHECKS.index(check) % every, calm.moments, every):
        changing = ChangingStore(kind, tmp_path / f"{at}", links(kind), tmp_path / "calm")
        changing.at = at
        try:
            check(changing, changing.reader())
        except AssertionError as error:
            error.add_note(f"the store changed at moment {at} of {calm.moments}")
            raise
        finally:
            changing.close()


@needs_redis
def test_overlay_has_archived_ticks_of_host_with_shorter_log(tmp_path: Path, links: Links) -> None:
    """The log of one host covers the window, and that of the other does not."""
    hosts = {
        "long": ChangingStore("memory", tmp_path / "long", None),
        "short": ChangingStore(REDIS[0], tmp_path / "short", links(REDIS[0])),
    }
    fleet = Fleet()
    readers = {name: host.reader() for name, host in hosts.items()}
    frame = live_frame(OverlayReader(readers, fleet, ClockSkews(fleet)), WINDOW)
    for name, host in hosts.items():
        assert shown(frame, f"{name}/v") == ticks_between(host, end_of(frame) - WINDOW, end_of(frame))
        host.close()
