"""The pages: their HTML document, their files, and `/chart/KEY` with one chart.

The document contains the pieces that Dash generates. Every address in it is relative to the page, so that the
page works at any path of an application or a proxy, without a setting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from dashapp.http.responses import error_response, html_response, method_not_allowed
from dashapp.http.static_files import canonical_path
from dashapp.http.templates import render
from dashapp.http.types import StartResponse, WSGIApp
from dashapp.languages.accept import translator_of
from dashapp.languages.tables import Translator
from dashapp.model.panel_spec import compile_pattern
from dashapp.model.text import quote_value, suggest_metric
from dashapp.stores.base import Reader
from dashapp.web.assets import PageFiles
from dashapp.web.dash_files import DashFiles

PAGE_PATHS = ("/", "/_dash-layout", "/_dash-dependencies")
FILE_PREFIXES = ("/assets/", "/_dash-component-suites/")
CHART_PREFIX = "/chart/"
# The path of the document of all charts: it is the same for each, and the browser reads the key in its URL.
CHART_PATH = "/chart"
# Each wildcard is compared with every metric.
MAX_CHART_KEYS, MAX_KEYS_LENGTH, MAX_CHART_WILDCARDS = 16, 2000, 16
# Seconds until a browser asks again for a chart of an unknown metric.
RETRY_S = 10
# Paths of documents, which depend on the language.
DOCUMENT_PATHS = ("/", CHART_PATH)

DESCRIPTION = "CPU, memory, disks and network of this machine, live and with history."
# Dash writes absolute paths; in its settings, it escapes the slash for JSON in a script.
_ABSOLUTE_URL = re.compile(r'(?<=(?:src|ref)=")/(?!/)')
_FILE_URL = re.compile(r'(?<=(?:src|ref)=")\./(?=assets/|_dash-component-suites/)')
_OTHER_URL = re.compile(r'(?<=(?:src|ref)=")\./(?=_dash-)')
_PATHNAME_PREFIX = re.compile(r'(?<="requests_pathname_prefix":)"(?:\\u002f|/)"')


def index_writer(
    dash_files: DashFiles,
    icon: str,
    plotly_url: str,
    script_url: Callable[[str], str],
    style_url: str,
    font_url: str,
    heading: Callable[[], str],
    translator: Callable[[], Translator],
    root: Callable[[], str] = lambda: "./",
    files: Callable[[], str] = lambda: "./",
) -> Callable[..., str]:
    """Return the function that Dash calls with its pieces of the document.

    `dash_files`: the scripts of Dash. `icon`, `plotly_url`, `style_url`, `font_url`: addresses of the icon,
    plotly.js, our styles and font. `script_url` returns that of our scripts in a language, and `translator`
    the texts in the language of the request. `heading` returns plain text. `root` returns the path to the
    page and its API, and `files` that to the files of all pages.
    """

    def write(*, scripts: str, config: str, favicon: str, **pieces: str) -> str:
        # The icon of Dash has 15 kB.
        del favicon
        translate = translator()
        text = render(
            "index.html",
            translate,
            scripts=dash_files.scripts(scripts),
            config=_PATHNAME_PREFIX.sub(f'"{root()}"', config),
            icon=icon,
            plotly_url=plotly_url,
            script_url=script_url(translate.language),
            style_url=style_url,
            font_url=font_url,
            heading=heading(),
            description=translate(DESCRIPTION),
            **pieces,
        )
        return _OTHER_URL.sub(root(), _FILE_URL.sub(files(), _ABSOLUTE_URL.sub("./", text)))

    return write


class Pages:
    """Serves pages from a cache; `files`: those that the pages load."""

    def __init__(self, files: PageFiles) -> None:
        self._files = files

    def serve(
        self, cache: WSGIApp, reader: Reader, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer from `cache`; `reader` has the metrics of this page."""
        path: str = environ["PATH_INFO"]
        if path.startswith(CHART_PREFIX):
            return self._chart(cache, reader, environ, start_response)
        # Dash answers an unknown path with the page, and an unknown package with a traceback. It also has
        # many files that the page does not need.
        is_file = path.startswith(FILE_PREFIXES) and canonical_path(path) in self._files.paths()
        if path in PAGE_PATHS or is_file:
            return cache(environ, start_response)
        return _not_found(environ, start_response)

    def _chart(
        self, cache: WSGIApp, reader: Reader, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return method_not_allowed(start_response, environ, "GET, HEAD")
        # WSGI has the bytes of a path as Latin-1.
        text = environ["PATH_INFO"].encode("latin-1", "replace").decode("utf-8", "replace")
        keys = [key for key in text[len(CHART_PREFIX) :].split(",") if key]
        if problem := _chart_problem(reader, keys, len(text)):
            return _not_found(environ, start_response, problem, ("refresh", str(RETRY_S)))
        return cache({**environ, "PATH_INFO": CHART_PATH, "QUERY_STRING": ""}, start_response)


def _chart_problem(reader: Reader, keys: Sequence[str], length: int) -> str:
    """Return why there is no chart of `keys`, which may be patterns or the name of a curve."""
    if not 1 <= len(keys) <= MAX_CHART_KEYS or length > MAX_KEYS_LENGTH:
        return (
            f"expected {CHART_PREFIX}KEY with 1 to {MAX_CHART_KEYS} keys, such as {CHART_PREFIX}cpu.percent"
        )
    if (count := sum(key.count("*") + key.count("?") for key in keys)) > MAX_CHART_WILDCARDS:
        return f"the keys have {count} wildcards; expected at most {MAX_CHART_WILDCARDS}"
    # A remote reader has its data after this call.
    reader.newest()
    known = dict.fromkeys([*(metric.key for metric in reader.metrics()), *reader.curves()])
    for key in keys:
        # Before its first tick a store knows no metric, and the page waits for it.
        if known and key not in known and not any(map(compile_pattern(key), known)):
            return f"no metric {quote_value(key)}{suggest_metric(key, known)}"
    return ""


def _not_found(
    environ: dict[str, Any],
    start_response: StartResponse,
    problem: str = "",
    *extra_headers: tuple[str, str],
) -> Iterable[bytes]:
    if "text/html" in environ.get("HTTP_ACCEPT", ""):
        # Relative: only the browser knows the prefix of a proxy.
        home = "../" * (environ["PATH_INFO"].count("/") - 1) or "./"
        translate = translator_of(environ)
        # The errors of the API are English everywhere.
        sentence = f"{problem[:1].upper()}{problem[1:]}." if problem else translate("Page not found.")
        title = translate("Page not found")
        page = render("message.html", translate, title=title, sentence=sentence, home=home)
        return html_response(start_response, "404 Not Found", page.encode(), *extra_headers)
    if problem:
        return error_response(start_response, "404 Not Found", problem, *extra_headers)
    body = b"Page not found."
    start_response(
        "404 Not Found",
        [("content-type", "text/plain"), ("content-length", str(len(body)))],
    )
    return [body]
