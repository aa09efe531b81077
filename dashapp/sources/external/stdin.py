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
from dashapp.sources.external.text_parsing import CHUNK_BYTES, LineReader, TextTable
from dashapp.sources.slug import SlugRegistry

# Environment variable with two descriptors: standard input, and an unnamed file for the heading.
DESCRIPTORS_VARIABLE = "DASHAPP_STDIN"
# A stream that invents a new name every second would flood the page.
MAX_NAMES = 100
# After a chunk, reading pauses for this many times its processing time, so a flood gets at most a quarter of
# a core.
REST_FACTOR = 3.0


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
        self._recent_values: ExpiringValues[str] = ExpiringValues(3 * interval)
        self._new_values: dict[str, float] = {}
        self._metrics: dict[str, Metric] = {}
        self._slugs = SlugRegistry()
        self._lines = LineReader()
        self._rejected_names = self._unreadable = 0
        self._table: TextTable | None = None
        self._end_message = self._failure = ""
        self._thread: Thread | None = None

    @property
    def status_message(self) -> str:
        """The end of the input, and the lines that could not be parsed."""
        parts = [message for message in (self._failure, self._end_message) if message]
        if self.unreadable_lines:
            # Omit the number: a message that changes every second would be logged every second.
            parts.append("some lines of standard input are not columns of numbers, name=value pairs or JSON")
        if self._rejected_names:
            parts.append(f"standard input has more than {MAX_NAMES} names; later ones are ignored")
        return "; ".join(parts)

    @property
    def unreadable_lines(self) -> int:
        """The number of lines that could not be parsed or were too long."""
        return self._unreadable + self._lines.skip_count

    def read(self) -> Mapping[Metric, float]:
        """Return the newest values that have not expired, each new value at least once."""
        if self._thread is None:
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
        self._table = table = self._table or TextTable(self._load_heading())
        try:
            while chunk := self._read_chunk():
                start = self._clock()
                for line in self._lines.feed(chunk):
                    self._parse_line(table, line)
                self._failure = ""
                time.sleep(min(1.0, max(0.0, REST_FACTOR * (self._clock() - start))))
        except OSError as error:
            self._end_message = f"standard input cannot be read ({error.strerror})"
            return
        self._parse_line(table, self._lines.remainder())
        self._end_message = (
            f"standard input ended at {datetime.fromtimestamp(self._wall(), UTC):%H:%M:%S} UTC"
        )

    def _read_chunk(self) -> bytes:
        while True:
            try:
                return os.read(self._descriptor, CHUNK_BYTES)
            except BlockingIOError:
                # Another process that shares this pipe can set it to non-blocking.
                select.select([self._descriptor], [], [])

    def _parse_line(self, table: TextTable, line: bytes) -> None:
        heading = table.heading
        try:
            values = table.values(line.decode().lstrip("\ufeff"))
        except UnicodeDecodeError:
            values = None
        if table.heading != heading:
            self._save_heading(table.heading)
        with self._lock:
            if values is None:
                self._unreadable += 1
                return
            now = self._clock()
            accepted_values = {name: value for name, value in values.items() if self._ensure_metric(name)}
            self._rejected_names += len(values) - len(accepted_values)
            self._recent_values.record(accepted_values, now)
            self._new_values.update(accepted_values)

    def _ensure_metric(self, name: str) -> bool:
        """Return whether `name` has a metric; create it if there is room."""
        if name not in self._metrics and len(self._metrics) < MAX_NAMES:
            label = "".join(letter for letter in name if letter.isprintable())[:64]
            key = ".".join(("stdin", self._slugs(name)))
            self._metrics[name] = Metric(key, label or key, "", "stdin")
        return name in self._metrics

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
