"""Texts of the scripts: none is outside of the table of texts."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from script_texts import Literal, literals

from dashapp.web.assets import assets_directory

SCRIPTS = sorted(
    path for path in assets_directory().glob("*/*.js") if path.parent.name not in ("vendor", "language")
)
# Words with a space between them, or one word that begins like a sentence.
TEXT = re.compile(
    r"[A-Za-z]{2,}[,.:;]? [A-Za-z“{]|^[A-Z][a-z]+\b|^[ ·,]*[a-z]{2,}[,.:]? |[ ,][a-z]{2,}[ .:]*$"
)
# Parts of CSS: selectors, media queries, fonts, and class names that follow `className:`.
CSS = re.compile(r"[.#:\[][a-z-]+|^\(|sans-serif|px\b|^(?:button|input)(?:, \w+)+$|^main ")
CODE = {
    "use strict",
    # Keys of the keyboard, as events name them and as the help shows them.
    *("Escape", "Enter", "Tab", "Space  P", "Shift ←  →"),
    *("/  Ctrl K", "Shift F", "L  Esc"),
    # Values of Plotly, and a unit.
    *("x unified", "Hz"),
    # Examples of rules and formulas, which every language writes alike.
    "cpu.percent > 90 for 5m repeat 30m except Sat-Sun 22:00-06:00 critical",
    "rate = 100 * hits / (hits + misses) [%]",
    # Keys of TOML.
    *("\nformula = ", "unit = ", "[[metric]]\nname = ", "[[panel]]\n", " = "),
    # A command.
    "python -m dashapp collect",
    # A class name.
    "plot-canvas above",
    # The name of a button for the focus.
    "remove ",
}
# Words in English, which people write in the search; other languages translate them to these (`phrases`).
SEARCH_WORDS = "time_phrases.js"


@cache
def found() -> list[Literal]:
    return [literal for path in SCRIPTS for literal in literals(path)]


def is_code(literal: Literal) -> bool:
    text = literal.text
    return (
        text in CODE
        or literal.path.name == SEARCH_WORDS
        or literal.before[-2:] == ("className", ":")
        or "<svg" in text
        or "<path" in text
        or "<circle" in text
        or CSS.search(text) is not None
    )


def outside(literals: list[Literal]) -> list[str]:
    return [
        f"{literal.path.name}, line {literal.line}: {literal.text!r}"
        for literal in literals
        if TEXT.search(literal.text) and not (literal.is_key or literal.is_form_for_one or is_code(literal))
    ]


def test_no_script_has_a_text_outside_of_the_table() -> None:
    assert sum(literal.is_key for literal in found()) > 300
    assert outside(found()) == []


def test_texts_outside_of_the_table_are_found(tmp_path: Path) -> None:
    script = tmp_path / "new.js"
    script.write_text(
        'show("Nothing here"); show(`${count} hosts`); show(app.translate("Known")); show("one.two");\n'
        'label = count === 1 ? "Host" : app.translateCount("{count} hosts", "{count} host", count);\n'
        'title = `last ${app.formatTime(time)} of the day`; // "not a text"\n'
    )
    lines = [line.partition(": ")[2] for line in outside([*literals(script)])]
    assert lines == ["'Nothing here'", "' hosts'", "'Host'", "'last '", "' of the day'"]


def test_no_style_sheet_has_a_text() -> None:
    """Scripts set the texts of style sheets (assets/layout/empty_texts.js)."""
    sheets = [path for path in assets_directory().rglob("*.css") if path.parent.name != "vendor"]
    found = [
        f"{path.name}: {text}"
        for path in sheets
        for text in re.findall(r"content:\s*\"((?:[^\"\\]|\\.)*)\"", path.read_text("utf-8"))
        if re.search(r"[A-Za-z]{2,}", re.sub(r"\\[0-9a-fA-F]+ ?", "", text))
    ]
    assert sheets
    assert found == []


def test_allowed_code_is_still_in_the_scripts() -> None:
    texts = {literal.text for literal in found()}
    assert not CODE - texts
