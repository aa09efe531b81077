"""Events by HTTP: what POST /api/push accepts, and what GET /api/events returns to whom."""

from __future__ import annotations

from typing import Any

import pytest
from push_pipeline import NOW, PushPipeline, refused
from wsgi_client import ask

from dashapp.api.endpoints import Api
from dashapp.model.events import MAX_EVENT_CHARS, Event, EventLog
from dashapp.model.thresholds import AlertChange, Threshold
from dashapp.model.ticks import Metric, Tick
from dashapp.query.public_reader import PublicReader
from dashapp.query.shared_view import SharedView, SharedViewReader
from dashapp.sources.push import PushSource
from dashapp.stores.base import Reader
from dashapp.stores.documents import EVENTS
from dashapp.stores.memory import MemoryStore

NOW_MS = int(NOW * 1000)
HTML = "<b onclick=alert(1)>deploy</b>"


def pushed(pipeline: PushPipeline, body: object) -> list[tuple[int, str]]:
    """Push a body; return the events that the collector receives."""
    answer = pipeline.push(body)
    assert answer.status == 200, answer.body
    source = PushSource(pipeline.queue, lambda: 0)
    source.read()
    return source.take_events()


@pytest.mark.parametrize(
    ("body", "events"),
    [
        ({"event": "deploy 1.4"}, [(NOW_MS, "deploy 1.4")]),
        ({"event": " deploy\n\t1.4 "}, [(NOW_MS, "deploy 1.4")]),
        ({"event": HTML}, [(NOW_MS, HTML)]),
        ({"event": "🚀 配備"}, [(NOW_MS, "🚀 配備")]),
        ({"event": "old", "t": 1_700_000_000}, [(1_700_000_000_000, "old")]),
        ({"event": "old", "t": 1_700_000_000_123}, [(1_700_000_000_123, "old")]),
        ({"event": "now", "t": NOW + 50}, [(NOW_MS + 50_000, "now")]),
        ([{"event": "a"}, {"metrics": {"loss": 1}}, {"event": "b"}], [(NOW_MS, "a"), (NOW_MS, "b")]),
        ({"event": "both", "metrics": {"loss": 1}, "t": NOW - 5}, [(NOW_MS - 5000, "both")]),
    ],
)
def test_event_is_accepted_with_its_time(body: object, events: list[tuple[int, str]]) -> None:
    assert pushed(PushPipeline(), body) == events


def test_request_counts_values_and_events() -> None:
    pipeline = PushPipeline()
    answer = pipeline.push({"event": "a", "metrics": {"loss": 1, "accuracy": 2}})
    assert answer.json == {"accepted": 3}
    assert pipeline.tick() == {"loss": 1.0, "accuracy": 2.0}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"event": ""}, 'the event is ""; expected printable text'),
        ({"event": "   "}, "expected printable text"),
        ({"event": "a\x00b"}, "expected printable text"),
        ({"event": "x" * 10_000}, f"the event has 10,000 characters; expected at most {MAX_EVENT_CHARS}"),
        ({"event": 5}, "the event is float; expected text"),
        ({"event": None}, "expected text"),
        ({"event": ["a"]}, "the event is list; expected text"),
        ({"event": "a", "t": NOW + 3600}, "not in the future"),
        ({"event": "a", "t": -5}, "t is -5; expected epoch seconds"),
        ({"event": "a", "t": "now"}, "t is text; expected epoch seconds"),
        ({"event": "a", "metrics": {"loss": 1}, "t": NOW - 3600}, "seconds from now"),
        ({"event": "a", "metrics": {"loss": "x"}}, '"loss" is text; expected a number'),
        ([{"metrics": {"loss": 1}}, {"event": ""}], "entry 2: the event"),
        ({"events": "a"}, '"events" is not a known key; expected metrics, event and t'),
    ],
)
def test_invalid_event_stores_nothing(body: object, sentence: str) -> None:
    assert sentence in refused(PushPipeline(), body)


THRESHOLD = Threshold.parse("cpu.percent > 90")
LOG = EventLog(
    (
        Event(5000, HTML, "user", 1),
        Event(1000, "The machine started", "boot", 2),
        Event(2000, "The collector started", "start", 3),
        Event(3000, "No data for 60 s: the machine was suspended", "gap", 4),
    )
)


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.describe([Metric("cpu.percent", "CPU", "%", "cpu")])
    store.append(Tick(6, 1, {"cpu.percent": 1.0}))
    store.write_document(EVENTS, LOG)
    store.set_changes([AlertChange(THRESHOLD, True, 4.0, 95.5, 1)])
    return store


def events(store: Reader, query: str = "", status: int = 200) -> Any:
    answer = ask(Api(store), f"/api/events{query}")
    assert answer.status == status, answer.body
    return answer.json


def test_events_and_alerts_are_returned_oldest_first(store: MemoryStore) -> None:
    assert events(store) == [
        {"t": 1000, "text": "The machine started", "kind": "boot"},
        {"t": 2000, "text": "The collector started", "kind": "start"},
        {"t": 3000, "text": "No data for 60 s: the machine was suspended", "kind": "gap"},
        {"t": 4000, "text": "cpu.percent > 90: firing, at 95.5", "kind": "alert"},
        {"t": 5000, "text": HTML, "kind": "user"},
    ]
    assert [row["t"] for row in events(store, "?from=2000&to=4000")] == [2000, 3000, 4000]
    assert [row["t"] for row in events(store, "?from=4001")] == [5000]
    assert events(MemoryStore()) == []


def test_every_response_names_newest_event(store: MemoryStore) -> None:
    assert ask(Api(store), "/api/ticks?window=60").json["events"] == 4
    assert "events" not in ask(Api(MemoryStore()), "/api/ticks?window=60").json


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?from=x", 'from is "x"; expected epoch milliseconds'),
        ("?to=nan", 'to is "nan"; expected epoch milliseconds'),
        ("?from=-1", "expected epoch milliseconds"),
        ("?from=1e999", "expected epoch milliseconds"),
        ("?from=5&to=4", "from must not be later than to"),
        ("?from=5&from=6", "from is set twice"),
        ("?at=5", '"at" is not a parameter'),
    ],
)
def test_invalid_range_is_one_sentence(store: MemoryStore, query: str, sentence: str) -> None:
    assert sentence in events(store, query, 400)["error"]


def test_page_without_login_shows_no_text_of_people(store: MemoryStore) -> None:
    assert {row["kind"] for row in events(PublicReader(store))} == {"boot", "gap"}


def test_share_link_shows_events_of_its_view_only(store: MemoryStore) -> None:
    shared = SharedViewReader(store, SharedView(("cpu",), 60, (2500, 6000)))
    assert [(row["t"], row["kind"]) for row in events(shared)] == [(3000, "gap"), (4000, "alert")]
    other = SharedViewReader(store, SharedView(("memory",), 60, (2500, 6000)))
    assert [row["kind"] for row in events(other)] == ["gap"]
