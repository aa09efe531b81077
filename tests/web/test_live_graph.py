"""LiveGraph in another Dash app: its parts, its arguments, and the public interface."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from dash import dcc, html
from processes import ROOT

import dashapp
from dashapp import LiveGraph, attach


def parts(graph: LiveGraph) -> dict[str, Any]:
    """Return the components with an id, by the name of the part."""
    return {each.id["subcomponent"]: each for each in [graph, *graph._traverse()] if hasattr(each, "id")}


def test_live_graph_parts_have_all_in_one_component_ids() -> None:
    graph = LiveGraph(["loss"], aio_id="mine")
    found = parts(graph)
    assert set(found) == {"section", "interval", "spec", "chart", "pause", "window"}
    for name, part in found.items():
        assert part.id == {"component": "LiveGraph", "subcomponent": name, "aio_id": "mine"}
        assert part.id == getattr(LiveGraph.ids, name)("mine")
    assert isinstance(graph, html.Section)
    assert found["spec"].data["graph"].id == LiveGraph.ids.graph("mine")


def test_live_graph_generates_unique_id_by_default() -> None:
    assert LiveGraph("loss").aio_id != LiveGraph("loss").aio_id


def test_live_graph_has_no_button_and_slider_without_controls() -> None:
    assert not {"pause", "window"} & set(parts(LiveGraph("loss", controls=False)))


def test_live_graph_shows_events_only_if_asked() -> None:
    assert parts(LiveGraph("loss"))["spec"].data["events"] is False
    assert parts(LiveGraph("loss", events=True))["spec"].data["events"] is True


def test_live_graph_slider_starts_at_window() -> None:
    slider = parts(graph := LiveGraph("loss", window=77, longest=300))["window"]
    assert isinstance(slider, dcc.Slider)
    assert graph.stops[slider.value] == 77
    assert graph.stops[-1] == 300


def test_live_graph_window_all_equals_longest() -> None:
    found = parts(graph := LiveGraph("loss", window="all", longest=900))
    assert (found["spec"].data["window"], found["spec"].data["all"]) == (900, True)
    assert graph.stops[found["window"].value] == 900
    assert parts(LiveGraph("loss", window=900, longest=900))["spec"].data["all"] is False


@pytest.mark.parametrize("reference", ["loss.first", "first", 0, 0.5])
def test_live_graph_spec_contains_reference(reference: str | float) -> None:
    (panel,) = parts(LiveGraph("loss", reference=reference))["spec"].data["panels"].values()
    assert panel["reference"] == reference
    (plain,) = parts(LiveGraph("loss"))["spec"].data["panels"].values()
    assert "reference" not in plain


def test_live_graph_accepts_section_attributes() -> None:
    graph = LiveGraph("loss", className="col-6", style={"margin": "1em"}, hidden=True)
    assert graph.className.split() == ["dashapp-live", "loading", "absent", "col-6"]
    assert (graph.style, graph.hidden) == ({"margin": "1em"}, True)


def test_live_graph_accepts_metrics_as_arguments_or_list() -> None:
    assert LiveGraph("a", "b.*").metrics == LiveGraph(["a", "b.*"]).metrics == ("a", "b.*")
    with pytest.raises(ValueError, match="metrics is empty"):
        LiveGraph()


@pytest.mark.parametrize(("height", "css"), [(300, "300px"), (12.5, "12.5px"), ("20rem", "20rem")])
def test_live_graph_height_is_in_pixels_or_css_units(height: float | str, css: str) -> None:
    assert f'"height": "{css}"' in json.dumps(LiveGraph("a", height=height).to_plotly_json(), default=vars)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"metrics": []}, "metrics is empty"),
        ({"metrics": [3]}, "metrics contains 3"),
        ({"metrics": ["a" * 300]}, "metrics contains"),
        ({"window": 5}, "window is 5; expected seconds from 10"),
        ({"window": "100"}, "window is '100'"),
        ({"window": True}, "window is True"),
        ({"window": float("nan")}, "window is nan"),
        ({"window": 9000}, "at most 7200"),
        ({"longest": 1e12}, "longest is"),
        ({"kind": "pie"}, 'kind is "pie"; expected one of line'),
        ({"reference": ""}, 'reference is ""; expected a metric key, "first" or a number'),
        ({"reference": float("nan")}, "reference is nan; expected a number"),
        ({"reference": ["a"]}, "reference is ['a']"),
        ({"window": "some"}, "window is 'some'"),
        ({"low": 3, "high": 2}, "low is 3; expected less than high"),
        ({"title": "t" * 65}, "title is"),
        ({"theme": "pink"}, "expected auto, dark or light"),
        ({"aio_id": ""}, "aio_id is ''"),
        ({"metrics": None}, "metrics is None; expected a key, or a list of keys"),
        ({"metrics": 5}, "metrics is 5; expected a key, or a list of keys"),
        ({"right": 5}, "right is 5; expected a key, or a list of keys"),
        ({"height": 0}, "height is 0; expected pixels, or CSS units"),
        ({"height": ""}, "height is ''; expected pixels"),
        ({"controls": "no"}, "controls is 'no'; expected True or False"),
        ({"events": 1}, "events is 1; expected True or False"),
        ({"hight": 300}, "hight is not an argument; did you mean height?"),
        ({"zzz": 1}, "zzz is not an argument; expected one of metrics, window, title"),
    ],
)
def test_live_graph_rejects_invalid_argument_with_one_line_error(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r"^LiveGraph: ") as caught:
        LiveGraph(**{"metrics": ["loss"], **given})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_dashapp_import_loads_dash_lazily() -> None:
    code = (
        "import dashapp, sys; print('dash' in sys.modules)\ndashapp.LiveGraph; print('dash' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "True"]
    assert dashapp.attach is attach


def test_dash_app_example_has_under_ten_lines_and_runs() -> None:
    example = ROOT / "examples" / "dash_app.py"
    lines = [line for line in example.read_text().splitlines() if line and not line.startswith(('"', "#"))]
    assert len(lines) < 10
    code = (
        "import runpy, sys, json, io\n"
        f"app = runpy.run_path({str(example)!r})['app']\n"
        "print(json.dumps(app.server.test_client().get('/_dashapp/api/ticks').status_code))\n"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(said.stdout) == 200
