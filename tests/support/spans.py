"""Spans in all of their steps at once: roll-up, blocks and the archive."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import TypeVar

from dashapp.model.rollup import Point
from dashapp.model.ticks import Tick
from dashapp.stores.history.archive import Archive
from dashapp.stores.history.span import TICK_PARTS, Span

Result = TypeVar("Result")


def run_all(steps: Generator[int, None, Result]) -> Result:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


def span_of(points: Iterable[Point] | Iterable[Tick]) -> Span:
    found: list[Point | Tick] = [*points]
    span = Span(TICK_PARTS) if isinstance(found[0], Tick) else Span()
    for point in found:
        if isinstance(point, Tick):
            span.add_tick(point)
        else:
            span.add(point)
    return span


def roll_up(points: Iterable[Point] | Iterable[Tick], step: float) -> list[Point]:
    return run_all(span_of(points).roll_up(step))


def encode_points(points: Iterable[Point] | Iterable[Tick]) -> bytes:
    return run_all(span_of(points).encode())


def append_span(archive: Archive, ticks: Sequence[Tick], end_ms: int) -> None:
    for _cost in archive.append_span(span_of(ticks), end_ms):
        pass
