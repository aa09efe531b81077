"""The push endpoint: authorization, panels, and each value in exactly one tick."""

from __future__ import annotations

import json

import pytest
from effort import calls_of
from push_pipeline import TOKEN, PushPipeline, many, post, refused
from wsgi_client import ask

from dashapp.api.push import MAX_PUSHED_NAMES, MAX_VALUES_PER_REQUEST
from dashapp.collector.sampler import Sampler
from dashapp.config.settings import parse_settings
from dashapp.http.types import WSGIApp
from dashapp.model.ticks import Metric
from dashapp.sources.push import PushSource, pushed_metric
from dashapp.stores.memory import MemoryStore
from dashapp.stores.push_queue import MemoryPushQueue
from dashapp.web.app import create_app


@pytest.fixture
def pipeline() -> PushPipeline:
    return PushPipeline()


def test_pushed_value_is_in_next_tick_only(pipeline: PushPipeline) -> None:
    answer = pipeline.push({"metrics": {"loss": 0.31, "train.acc": 1}})
    assert (answer.status, answer.json) == (200, {"accepted": 2})
    assert answer.headers["cache-control"] == "no-store"
    assert pipeline.tick() == {"loss": 0.31, "train.acc": 1.0}
    assert pipeline.tick() == {}
    assert pipeline.store.metrics() == [
        Metric("loss", "loss", "", "pushed"),
        Metric("train.acc", "train.acc", "", "train"),
    ]


def test_newest_pushed_value_of_metric_is_stored(pipeline: PushPipeline) -> None:
    pipeline.push({"metrics": {"a": 1, "b": 1}})
    pipeline.push([{"metrics": {"a": 2}}, {"metrics": {"c": 1}}, {"metrics": {"a": 3}}])
    assert pipeline.tick() == {"a": 3, "b": 1, "c": 1}


@pytest.mark.parametrize(
    ("key", "panel"),
    [
        ("loss", "pushed"),
        (".loss", "pushed"),
        ("a.b.c", "a"),
        ("<b>x</b>.y", "b-x-b"),
        ("{}.y", "pushed"),
        ("x" * 50 + ".y", "x" * 32),
        ("größe.y", "gr-e"),
    ],
)
def test_pushed_metric_panel_is_prefix_before_first_dot(key: str, panel: str) -> None:
    assert pushed_metric(key) == Metric(key, key, "", panel)


def authorised(app: WSGIApp, header: str | None) -> int:
    headers = {} if header is None else {"authorization": header}
    return post(app, b'{"metrics": {"a": 1}}', headers).status


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Bearer  {TOKEN} ", 200),
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        (TOKEN, 401),
        (f"Basic {TOKEN}", 401),
        (f"Token {TOKEN}", 401),
        ("Bearer wrong", 403),
        (f"Bearer {TOKEN[:-1]}", 403),
        (f"Bearer {TOKEN}0", 403),
        (f"Bearer {TOKEN.upper()}", 403),
        ("Bearer é\udc80", 403),
        ("Bearer " + "x" * 100_000, 403),
    ],
)
def test_push_checks_bearer_token(pipeline: PushPipeline, header: str | None, status: int) -> None:
    assert authorised(pipeline.app, header) == status
    assert pipeline.tick() == ({"a": 1} if status == 200 else {})


def test_push_with_wrong_token_does_not_read_body(pipeline: PushPipeline) -> None:
    class Untouched:
        def read(self, count: int) -> bytes:
            raise AssertionError("the body was read")

    environ = {"REQUEST_METHOD": "POST", "HTTP_AUTHORIZATION": "Bearer no", "wsgi.input": Untouched()}
    said: list[str] = []
    assert pipeline.app(environ, lambda status, headers: said.append(status))
    assert said == ["403 Forbidden"]


def served(token: str) -> WSGIApp:
    settings = parse_settings([], {"DASHAPP_PUSH_TOKEN": token} if token else {})
    return create_app(MemoryStore(), settings, MemoryPushQueue())


