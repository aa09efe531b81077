"""Groups: each panel of the product has one, and all others are the user's."""

from __future__ import annotations

from collections import Counter

from dashapp.model.groups import GROUPS, HEADING_PANELS, SYSTEM, TWINS, YOURS, group_of
from dashapp.model.panels import PANELS

# Panels of programs and examples.
USERS_PANELS = {"demo", "pushed"}


def test_groups_are_those_of_the_page() -> None:
    names = [group.name for group in GROUPS]
    assert names[:3] == ["overview", "yours", "checks"]
    assert names[3:] == ["cpu", "memory", "disks", "network", "gpu", "processes", "system"]


def test_each_built_in_panel_has_a_group() -> None:
    built_in = {panel.name for panel in PANELS}
    assert {name for name in built_in if group_of(name) == YOURS} == USERS_PANELS
    counts = Counter(name for group in GROUPS for name in group.panels)
    assert set(counts.values()) == {1}
    assert counts.keys() - built_in == {"hosts", "top", "alerts"}


def test_unknown_panel_is_in_the_group_of_the_user() -> None:
    assert group_of("shop") == group_of("") == group_of("CPU") == YOURS


def test_twins_share_a_group() -> None:
    assert all(group_of(panel) == group_of(twin) for panel, twin in TWINS.items())
    assert {group_of(panel) for panel in HEADING_PANELS} == {SYSTEM}
