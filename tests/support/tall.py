"""A viewport so tall that all charts are visible and therefore drawn."""

from __future__ import annotations

from playwright.sync_api import ViewportSize

# The page draws only visible charts.
TALL: ViewportSize = {"width": 1200, "height": 2000}
