"""Checks of TCP ports, names and hosts, with real sockets."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from check_runs import run_check
from check_server import answer, serving
from ports import free_port
from waiting import PATIENCE_S

from dashapp.sources.external.checks.attempt import Attempt
from dashapp.sources.external.checks.connection import connect
from dashapp.sources.external.checks.source import CheckSource
from dashapp.sources.external.checks.target import Target

ROOT = Path(__file__).resolve().parents[4]


def test_tcp_check_is_up_when_port_accepts_connection() -> None:
    with serving(answer()) as server:
        result = run_check(f"tcp://127.0.0.1:{server.port}")
    assert (result.failure, result.problem, result.status) == ("", "", None)
    assert result.latency is not None


def test_tcp_check_connects_to_ipv6_literal() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with listener:
        assert run_check(f"tcp://[::1]:{listener.getsockname()[1]}").failure == ""


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        (f"tcp://127.0.0.1:{free_port()}", "connection refused"),
        (f"http://127.0.0.1:{free_port()}/", "connection refused"),
        ("tcp://host.invalid:80", "not found in DNS"),
        ("https://host.invalid/", "not found in DNS"),
        ("dns://host.invalid", "not found in DNS"),
        ("ping://host.invalid", "not found in DNS"),
    ],
)
def test_check_fails_with_reason_when_host_is_away(text: str, failure: str) -> None:
    result = run_check(text)
    if result.failure == "DNS does not answer":
        pytest.skip("no DNS here")
    assert (result.failure, result.latency) == (failure, None)


def test_dns_check_is_up_when_name_has_address() -> None:
    result = run_check("dns://localhost")
    assert result.failure == ""
    assert result.latency is not None


def test_tcp_check_ends_at_its_timeout_when_nothing_accepts() -> None:
    """With a full queue of connections the host does not answer, as behind a firewall."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        with socket.create_connection(address), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(address)
            result = run_check(f"tcp://127.0.0.1:{address[1]}?timeout=0.3")
    assert result.failure in ("no answer within 0.3 s", "")


def test_connect_tries_the_next_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address refuses, as `localhost` does if a server has only IPv4."""
    with serving(answer()) as server:
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", free_port())),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
        connect("shop.example", server.port, Attempt(5.0)).close()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS])
def test_check_has_no_state_when_this_machine_lacks_something(number: int) -> None:
    def probe(target: Target, attempt: Attempt) -> None:
        raise OSError(number, "text")

    result = CheckSource(Target.parse("tcp://db:1"), probe).run_once()
    assert (result.failure, result.problem) == ("", os.strerror(number))


def test_ping_without_root(tmp_path: Path) -> None:
    if not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("no network namespaces here")
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests/support")])
    done = subprocess.run(
        ["unshare", "--map-root-user", "--net", sys.executable, str(ROOT / "tests/support/ping_probe.py")],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    if done.returncode and "unshare" in done.stderr:
        pytest.skip("no network namespaces here")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert "net.ipv4.ping_group_range" in results["forbidden"]["problem"]
    assert results["forbidden"]["failure"] == ""
    for name in ("IPv4", "IPv6"):
        assert results[name]["failure"] == results[name]["problem"] == ""
        assert results[name]["latency"] > 0
    assert results["unreachable"]["failure"] == "the network is not reachable"
