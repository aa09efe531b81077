"""The work for the layout of a page is linear in its panels and metrics."""

from __future__ import annotations

import pytest
from effort import calls_of

from dashapp.model.panels import MAX_EXTRA_PANELS, PANELS, Panel, all_panels, keys_of_panels, select_members
from dashapp.model.ticks import Metric
from dashapp.web.layout import page_layout

# Of one more panel with one metric: Dash writes its component as JSON.
CALLS_OF_PANEL = 400


def metrics_of(count: int, panels: int) -> list[Metric]:
    return [Metric(f"name{number}.x", "x", "", f"name{number % panels}") for number in range(count)]


def effort(count: int, panels: int) -> int:
    metrics = metrics_of(count, panels)
    return calls_of(lambda: page_layout(300, 1, 3600, metrics, all_panels(metrics)))


@pytest.mark.parametrize("panels", [1, 7, 400])
def test_layout_takes_linear_work_with_many_pushed_names(panels: int) -> None:
    """A program can push 1,000 names, and each can name a panel of its own."""
    page_layout(300, 1, 3600, [], all_panels([]))
    few, many = effort(100, panels), effort(400, panels)
    assert many - few < 300 * CALLS_OF_PANEL


def test_panels_select_the_same_metrics_together_and_alone() -> None:
    metrics = [*metrics_of(30, 10), Metric("demo.gbpusd", "GBP", "", "demo"), Metric("b", "b", "", "demo")]
    custom = [
        Panel.from_table({"title": "A", "metrics": ["name1*"], "right": "name11.x"}),
        Panel.from_table({"name": "name3", "title": "B", "right": ["name12.x", "name14.x"]}),
    ]
    panels = all_panels(metrics, custom)
    members = select_members(panels, metrics)
    assert members == {panel.name: panel.select(metrics) for panel in panels}
    assert [metric.key for metric in members["name3"]] == [
        "name3.x",
        "name13.x",
        "name23.x",
        "name12.x",
        "name14.x",
    ]
    assert keys_of_panels(["a", "name4"], metrics, custom) == {
        *(metric.key for metric in metrics if metric.key.startswith("name1")),
        *("name4.x", "name14.x", "name24.x"),
    }


def test_page_has_limited_number_of_panels() -> None:
    count = MAX_EXTRA_PANELS + 5
    assert len(all_panels(metrics_of(count, count))) == len(PANELS) + MAX_EXTRA_PANELS
