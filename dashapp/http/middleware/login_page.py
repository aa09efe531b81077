"""The login page: plain HTML without a script, in the colours of the page, one sentence where it says no.

Knows no password and no session.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

# Of the place that a visitor wanted to go to.
MAX_NEXT_URL_LENGTH = 2048
DEFAULT_NEXT_URL = "/"
SIGN_IN_FAILED = "Wrong password."
SIGN_IN_EMPTY = "Enter the password."
UNREADABLE_FORM = "The form could not be read. Enter the password again."

# A path of our own, and nothing that a browser could take for another host or a further header.
_LOCAL_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
# The page's own colours; what else its sheet says is not for this page.
_COLOR_RULES = re.compile(r":root \{.*?\n\}\n(?::root\[data-theme=[^\n]*\n)*", re.DOTALL)

_TEMPLATE = """<!DOCTYPE html>
<html lang="en"{theme}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<title>Sign in · {title}</title>
<style>
{colours}* {{ box-sizing: border-box; }}
html, body {{ margin: 0; height: 100%; background: var(--ground); color: var(--text); }}
body {{ display: grid; place-content: center; padding: 16px; }}
main {{ width: min(360px, calc(100vw - 32px)); padding: 26px 26px 28px; border: 1px solid var(--line);
  border-radius: 14px; background: var(--card); }}
h1 {{ margin: 0 0 8px; font-size: 1.25rem; font-weight: 650; letter-spacing: -0.01em;
  overflow-wrap: anywhere; }}
p {{ margin: 0 0 18px; color: var(--quiet); font-size: 0.9375rem; line-height: 1.45; }}
[role="alert"] {{ padding: 8px 12px; border: 1px solid var(--off); border-radius: 9px; color: var(--off); }}
label {{ display: block; margin-bottom: 6px; font-size: 0.875rem; font-weight: 600; }}
input {{ width: 100%; min-height: 44px; padding: 8px 12px; border: 1px solid var(--quiet); border-radius: 9px;
  background: var(--ground); color: var(--text); font: inherit; }}
button {{ width: 100%; min-height: 44px; margin-top: 14px; border: 1px solid var(--accent);
  border-radius: 9px; background: var(--accent); color: var(--card); font: inherit;
  font-weight: 600; cursor: pointer; }}
:focus-visible {{ outline: 2px solid var(--accent); outline-offset: 2px; }}
.unseen {{ position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{said}
<form method="post">
<input class="unseen" type="text" name="username" value="{title}" autocomplete="username"
  tabindex="-1" aria-hidden="true" readonly>
<input type="hidden" name="next" value="{place}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password"
  required autofocus{wrong}>
<button>Sign in</button>
</form>
</main>
</body>
</html>
"""


class LoginPage:
    """`assets`: the folder of the page's own style sheet."""

    def __init__(self, title: str, theme: str, assets: Path) -> None:
        found = _COLOR_RULES.search((assets / "style.css").read_text("utf-8"))
        self._colours = found[0] if found else ""
        self._title = html.escape(title)
        self._theme = "" if theme == "auto" else f' data-theme="{theme}"'

    def render(self, place: str, wrong: str = "") -> bytes:
        """`place`: where the visitor wants to go; `wrong`: the sentence that says why not yet."""
        said = "<p>Enter the password to see this page.</p>"
        if wrong:
            said = f'<p role="alert" id="wrong">{html.escape(wrong)}</p>'
        return _TEMPLATE.format(
            theme=self._theme,
            title=self._title,
            colours=self._colours,
            said=said,
            place=html.escape(place),
            wrong=' aria-invalid="true" aria-describedby="wrong"' if wrong else "",
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
    return f"Too many attempts. Try again in {count} second{'' if count == 1 else 's'}."
