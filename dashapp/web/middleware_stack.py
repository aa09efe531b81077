"""The middleware around an application: authentication and security, by the settings."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from pathlib import Path

from dashapp.api.push import PUSH_PATH as PUSH
from dashapp.config.settings import Settings
from dashapp.http.middleware.authentication import AuthenticationMiddleware
from dashapp.http.middleware.client_address import ClientResolver
from dashapp.http.middleware.login_page import LoginPage
from dashapp.http.middleware.rate_limit import LoginAttempts, RequestRateLimiter
from dashapp.http.middleware.security import SecurityMiddleware
from dashapp.http.middleware.sessions import Sessions, signing_key
from dashapp.http.middleware.share_links import ShareLinks
from dashapp.http.types import WSGIApp
from dashapp.query.shared_view import SharedView
from dashapp.web.assets import assets_directory


def build_middleware(
    app: WSGIApp,
    settings: Settings,
    folder: Path | None,
    build: Callable[[SharedView], WSGIApp],
    script_hashes: Sequence[str],
    *,
    local: Path | None = None,
    mounted: bool = False,
) -> WSGIApp:
    """Return `app` inside its middleware.

    `build` returns the application of a shared view. `local`: a folder of this machine, if `folder` is None
    or read-only. `mounted`: the host application checks access.
    """
    clients = ClientResolver(settings.trusted_proxy, settings.proxy_user)
    needs_login = settings.requires_authentication and not mounted
    if needs_login:
        key = signing_key(folder, settings.password, local)
        app = AuthenticationMiddleware(
            app,
            password=settings.password,
            sessions=Sessions(key),
            clients=clients,
            attempts=LoginAttempts(key, local or folder),
            page=LoginPage(settings.title, settings.theme, assets_directory()),
            shares=ShareLinks(key, build, settings.max_window_s),
            public_paths=("/healthz", PUSH) if settings.push_token else ("/healthz",),
        )
    return SecurityMiddleware(
        app,
        script_hashes=script_hashes,
        hosts=_allowed_hosts(settings),
        clients=clients,
        rate_limiter=None if mounted else RequestRateLimiter(settings.limit),
        private=needs_login,
    )


def _allowed_hosts(settings: Settings) -> Sequence[str] | None:
    """Return the host names to accept in addition to those of this machine, or None for all."""
    if not settings.hosts and (
        settings.public or (settings.requires_authentication and _listens_everywhere(settings.listen_address))
    ):
        return None
    listening = f"[{settings.listen_address}]" if ":" in settings.listen_address else settings.listen_address
    return (*settings.hosts, listening)


def _listens_everywhere(address: str) -> bool:
    """Return whether this is every address of this machine, whose names are unknown."""
    return ipaddress.ip_address(address).is_unspecified
