"""Keywords: settings as a Python program gives them, `window=300`, put as a command line that says the same.

Knows the table of settings, and nothing of who gives them or what for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from dashapp.config.cli import ENV_PREFIX, flag_of
from dashapp.config.settings import Settings
from dashapp.model.text import quote_value, suggest
from dashapp.model.ticks import SettingsError

_FLAG = re.compile(r"(?<!\S)--(?=[a-z])")


class CommandLineArgs(NamedTuple):
    """Flags, and the variables that stand for what no flag may say."""

    argv: list[str]
    variables: dict[str, str]


def to_command_line(
    keywords: Mapping[str, Any], refused: Mapping[str, str], others: Collection[str] = ()
) -> CommandLineArgs:
    """SettingsError tells all that is no setting.

    `refused`: settings that are of no use here, each with the reason. `others`: further names that there are,
    to be meant by one that is misspelt.
    """
    table = {each.name: each for each in fields(Settings)}
    known = [*(name for name in table if name not in refused), *others]
    found = CommandLineArgs([], {})
    problems = []
    for name, value in keywords.items():
        if name in refused:
            problems.append(f"{name} is no setting here: {refused[name]}")
        elif name not in table:
            hint = suggest(name, known, f"{', '.join(known)} are")
            problems.append(f"{name} is not a setting{hint}")
        elif "secret" in table[name].metadata:
            separator = table[name].metadata.get("separator")
            parts = value if separator and isinstance(value, list | tuple) else [value]
            found.variables[ENV_PREFIX + name.upper()] = (separator or "").join(map(str, parts))
        else:
            several = "separator" in table[name].metadata
            try:
                found.argv.extend(f"{flag_of(name)}={text}" for text in _option_values(value, several))
            except TypeError:
                problems.append(
                    f"{name} is {quote_value(repr(value))}; expected text, a number or a list of them"
                )
    if problems:
        raise SettingsError(problems)
    return found


def as_keyword_error(error: SettingsError, by: CommandLineArgs) -> SettingsError:
    """The same for who gave keywords, neither flags nor the variables that stand for some."""
    problems = [_FLAG.sub("", problem) for problem in error.problems]
    for variable in by.variables:
        problems = [each.replace(variable, variable.removeprefix(ENV_PREFIX).lower()) for each in problems]
    return SettingsError(problems)


def _option_values(value: Any, several: bool) -> list[str]:
    if isinstance(value, list | tuple):
        texts = [_option_value(each) for each in value]
        return texts if several else [",".join(texts)]
    return [_option_value(value)]


def _option_value(value: Any) -> str:
    """TypeError for what no flag can say."""
    if isinstance(value, Mapping):
        # A settings file's table in one line: what JSON writes of text, numbers and lists is TOML as well.
        return ", ".join(f"{name}={json.dumps(each, ensure_ascii=False)}" for name, each in value.items())
    if isinstance(value, bool) or not isinstance(value, str | int | float | Path):
        raise TypeError
    return str(value)
