"""The string literals of scripts, and which of them are texts of the page.

A lexer, not a parser: it knows strings, templates, comments and regular expressions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Their first argument is a text in the table. The second of the other one is the English text for 1.
TRANSLATE, TRANSLATE_COUNT = "app.translate(", "app.translateCount("
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
_STRING = re.compile(r'"(?:\\.|[^"\\\n])*"|' + r"'(?:\\.|[^'\\\n])*'")
_REGEX = re.compile(r"/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/[a-z]*")
# A slash after one of these begins a regular expression, after anything else it divides.
_BEFORE_REGEX = re.compile(r"(?:^|[(,=:\[!&|?{};+>]|\breturn)\s*$")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.S)


@dataclass(frozen=True)
class Literal:
    """A string, or the fixed parts of a template with a zero character for each value.

    `call`: the code before it.
    """

    path: Path
    line: int
    text: str
    call: str

    @property
    def is_key(self) -> bool:
        return self.call.endswith((TRANSLATE, TRANSLATE_COUNT))

    @property
    def is_form_for_one(self) -> bool:
        return re.search(r'app\.translateCount\("(?:\\.|[^"\\])*", $', self.call) is not None


def literals(path: Path) -> Iterator[Literal]:
    source = path.read_text("utf-8")
    yield from _scan(path, source, 0, len(source))


def _scan(path: Path, source: str, position: int, end: int) -> Iterator[Literal]:
    while position < end:
        char = source[position]
        if match := _COMMENT.match(source, position):
            position = match.end()
        elif char in "\"'" and (match := _STRING.match(source, position)):
            yield _literal(path, source, position, _unescape(match[0][1:-1]))
            position = match.end()
        elif char == "`":
            close, parts, values = _template(source, position + 1)
            yield _literal(path, source, position, "\0".join(map(_unescape, parts)))
            for start, stop in values:
                yield from _scan(path, source, start, stop)
            position = close
        elif char == "/" and _BEFORE_REGEX.search(source[max(0, position - 20) : position]):
            match = _REGEX.match(source, position)
            position = match.end() if match else position + 1
        else:
            position += 1


def _template(source: str, position: int) -> tuple[int, list[str], list[tuple[int, int]]]:
    """Return the position after a template, its fixed parts, and the places of its values."""
    parts, values, start = [], [], position
    while source[position] != "`":
        if source[position] == "\\":
            position += 2
        elif source.startswith("${", position):
            parts.append(source[start:position])
            stop = _end_of_value(source, position + 2)
            values.append((position + 2, stop))
            start = position = stop + 1
        else:
            position += 1
    return position + 1, [*parts, source[start:position]], values


def _end_of_value(source: str, position: int) -> int:
    depth = 0
    while depth or source[position] != "}":
        if source[position] == "`":
            position = _template(source, position + 1)[0]
        elif match := _STRING.match(source, position):
            position = match.end()
        else:
            depth += {"{": 1, "}": -1}.get(source[position], 0)
            position += 1
    return position


def _literal(path: Path, source: str, position: int, text: str) -> Literal:
    call = re.sub(r"\s+", " ", source[max(0, position - 300) : position])
    return Literal(path, source.count("\n", 0, position) + 1, text, call)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(
        lambda m: chr(int(m[1][1:], 16)) if len(m[1]) > 1 else {"n": "\n"}.get(m[1], m[1]), text
    )
