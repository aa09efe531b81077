"""Wait for a state, never for a time: how a test reads what a process, a thread or a page changes.

A test that reads once is right on a fast machine only. Read inside `wait_for` instead, or with Playwright's
`expect`, which waits as well. A limit in seconds is no promise here: it ends a test that would hang.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from playwright.sync_api import Page

# Long enough for the slowest machine; a state that is there at once costs nothing.
PATIENCE_S = 120.0
# What reading raises while a state is not there yet: a missing row, an empty text, a failed comparison.
NOT_YET = (AssertionError, LookupError, TypeError, ValueError)

Result = TypeVar("Result")


def wait_for(
    read: Callable[[], Result],
    seconds: float = PATIENCE_S,
    *,
    pause: Callable[[float], object] = time.sleep,
    every: float = 0.02,
) -> Result:
    """Return the first truthy result of `read`.

    Errors in NOT_YET count as "not yet". Past `seconds` the last of them is raised, or an AssertionError with
    the last result.
    """
    end = time.monotonic() + seconds
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


def wait_until(page: Page, read: Any, seconds: float = PATIENCE_S, *, every: float = 0.05) -> Any:
    """`wait_for` beside a page, whose events are handled meanwhile."""
    return wait_for(read, seconds, pause=lambda delay: page.wait_for_timeout(1000 * delay), every=every)


def wait_until_passes(page: Page, check: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Repeat `check`, a function of assertions, until none of them fails."""

    def passes() -> bool:
        check()
        return True

    wait_until(page, passes, seconds)


def stays(read: Callable[[], object], until: Callable[[], object], page: Page | None = None) -> None:
    """Assert that `read` is true, again and again, until `until` is: an event, not a time."""

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
    """What was to stay as it is did not: no reason to wait on, so none of NOT_YET."""
