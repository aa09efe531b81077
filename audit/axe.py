"""axe-core in the page, in each of its states; what its answers mean is not known here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from audit.states import State

SCRIPT = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
# Every rule, best practices among them. Colours are judged at rest, not in the middle of a fade.
RUN = """async () => {
    await Promise.allSettled(document.getAnimations().map((each) => each.finished));
    return (await axe.run(document, { resultTypes: ["violations"] })).violations;
}"""


def violations(running: Browser, url: str, state: State) -> list[dict[str, Any]]:
    """What axe objects to in the page at `url` once it is in `state`."""
    context = running.new_context(**state.options)
    try:
        page = context.new_page()
        # By DevTools, not by a script element: the page's policy would rightly refuse it, and stays on.
        page.add_init_script(path=SCRIPT)
        page.goto(f"{url}{state.path}?{state.query()}")
        state.reach(page)
        found: list[dict[str, Any]] = page.evaluate(RUN)
        return found
    finally:
        context.close()
