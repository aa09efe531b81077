"""The ingest pipeline in one process: endpoints of workers, the queue, and the sampler."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping

from push_pipeline import NOW, TOKEN
from wsgi_client import Answer, ask

from dashapp.api.ingest import routes
from dashapp.collector.sampler import Sampler
from dashapp.http.middleware.client_address import ClientResolver
from dashapp.http.middleware.login_attempts import LoginAttempts
from dashapp.http.middleware.secret_check import SecretCheck
from dashapp.http.types import WSGIApp
from dashapp.sources.external.ingest.series import IngestedSeries
from dashapp.sources.push import PushSource
from dashapp.stores.memory import MemoryStore
from dashapp.stores.push_queue import MemoryPushQueue

AUTHORIZED = {"authorization": f"Bearer {TOKEN}"}


class IngestPipeline:
    """`now` is the time of all workers; `tick` returns the values of the next tick."""

    def __init__(self, max_bytes: int = 1 << 24) -> None:
        self.now = NOW
        self.clock: Callable[[], float] = lambda: self.now
        self.elapsed = 0.0
        self.store = MemoryStore()
        self.queue = MemoryPushQueue(max_bytes=max_bytes)
        self.endpoints = self.worker()
        self.start_collector()
        self.ticks = 0

    def worker(self) -> Mapping[str, WSGIApp]:
        check = SecretCheck(TOKEN, LoginAttempts(lambda: b"key"), "push token")
        return routes.token_endpoints(check, self.queue, self.store, ClientResolver(), lambda: self.clock())

    def start_collector(self) -> None:
        self.series = IngestedSeries(1.0, lambda: self.elapsed)
        self.source = PushSource(
            self.queue, lambda: self.store.newest().time_ms, make_series=lambda: self.series
        )
        self.sampler = Sampler([self.source], self.store, 1)

    def post(
        self, path: str, body: bytes, worker: Mapping[str, WSGIApp] | None = None, /, **headers: str
    ) -> Answer:
        """Send a request to a worker, the first one by default."""
        app = (worker or self.endpoints)[path.partition("?")[0]]
        return ask(app, path, method="POST", body=body, **{**AUTHORIZED, **headers})

    def write(self, text: str | bytes, query: str = "", **headers: str) -> Answer:
        body = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        return self.post(f"/write{query}", body, None, **headers)

    def ticks_until_empty(self) -> dict[str, float]:
        """Return the newest values of all ticks until one has none."""
        values: dict[str, float] = {}
        while tick := self.tick():
            values |= tick
        return values

    def tick(self, seconds: float = 1.0) -> dict[str, float]:
        """Return the values of a tick, so many seconds after the one before."""
        self.ticks += 1
        self.elapsed += seconds
        tick = self.sampler.tick(self.ticks)
        return dict(tick.values) if tick else {}


def nanoseconds(seconds: float) -> int:
    return int(seconds * 1000) * 1_000_000


def compressed(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


# The time of the pipeline, as clients of InfluxDB write it.
NS = nanoseconds(NOW)


def failed(answer: Answer, status: int = 400) -> str:
    assert answer.status == status, answer.body
    assert answer.json["error"] == answer.json["message"]
    assert "\n" not in answer.json["error"]
    return str(answer.json["error"])
