"""Shared views: a link shows one view until it expires, and no request can extend it."""

from __future__ import annotations

from typing import Any

import pytest
from authenticated_app import filled, guarded, link, sign_in
from csv_store import seal
from wsgi_client import ask

from dashapp.http.middleware.share_links import EXPIRED_LINK, INVALID_LINK
from dashapp.http.types import WSGIApp
from dashapp.model.thresholds import AlertState, Threshold
from dashapp.model.ticks import Metric, Tick
from dashapp.query.frames import live_frame, past_frame
from dashapp.query.shared_view import SharedView, SharedViewReader
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import Retention


@pytest.fixture(scope="module")
def app() -> WSGIApp:
    return guarded()


def test_shared_view_is_served_without_password(app: WSGIApp) -> None:
    path = link(app)
    page = ask(app, path, accept="text/html")
    assert page.status == 200
    assert b"page.bundle.js" in page.body
    for name in ("assets/style.css", "_dash-dependencies", "_dash-layout"):
        assert ask(app, path + name).status == 200
    assert ask(app, path[:-1]).headers["location"] == path.split("/")[2] + "/"
    shown_frame = ask(app, path + "api/ticks").json
    assert list(shown_frame["y"]) == ["cpu.percent"]
    assert len(shown_frame["t"]) == 30
    after = ask(app, f"{path}api/ticks?window=30&after={shown_frame['cursor']}").json
    assert (after["reset"], after["t"]) == (False, [])
    assert [each["key"] for each in ask(app, path + "api/metrics").json] == ["cpu.percent"]


def test_shared_view_exports_csv_of_pattern_panel() -> None:
    app = guarded("--panel", 'name="heat", metrics=["cpu.*"], right=["memory.*"]')
    answer = ask(app, f"{link(app, panels=['heat'])}api/csv?panel=heat")
    assert answer.body.startswith(b"time,cpu.percent,memory.percent\r\n")


WIDER = [
    "api/ticks?metrics=secret.plan",
    "api/ticks?metrics=cpu.percent,secret.plan",
    "api/ticks?like=*",
    "api/ticks?window=100",
    "api/ticks?window=7200",
    "api/ticks?from=1",
    "api/ticks?from={hour}",
    "api/ticks?from={minute}",
    "api/ticks?processes=1",
    "api/ticks?curves=1",
    "api/ticks?after=AAAAAAAAAAA.1",
    "api/frames?q=window%3D100&q=metrics%3Dsecret.plan",
    "api/csv",
    "api/csv?panel=secret",
    "api/csv?metrics=secret.plan",
    "api/csv?from={minute}",
    "api/metrics?panels=secret",
    "api/alerts",
    "api/events",
    "api/runs",
    "api/top",
    "api/hosts",
    "api/badge/secret.plan.svg",
    "chart/secret.plan",
    "chart/*",
    "api/share",
    "api/push",
    "api/openapi.json",
    "metrics",
    "healthz",
    "readyz",
    "login",
    "logout",
    "_dash-layout?panels=secret",
    "?panels=secret",
    "../api/ticks",
    "..%2f..%2fapi/ticks",
    "share/x/api/ticks",
]


def newest(app: WSGIApp) -> int:
    """Return the time of the newest tick, in milliseconds."""
    return int(ask(app, "/api/ticks", cookie=sign_in(app)).json["t"][-1])


# A panel, and a chart that the user built.
VIEWS = {"panel": {}, "built chart": {"panels": [], "metrics": ["cpu.percent"]}}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
@pytest.mark.parametrize("query", [*WIDER, "?chart=secret.plan", "?chart=*&compare=7d"])
def test_shared_view_cannot_be_widened_by_query(app: WSGIApp, query: str, view: dict[str, Any]) -> None:
    now = newest(app)
    path = link(app, **view) + query.format(hour=now - 3_600_000, minute=now - 60_000)
    for method in ("GET", "HEAD", "POST"):
        answer = ask(app, path, method=method)
        assert answer.status in (200, 400, 404, 405)
        # An error quotes the request. The names of tiles are not secret, but their values are.
        assert b"secret" not in answer.body or b"is not a " in answer.body or b"no metric" in answer.body
        assert b"4711" not in answer.body
        assert b"memory.percent" not in answer.body or "layout" in query
        if method == "POST":
            assert answer.status == 405
        if method == "GET" and answer.headers["content-type"] == "application/json" and "layout" not in query:
            times = [t for frame in [answer.json] if isinstance(frame, dict) for t in frame.get("t", [])]
            assert all(t > now - 31_000 for t in times)


