"""dashapp mounted in a Flask application: no change to the application, protected pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import current_app
from flask_host import Host, Mounted, mounter, store_of_a_tick
from processes import ROOT
from waiting import wait_for

import dashapp
from dashapp.model.notices import GENERIC_NOTICE
from dashapp.stores.disk.notices import NoticeFile

store = pytest.fixture(store_of_a_tick)
mounted = pytest.fixture(mounter)


# The application.


@pytest.mark.parametrize(
    "path", ["/", "/monitors", "/monitorx/", "/nothing", "/fails", "/api/ticks", "/assets/style.css"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_responses_of_application_are_unchanged(mounted: Mounted, path: str, method: str) -> None:
    alone, both = Host(), mounted()
    expected, got = alone.ask(path, method=method), both.ask(path, method=method)
    assert (got.status, got.body) == (expected.status, expected.body)
    assert got.headers.keys() == expected.headers.keys()
    assert both.seen == alone.seen != []


def test_hooks_of_application_run_for_mounted_pages(mounted: Mounted) -> None:
    host = mounted()
    for path in ("/monitor/", "/monitor/api/ticks", "/monitor/nothing", "/monitor"):
        host.seen.clear()
        answer = host.ask(path)
        assert answer.headers["x-host"] == "yes"
        assert "set-cookie" not in answer.headers
        # One request of the host, although our page is a Flask application too.
        assert host.seen == [f"before {path}", f"after {path}", f"teardown {path}"]


def test_sessions_of_application_continue(mounted: Mounted) -> None:
    client = mounted().app.test_client()
    assert client.get("/").text == "home 1"
    assert client.get("/monitor/").status_code == 200
    assert client.get("/").text == "home 2"


def test_config_and_routes_of_application_are_unchanged(mounted: Mounted) -> None:
    alone, both = Host().app, mounted().app
    assert both.config == alone.config
    ours = {"/monitor/", "/monitor/<path:dashapp_path>"}
    assert {*map(str, both.url_map.iter_rules())} == {*map(str, alone.url_map.iter_rules()), *ours}
    assert both.blueprints == alone.blueprints == {}
    assert both.view_functions.keys() == {*alone.view_functions, "dashapp:/monitor/"}
    assert both.before_request_funcs.keys() == alone.before_request_funcs.keys()
    assert both.error_handler_spec.keys() == alone.error_handler_spec.keys()
    # Flask creates it at its first use, from settings that may come after the mount.
    assert "jinja_env" not in vars(both)


def test_mount_starts_no_collector_in_tests_of_application(tmp_path: Path) -> None:
    host = Host()
    dashapp.mount(host.app, "/monitor/", store=tmp_path / "store")
    assert host.ask("/monitor/").status == 200
    assert not (tmp_path / "store").exists()


def test_mount_calls_functions_of_application_in_its_context(tmp_path: Path) -> None:
    """They use the application's database or configuration, and so does an async one."""
    host = Host(TESTING=False, ORDERS=7)

    @dashapp.source(unit="orders")
    def orders() -> Any:
        return current_app.config["ORDERS"]

    sources: list[Any] = [orders, "machine"]
    dashapp.mount(host.app, "/monitor/", store=tmp_path / "store", sources=sources, interval=0.1)

    def values() -> dict[str, Any]:
        y: dict[str, Any] = host.ask("/monitor/api/ticks").json["y"]
        return y

    wait_for(lambda: 7 in values().get("orders", ()) and "memory.percent" in values())
    units = {metric["key"]: metric["unit"] for metric in host.ask("/monitor/api/metrics").json}
    assert units["orders"] == "orders"
    stop_collector(host)


def test_mount_collects_before_first_request_when_eager(tmp_path: Path) -> None:
    host = Host(TESTING=False)
    options: dict[str, Any] = {"store": tmp_path / "store", "sources": {"seven": lambda: 7}, "interval": 0.1}
    dashapp.mount(host.app, "/monitor/", **options, eager=True)
    wait_for((tmp_path / "store" / "tail").exists)
    stop_collector(host)


def stop_collector(host: Host) -> None:
    host.app.extensions["dashapp"].mounted["/monitor/"].monitor.collector.stop()


def test_application_works_when_collector_cannot_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_more(*_: Any, **__: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("dashapp.process.threads.Thread", no_more)
    host = Host(TESTING=False)
    dashapp.mount(host.app, "/monitor/", store=tmp_path / "store")
    assert host.ask("/").body == b"home 1"
    collector_lines = [line for line in caplog.messages if "collector" in line]
    assert collector_lines == ["starting the collector failed: can't start new thread"]


# The mounted pages.


def test_mounted_pages_have_security_headers(mounted: Mounted) -> None:
    host = mounted()
    page = host.ask("/monitor/")
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    data = host.ask("/monitor/api/ticks")
    assert data.headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors")
    assert data.headers["x-content-type-options"] == "nosniff"
    assert host.ask("/monitor/api/push", method="POST", sec_fetch_site="cross-site").status == 403


def test_processes_are_hidden_by_default(mounted: Mounted) -> None:
    path = "/monitor/api/ticks?processes=1"
    assert mounted().ask(path).status == 400
    assert mounted(processes="always").ask(path).status == 200


def test_missing_store_is_reported_in_notice(mounted: Mounted, tmp_path: Path) -> None:
    host = mounted(store=tmp_path / "none")
    assert host.ask("/monitor/").status == 200
    answer = host.ask("/monitor/api/ticks")
    assert answer.status == 200
    assert "no collector has written" in " ".join(answer.json["notices"])
    assert str(tmp_path).encode() not in answer.body
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("protect", [None, lambda: True])
def test_notice_details_are_hidden_without_protect(mounted: Mounted, store: Path, protect: Any) -> None:
    sentence = "source /home/ada/plan.csv cannot be read"
    NoticeFile(store, "source").set(sentence)
    host = mounted(store=store) if protect is None else mounted(store=store, protect=protect)
    answer = host.ask("/monitor/api/ticks")
    assert answer.json["notices"] == ([GENERIC_NOTICE] if protect is None else [sentence])
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_wrong_push_tokens_are_limited_in_mount(mounted: Mounted) -> None:
    host = mounted(push_token="a-token-of-more-than-sixteen")
    push = {"method": "POST", "body": b"{}", "authorization": "Bearer wrong"}
    statuses = [host.ask("/monitor/api/push", **push).status for _ in range(7)]
    assert statuses == [403] * 5 + [429] * 2


def test_push_requires_configured_token(mounted: Mounted) -> None:
    host = mounted(push_token="a-token-of-more-than-sixteen")
    token = "a-token-of-more-than-sixteen"
    push = {"method": "POST", "body": b"{}"}
    assert host.ask("/monitor/api/push", **push).status == 401
    assert host.ask("/monitor/api/push", **push, authorization="Bearer wrong but long").status == 403
    assert host.ask("/monitor/api/push", **push, authorization=f"Bearer {token}").status == 400


def test_flask_example_has_few_lines() -> None:
    """tests/project/test_package.py runs it."""
    lines = (ROOT / "examples" / "flask_app.py").read_text().partition("import dashapp")[2].splitlines()
    code = [line for line in lines if line.strip()]
    assert len(code) < 10
    assert sum("dashapp" in line for line in code) == 2
