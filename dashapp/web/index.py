"""The page's document: its head, its first words, and the order in which a browser gets to hear of its files.

Fills in what Dash made; knows neither Dash nor what the page holds. Every address in it is relative to the
page's own, so that the page works wherever an application or a proxy puts it, without being told.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from dashapp.http.templates import render

DESCRIPTION = "CPU, memory, disks and network of this machine, live and with history."
# Dash writes every address from the root on; in its settings, with the slash as JSON that fits a script.
_ABSOLUTE_URL = re.compile(r'(?<=(?:src|ref)=")/(?!/)')
_FILE_URL = re.compile(r'(?<=(?:src|ref)=")\./(?=assets/|_dash-component-suites/)')
_PATHNAME_PREFIX = re.compile(r'(?<="requests_pathname_prefix":)"(?:\\u002f|/)"')
# Sent to every page by Dash, of use to none of ours. (Its polyfill is: dcc's sliders and graphs call
# the regeneratorRuntime that stands in there.)
_UNUSED_SCRIPTS = re.compile(r'<script src="[^"]*/dash_table/[^"]*"></script>\n?')


def index_writer(
    icon: str, own: str, heading: str, files: Callable[[], str] = lambda: "./"
) -> Callable[..., str]:
    """What Dash calls with the pieces that it made; `icon` and `own` tell where the icon and the page's own
    scripts are. `heading` is text; `files` says how the root is reached, which has the files of all pages."""

    def write(*, scripts: str, config: str, favicon: str, **pieces: str) -> str:
        # Dash's own icon is 15 kB of somebody else's.
        del favicon
        text = render(
            "index.html",
            scripts=_UNUSED_SCRIPTS.sub("", scripts),
            config=_PATHNAME_PREFIX.sub('"./"', config),
            icon=icon,
            own=own,
            heading=heading,
            description=DESCRIPTION,
            **pieces,
        )
        return _FILE_URL.sub(files(), _ABSOLUTE_URL.sub("./", text))

    return write
