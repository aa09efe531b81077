"""Checks of web addresses against real servers, good and bad, with and without TLS."""

from __future__ import annotations

import gzip
import shutil
import ssl
from collections.abc import Iterator

import pytest
from check_runs import run_check
from check_server import Certificates, Respond, answer, dripping, flood, raw, serving, silence
from ports import free_port

from dashapp.sources.external.checks import tls
from dashapp.sources.external.checks.attempt import Attempt

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="nothing makes a certificate here")
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "respond",
    [
        answer("all is ok"),
        answer("ok", "201 Created"),
        answer(gzip.compress(b"all is ok"), content_encoding="gzip"),
        raw(HEAD + b"\r\nok until the connection ends"),
        raw(CHUNKED + b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n"),
        answer("größe ok".encode("latin-1"), content_type="text/plain; charset=latin-1"),
        answer("ok", content_type="text/plain; charset=nonsense"),
        answer(b"ok" + b"x" * 900_000),
        flood(HEAD + b"\r\nok", b"x" * 65536),
    ],
    ids=["plain", "created", "gzip", "no length", "chunks", "latin-1", "charset", "large", "endless"],
)
def test_web_check_is_up_when_answer_contains_text(respond: Respond) -> None:
    with serving(respond) as server:
        result = run_check(f"http://127.0.0.1:{server.port}/health?a=1&expect=ok&timeout=5&b")
    assert (result.failure, result.problem, result.certificate) == ("", "", None)
    assert result.status in (200, 201)
    assert result.latency is not None
    request = server.requests[0].decode()
    assert request.startswith("GET /health?a=1&b HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}\r\n" in request
    assert "expect" not in request


@pytest.mark.parametrize(
    ("respond", "status", "failure"),
    [
        (answer("fine"), 200, "the answer does not contain 'ok'"),
        (answer("ok", "503 Service Unavailable"), 503, "the answer has status 503 (Service Unavailable)"),
        (answer("ok", "404 Not Found"), 404, "the answer has status 404 (Not Found)"),
        (answer("ok", "599 Odd"), 599, "the answer has status 599"),
        (answer("ok", "304 Not Modified"), 304, "the answer has status 304 (Not Modified)"),
        (answer("ok", content_length="10"), 200, "the answer is incomplete"),
        (raw(CHUNKED + b"10\r\nok"), 200, "the answer is incomplete"),
        (raw(CHUNKED + b"2\r\nok\r\n"), 200, "the answer is incomplete"),
        (answer("ok", content_encoding="gzip"), 200, "the answer is not valid gzip"),
        (answer(gzip.compress(b"ok")[:-9], content_encoding="gzip"), 200, "the answer is incomplete"),
        (
            answer("ok", content_encoding="br"),
            200,
            "the answer is compressed with br, which is not read",
        ),
        (
            flood(HEAD + b"\r\n", b"x" * 65536),
            200,
            "the first 1 MB of the answer does not contain 'ok'",
        ),
        (
            answer(gzip.compress(b"\0" * 50_000_000), content_encoding="gzip"),
            200,
            "the first 1 MB of the answer does not contain 'ok'",
        ),
        (flood(CHUNKED, b"1\r\nx\r\n" * 1000), 200, "the first 1 MB of the answer does not contain 'ok'"),
        (raw(b""), None, "the host closed the connection without an answer"),
        (raw(b"SSH-2.0-OpenSSH_9.6\r\n"), None, "the answer is not HTTP"),
        (raw(b"\x00\xff" * 100), None, "the answer is not HTTP"),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1000), None, "the answer is not HTTP"),
        (raw(b"HTTP/1.1 20000 OK\r\n\r\n"), None, "the answer is not HTTP"),
        (
            flood(b"", b"HTTP/1.1 100 Continue\r\na: " + b"x" * 60_000 + b"\r\n\r\n"),
            None,
            "the answer did not end",
        ),
    ],
)
def test_web_check_fails_with_reason(respond: Respond, status: int | None, failure: str) -> None:
    with serving(respond) as server:
        result = run_check(f"http://127.0.0.1:{server.port}/?expect=ok")
    assert result.failure == failure
    assert (result.status, result.latency, result.problem) == (status, None, "")


