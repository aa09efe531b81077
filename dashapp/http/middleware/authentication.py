"""Authentication by a session, a bearer token, a trusted proxy's user, or a share link.

This middleware is inside the security middleware and in front of everything else. Only the health check and
the push endpoint, which has its own token, bypass it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import parse_qs, quote

from dashapp.http.middleware import login_page
from dashapp.http.middleware.client_address import ClientResolver, rate_limit_key
from dashapp.http.middleware.login_page import LoginPage
from dashapp.http.middleware.secret_check import WRONG_TOKEN, SecretCheck
from dashapp.http.middleware.sessions import Sessions
from dashapp.http.middleware.share_links import SHARE_PREFIX, ShareLinks
from dashapp.http.request_body import BodyReader, RequestBodyError
from dashapp.http.responses import error_response, html_response, method_not_allowed, redirect
from dashapp.http.streams import STILL_ALLOWED, STREAM_PATH, may_block
from dashapp.http.types import StartResponse, WSGIApp
from dashapp.languages.accept import translator_of
from dashapp.languages.tables import Translator

LOGIN_PATH, LOGOUT_PATH, SHARE_PATH = "/login", "/logout", "/api/share"
# Maximum size of the login form: a password and a URL.
MAX_FORM_BYTES = 4096

SIGN_IN_REQUIRED = (
    "authentication required; sign in, or send the header Authorization: Bearer with the password"
)


class AuthenticationMiddleware:
    """`password`: None if only a trusted proxy authenticates.

    `in_frames`: other sites may show the pages in a frame. `public_paths` bypass this.
    """

    def __init__(
        self,
        app: WSGIApp,
        *,
        password: SecretCheck | None,
        sessions: Sessions,
        clients: ClientResolver,
        page: LoginPage,
        shares: ShareLinks,
        in_frames: bool = False,
        public_paths: Collection[str] = ("/healthz",),
    ) -> None:
        self._app = app
        self._password = password
        self._sessions = sessions
        self._clients = clients
        self._page = page
        self._shares = shares
        self._in_frames = in_frames
        self._public_paths = frozenset(public_paths)
        self._bodies = BodyReader(MAX_FORM_BYTES)
        self._uploading: set[str] = set()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if path in self._public_paths:
            return self._app(environ, start_response)
        if path == LOGIN_PATH:
            return self._login(environ, start_response)
        if path == LOGOUT_PATH:
            return self._logout(environ, start_response)
        if path.startswith(SHARE_PREFIX):
            return self._shares(environ, start_response)
        if self._has_session(environ):
            if path.endswith(STREAM_PATH):
                environ[STILL_ALLOWED] = self._sessions.access(environ)
            return self._authenticate(environ, start_response)
        if self._clients.user(environ):
            return self._authenticate(environ, start_response)
        if "HTTP_AUTHORIZATION" in environ and self._password is not None:
            return self._check_bearer_token(self._password, environ, start_response)
        return self._deny(environ, start_response)

    def _has_session(self, environ: dict[str, Any]) -> bool:
        # Without a password there is no login, so every session is forged.
        return self._password is not None and self._sessions.is_valid(environ)

    def _authenticate(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == SHARE_PATH:
            return self._shares.create(environ, start_response)
        return self._app(environ, start_response)

    def _deny(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Redirect a browser to the login page; answer other clients with an error."""
        is_read = environ["REQUEST_METHOD"] in ("GET", "HEAD")
        if self._password is None:
            sentence = "authentication required; open the page through the proxy in front of this server"
            return error_response(start_response, "403 Forbidden", sentence)
        if not (is_read and "text/html" in environ.get("HTTP_ACCEPT", "")):
            challenge = ("www-authenticate", 'Bearer realm="dashapp"')
            return error_response(start_response, "401 Unauthorized", SIGN_IN_REQUIRED, challenge)
        query = environ.get("QUERY_STRING", "")
        path: str = environ["PATH_INFO"]
        next_url = quote(path, safe="/~!$&'()*+,;=:@-._") + (f"?{query}" if query else "")
        root = "../" * (path.count("/") - 1) or "./"
        next_query = (
            ""
            if login_page.safe_next_url(next_url) == login_page.DEFAULT_NEXT_URL
            else f"?next={quote(next_url, safe='')}"
        )
        return redirect(start_response, f"{root}login{next_query}")

    def _login(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if self._password is None:
            return self._deny(environ, start_response)
        # The browser posts the form to the URL of the page, whose query has the target too. That one is used
        # if the body is not read.
        next_url = login_page.safe_next_url(_last_value(environ.get("QUERY_STRING", ""), "next"))
        translate = translator_of(environ)
        if method in ("GET", "HEAD"):
            if self._has_session(environ):
                return redirect(start_response, f".{next_url}")
            return html_response(start_response, "200 OK", self._page.render(translate, next_url))
        if method != "POST":
            return method_not_allowed(start_response, environ, "GET, HEAD, POST")
        client = rate_limit_key(self._clients.address(environ))
        if wait := self._password.count(client):
            return self._rate_limited(translate, start_response, next_url, wait)
        try:
            form = self._form(environ, client)
        except RequestBodyError as error:
            return html_response(
                start_response,
                error.status,
                self._page.render(translate, next_url, login_page.UNREADABLE_FORM),
                CLOSE_CONNECTION,
            )
        next_url = login_page.safe_next_url(_last_value(form, "next"))
        password = _last_value(form, "password")
        if not self._password.matches(password):
            message = login_page.SIGN_IN_FAILED if password else login_page.SIGN_IN_EMPTY
            return html_response(
                start_response, "403 Forbidden", self._page.render(translate, next_url, message)
            )
        self._password.forget(client)
        cookie = self._sessions.create(
            environ.get("HTTP_HOST", ""), self._is_secure(environ), self._is_framed(environ)
        )
        return redirect(start_response, f".{next_url}", ("set-cookie", cookie))

    def _form(self, environ: dict[str, Any], client: str) -> str:
        # One body at a time for each client: a slow upload occupies one thread, and no more.
        if client in self._uploading:
            raise RequestBodyError("503 Service Unavailable", "another login of this client is being read")
        self._uploading.add(client)
        try:
            return self._bodies.read(environ).decode("ascii", "replace")
        finally:
            self._uploading.discard(client)

    def _rate_limited(
        self, translate: Translator, start_response: StartResponse, next_url: str, wait: int
    ) -> Iterable[bytes]:
        body = self._page.render(translate, next_url, login_page.retry_message(wait, translate))
        return html_response(
            start_response, "429 Too Many Requests", body, ("retry-after", str(wait)), CLOSE_CONNECTION
        )

    def _logout(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            return method_not_allowed(start_response, environ, "POST")
        # No cookie for others: a visitor without a session learns nothing here.
        cookies: Iterable[str] = ()
        if self._has_session(environ):
            cookies = self._sessions.revoke(environ, self._is_secure(environ), self._is_framed(environ))
        return redirect(start_response, "./login", *(("set-cookie", cookie) for cookie in cookies))

    def _check_bearer_token(
        self, password: SecretCheck, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """Authenticate by the password as a bearer token, for clients without cookies.

        Werkzeug's parser is no replacement: it reads a token with "=" inside as parameters.
        """
        may_block(environ)
        scheme, _, token = environ["HTTP_AUTHORIZATION"].partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return self._deny(environ, start_response)
        result = password.check_token(token.strip(), rate_limit_key(self._clients.address(environ)))
        if result == WRONG_TOKEN:
            return error_response(start_response, "403 Forbidden", "invalid password")
        if result:
            return error_response(
                start_response,
                "429 Too Many Requests",
                login_page.retry_message(result),
                ("retry-after", str(result)),
            )
        return self._authenticate(environ, start_response)

    def _is_secure(self, environ: dict[str, Any]) -> bool:
        """Whether the browser uses https; its Origin header shows that behind any proxy."""
        return self._clients.is_secure(environ) or environ.get("HTTP_ORIGIN", "").startswith("https://")

    def _is_framed(self, environ: dict[str, Any]) -> bool:
        """Whether the browser shows the page in a frame, in which other sites are allowed."""
        return self._in_frames and environ.get("HTTP_SEC_FETCH_DEST") in ("iframe", "frame")


CLOSE_CONNECTION = ("connection", "close")


def _last_value(form: str, name: str) -> str:
    try:
        return parse_qs(form, keep_blank_values=True, max_num_fields=8, errors="replace").get(name, [""])[-1]
    except ValueError:
        return ""
