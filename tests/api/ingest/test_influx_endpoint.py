"""Requests of InfluxDB clients: tokens, responses and limits."""

from __future__ import annotations

import gzip
import tomllib
from base64 import b64encode

import pytest
from authenticated_app import PASSWORD, guarded
from ingest_pipeline import NS, IngestPipeline, compressed, failed
from processes import ROOT
from push_pipeline import NOW, TOKEN
from wsgi_client import ask

from dashapp.api.ingest.influx import MAX_ESCAPES, MAX_LINES, MAX_SEPARATORS
from dashapp.api.ingest.routes import INFLUX_PATHS, INGEST_PATHS
from dashapp.api.ingest.series_writer import MAX_BODY_BYTES
from dashapp.config.settings import parse_settings
from dashapp.http.types import WSGIApp
from dashapp.model.ticks import Metric
from dashapp.stores.memory import MemoryStore
from dashapp.stores.push_queue import MemoryPushQueue
from dashapp.web.app import create_app

# In the form of Telegraf's serializer: tags in order, a type letter for integers, nanoseconds.
TELEGRAF = f"""\
cpu,cpu=cpu0,host=web1 usage_user=1.2,usage_system=0.5,usage_idle=98.1 {NS}
cpu,cpu=cpu-total,host=web1 usage_user=1.1,usage_system=0.4,usage_idle=98.3 {NS}
mem,host=web1 total=16484274176i,used_percent=31.25,swap_cached=0i {NS}
disk,device=sda1,fstype=ext4,host=web1,mode=rw,path=/ used_percent=41.5,inodes_free=100i {NS}
disk,device=sda2,fstype=ext4,host=web1,mode=rw,path=/var/log used_percent=11.5,inodes_free=90i {NS}
system,host=web1 load1=0.5,n_cpus=4i {NS}
system,host=web1 uptime=354000i {NS}
system,host=web1 uptime_format="4 days,  2:20" {NS}
"""
TELEGRAF_TICK = {
    "influx.cpu.usage_user.cpu0.web1": 1.2,
    "influx.cpu.usage_system.cpu0.web1": 0.5,
    "influx.cpu.usage_idle.cpu0.web1": 98.1,
    "influx.cpu.usage_user.cpu-total.web1": 1.1,
    "influx.cpu.usage_system.cpu-total.web1": 0.4,
    "influx.cpu.usage_idle.cpu-total.web1": 98.3,
    "influx.mem.total.web1": 16484274176.0,
    "influx.mem.used_percent.web1": 31.25,
    "influx.mem.swap_cached.web1": 0.0,
    "influx.disk.used_percent.sda1.ext4.web1.rw.root": 41.5,
    "influx.disk.inodes_free.sda1.ext4.web1.rw.root": 100.0,
    "influx.disk.used_percent.sda2.ext4.web1.rw.var-log": 11.5,
    "influx.disk.inodes_free.sda2.ext4.web1.rw.var-log": 90.0,
    "influx.system.load1.web1": 0.5,
    "influx.system.n_cpus.web1": 4.0,
    "influx.system.uptime.web1": 354000.0,
}


def served(token: str = TOKEN, *flags: str) -> WSGIApp:
    settings = parse_settings([*flags], {"DASHAPP_PUSH_TOKEN": token} if token else {})
    return create_app(MemoryStore(), settings, MemoryPushQueue())


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/write?db=telegraf", {"authorization": f"Basic {b64encode(f':{TOKEN}'.encode()).decode()}"}),
        ("/api/v2/write?bucket=&org=", {"authorization": f"Token {TOKEN}"}),
    ],
)
def test_telegraf_writes_its_batch(pipeline: IngestPipeline, path: str, headers: dict[str, str]) -> None:
    answer = pipeline.post(path, compressed(TELEGRAF), None, content_encoding="gzip", **headers)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["x-dashapp-ignored"] == "1 text fields"
    assert pipeline.tick() == TELEGRAF_TICK
    assert pipeline.tick() == {}
    metrics = {metric.key: metric for metric in pipeline.store.metrics()}
    key = "influx.cpu.usage_idle.cpu0.web1"
    assert metrics[key] == Metric(key, "cpu.usage_idle cpu=cpu0", "", "influx_cpu-usage_idle")
    key = "influx.disk.used_percent.sda1.ext4.web1.rw.root"
    assert metrics[key] == Metric(key, "disk.used_percent device=sda1", "%", "influx_disk-used_percent")


