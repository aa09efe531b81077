"""Security middleware in front of every path, errors included.

It rejects unknown Host headers (DNS rebinding) and cross-site requests, limits the requests of each client,
and adds the security headers to every response.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from dashapp.http.concurrency import CLIENT_KEY
from dashapp.http.middleware.client_address import ClientResolver
from dashapp.http.middleware.rate_limit import RequestRateLimiter, request_cost
from dashapp.http.responses import PRIVATE_NO_STORE, error_response
from dashapp.http.streams import IS_REPEATED
from dashapp.http.types import StartResponse, WSGIApp

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

# Different Host headers whose check is not repeated.
MAX_KNOWN_HOSTS = 64
_HOST = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")

# Pictures, which other sites may show if the settings allow it.
IMAGE_PREFIX = "/api/badge/"
_SHARED_IMAGE = re.compile(rf"/share/[^/]+{IMAGE_PREFIX}")

# Paths of data outside /api/: those of health checks, Prometheus, InfluxDB and OTLP.
DATA_PATHS = frozenset(
    ("/healthz", "/readyz", "/metrics", "/write", "/query", "/ping", "/health", "/v1/metrics")
)

_HOST_PATH = re.compile(r"^/host/[^/]*/")

UNKNOWN_HOST = "unknown host name; add it to DASHAPP_HOSTS on the server"
CROSS_SITE = "cross-site request rejected"

# https://owasp.org/www-project-secure-headers: the page gives up every feature that it never uses.
# The policy for frames is in two headers: old browsers know the first only, which cannot name other sites.
FRAME_HEADER = ("x-frame-options", "SAMEORIGIN")
PAGE_HEADERS = (
    ("cross-origin-opener-policy", "same-origin"),
    ("x-permitted-cross-domain-policies", "none"),
    (
        "permissions-policy",
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), "
        "midi=(), payment=(), usb=()",
    ),
)
HSTS_HEADER = ("strict-transport-security", "max-age=31536000")

SHARED_HEADERS = (
    ("x-content-type-options", "nosniff"),
    ("cross-origin-resource-policy", "same-origin"),
)
# Data, which pages request every second, have few headers and a short policy. They have no links, so that a
# policy for referrers would have no effect.
DATA_POLICY = "default-src 'none'; frame-ancestors 'self'"
DATA_HEADERS = (*SHARED_HEADERS, ("content-security-policy", DATA_POLICY))
REFERRER_HEADER = ("referrer-policy", "same-origin")
# Of scripts and pictures, which other pages embed.
FILE_HEADERS = (*DATA_HEADERS, REFERRER_HEADER)


def page_content_policy(script_hashes: Sequence[str], frame_ancestors: Sequence[str] = ()) -> str:
    """The Content-Security-Policy of a page.

    `script_hashes`: of its inline scripts. `frame_ancestors`: other sites that may show it in a frame.
    """
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src 'self'", *script_hashes)),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            " ".join(("frame-ancestors 'self'", *frame_ancestors)),
            "base-uri 'none'",
            "form-action 'self'",
            "object-src 'none'",
        )
    )


class SecurityMiddleware:
    """Wraps `app`.

    `hosts`: allowed names in Host headers, None for any, as on a public page. `rate_limiter`: None for no
    limit. `private`: forbid shared caches, even if the application allows them. `frame_ancestors`: origins of
    other sites that may show the pages in a frame. `image_policy`: which sites may show pictures, a
    Cross-Origin-Resource-Policy.
    """

    def __init__(
        self,
        app: WSGIApp,
        *,
        script_hashes: Sequence[str] = (),
        hosts: Collection[str] | None = (),
        clients: ClientResolver | None = None,
        rate_limiter: RequestRateLimiter | None = None,
        private: bool = False,
        frame_ancestors: Sequence[str] = (),
        image_policy: str = "same-origin",
    ) -> None:
        self._app = app
        self._hosts = None if hosts is None else LOCAL_HOSTS | frozenset(hosts)
        # Headers that were accepted before.
        self._known_hosts: set[str] = set()
        self._clients = clients or ClientResolver()
        self._rate_limiter = rate_limiter
        self._private = private
        policy = ("content-security-policy", page_content_policy(script_hashes, frame_ancestors))
        frames = () if frame_ancestors else (FRAME_HEADER,)
        self._page = [*SHARED_HEADERS, REFERRER_HEADER, policy, *frames, *PAGE_HEADERS]
        self._data = [*DATA_HEADERS]
        self._image = _with_resource_policy(image_policy)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if path.startswith("/host/"):
            # It has the same headers as the path below the root.
            path = _HOST_PATH.sub("/", path)
        data = path.startswith("/api/") or path in DATA_PATHS
        if data:
            extra = self._image if path.startswith(IMAGE_PREFIX) else self._data
        elif _SHARED_IMAGE.match(path):
            # Everybody who has the link may see it.
            data, extra = True, _SHARED_IMAGE_HEADERS
        else:
            extra = [*self._page, HSTS_HEADER] if self._clients.is_secure(environ) else self._page

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
            if self._private and not data:
                headers = _private_headers(headers)
            return start_response(status, headers + extra)

        client = environ[CLIENT_KEY] = self._clients.rate_limit_client(environ)
        limiter = None if IS_REPEATED in environ else self._rate_limiter
        if client and limiter and (wait := limiter.seconds_to_wait(client, request_cost(environ))):
            sentence = f"too many requests from this address; retry in {wait} second{'s' * (wait != 1)}"
            return error_response(start, "429 Too Many Requests", sentence, ("retry-after", str(wait)))
        if self._hosts is not None and not self._is_known(environ.get("HTTP_HOST", "")):
            return error_response(start, "400 Bad Request", UNKNOWN_HOST)
        if environ["REQUEST_METHOD"] not in SAFE_METHODS and _is_cross_site(environ):
            return error_response(start, "403 Forbidden", CROSS_SITE)
        return self._app(environ, start)

    def _is_known(self, host: str) -> bool:
        """Return whether a Host header has one of our names."""
        if host in self._known_hosts:
            return True
        if self._hosts is None or _host_name(host) not in self._hosts:
            return False
        # A client can invent any number of ports.
        if len(self._known_hosts) < MAX_KNOWN_HOSTS:
            self._known_hosts.add(host)
        return True


def _with_resource_policy(policy: str) -> list[tuple[str, str]]:
    name = "cross-origin-resource-policy"
    return [*(header for header in FILE_HEADERS if header[0] != name), (name, policy)]


_SHARED_IMAGE_HEADERS = _with_resource_policy("cross-origin")


def _private_headers(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Headers that forbid shared caches, and every cache unless the response never changes."""
    value = next((text for name, text in headers if name.lower() == "cache-control"), "")
    caching = value.replace("public", "private") if "immutable" in value else PRIVATE_NO_STORE
    others = (header for header in headers if header[0].lower() != "cache-control")
    return [*others, ("cache-control", caching)]


def _is_cross_site(environ: Mapping[str, Any]) -> bool:
    """Whether a page of another site sent the request. Only browsers send these headers.

    See https://web.dev/articles/fetch-metadata. A browser without fetch metadata sends an Origin header.
    """
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        return site not in ("same-origin", "none")
    return "HTTP_ORIGIN" in environ and not has_own_origin(environ)


def has_own_origin(environ: Mapping[str, Any]) -> bool:
    """Whether a page of the requested address sent the request, by its Origin header."""
    origin = str(environ.get("HTTP_ORIGIN", "")).partition("://")[2].lower()
    return bool(origin) and origin == str(environ.get("HTTP_HOST", "")).lower()


def _host_name(host: str) -> str:
    """The name in a Host header, without its port; empty if the header is invalid."""
    match = _HOST.fullmatch(host.lower())
    return match[1] if match else ""
