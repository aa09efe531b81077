"""The scripts of Dash in a document: one file, with the used parts of dash.dcc.

libraries/build.mjs built these parts from one version of Dash. With another version a page has Dash's own
files, with 100 kB more and in ten requests.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import dash

from dashapp.http.static_files import canonical_path

DASH_VERSION: str = dash.__version__
# Dash rejects a document that names no file with "dash-renderer" in it.
BUNDLE_NAME = "dash-renderer.bundle.js"
# The files that a slider and a graph load. The browser should request them before they do.
_LATER_FILES = ("async-slider.js", "async-graph.js")
_OWN_SCRIPT = re.compile(r'<script src="[^"]*/_dash-component-suites/dash/([^"]+)"></script>\n?')
# Dash sends these to every page, and ours do not need them: tables, and a polyfill for browsers of 2019.
_UNUSED_FILES = ("dash_table/", "deps/polyfill@")
_CORE_FOLDER = "dcc/"
_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.M)


class DashFiles:
    """The scripts of Dash for the documents of an application.

    `assets`: the folder with our files. `url_of`: returns the address of a file in it.
    """

    def __init__(self, assets: Path, url_of: Callable[[str], str]) -> None:
        self._url_of = url_of
        core = assets / "vendor" / f"dash-core-{DASH_VERSION}.min.js"
        self._core = core if core.is_file() else None
        # The part of the polyfill that dash.dcc calls.
        (self._shim,) = (assets / "vendor").glob("regenerator-runtime-*.js")
        self._tags = self._mark = ""

    def scripts(self, tags: str) -> str:
        """Return the script elements for a document, of those that Dash generates."""
        if self._core is None:
            used = _OWN_SCRIPT.sub(lambda tag: "" if tag[1].startswith(_UNUSED_FILES) else tag[0], tags)
            return f'<script src="{self._url_of(f"vendor/{self._shim.name}")}"></script>\n{used}'
        if tags != self._tags:
            self._tags = tags
            self._mark = hashlib.sha256(self.text().encode()).hexdigest()[:12]
        url = f"{self._url_of(BUNDLE_NAME)}?m={self._mark}"
        return f'<script src="{url}"></script>\n{_OWN_SCRIPT.sub("", tags)}'

    def preloads(self) -> str:
        """Return the elements for the head of a document that request files early."""
        if self._core is not None:
            return ""
        links = (
            f'<link rel="preload" as="script" href="/_dash-component-suites/dash/dcc/{name}">'
            for name in _LATER_FILES
        )
        return "\n        ".join(links)

    def text(self) -> str:
        """Return the file BUNDLE_NAME; empty before the first document. The cache in front keeps it."""
        if self._core is None or not self._tags:
            return ""
        package = Path(dash.__file__).parent
        names = [canonical_path(f"/{name}")[1:] for name in _OWN_SCRIPT.findall(self._tags)]
        used = [name for name in names if not name.startswith((*_UNUSED_FILES, _CORE_FOLDER))]
        # A component needs React only when it is drawn, but the parts of dash.dcc extend its classes.
        last_dependency = max(place for place, name in enumerate(used) if name.startswith("deps/"))
        paths = [package / name for name in used]
        paths.insert(last_dependency + 1, self._core)
        # The semicolons keep one file from continuing the statement, or the "use strict", of another.
        return "".join(f";{_SOURCE_MAP.sub('', path.read_text('utf-8')).rstrip()}\n" for path in paths)
