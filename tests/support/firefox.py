"""Firefox in a test, through WebDriver BiDi: Playwright cannot drive Debian's firefox-esr.

The protocol is a W3C standard that Firefox itself serves, so no driver is needed.
https://w3c.github.io/webdriver-bidi/
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools import firefox
from waiting import PATIENCE_S, wait_for
from websockets.sync.client import ClientConnection, connect

# Values of keys that have no character. https://www.w3.org/TR/webdriver/#keyboard-actions
KEYS = {
    "Escape": "\ue00c",
    "Enter": "\ue007",
    "Tab": "\ue004",
    "ArrowLeft": "\ue012",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
}
ARROW = re.compile(r"\s*(\([^)]*\)|\w+)\s*=>")
# The middle of an element, once it rests there and nothing covers it.
CENTRE = """(selector) => new Promise((done) => {
    let before = "";
    const look = () => {
        const element = document.querySelector(selector);
        element.scrollIntoView({ block: "center" });
        const { left, top, width, height } = element.getBoundingClientRect();
        const centre = [Math.round(left + width / 2), Math.round(top + height / 2)];
        if (String(centre) === before && element.contains(document.elementFromPoint(...centre))) done(centre);
        else setTimeout(look, 100);
        before = String(centre);
    };
    look();
})"""
PREFERENCES = """
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.disabledForTesting", true);
"""


class FirefoxTab:
    """A tab, and the errors and warnings of its console."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._count = 0
        # Firefox answers once it has started, which takes a busy machine several times as long as a page.
        self._patience_s = 4 * PATIENCE_S
        self.console: list[str] = []
        self.send("session.new", capabilities={})
        self._patience_s = PATIENCE_S
        self.send("session.subscribe", events=["log.entryAdded"])
        self._id = self.send("browsingContext.getTree")["contexts"][0]["context"]

    def send(self, method: str, **params: Any) -> Any:
        """Return the result of a command; remember the console meanwhile."""
        self._count += 1
        self._connection.send(json.dumps({"id": self._count, "method": method, "params": params}))
        while True:
            message = json.loads(self._connection.recv(timeout=self._patience_s))
            if message["type"] == "event":
                self._hear(message["params"])
            elif message["id"] == self._count:
                assert message["type"] == "success", f"{method}: {message['message']}"
                return message["result"]

    def _hear(self, entry: dict[str, Any]) -> None:
        if entry.get("level") in ("error", "warn"):
            self.console.append(f"{entry['level']}: {entry['text']}")

    def resize(self, width: int, height: int) -> None:
        viewport = {"width": width, "height": height}
        self.send("browsingContext.setViewport", context=self._id, viewport=viewport)

    def goto(self, url: str) -> None:
        self.send("browsingContext.navigate", context=self._id, url=url, wait="complete")

    def evaluate(self, script: str, argument: Any = None) -> Any:
        """Return the result like Playwright; `script`: an expression or an arrow function."""
        call = f"({script})({json.dumps(argument)})" if ARROW.match(script) else f"({script})"
        result = self.send(
            "script.callFunction",
            functionDeclaration=f"async () => JSON.stringify((await {call}) ?? null)",
            target={"context": self._id},
            awaitPromise=True,
        )
        assert result["type"] == "success", result["exceptionDetails"]["text"]
        return json.loads(result["result"]["value"])

    def text(self, selector: str) -> str:
        """Return the text of an element; LookupError if there is none."""
        found = self.evaluate("(selector) => document.querySelector(selector)?.textContent", selector)
        if found is None:
            raise LookupError(f"no {selector}")
        return str(found)

    def press(self, *keys: str) -> None:
        """Press keys one after the other, and release each."""
        values = [KEYS.get(key, key) for key in keys]
        actions = [{"type": kind, "value": value} for value in values for kind in ("keyDown", "keyUp")]
        self._perform({"type": "key", "id": "keyboard", "actions": actions})

    def move(self, selector: str) -> None:
        """Move the mouse to the middle of an element."""
        self._point(selector, [])

    def click(self, selector: str) -> None:
        self._point(selector, [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")])

    def _point(self, selector: str, actions: list[dict[str, Any]]) -> None:
        x, y = self.evaluate(CENTRE, selector)
        moved: list[dict[str, Any]] = [{"type": "pointerMove", "x": x, "y": y}, *actions]
        self._perform({"type": "pointer", "id": "mouse", "actions": moved})

    def _perform(self, source: dict[str, Any]) -> None:
        self.send("input.performActions", context=self._id, actions=[source])


@contextmanager
def firefox_tab(profile: Path) -> Iterator[FirefoxTab]:
    """Yield the tab of a Firefox without a window, whose profile is the empty folder `profile`."""
    program = firefox()
    assert program
    (profile / "user.js").write_text(PREFERENCES)
    flags = ("--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0")
    process = subprocess.Popen([program, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        # Firefox writes its address to this file.
        address = profile / "WebDriverBiDiServer.json"
        found: dict[str, Any] = wait_for(lambda: json.loads(address.read_text()) if address.exists() else {})
        url = f"ws://{found['ws_host']}:{found['ws_port']}/session"
        # A proxy of the environment does not know this machine.
        with connect(url, max_size=None, proxy=None, open_timeout=PATIENCE_S) as connection:
            yield FirefoxTab(connection)
    finally:
        process.terminate()
        process.wait()
