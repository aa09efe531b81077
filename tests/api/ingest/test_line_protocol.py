"""The parser of InfluxDB line protocol: values, escapes, times, and invalid lines."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thorough import amount

from dashapp.api.ingest.line_protocol import (
    CACHE_SIZE,
    MAX_AGE_S,
    MAX_LEAD_S,
    MAX_NEW_SERIES,
    MAX_TAGS,
    PRECISIONS,
    LineParser,
    Lines,
)
from dashapp.model.ticks import MAX_VALUE
from dashapp.sources.external.ingest.records import GAUGE, MAX_SERIES_CHARS, SeriesId

NOW = 1_795_218_017.0
NS = 1_795_218_017_000_000_000


def parse(text: str, precision: str = "ns") -> Lines:
    return LineParser().parse(text, NOW, precision)


def values(lines: Lines) -> dict[tuple[Any, ...], tuple[float, float]]:
    """Return time and value by name and tags."""
    return {
        (series.name, *series.labels): (point.time, point.value)
        for point in lines.points
        for series in [SeriesId.decode(point.series)]
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("v=1", 1.0),
        ("v=-1.5", -1.5),
        ("v=1e3", 1000.0),
        ("v=1.E+2", 100.0),
        ("v=.5", 0.5),
        ("v=+1", 1.0),
        ("v=12i", 12.0),
        ("v=-12i", -12.0),
        ("v=9223372036854775807i", float(2**63)),
        ("v=18446744073709551615u", float(2**64)),
        *((f"v={text}", 1.0) for text in ("t", "T", "true", "True", "TRUE")),
        *((f"v={text}", 0.0) for text in ("f", "F", "false", "False", "FALSE")),
    ],
)
def test_parser_reads_number_of_field(field: str, value: float) -> None:
    assert values(parse(f"m {field} {NS}")) == {("m.v",): (NOW, value)}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("m v=1", ("m.v",)),
        ("  m v=1  ", ("m.v",)),
        ("\tm v=1", ("m.v",)),
        ("\0m v=1", ("m.v",)),
        ("m   v=1", ("m.v",)),
        ("m,b=2,a=1 v=1", ("m.v", ("a", "1"), ("b", "2"))),
        ("m,a=x\\ y v=1", ("m.v", ("a", "x y"))),
        ("m,a\\=b=x\\,y\\=z v=1", ("m.v", ("a=b", "x,y=z"))),
        ("my\\ m\\,x v\\ w\\=1\\,=1", ("my m,x.v w=1,",)),
        ("m,path=C:\\Windows v=1", ("m.v", ("path", "C:\\Windows"))),
        ('m,a="q" v=1', ("m.v", ("a", '"q"'))),
        ('m,a="q v=1', ("m.v", ("a", '"q'))),
        ('m,a="q\\ r" v=1,s="t"', ("m.v", ("a", '"q r"'))),
        ("größe,straße=süd v=1", ("größe.v", ("straße", "süd"))),
        ("m,a=b v=1,#", ()),
    ],
)
def test_parser_reads_names_and_escapes(text: str, names: tuple[Any, ...]) -> None:
    assert set(values(parse(text))) == ({names} if names else set())


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('m s="a"', 1),
        ('m s="",v=1', 1),
        ('m s="a b,c=d e",v=1', 1),
        ('m s="a \\"b\\" c",v=1,t="x"', 2),
        ('m s="ends with \\\\",v=1', 1),
        ('m s="two\nlines",v=1', 1),
        ('m s="two\nlines",v=1,t="three\r\nmore\nlines"', 2),
        ('m s="# no comment\n# none",v=1', 1),
    ],
)
def test_parser_leaves_texts_out(text: str, count: int) -> None:
    lines = parse(f"{text} {NS}\nlast v=2 {NS}\n")
    expected = {("last.v",): (NOW, 2.0)}
    if "v=1" in text:
        expected[("m.v",)] = (NOW, 1.0)
    assert values(lines) == expected
    assert (lines.rejected, lines.text_fields) == (0, count)


@pytest.mark.parametrize(
    "end", ["\n", "\r\n", "\n\n", "\n  \n", "\n# a comment, with a=b 1\n", "\n \t# more\n"]
)
def test_parser_splits_lines(end: str) -> None:
    assert set(values(parse(f"a v=1{end}b v=2{end}"))) == {("a.v",), ("b.v",)}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("m", "expected a line such as"),
        ("m,a=b", "expected a line such as"),
        ("m v=1 1 1", "expected a line such as"),
        ("m\tv=1", "spaces instead of tabs"),
        ("m\\ v=1", "expected a line such as"),
        (",a=b v=1", "the name of a measurement"),
        ("m, v=1", "expected a tag such as"),
        ("m,a v=1", "expected a tag such as"),
        ("m,a= v=1", "expected a tag such as"),
        ("m,=b v=1", "expected a tag such as"),
        ("m,a=b=c v=1", "expected a tag such as"),
        ("m,a=1,a=2 v=1", "there twice"),
        ("m," + ",".join(f"t{number}=1" for number in range(MAX_TAGS + 1)) + " v=1", "at most 32 tags"),
        ("m v", "expected a field"),
        ("m v=", "expected a field"),
        ("m =1", "the name of a field"),
        ("m v=1,", "field"),
        ("m v=1,,w=2", "field"),
        ("m v=x", '"v" is "x"; expected a number'),
        *(
            (f"m v={text}", "expected a number")
            for text in (
                *(
                    "nan",
                    "NaN",
                    "inf",
                    "-Infinity",
                    "1e400",
                    "-1e301",
                    "1_000",
                    "0x10",
                    "1.5i",
                    "-1u",
                    "i",
                    "u",
                ),
                *("1ii", "--1i", "\u0661", "1\u0661i", "tRUE", "yes", "None", "1" * 21 + "i"),
            )
        ),
        ('m v="x', "has no end"),
        ('m v="x"y', "has no end"),
        ('m v="x" y"', "a timestamp in digits"),
        ("m v=1 now", "a timestamp in digits"),
        ("m v=1 1.5", "a timestamp in digits"),
        ("m v=1 ٣", "a timestamp in digits"),
        ("m v=1 -", "a timestamp in digits"),
        ("m v=1 " + "9" * 5000, "a timestamp in digits"),
        ("m,a=b\x07c v=1", "control character"),
        ("m,a=b\tc v=1", "control character"),
        ("m,a=\udcff v=1", "control character"),
        ("m v\x00w=1", "control character"),
        ("m,a=" + "x" * 1000 + " v=1", "at most 1000 characters"),
    ],
)
def test_parser_rejects_line_with_one_sentence(line: str, sentence: str) -> None:
    lines = parse(f"a v=1 {NS}\n{line}\nb v=2 {NS}")
    assert values(lines) == {("a.v",): (NOW, 1.0), ("b.v",): (NOW, 2.0)}
    assert lines.rejected == 1
    assert lines.problem.startswith("line 2 is ")
    assert sentence in lines.problem
    assert len(lines.problem) < 400
    assert "\n" not in lines.problem


def test_parser_names_first_invalid_line_and_counts_all() -> None:
    lines = parse("a v=1\nbad\nworse\nb v=1")
    assert (len(lines.points), lines.rejected) == (2, 2)
    assert lines.problem.startswith('line 2 is "bad"')


@pytest.mark.parametrize("precision", PRECISIONS)
def test_parser_reads_timestamp_in_each_precision(precision: str) -> None:
    per_second = PRECISIONS[precision]
    (point,) = parse(f"m v=1 {int(NOW * per_second)}", precision).points
    assert 0 <= NOW - point.time < max(1.0, 1 / per_second)


@pytest.mark.parametrize("seconds", [-MAX_AGE_S, -1, 0, 1, MAX_LEAD_S])
def test_parser_accepts_times_near_now(seconds: float) -> None:
    (point,) = parse(f"m v=1 {int(NOW + seconds)}", "s").points
    assert point.time == NOW + seconds


@pytest.mark.parametrize("seconds", [-MAX_AGE_S - 2, MAX_LEAD_S + 1, -86_400 * 365, 86_400, -NOW, -2 * NOW])
def test_parser_rejects_times_far_from_now(seconds: float) -> None:
    lines = parse(f"m v=1 {int(NOW + seconds)}", "s")
    assert (lines.points, lines.rejected) == ([], 1)
    assert "precision=s" in lines.problem
    assert "120 seconds ago" in lines.problem


@pytest.mark.parametrize("sent", ["ns", "us", "ms", "s"])
@pytest.mark.parametrize("precision", ["ns", "us", "ms", "s"])
def test_parser_names_precision_that_fits(sent: str, precision: str) -> None:
    lines = parse(f"m v=1 {int(NOW * PRECISIONS[sent])}", precision)
    if sent == precision:
        assert not lines.rejected
    else:
        assert f"add precision={sent} to the address" in lines.problem


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_parser_keeps_newest_value_in_any_order_of_lines(order: tuple[int, ...]) -> None:
    text = "\n".join(f"m v={number} {NS + number * 1_000_000_000}" for number in order)
    assert values(parse(text)) == {("m.v",): (NOW + 3, 3.0)}


def test_parser_keeps_last_value_of_one_time() -> None:
    assert values(parse("m v=1\nm v=2")) == {("m.v",): (NOW, 2.0)}


def test_parser_cache_stays_bounded() -> None:
    parser = LineParser()
    for start in range(0, 3 * CACHE_SIZE, 1000):
        text = "\n".join(f"m,a=x{start + number} v=1" for number in range(1000))
        assert len(parser.parse(text, NOW).points) == 1000
        assert parser._series_count <= CACHE_SIZE + 1


def cached_chars(parser: LineParser) -> int:
    return sum(len(series) for tags in parser._tags.values() for series in tags.fields.values())


def test_fields_of_the_same_tags_do_not_fill_the_cache_for_ever() -> None:
    parser = LineParser()
    for start in range(0, 3 * CACHE_SIZE, 1000):
        text = "m " + ",".join(f"f{start + number}=1" for number in range(1000))
        assert len(parser.parse(text, NOW).points) == 1000
        assert sum(len(tags.fields) for tags in parser._tags.values()) <= CACHE_SIZE + 1


def test_line_of_many_fields_with_long_tags_takes_little_memory() -> None:
    """Each series has the tags of its line, so 1.8 MB of such fields took 263 MB."""
    parser = LineParser()
    tags = ",".join(f"t{number}={'x' * 25}" for number in range(MAX_TAGS))
    lines = parser.parse(f"m,{tags} " + ",".join(f"f{number}=1" for number in range(50_000)), NOW)
    assert (lines.points, lines.rejected) == ([], 1)
    assert f"expected at most {MAX_NEW_SERIES} new names in a request" in lines.problem
    assert cached_chars(parser) <= MAX_NEW_SERIES * MAX_SERIES_CHARS


def test_names_above_the_limit_of_a_request_leave_known_ones_alone() -> None:
    parser = LineParser()
    parser.parse("m v=1", NOW)
    many = "\n".join(f"m,n=a{number} v=1" for number in range(2 * MAX_NEW_SERIES))
    lines = parser.parse(f"{many}\nm v=2", NOW)
    assert values(lines)["m.v",] == (NOW, 2.0)
    assert lines.rejected == 2 * MAX_NEW_SERIES - MAX_NEW_SERIES // 2
    assert parser.parse("other v=3", NOW).rejected == 0


# Without a backslash at the end: line protocol cannot contain it. Names begin with a letter.
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=12).map(lambda text: f"x{text}y")
NUMBERS = st.floats(-MAX_VALUE, MAX_VALUE, allow_nan=False)


def escape(text: str, special: str = ", =") -> str:
    return re.sub(f"([{special}])", r"\\\1", text)


@given(
    measurement=TEXTS.filter(lambda text: "\\ " not in text),
    tags=st.dictionaries(TEXTS, TEXTS, max_size=4),
    fields=st.dictionaries(TEXTS, NUMBERS, min_size=1, max_size=4),
    text=st.text(max_size=20),
)
@settings(max_examples=amount(40, 2000), deadline=None)
def test_parser_reads_what_a_client_writes(
    measurement: str, tags: dict[str, str], fields: dict[str, float], text: str
) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\0", "")
    line = ",".join([escape(measurement, ", "), *(f"{escape(key)}={escape(tags[key])}" for key in tags)])
    line += f' text="{quoted}",'
    line += ",".join(f"{escape(name)}={value!r}" for name, value in fields.items())
    lines = parse(f"{line} {NS}\n{line} {NS}")
    assert lines.problem == ""
    assert values(lines) == {
        (f"{measurement}.{name}", *sorted(tags.items())): (NOW, value) for name, value in fields.items()
    }
    assert {point.series for point in lines.points} == {
        SeriesId(*SeriesId.decode(point.series)).encode() for point in lines.points
    }


@given(st.text(st.sampled_from('ab1=, "\\\n\r\t#i.-'), max_size=60))
@settings(max_examples=amount(150, 5000), deadline=None)
def test_parser_accepts_any_text(text: str) -> None:
    lines = parse(text)
    assert all(math.isfinite(point.value) for point in lines.points)
    assert bool(lines.problem) == bool(lines.rejected)
    for point in lines.points:
        series = SeriesId.decode(point.series)
        assert (series.kind, series.encode()) == (GAUGE, point.series)


@pytest.mark.parametrize(
    "text", ["m" * 1_000_000 + " f=1", "m,t=" + "x" * 5000 + " f=1", "m\\," * 5000 + " f=1"]
)
def test_parser_does_not_cache_names_that_are_too_long(text: str) -> None:
    parser = LineParser()
    lines = parser.parse(text, NOW)
    assert lines.problem.endswith("expected names and tags of at most 1000 characters")
    assert (lines.points, lines.rejected, parser._tags) == ([], 1, {})
