"""The scripts in assets/ as one file, and the styles as another: two requests."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Sequence
from functools import cache, cached_property
from pathlib import Path

from dashapp.http.static_files import canonical_path, fetch
from dashapp.http.types import WSGIApp
from dashapp.languages.accept import ENVIRON_KEY
from dashapp.languages.tables import ENGLISH, language_table, languages

# Scripts in order of their layers. A LiveGraph has `live_graph` instead of those after the legend.
CHART_LAYERS = ("language", "ui", "data", "comparison", "plot", "events", "charts", "legend")
PAGE_LAYERS = (
    *CHART_LAYERS,
    "panels",
    "statistics",
    "alerts",
    "layout",
    "runs",
    "search",
    "yours",
    "view",
    "event_dialogs",
    "page",
)
LIVE_GRAPH_LAYERS = (*CHART_LAYERS, "live_graph")
# The other style sheets come between these, by name.
FIRST_STYLE, LAST_STYLE = "base.css", "media.css"
# Files that Dash does not load by itself: all.
IGNORED_ASSETS = r".*\.(js|css)$"
# styles/base.css names it, too.
FONT_NAME = "vendor/inter-latin-5.3.0.woff2"
BUNDLE_NAME, STYLE_NAME = "page.bundle.js", "style.css"
# The scripts with the texts of another language than English.
TRANSLATED_BUNDLE_NAME = "page.{}.bundle.js"
# A file in the document, which names it relative to itself.
_FILE_URL = re.compile(r'(?:src|href)="\./((?:assets|_dash-component-suites)/[^"]+)"')
# Each rule in charts.css starts a line.
_RULE_START = re.compile(r"^(?=[.])", re.M)
# A fifth of the compressed scripts of a checkout. Those of a wheel have no comments.
COMMENT_LINES = re.compile(r"^[ \t]*(?://[^\n]*|/\*.*?\*/[ \t]*)\n", re.M | re.S)
_DOCUMENT_ENVIRON = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
}


class Bundle:
    """Files as one text, which is read for each call: the cache in front keeps the response."""

    def __init__(self, paths: Iterable[Path], language: str = ENGLISH) -> None:
        self._paths = tuple(paths)
        self._language = language

    @property
    def text(self) -> str:
        text = "".join(f"{path.read_text('utf-8').rstrip()}\n" for path in self._paths)
        return _table_script(self._language) + COMMENT_LINES.sub("", text)

    @cached_property
    def mark(self) -> str:
        """With this in its address, a browser can cache the file for ever."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


class ScriptBundle(Bundle):
    """The scripts in `layers`, which are folders in `folder`.

    Each script is a function that runs at once, and needs only the layer `language` while it runs. A table of
    their texts is in front of them, unless `language` is English.
    """

    def __init__(self, folder: Path, layers: Sequence[str] = PAGE_LAYERS, language: str = ENGLISH) -> None:
        paths = (path for layer in layers for path in sorted((folder / layer).glob("*.js")))
        super().__init__(paths, language)


class StyleBundle(Bundle):
    """The style sheets in `folder`/styles."""

    def __init__(self, folder: Path) -> None:
        super().__init__(sorted((folder / "styles").glob("*.css"), key=_style_order))


def _table_script(language: str) -> str:
    """Return a script with the texts of a language; empty for English."""
    if language == ENGLISH:
        return ""
    # assets/language/language.js reads it.
    table = {name: part for name, part in language_table(language).items() if name != "server"}
    value = json.dumps({**table, "language": language}, ensure_ascii=False, separators=(",", ":"))
    return f"window.dashapp = {{ languageTable: {value} }};\n"


def live_graph_style(folder: Path) -> str:
    """Return the style sheet of LiveGraphs, with the page's rules for charts."""
    shared = (folder / "styles" / "charts.css").read_text("utf-8")
    own = (folder / "live_graph" / "live_graph.css").read_text("utf-8")
    return f"{own.rstrip()}\n{_RULE_START.sub('.dashapp-live ', shared)}"


def _style_order(path: Path) -> tuple[bool, bool, str]:
    return path.name == LAST_STYLE, path.name != FIRST_STYLE, path.name


class PageFiles:
    """The files that the document of `app` names."""

    def __init__(self, app: WSGIApp) -> None:
        self._app = app
        self._urls: frozenset[str] = frozenset()
        self._paths: frozenset[str] = frozenset()

    def versioned(self) -> frozenset[str]:
        """Return the URLs whose files never change, because a version or a hash is in them."""
        if not self._urls:
            # Dash registers its files for its first document. The scripts differ by language.
            documents = [
                fetch(self._app, {**_DOCUMENT_ENVIRON, ENVIRON_KEY: language})[2] for language in languages()
            ]
            urls = frozenset(f"/{url}" for each in documents for url in _FILE_URL.findall(each.decode()))
            self._paths = frozenset(canonical_path(url.partition("?")[0]) for url in urls)
            self._urls = urls
        return self._urls

    def paths(self) -> frozenset[str]:
        """Return the paths of all files, without the version."""
        self.versioned()
        return self._paths


def assets_directory() -> Path:
    """Return the folder next to the package in a checkout, or inside the installed package."""
    package = Path(__file__).resolve().parents[1]
    package_assets = package / "assets"
    return package_assets if package_assets.is_dir() else package.parent / "assets"


def prepared_brotli(path: str) -> bytes | None:
    """Return a file below /assets/ as Brotli, which only a built package contains."""
    name = path.removeprefix("/assets/")
    if name == path or not name.startswith("vendor/") or ".." in name:
        return None
    try:
        return (assets_directory() / f"{name}.br").read_bytes()
    except (OSError, ValueError):
        return None


def plotlyjs_path() -> Path:
    """Return the vendored plotly.js."""
    (path,) = (assets_directory() / "vendor").glob("plotly-basic-*.min.js")
    return path


def plotlyjs_url() -> str:
    """Return its address below assets/."""
    path = plotlyjs_path()
    return f"{path.parent.name}/{path.name}?m={_content_mark(path)}"


@cache
def _content_mark(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
