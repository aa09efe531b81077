"""Notices in files beside the store, from one process for the pages of others.

There is one small file per speaker, so that the collector and its supervisor never overwrite each other.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from dashapp.stores.notices import LoggedNotice


def read_notices(folder: Path) -> list[str]:
    """Return the current notices of a store, one sentence each."""
    notices = []
    for path in sorted(folder.glob("*.notice")):
        with suppress(OSError, UnicodeDecodeError):
            if text := path.read_text()[:500].strip():
                notices.append(text)
    return notices


class NoticeFile(LoggedNotice):
    def __init__(self, folder: Path, speaker: str) -> None:
        super().__init__(self._replace)
        self._path = folder / f"{speaker}.notice"

    def clear(self) -> None:
        # Another process may have written the file since this one last did.
        self._sentence = None
        super().clear()

    def _replace(self, sentence: str) -> None:
        with suppress(OSError):  # the sentence may be about the disk
            if sentence:
                self._path.write_text(sentence)
            else:
                self._path.unlink(missing_ok=True)
