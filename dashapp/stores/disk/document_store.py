"""What stands beside a log of ticks in a folder: written to its sheets, and read as any reader does.

Knows no tick and no database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from dashapp.model.thresholds import Change, State
from dashapp.model.ticks import Curves, Metric
from dashapp.stores.base import Reader
from dashapp.stores.disk.documents import Sheets


class SheetStore:
    """The verbs of a store that are about its sheets. `read`: who reads the same folder."""

    def __init__(self, folder: Path, read: Reader) -> None:
        self._sheets = Sheets(folder)
        self._read = read

    def describe(self, metrics: Iterable[Metric], looks: Mapping[str, str] | None = None) -> None:
        self._sheets.put_metrics(metrics)
        self._sheets.put_looks(looks or {})

    def set_curves(self, curves: Mapping[str, Curves]) -> None:
        self._sheets.put_curves(curves)

    def set_thresholds(self, states: Iterable[State]) -> None:
        self._sheets.put_thresholds(states)

    def set_changes(self, changes: Iterable[Change]) -> None:
        self._sheets.put_changes(changes)

    def set_sent(self, sent: Mapping[str, int]) -> None:
        self._sheets.put_sent(sent)

    def metrics(self) -> list[Metric]:
        return self._read.metrics()

    def looks(self) -> Mapping[str, str]:
        return self._read.looks()

    def curves(self) -> Mapping[str, Curves]:
        return self._read.curves()

    def thresholds(self) -> list[State]:
        return self._read.thresholds()

    def changes(self) -> list[Change]:
        return self._read.changes()

    def sent(self) -> Mapping[str, int]:
        return self._read.sent()
