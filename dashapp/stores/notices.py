"""Notices: sentences that stay on the page until their speaker clears them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

log = logging.getLogger("dashapp")

# Minimum seconds between two log lines of one speaker.
LOG_INTERVAL_S = 60.0


def is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class StoredNotice:
    """The notice of one speaker. Passes new sentences to `write`; an empty text clears it."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._sentence: str | None = None

    def set(self, sentence: str) -> None:
        if sentence != self._sentence:
            self._sentence = sentence
            # The name of a file may contain bytes that UTF-8 cannot represent, and no store could write them.
            self._write(sentence if is_encodable(sentence) else sentence.encode(errors="replace").decode())

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
            log.warning(sentence)
            self._sentence = None
        super().set(sentence)
