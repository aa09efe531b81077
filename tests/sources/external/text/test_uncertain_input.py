"""Input that is not certain gives no value, but a sentence that quotes it and states a fix."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tool_output import parse

from dashapp.sources.external.text.stream_parser import MAX_TEXT_CHARS, TextParser

UNCERTAIN: dict[str, tuple[str, str]] = {
    "one number or two": ("21,5\n", "LC_ALL=C"),
    "a thousand or one": ("requests: 1,234\n", "LC_ALL=C"),
    "a thousand or one in a table": ("a b\n1,234 5,678\n", "LC_ALL=C"),
    "equal rows": (
        "name, utilization.gpu [%]\nNVIDIA H100, 100 %\nNVIDIA H100, 3 %\n",
        "add a column that distinguishes them",
    ),
    "more columns": ("a b\n1 2\n1 2 3\n", "with 3 columns under a heading with 2"),
    "fewer columns": ("a b c\n1 2 3\n1 2\n", "with 2 columns under a heading with 3"),
    "XML": ('<?xml version="1.0" ?>\n<gpu><util>5 %</util></gpu>\n', "XML"),
    "table of nvidia-smi": (
        """+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 580.159.04             Driver Version: 580.159.04     CUDA Version: 13.0     |
|-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |
|=========================================+========================+======================|
|   0  NVIDIA H100 80GB HBM3          On  |   00000000:00:06.0 Off |                    0 |
| N/A   34C    P0             72W /  700W |       0MiB /  81559MiB |      0%      Default |
+-----------------------------------------+------------------------+----------------------+
""",
        "nvidia-smi dmon",
    ),
    "unnamed objects": ('{"cpus":[{"user":5},{"user":7}]}\n', 'add a "name"'),
    "half an object": ('{"a": 1, "b\n', "are not columns of numbers"),
    "sentence with a number": ("the answer is 42 today\n", "the answer is 42 today"),
    "statsd counter": ("api.requests:1|c\n", "api.requests:1|c"),
    "prose": ("one\ntwo\nthree\nfour\nfive\n", "are not columns of numbers"),
}


@pytest.mark.parametrize(("text", "sentence"), UNCERTAIN.values(), ids=UNCERTAIN.keys())
def test_uncertain_text_gives_sentence(text: str, sentence: str) -> None:
    parsed = parse(text, reports=1)
    assert sentence in " ".join(parsed.problems)
    assert all("\n" not in problem and len(problem) < 300 for problem in parsed.problems)


@pytest.mark.parametrize(
    "name",
    ["one number or two", "a thousand or one", "equal rows", "XML", "table of nvidia-smi", "unnamed objects"],
)
def test_uncertain_text_gives_no_value(name: str) -> None:
    assert parse(UNCERTAIN[name][0], reports=1).values == {}


NO_VALUES = [
    *(
        "# a comment with 5 words",
        "Adapter: ISA adapter",
        "--- 8.8.8.8 ping statistics ---",
        "==== 5 ====",
        "+--+--+",
    ),
    *(
        "12:30:05",
        "2026-01-31 12:00:05",
        "Sat Jan 31 12:00:05 UTC 2026",
        "31.01.2026 12:00",
        "10.0.0.1",
        "1.2.3",
    ),
    *("nan", "inf", "-", "N/A", "", "   ", "\t", "0x1f", "1_000", "true", "home/door OPEN", "status: ok"),
    *(
        "at 12:30:05",
        "ip: 10.0.0.1",
        "version: 1.2.3",
        "time: 12:30",
        "date: 2026-01-31",
        "mac: 00:11:22:33:44:55",
    ),
    *("http://10.0.0.1:8080/path", "eth0: 10.0.0.1", "inet 192.168.1.5/24", "uuid: 12345678-1234-1234"),
    *(
        '{"a": "x"}',
        "[]",
        "{}",
        "null",
        '"5"',
        "[1, 2, 3]",
        "id: 16487404502",
        "serial=123456",
        "kernel: 6.1.0-18",
    ),
]


@pytest.mark.parametrize("line", NO_VALUES)
def test_text_without_measurement_gives_no_value(line: str) -> None:
    assert parse(f"{line}\n", reports=1).values == {}


def test_changed_heading_changes_names() -> None:
    parsed = parse("a b\n1 2\nc d\n3 4\n", reports=1)
    assert parsed.values == {"a": 1, "b": 2, "c": 3, "d": 4}


def test_text_between_rows_is_no_heading() -> None:
    parsed = parse("a b c\n1 2 3\nretry again now please\n4 5 6\n", reports=1)
    assert parsed.values == {"a": 4, "b": 5, "c": 6}


def test_sentence_above_number_is_no_heading() -> None:
    assert parse("Connection to server lost\nretry in 5 s\n", reports=1).values == {}


def test_rows_of_the_same_user_give_no_value() -> None:
    parsed = parse("USER %CPU\nroot 1.0\nuser 3.0\nroot 5.0\n", reports=1)
    assert parsed.values == {"user.%CPU": 3}


def test_missing_value_leaves_out_its_metric_only() -> None:
    assert parse("a b c\n1 - 3\n2 [N/A] 4\n", reports=1).values == {"a": 2, "c": 4}


def test_report_is_kept_until_it_ends() -> None:
    parser = TextParser()
    assert parser.values("Filesystem Size Used Avail Use% Mounted on") == {}
    assert parser.values("/dev/sda1 20G 5G 15G 25% /") == {}
    assert parser.has_pending_rows
    assert {name.label for name in parser.flush()} >= {"/dev/sda1.Size", "/dev/sda1.Use%"}
    assert not parser.has_pending_rows


def test_names_of_rows_stay_when_report_has_repeated_names_once() -> None:
    heading = "Filesystem Size Used Avail Use% Mounted on\n"
    rows = "tmpfs 1G 0 1G 0% /run\ntmpfs 2G 0 2G 0% /tmp\n"
    parsed = parse(f"{heading}{rows}\n{heading}tmpfs 1G 0 1G 1% /run\n", reports=1)
    assert {name for name in parsed.values if "Use%" in name} == {"tmpfs./run.Use%", "tmpfs./tmp.Use%"}


@given(st.lists(st.text(alphabet='ab1 2.,:;=|%{}[]"#/-\t()', max_size=30), max_size=8))
def test_parser_returns_finite_numbers_for_any_lines(lines: list[str]) -> None:
    parser = TextParser()
    for line in lines:
        for quantity in (parser.values(line) or {}).values():
            assert math.isfinite(quantity.value)
    assert all(math.isfinite(quantity.value) for quantity in parser.flush().values())


@given(
    st.lists(
        st.sampled_from(
            ["cpu", "12", "9,5", "1,234", "a=5", "b:", "7", "C", "%", "-", "12:30", "/", "|", "\t", " "]
        ),
        max_size=12,
    )
)
def test_parser_never_fails_for_words_of_programs(words: list[str]) -> None:
    parser = TextParser()
    for _ in range(2):
        parser.values(" ".join(words))
        parser.values("".join(words))
    parser.flush()


@pytest.mark.parametrize("part", ["a", "a ", "a:", "1h", "1e", "a|", "é", "1,", "a=1,"])
def test_long_line_is_rejected_before_its_form_is_recognized(part: str) -> None:
    """A line of 20,000 letters, which strangers can put into a log, took a minute."""
    parser = TextParser()
    line = (part * (60_000 // len(part))).strip()
    assert parser.values(line) is None
    assert parser.problem == (
        f"a line of standard input has {len(line):,} characters; expected at most {MAX_TEXT_CHARS:,}, or JSON"
    )
    parser.problem = ""
    assert parser.values("load: 2.5")
    assert parser.problem == ""


def test_long_line_of_json_is_read() -> None:
    document = {f"name{number}": number for number in range(MAX_TEXT_CHARS)}
    assert len(TextParser().values(json.dumps(document)) or ()) > 100
