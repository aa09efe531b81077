"""The login page: HTML without scripts, in the colours of the page."""

from __future__ import annotations

import re
from pathlib import Path

from dashapp.http.templates import render
from dashapp.languages.tables import Translator

# Maximum length of the URL to open after the login.
MAX_NEXT_URL_LENGTH = 2048
DEFAULT_NEXT_URL = "/"
SIGN_IN_FAILED = "Wrong password."
SIGN_IN_EMPTY = "Enter the password."
UNREADABLE_FORM = "The form could not be read. Enter the password again."

# A path of our pages: no escape, so that a browser and this server read it alike. In segments of a path, dots
# alone lead out of the prefix of a proxy, and an empty segment in front leads to another host. A query has no
# such effect.
_SEGMENT = r"(?!\.+(?:[;/?]|$))[A-Za-z0-9._~!$&'()*+,;=:@-]+"
_LOCAL_PATH = re.compile(rf"/(?:{_SEGMENT}/)*(?:{_SEGMENT})?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")

# The rules for colours in base.css; the login page uses none of its other rules.
_COLOR_RULES = re.compile(r":root \{.*?\n\}\n(?::root\[data-theme=[^\n]*\n)*", re.DOTALL)


class LoginPage:
    """`assets`: the folder with styles/base.css."""

    def __init__(self, title: str, theme: str, assets: Path) -> None:
        rules = _COLOR_RULES.search((assets / "styles" / "base.css").read_text("utf-8"))
        self._colours = rules[0] if rules else ""
        self._title, self._theme = title, theme

    def render(self, translate: Translator, next_url: str, error: str = "") -> bytes:
        """The page as bytes.

        `next_url`: the URL to open after the login. `error`: an error message, in English.
        """
        return render(
            "login.html",
            translate,
            theme=self._theme,
            title=self._title,
            colours=self._colours,
            next_url=next_url,
            error=translate(error) if error else "",
        ).encode()


def safe_next_url(next_url: str) -> str:
    """A path on this server with its query; DEFAULT_NEXT_URL for anything else.

    >>> [safe_next_url(url) for url in ("/?window=300", "//evil.test", "https://evil.test", "/login")]
    ['/?window=300', '/', '/', '/']
    """
    if len(next_url) > MAX_NEXT_URL_LENGTH or _LOCAL_PATH.fullmatch(next_url) is None:
        return DEFAULT_NEXT_URL
    return DEFAULT_NEXT_URL if next_url.partition("?")[0] in ("/login", "/logout") else next_url


def retry_message(seconds: int, translate: Translator | None = None) -> str:
    """The error message after too many login attempts; `seconds`: seconds to wait."""
    return (translate or Translator()).count(
        "Too many attempts. Try again in {count} seconds.",
        "Too many attempts. Try again in {count} second.",
        seconds,
    )
