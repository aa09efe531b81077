"""Split a byte stream into lines, of which at most the longest is in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LINE_END = re.compile(rb"\r\n|\r|\n")
MAX_LINE_BYTES = CHUNK_BYTES = 64 << 10


class LineReader:
    """Splits chunks into lines; skips and counts lines longer than `max_bytes` bytes.

    A line ends with a line feed, a carriage return, or both, as progress bars and Windows write them.

    >>> lines = LineReader(max_bytes=4)
    >>> list(lines.feed(b"a\\nbb")), list(lines.feed(b"b\\nlonger")), list(lines.feed(b" still\\nc\\n"))
    ([b'a'], [b'bbb'], [b'c'])
    >>> lines.skip_count, lines.remainder()
    (1, b'')
    """

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self.skip_count = 0
        self._max_bytes = max_bytes
        self._buffer = b""
        self._is_skipping = self._ended_with_return = False

    @property
    def has_partial_line(self) -> bool:
        return bool(self._buffer) or self._is_skipping

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield every line that ends in `chunk`."""
        if self._ended_with_return and chunk[:1] == b"\n":
            chunk = chunk[1:]
        self._ended_with_return = chunk[-1:] == b"\r" if chunk else self._ended_with_return
        *parts, last = _LINE_END.split(chunk)
        for part in parts:
            line, self._buffer = self._buffer + part, b""
            if self._is_skipping:
                self._is_skipping = False
            elif len(line) > self._max_bytes:
                self.skip_count += 1
            else:
                yield line
        if not self._is_skipping:
            self._buffer += last
            if len(self._buffer) > self._max_bytes:
                self._buffer, self._is_skipping = b"", True
                self.skip_count += 1

    def skip(self) -> None:
        """Skip everything up to the beginning of the next line."""
        self._is_skipping = True

    def remainder(self) -> bytes:
        """Return and clear the text after the last end of a line."""
        rest, self._buffer = self._buffer, b""
        return rest
