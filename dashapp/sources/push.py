"""Pushed values as a source: each value is part of the next tick and of no other.

If a metric has several values, the newest wins. When pushes stop, the line ends in a gap. A pushed event is a
record too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from dashapp.model.events import event_text
from dashapp.model.panels import separate_panel
from dashapp.model.runs import (
    MAX_CONFIG_CHARS,
    MAX_CONFIG_ENTRIES,
    OWN_STEP_PREFIX,
    RUN_PANEL_PREFIX,
    RUN_PREFIX,
    RUNNING,
    STATES,
    split_run_key,
)
from dashapp.model.text import is_finite_number, parse_json
from dashapp.model.ticks import MAX_EPOCH_MS, MAX_VALUE, Metric, finite_values, max_encoded_chars

# Limits for pushed values: characters of a tick's row, which are reserved for them; characters of one
# request; bytes of records read for one tick. Records beyond the limit wait for the next tick.
MAX_TICK_CHARS, MAX_RECORD_CHARS, MAX_BYTES_PER_TICK = 100_000, 96_000, 4 << 20
# Entries of runs and events in a tick: to take this many needs about 30 ms. The others wait, too.
MAX_ENTRIES_PER_TICK = 5000
# Values and entries of a record, and events of another one: a request has no more.
MAX_RECORD_VALUES = 1000
# The page shows a message when records had to wait in so many ticks, one after the other.
MIN_FULL_TICKS = 10
LATE = (
    "programs push more than a tick can hold, so their values come late; push fewer values or shorter names"
)
# Entries that take as long as an action of a person.
ACTION_ENTRIES = 50
MAX_NAME_LENGTH = 200
# The key of a record's entries of training runs. No value has an empty name.
RUNS_KEY = ""
# The third part of an event that a person removes.
REMOVED = "removed"
# Events of people: times in epoch milliseconds, and texts.
Marks = list[tuple[int, str]]
# Cached metrics, so that all ticks share the same objects.
CACHE_SIZE = 4000
# Begins a record of what a person did on the page. No JSON begins with it.
ACTION_MARK = b"!"
# Begins a record of series that programs send by other protocols. No JSON begins with it either.
INGEST_MARK = b"="

_INVALID_CHARS = re.compile(r"[^A-Za-z0-9_-]+")


class PushReader(Protocol):
    def take(self, newest: int, accept: Callable[[bytes], bool]) -> None:
        """Pass each record to `accept` until it returns False, for the tick after `newest` ms."""


def event_record(events: Iterable[tuple[int, str]]) -> bytes:
    """Return the record of events, which are epoch milliseconds with text.

    It is a list; the record of values is an object.
    """
    return json.dumps(list(events)).encode()


def removal_record(time_ms: int, text: str) -> bytes:
    """Return the record that removes an event of a person."""
    return json.dumps([[time_ms, text, REMOVED]]).encode()


class RunObserver(Protocol):
    """Names the training runs that push. The collector has the implementation."""

    def observe(self, entry: Mapping[str, Any]) -> None:
        """Take an entry that the push endpoint has checked."""

    def observe_values(self, values: Mapping[str, float]) -> dict[str, float]:
        """Take the values of runs that a program pushed by their keys; return the others."""

    def finish_tick(self) -> dict[str, float]:
        """Return the values of this tick by key, and store the runs if they changed."""


class SeriesReader(Protocol):
    """Turns the points of series into values. `ingest.series` has the implementation."""

    @property
    def status_message(self) -> str: ...

    def parse(self, record: bytes) -> Sequence[Any]:
        """Return the points of a record."""

    def row_chars(self, points: Sequence[Any]) -> int:
        """Return the characters that these points add to the row of this tick."""

    def take(self, points: Sequence[Any]) -> None:
        """Add points to this tick."""

    def finish_tick(self, free_chars: int) -> Mapping[Metric, float]:
        """Return the values of this tick, and last values that need at most `free_chars` of its row."""


def pushed_metric(key: str) -> Metric:
    """Return the metric of a pushed name; the part before the first dot is its panel.

    >>> pushed_metric("loss").panel, pushed_metric("train.loss").panel, pushed_metric("<b>.x").panel
    ('pushed', 'train', 'b')
    >>> pushed_metric("disk.x").panel
    'disk-pushed'
    >>> pushed_metric("run.resnet.val.loss").label, pushed_metric("run.resnet.val.loss").panel
    ('val.loss', 'run:resnet')
    """
    if parts := split_run_key(key):
        return Metric(key, parts[1], "", RUN_PANEL_PREFIX + parts[0])
    panel = _INVALID_CHARS.sub("-", key.partition(".")[0]).strip("-")[:32] if "." in key else ""
    panel = separate_panel(panel, f"{panel}-pushed") if panel not in ("", "pushed") else "pushed"
    return Metric(key, key, "", panel)


class PushSource:
    """Reads `inbox`; `newest` returns the time of the store's newest tick in milliseconds.

    `runs` names the training runs that push. Without it, their values are left out. `act` gets the records of
    what people do on the page, and `mark` the new and the removed events. Without it, `take_events` returns
    them. Both are called before the store has the tick: from then on nothing reads the records again.
    `make_series` returns what gets the points of series that other protocols bring, with the first of them.
    """

    name = "push"
    is_optional = True
    reserved_chars = MAX_TICK_CHARS

    def __init__(
        self,
        inbox: PushReader,
        newest: Callable[[], int],
        runs: RunObserver | None = None,
        act: Callable[[list[bytes]], None] | None = None,
        mark: Callable[[Marks, Marks], None] | None = None,
        make_series: Callable[[], SeriesReader] | None = None,
    ) -> None:
        self._inbox = inbox
        self._mark = mark
        self._act = act
        self._runs = runs
        self._make_series = make_series
        self._series: SeriesReader | None = None
        self._newest = newest
        self._full_ticks = 0
        self._cache: dict[str, tuple[Metric, int]] = {}
        self._events: dict[tuple[int, str], None] = {}
        self._removed_events: dict[tuple[int, str], None] = {}

    @property
    def status_message(self) -> str:
        message = self._series.status_message if self._series is not None else ""
        return message or (LATE if self._full_ticks >= MIN_FULL_TICKS else "")

    def read(self) -> Mapping[Metric, float]:
        values: dict[str, float] = {}
        actions: list[bytes] = []
        free_chars, free_bytes, free_entries = MAX_TICK_CHARS, MAX_BYTES_PER_TICK, MAX_ENTRIES_PER_TICK

        def accept(record: bytes) -> bool:
            nonlocal free_chars, free_bytes, free_entries
            # Always accept the first record: it would need as much room in the next tick.
            is_first = not values and free_bytes == MAX_BYTES_PER_TICK
            if not is_first and (len(record) > free_bytes or free_entries <= 0):
                return False
            if record.startswith(ACTION_MARK):
                free_bytes -= len(record)
                free_entries -= ACTION_ENTRIES
                actions.append(record.removeprefix(ACTION_MARK))
                return True
            if record.startswith(b"["):
                free_bytes -= len(record)
                free_entries -= self._take_event_record(record)
                return True
            if record.startswith(INGEST_MARK):
                if self._series is None and self._make_series is not None:
                    self._series = self._make_series()
                if self._series is None:
                    return True
                points = self._series.parse(record.removeprefix(INGEST_MARK))
                row_size = self._series.row_chars(points)
                if not is_first and row_size > free_chars:
                    return False
                free_chars, free_bytes = free_chars - row_size, free_bytes - len(record)
                free_entries -= len(points)
                self._series.take(points)
                return True
            record_values, entries = _parse_record(record)
            row_size = sum(self._metric(key)[1] for key in record_values if key not in values)
            row_size += sum(map(_run_row_size, entries))
            if not is_first and row_size > free_chars:
                return False
            free_chars, free_bytes = free_chars - row_size, free_bytes - len(record)
            free_entries -= len(entries)
            if self._runs is not None:
                for entry in entries:
                    self._runs.observe(entry)
                record_values = self._runs.observe_values(record_values)
            values.update(record_values)
            return True

        is_full = False

        def accept_or_wait(record: bytes) -> bool:
            nonlocal is_full
            is_full = not accept(record)
            return not is_full

        self._inbox.take(self._newest(), accept_or_wait)
        self._full_ticks = self._full_ticks + 1 if is_full else 0
        if self._act is not None and actions:
            self._act(actions)
        if self._mark is not None and (self._events or self._removed_events):
            self._mark(self.take_events(), self.take_removed_events())
        if self._runs is not None:
            values |= self._runs.finish_tick()
        metrics = {self._metric(key)[0]: value for key, value in values.items()}
        return metrics if self._series is None else {**self._series.finish_tick(free_chars), **metrics}

    def take_events(self) -> Marks:
        """Return the events since the last call: times in epoch milliseconds, and texts.

        After a crash of the collector an event can come a second time.
        """
        events, self._events = [*self._events], {}
        return events

    def take_removed_events(self) -> Marks:
        """Return the events that people removed since the last call."""
        events, self._removed_events = [*self._removed_events], {}
        return events

    def _take_event_record(self, record: bytes) -> int:
        """Take the events of a record; return how many it has."""
        events = _parse_events(record)
        for time_ms, text, is_removed in events:
            kept, dropped = self._events, self._removed_events
            if is_removed:
                kept, dropped = dropped, kept
            dropped.pop((time_ms, text), None)
            kept[time_ms, text] = None
        return len(events)

    def _metric(self, key: str) -> tuple[Metric, int]:
        """Return the metric, and the characters that its name and value need in a row."""
        if key not in self._cache:
            if len(self._cache) >= CACHE_SIZE:
                self._cache.clear()
            self._cache[key] = pushed_metric(key), max_encoded_chars((key,))
        return self._cache[key]


def _parse_events(record: bytes) -> list[tuple[int, str, bool]]:
    """Return time, text and "is removed" of each event; nothing for an invalid record."""
    try:
        rows = json.loads(record)
        if len(rows) > MAX_RECORD_VALUES:
            return []
        events = [
            (time_ms, event_text(text), rest == [REMOVED])
            for time_ms, text, *rest in rows
            if rest in ([], [REMOVED])
        ]
    except (ValueError, TypeError, RecursionError):
        return []
    are_times = all(type(time_ms) is int and 0 <= time_ms <= MAX_EPOCH_MS for time_ms, _, _ in events)
    return events if are_times else []


def _parse_record(record: bytes) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Return the values of a record and its entries of runs, or nothing for an invalid one.

    A torn record was never confirmed to its sender, and a forged one has no sender.
    """
    try:
        document = parse_json(record)
        entries = document.get(RUNS_KEY, ())
        if len(document) > MAX_RECORD_VALUES + 1 or len(entries) > MAX_RECORD_VALUES:
            return {}, []
        values = finite_values({key: document[key] for key in document if 0 < len(key) <= MAX_NAME_LENGTH})
        entries = [entry for entry in entries if _is_run_entry(entry)]
        count = len(values) + sum(len(entry.get("metrics", ())) for entry in entries)
        return (values, entries) if count <= MAX_RECORD_VALUES else ({}, [])
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}, []


