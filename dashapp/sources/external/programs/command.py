"""The text of a program: `./script.sh --flag?every=30#name`."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashapp.model.text import quote_value, suggest
from dashapp.sources.external.run_times import parse_run_times
from dashapp.sources.slug import MAX_SLUG_LENGTH, SlugRegistry

DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S = 30.0, 3600.0
OPTIONS = ("every", "timeout", "name")
EXPECTED = "expected a program, such as exec:./script.sh?every=30"
_PAIR = r"(?:every|timeout)=[^\s?&#]*"
_OPTIONS = re.compile(rf"(?P<command>.*?)\?(?P<options>{_PAIR}(?:&{_PAIR})*)", re.DOTALL)
_NAME = re.compile(rf"(?P<command>.*\S)#(?P<name>[A-Za-z0-9_-]{{1,{MAX_SLUG_LENGTH}}})", re.DOTALL)


@dataclass(frozen=True)
class Command:
    """A program and its arguments, which no shell reads. `every` and `timeout` are seconds."""

    argv: tuple[str, ...]
    name: str
    every: float
    timeout: float

    @staticmethod
    def parse(text: str, options: Mapping[str, Any] | None = None) -> Command:
        """Return the program of the text after `exec:`; `options` come from a settings file.

        Raises ValueError if it cannot be run, with what is expected.
        """
        command, values = _split(text.strip())
        for name, value in (options or {}).items():
            if name not in OPTIONS:
                hint = suggest(name, OPTIONS, f"expected one of {', '.join(OPTIONS)}")
                raise ValueError(f"{quote_value(name)} is not an option{hint}")
            if name in values:
                raise ValueError(f"{name} occurs twice; expected it once")
            values[name] = value
        try:
            argv = shlex.split(command)
        except ValueError:
            raise ValueError("a quotation mark is not closed; expected two of each kind") from None
        if not argv or "\0" in command:
            raise ValueError(EXPECTED)
        # Windows has neither, and macOS has waitid since Python 3.13.
        if not (hasattr(os, "killpg") and hasattr(os, "waitid")):
            raise ValueError("this system cannot end the processes that a program starts; expected Linux")
        every, timeout = parse_run_times(values, DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S)
        name = _program_name(values.get("name", ""), argv[0])
        return Command((_find_program(argv[0]), *argv[1:]), name, every, timeout)


def _split(text: str) -> tuple[str, dict[str, Any]]:
    """Return the command, and the options and the name at its end, in any order."""
    values: dict[str, Any] = {}
    while True:
        if "name" not in values and (match := _NAME.fullmatch(text)):
            values["name"] = match["name"]
        elif not values.keys() & {"every", "timeout"} and (match := _OPTIONS.fullmatch(text)):
            for pair in match["options"].split("&"):
                key, _, value = pair.partition("=")
                if key in values:
                    raise ValueError(f"{key} occurs twice; expected it once")
                values[key] = value
        else:
            return text, values
        text = match["command"]


def _program_name(name: object, program: str) -> str:
    if not name:
        return SlugRegistry()(Path(program).stem).strip("-")
    if not isinstance(name, str) or not re.fullmatch(rf"[A-Za-z0-9_-]{{1,{MAX_SLUG_LENGTH}}}", name):
        raise ValueError(
            f"the name is {quote_value(name)}; expected 1 to {MAX_SLUG_LENGTH} letters, digits, - and _"
        )
    return name


def _find_program(program: str) -> str:
    """Return the path of a program: in the working directory of the start, or in PATH."""
    try:
        path = Path(program).expanduser() if program.startswith("~") else Path(program)
    except RuntimeError:
        raise ValueError(f"{quote_value(program)} names an unknown user; {EXPECTED}") from None
    if os.sep not in program:
        if found := shutil.which(program):
            return found
        hint = f"; did you mean ./{program}?" if path.is_file() else ""
        raise ValueError(f"no program {quote_value(program)} in PATH{hint}")
    if not path.exists():
        hint = f"; its options are {' and '.join(OPTIONS[:2])}" if "?" in program else ""
        raise ValueError(f"{quote_value(program)} not found in {Path.cwd()}{hint}")
    if not path.is_file():
        raise ValueError(f"{quote_value(program)} is not a file; {EXPECTED}")
    if not os.access(path, os.X_OK):
        raise ValueError(f"{quote_value(program)} is not executable; run chmod +x {program}")
    # The program stays the same if this process changes its directory.
    return str(path.absolute())
