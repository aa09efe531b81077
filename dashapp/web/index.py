"""The HTML document: head, first words, and the order in which a browser loads its files.

It contains the pieces that Dash generates. Every address in it is relative to the page, so that the page
works at any path of an application or a proxy, without a setting.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from dashapp.http.templates import render

DESCRIPTION = "CPU, memory, disks and network of this machine, live and with history."
# Dash writes absolute paths; in its settings, it escapes the slash for JSON in a script.
_ABSOLUTE_URL = re.compile(r'(?<=(?:src|ref)=")/(?!/)')
_FILE_URL = re.compile(r'(?<=(?:src|ref)=")\./(?=assets/|_dash-component-suites/)')
_OTHER_URL = re.compile(r'(?<=(?:src|ref)=")\./(?=_dash-)')
_PATHNAME_PREFIX = re.compile(r'(?<="requests_pathname_prefix":)"(?:\\u002f|/)"')
# Dash sends it to every page, and ours do not need it. (They need its polyfill: sliders and graphs of dcc
# call the regeneratorRuntime in there.)
_UNUSED_SCRIPTS = re.compile(r'<script src="[^"]*/dash_table/[^"]*"></script>\n?')


def index_writer(
    icon: str,
    script_url: str,
    style_url: str,
    font_url: str,
    heading: str,
    root: Callable[[], str] = lambda: "./",
    files: Callable[[], str] = lambda: "./",
) -> Callable[..., str]:
    """Return the function that Dash calls with its pieces of the document.

    `icon`, `script_url`, `style_url`, `font_url`: addresses of the icon, our scripts, styles and font.
    `heading` is plain text. `root` returns the path to the page and its API, and `files` that to the files of
    all pages.
    """

    def write(*, scripts: str, config: str, favicon: str, **pieces: str) -> str:
        # The icon of Dash has 15 kB.
        del favicon
        text = render(
            "index.html",
            scripts=_UNUSED_SCRIPTS.sub("", scripts),
            config=_PATHNAME_PREFIX.sub(f'"{root()}"', config),
            icon=icon,
            script_url=script_url,
            style_url=style_url,
            font_url=font_url,
            heading=heading,
            description=DESCRIPTION,
            **pieces,
        )
        return _OTHER_URL.sub(root(), _FILE_URL.sub(files(), _ABSOLUTE_URL.sub("./", text)))

    return write
