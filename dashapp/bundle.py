"""The page's own scripts as one file: three dozen small ones, one request. Knows nothing of what they do."""

from __future__ import annotations

import hashlib
from pathlib import Path

# What Dash is to leave alone in the folder of assets: every script but the vendored ones, which lie deeper.
IGNORED = r"^(?!plotly).*\.js$"
NAME = "page.bundle.js"


class Bundle:
    """The scripts of a folder, in the order of their names. Each is a function that runs at once, and none
    needs another while it does."""

    def __init__(self, folder: Path) -> None:
        parts = [path.read_text("utf-8") for path in sorted(folder.glob("*.js"))]
        self.text = "".join(f"{part.rstrip()}\n" for part in parts)
        # With this in the address a browser may keep it for ever.
        self.mark = hashlib.sha256(self.text.encode()).hexdigest()[:12]
