"""Documents of many small entries, which another program can write to a shared Redis."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dashapp.model.alerts.rules import MAX_RULES
from dashapp.model.events import MAX_EVENTS
from dashapp.model.runs import MAX_RUNS
from dashapp.model.ticks import Metric, max_encoded_chars
from dashapp.stores.base import MAX_ROW_CHARS
from dashapp.stores.document_kind import MAX_ENTRIES, Document
from dashapp.stores.documents import (
    ALERT_CONTROLS,
    ALERT_PROCESSES,
    CHANGES,
    CLOCK_STEPS,
    CURVES,
    DELIVERIES,
    DOCUMENTS,
    EVENTS,
    LAST_SEEN,
    MAX_ADDRESSES,
    MAX_CHANGES,
    MAX_CLOCK_STEPS,
    MAX_CURVE_NUMBERS,
    MAX_CURVE_PANELS,
    MAX_METRICS,
    METRICS,
    PANEL_KINDS,
    RUNS,
    THRESHOLDS,
    ZONE,
)

COUNT = MAX_ENTRIES + 1
NUMBERS = range(COUNT)
RUN = {"name": "a", "title": "a", "state": "running", "start": 1000, "end": None}

# The JSON of a document with too many entries, and the number of those that a reader uses.
TOO_MANY: dict[Document[Any], tuple[Callable[[], Any], int]] = {
    METRICS: (
        lambda: [{"key": f"k{n}", "label": "", "unit": "", "panel": "p"} for n in range(MAX_METRICS + 1)],
        MAX_METRICS,
    ),
    LAST_SEEN: (lambda: {f"k{n}": 1 for n in NUMBERS}, MAX_ENTRIES),
    PANEL_KINDS: (lambda: {f"p{n}": "area" for n in NUMBERS}, MAX_ENTRIES),
    CURVES: (lambda: {f"p{n}": {"x": [], "y": [], "names": []} for n in NUMBERS}, MAX_CURVE_PANELS),
    CLOCK_STEPS: (lambda: [1] * COUNT, MAX_CLOCK_STEPS),
    DELIVERIES: (lambda: {str(n): 1 for n in NUMBERS}, MAX_ADDRESSES),
    ALERT_PROCESSES: (lambda: [[n, 1, "cpu", []] for n in NUMBERS], MAX_CHANGES),
    CHANGES: (lambda: [[n, "a > 1", True, 1, 1] for n in NUMBERS], MAX_CHANGES),
    THRESHOLDS: (lambda: [[f"a > {n}", True, 1] for n in NUMBERS], 2 * MAX_RULES),
    RUNS: (lambda: [{**RUN, "id": str(n)} for n in NUMBERS], MAX_RUNS),
}


@pytest.mark.parametrize("document", TOO_MANY, ids=[document.name for document in TOO_MANY])
def test_document_of_too_many_entries_is_read_in_part(document: Document[Any]) -> None:
    make, limit = TOO_MANY[document]
    entries = make()
    value = document.parse(json.dumps(entries))
    assert value is not None
    last = entries[-limit:] if isinstance(entries, list) else dict([*entries.items()][-limit:])
    assert len(value) == limit
    assert document.to_json(value) == document.to_json(document.from_json(last))


def test_every_document_has_limit() -> None:
    assert {*TOO_MANY, ALERT_CONTROLS, EVENTS, ZONE} == {*DOCUMENTS}
    rows = [[n, 1, "user", "x"] for n in NUMBERS]
    events = EVENTS.parse(json.dumps({"boot": "", "host": "", "events": rows}))
    assert events is not None
    assert len(events.events) == MAX_EVENTS
    fields = {"rules": ["a > 1"] * COUNT, "mutes": [], "acknowledgements": [], "log": []}
    controls = ALERT_CONTROLS.parse(json.dumps(fields))
    assert controls is not None
    assert len(controls.rules) == MAX_RULES


def test_curve_of_too_many_points_is_invalid() -> None:
    def text(count: int) -> str:
        return json.dumps({"p": {"x": [[1] * count], "y": [[1] * count], "names": ["a"]}})

    assert CURVES.parse(text(MAX_CURVE_NUMBERS // 2)) is not None
    assert CURVES.parse(text(MAX_CURVE_NUMBERS // 2 + 1)) is None


def test_document_has_all_metrics_of_the_largest_tick() -> None:
    count = MAX_ROW_CHARS // max_encoded_chars(["k"])
    metrics = [Metric(f"k{number}", "", "", "p") for number in range(count)]
    assert METRICS.decode(METRICS.encode(metrics)) == metrics
