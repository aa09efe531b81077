"""Standard input as a source: `vmstat 1 | python -m dashapp --source stdin`.

A thread reads, so that the collector never waits. A tick contains the last values before it. The supervisor's
children have a pipe as standard input, so the supervisor passes them the real one.
"""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from tempfile import TemporaryFile
from threading import Lock, Thread
from typing import Any

from dashapp.model.ticks import Metric
from dashapp.process.threads import start_thread
from dashapp.sources.expiring import ExpiringValues
from dashapp.sources.external.number_parsing import Quantity
from dashapp.sources.external.text.line_reader import CHUNK_BYTES, MAX_LINE_BYTES, LineReader
from dashapp.sources.external.text.stream_parser import GENERAL_PROBLEM, TextParser
from dashapp.sources.external.text.text_metrics import MAX_NAMES, TextMetrics
from dashapp.sources.external.text.values import Name, Values
from dashapp.sources.rejection import excerpt

# Environment variable with two descriptors: standard input, and an unnamed file for the heading.
DESCRIPTORS_VARIABLE = "DASHAPP_STDIN"
EVICTION_INTERVAL_S = 1.0
# Seconds for which the page shows that a name was ignored.
REJECTION_SHOWN_S = 60.0
# After a chunk, reading pauses for this many times its processing time, so a flood gets at most a quarter of
# a core.
REST_FACTOR = 3.0
# A report is complete when no line has followed for this many seconds.
QUIET_S = 0.2
# The page shows a message if there is no number for this many seconds.
WAITING_S = 10.0


