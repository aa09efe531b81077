"""Authentication: password, login page and sessions; only the health check needs none."""

from __future__ import annotations

import re
import time
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest
from authenticated_app import PASSWORD, TOKEN, guarded, post, sign_in
from hypothesis import given
from hypothesis import strategies as st
from wsgi_client import ask

from dashapp.http.middleware.login_page import safe_next_url
from dashapp.http.middleware.sessions import SESSION_LIFETIME_S, Sessions
from dashapp.http.middleware.signing_key import SigningKey, process_secret
from dashapp.http.types import WSGIApp
from dashapp.model.ticks import SettingsError

KEY = SigningKey(b"k" * 32, "a")
HOST = "127.0.0.1:8050"


@pytest.fixture(scope="module")
def app() -> WSGIApp:
    return guarded()


def test_page_redirects_to_login_and_back(app: WSGIApp) -> None:
    away = ask(app, "/?window=300&panels=cpu", accept="text/html,*/*")
    assert away.status == 303
    assert away.headers["location"] == "./login?next=" + quote("/?window=300&panels=cpu", safe="")
    page = ask(app, "/login?next=" + quote("/?window=300&panels=cpu", safe=""))
    assert page.status == 200
    assert 'name="next" value="/?window=300&amp;panels=cpu"' in page.body.decode()
    back = post(app, "/login", {"password": PASSWORD, "next": "/?window=300&panels=cpu"})
    assert (back.status, back.headers["location"]) == (303, "./?window=300&panels=cpu")
    cookie = back.headers["set-cookie"].partition(";")[0]
    assert ask(app, "/", cookie=cookie).status == 200
    assert ask(app, "/login", cookie=cookie).headers["location"] == "./"


def test_login_keeps_next_url_when_rate_limited() -> None:
    app, address = guarded(), "/login?next=" + quote("/?window=300", safe="")
    statuses = [post(app, address, {"password": "wrong"}).status for _ in range(5)]
    late = post(app, address, {"password": PASSWORD})
    assert [*statuses, late.status] == [403] * 5 + [429]
    assert 'name="next" value="/?window=300"' in late.body.decode()


def test_redirect_to_login_is_relative_for_nested_paths(app: WSGIApp) -> None:
    for path, up in (("/a", "./"), ("/a/", "../"), ("/a/b/c", "../../")):
        assert ask(app, path, accept="text/html").headers["location"].startswith(up + "login")


def test_api_returns_401_with_bearer_challenge_without_session(app: WSGIApp) -> None:
    answer = ask(app, "/api/ticks")
    assert answer.status == 401
    assert answer.json["error"].startswith("authentication required")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "Basic" not in answer.headers["www-authenticate"], "a browser would ask in a window of its own"


@pytest.mark.parametrize(
    "given", ["", "not this", PASSWORD + " ", PASSWORD[:-1], PASSWORD.upper(), "é" * 500]
)
def test_login_rejects_wrong_password_with_message(app: WSGIApp, given: str) -> None:
    peer = f"2001:db8:{len(given):x}::1"  # each network has five attempts per minute
    answer = post(app, "/login", {"password": given, "next": "/?window=60"}, peer=peer)
    assert answer.status == 403
    assert "set-cookie" not in answer.headers
    text = answer.body.decode()
    assert re.search(r'<p role="alert" id="wrong">(Wrong|Enter)[^<]+\.</p>', text)
    assert 'value="/?window=60"' in text
    assert not given or given not in text


EVIL = [
    "/../",
    "/..",
    "/.",
    "/./",
    "/a/../b",
    "/a/..",
    "/..?a=b",
    "/..;a=b/",
    "/%2e%2e/shop",
    "/%2E%2e/shop",
    "/%2e./shop",
    "/.%2e/shop",
    "/%2e%2e",
    "/%2e",
    "/host/a/%2e%2e/%2e%2e/%2e%2e/shop",
    "/%252e%252e/shop",
    "/%25252e%25252e/shop",
    "/a%2f..%2fb",
    "/%2f%2fevil.test",
    "/%5c%5cevil.test",
    "/%5cevil.test",
    "/%09/evil.test",
    "/a\\..\\b",
    "/a//b",
    "//",
    "///evil.test",
    "/;/../x",
    "/\x00",
    "/ /evil.test",
    "/#/../x",
    "/\u2024\u2024/shop",
    "/\uff0e\uff0e/shop",
    "?/../x",
    "https://evil.test/",
    "//evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "/%0d%0aset-cookie:a=b",
    "/\r\nset-cookie: a=b",
    "javascript:alert(1)",
    "/\tevil",
    "evil.test",
    "",
    "/" + "x" * 3000,
    "/login",
    "/logout",
    '/"><script>',
    "/é",
]


