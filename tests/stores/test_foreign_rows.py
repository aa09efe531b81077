"""Foreign rows in the store are neither executed nor shown, and stop no reader or writer."""

from __future__ import annotations

import os
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from processes import stored
from tick_pages import last_page

from dashapp.model.ticks import Tick
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore


def tick(second: int) -> Tick:
    return Tick(second, 1, {"cpu.percent": second % 100})


class Planted:
    """An object that runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path(os.environ["PLANTED"]),))


@pytest.mark.parametrize("newest", [True, False])
@pytest.mark.parametrize("tail", [True, False])
def test_disk_store_never_unpickles_foreign_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newest: bool, tail: bool
) -> None:
    """CVE-2025-69872: no read, write or removal of old rows loads a pickle."""
    proof = tmp_path / "proof"
    monkeypatch.setenv("PLANTED", str(proof))
    folder = tmp_path / "s"
    store = DiskStore(folder, keep=20)
    for second in range(1, 6):
        store.append(tick(second))
    store.close()
    rows = [(sqlite3.Binary(pickle.dumps(Planted())), 4, 1), ("no tick", 1, 1), ("[1e999,1,{}]", 1, 1)]
    rows += [(sqlite3.Binary(b"\x80\x04N."), 4, 0)]
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as connection:
        ((low, high),) = connection.execute("SELECT MIN(key), MAX(key) FROM Cache").fetchall()
        for number, (value, mode, raw) in enumerate(rows, 1):
            key = high + number if newest else low - number
            connection.execute(
                "INSERT INTO Cache(key, raw, store_time, access_time, mode, value) VALUES (?, ?, 0, 0, ?, ?)",
                (key, raw, mode, value),
            )
    if not tail:
        (folder / "tail").unlink()
    assert [each.time for each in last_page(DiskReader(folder), 100).ticks] == [1, 2, 3, 4, 5]
    again = DiskStore(folder, keep=20)
    for second in range(6, 60):
        again.append(tick(second))
    assert [each.time for each in again.since(50, 100)] == list(range(51, 60))
    again.close()
    # The row whose key is no number may stay and occupy one place.
    assert stored(folder)[-19:] == [1000 * second for second in range(41, 60)]
    assert len(stored(folder)) <= 20
    assert not proof.exists()
    pickle.loads(pickle.dumps(Planted()))
    assert proof.exists(), "the plant works where it is read"
