"""Content encodings: which one a client accepts, and the compressed forms of a file."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from threading import Lock

BROTLI, GZIP = "br", "gzip"
# Characters of an Accept-Encoding header that count.
MAX_HEADER_LENGTH = 500
# Brotli at 6 takes as long as gzip at 9, and its files have 10 % less. At 11 plotly.js would take seconds.
BROTLI_QUALITY, GZIP_LEVEL = 6, 9
# For responses that live for seconds.
FAST_BROTLI_QUALITY, FAST_GZIP_LEVEL = 1, 1


def accepts(header: str, encoding: str) -> bool:
    """Return whether an Accept-Encoding header allows an encoding (RFC 9110, 12.5.3).

    >>> [accepts(text, "br") for text in ("gzip, br", "*", "BR;q=1", "br;q=0, *", "br; q=0.0", "gzip", "bro")]
    [True, True, True, False, False, False, False]
    """
    weights: dict[str, bool] = {}
    for part in header[:MAX_HEADER_LENGTH].lower().split(","):
        name, _, parameters = part.partition(";")
        quality = parameters.replace(" ", "").removeprefix("q=")
        # Any text but a zero counts as a weight.
        weights[name.strip()] = not quality or bool(quality.strip("0."))
    return weights.get(encoding, weights.get("*", False))


class EncodedBody:
    """A body with its compressed forms; each is made when the first client accepts it.

    `prepared`: the body as Brotli, which the package may contain. It is used only if it is this body.
    """

    def __init__(
        self, body: bytes, *, compressible: bool, fast: bool = False, prepared: bytes | None = None
    ) -> None:
        self.plain = body
        self._compressible = compressible
        self._fast = fast
        self._prepared = prepared
        self._forms: dict[str, bytes | None] = {}
        # One request compresses a file, and the others wait for it.
        self._lock = Lock()

    def of(self, accept_encoding: str) -> tuple[bytes, str]:
        """Return the body for a client and its content encoding, which is empty for the plain one."""
        if self._compressible:
            for encoding, compress in ((BROTLI, self._brotli), (GZIP, self._gzip)):
                if (
                    accepts(accept_encoding, encoding)
                    and (body := self._form(encoding, compress)) is not None
                ):
                    return body, encoding
        return self.plain, ""

    def _form(self, encoding: str, compress: Callable[[], bytes | None]) -> bytes | None:
        with self._lock:
            if encoding not in self._forms:
                self._forms[encoding] = compress()
            return self._forms[encoding]

    def _gzip(self) -> bytes:
        return gzip.compress(self.plain, FAST_GZIP_LEVEL if self._fast else GZIP_LEVEL, mtime=0)

    def _brotli(self) -> bytes | None:
        """Return None without the package brotli, which has no wheel for some systems."""
        try:
            import brotli
        except ImportError:
            return None
        if self._prepared is not None:
            try:
                if brotli.decompress(self._prepared) == self.plain:
                    return self._prepared
            except brotli.error:
                pass
        compressed: bytes = brotli.compress(
            self.plain, quality=FAST_BROTLI_QUALITY if self._fast else BROTLI_QUALITY
        )
        return compressed