@pytest.mark.parametrize("place", EVIL)
def test_login_ignores_next_url_of_other_site(app: WSGIApp, place: str) -> None:
    location = post(app, "/login", {"password": PASSWORD, "next": place}).headers["location"]
    assert location.startswith("./")
    assert "\n" not in location
    assert "\r" not in location
    assert not location.startswith(("//", ".//"))
    page = ask(app, "/login?next=" + quote(place, safe="")).body
    assert b"<script" not in page
    assert location == "./"
    assert safe_next_url(place) == "/"


GOOD = [
    "/",
    "/?window=300&panels=cpu,memory",
    "/host/web-1.example/",
    "/host/a,b/?window=60",
    "/host/..a/",
    "/?next=%2e%2e%2f/../x//y",
    "/api/csv?panel=cpu",
]


@pytest.mark.parametrize("place", GOOD)
def test_login_keeps_next_url_of_own_page(app: WSGIApp, place: str) -> None:
    assert post(app, "/login", {"password": PASSWORD, "next": place}).headers["location"] == f".{place}"


@given(st.text(st.sampled_from("/.%25eEfF\\;?#ab:@\t\n\u3002"), max_size=12))
def test_next_url_stays_below_the_prefix(text: str) -> None:
    """A browser resolves the escapes of dots, and some servers those of slashes."""
    base = "https://site.test/prefix/login"
    url = urljoin(base, f".{safe_next_url('/' + text)}")
    for _ in range(3):
        path = urlsplit(url).path.replace("\\", "/")
        assert "/../" not in path + "/"
        assert "//" not in path
        assert url.startswith("https://site.test/prefix/")
        url = url if "?" in url else unquote(url)


def test_session_cookie_has_security_attributes() -> None:
    app = guarded("--trusted-proxy", "10.0.0.0/8")

    def cookie(**headers: str) -> str:
        return post(app, "/login", {"password": PASSWORD}, **headers).headers["set-cookie"]

    plain = cookie()
    assert "; HttpOnly" in plain
    assert "; SameSite=Lax" in plain
    assert f"; Max-Age={SESSION_LIFETIME_S}" in plain
    assert "Path" not in plain, "the browser's own folder is where we are mounted"
    assert "; Secure" not in plain
    assert "; Secure" in cookie(peer="10.1.2.3", x_forwarded_proto="https")
    assert "; Secure" not in cookie(peer="192.0.2.1", x_forwarded_proto="https")
    assert "; Secure" in cookie(origin="https://127.0.0.1:8050"), "the browser says so itself"


def test_logout_removes_session_cookie(app: WSGIApp) -> None:
    answer = post(app, "/logout", {}, cookie=sign_in(app))
    assert (answer.status, answer.headers["location"]) == (303, "./login")
    assert "=; Max-Age=0;" in answer.headers["set-cookie"]
    assert ask(app, "/logout").status == 405


FORGED_SESSION = f"{'A' * 12}.A.{'A' * 43}"


def test_logout_ends_copies_of_the_cookie_and_no_other_session(app: WSGIApp) -> None:
    cookie, other = sign_in(app), sign_in(app)
    assert cookie != other
    assert ask(app, "/api/ticks", cookie=cookie).status == 200
    post(app, "/logout", {}, cookie=cookie)
    assert ask(app, "/api/ticks", cookie=cookie).status == 401
    assert ask(app, "/api/ticks", cookie=f"{cookie}; {other}").status == 200
    assert ask(app, "/api/ticks", cookie=other).status == 200


def test_logout_ends_the_streams_of_other_tabs() -> None:
    sessions = Sessions(KEY)
    cookie = sessions.create(HOST, secure=False).partition(";")[0]
    request = {"HTTP_COOKIE": cookie, "HTTP_HOST": HOST}
    _, is_still_allowed = sessions.access(request)
    assert is_still_allowed()
    sessions.revoke(request, secure=False)
    assert not is_still_allowed()