def test_documentation_has_three_lines_for_telegraf() -> None:
    text = (ROOT / "docs" / "ingest.md").read_text().partition("```conf\n")[2].partition("```")[0]
    assert len(text.splitlines()) == 3
    # The names of Telegraf's own settings.
    (output,) = tomllib.loads(text)["outputs"]["influxdb_v2"]
    assert output == {"urls": ["http://127.0.0.1:8050"], "token": "YOUR-PUSH-TOKEN"}


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("", {"authorization": f"Bearer {TOKEN}"}, 204),
        ("", {"authorization": f"bearer  {TOKEN} "}, 204),
        ("", {"authorization": f"Token {TOKEN}"}, 204),
        ("", {"authorization": f"Basic {b64encode(f'user:{TOKEN}'.encode()).decode()}"}, 204),
        (f"?u=user&p={TOKEN}", {}, 204),
        (f"?p={TOKEN}", {}, 204),
        ("", {}, 401),
        ("", {"authorization": ""}, 401),
        ("", {"authorization": "Token"}, 401),
        ("", {"authorization": TOKEN}, 401),
        ("", {"authorization": f"Basic {b64encode(TOKEN.encode()).decode()}"}, 401),
        ("", {"authorization": f"Basic {TOKEN}!"}, 401),
        ("", {"authorization": "Basic é"}, 401),
        ("", {"authorization": f"Digest {TOKEN}"}, 401),
        ("", {"authorization": "Token wrong"}, 401),
        ("", {"authorization": f"Token {TOKEN}x"}, 401),
        ("", {"authorization": "Token " + "x" * 100_000}, 401),
        ("?u=user&p=wrong", {}, 401),
        (f"?p={TOKEN}", {"authorization": "Token wrong"}, 401),
        ("?" + "&".join(f"x{number}=1" for number in range(1000)) + f"&p={TOKEN}", {}, 401),
    ],
)
@pytest.mark.parametrize("path", ["/write", "/api/v2/write"])
def test_write_checks_token(path: str, query: str, headers: dict[str, str], status: int) -> None:
    answer = ask(served(), path + query, method="POST", body=b"m v=1", **headers)
    assert answer.status == status
    assert TOKEN not in answer.body.decode()
    if status == 401:
        assert answer.json["code"] == "unauthorized"
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", sorted(INGEST_PATHS))
def test_ingest_paths_are_off_without_configured_token(path: str) -> None:
    answer = ask(served(""), path, method="POST", body=b"m v=1", authorization=f"Token {TOKEN}")
    assert answer.status == 404
    assert "DASHAPP_PUSH_TOKEN" in answer.json["error"]


@pytest.mark.parametrize("path", sorted(INGEST_PATHS))
def test_ingest_paths_need_no_login_but_token(path: str) -> None:
    app = guarded(push_token=TOKEN)
    writes = path not in ("/ping", "/health")
    assert ask(app, path, method="POST" if writes else "GET", body=b"").status in (
        (401,) if writes else (200, 204)
    )
    without_token = guarded()
    assert ask(without_token, path, method="POST", body=b"").status == 401
    answer = ask(app, path, method="POST", body=b"", authorization=f"Bearer {PASSWORD}")
    assert answer.status in ((401,) if writes else (405,)), "the password is no push token"


