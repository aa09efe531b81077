"""Headers of 64 KiB take little work: some are read in the event loop."""

from __future__ import annotations

import ipaddress
import tracemalloc
from collections.abc import Callable

import pytest
from effort import calls_of

from dashapp.api.streaming.endpoint import accepts_events
from dashapp.http.encodings import accepts
from dashapp.http.middleware.client_address import ClientResolver

LIST = "a;q=0.1," * 8000
PROXY = "192.0.2.1"


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda: accepts_events(LIST), id="accept"),
        pytest.param(lambda: accepts(LIST, "br"), id="accept-encoding"),
    ],
)
def test_long_list_in_a_header_takes_few_calls(read: Callable[[], bool]) -> None:
    """An Accept header took 12 ms of the event loop."""
    assert calls_of(read) < 2500


def test_end_of_a_long_list_does_not_count() -> None:
    assert accepts_events("text/event-stream, " + LIST)
    assert not accepts_events(LIST + "text/event-stream")
    assert accepts("br," + LIST, "br")
    assert not accepts(LIST + "br", "br")


@pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED"])
def test_hops_before_the_last_are_not_split(header: str) -> None:
    clients = ClientResolver([ipaddress.ip_network(PROXY)])
    last = "198.51.100.7" if header == "HTTP_X_FORWARDED_FOR" else "for=198.51.100.7"
    environ = {"REMOTE_ADDR": PROXY, header: "," * 60_000 + last}
    clients.address(environ)
    tracemalloc.start()
    try:
        assert clients.address(environ) == "198.51.100.7"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 250_000
