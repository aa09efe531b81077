"""One live chart in a template of the host: `{{ dashapp_chart("cpu.percent") }}`.

The chart is an iframe with our page, so that styles, scripts and content security policies of the two pages
stay apart. It is as wide as its container.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import has_request_context, request
from markupsafe import Markup

from dashapp.config.parsers import THEMES
from dashapp.config.settings import MIN_WINDOW_S
from dashapp.model.text import quote_value
from dashapp.model.ticks import MountError
from dashapp.web.assets import plotlyjs_url

# The name of the panel in assets/page/embed.js.
PANEL_NAME = "embedded"
MIN_HEIGHT_PX, MAX_HEIGHT_PX = 80, 4000
MAX_METRICS = 16
FRAME_HTML = Markup(
    '<iframe class="dashapp-chart" src="{src}" title="{title}" width="100%" height="{height}" '
    'style="display: block; border: 0" loading="lazy"></iframe>'
)
SCRIPT_HTML = Markup('<script src="{src}"></script>')


class TemplateCharts:
    """Functions for the templates of a host."""

    def __init__(self) -> None:
        # The longest window of each mount in seconds, by prefix.
        self._longest: dict[str, float] = {}

    def add(self, prefix: str, longest: float) -> None:
        self._longest[prefix] = longest

    def template_globals(self) -> dict[str, Any]:
        """Return the functions by their names in templates."""
        return {"dashapp_chart": self.chart, "dashapp_plotlyjs": self.plotlyjs}

    def chart(
        self,
        *metrics: str,
        window: float = 100,
        height: int = 300,
        theme: str = "auto",
        title: str = "",
        at: str = "",
    ) -> Markup:
        """Return one chart of metrics, of patterns, or of a curve by the name of its function.

        `window` is in seconds, `height` in pixels. `at`: the prefix of one of several mounts, by default the
        first. The chart of a metric that does not exist yet is empty. MountError if an argument is wrong.
        """
        at = self._mount_of(at)
        keys = [_metric_key(metric) for metric in metrics]
        if not 1 <= len(keys) <= MAX_METRICS:
            raise MountError(
                f'dashapp_chart has {len(keys)} metrics; expected 1 to {MAX_METRICS}, such as "cpu.percent"'
            )
        seconds = _bounded_number("window", window, MIN_WINDOW_S, self._longest[at], "seconds")
        pixels = _bounded_number("height", height, MIN_HEIGHT_PX, MAX_HEIGHT_PX, "pixels")
        if theme not in THEMES:
            raise MountError(f"theme is {quote_value(theme)}; expected {', '.join(THEMES)}")
        query = {"bare": "1", "chart": ",".join(keys), "panels": PANEL_NAME, "window": f"{seconds:.10g}"}
        if theme != "auto":
            query["theme"] = theme
        src = f"{_external_path(at)}?{urlencode(query, safe=',')}"
        return FRAME_HTML.format(src=src, title=title or ", ".join(keys), height=round(pixels))

    def plotlyjs(self, at: str = "") -> Markup:
        """Return a script element with our plotly.js, for static charts of the host.

        `{{ dashapp_plotlyjs() }} {{ figure.to_html(full_html=False, include_plotlyjs=False) | safe }}`
        """
        src = f"{_external_path(self._mount_of(at))}assets/{plotlyjs_url()}"
        return SCRIPT_HTML.format(src=src)

    def _mount_of(self, at: str) -> str:
        at = at or next(iter(self._longest))
        if at not in self._longest:
            raise MountError(f"at is {quote_value(at)}; dashapp is mounted at {' and '.join(self._longest)}")
        return at


def _external_path(at: str) -> str:
    """Return the path of `at` for a browser, below the path that a proxy adds."""
    return (request.script_root if has_request_context() else "") + at


def _metric_key(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or "," in value:
        raise MountError(f'a metric is {quote_value(value)}; expected a name, such as "cpu.percent"')
    return value.strip()


def _bounded_number(name: str, value: Any, low: float, high: float, unit: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not low <= number <= high:
        raise MountError(f"{name} is {quote_value(value)}; expected {unit} from {low:g} to {high:.10g}")
    return number
