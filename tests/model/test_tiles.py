"""Titles of tiles: short, and different from each other."""

from __future__ import annotations

import pytest

from dashapp.model.ticks import Metric
from dashapp.model.tiles import TILES, choose_tiles, short_titles


@pytest.mark.parametrize(
    ("labels", "titles"),
    [
        (["north sea turbine 1", "north sea turbine 2"], ["\u2026 1", "\u2026 2"]),
        (
            ["service.payments.eu.latency", "service.payments.us.latency"],
            ["\u2026 eu.latency", "\u2026 us.latency"],
        ),
        (["Core 0", "Core 1"], ["Core 0", "Core 1"]),
        (["north sea turbine 1", "south"], ["north sea turbine 1", "south"]),
        # One is the beginning of the other: nothing of it would remain.
        (["north sea turbine ", "north sea turbine 2"], ["north sea turbine ", "north sea turbine 2"]),
        (["x" * 200, "x" * 199 + "y"], ["x" * 200, "x" * 199 + "y"]),
        (["north sea turbine 1"], ["north sea turbine 1"]),
        ([], []),
    ],
)
def test_short_titles_cut_only_long_common_words(labels: list[str], titles: list[str]) -> None:
    assert short_titles(labels) == titles


def test_choose_tiles_keeps_machine_tiles_and_shortens_others() -> None:
    assert choose_tiles([Metric("cpu.percent", "CPU", "%", "cpu")]) == list(TILES)
    labels = [f"a very long name of a place {number}" for number in range(3)]
    tiles = choose_tiles([Metric(f"k{at}", label, "", "places") for at, label in enumerate(labels)])
    assert [tile.title for tile in tiles] == ["\u2026 0", "\u2026 1", "\u2026 2"]
