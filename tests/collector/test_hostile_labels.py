"""Names that devices, mounts and containers choose: all responses stay valid."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from wsgi_client import ask

from dashapp.collector.sampler import Sampler
from dashapp.config.settings import parse_settings
from dashapp.model.ticks import Metric
from dashapp.sources.system.filesystem import FilesystemSource, Mount, ProcMounts
from dashapp.stores.base import Store
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app

HOSTILE = {
    "bytes that are not UTF-8": "caf\udce9",
    "line breaks": "a\nb\r\nc\u2028d",
    "escape sequences": "\x1b[31m\x9b2J\x07",
    "a null byte": "a\0b",
    "the other direction": "\u202eabc",
    "HTML": "<img src=x onerror=alert(1)>",
    "a formula": "=cmd|' /C calc'!A0",
    "quotes": 'a"} 1\nforged{x="',
}
PATHS = ("/api/metrics", "/metrics", "/api/ticks?window=10", "/api/csv?window=10", "/_dash-layout", "/")


class Source:
    def __init__(self, text: str) -> None:
        self.text = text
        self.status_message = f"the device {text} does not respond"

    def read(self) -> Mapping[Metric, float]:
        text = self.text
        return {
            Metric("gpu.0.percent", text, text, "gpu"): 1.0,
            Metric(f"custom.{text}", text, text, text): 2.0,
        }


@pytest.mark.parametrize("kind", ["memory", "disk"])
@pytest.mark.parametrize("name", HOSTILE)
def test_every_response_is_valid_with_any_name_of_the_machine(kind: str, name: str, tmp_path: Path) -> None:
    store: Store = MemoryStore() if kind == "memory" else DiskStore(tmp_path)
    Sampler([Source(HOSTILE[name])], store, 1.0, store.notice_sink("sources")).tick(time.time())
    store.drain(10)
    reader = store if isinstance(store, MemoryStore) else DiskReader(tmp_path)
    app = create_app(reader, parse_settings([], {}))
    for path in PATHS:
        answer = ask(app, path)
        assert answer.status == 200, (path, answer.body[:200])
        text = answer.body.decode()
        assert not any(letter < " " and letter not in "\r\n\t" for letter in text), path
        assert not any("\x7f" <= letter <= "\x9f" or letter in "\u2028\u2029" for letter in text), path
    metrics = json.loads(ask(app, "/api/metrics").body)
    assert len(metrics) == 2
    # One line of a sample, one of a comment: a name can add none.
    lines = ask(app, "/metrics").body.decode().split("\n")
    assert not any(line.startswith("forged") for line in lines)
    store.close()


def test_mount_point_in_latin_1_does_not_break_the_page(tmp_path: Path) -> None:
    """A medium of another system has such a name, and the whole catalogue could not be sent."""
    mounts = tmp_path / "mounts"
    mounts.write_bytes(b"/dev/sda1 /media/caf\xe9\x0bx ext4 rw 0 0\n/dev/sda2 /media/a\\012b ext4 rw 0 0\n")
    points = [mount.point for mount in ProcMounts(str(mounts))()]
    assert points == ["/media/caf\udce9\x0bx", "/media/a\nb"]

    class Size:
        f_blocks, f_bfree, f_bavail, f_frsize = 10, 5, 5, 1

    listed = [Mount(f"/dev/{number}", point, "ext4") for number, point in enumerate(points)]
    values = FilesystemSource(lambda: listed, lambda _: Size()).read()
    assert sorted(metric.label for metric in values) == ["/media/a b", "/media/caf\ufffd x"]
