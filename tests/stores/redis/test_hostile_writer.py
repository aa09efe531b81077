"""Another program writes to the same Redis: readers stay small, and report it."""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from hostile_redis import HTML, KEYS, assert_works, bump, notices
from redis_server import RedisServer, needs_redis, redis_at
from redis_store import CPU, opened, write
from waiting import PATIENCE_S, wait_for
from wsgi_client import ask

from dashapp.config.settings import parse_settings
from dashapp.http.types import WSGIApp
from dashapp.model.ticks import Metric
from dashapp.stores.history.block_codec import HEADER_STRUCT, MAGIC
from dashapp.stores.redis import client as redis_client
from dashapp.stores.redis.bounded import MAX_DOCUMENT_BYTES, MAX_DOCUMENTS_BYTES, MAX_FIELDS, MAX_TEXT_BYTES
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.hosts import RedisHosts
from dashapp.stores.redis.keys import LEVELS, REGISTRY_KEY, Keys
from dashapp.stores.redis.reader import RedisReader
from dashapp.web.app import create_app

pytestmark = needs_redis

DEEP = "[" * 100_000


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for all tests of this file, which `client` empties."""
    with redis_at(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def client(redis: RedisServer) -> Iterator[Any]:
    """A Redis with some ticks of the host `a`, and nothing else."""
    with redis.client() as connection:
        connection.flushall()
    store = opened(redis)
    store.describe([CPU])
    now = int(time.time())
    write(store, *range(now - 20, now))
    store.close()
    connection = redis.client()
    yield connection
    connection.close()


@pytest.fixture
def app(
    redis: RedisServer, client: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[WSGIApp, RedisHosts]]:
    # A late response is no failure here: the machine is slow, not Redis.
    monkeypatch.setattr(redis_client, "SLOW_RESPONSE_S", PATIENCE_S)
    hosts = RedisHosts(RedisClient(redis.url, PATIENCE_S), "a")
    settings = parse_settings(["--store", redis.url, "--name", "a", "--no-collector"], {})
    yield create_app(hosts.own(), settings, None, hosts, "a"), hosts
    hosts.close()


NOW_MS = int(time.time() * 1000)
METRIC = {"key": "k", "label": "l", "unit": "", "panel": "p", "low": None, "high": None}

RUN = {"id": "a", "name": "a", "title": "a", "state": "running", "start": 1000, "end": None, "error": ""}


def events(text: str) -> dict[str, Any]:
    return {"boot": "", "host": "", "events": [[1, NOW_MS, "user", text]]}


ROWS: dict[str, Any] = {
    "html": json.dumps([NOW_MS / 1000 + 50, 1, {HTML: 1.0}]),
    "no json": HTML,
    "deep": DEEP,
    "deep values": f'[1,1,{{"a":{DEEP}}}]',
    "large integer": f'[{NOW_MS / 1000 + 50},1,{{"cpu.percent":{"9" * 200}}}]',
    "infinite": f'[{NOW_MS / 1000 + 50},1,{{"cpu.percent":Infinity}}]',
    "text": f'[{NOW_MS / 1000 + 50},1,{{"cpu.percent":"{HTML}"}}]',
    "late": '[1e300,1,{"cpu.percent":1}]',
    "very late": '[99999999999999,1,{"cpu.percent":1}]',
    "negative": '[-1e300,1,{"cpu.percent":1}]',
    "not a time": '[NaN,1,{"cpu.percent":1}]',
    "step": f'[{NOW_MS / 1000 + 50},1e308,{{"cpu.percent":1}}]',
    "no step": f'[{NOW_MS / 1000 + 50},0,{{"cpu.percent":1}}]',
    "null": "null",
    "no values": f"[{NOW_MS / 1000 + 50},1,[1,2]]",
    "half a pair": f'[{NOW_MS / 1000 + 50},1,{{"\\ud800":1}}]',
    "raw half of a pair": b'[1,1,{"\xed\xa0\x80":1}]',
    "bytes": b"\xff\x00" * 100,
    "oversized": "x" * (MAX_DOCUMENT_BYTES + 1),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_hostile_row_is_left_out(app: tuple[WSGIApp, RedisHosts], client: Any, row: Any) -> None:
    before = ask(app[0], "/api/ticks").json["y"]["cpu.percent"]
    assert len([value for value in before if value is not None]) == 20
    client.xadd(KEYS.ticks, {"t": str(NOW_MS + 50_000), "d": row})
    client.xadd(KEYS.ticks, {"t": "x", "other": row})
    wait_for(lambda: notices(app[0]))
    (sentence,) = notices(app[0])
    assert (
        sentence == "Some data of a in Redis is not valid and is left out (ticks)."
        or "or documents" in sentence
    )
    assert_works(app[0])


DOCUMENTS: dict[str, Any] = {
    "html": {"metrics": json.dumps([{**METRIC, "label": HTML, "panel": HTML, "key": HTML, "unit": HTML}])},
    "deep": {
        "metrics": DEEP,
        "curves": DEEP,
        "thresholds": DEEP,
        "changes": DEEP,
        "looks": DEEP,
        "seen": DEEP,
    },
    "no json": {"metrics": HTML, "curves": HTML, "thresholds": HTML, "changes": HTML, "looks": HTML},
    "wrong types": {"metrics": "{}", "curves": "[]", "thresholds": "1", "changes": '"a"', "looks": "null"},
    "number as label": {"metrics": json.dumps([{**METRIC, "label": 1}])},
    "list as panel": {"metrics": json.dumps([{**METRIC, "panel": [HTML]}])},
    "text as bound": {"metrics": json.dumps([{**METRIC, "high": HTML}])},
    "infinite bound": {
        "metrics": '[{"key":"k","label":"l","unit":"","panel":"p","low":NaN,"high":Infinity}]'
    },
    "long label": {"metrics": json.dumps([{**METRIC, "label": "x" * 100_000}])},
    "text in curve": {"curves": json.dumps({"p": {"x": [[HTML]], "y": [[1]], "names": [HTML]}})},
    "list in curve": {"curves": json.dumps({"p": {"x": [[[1]]], "y": [[1]], "names": ["a"]}})},
    "large curve": {"curves": f'{{"p":{{"x":[[{"9" * 200}]],"y":[[1]],"names":["a"]}}}}'},
    "infinite curve": {"curves": '{"p":{"x":[[1]],"y":[[Infinity]],"names":["a"]}}'},
    "curve names": {"curves": json.dumps({"p": {"x": [[1]], "y": [[1]], "names": [[HTML]]}})},
    "late alert": {"thresholds": '[["cpu.percent > 1", true, 1e300]]'},
    "late change": {"changes": '[[1, "cpu.percent > 1", true, 1e300, 1]]'},
    "large change": {"changes": f'[[{"9" * 400}, "cpu.percent > 1", true, 1, {"9" * 400}]]'},
    "nan change": {"changes": '[[1, "cpu.percent > 1", true, 1, NaN]]'},
    "rule": {"thresholds": json.dumps([[f"{HTML} > 1", True, NOW_MS]])},
    "oversized": {"metrics": "x" * (MAX_DOCUMENT_BYTES + 1)},
    "many lists": {"metrics": f"[{'[],' * (MAX_DOCUMENT_BYTES // 3)}[]]"},
    "half a pair": {"metrics": json.dumps([{**METRIC, "label": "\ud800"}])},
    "half a pair in events": {"events": json.dumps(events("\ud800"))},
    "half a pair in runs": {"runs": json.dumps([{**RUN, "title": "\udfff"}])},
    "half a pair in config": {"runs": json.dumps([{**RUN, "config": {"a": "\ud800"}}])},
    "half a pair in curve": {"curves": json.dumps({"p": {"x": [[1]], "y": [[1]], "names": ["\ud800"]}})},
    "half a pair in kinds": {"looks": json.dumps({"cpu": "\ud800"})},
    "raw half of a pair": {"events": json.dumps(events("?")).encode().replace(b"?", b"\xed\xa0\x80")},
    "large step of clock": {"clock": f"[{'9' * 30}]"},
    "large number in config": {"runs": json.dumps([{**RUN, "config": {"a": 10**30}}])},
    "infinite number in config": {"runs": json.dumps([{**RUN, "config": {"a": 1e999}}])},
    "list in config": {"runs": json.dumps([{**RUN, "config": {"a": [HTML]}}])},
    "state of run": {"runs": json.dumps([{**RUN, "state": HTML}])},
    "kind of event": {"events": json.dumps({**events("x"), "events": [[1, NOW_MS, HTML, "x"]]})},
    "late event": {"events": json.dumps({**events("x"), "events": [[1, 10**300, "user", "x"]]})},
    "long event": {"events": json.dumps(events("x" * 201))},
    "html in events": {"events": json.dumps(events(HTML))},
    "html in runs": {"runs": json.dumps([{**RUN, "name": HTML, "title": HTML, "config": {HTML: HTML}}])},
    "kind": {"looks": json.dumps({"cpu": HTML, HTML: HTML})},
}
VALID = {"html", "kind", "html in events", "html in runs"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_hostile_document_is_left_out(app: tuple[WSGIApp, RedisHosts], client: Any, name: str) -> None:
    assert notices(app[0]) == []
    version = bump(client, **DOCUMENTS[name])
    wait_for(lambda: app[1].own()._fields.get(b"mark") == version)
    assert_works(app[0])
    if name in VALID:
        assert notices(app[0]) == []
    else:
        wait_for(lambda: notices(app[0]))
        (sentence,) = notices(app[0])
        assert sentence.startswith("Some data of a in Redis is not valid and is left out (")
    valid = {"curves": "{}", "thresholds": "[]", "changes": "[]", "looks": "{}", "runs": "[]", "clock": "[]"}
    bump(client, metrics=json.dumps([METRIC]), events=json.dumps(events("x")), **valid)
    wait_for(lambda: [each["key"] for each in ask(app[0], "/api/metrics").json] == ["k"])
    assert_works(app[0])


def test_hostile_notices_are_short_lines_of_text(app: tuple[WSGIApp, RedisHosts], client: Any) -> None:
    fields: dict[str, Any] = {f"notice.{number}": f"{HTML}\n{number} " + "x" * 10_000 for number in range(20)}
    bump(client, **fields)
    wait_for(lambda: notices(app[0]))
    found = notices(app[0])
    assert len(found) <= 5
    assert all(len(each) <= 500 and "\n" not in each for each in found)
    assert_works(app[0])
    bump(client, **{f"notice.{number}": "x" for number in range(MAX_FIELDS)})
    wait_for(lambda: any("not valid" in each for each in notices(app[0])))
    assert_works(app[0])


def test_fields_of_other_programs_are_not_in_memory(app: tuple[WSGIApp, RedisHosts], client: Any) -> None:
    ask(app[0], "/api/ticks")
    version = bump(client, other="x" * 1_000_000, events=json.dumps(events("x")))
    wait_for(lambda: app[1].own()._fields.get(b"mark") == version)
    assert b"other" not in app[1].own()._fields
    assert b"events" in app[1].own()._fields


def test_documents_of_many_hosts_share_one_limit(
    app: tuple[WSGIApp, RedisHosts], client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page compares up to 32 hosts, and a hostile one has 16 MB of documents."""
    monkeypatch.setattr("dashapp.stores.redis.hosts.MAX_ALL_DOCUMENTS_BYTES", 40_000)
    monkeypatch.setattr("dashapp.stores.redis.hosts.MIN_DOCUMENTS_BYTES", 1000)
    names = ["a", "b", "c", "d"]
    client.hset(REGISTRY_KEY, mapping=dict.fromkeys(names, f"{NOW_MS} [{NOW_MS},1,{{}}]"))
    for name in names:
        client.hset(Keys(name).documents, mapping={"events": json.dumps(events("x")), "mark": "1"})
        client.hset(Keys(name).documents, "notice.x", "y" * 15_000)
    wait_for(lambda: len(app[1].hosts()) == len(names))
    readers = [reader for name in names if (reader := app[1].reader(name))]

    def are_read() -> bool:
        return all(reader.newest() and reader.loaded for reader in readers)

    wait_for(lambda: are_read() and len(app[1]._used_readers(time.monotonic())) == len(names))
    for name in names:
        client.hset(Keys(name).documents, "mark", "2")
    wait_for(lambda: are_read() and all(reader._fields.get(b"mark") == b"2" for reader in readers))
    assert all(reader.max_documents_bytes == 10_000 for reader in readers)
    assert sum(len(text) for reader in readers for text in reader._fields.values()) <= 40_000