@pytest.mark.parametrize(
    ("respond", "failure"),
    [
        (silence, "no answer"),
        (dripping(b"", b"H"), "no answer"),
        (dripping(b"HTTP/1.1 200 OK\r\na: "), "no answer"),
        (dripping(HEAD + b"\r\nok"), "the answer did not end"),
        (dripping(CHUNKED, b"1\r\nx\r\n"), "the answer did not end"),
        (dripping(HEAD + b"content-length: 1000000\r\n\r\nok"), "the answer did not end"),
    ],
)
def test_web_check_ends_at_its_timeout(respond: Respond, failure: str) -> None:
    with serving(respond) as server:
        for timeout in ("0.3", "3", "30"):
            result = run_check(f"http://127.0.0.1:{server.port}/?timeout={timeout}&every=60")
            assert result.latency is None
            # A busy machine may need longer for the beginning of the answer.
            if result.failure != f"no answer within {timeout} s":
                break
            if failure == "no answer":
                return
    assert result.failure == f"{failure} within {timeout} s"


ANOTHER_HOST = "the answer redirects to another host"


def redirect(location: str, status: str = "302 Found") -> Respond:
    return answer("", status, location=location)


@pytest.mark.parametrize(
    ("location", "failure"),
    [
        ("http://localhost:1/", "the answer redirects to another host, localhost; check that one"),
        (
            "//shop.example/a?token=secret",
            "the answer redirects to another host, shop.example; check that one",
        ),
        (
            "http://user:secret@shop.example/",
            "the answer redirects to another host, shop.example; check that one",
        ),
        ("ftp://127.0.0.1/", "the answer redirects to an address that is not of the web"),
        ("file:///etc/passwd", "the answer redirects to an address that is not of the web"),
        ("http://[::1", "the answer redirects to an address that is not of the web"),
        ("", "the answer redirects without an address"),
        ("/again", "more than 5 redirects"),
    ],
)
def test_web_check_follows_no_redirect_to_another_host(location: str, failure: str) -> None:
    with serving(redirect(location)) as server:
        result = run_check(f"http://127.0.0.1:{server.port}/")
    assert (result.failure, result.status) == (failure, 302)


def test_web_check_has_no_status_when_redirect_leads_to_closed_port() -> None:
    with serving(redirect(f"http://127.0.0.1:{free_port()}/")) as server:
        result = run_check(f"http://127.0.0.1:{server.port}/")
    assert (result.failure, result.status) == ("connection refused", None)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_web_check_follows_redirect_on_same_host(status: str) -> None:
    with serving(answer("ok")) as server:
        final = server.respond

        def respond(connection: object, ended: object) -> None:
            server.respond = final
            redirect("health?x=1", status)(connection, ended)  # type: ignore[arg-type]

        server.respond = respond
        result = run_check(f"http://me:secret@127.0.0.1:{server.port}/a/b?expect=ok")
    assert (result.failure, result.status) == ("", 200)
    assert server.requests[1].startswith(b"GET /a/health?x=1 HTTP")
    assert all(b"Authorization: Basic bWU6c2VjcmV0" in request for request in server.requests)


def test_web_check_sends_no_login_to_another_port() -> None:
    with serving(answer("ok")) as other, serving(redirect(f"http://127.0.0.1:{other.port}/")) as server:
        result = run_check(f"http://me:secret@127.0.0.1:{server.port}/")
    assert result.failure == ""
    assert b"Authorization" not in other.requests[0]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certificates]:
    certificates = Certificates(tmp_path_factory.mktemp("certificates"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificates.authority))
        tls._context.cache_clear()
        yield certificates
    tls._context.cache_clear()


