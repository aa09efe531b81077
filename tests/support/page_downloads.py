"""Downloads of a page by menu item, and the size of a PNG file."""

from __future__ import annotations

import struct
from pathlib import Path

from playwright.sync_api import Page


def save(page: Page, opener: str, item: str, where: Path) -> Path:
    with page.expect_download() as download:
        if opener == "#share":
            page.click("#menu")
        page.click(opener)
        page.get_by_role("menuitem", name=item).click()
    path = where / download.value.suggested_filename
    download.value.save_as(path)
    return path


def png_size(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    return width, height
