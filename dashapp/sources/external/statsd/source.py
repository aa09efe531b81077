"""Statsd as a source: `--source statsd:8125` listens for UDP packets of this machine.

A thread reads them, so that the collector never waits. UDP has no token: other machines can send only if the
setting names an address of this one, such as `statsd:0.0.0.0:8125`.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Lock, Thread
from typing import Any

from dashapp.model.ticks import Metric, SourceError
from dashapp.process.threads import start_thread
from dashapp.sources.external.ingest.names import IngestNames
from dashapp.sources.external.ingest.records import METRICS_PER_SERIES, SeriesId
from dashapp.sources.external.ingest.series import CHECK_INTERVAL_S, MAX_METRICS, REJECTION_SHOWN_S
from dashapp.sources.external.statsd.aggregates import AGGREGATES, Aggregate
from dashapp.sources.external.statsd.lines import EXPECTED, LineError, StatsdParser
from dashapp.sources.rejection import quote_input

DEFAULT_PORT, DEFAULT_HOST = 8125, "127.0.0.1"
EXPECTED_SETTING = "expected statsd:PORT or statsd:ADDRESS:PORT, such as statsd:8125 or statsd:0.0.0.0:8125"
# A series without a packet for so long ends, as in DogStatsD. Until then a counter is 0, and a gauge stays.
EXPIRY_S = 300.0
MAX_PACKET_BYTES, BUFFER_BYTES = 65_535, 4 << 20
# After a batch, reading pauses for this many times its processing time, so a flood gets a quarter of a core.
# A batch ends after MAX_BATCH_S, because that pause is POLL_S at most.
REST_FACTOR, MAX_BATCH, MAX_BATCH_S = 3.0, 500, 0.1
# Seconds until the thread looks again whether it should end.
POLL_S = 0.5
# The kernel adds its number of lost packets to each packet. Only Linux has it (socket(7)).
SO_RXQ_OVFL = 40


class StatsdSource:
    """Listens from the first reading on."""

    is_optional = True

    def __init__(
        self,
        address: tuple[str, int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = f"statsd on port {address[1]}"
        self.port = 0
        self._address = address
        self._clock = clock
        self._lock = Lock()
        self._parser = StatsdParser()
        self._names = IngestNames()
        self._aggregates: dict[str, Aggregate] = {}
        self._seen: dict[str, float] = {}
        self._metric_count = 0
        self._problems = _Problems(self.name)
        self._last_read = clock()
        self._checked = self._rejected_at = float("-inf")
        self._lost = 0
        self._socket: socket.socket | None = None
        self._thread: Thread | None = None

    @property
    def status_message(self) -> str:
        now = self._clock()
        parts = [self._problems.sentence(now)]
        if now - self._rejected_at < REJECTION_SHOWN_S:
            parts.append(f"{self.name} gets more than {MAX_METRICS:,} metrics; further names are ignored")
        return "; ".join(part for part in parts if part)

    def read(self) -> Mapping[Metric, float]:
        if self._socket is None:
            self._listen()
        now = self._clock()
        with self._lock:
            seconds, self._last_read = now - self._last_read, now
            if now - self._checked >= CHECK_INTERVAL_S:
                self._checked = now
                self._forget([text for text, seen in self._seen.items() if now - seen > EXPIRY_S])
            if seconds <= 0:
                return {}
            return {
                metric: number
                for text, aggregate in self._aggregates.items()
                for metric, number in zip(
                    self._names.metrics[text], aggregate.take_values(seconds), strict=True
                )
                if number is not None
            }

    def receive(self, packet: bytes) -> None:
        """Add the lines of a packet."""
        text = packet.decode(errors="replace")
        now = self._clock()
        with self._lock:
            for line in text.split("\n"):
                line = line.strip(" \r\0")
                if not line:
                    continue
                try:
                    sample = self._parser.parse(line)
                except LineError:
                    self._problems.add_line(line, now)
                    continue
                if sample is None or not self._ensure_series(sample.series, sample.combination, now):
                    continue
                self._seen[sample.series] = now
                self._aggregates[sample.series].add(sample)

    def close(self) -> None:
        """Stop to listen. Only tests need that."""
        listening, self._socket = self._socket, None
        if listening is None or self._thread is None:
            return
        # A packet ends the waiting of the thread.
        listening.sendto(b"", listening.getsockname())
        self._thread.join()
        listening.close()

    def _ensure_series(self, text: str, combination: str, now: float) -> bool:
        """Return whether a series has a name; add it if there is room."""
        if text in self._aggregates:
            return True
        series = SeriesId.decode(text)
        count = METRICS_PER_SERIES[series.kind]
        if self._metric_count + count > MAX_METRICS:
            self._rejected_at = now
            return False
        self._metric_count += count
        self._aggregates[text] = AGGREGATES[combination]()
        self._names.add([series], self._aggregates.keys())
        return True

    def _forget(self, texts: list[str]) -> None:
        for text in texts:
            self._metric_count -= METRICS_PER_SERIES[SeriesId.decode(text).kind]
            del self._aggregates[text], self._seen[text]
        self._names.remove(texts)

    def _listen(self) -> None:
        host, port = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_DGRAM)
        try:
            listening.bind((host, port))
            listening.settimeout(POLL_S)
            with suppress(OSError):
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
                listening.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
        except OSError as error:
            listening.close()
            raise SourceError(
                f"statsd cannot listen on {host} port {port} ({error.strerror}); "
                "stop the other program, or choose another port"
            ) from None
        self.port = listening.getsockname()[1]
        self._socket = listening
        self._last_read = self._clock()
        self._thread = start_thread("source statsd", self._run)

    def _run(self) -> None:
        while (listening := self._socket) is not None:
            try:
                packet = self._next_packet(listening)
            except TimeoutError:
                continue
            start = self._clock()
            self.receive(packet)
            self._receive_waiting(listening, start)
            time.sleep(min(POLL_S, REST_FACTOR * (self._clock() - start)))

    def _receive_waiting(self, listening: socket.socket, start: float) -> None:
        """Receive the packets that are here, for a batch that began at `start`."""
        listening.settimeout(0)
        with suppress(BlockingIOError):
            for _ in range(MAX_BATCH):
                if self._clock() - start > MAX_BATCH_S:
                    break
                self.receive(self._next_packet(listening))
        listening.settimeout(POLL_S)

    def _next_packet(self, listening: socket.socket) -> bytes:
        if not hasattr(listening, "recvmsg"):
            return listening.recv(MAX_PACKET_BYTES)
        packet, messages, _, _ = listening.recvmsg(MAX_PACKET_BYTES, 64)
        for level, kind, data in messages:
            if level == socket.SOL_SOCKET and kind == SO_RXQ_OVFL and len(data) >= 4:
                lost = struct.unpack("=I", data[:4])[0]
                if lost > self._lost:
                    self._problems.add_lost(self._clock())
                self._lost = lost
        return packet


class _Problems:
    """The first line that is no metric, their number, and lost packets, for a while.

    The number changes rarely: a message that changes every second would change the page every second.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._line = ""
        self._count = 0
        self._shown_count = 0
        self._line_at = self._lost_at = self._updated = float("-inf")

    def add_line(self, line: str, now: float) -> None:
        if now - self._line_at >= REJECTION_SHOWN_S:
            self._line, self._count = line, 0
        self._count += 1
        self._line_at = now

    def add_lost(self, now: float) -> None:
        self._lost_at = now

    def sentence(self, now: float) -> str:
        parts = []
        if now - self._line_at < REJECTION_SHOWN_S:
            if now - self._updated >= CHECK_INTERVAL_S:
                self._updated, self._shown_count = now, self._count
            count = "a line" if self._shown_count <= 1 else f"{self._shown_count:,} lines, and the first"
            parts.append(f"{self._name} could not read {count}, {quote_input(self._line)}; {EXPECTED}")
        if now - self._lost_at < REJECTION_SHOWN_S:
            parts.append(
                f"{self._name} lost packets, so that its counts are too low; send fewer, or use a sample rate"
            )
        return "; ".join(parts)


def make_source(rest: str, interval: float, **options: Any) -> StatsdSource:
    """Return the source for `PORT` or `ADDRESS:PORT` in `rest`."""
    host, _, port = rest.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or DEFAULT_HOST
    port = port or str(DEFAULT_PORT)
    try:
        ipaddress.ip_address(host)
        is_port = port.isascii() and port.isdigit() and 0 < int(port) < 65_536
    except ValueError:
        is_port = False
    if options or not is_port:
        raise ValueError(EXPECTED_SETTING)
    return StatsdSource((host, int(port)))
