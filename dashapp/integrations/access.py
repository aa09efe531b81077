"""The check of access: the form of a `protect` function, and the meaning of its result."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any

from werkzeug.local import LocalProxy
from werkzeug.sansio.response import Response as AnyResponse
from werkzeug.wrappers import Response

from dashapp.http.middleware.security import SHARED_HEADERS
from dashapp.model.text import short_repr
from dashapp.model.ticks import MountError

log = logging.getLogger("dashapp")


def check_protect(protect: Any, count: int, expected: str) -> None:
    """MountError unless `protect` accepts `count` arguments; `expected`: the right function."""
    if callable(protect):
        try:
            inspect.signature(protect).bind(*range(count))
        except ValueError:
            return  # a function of C, whose arguments are unknown
        except TypeError:
            pass
        else:
            return
    raise MountError(f"protect is {short_repr(protect)}; expected {expected}")


def refusal(verdict: Any, is_response: Callable[[Any], bool] = lambda verdict: False) -> Any:
    """Return the response instead of the page, or None if `verdict` grants access.

    A response or a tuple, as a view returns them, is passed on. Any other true value grants access, so
    `protect` may return the user of a session. `is_response` knows the responses of more frameworks.
    """
    if isinstance(verdict, LocalProxy):
        verdict = verdict._get_current_object()
    if isinstance(verdict, AnyResponse | tuple) or is_response(verdict):
        return verdict if verdict else forbidden()
    if inspect.isroutine(verdict) or inspect.isawaitable(verdict):
        # A function is true, whatever its result would be.
        log.error(
            "protect returned a %s; expected its result: call the function, and await a coroutine",
            type(verdict).__name__,
        )
        if inspect.iscoroutine(verdict):
            verdict.close()
        return forbidden()
    # The visitor of Flask-Login who is not signed in is an object, and therefore true.
    if not verdict or not getattr(verdict, "is_authenticated", True):
        return forbidden()
    return None


def forbidden() -> Response:
    headers = {"cache-control": "no-store", **dict(SHARED_HEADERS)}
    return Response("You may not see this page.", 403, headers, content_type="text/plain")