def test_wrong_tokens_of_an_address_are_limited() -> None:
    app = served(TOKEN, "--public")
    answers = [
        ask(app, "/write", method="POST", body=b"m v=1", peer="203.0.113.5", authorization="Token wrong")
        for _ in range(7)
    ]
    assert [answer.status for answer in answers[:5]] == [401] * 5
    assert answers[-1].status == 429
    assert int(answers[-1].headers["retry-after"]) > 0


@pytest.mark.parametrize("path", ["/write", "/api/v2/write"])
@pytest.mark.parametrize("headers", [{"sec_fetch_site": "cross-site"}, {"origin": "http://evil.test"}])
def test_write_rejects_cross_site_requests(path: str, headers: dict[str, str]) -> None:
    answer = ask(served(), path, method="POST", body=b"m v=1", authorization=f"Token {TOKEN}", **headers)
    assert answer.status == 403
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'self'"


@pytest.mark.parametrize("path", INFLUX_PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "BREW"])
def test_influx_paths_reject_other_methods(path: str, method: str) -> None:
    answer = ask(served(), path, method=method, authorization=f"Token {TOKEN}")
    allowed = {"/query": ("GET",), "/ping": ("GET",), "/health": ("GET",)}.get(path, ())
    assert (answer.status == 405) == (method not in allowed)
    if answer.status == 405:
        assert "," in answer.headers["allow"] or answer.headers["allow"] == "POST"


def test_ping_and_health_answer_without_token() -> None:
    for method in ("GET", "HEAD"):
        answer = ask(served(), "/ping?wait_for_leader=1s", method=method)
        assert (answer.status, answer.headers["x-influxdb-version"]) == (204, "dashapp")
        assert ask(served(), "/health", method=method).json["status"] == "pass"


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [
        ("", b"q=CREATE+DATABASE+%22telegraf%22", 200),
        ("?q=create%20database%20x", b"", 200),
        ("?db=x&q=SELECT+1", b"", 400),
        ("", b"q=DROP+DATABASE+x", 400),
        ("", b"", 400),
        ("", b"\xff\xfe=&&&;", 400),
        ("", b"&".join([b"a=1"] * 100), 400),
        ("", b"q=" + b"x" * 5000, 413),
    ],
)
def test_query_answers_create_database_only(query: str, body: bytes, status: int) -> None:
    answer = ask(served(), f"/query{query}", method="POST", body=body, authorization=f"Token {TOKEN}")
    assert answer.status == status
    if status == 200:
        assert answer.json == {"results": [{"statement_id": 0}]}
    else:
        assert answer.json["error"]


def test_write_stores_valid_lines_of_a_partial_write(pipeline: IngestPipeline) -> None:
    answer = pipeline.write("a v=1\nbad\nb v=2\nworse line here is\nc v=3")
    assert failed(answer).startswith('partial write: line 2 is "bad"; ')
    assert failed(answer).endswith("; dropped=2 lines")
    assert answer.json["code"] == "invalid"
    assert pipeline.tick() == {"influx.a.v": 1.0, "influx.b.v": 2.0, "influx.c.v": 3.0}


def test_write_names_wrong_precision(pipeline: IngestPipeline) -> None:
    assert "add precision=s to the address" in failed(pipeline.write(f"a v=1 {int(NOW)}"))
    assert pipeline.write(f"a v=1 {int(NOW)}", "?precision=s").status == 204
    assert pipeline.write(f"a v=1 {int(NOW)}000", "?precision=ms").status == 204
    assert pipeline.write(f"a v=2 {NS // 1000}", "?precision=u").status == 204
    assert 'precision is "d"; expected one of ns' in failed(pipeline.write("a v=1", "?precision=d"))
    assert pipeline.tick() == {"influx.a.v": 2.0}


@pytest.mark.parametrize("body", [b"", b"\n", b"# comment\n", b'm s="text"'])
def test_write_without_numbers_is_accepted(pipeline: IngestPipeline, body: bytes) -> None:
    assert pipeline.write(body).status == 204
    assert pipeline.tick() == {}


