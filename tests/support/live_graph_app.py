"""A user's app with several LiveGraphs, and the charts that a browser shows of each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from chart_assertions import READ
from dash import Dash, Input, Output, dcc, html, no_update
from faulty_server import Served
from kept_tab import OpenAt
from playwright.sync_api import CDPSession, ConsoleMessage, Page
from waiting import wait_until
from wsgi_client import ask

from dashapp import LiveGraph, attach

INTERVAL = 0.5

IDS = LiveGraph.ids

LONGER = 4  # the index of 45 s among the slider's stops


class Theirs:
    """A user's app with its own callbacks and metrics; `late` has values once it is set to True."""

    def __init__(self) -> None:
        self.late = False
        rising = {"up": count(1).__next__, "down": count(-1, -1).__next__}
        self.app = app = Dash(__name__, prevent_initial_callbacks=True)
        sources: dict[str, Any] = {**rising, "late": lambda: {"now": 1} if self.late else {}}
        attach(app, sources=sources, interval=INTERVAL)
        app.layout = self.layout
        self.connect(app)
        self.server = Served(app.server.wsgi_app)

    def layout(self) -> Any:
        return html.Div(
            [
                *(html.Button(name, id=name) for name in ("say", "longer", "add", "remove", "again")),
                html.Div(id="said"),
                LiveGraph("up", window=30, aio_id="one", title="Up"),
                LiveGraph(["down"], window=30, aio_id="two", controls=False, kind="area"),
                html.Div(LiveGraph("up", window=30, aio_id="fixed"), id="place"),
                LiveGraph("late.*", window=30, aio_id="late", controls=False),
                dcc.Graph(
                    id="theirs", figure={"data": [{"y": [1, 2]}], "layout": {"title": {"text": "Theirs"}}}
                ),
            ]
        )

    def connect(self, app: Dash) -> None:
        fixed = LiveGraph("up", window=30, aio_id="fixed")
        place = Output("place", "children", allow_duplicate=True)
        app.callback(Output("said", "children"), Input("say", "n_clicks"))(lambda clicks: f"said {clicks}")
        app.callback(Output(IDS.window("one"), "value"), Input("longer", "n_clicks"))(lambda _: LONGER)
        app.callback(place, Input("add", "n_clicks"))(lambda n: LiveGraph("up", window=30, aio_id=f"more{n}"))
        app.callback(place, Input("remove", "n_clicks"))(lambda n: None if n else no_update)
        app.callback(place, Input("again", "n_clicks"))(lambda _: fixed)

    def stored(self, since: int) -> dict[str, dict[int, float]]:
        """Return each metric's values by time, from `since` (ms) on, as the server sends them."""
        # Ask the application directly, because the server counts the browser's requests.
        frame = ask(self.app.server.wsgi_app, "/_dashapp/api/ticks?window=600&like=*").json
        return {
            key: {t: y for t, y in zip(frame["t"], column, strict=True) if y is not None and t >= since}
            for key, column in frame["y"].items()
        }


def opened(page: Page, app: Theirs, open_at: OpenAt | None = None) -> Iterator[Theirs]:
    """Open the app in a browser; assert that its console has only errors about a missing server.

    With `open_at`, a page that has it open already is used.
    """
    errors: list[str] = []

    def hear(line: ConsoleMessage) -> None:
        if line.type == "error":
            errors.append(line.text)

    page.on("console", hear)

    def ready(page: Page) -> None:
        wait_until(page, lambda: drawn(page, "one") and drawn(page, "two") and drawn(page, "fixed"))

    if open_at:
        open_at(app.server.url, ready)
    else:
        page.goto(app.server.url)
        ready(page)
    yield app
    page.remove_listener("console", hear)
    assert [text for text in errors if "ERR_" not in text and "Failed to fetch" not in text] == []


def section(aio_id: str) -> str:
    return f'[data-live-graph="{aio_id}"]'


def chart(page: Page, aio_id: str) -> dict[str, Any] | None:
    """Return the chart of one LiveGraph, with its range and its only trace."""
    read = READ.replace("document.querySelectorAll(", f"document.querySelectorAll('{section(aio_id)} ' + ")
    charts: list[dict[str, Any]] = page.evaluate(read)
    return charts[0] if charts and charts[0]["traces"] else None


def drawn(page: Page, aio_id: str) -> dict[int, float]:
    found = chart(page, aio_id)
    if not found:
        return {}
    (trace,) = found["traces"]
    assert len(set(trace["x"])) == len(trace["x"]) == trace["drawn"]
    return {t: y for t, y in zip(trace["x"], trace["y"], strict=True) if y is not None}


def newest(app: Theirs) -> int:
    return max(app.stored(0)["up"], default=0)


def assert_up_to_date(page: Page, app: Theirs, aio_id: str, key: str) -> None:
    """Wait until it shows every point of its window up to the newest, each once."""
    end = max(app.stored(0)[key])

    def whole() -> bool:
        found = chart(page, aio_id)
        points = drawn(page, aio_id)
        if not found or not points:
            return False
        stored = app.stored(round(found["range"][0]) + 1)[key]
        return max(points) >= end and points == {t: y for t, y in stored.items() if t <= max(points)}

    wait_until(page, whole)


def state(page: Page, aio_id: str) -> str | None:
    return page.locator(section(aio_id)).get_attribute("data-state")


def wait_for_state(page: Page, aio_id: str, wanted: str) -> None:
    page.wait_for_selector(f'{section(aio_id)}[data-state="{wanted}"]')


def living(page: Page) -> list[str]:
    return sorted(page.evaluate("[...dashapp.liveGraphs.byId.keys()]"))


def click(page: Page, name: str) -> None:
    page.locator(f"#{name}").click()


def kept(session: CDPSession) -> tuple[float, float]:
    """Return the browser's numbers of listeners and nodes after a garbage collection."""
    session.send("HeapProfiler.collectGarbage")
    found = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return found["JSEventListeners"], found["Nodes"]


def least_kept(page: Page, session: CDPSession) -> tuple[float, float]:
    """Return the minimum of several readings: Plotly and React release some objects late."""
    readings = [kept(session)]
    for _ in range(4):
        page.wait_for_timeout(100)
        readings.append(kept(session))
    listeners, nodes = zip(*readings, strict=True)
    return min(listeners), min(nodes)
