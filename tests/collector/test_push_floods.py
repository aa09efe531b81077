"""A program with the push token floods the collector; each tick has bounded work."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

import pytest
from push_pipeline import PushPipeline, refused

from dashapp import training_run
from dashapp.alerts.monitor import AlertMonitor
from dashapp.api.push import MAX_VALUES_PER_REQUEST
from dashapp.collector.alert_actions import apply_records
from dashapp.collector.run_registry import RunRegistry
from dashapp.model.alerts.controls import CREATE, AlertAction
from dashapp.model.alerts.rules import parse_rule
from dashapp.model.events import EVENT_KINDS, MAX_EVENTS, MAX_LOG_CHARS, Event, EventLog
from dashapp.model.runs import MAX_CONFIG_JSON_CHARS, MAX_RUN_NAME_LENGTH, MAX_RUNS, Run, split_run_key
from dashapp.sources.push import (
    ACTION_ENTRIES,
    ACTION_MARK,
    MAX_ENTRIES_PER_TICK,
    MAX_RECORD_VALUES,
    PushSource,
    event_record,
)
from dashapp.stores.document_kind import Document, Value
from dashapp.stores.documents import ALERT_CONTROLS, EVENTS, RUNS, action_record
from dashapp.stores.memory import MemoryStore
from dashapp.stores.redis.bounded import MAX_TEXT_BYTES

NOW_MS = 1_800_000_000_000


class Inbox:
    """A push queue with these records."""

    def __init__(self, records: list[bytes]) -> None:
        self.records = records

    def take(self, newest: int, accept: Callable[[bytes], bool]) -> None:
        while self.records and accept(self.records[0]):
            self.records.pop(0)


def runs_record(count: int, first: int = 0) -> bytes:
    entries = [{"run": {"id": f"{first + number}", "name": "a"}, "metrics": {}} for number in range(count)]
    return json.dumps({"": entries}).encode()


@pytest.mark.parametrize(
    ("record", "entries"),
    [
        (runs_record(1000), 1000),
        (event_record([(NOW_MS, f"{number}") for number in range(1000)]), 1000),
    ],
    ids=["runs", "events"],
)
def test_tick_takes_limited_number_of_entries(record: bytes, entries: int) -> None:
    """Of these records 4 MB fit a tick, and took 5 seconds of CPU."""
    inbox = Inbox([record] * 8)
    source = PushSource(inbox, lambda: 0, RunRegistry([], lambda runs: None))
    source.read()
    taken = 8 - len(inbox.records)
    assert taken == max(1, -(-MAX_ENTRIES_PER_TICK // entries))
    # Equal events are one.
    assert len(source.take_events()) in (0, entries)
    while inbox.records:
        before = len(inbox.records)
        source.read()
        assert len(inbox.records) < before


COUNT = MAX_RECORD_VALUES + 1


@pytest.mark.parametrize(
    "record",
    [
        json.dumps({f"n{number}": 1 for number in range(COUNT)}).encode(),
        json.dumps({f"run.r{number}.a": 1 for number in range(COUNT)}).encode(),
        runs_record(COUNT),
        json.dumps(
            {"": [{"run": {"id": "a", "name": "a"}, "metrics": {f"m{number}": 1 for number in range(COUNT)}}]}
        ).encode(),
        event_record([(NOW_MS, f"{number}") for number in range(COUNT)]),
        f'{{"":[{"{}," * COUNT}{{}}]}}'.encode(),
        f"[{'[],' * COUNT}[]]".encode(),
    ],
    ids=["names", "names of runs", "runs", "metrics of run", "events", "empty entries", "empty events"],
)
def test_record_of_more_values_than_a_request_has_is_left_out(record: bytes) -> None:
    """Another program can write it to a shared Redis. A tick always takes one record."""
    inbox = Inbox([record, b'{"x": 1}'])
    runs: list[list[Run]] = []
    source = PushSource(inbox, lambda: 0, RunRegistry([], runs.append))
    assert {metric.key: value for metric, value in source.read().items()} == {"x": 1}
    assert (runs, source.take_events(), inbox.records) == ([], [], [])


def test_tick_takes_limited_number_of_actions_and_writes_them_together() -> None:
    """The document of 500 long actions takes 20 ms to write."""
    rules = [parse_rule(f"m{number} > 1") for number in range(400)]
    records = [
        ACTION_MARK + action_record(AlertAction(f"{number}", CREATE, rule, 1.0))
        for number, rule in enumerate(rules)
    ]
    store, inbox = CountingStore(), Inbox(records)
    act = partial(apply_records, AlertMonitor([], store))
    source = PushSource(inbox, lambda: 0, act=act)
    reads = 0
    while inbox.records:
        before = len(inbox.records)
        source.read()
        reads += 1
        assert 0 < before - len(inbox.records) <= MAX_ENTRIES_PER_TICK // ACTION_ENTRIES
    assert store.alert_controls().rules == tuple(rules)
    assert store.writes == reads


class CountingStore(MemoryStore):
    """Counts how often it writes the actions of people."""

    writes = 0

    def write_document(self, document: Document[Value], value: Value) -> None:
        self.writes += document.name == ALERT_CONTROLS.name
        super().write_document(document, value)


def test_tick_adds_at_most_as_many_runs_as_a_store_keeps() -> None:
    written: list[list[Run]] = []
    registry = RunRegistry([], written.append)
    first = registry.observe_values({f"run.early{number}.loss": 1.0 for number in range(5)})
    assert first == {}
    for number in range(3 * MAX_RUNS):
        registry.observe({"run": {"id": f"late{number}", "name": "a"}, "step": 1.0, "metrics": {"loss": 0.5}})
    values = registry.finish_tick()
    assert len(written[-1]) == MAX_RUNS
    assert len([key for key in values if key.endswith(".loss")]) == MAX_RUNS
    registry.observe({"run": {"id": "next", "name": "b"}, "metrics": {"loss": 0.5}})
    assert registry.finish_tick() == {"run.b.loss": 0.5}


@pytest.mark.parametrize(
    "entry", [{"run": {"name": "a"}}, {"run": {"name": "a"}, "metrics": {}}, {"metrics": {}}, {}]
)
def test_entries_without_values_count(entry: dict[str, object]) -> None:
    sentence = refused(PushPipeline(), [entry] * (MAX_VALUES_PER_REQUEST + 1))
    assert sentence == "the body has more than 1000 values or entries; send several requests"


def test_long_name_of_second_run_fits_its_keys() -> None:
    """Its keys were no keys of a run."""
    registry = RunRegistry([], lambda runs: None)
    for number in range(12):
        registry.observe({"run": {"id": f"{number}", "name": "n" * 64}, "metrics": {"loss": 0.5}})
    values = registry.finish_tick()
    assert len(values) == 12
    for key in values:
        parts = split_run_key(key)
        assert parts is not None
        assert len(parts[0]) <= MAX_RUN_NAME_LENGTH


TEXTS = {"ascii": "x" * 200, "emoji": "😀" * 200, "chinese": "部" * 200, "quotes": '"' * 200}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_log_of_longest_events_is_within_limits_of_redis(text: str) -> None:
    events = [Event(NOW_MS + number, text, EVENT_KINDS[0], number) for number in range(2 * MAX_EVENTS)]
    log = EventLog().replaced(events)
    assert len(EVENTS.encode(log)) < MAX_TEXT_BYTES / 2
    assert log.events[-1] == events[-1]
    assert len(log.events) == MAX_EVENTS or len(json.dumps(text)) * len(log.events) > MAX_LOG_CHARS * 0.99
    assert EVENTS.parse(EVENTS.encode(log)) == log


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_configuration_has_limit_that_the_client_obeys(text: str) -> None:
    count = min(100, 30_000 // len(json.dumps(text, ensure_ascii=False).encode()))
    config = {f"{number} {text}"[:200]: text for number in range(count)}
    body = json.dumps({"run": {"name": "a", "config": config}}, ensure_ascii=False).encode()
    sentence = refused(PushPipeline(), body)
    assert "characters as JSON; expected at most 16000" in sentence
    encodable = training_run._encodable(config | {f"n{number}": 1 for number in range(200)})
    assert len(encodable) > 50
    assert PushPipeline().push({"run": {"name": "a", "config": encodable}}).status == 200


def test_configurations_of_all_runs_are_within_limits_of_redis() -> None:
    config = {"x": "😀" * (MAX_CONFIG_JSON_CHARS // 12)}
    runs = [Run(f"{number}", f"{number}", "a", "running", 1.0, config=config) for number in range(MAX_RUNS)]
    assert len(RUNS.encode(runs)) < MAX_TEXT_BYTES / 2
