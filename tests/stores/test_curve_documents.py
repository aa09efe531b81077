"""Curve documents: the newest curves of each source in memory and on disk, and their panels."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from clocks import FakeClock
from sampler_harness import Heard
from waiting import PATIENCE_S

from dashapp.collector.sampler import Sampler
from dashapp.model.panel_spec import CURVE_KIND
from dashapp.model.panels import Panel, all_panels
from dashapp.model.ticks import Curves, Metric
from dashapp.sources.function import FunctionSource
from dashapp.sources.named_curves import NamedCurves
from dashapp.sources.polling import BackgroundSource
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.memory import MemoryStore


class CurveSource:
    """A source as the sampler expects it, with values set by the test."""

    def __init__(self, panel: str = "Growth", name: str = "growth") -> None:
        self.answer: Any = [1, 2, 4]
        self.name = name
        self._named = NamedCurves(name, panel=panel)
        self.status_message = ""

    @property
    def curves(self) -> dict[str, Curves]:
        return dict(self._named.curves)

    def read(self) -> dict[Metric, Any]:
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer == "nothing new":
            return {}
        return self._named.read(self.answer)


def test_curves_are_replaced_and_removed_when_source_fails() -> None:
    source, store = CurveSource(), MemoryStore()
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


def test_second_source_of_curve_panel_is_ignored_with_notice() -> None:
    first, second, heard, store = CurveSource(name="a"), CurveSource(name="b"), Heard(), MemoryStore()
    second.answer = [9]
    tick = Sampler([first, second], store, 1.0, heard).tick(1.0)
    assert tick is not None
    assert tick.values == {"a.points": 3, "b.points": 1}
    assert store.curves()["Growth"].names == ["a"]
    assert heard.said == ["b returned curves for Growth, which an earlier source provides"]


def test_curve_document_is_written_only_when_changed(tmp_path: Path) -> None:
    source = CurveSource()
    with closing(DiskStore(tmp_path)) as store:
        sampler = Sampler([source], store, 1.0)
        sampler.tick(1.0)
        before = (tmp_path / "curves.json").stat().st_ino
        sampler.tick(2.0)
        assert (tmp_path / "curves.json").stat().st_ino == before
        source.answer = [1]
        sampler.tick(3.0)
        assert (tmp_path / "curves.json").stat().st_ino != before


def test_curve_document_is_absent_or_emptied_without_curves(tmp_path: Path) -> None:
    with closing(DiskStore(tmp_path)) as store:
        Sampler([], store, 1.0).tick(1.0)
        assert not (tmp_path / "curves.json").exists()
        Sampler([CurveSource()], store, 1.0).tick(2.0)
        assert store.curves()
        Sampler([], store, 1.0).tick(3.0)
        assert store.curves() == {}


def test_tick_is_stored_when_curve_document_cannot_be_written(tmp_path: Path) -> None:
    with closing(DiskStore(tmp_path)) as store:
        # A folder has the name of the temporary file, and no file can replace it.
        (tmp_path / "curves.new").mkdir()
        sampler = Sampler([CurveSource()], store, 1.0)
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
def test_invalid_curve_document_is_read_as_empty(tmp_path: Path, text: str) -> None:
    with closing(DiskStore(tmp_path)) as store:
        (tmp_path / "curves.json").write_text(text)
        assert store.curves() == {}


def test_curve_source_uses_decorator_options_and_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sample a doubling series every two seconds in its own thread, as a collector does."""
    (tmp_path / "doubling_series.py").write_text(
        "import dashapp\ncalls = []\n"
        "@dashapp.source(kind='curve', every=2, label='Rice', unit='grains', "
        "low=0, high=99, panel='The board')\n"
        "def grains():\n    calls.append(1)\n    return [2**n for n in range(len(calls))]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    clock, store = FakeClock(), MemoryStore()
    source = BackgroundSource(
        FunctionSource("doubling_series:grains", {}), max_wait=PATIENCE_S, clock=clock.monotonic
    )
    sampler = Sampler([source], store, 1.0)
    seen = []
    for _ in range(6):
        clock.pass_time(1.0)
        tick = sampler.tick(clock.wall())
        assert tick is not None
        seen.append(tick.values["grains.points"])
    assert seen == [1, 1, 2, 2, 3, 3]
    assert store.curves() == {"The-board": Curves([[0, 1, 2]], [[1, 2, 4]], ["Rice"], "grains", 0, 99)}
    assert store.panel_kinds() == {"The-board": "curve"}
    assert store.metrics() == [Metric("grains.points", "Rice", "points", "The-board", 0)]


def test_curve_panel_has_no_unit_and_kind_cannot_be_configured() -> None:
    metric = Metric("grains.points", "Rice", "points", "board", 0)
    (panel,) = (each for each in all_panels([metric], (), {"board": CURVE_KIND}) if each.name == "board")
    assert (panel.kind, panel.unit, panel.low) == ("curve", "", None)
    with pytest.raises(ValueError, match=r"expected one of line, .*; only a source can set curve"):
        Panel.parse('name="board", kind="curve"')
