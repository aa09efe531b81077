"""The entrance: guard and door in front of an application, as the settings want them. Wiring only."""

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
    """`build` makes the application that shows a view; `local`: a folder of this machine's, where `folder` is
    none that can be written; `mounted`: the door is the host's."""
    clients = ClientResolver(settings.trusted_proxy, settings.proxy_user)
    guarded = settings.requires_authentication and not mounted
    if guarded:
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
        private=guarded,
    )


def _allowed_hosts(settings: Settings) -> Sequence[str] | None:
    """The names to answer to beside this machine's own; None for any."""
    if not settings.hosts and (
        settings.public or (settings.requires_authentication and _listens_everywhere(settings.listen_address))
    ):
        return None
    listening = f"[{settings.listen_address}]" if ":" in settings.listen_address else settings.listen_address
    return (*settings.hosts, listening)


def _listens_everywhere(address: str) -> bool:
    """Whether it listens on every address of this machine, whose names nobody can list."""
    return ipaddress.ip_address(address).is_unspecified
