"""The page's own scripts as one file: dozens of small ones, one request. Knows nothing of what they do."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

# What Dash is to leave alone in the folder of assets: every script but the vendored ones, which lie deeper.
# What is there for the pages of others is not for our own.
IGNORED = r"^(?!plotly).*\.js$|^live_graph\.css$"
NAME = "page.bundle.js"


class Bundle:
    """The scripts of a folder, in the order of their names, or those `named`. Each is a function that runs at
    once, and none needs another while it does."""

    def __init__(self, folder: Path, named: Sequence[str] | None = None) -> None:
        paths = sorted(folder.glob("*.js")) if named is None else [folder / f"{name}.js" for name in named]
        parts = [path.read_text("utf-8") for path in paths]
        self.text = "".join(f"{part.rstrip()}\n" for part in parts)
        # With this in the address a browser may keep it for ever.
        self.mark = hashlib.sha256(self.text.encode()).hexdigest()[:12]


def assets_folder() -> Path:
    """Beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "assets"
    return inside if inside.is_dir() else package.parent / "assets"


def plotlyjs() -> Path:
    """The charting library, as it is vendored."""
    (found,) = (assets_folder() / "vendor").glob("plotly-basic-*.min.js")
    return found
