"""Settings: one table of them, read once, at the edge, from flags and the environment.

argparse splits the command line; the table says what each value may be. (pydantic would double the
collector's memory.) Every problem is found before any is told.
"""

from __future__ import annotations

import argparse
import difflib
import ipaddress
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from dashapp import __version__, values
from dashapp.model import SettingsError
from dashapp.thresholds import Threshold
from dashapp.values import MEMORY

PREFIX = "DASHAPP_"
ANYWHERE = "0.0.0.0"  # noqa: S104
SHORTEST_WINDOW = 10
DAY = 86_400
# Seconds that a history in memory reaches back.
MEMORY_KEEPS = 7200.0
# How often a flag that may be repeated is given, at the most.
MOST = 64


def _setting(default: Any, parse: Callable[[str], Any], expected: str, help: str, **more: Any) -> Any:
    """`separator`: a flag that may be repeated, whose variable has this between several."""
    return field(default=default, metadata={"parse": parse, "expected": expected, "help": help, **more})


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. A field's name gives its flag (`--name`) and variable (`DASHAPP_NAME`)."""

    host: str = _setting("127.0.0.1", values.address, "an IP address or localhost", "address to listen on")
    port: int = _setting(
        8050, values.whole(1, 65535), "a whole number from 1 to 65535", "port to listen on", also="PORT"
    )
    public: bool = _setting(
        False, values.switch, "1 or 0", "listen on 0.0.0.0 and show the numbers to whoever asks"
    )
    hosts: tuple[str, ...] = _setting(
        (), values.hosts, "host names with commas between them", "further host names to answer to"
    )
    store: str = _setting("", values.store, "a folder, or memory: for none", "folder that keeps the history")
    interval: float = _setting(
        1.0, values.number(0.1, 60), "seconds from 0.1 to 60", "seconds between two ticks"
    )
    window: float = _setting(
        100.0,
        values.number(SHORTEST_WINDOW, 20 * 365 * DAY),
        f"seconds from {SHORTEST_WINDOW} to the longest --retention",
        "seconds on screen at first",
    )
    retention: tuple[float, float, float] = _setting(
        (14.0 * DAY, 90.0 * DAY, 730.0 * DAY),
        values.retention,
        "three rising lengths of an hour to 20 years, such as 14d,90d,730d",
        "how long ticks, minutes and hours are kept",
        shown="14d,90d,730d",
    )
    size: int = _setting(
        400_000_000,
        values.size,
        "megabytes or gigabytes from 10MB to 1000GB, such as 400MB",
        "what the history may take on disk",
        shown="400MB",
    )
    workers: int = _setting(
        1, values.whole(1, 33), "a whole number from 1 to 33", "web processes", also="WEB_CONCURRENCY"
    )
    collector: bool = _setting(
        True, values.switch, "1 or 0", "start a collector (--no-collector: one runs elsewhere)"
    )
    threshold: tuple[Threshold, ...] = _setting(
        (),
        Threshold.parse,
        '"METRIC > NUMBER for TIME" (or >=, <, <=), such as "cpu.percent > 90 for 30s"',
        'a limit to watch, such as "cpu.percent > 90 for 30s"; may be repeated',
        separator=";",
    )
    processes: str = _setting(
        "local", values.audience, "local, always or never", "who may see the names of processes"
    )

    @property
    def longest(self) -> float:
        """The longest window, in seconds: what the history reaches back to."""
        return MEMORY_KEEPS if self.store == MEMORY else max(self.retention)

    @property
    def address(self) -> str:
        """The IP address to listen on: `--public` opens every interface, unless a host is given."""
        if self.host == "localhost":
            return "127.0.0.1"
        return ANYWHERE if self.public and self.host == "127.0.0.1" else self.host


