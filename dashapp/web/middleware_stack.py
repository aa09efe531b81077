"""The middleware around an application: authentication and security, by the settings."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from pathlib import Path

from dashapp.api.ingest.routes import TOKEN_PATHS
from dashapp.config.settings import Settings
from dashapp.http.middleware.authentication import AuthenticationMiddleware
from dashapp.http.middleware.client_address import ClientResolver
from dashapp.http.middleware.ended_sessions import EndedSessions
from dashapp.http.middleware.language import LanguageMiddleware
from dashapp.http.middleware.login_attempts import LoginAttempts
from dashapp.http.middleware.login_page import LoginPage
from dashapp.http.middleware.rate_limit import RequestRateLimiter
from dashapp.http.middleware.secret_check import SecretCheck
from dashapp.http.middleware.security import SecurityMiddleware
from dashapp.http.middleware.sessions import Sessions
from dashapp.http.middleware.share_links import ShareLinks
from dashapp.http.middleware.signing_key import SigningKey, stored_secret
from dashapp.http.types import WSGIApp
from dashapp.query.shared_view import SharedView
from dashapp.stores.access import SharedAccess
from dashapp.web.assets import assets_directory


class AccessControl:
    """Shared by the middleware and the push endpoint: clients, the key, and counts of attempts."""

    def __init__(
        self, settings: Settings, folder: Path | None, local: Path | None, shared: SharedAccess | None
    ) -> None:
        """`folder`: of the store. `local`: of this machine, if `folder` is None or read-only."""
        self.clients = ClientResolver(settings.trusted_proxy, settings.proxy_user)
        needs_key = bool(settings.requires_authentication or settings.push_token)
        secret = stored_secret((folder, local) if needs_key else ())
        # Without a password the secret alone makes the key, and others can read that of a Redis.
        self.key = SigningKey(secret, settings.password, shared if settings.password else None)
        self._attempts = LoginAttempts(lambda: self.key.secret, local or folder, shared=shared)
        self.ended = EndedSessions(local or folder, shared)

    def check_of(self, secret: str, name: str) -> SecretCheck | None:
        """Return the check of a secret; None if it is not set."""
        return SecretCheck(secret, self._attempts, name) if secret else None


def build_middleware(
    app: WSGIApp,
    settings: Settings,
    access: AccessControl,
    build: Callable[[SharedView], WSGIApp],
    script_hashes: Sequence[str],
    *,
    mounted: bool = False,
    restricted: bool = False,
) -> WSGIApp:
    """Return `app` inside its middleware.

    `build` returns the application of a shared view. `mounted`: the host application checks access.
    `restricted`: it certainly does.
    """
    needs_login = settings.requires_authentication and not mounted
    if needs_login:
        app = AuthenticationMiddleware(
            app,
            password=access.check_of(settings.password, "password"),
            sessions=Sessions(access.key, ended=access.ended),
            clients=access.clients,
            page=LoginPage(settings.title, settings.theme, assets_directory()),
            shares=ShareLinks(access.key, build, settings.max_window_s),
            in_frames=bool(settings.frame_ancestors),
            public_paths=("/healthz", *(TOKEN_PATHS if settings.push_token else ())),
        )
    return SecurityMiddleware(
        LanguageMiddleware(app, settings.language),
        script_hashes=script_hashes,
        hosts=_allowed_hosts(settings),
        clients=access.clients,
        rate_limiter=None if mounted else RequestRateLimiter(settings.limit),
        private=needs_login,
        frame_ancestors=settings.frame_ancestors,
        image_policy=_image_policy(settings, mounted, needs_login or restricted),
    )


def _image_policy(settings: Settings, mounted: bool, restricted: bool) -> str:
    """Return which sites may show pictures, as a Cross-Origin-Resource-Policy.

    A page learns the size of a picture, which depends on its text. Browsers send the cookie of a login only
    to the same site.
    """
    if restricted:
        return "same-site" if settings.frame_ancestors else "same-origin"
    is_public = not mounted and (settings.public or bool(settings.hosts))
    return "cross-origin" if is_public or settings.frame_ancestors else "same-origin"


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
