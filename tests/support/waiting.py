"""Wait for a state, never for a time, if a process, a thread or a page changes it.

A test that reads once passes on a fast machine only. Read inside `wait_for` instead, or use Playwright's
`expect`, which waits as well. A limit in seconds only ends a test that would hang; it is no requirement.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import cycle
from typing import Any, TypeVar

from playwright.sync_api import FloatRect, Locator, Page

# Long enough for the slowest machine; a state that is true at once takes no time.
PATIENCE_S = 120.0
# Errors of a read before the state is reached: a missing row, an empty text, a failed comparison.
NOT_YET = (AssertionError, LookupError, TypeError, ValueError)

# A pause grows by this factor, up to this multiple of the first: reads of a long wait use the processor.
GROWTH, MAX_GROWTH = 1.1, 5

Result = TypeVar("Result")


def wait_for(
    read: Callable[[], Result],
    seconds: float = PATIENCE_S,
    *,
    pause: Callable[[float], object] = time.sleep,
    every: float = 0.02,
) -> Result:
    """Return the first truthy result of `read`.

    Errors in NOT_YET count as "not yet". After `seconds`, raise an AssertionError with the last error or
    result.
    """
    end = time.monotonic() + seconds
    longest = MAX_GROWTH * every
    while True:
        try:
            result = read()
            if result:
                return result
        except NOT_YET as error:
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds:g} s: {error!r}") from error
        else:
            assert time.monotonic() < end, f"not within {seconds:g} s: {read.__doc__ or read}: {result!r}"
        pause(every)
        every = min(GROWTH * every, longest)


def wait_until(page: Page, read: Any, seconds: float = PATIENCE_S, *, every: float = 0.05) -> Any:
    """Call `wait_for` and handle the page's events meanwhile."""
    return wait_for(read, seconds, pause=lambda delay: page.wait_for_timeout(1000 * delay), every=every)


def wait_until_passes(page: Page, check: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Repeat `check`, a function of assertions, until all of them hold."""

    def passes() -> bool:
        check()
        return True

    wait_until(page, passes, seconds)


def stays(read: Callable[[], object], until: Callable[[], object], page: Page | None = None) -> None:
    """Assert repeatedly that `read` is true, until `until` is: an event, not a time."""

    def over() -> bool:
        result = read()
        if not result:
            raise ChangedError(f"{read.__doc__ or read}: {result!r}")
        return bool(until())

    if page is None:
        wait_for(over)
    else:
        wait_until(page, over)


class ChangedError(Exception):
    """A state changed that should stay; it is not in NOT_YET, so that waiting ends at once."""


def hover_until(page: Page, x: float, y: float, is_shown: Callable[[], object]) -> None:
    """Hold the pointer at a place, with the small movements of a hand, until `is_shown`.

    A chart that is drawn again shows its tooltip at the next movement.
    """
    offsets = cycle((0, 1))

    def moved() -> object:
        page.mouse.move(x, y + next(offsets))
        return is_shown()

    wait_until(page, moved)


def still_box(page: Page, element: str | Locator) -> FloatRect:
    """Return the place of an element once nothing moves it any more."""
    place = page.locator(element) if isinstance(element, str) else element
    boxes: list[FloatRect | None] = [None]

    def is_still() -> bool:
        boxes.append(place.bounding_box())
        return boxes[-1] is not None and boxes[-1] == boxes[-2]

    wait_until(page, is_still, every=0.3)
    box = boxes[-1]
    assert box
    return box
