"""Documents in files: no disk error escapes, and an empty document replaces an older one."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashapp.stores.disk.documents import DocumentFile, DocumentFiles
from dashapp.stores.documents import DELIVERIES


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
