"""The tables of texts: complete, without texts that nothing uses, and with all values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from script_texts import literals
from server_texts import server_texts, whole_layouts

from dashapp.languages import tables
from dashapp.languages.tables import Translator, language_table, languages
from dashapp.model.panels import PANELS
from dashapp.web.assets import assets_directory

TRANSLATED = [language for language in languages() if language != "en"]
SECTIONS = {"texts", "server", "labels", "sentences", "phrases"}


def script_keys() -> set[str]:
    scripts = (path for path in assets_directory().glob("*/*.js") if path.parent.name != "vendor")
    return {literal.text for path in scripts for literal in literals(path) if literal.is_key}


def forms(text: str | dict[str, str]) -> list[str]:
    return [text] if isinstance(text, str) else [*text.values()]


def all_texts(table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for part in (table["texts"], table["server"], table["sentences"], *table["labels"].values()):
        for key, text in part.items():
            yield from ((key, form) for form in forms(text))


@pytest.mark.parametrize("language", TRANSLATED)
def test_language_has_every_text_and_no_other(language: str) -> None:
    """Name what is missing: each of them stays English on the page."""
    table = language_table(language)
    assert set(table) == SECTIONS
    assert sorted(script_keys() - table["texts"].keys()) == []
    assert sorted(server_texts() - table["texts"].keys() - table["server"].keys()) == []
    assert sorted(table["texts"].keys() - script_keys()) == []
    assert sorted(table["server"].keys() - server_texts()) == []
    # The scripts get only their own section.
    assert sorted(table["server"].keys() & table["texts"].keys()) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_have_the_values_of_the_english_text(language: str) -> None:
    names = re.compile(r"\{\w+\}")
    wrong = [
        (key, text)
        for key, text in all_texts(language_table(language))
        if set(names.findall(key)) != set(names.findall(text)) or not text.strip()
    ]
    assert wrong == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_languages_agree_on_labels_and_sentences(language: str) -> None:
    """A language has the same labels and sentences as the first one; panels of labels exist."""
    table, first = language_table(language), language_table(TRANSLATED[0])
    assert table["sentences"].keys() == first["sentences"].keys()
    assert {panel: set(part) for panel, part in table["labels"].items()} == {
        panel: set(part) for panel, part in first["labels"].items()
    }
    assert table["labels"].keys() <= {panel.name for panel in PANELS}


@pytest.mark.parametrize("language", TRANSLATED)
def test_patterns_of_phrases_are_valid(language: str) -> None:
    for pattern, english in language_table(language)["phrases"]:
        re.compile(pattern)
        assert isinstance(english, str)


@pytest.fixture
def marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Add a language with two texts, one of which counts."""
    texts = {"Search": "Suche", "{count} days": {"one": "{count} Tag", "other": "{count} Tage"}}
    (tmp_path / "de.json").write_text(json.dumps({"texts": texts}))
    monkeypatch.setattr(tables, "FOLDER", tmp_path)
    for cached in (languages, language_table):
        cached.cache_clear()
    yield "de"
    for cached in (languages, language_table):
        cached.cache_clear()


def test_missing_text_stays_english(marked: str) -> None:
    translate = Translator(marked)
    assert translate("Search") == "Suche"
    assert translate("Peak {value}", value="{value} %") == "Peak {value} %"
    assert [translate.count("{count} days", "{count} day", count) for count in (1, 1.5, 2)] == [
        *("1 Tag", "1.5 Tage", "2 Tage")
    ]
    assert translate.count("{count} hours", "{count} hour", 1) == "1 hour"


def test_layout_has_no_text_outside_of_the_table() -> None:
    """Each text of the layout is marked in a language that marks all texts."""

    class Marker(Translator):
        def __call__(self, text: str, /, **values: object) -> str:
            return f"⟦{super().__call__(text, **values)}⟧"

        def count(self, text: str, one: str, count: float) -> str:
            return f"⟦{super().count(text, one, count)}⟧"

    words = re.compile(r"[A-Za-z]{2,}")
    plain = {re.sub(r"⟦.*⟧", "", text) for page in whole_layouts(Marker()) for text in shown_texts(page)}
    assert {text for text in plain if words.search(text)} == {"vm-1", "web-1", "Spare"}


SHOWN = {"children", "title", "placeholder", "aria-label", "data-title", "data-of", "alt", "marks"}


def shown_texts(component: Any) -> Iterator[str]:
    """Yield the texts of a component and those inside that a viewer reads."""
    properties = component.to_plotly_json()["props"] if hasattr(component, "to_plotly_json") else {}
    for name in SHOWN & properties.keys():
        value = properties[name]
        for part in (
            value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        ):
            if isinstance(part, str):
                yield part
            elif part is not None:
                yield from shown_texts(part)
