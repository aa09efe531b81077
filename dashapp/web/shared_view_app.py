"""Viewing: the application of a shared link, page and numbers of one view. Wiring only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dash.development.base_component import Component

from dashapp.api.endpoints import Api
from dashapp.config.settings import SHORTEST_WINDOW, Settings
from dashapp.http.responses import PRIVATE
from dashapp.http.types import App, StartResponse
from dashapp.model.panels import panels
from dashapp.query.shared_view import Viewed
from dashapp.web import layout

# What of the numbers a link answers.
ANSWERED = ("/api/ticks", "/api/frames", "/api/metrics", "/api/alerts", "/api/csv")
# Where what makes the page finds the view.
KEY = "dashapp.view"


def viewing(store: Viewed, settings: Settings, page: App) -> App:
    """`page` answers what is no number, and knows by KEY through which view it is asked."""
    seconds = max(store.view.seconds, SHORTEST_WINDOW)
    api = Api(
        store,
        window=seconds,
        longest=seconds,
        interval=settings.interval,
        caching=PRIVATE,
        chosen=settings.panel,
    )

    def show(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] in ANSWERED:
            return api(environ, start_response)
        return page({**environ, KEY: store}, start_response)

    return show


def view_page(store: Viewed, settings: Settings) -> Component:
    metrics = store.metrics()
    shown = panels(metrics, settings.panel, store.looks())
    seconds = max(store.view.seconds, SHORTEST_WINDOW)
    return layout.page(
        seconds,
        settings.interval,
        seconds,
        metrics,
        [panel for panel in shown if panel.name in store.view.panels],
        thresholds=[state.threshold for state in store.thresholds()],
        title=settings.title,
        theme=settings.theme,
        machine=False,
        tagline="shared view",
    )