@pytest.mark.parametrize(
    ("body", "encoding", "status", "sentence"),
    [
        (compressed("a v=1"), "GZIP", 204, ""),
        (compressed("a v=1\n") + compressed("b v=2"), "gzip", 204, ""),
        (b"a v=1", "identity", 204, ""),
        (compressed("a v=1")[:-9], "gzip", 400, "incomplete"),
        (compressed("a v=1") + b"tail", "gzip", 400, "not gzip data"),
        (b"a v=1", "gzip", 400, "not gzip data"),
        (b"a v=1", "br", 415, "gzip or uncompressed"),
        (b"a v=1", "gzip, gzip", 415, "gzip or uncompressed"),
        (compressed("\n" * (MAX_BODY_BYTES + 1)), "gzip", 413, "larger than"),
    ],
)
def test_write_decompresses_gzip_within_limit(
    pipeline: IngestPipeline, body: bytes, encoding: str, status: int, sentence: str
) -> None:
    answer = pipeline.write(body, content_encoding=encoding)
    assert answer.status == status
    assert sentence in (answer.json["error"] if answer.body else "")
    assert bool(pipeline.tick()) == (status == 204)


def test_write_rejects_body_that_decompresses_to_200_megabytes(pipeline: IngestPipeline) -> None:
    answer = pipeline.write(gzip.compress(b"#" * (200 << 20), 1), content_encoding="gzip")
    assert answer.status == 413
    assert "larger than" in answer.json["error"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("a v=1\n" * (MAX_LINES + 1) + "a v=2", f"expected at most {MAX_LINES}"),
        ("a " + "v=1," * (MAX_SEPARATORS + 1), f"expected at most {MAX_SEPARATORS}"),
        ("a " + "\\" * (MAX_ESCAPES + 1), f"expected at most {MAX_ESCAPES}"),
        ("a v=" + '"' * (MAX_ESCAPES + 1), f"expected at most {MAX_ESCAPES}"),
        ("#" * (MAX_BODY_BYTES + 1), f"larger than {MAX_BODY_BYTES} bytes"),
    ],
)
def test_write_above_limit_is_413_with_number(pipeline: IngestPipeline, body: str, sentence: str) -> None:
    # Telegraf halves such a batch and sends it again.
    assert sentence in failed(pipeline.write(body), 413)
    assert pipeline.tick() == {}


def test_write_of_10_000_lines_is_accepted(pipeline: IngestPipeline) -> None:
    text = "".join(f"m,n=a{number % 900} v={number} {NS}\n" for number in range(MAX_LINES))
    assert pipeline.write(text).status == 204
    values: dict[str, float] = {}
    while tick := pipeline.tick():
        values |= tick
    assert (len(values), values["influx.m.v.a99"]) == (900, 9999.0)


def test_write_returns_503_when_queue_is_full() -> None:
    pipeline = IngestPipeline(max_bytes=100)
    assert pipeline.write("a v=1").status == 204
    answer = pipeline.write("b v=1\nc v=1")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert "queue is full" in answer.json["message"]
    assert pipeline.tick() == {"influx.a.v": 1.0}
    assert pipeline.write("b v=1\nc v=1").status == 204


def test_write_reads_several_gzip_members_but_not_thousands(pipeline: IngestPipeline) -> None:
    body = compressed(f"cpu v=1 {NS}\n") + compressed(f"mem v=2 {NS}")
    assert pipeline.post("/write", body, None, content_encoding="gzip").status == 204
    assert pipeline.tick() == {"influx.cpu.v": 1.0, "influx.mem.v": 2.0}
    # The rest of the body is copied after each one, so that many take minutes.
    answer = pipeline.post("/write", 100 * compressed(""), None, content_encoding="gzip")
    assert failed(answer, 400) == "the body has more than 64 gzip members; send one"
