"""The application of a share link: page and data of one view."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dash.development.base_component import Component

from dashapp.api.badge import BADGE_PREFIX, PRIVATE_CACHING, BadgeEndpoint
from dashapp.api.endpoints import Api, ApiLimits, utc_now
from dashapp.config.settings import MIN_WINDOW_S, Settings
from dashapp.http.responses import PRIVATE_NO_STORE
from dashapp.http.types import StartResponse, WSGIApp
from dashapp.languages.tables import Translator
from dashapp.model.panels import all_panels
from dashapp.query.shared_view import SharedViewReader
from dashapp.stores.documents import ZONE
from dashapp.web import layout

# Parts of the API that a link can use.
ALLOWED_PATHS = (
    "/api/ticks",
    "/api/frames",
    "/api/stream",
    "/api/metrics",
    "/api/alerts",
    "/api/events",
    "/api/csv",
    "/api/forecast",
    "/api/usual",
)
# Key of the view in the environ.
ENVIRON_KEY = "dashapp.view"


def shared_view_app(store: SharedViewReader, settings: Settings, page: WSGIApp, limits: ApiLimits) -> WSGIApp:
    """Return the application. `page` serves all other paths, and finds the view by ENVIRON_KEY.

    `limits`: those that the pages of this process share.
    """
    seconds = max(store.view.seconds, MIN_WINDOW_S)
    api = Api(
        store,
        window=seconds,
        max_window=seconds,
        interval=settings.interval,
        caching=PRIVATE_NO_STORE,
        panels=settings.panel,
        limits=limits,
        streams=settings.transport != "poll",
    )

    badges = BadgeEndpoint(store, utc_now, PRIVATE_CACHING)

    def show(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] in ALLOWED_PATHS:
            return api(environ, start_response)
        if environ["PATH_INFO"].startswith(BADGE_PREFIX):
            return badges(environ, start_response)
        return page({**environ, ENVIRON_KEY: store}, start_response)

    return show


def shared_view_page(store: SharedViewReader, settings: Settings, translate: Translator) -> Component:
    metrics = store.metrics()
    panels = all_panels(metrics, settings.panel, store.panel_kinds())
    seconds = max(store.view.seconds, MIN_WINDOW_S)
    return layout.page_layout(
        seconds,
        settings.interval,
        seconds,
        metrics,
        [panel for panel in panels if panel.name in store.view.panels],
        translate,
        thresholds=[state.threshold for state in store.thresholds()],
        title=settings.title,
        theme=settings.theme,
        machine=False,
        tagline=translate("shared view"),
        is_shared_view=True,
        zone=store.read_document(ZONE),
    )
