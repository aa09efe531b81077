"""The table in docs/configuration.md, from the table in dashapp/config/settings.py.

Each row has the help text of the setting, what it accepts, and a note for readers of the documentation.
"""

from __future__ import annotations

import re
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from dashapp.config.cli import ENV_PREFIX, flag_of
from dashapp.config.settings import Settings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"
BEGIN = "<!-- `python -m docsite` writes this table from dashapp/config/settings.py. -->"
END = "<!-- End of the table. -->"
# Defaults that depend on something else, so that the table of settings has an empty text for them.
DEFAULTS = {
    "host": "127.0.0.1",
    "store": "`data/`",
    "name": "host name",
    "time_zone": "the machine's",
    "config": "`dashapp.toml`",
    "proc": "`/proc`",
    "sys": "`/sys`",
}
# Explanations of the documentation alone, mostly with a link.
NOTES = {
    "host": "An address that other machines can reach requires a password, a proxy user or `--public`.",
    "public": "It shows no [process names](security.md#protection).",
    "hosts": "See [nginx](deploy.md#nginx).",
    "frame_ancestors": "See [Other sites](embedding-sites.md#frames).",
    "password": "It also protects the API; see [Security](security.md#protection).",
    "proxy_user": "Requires `--trusted-proxy`.",
    "limit": "[Some count as several](security.md#protection).",
    "store": "See [Store](#store).",
    "redis_ca": "See [PaaS](deploy.md#paas-heroku-and-similar).",
    "name": "On a PaaS the default is `DYNO`. See [Many hosts](many-hosts.md#names).",
    "window": "With `memory:` at most two hours.",
    "retention": "See [History](history.md).",
    "size": "With Redis it limits the compressed blocks. See [Disk space](history.md#disk-space).",
    "source": "See [Sources](sources.md).",
    "metric": "See [Derived metrics](metrics.md#derived-metrics).",
    "panel": "See [Panels](#panels).",
    "threshold": "See [Alerts](alerts.md#rules).",
    "notify": "See [Notifications](alerts.md#notifications).",
    "time_zone": "See [quiet hours](alerts.md#rules).",
    "push_token": "Without it pushing is off. See [Pushed metrics](sources.md#pushed-metrics).",
    "language": "See [Languages](languages.md).",
    "processes": "See [Process table](#process-table).",
    "process_history": "See [Process table](#process-table).",
    "docker": "See [Containers](metrics.md#containers-and-services).",
    "proc": "See [In a container](metrics.md#in-a-container).",
    "collector": "See [Many hosts](many-hosts.md).",
}


def names(option: Field[Any]) -> str:
    """Return the flag and the variables of a setting, one below the other; a secret has no flag."""
    flag = flag_of(f"no_{option.name}" if option.default is True else option.name)
    variables = [ENV_PREFIX + option.name.upper(), option.metadata.get("platform_variable")]
    found = [*([] if "secret" in option.metadata else [flag]), *variables]
    return "<br>".join(f"`{name}`" for name in found if name)


def default(option: Field[Any]) -> str:
    if option.name in DEFAULTS:
        return DEFAULTS[option.name]
    if isinstance(option.default, float) and "default_text" not in option.metadata:
        return f"{option.default:g}"
    if isinstance(option.default, bool):
        return "1" if option.default else "0"
    return str(option.metadata.get("default_text", option.default or ""))


def meaning(option: Field[Any]) -> str:
    """Return the help text of a setting as a sentence, and its note."""
    # `--help` has a default that depends on something else in parentheses.
    text = re.sub(r" \([^)]*\)$", "", option.metadata["help"])
    return f"{text[0].upper()}{text[1:]}. {NOTES.get(option.name, '')}".strip()


def cell(text: str) -> str:
    """Return plain text for a cell of a table, with flags and schemes of addresses as code.

    >>> cell("unless --host is set | redis://, X-*")
    'unless `--host` is set \\\\| `redis://`, X-\\\\*'
    """
    text = text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
    return re.sub(r"(?<![`\w(-])(--[a-z][a-z-]*|[a-z+]+://(?:[^\s,]*[^\s,.])?)", r"`\1`", text)


def table() -> str:
    rows = [("Flag and variable", "Default", "Values", "Meaning"), ("---",) * 4]
    rows += [
        (
            names(option),
            default(option),
            cell(option.metadata["expected"]),
            cell(meaning(option)),
        )
        for option in fields(Settings)
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def with_table(page: str) -> str:
    """Return the text of the page with the current table."""
    head, _, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not end:
        raise ValueError(f"{PAGE.name} has no place for the table of settings")
    return f"{head}{BEGIN}\n\n{table()}\n\n{END}{tail}"
