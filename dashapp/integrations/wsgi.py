"""`wsgi_app`: the monitor as a WSGI application, for Django, FastAPI and all others.

The host passes the requests below a prefix, for example with werkzeug's DispatcherMiddleware. The prefix is
in SCRIPT_NAME, and the pages need no other setting for it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast
from urllib.parse import quote

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from dashapp.api.ingest.routes import has_own_access
from dashapp.http.responses import redirect_to_slash
from dashapp.http.types import StartResponse, WSGIApp
from dashapp.integrations.access import check_protect, forbidden, log, refusal
from dashapp.integrations.app_sources import Sources
from dashapp.integrations.embedded_monitor import EmbeddedMonitor
from dashapp.model.ticks import MountError

_PROTECT_EXPECTED = "a function with one argument, the WSGI environ"
_NOT_ASGI = "dashapp.wsgi_app() is a WSGI application; on an ASGI server wrap it: a2wsgi.WSGIMiddleware(…)"


def wsgi_app(
    *positional: object,
    collect: bool = True,
    protect: Callable[[dict[str, Any]], Any] | None = None,
    sources: Sources | None = None,
    eager: bool = False,
    **settings: Any,
) -> MonitorApp:
    """Return the monitor as a WSGI application: page, API and one collector for all workers.

    `collect`: run one collector as long as the server runs, however many processes serve. False if another
    process collects. It starts at the first request for the monitor, or now if `eager`.
    `protect`: a function that checks access; its argument is the WSGI environ. Any true value allows, and any
    false one rejects. A response, of werkzeug, Django or Starlette, is sent instead of the page.
    `sources`: functions of the application, a dict of names to functions, or names of sources, in addition to
    the machine. A thread of this process calls the functions. `settings` are those of the command line, for
    example `window=300`. SettingsError or MountError, one sentence each, if an argument is wrong.
    """
    if positional:
        # A server that got the function instead of its result calls it with each request.
        raise MountError(
            f"wsgi_app has {len(positional)} arguments without a name; expected only settings, such as "
            "window=300; a server needs the result: dashapp.wsgi_app()"
        )
    if protect is not None:
        check_protect(protect, 1, _PROTECT_EXPECTED)
        if inspect.iscoroutinefunction(protect):
            raise MountError(f"protect is an async function; expected {_PROTECT_EXPECTED}, without async")
    monitor = EmbeddedMonitor(
        settings,
        collect=collect,
        sources=sources,
        eager=eager,
        restricted=protect is not None,
        caller="wsgi_app",
    )
    monitor.start_if_eager()
    return MonitorApp(monitor, protect)


class MonitorApp:
    """The pages below SCRIPT_NAME, behind a check of access."""

    def __init__(self, monitor: EmbeddedMonitor, protect: Callable[[dict[str, Any]], Any] | None) -> None:
        self.monitor = monitor
        self._protect = protect

    def __call__(
        self, environ: dict[str, Any], start_response: StartResponse, *more: object
    ) -> Iterable[bytes]:
        if more:
            raise TypeError(_NOT_ASGI)
        self.monitor.start_collector()
        # A copy: the caller may use its own for the next application.
        environ = {**environ, "PATH_INFO": _path_below_mount(environ)}
        body = self._app_for(environ)(environ, start_response)
        return _without_body(body) if environ["REQUEST_METHOD"] == "HEAD" else body

    def _app_for(self, environ: dict[str, Any]) -> WSGIApp:
        root, path = environ.get("SCRIPT_NAME", ""), environ["PATH_INFO"]
        # A program that pushes has a token instead of a session.
        is_push = has_own_access(environ["REQUEST_METHOD"], path)
        if self._protect is not None and not is_push:
            response = _refusal(self._protect, environ)
            if response is not None:
                return cast("WSGIApp", response)
        if not path:
            if root.strip("/"):
                segment = root.rstrip("/").rpartition("/")[2].encode("latin-1", "replace")
                return partial(redirect_to_slash, quote(segment))
            # A server without a prefix may leave the path of its root empty.
            environ["PATH_INFO"] = "/"
        return self.monitor.app()


def _path_below_mount(environ: dict[str, Any]) -> str:
    """Return PATH_INFO, without the path of a mount that a2wsgi 1.10 leaves there.

    It does so if the root path has a proxy's prefix that the path lacks, as with FastAPI(root_path="/api").
    """
    path: str = environ.get("PATH_INFO", "")
    scope = environ.get("asgi.scope") or {}
    root, outer = scope.get("root_path", ""), scope.get("app_root_path", "")
    if outer and root.startswith(outer) and not scope["path"].startswith(root):
        return path.removeprefix(root[len(outer) :].encode().decode("latin-1"))
    return path


def _refusal(protect: Callable[[dict[str, Any]], Any], environ: dict[str, Any]) -> Any:
    """Return a WSGI response instead of the page, or None if `protect` grants access."""
    try:
        # A copy: a function may read the request with a framework that adds its own values.
        response = refusal(protect({**environ}), _is_foreign_response)
    except HTTPException as error:
        return error.get_response(environ)
    except Exception as error:
        # The HTTPException of Starlette and FastAPI.
        if not isinstance(getattr(error, "status_code", None), int) or not hasattr(error, "detail"):
            raise
        return Response(str(error.detail), error.status_code, error.headers or {})  # type: ignore[attr-defined]
    return None if response is None else _as_wsgi(response)


def _is_foreign_response(verdict: Any) -> bool:
    """Whether this is a response of Django or of Starlette: its headers have names and values."""
    return isinstance(getattr(verdict, "status_code", None), int) and hasattr(verdict, "headers")


def _as_wsgi(response: Any) -> Response:
    """Return a response of any framework, or a tuple of body, status and headers, for WSGI."""
    try:
        if isinstance(response, tuple):
            response = Response(*response)
        if not 100 <= response.status_code <= 599:
            raise ValueError(f"its status is {response.status_code}")
        if isinstance(response, Response):
            return response
        headers = [*response.headers.items()]
        cookies = getattr(response, "cookies", None)  # Django keeps them apart
        headers += [("Set-Cookie", cookie.OutputString()) for cookie in (cookies or {}).values()]
        body = response.body if hasattr(response, "body") else b"".join(response)
        return Response(body, response.status_code, headers)
    except (TypeError, ValueError, AttributeError) as error:
        log.error("protect returned a %s that is no response: %s", type(response).__name__, error)
        return forbidden()


def _without_body(body: Iterable[bytes]) -> list[bytes]:
    """Close a body that a HEAD request does not get, because not every server drops it."""
    close = getattr(body, "close", None)
    if close is not None:
        close()
    return []
