"""The gate: asks the application that we are mounted in whether a visitor may see our pages.

Knows Flask's request context, and nothing of what lies behind the gate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response
from werkzeug.exceptions import SecurityError
from werkzeug.wsgi import get_host

from dashapp.http.types import StartResponse, WSGIApp

UNKNOWN_HOST = b"This server does not answer to that host name."
ACCESS_DENIED = b"You may not see this page."


class AccessCheck:
    """`protect` is called as a view of `host` would be, and says yes or no, or what to answer instead.

    None lets everybody in whom the host's own TRUSTED_HOSTS lets in.
    """

    def __init__(self, host: Flask, protect: Callable[[], Any] | None) -> None:
        self._host = host
        self._protect = protect

    @property
    def is_open(self) -> bool:
        """Whether nobody is asked."""
        return self._protect is None

    def denial(self, environ: dict[str, Any]) -> Callable[..., Iterable[bytes]] | None:
        """What is answered to who may not see; None for who may."""
        if trusted := self._host.config.get("TRUSTED_HOSTS"):
            try:
                get_host(environ, trusted)
            except SecurityError:
                return _plain_response("400 Bad Request", UNKNOWN_HOST)
        return None if self._protect is None else self._ask(environ, self._protect)

    def _ask(
        self, environ: dict[str, Any], protect: Callable[[], Any]
    ) -> Callable[..., Iterable[bytes]] | None:
        host = self._host
        # A copy: werkzeug leaves its request in it, and ours is another one.
        with host.request_context(dict(environ)) as context:
            try:
                try:
                    verdict = protect()
                except Exception as error:
                    # An abort(401) becomes what the host makes of it everywhere; anything else goes on.
                    verdict = host.handle_user_exception(error)
                if isinstance(verdict, bool) or verdict is None:
                    return None if verdict else _plain_response("403 Forbidden", ACCESS_DENIED)
                response = host.make_response(verdict)
            except Exception as error:
                response = host.handle_exception(error)
            # A login that is to lead back here notes where in the session.
            _save_session(host, context, response)
        return response


def _save_session(host: Flask, context: Any, response: Response) -> None:
    session = context.session
    if session is not None and not host.session_interface.is_null_session(session):
        host.session_interface.save_session(host, session, response)


def _plain_response(status: str, body: bytes) -> WSGIApp:
    def answer(_: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response(
            status,
            [
                ("content-type", "text/plain"),
                ("content-length", str(len(body))),
                ("cache-control", "no-store"),
                ("x-content-type-options", "nosniff"),
            ],
        )
        return [body]

    return answer
