"""Cost of 200 checks every 10 seconds, of http and of https, against a local server."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.cost import cpu, memory
from bench.served import Served, command, folder, free_port, launched, serving
from bench.table import Row

CHECKS, SECONDS = 200, 30.0
# A server of one process, which the bench does not measure.
SERVER = """
import asyncio, ssl, sys
ANSWER = b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\nconnection: close\\r\\n\\r\\nok"
async def respond(reader, writer):
    try:
        await reader.readuntil(b"\\r\\n\\r\\n")
        writer.write(ANSWER)
        await writer.drain()
    except OSError:
        pass
    writer.close()
async def main(port, *files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if files else None
    if context:
        context.load_cert_chain(*files)
    server = await asyncio.start_server(respond, "127.0.0.1", int(port), ssl=context)
    await server.serve_forever()
asyncio.run(main(*sys.argv[1:]))
"""


def run() -> list[Row]:
    with folder() as store, serving(store) as served:
        idle = _measure(served)
    rows = []
    for scheme, target in (("http", 2.0), ("https", None)):
        with folder() as store, _checked(store, scheme) as served:
            share, size = _measure(served)
        cost = share - idle[0]
        note = f"and {size - idle[1]:.0f} MB, beyond a collector without checks"
        rows.append(Row(f"{CHECKS} checks of {scheme} every 10 s", cost, "% of a core", target, note))
    return rows


@contextmanager
def _checked(store: Path, scheme: str) -> Iterator[Served]:
    """Run dashapp with the checks, and the server that they connect to."""
    port, server_port = free_port(), free_port()
    store.parent.mkdir(exist_ok=True)
    files = _certificate(store.parent) if scheme == "https" else []
    address = f"check:{scheme}://localhost:{server_port}/health?expect=ok"
    flags = [flag for number in range(CHECKS) for flag in ("--source", f"{address}#c{number}")]
    with (
        subprocess.Popen([sys.executable, "-c", SERVER, str(server_port), *files]) as server,
        launched(command(store, port, *flags), port, SSL_CERT_FILE=files[0] if files else "") as served,
    ):
        try:
            served.wait("/readyz")
            yield served
        finally:
            server.terminate()


def _certificate(directory: Path) -> list[str]:
    files = [str(directory / name) for name in ("certificate.pem", "key.pem")]
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", files[1])
    argv = ["openssl", "req", "-x509", *key, *names, "-out", files[0]]
    subprocess.run(argv, check=True, capture_output=True)
    return files


def _measure(served: Served) -> tuple[float, float]:
    """Return the CPU time of the collector in percent of a core, and its memory in MB."""
    # All checks have run by then.
    time.sleep(12)
    collector = served.collector()
    before, start = cpu(collector), time.monotonic()
    time.sleep(SECONDS)
    share = (cpu(collector) - before) / (time.monotonic() - start)
    return 100 * share, memory(collector).rss