def test_list_of_hosts_has_only_its_own_metrics(app: tuple[WSGIApp, RedisHosts], client: Any) -> None:
    """The values of 2,000 hosts of 4 kB were in every response with the list, which had 8 MB."""
    values = {"cpu.percent": 5.0, HTML: 1.0, "x" * 3000: 1.0, "memory.percent": "6"}
    client.hset(REGISTRY_KEY, "b", f"{NOW_MS} {json.dumps([NOW_MS, 1, values])}")

    def rows() -> Any:
        return {host["name"]: host for host in ask(app[0], "/api/hosts").json["hosts"]}

    assert wait_for(lambda: rows()["b"])["values"] == {"cpu.percent": 5.0}


ENTRIES: dict[str, Any] = {
    "html": {HTML: f"{NOW_MS} [{NOW_MS},1,{{}}]"},
    "path": {"..": f"{NOW_MS} [{NOW_MS},1,{{}}]", "a/b": f"{NOW_MS} [{NOW_MS},1,{{}}]"},
    "deep": {"b": f"{NOW_MS} {DEEP[:4000]}"},
    "large": {"b": f"{'9' * 400} [{'9' * 400},1,{{}}]"},
    "step": {"b": f"{NOW_MS} [{NOW_MS},Infinity,{{}}]"},
    "no json": {"b": HTML, "c": ""},
    "long": {"b": f"{NOW_MS} [{NOW_MS},1,{{}}]" + " " * 5000, "x" * 5000: "1"},
    "bytes": {b"\xff": b"\xff"},
    "half a pair": {"b": f'{NOW_MS} [{NOW_MS},1,{{"\\ud800":1}}]'},
}


