"""The tables of the documentation that `make bench` writes."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench import parts, report, results
from bench.__main__ import PARTS
from bench.reasons import REASONS
from bench.scale.__main__ import PARTS as SCALE_PARTS
from bench.table import Row

PERFORMANCE = report.ROOT / "docs" / "performance.md"
ALL = [result for path in report.RESULTS.values() for result in results.read(path).values()]


@pytest.mark.parametrize("page", report.PAGES, ids=lambda path: path.name)
def test_tables_have_the_newest_results(page: Path) -> None:
    text = page.read_text("utf-8")
    assert report.PLACE.search(text)
    assert text == report.with_results(text), "run `python -m docsite`, or `make docs`"


@pytest.mark.parametrize(("kind", "names"), [("bench", PARTS), ("bench-scale", SCALE_PARTS)])
def test_performance_page_has_a_place_for_each_part(kind: str, names: tuple[str, ...]) -> None:
    assert sorted(report.parts_of(PERFORMANCE.read_text("utf-8"), kind)) == sorted(names)


def test_each_missed_target_has_a_reason() -> None:
    rows = report.missed(ALL)
    assert rows
    without = [row.what for row in rows if not any(re.fullmatch(each, row.what) for each in REASONS)]
    assert without == []


@pytest.mark.parametrize("pattern", REASONS)
def test_each_reason_belongs_to_a_row(pattern: str) -> None:
    assert any(re.fullmatch(pattern, row.what) for result in ALL for row in result.rows)


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page with places for three parts; the first has former results, and the second fails."""
    path = tmp_path / "page.md"
    path.write_text("before\n\n<!-- bench: former broken fresh -->\n<!-- end -->\n\nafter\n")
    file = tmp_path / "results.json"
    results.record(file, "a machine", 0.5, {"former": [Row("former work", 1, "s", 2)]})
    monkeypatch.setattr(report, "PAGES", (path,))
    monkeypatch.setitem(report.RESULTS, "bench", file)
    work = [Row("fresh work", 3, "s", 2, "busy"), Row("rest", 4, "")]
    monkeypatch.setitem(sys.modules, "bench.fresh", SimpleNamespace(run=lambda: work))
    monkeypatch.setitem(sys.modules, "bench.broken", SimpleNamespace())
    return path


def test_run_of_parts_writes_their_results_and_keeps_the_others(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert parts.measure("bench", ("former", "broken", "fresh"), ["broken", "fresh"]) == 1
    lines = page.read_text().splitlines()
    assert lines[:1] + lines[-1:] == ["before", "after"]
    assert [line for line in lines if line.startswith("|")][2:] == [
        "| Former work | 1 s | 2 s | yes |",
        "| Fresh work | 3 s (busy) | 2 s | **no** |",
        "| Rest | 4 | | |",
    ]
    assert "Not measured yet: broken." in lines
    assert "**fresh work:** the reason is not known yet." in lines
    assert "broken failed" in capsys.readouterr().out


def test_unknown_part_is_one_sentence(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = page.read_text()
    assert parts.measure("bench", ("fresh",), ["fesh"]) == 2
    assert capsys.readouterr().err == '"fesh" is not a part of the bench; expected fresh\n'
    assert page.read_text() == before
