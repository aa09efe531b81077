"""The table of settings: default, parser, help text, flag and environment variable of each.

`parse_settings` reads flags, then variables, then the TOML file, and raises all problems at once. (pydantic
would double the collector's memory.)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from dashapp.config import cli, parsers
from dashapp.config.password_strength import is_guessable
from dashapp.config.toml_file import SETTINGS_FILE_NAME, SettingsFile, TomlTable
from dashapp.config.validation import validate_settings
from dashapp.languages.accept import AUTO
from dashapp.languages.tables import languages
from dashapp.model.alerts.rules import MAX_RULES, parse_rule
from dashapp.model.formulas.derived import DerivedMetric
from dashapp.model.panels import Panel
from dashapp.model.text import quote_value, redact_url
from dashapp.model.thresholds import Threshold
from dashapp.model.ticks import SettingsError
from dashapp.sources.spec import NO_SOURCE, OWN_PROC, OWN_SYS, MachineFiles, SourceSpec


def setting(default: Any, parse: Callable[[str], Any], expected: str, help: str, **extras: Any) -> Any:
    """Return the dataclass field of a setting.

    `expected` is the end of an error message; if it is empty, the text of the ValueError from `parse` is.
    `separator`: the setting may have several values: one per flag, or several in a variable, with this
    character between them. There may be MAX_REPEATED_VALUES, or `max_values`. `parse` reads one value.
    `table` reads one that the settings file gives as a table, and its ValueError always has a text.
    `hard_to_guess`: reject a value that is easy to guess.
    `secret`: there is no flag, since other users can list a process's arguments, and no message shows the
    value.
    `never_empty`: a variable that is set to nothing is an error, not the same as an unset one.
    `platform_variable`: a second variable, which hosting platforms set. `default_text`: the default in help.
    `address`: the value is a URL, and messages show it without credentials.
    """
    metadata = {"parse": parse, "expected": expected, "help": help, **extras}
    return field(default=default, repr="secret" not in extras, metadata=metadata)


def setting_problem(
    origin: str, number: int, item: str | TomlTable, metadata: Mapping[str, Any], error: ValueError
) -> str:
    """Return the problem with one text or table that `origin` sets, as one sentence."""
    if isinstance(item, str):
        item = redact_url(item) if "address" in metadata else item
        description = f"has {len(item)} characters" if "secret" in metadata else f"is {quote_value(item)}"
        expected = metadata["expected"]
        return f"{origin} {description}; {f'expected {expected}' if expected else error}"
    return f"{origin} {number}: {error}"


ALL_INTERFACES = "0.0.0.0"  # noqa: S104
MIN_WINDOW_S = 10
DAY_S = 86_400
# Seconds of history in the memory store.
MEMORY_RETENTION_S = 7200.0
# Maximum number of values of one setting.
MAX_REPEATED_VALUES = 64
# Each check of a service is a source.
MAX_SOURCES = 500


@dataclass(frozen=True)
class Settings:
    """All settings. The field `name` has the flag `--name` and the variable `DASHAPP_NAME`."""

    host: str = setting(
        "", parsers.parse_address, "an IP address or localhost", "IP address to listen on (127.0.0.1)"
    )
    port: int = setting(
        8050,
        parsers.integer_between(1, 65535),
        "a whole number from 1 to 65535",
        "port to listen on",
        platform_variable="PORT",
    )
    public: bool = setting(
        False,
        parsers.parse_switch,
        "1 or 0",
        "show the page to everyone; listen on 0.0.0.0 unless --host is set",
    )
    hosts: tuple[str, ...] = setting(
        (),
        parsers.parse_hosts,
        "host names separated by commas, without http:// and port",
        "further host names to accept in requests",
    )
    frame_ancestors: tuple[str, ...] = setting(
        (),
        parsers.parse_origins,
        f"up to {parsers.MAX_ORIGINS} sites separated by commas, such as https://intranet.example",
        "other sites that may show the pages in a frame",
    )
    store: str = setting(
        "",
        parsers.parse_store,
        "",
        "folder of the history, or redis://, rediss://, redis+cluster://, rediss+cluster://",
        platform_variable="REDIS_URL",
        address=True,
    )
    name: str = setting(
        "",
        parsers.parse_name,
        "1 to 64 letters, digits and . _ -",
        "this machine's name in Redis, by default its host name",
    )
    forget: float = setting(
        7.0 * DAY_S,
        parsers.duration_between(3600, 20 * 365 * DAY_S),
        "a duration from 1h to 20y, such as 7d",
        "remove a host from Redis after this long without data",
        default_text="7d",
    )
    interval: float = setting(
        1.0, parsers.number_between(0.1, 60), "seconds from 0.1 to 60", "seconds between ticks"
    )
    window: float = setting(
        100.0,
        parsers.number_between(MIN_WINDOW_S, 20 * 365 * DAY_S),
        f"seconds from {MIN_WINDOW_S} to the longest --retention",
        "time range on screen at the start, in seconds",
    )
    retention: tuple[float, float, float] = setting(
        (14.0 * DAY_S, 90.0 * DAY_S, 730.0 * DAY_S),
        parsers.parse_retention,
        "three ascending durations from 1h to 20y, such as 14d,90d,730d",
        "how long to store ticks, minutes and hours",
        default_text="14d,90d,730d",
    )
    size: int = setting(
        400_000_000,
        parsers.parse_size,
        "megabytes or gigabytes from 10MB to 1000GB, such as 400MB",
        "maximum size of the history on disk",
        default_text="400MB",
    )
    source: tuple[SourceSpec, ...] = setting(
        (),
        SourceSpec.parse,
        "",
        "additional source, a name or module:function; may be repeated",
        separator=";",
        table=SourceSpec.from_table,
        max_values=MAX_SOURCES,
    )
    metric: tuple[DerivedMetric, ...] = setting(
        (),
        DerivedMetric.parse,
        "",
        'metric derived from others, such as "hit_rate = hits / (hits + misses)"; may be repeated',
        separator=";",
        table=DerivedMetric.from_table,
    )
    panel: tuple[Panel, ...] = setting(
        (),
        Panel.parse,
        "",
        'add or change a chart, such as name="x", kind="bar"; may be repeated',
        separator=";",
        table=Panel.from_table,
    )
    title: str = setting("dashapp", parsers.text_up_to(64), "text of 1 to 64 characters", "title of the page")
    theme: str = setting(
        "auto", parsers.one_of(*parsers.THEMES), "auto, dark or light", "colours of the page"
    )
    language: str = setting(
        AUTO,
        parsers.parse_language,
        "",
        f"language of the page: {AUTO} for the browser's, or {', '.join(languages())}",
    )
    config: str = setting(
        "",
        parsers.text_up_to(4096),
        "a file",
        f"settings file to use instead of {SETTINGS_FILE_NAME} in this folder",
    )
    password: str = setting(
        "",
        parsers.parse_password,
        "10 to 200 characters, 5 of them different, that are hard to guess, such as four random words",
        "password for the page",
        secret=True,
        hard_to_guess=True,
        never_empty=True,
    )
    trusted_proxy: tuple[parsers.Network, ...] = setting(
        (),
        parsers.parse_networks,
        "IP addresses or networks separated by commas, such as 127.0.0.1",
        "addresses of proxies whose X-Forwarded-* headers dashapp trusts",
    )
    proxy_user: str = setting(
        "",
        parsers.parse_header,
        "a header name, such as X-Forwarded-User",
        "header with the user name from a trusted proxy",
    )
    limit: int = setting(
        300,
        parsers.integer_between(1, 100_000),
        "a whole number from 1 to 100000",
        "maximum requests per second from one IP address",
    )
    transport: str = setting(
        "auto",
        parsers.one_of(*parsers.TRANSPORTS),
        "auto or poll",
        "how pages get new ticks: by streams if possible, or always by requests, for a cache in front",
    )
    push_token: str = setting(
        "",
        parsers.parse_token,
        "16 to 200 letters, digits and symbols that are hard to guess, such as from openssl rand -hex 16",
        "token that programs send to push values",
        secret=True,
        hard_to_guess=True,
    )
    workers: int = setting(
        1,
        parsers.integer_between(1, 33),
        "a whole number from 1 to 33",
        "number of web processes",
        platform_variable="WEB_CONCURRENCY",
    )
    collector: bool = setting(True, parsers.parse_switch, "1 or 0", "only serve; another process collects")
    process_history: bool = setting(
        True, parsers.parse_switch, "1 or 0", "do not record the top processes every ten seconds"
    )
    threshold: tuple[Threshold, ...] = setting(
        (),
        parse_rule,
        "",
        'alert, such as "cpu.percent > 90 for 30s"; may be repeated',
        separator=";",
        max_values=MAX_RULES,
    )
    notify: tuple[str, ...] = setting(
        (),
        parsers.parse_notify,
        "an address such as json://127.0.0.1/alerts or mailto://user:password@host, in apprise's format",
        "addresses for alerts, in apprise's format",
        separator=";",
        secret=True,
    )
    public_url: str = setting(
        "",
        parsers.parse_url,
        "a web address such as https://monitor.example, without a user, ? and #",
        "public address of the page, for the links in messages of alerts",
        address=True,
    )
    time_zone: str = setting(
        "",
        parsers.parse_time_zone,
        "a name of the IANA such as Europe/Berlin",
        "time zone of the quiet hours of alerts, by default the machine's",
    )
    processes: str = setting(
        "local", parsers.parse_audience, "local, always or never", "when to show the names of processes"
    )
    redis_ca: str = setting(
        "",
        parsers.parse_ca,
        "the file of a CA certificate, or none to trust any certificate",
        "file of the CA certificate of a rediss:// address, or none to trust any certificate",
    )

    docker: str = setting(
        "",
        parsers.parse_unix_socket,
        "the address of a socket, such as unix:///var/run/docker.sock",
        "socket of Docker or Podman, to read the names of containers",
    )
    proc: str = setting(
        OWN_PROC,
        parsers.parse_folder,
        "a folder that exists",
        "the /proc of the machine, such as that of the host in a container",
    )
    sys: str = setting(
        OWN_SYS,
        parsers.parse_folder,
        "a folder that exists",
        "the /sys of the machine, such as that of the host in a container",
    )

    @property
    def machine_files(self) -> MachineFiles:
        """The folders that the sources of the machine read."""
        return MachineFiles(self.proc, self.sys, self.docker.removeprefix(parsers.UNIX_SCHEME))

    @property
    def reads_system(self) -> bool:
        """Whether the collector reads this machine's own metrics."""
        return not any(spec.name == NO_SOURCE for spec in self.source)

    @property
    def requires_authentication(self) -> bool:
        """Whether viewers need a password, or a user name from a trusted proxy."""
        return bool(self.password or self.proxy_user)

    @property
    def host_name(self) -> str:
        """This machine's name: the setting, else the variable DYNO, else the host name.

        On a platform with dynos the host name changes at each start, and DYNO does not.
        """
        return self.name or parsers.nearest_name(os.environ.get("DYNO", "") or self.machine_files.host_name)

    @property
    def max_window_s(self) -> float:
        """The longest window in seconds, which is the length of the history."""
        return MEMORY_RETENTION_S if self.store == parsers.MEMORY_STORE else max(self.retention)

    @property
    def listen_address(self) -> str:
        """The IP address to listen on; with `--public` and without `--host`, every interface."""
        if not self.host:
            return ALL_INTERFACES if self.public else "127.0.0.1"
        return "127.0.0.1" if self.host == "localhost" else self.host


