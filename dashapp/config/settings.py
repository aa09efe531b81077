"""The table of settings: each with its default, parser, help, flag and environment variable.

`parse_settings` reads flags, then variables, then the TOML file, and raises all
problems at once.
(pydantic would double the collector's memory.)
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from dashapp.config import cli, parsers
from dashapp.config.toml_file import SETTINGS_FILE_NAME, SettingsFile, TomlTable
from dashapp.config.validation import validate_settings
from dashapp.model.panels import Panel
from dashapp.model.text import quote_value, redact_url
from dashapp.model.thresholds import Threshold
from dashapp.model.ticks import SettingsError
from dashapp.sources.spec import NO_SOURCE, SourceSpec


def setting(default: Any, parse: Callable[[str], Any], expected: str, help: str, **more: Any) -> Any:
    """`expected` is empty where `parse` says it itself, as the text of its ValueError.

    `separator`: there may be several, a flag for each or with it between them; `parse` reads one of them, and
    `table` one that a settings file gives as a table: its ValueError says it itself, always.
    `secret`: no flag sets it, for whoever lists the processes sees their flags, and it is never shown.
    `never_empty`: what is set to nothing is a mistake, and not as if it were not set.
    """
    metadata = {"parse": parse, "expected": expected, "help": help, **more}
    return field(default=default, repr="secret" not in more, metadata=metadata)


def setting_problem(
    named: str, number: int, item: str | TomlTable, metadata: Mapping[str, Any], error: ValueError
) -> str:
    """What is wrong with the text or table that `named` gives, in one sentence."""
    if isinstance(item, str):
        item = redact_url(item) if "address" in metadata else item
        told = f"has {len(item)} characters" if "secret" in metadata else f"is {quote_value(item)}"
        return f"{named} {told}; {f'expected {expected}' if (expected := metadata['expected']) else error}"
    return f"{named} {number}: {error}"


ALL_INTERFACES = "0.0.0.0"  # noqa: S104
MIN_WINDOW_S = 10
DAY_S = 86_400
# Seconds that a history in memory reaches back.
MEMORY_RETENTION_S = 7200.0
# How often a flag that may be repeated is given, at the most.
MAX_REPEATED_VALUES = 64


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. A field's name gives its flag (`--name`) and variable (`DASHAPP_NAME`)."""

    host: str = setting(
        "", parsers.parse_address, "an IP address or localhost", "address to listen on (127.0.0.1)"
    )
    port: int = setting(
        8050,
        parsers.integer_between(1, 65535),
        "a whole number from 1 to 65535",
        "port to listen on",
        also="PORT",
    )
    public: bool = setting(
        False,
        parsers.parse_switch,
        "1 or 0",
        "show the numbers to whoever asks, on 0.0.0.0 unless --host says where",
    )
    hosts: tuple[str, ...] = setting(
        (),
        parsers.parse_hosts,
        "host names with commas between them, without http:// and port",
        "further host names to answer to",
    )
    store: str = setting(
        "",
        parsers.parse_store,
        "",
        "folder that keeps the history, or redis://, rediss://, redis+cluster://, rediss+cluster://",
        also="REDIS_URL",
        address=True,
    )
    name: str = setting(
        "",
        parsers.parse_name,
        "1 to 64 letters, digits and . _ -",
        "this machine's name in Redis, else its host's",
    )
    forget: float = setting(
        7.0 * DAY_S,
        parsers.duration_between(3600, 20 * 365 * DAY_S),
        "a length from 1h to 20y, such as 7d",
        "how long Redis keeps a machine that is not heard of",
        shown="7d",
    )
    interval: float = setting(
        1.0, parsers.number_between(0.1, 60), "seconds from 0.1 to 60", "seconds between two ticks"
    )
    window: float = setting(
        100.0,
        parsers.number_between(MIN_WINDOW_S, 20 * 365 * DAY_S),
        f"seconds from {MIN_WINDOW_S} to the longest --retention",
        "seconds on screen at first",
    )
    retention: tuple[float, float, float] = setting(
        (14.0 * DAY_S, 90.0 * DAY_S, 730.0 * DAY_S),
        parsers.parse_retention,
        "three rising lengths of an hour to 20 years, such as 14d,90d,730d",
        "how long ticks, minutes and hours are kept",
        shown="14d,90d,730d",
    )
    size: int = setting(
        400_000_000,
        parsers.parse_size,
        "megabytes or gigabytes from 10MB to 1000GB, such as 400MB",
        "what the history may take on disk",
        shown="400MB",
    )
    source: tuple[SourceSpec, ...] = setting(
        (),
        SourceSpec.parse,
        "",
        "what to read beside the machine, once for each: name or module:function",
        separator=";",
        table=SourceSpec.from_table,
    )
    panel: tuple[Panel, ...] = setting(
        (),
        Panel.parse,
        "",
        'a chart more, or another look of one, once for each: name="x", kind="bar"',
        separator=";",
        table=Panel.from_table,
    )
    title: str = setting("dashapp", parsers.text_up_to(64), "text of 1 to 64 characters", "the page's title")
    theme: str = setting("auto", parsers.one_of(*parsers.THEMES), "auto, dark or light", "the page's colours")
    config: str = setting(
        "",
        parsers.text_up_to(4096),
        "a file",
        f"settings file, instead of {SETTINGS_FILE_NAME} in this folder",
    )
    password: str = setting(
        "",
        parsers.parse_password,
        "10 to 200 characters, five of them different and no row of neighbours",
        "what visitors must give to see anything",
        secret=True,
        never_empty=True,
    )
    trusted_proxy: tuple[parsers.Network, ...] = setting(
        (),
        parsers.parse_networks,
        "IP addresses or networks with commas between them, such as 127.0.0.1",
        "where a proxy asks from whose X-Forwarded-* are believed",
    )
    proxy_user: str = setting(
        "",
        parsers.parse_header,
        "a header's name, such as X-Forwarded-User",
        "header in which a trusted proxy names whom it has let in",
    )
    limit: int = setting(
        300,
        parsers.integer_between(1, 100_000),
        "a whole number from 1 to 100000",
        "requests a second of one address",
    )
    push_token: str = setting(
        "",
        parsers.parse_token,
        "16 to 200 letters, digits and signs, such as openssl rand -hex 16 prints",
        "what programs must show to push their numbers",
        secret=True,
    )
    workers: int = setting(
        1,
        parsers.integer_between(1, 33),
        "a whole number from 1 to 33",
        "web processes",
        also="WEB_CONCURRENCY",
    )
    collector: bool = setting(
        True, parsers.parse_switch, "1 or 0", "serve only; a collector runs elsewhere on this machine"
    )
    threshold: tuple[Threshold, ...] = setting(
        (),
        Threshold.parse,
        '"METRIC > NUMBER for TIME clear NUMBER" (or >=, the second number not above the first; with < or <= '
        'not below it) or "METRIC missing for TIME", '
        'such as "cpu.percent > 90 for 30s"',
        'a limit to watch, such as "cpu.percent > 90 for 30s"; may be repeated',
        separator=";",
    )
    notify: tuple[str, ...] = setting(
        (),
        parsers.parse_notify,
        "an address such as json://127.0.0.1/alerts or mailto://user:password@host, as apprise knows them",
        "whom to tell of alerts, as apprise's addresses",
        separator=";",
        secret=True,
    )
    processes: str = setting(
        "local", parsers.parse_audience, "local, always or never", "who may see the names of processes"
    )

    @property
    def reads_system(self) -> bool:
        """Whether the machine's own metrics are read."""
        return not any(spec.name == NO_SOURCE for spec in self.source)

    @property
    def requires_authentication(self) -> bool:
        """Whether nobody sees anything without a password or a trusted proxy's word."""
        return bool(self.password or self.proxy_user)

    @property
    def host_name(self) -> str:
        """This machine's name. A platform's machine has another host name at each start, and one DYNO."""
        return self.name or parsers.nearest_name(os.environ.get("DYNO", "") or socket.gethostname())

    @property
    def max_window_s(self) -> float:
        """The longest window, in seconds: what the history reaches back to."""
        return MEMORY_RETENTION_S if self.store == parsers.MEMORY_STORE else max(self.retention)

    @property
    def listen_address(self) -> str:
        """The IP address to listen on: `--public` opens every interface, unless a host is given."""
        if not self.host:
            return ALL_INTERFACES if self.public else "127.0.0.1"
        return "127.0.0.1" if self.host == "localhost" else self.host


