"""wsgi_app: the monitor as a WSGI application below a prefix, with a check of access."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import a2wsgi
import django.http
import pytest
import starlette.exceptions
import starlette.responses
from django_site import configure
from flask import abort
from flask_host import ALL_PATHS, Visitor, store_of_a_tick
from push_pipeline import TOKEN
from starlette.applications import Starlette
from starlette.routing import Mount
from waiting import wait_for
from werkzeug.local import LocalProxy
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.utils import redirect
from wsgi_client import Answer, ask

import dashapp
from dashapp.config.cli import CHILD_VARIABLE
from dashapp.http.types import WSGIApp
from dashapp.integrations.wsgi import MonitorApp
from dashapp.model.ticks import DashappError, MountError

store = pytest.fixture(store_of_a_tick)


def host(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"the host"]


def below(app: Any, prefix: str = "/monitor") -> WSGIApp:
    return DispatcherMiddleware(host, {prefix: app})  # type: ignore[return-value]


def get(app: Any, path: str = "/monitor/", **more: Any) -> Answer:
    return ask(below(app), path, **{"host": "shop.test", **more})


@pytest.fixture
def reading(store: Path) -> Any:
    def make(**options: Any) -> MonitorApp:
        return dashapp.wsgi_app(**{"store": store, "collect": False, **options})

    return make


# Paths.


def test_pages_are_served_below_the_prefix(reading: Any) -> None:
    app = reading()
    assert b"<title>dashapp</title>" in get(app).body
    assert get(app, "/monitor/api/ticks").json["y"]["cpu.percent"] == [12.5]
    assert get(app, "/monitor/nothing").status == 404
    assert get(app, "/").body == get(app, "/monitors").body == b"the host"


@pytest.mark.parametrize(
    ("prefix", "location"),
    [("/monitor", "./monitor/"), ("/a/b", "./b/"), ("/my site", "./my%20site/"), ("/a:b", "./a%3Ab/")],
)
def test_path_without_slash_redirects_to_the_prefix(reading: Any, prefix: str, location: str) -> None:
    answer = ask(below(reading(), prefix), f"{prefix}?window=60", host="shop.test")
    assert (answer.status, answer.headers["location"]) == (308, f"{location}?window=60")
    assert ask(below(reading(), prefix), f"{prefix}/", host="shop.test").status == 200


@pytest.mark.parametrize("path", ["/", ""])
def test_whole_server_can_be_the_monitor(reading: Any, path: str) -> None:
    assert ask(reading(), path).status == 200


def test_redirect_is_right_behind_a_proxy_with_its_own_prefix(reading: Any) -> None:
    app: Any = ProxyFix(below(reading()), x_prefix=1)
    assert ask(app, "/monitor", x_forwarded_prefix="/outer").headers["location"] == "./monitor/"
    page = ask(app, "/monitor/", x_forwarded_prefix="/outer")
    assert page.status == 200
    assert b'"/outer' not in page.body


@pytest.mark.parametrize("path", ["/monitor/", "/monitor/api/ticks", "/monitor/api/csv", "/monitor/nothing"])
def test_head_has_the_headers_of_get_without_a_body(reading: Any, path: str) -> None:
    app = reading()
    whole, head = get(app, path), get(app, path, method="HEAD")
    assert head.body == b""
    assert (head.status, head.headers.keys()) == (whole.status, whole.headers.keys())


def test_options_names_the_methods(reading: Any) -> None:
    answer = get(reading(), method="OPTIONS")
    assert {each.strip() for each in answer.headers["allow"].split(",")} == {"GET", "HEAD", "OPTIONS"}
    assert get(reading(), "/monitor/api/ticks", method="POST").status == 405


def test_response_is_streamed_and_closed(reading: Any) -> None:
    app, closed = reading(), []

    class Rows(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    rows = Rows([b"a", b"b"])

    def stream(environ: dict[str, Any], start_response: Any) -> Rows:
        start_response("200 OK", [])
        return rows

    app.monitor._app = stream
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/csv"}
    assert app(environ, lambda *_: None) is rows
    assert app({**environ, "REQUEST_METHOD": "HEAD"}, lambda *_: None) == []
    assert closed == [True]


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b""}


def asgi_status(app: Any, path: str, root_path: str) -> int:
    """Return the status of a GET request on an ASGI server with this root path."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": root_path,
        "query_string": b"",
        "headers": [(b"host", b"shop.test")],
        "client": ("127.0.0.1", 1),
    }
    with ThreadPoolExecutor(1) as pool:
        # This thread may have the event loop of a browser test.
        pool.submit(lambda: asyncio.run(app(scope, receive, send))).result()
    return int(sent[0]["status"])


