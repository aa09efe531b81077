"""The scripts in assets/ as one file, and the styles as another: two requests."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from dashapp.http.static_files import canonical_path, fetch
from dashapp.http.types import WSGIApp

# Scripts in order of their layers. A LiveGraph has `live_graph` instead of those after the charts.
PAGE_LAYERS = (
    "ui",
    "data",
    "comparison",
    "plot",
    "events",
    "charts",
    "legend",
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
LIVE_GRAPH_LAYERS = ("ui", "data", "comparison", "plot", "events", "charts", "legend", "live_graph")
# The other style sheets come between these, by name.
FIRST_STYLE, LAST_STYLE = "base.css", "media.css"
# Files that Dash does not load by itself: every script except plotly.js, and all style sheets.
IGNORED_ASSETS = r"^(?!plotly).*\.js$|.*\.css$"
# styles/base.css names it, too.
FONT_NAME = "vendor/inter-latin-5.3.0.woff2"
BUNDLE_NAME, STYLE_NAME = "page.bundle.js", "style.css"
# A file in the document, which names it relative to itself.
_FILE_URL = re.compile(r'(?:src|href)="\./((?:assets|_dash-component-suites)/[^"]+)"')
# Each rule in charts.css starts a line.
_RULE_START = re.compile(r"^(?=[.])", re.M)
_DOCUMENT_ENVIRON = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
}


class Bundle:
    """Files as one text."""

    def __init__(self, paths: Iterable[Path]) -> None:
        parts = [path.read_text("utf-8") for path in paths]
        self.text = "".join(f"{part.rstrip()}\n" for part in parts)
        # With this in its address, a browser can cache the file for ever.
        self.mark = hashlib.sha256(self.text.encode()).hexdigest()[:12]


class ScriptBundle(Bundle):
    """The scripts in `layers`, which are folders in `folder`.

    Each script is a function that runs at once, and needs no other script while it runs.
    """

    def __init__(self, folder: Path, layers: Sequence[str] = PAGE_LAYERS) -> None:
        super().__init__(path for layer in layers for path in sorted((folder / layer).glob("*.js")))


class StyleBundle(Bundle):
    """The style sheets in `folder`/styles."""

    def __init__(self, folder: Path) -> None:
        super().__init__(sorted((folder / "styles").glob("*.css"), key=_style_order))


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
            # Dash registers its files for its first document.
            _status, _headers, document = fetch(self._app, _DOCUMENT_ENVIRON)
            urls = frozenset(f"/{url}" for url in _FILE_URL.findall(document.decode()))
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


def plotlyjs_path() -> Path:
    """Return the vendored plotly.js."""
    (path,) = (assets_directory() / "vendor").glob("plotly-basic-*.min.js")
    return path
