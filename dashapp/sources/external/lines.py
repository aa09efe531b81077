"""Lines: text lines out of a stream of bytes, never more held than the longest that is read.

Knows neither where the bytes come from nor what a line means.
"""

from __future__ import annotations

from collections.abc import Iterator

LONGEST = CHUNK = 64 << 10


class Lines:
    """What is longer than `longest` bytes is skipped up to its end, and counted in `skipped`.

    >>> lines = Lines(longest=4)
    >>> list(lines.feed(b"a\\nbb")), list(lines.feed(b"b\\nlonger")), list(lines.feed(b" still\\nc\\n"))
    ([b'a'], [b'bbb'], [b'c'])
    >>> lines.skipped, lines.rest()
    (1, b'')
    """

    def __init__(self, longest: int = LONGEST) -> None:
        self.skipped = 0
        self._longest = longest
        self._held = b""
        self._skipping = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Every line that `chunk` ends."""
        *ended, last = chunk.split(b"\n")
        for part in ended:
            line, self._held = self._held + part, b""
            if self._skipping:
                self._skipping = False
            elif len(line) > self._longest:
                self.skipped += 1
            else:
                yield line
        if not self._skipping:
            self._held += last
            if len(self._held) > self._longest:
                self._held, self._skipping = b"", True
                self.skipped += 1

    def skip(self) -> None:
        """Leave out what comes before the next line's beginning."""
        self._skipping = True

    def rest(self) -> bytes:
        """What no line's end has followed yet; forgotten here."""
        rest, self._held = self._held, b""
        return rest
