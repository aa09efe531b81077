"""The prefix of a mount: it contains all URLs of the page and hides no other route."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_host import Mounted, mounter, store_of_a_tick, wsgi
from wsgi_client import ask

import dashapp
from dashapp.model.ticks import MountError

store = pytest.fixture(store_of_a_tick)
mounted = pytest.fixture(mounter)


@pytest.mark.parametrize("at", ["/monitor/", "/ops/machine/", "monitor", "/monitor", "monitor/"])
def test_page_urls_are_below_prefix(mounted: Mounted, at: str) -> None:
    host = mounted(at)
    root = f"/{at.strip('/')}/"
    page = host.ask(root)
    assert page.status == 200
    assert b'"requests_pathname_prefix":"./"' in page.body
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.body.decode())
    assert len(addresses) == 8
    for address in addresses:
        assert address.startswith("./")
        assert host.ask(root + address[2:]).status == 200, address
    assert host.ask(root + "api/ticks?window=10").json["t"] == [1_800_000_000_000]
    for path in ("api/metrics", "api/alerts", "healthz", "metrics"):
        assert host.ask(root + path).status == 200, path
    assert host.ask(root + "nothing").status == 404
    assert host.ask(root + "../").status == 404


def test_prefix_without_slash_redirects_to_page(mounted: Mounted) -> None:
    host = mounted("/ops/machine/")
    answer = host.ask("/ops/machine?window=60")
    assert answer.status == 308
    # The location is relative, and so correct behind any proxy.
    assert answer.headers["location"] == "./machine/?window=60"


def test_two_mounts_serve_their_own_prefixes(mounted: Mounted, tmp_path: Path) -> None:
    host = mounted("/one/")
    dashapp.mount(host.app, "/two/", store=tmp_path / "none", collect=False, title="The second")
    assert b"<title>dashapp</title>" in host.ask("/one/").body
    assert b"<title>The second</title>" in host.ask("/two/").body
    assert host.ask("/one/api/ticks").json["t"]
    assert not host.ask("/two/api/ticks").json["t"]
    assert host.ask("/").body == b"home 1"


def own_routes() -> Flask:
    app = Flask("host")
    app.add_url_rule("/admin/users", "users", lambda: "")
    app.add_url_rule("/reports", "reports", lambda: "")
    app.add_url_rule("/<path:rest>", "rest", lambda rest: rest)
    return app


@pytest.mark.parametrize(
    ("at", "problem"),
    [
        ("/admin/", 'the prefix "/admin/" contains the route "/admin/users"; choose another prefix'),
        ("/admin/users/", "contains the route"),
        ("/reports", 'contains the route "/reports"'),
        ("/static/", "contains the route"),
        ("/", 'the prefix is "/", the whole application'),
        ("", "the whole application"),
        ("/mon itor/", 'the prefix is "/mon itor/"; expected letters'),
        ("/mon//itor/", "expected letters"),
        ("/../", "expected letters"),
        ("/a/../b/", "expected letters"),
        ("/mönitor/", "expected letters"),
        ("/monitor?x=1", "expected letters"),
        ("https://shop.test/monitor/", "expected letters"),
        (None, "the prefix is None; expected letters"),
        (7, "the prefix is 7"),
    ],
)
def test_mount_rejects_invalid_prefix(at: Any, problem: str) -> None:
    app = own_routes()
    before = [*map(str, app.url_map.iter_rules())]
    with pytest.raises(MountError, match=re.escape(problem)) as error:
        dashapp.mount(app, at)
    assert "\n" not in str(error.value)
    assert [*map(str, app.url_map.iter_rules())] == before
    assert app.extensions == {}


def test_mount_allows_catch_all_route_of_application() -> None:
    app = own_routes()
    dashapp.mount(app, "/monitor/", collect=False)
    assert ask(wsgi(app), "/monitor/healthz").status == 200
    assert ask(wsgi(app), "/another").body == b"another"


@pytest.mark.parametrize("at", ["/monitor/", "monitor", "/monitor/two/", "/monitor/two/three"])
def test_mount_rejects_overlapping_prefix(mounted: Mounted, at: str) -> None:
    host = mounted("/monitor/two/" if at == "/monitor/" else "/monitor/")
    with pytest.raises(MountError, match="choose another prefix"):
        dashapp.mount(host.app, at)


def test_mount_warns_of_route_added_later_below_prefix(
    mounted: Mounted, caplog: pytest.LogCaptureFixture
) -> None:
    host = mounted()
    host.app.add_url_rule("/monitor/later", "later", lambda: "")
    assert host.ask("/").status == 200
    assert host.ask("/").status == 200
    assert [line for line in caplog.messages if "/monitor/later" in line] == [
        'the prefix "/monitor/" contains the route "/monitor/later"; choose another prefix'
    ]
