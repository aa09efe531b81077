"""Rate limits for requests: per client, and for how long."""

from __future__ import annotations

import pytest
from authenticated_app import guarded
from wsgi_client import ask

from dashapp.http.middleware.client_address import rate_limit_key
from dashapp.http.middleware.rate_limit import (
    MAX_CLIENTS,
    MAX_REQUEST_COST,
    RATE_WINDOW_S,
    RequestRateLimiter,
    request_cost,
)


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock with which an application counts requests."""
    monkeypatch.setattr(RequestRateLimiter.__init__, "__defaults__", (Clock(),))


def test_requests_are_limited_per_client() -> None:
    clock = Clock()
    requests = RequestRateLimiter(2, clock)
    assert [requests.seconds_to_wait("a") for _ in range(round(2 * RATE_WINDOW_S))] == [0] * round(
        2 * RATE_WINDOW_S
    )
    assert 1 <= requests.seconds_to_wait("a") <= RATE_WINDOW_S
    assert requests.seconds_to_wait("b") == 0
    clock.now += RATE_WINDOW_S
    assert requests.seconds_to_wait("a") == 0


@pytest.mark.parametrize(
    ("path", "query", "cost"),
    [
        ("/api/ticks", "window=60&metrics=a", 1),
        ("/api/frames", "q=window%3D60", 1),
        ("/api/frames", "&".join(["q=window%3D60"] * 16), 16),
        ("/host/a/api/frames", "q=1&q=2", 2),
        ("/host/a,b,c/api/ticks", "", 3),
        ("/host/a,b/api/frames", "q=1&q=2", 4),
        ("/host/a,b/_dash-layout", "", 16),
        *((f"/host/a,b/api/{name}", "", 2) for name in ("metrics", "runs", "top", "events", "alerts", "csv")),
        ("/host/a,b/healthz", "", 1),
        ("/api/frames", "&" * 8000, MAX_REQUEST_COST),
        ("/", "q=1&q=2", 1),
    ],
)
def test_request_counts_for_each_query_and_host(path: str, query: str, cost: int) -> None:
    assert request_cost({"PATH_INFO": path, "QUERY_STRING": query}) == cost


def test_limit_counts_each_query_of_frames(stopped_clock: None) -> None:
    app = guarded("--public", "--limit", "2", password="")
    frames = "/api/frames?" + "&".join(["q=window%3D60"] * 16)
    statuses = [ask(app, frames, peer="192.0.2.1").status for _ in range(3)]
    # Twenty are allowed in ten seconds; the request that exceeds them is still answered.
    assert statuses == [200, 200, 429]
    assert ask(app, "/api/ticks", peer="192.0.2.1").status == 429
    assert ask(app, frames, peer="192.0.2.2").status == 200


def test_request_limiter_memory_is_bounded() -> None:
    requests = RequestRateLimiter(100, Clock())
    for number in range(MAX_CLIENTS + 5000):
        requests.seconds_to_wait(str(number))
    assert len(requests._counts) <= MAX_CLIENTS + 1


def test_rate_limited_response_has_retry_after(stopped_clock: None) -> None:
    app = guarded("--public", "--limit", "1", password="")
    flood = [ask(app, "/api/ticks", peer="192.0.2.1") for _ in range(11)]
    assert [each.status for each in flood[:10]] == [200] * 10
    assert flood[10].status == 429
    assert int(flood[10].headers["retry-after"]) >= 1
    assert "too many requests" in flood[10].json["error"]
    assert flood[10].headers["x-content-type-options"] == "nosniff"
    assert ask(app, "/api/ticks", peer="192.0.2.2").status == 200


def test_ipv6_network_shares_one_rate_limit(stopped_clock: None) -> None:
    app = guarded("--public", "--limit", "1", password="")
    statuses = [ask(app, "/healthz", peer=f"2001:db8:1:2::{number:x}").status for number in range(1, 12)]
    assert statuses == [200] * 10 + [429]
    assert ask(app, "/healthz", peer="2001:db8:1:3::1").status == 200
    assert rate_limit_key("2001:db8:1:2::1") == rate_limit_key("2001:db8:1:2:ffff::9")


def test_local_proxy_is_not_limited_and_trusted_proxy_names_clients(stopped_clock: None) -> None:
    unnamed = guarded("--public", "--limit", "1", password="")
    assert {ask(unnamed, "/healthz", x_forwarded_for="192.0.2.1").status for _ in range(30)} == {200}
    trusted = guarded("--public", "--limit", "1", "--trusted-proxy", "127.0.0.1", password="")
    asked = [ask(trusted, "/healthz", x_forwarded_for="192.0.2.1").status for _ in range(11)]
    assert asked == [200] * 10 + [429]
    assert ask(trusted, "/healthz", x_forwarded_for="192.0.2.2").status == 200
    # Nor is a proxy in a private network, as hosting platforms have, although it is not configured.
    router = [
        ask(unnamed, "/healthz", peer="10.1.2.3", x_forwarded_for="192.0.2.1").status for _ in range(30)
    ]
    assert set(router) == {200}
    stranger = [
        ask(unnamed, "/healthz", peer="8.8.8.8", x_forwarded_for="192.0.2.1").status for _ in range(11)
    ]
    assert stranger == [200] * 10 + [429]
    # Any client may have written the entries before that of the proxy.
    forged = [ask(trusted, "/healthz", x_forwarded_for=f"198.51.100.{n}, 192.0.2.1").status for n in range(3)]
    assert forged == [429] * 3
    assert {ask(trusted, "/healthz").status for _ in range(30)} == {200}
