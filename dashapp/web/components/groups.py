"""The groups of the page as components, and the navigation between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dash import html
from dash.development.base_component import Component

from dashapp.languages.tables import Translator
from dashapp.model.groups import GROUPS, OVERVIEW, SYSTEM, Group


def group_sections(
    sections: Mapping[str, Sequence[Component]],
    overview: Sequence[Component],
    facts: Sequence[str],
    translate: Translator,
) -> list[html.Section]:
    """Return one section per group.

    `sections`: the panels by the name of their group. `overview`: what is above the panels of the first
    group. `facts`: about this machine, for the heading of System.
    """
    return [
        _group(
            group,
            sections.get(group.name, ()),
            overview if group.name == OVERVIEW else _facts(facts, translate) if group.name == SYSTEM else (),
            translate(group.title),
        )
        for group in GROUPS
    ]


def _group(group: Group, panels: Sequence[Component], top: Sequence[Component], title: str) -> html.Section:
    body = f"group-{group.name}"
    toggle = html.Button(
        title, type="button", className="toggle", **{"aria-expanded": "true", "aria-controls": body}
    )
    return html.Section(
        [
            html.H2(toggle, className="group-title"),
            html.Div([*top, html.Div(panels, className="cards")], id=body, className="group-body"),
        ],
        id=group.name,
        className="group",
        **{"data-group": group.name, "aria-label": title},
    )


def _facts(facts: Sequence[str], translate: Translator) -> list[Component]:
    """Return the heading of System, to which assets/layout/machine_facts.js adds numbers."""
    return [
        html.Ul(
            [html.Li(fact) for fact in facts], className="facts", **{"aria-label": translate("This machine")}
        )
    ]


def navigation(sections: Mapping[str, Sequence[Component]], translate: Translator) -> html.Nav:
    """Return the links to the groups.

    `sections`: the panels by the name of their group. A group without a visible panel has an absent link.
    """
    return html.Nav(
        [
            html.A(
                translate(group.title),
                href=f"#{group.name}",
                className="jump" if _is_visible(group, sections.get(group.name, ())) else "jump absent",
            )
            for group in GROUPS
        ],
        id="groups",
        **{"aria-label": translate("Groups")},
    )


def _is_visible(group: Group, panels: Sequence[Component]) -> bool:
    """Whether a group is visible before the page has data, as in assets/layout/groups.js."""
    return group.name == OVERVIEW or any("absent" not in panel.className.split() for panel in panels)
