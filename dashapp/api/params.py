"""Query parameters of /api/ticks and /api/csv, with one error sentence for each limit."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from dashapp.config.settings import MIN_WINDOW_S
from dashapp.model.formulas.chart_formulas import MAX_PARTS, parse_formulas
from dashapp.model.formulas.formula import Formula
from dashapp.model.panel_spec import MAX_PATTERN_LENGTH
from dashapp.model.text import quote_value, suggest
from dashapp.model.ticks import MAX_EPOCH_MS, BadRequestError
from dashapp.query.frames import MAX_POINTS, MIN_POINTS

MAX_METRICS_PER_QUERY = 64
# In place of names, if a query names only formulas.
ALL_METRICS = "*"
MAX_QUERY_LENGTH = 8192
MAX_FIELDS = 32
MAX_CURSOR_LENGTH = 64
# Wildcards in all patterns of a request: each is compared with every metric.
MAX_WILDCARDS = 64
PARAMETERS = (
    *("window", "after", "metrics", "like", "formulas", "from", "to", "points"),
    *("processes", "curves", "hosts"),
)


@dataclass(frozen=True, slots=True)
class TicksQuery:
    """The newest `window` seconds since cursor `after`, or a time range of the past.

    `time_range` is (start, end] in epoch milliseconds. `metrics` None requests all, `panel` those of one
    chart, and `patterns` those whose keys match. `processes`, `curves` and `hosts` add the process table,
    the newest curves, which have no history, and the list of hosts. `points` is the maximum number of points
    if each stands for several ticks. `formulas` are further columns by key, and without `metrics`, `panel`
    and `patterns` the only ones.
    """

    window: float
    after: str
    time_range: tuple[int, int] | None
    metrics: frozenset[str] | None
    processes: bool = False
    panel: str | None = None
    curves: bool = False
    patterns: tuple[str, ...] | None = None
    hosts: bool = False
    points: int = MAX_POINTS
    formulas: Mapping[str, Formula] = field(default_factory=dict)

    @property
    def wildcards(self) -> int:
        return sum(pattern.count("*") + pattern.count("?") for pattern in self.patterns or ())


def parse_ticks_query(
    query: str,
    *,
    window: float,
    max_window: float,
    now: float,
    known_metrics: Collection[str],
    parameters: Sequence[str] = PARAMETERS,
) -> TicksQuery:
    """Parse a query string; BadRequestError if it is invalid.

    `window`: default seconds; `max_window`: maximum seconds; `now`: epoch seconds; `known_metrics`: keys of
    the existing metrics, empty if the store has no list yet; `parameters`: the allowed names.
    """
    values = parse_parameters(query, parameters)
    metrics = _parse_metrics(values["metrics"], known_metrics) if "metrics" in values else None
    if "panel" in values and metrics is not None:
        raise BadRequestError("panel cannot be combined with metrics")
    for name in ("processes", "curves", "hosts"):
        if values.get(name, "1") != "1":
            raise BadRequestError(f"{name} is {quote_value(values[name])}; expected 1")
    if "like" in values and metrics is not None:
        raise BadRequestError("like cannot be combined with metrics")
    formulas = _parse_formulas(values["formulas"]) if "formulas" in values else {}
    if formulas and not values.keys() & {"metrics", "like", "panel"}:
        metrics = frozenset()
    selection = (
        metrics,
        "processes" in values,
        values.get("panel"),
        "curves" in values,
        _parse_patterns(values.get("like")),
        "hosts" in values,
        _parse_points(values["points"]) if "points" in values else MAX_POINTS,
        formulas,
    )
    if "from" in values or "to" in values:
        if "curves" in values:
            raise BadRequestError("curves cannot be combined with from and to: they have no history")
        return TicksQuery(window, "", parse_range(values, max_window, now * 1000), *selection)
    after = values.get("after", "")
    if len(after) > MAX_CURSOR_LENGTH:
        raise BadRequestError(f"after has {len(after)} characters; expected at most {MAX_CURSOR_LENGTH}")
    seconds = _parse_seconds(values["window"], max_window) if "window" in values else window
    return TicksQuery(seconds, after, None, *selection)


def query_fields(query: str) -> list[tuple[str, str]]:
    """Return the names and values in a query; BadRequestError if it is too long or has too many."""
    if len(query) > MAX_QUERY_LENGTH:
        raise BadRequestError(f"the query has {len(query)} characters; expected at most {MAX_QUERY_LENGTH}")
    if (count := query.count("&") + 1) > MAX_FIELDS:
        raise BadRequestError(f"the query has {count} parameters; expected at most {MAX_FIELDS}")
    return parse_qsl(query, keep_blank_values=True)


def parse_parameters(query: str, parameters: Sequence[str]) -> dict[str, str]:
    """Return the values in a query by name; BadRequestError for an unknown or a repeated one."""
    values: dict[str, str] = {}
    for name, value in query_fields(query):
        if name not in parameters:
            expected = f"expected one of {', '.join(parameters)}"
            raise BadRequestError(
                f"{quote_value(name)} is not a parameter{suggest(name, parameters, expected)}"
            )
        if name in values:
            raise BadRequestError(f"{name} is set twice; expected it once")
        values[name] = value
    return values


def _parse_points(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_POINTS))
    if not is_number or not MIN_POINTS <= int(text) <= MAX_POINTS:
        raise BadRequestError(
            f"points is {quote_value(text)}; expected a whole number from {MIN_POINTS} to {MAX_POINTS:,}"
        )
    return int(text)


def _parse_seconds(text: str, max_window: float) -> float:
    window = parse_number(text)
    if not MIN_WINDOW_S <= window <= max_window:
        raise BadRequestError(
            f"window is {quote_value(text)}; expected seconds from {MIN_WINDOW_S} to {max_window:.10g}"
        )
    return window


def parse_time(name: str, text: str) -> int:
    """Return epoch milliseconds; BadRequestError if the text is no time."""
    value = parse_number(text)
    if not 0 <= value <= MAX_EPOCH_MS:
        raise BadRequestError(f"{name} is {quote_value(text)}; expected epoch milliseconds")
    return int(value)


def parse_range(values: Mapping[str, str], max_window: float, now: float) -> tuple[int, int]:
    """Start and end in epoch milliseconds, as `now`; BadRequestError if that is no past range."""
    if "window" in values or "after" in values:
        raise BadRequestError("window and after cannot be combined with from and to")
    if "from" not in values:
        raise BadRequestError("to is set without from; expected both in epoch milliseconds")
    ends = []
    for name, text in (("from", values["from"]), ("to", values.get("to", str(now)))):
        ends.append(parse_time(name, text))
    start, end = ends
    if start >= now:
        raise BadRequestError("from is in the future")
    if start >= end:
        raise BadRequestError("from must be earlier than to")
    if end - start > max_window * 1000:
        raise BadRequestError(
            f"the range is {(end - start) / 1000:.10g} seconds; expected at most {max_window:.10g}"
        )
    return start, end


def _parse_metrics(text: str, known_metrics: Collection[str]) -> frozenset[str] | None:
    return None if text == ALL_METRICS else parse_metric_keys(text, known_metrics)


def parse_metric_keys(text: str, known_metrics: Collection[str]) -> frozenset[str]:
    """Return the keys in a list with commas; BadRequestError if none of them is a known metric."""
    names = [name for name in text.split(",") if name]
    if not names or len(names) > MAX_METRICS_PER_QUERY:
        raise BadRequestError(f"metrics has {len(names)} names; expected 1 to {MAX_METRICS_PER_QUERY}")
    if known_metrics and not set(names).intersection(known_metrics):
        raise BadRequestError(f"{quote_value(names[0])} is not a metric; see /api/metrics")
    return frozenset(names)


def _parse_formulas(text: str) -> dict[str, Formula]:
    try:
        return parse_formulas(text)
    except ValueError as error:
        raise BadRequestError(str(error)) from None


def _parse_patterns(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    patterns = tuple(pattern for pattern in text.split(",") if pattern)
    if not patterns or len(patterns) > MAX_METRICS_PER_QUERY:
        raise BadRequestError(f"like has {len(patterns)} patterns; expected 1 to {MAX_METRICS_PER_QUERY}")
    if (longest := max(map(len, patterns))) > MAX_PATTERN_LENGTH:
        raise BadRequestError(
            f"like has a pattern of {longest} characters; expected at most {MAX_PATTERN_LENGTH}"
        )
    return patterns


def check_queries(queries: Sequence[TicksQuery]) -> None:
    """BadRequestError if the queries of one request take too much work together."""
    if (count := sum(query.wildcards for query in queries)) > MAX_WILDCARDS:
        raise BadRequestError(f"like has {count} wildcards; expected at most {MAX_WILDCARDS} in a request")
    parts = sum(formula.parts for query in queries for formula in query.formulas.values())
    if parts > MAX_PARTS:
        raise BadRequestError(f"formulas has {parts} parts; expected at most {MAX_PARTS} in a request")
    if sum(query.hosts for query in queries) > 1:
        raise BadRequestError("hosts is set in several queries; expected it in one")


def parse_number(text: str) -> float:
    """The number in `text`; NaN, which fails every comparison, if there is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