def test_ended_sessions_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashapp.http.middleware.ended_sessions.MAX_ENDED_SESSIONS", 10)
    sessions = Sessions(KEY)
    requests = [
        {"HTTP_COOKIE": sessions.create(HOST, secure=False).partition(";")[0], "HTTP_HOST": HOST}
        for _ in range(25)
    ]
    for request in requests:
        sessions.revoke(request, secure=False)
    assert len(sessions._ended) == 10
    assert not any(map(sessions.is_valid, requests[-10:]))


@pytest.mark.parametrize("value", ["", "x", FORGED_SESSION])
def test_logout_without_session_sends_no_cookie(app: WSGIApp, value: str) -> None:
    """Its name was once a hash of the key, with which everybody could test passwords offline."""
    for path in ("/logout", "/login", "/", "/api/ticks", "/healthz", "/share/x/", "/nothing"):
        for method in ("GET", "POST"):
            answer = ask(app, path, method=method, cookie=f"dashapp-session-8050={value}", body=b"")
            assert "set-cookie" not in answer.headers, path


def test_logout_removes_sessions_of_other_ports(app: WSGIApp) -> None:
    """A server that moved to another port accepts them, so it has to remove them."""
    cookie = sign_in(app, host="127.0.0.1:81")
    assert ask(app, "/api/ticks", cookie=cookie).status == 200
    answer = post(app, "/logout", {}, cookie=f"dashapp-session-80=x; {cookie}")
    assert answer.headers["set-cookie"].startswith("dashapp-session-81=; Max-Age=0;")


def test_cookie_name_depends_on_the_port_alone() -> None:
    """Servers of one host keep their sessions apart, and the name shows nothing of the key."""
    for password in (PASSWORD, "another horse 8"):
        app = guarded(password=password)
        assert sign_in(app, password).startswith("dashapp-session-8050=")
        assert sign_in(app, password, host="127.0.0.1").startswith("dashapp-session=")
        assert sign_in(app, password, host="[::1]:81").startswith("dashapp-session-81=")
        assert sign_in(app, password, host="[::1]").startswith("dashapp-session=")
    app = guarded("--public")
    for host in ("x:", "x:1;a=b", "x:123456", ":80", "x:é", ""):
        assert sign_in(app, host=host).startswith("dashapp-session=")


@pytest.mark.parametrize("count", [5, 60])
@pytest.mark.parametrize("name", ["dashapp-session-8050", "xdashapp-session-8050"])
@pytest.mark.parametrize("value", ["x", "", FORGED_SESSION, "x" * 4000])
def test_planted_cookies_do_not_sign_out(app: WSGIApp, count: int, name: str, value: str) -> None:
    """A site of the same domain can set cookies of our name, which the browser sends first."""
    planted = "; ".join([f"{name}={value}"] * count)
    assert ask(app, "/api/ticks", cookie=f"{planted}; {sign_in(app)}").status == 200
    assert ask(app, "/api/ticks", cookie=f"{sign_in(app)};{planted.replace('; ', ';')}").status == 200
    assert ask(app, "/api/ticks", cookie=planted).status == 401


def test_session_of_proxy_user_alone_is_rejected() -> None:
    """Without a password the key is a secret that every program with access to a Redis can read."""
    app = guarded("--proxy-user", "X-User", "--trusted-proxy", "10.0.0.1", password="")
    cookie = Sessions(SigningKey(process_secret(), "")).create(HOST, secure=False).partition(";")[0]
    assert ask(app, "/api/ticks", cookie=cookie).status == 403


FORGED = ["", "a", "a.b.c", "a.b", "..", "x" * 300, "%00", "é", "a;b=c", "A" * 27]


@pytest.mark.parametrize("token", FORGED)
def test_forged_session_cookie_is_rejected(app: WSGIApp, token: str) -> None:
    name = sign_in(app).partition("=")[0]
    assert ask(app, "/api/ticks", cookie=f"{name}={token}").status == 401


def is_valid(sessions: Sessions, cookies: str) -> bool:
    return sessions.is_valid({"HTTP_COOKIE": cookies, "HTTP_HOST": HOST})


def test_altered_session_cookie_is_rejected() -> None:
    sessions = Sessions(KEY)
    good = sessions.create(HOST, secure=False).partition(";")[0]
    name, start = good.partition("=")[0], good.index("=") + 1
    assert is_valid(sessions, f"other=1; {good}; more=2")
    assert is_valid(sessions, f"{name}=old; x{name}=1; {good}")
    for place in range(start, len(good)):
        letter = "A" if good[place] != "A" else "B"
        altered = good[:place] + letter + good[place + 1 :]
        # Some bits of the last letter in base64 have no meaning.
        assert not is_valid(sessions, altered) or place == len(good) - 1
    assert not is_valid(Sessions(SigningKey(b"o" * 32, "a")), good)
    assert not is_valid(Sessions(SigningKey(b"k" * 32, "b")), good)


