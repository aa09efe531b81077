"""The signing key: equal in all processes and after restarts, readable only by its owner."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from authenticated_app import guarded, sign_in
from wsgi_client import ask

from dashapp.http.middleware.sessions import KEY_BYTES, KEY_FILE_NAME, signing_key


def test_signing_key_is_created_once_and_accessible_to_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    key = signing_key(folder, "a")
    assert signing_key(folder, "a") == key
    assert signing_key(folder, "b") != key, "another password signs everybody out"
    path = folder / KEY_FILE_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert path.read_bytes() not in key
    assert [each.name for each in folder.iterdir()] == [KEY_FILE_NAME]


def test_signing_key_is_equal_in_concurrent_processes(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: signing_key(tmp_path, "a"), range(64)))) == 1


@pytest.mark.parametrize("rubbish", [b"", b"short", b"x" * (KEY_BYTES + 1)])
def test_corrupt_signing_key_is_replaced(tmp_path: Path, rubbish: bytes) -> None:
    (tmp_path / KEY_FILE_NAME).write_bytes(rubbish)
    assert signing_key(tmp_path, "a") == signing_key(tmp_path, "a")
    assert len((tmp_path / KEY_FILE_NAME).read_bytes()) == KEY_BYTES


@pytest.mark.skipif(os.name == "nt", reason="modes of Unix")
def test_readable_signing_key_is_restricted_with_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = signing_key(tmp_path, "a")
    (tmp_path / KEY_FILE_NAME).chmod(0o644)
    assert signing_key(tmp_path, "a") == key
    assert (tmp_path / KEY_FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert "was readable by other users" in caplog.text


def test_signing_key_is_derived_from_password_without_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert signing_key(None, "a") == signing_key(None, "a") != signing_key(None, "b")
    assert signing_key(None, "") != signing_key(None, ""), "nobody can make it of nothing"
    (tmp_path / "file").touch()
    assert signing_key(tmp_path / "file" / "below", "a") == signing_key(None, "a")
    assert "cannot be stored" in caplog.text


def test_fallback_folder_is_used_only_without_password(tmp_path: Path) -> None:
    """One password creates the same key on all machines that share a store."""
    assert signing_key(None, "a", tmp_path) == signing_key(None, "a")
    assert not list(tmp_path.iterdir())
    assert signing_key(None, "", tmp_path) == signing_key(None, "", tmp_path)
    assert (tmp_path / KEY_FILE_NAME).stat().st_mode & 0o777 == 0o600
    unwritable = Path("/proc/nothing")
    assert signing_key(unwritable, "", tmp_path) == signing_key(None, "", tmp_path)


@pytest.mark.parametrize("kept", [True, False])
def test_session_survives_server_restart(tmp_path: Path, kept: bool) -> None:
    folder = tmp_path if kept else None
    cookie = sign_in(guarded(folder=folder))
    again = guarded(folder=folder)
    assert ask(again, "/api/ticks", cookie=cookie).status == 200
    other = guarded(folder=folder, password="another horse 8")
    assert ask(other, "/api/ticks", cookie=cookie).status == 401
