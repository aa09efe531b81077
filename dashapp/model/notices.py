"""Notices: sentences for the page about the state of the system."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol, Self

GENERIC_NOTICE = "The server reported a problem. Details are in its log."


class PublicNotice(str):
    """A notice without a path, address, user or setting, so that everyone may read it."""


class DetailedNotice(str):
    """A notice for the operator; `public` is the sentence for everyone."""

    public: str

    def __new__(cls, text: str, public: str = GENERIC_NOTICE) -> Self:
        notice = super().__new__(cls, text)
        notice.public = public
        return notice


def redact_for_public(notices: Iterable[str]) -> list[str]:
    """Return the public notices, and one generic notice for all others."""
    return list(
        dict.fromkeys(
            notice if isinstance(notice, PublicNotice) else getattr(notice, "public", GENERIC_NOTICE)
            for notice in notices
        )
    )


# The page has room for this many at once.
MAX_NOTICES = 5
_OPENSSL_PLACE = re.compile(r"^\[[^]]*\] | \(_ssl\.c:[0-9]+\)$")


class NoticeSink(Protocol):
    """Sets and clears one sentence on the page."""

    def set(self, sentence: str) -> None: ...
    def clear(self) -> None: ...


def damage_notice(blocks: int) -> PublicNotice:
    return PublicNotice(f"{blocks} blocks of the history are corrupt; the charts show gaps there.")


def os_error_reason(error: BaseException) -> str:
    """Return the text of an error, without the path or the place in OpenSSL that it contains.

    >>> os_error_reason(OSError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"))
    'wrong version number'
    """
    return _OPENSSL_PLACE.sub("", str(getattr(error, "strerror", None) or error))