@pytest.mark.parametrize("prefix", ["/monitor", "/a/b", "/é"])
@pytest.mark.parametrize(
    ("outer", "sent"),
    # The second is a proxy that removes its prefix.
    [("", ""), ("/outer", ""), ("/outer", "/outer")],
)
def test_mount_in_an_asgi_app_works_behind_a_proxy(reading: Any, prefix: str, outer: str, sent: str) -> None:
    adapted: Any = a2wsgi.WSGIMiddleware(reading())
    app = Starlette(routes=[Mount(prefix, adapted)])
    for path in ("/", "/api/ticks", "/chart/cpu.percent"):
        assert asgi_status(app, f"{sent}{prefix}{path}", outer) == 200
    assert asgi_status(app, f"{sent}{prefix}/nothing", outer) == 404


def test_environ_of_the_host_is_unchanged(reading: Any) -> None:
    app = reading(protect=lambda environ: environ.clear() or True)
    changes = []

    def compare(environ: dict[str, Any], start_response: Any) -> Any:
        before = {**environ}
        try:
            return app(environ, start_response)
        finally:
            changes.append(environ == before)

    assert ask(compare, "").status == 200
    assert changes == [True]


def test_hosts_setting_applies(reading: Any) -> None:
    app = reading(hosts=["ops.shop.test"])
    assert get(app, host="ops.shop.test").status == 200
    assert get(app).status == 400


def test_two_monitors_have_their_own_settings(reading: Any) -> None:
    first, second = reading(title="First"), reading(title="Second")
    app: Any = DispatcherMiddleware(host, {"/one": first, "/two": second})
    assert b"<title>First</title>" in ask(app, "/one/", host="shop.test").body
    assert b"<title>Second</title>" in ask(app, "/two/", host="shop.test").body


# Access.


@pytest.mark.parametrize("path", ALL_PATHS)
def test_protect_covers_every_path(reading: Any, path: str) -> None:
    app = reading(protect=lambda environ: False)
    for method in ("GET", "POST", "HEAD", "OPTIONS", "DELETE"):
        if (method, path) == ("POST", "/monitor/api/push"):
            continue  # needs a token instead
        answer = get(app, path, method=method)
        assert (answer.status, answer.headers["cache-control"]) == (403, "no-store")


@pytest.mark.parametrize(
    ("path", "body", "statuses"),
    [
        ("/monitor/api/push", b'{"metrics": {"loss": 1}}', (403, 200)),
        ("/monitor/write", b"loss value=1", (401, 204)),
        ("/monitor/api/v2/write", b"loss value=1", (401, 204)),
    ],
)
def test_push_needs_its_token_instead_of_protect(
    reading: Any, path: str, body: bytes, statuses: tuple[int, int]
) -> None:
    app = reading(protect=lambda environ: False, push_token=TOKEN)

    def push(token: str) -> int:
        return get(app, path, method="POST", body=body, authorization=f"Bearer {token}").status

    assert push("wrong token 12345") == statuses[0]
    # The collector of this store is away.
    assert push(TOKEN) in (statuses[1], 503)


def test_protect_reads_the_request(reading: Any) -> None:
    app = reading(protect=lambda environ: environ.get("HTTP_X_USER") == "ann")
    assert get(app).status == 403
    assert get(app, x_user="ann").status == 200


@pytest.mark.parametrize("verdict", [False, None, 0, "", {}, (), Visitor(), LocalProxy(Visitor), len])
def test_protect_denies_on_value_that_grants_nothing(reading: Any, verdict: Any) -> None:
    assert get(reading(protect=lambda environ: verdict)).status == 403


@pytest.mark.parametrize("verdict", [True, 1, "ann", {"id": 1}, object(), LocalProxy(lambda: "ann")])
def test_protect_allows_on_true_value(reading: Any, verdict: Any) -> None:
    assert get(reading(protect=lambda environ: verdict)).status == 200


def refuse(error: Exception) -> None:
    raise error


def with_cookie(response: Any) -> Any:
    response.set_cookie("next", "monitor")
    return response


configure()


@pytest.mark.parametrize(
    "protect",
    [
        lambda environ: with_cookie(redirect("/login")),
        lambda environ: with_cookie(django.http.HttpResponseRedirect("/login")),
        lambda environ: with_cookie(starlette.responses.RedirectResponse("/login", 302)),
        lambda environ: ("", 302, {"location": "/login", "set-cookie": "next=monitor"}),
    ],
    ids=["werkzeug", "django", "starlette", "tuple"],
)
def test_protect_may_return_a_response(reading: Any, protect: Any) -> None:
    answer = get(reading(protect=protect))
    assert (answer.status, answer.headers["location"]) == (302, "/login")
    assert answer.headers["set-cookie"].startswith("next=monitor")


