"""A notice that records the messages of a sampler about its sources."""

from __future__ import annotations

from dashapp.collector.sampler import Sampler
from dashapp.sources.function import FunctionSource
from dashapp.stores.memory import MemoryStore


class Heard:
    def __init__(self) -> None:
        self.said: list[str] = []

    def set(self, sentence: str) -> None:
        self.said.append(sentence)

    def clear(self) -> None: ...


def said_of(source: FunctionSource) -> list[str]:
    heard = Heard()
    Sampler([source], MemoryStore(), 1.0, heard).tick(1.0)
    return heard.said
