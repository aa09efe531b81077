"""Notices in files beside the store: sentences that a process leaves there for the page to show.

One small file a speaker, so that the collector and its supervisor never write over each other.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from pathlib import Path

log = logging.getLogger("dashapp")


def read_notices(folder: Path) -> list[str]:
    """What there is to say about this store now, one sentence each."""
    found = []
    for path in sorted(folder.glob("*.notice")):
        with suppress(OSError, UnicodeDecodeError):
            if text := path.read_text()[:500].strip():
                found.append(text)
    return found


class NoticeFile:
    """One speaker's sentence: shown on the page while it holds, logged at most once a minute."""

    def __init__(self, folder: Path, speaker: str) -> None:
        self._path = folder / f"{speaker}.notice"
        self._said: str | None = None
        self._logged = float("-inf")

    def set(self, sentence: str) -> None:
        if sentence == self._said and time.monotonic() - self._logged < 60:
            return
        if time.monotonic() - self._logged >= 60:
            self._logged = time.monotonic()
            log.warning(sentence)
        self._said = sentence
        with suppress(OSError):  # the disk may be what the sentence is about
            self._path.write_text(sentence)

    def clear(self) -> None:
        self._said = None
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
