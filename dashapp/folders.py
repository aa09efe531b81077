"""Folders: where the history is kept, and whether it can be."""

from __future__ import annotations

import os
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
