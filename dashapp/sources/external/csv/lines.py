"""Read a text file line by line, with the offset and number of each line.

UTF-8 and Windows-1252 are read as they are. UTF-16 and files with CR line ends are first converted to a
temporary file, so that any other code knows only lines that end with LF.
"""

from __future__ import annotations

import codecs
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dashapp.model.ticks import SourceError

# A line of 1,000 columns with long names fits. A longer line is skipped.
MAX_LINE_BYTES = 512 << 10
SAMPLE_BYTES = CHUNK_BYTES = 64 << 10

# Files that are no text, by their first bytes, and what to do.
_BINARY_FILES = {
    b"PK\x03\x04": "is an Excel workbook or an archive; save it as CSV",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook; save it as CSV",
    b"\x1f\x8b": "is compressed with gzip; decompress it first",
    b"SQLite format 3": "is an SQLite database; export its table as CSV",
}
_BOMS = {codecs.BOM_UTF8: "", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class Line(NamedTuple):
    """A line without its end; `text` is None if it is longer than MAX_LINE_BYTES."""

    number: int
    offset: int
    text: str | None


def open_text(path: Path) -> BinaryIO:
    """Return the file, or a converted copy, positioned after a byte order mark.

    Raises OSError if the file cannot be read, and SourceError if it contains no text.
    """
    file = path.open("rb")
    try:
        sample = file.read(SAMPLE_BYTES)
        for magic, problem in _BINARY_FILES.items():
            if sample.startswith(magic):
                raise SourceError(f"it {problem}")
        bom = next((bom for bom in _BOMS if sample.startswith(bom)), b"")
        encoding = _BOMS.get(bom, "") or _utf_16_without_bom(sample)
        file.seek(len(bom))
        if encoding or (b"\r" in sample and b"\n" not in sample):
            with file:
                return _converted(file, encoding or "latin-1")
    except BaseException:
        file.close()
        raise
    return file


def read_lines(file: BinaryIO, number: int = 1) -> Iterator[Line]:
    """Yield the lines from the file's position on; the first has `number`."""
    offset = file.tell()
    while raw := file.readline(MAX_LINE_BYTES):
        size, text = len(raw), None
        if raw.endswith(b"\n") or size < MAX_LINE_BYTES:
            text = _decode(raw)
        else:
            while raw := file.readline(CHUNK_BYTES):
                size += len(raw)
                if raw.endswith(b"\n"):
                    break
        yield Line(number, offset, text)
        number, offset = number + 1, offset + size


def _decode(raw: bytes) -> str:
    """Decode a line by itself: a file can have comments in another encoding than its cells."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    return text.rstrip("\r\n")


def _utf_16_without_bom(sample: bytes) -> str:
    """Return the encoding if every second byte of most characters is NUL, otherwise empty text."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    enough = len(sample) * 0.3
    if odd > enough and even == 0:
        return "utf-16-le"
    return "utf-16-be" if even > enough and odd == 0 else ""


def _converted(file: BinaryIO, encoding: str) -> BinaryIO:
    """Return a temporary file with the text in UTF-8 and with LF line ends."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        is_after_cr = False
        while chunk := file.read(CHUNK_BYTES):
            text = decoder.decode(chunk)
            if is_after_cr and text.startswith("\n"):
                text = text[1:]
            is_after_cr = text.endswith("\r")
            text = text.replace("\r\n", "\n").replace("\r", "\n")
            # Latin-1 keeps each byte, whatever the encoding of the cells is.
            copy.write(text.encode("latin-1" if encoding == "latin-1" else "utf-8", errors="replace"))
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return copy
