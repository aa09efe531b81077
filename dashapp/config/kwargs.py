"""Settings as keyword arguments (`window=300`), converted to a command line."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from dashapp.config.cli import ENV_PREFIX, flag_of
from dashapp.config.other_names import suggest_setting
from dashapp.config.settings import Settings
from dashapp.model.text import short_repr
from dashapp.model.ticks import SettingsError

_FLAG = re.compile(r"(?<!\S)--(?=[a-z])")


class CommandLineArgs(NamedTuple):
    """Flags, and environment variables for the secrets, which cannot be flags."""

    argv: list[str]
    variables: dict[str, str]


def to_command_line(
    keywords: Mapping[str, Any], rejections: Mapping[str, str], others: Collection[str] = ()
) -> CommandLineArgs:
    """Return the command line of keyword arguments.

    `rejections`: settings that do not apply here, each with the reason. `others`: further valid names, for
    the hint at a misspelt one. Raise SettingsError with every invalid keyword.
    """
    table = {option.name: option for option in fields(Settings)}
    names = [*(name for name in table if name not in rejections), *others]
    args = CommandLineArgs([], {})
    problems = []
    for name, value in keywords.items():
        if name in rejections:
            problems.append(f"{name} is not a setting here: {rejections[name]}")
        elif name not in table:
            hint = suggest_setting(name, names, f"expected one of {', '.join(names)}")
            problems.append(f"{name} is not a setting{hint}")
        elif "secret" in table[name].metadata:
            separator = table[name].metadata.get("separator")
            parts = value if separator and isinstance(value, list | tuple) else [value]
            args.variables[ENV_PREFIX + name.upper()] = (separator or "").join(map(str, parts))
        elif table[name].type == "str" and not isinstance(value, str | Path | Mapping):
            problems.append(f"{name} is {short_repr(value)}; expected text")
        else:
            repeatable = "separator" in table[name].metadata
            try:
                args.argv.extend(f"{flag_of(name)}={text}" for text in _option_values(value, repeatable))
            except TypeError:
                problems.append(
                    f"{name} is {short_repr(value)}; expected a string, a number or a list of these"
                )
    if problems:
        raise SettingsError(problems)
    return args


def as_keyword_error(error: SettingsError, args: CommandLineArgs) -> SettingsError:
    """Return the error with keyword names in place of flags and variables."""
    problems = [_FLAG.sub("", problem) for problem in error.problems]
    for variable in args.variables:
        problems = [
            problem.replace(variable, variable.removeprefix(ENV_PREFIX).lower()) for problem in problems
        ]
    return SettingsError(problems)


def _option_values(value: Any, repeatable: bool) -> list[str]:
    if isinstance(value, list | tuple):
        texts = [_option_value(item) for item in value]
        return texts if repeatable else [",".join(texts)]
    return [_option_value(value)]


def _option_value(value: Any) -> str:
    """Return a value as the text of a flag. Raise TypeError if no flag can express it."""
    if isinstance(value, Mapping):
        # One line for a table of the settings file: JSON of text, numbers and lists is also valid TOML.
        return ", ".join(f"{name}={json.dumps(item, ensure_ascii=False)}" for name, item in value.items())
    if isinstance(value, bool) or not isinstance(value, str | int | float | Path):
        raise TypeError
    return str(value)
