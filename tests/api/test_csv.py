"""CSV: format, values, and hostile names in cells, lines and file names."""

from __future__ import annotations

import csv
import io
import unicodedata

import pytest
from csv_store import START, read, table, two_hundred_ticks
from hypothesis import given
from hypothesis import strategies as st
from wsgi_client import ask

from dashapp.api.csv_export import MAX_HEADING_LENGTH, header_line
from dashapp.api.endpoints import Api
from dashapp.model.panels import Panel
from dashapp.model.ticks import Metric, Tick, to_milliseconds
from dashapp.stores.memory import MemoryStore

memory = pytest.fixture(two_hundred_ticks)


def test_csv_has_headers_and_rows(memory: MemoryStore) -> None:
    answer = ask(Api(memory), "/api/csv?window=10")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == ('attachment; filename="dashapp-all-20231115-0003.csv"')
    lines = answer.body.decode().split("\r\n")
    assert lines[0] == "time,a,b,c"
    assert lines[1] == "2023-11-15T00:03:10.000Z,90,0.25,"
    assert lines[10:] == ["2023-11-15T00:03:19.000Z,99,0.25,", ""]


@pytest.mark.parametrize(
    ("asked", "keys", "name"),
    [
        ("metrics=b,a", "a,b", "metrics"),
        ("metrics=b", "b", "b"),
        ("metrics=a,gone", "a,gone", "metrics"),
        ("panel=disk", "b,c", "disk"),
        ("panel=cpu", "a", "cpu"),
    ],
)
def test_csv_contains_only_requested_metrics(memory: MemoryStore, asked: str, keys: str, name: str) -> None:
    answer = ask(Api(memory), f"/api/csv?window=10&{asked}")
    assert answer.body.startswith(f"time,{keys}\r\n".encode())
    assert f'"dashapp-{name}-2023' in answer.headers["content-disposition"]


PANELS = [
    Panel("heat", "Heat", metrics=("a", "c*"), right=("b",)),
    Panel("cpu", "CPU", right=("b",), overridden=frozenset({"right"})),
    Panel("c", "C", metrics=("c",)),
]


@pytest.mark.parametrize(
    ("panel", "keys"), [("heat", "a,b,c"), ("cpu", "a,b"), ("disk", "b,c"), ("c", "c"), ("demo", "")]
)
def test_csv_of_panel_has_metrics_of_its_chart(memory: MemoryStore, panel: str, keys: str) -> None:
    answer = ask(Api(memory, panels=PANELS), f"/api/csv?window=10&panel={panel}")
    first_line = answer.body.decode().partition("\r\n")[0]
    refused = f'{{"error":"\\"{panel}\\" is not a panel; see /api/metrics"}}'
    assert first_line == (f"time,{keys}" if keys else refused)


@pytest.mark.parametrize(
    ("called", "whose"), [("web.1", "web-1-"), ("3-hosts", "3-hosts-"), ("", ""), ("a" * 64, "a" * 40 + "-")]
)
def test_csv_file_name_contains_host(memory: MemoryStore, called: str, whose: str) -> None:
    answer = ask(Api(memory, host=called), "/api/csv?window=10")
    assert f'"dashapp-{whose}all-2023' in answer.headers["content-disposition"]


def test_csv_of_empty_store_has_header_line() -> None:
    assert ask(Api(MemoryStore()), "/api/csv").body == b"time\r\n"


def test_csv_is_served_without_described_metrics(memory: MemoryStore) -> None:
    memory.describe([])
    assert table(ask(Api(memory), "/api/csv?window=10"))[0] == ["time", "a", "b"]


def test_csv_range_excludes_start_and_includes_end(memory: MemoryStore) -> None:
    """Two adjacent ranges contain no row twice."""
    found = read(Api(memory), f"from={START * 1000}&to={START * 1000 + 9500}")
    assert list(found) == [to_milliseconds(START + second) for second in range(1, 10)]


HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", 'a"b', "a,b", "a\r\nb", "é", "'x", "\ud800"]


