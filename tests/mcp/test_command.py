"""`dashapp mcp` as a real process: what an assistant learns, and hosts in Redis."""

from __future__ import annotations

from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from assistant import ask_assistant
from redis_server import RedisServer, needs_redis
from three_o_clock import fill

from dashapp.mcp.tools import TOOLS
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.store import RedisStore

pytestmark = pytest.mark.skipif(find_spec("mcp") is None, reason="the extra mcp is not installed")
THREE = "2026-11-28T15:00"


def test_assistant_learns_what_happened_at_three(tmp_path: Path) -> None:
    """The sequence of calls for "What happened at three o'clock?", by the client of the SDK."""
    with closing(DiskStore(tmp_path / "data")) as store:
        fill(store)
    around = {"from": f"{THREE}:00", "to": f"{THREE}:30"}
    tools, answers = ask_assistant(
        tmp_path,
        [
            ("events", {**around, "from": "2026-11-28T14:59"}),
            ("alerts", around),
            ("extremes", {**around, "metrics": ["cpu.percent"]}),
            ("top_processes", {"at": f"{THREE}:05"}),
            ("read_metrics", {**around, "metrics": ["cpu.percent"]}),
            ("read_metrics", {"metrics": ["cpu"]}),
        ],
        "--store=data",
    )
    assert {tool.name for tool in tools.tools} == set(TOOLS)
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.tools)
    events, alerts, extremes, top, points, error = answers
    assert events["rows"][0][1:] == ["user", "deploy 1.4"]
    assert "old: no newer values have arrived" in events["note"]
    assert alerts["history"][0][0] == f"{THREE}:05+01:00"
    assert "firing, at 95 (ffmpeg 61 %" in alerts["history"][0][1]
    assert extremes["extremes"][0]["max"]["value"] == 95
    assert extremes["extremes"][0]["max"]["processes"].startswith("cpu: ffmpeg 61 %")
    assert top["cpu_percent"] == [["ffmpeg", 61, 2]]
    assert [row[1] for row in points["rows"]] == [95] * 10 + [10] * 20
    assert error == 'metrics contains "cpu", which is no metric; list_metrics lists all'


def test_names_of_processes_follow_the_setting(tmp_path: Path) -> None:
    with closing(DiskStore(tmp_path / "data")) as store:
        fill(store)
    calls: list[tuple[str, dict[str, Any]]] = [("top_processes", {"at": f"{THREE}:05"})]
    # The page would not show them either: others can reach it, and it has no password.
    _, (answer,) = ask_assistant(tmp_path, calls, DASHAPP_PUBLIC="1")
    assert answer == "the names of processes are not shown: see the setting processes"


@needs_redis
def test_assistant_chooses_a_host_of_redis(tmp_path: Path, redis: RedisServer) -> None:
    for name in ("web-1", "web-2"):
        with closing(RedisStore(RedisClient(redis.url), name)) as store:
            fill(store)
            assert store.drain(60)
    values = {"metrics": ["cpu.percent"], "from": f"{THREE}:00", "to": f"{THREE}:02"}
    _, (hosts, default, chosen, error) = ask_assistant(
        tmp_path,
        [
            ("list_hosts", {}),
            ("list_metrics", {}),
            ("read_metrics", {**values, "host": "web-2"}),
            ("alerts", {"host": "web-22"}),
        ],
        DASHAPP_STORE=redis.url,
    )
    assert [row[0] for row in hosts["rows"]] == ["web-1", "web-2"]
    assert default["host"] == "web-1"
    assert default["rows"][0] == ["cpu.percent", "CPU", "%", 10]
    assert chosen["host"] == "web-2"
    assert [row[1] for row in chosen["rows"]] == [95, 95]
    assert error == 'host is "web-22", which is unknown; did you mean web-2?'
