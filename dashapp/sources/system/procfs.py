"""One small file of /proc or /sys, kept open, and the numbers in it.

Opening costs several times what reading does. Knows nothing of what the files mean.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

# The kernel writes most of these files a page at a time; a few are longer.
CHUNK_BYTES = 16384


class ProcFile:
    """A file whose content the kernel makes anew for every reading from its start."""

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._descriptor = -1

    def read(self) -> bytes:
        """All of it, as it is now. OSError where it cannot be read; the next call opens it again."""
        if self._descriptor < 0:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            whole = chunk = os.pread(self._descriptor, CHUNK_BYTES, 0)
            # A short answer is not yet the end: the kernel hands out whole records, up to a page at once.
            while chunk:
                chunk = os.pread(self._descriptor, CHUNK_BYTES, len(whole))
                whole += chunk
        except OSError:
            self.close()
            raise
        return whole

    def close(self) -> None:
        if self._descriptor >= 0:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()


def number_after(name: bytes, content: bytes) -> int | None:
    """The whole number that follows `name` at the start of a line; None where there is no such line."""
    start = 0 if content.startswith(name) else content.find(b"\n" + name) + 1
    if start == 0 and not content.startswith(name):
        return None
    words = content[start + len(name) : start + len(name) + 40].split(None, 1)
    try:
        return int(words[0]) if words else None
    except ValueError:
        return None
