"""The stores that one contract is tried on, each with whatever else reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dashapp.model import Tick
from dashapp.stores import Reader
from dashapp.stores.disk import DiskStore
from dashapp.stores.disk_reader import DiskReader
from dashapp.stores.memory import MemoryStore

Writer = MemoryStore | DiskStore


class Kept:
    """A store and whatever else reads it; `reopen` ends its process and starts the next."""

    def __init__(self, open_writer: Callable[[], Writer], reader: Callable[[Writer], Reader]) -> None:
        self._open = open_writer
        self.store = open_writer()
        self.reader = reader(self.store)

    def fill(self, first: int, count: int) -> None:
        for second in range(first, first + count):
            assert self.store.append(Tick(second, 1, {"cpu.percent": second % 100}))

    def reopen(self) -> None:
        if isinstance(self.store, DiskStore):
            own = self.reader is self.store
            self.store.close()
            self.store = self._open()
            if own:
                self.reader = self.store

    def close(self) -> None:
        self.reader.close()
        self.store.close()


def kept(kind: str, folder: Path, keep: int = 10_000) -> Kept:
    if kind == "memory":
        return Kept(lambda: MemoryStore(keep), lambda store: store)
    if kind == "disk":
        return Kept(lambda: DiskStore(folder, keep), lambda store: store)
    return Kept(lambda: DiskStore(folder, keep), lambda _: DiskReader(folder))


KINDS = ["memory", "disk", "disk read elsewhere"]
