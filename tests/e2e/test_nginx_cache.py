"""Behind the real nginx, one of many equal requests reaches the server; all see every tick."""

from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from authenticated_app import PASSWORD
from nginx import Proxied, proxied
from processes import Dashapp, dashapp
from tools import nginx
from waiting import PATIENCE_S, wait_for

pytestmark = pytest.mark.skipif(nginx() is None, reason="nginx is missing: install your system's package")

VIEWERS = 60


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashapp]:
    with dashapp(tmp_path_factory.mktemp("origin"), "--public") as app:
        app.serving()
        wait_for(app.newest)
        yield app


@pytest.fixture(scope="module")
def front(origin: Dashapp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    with proxied(origin.port, tmp_path_factory.mktemp("nginx")) as found:
        yield found


def get(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)) as connection:
        connection.request("GET", path, headers={k.replace("_", "-"): text for k, text in headers.items()})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()


def logged(front: Proxied, path: str, count: int) -> Counter[str]:
    """Return the cache statuses of at least `count` requests.

    nginx logs a request only after its response.
    """
    wait_for(lambda: front.asked(path).total() >= count)
    return front.asked(path)


def next_tick(front: Proxied, origin: Dashapp) -> tuple[str, int]:
    """Wait for a new tick; return its request path and how many requests it took."""
    path = f"/api/ticks?window=100&after={origin.ticks()['cursor']}"
    answers: list[bytes] = []

    def has_news() -> bool:
        answers.append(get(front.port, path)[2])
        return b'"t":[]' not in answers[-1]

    wait_for(has_news)
    return path, len(answers)


def test_nginx_merges_equal_requests_of_many_viewers(front: Proxied, origin: Dashapp) -> None:
    for _ in range(3):
        path, asked_before = next_tick(front, origin)
        before = logged(front, path, asked_before)
        start = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            answers = [*pool.map(lambda path: get(front.port, path)[2], [path] * VIEWERS)]
        seconds = time.monotonic() - start
        assert all(b'"t":[]' not in each for each in answers), "each viewer has the tick"
        asked = logged(front, path, asked_before + VIEWERS) - before
        assert asked.total() == VIEWERS
        # nginx caches a response for one second, and a slow machine may need several for the crowd.
        assert VIEWERS - asked["HIT"] - asked["UPDATING"] <= seconds + 2


def test_nginx_does_not_cache_response_without_new_tick(front: Proxied, origin: Dashapp) -> None:
    """nginx does not cache a response without news, so later requests get the tick in time."""
    for _ in range(3):
        path, asked = next_tick(front, origin)
        assert not {"HIT", "UPDATING", "STALE"} & set(logged(front, path, asked))


def test_long_window_shows_every_tick_through_nginx(front: Proxied, origin: Dashapp) -> None:
    """Each point of a long window covers many ticks, so the frame adds the newest tick."""
    cursor, newest = "", 0

    def sees(tick: int) -> bool:
        nonlocal cursor, newest
        status, _, body = get(front.port, f"/api/ticks?window=5000000&after={cursor}")
        assert status == 200
        frame = json.loads(body)
        cursor = frame["cursor"]
        seen = frame.get("newest") or (frame["t"] or [newest])[-1]
        assert seen >= newest
        newest = seen
        return bool(newest >= tick)

    for _ in range(4):
        origin.moves()
        wait_for(partial(sees, origin.newest()), every=0.05)


def test_nginx_caches_page_and_assets(front: Proxied) -> None:
    for path in ("/", "/_dash-layout", "/assets/page.bundle.js?m=1"):
        first = get(front.port, path)
        assert first[0] == 200

        def kept(path: str = path, body: bytes = first[2]) -> bool:
            """Return whether a request got the cached response.

            It is valid for one second, which on a slow machine may end before the next request.
            """
            assert get(front.port, path)[2] == body
            return front.asked(path)["HIT"] >= 1

        wait_for(kept)


def test_nginx_keeps_the_page_in_each_language(front: Proxied) -> None:
    for path in ("/", "/_dash-layout"):
        hits = front.asked(path)["HIT"]
        words = {"ja-JP,ja;q=0.9": "このマシン", "en-GB": "machine"}

        def is_cached(path: str = path, words: dict[str, str] = words, hits: int = hits) -> bool:
            """Return whether nginx answered from its cache; each response has its own language."""
            for language, word in words.items():
                body = get(front.port, path, accept_language=language)[2].decode()
                assert word in (body if path == "/" else str(json.loads(body)))
            return front.asked(path)["HIT"] > hits + 2

        wait_for(is_cached)


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/metrics", "/api/csv", "/api/nothing", "/api/ticks?window=9"]
)
def test_nginx_does_not_cache_status_and_error_responses(front: Proxied, path: str) -> None:
    for _ in range(3):
        get(front.port, path)
    assert set(logged(front, path, 3)) == {"MISS"}


def test_nginx_returns_304_for_etag_of_cached_response(front: Proxied) -> None:
    status, headers, _ = get(front.port, "/api/metrics")
    assert status == 200
    assert get(front.port, "/api/metrics", if_none_match=headers["etag"])[::2] == (304, b"")


def test_nginx_caches_nothing_with_password(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--public", env={"DASHAPP_PASSWORD": PASSWORD}) as app:
        app.serving()
        with proxied(app.port, tmp_path / "nginx") as front:
            bearer = f"Bearer {PASSWORD}"
            for _ in range(2):
                for path in ("/", "/api/metrics", "/assets/style.css?m=1"):
                    assert get(front.port, path, authorization=bearer)[0] == 200
                    assert get(front.port, path)[0] == 401
            assert set(logged(front, "", 12)) == {"MISS"}