def test_push_returns_404_without_configured_token() -> None:
    for header in (None, "Bearer ", f"Bearer {TOKEN}"):
        assert authorised(served(""), header) == 404
    assert "DASHAPP_PUSH_TOKEN" in ask(served(""), "/api/push", method="POST").json["error"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_push_rejects_methods_other_than_post(method: str) -> None:
    answer = ask(served(TOKEN), "/api/push", method=method, authorization=f"Bearer {TOKEN}")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"sec_fetch_site": "same-origin"}, 200),
        ({"sec_fetch_site": "none"}, 200),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"sec_fetch_site": ""}, 403),
        ({"sec_fetch_site": "same-origin", "origin": "https://proxied.test"}, 200),
        ({"sec_fetch_site": "cross-site", "origin": "http://127.0.0.1:8050"}, 403),
        ({"origin": "http://127.0.0.1:8050"}, 200),
        ({"origin": "HTTP://127.0.0.1:8050"}, 200),
        ({"origin": "http://127.0.0.1"}, 403),
        ({"origin": "http://127.0.0.1:8051"}, 403),
        ({"origin": "http://evil.test"}, 403),
        ({"origin": "http://evil.test/127.0.0.1:8050"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
    ],
)
def test_push_rejects_cross_site_requests(headers: dict[str, str], status: int) -> None:
    app = served(TOKEN)
    given = {"authorization": f"Bearer {TOKEN}", **headers}
    answer = post(app, b'{"metrics": {"a": 1}}', given)
    assert answer.status == status, answer.body
    assert answer.headers["x-content-type-options"] == "nosniff"
    if status == 403:
        assert "cross-site" in answer.json["error"]
        assert ask(app, "/api/ticks", body=None, **headers).status == 200, "reading goes on"
        assert ask(app, "/", method="POST", body=None, **headers).status == 403


def test_push_rejects_metric_of_other_source(pipeline: PushPipeline) -> None:
    pipeline.store.describe([Metric("cpu.percent", "CPU", "%", "cpu", 0, 100)])
    assert '"cpu.percent" is already a metric' in refused(pipeline, {"metrics": {"a": 1, "cpu.percent": 1}})
    assert pipeline.push({"metrics": {"cpu.mine": 1}}).status == 200


def test_measured_metric_takes_precedence_over_pushed() -> None:
    pipeline, metric = PushPipeline(), Metric("cpu.percent", "CPU", "%", "cpu", 0, 100)

    class Cpu:
        def read(self) -> dict[Metric, float]:
            return {metric: 12.5}

    # Before the first tick the measured metrics are not known.
    pipeline.push({"metrics": {"cpu.percent": 99, "a": 1}})
    source = PushSource(pipeline.queue, lambda: 0)
    tick = Sampler([Cpu(), source], pipeline.store, 1).tick(1)
    assert tick is not None
    assert tick.values == {"cpu.percent": 12.5, "a": 1}
    assert pipeline.store.metrics()[0] == metric


def test_push_rejects_new_names_above_limit(pipeline: PushPipeline) -> None:
    assert pipeline.push({"metrics": many(MAX_PUSHED_NAMES)}).status == 200
    pipeline.tick()
    assert "use the same names" in refused(pipeline, {"metrics": {"m.1": 1, "another": 1}})
    assert pipeline.push({"metrics": {"m.1": 1}}).status == 200
    # A worker that started later reads the names from the store.
    later = pipeline.endpoint()
    assert (
        ask(
            later,
            "/api/push",
            method="POST",
            body=b'{"metrics":{"another":1}}',
            authorization=f"Bearer {TOKEN}",
        ).status
        == 400
    )


def test_push_returns_503_when_queue_is_full_until_emptied() -> None:
    pipeline = PushPipeline(most=30)
    assert pipeline.push({"metrics": {"a": 1}}).status == 200
    assert pipeline.push({"metrics": {"b": 1}}).status == 200
    answer = pipeline.push({"metrics": {"x" * 30: 1}})
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert "wait for the collector" in answer.json["error"]
    assert pipeline.tick() == {"a": 1, "b": 1}
    assert pipeline.push({"metrics": {"c": 1}}).status == 200


def test_pushed_values_are_split_over_ticks_of_limited_size(pipeline: PushPipeline) -> None:
    """With names of any length a tick stays within the limit of a store, and nothing is lost."""
    names = [f"{number:03}" + "😀" * 190 for number in range(300)]
    for start in range(0, 300, 10):
        assert pipeline.push({"metrics": dict.fromkeys(names[start : start + 10], 1.5)}).status == 200
    found: dict[str, float] = {}
    ticks = 0
    while values := pipeline.tick():
        tick = pipeline.store.since(0, 1)[-1]
        assert len(tick.encode()) <= 132 << 10
        assert not found.keys() & values.keys(), "each in one tick"
        found |= values
        ticks += 1
    assert found == dict.fromkeys(names, 1.5)
    assert ticks > 3


def test_push_of_1000_values_takes_little_work(pipeline: PushPipeline) -> None:
    body = json.dumps({"metrics": many(MAX_VALUES_PER_REQUEST)}).encode()
    pipeline.push(body)
    pipeline.tick()

    def push() -> None:
        assert pipeline.push(body).status == 200
        pipeline.tick()

    # About thirty calls for each value.
    assert calls_of(push) < 100 * MAX_VALUES_PER_REQUEST