def test_session_expires_after_lifetime() -> None:
    now = time.time()
    sessions = Sessions(KEY, lambda: now)
    cookie = sessions.create(HOST, secure=True).partition(";")[0]
    now += SESSION_LIFETIME_S - 1
    assert is_valid(sessions, cookie)
    now += 2
    assert not is_valid(sessions, cookie), "though it was known"
    assert not is_valid(Sessions(KEY, lambda: now), cookie)


def test_session_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashapp.http.middleware.sessions.MAX_CACHED_SESSIONS", 50)
    sessions = Sessions(KEY)
    for _ in range(60):
        assert is_valid(sessions, sessions.create(HOST, secure=False).partition(";")[0])
    assert 0 < len(sessions._cache) <= 50


def test_bearer_password_is_accepted(app: WSGIApp) -> None:
    for _ in range(20):
        assert ask(app, "/metrics", authorization=f"Bearer {PASSWORD}").status == 200
    assert ask(app, "/metrics", authorization="Bearer wrong", peer="192.0.2.1").status == 403
    assert ask(app, "/metrics", authorization="Basic OmNvcnJlY3Q=").status == 401
    assert ask(app, "/metrics", authorization="Bearer").status == 401


def test_push_requires_push_token_instead_of_password() -> None:
    app = guarded(push_token=TOKEN)
    body = b'{"metrics": {"loss": 1}}'
    assert ask(app, "/api/push", method="POST", body=body).status == 401
    assert ask(app, "/api/push", method="POST", body=body, authorization=f"Bearer {TOKEN}").status == 200
    assert ask(app, "/api/push", method="POST", body=body, authorization=f"Bearer {PASSWORD}").status == 403
    # The push token gives access to nothing else.
    assert ask(app, "/api/ticks", authorization=f"Bearer {TOKEN}").status == 403
    assert ask(guarded(), "/api/push", method="POST", body=body).status == 401


def test_processes_are_shown_after_login_on_public_server() -> None:
    app = guarded("--public")
    assert "processes" in ask(app, "/api/ticks?processes=1", cookie=sign_in(app)).json
    open_one = guarded("--public", password="")
    assert ask(open_one, "/api/ticks?processes=1").status == 400


def test_responses_behind_password_are_private_for_caches(app: WSGIApp) -> None:
    cookie = sign_in(app)
    for path in ("/", "/_dash-layout", "/api/ticks", "/api/csv", "/api/metrics", "/nothing", "/healthz"):
        assert ask(app, path, cookie=cookie).headers["cache-control"] == "private, no-store", path
    (url,) = re.findall(rb'"[.](/assets/style[^"]+)"', ask(app, "/", cookie=cookie).body)
    style = ask(app, url.decode(), cookie=cookie).headers["cache-control"]
    assert style == "private, max-age=31536000, immutable"


def test_login_rejects_invalid_body(app: WSGIApp) -> None:
    for body, headers in ((b"x" * 5000, {}), (b"password=a", {"content_encoding": "gzip"})):
        answer = ask(app, "/login", method="POST", body=body, peer=f"192.0.2.{len(body) % 250}", **headers)
        assert answer.status in (413, 415)
        assert b'role="alert"' in answer.body
    many = "&".join(f"a{number}=1" for number in range(100)).encode()
    assert ask(app, "/login", method="POST", body=many, peer="192.0.2.9").status == 403


@pytest.mark.parametrize("setting", ["password", "proxy_user"])
def test_mount_rejects_password_and_proxy_user_settings(setting: str, tmp_path: Path) -> None:
    from flask import Flask

    from dashapp.integrations.flask_mount import mount

    with pytest.raises(SettingsError, match="the application's own login decides it"):
        mount(Flask(__name__), "/monitor/", **{setting: PASSWORD})  # type: ignore[arg-type]
    file = tmp_path / "dashapp.toml"
    file.write_text(f'password = "{PASSWORD}"')
    with pytest.raises(SettingsError, match="own login decides it"):
        mount(Flask(__name__), store=tmp_path / "s", config=file)
