"""Notices: sentences that stay on the page until their speaker clears them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from dashapp.model.text import printable

log = logging.getLogger("dashapp")

# Minimum seconds between two log lines of one speaker.
LOG_INTERVAL_S = 60.0


class StoredNotice:
    """The notice of one speaker. Passes new sentences to `write`; an empty text clears it."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._sentence: str | None = None

    def set(self, sentence: str) -> None:
        sentence = printable(sentence)
        if sentence != self._sentence:
            self._sentence = sentence
            self._write(sentence)

    def clear(self) -> None:
        self.set("")


class LoggedNotice(StoredNotice):
    """A notice that is also logged, at most once a minute, and written again then."""

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__(write)
        self._logged = float("-inf")

    def set(self, sentence: str) -> None:
        now = time.monotonic()
        if sentence and now - self._logged >= LOG_INTERVAL_S:
            self._logged = now
            log.warning(printable(sentence))
            self._sentence = None
        super().set(sentence)
