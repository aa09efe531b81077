"""A collector that is killed during a rewind completes it at its next start."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from redis_server import needs_redis
from rewound_store import (
    START,
    assert_history,
    compact_promptly,
    copied,
    copied_in_redis,
    expected_ticks,
    fill,
    filled_store,
    finish,
    points,
    rewind,
)
from store_variants import Kept, Links, PromptStore, links_by_kind
from thorough import amount

from dashapp.stores.base import Rewind
from dashapp.stores.disk.block_storage import DiskBlockStorage
from dashapp.stores.disk.documents import JournalFile
from dashapp.stores.disk.mmap_tail import RingBuffer
from dashapp.stores.disk.row_log import RowLog
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import HOUR
from dashapp.stores.redis.archive import RedisBlockStorage, RedisJournal, RedisRowSource

links = pytest.fixture(scope="module")(links_by_kind)
filled_folder = pytest.fixture(scope="module")(filled_store)
_prompt_compaction = pytest.fixture(autouse=True)(compact_promptly)


class KilledError(BaseException):
    """An error that no handler of dashapp catches, as none catches SIGKILL."""


class Killer:
    """Kills at the n-th write of a rewind: before it or after it."""

    def __init__(self, patch: pytest.MonkeyPatch, methods: list[tuple[type, str]], at: int) -> None:
        self.remaining = at
        for owner, name in methods:
            patch.setattr(owner, name, self._wrap(getattr(owner, name)))

    def _wrap(self, method: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            self._count()
            result = method(*args, **kwargs)
            self._count()
            return result

        return call

    def _count(self) -> None:
        self.remaining -= 1
        if self.remaining == 0:
            raise KilledError


DISK_WRITES: list[tuple[type, str]] = [
    *((DiskBlockStorage, name) for name in ("put", "drop_block", "replace_newest", "add")),
    (RowLog, "replace_end"),
    (JournalFile, "write"),
    (RingBuffer, "reset"),
]


@pytest.mark.parametrize("restores", [False, True])
def test_rewind_is_completed_after_kill_at_any_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filled_folder: Path, restores: bool
) -> None:
    """A killed collector finds ticks from the future again at its next start, or the journal."""
    cut = 6 * HOUR + 1234
    kill_at, was_killed = 1, True
    while was_killed:
        found = copied(filled_folder, tmp_path / f"store{kill_at}")
        if restores:
            rewind(found, cut)
            fill(found, cut, cut + 1200)
        with monkeypatch.context() as patch:
            killer = Killer(patch, DISK_WRITES, kill_at)
            with suppress(KilledError):
                rewind(found, cut, restores)
        was_killed = killer.remaining <= 0
        assert isinstance(found.store, DiskStore)
        found.store._close_files()
        found.reopen()
        complete_after_kill(found, cut, restores)
        fill(found, 8 * HOUR, 8.5 * HOUR)
        assert_history(found.reader, (0, 8.5 * HOUR))
        found.close()
        kill_at += amount(13, 1)
    assert kill_at > 20


def complete_after_kill(found: Kept, cut: float, restores: bool) -> None:
    """Do what the collector does at its start, and bring the history back to eight hours."""
    newest = found.store.newest().time_ms / 1000 - START
    if not restores and newest > cut:
        rewind(found, cut)
        newest = cut
    ticks = points(found.reader)[0]
    assert ticks[: len(expected_ticks((0, cut)))] == expected_ticks((0, cut))
    if not restores:
        assert_history(found.reader, (0, cut))
    elif newest < 8 * HOUR or ticks != expected_ticks((0, 8 * HOUR)):
        # The ticks of the wrong clock are there, or those that it hid are not yet back.
        rewind(found, cut)
        newest = cut
    fill(found, newest, 8 * HOUR)


REDIS_WRITES: list[tuple[type, str]] = [
    *((RedisBlockStorage, name) for name in ("put", "drop_block", "replace_newest", "add")),
    (RedisRowSource, "replace_end"),
    (RedisJournal, "write"),
]


@pytest.mark.parametrize("restores", [False, True])
@needs_redis
def test_rewind_in_redis_is_completed_after_kill_at_any_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: Links, restores: bool
) -> None:
    cut = 6 * HOUR + 1234
    found = copied_in_redis(links, tmp_path)
    kill_at, was_killed = 1, True
    while was_killed:
        if restores:
            rewind(found, cut)
            fill(found, cut, cut + 1200)
        store = found.store
        assert isinstance(store, PromptStore)
        store.writer.stop()  # from here on, the test is the writer's thread
        with monkeypatch.context() as patch:
            killer = Killer(patch, REDIS_WRITES, kill_at)
            store.rewind(Rewind(round((START + cut) * 1000), restores))
            with suppress(KilledError):
                store.writer.round()
        was_killed = killer.remaining <= 0
        store.lease.release()
        found.reopen()
        finish(found)
        complete_after_kill(found, cut, restores)
        assert_history(found.reader, (0, 8 * HOUR))
        kill_at += amount(13, 1)
    assert kill_at > 20
    found.close()
