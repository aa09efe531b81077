"""The writer lock of a folder. The system frees it when its process dies."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from dashapp.model.ticks import StoreLockedError
from dashapp.process.file_lock import lock_file


class WriterLock:
    """Held from construction to `close`. StoreLockedError if another process holds it."""

    def __init__(self, folder: Path) -> None:
        path = folder / "writer.lock"
        # The holder's process id is in a file beside the lock, because Windows lets no process read a locked
        # byte.
        holder = folder / "writer.pid"
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            lock_file(self._descriptor)
        except OSError:
            os.close(self._descriptor)
            name = "unknown"
            with suppress(OSError):
                name = holder.read_text(errors="replace").strip() or name
            raise StoreLockedError(f"another collector (process {name}) already writes to {folder}") from None
        with suppress(OSError):  # a full disk: the lock works all the same
            holder.write_text(str(os.getpid()))

    def close(self) -> None:
        os.close(self._descriptor)
