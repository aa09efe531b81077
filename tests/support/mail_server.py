"""A mail server on a free port of 127.0.0.1 that keeps every message."""

from __future__ import annotations

import email
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from threading import Thread


@dataclass
class MailServer:
    port: int
    received: list[EmailMessage] = field(default_factory=list)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 test\r\n")
            while command := self.rfile.readline().strip().upper():
                if command == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = list(iter(self.rfile.readline, b".\r\n"))
                    text = b"".join(line.removeprefix(b".") for line in lines)
                    server.received.append(email.message_from_bytes(text, policy=default))
                self.wfile.write(b"250 ok\r\n")
                if command == b"QUIT":
                    return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as sockets:
        server = MailServer(sockets.server_address[1])
        thread = Thread(target=sockets.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            sockets.shutdown()
            thread.join()
