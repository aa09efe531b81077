"""Share links: the requests that create one, its expiry, and text that is no link."""

from __future__ import annotations

import random
import time
from string import ascii_letters
from typing import Any
from urllib.parse import urlsplit

import pytest
from authenticated_app import PASSWORD, ask_for_link, guarded, link, sign_in
from wsgi_client import ask

from dashapp.http.middleware.sessions import Sessions
from dashapp.http.middleware.share_links import DAY_S, MAX_CACHED_APPS, MAX_LINK_LENGTH, ShareLinks
from dashapp.http.middleware.signing_key import SigningKey
from dashapp.http.types import WSGIApp
from dashapp.model.ticks import BadRequestError
from dashapp.query.shared_view import SharedView

KEY = SigningKey(b"k" * 32, "a")


def empty_app(view: SharedView) -> WSGIApp:
    def answer(_: object, start: Any) -> list[bytes]:
        start("200 OK", [])
        return [b""]

    return answer


@pytest.fixture(scope="module")
def app() -> WSGIApp:
    return guarded()


def test_share_link_expires() -> None:
    now = time.time()
    shares = ShareLinks(KEY, empty_app, 1000, lambda: now)
    for days in (1, 7):
        now = time.time()
        token = shares.link(SharedView(("cpu",), 30), days).split("/")[1]
        now += days * DAY_S - 2
        assert shares.read(token) == SharedView(("cpu",), 30)
        now += 4
        with pytest.raises(BadRequestError, match="has expired; ask the sender"):
            shares.read(token)


def test_altered_share_link_is_rejected() -> None:
    shares = ShareLinks(KEY, empty_app, 1000)
    token = shares.link(SharedView(("cpu",), 30, (1, 31)), 1).split("/")[1]
    for place in range(len(token) - 1):
        altered = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(BadRequestError):
            shares.read(altered)
    for text in ("", ".", "x", token[:-5], token + "x", "x" * 10_000, "é", token.replace(".", "")):
        with pytest.raises(BadRequestError, match="invalid or incomplete"):
            shares.read(text)
    with pytest.raises(BadRequestError):
        ShareLinks(SigningKey(b"o" * 32, "a"), empty_app, 1000).read(token)


def test_session_and_share_link_are_not_interchangeable() -> None:
    sessions, shares = Sessions(KEY), ShareLinks(KEY, empty_app, 1000)
    token = shares.link(SharedView(("cpu",), 30), 1).split("/")[1]
    assert not sessions.is_valid({"HTTP_COOKIE": f"dashapp-session={token}"})
    with pytest.raises(BadRequestError):
        shares.read(sessions.create("", secure=False).partition(";")[0].partition("=")[2])


BAD = [
    b"",
    b"[]",
    b"{}",
    b"[" * 5000,
    b"\xff",
    {"days": 1, "window": 30},
    {"panels": [], "days": 1, "window": 30},
    {"panels": [], "metrics": [], "days": 1, "window": 30},
    {"panels": ["cpu"], "metrics": "cpu.percent", "days": 1, "window": 30},
    {"panels": ["cpu"], "metrics": [""], "days": 1, "window": 30},
    {"panels": ["cpu"], "metrics": ["a" * 257], "days": 1, "window": 30},
    {"panels": ["cpu"], "metrics": [["cpu.percent"]], "days": 1, "window": 30},
    {"panels": ["cpu"], "metrics": ["a"] * 513, "days": 1, "window": 30},
    {"panels": "cpu", "days": 1, "window": 30},
    {"panels": [1], "days": 1, "window": 30},
    {"panels": ["a"] * 65, "days": 1, "window": 30},
    {"panels": ["a" * 101], "days": 1, "window": 30},
    {"panels": ["\ud800"], "days": 1, "window": 30},
    {"panels": ["cpu"], "metrics": ["a\udfff"], "days": 1, "window": 30},
    b'{"panels": ["\xed\xa0\x80"], "days": 1, "window": 30}',
    {"panels": ["cpu"], "days": 2, "window": 30},
    {"panels": ["cpu"], "days": True, "window": 30},
    {"panels": ["cpu"], "days": [], "window": 30},
    {"panels": ["cpu"], "days": 1e400, "window": 30},
    {"panels": ["cpu"], "days": 1},
    {"panels": ["cpu"], "days": 1, "window": 0},
    {"panels": ["cpu"], "days": 1, "window": 1e9},
    {"panels": ["cpu"], "days": 1, "window": "30"},
    {"panels": ["cpu"], "days": 1, "from": 1},
    {"panels": ["cpu"], "days": 1, "from": 2e12, "to": 1e12},
    {"panels": ["cpu"], "days": 1, "from": None, "to": None},
    {"panels": ["cpu"], "days": 1, "from": 0, "to": 1e300},
    {"panels": ["cpu"], "days": 1, "window": 30, "admin": True},
]


@pytest.mark.parametrize("body", BAD)
def test_invalid_share_request_is_rejected(app: WSGIApp, body: object) -> None:
    answer = ask_for_link(app, body, cookie=sign_in(app))
    assert answer.status == 400
    assert len(answer.json["error"]) < 200


def test_share_requires_session(app: WSGIApp) -> None:
    view = {"panels": ["cpu"], "days": 1, "window": 30}
    assert ask_for_link(app, view).status == 401
    assert ask_for_link(app, view, cookie=sign_in(app), origin="https://evil.test").status == 403
    assert ask(app, "/api/share", cookie=sign_in(app)).status == 405
    assert ask_for_link(guarded(password=""), view).status == 405


def test_cached_apps_of_share_links_are_bounded() -> None:
    shares = ShareLinks(KEY, empty_app, 1e6)
    for number in range(10, MAX_CACHED_APPS + 40):
        path = "/" + shares.link(SharedView(("cpu",), number), 1)
        ask(shares, path)
    assert len(shares._apps) == MAX_CACHED_APPS


def test_share_link_is_invalid_after_password_change(tmp_path: Any) -> None:
    path = link(guarded(folder=tmp_path))
    assert ask(guarded(folder=tmp_path), path + "api/ticks").status == 200
    assert ask(guarded(folder=tmp_path, password=PASSWORD + "9"), path + "api/ticks").status == 403
    assert urlsplit(path).path == path


@pytest.mark.parametrize("letter", ["a", "é", "\U0001f600"])
@pytest.mark.parametrize("length", [1, 20, 60, 100])
def test_share_link_of_many_long_names_works_or_is_rejected(app: WSGIApp, letter: str, length: int) -> None:
    """Such a link was once created, and then rejected as invalid."""
    digits = random.Random(length)
    letters = [*ascii_letters, *letter * 50]
    names = [f"{''.join(digits.choices(letters, k=length - 1))}{chr(0x4E00 + n)}" for n in range(64)]
    answer = ask_for_link(app, {"panels": names, "days": 1, "window": 30}, cookie=sign_in(app))
    if answer.status == 400:
        assert "share fewer panels" in answer.json["error"]
        assert str(MAX_LINK_LENGTH) in answer.json["error"]
    elif answer.status != 413:  # the request itself is too large
        assert ask(app, f"/{answer.json['path']}api/ticks").status == 200
    assert length > 20 or answer.status == 200
