"""The scripts of Dash in a document: one file of those that the page uses.

Each is as Dash delivers it, without the address of its source map.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import dash

from dashapp.http.static_files import canonical_path

# Dash rejects a document that names no file with "dash-renderer" in it.
BUNDLE_NAME = "dash-renderer.bundle.js"
_OWN_SCRIPT = re.compile(r'<script src="[^"]*/_dash-component-suites/dash/([^"]+)"></script>\n?')
# Dash sends these to every page, and ours do not need them: tables, and a polyfill for browsers of 2019.
_UNUSED_FILES = ("dash_table/", "deps/polyfill@")
# A slider and a graph request these when they are drawn, unless they are there.
_LATER_FILES = ("dcc/async-slider.js", "dcc/async-graph.js")
_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.M)


class DashFiles:
    """The scripts of Dash for the documents of an application.

    `assets`: the folder with our files. `url_of`: returns the address of a file in it.
    """

    def __init__(self, assets: Path, url_of: Callable[[str], str]) -> None:
        self._url_of = url_of
        # The part of the polyfill that dash.dcc calls.
        (self._shim,) = (assets / "vendor").glob("regenerator-runtime-*.js")
        self._tags = self._mark = ""

    def scripts(self, tags: str) -> str:
        """Return the script elements for a document, of those that Dash generates."""
        if tags != self._tags:
            self._mark = hashlib.sha256(self._join(tags).encode()).hexdigest()[:12]
            self._tags = tags
        url = f"{self._url_of(BUNDLE_NAME)}?m={self._mark}"
        return f'<script src="{url}"></script>\n{_OWN_SCRIPT.sub("", tags)}'

    def text(self) -> str:
        """Return the file BUNDLE_NAME; empty before the first document. The cache in front keeps it."""
        return self._join(self._tags) if self._tags else ""

    def _join(self, tags: str) -> str:
        package = Path(dash.__file__).parent
        names = [canonical_path(f"/{name}")[1:] for name in _OWN_SCRIPT.findall(tags)]
        used = [name for name in names if not name.startswith(_UNUSED_FILES)]
        paths = [self._shim, *(package / name for name in (*used, *_LATER_FILES))]
        # The semicolons keep one file from continuing the statement, or the "use strict", of another.
        return "".join(f";{_SOURCE_MAP.sub('', path.read_text('utf-8')).rstrip()}\n" for path in paths)
