"""Notices: sentences about the state of things, which the page shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

GENERIC_NOTICE = "Something here is not as it should be; whoever runs this server finds in its log what."


class PublicNotice(str):
    """A notice that strangers may read: it names no path, address, user or setting."""


def redact_for_public(notices: Iterable[str]) -> list[str]:
    """Those that strangers may read, and that there are others."""
    return list(dict.fromkeys(each if isinstance(each, PublicNotice) else GENERIC_NOTICE for each in notices))


# How many a page has room for at once.
MAX_NOTICES = 5


class NoticeSink(Protocol):
    """Where a sentence for the page goes, and is taken back."""

    def set(self, sentence: str) -> None: ...
    def clear(self) -> None: ...


def damage_notice(blocks: int) -> PublicNotice:
    return PublicNotice(f"{blocks} blocks of the history are damaged and left out as gaps.")


def os_error_reason(error: BaseException) -> str:
    """What an error says, without the path that an OSError names."""
    return str(getattr(error, "strerror", None) or error)
