"""Host paths: valid names, unknown hosts, and the size of the router's cache."""

from __future__ import annotations

import pytest
from fake_hosts import Clock, Fleet
from host_pages import layout, served
from wsgi_client import ask

from dashapp.http.types import WSGIApp
from dashapp.stores.memory import MemoryStore
from dashapp.web.host_routes import MAX_CACHED_TARGETS, MAX_COMPARED_HOSTS, HostRouter, PageTarget


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet(Clock())
    fleet.add("web-1", 100)
    return fleet


@pytest.fixture
def app(fleet: Fleet) -> WSGIApp:
    return served(fleet)


PATHS = [
    ("/host//", "not a valid host name"),
    ("/host/web-1,/", "not a valid host name"),
    ("/host/./", "not a valid host name"),
    ("/host/../", "not a valid host name"),
    ("/host/<script>alert(1)</script>/", "not a valid host name"),
    ("/host/web 1/", "not a valid host name"),
    ("/host/wéb/", "not a valid host name"),
    ("/host/web-1\n/", "not a valid host name"),
    ("/host/web-1\x00/api/ticks", "not a valid host name"),
    (f"/host/{'a' * 65}/", "not a valid host name"),
    ("/host/" + ",".join(f"a{n}" for n in range(MAX_COMPARED_HOSTS + 1)) + "/", "at most 32"),
    ("/host/" + "a," * 100_000 + "b/", None),
]


@pytest.mark.parametrize(("path", "problem"), PATHS, ids=range(len(PATHS)))
def test_host_path_with_invalid_name_returns_400(app: WSGIApp, path: str, problem: str | None) -> None:
    answer = ask(app, path)
    assert answer.status in ((400,) if problem else (200, 308))
    if problem:
        assert problem in answer.json["error"]
        assert len(answer.body) < 300
        assert answer.headers["content-type"] == "application/json"


def test_host_path_without_name_redirects_to_host_list(app: WSGIApp) -> None:
    answer = ask(app, "/host/")
    assert (answer.status, answer.headers["location"]) == (303, "../")


@pytest.mark.parametrize("path", ["/host/nobody/", "/host/nobody,either/"])
def test_unknown_host_has_page_but_api_returns_404(app: WSGIApp, path: str) -> None:
    page = ask(app, path)
    assert page.status == 200
    assert b"page.bundle.js" in page.body
    refused = ask(app, f"{path}api/ticks?window=100")
    assert refused.status == 404
    assert "no data was received, or it has expired." in refused.json["error"]
    assert ask(app, f"{path}healthz").status == 404
    assert layout(app, path).startswith("{")


def test_host_routes_follow_added_and_removed_hosts(app: WSGIApp, fleet: Fleet) -> None:
    assert ask(app, "/host/late/api/ticks").status == 404
    both = ask(app, "/host/late,web-1/api/ticks").json
    assert both["notices"] == ["There is no host late in this store; the others are shown."]
    fleet.add("late", 10)
    assert len(ask(app, "/host/late/api/ticks").json["t"]) == 10
    now_both = ask(app, f"/host/late,web-1/api/ticks?after={both['cursor']}").json
    assert now_both["reset"]
    assert "late/cpu.percent" in now_both["y"]
    assert "notices" not in now_both
    fleet.forget("late")
    assert ask(app, "/host/late/api/ticks").status == 404
    assert "late/cpu.percent" not in ask(app, "/host/late,web-1/api/ticks").json["y"]


def test_host_path_without_slash_redirects(app: WSGIApp) -> None:
    answer = ask(app, "/host/web-1,web-2?window=300")
    assert (answer.status, answer.headers["location"]) == (308, "./web-1,web-2/?window=300")


def test_host_router_cache_is_bounded() -> None:
    fleet = Fleet(Clock())
    for number in range(2 * MAX_CACHED_TARGETS):
        fleet.add(f"web-{number}", 1)
    made: list[PageTarget] = []

    def serve(place: PageTarget) -> WSGIApp:
        made.append(place)
        return lambda environ, start: start("200 OK", []) or []

    paths = HostRouter(fleet, serve(PageTarget(MemoryStore())), serve)
    for number in range(2 * MAX_CACHED_TARGETS):
        ask(paths, f"/host/web-{number}/api/ticks")
        ask(paths, f"/host/nobody-{number}/")
    assert len(paths._cache) <= MAX_CACHED_TARGETS
    assert all(key[1] for key in paths._cache), "nobody's page is kept"
    before = len(made)
    ask(paths, f"/host/web-{2 * MAX_CACHED_TARGETS - 1}/api/ticks")
    assert len(made) == before
    ask(paths, "/host/web-0/api/ticks")
    assert len(made) == before + 1
