"""The scripts in assets/ as one file: dozens of small ones, one request."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

# Scripts in order of their layers. A LiveGraph has `live_graph` instead of the last two.
PAGE_LAYERS = ("ui", "data", "charts", "panels", "page")
LIVE_GRAPH_LAYERS = ("ui", "data", "charts", "live_graph")
# Files that Dash does not load by itself: every script except plotly.js, and the style of LiveGraphs.
IGNORED_ASSETS = r"^(?!plotly).*\.js$|^live_graph\.css$"
BUNDLE_NAME = "page.bundle.js"


class ScriptBundle:
    """The scripts in `layers`, which are folders in `folder`.

    Each script is a function that runs at once, and needs no other script while it runs.
    """

    def __init__(self, folder: Path, layers: Sequence[str] = PAGE_LAYERS) -> None:
        paths = [path for layer in layers for path in sorted((folder / layer).glob("*.js"))]
        parts = [path.read_text("utf-8") for path in paths]
        self.text = "".join(f"{part.rstrip()}\n" for part in parts)
        # With this in its address, a browser can cache the file for ever.
        self.mark = hashlib.sha256(self.text.encode()).hexdigest()[:12]


def assets_directory() -> Path:
    """Return the folder next to the package in a checkout, or inside the installed package."""
    package = Path(__file__).resolve().parents[1]
    package_assets = package / "assets"
    return package_assets if package_assets.is_dir() else package.parent / "assets"


def plotlyjs_path() -> Path:
    """Return the vendored plotly.js."""
    (path,) = (assets_directory() / "vendor").glob("plotly-basic-*.min.js")
    return path
