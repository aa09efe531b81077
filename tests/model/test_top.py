"""Records of top processes: their text, and several of them as one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashapp.model.top import (
    CPU,
    MEMORY,
    RANKING_LENGTH,
    TopEntry,
    TopRecord,
    combine_records,
    describe_ranking,
    kind_of_metric,
    rank,
)

NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f", "g", " é\n\u202e", "\U0001f600", "\x00"])


def rankings(kind: str) -> st.SearchStrategy[list[TopEntry]]:
    values = st.floats(0.01, 20) if kind == CPU else st.integers(1, 1 << 50)
    entries = st.builds(TopEntry, NAMES, values, st.integers(1, 500))
    unique = st.lists(entries, max_size=RANKING_LENGTH, unique_by=lambda entry: entry.name)
    return unique.map(lambda found: sorted(found, key=lambda entry: -entry.value))


RECORDS = st.builds(
    lambda number, step, cpu, memory, unknown: TopRecord(
        10_000 * number, step, {CPU: cpu, MEMORY: memory}, unknown
    ),
    st.integers(1, 10**6),
    st.sampled_from([2.5, 10.0, 60.0]),
    rankings(CPU),
    rankings(MEMORY),
    st.none() | st.floats(0, 100),
)


@given(RECORDS)
def test_record_survives_its_text(record: TopRecord) -> None:
    assert TopRecord.decode(record.encode()) == record


@given(st.lists(RECORDS, min_size=1, max_size=4))
def test_combined_cpu_is_at_most_100_and_each_value_is_between_the_extremes(records: list[TopRecord]) -> None:
    result = combine_records([(record, record.step) for record in records], 1, 1.0)
    assert sum(entry.value for entry in result.rankings[CPU]) <= 100.1
    for kind in (CPU, MEMORY):
        highest = {
            entry.name: max(
                other.value
                for record in records
                for other in record.rankings[kind]
                if other.name == entry.name
            )
            for entry in result.rankings[kind]
        }
        for entry in result.rankings[kind]:
            assert entry.value <= highest[entry.name] + 0.01
    assert result.unknown is None or 0 <= result.unknown <= 100.01


@given(RECORDS)
def test_one_record_combined_stays_the_same(record: TopRecord) -> None:
    result = combine_records([(record, record.step)], record.time_ms, record.step)
    assert {e.name for e in result.rankings[MEMORY]} == {e.name for e in record.rankings[MEMORY]}
    for new, old in zip(result.rankings[CPU], rank(record.rankings[CPU]), strict=True):
        assert new.value == pytest.approx(old.value, abs=0.006)


def test_cpu_is_weighted_by_time_and_memory_is_the_highest() -> None:
    first = TopRecord(10_000, 10, {CPU: [TopEntry("a", 60, 2)], MEMORY: [TopEntry("a", 500, 2)]}, 4)
    second = TopRecord(
        40_000, 30, {CPU: [TopEntry("a", 20, 1), TopEntry("b", 8, 1)], MEMORY: [TopEntry("a", 300, 1)]}, None
    )
    assert combine_records([(first, 10), (second, 30)], 40_000, 40) == TopRecord(
        40_000, 40, {CPU: [TopEntry("a", 30, 2), TopEntry("b", 6, 1)], MEMORY: [TopEntry("a", 500, 2)]}, 4
    )


def test_kinds_of_later_versions_are_kept() -> None:
    record = TopRecord(1, 10, {"gpu": [TopEntry("python", 5e9, 1)]}, None)
    assert TopRecord.decode(record.encode()) == record
    assert combine_records([(record, 10)], 1, 10).rankings == {"gpu": [TopEntry("python", 5e9, 1)]}


BAD_ENTRIES: list[Any] = [
    ["a", -1, 1],
    ["a", 1e19, 1],
    ["a", None, 1],
    ["a", "5", 1],
    ["a", 5, 0],
    ["a", 5, 1.5],
    ["a", 5, 10**9],
    ["", 5, 1],
    ["a" * 65, 5, 1],
    [5, 5, 1],
    ["a", 5],
    ["\ud800", 5, 1],
]


@pytest.mark.parametrize(
    "row",
    [
        *([1, 10, {"cpu": [entry]}, 0] for entry in BAD_ENTRIES),
        [1, 10, {"cpu": [["a", 1, 1]] * 6}, 0],
        [1, 10, {str(kind): [] for kind in range(9)}, 0],
        [1, 10, {"cpu": 5}, 0],
        [1, 10, [], 0],
        [1, 0, {}, 0],
        [1, -5, {}, 0],
        [1, 1e300, {}, 0],
        [-1, 10, {}, 0],
        [1.5, 10, {}, 0],
        [1e15, 10, {}, 0],
        ["1", 10, {}, 0],
        [1, 10, {}, -1],
        [1, 10, {}, 101],
        [1, 10, {}],
        [],
        {},
        None,
    ],
)
def test_decode_rejects_what_is_no_record(row: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any ValueError
        TopRecord.decode(json.dumps(row))


@pytest.mark.parametrize("text", ["", "x", "[1", "[1,10,{},NaN]", "[" * 20_000, b"\xff", 5, None])
def test_decode_rejects_what_is_no_json(text: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any ValueError
        TopRecord.decode(text)


@pytest.mark.parametrize(
    ("kind", "ranking", "text"),
    [
        (CPU, [TopEntry("ffmpeg", 61.2, 1), TopEntry("python", 22.0, 1)], "ffmpeg 61 %, python 22 %"),
        (CPU, [TopEntry("a", 9.94, 1), TopEntry("b", 0.04, 12)], "a 9.9 %, b 0.0 % (12 processes)"),
        (MEMORY, [TopEntry("java", 3_210_000_000, 1)], "java 3.21 GB"),
        (MEMORY, [TopEntry("java", 999_600_000, 2)], "java 1 GB (2 processes)"),
        (CPU, [TopEntry(name, 5, 1) for name in "abcde"], "a 5.0 %, b 5.0 %, c 5.0 %"),
        (CPU, [], ""),
    ],
)
def test_describe_ranking(kind: str, ranking: list[TopEntry], text: str) -> None:
    assert describe_ranking(kind, ranking) == text


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("cpu.percent", CPU),
        ("load.1", CPU),
        ("memory.percent", MEMORY),
        ("swap.used", MEMORY),
        ("pressure.cpu", CPU),
        ("pressure.memory.full", MEMORY),
        ("pressure.io", None),
        ("disk.read", None),
        ("cpupercent", None),
        ("shop.cpu.percent", None),
    ],
)
def test_kind_of_metric(key: str, kind: str | None) -> None:
    assert kind_of_metric(key) == kind
