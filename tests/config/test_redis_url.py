"""Errors about a Redis URL or its server: one sentence each, without the password."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from processes import ROOT, collector, free_port
from redis_server import RedisServer, cluster_at, needs_redis, redis_at
from waiting import PATIENCE_S, wait_for

from dashapp.config.settings import Settings, parse_settings
from dashapp.model.ticks import SettingsError
from dashapp.stores.factory import redis_problem, shared_storage_problem
from dashapp.stores.redis.keys import Keys


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def problem_of(argv: list[str], environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        parse_settings(argv, environ or {})
    (sentence,) = caught.value.problems
    assert "\n" not in sentence
    assert "c4nary" not in sentence
    return sentence


GOOD = [
    "redis://h",
    "redis://h:1/15",
    "redis://:p%40ss@h",
    "redis://me:pass@[::1]:6379/0",
    "rediss://h:6380?ssl_cert_reqs=none",
    "redis+cluster://h:7000",
    "rediss+cluster://me:pass@h:7000/0",
]


@pytest.mark.parametrize("url", GOOD)
def test_store_accepts_redis_url(url: str) -> None:
    assert parse_settings([f"--store={url}"], {}).store == url
    assert parse_settings([], {"REDIS_URL": url}).store == url


@pytest.mark.parametrize(
    "url",
    [
        "reddis://:c4nary@h",
        "redis:/:c4nary@h",
        "redis:c4nary@h",
        "Redis://:c4nary@h",
        "redis://:c4nary@h:99999",
        "redis://:c4nary@h:port",
        "redis://:c4nary@h:0",
        "redis://:c4nary@h/first",
        "redis://:c4nary@h/-1",
        "redis://:c4nary@h/1/2",
        "redis://:c4na/c4nary@h",
        "redis://:c4 nary c4nary@h",
        "redis://:c4nary@",
        "redis://",
        "redis://h#c4nary",
        "redis://h?password=c4nary",
        "redis://h?ssl_cert_reqs=none",
        "rediss://h?ssl_cert_reqs=maybe",
        "redis+cluster://:c4nary@h/3",
        "redis+sentinel://:c4nary@h",
        "unix:///:c4nary@x.sock",
        "redis://:c4nary?c4nary@h:x",
        "redis://[:c4nary@h",
        "redis://:c4nary@h\n",
    ],
)
def test_store_error_hides_password_when_redis_url_is_invalid(url: str) -> None:
    assert problem_of([f"--store={url}"]).startswith('--store is "')
    assert problem_of([], {"REDIS_URL": url}).startswith('REDIS_URL is "')
    assert "expected" in problem_of([], {"DASHAPP_STORE": url})


def test_store_setting_overrides_platform_redis_url() -> None:
    platform = {"REDIS_URL": "redis://platform"}
    assert parse_settings([], {**platform, "DASHAPP_STORE": "folder"}).store == "folder"
    assert parse_settings(["--store", "redis://mine"], platform).store == "redis://mine"


def test_store_error_gives_pip_command_without_redis_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert problem_of(["--store=redis://:c4nary@h"]).endswith("pip install 'redis>=6,<9'")


@pytest.mark.parametrize("name", ["", "a b", "a/b", "é", "{a}", "a" * 65, "a\n"])
def test_name_is_rejected_when_invalid(name: str) -> None:
    assert "1 to 64 letters" in problem_of([f"--name={name}"])


def test_host_name_defaults_to_system_or_platform_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DYNO", raising=False)
    monkeypatch.setattr("socket.gethostname", lambda: "Anna's MacBook é")
    assert Settings().host_name == "Anna-s-MacBook"
    monkeypatch.setenv("DYNO", "web.1")
    assert Settings().host_name == "web.1"
    assert Settings(name="x").host_name == "x"


def test_10_shared_storage_problem_requires_redis_on_platform() -> None:
    assert "REDIS_URL" in shared_storage_problem(Settings(store="data"), {"DYNO": "worker.1"})
    assert not shared_storage_problem(Settings(store="redis://h"), {"DYNO": "worker.1"})
    assert not shared_storage_problem(Settings(store="data"), {})


@pytest.mark.parametrize(
    "argv", [["collector.py"], ["-m", "dashapp", "--no-collector"], ["collector.py", "--store=data"]]
)
def test_10_collector_and_web_process_exit_without_shared_disk(tmp_path: Path, argv: list[str]) -> None:
    argv = [str(ROOT / each) if each.endswith(".py") else each for each in argv]
    done = run(argv, tmp_path, DYNO="worker.1")
    assert done.returncode == 2
    assert done.stderr.startswith('DYNO is "worker.1"')
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "data").exists()


def run(argv: list[str], folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    more = {"PYTHONPATH": str(ROOT), "HOME": str(folder), "PATH": "/usr/bin:/bin", **env}
    return subprocess.run(
        [sys.executable, *argv],
        cwd=folder,
        env=more,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def wrong(url: str) -> str:
    sentence = redis_problem(Settings(store=url, name="a"))
    assert "c4nary" not in sentence
    assert "\n" not in sentence
    return sentence


@needs_redis
def test_redis_problem_is_empty_when_redis_works_or_is_down(redis: RedisServer) -> None:
    assert wrong(redis.url) == ""
    redis.freeze()
    assert wrong(redis.url) == ""
    redis.thaw()
    redis.kill()
    assert wrong(redis.url) == ""


@needs_redis
def test_redis_problem_reports_missing_database(redis: RedisServer) -> None:
    assert "no database with that number" in wrong(f"{redis.url}/99")


@needs_redis
def test_redis_problem_reports_missing_or_wrong_password(tmp_path: Path) -> None:
    with redis_at(tmp_path, "--requirepass", "right") as redis:
        assert "requires a password" in wrong(redis.url)
        assert "rejects the user" in wrong(redis.url.replace("//", "//:c4nary@"))
        assert "rejects the user" in wrong(redis.url.replace("//", "//me:c4nary@"))
        assert wrong(redis.url.replace("//", "//:right@")) == ""


@needs_redis
@pytest.mark.parametrize(
    "rights", ["~* +@all -xadd", "~* +@all -eval", "~* +@read", "~other +@all", "~* +@all -type"]
)
def test_redis_problem_reports_missing_permission(redis: RedisServer, rights: str) -> None:
    with closing(redis.client()) as client:
        client.execute_command("ACL", "SETUSER", "me", "on", ">c4nary", *rights.split())
    assert "its user lacks a permission" in wrong(redis.url.replace("//", "//me:c4nary@"))


@needs_redis
def test_redis_problem_is_empty_with_minimal_permissions(redis: RedisServer) -> None:
    with closing(redis.client()) as client:
        client.execute_command("ACL", "SETUSER", "me", "on", ">p", "~dashapp:*", "+@all", "-@dangerous")
    assert wrong(redis.url.replace("//", "//me:p@")) == ""


@needs_redis
@pytest.mark.parametrize("part", ["ticks", "life", "minutes.rows"])
def test_redis_problem_reports_and_keeps_key_of_other_type(redis: RedisServer, part: str) -> None:
    with closing(redis.client()) as client:
        client.rpush(Keys("a").of(part), "theirs")
        assert "is a list of another program" in wrong(redis.url)
        done = run([str(ROOT / "collector.py"), "--store", redis.url, "--name=a"], redis.folder)
        assert done.returncode == 2
        assert "is a list of another program" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert client.lrange(Keys("a").of(part), 0, -1) == [b"theirs"]


@needs_redis
def test_redis_problem_reports_cluster_mismatch(redis: RedisServer, tmp_path: Path) -> None:
    assert "it is not a cluster; use redis://" in wrong(redis.url.replace("redis:", "redis+cluster:"))
    with cluster_at(tmp_path / "cluster") as nodes:
        assert "it is a cluster; use redis+cluster://" in wrong(nodes[1].url)
        assert wrong(nodes[1].url.replace("redis:", "redis+cluster:")) == ""


@needs_redis
@pytest.mark.parametrize(
    "command", [["-m", "dashapp"], ["-m", "dashapp", "--check-config"], [str(ROOT / "collector.py")]]
)
def test_redis_problem_is_reported_before_start(redis: RedisServer, command: list[str]) -> None:
    port = [] if command[0].endswith(".py") else [f"--port={free_port()}"]
    done = run([*command, *port], redis.folder, REDIS_URL=redis.url.replace("//", "//:c4nary@") + "/99")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "c4nary" not in done.stderr


@needs_redis
def test_collector_waits_and_logs_when_redis_is_down_at_start(redis: RedisServer, tmp_path: Path) -> None:
    redis.kill()
    with collector(tmp_path, "--store", redis.url.replace("//", "//:c4nary@"), "--name=a") as process:
        wait_for(lambda: "cannot be reached; nothing is collected until it is available" in process.said)
        redis.flags = ("--requirepass", "c4nary")
        redis.start()
        with closing(redis.client(password="c4nary")) as client:
            wait_for(lambda: client.xlen(Keys("a").ticks))
        assert "c4nary" not in process.said
        process.popen.terminate()
        assert process.wait() == 0
