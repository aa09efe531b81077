"""The history of an overlay: long windows, minutes and hours, CSV, alerts."""

from __future__ import annotations

import pytest
from fake_hosts import NOW, Clock, Fleet
from overlay_of import overlay

from dashapp.api.csv_export import CsvExport
from dashapp.model.thresholds import AlertChange, AlertState, Threshold
from dashapp.query.frames import live_frame, past_frame


def test_overlay_long_window_keeps_extremes_of_each_host() -> None:
    fleet = Fleet(Clock())
    fleet.add("a", 6000), fleet.add("b", 6000, skew=300)
    compared = overlay(fleet)
    got = live_frame(compared, 6000)
    assert len(got.t) <= 2000
    assert got.step == 3
    for name in ("a", "b"):
        values = [tick.values["cpu.percent"] for tick in fleet.machines[name].store.since(0, 6000)]
        assert max(got.high[f"{name}/cpu.percent"]) == max(values)
        assert min(got.low[f"{name}/cpu.percent"]) == min(values)
    held = past_frame(compared, round(1000 * NOW) - 60_000, round(1000 * NOW))
    assert len(held.t) == 60
    assert held.step == 1


@pytest.mark.parametrize("size", [60_000, 3_600_000])
def test_overlay_minutes_and_hours_count_ticks_of_each_host(size: int) -> None:
    fleet = Fleet(Clock())
    fleet.add("a", 7200), fleet.add("b", 7200, skew=301)
    compared = overlay(fleet)
    level = next(level for level in compared.levels() if level.step == size / 1000)
    end = round(1000 * NOW) // size * size
    got = level.columns(end - size, end, ["a/cpu.percent", "b/cpu.percent"])
    assert got.t.tolist() == [end]
    assert set(got.keys) == {"a/cpu.percent", "b/cpu.percent"}
    ticks = [t for t in fleet.machines["a"].store.since(0, 7200) if end - size < 1000 * t.time <= end]
    assert got.weight[got.keys.index("a/cpu.percent")].tolist() == [len(ticks)]
    assert level.newest() == end


def test_overlay_csv_has_column_per_host() -> None:
    fleet = Fleet(Clock())
    fleet.add("a", 100), fleet.add("b", 100, skew=300)
    compared = overlay(fleet)
    export = CsvExport(compared, window=100, max_window=7200, interval=1, now=compared.now)
    download = export.open("metrics=a/cpu.percent,b/cpu.percent")
    lines = b"".join(download).decode().split("\r\n")
    download.close()
    assert lines[0] == "time,a/cpu.percent,b/cpu.percent"
    assert len(lines) == 102
    assert all(line.count(",") == 2 and ",," not in line for line in lines[1:101])


def test_overlay_thresholds_name_their_host() -> None:
    fleet = Fleet(Clock())
    fleet.add("a", 5), fleet.add("b", 5, skew=300)
    limit = Threshold("cpu.percent", ">", 90)
    fleet.machines["b"].store.set_thresholds(
        [AlertState(limit, True, NOW + 299), AlertState(Threshold("no.such", ">", 1))]
    )
    (state,) = overlay(fleet).thresholds()
    assert (state.threshold.text, state.firing, state.since) == ("b/cpu.percent > 90", True, NOW - 1)


def test_overlay_changes_are_ordered_by_common_clock() -> None:
    fleet = Fleet(Clock())
    fleet.add("a", 5), fleet.add("b", 5, skew=300)
    limit, unseen = Threshold("cpu.percent", ">", 90), Threshold("cpu.core0.percent", ">", 90)
    fleet.machines["a"].store.set_changes(
        [AlertChange(limit, True, NOW - 3, 95, 7), AlertChange(limit, False, NOW, 5, 8)]
    )
    fleet.machines["b"].store.set_changes(
        [AlertChange(unseen, True, NOW + 200, 95, 1), AlertChange(limit, True, NOW + 299, 99, 2)]
    )
    compared = overlay(fleet)
    changes = [(each.threshold.metric, each.firing, each.time, each.number) for each in compared.changes()]
    assert changes == [
        ("a/cpu.percent", True, NOW - 3, 8),
        ("b/cpu.percent", True, NOW - 1, 9),
        ("a/cpu.percent", False, NOW, 10),
    ]
    assert compared.deliveries() == {}
