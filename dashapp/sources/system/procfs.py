"""Open files of /proc or /sys, and the numbers in them.

A file stays open, because opening it takes several times as long as reading it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from itertools import takewhile
from pathlib import Path

# The kernel writes most of these files one page at a time; a few are longer.
CHUNK_BYTES = 16384
# A shorter read is the end of a small file. No file of the kernel that is read here is larger than the limit.
MIN_FULL_READ, MAX_FILE_BYTES = 2048, 8_000_000


class ProcFile:
    """A file whose content the kernel generates when it is read from its start."""

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._descriptor = -1

    def read(self) -> bytes:
        """Return the current content.

        Raises OSError if that fails; the next call opens the file again.
        """
        if self._descriptor < 0:
            self._descriptor = os.open(self.path, os.O_RDONLY)
        try:
            content = chunk = os.pread(self._descriptor, CHUNK_BYTES, 0)
            # A short read is not the end: the kernel returns whole records, up to one page at once.
            while chunk:
                chunk = os.pread(self._descriptor, CHUNK_BYTES, len(content))
                content += chunk
        except OSError:
            self.close()
            raise
        return content

    def close(self) -> None:
        if self._descriptor >= 0:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()


def whole_numbers(words: Iterable[bytes]) -> list[int]:
    """Return the numbers at the start of `words`, up to the first word that is none.

    >>> whole_numbers([b"10", b"0", b"x", b"3"])
    [10, 0]
    """
    return [int(word) for word in takewhile(bytes.isdigit, words)]


def number_after(name: bytes, content: bytes) -> int | None:
    """Return the whole number after `name` at the start of a line, or None."""
    start = 0 if content.startswith(name) else content.find(b"\n" + name) + 1
    if start == 0 and not content.startswith(name):
        return None
    words = content[start + len(name) : start + len(name) + 40].split(None, 1)
    try:
        return int(words[0]) if words else None
    except ValueError:
        return None


def read_file(path: str | Path) -> bytes:
    """Return the content of a file that is read rarely; empty if it cannot be read.

    Faster than `Path.read_bytes` by half. A folder of the kernel can disappear at any time.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (OSError, ValueError):
        return b""
    try:
        content = chunk = os.read(descriptor, CHUNK_BYTES)
        # The kernel returns whole pages of a longer file.
        while len(chunk) >= MIN_FULL_READ and len(content) < MAX_FILE_BYTES:
            chunk = os.read(descriptor, CHUNK_BYTES)
            content += chunk
    except OSError:
        return b""
    finally:
        os.close(descriptor)
    return content


def read_regular_file(path: str | Path, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of a regular file; empty for anything else, and for a larger one.

    For a folder of another user, who may put a pipe there, which blocks, or a link to a device, which can
    react to an open. O_PATH opens neither.
    """
    try:
        descriptor = os.open(path, os.O_PATH)
    except (OSError, ValueError):
        return b""
    try:
        status = os.fstat(descriptor)
        is_readable = stat.S_ISREG(status.st_mode) and status.st_size <= max_bytes
        return read_file(f"/proc/self/fd/{descriptor}") if is_readable else b""
    finally:
        os.close(descriptor)
