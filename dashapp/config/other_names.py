"""The words of other programs for our settings, for the hint at an unknown one."""

from __future__ import annotations

from collections.abc import Sequence

from dashapp.model.text import suggest

OTHER_NAMES = {
    **dict.fromkeys(("alert", "alerts", "alert_rule", "rule", "rules", "warn"), "threshold"),
    **dict.fromkeys(("address", "bind", "ip", "listen", "listen_address"), "host"),
    **dict.fromkeys(("data", "data_dir", "database", "db", "redis", "redis_url", "storage"), "store"),
    **dict.fromkeys(("every", "period", "rate", "refresh", "scrape_interval", "step"), "interval"),
    **dict.fromkeys(("dark", "dark_mode", "light"), "theme"),
    **dict.fromkeys(("history", "keep", "retain"), "retention"),
    **dict.fromkeys(("chart", "dashboard", "graph"), "panel"),
    **dict.fromkeys(("input", "plugin"), "source"),
    **dict.fromkeys(("config_file", "settings"), "config"),
    **dict.fromkeys(("hostname", "label"), "name"),
}


def suggest_setting(word: str, known: Sequence[str], otherwise: str = "") -> str:
    """Return the end of a sentence about an unknown setting, like `suggest`.

    >>> suggest_setting("--alert", ["--port", "--threshold"])
    '; did you mean --threshold?'
    """
    name = OTHER_NAMES.get(_plain(word))
    same = next((other for other in known if _plain(other) == name), None)
    return suggest(word, known, otherwise) if same is None else f"; did you mean {same}?"


def _plain(word: str) -> str:
    return word.lower().removeprefix("dashapp_").strip("-").replace("-", "_")
