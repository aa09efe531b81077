"""Flags: the command line and the variables, split into one text or more for each setting of a table.

Knows neither what the settings are nor what a text may be.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import Field
from typing import Any

from dashapp import __version__
from dashapp.model.text import quote_value, suggest

ENV_PREFIX = "DASHAPP_"
# Variables that are no settings: what the supervisor tells its children, and where a program pushes to.
OTHER_VARIABLES = (ENV_PREFIX + "CHILD", ENV_PREFIX + "STDIN", ENV_PREFIX + "URL")
# Said to a command and not a setting: it is not handed on to the processes that it starts.
CHECK_CONFIG_FLAG = "--check-config"
# The first word of a command line that is for the collector alone.
COLLECT_COMMAND = "collect"

SettingsFields = Sequence[Field[Any]]


class CommandLine:
    """What was given. `problems` holds a sentence for each piece that is no flag of `table`."""

    def __init__(self, argv: Sequence[str], table: SettingsFields, prog: str) -> None:
        parser = argparse.ArgumentParser(
            prog=prog,
            allow_abbrev=False,
            description="Shows this machine's CPU live in the browser.",
            epilog=f"Every flag has a variable: --port is {ENV_PREFIX}PORT. Both win over dashapp.toml. "
            f"`dashapp {COLLECT_COMMAND}` with the same flags is the collector alone.",
        )
        parser.add_argument("--version", action="version", version=__version__)
        parser.add_argument(
            CHECK_CONFIG_FLAG, action="store_true", help="say what is wrong with the settings, and end"
        )
        self._secrets = [each.name for each in table if "secret" in each.metadata]
        table = [each for each in table if each.name not in self._secrets]
        for each in table:
            _add_argument(parser, each.name, each.metadata, each.default)
        # A first word that is no flag may be meant as the one that is.
        self._flags = [
            COLLECT_COMMAND,
            "--version",
            "--help",
            CHECK_CONFIG_FLAG,
            *(_option_string(each.name, each.default) for each in table),
        ]
        switches = {
            _option_string(each.name, each.default) for each in table if isinstance(each.default, bool)
        }
        switches |= {"--help", "--version", CHECK_CONFIG_FLAG}
        # argparse would stop at the first switch that was given a value.
        valued = [text for text in argv if "=" in text and text.partition("=")[0] in switches]
        self.problems = [
            f"{quote_value(text)} has a value; expected {text.partition('=')[0]} alone" for text in valued
        ]
        given, unknown = parser.parse_known_args([text for text in argv if text not in valued])
        # What follows an unknown flag is its value, not a second problem.
        self.problems += [
            self._unknown(text)
            for before, text in zip(["", *unknown], unknown, strict=False)
            if text.startswith("-") or not before.startswith("-")
        ]
        self._given: dict[str, Any] = vars(given)

    def texts_of(self, each: Field[Any], environ: Mapping[str, str]) -> tuple[str, list[str]]:
        """The name and texts of whatever sets this: flag, our variable, the platform's variable."""
        flag = self._given.get(each.name)
        if flag is not None:
            return flag_of(each.name), [flag] if isinstance(flag, str) else flag
        for variable in (ENV_PREFIX + each.name.upper(), each.metadata.get("also")):
            if variable and "never_empty" in each.metadata and environ.get(variable) == "":
                return variable, [""]
            if variable and (text := environ.get(variable, "")) != "":
                if separator := each.metadata.get("separator"):
                    return variable, [part for part in text.split(separator) if part.strip()]
                return variable, [text]
        return flag_of(each.name), []

    def _unknown(self, text: str) -> str:
        if (secret := text.split("=")[0].strip("-").replace("-", "_")) in self._secrets:
            variable = ENV_PREFIX + secret.upper()
            return f"a secret is no flag, which everyone on this machine could read; set {variable}"
        hint = suggest(text.split("=")[0], self._flags, "see --help for those there are")
        return f"{quote_value(text)} is not a setting{hint}"


def unknown_variables(environ: Mapping[str, str], table: SettingsFields) -> list[str]:
    """A sentence for each variable that looks like ours and is not."""
    known = [ENV_PREFIX + each.name.upper() for each in table]
    sentences = []
    for name in sorted(environ):
        if name.startswith(ENV_PREFIX) and name not in (*known, *OTHER_VARIABLES):
            sentences.append(f"{name} is set but is not a setting{suggest(name, known)}")
    return sentences


def flag_of(name: str) -> str:
    """The flag that gives a setting its text."""
    return "--" + name.replace("_", "-")


def _option_string(name: str, default: Any) -> str:
    """--no-collector turns off what is on by default, --public on what is off."""
    return f"--no-{name}" if default is True else flag_of(name)


def _add_argument(
    parser: argparse.ArgumentParser, name: str, metadata: Mapping[str, Any], default: Any
) -> None:
    help = metadata["help"]
    if isinstance(default, bool):
        const = "0" if default else "1"
        parser.add_argument(
            _option_string(name, default), dest=name, action="store_const", const=const, help=help
        )
    else:
        shown = f"{help} ({metadata.get('shown', default)})" if default else help
        action = "append" if "separator" in metadata else "store"
        flag = flag_of(name)
        parser.add_argument(
            flag, dest=name, nargs="?", const="", metavar=name.upper(), help=shown, action=action
        )
