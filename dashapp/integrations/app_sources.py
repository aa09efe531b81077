"""The `sources` argument of attach and mount: functions of the app, and names of sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dashapp.model.text import short_repr
from dashapp.model.ticks import SettingsError
from dashapp.sources.spec import MACHINE_SOURCE, NO_SOURCE

Sources = str | Callable[[], Any] | Iterable[str | Callable[[], Any]] | Mapping[str, Callable[[], Any]]


def split_sources(sources: Sources | None) -> tuple[list[str], dict[str, Callable[[], Any]]]:
    """Return the names of sources, and the functions by name.

    Without "machine" among them, the names begin with the source that reads nothing. SettingsError for any
    other value.
    """
    if sources is None:
        return [], {}
    if isinstance(sources, Mapping):
        items: list[Any] = [*sources.items()]
    elif isinstance(sources, str) or callable(sources):
        items = [sources]
    elif isinstance(sources, Iterable):
        items = [*sources]
    else:
        raise SettingsError([f"sources is {short_repr(sources)}; expected functions or names of sources"])
    names: list[str] = []
    functions: dict[str, Callable[[], Any]] = {}
    for item in items:
        name, function = item if isinstance(item, tuple) else (getattr(item, "__name__", ""), item)
        if isinstance(item, str):
            names.append(item)
        elif not callable(function):
            raise SettingsError(
                [f"sources contains {short_repr(function)}; expected functions or names of sources"]
            )
        elif not isinstance(name, str) or not name.isidentifier():
            raise SettingsError(
                [f"sources contains {name or type(function).__name__}; give it a name: {{name: function}}"]
            )
        elif name in functions:
            raise SettingsError([f"sources contains two functions {name}; name them: {{name: function}}"])
        else:
            functions[name] = function
    if not names and not functions:
        raise SettingsError(["sources is empty; expected functions or names of sources"])
    # The machine is the default of the settings, not an addition to the sources of the app.
    return names if MACHINE_SOURCE in names else [NO_SOURCE, *names], functions
