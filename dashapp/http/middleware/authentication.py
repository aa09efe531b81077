"""Authentication by a session, a bearer token, a trusted proxy's user, or a share link.

This middleware is inside the security middleware and in front of everything else. Only the health check and
the push endpoint, which has its own token, bypass it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import parse_qs, quote

from dashapp.http.middleware import login_page
from dashapp.http.middleware.client_address import ClientResolver, rate_limit_key
from dashapp.http.middleware.login_page import LoginPage
from dashapp.http.middleware.rate_limit import LoginAttempts
from dashapp.http.middleware.sessions import Sessions
from dashapp.http.middleware.share_links import SHARE_PREFIX, ShareLinks
from dashapp.http.request_body import BodyReader, RequestBodyError
from dashapp.http.responses import error_response, html_response, method_not_allowed, redirect
from dashapp.http.types import StartResponse, WSGIApp

LOGIN_PATH, LOGOUT_PATH, SHARE_PATH = "/login", "/logout", "/api/share"
# Maximum size of the login form: a password and a URL.
MAX_FORM_BYTES = 4096

SIGN_IN_REQUIRED = "sign in to see this; a program sends Authorization: Bearer and the password"


class AuthenticationMiddleware:
    """`password`: empty if only a trusted proxy authenticates. `free`: paths that bypass this."""

    def __init__(
        self,
        app: WSGIApp,
        *,
        password: str,
        sessions: Sessions,
        visitors: ClientResolver,
        tries: LoginAttempts,
        page: LoginPage,
        shares: ShareLinks,
        free: Collection[str] = ("/healthz",),
    ) -> None:
        self._app = app
        self._password = _digest(password) if password else b""
        self._sessions = sessions
        self._visitors = visitors
        self._tries = tries
        self._page = page
        self._shares = shares
        self._free = frozenset(free)
        self._bodies = BodyReader(MAX_FORM_BYTES)
        self._sending: set[str] = set()
        self._programs: set[bytes] = set()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if path in self._free:
            return self._app(environ, start_response)
        if path == LOGIN_PATH:
            return self._login(environ, start_response)
        if path == LOGOUT_PATH:
            return self._logout(environ, start_response)
        if path.startswith(SHARE_PREFIX):
            return self._shares(environ, start_response)
        if self._sessions.is_valid(environ.get("HTTP_COOKIE", "")) or self._visitors.user(environ):
            return self._authenticate(environ, start_response)
        if "HTTP_AUTHORIZATION" in environ and self._password:
            return self._has_bearer_token(environ, start_response)
        return self._deny(environ, start_response)

    def _authenticate(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == SHARE_PATH:
            return self._shares.create(environ, start_response)
        return self._app(environ, start_response)

    def _deny(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Redirect a browser to the login page; answer other clients with an error."""
        reading = environ["REQUEST_METHOD"] in ("GET", "HEAD")
        if not self._password:
            sentence = "only the proxy in front of this server lets anybody in; open the page through it"
            return error_response(start_response, "403 Forbidden", sentence)
        if not (reading and "text/html" in environ.get("HTTP_ACCEPT", "")):
            challenge = ("www-authenticate", 'Bearer realm="dashapp"')
            return error_response(start_response, "401 Unauthorized", SIGN_IN_REQUIRED, challenge)
        query = environ.get("QUERY_STRING", "")
        path: str = environ["PATH_INFO"]
        place = quote(path, safe="/~!$&'()*+,;=:@-._") + (f"?{query}" if query else "")
        up = "../" * (path.count("/") - 1) or "./"
        wanted = (
            ""
            if login_page.safe_next_url(place) == login_page.DEFAULT_NEXT_URL
            else f"?next={quote(place, safe='')}"
        )
        return redirect(start_response, f"{up}login{wanted}")

    def _login(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if not self._password:
            return self._deny(environ, start_response)
        # The browser posts the form to the URL of the page, whose query has the target too. That one is used
        # if the body is not read.
        place = login_page.safe_next_url(_last_value(environ.get("QUERY_STRING", ""), "next"))
        if method in ("GET", "HEAD"):
            if self._sessions.is_valid(environ.get("HTTP_COOKIE", "")):
                return redirect(start_response, f".{place}")
            return html_response(start_response, "200 OK", self._page.render(place))
        if method != "POST":
            return method_not_allowed(start_response, environ, "GET, HEAD, POST")
        visitor = rate_limit_key(self._visitors.address(environ))
        if wait := self._tries.seconds_to_wait(visitor):
            return self._rate_limited(start_response, place, wait)
        try:
            form = self._form(environ, visitor)
        except RequestBodyError as error:
            return html_response(
                start_response,
                error.status,
                self._page.render(place, login_page.UNREADABLE_FORM),
                CLOSE_CONNECTION,
            )
        place = login_page.safe_next_url(_last_value(form, "next"))
        given = _last_value(form, "password")
        if not hmac.compare_digest(_digest(given), self._password):
            wrong = login_page.SIGN_IN_FAILED if given else login_page.SIGN_IN_EMPTY
            return html_response(start_response, "403 Forbidden", self._page.render(place, wrong))
        self._tries.reset(visitor)
        cookie = self._sessions.create(self._is_secure(environ))
        return redirect(start_response, f".{place}", ("set-cookie", cookie))

    def _form(self, environ: dict[str, Any], visitor: str) -> str:
        # One body at a time for each client: a slow upload occupies one thread, and no more.
        if visitor in self._sending:
            raise RequestBodyError("503 Service Unavailable", "another is on its way")
        self._sending.add(visitor)
        try:
            return self._bodies.read(environ).decode("ascii", "replace")
        finally:
            self._sending.discard(visitor)

    def _rate_limited(self, start_response: StartResponse, place: str, wait: int) -> Iterable[bytes]:
        body = self._page.render(place, login_page.retry_message(wait))
        return html_response(
            start_response, "429 Too Many Requests", body, ("retry-after", str(wait)), CLOSE_CONNECTION
        )

    def _logout(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            return method_not_allowed(start_response, environ, "POST")
        return redirect(
            start_response, "./login", ("set-cookie", self._sessions.revoke(self._is_secure(environ)))
        )

    def _has_bearer_token(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Authenticate by the password as a bearer token, for clients without cookies.

        Werkzeug's parser is no replacement: it reads a token with "=" inside as parameters.
        """
        kind, _, token = environ["HTTP_AUTHORIZATION"].partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            return self._deny(environ, start_response)
        digest = _digest(token.strip())
        if digest not in self._programs:
            visitor = rate_limit_key(self._visitors.address(environ))
            if wait := self._tries.seconds_to_wait(visitor):
                later = ("retry-after", str(wait))
                return error_response(
                    start_response, "429 Too Many Requests", login_page.retry_message(wait), later
                )
            if not hmac.compare_digest(digest, self._password):
                return error_response(
                    start_response, "403 Forbidden", "the token is not this server's password"
                )
            self._tries.reset(visitor)
            self._programs = {digest}
        return self._authenticate(environ, start_response)

    def _is_secure(self, environ: dict[str, Any]) -> bool:
        """Whether the browser uses https; its Origin header shows that behind any proxy."""
        return self._visitors.is_secure(environ) or environ.get("HTTP_ORIGIN", "").startswith("https://")


CLOSE_CONNECTION = ("connection", "close")


def _digest(password: str) -> bytes:
    """A digest of constant length, so that a comparison takes constant time."""
    return hashlib.sha256(password.encode("utf-8", "replace")).digest()


def _last_value(form: str, name: str) -> str:
    try:
        return parse_qs(form, keep_blank_values=True, max_num_fields=8, errors="replace").get(name, [""])[-1]
    except ValueError:
        return ""
