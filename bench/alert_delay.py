"""Delay of an alert, from the tick that fires it until its message arrives, with 500 rules."""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING

from bench.served import ROOT, Served, command, folder, free_port, launched
from bench.table import Row

if TYPE_CHECKING:
    from webhook_server import Webhook

# An address receives five messages in a minute.
RULES, ALERTS = 500, 5
TIMEOUT_S = 20.0
TOKEN = "fe3b9c07a6d14d52"


def run() -> list[Row]:
    # The receiver of the tests: apprise posts to it.
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    from webhook_server import webhook

    delays = []
    with ExitStack() as stack:
        store, hook = stack.enter_context(folder()), stack.enter_context(webhook())
        port = free_port()
        rules = [f"--threshold=metric_{number} > {RULES}" for number in range(RULES)]
        served = stack.enter_context(
            launched(
                command(store, port, *rules),
                port,
                DASHAPP_NOTIFY=hook.address,
                DASHAPP_PUSH_TOKEN=TOKEN,
            )
        )
        served.wait("/readyz")
        for number in range(ALERTS):
            delays.append(_delay(served, hook, number))
            # The next one starts a message of its own.
            time.sleep(3)
    note = f"{ALERTS} alerts, {RULES} rules; slowest {max(delays):.2f} s"
    return [Row("from tick to alert message, median", median(delays), "s", 2, note)]


def _delay(served: Served, hook: Webhook, number: int) -> float:
    received = len(hook.heard)
    _push(served, {f"metric_{number}": RULES + 1})
    deadline = time.monotonic() + TIMEOUT_S
    while len(hook.heard) == received:
        if time.monotonic() > deadline:
            raise RuntimeError(f"alert {number + 1} sent no message in {TIMEOUT_S:g} s")
        time.sleep(0.005)
    arrival, _message = hook.heard[-1]
    with urllib.request.urlopen(f"{served.url}api/alerts", timeout=TIMEOUT_S) as response:
        since: float = json.load(response)["thresholds"][number]["since"]
    return arrival - since / 1000


def _push(served: Served, values: dict[str, float]) -> None:
    request = urllib.request.Request(
        f"{served.url}api/push",
        json.dumps({"metrics": values}).encode(),
        {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=TIMEOUT_S).close()