@pytest.mark.parametrize("entries", ENTRIES.values(), ids=ENTRIES.keys())
def test_hostile_host_is_left_out(app: tuple[WSGIApp, RedisHosts], client: Any, entries: Any) -> None:
    ask(app[0], "/api/ticks")
    client.hset(REGISTRY_KEY, mapping=entries)
    wait_for(lambda: notices(app[0]))
    assert notices(app[0]) == ["Some entries in the list of hosts in Redis are not valid and are left out."]
    assert [host["name"] for host in ask(app[0], "/api/hosts").json["hosts"]] == ["a"]
    assert_works(app[0])


def test_registry_of_too_many_hosts_is_left_out(app: tuple[WSGIApp, RedisHosts], client: Any) -> None:
    ask(app[0], "/api/ticks")
    client.hset(REGISTRY_KEY, mapping={f"h{number}": "x" for number in range(10_001)})
    wait_for(lambda: notices(app[0]))
    assert len(notices(app[0])) == 1
    assert_works(app[0])


@pytest.mark.parametrize(
    "key", [REGISTRY_KEY, *(KEYS.of(part) for part in ("life", "ticks", "sheets")), *map(KEYS.of, (
        f"{level}.{part}" for level in LEVELS for part in ("rows", "ends", "blocks")
    ))]
)  # fmt: skip
def test_key_of_wrong_type_stops_no_reader(app: tuple[WSGIApp, RedisHosts], client: Any, key: str) -> None:
    ask(app[0], "/api/ticks")
    for command in ("SET", "LPUSH"):
        client.delete(key)
        client.execute_command(command, key, HTML)
        assert_works(app[0])
    if key == REGISTRY_KEY:
        wait_for(lambda: notices(app[0]))
        assert "list of hosts in Redis cannot be read" in " ".join(notices(app[0]))


