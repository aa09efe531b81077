"""Documents in files beside the log. Each file is replaced as a whole."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from typing import Generic

from dashapp.stores.document_kind import Document, Value
from dashapp.stores.documents import CHANGES, DELIVERIES, DOCUMENTS, THRESHOLDS

# Characters by which files grow, and bytes that the kernel writes as one.
PADDING_CHARS, PAGE_BYTES = 128, 4096


class DocumentFiles:
    """The writing side. Never raises the disk's errors: the next tick repeats a failed write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts: dict[str, str] = {}
        self._waiting: set[str] = set()
        # Deliveries come from another thread than the other documents.
        self._lock = Lock()

    def put(self, document: Document[Value], value: Value) -> None:
        """Write a document. An empty one is only written over another one."""
        name = _file_name(document)
        with self._lock:
            is_needed = bool(value) or name in self._texts or self._may_exist(name)
            self._texts[name] = document.encode(value)
            if is_needed:
                self._waiting.add(name)
                self._write()

    def _may_exist(self, name: str) -> bool:
        try:
            return (self._folder / name).exists()
        except OSError:
            return True

    def rewrite_all(self) -> None:
        """Write all documents again, because their folder is gone."""
        with self._lock:
            self._waiting.update(self._texts)
            self._write()

    def write(self) -> None:
        """Repeat the failed writes. Costs nothing if there are none."""
        if self._waiting:
            with self._lock:
                self._write()

    def _write(self) -> None:
        for document in DOCUMENTS:
            name = _file_name(document)
            if name not in self._waiting or (document is THRESHOLDS and _file_name(CHANGES) in self._waiting):
                continue
            path = self._folder / name
            temporary = path.with_suffix(".new")
            text = _padded(self._texts[name])
            try:
                temporary.write_text(text)
                temporary.replace(path)
            except OSError:
                # The store reports what is wrong with the disk. A full one has room for what was there.
                if document is not DELIVERIES or not _overwrite(path, text.encode()):
                    continue
            self._waiting.discard(name)


def _padded(text: str) -> str:
    """Return a text with spaces at its end, so that a slightly longer one needs no further room."""
    return text + " " * (-len(text) % PADDING_CHARS)


def _overwrite(path: Path, data: bytes) -> bool:
    """Write over the content of a file, which is not longer; return whether that worked.

    A kill leaves the old or the new content, as both fit one write to one page.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY)
    except OSError:
        return False
    try:
        fits = len(data) == os.fstat(descriptor).st_size <= PAGE_BYTES
        return fits and os.write(descriptor, data) == len(data)
    except OSError:
        return False
    finally:
        os.close(descriptor)


class DocumentFile(Generic[Value]):
    """The reading side of one document: reads its file again only after it was replaced."""

    def __init__(self, folder: Path, document: Document[Value]) -> None:
        self._path = str(folder / _file_name(document))
        self._document = document
        self._empty = document.empty()
        self._cache: tuple[tuple[int, int, int], Value] = ((0, 0, 0), self._empty)

    def read(self) -> Value:
        try:
            # A Path takes twice as long, and this runs in every request.
            status = os.stat(self._path)  # noqa: PTH116
        except OSError:
            return self._empty
        version = (status.st_ino, status.st_mtime_ns, status.st_size)
        cache = self._cache
        if version != cache[0]:
            # One assignment, because several threads read.
            self._cache = cache = (version, self._document.decode(_read_text(self._path)))
        return cache[1]


class JournalFile:
    """A text that is replaced as a whole, and outlives a crash of this process."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> str:
        return _read_text(str(self._path)) or ""

    def write(self, text: str) -> None:
        """Replace the text; an empty one removes the file. Raises OSError."""
        if not text:
            self._path.unlink(missing_ok=True)
            return
        temporary = self._path.with_suffix(".new")
        temporary.write_text(text)
        temporary.replace(self._path)


def _file_name(document: Document[Value]) -> str:
    return f"{document.name}.json"


def _read_text(path: str) -> str | None:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError):
        return None
