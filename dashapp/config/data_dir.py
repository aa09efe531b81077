"""Folders: where the history is kept, and whether it can be."""

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
    """The folder to keep the history in; None for memory.

    Without `--store`: `data/` here, or the per-user data folder where that cannot be written.
    """
    if settings.store == MEMORY_STORE:
        return None
    if settings.store:
        return Path(settings.store)
    here = Path("data")
    return here if can_write(here) else user_data_directory()


def user_data_directory() -> Path:
    """The system's per-user data folder, by its own convention (XDG, macOS, Windows)."""
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local"))
    elif os.uname().sysname == "Darwin":
        base = Path("~/Library/Application Support")
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share")
    return base.expanduser() / "dashapp"


def leader_directory(settings: Settings) -> Path:
    """Where the processes of this machine that share a Redis agree which of them keeps its collector. OSError
    where there is no room for one."""
    mark = f"{zlib.crc32(f'{settings.store} {settings.host_name}'.encode()):08x}"
    with suppress(RuntimeError):  # a user without a home
        folder = user_data_directory() / f"{'redis' if is_redis(settings.store) else 'store'}-{mark}"
        if can_write(folder):
            return folder
    # A container's user may have a number and no name.
    user = getpass.getuser() if os.name == "nt" else os.getuid()
    return Path(tempfile.gettempdir()) / f"dashapp-{user}-{mark}"


def web_state_directory(settings: Settings, store: Path | None) -> Path | None:
    """Where the web processes of this machine keep what they share and no store holds: in the store's folder,
    or in one of their own where that is none or cannot be written. None where nothing can be kept."""
    if store is not None and can_write(store):
        return store
    try:
        folder = leader_directory(
            settings if store is None else replace(settings, store=str(store.absolute()))
        )
        return folder if can_write(folder) and _is_private(folder) else None
    except OSError:  # not even a folder for what is temporary
        return None


def _is_private(folder: Path) -> bool:
    """Whether nobody else can have put anything there: where all may make folders, another may have."""
    if os.name == "nt":
        return True
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def can_write(folder: Path) -> bool:
    """Whether files can be made in `folder`, which is made where it is missing."""
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True