def bomb() -> bytes:
    """Return a block whose small header describes columns of a terabyte."""
    entry = [10**11, 0, 1, 1, 0, 0, 0, 0, None]
    header = {
        "length": 10**11,
        "axis": {"t": entry, "step": entry},
        "parts": {"total": {"cpu.percent": entry}},
    }
    packed = zlib.compress(json.dumps(header).encode())
    return HEADER_STRUCT.pack(MAGIC, zlib.crc32(packed), len(packed)) + packed


def zeros(size: int) -> bytes:
    packed = zlib.compress(b" " * size, 9)
    return HEADER_STRUCT.pack(MAGIC, zlib.crc32(packed), len(packed)) + packed


# Made when they are needed: each worker of pytest imports all modules of tests.
BLOCKS: dict[str, Callable[[], bytes]] = {
    "bomb": bomb,
    "zeros": cache(lambda: zeros(200 << 20)),
    "html": HTML.encode,
    "oversized": lambda: b"x" * (MAX_TEXT_BYTES + 1),
}


@pytest.mark.parametrize("make_block", BLOCKS.values(), ids=BLOCKS.keys())
def test_hostile_block_is_a_gap(
    app: tuple[WSGIApp, RedisHosts], client: Any, make_block: Callable[[], bytes]
) -> None:
    block = make_block()
    end = NOW_MS - 120_000
    for level in LEVELS:
        client.zadd(
            KEYS.of(f"{level}.ends"),
            {f"{end - 60_000}:{end}:{len(block)}": end, HTML: 1, "1:x:2": 2, "9" * 99: 3},
        )
        client.hset(KEYS.of(f"{level}.blocks"), str(end), block)
        client.zadd(KEYS.of(f"{level}.rows"), {HTML: end + 1, DEEP: end + 2, "[1e999,1,{}]": end + 3})
    tracemalloc.start()
    try:
        assert_works(app[0])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MAX_TEXT_BYTES