def test_shared_view_of_built_chart_has_its_metrics_only(app: WSGIApp) -> None:
    path = link(app, panels=[], metrics=["memory.percent", "cpu.percent", "no.such"])
    assert sorted(ask(app, path + "api/ticks").json["y"]) == ["cpu.percent", "memory.percent"]
    keys = [metric["key"] for metric in ask(app, path + "api/metrics").json]
    assert sorted(keys) == ["cpu.percent", "memory.percent"]
    assert ask(app, path + "api/csv?metrics=cpu.percent").body.startswith(b"time,cpu.percent\r\n")
    layout = ask(app, path + "_dash-layout").body
    assert b"data-built" in layout
    for word in (b"secret", b"Plan"):
        assert word not in layout


def test_shared_page_contains_only_shared_panels(app: WSGIApp) -> None:
    layout = ask(app, link(app) + "_dash-layout").body
    assert b"cpu" in layout
    for word in (b"secret", b"Plan", b"sign-out", b"Top processes"):
        assert word not in layout
    # The layout for a signed-in user is unchanged.
    assert b"secret" in ask(app, "/_dash-layout", cookie=sign_in(app)).body


def test_shared_page_does_not_name_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "plan-server")
    app = guarded()
    assert b"plan-server" in ask(app, "/", cookie=sign_in(app)).body
    for name in ("", "_dash-layout", "chart/cpu.percent"):
        answer = ask(app, link(app) + name, accept="text/html")
        assert answer.status == 200
        assert b"plan-server" not in answer.body


def test_shared_view_of_past_range_is_limited_to_range(app: WSGIApp) -> None:
    end = newest(app) // 1000 - 40
    path = link(app, panels=["cpu", "memory"], **{"from": 1000 * (end - 20), "to": 1000 * end})
    frame = ask(app, path + "api/ticks?window=20").json
    assert frame["t"] == [1000 * at for at in range(end - 19, end + 1)]
    assert sorted(frame["y"]) == ["cpu.percent", "memory.percent"]
    wide = ask(app, f"{path}api/ticks?from={1000 * (end - 20)}&to={1000 * end}").json
    assert wide["t"] == frame["t"]
    for query in (
        f"from={1000 * (end - 25)}&to={1000 * (end - 5)}",
        f"from={1000 * (end - 10)}&to={1000 * (end + 10)}",
    ):
        times = ask(app, f"{path}api/ticks?{query}").json["t"]
        assert times
        assert times[0] > 1000 * (end - 20)
        assert times[-1] <= 1000 * end


def test_shared_view_limits_compacted_history(tmp_path: Any) -> None:
    """The view limits compacted history as it limits new ticks."""
    now = 1_800_000_000
    disk = DiskStore(tmp_path, keep=10_000)
    disk.describe([Metric("a", "A", "", "one"), Metric("b", "B", "", "two")])
    ticks = [Tick(at, 1, {"a": 1.0, "b": 4711.0}) for at in range(now - 4000, now + 1)]
    seal(tmp_path, ticks[:-1200], Retention())
    for tick in ticks[-1200:]:
        disk.append(tick)
    viewed = SharedViewReader(DiskReader(tmp_path), SharedView(("one",), 3000.0))
    for begin in (now - 4000, now - 3500, now - 100):
        found = past_frame(viewed, 1000 * begin, 1000 * now)
        assert list(found.y) == ["a"]
        assert found.t[0] >= 1000 * max(begin, now - 3000 - found.step)
    disk.close()


def test_shared_view_hides_thresholds_of_other_metrics() -> None:
    store = filled()
    store.set_thresholds(
        [
            AlertState(Threshold.parse(f"{name} > 1 for 1s"), True, 1.0)
            for name in ("cpu.percent", "secret.plan")
        ]
    )
    viewed = SharedViewReader(store, SharedView(("cpu",), 30))
    assert [state.threshold.metric for state in viewed.thresholds()] == ["cpu.percent"]
    assert viewed.notices() == []


def test_shared_view_does_not_reset_when_worker_lags() -> None:
    store = filled()
    viewed = SharedViewReader(store, SharedView(("cpu",), 30))
    mark = store.newest()
    ahead = mark._replace(time_ms=mark.time_ms + 1000).encode()
    assert live_frame(viewed, 30, ahead).reset
    store.lag_ms = 2500
    assert not live_frame(viewed, 30, ahead).reset


def test_invalid_share_link_returns_error_message(app: WSGIApp) -> None:
    assert ask(app, "/share/x/api/ticks").json == {"error": INVALID_LINK}
    page = ask(app, "/share/x/", accept="text/html")
    assert page.status == 403
    assert f"<p>{INVALID_LINK.capitalize()}.</p>" in page.body.decode()
    assert EXPIRED_LINK.count(";") == 1
