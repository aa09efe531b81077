"""Documents in files beside the log: the catalogue, curves, alert state and deliveries.

Each file is replaced as a whole. A write that the disk refuses is repeated at the next tick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from dashapp.model.thresholds import AlertChange, AlertState
from dashapp.model.ticks import Curves, Metric
from dashapp.stores import documents
from dashapp.stores.base import Reader

METRICS, LOOKS, THRESHOLDS = "metrics.json", "looks.json", "thresholds.json"
CURVES, CHANGES, SENT = "curves.json", "changes.json", "sent.json"

Content = TypeVar("Content")


class DocumentFiles:
    """The writing side of all sheets in one folder. Never raises what a disk does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts: dict[str, str] = {}
        self._waiting: set[str] = set()
        # Who was told of a change is put here by another thread than the rest.
        self._lock = Lock()

    def put_metrics(self, metrics: Iterable[Metric]) -> None:
        self._put(METRICS, documents.encode_metrics(metrics))

    def put_panel_kinds(self, looks: Mapping[str, str]) -> None:
        # Most have none to tell, and no sheet then; one of an earlier run is emptied.
        if looks or (self._folder / LOOKS).exists():
            self._put(LOOKS, documents.encode_panel_kinds(looks))

    def put_curves(self, curves: Mapping[str, Curves]) -> None:
        if curves or (self._folder / CURVES).exists():
            self._put(CURVES, documents.encode_curves(curves))

    def put_thresholds(self, states: Iterable[AlertState]) -> None:
        self._put(THRESHOLDS, documents.encode_thresholds(states))

    def put_changes(self, changes: Iterable[AlertChange]) -> None:
        self._put(CHANGES, documents.encode_changes(changes))

    def put_deliveries(self, sent: Mapping[str, int]) -> None:
        self._put(SENT, documents.encode_sent(sent))

    def rewrite_all(self) -> None:
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

    def _put(self, name: str, text: str) -> None:
        with self._lock:
            self._texts[name] = text
            self._waiting.add(name)
            self._write()


class DocumentFile(Generic[Content]):
    """The reading side of one sheet, which is asked often and seldom changes: read when it was replaced."""

    def __init__(self, path: Path, parse: Callable[[str | None], Content]) -> None:
        self._path = path
        self._parse = parse
        self._empty = parse(None)
        self._known: tuple[tuple[int, int, int], Content] = ((0, 0, 0), self._empty)

    def read(self) -> Content:
        try:
            status = self._path.stat()
        except OSError:
            return self._empty
        mark = (status.st_ino, status.st_mtime_ns, status.st_size)
        known = self._known
        if mark != known[0]:
            # In one assignment: several threads ask.
            self._known = known = (mark, self._parse(_read_text(self._path)))
        return known[1]


def _read_text(path: Path) -> str | None:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return None


class DocumentStore:
    """The verbs of a store that are about its sheets. `read`: who reads the same folder."""

    def __init__(self, folder: Path, read: Reader) -> None:
        self._sheets = DocumentFiles(folder)
        self._read = read

    def describe(self, metrics: Iterable[Metric], looks: Mapping[str, str] | None = None) -> None:
        self._sheets.put_metrics(metrics)
        self._sheets.put_panel_kinds(looks or {})

    def set_curves(self, curves: Mapping[str, Curves]) -> None:
        self._sheets.put_curves(curves)

    def set_thresholds(self, states: Iterable[AlertState]) -> None:
        self._sheets.put_thresholds(states)

    def set_changes(self, changes: Iterable[AlertChange]) -> None:
        self._sheets.put_changes(changes)

    def set_deliveries(self, sent: Mapping[str, int]) -> None:
        self._sheets.put_deliveries(sent)

    def metrics(self) -> list[Metric]:
        return self._read.metrics()

    def panel_kinds(self) -> Mapping[str, str]:
        return self._read.panel_kinds()

    def curves(self) -> Mapping[str, Curves]:
        return self._read.curves()

    def thresholds(self) -> list[AlertState]:
        return self._read.thresholds()

    def changes(self) -> list[AlertChange]:
        return self._read.changes()

    def deliveries(self) -> Mapping[str, int]:
        return self._read.deliveries()
