"""Labels of an axis are short enough for the space beside a plot."""

from __future__ import annotations

import pytest
from page_scripts import load_scripts
from playwright.sync_api import Page

LABELS = """([low, high, unit]) =>
    dashapp.axisLabels(low, high, unit, 5).texts.map((text) => text.replace(/\\s/, " "))"""


@pytest.fixture
def page(page: Page) -> Page:
    load_scripts(page, "ui/numbers.js")
    return page


@pytest.mark.parametrize(
    ("low", "high", "unit", "first", "last"),
    [
        (0, 100, "", "0", "100"),
        (0, 5_000_000, "", "0", "5,000,000"),
        (20_000_000, 40_000_000, "", "20", "40 M"),
        (0, 8_000_000_000, "", "0", "8 G"),
        (0, 20_000_000, "1/s", "0", "20 M/s"),
        (-30_000_000, 0, "", "-30", "0 M"),
        (0, 8_000_000_000, "B", "0", "8 GB"),
        (0, 1, "up/down", "down", "up"),
    ],
)
def test_axis_labels_of_large_numbers_are_short(
    page: Page, low: float, high: float, unit: str, first: str, last: str
) -> None:
    texts = page.evaluate(LABELS, [low, high, unit])
    assert [texts[0], texts[-1]] == [first, last]
    assert max(map(len, texts)) <= 9


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (1.0499, 1.0501, ["1.04990", "1.04995", "1.05000", "1.05005", "1.05010"]),
        (0, 0.0002, ["0.00000", "0.00005", "0.00010", "0.00015", "0.00020"]),
        (0, 0.00002, ["0", "5E-6", "1E-5", "1.5E-5", "2E-5"]),
        (100 - 1e-9, 100 + 1e-9, None),
        (3e-7, 3.000001e-7, None),
        (5e17, 5e17 + 5e9, None),
    ],
)
def test_axis_labels_of_near_values_differ(
    page: Page, low: float, high: float, texts: list[str] | None
) -> None:
    found = page.evaluate(LABELS, [low, high, ""])
    assert len(found) == len(set(found)) >= 3, found
    if texts is not None:
        assert found == texts
