"""Folders for the history: `./data` or else the user's folder, readable by the owner only."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from dashapp.config.data_dir import (
    can_write,
    leader_directory,
    store_directory,
    user_data_directory,
    web_state_directory,
)
from dashapp.config.settings import Settings


def test_store_directory_is_data_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert store_directory(Settings()) == Path("data")
    assert store_directory(Settings(store="memory:")) is None
    assert store_directory(Settings(store="x")) == Path("x")


def test_store_directory_falls_back_to_user_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    Path("data").write_text("a file is in the way")
    assert store_directory(Settings()) == user_data_directory()


@pytest.mark.skipif(os.name == "nt", reason="paths of Unix")
def test_can_write_creates_directory_for_owner_only(tmp_path: Path) -> None:
    assert can_write(tmp_path / "a")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
    assert not list((tmp_path / "a").iterdir())
    assert not can_write(Path("/proc/nothing"))


REDIS = Settings(store="redis://h", name="m")


def test_web_state_directory_uses_user_directory_with_redis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert web_state_directory(REDIS, tmp_path / "store") == tmp_path / "store"
    beside = web_state_directory(REDIS, None)
    assert beside is not None
    assert beside == leader_directory(REDIS) == web_state_directory(REDIS, None)
    assert beside.parent == user_data_directory()
    assert beside.stat().st_mode & 0o777 == 0o700
    read = web_state_directory(REDIS, Path("/proc/nothing"))
    assert read is not None
    assert read.parent == user_data_directory()
    assert read != beside


def test_web_state_directory_uses_only_safe_temporary_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/proc/nothing")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    beside = web_state_directory(REDIS, None)
    assert beside is not None
    assert beside.parent == tmp_path
    assert beside.stat().st_mode & 0o777 == 0o700
    # If other users can write to the folder, they may know a key in it.
    beside.chmod(0o777)
    assert web_state_directory(REDIS, None) is None
    beside.rmdir()
    (tmp_path / "planted").mkdir(mode=0o700)
    beside.symlink_to(tmp_path / "planted")
    assert web_state_directory(REDIS, None) is None
    assert not list((tmp_path / "planted").iterdir())
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nothing")
    assert web_state_directory(REDIS, None) is None


@pytest.mark.parametrize("planted", ["open folder", "link", "file", "dangling link"])
def test_leader_directory_rejects_what_another_user_may_have_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planted: str
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/proc/nothing")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = leader_directory(REDIS)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert leader_directory(REDIS) == folder
    folder.rmdir()
    target = tmp_path / "target"
    if planted == "open folder":
        folder.mkdir()
        folder.chmod(0o770)
    elif planted == "file":
        folder.touch(mode=0o600)
    else:
        folder.symlink_to(target)
        if planted == "link":
            target.mkdir(mode=0o700)
    with pytest.raises(OSError, match=r"is not a folder of this user alone; remove it, or set XDG_DATA_HOME"):
        leader_directory(REDIS)
    assert not target.exists() or not list(target.iterdir())


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")
def test_leader_directory_rejects_folder_of_another_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/proc/nothing")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    os.chown(leader_directory(REDIS), 65534, 65534)
    with pytest.raises(OSError, match="is not a folder of this user alone"):
        leader_directory(REDIS)
