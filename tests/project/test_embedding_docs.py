"""The pages about embedding: each snippet runs, and each page leads to a live chart."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import a2wsgi
import pytest
from django_site import configure, create_tables, session_cookie
from flask import render_template_string
from ports import free_port
from processes import ROOT, Process
from starlette.requests import Request
from waiting import PATIENCE_S, wait_for
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from wsgi_client import Answer, ask

import dashapp
from dashapp.integrations import embedded_collector

DOCS = ROOT / "docs"
_FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_RUN = re.compile(r"Save it as `([^`]+)`, run `([^`]+)`, and open <([^>]+)>")
_FRAME = re.compile(r'<iframe[^>]* src="([^"]+)"')
# Lines of a host that are there because of dashapp.
_OUR_LINE = re.compile(r"dashapp|DispatcherMiddleware|WSGIMiddleware|LiveGraph|attach", re.IGNORECASE)


class Recipe(NamedTuple):
    """A file, the command that serves it, and the page to open."""

    code: str
    file: str
    command: str
    url: str


def recipe(page: str) -> Iterator[Recipe]:
    """Yield each snippet of a page that a command serves."""
    text = (DOCS / page).read_text()
    for match in _RUN.finditer(text):
        *_, code = _FENCE.findall(text[: match.start()])
        yield Recipe(code, *match.groups())


RECIPES = {
    "dash": next(recipe("embedding-dash.md")),
    "flask": next(recipe("embedding-flask.md")),
    "django": next(recipe("embedding-django.md")),
    "fastapi": next(recipe("embedding-fastapi.md")),
    **dict(zip(("wsgi", "asgi"), recipe("embedding-wsgi.md"), strict=True)),
}


class Site(Process):
    """A recipe in an empty folder; its server listens on a free port."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.port = free_port()
        usual = str(urlsplit(recipe.url).port)
        (folder / recipe.file).write_text(recipe.code)
        argv = [word.replace(usual, str(self.port)) for word in recipe.command.split()]
        # The recipe has the usual port of its server.
        names = ("PORT", "FLASK_RUN_PORT", "GRANIAN_PORT")
        env = dict.fromkeys(names, str(self.port))
        super().__init__([sys.executable, *argv[1:]], folder=folder, env=env, start_new_session=True)
        self.start = recipe.url.replace(usual, str(self.port))

    def get(self, url: str) -> tuple[int, str]:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        with suppress(OSError, http.client.HTTPException), closing(connection):
            connection.request("GET", f"{parts.path or '/'}?{parts.query}")
            response = connection.getresponse()
            return response.status, response.read().decode()
        return 0, ""


@pytest.mark.parametrize("kind", RECIPES)
def test_following_the_page_leads_to_a_live_chart(kind: str, tmp_path: Path) -> None:
    if kind == "django":
        command = [sys.executable, "-m", "django", "startproject", "shop", str(tmp_path)]
        subprocess.run(command, check=True, cwd=tmp_path)
    site = Site(tmp_path, RECIPES[kind])
    try:
        wait_for(lambda: site.get(site.start)[0] == 200 or site.popen.poll() is not None)
        assert site.popen.poll() is None, site.said
        page = site.get(site.start)[1]
        base = site.start
        if match := _FRAME.search(page):
            base = urljoin(site.start, match[1].replace("&amp;", "&"))
            wait_for(lambda: site.get(base)[0] == 200)
            base = base.replace("/chart/", "/")
        data = urljoin(base, "_dashapp/api/ticks" if kind == "dash" else "api/ticks")

        def times() -> list[int]:
            status, body = site.get(data)
            return list(json.loads(body)["t"]) if status == 200 else []

        first = wait_for(times)
        wait_for(lambda: times()[-1] > first[-1])
        assert "Traceback" not in site.said
    finally:
        site.end()


@pytest.mark.parametrize(
    ("kind", "count"), [("dash", 3), ("flask", 2), ("django", 3), ("fastapi", 3), ("wsgi", 3)]
)
def test_live_chart_takes_few_lines(kind: str, count: int) -> None:
    # The chart itself is a frame or a template function.
    lines = [line for line in RECIPES[kind].code.splitlines() if _OUR_LINE.search(line)]
    assert len([line for line in lines if not re.search("<iframe|dashapp_chart", line)]) == count, lines


# The other snippets.


def snippet(page: str, word: str) -> dict[str, Any]:
    """Run the snippet of a page that contains `word`, and return its names."""
    (code,) = [code for code in _FENCE.findall((DOCS / page).read_text()) if word in code]
    names: dict[str, Any] = {"__name__": page}
    exec(compile(code, page, "exec"), names)
    return names


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder; the collectors of the test end with it."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for each in [*embedded_collector._started]:
        each.stop()


def get(app: Any, path: str = "/monitor/", **headers: Any) -> Answer:
    return ask(app, path, host="shop.test", **headers)


def test_readme_dash_snippet_shows_live_values(folder: Path) -> None:
    app = snippet("../README.md", "dash.Dash()")["app"]
    assert get(app.server, "/").status == 200
    wait_for(lambda: get(app.server, "/_dashapp/api/ticks").json["y"].get("cpu.percent"))