def parse_settings(
    argv: Sequence[str], environ: Mapping[str, str] = os.environ, prog: str = "dashapp", serving: bool = True
) -> Settings:
    """The settings of a command line, an environment and a file, each of which gives way to the one before.

    SettingsError tells all that is wrong. `serving`: whether they are for pages, not for a collector alone.
    """
    table = fields(Settings)
    line = cli.CommandLine(argv, table, prog)
    file = _settings_file(line, environ)
    named: dict[str, str] = {}
    in_file = [each for each in table if each.name != "config"]
    problems = [*line.problems, *file.unknown([each.name for each in in_file])]
    chosen: dict[str, Any] = {}
    for each in table:
        several = "separator" in each.metadata
        named[each.name], texts = line.texts_of(each, environ)
        items: list[str | TomlTable] = [*texts]
        if not items and each in in_file:
            where, items = file.items(each)
            named[each.name] = where if items else named[each.name]
        if len(items) > MAX_REPEATED_VALUES:
            problems.append(
                f"{named[each.name]} is given {len(items)} times; expected at most {MAX_REPEATED_VALUES}"
            )
            continue
        found = []
        for number, item in enumerate(items, 1):
            try:
                found.append(each.metadata["parse" if isinstance(item, str) else "table"](item))
            except ValueError as error:
                problems.append(setting_problem(named[each.name], number, item, each.metadata, error))
        if found and len(found) == len(items):
            # What is said twice is meant once.
            chosen[each.name] = tuple(dict.fromkeys(found)) if several else found[0]
    problems += [*file.problems, *validate_settings(Settings(**chosen), named, serving)]
    if problems:
        raise SettingsError(problems)
    return Settings(**chosen)


def _settings_file(line: cli.CommandLine, environ: Mapping[str, str]) -> SettingsFile:
    (config,) = (each for each in fields(Settings) if each.name == "config")
    named, texts = line.texts_of(config, environ)
    return SettingsFile(Path(texts[0]), named) if any(texts) else SettingsFile(Path(SETTINGS_FILE_NAME))


def unknown_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """A sentence for each variable that looks like ours and is not."""
    return cli.unknown_variables(environ, fields(Settings))
