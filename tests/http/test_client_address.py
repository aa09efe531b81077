"""Client addresses: headers of a proxy count only if the operator trusts its address."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from authenticated_app import PASSWORD, guarded
from wsgi_client import ask

from dashapp.http.middleware.client_address import ClientResolver
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


@pytest.mark.parametrize(
    ("peer", "said", "address"),
    [
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1,,  ,", "198.51.100.1"),
        ("10.0.0.1", "", ""),
        ("10.0.0.1", "unknown", ""),
        ("10.0.0.1", "10.0.0.3", ""),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_client_address_is_last_that_is_no_trusted_proxy(peer: str, said: str, address: str) -> None:
    visitors = ClientResolver([ip_network("10.0.0.0/8")])
    assert visitors.address({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": said}) == address
