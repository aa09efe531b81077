"""Runs axe-core in the page, in each of its states; `verdict` judges the violations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from audit.states import State

SCRIPT = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
# Run every rule, best practices included. Wait for animations, so that no colour is judged in the middle of a
# fade.
RUN = """async () => {
    await Promise.allSettled(document.getAnimations().map((each) => each.finished));
    return (await axe.run(document, { resultTypes: ["violations"] })).violations;
}"""


def violations(running: Browser, url: str, state: State) -> list[dict[str, Any]]:
    """Return the violations that axe finds in the page at `url` once it is in `state`."""
    context = running.new_context(**state.options)
    try:
        page = context.new_page()
        # Through DevTools instead of a script element, which the page's policy rightly blocks; the policy
        # stays on.
        page.add_init_script(path=SCRIPT)
        page.goto(f"{url}{state.path}?{state.query()}")
        state.reach(page)
        results: list[dict[str, Any]] = page.evaluate(RUN)
        return results
    finally:
        context.close()
