"""Frames in other sites: only those that --frame-ancestors names, and a login inside them."""

from __future__ import annotations

from pathlib import Path

import pytest
from authenticated_app import guarded, link, post, sign_in
from wsgi_client import ask

from dashapp.config.settings import parse_settings
from dashapp.http.types import WSGIApp
from dashapp.model.ticks import SettingsError
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app

ALLOWED = "https://intranet.example,https://*.shop.example:8443"
PAGES = ["/", "/nothing", "/assets/style.css", "/_dash-layout"]


def public(*flags: str) -> WSGIApp:
    return create_app(MemoryStore(), parse_settings(["--public", "--store", "memory:", *flags], {}))


def ancestors(app: WSGIApp, path: str) -> str:
    policy = ask(app, path, accept="text/html").headers["content-security-policy"]
    return dict(part.split(" ", 1) for part in policy.split("; "))["frame-ancestors"]


@pytest.mark.parametrize("path", PAGES)
def test_other_sites_may_not_frame_pages_by_default(path: str) -> None:
    app = public()
    assert ancestors(app, path) == "'self'"
    assert ask(app, path).headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize("path", PAGES)
def test_named_sites_may_frame_pages(path: str) -> None:
    app = public("--frame-ancestors", ALLOWED)
    assert ancestors(app, path) == "'self' https://intranet.example https://*.shop.example:8443"
    # Browsers that know the policy ignore it, and it would forbid the frame in others.
    assert "x-frame-options" not in ask(app, path).headers


def test_named_sites_may_frame_login_and_share_link() -> None:
    app = guarded("--frame-ancestors", ALLOWED)
    for path in ("/login", link(app), "/share/x/"):
        assert "https://intranet.example" in ancestors(app, path)


def test_data_is_never_framed_by_other_sites() -> None:
    app = public("--frame-ancestors", ALLOWED)
    assert ancestors(app, "/api/ticks") == ancestors(app, "/metrics") == "'self'"


@pytest.mark.parametrize("settings", [{}, {"variable": ALLOWED}])
def test_frame_ancestors_come_from_every_place(settings: dict[str, str], tmp_path: Path) -> None:
    expected = ("https://intranet.example", "https://*.shop.example:8443")
    if settings:
        assert parse_settings([], {"DASHAPP_FRAME_ANCESTORS": ALLOWED}).frame_ancestors == expected
        return
    (file := tmp_path / "x.toml").write_text(f"frame_ancestors = {ALLOWED.split(',')}\n")
    assert parse_settings(["--config", str(file)], {}).frame_ancestors == expected


@pytest.mark.parametrize("text", ["https://me:secret@a.example", "https://ä.example", "https://a\x00"])
def test_wrong_origin_is_rejected_without_its_password(text: str) -> None:
    with pytest.raises(SettingsError, match="sites separated by commas") as error:
        parse_settings(["--frame-ancestors", text], {})
    assert "secret" not in str(error.value)


HTTPS = ("--trusted-proxy", "127.0.0.1", "--hosts", "monitor.example")
SENT = {"host": "monitor.example", "x_forwarded_proto": "https", "sec_fetch_site": "same-origin"}


def login_cookie(app: WSGIApp, **headers: str) -> str:
    answer = post(app, "/login", {"password": "correct horse 7"}, **{**SENT, **headers})
    assert answer.status == 303
    return answer.headers["set-cookie"]


def test_login_in_a_frame_gets_a_cookie_of_this_site_of_frames_only() -> None:
    app = guarded(*HTTPS, "--frame-ancestors", ALLOWED)
    cookie = login_cookie(app, sec_fetch_dest="iframe")
    assert cookie.endswith("; HttpOnly; SameSite=None; Secure; Partitioned")
    assert ask(app, "/api/ticks", cookie=cookie.partition(";")[0], **SENT).status == 200
    # In a tab of its own.
    assert login_cookie(app, sec_fetch_dest="document").endswith("; HttpOnly; SameSite=Lax; Secure")


def test_login_in_a_frame_gets_the_usual_cookie_without_the_setting_or_https() -> None:
    assert "SameSite=Lax" in login_cookie(guarded(*HTTPS), sec_fetch_dest="iframe")
    framed = guarded(*HTTPS, "--frame-ancestors", ALLOWED)
    assert "SameSite=Lax" in login_cookie(framed, sec_fetch_dest="iframe", x_forwarded_proto="http")


def test_logout_in_a_frame_removes_the_cookie_of_the_frame() -> None:
    app = guarded(*HTTPS, "--frame-ancestors", ALLOWED)
    cookie = login_cookie(app, sec_fetch_dest="iframe").partition(";")[0]
    answer = ask(app, "/logout", method="POST", cookie=cookie, sec_fetch_dest="iframe", **SENT)
    assert answer.headers["set-cookie"].endswith("; Max-Age=0; HttpOnly; SameSite=None; Secure; Partitioned")


@pytest.mark.parametrize("path", ["/login", "/logout", "/api/share", "/api/push"])
def test_page_around_a_frame_cannot_send_a_form(path: str) -> None:
    app = guarded("--frame-ancestors", ALLOWED, push_token="4f9c2e7ab15d8036")
    cookie = sign_in(app)
    for headers in ({"sec_fetch_site": "cross-site"}, {"origin": "https://intranet.example"}):
        assert ask(app, path, method="POST", body=b"x=1", cookie=cookie, **headers).status == 403