def parse_settings(
    argv: Sequence[str],
    environ: Mapping[str, str] = os.environ,
    prog: str = "dashapp",
    serving: bool = True,
    checked: bool = False,
) -> Settings:
    """Return the settings of a command line, an environment and a settings file.

    The command line wins over the environment, and the environment over the file. `serving` is false for a
    collector alone, which needs no settings of the page. `checked`: another process has checked that no
    secret is easy to guess. Raise SettingsError with every problem.
    """
    table = fields(Settings)
    environ = cli.without_service_variables(environ, table)
    command_line = cli.CommandLine(argv, table, prog)
    file = _settings_file(command_line, environ)
    origins: dict[str, str] = {}
    file_options = [option for option in table if option.name != "config"]
    problems = [*command_line.problems, *file.unknown_key_problems([option.name for option in file_options])]
    values: dict[str, Any] = {}
    for option in table:
        repeatable = "separator" in option.metadata
        origins[option.name], texts = command_line.texts_of(option, environ)
        items: list[str | TomlTable] = [*texts]
        if not items and option in file_options:
            origin, items = file.items(option)
            origins[option.name] = origin if items else origins[option.name]
        max_values = option.metadata.get("max_values", MAX_REPEATED_VALUES)
        if len(items) > max_values:
            problems.append(f"{origins[option.name]} has {len(items)} values; expected at most {max_values}")
            continue
        results = []
        for number, item in enumerate(items, 1):
            try:
                value = option.metadata["parse" if isinstance(item, str) else "table"](item)
                if "hard_to_guess" in option.metadata and serving and not checked and is_guessable(value):
                    raise ValueError
                results.append(value)
            except ValueError as error:
                problems.append(setting_problem(origins[option.name], number, item, option.metadata, error))
        if results and len(results) == len(items):
            # Drop repeated values.
            values[option.name] = tuple(dict.fromkeys(results)) if repeatable else results[0]
    if "store" in values:
        # A platform sets the address, so its owner cannot add an option to it.
        values["store"] = parsers.with_redis_ca(values["store"], values.get("redis_ca", ""))
    problems += [*file.problems, *validate_settings(Settings(**values), origins, serving)]
    if problems:
        raise SettingsError(problems)
    return Settings(**values)


def _settings_file(command_line: cli.CommandLine, environ: Mapping[str, str]) -> SettingsFile:
    (config,) = (option for option in fields(Settings) if option.name == "config")
    origin, texts = command_line.texts_of(config, environ)
    return SettingsFile(Path(texts[0]), origin) if any(texts) else SettingsFile(Path(SETTINGS_FILE_NAME))


def unknown_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return one sentence for each DASHAPP_ variable that is not a setting."""
    return cli.unknown_variables(environ, fields(Settings))
