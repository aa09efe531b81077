"""Which pages let people mark events, and the queue of each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dashapp.api.events import MAX_MARKS_PER_S, MarkEndpoint
from dashapp.config.settings import Settings
from dashapp.http.middleware.rate_limit import RequestRateLimiter
from dashapp.stores.push_queue import PushWriter
from dashapp.web.host_routes import PageTarget

OpenQueue = Callable[[str], PushWriter]


class PageMarks:
    """Endpoints for the pages of a server.

    `own`: the queue of `host_name`, or None if no page takes marks. `queue_of` returns that of another host.
    """

    def __init__(
        self, settings: Settings, own: PushWriter | None, queue_of: OpenQueue | None, host_name: str
    ) -> None:
        self._own = own
        self._queue_of = queue_of
        self._host_name = host_name
        self._requires_own_page = not settings.requires_authentication
        self._limiter = RequestRateLimiter(MAX_MARKS_PER_S)

    def are_allowed(self, target: PageTarget) -> bool:
        """Return whether a page takes marks. A comparison has no host of its own."""
        return self._own is not None and len(target.names) < 2

    def endpoint(self, target: PageTarget) -> MarkEndpoint | None:
        if self._own is None or not self.are_allowed(target):
            return None
        open_queue = partial(self._open_queue, target, self._own)
        return MarkEndpoint(open_queue, self._limiter, self._requires_own_page, target.now)

    def _open_queue(self, target: PageTarget, own: PushWriter) -> PushWriter:
        if self._queue_of is None or target.is_host(self._host_name):
            return own
        return self._queue_of(target.names[0])
