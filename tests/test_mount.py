"""Mounted in somebody's Flask application: theirs stays theirs, ours is below the prefix, and who may see."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask, Response, abort, redirect, request, session
from processes import ROOT
from werkzeug.middleware.proxy_fix import ProxyFix
from wsgi import Answer, ask

import dashapp
from dashapp.api import App
from dashapp.model import DashappError, MountError, SettingsError, Tick
from dashapp.stores.disk import DiskStore


class Host:
    """An application with whatever one may have; `seen` is what its hooks saw."""

    def __init__(self, **config: Any) -> None:
        self.seen: list[str] = []
        app = self.app = Flask("host")
        app.config.update({"SECRET_KEY": "a secret", "TESTING": True, **config})

        @app.get("/")
        def home() -> str:
            session["visits"] = session.get("visits", 0) + 1
            return f"home {session['visits']}"

        @app.get("/monitors")
        def beside() -> str:
            return "beside"

        @app.get("/fails")
        def fails() -> str:
            abort(418)

        @app.before_request
        def before() -> None:
            self.seen.append(f"before {request.path}")

        @app.after_request
        def after(response: Response) -> Response:
            self.seen.append(f"after {request.path}")
            response.headers["x-host"] = "yes"
            return response

        @app.teardown_request
        def teardown(_: BaseException | None) -> None:
            self.seen.append(f"teardown {request.path}")

        @app.errorhandler(404)
        def lost(_: Exception) -> tuple[str, int]:
            return "the host's own 404", 404

        @app.errorhandler(401)
        def unknown(_: Exception) -> tuple[str, int]:
            return "the host's own 401", 401

    def ask(self, path: str, **more: Any) -> Answer:
        return ask(wsgi(self.app), path, **{"host": "shop.test", **more})


def wsgi(app: Flask) -> App:
    return cast("App", app)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """With one tick in it."""
    folder = tmp_path / "store"
    disk = DiskStore(folder)
    disk.append(Tick(1_800_000_000, 1, {"cpu.percent": 12.5}))
    disk.close()
    return folder


Mounted = Callable[..., Host]


@pytest.fixture
def mounted(store: Path) -> Mounted:
    def make(at: str = "/monitor/", config: dict[str, Any] | None = None, **settings: Any) -> Host:
        host = Host(**(config or {}))
        dashapp.mount(host.app, at, **{"store": store, "collect": False, **settings})
        return host

    return make


# The host's own.


@pytest.mark.parametrize(
    "path", ["/", "/monitors", "/monitorx/", "/nothing", "/fails", "/api/ticks", "/assets/style.css"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_what_is_the_hosts_is_answered_as_before(mounted: Mounted, path: str, method: str) -> None:
    alone, both = Host(), mounted()
    expected, got = alone.ask(path, method=method), both.ask(path, method=method)
    assert (got.status, got.body) == (expected.status, expected.body)
    assert got.headers.keys() == expected.headers.keys()
    assert both.seen == alone.seen != []


def test_hooks_of_the_host_see_nothing_of_ours(mounted: Mounted) -> None:
    host = mounted()
    for path in ("/monitor/", "/monitor/api/ticks", "/monitor/nothing", "/monitor"):
        answer = host.ask(path)
        assert "x-host" not in answer.headers
        assert "set-cookie" not in answer.headers
    assert host.seen == []


def test_sessions_go_on(mounted: Mounted) -> None:
    client = mounted().app.test_client()
    assert client.get("/").text == "home 1"
    assert client.get("/monitor/").status_code == 200
    assert client.get("/").text == "home 2"


def test_config_routes_and_environment_are_as_they_were(mounted: Mounted) -> None:
    alone, both = Host().app, mounted().app
    assert both.config == alone.config
    assert [*map(str, both.url_map.iter_rules())] == [*map(str, alone.url_map.iter_rules())]
    assert both.blueprints == alone.blueprints == {}
    assert both.view_functions.keys() == alone.view_functions.keys()
    assert both.before_request_funcs.keys() == alone.before_request_funcs.keys()
    assert both.error_handler_spec.keys() == alone.error_handler_spec.keys()
    # Made at its first use, from settings that may come after the mount.
    assert "jinja_env" not in vars(both)


# Ours below the prefix.


@pytest.mark.parametrize("at", ["/monitor/", "/ops/machine/", "monitor", "/monitor", "monitor/"])
def test_every_address_of_the_page_is_below_the_prefix(mounted: Mounted, at: str) -> None:
    host = mounted(at)
    root = f"/{at.strip('/')}/"
    page = host.ask(root)
    assert page.status == 200
    assert b'"requests_pathname_prefix":"./"' in page.body
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.body.decode())
    assert len(addresses) > 12
    for address in addresses:
        assert address.startswith("./")
        assert host.ask(root + address[2:]).status == 200, address
    assert host.ask(root + "api/ticks?window=10").json["t"] == [1_800_000_000_000]
    for path in ("api/metrics", "api/alerts", "healthz", "metrics"):
        assert host.ask(root + path).status == 200, path
    assert host.ask(root + "nothing").status == 404
    assert host.ask(root + "../").status == 404


def test_the_prefix_without_its_slash_leads_to_the_page(mounted: Mounted) -> None:
    host = mounted("/ops/machine/")
    answer = host.ask("/ops/machine?window=60")
    assert answer.status == 308
    # Relative: right behind any proxy, whatever it calls the host.
    assert answer.headers["location"] == "machine/?window=60"


def test_the_guard_stays_in_front(mounted: Mounted) -> None:
    host = mounted()
    page = host.ask("/monitor/")
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    data = host.ask("/monitor/api/ticks")
    assert data.headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors")
    assert data.headers["x-content-type-options"] == "nosniff"
    assert host.ask("/monitor/api/push", method="POST", sec_fetch_site="cross-site").status == 403


def test_names_of_processes_stay_unseen_unless_asked_for(mounted: Mounted) -> None:
    path = "/monitor/api/ticks?processes=1"
    assert mounted().ask(path).status == 400
    assert mounted(processes="always").ask(path).status == 200


def test_two_at_two_prefixes(mounted: Mounted, tmp_path: Path) -> None:
    host = mounted("/one/")
    dashapp.mount(host.app, "/two/", store=tmp_path / "none", collect=False, title="The second")
    assert b"<title>dashapp</title>" in host.ask("/one/").body
    assert b"<title>The second</title>" in host.ask("/two/").body
    assert host.ask("/one/api/ticks").json["t"]
    assert not host.ask("/two/api/ticks").json["t"]
    assert host.ask("/").body == b"home 1"


def test_a_store_that_is_not_there_is_said(mounted: Mounted, tmp_path: Path) -> None:
    host = mounted(store=tmp_path / "none")
    assert host.ask("/monitor/").status == 200
    answer = host.ask("/monitor/api/ticks")
    assert answer.status == 200
    assert "no store" in " ".join(answer.json["notices"])
    assert str(tmp_path).encode() not in answer.body
    assert not (tmp_path / "none").exists()


def test_pushing_needs_the_token_given(mounted: Mounted) -> None:
    host = mounted(push_token="a-token-of-more-than-sixteen")
    token = "a-token-of-more-than-sixteen"
    push = {"method": "POST", "body": b"{}"}
    assert host.ask("/monitor/api/push", **push).status == 401
    assert host.ask("/monitor/api/push", **push, authorization="Bearer wrong but long").status == 403
    assert host.ask("/monitor/api/push", **push, authorization=f"Bearer {token}").status == 400


# Which hosts, behind which proxy.


def test_the_hosts_own_trusted_names_hold_for_ours(mounted: Mounted) -> None:
    host = mounted(config={"TRUSTED_HOSTS": [".shop.test"]})
    assert host.ask("/monitor/", host="www.shop.test").status == 200
    for path in ("/monitor/", "/monitor/api/ticks", "/monitor"):
        assert host.ask(path, host="evil.test").status == 400


def test_hosts_may_be_given_to_ours_alone(mounted: Mounted) -> None:
    host = mounted(hosts=["ops.shop.test"])
    assert host.ask("/monitor/", host="ops.shop.test").status == 200
    assert host.ask("/monitor/", host="shop.test").status == 400
    assert host.ask("/", host="shop.test").status == 200


@pytest.mark.parametrize("first", ["mount", "proxy"])
def test_what_a_proxy_says_holds_for_ours_too(store: Path, first: str) -> None:
    host = Host()
    asked: list[tuple[str, str]] = []

    def protect() -> bool:
        asked.append((request.remote_addr or "", request.script_root))
        return request.remote_addr == "203.0.113.9"

    def wrap() -> None:
        host.app.wsgi_app = ProxyFix(host.app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]

    if first == "proxy":
        wrap()
    dashapp.mount(host.app, "/monitor/", store=store, collect=False, protect=protect)
    if first == "mount":
        wrap()
    told = {"x_forwarded_for": "203.0.113.9", "x_forwarded_prefix": "/outer"}
    assert host.ask("/monitor/", **told).status == 200
    assert asked == [("203.0.113.9", "/outer")]
    assert host.ask("/monitor/").status == 403
    assert host.ask("/", **told).body == b"home 1"


# Who may see.


def logged_in() -> Any:
    return bool(session.get("user"))


EVERY = [
    "/monitor",
    "/monitor/",
    "/monitor/api/ticks",
    "/monitor/api/csv",
    "/monitor/healthz",
    "/monitor/metrics",
    "/monitor/assets/style.css",
    "/monitor/_dash-layout",
    "/monitor/nothing",
    "/monitor/api/push",
]


@pytest.mark.parametrize("path", EVERY)
def test_protect_covers_every_path(mounted: Mounted, path: str) -> None:
    host = mounted(protect=logged_in)
    for method in ("GET", "POST", "HEAD"):
        answer = host.ask(path, method=method)
        assert answer.status == 403
        assert answer.headers["cache-control"] == "no-store"
    assert host.ask("/").status == 200


def test_who_is_logged_in_sees(mounted: Mounted) -> None:
    host = mounted(protect=logged_in)
    client = host.app.test_client()
    assert client.get("/monitor/").status_code == 403
    with client.session_transaction() as mine:
        mine["user"] = "ann"
    assert client.get("/monitor/").status_code == 200
    assert client.get("/monitor/api/ticks").json["t"]  # type: ignore[index]


def test_the_predicate_may_lead_to_the_login_and_back(mounted: Mounted) -> None:
    def protect() -> Any:
        if session.get("user"):
            return True
        session["next"] = request.full_path
        return redirect("/login")

    host = mounted(protect=protect)
    client = host.app.test_client()
    answer = client.get("/monitor/?window=60")
    assert (answer.status_code, answer.location) == (302, "/login")
    # What the host opened for the predicate it closes; its other hooks are for requests of its own.
    assert host.seen == ["teardown /monitor/"]
    with client.session_transaction() as mine:
        assert mine["next"] == "/monitor/?window=60"


def test_the_predicate_may_abort(mounted: Mounted) -> None:
    host = mounted(protect=lambda: abort(401))
    answer = host.ask("/monitor/")
    assert (answer.status, answer.body) == (401, b"the host's own 401")


@pytest.mark.parametrize("verdict", [False, None])
def test_no_is_no(mounted: Mounted, verdict: Any) -> None:
    assert mounted(protect=lambda: verdict).ask("/monitor/").status == 403


def test_a_predicate_that_breaks_lets_nobody_in(mounted: Mounted) -> None:
    host = mounted(config={"TESTING": False, "PROPAGATE_EXCEPTIONS": False}, protect=lambda: 1 // 0)
    answer = host.ask("/monitor/api/ticks")
    assert answer.status == 500
    assert b"cursor" not in answer.body


# A chart in the host's page.


def chart(host: Host, call: str, **more: Any) -> str:
    with host.app.test_request_context("/", **more):
        return host.app.jinja_env.from_string("").render() + render(call)


def render(call: str) -> str:
    from flask import render_template_string

    return render_template_string("{{ " + call + " }}")


def test_a_template_gets_a_chart_as_wide_as_its_place(mounted: Mounted) -> None:
    html = chart(mounted(), 'dashapp_chart("cpu.percent", window=60, height=240, theme="dark")')
    assert html.startswith('<iframe class="dashapp-chart" src="/monitor/?bare=1&amp;chart=cpu.percent&amp;')
    assert "window=60" in html
    assert 'width="100%"' in html
    assert 'height="240"' in html
    assert "theme=dark" in html


def test_a_chart_is_where_a_proxy_has_put_the_host(mounted: Mounted) -> None:
    html = chart(mounted(), 'dashapp_chart("cpu.percent")', environ_overrides={"SCRIPT_NAME": "/outer"})
    assert 'src="/outer/monitor/?' in html


def test_a_chart_of_one_of_two(mounted: Mounted, store: Path) -> None:
    host = mounted("/one/")
    dashapp.mount(host.app, "/two/", store=store, collect=False)
    assert 'src="/one/?' in chart(host, 'dashapp_chart("a")')
    assert 'src="/two/?' in chart(host, 'dashapp_chart("a", at="/two/")')


@pytest.mark.parametrize("name", ['"><script>alert(1)</script>', "a&b=c", "#", "ä", "a b", "cpu.core*"])
def test_a_hostile_name_stays_a_name(mounted: Mounted, name: str) -> None:
    host = mounted()
    with host.app.test_request_context("/"):
        from flask import render_template_string

        html = render_template_string("{{ dashapp_chart(name, title=name) }}", name=name)
    assert html.count("<") == 2
    assert "<script" not in html
    src = re.search(r'src="([^"]+)"', html)
    assert src is not None
    assert host.ask(src[1].replace("&amp;", "&")).status == 200


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("dashapp_chart()", "has 0 metrics"),
        ("dashapp_chart(7)", 'a metric is 7; expected a name, such as "cpu.percent"'),
        ('dashapp_chart("")', "a metric is"),
        ('dashapp_chart("a,b")', "a metric is"),
        ('dashapp_chart("a", window=1)', "window is 1; expected seconds from 10 to"),
        ('dashapp_chart("a", window="wide")', 'window is "wide"'),
        ('dashapp_chart("a", height=0)', "height is 0; expected pixels from 80"),
        ('dashapp_chart("a", theme="pink")', 'theme is "pink"; expected auto, dark, light'),
        ('dashapp_chart("a", at="/nowhere/")', 'at is "/nowhere/"; dashapp is mounted at /monitor/'),
    ],
)
def test_a_chart_that_cannot_be_meant_is_said_to_the_developer(
    mounted: Mounted, call: str, told: str
) -> None:
    with pytest.raises(MountError, match=re.escape(told)) as error:
        chart(mounted(), call)
    assert "\n" not in str(error.value)


# What cannot be mounted.


def own_routes() -> Flask:
    app = Flask("host")
    app.add_url_rule("/admin/users", "users", lambda: "")
    app.add_url_rule("/reports", "reports", lambda: "")
    app.add_url_rule("/<path:rest>", "rest", lambda rest: rest)
    return app


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("/admin/", 'the prefix "/admin/" holds the application\'s own route "/admin/users"; choose another'),
        ("/admin/users/", "holds the application's own route"),
        ("/reports", 'holds the application\'s own route "/reports"'),
        ("/static/", "holds the application's own route"),
        ("/", 'the prefix is "/", which is all of the application'),
        ("", "which is all of the application"),
        ("/mon itor/", 'the prefix is "/mon itor/"; expected letters'),
        ("/mon//itor/", "expected letters"),
        ("/../", "expected letters"),
        ("/a/../b/", "expected letters"),
        ("/mönitor/", "expected letters"),
        ("/monitor?x=1", "expected letters"),
        ("https://shop.test/monitor/", "expected letters"),
        (None, "the prefix is null; expected letters"),
        (7, "the prefix is 7"),
    ],
)
def test_a_prefix_that_cannot_be_had(at: Any, told: str) -> None:
    app = own_routes()
    before = app.wsgi_app
    with pytest.raises(MountError, match=re.escape(told)) as error:
        dashapp.mount(app, at)
    assert "\n" not in str(error.value)
    assert app.wsgi_app == before
    assert app.extensions == {}


def test_a_route_for_all_that_is_nobody_elses_is_no_collision() -> None:
    app = own_routes()
    dashapp.mount(app, "/monitor/", collect=False)
    assert ask(wsgi(app), "/monitor/healthz").status == 200
    assert ask(wsgi(app), "/another").body == b"another"


@pytest.mark.parametrize("at", ["/monitor/", "monitor", "/monitor/two/", "/monitor/two/three"])
def test_two_at_one_prefix(mounted: Mounted, at: str) -> None:
    host = mounted("/monitor/two/" if at == "/monitor/" else "/monitor/")
    with pytest.raises(MountError, match="dashapp is mounted at"):
        dashapp.mount(host.app, at)


def test_a_route_that_comes_later_is_warned_of(mounted: Mounted, caplog: pytest.LogCaptureFixture) -> None:
    host = mounted()
    host.app.add_url_rule("/monitor/later", "later", lambda: "")
    assert host.ask("/").status == 200
    assert host.ask("/").status == 200
    assert [line for line in caplog.messages if "/monitor/later" in line] == [
        'the prefix "/monitor/" holds the application\'s own route "/monitor/later"; choose another'
    ]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"windw": 100}, "windw is not a setting; did you mean window?"),
        ({"colect": False}, "colect is not a setting; did you mean collect?"),
        ({"zzz": 1}, "zzz is not a setting; hosts, store, interval"),
        ({"port": 80}, "port is no setting here: the application's own server decides it"),
        ({"public": True}, "public is no setting here"),
        ({"collector": False}, "collector is no setting here: collect=False"),
        ({"window": 1}, 'window is "1"; expected seconds from 10'),
        ({"window": None}, "window is"),
        ({"interval": "often"}, 'interval is "often"'),
        ({"store": "memory:"}, 'store is "memory:"; expected a folder'),
        ({"source": "stdin"}, 'source is "stdin"'),
        ({"source": ["nonesuch"]}, 'source is "nonesuch"; expected'),
        ({"push_token": "short"}, "push_token has 5 characters"),
        ({"config": "/nonesuch.toml"}, 'config is "/nonesuch.toml"; there is no such file'),
        ({"protect": "yes"}, "protect is 'yes'; expected a function without arguments"),
    ],
)
def test_a_setting_that_cannot_work(settings: dict[str, Any], told: str) -> None:
    app = Flask("host")
    with pytest.raises(DashappError) as error:
        dashapp.mount(app, "/monitor/", **settings)
    assert told in str(error.value)
    assert "--" not in str(error.value)
    assert app.extensions == {}


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        dashapp.mount(Flask("host"), windw=1, port=80)
    assert len(error.value.problems) == 2


@pytest.mark.parametrize("host", ["app", None, object()])
def test_what_is_no_flask_application(host: Any) -> None:
    with pytest.raises(MountError, match="mount takes a Flask application, and was given a"):
        dashapp.mount(host, "/monitor/")


def test_a_servers_settings_are_not_ours(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    for name, value in {
        "PORT": "none",
        "WEB_CONCURRENCY": "x",
        "DASHAPP_HOST": "x",
        "DASHAPP_TITLE": "Ours",
    }.items():
        monkeypatch.setenv(name, value)
    host = Host()
    dashapp.mount(host.app, "/monitor/", store=store, collect=False)
    assert b"<title>Ours</title>" in host.ask("/monitor/").body


def test_a_hosts_own_tests_start_nothing(tmp_path: Path) -> None:
    host = Host()
    dashapp.mount(host.app, "/monitor/", store=tmp_path / "store")
    assert host.ask("/monitor/").status == 200
    assert not (tmp_path / "store").exists()


def test_settings_are_given_as_python_has_them(mounted: Mounted) -> None:
    host = mounted(
        window=60,
        interval=0.5,
        title="Our machine",
        hosts=["shop.test", "www.shop.test"],
        threshold=["cpu.percent > 90 for 30s", "cpu.percent < 1 for 5m"],
        panel=[{"name": "orders", "title": 'The "orders"', "metrics": ["orders.*"], "kind": "bar"}],
        retention=("1d", "2d", "3d"),
    )
    layout = host.ask("/monitor/_dash-layout").body.decode()
    assert 'The \\"orders\\"' in layout
    assert "60 seconds" in layout or "1 minute" in layout
    assert b"<title>Our machine</title>" in host.ask("/monitor/", host="www.shop.test").body
    assert host.ask("/monitor/", host="other.test").status == 400
    assert host.ask(f"/monitor/api/ticks?window={3 * 86_400}").status == 200
    assert host.ask(f"/monitor/api/ticks?window={3 * 86_400 + 1}").status == 400


def test_no_collector_is_no_trouble_to_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_more(*_: Any, **__: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("dashapp.keeper.Thread", no_more)
    host = Host(TESTING=False)
    dashapp.mount(host.app, "/monitor/", store=tmp_path / "store")
    assert host.ask("/").body == b"home 1"
    assert caplog.messages == ["no collector is kept here: can't start new thread"]


def test_the_example_is_as_short_as_it_says() -> None:
    """It is run by tests/test_package.py."""
    lines = (ROOT / "examples" / "flask_app.py").read_text().partition("import dashapp")[2].splitlines()
    code = [line for line in lines if line.strip()]
    assert len(code) < 10
    assert sum("dashapp" in line for line in code) == 2
