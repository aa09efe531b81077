"""Options of a source function, from `@dashapp.source(...)` or the settings file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from dashapp.model.panel_spec import CURVE_KIND, KINDS, check_panel_name
from dashapp.model.text import quote_value, suggest

Function = TypeVar("Function", bound=Callable[..., Any])

_ATTRIBUTE = "__dashapp_source__"
MAX_TEXT_LENGTH = 64
MIN_INTERVAL_S, MAX_INTERVAL_S = 0.1, 86_400


@dataclass(frozen=True)
class SourceOptions:
    """Options of a function's metrics; None is unset. Raises ValueError if one is invalid.

    `low` and `high` bound the axis in units of `unit`. `every` is the number of seconds between two calls;
    None means every tick. `kind` is the kind of chart; a bar chart or a table shows only the newest values.
    With "curve" the function returns whole curves in place of values, and the panel shows the newest.
    """

    label: str | None = None
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    panel: str | None = None
    every: float | None = None
    kind: str | None = None

    def __post_init__(self) -> None:
        for name in ("label", "unit", "panel"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, str) and len(value) <= MAX_TEXT_LENGTH):
                raise ValueError(
                    f"{name} is {quote_value(value)}; expected text of at most {MAX_TEXT_LENGTH} characters"
                )
        check_panel_name("panel", self.panel)
        for name in ("low", "high", "every"):
            value = getattr(self, name)
            if value is not None and not _is_number(value):
                raise ValueError(f"{name} is {quote_value(value)}; expected a number")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low is {self.low:g}; expected less than high, which is {self.high:g}")
        if self.every is not None and not MIN_INTERVAL_S <= self.every <= MAX_INTERVAL_S:
            raise ValueError(
                f"every is {self.every:g}; expected seconds from {MIN_INTERVAL_S} to {MAX_INTERVAL_S}"
            )
        if self.kind is not None and self.kind not in (*KINDS, CURVE_KIND):
            kinds = ", ".join((*KINDS, CURVE_KIND))
            raise ValueError(f"kind is {quote_value(self.kind)}; expected one of {kinds}")

    def replace(self, options: Mapping[str, Any]) -> SourceOptions:
        """Return a copy with `options` set; raises ValueError for an unknown name."""
        names = [option.name for option in fields(SourceOptions)]
        for name in options:
            if name not in names:
                hint = suggest(name, names, f"expected one of {', '.join(names)}")
                raise ValueError(f"{quote_value(name)} is not an option{hint}")
        return replace(self, **options)


def source(
    *,
    label: str | None = None,
    unit: str | None = None,
    low: float | None = None,
    high: float | None = None,
    panel: str | None = None,
    every: float | None = None,
    kind: str | None = None,
) -> Callable[[Function], Function]:
    """Describe a function's metrics for `--source module:function`; the function is unchanged.

    >>> @source(label="Kitchen", unit="°C", low=-10, high=40, every=5)
    ... def temperature():
    ...     return 21.5
    >>> temperature()
    21.5
    """
    options = SourceOptions(label, unit, low, high, panel, every, kind)

    def mark(function: Function) -> Function:
        setattr(function, _ATTRIBUTE, options)
        return function

    return mark


def declared_options(function: Callable[..., Any]) -> SourceOptions:
    """Return the options that `@source` set, or the defaults."""
    options = getattr(function, _ATTRIBUTE, None)
    return options if isinstance(options, SourceOptions) else SourceOptions()


def _is_number(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
