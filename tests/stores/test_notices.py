"""Notices: one sentence a speaker, shown while it holds, logged at most once a minute."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from dashapp.model.notices import os_error_reason
from dashapp.stores.disk.notices import NoticeFile, read_notices


def test_each_speaker_has_one_sentence(tmp_path: Path) -> None:
    one, two = NoticeFile(tmp_path, "one"), NoticeFile(tmp_path, "two")
    one.set("first")
    one.set("second")
    two.set("third")
    assert read_notices(tmp_path) == ["second", "third"]
    one.clear()
    assert read_notices(tmp_path) == ["third"]
    one.clear()


def test_the_same_trouble_is_logged_once_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 1000.0
    monkeypatch.setattr("dashapp.stores.notices.time", SimpleNamespace(monotonic=lambda: now))
    notice = NoticeFile(tmp_path, "one")
    with caplog.at_level(logging.WARNING):
        for second in range(180):
            now = 1000.0 + second
            notice.set(f"trouble {second % 2}")
    assert len(caplog.records) == 3


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xff\xfe\x00"])
def test_what_is_no_sentence_is_not_shown(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.notice").write_bytes(content)
    assert read_notices(tmp_path) == []


def test_why_something_failed_is_told_without_the_path() -> None:
    assert os_error_reason(FileExistsError(17, "File exists", "/home/anna/store/minutes")) == "File exists"
    assert os_error_reason(sqlite3.OperationalError("database is locked")) == "database is locked"
    assert os_error_reason(ValueError()) == ""


def test_a_sentence_has_an_end(tmp_path: Path) -> None:
    (tmp_path / "x.notice").write_text("x" * 10_000)
    assert len(read_notices(tmp_path)[0]) == 500


def test_where_nothing_can_be_written_nothing_is_raised(tmp_path: Path) -> None:
    notice = NoticeFile(tmp_path / "gone", "one")
    notice.set("trouble")
    notice.clear()
    assert read_notices(tmp_path / "gone") == []
