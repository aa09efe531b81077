"""Run the whole suite repeatedly on a busy machine, in a new order each time: `make stress`.

Each run has more workers than the machine has processors, and a busy process beside it. It prints its seed:
`make stress ARGS="--runs 1 --seed N"` repeats the order of that run.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "test-results"
# It ends when this process closes its end of the pipe.
HOG = "import select, sys\nwhile not select.select([sys.stdin], [], [], 0)[0]: sum(range(100_000))"


@contextmanager
def busy_processor() -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", HOG], stdin=subprocess.PIPE) as hog:
        try:
            yield
        finally:
            hog.kill()


def run(seed: int, jobs: int, extra: list[str]) -> tuple[int, str]:
    """Return pytest's exit code and all of its output."""
    argv = [sys.executable, "-m", "pytest", "-n", str(jobs), "--dist", "loadfile", "--no-loadscope-reorder"]
    argv += ["-p", "randomly", f"--randomly-seed={seed}", *extra]
    with busy_processor():
        done = subprocess.run(
            argv,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return done.returncode, done.stdout.decode(errors="replace")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--seed", type=int, help="of the first run; the next have the numbers after it")
    parser.add_argument("extra", nargs="*", help="further arguments for pytest, after --")
    options = parser.parse_args()
    first = random.SystemRandom().randrange(1 << 31) if options.seed is None else options.seed
    LOGS.mkdir(exist_ok=True)
    failed = 0
    for number in range(options.runs):
        seed = first + number
        begun = time.monotonic()
        code, output = run(seed, options.jobs, options.extra)
        (LOGS / f"stress-{seed}.log").write_text(output)
        failed += code != 0
        last = (output.strip().splitlines() or ["no output"])[-1].strip("= ")
        minutes = (time.monotonic() - begun) / 60
        print(f"run {number + 1} of {options.runs}, seed {seed}, {minutes:.1f} min: {last}", flush=True)
        for line in re.findall(r"^(?:FAILED|ERROR) .*", output, re.MULTILINE):
            print(f"  {line[:200]}", flush=True)
    print(f"{options.runs - failed} of {options.runs} runs passed; their output is in {LOGS.name}/.")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
