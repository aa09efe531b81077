"""The tables of texts, and their lookup.

A file has the name of its language, and docs/languages.md explains its sections.
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
