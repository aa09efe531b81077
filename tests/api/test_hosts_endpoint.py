"""Hosts over HTTP: the list, the page and API of each host, overlays, and unknown hosts."""

from __future__ import annotations

import re

import pytest
from authenticated_app import TOKEN
from fake_hosts import NOW, Clock, Fleet
from host_pages import layout, served
from wsgi_client import Answer, ask

from dashapp.config.settings import Settings
from dashapp.http.types import WSGIApp
from dashapp.model.panels import Panel
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fleet(clock: Clock) -> Fleet:
    fleet = Fleet(clock)
    fleet.add("web-1", 100)
    fleet.add("web-2", 100, skew=300)
    fleet.add("web-3", 100)
    return fleet


@pytest.fixture
def app(fleet: Fleet) -> WSGIApp:
    return served(fleet)


def test_hosts_endpoint_lists_state_newest_age_and_skew(app: WSGIApp, fleet: Fleet, clock: Clock) -> None:
    fleet.add("new")
    clock.now += 60
    fleet.come(["web-1", "web-2"])
    fleet.machines["web-1"].arrived_ms += 30
    answer = ask(app, "/api/hosts").json
    assert answer["now"] == NOW + 60
    assert [row["name"] for row in answer["hosts"]] == ["new", "web-1", "web-2", "web-3"]
    new, first, second, third = answer["hosts"]
    assert new == {"name": "new", "state": "stale", "newest": None, "age": None, "skew": None, "values": {}}
    assert set(first) == {"name", "state", "newest", "age", "skew", "values"}
    assert (first["state"], first["newest"], first["age"], first["skew"]) == ("live", 1000 * (NOW + 60), 0, 0)
    assert str(first["skew"]) == "0.0"
    assert set(first["values"]) == {"cpu.percent", "memory.percent"}
    assert (second["state"], second["newest"], second["skew"]) == ("live", 1000 * (NOW + 360), 300)
    assert (third["state"], third["newest"], third["age"]) == ("stale", 1000 * NOW, 60)


def test_host_state_is_unknown_when_store_is_down(app: WSGIApp, fleet: Fleet, clock: Clock) -> None:
    fleet.said = ["Redis does not answer."]
    fleet.come(["web-1"])
    states = {row["name"]: row["state"] for row in ask(app, "/api/hosts").json["hosts"]}
    assert states["web-1"] == "live"
    clock.now += 60
    assert {row["state"] for row in ask(app, "/api/hosts").json["hosts"]} == {"unknown"}


def test_host_that_stopped_is_stale_after_clock_of_store_was_set_back(
    app: WSGIApp, fleet: Fleet, clock: Clock
) -> None:
    clock.now -= 1500
    assert {row["state"] for row in ask(app, "/api/hosts").json["hosts"]} == {"stale"}
    fleet.machines["web-1"].append(NOW + 1, clock.now)
    states = {row["name"]: row["state"] for row in ask(app, "/api/hosts").json["hosts"]}
    assert states["web-1"] == "live"
    assert states["web-2"] == "stale"


def test_ticks_endpoint_contains_hosts_on_request(app: WSGIApp) -> None:
    assert "hosts" not in ask(app, "/api/ticks").json
    assert len(ask(app, "/api/ticks?hosts=1").json["hosts"]) == 3
    assert len(ask(app, "/host/web-2/api/ticks?hosts=1").json["hosts"]) == 3
    refused = ask(app, "/api/ticks?hosts=yes")
    assert (refused.status, refused.json["error"]) == (400, 'hosts is "yes"; expected 1')


def test_hosts_endpoint_returns_404_for_single_host_store() -> None:
    app = create_app(MemoryStore(), Settings(store="memory:"))
    assert ask(app, "/api/hosts").status == 404
    refused = ask(app, "/api/ticks?hosts=1")
    assert refused.status == 400
    assert "one host only" in refused.json["error"]
    assert "hosts" not in layout(app)
    assert ask(app, "/host/web-1/").status == 404


@pytest.mark.parametrize("path", ["api/ticks", "api/metrics", "api/csv", "healthz", "readyz", "metrics"])
def test_each_host_has_its_own_api(app: WSGIApp, path: str) -> None:
    first, third = ask(app, f"/host/web-1/{path}"), ask(app, f"/host/web-3/{path}")
    assert first.status == third.status == 200
    if path in ("api/ticks", "api/csv", "metrics"):
        assert first.body != third.body
    assert "default-src 'none'; frame-ancestors" in first.headers["content-security-policy"]


def test_host_api_uses_clock_of_host(app: WSGIApp) -> None:
    answer = ask(app, "/host/web-2/api/ticks").json
    assert answer["now"] == NOW + 300
    assert answer["t"][-1] == 1000 * (NOW + 300)
    assert answer["notices"] == ["The clock of web-2 is 5 min ahead; this page shows its own times."]
    assert ask(app, "/host/web-2/readyz").json == {"status": "ok", "age": 0}


def test_host_api_continues_at_cursor(app: WSGIApp, fleet: Fleet, clock: Clock) -> None:
    for path in ("/host/web-2/", "/host/web-1,web-2/", "/"):
        cursor = ask(app, f"{path}api/ticks").json["cursor"]
        clock.now += 1
        fleet.come()
        more = ask(app, f"{path}api/ticks?after={cursor}").json
        assert (more["reset"], len(more["t"])) == (False, 1), path


