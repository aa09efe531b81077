"""Why a measurement misses its target: for the documentation, next to the number."""

from __future__ import annotations

import re

# A pattern of the label of a row, and the reason. A test checks that each missed target has one.
REASONS = {
    r"server CPU per update, 500 viewers|dashapp to the empty application, .*": (
        "**500 viewers, spread over the second:** most of the cost is to wake server and kernel for each "
        "single request, as the empty application in the same table shows. The page sends its request "
        "within a tenth of a second after a tick is due, so all viewers arrive together. The row of 60 ms "
        "shows the cost of that. dashapp adds checks, the search for the response and headers to the empty "
        "application. They take 7 µs if polls follow each other at once. They take about 35 µs if the caches "
        "of the processor have forgotten them since the last poll."
    ),
    r"the same, all charts, all requests within 60 ms.*": (
        "**All requests within 60 ms:** since the server offers streams, Python's event loop reads each "
        "request. Before that the row had 51 µs. A page polls only if it cannot have a stream."
    ),
    r"from sample to pixel.*": (
        "**From sample to pixel:** a chart is drawn in the animation frame after its tick arrives, and is on "
        "the screen one frame later. On a busy machine frames are late."
    ),
    r"web memory per 1,000 streams": (
        "**Memory of streams:** runs measured 21.6 to 26.3 MB; most of it belongs to the web server's "
        "buffers for a connection."
    ),
    r"server CPU per update behind the login.*": (
        "**Behind the login:** four runs measured 43, 56, 63 and 68 µs. The password itself is 1 µs of that."
    ),
    r"first load, bytes": (
        "**Bytes of the first visit:** the smallest official bundle of plotly.js has 362 kB, and the scripts "
        "of Dash with React have 219 kB. Bundles that we build ourselves would save 210 kB; vendored files "
        "stay as their authors publish them."
    ),
    r"first load, main thread": (
        "**Main thread of the first visit:** the second visit, with all files in the browser's cache, takes "
        "as long. So it is the work of plotly.js, Dash and our scripts, and not the transfer."
    ),
    r"main thread per tick, 1 chart of 100 points.*": (
        "**A chart of 100 points:** three runs measured 24.4, 26.1 and 28.6 ms. This machine's own speed "
        "changes by a fifth from hour to hour."
    ),
    r".*dashapp to the original, server CPU per update": (
        "**CPU per update:** a push on an open socket parses no request, so the originals need less than "
        "an empty application that is polled. Two things make up for that: many viewers, who wake the "
        "server together, and a cache in front, which responds as if from a file."
    ),
    r".*dashapp to the original, behind nginx's cache": (
        "**Behind the cache:** with 500 viewers polling costs about as much as pushing, and dashapp adds "
        "history and recovery."
    ),
    r".*dashapp to the original, bytes to the first chart": (
        "**Bytes to the first chart:** D3 with Epoch, and Bokeh, are smaller than plotly.js with Dash and "
        "React."
    ),
    r"newest response from Redis, CPU of dashapp": (
        "**The newest response from Redis:** 60 % of it is the conversion of a single tick to numpy "
        "columns. dashapp does this once per tick for all viewers."
    ),
}


def reason(what: str) -> str:
    """Return why a row misses its target, or a sentence without one."""
    for pattern, text in REASONS.items():
        if re.fullmatch(pattern, what):
            return text
    return f"**{what}:** the reason is not known yet."
