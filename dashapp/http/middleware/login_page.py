"""The login page: HTML without scripts, in the colours of the page."""

from __future__ import annotations

import re
from pathlib import Path

from dashapp.http.templates import render

# Maximum length of the URL to open after the login.
MAX_NEXT_URL_LENGTH = 2048
DEFAULT_NEXT_URL = "/"
SIGN_IN_FAILED = "That is not the password."
SIGN_IN_EMPTY = "Please type the password."
UNREADABLE_FORM = "That could not be read; please type the password again."

# A path on this server: nothing that a browser can read as another host, and no line break.
_LOCAL_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
# The rules for colours in style.css; the login page uses none of its other rules.
_COLOR_RULES = re.compile(r":root \{.*?\n\}\n(?::root\[data-theme=[^\n]*\n)*", re.DOTALL)


class LoginPage:
    """`assets`: the folder with style.css."""

    def __init__(self, title: str, theme: str, assets: Path) -> None:
        found = _COLOR_RULES.search((assets / "style.css").read_text("utf-8"))
        self._colours = found[0] if found else ""
        self._title, self._theme = title, theme

    def render(self, place: str, wrong: str = "") -> bytes:
        """The page as bytes. `place`: the URL to open after the login; `wrong`: an error message."""
        return render(
            "login.html",
            theme=self._theme,
            title=self._title,
            colours=self._colours,
            place=place,
            error=wrong,
        ).encode()


def safe_next_url(place: str) -> str:
    """A path on this server with its query; DEFAULT_NEXT_URL for anything else.

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
    """The error message after too many login attempts; `count`: seconds to wait."""
    return f"Too many tries; please wait {count} second{'' if count == 1 else 's'}."
