"""Sheets: small JSON files beside the log, each replaced whole: the catalogue, the newest curves, where
thresholds stand, what became of them, and who was told.

What the disk refuses is tried again at the next tick. Knows no tick and no database.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from threading import Lock
from typing import Any, Generic, TypeVar

from dashapp.model import Curves, Metric, milliseconds
from dashapp.stores import MOST_CHANGES
from dashapp.thresholds import Change, State, Threshold

METRICS, LOOKS, THRESHOLDS = "metrics.json", "looks.json", "thresholds.json"
CURVES, CHANGES, SENT = "curves.json", "changes.json", "sent.json"

Content = TypeVar("Content")


class Sheets:
    """The writing side of all sheets in one folder. Never raises what a disk does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts: dict[str, str] = {}
        self._waiting: set[str] = set()
        # Who was told of a change is put here by another thread than the rest.
        self._lock = Lock()

    def put_metrics(self, metrics: Iterable[Metric]) -> None:
        self._put(METRICS, [asdict(metric) for metric in metrics])

    def put_looks(self, looks: Mapping[str, str]) -> None:
        # Most have none to tell, and no sheet then; one of an earlier run is emptied.
        if looks or (self._folder / LOOKS).exists():
            self._put(LOOKS, dict(looks))

    def put_curves(self, curves: Mapping[str, Curves]) -> None:
        if curves or (self._folder / CURVES).exists():
            # Not asdict, which copies each number.
            keys = [each.name for each in fields(Curves)]
            rows = {name: {key: getattr(each, key) for key in keys} for name, each in curves.items()}
            self._put(CURVES, rows)

    def put_thresholds(self, states: Iterable[State]) -> None:
        rows = [(each.threshold.text, each.broken, _ms(each.since)) for each in states]
        self._put(THRESHOLDS, rows)

    def put_changes(self, changes: Iterable[Change]) -> None:
        newest = list(changes)[-MOST_CHANGES:]
        rows = [
            (each.number, each.threshold.text, each.broken, _ms(each.time), each.value) for each in newest
        ]
        self._put(CHANGES, rows)

    def put_sent(self, sent: Mapping[str, int]) -> None:
        self._put(SENT, dict(sent))

    def again(self) -> None:
        """Write all of them anew: the folder they were in is gone."""
        with self._lock:
            self._waiting.update(self._texts)
        self.write()

    def write(self) -> None:
        """Write what waits. Costs nothing where nothing does."""
        if self._waiting:
            with self._lock:
                self._write()

    def _write(self) -> None:
        for name in tuple(self._waiting):
            path = self._folder / name
            fresh = path.with_suffix(".new")
            try:
                fresh.write_text(self._texts[name])
                fresh.replace(path)
            except OSError:
                continue  # the store says what is wrong with the disk, and it is no different here
            self._waiting.discard(name)

    def _put(self, name: str, value: Any) -> None:
        with self._lock:
            self._texts[name] = json.dumps(value)
            self._waiting.add(name)
            self._write()


def read_metrics(folder: Path) -> list[Metric]:
    """The catalogue; empty where there is none, or none that we wrote."""
    try:
        return [Metric(**row) for row in json.loads((folder / METRICS).read_text())]
    except (OSError, ValueError, TypeError, RecursionError):
        return []


def read_looks(folder: Path) -> dict[str, str]:
    """How panels are drawn; empty where nobody says it."""
    try:
        looks = json.loads((folder / LOOKS).read_text())
        return {str(name): str(kind) for name, kind in looks.items()}
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}


class Sheet(Generic[Content]):
    """The reading side of one sheet, which is asked often and seldom changes: read when it was replaced."""

    def __init__(self, path: Path, parse: Callable[[Any], Content], empty: Content) -> None:
        """`parse` makes what is read of its JSON; `empty` stands for none, or none that we wrote."""
        self._path = path
        self._parse = parse
        self._empty = empty
        self._known: tuple[tuple[int, int, int], Content] = ((0, 0, 0), empty)

    def read(self) -> Content:
        try:
            status = self._path.stat()
        except OSError:
            return self._empty
        mark = (status.st_ino, status.st_mtime_ns, status.st_size)
        known = self._known
        if mark != known[0]:
            # In one assignment: several threads ask.
            self._known = known = (mark, self._read())
        return known[1]

    def _read(self) -> Content:
        try:
            return self._parse(json.loads(self._path.read_text()))
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return self._empty


def threshold_sheet(folder: Path) -> Sheet[list[State]]:
    def states(rows: Any) -> list[State]:
        return [
            State(Threshold.parse(text), broken is True, None if since is None else since / 1000)
            for text, broken, since in rows
        ]

    return Sheet(folder / THRESHOLDS, states, [])


def change_sheet(folder: Path) -> Sheet[list[Change]]:
    def changes(rows: Any) -> list[Change]:
        known: dict[str, Threshold] = {}
        found = []
        for number, text, broken, time, value in rows:
            threshold = known.setdefault(text, Threshold.parse(text))
            value = None if value is None else float(value)
            found.append(Change(threshold, broken is True, time / 1000, value, int(number)))
        return found

    return Sheet(folder / CHANGES, changes, [])


def sent_sheet(folder: Path) -> Sheet[Mapping[str, int]]:
    def sent(marks: Any) -> dict[str, int]:
        return {address: int(number) for address, number in marks.items()}

    return Sheet(folder / SENT, sent, {})


def curve_sheet(folder: Path) -> Sheet[Mapping[str, Curves]]:
    def curves(panels: Any) -> dict[str, Curves]:
        return {name: Curves(**each) for name, each in panels.items()}

    return Sheet(folder / CURVES, curves, {})


def _ms(time: float | None) -> int | None:
    return None if time is None else milliseconds(time)
