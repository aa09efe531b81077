"""Replies of a few kinds: one sentence in JSON, a page, a way elsewhere. None of them is kept by anybody."""

from __future__ import annotations

from collections.abc import Iterable

from dashapp.answer import failure
from dashapp.api import StartResponse

UNKEPT = ("cache-control", "no-store")


def refusal(
    start_response: StartResponse, status: str, sentence: str, *more: tuple[str, str]
) -> Iterable[bytes]:
    return _send(start_response, status, "application/json", failure(sentence), *more)


def html(start_response: StartResponse, status: str, body: bytes, *more: tuple[str, str]) -> Iterable[bytes]:
    return _send(start_response, status, "text/html; charset=utf-8", body, *more)


def see_other(start_response: StartResponse, place: str, *more: tuple[str, str]) -> Iterable[bytes]:
    """`place`: relative, for only a browser knows where we are mounted."""
    return _send(start_response, "303 See Other", "text/plain", b"", ("location", place), *more)


def _send(
    start_response: StartResponse, status: str, kind: str, body: bytes, *more: tuple[str, str]
) -> Iterable[bytes]:
    length = ("content-length", str(len(body)))
    start_response(status, [("content-type", kind), length, UNKEPT, *more])
    return [body]
