"""Panels: their list, their order, and the metrics of each."""

from __future__ import annotations

import pytest

from dashapp.model.panel_spec import RESERVED_PANELS
from dashapp.model.panels import FIRST_DETAIL_PANEL, PANELS, Panel, all_panels
from dashapp.model.ticks import Metric
from dashapp.sources.options import SourceOptions
from dashapp.sources.push import pushed_metric

KITCHEN = Metric("temperature.kitchen", "Kitchen", "°C", "temperature")
HALL = Metric("temperature.hall", "Hall", "°C", "temperature")
RAIN = Metric("rain", "Rain", "mm", "garden_rain", 0.0, 50.0)
CPU = Metric("cpu.percent", "CPU", "%", "cpu", 0.0, 100.0)
ALL = [CPU, KITCHEN, HALL, RAIN]


def chosen(**table: object) -> Panel:
    return Panel.from_table(table)


def test_all_panels_adds_panel_named_by_metric() -> None:
    found = all_panels(ALL)
    place = found.index(Panel("garden_rain", "Garden rain", "", "mm", 0.0, 50.0))
    # It comes before the panels with details.
    assert found[place + 1].name == FIRST_DETAIL_PANEL
    assert all_panels([]) == list(PANELS)


def test_all_panels_puts_configured_panel_first() -> None:
    climate = chosen(title="Climate", metrics=["temperature.*", "rain"], right="rain")
    found = all_panels(ALL, [climate])
    assert found == [climate, *all_panels(ALL)]
    assert climate.select(ALL) == [KITCHEN, HALL, RAIN]
    assert [climate.is_on_right(metric) for metric in climate.select(ALL)] == [False, False, True]


def test_all_panels_overrides_only_configured_keys_of_built_in_panel() -> None:
    found = all_panels(ALL, [chosen(name="memory", kind="area", high=50)])
    assert found[0] == Panel("memory", "Memory", "share in use", "%", 0, 50.0, "area")
    assert [panel.name for panel in found].count("memory") == 1
    assert len(found) == len(all_panels(ALL))


def test_all_panels_prefers_configured_kind_to_source_kind() -> None:
    looks = {"garden_rain": "bar", "memory": "area", "nothing": "bar", "cpu": "pie"}
    kinds = {
        panel.name: panel.kind for panel in all_panels(ALL, [chosen(name="memory", kind="table")], looks)
    }
    own_kinds = {panel.name: panel.kind for panel in PANELS}
    assert {name: kind for name, kind in kinds.items() if kind != own_kinds.get(name, "line")} == {
        "garden_rain": "bar",
        "memory": "table",
    }


def test_all_panels_overrides_panel_named_by_metric() -> None:
    assert all_panels(ALL, [chosen(name="garden_rain", kind="bar")])[0] == Panel(
        "garden_rain", "Garden rain", "", "mm", 0.0, 50.0, "bar"
    )


def test_panel_selects_named_and_right_metrics_without_patterns() -> None:
    panel = chosen(name="temperature", right=["rain", "temperature.hall"])
    assert panel.select(ALL) == [KITCHEN, HALL, RAIN]
    assert not panel.is_on_right(KITCHEN)
    assert panel.is_on_right(HALL)


def test_panel_selects_metrics_in_pattern_order() -> None:
    assert chosen(name="x", metrics=["rain", "*.hall", "temp*"]).select(ALL) == [RAIN, HALL, KITCHEN]


@pytest.mark.parametrize(
    ("pattern", "key", "meant"),
    [
        ("cpu.*", "cpu.percent", True),
        ("cpu.*", "cpu", False),
        ("*", "anything", True),
        ("core?", "core1", True),
        ("core?", "core10", False),
        ("a.b", "axb", False),
        ("a[bc]", "ab", False),
        ("a[bc]", "a[bc]", True),
        ("*a" * 60, "a" * 250 + "b", False),
    ],
)
def test_panel_pattern_supports_only_star_and_question_mark(pattern: str, key: str, meant: bool) -> None:
    metric = Metric(key, key, "", "p")
    assert (chosen(name="x", metrics=pattern).select([metric]) == [metric]) == meant


def test_panel_name_is_plain_when_title_is_hostile() -> None:
    assert chosen(title='<b>Über "uns"</b>').name == "b-über-uns-b"
    assert chosen(name="Living room").name == "Living-room"
    assert chosen(name="living_room").title == "Living room"


@pytest.mark.parametrize(
    ("table", "left"),
    [
        ({"metrics": ["temperature.*", "rain"]}, [KITCHEN, HALL]),
        ({"metrics": ["rain", "temperature.*"]}, [RAIN]),
        ({"metrics": ["temperature.*", "rain"], "unit": "x"}, [KITCHEN, HALL, RAIN]),
        ({"metrics": ["temperature.*", "rain"], "right": "temperature.hall"}, [KITCHEN, RAIN]),
        ({"metrics": ["nothing"]}, []),
    ],
)
def test_left_axis_has_one_unit_unless_the_panel_sets_it(
    table: dict[str, object], left: list[Metric]
) -> None:
    panel = chosen(title="Climate", **table)
    assert panel.left_metrics(panel.select(ALL)) == left


@pytest.mark.parametrize("name", sorted({panel.name for panel in PANELS} - {"pushed"} | RESERVED_PANELS))
def test_pushed_metric_is_in_no_panel_with_another_unit(name: str) -> None:
    assert pushed_metric(f"{name}.x").panel == f"{name}-pushed"
    assert pushed_metric("pushed.x").panel == pushed_metric(name).panel == "pushed"


@pytest.mark.parametrize("name", sorted(RESERVED_PANELS))
def test_panel_cannot_have_the_name_of_a_table(name: str) -> None:
    expected = f'is "{name}", which the page uses itself; expected another name'
    with pytest.raises(ValueError, match=f"^name {expected}$"):
        chosen(name=name)
    with pytest.raises(ValueError, match=f"^panel {expected}$"):
        SourceOptions(panel=name)
    # A title is text for people.
    assert (chosen(title=name.title()).name, chosen(title=name).title) == (f"{name}-panel", name)
