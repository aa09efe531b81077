"""Exposition text: a bounded number of series out of Prometheus's text format, by prometheus-client's parser.

What is not asked for is left out line by line before the parser sees it: it keeps all that it reads.
Knows nothing of where the text comes from.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from fnmatch import translate
from typing import NamedTuple

from dashapp.model.ticks import SourceError

# The parser's time grows with the square of a line's length.
LONGEST_LINE = 4096
OTHER = "not in Prometheus's text format"
COUNTED = ("counter", "histogram", "summary")
_NAME = re.compile(rb"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)[\s{]")
_TYPE = re.compile(rb"#\s*TYPE\s+([a-zA-Z_:][a-zA-Z0-9_:]*)\s+(\w+)\s*$")


class Series(NamedTuple):
    """`counted`: it only ever grows, and its rate is what it says."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float
    counted: bool


class Selection:
    """Those series whose name one of `patterns` matches (`node_cpu*`; none: all), at most `most` of them."""

    def __init__(self, patterns: Sequence[str] = (), most: int = 1000) -> None:
        self._wanted = re.compile("|".join(map(translate, patterns)).encode())
        self._most = most

    def read(self, text: bytes) -> tuple[list[Series], bool]:
        """The finite ones, and whether there were more than that. SourceError for text of another format."""
        kept, names, more = self._lines(text)
        try:
            found = _parsed(b"\n".join([*kept, b""]).decode(), names)
            return [each for each in found if math.isfinite(each.value)], more
        except (ValueError, LookupError) as error:
            raise SourceError(f"is {OTHER} ({type(error).__name__})") from None

    def _lines(self, text: bytes) -> tuple[list[bytes], set[str], bool]:
        """What is wanted, its names, and whether some was too much.

        The parser wants a family's type right before its samples.
        """
        kept: list[bytes] = []
        names: list[str] = []
        type_ = b""
        for line in io.BytesIO(text):
            if line.startswith(b"#") or line.isspace():
                if len(line) <= LONGEST_LINE and _TYPE.match(line):
                    type_ = line.strip()
                continue
            name = _NAME.match(line)
            if name is None:
                raise SourceError(f"is {OTHER}")
            if name[1].endswith(b"_bucket") or not self._wanted.match(name[1]):
                continue
            if len(line) > LONGEST_LINE:
                raise SourceError(f"has a line of more than {LONGEST_LINE} bytes")
            if len(names) == self._most:
                return kept, set(names), True
            kept += [type_, line.strip()] if type_ else [line.strip()]
            type_ = b""
            names.append(name[1].decode())
        return kept, set(names), False


def _parsed(text: str, names: Collection[str]) -> Iterator[Series]:
    # Not at the top: it is an extra, and takes 14 MB.
    from prometheus_client.parser import text_string_to_metric_families

    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if family.type == "summary" and "quantile" in sample.labels:
                continue
            # The parser gives every counter OpenMetrics's ending; it is to be found by the name that it has.
            name = sample.name if sample.name in names else sample.name.removesuffix("_total")
            counted = family.type in COUNTED or name.endswith("_total")
            # A whole number has as many digits as its sender likes.
            with suppress(OverflowError):
                yield Series(name, tuple(sorted(sample.labels.items())), float(sample.value), counted)
