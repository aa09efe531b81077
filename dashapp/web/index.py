"""The HTML document: head, first words, and the order in which a browser loads its files.

It contains the pieces that Dash generates. Every address in it is relative to the page, so that the page
works at any path of an application or a proxy, without a setting.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

DESCRIPTION = "CPU, memory, disks, network and the other vital signs of this machine, live, with their past."
# The renderer requests these after all scripts have run, and Dash then loads these scripts. A preload starts
# them together with the first scripts.
_PRELOADED_REQUESTS = ("_dash-layout", "_dash-dependencies")
_PRELOADED_SCRIPTS = (
    "_dash-component-suites/dash/dcc/async-slider.js",
    "_dash-component-suites/dash/dcc/async-graph.js",
)
# Dash writes absolute paths; in its settings, it escapes the slash for JSON in a script.
_ABSOLUTE_URL = re.compile(r'(?<=(?:src|ref)=")/(?!/)')
_FILE_URL = re.compile(r'(?<=(?:src|ref)=")\./(?=assets/|_dash-component-suites/)')
_PATHNAME_PREFIX = re.compile(r'(?<="requests_pathname_prefix":)"(?:\\u002f|/)"')
# Dash sends it to every page, and ours do not need it. (They need its polyfill: sliders and graphs of dcc
# call the regeneratorRuntime in there.)
_UNUSED_SCRIPTS = re.compile(r'<script src="[^"]*/dash_table/[^"]*"></script>\n?')

# The first words are visible before any script has loaded, at the place and in the style of the page's
# header. They disappear when the page is complete. Inside Dash's own element, "Loading..." would replace them
# first.
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
        <noscript>This page draws its charts in the browser and needs JavaScript.</noscript>
        <div id="first"><header>
            <h1>{heading}</h1>
        </header><p>{description}</p></div>
        {app_entry}
        {config}{scripts}<script src="{script_url}"></script>
        {renderer}
    </body>
</html>"""


def index_writer(
    icon: str, script_url: str, heading: str, files: Callable[[], str] = lambda: "./"
) -> Callable[..., str]:
    """Return the function that Dash calls with its pieces of the document.

    `icon` and `script_url`: addresses of the icon and of our scripts. `heading` is plain text. `files`
    returns the path to the root, which has the files of all pages.
    """
    request_hints = (
        f'<link rel="preload" as="fetch" crossorigin href="/{path}">' for path in _PRELOADED_REQUESTS
    )
    script_hints = (f'<link rel="preload" as="script" href="/{path}">' for path in _PRELOADED_SCRIPTS)
    hints = "\n        ".join((*request_hints, *script_hints))

    def write(*, scripts: str, config: str, favicon: str, **pieces: str) -> str:
        # The icon of Dash has 15 kB.
        del favicon
        text = _TEMPLATE.format(
            scripts=_UNUSED_SCRIPTS.sub("", scripts),
            config=_PATHNAME_PREFIX.sub('"./"', config),
            icon=icon,
            script_url=script_url,
            hints=hints,
            heading=html.escape(heading),
            description=DESCRIPTION,
            **pieces,
        )
        return _FILE_URL.sub(files(), _ABSOLUTE_URL.sub("./", text))

    return write
