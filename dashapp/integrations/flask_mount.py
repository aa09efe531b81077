"""`mount`: adds the whole monitor to a Flask application, below a prefix.

Our pages are a route of the host, so that its `before_request` hooks, such as a login, protect them too.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from functools import partial, wraps
from io import BytesIO
from typing import Any

from flask import Flask, Response, abort, request

from dashapp.api.ingest.routes import has_own_access
from dashapp.http.responses import redirect_to_slash
from dashapp.http.types import WSGIApp
from dashapp.integrations.access import check_protect, refusal
from dashapp.integrations.app_sources import Sources
from dashapp.integrations.embedded_monitor import EmbeddedMonitor
from dashapp.integrations.flask_chart import TemplateCharts
from dashapp.integrations.flask_prefix import normalize_prefix, prefix_conflict, route_conflict
from dashapp.integrations.flask_response import MountedResponse
from dashapp.model.ticks import MountError

log = logging.getLogger("dashapp")

# All of RFC 9110, and PATCH: our application answers every method, with status 405 if it is not allowed.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
EXTENSION_NAME = "dashapp"


def mount(
    host: Flask,
    at: str = "/monitor/",
    *,
    collect: bool = True,
    protect: Callable[[], Any] | None = None,
    sources: Sources | None = None,
    eager: bool = False,
    **settings: Any,
) -> None:
    """Serve the monitor below the prefix `at` of `host`, with `dashapp_chart` for its templates.

    `collect`: run one collector as long as the server runs, however many processes serve. False if another
    process collects. It starts at the first request that a process serves, or now if `eager`.
    `sources`: functions of the application, a dict of names to functions, or names of sources, in addition to
    the machine. A thread of this process calls the functions in the application's context.
    `protect`: a function that checks access in a request context, like a view. It returns
    any true or false value, or a response instead of the page. `settings` are those of the command line, for
    example `window=300`. SettingsError or MountError, one sentence each, if an argument is wrong.
    """
    if not isinstance(host, Flask):
        hint = "; pass its server" if isinstance(getattr(host, "server", None), Flask) else ""
        raise MountError(f"host is a {type(host).__name__}; expected a Flask application{hint}")
    if protect is not None:
        check_protect(protect, 0, "a function without arguments")
        try:
            protect = host.ensure_sync(protect)
        except RuntimeError as error:
            # An async function, and Flask lacks the package for it.
            raise MountError(f"protect cannot be called: {error}") from None
    prefix = normalize_prefix(at)
    mounts: dict[str, MountedMonitor] = getattr(host.extensions.get(EXTENSION_NAME), "mounted", {})
    if conflict := prefix_conflict(prefix, mounts) or route_conflict(
        prefix, (rule.rule for rule in host.url_map.iter_rules())
    ):
        raise MountError(conflict)
    monitor = EmbeddedMonitor(
        settings,
        collect=collect,
        sources=sources,
        eager=eager,
        restricted=protect is not None,
        caller="mount",
        adapt=partial(_in_context, host),
    )
    mounted = MountedMonitor(host, prefix, protect, monitor)
    try:
        mounted.add_routes()
    except AssertionError:
        # Flask accepts no route after that.
        raise MountError(
            "the application has answered a request already; call mount before it serves"
        ) from None
    state = host.extensions.get(EXTENSION_NAME) or _extension_state(host)
    state.mounted[prefix] = mounted
    state.charts.add(prefix, monitor.settings.max_window_s)
    if not host.testing:
        monitor.start_if_eager()


class FlaskExtensionState:
    """Our part of a host, by our name among the host's extensions."""

    def __init__(self) -> None:
        self.charts = TemplateCharts()
        self.mounted: dict[str, MountedMonitor] = {}


def _extension_state(host: Flask) -> FlaskExtensionState:
    state = host.extensions[EXTENSION_NAME] = FlaskExtensionState()
    # Not a global of the Jinja environment: that would create the environment before the host has set it up.
    host.template_context_processors[None].append(state.charts.template_globals)
    return state


class MountedMonitor:
    """The route of our application below one prefix of a host."""

    def __init__(
        self, host: Flask, prefix: str, protect: Callable[[], Any] | None, monitor: EmbeddedMonitor
    ) -> None:
        self.monitor = monitor
        self._host = host
        self._prefix = prefix
        # To Flask a dot would separate the name of a blueprint.
        self._endpoint = f"{EXTENSION_NAME}:{prefix.replace('.', '%2E')}"
        self._protect = protect
        # Flask converts each response to the host's class, if it is not of that class already.
        self._response_class: type[Response] = type(
            "MountedResponse", (MountedResponse, host.response_class), {}
        )
        self._process = 0

    def add_routes(self) -> None:
        """Add one endpoint for the prefix and all paths below it."""
        options: dict[str, Any] = {
            "endpoint": self._endpoint,
            "view_func": self.view,
            "methods": METHODS,
            "provide_automatic_options": False,
            "strict_slashes": False,
        }
        if self._host.url_map.host_matching:
            options["host"] = "<dashapp_host>"
        self._host.add_url_rule(self._prefix, **options)
        self._host.add_url_rule(f"{self._prefix}<path:dashapp_path>", **options)
        # As the first hook: later ones do not run if an earlier one redirects to a login. A signal or a URL
        # preprocessor would run in any order, but costs each request of the host 4 µs instead of 0.5.
        self._host.before_request_funcs.setdefault(None, []).insert(0, self.start)

    def start(self) -> None:
        """Start the collector at the first request of a process, for any page of the host.

        Not earlier, because tests and commands import the application too.
        """
        if self._process == os.getpid():
            return
        self._process = os.getpid()
        if conflict := route_conflict(self._prefix, self._other_rules()):
            log.warning(conflict)
        # Flask-WTF rejects a POST without its token. Our SecurityMiddleware rejects cross-site requests.
        if exempt := getattr(self._host.extensions.get("csrf"), "exempt", None):
            exempt(self.view)
        if not self._host.testing:
            self.monitor.start_collector()

    def view(self, **_: str) -> Any:
        """Hand the request to our application, below the prefix."""
        root = self._prefix[:-1]
        path = request.environ["PATH_INFO"]
        # A program that pushes has a token instead of a session.
        is_push = path.startswith(root) and has_own_access(request.method, path[len(root) :])
        if self._protect is not None and not is_push:
            response = refusal(self._protect())
            if response is not None:
                return response
        # Flask ignores further slashes in front. A proxy that guards the prefix does not.
        if path != root and not path.startswith(self._prefix):
            abort(404)
        if path == root:
            app: WSGIApp = partial(redirect_to_slash, root.rpartition("/")[2])
        else:
            app = self.monitor.app()
        environ = {
            **request.environ,
            "SCRIPT_NAME": request.environ.get("SCRIPT_NAME", "") + root,
            "PATH_INFO": path[len(root) :],
        }
        # A hook of the host may have read the body; werkzeug has no public name for what it keeps.
        body = getattr(request, "_cached_data", None)
        if body is not None:
            environ["wsgi.input"] = BytesIO(body)
        return self._response_class.from_app(app, environ)

    def _other_rules(self) -> Iterator[str]:
        return (rule.rule for rule in self._host.url_map.iter_rules() if rule.endpoint != self._endpoint)


def _in_context(host: Flask, function: Callable[[], Any]) -> Callable[[], Any]:
    """Return the function with the application's context, for its database and configuration."""

    @wraps(function)
    def call() -> Any:
        with host.app_context():
            return host.ensure_sync(function)()

    return call
