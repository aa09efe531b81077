"""Command line and environment variables, as the texts of each setting.

`settings.py` has the table of settings; `parsers.py` turns the texts into values.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import Field
from typing import Any

from dashapp import __version__
from dashapp.config.help import HelpGroups, make_parser
from dashapp.config.other_names import suggest_setting
from dashapp.model.text import quote_value

ENV_PREFIX = "DASHAPP_"
# Variables that are not settings: the supervisor sets the first two for its children, and `dashapp.push`
# reads the URL.
CHILD_VARIABLE = ENV_PREFIX + "CHILD"
# The value of a collector that `attach` starts.
CHILD_OF_ATTACH = "attach"
OTHER_VARIABLES = (CHILD_VARIABLE, ENV_PREFIX + "STDIN", ENV_PREFIX + "URL")
# An option of the command, not a setting: the supervisor does not pass it to its children.
CHECK_CONFIG_FLAG = "--check-config"
# The first argument of a command line that starts only the collector.
COLLECT_COMMAND, MARK_COMMAND, MCP_COMMAND = "collect", "mark", "mcp"

SettingsFields = Sequence[Field[Any]]

# A Kubernetes service or a Docker link with the name dashapp sets variables with the same prefix.
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://\S*", re.IGNORECASE)
_SERVICE_NAME = re.compile(
    ENV_PREFIX + r"(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_LINK_NAME = re.compile(ENV_PREFIX + r"(\w+_)?(NAME|ENV_\w+)")


class CommandLine:
    """Parsed arguments. `problems` has one sentence for each invalid argument."""

    def __init__(self, argv: Sequence[str], table: SettingsFields, prog: str) -> None:
        parser = make_parser(prog, ENV_PREFIX)
        parser.add_argument("--version", action="version", version=__version__)
        parser.add_argument(CHECK_CONFIG_FLAG, action="store_true", help="check the settings, and exit")
        self._secrets = [option.name for option in table if "secret" in option.metadata]
        table = [option for option in table if option.name not in self._secrets]
        groups = HelpGroups(parser, [option.name for option in table])
        for option in table:
            _add_argument(groups.of(option.name), option.name, option.metadata, option.default)
        # With the command, so that a misspelt command gets a suggestion.
        self._flags = [
            COLLECT_COMMAND,
            MARK_COMMAND,
            MCP_COMMAND,
            "--version",
            "--help",
            CHECK_CONFIG_FLAG,
            *(_option_string(option.name, option.default) for option in table),
        ]
        switches = {
            _option_string(option.name, option.default)
            for option in table
            if isinstance(option.default, bool)
        }
        switches |= {"--help", "--version", CHECK_CONFIG_FLAG}
        # argparse would exit at the first switch that has a value.
        switches_with_value = [text for text in argv if "=" in text and text.partition("=")[0] in switches]
        self.problems = [
            f"{quote_value(text)} has a value; expected {text.partition('=')[0]} without one"
            for text in switches_with_value
        ]
        namespace, unknown = parser.parse_known_args(
            [text for text in argv if text not in switches_with_value]
        )
        # The word after an unknown flag is its value, not a second problem.
        unknown_words = [
            text
            for previous, text in zip(["", *unknown], unknown, strict=False)
            if text.startswith("-") or not previous.startswith("-")
        ]
        # One sentence for an option that was repeated.
        self.problems += map(self._describe_unknown, dict.fromkeys(unknown_words))
        self._args: dict[str, Any] = vars(namespace)

    def texts_of(self, option: Field[Any], environ: Mapping[str, str]) -> tuple[str, list[str]]:
        """Return the name of the flag or variable that sets a field, and its texts.

        A flag wins over the DASHAPP_ variable, and that over the platform's variable. If none of them is set,
        return the flag's name and no texts.
        """
        flag = self._args.get(option.name)
        if flag is not None:
            return flag_of(option.name), [flag] if isinstance(flag, str) else flag
        for variable in (ENV_PREFIX + option.name.upper(), option.metadata.get("platform_variable")):
            if variable and "never_empty" in option.metadata and environ.get(variable) == "":
                return variable, [""]
            if variable and (text := environ.get(variable, "")) != "":
                if separator := option.metadata.get("separator"):
                    return variable, [part for part in text.split(separator) if part.strip()]
                return variable, [text]
        return flag_of(option.name), []

    def _describe_unknown(self, text: str) -> str:
        if (secret := text.split("=")[0].strip("-").replace("-", "_")) in self._secrets:
            return (
                f"{flag_of(secret)} cannot be passed on the command line, where other users can read it; "
                f"set {ENV_PREFIX}{secret.upper()}"
            )
        hint = suggest_setting(text.split("=")[0], self._flags, "see --help")
        return f"{quote_value(text)} is not a setting{hint}"


def service_variables(environ: Mapping[str, str], table: SettingsFields) -> list[str]:
    """Return the names of variables that a Kubernetes service or a Docker link has set.

    Such a variable has the address of a service, or a name that belongs to one. A secret is never one.
    """
    secrets = {ENV_PREFIX + option.name.upper() for option in table if "secret" in option.metadata}
    platform_variables = {option.metadata.get("platform_variable") for option in table}
    names = {name for name in environ if name.startswith(ENV_PREFIX) or name in platform_variables} - secrets
    found = {name for name in names if _SERVICE_ADDRESS.fullmatch(environ[name])}
    if found:
        # A link sets NAME to the names of two containers, and a copy of the other container's variables.
        links = {name for name in names if _LINK_NAME.fullmatch(name)}
        found |= {name for name in links if not name.endswith("_NAME") or environ[name].startswith("/")}
    return sorted(found | {name for name in names if _SERVICE_NAME.fullmatch(name)})


def without_service_variables(environ: Mapping[str, str], table: SettingsFields) -> dict[str, str]:
    """Return the variables that a person or a platform has set."""
    ignored = service_variables(environ, table)
    return {name: text for name, text in environ.items() if name not in ignored}


def unknown_variables(environ: Mapping[str, str], table: SettingsFields) -> list[str]:
    """Return one sentence for each DASHAPP_ variable that is not a setting.

    Those of services have one sentence together.
    """
    variables = [ENV_PREFIX + option.name.upper() for option in table]
    sentences = []
    if ignored := service_variables(environ, table):
        sentences.append(
            f"{', '.join(ignored)[:200]}: ignored, because a Kubernetes service or a Docker link has set "
            f"{'them' if len(ignored) > 1 else 'it'}"
        )
    for name in sorted(without_service_variables(environ, table)):
        if name.startswith(ENV_PREFIX) and name not in (*variables, *OTHER_VARIABLES):
            sentences.append(f"{name} is set but is not a setting{suggest_setting(name, variables)}")
    return sentences


def flag_of(name: str) -> str:
    """Return the flag of a setting: `--trusted-proxy` for `trusted_proxy`."""
    return "--" + name.replace("_", "-")


def _option_string(name: str, default: Any) -> str:
    """Return the option of a setting: `--no-NAME` for a switch that is on by default."""
    return f"--no-{flag_of(name)[2:]}" if default is True else flag_of(name)


def _add_argument(
    group: argparse._ArgumentGroup, name: str, metadata: Mapping[str, Any], default: Any
) -> None:
    help = metadata["help"]
    if isinstance(default, bool):
        const = "0" if default else "1"
        group.add_argument(
            _option_string(name, default), dest=name, action="store_const", const=const, help=help
        )
    else:
        help_text = f"{help} ({metadata.get('default_text', default)})" if default else help
        action = "append" if "separator" in metadata else "store"
        flag = flag_of(name)
        group.add_argument(
            flag, dest=name, nargs="?", const="", metavar=name.upper(), help=help_text, action=action
        )