class StdinSource:
    """Reads `descriptor` in a thread, from the first reading on.

    `interval` is the number of seconds between two ticks.
    """

    name = "standard input"

    def __init__(
        self,
        interval: float = 1.0,
        descriptor: int = 0,
        heading_file: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._descriptor = descriptor
        self._heading_file = heading_file
        self._clock = clock
        self._wall = wall
        self._lock = Lock()
        self._recent_values: ExpiringValues[Name] = ExpiringValues(3 * interval)
        self._quote_after_s = 1.5 * interval
        self._new_values: dict[Name, float] = {}
        self._metrics = TextMetrics("stdin", "stdin", self.name)
        self._lines = LineReader()
        self._rejection_time = self._problem_time = self._eviction_time = float("-inf")
        self._problem = self._first_line = ""
        self._start: float | None = None
        self._unreadable = 0
        self._parser: TextParser | None = None
        self._end_message = self._failure = ""
        self._thread: Thread | None = None

    @property
    def status_message(self) -> str:
        """The end of the input, the first line that could not be parsed, and missing numbers."""
        now = self._clock()
        parts = [message for message in (self._failure, self._end_message) if message]
        if now - self._problem_time < REJECTION_SHOWN_S:
            # Omit the number: a message that changes every second would be logged every second.
            parts.append(self._problem)
        elif not self._metrics and not self._failure and self._start is not None:
            # A quotation helps at once, also after the end. A program without output may just be slow.
            seconds = self._quote_after_s if self._first_line else WAITING_S
            is_late = now - self._start > seconds and not self._end_message
            if is_late or (self._end_message and self._first_line):
                parts.append(self._waiting_message())
        if now - self._rejection_time < REJECTION_SHOWN_S:
            parts.append(f"standard input has more than {MAX_NAMES} names; later ones are ignored")
        return "; ".join(parts)

    def _waiting_message(self) -> str:
        if self._first_line:
            return f'standard input has no number yet; it begins with "{self._first_line}"'
        if self._lines.has_partial_line:
            return "standard input has no complete line yet; end each line with a line feed"
        return "standard input is empty so far; if the program keeps its output in a buffer, try stdbuf -oL"

    @property
    def unreadable_lines(self) -> int:
        """The number of lines that could not be parsed or were too long."""
        return self._unreadable + self._lines.skip_count

    def read(self) -> Mapping[Metric, float]:
        """Return the newest values that have not expired, each new value at least once."""
        if self._thread is None:
            self._start = self._clock()
            self._thread = start_thread("source stdin", self._run, self._set_failure)
        with self._lock:
            # A late tick includes all values that arrived before it.
            values = self._new_values | self._recent_values.values_at(self._clock())
            self._new_values = {}
            return {self._metrics[name]: value for name, value in values.items()}

    def _set_failure(self, sentence: str) -> None:
        self._failure = sentence

    def _run(self) -> None:
        # After an exception the columns keep their names.
        self._parser = parser = self._parser or TextParser(self._load_heading())
        try:
            while chunk := self._read_chunk(parser):
                start, skipped = self._clock(), self._lines.skip_count
                for line in self._lines.feed(chunk):
                    self._parse_line(parser, line)
                if self._lines.skip_count > skipped:
                    self._set_problem(f"{GENERAL_PROBLEM}, such as one of more than {MAX_LINE_BYTES:,} bytes")
                self._failure = ""
                time.sleep(min(1.0, max(0.0, REST_FACTOR * (self._clock() - start))))
        except OSError as error:
            self._end_message = f"standard input cannot be read ({error.strerror})"
            return
        self._parse_line(parser, self._lines.remainder())
        self._store(parser, parser.flush())
        self._end_message = (
            f"standard input ended at {datetime.fromtimestamp(self._wall(), UTC):%H:%M:%S} UTC"
        )

    def _read_chunk(self, parser: TextParser) -> bytes:
        while True:
            if parser.has_pending_rows and not select.select([self._descriptor], [], [], QUIET_S)[0]:
                self._store(parser, parser.flush())
            try:
                return os.read(self._descriptor, CHUNK_BYTES)
            except BlockingIOError:
                # Another process that shares this pipe can set it to non-blocking.
                select.select([self._descriptor], [], [])

    def _parse_line(self, parser: TextParser, line: bytes) -> None:
        heading = parser.heading
        # A letter that is not UTF-8 makes its own line unreadable, unless it is a unit: `°` in Latin-1.
        text = line.decode(errors="surrogateescape").replace("\udcb0", "°")
        self._first_line = self._first_line or excerpt(text)
        values = parser.values(text)
        if parser.heading != heading:
            self._save_heading(parser.heading)
        if values is None:
            with self._lock:
                self._unreadable += 1
        self._store(parser, values or {})

    def _set_problem(self, sentence: str) -> None:
        """Show a sentence about the input; the first one stays while others follow."""
        now = self._clock()
        if now - self._problem_time >= REJECTION_SHOWN_S:
            self._problem = sentence
        self._problem_time = now

    def _store(self, parser: TextParser, values: Values) -> None:
        if parser.problem:
            self._set_problem(parser.problem)
            parser.problem = ""
        with self._lock:
            now = self._clock()
            for name, quantity in values.items():
                if not self._accept(name, quantity, now):
                    continue
                self._recent_values.record({name: quantity.value}, now)
                self._new_values[name] = quantity.value

    def _accept(self, name: Name, quantity: Quantity, now: float) -> bool:
        """Return whether `name` has a metric with this unit; names that are gone make room."""
        if name not in self._metrics and self._metrics.is_full:
            if now - self._eviction_time >= EVICTION_INTERVAL_S:
                self._eviction_time = now
                alive = self._recent_values.values_at(now) | self._new_values
                self._recent_values.keep(alive)
                self._metrics.keep(alive)
            if self._metrics.is_full:
                self._rejection_time = now
                return False
        is_accepted = self._metrics.accept(name, quantity)
        if self._metrics.problem:
            self._set_problem(self._metrics.problem)
            self._metrics.problem = ""
        return is_accepted

    def _load_heading(self) -> list[str]:
        """Return the heading that a previous collector read, because it may come only once."""
        if self._heading_file is None:
            return []
        with suppress(OSError, ValueError, TypeError):
            if text := os.pread(self._heading_file, CHUNK_BYTES, 0):
                # The previous collector may have read the beginning of this line before it died.
                self._lines.skip()
                return [str(word) for word in json.loads(text)]
        self._save_heading(())
        return []

    def _save_heading(self, heading: tuple[str, ...]) -> None:
        with suppress(OSError):
            if self._heading_file is not None:
                text = json.dumps(heading).encode()
                os.ftruncate(self._heading_file, 0)
                os.pwrite(self._heading_file, text[:CHUNK_BYTES], 0)


def inherited_descriptors() -> tuple[int, ...]:
    """Return descriptors for a child, to be listed in DESCRIPTORS_VARIABLE."""
    stdin = os.dup(0)
    try:
        with TemporaryFile() as file:
            return stdin, os.dup(file.fileno())
    except OSError:
        # No writable directory: after a restart the columns have no names until the next heading.
        return (stdin,)


def make_source(rest: str, interval: float, **options: Any) -> StdinSource:
    if rest or options:
        raise ValueError("expected stdin without an argument or options")
    descriptors_text = os.environ.get(DESCRIPTORS_VARIABLE, "")
    try:
        descriptor, *heading_file = (
            [int(number) for number in descriptors_text.split(",")] if descriptors_text else [0]
        )
    except ValueError:
        raise ValueError(
            f"expected {DESCRIPTORS_VARIABLE} to be unset; only python -m dashapp sets it"
        ) from None
    return StdinSource(interval, descriptor, heading_file[0] if heading_file else None)