def test_memory_stays_bounded_with_many_oversized_rows(app: tuple[WSGIApp, RedisHosts], client: Any) -> None:
    """The rows have 24 MB, and the reply of Redis contains 16 MB of them at most."""
    ask(app[0], "/api/ticks")
    row = "x" * (MAX_DOCUMENT_BYTES - 10)
    for number in range(6):
        client.xadd(KEYS.ticks, {"t": str(NOW_MS + number), "d": row})
    gc.collect()
    tracemalloc.start()
    try:
        wait_for(lambda: notices(app[0]))
        assert_works(app[0])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MAX_DOCUMENTS_BYTES


def test_ticks_of_many_metrics_are_read_in_parts_without_notice(
    redis: RedisServer, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashapp.stores.redis.reader.MAX_DOCUMENTS_BYTES", 3000)
    store = opened(redis)
    now = int(time.time())
    write(store, *range(now, now + 60))
    reader = RedisReader(RedisClient(redis.url), "a")
    for _ in range(3):
        reader.poll()
    newest = list(range(now, now + 60))[-20:]
    assert [tick.time for tick in reader.since(float("-inf"), 1000)][-20:] == newest
    assert len(reader.since(now - 30, 1000)) == 80
    assert reader.notices() == []
    write(store, *range(now + 60, now + 160))
    for _ in range(10):
        reader.poll()
    assert reader.newest_cursor.time_ms == 1000 * (now + 159)
    assert [tick.time for tick in reader.since(now + 59.5, 1000)] == list(range(now + 60, now + 160))
    store.close()


def test_metric_of_ours_passes_the_checks(redis: RedisServer, client: Any) -> None:
    store = opened(redis)
    metrics = [Metric("a.b", "A" * 200, "°C", "a", None, 1e300), Metric("Ümläut", "", "", "x", -1.5, 0)]
    store.describe(metrics)
    assert store.metrics() == metrics
    store.close()
