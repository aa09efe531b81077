"""/metrics: the newest tick in Prometheus's text format.

A WSGI middleware for one path, behind the same security middleware as every other path.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from dashapp.http.responses import NO_STORE_HEADER, method_not_allowed
from dashapp.http.types import StartResponse
from dashapp.model.panels import PANELS, PER_DEVICE_PANELS
from dashapp.model.ticks import Metric, Tick, is_stale, tick_age
from dashapp.stores.base import Reader

METRICS_PATH = "/metrics"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_UNITS = {"%": "percent", "B": "bytes", "B/s": "bytes_per_second", "1/s": "per_second", "s": "seconds"}
_UNITS |= {"°C": "celsius", "Hz": "hertz", "W": "watts"}
_INVALID_CHARS = re.compile(r"[^a-z0-9]+")
_LABEL_ESCAPES = {ord("\\"): r"\\", ord('"'): r"\"", ord("\n"): r"\n"}


BUILT_IN_PANELS = frozenset(panel.name for panel in PANELS)


class SeriesName(NamedTuple):
    """A metric family, and the label of a series in it, empty if the family has one series."""

    family: str
    label: str = ""
    value: str = ""


def series_name(metric: Metric) -> SeriesName:
    """The Prometheus name of a metric.

    Each metric of this machine has its own family, all devices of a kind share one, and all other sources
    share `dashapp_value`.

    >>> series_name(Metric("network.eth0.sent", "", "B/s", "interfaces"))
    SeriesName(family='dashapp_interfaces_sent_bytes_per_second', label='name', value='eth0')
    >>> series_name(Metric("stdin.us", "", "", "stdin"))
    SeriesName(family='dashapp_value', label='key', value='stdin.us')
    """
    first, *parts = metric.key.split(".")
    if metric.panel not in BUILT_IN_PANELS or not parts:
        return SeriesName("dashapp_value", "key", metric.key)
    unit = _UNITS.get(metric.unit, "")
    if metric.panel in PER_DEVICE_PANELS:
        # The other parts name the quantity, unless the panel does.
        device, *quantity = parts
        return SeriesName(_family_name(metric.panel, *quantity, unit), "name", device)
    return SeriesName(_family_name(first, *parts, unit))


def _family_name(*parts: str) -> str:
    """Words joined by underscores, each once; Prometheus reserves `count` for counters."""
    words = ["dashapp", *(word for part in parts for word in _INVALID_CHARS.split(part.lower()))]
    return "_".join(dict.fromkeys(word for word in words if word and word != "count"))


def format_metrics(metrics: Iterable[Metric], tick: Tick | None, age: float | None) -> str:
    """The text. `age`: seconds since the newest tick, negative if that is in the future.

    A stale tick adds no values.
    """
    values = tick.values if tick and age is not None and not is_stale(age, tick.step) else {}
    families: dict[str, dict[str, float]] = {}
    helps: dict[str, str] = {}
    for metric in metrics:
        if metric.key in values:
            name = series_name(metric)
            label = f'{{{name.label}="{name.value.translate(_LABEL_ESCAPES)}"}}' if name.label else ""
            families.setdefault(name.family, {})[label] = values[metric.key]
            helps.setdefault(name.family, _help_text(name, metric))
    lines = _family_lines("dashapp_live", "1 while the newest tick is fresh", {"": 1.0 if values else 0.0})
    if age is not None:
        lines += _family_lines(
            "dashapp_tick_age_seconds", "Seconds since the newest tick", {"": round(age, 3)}
        )
    for family, members in sorted(families.items()):
        lines += _family_lines(family, helps[family], members)
    return "\n".join([*lines, ""])


def _help_text(name: SeriesName, metric: Metric) -> str:
    if not name.label:
        return f"{metric.label}, {metric.unit}" if metric.unit else metric.label
    return "Values of other sources, by key" if name.label == "key" else f"Each of panel {metric.panel}"


def _family_lines(family: str, help: str, members: Mapping[str, float]) -> list[str]:
    help_text = help.replace("\\", r"\\").replace("\n", " ")
    head = [f"# HELP {family} {help_text}", f"# TYPE {family} gauge"]
    return head + [f"{family}{label} {value!r}" for label, value in members.items()]


class PrometheusEndpoint:
    """Answers GET and HEAD on METRICS_PATH."""

    def __init__(self, store: Reader, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return method_not_allowed(start_response, environ, "GET, HEAD")
        body = self._text().encode()
        length = ("content-length", str(len(body)))
        start_response("200 OK", [("content-type", CONTENT_TYPE), length, NO_STORE_HEADER])
        return [body]

    def _text(self) -> str:
        snapshot = self._store.snapshot()
        newest = snapshot.cursor.time_ms
        age = tick_age(newest / 1000, self._now()) if newest else None
        return format_metrics(self._store.metrics(), snapshot.newest, age)
