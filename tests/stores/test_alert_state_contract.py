"""One contract for every store: alert changes, and the last change sent to each target."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from store_variants import KINDS, Kept, kept

from dashapp.model.thresholds import AlertChange, Threshold
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.documents import MAX_CHANGES

HOT = Threshold.parse("cpu.percent > 90 for 30s clear 80")
ABSENT = Threshold.parse('é{a="b"} missing for 60s')


@pytest.fixture(params=KINDS)
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    found = kept(request.param, tmp_path / "store")
    yield found
    found.close()


def test_store_returns_changes_and_deliveries_after_reopen(both: Kept) -> None:
    assert (both.reader.changes(), both.reader.deliveries()) == ([], {})
    changes = [AlertChange(HOT, True, 1000.001, 97.25, 1), AlertChange(ABSENT, True, 1001, None, 2)]
    both.store.set_changes(changes)
    both.store.set_deliveries({"0f" * 8: 1, "é": 0})
    both.reopen()
    assert (both.reader.changes(), both.reader.deliveries()) == (changes, {"0f" * 8: 1, "é": 0})
    both.store.set_changes(iter([*changes, AlertChange(HOT, False, 1002, -0.0, 3)]))
    assert both.reader.changes()[2:] == [AlertChange(HOT, False, 1002, 0.0, 3)]


def test_store_keeps_newest_changes_up_to_maximum(both: Kept) -> None:
    both.store.set_changes([AlertChange(HOT, True, 1000, 97, number + 1) for number in range(10_000)])
    assert [each.number for each in both.reader.changes()] == list(range(10_001 - MAX_CHANGES, 10_001))


def test_set_deliveries_is_safe_during_append(both: Kept) -> None:
    """Set deliveries from another thread at full speed: nothing is lost, and nothing fails."""
    done = Event()

    def tell() -> None:
        for number in range(300):
            both.store.set_deliveries({"a": number})
        done.set()

    thread = Thread(target=tell)
    thread.start()
    second = 1
    while second == 1 or not done.is_set():
        both.fill(second, 1)
        both.store.set_changes([AlertChange(HOT, True, second, 97, second)])
        second += 1
    thread.join()
    both.fill(second, 1)
    assert both.reader.deliveries() == {"a": 299}
    assert [each.number for each in both.reader.changes()] == [second - 1]


@pytest.mark.parametrize(("name", "file"), [("changes", "changes.json"), ("deliveries", "sent.json")])
@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{}x", b"7", b"null", b"[7]", b"[[]]", b"\xff\xfe", b"[" * 100_000),
        *(b'[[1, "cpu.percent > 90", true, 5]]', b'[[1, "no sentence", true, 5, 5]]', b'{"a": "x"}'),
        b'{"a": 1e999}',
        *(b'[["x", "cpu.percent > 90", true, 5, 5]]', b'[[1, "cpu.percent > 90", true, "x", 5]]'),
    ],
)
def test_disk_store_reads_corrupt_alert_file_as_empty(
    tmp_path: Path, name: str, file: str, content: bytes
) -> None:
    (tmp_path / file).write_bytes(content)
    store = DiskStore(tmp_path)
    assert not getattr(store, name)()
    getattr(store, f"set_{name}")({})
    store.close()
