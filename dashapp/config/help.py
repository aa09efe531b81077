"""The text of `dashapp --help`: options in groups."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterable
from functools import partial

# The settings of each group, in the order of `--help`; any other setting is in the last group.
GROUPS = {
    "address and access": (
        *("host", "port", "public", "hosts", "frame_ancestors", "trusted_proxy", "proxy_user"),
        *("limit", "workers", "public_url"),
    ),
    "page": ("title", "theme", "language", "window", "panel", "processes", "transport"),
    "data": (
        *("source", "metric", "interval", "collector", "process_history"),
        *("docker", "proc", "sys"),
    ),
    "history": ("store", "retention", "size", "name", "forget", "redis_ca"),
    "alerts": ("threshold", "time_zone"),
}
OTHER = "other settings"
MAX_WIDTH = 100
COMMANDS = """
       dashapp collect [options]   run the collector alone
       dashapp mark TEXT           mark this moment in the charts of a running server
       dashapp mcp [options]       answer AI assistants, on standard input and output"""


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Writes `--port PORT` for an option whose missing value is a problem of its own."""

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        if action.nargs == argparse.OPTIONAL:
            return self._metavar_formatter(action, default_metavar)(1)[0]
        return super()._format_args(action, default_metavar)


class HelpGroups:
    """The groups of a parser's options."""

    def __init__(self, parser: argparse.ArgumentParser, names: Iterable[str]) -> None:
        known = {name for group in GROUPS.values() for name in group}
        names = tuple(names)
        titles = [title for title, group in GROUPS.items() if set(group) & set(names)]
        if set(names) - known:
            titles.append(OTHER)
        self._groups = {title: parser.add_argument_group(title) for title in titles}

    def of(self, name: str) -> argparse._ArgumentGroup:
        title = next((title for title, group in GROUPS.items() if name in group), OTHER)
        return self._groups[title]


def make_parser(prog: str, env_prefix: str) -> argparse.ArgumentParser:
    """Return a parser without options but `--help`."""
    width = min(shutil.get_terminal_size().columns, MAX_WIDTH) - 2
    return argparse.ArgumentParser(
        prog=prog,
        usage=f"{prog} [options]{COMMANDS if ' ' not in prog else ''}",
        allow_abbrev=False,
        description="A live system monitor in the browser: one command, history included.",
        epilog=f"Each option has a variable: --port is {env_prefix}PORT. Options win over variables, and\n"
        f"both win over dashapp.toml. Passwords and tokens are variables only, such as {env_prefix}PASSWORD.",
        formatter_class=partial(HelpFormatter, width=width, max_help_position=30),
    )