def test_readme_flask_snippet_shows_live_values(folder: Path) -> None:
    app = snippet("../README.md", "dashapp.mount")["app"]
    wait_for(values(app, "cpu.percent"))
    text = (DOCS.parent / "README.md").read_text()
    (template,) = re.findall(r"`(\{\{.+?\}\})`", text)
    with app.test_request_context():
        assert '<iframe class="dashapp-chart"' in render_template_string(template)


# A word of each snippet that a test of this file runs, besides those that a command serves.
OTHERS = {
    "embedding-dash.md": ("server = app.server", "require_user"),
    "embedding-flask.md": ("ORDERS", "app.secret_key"),
    "embedding-django.md": ("staff_only", "def users", "get_asgi_application"),
    "embedding-fastapi.md": ("Starlette(routes", "waiting", "SessionMiddleware"),
    "embedding-wsgi.md": ("hmac",),
}


@pytest.mark.parametrize("page", OTHERS)
def test_each_snippet_of_page_is_run(page: str) -> None:
    served = [each.code for each in recipe(page)]
    for code in _FENCE.findall((DOCS / page).read_text()):
        assert code in served or any(word in code for word in OTHERS[page]), code


def values(app: Any, key: str) -> Callable[[], list[float]]:
    return lambda: get(app, "/monitor/api/ticks").json["y"].get(key, [])


def test_flask_snippets_run(folder: Path) -> None:
    app = snippet("embedding-flask.md", "ORDERS")["app"]
    wait_for(lambda: 2 in values(app, "orders")())
    app = snippet("embedding-flask.md", "app.secret_key")["app"]
    assert get(app).headers["location"] == "/login"
    client = app.test_client()
    with client.session_transaction() as session:
        session["user"] = "ann"
    assert client.get("/monitor/").status_code == 200


def test_dash_snippets_run(folder: Path) -> None:
    app = snippet("embedding-dash.md", "server = app.server")["app"]
    wait_for(lambda: get(app.server, "/_dashapp/api/ticks").json["y"].get("loss"))


def test_dash_snippet_requires_a_user(folder: Path) -> None:
    server = snippet("embedding-dash.md", "require_user")["app"].server
    paths = ("/", "/_dashapp/api/ticks", "/_dashapp/live_graph.js")
    assert [get(server, path).status for path in paths] == [401, 401, 401]
    client = server.test_client()
    with client.session_transaction() as session:
        session["user"] = "ann"
    assert [client.get(path).status_code for path in paths] == [200, 200, 200]


def test_wsgi_snippet_checks_access(folder: Path) -> None:
    app = DispatcherMiddleware(lambda *_: [], {"/monitor": snippet("embedding-wsgi.md", "hmac")["app"]})
    assert get(app).status == get(app, x_operator="wrong").status == 403
    assert get(app, x_operator="correct horse battery").status == 200


def test_django_snippets_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # This thread may have the event loop of a browser test, in which Django refuses to use its database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    configure()
    create_tables()
    protect = snippet("embedding-django.md", "staff_only")["staff_only"]
    users = snippet("embedding-django.md", "def users")["users"]
    app = DispatcherMiddleware(
        lambda *_: [], {"/monitor": dashapp.wsgi_app(protect=protect, collect=False, store="data")}
    )
    answer = get(app)
    assert (answer.status, answer.headers["location"]) == (302, "/admin/login/?next=/monitor/")
    assert get(app, cookie=session_cookie("visitor", is_staff=False)).status == 302
    assert get(app, cookie=session_cookie("ann", is_staff=True)).status == 200
    assert users() == {"all": 2, "active": 2}


def test_django_asgi_snippet_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure()
    monkeypatch.setitem(os.environ, "DJANGO_SETTINGS_MODULE", "unused")
    app = a2wsgi.ASGIMiddleware(snippet("embedding-django.md", "get_asgi_application")["application"])
    assert get(app).status == 200


def test_starlette_snippet_runs(folder: Path) -> None:
    app = a2wsgi.ASGIMiddleware(snippet("embedding-fastapi.md", "Starlette(routes")["app"])
    assert get(app).status == 200


def test_fastapi_snippet_shows_the_function_of_the_app(folder: Path) -> None:
    app = a2wsgi.ASGIMiddleware(snippet("embedding-fastapi.md", "waiting")["app"])
    wait_for(lambda: 0 in values(app, "waiting")())


def test_fastapi_snippet_uses_the_session_of_the_app(folder: Path) -> None:
    site = snippet("embedding-fastapi.md", "SessionMiddleware")["app"]

    def sign_in(request: Request) -> str:
        request.session["user"] = "ann"
        return "hello"

    site.add_api_route("/sign-in", sign_in)
    app = a2wsgi.ASGIMiddleware(site)
    assert get(app).headers["location"] == "/login"
    cookie = get(app, "/sign-in").headers["set-cookie"].partition(";")[0]
    assert get(app, cookie=cookie).status == 200