def parse(argv: Sequence[str], environ: Mapping[str, str] = os.environ, prog: str = "dashapp") -> Settings:
    """The settings of a command line and an environment; flags win. SettingsError tells all that is wrong."""
    parser = argparse.ArgumentParser(
        prog=prog,
        allow_abbrev=False,
        description="Shows this machine's CPU live in the browser.",
        epilog=f"Every flag has a variable: --port is {PREFIX}PORT.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    for each in fields(Settings):
        _add_flag(parser, each.name, each.metadata, each.default)
    problems, argv = _valued_switches(argv)
    given, unknown = parser.parse_known_args(argv)
    # What follows an unknown flag is its value, not a second problem.
    strays = [
        text
        for before, text in zip(["", *unknown], unknown, strict=False)
        if text.startswith("-") or not before.startswith("-")
    ]
    problems += [_unknown_flag(text) for text in strays]
    chosen: dict[str, Any] = {}
    named: dict[str, str] = {}
    for each in fields(Settings):
        flag = getattr(given, each.name)
        named[each.name], text = _source(each.name, each.metadata.get("also"), flag, environ)
        if text is None:
            continue
        separator = each.metadata.get("separator")
        texts = _several(text, separator) if separator else [text]
        if len(texts) > MOST:
            problems.append(f"{named[each.name]} is given {len(texts)} times; expected at most {MOST}")
            continue
        found = []
        for one in texts:
            try:
                found.append(each.metadata["parse"](one))
            except ValueError:
                problems.append(f"{named[each.name]} is {_shown(one)}; expected {each.metadata['expected']}")
        if separator:
            chosen[each.name] = tuple(dict.fromkeys(found))  # what is said twice is meant once
        elif found:
            chosen[each.name] = found[0]
    problems += _conflicts(Settings(**chosen), named)
    if problems:
        raise SettingsError(problems)
    return Settings(**chosen)


def _several(given: str | list[str], separator: str) -> list[str]:
    """What a repeated flag collected, or the parts of a variable."""
    if isinstance(given, list):
        return given
    return [part.strip() for part in given.split(separator) if part.strip()]


def _shown(text: str) -> str:
    """Text from outside as one quoted line of bounded length."""
    return json.dumps(text if len(text) <= 80 else text[:80] + "…", ensure_ascii=False)


def _flag(name: str, default: Any) -> str:
    """--no-collector turns off what is on by default, --public on what is off."""
    return f"--no-{name}" if default is True else f"--{name}"


def _valued_switches(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """A sentence for each switch that was given a value, and the rest: argparse would stop at the first."""
    switches = {_flag(each.name, each.default) for each in fields(Settings) if isinstance(each.default, bool)}
    switches |= {"--help", "--version"}
    wrong = [text for text in argv if "=" in text and text.partition("=")[0] in switches]
    problems = [f"{_shown(text)} has a value; expected {text.partition('=')[0]} alone" for text in wrong]
    return problems, [text for text in argv if text not in wrong]


def _add_flag(parser: argparse.ArgumentParser, name: str, metadata: Mapping[str, Any], default: Any) -> None:
    help = metadata["help"]
    if isinstance(default, bool):
        const = "0" if default else "1"
        parser.add_argument(_flag(name, default), dest=name, action="store_const", const=const, help=help)
    else:
        shown = f"{help} ({metadata.get('shown', default)})" if default else help
        action = "append" if "separator" in metadata else "store"
        parser.add_argument(f"--{name}", nargs="?", const="", metavar=name.upper(), help=shown, action=action)


def _source(name: str, also: str | None, flag: Any, environ: Mapping[str, str]) -> tuple[str, Any]:
    """The name and text (a list from a flag that may be repeated) of whatever sets this: flag, our variable,
    the platform's variable."""
    if flag is not None:
        return f"--{name}", flag
    for variable in (PREFIX + name.upper(), also):
        if variable and environ.get(variable, "") != "":
            return variable, environ[variable]
    return f"--{name}", None


def _unknown_flag(text: str) -> str:
    flags = ["--version", "--help", *(_flag(each.name, each.default) for each in fields(Settings))]
    near = difflib.get_close_matches(text.split("=")[0], flags, 1)
    hint = f"did you mean {near[0]}?" if near else "see --help for those there are"
    return f"{_shown(text)} is not a setting; {hint}"


def _conflicts(settings: Settings, named: Mapping[str, str]) -> list[str]:
    """Settings that cannot go together; `named` tells where each came from."""
    problems = []
    host = settings.host
    if not (settings.public or host == "localhost" or ipaddress.ip_address(host).is_loopback):
        problems.append(
            f'{named["host"]} is "{host}", which others can reach; '
            "add --public to show them this machine's numbers"
        )
    if settings.store == MEMORY and settings.workers > 1:
        problems.append(
            f'{named["workers"]} is "{settings.workers}"; expected 1 with {named["store"]} {MEMORY}, '
            "which one process cannot share with another"
        )
    if settings.window > settings.longest:
        problems.append(
            f'{named["window"]} is "{settings.window:.10g}"; '
            f"expected at most the {settings.longest:.10g} seconds that are kept"
        )
    return problems


def unknown_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """A sentence for each variable that looks like ours and is not."""
    known = [PREFIX + each.name.upper() for each in fields(Settings)]
    sentences = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known and name != PREFIX + "CHILD":
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            sentences.append(f"{name} is set but is not a setting{hint}")
    return sentences
