"""Functions that give whole curves: what they may answer, what becomes of nonsense, and where it goes."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clocks import FakeClock
from test_sources_function import Heard

from dashapp.model import Curves, Metric
from dashapp.panel_table import CURVE
from dashapp.panels import Panel, panels
from dashapp.sampler import Sampler
from dashapp.sources.curves import MOST_CURVES, MOST_POINTS, NamedCurves
from dashapp.sources.function import FunctionSource
from dashapp.sources.isolated import Isolated
from dashapp.stores.disk import DiskStore
from dashapp.stores.memory import MemoryStore


def read(answer: object) -> tuple[Curves, str]:
    """What becomes of an answer, and what is said of it."""
    named = NamedCurves("f")
    values = named.read(answer)
    (curves,) = named.curves.values()
    assert values == {Metric("f.points", "f", "points", "f", 0): sum(map(len, curves.x))}
    across, up = ([number for part in parts for number in part] for parts in (curves.x, curves.y))
    assert all(type(number) is float and math.isfinite(number) for number in across)
    assert all(number is None or (type(number) is float and math.isfinite(number)) for number in up)
    assert len(curves.names) <= MOST_CURVES
    assert all(len(x) <= MOST_POINTS for x in curves.x)
    return curves, named.refused


@pytest.mark.parametrize(
    "answer",
    [
        [1, 2, 4],
        (1, 2, 4),
        deque([1.0, 2.0, 4.0]),
        np.array([1, 2, 4]),
        [Decimal(1), np.float32(2), 4],
        [(0, 1), (1, 2), (2, 4)],
        np.array([[0, 1], [1, 2], [2, 4]]),
        {"": 0, "f": [1, 2, 4]},
        {"f": ([0, 1], [1, 2], (2, 4))},
        {1: 5, "f": [1, 2, 4]},
    ],
    ids=str,
)
def test_a_curve_is_numbers_or_pairs_or_names_with_such(answer: object) -> None:
    curves, _ = read(answer)
    assert (curves.x, curves.y, curves.names) == ([[0, 1, 2]], [[1, 2, 4]], ["f"])


def test_a_curve_keeps_its_holes_and_its_own_way() -> None:
    curves, refused = read({"there": [(3, 1), (1, None), (2, 5)], "back": [None, 7], "new": []})
    assert curves.x == [[3, 1, 2], [0, 1], []]
    assert curves.y == [[1, None, 5], [None, 7], []]
    assert curves.names == ["there", "back", "new"]
    assert refused == ""


NO_NUMBERS = {
    "nan": math.nan,
    "infinite": 1e400,
    "whole-beyond-floats": 10**400,
    "text": "7",
    "bytes": b"7",
    "complex": 1j,
    "object": object(),
    "numpy-nan": np.float64("nan"),
    "decimal-infinite": Decimal("-inf"),
    "three": (1, 2, 3),
    "one": (1,),
    "nothing": (),
    "set": {1, 2},
    "mapping": {"x": 1, "y": 2},
    "nested": [[1], [2]],
    "text-x": ("a", 1),
    "nan-x": (math.nan, 1),
    "none-x": (None, 1),
    "nan-y": (1, math.nan),
    "text-y": (1, "a"),
}


@pytest.mark.parametrize("value", NO_NUMBERS.values(), ids=NO_NUMBERS.keys())
def test_21_a_point_that_is_none_is_no_point_and_said(value: object) -> None:
    curves, refused = read({"a": [1, value, value, 4]})
    assert refused == "gives no number for point 1 of a"
    assert (curves.y[0][0], curves.y[0][-1]) == (1, 4)
    assert curves.x[0][-1] == 3
    assert set(curves.y[0][1:-1]) <= {None}


@pytest.mark.parametrize(
    "value",
    [None, 7, 7.5, "abc", b"abc", {1, 2}, object(), (n for n in "ab")],
    ids=lambda value: type(value).__name__,
)
def test_21_what_is_no_curve_gives_nothing_and_is_said(value: object) -> None:
    with pytest.raises(TypeError, match="is neither a sequence nor names with sequences"):
        NamedCurves("f").read(value)
    curves, refused = read({"good": [1], "bad": value})
    assert curves.names == ["good"]
    assert refused.startswith("gives a ")
    assert refused.endswith(" for bad; expected a sequence")


class Endless:
    """Says that it is short, and never ends."""

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[int]:
        while True:
            yield 1


BEYOND = {
    "points": ([1] * 2001, "gives more than 2,000 points; the first of them are drawn"),
    "points-by-name": ({"a": range(10**9)}, "gives more than 2,000 points of a; the first of them are drawn"),
    "endless": (Endless(), "gives more than 2,000 points; the first of them are drawn"),
    "endless-pair": ([Endless()], "gives no number for point 0"),
    "curves": ({f"c{n}": [n] for n in range(9)}, "gives 9 curves; the first 8 are drawn"),
    "many-curves": ({n: [n] for n in range(100_000)}, "gives 100,000 curves; the first 8 are drawn"),
    "name": ({"x" * 201: [1]}, "gives a curve whose name is not text of 1 to 200 characters"),
    "no-name": ({None: [1]}, "gives a curve whose name is not text of 1 to 200 characters"),
}


@pytest.mark.parametrize(("answer", "sentence"), BEYOND.values(), ids=BEYOND.keys())
def test_what_is_beyond_the_bounds_is_left_out_and_said(answer: object, sentence: str) -> None:
    assert read(answer)[1] == sentence


@pytest.mark.parametrize("answer", [[1] * 2000, {f"c{n}": [n] for n in range(8)}], ids=["points", "curves"])
def test_what_is_just_within_the_bounds_is_whole(answer: object) -> None:
    curves, refused = read(answer)
    assert refused == ""
    assert (len(curves.x[0]), len(curves.names)) in [(2000, 1), (1, 8)]


@pytest.mark.parametrize("name", ["<b>bold</b>", "a\nb", "\ud800", "x" * 200])
def test_a_strange_name_is_text_of_one_line(name: str) -> None:
    curves, _ = read({name: [1]})
    assert curves.names[0].isprintable()
    assert 0 < len(curves.names[0]) <= 64
    json.dumps(curves.names[0]).encode()


class Giving:
    """A source as the sampler knows one, that gives what a test says."""

    def __init__(self, panel: str = "Growth", name: str = "growth") -> None:
        self.answer: Any = [1, 2, 4]
        self.name = name
        self._named = NamedCurves(name, panel=panel)
        self.said = ""

    @property
    def curves(self) -> dict[str, Curves]:
        return dict(self._named.curves)

    def read(self) -> dict[Metric, Any]:
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer == "nothing new":
            return {}
        return self._named.read(self.answer)


def test_the_newest_stand_until_the_source_fails() -> None:
    source, store = Giving(), MemoryStore()
    sampler = Sampler([source], store, 1.0)
    assert store.curves() == {}
    tick = sampler.tick(1.0)
    assert tick is not None
    assert tick.values == {"growth.points": 3}, "a page with nothing else comes alive"
    assert store.curves()["Growth"].y == [[1, 2, 4]]
    source.answer = [1]
    sampler.tick(2.0)
    assert store.curves()["Growth"].y == [[1]]
    source.answer = "nothing new"
    sampler.tick(3.0)
    assert store.curves()["Growth"].y == [[1]]
    source.answer = OSError()
    sampler.tick(4.0)
    assert store.curves() == {}, "what is old never passes for live"


def test_two_sources_do_not_draw_into_one_panel() -> None:
    first, second, heard, store = Giving(name="a"), Giving(name="b"), Heard(), MemoryStore()
    second.answer = [9]
    tick = Sampler([first, second], store, 1.0, heard).tick(1.0)
    assert tick is not None
    assert tick.values == {"a.points": 3, "b.points": 1}
    assert store.curves()["Growth"].names == ["a"]
    assert heard.said == ["b gives curves for Growth, where a source before it gives its own"]


def test_the_sheet_is_written_only_when_it_changed(tmp_path: Path) -> None:
    source = Giving()
    with closing(DiskStore(tmp_path)) as store:
        sampler = Sampler([source], store, 1.0)
        sampler.tick(1.0)
        before = (tmp_path / "curves.json").stat().st_ino
        sampler.tick(2.0)
        assert (tmp_path / "curves.json").stat().st_ino == before
        source.answer = [1]
        sampler.tick(3.0)
        assert (tmp_path / "curves.json").stat().st_ino != before


def test_a_machine_without_curves_has_no_sheet_and_one_of_before_is_emptied(tmp_path: Path) -> None:
    with closing(DiskStore(tmp_path)) as store:
        Sampler([], store, 1.0).tick(1.0)
        assert not (tmp_path / "curves.json").exists()
        Sampler([Giving()], store, 1.0).tick(2.0)
        assert store.curves()
        Sampler([], store, 1.0).tick(3.0)
        assert store.curves() == {}


def test_a_disk_that_refuses_the_sheet_disturbs_no_tick(tmp_path: Path) -> None:
    with closing(DiskStore(tmp_path)) as store:
        # Where the new sheet is to be written something stands that no file can replace.
        (tmp_path / "curves.new").mkdir()
        sampler = Sampler([Giving()], store, 1.0)
        assert sampler.tick(1.0)
        assert store.newest().time_ms == 1000
        assert store.curves() == {}
        (tmp_path / "curves.new").rmdir()
        assert sampler.tick(2.0)
        assert store.curves()["Growth"].y == [[1, 2, 4]]


NO_SHEETS = [
    "",
    "[",
    "[]",
    "7",
    "[" * 100_000,
    '{"a": 5}',
    '{"a": {"x": [[1]], "y": [[1]]}}',
    '{"a": {"x": [[1]], "y": [[1, 2]], "names": ["a"]}}',
    '{"a": {"x": [[1]], "y": [[1]], "names": []}}',
    '{"a": {"x": [1], "y": [1], "names": ["a"]}}',
    '{"a": {"x": null, "y": [], "names": []}}',
]


@pytest.mark.parametrize("text", NO_SHEETS, ids=lambda text: text[:40])
def test_a_sheet_that_is_not_ours_is_none(tmp_path: Path, text: str) -> None:
    with closing(DiskStore(tmp_path)) as store:
        (tmp_path / "curves.json").write_text(text)
        assert store.curves() == {}


def test_what_the_author_says_and_every(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a collector: in its own thread, every two seconds, a doubling series."""
    (tmp_path / "doubling_series.py").write_text(
        "import dashapp\ncalls = []\n"
        "@dashapp.source(kind='curve', every=2, label='Rice', unit='grains', "
        "low=0, high=99, panel='The board')\n"
        "def grains():\n    calls.append(1)\n    return [2**n for n in range(len(calls))]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    clock, store = FakeClock(), MemoryStore()
    source = Isolated(FunctionSource("doubling_series:grains", {}), patience=5.0, clock=clock.monotonic)
    sampler = Sampler([source], store, 1.0)
    seen = []
    for _ in range(6):
        clock.pass_time(1.0)
        tick = sampler.tick(clock.wall())
        assert tick is not None
        seen.append(tick.values["grains.points"])
    assert seen == [1, 1, 2, 2, 3, 3]
    assert store.curves() == {"The-board": Curves([[0, 1, 2]], [[1, 2, 4]], ["Rice"], "grains", 0, 99)}
    assert store.looks() == {"The-board": "curve"}
    assert store.metrics() == [Metric("grains.points", "Rice", "points", "The-board", 0)]


def test_its_panel_counts_no_points_on_its_axis_and_is_only_its_sources_to_say() -> None:
    metric = Metric("grains.points", "Rice", "points", "board", 0)
    (panel,) = (each for each in panels([metric], (), {"board": CURVE}) if each.name == "board")
    assert (panel.kind, panel.unit, panel.low) == ("curve", "", None)
    with pytest.raises(ValueError, match=r"expected one of line, .*, as a curve is its source's to say"):
        Panel.parse('name="board", kind="curve"')
