"""Settings that an app passes as keywords, for its own process and for the collector."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from dashapp.config import kwargs
from dashapp.config.cli import ENV_PREFIX, flag_of
from dashapp.config.settings import Settings, parse_settings
from dashapp.model.ticks import SettingsError

# The platform sets these for the app's own server.
_PLATFORM_VARIABLES = ("PORT", "WEB_CONCURRENCY")


class KeywordSettings(NamedTuple):
    """`argv` and `environ` of a collector lead to `settings`, except for the store.

    A backend adds the store itself, since its address may contain a password.
    """

    settings: Settings
    argv: list[str]
    environ: dict[str, str]


def parse_keywords(
    keywords: Mapping[str, Any],
    rejected: Mapping[str, str],
    *,
    ignored: Collection[str],
    others: Collection[str],
    flags: Sequence[str] = (),
    prog: str,
    serving: bool,
) -> KeywordSettings:
    """SettingsError if a keyword, a variable or the settings file is wrong.

    `rejected`: settings that cannot be keywords, each with the reason. `ignored`: settings whose variables
    are for another program, such as `python -m dashapp`. `others`: the remaining keywords of the caller.
    `flags`: further command-line arguments. `serving`: whether the app serves the whole monitor.
    """
    args = kwargs.to_command_line(keywords, rejected, others)
    variables = {*_PLATFORM_VARIABLES, *(ENV_PREFIX + name.upper() for name in ignored)}
    environ = {name: text for name, text in os.environ.items() if name not in variables} | args.variables
    try:
        # The app's Redis is not our store. The collector's environment keeps it for the app's functions.
        settings = parse_settings([*args.argv, *flags], {**environ, "REDIS_URL": ""}, prog, serving)
    except SettingsError as error:
        raise kwargs.as_keyword_error(error, args) from None
    store = flag_of("store") + "="
    argv = [text for text in args.argv if not text.startswith(store)]
    # The collector finds a module of the app by the same path as the app.
    environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return KeywordSettings(settings, [*argv, *flags], environ)
