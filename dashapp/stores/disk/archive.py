"""Opens the archive of a folder."""

from __future__ import annotations

from pathlib import Path

from dashapp.stores.disk.space import DiskSpace
from dashapp.stores.history.archive import Archive, Retention


def open_archive(folder: Path, retention: Retention) -> Archive:
    """Open the archive alone, as without a log. It keeps the folder below `retention.size`."""
    space = DiskSpace(folder, retention)
    return Archive(space.levels.open, retention, space)
