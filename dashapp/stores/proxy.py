"""A reader and a level that forward to another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dashapp.model.ticks import Cursor
from dashapp.stores.base import Level, Reader, Snapshot, TopLevel
from dashapp.stores.document_kind import Document, Value

if TYPE_CHECKING:
    # The collector uses this module too, and does without numpy.
    from dashapp.model.columns import Columns


class ReaderProxy(Reader):
    """Forwards each call to `reader()`, and closes nothing. Subclasses override what differs."""

    def reader(self) -> Reader:
        """Return the reader for this call."""
        raise NotImplementedError

    @property
    def lag_ms(self) -> int:
        return self.reader().lag_ms

    @property
    def is_loaded(self) -> bool:
        return self.reader().is_loaded

    @property
    def failed_reads(self) -> int:
        return self.reader().failed_reads

    def newest(self) -> Cursor:
        return self.reader().newest()

    def snapshot(self) -> Snapshot:
        return self.reader().snapshot()

    def levels(self) -> Sequence[Level]:
        return self.reader().levels()

    def top_levels(self) -> Sequence[TopLevel]:
        return self.reader().top_levels()

    def read_document(self, document: Document[Value]) -> Value:
        return self.reader().read_document(document)

    def notices(self) -> list[str]:
        return self.reader().notices()

    def close(self) -> None: ...


class LevelProxy:
    """Forwards each call to `level`. Subclasses override what differs."""

    def __init__(self, level: Level) -> None:
        self._level = level
        self.step = level.step
        self.span_ms = level.span_ms

    def oldest(self) -> int | None:
        return self._level.oldest()

    def newest(self) -> int:
        return self._level.newest()

    def columns(self, start: int, end: int, metrics: Sequence[str] | None) -> Columns:
        return self._level.columns(start, end, metrics)
