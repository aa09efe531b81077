"""Add a WSGI application to a Dash app on Flask or FastAPI, below a path.

It becomes a route of the app and not a layer in front of it, so that the app's login protects it too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dash import Dash

from dashapp.http.asgi import AsgiBridge
from dashapp.http.types import WSGIApp
from dashapp.model.ticks import SettingsError

# Threads for requests of one app on FastAPI.
MAX_THREADS = 16


def check_path(app: Dash, path: str) -> None:
    """SettingsError if `path` of this app is in use, or the app has no suitable server."""
    if not isinstance(app, Dash):
        raise SettingsError([f"app is a {type(app).__name__}; expected a dash.Dash for attach"])
    prefix = app.config.routes_pathname_prefix
    rules = _rules(app)
    if f"{prefix}_dash-layout" not in rules:
        raise SettingsError(["attach needs the server of the app; call app.init_app(server) first"])
    conflicts = [rule for rule in rules if rule.startswith(prefix + path.rstrip("/"))]
    if _rule(app, path) in conflicts:
        raise SettingsError(["attach was already called for this app; one call serves all its LiveGraphs"])
    if conflicts:
        raise SettingsError(
            [f"the app has a route {conflicts[0]} below the path of attach; rename the route"]
        )


def add_routes(app: Dash, path: str, wsgi_app: WSGIApp) -> None:
    """Let `wsgi_app` answer requests below `path`, which it sees as its root."""
    rule = _rule(app, path)
    if _is_flask(app):
        # A local import, like that of starlette: an app on the other server may not have it.
        from flask import request

        from_app = app.server.response_class.from_app

        def view(rest: str) -> Any:
            return from_app(wsgi_app, {**request.environ, "PATH_INFO": f"/{rest}"})

        # Dash also uses the rule as the endpoint. A login that protects Dash's endpoints by name finds ours.
        app.server.add_url_rule(rule, endpoint=rule, view_func=view)
    else:
        from starlette.responses import Response

        bridge = AsgiBridge(wsgi_app, MAX_THREADS)

        class WsgiResponse(Response):
            def __init__(self, path: str) -> None:
                super().__init__()
                self._path = path

            async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
                path = {"path": self._path, "raw_path": None, "root_path": ""}
                await bridge({**scope, **path}, receive, send)

        async def respond(rest: str) -> Any:
            return WsgiResponse(f"/{rest}")

        # A route and not a mount, because the app's dependencies, such as its login, skip a mount.
        app.server.add_api_route(
            rule, respond, methods=["GET", "HEAD"], response_model=None, include_in_schema=False
        )


def before_first_request(app: Dash, start: Callable[[], None]) -> None:
    """Call `start`, which is cheap, before each request of the app.

    With FastAPI, only the routes of attach call it: a middleware would delay every request of the app.
    """
    if _is_flask(app):
        app.server.before_request_funcs.setdefault(None, []).insert(0, start)


def _is_flask(app: Dash) -> bool:
    return hasattr(app.server, "url_map")


def _rule(app: Dash, path: str) -> str:
    prefix: str = app.config.routes_pathname_prefix + path
    return prefix + ("<path:rest>" if _is_flask(app) else "{rest:path}")


def _rules(app: Dash) -> list[str]:
    if _is_flask(app):
        return [rule.rule for rule in app.server.url_map.iter_rules()]
    if hasattr(app.server, "routes") and hasattr(app.server, "mount"):
        return [getattr(route, "path", "") for route in app.server.routes]
    kind = type(app.server).__name__
    raise SettingsError([f"the server of the app is a {kind}; attach expected Flask or FastAPI"])
