"""One incident in real processes: mark, check, mute, forecast, and an assistant's view."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import textwrap
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from agents import PROGRAM, write
from check_server import answer, raw, serving
from long_series import fill_days, rising
from processes import ALWAYS, Dashapp, dashapp
from push_pipeline import TOKEN
from waiting import PATIENCE_S, wait_for
from webhook_server import Webhook, webhook

PASSWORD = "correct horse 7"
SIGNED_IN = {"authorization": f"Bearer {PASSWORD}"}
DOWN = "check.shop.up < 1 for 1s"
MARK = "deploy 1.4"
FULL_SOON = re.compile(r"filesystem\.root reaches .{1,12} in (2 days|4[789] hours)")


def get(app: Dashapp, path: str) -> Any:
    status, body = app.get(path, authorization=SIGNED_IN["authorization"])
    assert status == 200, body
    return json.loads(body)


def silenced(app: Dashapp) -> list[dict[str, str]]:
    """Return the alerts without a message, and why."""
    log = get(app, "/api/alerts")["log"]
    return [{key: entry[key] for key in ("text", "state", "silence")} for entry in log if "silence" in entry]


def newest_value(app: Dashapp, metric: str) -> float | None:
    with suppress(KeyError, IndexError):
        values: list[float | None] = get(app, f"/api/ticks?window=30&like={metric}")["y"][metric]
        return next(value for value in reversed(values) if value is not None)
    return None


def mute(app: Dashapp, rule: str) -> int:
    body = json.dumps({"rule": rule, "for": "1h"})
    with closing(http.client.HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)) as connection:
        connection.request("POST", "/api/alerts/mute", body, SIGNED_IN)
        return connection.getresponse().status


def run(app: Dashapp, folder: Path, *argv: str, **environ: str) -> None:
    """Run a program of a user beside the server."""
    variables = {**ALWAYS, "DASHAPP_PUSH_TOKEN": TOKEN, **environ}
    subprocess.run([sys.executable, *argv], cwd=folder, env=variables, check=True, timeout=PATIENCE_S)


def ask(folder: Path, start: datetime) -> tuple[str, str, list[Any]]:
    """Return what an assistant learns: the events, the alerts and the check since `start`."""
    pytest.importorskip("mcp", reason="the extra mcp is not installed")
    from assistant import ask_assistant

    since = {"from": start.isoformat()}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("events", since),
        ("alerts", since),
        ("extremes", {**since, "metrics": ["check.shop.up"]}),
    ]
    _tools, (events, alerts, extremes) = ask_assistant(folder, calls, "--store=store")
    return json.dumps(events), json.dumps(alerts), extremes["extremes"]


@pytest.fixture
def hook() -> Any:
    with webhook() as found:
        yield found


def test_incident_is_noticed_muted_and_explained(tmp_path: Path, hook: Webhook) -> None:
    now = int(time.time()) // 60 * 60
    start = datetime.fromtimestamp(now, UTC)
    # The disk of this machine has risen by one percent each day, up to its real value.
    used = psutil.disk_usage("/").percent
    trend = rising(1.0, used, now)
    fill_days(tmp_path / "store", lambda at: {"filesystem.root.percent": trend(at)}, now=now).close()
    reaches = f"filesystem.root reaches {used + 2:.2f} within 3d"
    env = {"DASHAPP_PASSWORD": PASSWORD, "DASHAPP_PUSH_TOKEN": TOKEN, "DASHAPP_NOTIFY": hook.address}
    with serving(answer("ok")) as shop:
        source = f"check:http://127.0.0.1:{shop.port}/?expect=ok&every=1#shop"
        flags = ("--store=store", "--interval=0.2", "--source", source)
        with dashapp(tmp_path, *flags, "--threshold", DOWN, "--threshold", reaches, env=env) as app:
            app.serving()
            wait_for(lambda: newest_value(app, "check.shop.up") == 1)

            run(app, tmp_path, "-m", "dashapp", "mark", MARK, DASHAPP_URL=f"http://127.0.0.1:{app.port}")
            wait_for(lambda: any(event["text"] == MARK for event in get(app, "/api/events")))

            shop.respond = raw(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
            wait_for(lambda: any("check.shop.up" in text for text in messages(hook)))
            message = next(text for text in messages(hook) if "check.shop.up" in text)
            assert "check shop failed: the answer has status 500" in message
            assert mute(app, DOWN) == 200

            wait_for(lambda: any(FULL_SOON.search(text) for text in messages(hook)))

            assert write(app, f"orders,shop=berlin open=7i {time.time_ns()}\n") == 204
            wait_for(lambda: newest_value(app, "influx.orders.open.berlin") == 7)
            run(
                app,
                tmp_path,
                "-c",
                textwrap.dedent(PROGRAM),
                OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{app.port}",
                OTEL_EXPORTER_OTLP_HEADERS=f"Authorization=Bearer%20{TOKEN}",
                OTEL_SERVICE_NAME="shop",
            )
            wait_for(lambda: newest_value(app, "otel.orders.shop.de") is not None)

            # Muted: the end of the incident sends no message.
            wait_for(lambda: get(app, "/api/alerts")["thresholds"][0]["mute"] is not None)
            shop.respond = answer("ok")
            wait_for(lambda: get(app, "/api/alerts")["thresholds"][0]["state"] == "ok")
            wait_for(lambda: {"text": DOWN, "state": "ok", "silence": "muted"} in silenced(app))
            assert sum(text.count("check.shop.up") for text in messages(hook)) == 1

            events, alerts, extremes = ask(tmp_path, start)
    assert MARK in events
    assert "check.shop.up" in alerts
    assert (extremes[0]["min"]["value"], extremes[0]["max"]["value"]) == (0, 1)


def messages(hook: Webhook) -> list[str]:
    return [message["message"] for _time, message in hook.heard]
