"""The result of the `protect` function of `mount`: access, no access, or a response."""

from __future__ import annotations

import inspect
import logging
from typing import Any

from flask import Response
from werkzeug.local import LocalProxy
from werkzeug.sansio.response import Response as AnyResponse

from dashapp.http.middleware.security import SHARED_HEADERS

log = logging.getLogger("dashapp")


def refusal(verdict: Any) -> Any:
    """Return the response instead of the page, or None if `verdict` grants access.

    A response or a tuple, as a view returns them, is passed on. Any other true value grants access, so
    `protect` may return the user of a session.
    """
    if isinstance(verdict, LocalProxy):
        verdict = verdict._get_current_object()
    if isinstance(verdict, AnyResponse | tuple):
        return verdict if verdict else _forbidden()
    if inspect.isroutine(verdict) or inspect.isawaitable(verdict):
        # A function is true, whatever its result would be.
        log.error(
            "protect returned a %s; expected its result: call the function, and await a coroutine",
            type(verdict).__name__,
        )
        if inspect.iscoroutine(verdict):
            verdict.close()
        return _forbidden()
    # The visitor of Flask-Login who is not signed in is an object, and therefore true.
    if not verdict or not getattr(verdict, "is_authenticated", True):
        return _forbidden()
    return None


def _forbidden() -> Response:
    headers = {"cache-control": "no-store", **dict(SHARED_HEADERS)}
    return Response("You may not see this page.", 403, headers, content_type="text/plain")