def _is_run_entry(entry: dict[str, Any]) -> bool:
    """Return whether an entry has the types that the endpoint puts into each one."""
    run = entry.get("run", {})
    config, metrics = run.get("config", {}), entry.get("metrics", {})
    texts = (run.get("id"), run.get("name"), run.get("error", ""), *config, *metrics)
    age, step = run.get("age", 0.0), entry.get("step")
    return (
        all(isinstance(text, str) and len(text) <= MAX_CONFIG_CHARS for text in texts)
        and all(isinstance(each, dict) and len(each) <= MAX_ENTRIES_PER_TICK for each in (config, metrics))
        and len(config) <= MAX_CONFIG_ENTRIES
        and all(map(_is_config_value, config.values()))
        and (step is None or isinstance(step, int | float))
        and is_finite_number(age)
        and 0 <= age <= MAX_VALUE
        and run.get("state", RUNNING) in STATES
    )


def _is_config_value(value: Any) -> bool:
    """Return whether a document can contain a value, whose numbers are those of the endpoint."""
    if isinstance(value, float):
        return abs(value) <= MAX_VALUE
    return (
        value is None
        or isinstance(value, bool)
        or (isinstance(value, str) and len(value) <= MAX_CONFIG_CHARS)
    )


def _run_row_size(entry: dict[str, Any]) -> int:
    """Return the characters that the values of an entry, and a step for each, can need in a row."""
    prefix = f"{RUN_PREFIX}{entry['run']['name']}.{OWN_STEP_PREFIX}"
    return 2 * max_encoded_chars([prefix + name for name in entry.get("metrics", ())])
