"""Folders: where the history is kept, and whether it can be."""

from __future__ import annotations

import getpass
import os
import tempfile
import zlib
from pathlib import Path

from dashapp.config import Settings
from dashapp.values import MEMORY


def store_folder(settings: Settings) -> Path | None:
    """The folder to keep the history in; None for memory.

    Without `--store`: `data/` here, or the per-user data folder where that cannot be written.
    """
    if settings.store == MEMORY:
        return None
    if settings.store:
        return Path(settings.store)
    here = Path("data")
    return here if can_write(here) else user_folder()


def user_folder() -> Path:
    """The system's per-user data folder, by its own convention (XDG, macOS, Windows)."""
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local"))
    elif os.uname().sysname == "Darwin":
        base = Path("~/Library/Application Support")
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share")
    return base.expanduser() / "dashapp"


def turn_folder(settings: Settings) -> Path:
    """Where the processes of this machine that share a Redis agree which of them keeps its collector."""
    mark = f"{zlib.crc32(f'{settings.store} {settings.known_as}'.encode()):08x}"
    folder = user_folder() / f"redis-{mark}"
    return (
        folder if can_write(folder) else Path(tempfile.gettempdir()) / f"dashapp-{getpass.getuser()}-{mark}"
    )


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
