"""A store with archived ticks, and its CSV export by time."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from spans import append_span
from wsgi_client import Answer, ask

from dashapp.api.endpoints import Api
from dashapp.model.ticks import Metric, Tick, to_milliseconds
from dashapp.stores.base import Reader
from dashapp.stores.disk.space import DiskSpace
from dashapp.stores.history.archive import DAY, Retention
from dashapp.stores.memory import MemoryStore

START = 1_700_006_400  # 2023-11-15T00:00:00Z
SPAN = 600
METRICS = [Metric("a", "A", "%", "cpu", 0, 100), Metric("b", "B", "B", "disk"), Metric("c", "C", "B", "disk")]


def seal(folder: Path, points: Sequence[Tick], retention: Retention) -> None:
    """Write ticks to the archive, span by span, as the collector does."""
    memory = DiskSpace(folder, retention).open_archive()
    spans: dict[int, list[Tick]] = {}
    for each in points:
        spans.setdefault(-(-int(each.time) // SPAN) * SPAN, []).append(each)
    for end, span in spans.items():
        append_span(memory, span, to_milliseconds(end))
    memory.close()


def api_of(store: Reader) -> Api:
    return Api(store, max_window=730 * DAY)


def table(answer: Answer) -> list[list[str]]:
    assert answer.status == 200, answer.body
    return list(csv.reader(io.StringIO(answer.body.decode(), newline="")))


def read(api: Api, query: str) -> dict[int, list[str]]:
    """Return the cells of each row by the row's time in milliseconds."""
    _, *lines = table(ask(api, f"/api/csv?{query}"))
    times = [to_milliseconds(datetime.fromisoformat(line[0]).timestamp()) for line in lines]
    assert times == sorted(set(times)), "a time is there twice, or out of order"
    return {at: line[1:] for at, line in zip(times, lines, strict=True)}


def two_hundred_ticks() -> MemoryStore:
    store = MemoryStore()
    store.describe(METRICS)
    for second in range(START, START + 200):
        store.append(Tick(second, 1, {"a": second % 100, "b": 0.25}))
    return store
