"""A window so tall that all charts are in sight, and so drawn."""

from __future__ import annotations

from playwright.sync_api import ViewportSize

# All charts are in sight, and so drawn.
TALL: ViewportSize = {"width": 1200, "height": 2000}
