"""Notices: sentences about the state of things, which the page shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

UNTOLD = "Something here is not as it should be; whoever runs this server finds in its log what."


class Harmless(str):
    """A notice that strangers may read: it names no path, address, user or setting."""


def for_strangers(notices: Iterable[str]) -> list[str]:
    """Those that strangers may read, and that there are others."""
    return list(dict.fromkeys(each if isinstance(each, Harmless) else UNTOLD for each in notices))


# How many a page has room for at once.
MAX_NOTICES = 5


class Speaker(Protocol):
    """Where a sentence for the page goes, and is taken back."""

    def say(self, sentence: str) -> None: ...
    def clear(self) -> None: ...


def damage(blocks: int) -> Harmless:
    return Harmless(f"{blocks} blocks of the history are damaged and left out as gaps.")


def reason(error: BaseException) -> str:
    """What an error says, without the path that an OSError names."""
    return str(getattr(error, "strerror", None) or error)
