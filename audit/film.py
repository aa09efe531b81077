"""A film of the page: live, a zoom into the past, values at the pointer, and back to live.

Each frame is a picture of the real page, and is shown for as long as it was on screen.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Page

from bench.page import until

VIEWPORT = {"width": 1120, "height": 700}
WIDTH = 960
MAX_BYTES = 2_000_000
FRAME_MS = 120
QUALITIES = (80, 70, 60, 50, 40)
# The shape of a pointer, which pictures of a page do not contain; its tip is at 0, 0.
POINTER = ((0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (12, 12))


@dataclass
class Film:
    """Frames of `page`, each with its duration."""

    page: Page
    pointer: tuple[float, float] | None = None
    frames: list[Image.Image] = field(default_factory=list)
    durations_ms: list[int] = field(default_factory=list)
    _taken_at: float | None = None

    def run(self, seconds: float) -> None:
        """Take frames for so many seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.take()

    def take(self) -> None:
        start = time.monotonic()
        if self._taken_at is not None:
            self.durations_ms.append(round(1000 * (start - self._taken_at)))
        self._taken_at = start
        image = Image.open(BytesIO(self.page.screenshot(scale="css"))).convert("RGB")
        if self.pointer:
            x, y = self.pointer
            shape = [(x + dx, y + dy) for dx, dy in POINTER]
            ImageDraw.Draw(image).polygon(shape, fill="white", outline="black")
        self.frames.append(
            image.resize((WIDTH, WIDTH * image.height // image.width), Image.Resampling.LANCZOS)
        )
        self.page.wait_for_timeout(max(0, FRAME_MS - 1000 * (time.monotonic() - start)))

    def move(self, x: float, y: float, steps: int = 6) -> None:
        """Move the pointer in a straight line, one frame for each step."""
        from_x, from_y = self.pointer or (x, y)
        for step in range(1, steps + 1):
            self.pointer = from_x + (x - from_x) * step / steps, from_y + (y - from_y) * step / steps
            self.page.mouse.move(*self.pointer)
            self.take()

    def save(self, path: Path) -> int:
        """Write an animated WebP of at most MAX_BYTES, and return its size."""
        durations = [*self.durations_ms, 1000]
        for quality in QUALITIES:
            self.frames[0].save(
                path,
                save_all=True,
                append_images=self.frames[1:],
                duration=durations,
                loop=0,
                quality=quality,
                method=4,
                minimize_size=True,
            )
            if path.stat().st_size <= MAX_BYTES:
                return path.stat().st_size
        raise RuntimeError(f"{path} has {path.stat().st_size:,} bytes; expected at most {MAX_BYTES:,}")


def shoot(page: Page) -> Film:
    """Bring the open page, which is live, through the scenes of the film."""
    film = Film(page)
    film.run(2.5)
    box = page.locator("[data-panel=cpu] .chart").bounding_box()
    assert box is not None
    height = box["y"] + box["height"] * 0.5
    film.move(box["x"] + box["width"] * 0.45, height, 1)
    page.mouse.down()
    film.move(box["x"] + box["width"] * 0.75, height)
    page.mouse.up()
    until(page, "document.querySelector('#status').dataset.state === 'paused'")
    film.run(1)
    film.move(box["x"] + box["width"] * 0.3, height)
    film.move(box["x"] + box["width"] * 0.6, height, 8)
    film.run(0.7)
    button = page.locator("#pause").bounding_box()
    assert button is not None
    film.move(button["x"] + button["width"] / 2, button["y"] + button["height"] / 2)
    page.mouse.click(*(film.pointer or (0, 0)))
    until(page, "document.querySelector('#status').dataset.state === 'live'")
    film.run(2)
    return film
