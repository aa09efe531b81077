"""The page: bar, tiles and groups of panels, without data, so the same for all."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial

from dash import dcc, html
from dash.development.base_component import Component

from dashapp.languages.tables import Translator
from dashapp.model.groups import HEADING_PANELS, TWINS, group_of
from dashapp.model.panels import PANELS, Panel, select_members
from dashapp.model.thresholds import Threshold
from dashapp.model.ticks import Metric
from dashapp.model.tiles import TILES, Tile, choose_tiles
from dashapp.query.overlay_metrics import TOTAL_LABEL, overlay_tiles
from dashapp.web.components.groups import group_sections, navigation
from dashapp.web.components.host_controls import HostControls
from dashapp.web.components.window_slider import format_window, slider_stops, window_slider
from dashapp.web.panel import chart_specs, panel_component

TITLE = "dashapp"
# Empty panels for metrics that appear while a page is open.
SPARE_PANELS = 8
# Empty panels for charts that the user builds (assets/yours/built_charts.js): eight, and two to replace them.
BUILT_PANELS = 10
_BUILT_IN = {panel.name: panel for panel in PANELS}


def page_layout(
    window: float,
    interval: float,
    longest: float,
    metrics: Sequence[Metric],
    panels: Sequence[Panel],
    translate: Translator | None = None,
    *,
    thresholds: Sequence[Threshold] = (),
    processes: bool = False,
    top: bool = False,
    title: str = TITLE,
    theme: str = "auto",
    tagline: str = "",
    machine: bool = True,
    facts: Sequence[str] = (),
    hosts: HostControls | None = None,
    session: str = "",
    share: bool = False,
    alert_controls: bool = False,
    marks: bool = False,
    is_shared_view: bool = False,
    zone: str = "",
) -> html.Div:
    """Return the whole page.

    `translate`: the texts of the page, English by default.
    `window`, `longest`: seconds on screen, at first and at most. `interval`: seconds between ticks.
    `processes`: show the process table, and `top` the recorded processes. `machine`: expect metrics of this
    machine. `facts`: about the machine on screen, its name first. `hosts`: the hosts of this page, or None if
    the store has one host. `session`: the kind of login, "password" or "proxy", or empty text without one.
    `share`: the viewer can create share links, `marks` mark events, and `alert_controls` mute alerts and
    change their rules. `is_shared_view`: this is the page of a share link. `zone`: the time zone of the host,
    or empty text if it is not known.
    """
    translate = translate or Translator()
    panels = [_translated(panel, translate) for panel in panels]
    stops = slider_stops(longest, window)
    members = select_members(panels, metrics)
    visible_panels = {name for name, selected in members.items() if selected}
    if machine and not visible_panels:
        visible_panels = {panels[0].name}
    poll_ms = round(1000 * min(max(interval, 0.25), 1))
    sections = _sections(panels, visible_panels, hosts, processes or top, bool(thresholds), translate)
    if hosts is not None and hosts.names and (hosts.several or not hosts.top):
        tagline = hosts.tagline()
    elif facts:
        tagline = facts[0]
    if tagline and title == TITLE:
        title, tagline = tagline, ""
    is_comparison = hosts is not None and len(hosts.names) > 1
    tiles = overlay_tiles(hosts.names, metrics) if hosts and is_comparison else choose_tiles(metrics, machine)
    return html.Div(
        id="page",
        className="starting",
        children=[
            dcc.Interval(id="interval", interval=poll_ms),
            dcc.Store(id="charts", data=chart_specs(panels, members, thresholds)),
            _bar(
                title,
                tagline,
                hosts,
                session,
                marks,
                _controls(stops, stops.index(round(window)), window, translate),
                alert_controls,
                translate,
            ),
            navigation(sections, translate),
            html.Div(id="notices", role="alert", hidden=True),
            html.Main(group_sections(sections, _overview(tiles, metrics, translate), facts, translate)),
        ],
        **{
            "data-beat": str(poll_ms),
            "data-stops": ",".join(map(str, stops)),
            "data-thresholds": _thresholds_json(thresholds),
            "data-processes": "on" if processes else "off",
            "data-recorded": "on" if top else "off",
            "data-metrics": str(len(metrics)),
            "data-theme": theme,
            "data-share": "on" if share else "off",
            "data-alert-controls": "on" if alert_controls else "off",
            "data-marks": "on" if marks else "off",
            "data-zone": zone,
            "data-view": "shared" if is_shared_view else "whole",
            "data-twins": json.dumps([*TWINS.items()]),
            "data-heading-panels": json.dumps(HEADING_PANELS),
            **({} if hosts is None else hosts.attributes()),
        },
    )


def _thresholds_json(thresholds: Sequence[Threshold]) -> str:
    return json.dumps(
        [
            {
                "metric": t.metric,
                "op": t.op,
                "limit": t.stated_limit,
                **({"within": t.within} if t.within else {}),
                "text": t.text,
                "level": t.level,
            }
            for t in thresholds
        ]
    )


def _overview(tiles: Sequence[Tile], metrics: Sequence[Metric], translate: Translator) -> list[Component]:
    """Return the whole history of a metric, and the tiles."""
    return [
        # assets/layout/overview_strip.js draws it.
        html.Div(id="strip"),
        html.Div([_tile(tile, metrics, translate) for tile in tiles], id="tiles", **{"data-at": "now"}),
    ]


def _bar(
    title: str,
    tagline: str,
    hosts: HostControls | None,
    session: str,
    marks: bool,
    controls: Component,
    alert_controls: bool,
    translate: Translator,
) -> html.Header:
    """Return the bar. The controls of time come first, so that the Tab key reaches them first."""
    button = partial(_button, translate)
    return html.Header(
        [
            html.H1([title, html.Span(tagline, className="tagline")]),
            *([] if hosts is None else [hosts.button()]),
            html.Div(translate("Connecting"), id="status", role="status", **{"data-state": "stale"}),
            html.Div([html.Span("", id="range"), html.Span("", id="zone")], className="past-range"),
            controls,
            button("search", "Search", "Search metrics and times (/ or Ctrl+K)", "/ Control+K"),
            html.Div(id="alerts", role="alert", hidden=True),
            # assets/page/keyboard.js opens it.
            button("menu", "⋯", "Menu"),
            html.Div(
                [
                    button("goto", "Go to…", "Go to a time in the past (g)", "g"),
                    button("events", "Events", "What happened, the newest first (e)", "e"),
                    *([button("mark", "Mark a moment…", "Mark what happened (m)", "m")] if marks else []),
                    button("compare", "Compare", "Compare with yesterday or last week (y)", "y"),
                    button("usual", "Usual range", "Usual range of this hour and weekday (u)", "u"),
                    button("build", "Build a chart", "Build a chart of any metrics (b)", "b"),
                    *(
                        [button("alert-rules", "Alert rules", "Alert rules (a)", "a")]
                        if alert_controls
                        else []
                    ),
                    button("panels", "Panels", "Choose and order panels (v)", "v"),
                    button("tz", "Time zone", "Times of the browser, the host or UTC (z)", "z"),
                    button("kiosk", "Kiosk", "Show one group after the other, without controls (k)", "k"),
                    button("share", "Share", "Copy a link or download the data"),
                    button("theme", "Theme: system", "Theme (t)", "t"),
                    button("help", "Help", "Help (?)", "?"),
                    *([_sign_out(hosts, translate)] if session == "password" else []),
                ],
                id="menu-items",
                className="page-menu",
                hidden=True,
            ),
        ],
        id="bar",
    )


def _sign_out(hosts: HostControls | None, translate: Translator) -> html.Form:
    """Return a form, which a browser sends without a script. Only the root has sessions."""
    root = "" if hosts is None or hosts.top else "../../"
    button = html.Button(
        translate("Sign out"), id="sign-out", type="submit", title=translate("Sign out of this browser")
    )
    return html.Form(button, method="post", action=f"{root}logout")


def _sections(
    panels: Sequence[Panel],
    visible_panels: Collection[str],
    hosts: HostControls | None,
    processes: bool,
    alerts: bool,
    translate: Translator,
) -> dict[str, list[html.Section]]:
    """Return the panels and tables by the name of their group."""
    components = {
        panel.name: panel_component(panel, translate, visible=panel.name in visible_panels)
        for panel in panels
    }
    tables = {
        **({"hosts": hosts.section()} if hosts is not None and hosts.top else {}),
        "runs": _table("runs", "Training runs", translate, is_visible=False),
        **({"top": _table("top", "Top processes", translate, of="of this machine")} if processes else {}),
        **({"alerts": _table("alerts", "Alerts", translate)} if alerts else {}),
    }
    spare = Panel("spare", "Spare")
    spares = {
        f"spare-{number}": panel_component(spare, translate, visible=False, slot=f"spare-{number}")
        for number in range(SPARE_PANELS)
    }
    built = {
        f"yours-{number}": panel_component(
            spare, translate, visible=False, slot=f"yours-{number}", built=True
        )
        for number in range(BUILT_PANELS)
    }
    sections: dict[str, list[html.Section]] = {}
    for name, component in (tables | built | _with_twins(components) | spares).items():
        sections.setdefault(group_of(name), []).append(component)
    return sections


def _with_twins(components: dict[str, html.Section]) -> dict[str, html.Section]:
    """Return the panels with each twin after its partner: the page shows one of them."""
    followers = {twin for panel, twin in TWINS.items() if panel in components}
    ordered: dict[str, html.Section] = {}
    for name in components:
        if name not in followers:
            names = (name, TWINS[name]) if TWINS.get(name) in components else (name,)
            ordered |= {each: components[each] for each in names}
    return ordered


def _table(
    name: str, title: str, translate: Translator, *, of: str = "", is_visible: bool = True
) -> html.Section:
    """Return an empty table, which the scripts in assets/panels and assets/runs fill.

    One that is not visible appears as soon as it has rows.
    """
    scope = [html.Span(of and translate(of), className="of")] if of or not is_visible else []
    return html.Section(
        [html.H2([translate(title), *scope]), html.Div(className="table")],
        className="panel" if is_visible else "panel absent",
        **{"data-table": name, "aria-label": translate(title)},
    )


def _translated(panel: Panel, translate: Translator) -> Panel:
    """Return a panel with its title in the language of the page, unless a user gave it one."""
    built_in = _BUILT_IN.get(panel.name)
    if built_in is None:
        return panel
    title = translate(panel.title) if panel.title == built_in.title else panel.title
    return replace(panel, title=title, of=translate(panel.of) if panel.of == built_in.of else panel.of)


def _tile(tile: Tile, metrics: Sequence[Metric], translate: Translator) -> html.Button:
    if tile in TILES:
        tile = replace(tile, title=translate(tile.title), of=tile.of and translate(tile.of))
    elif tile.of == TOTAL_LABEL:
        tile = replace(tile, of=translate(tile.of))
    visible = not metrics or any(tile.covers(metric) for metric in metrics)
    return html.Button(
        [
            html.Span(tile.title, className="tile-title"),
            html.Span(tile.of, className="tile-of", **{"data-of": tile.of}),
            html.Span("", className="tile-value"),
        ],
        type="button",
        className="tile" if visible else "tile absent",
        **{"data-metrics": ",".join(tile.metrics), "data-leads": tile.panel},
        **({"title": tile.label} if tile.label else {}),
        **({"data-most": "yes"} if tile.highest_only else {}),
        **({"data-unit": tile.unit} if tile.unit else {}),
    )


def _controls(stops: list[int], position: int, window: float, translate: Translator) -> html.Div:
    button = partial(_button, translate)
    return html.Div(
        [
            button("earlier", "‹", "Earlier (left arrow)", "ArrowLeft"),
            html.Div(
                [
                    html.Div(
                        [
                            html.Span(translate("Last "), id="window-lead"),
                            html.Output(format_window(window, translate), id="window-label"),
                        ],
                        className="window-text",
                    ),
                    window_slider("window", stops, position, translate),
                ],
                className="window",
            ),
            button("later", "›", "Later (right arrow)", "ArrowRight"),
            button("pause", "Pause", "Pause or resume (space or p)", "Space P", pressed="false"),
        ],
        id="controls",
        role="group",
        **{"aria-label": translate("Time on screen")},
    )


def _button(
    translate: Translator, name: str, text: str, title: str, keys: str = "", pressed: str | None = None
) -> html.Button:
    """Return a button. If its text is a single sign, its title is its accessible name."""
    attributes = {"aria-keyshortcuts": keys} if keys else {}
    if pressed:
        attributes["aria-pressed"] = pressed
    elif len(text) == 1:
        attributes["aria-label"] = translate(title)
    shown = text if len(text) == 1 else translate(text)
    return html.Button(shown, id=name, type="button", title=translate(title), **attributes)
