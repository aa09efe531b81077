"""A page without a login shows no names of containers, services and users."""

from __future__ import annotations

import pytest
from fake_hosts import Fleet

from dashapp.model.ticks import Metric, Tick
from dashapp.query.public_reader import PublicHosts, PublicReader
from dashapp.stores.memory import MemoryStore

HIDDEN = [
    *(f"container.web.{quantity}" for quantity in ("cpu", "memory", "read", "write")),
    *(f"service.user-1000.{quantity}" for quantity in ("cpu", "memory", "failed")),
    "container.cpu.cpu",
    "container.memory.memory",
    "container.others.cpu",
]
VISIBLE = [
    *(
        "container.cpu.percent",
        "container.cpu.throttled",
        "container.memory.percent",
        "container.memory.used",
    ),
    *("container.oom_kills", "services.failed", "gpu.0.percent", "cpu.percent", "service.latency"),
    *("container", "service.a.b.cpu", "orders.service.web.cpu"),
]


@pytest.fixture
def reader() -> PublicReader:
    store = MemoryStore()
    store.describe([Metric(key, key, "", "x") for key in (*HIDDEN, *VISIBLE)], {})
    for second in (1, 2):
        store.append(Tick(1_790_000_000.0 + second, 1.0, dict.fromkeys((*HIDDEN, *VISIBLE), 5.0)))
    return PublicReader(store)


def test_public_reader_hides_names_of_groups_everywhere(reader: PublicReader) -> None:
    snapshot = reader.snapshot()
    assert snapshot.newest is not None
    assert snapshot.newest.values.keys() == {*VISIBLE}
    assert [metric.key for metric in reader.metrics()] == VISIBLE
    columns, _ = snapshot.ticks(0, 2_000_000_000_000, None)
    assert {*columns.keys} == {*VISIBLE}


@pytest.mark.parametrize("key", HIDDEN)
def test_public_reader_does_not_answer_for_hidden_key(reader: PublicReader, key: str) -> None:
    columns, _ = reader.snapshot().ticks(0, 2_000_000_000_000, [key, "cpu.percent"])
    assert list(columns.keys) == ["cpu.percent"]


def test_list_of_hosts_is_made_public_once() -> None:
    """Each request needs it several times: with 10,000 hosts, /healthz took 270 ms."""
    hosts = Fleet()
    hosts.add("a")
    hosts.add("b")
    listed = hosts.hosts()
    hosts.hosts = lambda: listed  # type: ignore[method-assign]
    public = PublicHosts(hosts)
    first = public.hosts()
    assert [host.name for host in first] == ["a", "b"]
    assert public.hosts() is first
    listed = listed[:1]
    assert [host.name for host in public.hosts()] == ["a"]
