"""`show`: a live chart in a cell, with the metrics of the notebook's kernel and machine."""

from __future__ import annotations

import json
import math
import secrets
import sys
from collections.abc import Callable
from html import escape
from typing import Any
from urllib.parse import urlencode

from dashapp.config.parsers import THEMES
from dashapp.integrations.app_sources import Sources, split_sources
from dashapp.integrations.notebook.server import (
    TOKEN_VARIABLE,
    URL_VARIABLE,
    KernelServer,
    kernel_server,
    parse_sources,
)
from dashapp.model.panel_spec import CURVE_KIND
from dashapp.model.text import is_finite_number, quote_value
from dashapp.model.ticks import DashappError, SettingsError
from dashapp.sources.options import declared_options
from dashapp.sources.spec import MACHINE_SOURCE, NO_SOURCE

MAX_METRICS = 16
MIN_WINDOW_S, MAX_WINDOW_S = 10, 7200
MIN_HEIGHT_PX, MAX_HEIGHT_PX = 80, 4000
CHART_HEIGHT_PX, PAGE_HEIGHT_PX = 300, 700
PROXY_PACKAGE = "jupyter-server-proxy"

# The server of a remote notebook is not at the address of the viewer's own machine: use a proxy there.
HTML = """<div id="{id}">
<iframe src="{url}" title="{title}" width="100%" height="{height}" style="display: block; border: 0"></iframe>
<p style="margin: 2px 0; font-size: 12px; opacity: 0.8">
<a href="{url}" target="_blank" rel="noopener">Open the chart</a>. It ends with its kernel; then run the cell
again.{note}</p>
<script>{script}</script>
</div>"""
SCRIPT = """(() => {
  const root = document.getElementById(%(id)s);
  const names = ["localhost", "127.0.0.1", "[::1]", ""];
  if (!root || names.includes(location.hostname) || location.protocol.startsWith("vscode")) return;
  const config = document.getElementById("jupyter-config-data");
  const base = config ? JSON.parse(config.textContent).baseUrl : document.body.dataset.baseUrl;
  if (!base) return;
  const url = `${base}proxy/%(port)d${%(path)s}`;
  fetch(url).then((response) => {
    if (!response.ok) throw new Error();
    root.querySelector("iframe").src = root.querySelector("a").href = url;
  }).catch(() => (root.querySelector("p").textContent = %(advice)s));
})()"""
ADVICE = (
    f"This notebook runs on another machine. Run `pip install {PROXY_PACKAGE}` in the environment of its "
    "Jupyter server, restart that server, and run the cell again."
)


def show(
    *metrics: str | Callable[[], Any],
    window: float = 100,
    height: float | None = None,
    theme: str = "auto",
    sources: Sources | None = None,
) -> None:
    """Show a live chart of metrics in this cell; without metrics, the whole page.

    `metrics`: keys, patterns (`cpu.*`), or functions of this kernel, which a thread calls once a second.
    `window`: seconds on screen. `height`: pixels. `theme`: auto, dark or light. `sources`: further sources,
    as in `attach`. SettingsError if an argument is wrong.
    """
    keys, functions = _split_metrics(metrics)
    problems: list[str] = []
    seconds = _number("window", window, MIN_WINDOW_S, MAX_WINDOW_S, "seconds", problems)
    default_height = CHART_HEIGHT_PX if keys else PAGE_HEIGHT_PX
    pixels = _number(
        "height",
        default_height if height is None else height,
        MIN_HEIGHT_PX,
        MAX_HEIGHT_PX,
        "pixels",
        problems,
    )
    if not isinstance(theme, str) or theme not in THEMES:
        problems.append(f"theme is {quote_value(theme)}; expected {', '.join(THEMES)}")
    if problems:
        raise SettingsError(problems)
    try:
        names, more_functions = split_sources(sources)
    except TypeError:
        raise SettingsError(
            [f"sources is {quote_value(sources)}; expected functions or names of sources"]
        ) from None
    # The machine is always there.
    names = [MACHINE_SOURCE, *(name for name in names if name not in (NO_SOURCE, MACHINE_SOURCE))]
    parse_sources(names)
    display = _display()
    server = kernel_server()
    server.collect(names, {**more_functions, **functions})
    query = {"window": f"{seconds:.10g}"}
    if keys:
        query |= {"bare": "1", "chart": ",".join(keys), "panels": "embedded"}
    if theme != "auto":
        query["theme"] = theme
    path = f"?{urlencode(query, safe=',*')}"
    html = _html(server, path, ", ".join(keys) or "dashapp", round(pixels))
    display({"text/html": html, "text/plain": f"Live chart: {server.root}{path}"}, raw=True)


def _split_metrics(metrics: tuple[Any, ...]) -> tuple[list[str], dict[str, Callable[[], Any]]]:
    """Return the keys of all metrics, and the functions among them by name."""
    keys: list[str] = []
    functions: dict[str, Callable[[], Any]] = {}
    for metric in metrics:
        if isinstance(metric, str) and metric.strip() and "," not in metric and metric.isprintable():
            keys.append(metric.strip())
        elif callable(metric) and not isinstance(metric, type):
            name = getattr(metric, "__name__", "")
            if not name.isidentifier():
                raise SettingsError(
                    [f"a function has no name ({name or 'none'}); pass it as sources={{'name': function}}"]
                )
            functions[name] = metric
            # A function returns a number, several numbers by name, or curves.
            is_curve = declared_options(metric).kind == CURVE_KIND
            keys += [name] if is_curve else [name, f"{name}.*"]
        else:
            raise SettingsError(
                [f'a metric is {quote_value(metric)}; expected a key such as "cpu.percent", or a function']
            )
    if len(metrics) > MAX_METRICS:
        raise SettingsError([f'show has {len(metrics)} metrics; expected at most {MAX_METRICS}, or "cpu.*"'])
    return keys, functions


def _number(name: str, value: Any, low: float, high: float, unit: str, problems: list[str]) -> float:
    number = float(value) if is_finite_number(value) else math.nan
    if not low <= number <= high:
        problems.append(f"{name} is {quote_value(value)}; expected {unit} from {low:g} to {high:g}")
    return number


def _display() -> Callable[..., Any]:
    """Return IPython's display. DashappError outside a notebook."""
    shell = sys.modules.get("IPython")
    if shell is None or shell.get_ipython() is None:
        raise DashappError(
            "show needs a notebook; in a program, run `python -m dashapp` beside it and use push"
        )
    from IPython.display import display

    return display


def _html(server: KernelServer, path: str, title: str, height: int) -> str:
    identity = f"dashapp-{secrets.token_hex(4)}"
    root_path = "/" + server.root.split("/", 3)[3]
    script = SCRIPT % {
        "id": json.dumps(identity),
        "port": server.port,
        "path": _script_text(root_path + path),
        "advice": _script_text(ADVICE),
    }
    note = ""
    if not server.has_pushes:
        note = f" {TOKEN_VARIABLE} is set, so this kernel pushes to the server of {URL_VARIABLE} instead."
    url = escape(server.root + path)
    return HTML.format(id=identity, url=url, title=escape(title), height=height, note=note, script=script)


def _script_text(text: str) -> str:
    """Return text for a script inside HTML."""
    return json.dumps(text).replace("<", "\\u003c")
