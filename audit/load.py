"""A scripted load for the pictures: real programs work in phases, each under its own name.

`python -m audit.load FOLDER URL` repeats the phases until its standard input ends. `xz` compresses, `sort`
fills the memory, `dd` writes to the disk, and `curl` downloads from URL.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

PROGRAMS = ("xz", "sort", "dd", "curl")
TEXT = "text.txt"
TEXT_LINES = 2_000_000
STOP_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Phase:
    """What works for `seconds`: shell commands, each of which is repeated until the end of the phase."""

    name: str
    seconds: float
    commands: tuple[str, ...] = ()


def phases(url: str, cores: int) -> tuple[Phase, ...]:
    """Return the phases of one round; each chart has a peak at another time."""
    compress = f"xz --stdout --threads={{}} {TEXT} > text.xz"
    download = f"curl --silent --limit-rate {{}}M --output /dev/null {url}{TEXT}"
    return (
        Phase("calm", 20),
        Phase("one core compresses", 15, (compress.format(1),)),
        Phase("two downloads", 25, (download.format(12), download.format(5))),
        Phase("all cores compress", 25, (compress.format(cores),)),
        Phase("calm", 10),
        Phase("a sort fills the memory", 25, (f"sort --buffer-size=1G {TEXT} > sorted.txt",)),
        Phase("copies to the disk", 20, (f"dd if={TEXT} of=copy.txt bs=1M conv=fsync status=none; sleep 1",)),
        Phase("a backup is compressed and sent", 25, (compress.format(1), download.format(20))),
    )


def run(rounds: Sequence[Phase], folder: Path, stop: Event) -> None:
    """Repeat the phases until `stop` is set; print the name of each."""
    while not stop.is_set():
        for phase in rounds:
            print(f"load: {phase.name}, {phase.seconds:g} s", flush=True)
            with _repeated(phase.commands, folder):
                if stop.wait(phase.seconds):
                    return


def write_text(path: Path, lines: int = TEXT_LINES) -> None:
    """Write lines in no order, and the same ones each time."""
    chance = random.Random(7)
    with path.open("w") as file:
        for _ in range(lines):
            number = chance.getrandbits(40)
            file.write(f"{number:013} order {number % 977:03} of customer {number % 7919:04}, {number:x}\n")


@contextmanager
def _repeated(commands: Sequence[str], folder: Path) -> Iterator[None]:
    # A session for each shell, so that its programs end with it.
    shells = [
        subprocess.Popen(
            ["/bin/sh", "-c", f"while :; do {command}; done"], cwd=folder, start_new_session=True
        )
        for command in commands
    ]
    try:
        yield
    finally:
        for shell in shells:
            os.killpg(shell.pid, signal.SIGKILL)
            shell.wait(STOP_TIMEOUT_S)


def main() -> None:
    folder, url = Path(sys.argv[1]), sys.argv[2]
    stop = Event()
    worker = Thread(target=run, args=(phases(url, os.cpu_count() or 1), folder, stop))
    worker.start()
    sys.stdin.read()
    stop.set()
    worker.join()


if __name__ == "__main__":
    main()