@needs_openssl
def test_web_check_over_tls_has_days_of_certificate(certificates: Certificates) -> None:
    with serving(answer("ok"), certificates.context("good")) as server:
        result = run_check(f"https://localhost:{server.port}/?expect=ok")
    assert (result.failure, result.status) == ("", 200)
    assert result.certificate is not None
    assert 10_000 < result.certificate < 50_000


@needs_openssl
@pytest.mark.parametrize(
    ("name", "host", "failure", "days"),
    [
        ("expired", "localhost", "the certificate expired on 2021-02-03", (-50_000, -1)),
        ("later", "localhost", "the certificate is not yet valid; it begins on 2099-04-05", (1, 50_000)),
        ("other", "localhost", "the certificate has the wrong host name", None),
        ("expired", "127.0.0.1", "the certificate has the wrong host name", None),
        ("self", "localhost", "the certificate is self-signed", None),
    ],
)
def test_web_check_explains_bad_certificate(
    certificates: Certificates, name: str, host: str, failure: str, days: tuple[float, float] | None
) -> None:
    with serving(answer("ok"), certificates.context(name)) as server:
        result = run_check(f"https://{host}:{server.port}/")
    assert (result.failure, result.status, result.latency) == (failure, None, None)
    if days is None:
        assert result.certificate is None
    else:
        assert result.certificate is not None
        assert days[0] < result.certificate < days[1]


@needs_openssl
def test_web_check_keeps_days_of_certificate_when_status_is_bad(certificates: Certificates) -> None:
    with serving(answer("", "500 No"), certificates.context("good")) as server:
        result = run_check(f"https://localhost:{server.port}/")
    assert result.failure == "the answer has status 500 (Internal Server Error)"
    assert result.certificate is not None


@needs_openssl
def test_web_check_explains_server_that_expects_certificate(certificates: Certificates) -> None:
    context = certificates.context("good")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificates.authority)
    with serving(answer("ok"), context) as server:
        result = run_check(f"https://localhost:{server.port}/")
    # The server closes at once; the message may arrive before or after the request is sent.
    assert result.failure in (
        "TLS failed (tlsv13 alert certificate required)",
        "TLS failed (the host ended the connection)",
        "the host closed the connection",
    )


@pytest.mark.parametrize(
    "error",
    [
        ssl.SSLEOFError(8, "EOF occurred in violation of protocol (_ssl.c:2427)"),
        ssl.SSLZeroReturnError(6, "TLS/SSL connection has been closed (EOF) (_ssl.c:2548)"),
    ],
    ids=["cut", "closed"],
)
def test_end_of_tls_connection_is_explained_in_words(error: OSError) -> None:
    assert str(Attempt(5.0).error_from(error)) == "TLS failed (the host ended the connection)"


@needs_openssl
def test_web_check_follows_no_redirect_from_https_to_http(certificates: Certificates) -> None:
    with serving(redirect("http://localhost/"), certificates.context("good")) as server:
        result = run_check(f"https://localhost:{server.port}/")
    assert result.failure == "the answer redirects from https to http"


@needs_openssl
@pytest.mark.parametrize(
    ("respond", "failure"),
    [
        (answer("ok"), "the port does not speak TLS; check http:// in place of https://"),
        (raw(b""), "the host closed the connection in the TLS handshake"),
        (silence, "no answer within 0.3 s"),
        (dripping(b"\x16\x03\x03\x40\x00"), "no answer within 0.3 s"),
    ],
)
def test_web_check_explains_port_without_tls(
    certificates: Certificates, respond: Respond, failure: str
) -> None:
    timeout = "0.3" if "0.3" in failure else "60"
    with serving(respond) as server:
        result = run_check(f"https://localhost:{server.port}/?timeout={timeout}&every=60")
    assert result.failure == failure