@pytest.mark.parametrize(
    "protect",
    [
        lambda environ: abort(401),
        lambda environ: refuse(starlette.exceptions.HTTPException(401, "no")),
        lambda environ: ("no", 401),
        lambda environ: starlette.responses.Response("no", 401),
        lambda environ: django.http.HttpResponse("no", status=401),
    ],
)
def test_protect_may_refuse_with_another_status(reading: Any, protect: Any) -> None:
    assert get(reading(protect=protect)).status == 401


@pytest.mark.parametrize(
    "verdict", [("no",) * 9, ("no", "x"), type("R", (), {"status_code": 1, "headers": 5})()]
)
def test_protect_denies_when_its_response_is_none(reading: Any, verdict: Any) -> None:
    assert get(reading(protect=lambda environ: verdict)).status == 403


def test_exception_of_protect_reaches_the_server(reading: Any) -> None:
    with pytest.raises(KeyError):
        get(reading(protect=lambda environ: environ["missing"]))


# Collection.


def test_collection_starts_with_the_first_request(tmp_path: Path) -> None:
    app = dashapp.wsgi_app(store=tmp_path / "store", sources={"seven": lambda: 7}, interval=0.1)
    assert app.monitor.collector is None
    get(app)
    wait_for(lambda: 7 in get(app, "/monitor/api/ticks").json["y"].get("seven", ()))
    stop(app)


def test_collection_starts_at_once_when_eager(tmp_path: Path) -> None:
    options: dict[str, Any] = {"store": tmp_path / "store", "sources": {"seven": lambda: 7}}
    app = dashapp.wsgi_app(**options, eager=True)
    wait_for((tmp_path / "store" / "tail").exists)
    stop(app)


def test_collector_of_the_application_starts_no_further_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CHILD_VARIABLE, "1")
    assert dashapp.wsgi_app(store=tmp_path / "store", eager=True).monitor.collector is None


def test_forked_worker_collects_after_its_first_request(tmp_path: Path) -> None:
    app = dashapp.wsgi_app(store=tmp_path / "store", sources={"pid": os.getpid}, interval=0.1)
    child = os.fork()
    if child == 0:
        try:
            wait_for(lambda: os.getpid() in get(app, "/monitor/api/ticks").json["y"].get("pid", ()))
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    # The lock of the child is free, so this process collects next.
    wait_for(lambda: os.getpid() in get(app, "/monitor/api/ticks").json["y"].get("pid", ()))
    stop(app)


def stop(app: MonitorApp) -> None:
    assert app.monitor.collector is not None
    app.monitor.collector.stop()


# Wrong arguments.


async def check(environ: dict[str, Any]) -> bool:
    return True


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"windw": 100}, "windw is not a setting; did you mean window?"),
        ({"protct": check}, "protct is not a setting; did you mean protect?"),
        ({"at": "/monitor/"}, "at is not a setting; expected one of hosts, frame_ancestors"),
        ({"port": 80}, "port is not a setting here: the application's own server decides it"),
        ({"password": "x"}, "password is not a setting here: the application's own login decides it"),
        ({"window": "x"}, 'window is "x"; expected seconds from 10'),
        ({"store": "memory:"}, 'store is "memory:"; expected a folder'),
        ({"source": "stdin"}, 'source is "stdin"'),
        ({"sources": 5}, "sources is 5; expected functions or names of sources"),
        ({"sources": "no_such_module:orders"}, "module no_such_module not found"),
        ({"sources": len, "collect": False}, "sources need collect=True"),
        ({"collect": None}, "collect is None; expected True or False"),
        ({"eager": "yes"}, "eager is 'yes'; expected True or False"),
        ({"protect": "yes"}, "protect is 'yes'; expected a function with one argument, the WSGI environ"),
        ({"protect": lambda: True}, "expected a function with one argument, the WSGI environ"),
        ({"protect": check}, "protect is an async function; expected a function with one argument"),
    ],
)
def test_wsgi_app_rejects_wrong_argument_in_one_sentence(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(DashappError) as error:
        dashapp.wsgi_app(**arguments)
    assert problem in str(error.value)
    assert "\n" not in str(error.value)


def test_function_in_place_of_its_result_is_explained() -> None:
    with pytest.raises(MountError, match=r"a server needs the result: dashapp\.wsgi_app\(\)"):
        ask(dashapp.wsgi_app, "/")  # type: ignore[arg-type]


def test_asgi_server_gets_the_name_of_the_adapter(reading: Any) -> None:
    with pytest.raises(TypeError, match=r"a2wsgi\.WSGIMiddleware"):
        reading()({}, None, None)
