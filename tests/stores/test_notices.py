"""Notices: one per name, shown while it is set, logged at most once a minute."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from dashapp.model.notices import GENERIC_NOTICE, DetailedNotice, os_error_reason, redact_for_public
from dashapp.stores.disk.notices import NoticeFile, read_notices


def test_notice_file_holds_one_notice_per_name(tmp_path: Path) -> None:
    one, two = NoticeFile(tmp_path, "one"), NoticeFile(tmp_path, "two")
    one.set("first")
    one.set("second")
    two.set("third")
    assert read_notices(tmp_path) == ["second", "third"]
    one.clear()
    assert read_notices(tmp_path) == ["third"]
    one.clear()


def test_notice_file_logs_at_most_once_per_minute(
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
def test_read_notices_skips_files_without_text(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.notice").write_bytes(content)
    assert read_notices(tmp_path) == []


def test_os_error_reason_omits_path() -> None:
    assert os_error_reason(FileExistsError(17, "File exists", "/home/anna/store/minutes")) == "File exists"
    assert os_error_reason(sqlite3.OperationalError("database is locked")) == "database is locked"
    assert os_error_reason(ValueError()) == ""


def test_read_notices_truncates_long_notice(tmp_path: Path) -> None:
    (tmp_path / "x.notice").write_text("x" * 10_000)
    assert len(read_notices(tmp_path)[0]) == 500


def test_notice_file_raises_nothing_when_folder_is_missing(tmp_path: Path) -> None:
    notice = NoticeFile(tmp_path / "gone", "one")
    notice.set("trouble")
    notice.clear()
    assert read_notices(tmp_path / "gone") == []


def test_detailed_notice_has_a_sentence_for_everyone() -> None:
    detailed = DetailedNotice("Redis at 10.0.0.5:6379: it is down", "Redis does not work now.")
    assert redact_for_public([detailed, "source /home/ada/plan.csv", "b"]) == [
        "Redis does not work now.",
        GENERIC_NOTICE,
    ]
    assert str(type(detailed)("a: " + detailed)).startswith("a: Redis at")