def test_api_of_several_hosts_returns_overlay(app: WSGIApp) -> None:
    answer = ask(app, "/host/web-1,web-2/api/ticks").json
    assert {key.split("/")[0] for key in answer["y"]} == {"web-1", "web-2"}
    assert len(answer["t"]) == 100
    assert answer["now"] == NOW
    only = ask(app, "/host/web-1,web-2/api/ticks?metrics=web-2/cpu.percent").json
    assert list(only["y"]) == ["web-2/cpu.percent"]
    assert ask(app, "/host/web-1,web-2/metrics").status == 404
    assert ask(app, "/host/web-1,web-1/api/ticks").json["y"].keys() >= {"cpu.percent"}


def files(page: Answer) -> list[str]:
    return re.findall(r'(?:src|href)="([^"]+)"', page.body.decode())


def test_host_pages_share_static_files_of_root(app: WSGIApp) -> None:
    """Otherwise a browser would load a megabyte again for every host."""
    top, below = files(ask(app, "/")), files(ask(app, "/host/web-1/"))
    fetched = [each for each in top if "_dash-layout" not in each and "_dash-dependencies" not in each]
    assert all(each.startswith("./") for each in top)
    assert {each.replace("./", "../../", 1) for each in fetched} == {e for e in below if e.startswith("../")}
    assert {e for e in below if not e.startswith("../")} == {"./_dash-layout", "./_dash-dependencies"}
    assert files(ask(app, "/host/web-3/")) == below
    assert '"requests_pathname_prefix":"./"' in ask(app, "/host/web-1/").body.decode()
    for address in top:
        assert ask(app, address[1:]).status == 200


@pytest.mark.parametrize("path", ["/", "/host/web-1/", "/host/web-1,web-2/"])
def test_page_layout_contains_its_hosts(app: WSGIApp, path: str) -> None:
    text = layout(app, path).replace("\\u002f", "/")
    shown = "web-1,web-2" if "," in path else "web-1"
    assert f'"data-hosts":"{shown}"' in text
    assert f'"data-top":"{"yes" if path == "/" else "no"}"' in text
    # Each host has recorded processes; a comparison has none.
    assert f'"data-recorded":"{"off" if "," in path else "on"}"' in text
    assert ('"data-table":"hosts"' in text) == (path == "/")
    assert ("web-1/cpu.percent" in text) == ("," in path)


def test_host_list_is_hidden_with_one_host(clock: Clock) -> None:
    fleet = Fleet(clock)
    fleet.add("web-1", 10)
    text = layout(served(fleet))
    assert re.search(r'"id":"hosts"[^{}]*"className":"absent"', text)
    assert re.search(r'"className":"panel absent"[^{}]*"data-table":"hosts"', text)
    assert re.search(r'\{"children":\["web-1",[^\]]*\]\},"type":"H1"', text)


@pytest.mark.parametrize(("own", "shown"), [("web-3", "web-3"), ("", "web-1"), ("gone", "web-1")])
def test_root_serves_own_host_or_first(fleet: Fleet, own: str, shown: str) -> None:
    app = served(fleet, own, collector=False)
    assert ask(app, "/api/ticks").json["y"] == ask(app, f"/host/{shown}/api/ticks").json["y"]


def test_root_serves_local_store_without_hosts(clock: Clock) -> None:
    fleet = Fleet(clock)
    app = served(fleet)
    assert ask(app, "/api/ticks").json["t"] == []
    fleet.add("web-1", 10)
    assert len(ask(app, "/api/ticks").json["t"]) == 10


def test_root_keeps_first_live_host_until_it_is_removed(fleet: Fleet, clock: Clock) -> None:
    clock.now += 100
    fleet.come(["web-2", "web-3"])
    app = served(fleet, "", collector=False)
    assert '"data-hosts":"web-2"' in layout(app)
    fleet.come(["web-1"])
    assert '"data-hosts":"web-2"' in layout(app)
    fleet.forget("web-2")
    assert '"data-hosts":"web-1"' in layout(app)


def test_root_waits_for_own_host_before_first_tick(fleet: Fleet) -> None:
    app = served(fleet, "web-9")
    assert ask(app, "/api/ticks").json["t"] == []
    fleet.add("web-9", 10)
    assert len(ask(app, "/api/ticks").json["t"]) == 10
    assert '"data-hosts":"web-9"' in layout(app)


def test_processes_are_available_only_for_serving_host(fleet: Fleet) -> None:
    app = served(fleet, processes="always")
    assert ask(app, "/api/ticks?processes=1").status == 200
    assert ask(app, "/host/web-1/api/ticks?processes=1").status == 200
    refused = ask(app, "/host/web-3/api/ticks?processes=1")
    assert (refused.status, "of this host are not available" in refused.json["error"]) == (400, True)
    # The page of another host shows the names that its collector recorded.
    assert '"data-processes":"off"' in layout(app, "/host/web-3/")
    assert '"data-processes":"on"' in layout(app, "/host/web-1/")


def test_push_is_accepted_only_at_root(fleet: Fleet) -> None:
    app = served(fleet, push_token=TOKEN)
    assert ask(app, "/api/push", method="POST", body=b"{}").status == 401
    assert ask(app, "/host/web-1/api/push", method="POST", body=b"{}").status == 405


@pytest.mark.parametrize("hosts", [(), ("web-3",), ("web-1", "web-3")])
def test_csv_of_pattern_panel_is_served_on_every_page(fleet: Fleet, hosts: tuple[str, ...]) -> None:
    heat = Panel("heat", "Heat", metrics=("cpu.percent",), right=("memory.percent",))
    path = f"/host/{','.join(hosts)}" if hosts else ""
    answer = ask(served(fleet, panel=(heat,)), f"{path}/api/csv?panel=heat")
    before = [f"{name}/" for name in hosts] if len(hosts) > 1 else [""]
    keys = [f"{name}{key}" for name in before for key in ("cpu.percent", "memory.percent")]
    assert answer.body.decode().split("\r\n")[0] == ",".join(["time", *keys])
