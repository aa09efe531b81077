"""Runs axe-core in the page, in each of its states; `verdict` judges the violations.

States with the same address and options share one page: after each, its dialogs and menus are closed.
"""

from __future__ import annotations

from collections.abc import Sequence
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


CLOSE = """() => {
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    for (const menu of document.querySelectorAll(":popover-open")) menu.hidePopover();
}"""


def violations(running: Browser, url: str, states: Sequence[State]) -> dict[str, list[dict[str, Any]]]:
    """Return the violations that axe finds in the page at `url`, by the names of `states`.

    All of them have the address and the options of the first one.
    """
    first = states[0]
    context = running.new_context(**first.options)
    try:
        page = context.new_page()
        # Through DevTools instead of a script element, which the page's policy rightly blocks; the policy
        # stays on.
        page.add_init_script(path=SCRIPT)
        page.goto(f"{url}{first.path}?{first.query()}")
        results: dict[str, list[dict[str, Any]]] = {}
        for state in states:
            state.reach(page)
            results[state.name] = page.evaluate(RUN)
            page.evaluate(CLOSE)
        return results
    finally:
        context.close()
