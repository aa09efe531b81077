"""The push pipeline in one process: endpoint, queue, and the sampler that reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from wsgi_client import Answer, ask

from dashapp.api.push import PushEndpoint
from dashapp.collector.sampler import Sampler
from dashapp.http.middleware.client_address import ClientResolver
from dashapp.http.middleware.login_attempts import LoginAttempts
from dashapp.http.middleware.secret_check import SecretCheck
from dashapp.http.types import WSGIApp
from dashapp.sources.push import PushSource
from dashapp.stores.memory import MemoryStore
from dashapp.stores.push_queue import MemoryPushQueue

TOKEN = "4f9c2e7ab15d8036"
NOW = 1_800_000_000.0


class PushPipeline:
    """A push endpoint, its queue, and the sampler that reads the queue."""

    def __init__(self, most: int = 1 << 24) -> None:
        self.store = MemoryStore()
        self.queue = MemoryPushQueue(max_bytes=most)
        self.app = self.endpoint()
        source = PushSource(self.queue, lambda: self.store.newest().time_ms)
        self.sampler = Sampler([source], self.store, 1)
        self.time = 0

    def endpoint(self) -> PushEndpoint:
        check = SecretCheck(TOKEN, LoginAttempts(lambda: b"key"), "push token")
        return PushEndpoint(check, self.queue, self.store, ClientResolver(), clock=lambda: NOW)

    def push(self, body: object, **headers: str) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return post(self.app, data, {"authorization": f"Bearer {TOKEN}", **headers})

    def tick(self) -> dict[str, float]:
        """Return the values of the next tick."""
        self.time += 1
        tick = self.sampler.tick(self.time)
        return dict(tick.values) if tick else {}


def post(app: WSGIApp, body: bytes, headers: Mapping[str, str]) -> Answer:
    return ask(app, "/api/push", method="POST", host="127.0.0.1:8050", body=body, **headers)


def many(count: int) -> dict[str, float]:
    return {f"m.{number}": number for number in range(count)}


def refused(pipeline: PushPipeline, body: object, status: int = 400) -> str:
    """Return the error of a rejected request; assert that none of its values is stored."""
    answer = pipeline.push(body)
    assert (answer.status, set(answer.json)) == (status, {"error"}), answer.body
    sentence = str(answer.json["error"])
    assert 0 < len(sentence) < 300
    assert "\n" not in sentence
    assert pipeline.tick() == {}
    return sentence
