"""Replies of a few kinds: JSON, a sentence that says no, a page, a way elsewhere. Nobody is to keep them, but
for the way to a page's own address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dashapp.http.responses import failure, json
from dashapp.http.types import StartResponse

UNKEPT = ("cache-control", "no-store")


def data(
    start_response: StartResponse, status: str, value: object, *more: tuple[str, str]
) -> Iterable[bytes]:
    return _send(start_response, status, "application/json", json(value), *more)


def refusal(
    start_response: StartResponse, status: str, sentence: str, *more: tuple[str, str]
) -> Iterable[bytes]:
    return _send(start_response, status, "application/json", failure(sentence), *more)


def html(start_response: StartResponse, status: str, body: bytes, *more: tuple[str, str]) -> Iterable[bytes]:
    return _send(start_response, status, "text/html; charset=utf-8", body, *more)


def see_other(start_response: StartResponse, place: str, *more: tuple[str, str]) -> Iterable[bytes]:
    """`place`: relative, for only a browser knows where we are mounted."""
    return _send(start_response, "303 See Other", "text/plain", b"", ("location", place), *more)


def with_slash(said: str, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """To a page's own address: those in it are relative to that. `said`: the last part of the path alone,
    which is right behind any proxy."""
    query = environ.get("QUERY_STRING", "")
    # It may begin like a scheme or not at all like a path, so it is said to be one.
    place = f"./{said}/" + (f"?{query}" if query else "")
    start_response("308 Permanent Redirect", [("location", place), ("content-length", "0")])
    return [b""]


def _send(
    start_response: StartResponse, status: str, kind: str, body: bytes, *more: tuple[str, str]
) -> Iterable[bytes]:
    length = ("content-length", str(len(body)))
    start_response(status, [("content-type", kind), length, UNKEPT, *more])
    return [body]
