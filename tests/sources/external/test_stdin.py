"""Standard input as a source: line formats, the end of the input, and hostile input."""

from __future__ import annotations

import os
import re
import tracemalloc
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pipe_source import VMSTAT, Piped
from waiting import wait_for

from dashapp.collector.sampler import Sampler
from dashapp.process import threads
from dashapp.sources.external.stdin import MAX_NAMES, StdinSource, make_source
from dashapp.sources.external.text_parsing import TextTable
from dashapp.stores.memory import MemoryStore


@pytest.fixture
def pipe() -> Iterator[Piped]:
    piped = Piped()
    yield piped
    piped.end()


READ = {
    "vmstat": (VMSTAT, {"r": 2, "b": 1, "swpd": 0, "free": 215670, "cache": 161841, "so": 0}),
    "pairs": ("load=0.5, cpu=7% name=x\n", {"load": 0.5, "cpu": 7}),
    "spaced pairs": ("vm.free = 12\n", {"vm-free": 12}),
    "json": ('{"a": 1, "b": {"c": 2.5}, "t": "x", "l": [1], "ok": true}\n', {"a": 1, "b-c": 2.5}),
    "no heading": ("1 2\n", {"column1": 1, "column2": 2}),
    "one number": ("17\n", {"value": 17}),
    "csv": ("time,open,close\n2026-01-01,1.5,2\n", {"open": 1.5, "close": 2}),
    "tabs": ("a\tb\n1\t2\n", {"a": 1, "b": 2}),
    "same names": ("a a\n1 2\n", {"a": 1, "a-2": 2}),
    "names that collide": ('{"a b": 1, "A-B": 2}\n', {"a-b": 1, "a-b-2": 2}),
    "hostile names": ('{"<b>x</b>": 1, "../etc": 2, "": 3}\n', {"b-x-b": 1, "etc": 2, "unnamed": 3}),
    "no newline at the end": ("a=1\na=2", {"a": 2}),
    "windows": ("a b\r\n1 2\r\n", {"a": 1, "b": 2}),
    "byte order mark": ("\ufeffa b\n1 2\n", {"a": 1, "b": 2}),
    "nan": ("a b\n1 nan\n", {"a": 1}),
    "nan in json": ('{"a": NaN, "b": 1, "c": 1e400, "d": Infinity}\n', {"b": 1}),
    "nan in pairs": ("a=nan b=2\n", {"b": 2}),
}


@pytest.mark.parametrize(("text", "expected"), READ.values(), ids=READ.keys())
def test_stdin_reads_metrics_from_lines_of_many_formats(
    text: str, expected: Mapping[str, float], pipe: Piped
) -> None:
    pipe.write(text)
    values = pipe.end()
    assert {f"stdin.{name}": value for name, value in expected.items()}.items() <= values.items()
    assert pipe.source.unreadable_lines == 0
    assert re.fullmatch(r"standard input ended at \d\d:\d\d:\d\d UTC", pipe.source.status_message)


UNREADABLE = {
    "half an object": b'{"a": 1, "b',
    "binary": bytes(range(256)) * 4,
    "not text": b"\xff\xfe\xfd=1\n",
    "ragged": b"a b\n1 2\n1 2 3\n",
    "prose": b"one\ntwo\nthree\nfour\nfive\n",
    "words as pairs": b"a=b c=d\n",
    "deep": b'{"a":' * 60_000,
    "digits": b'{"a":' + b"9" * 9_000 + b"}\n",
    "too long": b"a=1 " * 50_000 + b"\n",
    "spaces": b"=" + b" " * 60_000 + b"=" + b"a" * 60_000,
}


