"""Queries that every endpoint rejects."""

from __future__ import annotations

from urllib.parse import quote

from dashapp.api.params import MAX_CURSOR_LENGTH, MAX_METRICS_PER_QUERY, MAX_QUERY_LENGTH

BAD = [
    "window=9.999",
    "window=7200.001",
    "window=-1",
    "window=0",
    "window=1e400",
    "window=" + "9" * 4000,
    "window=nan",
    "window=inf",
    "window=-inf",
    "window=",
    "window=abc",
    "window=[100]",
    "window=100&window=100",
    "window[]=100",
    "window=100;after=1",
    "window=0x64",
    "%00=1",
    "after=" + "x" * (MAX_CURSOR_LENGTH + 1),
    "after=a&after=b",
    "metrics=",
    "metrics=,,,",
    "metrics=" + ",".join("abcdefgh" * 9)[: 2 * (MAX_METRICS_PER_QUERY + 1)],
    "nothing=1",
    *(
        f"points={quote(text)}"
        for text in ("", "9", "2001", "-400", "4e2", "400.0", "00400", "٤٠٠", "9" * 4000)
    ),
    "points=400&points=400",
    "curves=2",
    "curves=",
    "curves=1&curves=1",
    "curves=1&from=1",
    "callback=alert",
    "<script>alert(1)</script>",
    quote("é" * 500),
    "a=" + "x" * (MAX_QUERY_LENGTH - 1),
    "window=100&" * 700,
    "x" * 1_000_000,
    "&".join(f"a{n}=1" for n in range(150_000)),
]
