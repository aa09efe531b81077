"""Marks by people at the page: POST and DELETE on /api/events, and who may send them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from authenticated_app import PASSWORD, filled, link, sign_in
from fake_hosts import Clock, Fleet
from wsgi_client import Answer, ask

from dashapp.api.events import MAX_MARKS_PER_S, MarkEndpoint
from dashapp.config.settings import parse_settings
from dashapp.http.middleware.rate_limit import RATE_WINDOW_S, RequestRateLimiter
from dashapp.http.types import WSGIApp
from dashapp.model.events import MAX_EVENT_CHARS
from dashapp.sources.push import PushSource
from dashapp.stores.push_queue import MemoryPushQueue
from dashapp.web.app import create_app

HOST = "127.0.0.1:8050"
OWN_PAGE = {"origin": f"http://{HOST}", "sec_fetch_site": "same-origin"}
BODY = {"event": "deploy 1.4", "t": 1_700_000_000_123}
MARK = (1_700_000_000_123, "deploy 1.4")


class Site:
    """An application and the queue of its marks. `variables` are settings without DASHAPP_."""

    def __init__(self, *flags: str, mounted: bool = False, **variables: str) -> None:
        environ = {f"DASHAPP_{name.upper()}": text for name, text in variables.items()}
        settings = parse_settings(["--store", "memory:", *flags], environ)
        self.queue = MemoryPushQueue()
        self.app: WSGIApp = create_app(filled(), settings, self.queue, mounted=mounted, restricted=mounted)

    def mark(self, body: object = BODY, path: str = "/api/events", **headers: str) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return ask(self.app, path, method="POST", host=HOST, body=data, **headers)

    def remove(self, query: str, **headers: str) -> Answer:
        return ask(self.app, f"/api/events{query}", method="DELETE", host=HOST, **headers)

    def received(self) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
        """Return what the collector adds and removes."""
        source = PushSource(self.queue, lambda: 0)
        source.read()
        return source.take_events(), source.take_removed_events()


def test_page_of_own_machine_marks_and_removes_without_login() -> None:
    site = Site()
    answer = site.mark(**OWN_PAGE)
    assert (answer.status, answer.json) == (200, {"t": MARK[0], "text": MARK[1], "kind": "user"})
    assert site.received() == ([MARK], [])
    assert site.remove("?t=1700000000123&text=deploy+1.4", **OWN_PAGE).status == 200
    assert site.received() == ([], [MARK])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec_fetch_site": "same-origin"},
        {**OWN_PAGE, "sec_fetch_site": "cross-site"},
        {**OWN_PAGE, "sec_fetch_site": "same-site"},
        {**OWN_PAGE, "x_forwarded_for": "203.0.113.7"},
        {**OWN_PAGE, "forwarded": "for=203.0.113.7"},
        {**OWN_PAGE, "via": "1.1 proxy"},
        {**OWN_PAGE, "authorization": "Bearer x", "origin": ""},
    ],
)
def test_other_senders_cannot_mark_without_login(headers: dict[str, str]) -> None:
    site = Site()
    assert site.mark(**headers).status == 403
    assert site.remove("?t=1&text=a", **headers).status == 403
    assert site.received() == ([], [])


@pytest.mark.parametrize("headers", [{"authorization": f"Bearer {PASSWORD}"}, {}])
def test_signed_in_person_marks(headers: dict[str, str]) -> None:
    site = Site(password=PASSWORD)
    headers = headers or {"cookie": sign_in(site.app), "origin": f"http://{HOST}"}
    assert site.mark(**headers).status == 200
    assert site.received() == ([MARK], [])
    assert site.mark(**{**headers, "sec_fetch_site": "cross-site"}).status == 403


def test_visitor_and_holder_of_share_link_cannot_mark() -> None:
    site = Site(password=PASSWORD)
    assert site.mark(**OWN_PAGE).status == 401
    path = f"{link(site.app, panels=['cpu'])}api/events"
    assert site.mark(path=path, **OWN_PAGE).status == 405
    assert ask(site.app, path, method="DELETE", host=HOST, **OWN_PAGE).status == 405
    assert site.received() == ([], [])


@pytest.mark.parametrize(
    "site",
    [
        lambda: Site("--public"),
        lambda: Site("--hosts", "monitor.example"),
        lambda: Site(mounted=True),
    ],
)
def test_page_that_others_may_reach_takes_no_marks(site: Any) -> None:
    made = site()
    assert made.mark(**OWN_PAGE).status == 405
    assert made.remove("?t=1&text=a", **OWN_PAGE).status == 405
    assert made.received() == ([], [])
    assert set(ask(made.app, "/api/openapi.json", host=HOST).json["paths"]["/api/events"]) == {"get"}
    page = ask(made.app, "/_dash-layout", host=HOST).body
    assert b'"data-marks":"off"' in page
    assert b"Mark a moment" not in page


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"event": "x" * 10_000}, "larger than"),
        ({"event": "x" * (MAX_EVENT_CHARS + 1)}, "201 characters; expected at most 200"),
        ({"event": ""}, "expected printable text"),
        ({"event": "a\u0000b"}, "expected printable text"),
        ({"event": "a", "t": 4e12}, "not in the future"),
        ({"event": "a", "metrics": {"loss": 1}}, "the body is not one event"),
        ({"metrics": {"loss": 1}}, "the body is not one event"),
        ([{"event": "a"}, {"event": "b"}], "the body is not one event"),
        ([], "the body has no values"),
        ({"event": "a", "kind": "boot"}, '"kind" is not a known key'),
        (b"event=a", "the body is not JSON"),
    ],
)
def test_invalid_mark_is_one_sentence_and_stores_nothing(body: object, sentence: str) -> None:
    site = Site()
    answer = site.mark(body, **OWN_PAGE)
    assert answer.status in (400, 413)
    assert sentence in answer.json["error"]
    assert "\n" not in answer.json["error"]
    assert site.received() == ([], [])


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", 't is ""; expected epoch milliseconds'),
        ("?t=1", "the event is NoneType"),
        ("?t=x&text=a", 't is "x"'),
        ("?t=nan&text=a", "expected epoch milliseconds"),
        ("?t=1&text=", "expected printable text"),
        (f"?t=1&text={'x' * 300}", "300 characters"),
        ("?t=1&text=a&kind=boot", '"kind" is not a parameter'),
    ],
)
def test_invalid_removal_is_one_sentence(query: str, sentence: str) -> None:
    site = Site()
    answer = site.remove(query, **OWN_PAGE)
    assert (answer.status, sentence in answer.json["error"]) == (400, True), answer.body
    assert site.received() == ([], [])


@pytest.mark.parametrize("text", ["<b onclick=alert(1)>", "🚀 配備", "a & b=c?d#e+f", "100 %"])
def test_any_printable_mark_can_be_removed(text: str) -> None:
    site = Site()
    answer = site.mark({"event": text, "t": 5000}, **OWN_PAGE)
    mark = answer.json["t"], answer.json["text"]
    assert site.remove(f"?t={mark[0]}&text={quote(mark[1])}", **OWN_PAGE).status == 200
    assert site.received() == ([], [mark])


def test_marks_of_all_people_have_one_limit() -> None:
    limiter = RequestRateLimiter(MAX_MARKS_PER_S, lambda: 0.0)
    queue = MemoryPushQueue()
    endpoint = MarkEndpoint(lambda: queue, limiter)
    allowed = int(MAX_MARKS_PER_S * RATE_WINDOW_S)
    body = json.dumps(BODY).encode()
    answers = [
        ask(endpoint, "/api/events", method="POST", body=body, peer=f"192.0.2.{number}")
        for number in range(allowed + 1)
    ]
    assert [answer.status for answer in answers] == [*[200] * allowed, 429]
    assert answers[-1].headers["retry-after"] == "10"
    assert answers[-1].json["error"] == "more than 20 marks in 10 seconds"


def test_full_queue_and_absent_collector_are_one_sentence() -> None:
    site = Site()
    site.queue._max_bytes = 10
    answer = site.mark(**OWN_PAGE)
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert "the push queue is full" in answer.json["error"]


def test_page_of_each_host_marks_in_queue_of_its_host() -> None:
    fleet = Fleet(Clock())
    fleet.add("web1", 5), fleet.add("web2", 5)
    queues = {"": MemoryPushQueue(), "web1": MemoryPushQueue(), "web2": MemoryPushQueue()}
    settings = parse_settings(["--store", "memory:"], {"DASHAPP_PASSWORD": PASSWORD})
    reader = fleet.reader("web1")
    assert reader is not None
    app = create_app(reader, settings, queues[""], fleet, "web1", push_writer_of=queues.__getitem__)
    headers = {"authorization": f"Bearer {PASSWORD}"}

    def mark(path: str) -> int:
        body = json.dumps({"event": path}).encode()
        return ask(app, path, method="POST", host=HOST, body=body, **headers).status

    paths = {"/api/events": 200, "/host/web1/api/events": 200, "/host/web2/api/events": 200}
    paths |= {"/host/web1,web2/api/events": 405, "/host/other/api/events": 404}
    assert {path: mark(path) for path in paths} == paths
    texts = {}
    for name, queue in queues.items():
        source = PushSource(queue, lambda: 0)
        source.read()
        texts[name] = [text for _time, text in source.take_events()]
    own = ["/api/events", "/host/web1/api/events"]
    assert texts == {"": own, "web1": [], "web2": ["/host/web2/api/events"]}
