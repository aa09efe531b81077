"""Single scripts of ours in an empty page."""

from __future__ import annotations

from playwright.sync_api import Page

from dashapp.web.assets import assets_directory


def load_scripts(page: Page, *names: str) -> None:
    """Run these scripts of assets/, after those of the language, which all others need."""
    for name in ("language/language.js", *names):
        page.add_script_tag(content=(assets_directory() / name).read_text())
