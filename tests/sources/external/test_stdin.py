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
from dashapp.model.ticks import Metric
from dashapp.process import threads
from dashapp.sources.external.stdin import REJECTION_SHOWN_S, WAITING_S, StdinSource, make_source
from dashapp.sources.external.text.line_reader import LineReader
from dashapp.sources.external.text.stream_parser import TextParser
from dashapp.sources.external.text.text_metrics import MAX_NAMES
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

    def fail(parser: TextParser, line: bytes) -> None:
        if failing and line.startswith(b"2"):
            raise KeyError("a defect")
        parse(parser, line)

    monkeypatch.setattr(pipe.source, "_parse_line", fail)
    pipe.write("first second\n1 1\n")
    wait_for(lambda: pipe.values() == {"stdin.first": 1, "stdin.second": 1})
    pipe.write("2 2\n")
    wait_for(lambda: "thread source stdin failed (KeyError)" in pipe.source.status_message)
    failing = False
    pipe.write("3 3\n")
    wait_for(lambda: pipe.values() == {"stdin.first": 3, "stdin.second": 3})
    wait_for(lambda: pipe.source.status_message == "")


def metrics(pipe: Piped) -> dict[str, Metric]:
    return {metric.key: metric for metric in pipe.source.read()}


def test_stdin_metrics_have_base_units_and_a_panel_for_each_unit(pipe: Piped) -> None:
    pipe.write("temp=48.3'C\nused: 512 MiB\nload 0.5\n")
    assert pipe.end() == {"stdin.temp": 48.3, "stdin.used": 512 * 1024.0**2, "stdin.load": 0.5}
    found = {key: (metric.unit, metric.panel) for key, metric in metrics(pipe).items()}
    assert found == {
        "stdin.temp": ("°C", "stdin-celsius"),
        "stdin.used": ("B", "stdin-bytes"),
        "stdin.load": ("", "stdin"),
    }


def test_stdin_key_has_row_and_column(pipe: Piped) -> None:
    pipe.write("Device tps %util\nsda 1.5 2.4\nsdb 2.5 97.6\n\n")
    assert pipe.end() == {
        "stdin.sda.tps": 1.5,
        "stdin.sda.util": 2.4,
        "stdin.sdb.tps": 2.5,
        "stdin.sdb.util": 97.6,
    }
    assert {metric.label for metric in metrics(pipe).values()} >= {"sda.%util", "sdb.%util"}


def test_stdin_keys_of_long_and_foreign_rows_do_not_depend_on_order(pipe: Piped) -> None:
    rows = [
        "overlay-of-the-same-directory-in-docker-1",
        "overlay-of-the-same-directory-in-docker-2",
        "温度",
        "湿度",
    ]
    keys = []
    for order in (rows, rows[::-1]):
        other = Piped()
        other.write("name value\n" + "".join(f"{row} {rows.index(row)}\n" for row in order))
        keys.append(other.end())
    pipe.end()
    assert keys[0] == keys[1]
    assert len(keys[0]) == len(rows)


def test_stdin_report_is_read_when_no_line_follows(pipe: Piped) -> None:
    pipe.write("Device tps %util\nsda 1.5 2.4\n")
    wait_for(lambda: pipe.values() == {"stdin.sda.tps": 1.5, "stdin.sda.util": 2.4})


def test_stdin_drops_value_whose_unit_changes(pipe: Piped) -> None:
    pipe.write("a=5 W\na=7\na=0\n")
    assert pipe.end() == {"stdin.a": 0}
    assert '"a" of standard input has the unit W in one line' in pipe.source.status_message


def test_stdin_adopts_unit_after_plain_zero(pipe: Piped) -> None:
    pipe.write("a=0\na=5 W\n")
    assert pipe.end() == {"stdin.a": 5}
    assert metrics(pipe)["stdin.a"].unit == "W"


def test_stdin_sentence_about_unreadable_line_stays_the_same_and_expires(pipe: Piped) -> None:
    pipe.write("good=1\nthe answer is 42 today\n")
    wait_for(lambda: '"the answer is 42 today"' in pipe.source.status_message)
    pipe.write("the answer is 43 today\ngood=2\n")
    wait_for(lambda: pipe.source.unreadable_lines == 2)
    assert "42" in pipe.source.status_message
    assert "43" not in pipe.source.status_message
    pipe.clock.pass_time(REJECTION_SHOWN_S + 1)
    assert pipe.source.status_message == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "standard input is empty so far"),
        ("5 6 7", "standard input has no complete line yet"),
        ("home/door OPEN\n", 'standard input has no number yet; it begins with "home/door OPEN"'),
    ],
    ids=["nothing", "no end of a line", "no number"],
)
def test_stdin_without_numbers_is_reported_after_some_seconds(text: str, sentence: str, pipe: Piped) -> None:
    pipe.write(text)
    assert pipe.source.status_message == ""
    pipe.clock.pass_time(WAITING_S + 1)
    wait_for(lambda: sentence in pipe.source.status_message)


def test_stdin_reads_latin_1_degrees(pipe: Piped) -> None:
    pipe.write("temp: 48.3 \xb0C\n".encode("latin-1"))
    assert pipe.end() == {"stdin.temp": 48.3}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_line_reader_ends_lines_alike_at_any_chunk_size(size: int) -> None:
    data = b"a\r\nb\rc\n\nd\r\r\ne"
    reader = LineReader()
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    lines = [line for chunk in chunks for line in reader.feed(chunk)]
    assert [*lines, reader.remainder()] == [b"a", b"b", b"c", b"", b"d", b"", b"e"]
