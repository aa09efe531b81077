"""The tables of texts, and their lookup.

A file has the name of its language. `name` is what the language calls itself. `texts` are those of the scripts in
assets/. A key is the English text, with values as `{name}`. A text with a `{count}` has an object with the forms
of the language's plural categories, unless it has only one form. `server` has the texts that only the server
writes. `labels` has the labels of the machine's metrics by the name of their panel, and `sentences` what
responses contain, such as events and notices. `phrases` are patterns of times in the search, and what they mean
in English.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

ENGLISH = "en"
FOLDER = Path(__file__).parent
_VALUE = re.compile(r"\{(\w+)\}")


@cache
def languages() -> tuple[str, ...]:
    """Return the languages that have texts, English first."""
    return (ENGLISH, *sorted(path.stem for path in FOLDER.glob("*.json")))


@cache
def language_table(language: str) -> dict[str, Any]:
    """Return the content of a language's file; empty for English."""
    if language not in languages() or language == ENGLISH:
        return {}
    table: dict[str, Any] = json.loads((FOLDER / f"{language}.json").read_text("utf-8"))
    return table


class Translator:
    """The texts of one language. A text that it lacks stays English."""

    def __init__(self, language: str = ENGLISH) -> None:
        self.language = language
        table = language_table(language)
        self._texts: dict[str, str | dict[str, str]] = {**table.get("texts", {}), **table.get("server", {})}

    def __call__(self, text: str, /, **values: object) -> str:
        """Return a text with its values.

        >>> Translator()("Peak {value}", value=5)
        'Peak 5'
        """
        found = self._texts.get(text, text)
        return _fill(found if isinstance(found, str) else text, values)

    def count(self, text: str, one: str, count: float) -> str:
        """Return the text for `count`, which is its value `{count}`; `one`: the English text for 1.

        Python knows no plural rules, so other languages have "one" for 1, and "other".

        >>> Translator().count("{count} days", "{count} day", 1)
        '1 day'
        """
        found = self._texts.get(text, {"one": one, "other": text})
        if isinstance(found, dict):
            found = found.get("one" if count == 1 else "other", text)
        return _fill(found, {"count": f"{count:g}"})


def _fill(text: str, values: dict[str, object]) -> str:
    return _VALUE.sub(lambda match: str(values.get(match[1], match[0])), text)
