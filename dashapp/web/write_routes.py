"""Endpoints of a page to which people write: marks of events, and actions on alerts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from dashapp.api.alerts.endpoint import ALERTS_PREFIX, MAX_ACTIONS_PER_S, alert_actions
from dashapp.api.events import EVENTS_PATH, MAX_MARKS_PER_S, MarkEndpoint
from dashapp.config.settings import Settings
from dashapp.http.middleware.client_address import ClientResolver
from dashapp.http.middleware.rate_limit import RequestRateLimiter
from dashapp.http.request_body import body_slots
from dashapp.http.types import WSGIApp
from dashapp.stores.push_queue import PushWriter
from dashapp.web.host_routes import PageTarget


def may_mark(settings: Settings, target: PageTarget) -> bool:
    """Return whether people can mark events on a page.

    They can behind a login, and on a server that only this machine reaches. A comparison has no host of its
    own.
    """
    is_public = settings.public or bool(settings.hosts)
    return (settings.requires_authentication or not is_public) and len(target.names) < 2


def may_change_alerts(settings: Settings, target: PageTarget) -> bool:
    """Return whether people can mute alerts and change rules on a page: only behind a login."""
    return settings.requires_authentication and len(target.names) < 2


class WriteRoutes:
    """Finds the endpoint of a request.

    `push_writer`: the queue of this host. It is None inside a host application, which may let everybody in.
    `queue_of`: returns the queue of another host.
    """

    def __init__(
        self,
        settings: Settings,
        clients: ClientResolver,
        push_writer: PushWriter | None,
        queue_of: Callable[[str], PushWriter] | None,
        host_name: str,
    ) -> None:
        self.is_open = push_writer is not None
        self._settings = settings
        self._clients = clients
        self._push_writer = push_writer
        self._queue_of = queue_of
        self._host_name = host_name
        self._mark_limiter = RequestRateLimiter(MAX_MARKS_PER_S)
        self._action_limiter = RequestRateLimiter(MAX_ACTIONS_PER_S)
        # One for all pages: each host has its own endpoints, and a slow body occupies a thread.
        self._slots = body_slots()

    def of(self, target: PageTarget) -> Callable[[Mapping[str, Any]], WSGIApp | None]:
        """Return a function that finds the endpoint of a request to a page; None for other requests."""
        settings, own = self._settings, self._push_writer
        marks: MarkEndpoint | None = None
        if own is not None and may_mark(settings, target):
            open_queue = partial(self._queue, own, target)
            own_page = not settings.requires_authentication
            marks = MarkEndpoint(open_queue, self._mark_limiter, own_page, target.now, self._slots)
        has_actions = own is not None and may_change_alerts(settings, target)
        queue = self._queue(own, target) if own is not None and has_actions else None
        limits = self._action_limiter, self._slots
        actions = alert_actions(target.reader, queue, self._clients, target.now, *limits)

        def find(environ: Mapping[str, Any]) -> WSGIApp | None:
            path: str = environ["PATH_INFO"]
            if marks and path == EVENTS_PATH and environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
                return marks
            return actions if path.startswith(ALERTS_PREFIX) else None

        return find

    def _queue(self, own: PushWriter, target: PageTarget) -> PushWriter:
        is_own = self._queue_of is None or target.is_host(self._host_name)
        return own if is_own or self._queue_of is None else self._queue_of(target.names[0])