@pytest.mark.parametrize("key", HOSTILE)
def test_csv_escapes_hostile_metric_name(key: str) -> None:
    """No spreadsheet runs it, and a CSV reader reads it as one cell."""
    store = MemoryStore()
    # Not in the catalogue, which has no control characters.
    store.describe([])
    store.append(Tick(START, 1, {key: 1, "b": 2}))
    answer = ask(Api(store), "/api/csv?window=10")
    names, cells = table(answer)
    assert (len(names), cells[1:]) == (3, ["1", "2"])
    assert names[1].lstrip()[:1] not in ("=", "+", "-", "@")
    assert names[1].removeprefix("'").removeprefix("?") in (key, key.removeprefix("'"), "")


# OWASP's list, in the forms that a spreadsheet may read as the ASCII character.
STARTS = ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\ufe66", "\ufe62", "\ufe63", "\ufe6b"]


def starts_formula(cell: str) -> bool:
    """Whether a spreadsheet could run the cell; it may skip invisible characters."""
    text = unicodedata.normalize("NFKC", cell.strip('"')).lstrip("\u200b\u200e\u2060\ufeff\xad \x00\x1f")
    return text.lstrip()[:1] in tuple("=+-@") or cell[:1] in tuple("\t\r\n")


@given(st.lists(st.text(min_size=1), unique=True))
def test_csv_header_has_one_cell_per_name(keys: list[str]) -> None:
    line = header_line(keys).decode()
    (names,) = csv.reader(io.StringIO(line, newline=""))
    assert len(names) == 1 + len(keys)
    assert not any(map(starts_formula, names))


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize(
    "before", ["", " ", "\t", "\xa0", "\u200b", "\ufeff", "\x00", "\r\n", '"', "'", "''"]
)
def test_csv_name_starts_no_formula(start: str, before: str) -> None:
    ((_, name),) = csv.reader(io.StringIO(header_line([f"{before}{start}1+1"]).decode(), newline=""))
    assert not starts_formula(name)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("separator", [";", ",", "|", "\t", '"', '";', ";;", "; ", ';"', ";\u200b"])
def test_csv_name_starts_no_formula_after_another_separator(start: str, separator: str) -> None:
    """A spreadsheet can split the line at semicolons, tabs or bars."""
    line = header_line([f"a{separator}{start}1+1", "b;c"]).decode()
    (names,) = csv.reader(io.StringIO(line, newline=""))
    assert len(names) == 3
    for delimiter in ";\t|":
        for cells in csv.reader(io.StringIO(line, newline=""), delimiter=delimiter):
            assert not any(map(starts_formula, cells)), (delimiter, cells)


@pytest.mark.parametrize("part", ["\t", ";", "; ", '"', "\r\n", "|\u200b"])
def test_csv_name_of_a_megabyte_takes_no_time(part: str) -> None:
    """A writer to Redis can name a column so; looking for formulas in it took hours."""
    line = header_line(["a" + part * (1_000_000 // len(part)), "b"]).decode()
    (names,) = csv.reader(io.StringIO(line, newline=""))
    assert len(names) == 3
    assert len(line) < 4 * MAX_HEADING_LENGTH


@pytest.mark.parametrize("key", ["a;b", "a b;c", 'say "x"', "a,b", "a|b", "a\tb"])
def test_csv_quotes_name_with_a_separator(key: str) -> None:
    assert header_line([key]).decode().startswith('time,"')


@pytest.mark.parametrize("panel", ['a"b', "a/../b", "é\r\nx: y", "..", "x" * 300])
def test_csv_file_name_has_only_safe_characters(panel: str) -> None:
    store = MemoryStore()
    metric = Metric("a", "", "", panel)
    store.describe([metric])
    store.append(Tick(START, 1, {"a": 1}))
    download = Api(store)._export.open(
        "window=10&panel=" + "".join(f"%{byte:02x}" for byte in metric.panel.encode())
    )
    said = dict(download.headers)["content-disposition"]
    name = said.removeprefix('attachment; filename="dashapp-').removesuffix('-20231115-0000.csv"')
    assert 0 < len(name) <= 40
    assert all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in name)


def test_csv_keeps_values_of_every_size() -> None:
    values = [0.0, -0.0, 1.0, -3.5, 0.1, 1e-9, 123456789.123, 4096.0 * 2**30, 1e22, -1e-300, 10.0, 100.05]
    store = MemoryStore()
    for second, each in enumerate(values):
        store.append(Tick(START + second, 1, {"a": each, "z": each}))
    _, *lines = table(ask(Api(store), "/api/csv"))
    assert [[float(cell) for cell in line[1:]] for line in lines] == [[each, each] for each in values]
