"""The code in the documentation: its fenced blocks, and the commands of those for a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from processes import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^(`{3,})(\w*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
# The block after "Save this as `weather.py`:", or before "Save it as `weather.py`".
_SAVED_BELOW = re.compile(r"Save this as `([^`]+)`[^\n]*:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SAVED_ABOVE = re.compile(r"^```\w+\n((?:(?!```).)*?)^```\n\nSave it as `([^`]+)`", re.MULTILINE | re.DOTALL)
_ASSIGNMENT = re.compile(r"[A-Z_]+=")


class Snippet(NamedTuple):
    """A block with its page, such as `docs/alerts.md`, and its number in it."""

    page: str
    number: int
    language: str
    code: str

    @property
    def name(self) -> str:
        return f"{self.page} {self.number}"


class Command(NamedTuple):
    """A program with its arguments, and the variables that stand before it."""

    argv: list[str]
    variables: dict[str, str]
    reads_pipe: bool


def _snippets() -> Iterator[Snippet]:
    for path in PAGES:
        page = path.relative_to(ROOT).as_posix()
        for number, found in enumerate(FENCE.finditer(path.read_text("utf-8")), 1):
            yield Snippet(page, number, found[2], found[3])


SNIPPETS = list(_snippets())


def of(*languages: str) -> list[Snippet]:
    return [snippet for snippet in SNIPPETS if snippet.language in languages]


def saved_files(page: str) -> dict[str, str]:
    """Return the files that a page asks to save, by their name."""
    text = (ROOT / page).read_text("utf-8")
    above = {name: code for code, name in _SAVED_ABOVE.findall(text)}
    return {**above, **dict(_SAVED_BELOW.findall(text))}


def commands(code: str) -> Iterator[Command]:
    """Yield the commands of a block in their order, those of a pipe one by one."""
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.shlex(re.sub(r"(^| )#.*", "", line), posix=True, punctuation_chars=True)
        words.whitespace_split, words.commenters = True, ""
        argv: list[str] = []
        reads_pipe = False
        for word in [*words, ";"]:
            if word not in ("&&", "||", "|", ";"):
                argv.append(word)
                continue
            if argv:
                yield _command(argv, reads_pipe)
            argv, reads_pipe = [], word == "|"


def _command(words: list[str], reads_pipe: bool) -> Command:
    count = next((index for index, word in enumerate(words) if not _ASSIGNMENT.match(word)), len(words))
    variables = {name: value for word in words[:count] for name, _, value in [word.partition("=")]}
    return Command(words[count:], variables, reads_pipe)
