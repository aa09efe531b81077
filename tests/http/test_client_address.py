"""Client addresses: headers of a proxy count only if the operator trusts its address."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from authenticated_app import PASSWORD, guarded, post
from hypothesis import given
from hypothesis import strategies as st
from wsgi_client import ask

from dashapp.http.middleware.client_address import ClientResolver, rate_limit_key
from dashapp.http.types import WSGIApp

PROXY = ("--trusted-proxy", "127.0.0.1,10.0.0.0/8", "--proxy-user", "X-Forwarded-User")


@pytest.fixture(scope="module")
def app() -> WSGIApp:
    return guarded(*PROXY, password="")


def test_proxy_user_is_accepted_from_trusted_proxy(app: WSGIApp) -> None:
    assert ask(app, "/api/ticks", x_forwarded_user="ada").status == 200
    assert ask(app, "/api/ticks", x_forwarded_user="ada", peer="10.9.8.7").status == 200
    assert ask(app, "/api/ticks", x_forwarded_user="ada", peer="::ffff:10.9.8.7").status == 200


@pytest.mark.parametrize("peer", ["192.0.2.1", "11.0.0.1", "::1", "127.0.0.2", "", "10.0.0.1.evil", "unix:"])
def test_proxy_user_is_rejected_from_untrusted_address(app: WSGIApp, peer: str) -> None:
    answer = ask(app, "/api/ticks", x_forwarded_user="ada", peer=peer)
    assert answer.status == 403
    assert "proxy" in answer.json["error"]
    assert ask(app, "/login", peer=peer).status == 403, "there is no password to give"


@pytest.mark.parametrize("name", ["", " ", "a" * 257, "a\nb", "\x00"])
def test_invalid_proxy_user_name_is_rejected(app: WSGIApp, name: str) -> None:
    assert ask(app, "/api/ticks", x_forwarded_user=name).status == 403


def test_password_is_accepted_beside_proxy_user() -> None:
    app = guarded(*PROXY)
    assert ask(app, "/api/ticks", peer="192.0.2.1").status == 401
    assert ask(app, "/api/ticks", peer="192.0.2.1", authorization=f"Bearer {PASSWORD}").status == 200
    assert ask(app, "/api/ticks", x_forwarded_user="ada").status == 200


@pytest.mark.parametrize("name", ["ada,eve", ",", "ada,ada"])
def test_repeated_proxy_user_header_is_rejected(app: WSGIApp, name: str) -> None:
    """A server joins the header of the proxy and that of the browser with a comma."""
    assert ask(app, "/api/ticks", x_forwarded_user=name).status == 403


V6 = "2001:db8::1"
# The entries of proxies for one client, and its address; empty if there is none.
HOPS = [
    ("198.51.100.1", "198.51.100.1"),
    ("198.51.100.1:4711", "198.51.100.1"),
    ('"198.51.100.1:4711"', "198.51.100.1"),
    ("198.51.100.1:_port", "198.51.100.1"),
    (V6, V6),
    (f"[{V6}]", V6),
    (f"[{V6}]:4711", V6),
    (f'"[{V6}]:4711"', V6),
    (f'"[{V6}]:_a.b-c"', V6),
    ("2001:DB8:0::1", V6),
    ("::ffff:198.51.100.1", "198.51.100.1"),
    ("[::ffff:198.51.100.1]:80", "198.51.100.1"),
    ("unknown", ""),
    ("_hidden", ""),
    ("_SEVKISEK", ""),
    ('"_gazonk"', ""),
    ("localhost", ""),
    ("198.51.100", ""),
    ("198.51.100.1:", ""),
    ("198.51.100.1:80:90", ""),
    ("198.51.100.1 198.51.100.2", ""),
    ("[2001:db8::1", ""),
    ("2001:db8::1]", ""),
    ("[]", ""),
    ("[198.51.100.1]x", ""),
    ("\u0661.2.3.4", ""),
    ("1" * 5000, ""),
    ("::1%" + "x" * 5000, ""),
]


@pytest.mark.parametrize(("hop", "address"), HOPS)
def test_client_address_is_read_in_all_forms_of_proxies(hop: str, address: str) -> None:
    clients = ClientResolver([ip_network("10.0.0.0/8")])

    def read(header: str, text: str) -> str:
        return clients.address({"REMOTE_ADDR": "10.0.0.1", header: text})

    for before in ("", "203.0.113.9, ", "unknown,", '"203.0.113.9:80",', ", ,"):
        for after in ("", ", 10.0.0.2", ",10.0.0.2:443", ' , "10.0.0.2"', ", ,"):
            assert read("HTTP_X_FORWARDED_FOR", before + hop + after) == (address or "10.0.0.1")
    for element in (f"for={hop}", f"For={hop};proto=https;by=10.0.0.1", f"proto=http; for={hop} "):
        for before in ("", "for=203.0.113.9, ", 'for="203.0.113.9, ', "for=unknown,", "by=x,"):
            assert read("HTTP_FORWARDED", before + element) == (address or "10.0.0.1")


@pytest.mark.parametrize(
    ("peer", "said", "address"),
    [
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, unknown, 10.0.0.2", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3", "10.0.0.3"),
        ("10.0.0.1", "10.0.0.3:80, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", ", ".join(["203.0.113.9"] + ["10.0.0.2"] * 40), "10.0.0.2"),
    ],
)
def test_client_address_is_last_that_is_no_trusted_proxy(peer: str, said: str, address: str) -> None:
    clients = ClientResolver([ip_network("10.0.0.0/8")])
    assert clients.address({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": said}) == address


def test_client_address_needs_both_headers_to_agree() -> None:
    """A proxy writes one of them, and passes the other one on from the client."""
    clients = ClientResolver([ip_network("10.0.0.1/32")])

    def address(forwarded_for: str, forwarded: str) -> str:
        headers = {"HTTP_X_FORWARDED_FOR": forwarded_for, "HTTP_FORWARDED": forwarded}
        return clients.address({"REMOTE_ADDR": "10.0.0.1", **headers})

    assert address("198.51.100.1:80", "for=198.51.100.1") == "198.51.100.1"
    assert address("198.51.100.1", "for=203.0.113.9") == "10.0.0.1"
    assert address("198.51.100.1", "by=x") == "10.0.0.1"
    assert address("198.51.100.1", " ") == "198.51.100.1"
    assert address("", "for=198.51.100.1") == "198.51.100.1"


BEHIND_PROXY = ClientResolver([ip_network("10.0.0.1/32")])


@given(st.text(max_size=60), st.sampled_from(["HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED"]))
def test_text_before_the_address_of_the_proxy_changes_nothing(text: str, header: str) -> None:
    last = "198.51.100.1" if header == "HTTP_X_FORWARDED_FOR" else "for=198.51.100.1"
    assert BEHIND_PROXY.address({"REMOTE_ADDR": "10.0.0.1", header: f"{text},{last}"}) == "198.51.100.1"


@pytest.mark.parametrize("header", ["x_forwarded_for", "forwarded"])
@pytest.mark.parametrize("value", ["unknown", "_hidden", "for=unknown", "for=_x", "198.51.100.1:", ""])
@pytest.mark.parametrize("peer", ["127.0.0.1", "10.0.0.1"])
def test_clients_without_readable_address_share_the_limits_of_their_proxy(
    header: str, value: str, peer: str
) -> None:
    """Such a header once turned the limit of requests off."""
    clients = ClientResolver([ip_network("10.0.0.0/8"), ip_network("127.0.0.1/32")])
    environ = {"REMOTE_ADDR": peer, f"HTTP_{header.upper()}": value}
    assert clients.rate_limit_client(environ) == peer
    assert rate_limit_key(clients.address(environ)) == peer


def test_login_attempts_are_counted_for_clients_with_ports() -> None:
    app = guarded("--trusted-proxy", "10.0.0.1")

    def attempt(forwarded_for: str) -> int:
        form = {"password": "wrong"}
        return post(app, "/login", form, peer="10.0.0.1", x_forwarded_for=forwarded_for).status

    assert [attempt(f"198.51.100.1:{port}") for port in range(1000, 1007)] == [403] * 5 + [429] * 2
    assert attempt("198.51.100.2:1000") == 403


def test_session_cookie_is_secure_behind_proxy_with_forwarded_header() -> None:
    clients = ClientResolver([ip_network("10.0.0.1/32")])

    def secure(header: str, peer: str = "10.0.0.1") -> bool:
        return clients.is_secure({"REMOTE_ADDR": peer, "HTTP_FORWARDED": header})

    assert secure("for=198.51.100.1;proto=https")
    assert secure('proto=http, for=198.51.100.1; Proto="https"; by=x')
    assert not secure("proto=https, for=198.51.100.1;proto=http")
    assert not secure("proto=https, for=198.51.100.1")
    assert not secure("proto=https", peer="192.0.2.1")
