"""Folders for the history: here, the user's where here cannot be written, and the owner's alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dashapp.config import Settings
from dashapp.folders import can_write, store_folder, user_folder


def test_without_a_store_data_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert store_folder(Settings()) == Path("data")
    assert store_folder(Settings(store="memory:")) is None
    assert store_folder(Settings(store="x")) == Path("x")


def test_without_a_writable_folder_here_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    Path("data").write_text("a file is in the way")
    assert store_folder(Settings()) == user_folder()


@pytest.mark.skipif(os.name == "nt", reason="paths of Unix")
def test_the_folder_is_the_owners_alone(tmp_path: Path) -> None:
    assert can_write(tmp_path / "a")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
    assert not list((tmp_path / "a").iterdir())
    assert not can_write(Path("/proc/nothing"))
