"""The string literals of scripts, and which of them are texts of the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hatch_build import script_tokens

_TRANSLATE = ["app", ".", "translate", "("]
_COUNT = ["app", ".", "translateCount", "("]
_QUOTES = re.compile(r"^[\"'`}]|(?:[\"'`]|\$\{)$")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)


@dataclass(frozen=True)
class Literal:
    """A string of a script, or a fixed part of a template.

    `before`: the tokens before it.
    """

    path: Path
    line: int
    text: str
    before: tuple[str, ...]

    @property
    def is_key(self) -> bool:
        """Return whether it is a text in the table, by its English form."""
        return list(self.before[-4:]) in (_TRANSLATE, _COUNT)

    @property
    def is_form_for_one(self) -> bool:
        """Return whether it is the English text for 1 of a text that counts."""
        return list(self.before[-6:-2]) == _COUNT and self.before[-1] == ","


def literals(path: Path) -> Iterator[Literal]:
    before: list[str] = []
    line = 1
    for kind, token in script_tokens(path.read_text("utf-8")):
        if kind == "string":
            yield Literal(path, line, _unescape(_QUOTES.sub("", token)), tuple(before[-6:]))
        if kind != "space":
            before.append(token)
        line += token.count("\n")


def _unescape(text: str) -> str:
    return _ESCAPE.sub(
        lambda match: chr(int(match[1], 16)) if match[1] else {"n": "\n"}.get(match[2], match[2]), text
    )
