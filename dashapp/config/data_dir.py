"""Directories for the history and for shared state, and whether they are writable."""

from __future__ import annotations

import getpass
import os
import stat
import tempfile
import zlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from dashapp.config.parsers import MEMORY_STORE, is_redis
from dashapp.config.settings import Settings


def store_directory(settings: Settings) -> Path | None:
    """Return the directory of the history; None for the memory store.

    Without `--store`: `data/` in the working directory, or the per-user data directory if `data/` is not
    writable.
    """
    if settings.store == MEMORY_STORE:
        return None
    if settings.store:
        return Path(settings.store)
    local = Path("data")
    return local if can_write(local) else user_data_directory()


def user_data_directory() -> Path:
    """Return the per-user data directory by the system's convention (XDG, macOS, Windows)."""
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local"))
    elif os.uname().sysname == "Darwin":
        base = Path("~/Library/Application Support")
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share")
    return base.expanduser() / "dashapp"


def leader_directory(settings: Settings) -> Path:
    """Return the directory in which the processes of this machine elect their collector.

    It is for processes that share a Redis or a store directory, and may be missing. Raise OSError if there is
    no usable temporary directory, or another user may have created the one in it.
    """
    digest = f"{zlib.crc32(f'{settings.store} {settings.host_name}'.encode()):08x}"
    with suppress(RuntimeError):  # a user without a home
        folder = user_data_directory() / f"{'redis' if is_redis(settings.store) else 'store'}-{digest}"
        if can_write(folder):
            return folder
    # In a container, a user may have a number but no name.
    user = getpass.getuser() if os.name == "nt" else os.getuid()
    folder = Path(tempfile.gettempdir()) / f"dashapp-{user}-{digest}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if not _is_private(folder):
        raise OSError(
            f"{folder} is not a folder of this user alone; remove it, or set XDG_DATA_HOME to a folder that "
            "this user can write to"
        )
    return folder


def web_state_directory(settings: Settings, store: Path | None) -> Path | None:
    """Return the directory for state that this machine's web processes share; None without one.

    It is the store's directory. If the store has none, or it is read-only, it is a private directory of their
    own.
    """
    if store is not None and can_write(store):
        return store
    try:
        folder = leader_directory(
            settings if store is None else replace(settings, store=str(store.absolute()))
        )
        return folder if _is_private(folder) and can_write(folder) else None
    except OSError:  # not even a temporary directory
        return None


def _is_private(folder: Path) -> bool:
    """Return whether it is a folder, no link to one, and only the current user can write to it.

    In the shared temporary directory, another user may have created it.
    """
    if os.name == "nt":
        return True
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def can_write(folder: Path) -> bool:
    """Return whether `folder` is writable; create it if it is missing."""
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True
