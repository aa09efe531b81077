"""Documents in files: no disk error escapes, and an empty document replaces an older one."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashapp.model.thresholds import AlertChange, AlertState, Threshold
from dashapp.stores.disk.documents import DocumentFile, DocumentFiles
from dashapp.stores.disk.notices import NoticeFile, read_notices
from dashapp.stores.documents import CHANGES, DELIVERIES, THRESHOLDS


def test_put_of_empty_document_ignores_unreadable_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> bool:
        raise PermissionError("not allowed")

    files = DocumentFiles(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", refuse)
        files.put(DELIVERIES, {})
    files.write()
    assert DocumentFile(tmp_path, DELIVERIES).read() == {}


def test_empty_document_replaces_that_of_restored_folder(tmp_path: Path) -> None:
    files = DocumentFiles(tmp_path)
    files.put(DELIVERIES, {})
    assert list(tmp_path.iterdir()) == []
    DocumentFiles(tmp_path).put(DELIVERIES, {"old": 7})
    files.rewrite_all()
    assert DocumentFile(tmp_path, DELIVERIES).read() == {}


def test_notice_that_utf8_cannot_represent_is_written(tmp_path: Path) -> None:
    NoticeFile(tmp_path, "sources").set("caf\udce9.csv is missing")
    assert read_notices(tmp_path) == ["caf\N{REPLACEMENT CHARACTER}.csv is missing"]


def test_delivered_alerts_are_stored_on_full_disk(tmp_path: Path) -> None:
    """A folder has the name of the temporary file, so the files cannot get more room.

    Otherwise a collector that is killed now would send these alerts again.
    """
    files = DocumentFiles(tmp_path)
    files.put(DELIVERIES, {"address": 7})
    (tmp_path / "sent.new").mkdir()
    for number in (9, 10, 123_456):
        files.put(DELIVERIES, {"address": number})
        assert DocumentFile(tmp_path, DELIVERIES).read() == {"address": number}
    longer = {"address" * 20: 1}
    files.put(DELIVERIES, longer)
    assert DocumentFile(tmp_path, DELIVERIES).read() == {"address": 123_456}
    (tmp_path / "sent.new").rmdir()
    files.write()
    assert DocumentFile(tmp_path, DELIVERIES).read() == longer


def test_states_wait_until_changes_are_written(tmp_path: Path) -> None:
    """A folder has the name of the temporary file, so that even root cannot write the file."""
    files = DocumentFiles(tmp_path)
    hot = Threshold.parse("a > 1")
    (tmp_path / "changes.new").mkdir()
    files.put(CHANGES, [AlertChange(hot, True, 5.0, 7.0, 1)])
    files.put(THRESHOLDS, [AlertState(hot, True, 5.0)])
    files.put(DELIVERIES, {"address": 0})
    files.write()
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["sent.json"]
    (tmp_path / "changes.new").rmdir()
    files.write()
    assert DocumentFile(tmp_path, THRESHOLDS).read() == [AlertState(hot, True, 5.0)]
    assert [change.number for change in DocumentFile(tmp_path, CHANGES).read()] == [1]
