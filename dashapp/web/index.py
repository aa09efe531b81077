"""The page's document: its head, its first words, and the order in which a browser gets to hear of its files.

Fills in what Dash made; knows neither Dash nor what the page holds. Every address in it is relative to the
page's own, so that the page works wherever an application or a proxy puts it, without being told.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

DESCRIPTION = "CPU, memory, disks and network of this machine, live and with history."
# What the renderer asks for when all the scripts have run, and what Dash loads when it has read the answers:
# begun along with the scripts, it is there by then.
_PRELOADED_REQUESTS = ("_dash-layout", "_dash-dependencies")
_PRELOADED_SCRIPTS = (
    "_dash-component-suites/dash/dcc/async-slider.js",
    "_dash-component-suites/dash/dcc/async-graph.js",
)
# Dash writes every address from the root on; in its settings, with the slash as JSON that fits a script.
_ABSOLUTE_URL = re.compile(r'(?<=(?:src|ref)=")/(?!/)')
_FILE_URL = re.compile(r'(?<=(?:src|ref)=")\./(?=assets/|_dash-component-suites/)')
_PATHNAME_PREFIX = re.compile(r'(?<="requests_pathname_prefix":)"(?:\\u002f|/)"')
# Sent to every page by Dash, of use to none of ours. (Its polyfill is: dcc's sliders and graphs call
# the regeneratorRuntime that stands in there.)
_UNUSED_SCRIPTS = re.compile(r'<script src="[^"]*/dash_table/[^"]*"></script>\n?')

# The first words stand where the page's header will, in its own style, before any script has come. They go
# when the page is there; inside Dash's own element they would go for its "Loading..." first.
_TEMPLATE = """<!DOCTYPE html>
<html lang="en">
    <head>
        {metas}
        <meta name="description" content="{description}">
        <meta name="color-scheme" content="light dark">
        <title>{title}</title>
        <link rel="icon" type="image/svg+xml" href="{icon}">
        {css}
        {hints}
        <style>
            #first {{ max-width: 1880px; margin: 0 auto; padding: 0 16px; }}
            #first p {{ margin: 0; padding: 3rem 1rem; text-align: center; color: var(--quiet); }}
            body:has(#page) > #first, body:has(> #first) ._dash-loading {{ display: none; }}
            @supports not selector(:has(a)) {{ #first {{ display: none; }} }}
            @media (max-width: 640px) {{ #first {{ padding: 0 10px; }} }}
        </style>
    </head>
    <body>
        <noscript>This page needs JavaScript to draw its charts.</noscript>
        <div id="first"><header>
            <h1>{heading}</h1>
        </header><p>{description}</p></div>
        {app_entry}
        {config}{scripts}<script src="{own}"></script>
        {renderer}
    </body>
</html>"""


def index_writer(
    icon: str, own: str, heading: str, files: Callable[[], str] = lambda: "./"
) -> Callable[..., str]:
    """What Dash calls with the pieces that it made; `icon` and `own` tell where the icon and the page's own
    scripts are. `heading` is text; `files` says how the root is reached, which has the files of all pages."""
    asked = (f'<link rel="preload" as="fetch" crossorigin href="/{path}">' for path in _PRELOADED_REQUESTS)
    late = (f'<link rel="preload" as="script" href="/{path}">' for path in _PRELOADED_SCRIPTS)
    hints = "\n        ".join((*asked, *late))

    def write(*, scripts: str, config: str, favicon: str, **pieces: str) -> str:
        # Dash's own icon is 15 kB of somebody else's.
        del favicon
        text = _TEMPLATE.format(
            scripts=_UNUSED_SCRIPTS.sub("", scripts),
            config=_PATHNAME_PREFIX.sub('"./"', config),
            icon=icon,
            own=own,
            hints=hints,
            heading=html.escape(heading),
            description=DESCRIPTION,
            **pieces,
        )
        return _FILE_URL.sub(files(), _ABSOLUTE_URL.sub("./", text))

    return write
