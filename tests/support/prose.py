"""Rules 1 to 4 of the project's prose, as far as a program can check them.

`python tests/support/prose.py PATH …` prints the places that break a rule. It reads docstrings and comments
of Python files, comments of scripts and style sheets, and Markdown without its code.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAX_SENTENCE_WORDS = 30
MAX_FIRST_LINE_CHARS = 90
RULES = {
    "starts with Who/What/Where": re.compile(
        r"(?:^|(?<=[.!?:;] ))(?:Who|What|Whose|Whoever|Whatever|Where|Whom)\b[^?]*$"
    ),
    "'where' for 'if' or 'when'": re.compile(r"\bwhere\b"),
    "'told' or 'said'": re.compile(r"\b(?:told|tells?|said|says?)\b", re.IGNORECASE),
    "passive without an actor": re.compile(
        r"\b(?:is|are|was|were|be) (?:asked|kept|let|told|said|wanted|meant)\b"
    ),
    "house word": re.compile(r"\b(?:nobody|whoever|anybody|lately|seldom|anew)\b", re.IGNORECASE),
}
CODE = re.compile(r"(?<=\])\([^)\s]+\)|`[^`]*`|\"[^\"\n]{0,120}\"|https?://\S+")


@dataclass(frozen=True)
class Passage:
    """Text of one docstring, comment or paragraph, and the line on which it begins."""

    path: Path
    line: int
    text: str
    is_docstring: bool = False


def passages(path: Path) -> Iterator[Passage]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        yield from _python_passages(path, text)
    elif path.suffix in (".js", ".css"):
        for match in re.finditer(r"/\*(.*?)\*/|(?<![:\w])//([^\n]*)", text, re.DOTALL):
            yield Passage(path, text.count("\n", 0, match.start()) + 1, match[1] or match[2] or "")
    else:
        yield from _markdown_passages(path, text)


def _python_passages(path: Path, text: str) -> Iterator[Passage]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield Passage(path, node.body[0].lineno, docstring, is_docstring=True)
    block: list[str] = []
    begin = last = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT or token.string.startswith("#!"):
            continue
        row = token.start[0]
        if block and row != last + 1:
            yield Passage(path, begin, " ".join(block))
            block = []
        if not block:
            begin = row
        block.append(re.sub(r"^#\s?|(?:noqa|type: ignore)\S*.*", "", token.string))
        last = row
    if block:
        yield Passage(path, begin, " ".join(block))


def _markdown_passages(path: Path, text: str) -> Iterator[Passage]:
    text = re.sub(r"```.*?```", lambda code: "\n" * code[0].count("\n"), text, flags=re.DOTALL)
    line = 1
    for paragraph in re.split(r"\n(?=\s*(?:[-*|#]|\d+\.)|\n)", text):
        yield Passage(path, line, paragraph)
        line += paragraph.count("\n") + 1


def sentences(text: str) -> list[str]:
    """Sentences without code, quotations and links."""
    text = "\n".join(line for line in text.split("\n") if not line.lstrip().startswith((">>>", "...", "|")))
    plain = re.sub(r"\s+", " ", CODE.sub("X", text)).strip()
    return [part for part in re.split(r"(?<=[.!?]) (?=[A-Z`])", plain) if part]


def problems(path: Path) -> list[str]:
    found = []
    for passage in passages(path):
        place = f"{path.relative_to(ROOT)}:{passage.line}"
        for sentence in sentences(passage.text):
            for rule, pattern in RULES.items():
                if pattern.search(sentence):
                    found.append(f"{place}: {rule}: {sentence[:150]}")
            words = len(re.findall(r"[\w'-]+", sentence))
            if words > MAX_SENTENCE_WORDS:
                found.append(f"{place}: {words} words in a sentence: {sentence[:150]}")
        first = passage.text.split("\n", 1)[0]
        if passage.is_docstring and len(first) > MAX_FIRST_LINE_CHARS:
            found.append(f"{place}: first line has {len(first)} characters: {first}")
    return found


def files_below(*names: str) -> list[Path]:
    """Every file with prose below the named files and folders of the project."""
    found: list[Path] = []
    for name in names:
        path = ROOT / name
        inside = [path] if path.is_file() else sorted(path.rglob("*"))
        found += [each for each in inside if each.suffix in (".py", ".js", ".css", ".md")]
    return [each for each in found if not {"vendor", "node_modules", "__pycache__"} & set(each.parts)]


if __name__ == "__main__":
    lines = [line for path in files_below(*sys.argv[1:]) for line in problems(path)]
    print("\n".join(lines) or "No problem found.")
    sys.exit(bool(lines))
