"""Compaction: a damaged row or an unexpected error costs only itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashapp.model.ticks import Tick
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.space import DiskSpace
from dashapp.stores.history.archive import Archive, Retention
from dashapp.stores.history.compaction import Compactor

START = 1_700_000_400
STEP = 10


class Log:
    """The rows of a log; a position is the number of rows before it."""

    def __init__(self) -> None:
        self.rows: list[object] = []
        self._dropped = 0

    def read(self, after: int | None, limit: int) -> list[tuple[int, object]]:
        first = max(self._dropped, 0 if after is None else after + 1)
        return list(enumerate(self.rows))[first : first + limit]

    def drop(self, until: int) -> None:
        self._dropped = until + 1


class Notice:
    sentence = ""

    def set(self, sentence: str) -> None:
        self.sentence = sentence

    def clear(self) -> None:
        self.sentence = ""


class Running:
    """A compactor that gets a tick every ten seconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.log, self.notice = Log(), Notice()
        self.failing = False
        self.compactor: Compactor[int] = Compactor(self._open, self.notice, (OSError,))
        self.times: list[int] = []

    def _open(self) -> Archive:
        if self.failing:
            raise OSError(None, "the disk is gone")
        return DiskSpace(self._folder, Retention()).open_archive()

    def tick(self, second: int) -> None:
        self.times.append(1000 * (START + second))
        self.log.rows.append(row(second))
        self.compactor.run(self.log, 1000 * (START + second))

    def tick_until(self, end: int) -> None:
        for second in range(len(self.times) * STEP + STEP, end + 1, STEP):
            self.tick(second)

    def assert_all_compacted(self) -> None:
        level = DiskReader(self._folder).levels()[0]
        found = level.columns(1000 * START, 1 << 60, None).t.tolist()
        assert len(found) >= 60
        assert found == self.times[: len(found)]


def row(second: int) -> str:
    return Tick(START + second, STEP, {"a": 1.0}).encode()


DAMAGED = {
    "far future": row(10**9),
    "past": row(-(10**6)),
    "earlier tick": row(30),
    "same tick": row(200),
    "text": "no tick",
    "empty": "",
    "bytes": b"\xff",
    "number": 5,
    "nothing after the time": "[1700000600",
    "infinite time": '[1e999,1,{"a":1}]',
}


@pytest.mark.parametrize("damaged", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("second", [0, 200])
def test_damaged_row_of_log_costs_only_itself(tmp_path: Path, damaged: object, second: int) -> None:
    running = Running(tmp_path)
    running.tick_until(second)
    running.log.rows.append(damaged)
    running.tick_until(2000)
    running.assert_all_compacted()
    if second or damaged != DAMAGED["past"]:  # it may be the oldest tick
        assert running.notice.sentence.startswith("1 damaged rows of the history were skipped")


def test_compaction_begins_anew_after_unexpected_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Running(tmp_path)
    running.tick_until(600)
    with monkeypatch.context() as patch:
        patch.setattr(Archive, "append_span", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            running.tick_until(2000)
    running.tick_until(2000)
    running.assert_all_compacted()


def test_notice_of_failure_ends_as_soon_as_compaction_works(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.failing = True
    running.tick_until(100)
    assert "(the disk is gone)" in running.notice.sentence
    running.failing = False
    running.tick_until(200)
    assert running.notice.sentence == ""