@pytest.mark.parametrize("rubbish", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_stdin_counts_unreadable_line_and_reads_next(rubbish: bytes, pipe: Piped) -> None:
    pipe.write(b"good=1\n" + rubbish + b"\ngood=2\n")
    assert pipe.end()["stdin.good"] == 2
    assert pipe.source.unreadable_lines >= 1
    assert "some lines of standard input are not columns" in pipe.source.status_message


def test_stdin_memory_is_bounded_without_newline(pipe: Piped) -> None:
    pipe.write("good=1\n")
    chunk = b"x" * (1 << 20)
    tracemalloc.start()
    try:
        for _ in range(100):
            pipe.write(chunk)
        pipe.write("\ngood=2\n")
        assert pipe.end()["stdin.good"] == 2
        assert tracemalloc.get_traced_memory()[1] < 3 << 20
    finally:
        tracemalloc.stop()
    assert pipe.source.unreadable_lines == 1


def test_stdin_limits_and_reports_number_of_names(pipe: Piped) -> None:
    for count in range(50):
        pipe.write("".join(f'{{"n{count}-{each}": 1}}\n' for each in range(50)))
    assert len(pipe.end()) == MAX_NAMES
    assert f"more than {MAX_NAMES} names" in pipe.source.status_message


def test_stdin_metric_becomes_gap_after_its_usual_interval(pipe: Piped) -> None:
    def at(second: float, name: str) -> None:
        pipe.clock.pass_time(1_000 + second - pipe.clock.monotonic())
        pipe.write(f"{name}={second}\n")
        wait_for(lambda: pipe.values().get(f"stdin.{name}") == second)

    at(0, "seldom")
    for second in range(11):
        at(second, "often")
    assert "stdin.seldom" not in pipe.values(), "nobody knows yet that it comes seldom"
    at(10, "seldom")
    at(20, "seldom")
    assert pipe.values() == {"stdin.seldom": 20}
    pipe.clock.pass_time(29)
    assert pipe.values() == {"stdin.seldom": 20}
    pipe.clock.pass_time(2)
    assert pipe.values() == {}


def test_stdin_late_tick_holds_earlier_values(pipe: Piped) -> None:
    # In one write: each write reads the source first, which takes a value that has come already.
    pipe.write(b"early=1\n\xff\n")
    wait_for(lambda: pipe.source.unreadable_lines)
    pipe.clock.pass_time(60)
    assert pipe.values() == {"stdin.early": 1}
    assert pipe.values() == {}


def test_stdin_end_is_logged_once_and_is_no_error(pipe: Piped, caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    sampler = Sampler([pipe.source], store, 1.0)
    pipe.write("a=1\n")
    pipe.end()
    for second in range(200):
        pipe.clock.pass_time(1)
        sampler.tick(second + 1.0)
    assert [record.message for record in caplog.records] == [pipe.source.status_message]
    assert [tick.values for tick in store.since(0, 99)] == [{"stdin.a": 1}] * 3


def test_stdin_reports_closed_input(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    source = StdinSource(1.0, reading)
    source.read()
    wait_for(lambda: "standard input cannot be read" in source.status_message)


@pytest.mark.parametrize("rest", ["x", "/dev/stdin"])
def test_stdin_spec_is_rejected_with_argument(rest: str) -> None:
    with pytest.raises(ValueError, match="stdin without an argument"):
        make_source(rest, 1.0)


def test_stdin_continues_with_names_of_columns_after_exception(
    pipe: Piped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "RETRY_INITIAL_S", 0.01)
    parse, failing = pipe.source._parse_line, True

    def fail(table: TextTable, line: bytes) -> None:
        if failing and line.startswith(b"2"):
            raise KeyError("a defect")
        parse(table, line)

    monkeypatch.setattr(pipe.source, "_parse_line", fail)
    pipe.write("first second\n1 1\n")
    wait_for(lambda: pipe.values() == {"stdin.first": 1, "stdin.second": 1})
    pipe.write("2 2\n")
    wait_for(lambda: "thread source stdin failed (KeyError)" in pipe.source.status_message)
    failing = False
    pipe.write("3 3\n")
    wait_for(lambda: pipe.values() == {"stdin.first": 3, "stdin.second": 3})
    wait_for(lambda: pipe.source.status_message == "")
