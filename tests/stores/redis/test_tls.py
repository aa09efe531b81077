"""A Redis with TLS only: `rediss://`, with a certificate that needs `ssl_ca_certs`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import collector, dashapp
from redis_server import RedisServer, needs_redis
from waiting import PATIENCE_S, wait_for

pytestmark = [
    needs_redis,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="nothing makes a certificate here"),
]


class TlsServer(RedisServer):
    """A Redis server whose only port uses TLS."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        key, self.certificate = folder / "key.pem", folder / "certificate.pem"
        argv = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "1",
            "-subj",
            "/CN=redis",
        ]
        argv += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(self.certificate)]
        subprocess.run(argv, check=True, capture_output=True, timeout=PATIENCE_S)
        files = [
            "--tls-cert-file",
            self.certificate,
            "--tls-key-file",
            key,
            "--tls-ca-cert-file",
            self.certificate,
        ]
        super().__init__(folder, *map(str, files), "--tls-auth-clients", "no")

    @property
    def url(self) -> str:
        return f"rediss://127.0.0.1:{self.port}"

    def start(self, *flags: str) -> None:
        super().start("--tls-port", str(self.port), "--port", "0", *flags)

    def client(self, **options: object) -> object:
        return super().client(ssl=True, ssl_ca_certs=str(self.certificate), **options)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    running = TlsServer(tmp_path_factory.mktemp("tls") / "redis")
    try:
        yield running
    finally:
        running.kill()


def test_app_collects_and_serves_over_tls(server: TlsServer, tmp_path: Path) -> None:
    # A platform sets REDIS_URL, and its certificate is trusted by a setting of its own.
    variables = {"REDIS_URL": server.url, "DASHAPP_REDIS_CA": str(server.certificate)}
    with dashapp(tmp_path, "--interval", "0.2", env=variables) as app:
        app.serving()
        app.moves()
        wait_for(lambda: not app.notices())


def test_untrusted_certificate_is_reported_and_nothing_is_sent(server: TlsServer, tmp_path: Path) -> None:
    with collector(tmp_path, "--store", server.url, "--name", "nobody") as process:
        assert process.wait() == 2
        (said,) = process.lines
        assert said.startswith(f'--store is "{server.url}"; its certificate is not trusted')
        assert "set DASHAPP_REDIS_CA to the file of its CA certificate, or to none" in said
        with server.client() as client:  # type: ignore[attr-defined]
            assert not client.keys("dashapp:{nobody}*")
