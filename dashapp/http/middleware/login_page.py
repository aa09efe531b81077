"""The login page: plain HTML without a script, in the colours of the page, one sentence where it says no.

Knows no password and no session.
"""

from __future__ import annotations

import re
from pathlib import Path

from dashapp.http.templates import render

# Of the place that a visitor wanted to go to.
MAX_NEXT_URL_LENGTH = 2048
DEFAULT_NEXT_URL = "/"
SIGN_IN_FAILED = "That is not the password."
SIGN_IN_EMPTY = "Please type the password."
UNREADABLE_FORM = "That could not be read; please type the password again."

# A path of our own, and nothing that a browser could take for another host or a further header.
_LOCAL_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
# The page's own colours; what else its sheet says is not for this page.
_COLOR_RULES = re.compile(r":root \{.*?\n\}\n(?::root\[data-theme=[^\n]*\n)*", re.DOTALL)


class LoginPage:
    """`assets`: the folder of the page's own style sheet."""

    def __init__(self, title: str, theme: str, assets: Path) -> None:
        found = _COLOR_RULES.search((assets / "style.css").read_text("utf-8"))
        self._colours = found[0] if found else ""
        self._title, self._theme = title, theme

    def render(self, place: str, wrong: str = "") -> bytes:
        """`place`: where the visitor wants to go; `wrong`: the sentence that says why not yet."""
        return render(
            "login.html",
            theme=self._theme,
            title=self._title,
            colours=self._colours,
            place=place,
            error=wrong,
        ).encode()


def safe_next_url(place: str) -> str:
    """A path of our own with its query; HOME for anything else, another site's address above all.

    >>> [safe_next_url(url) for url in ("/?window=300", "//evil.test", "https://evil.test", "/login")]
    ['/?window=300', '/', '/', '/']
    """
    if len(place) > MAX_NEXT_URL_LENGTH or _LOCAL_PATH.fullmatch(place) is None:
        return DEFAULT_NEXT_URL
    return (
        DEFAULT_NEXT_URL
        if place.partition("?")[0] in ("/login", "/logout") or "/../" in place + "/"
        else place
    )


def retry_message(count: int) -> str:
    """What is said to who tried too often."""
    return f"Too many tries; please wait {count} second{'' if count == 1 else 's'}."
