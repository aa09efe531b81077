"""Patterns of metric keys in the page: the matches of the server, without long searches."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing

import pytest
from page_scripts import load_scripts
from playwright.sync_api import Browser, Page

from dashapp.model.panel_spec import MAX_PATTERN_LENGTH, matches_pattern


@pytest.fixture(scope="module")
def scripts(chromium: Browser) -> Iterator[Page]:
    """An empty page with the scripts of patterns."""
    with closing(chromium.new_context()) as context:
        page = context.new_page()
        load_scripts(page, "data/formula_keys.js", "data/patterns.js")
        yield page


def matches(page: Page, patterns: list[str], keys: list[str]) -> dict[str, list[str]]:
    """Return the keys that each pattern matches, by our script."""
    found: dict[str, list[str]] = page.evaluate(
        """([patterns, keys]) => {
            const metrics = keys.map((key) => ({ key }));
            const of = (pattern) => window.dashapp.matchMetrics(metrics, [pattern]).map(({ key }) => key);
            return Object.fromEntries(patterns.map((pattern) => [pattern, of(pattern)]));
        }""",
        [patterns, keys],
    )
    return found


def test_page_matches_the_same_keys_as_the_server(scripts: Page) -> None:
    draw = random.Random(17)

    def words(letters: str, count: int) -> list[str]:
        return sorted({"".join(draw.choices(letters, k=draw.randrange(9))) for _ in range(count)})

    patterns, keys = words("ab.*?", 400), [*words("ab.[", 200), "a*b", "a\nb", "a?b"]
    expected = {pattern: [key for key in keys if matches_pattern(pattern, key)] for pattern in patterns}
    assert matches(scripts, patterns, keys) == expected


@pytest.mark.parametrize("part", ["*?", "*a", "?*", "*", "*a?"])
def test_pattern_of_a_link_cannot_stop_the_page(scripts: Page, part: str) -> None:
    """As a regular expression, 40 of these wildcards took many minutes."""
    pattern = (part * MAX_PATTERN_LENGTH)[: MAX_PATTERN_LENGTH - 1] + "!"
    key = "a" * 200
    assert matches(scripts, [pattern], [key]) == {pattern: []}


def test_formula_matches_itself_only(scripts: Page) -> None:
    keys = ["=a * b", "=a ** b", "web/=a * b"]
    assert matches(scripts, keys, keys) == {key: [key] for key in keys}
