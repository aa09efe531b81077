"""POST /api/alerts/…: people mute, acknowledge, change rules; the collector follows."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from action_reader import ActionReader
from authenticated_app import METRICS, PASSWORD, guarded, link, sign_in
from effort import calls_of
from wsgi_client import Answer, ask

from dashapp.alerts.monitor import AlertMonitor
from dashapp.api.alerts.actions import FIELDS, parse_action
from dashapp.config.settings import parse_settings
from dashapp.model.alerts.controls import MAX_COMMENT_CHARS
from dashapp.model.alerts.rules import MAX_RULES, parse_rule
from dashapp.model.ticks import Tick
from dashapp.stores.memory import MemoryStore
from dashapp.stores.push_queue import MemoryPushQueue
from dashapp.web.app import create_app

HOT = "cpu.percent > 90 for 30s"
BEARER = f"Bearer {PASSWORD}"


class Server:
    """An app with a password, and its collector, which makes a tick when a test asks for one."""

    def __init__(self, *rules: str) -> None:
        self.store, self.queue = MemoryStore(), MemoryPushQueue()
        self.store.describe(METRICS)
        settings = parse_settings(["--store", "memory:"], {"DASHAPP_PASSWORD": PASSWORD})
        self.app = create_app(self.store, settings, self.queue)
        self.rules = [parse_rule(rule) for rule in rules]
        self.time = float(int(time.time()))
        self.restart()

    def restart(self) -> None:
        self.monitor = AlertMonitor(self.rules, self.store)
        self.reader = ActionReader(self.queue, self.monitor)

    def tick(self, value: float = 5.0, seconds: float = 1.0) -> None:
        self.time += seconds
        self.reader.read(self.store.newest().time_ms)
        tick = Tick(self.time, 1, {"cpu.percent": value})
        assert self.store.append(tick)
        self.monitor.observe(tick)

    def post(self, name: str, **body: Any) -> Answer:
        return self.send(name, json.dumps(body).encode())

    def send(self, name: str, body: bytes) -> Answer:
        return ask(self.app, f"/api/alerts/{name}", method="POST", body=body, authorization=BEARER)

    def error(self, name: str, **body: Any) -> str:
        answer = self.post(name, **body)
        assert answer.status == 400, answer.body
        sentence: str = answer.json["error"]
        assert "\n" not in sentence
        return sentence

    def alerts(self) -> dict[str, Any]:
        found: dict[str, Any] = ask(self.app, "/api/alerts", authorization=BEARER).json
        return found

    def rule_texts(self) -> list[tuple[str, str]]:
        return [(row["text"], row["origin"]) for row in self.alerts()["thresholds"]]


def test_rule_of_page_is_created_changed_and_deleted_without_restart() -> None:
    server = Server(HOT)
    assert server.post("rules", rule="cpu.percent>95 repeat 60m").json == {
        "rule": "cpu.percent > 95 repeat 1h"
    }
    server.tick()
    assert server.rule_texts() == [(HOT, "settings"), ("cpu.percent > 95 repeat 1h", "page")]
    server.tick(99)
    assert [row["state"] for row in server.alerts()["thresholds"]][1] == "broken"
    answer = server.post("rules", rule="cpu.percent > 95 critical", replaces="cpu.percent > 95 repeat 1h")
    assert answer.status == 200
    server.tick(99)
    # Another option does not resolve the alert.
    row = server.alerts()["thresholds"][1]
    assert (row["text"], row["state"], row["level"]) == ("cpu.percent > 95 critical", "broken", "critical")
    server.restart()
    assert server.rule_texts()[1] == ("cpu.percent > 95 critical", "page")
    assert server.post("rules/delete", rule="cpu.percent > 95 critical").status == 200
    server.tick(99)
    assert server.rule_texts() == [(HOT, "settings")]
    assert [row["kind"] for row in server.alerts()["actions"]] == ["delete", "change", "create"]


def test_new_rule_does_not_restart_time_of_others() -> None:
    server = Server(HOT)
    for _ in range(20):
        server.tick(95)
    server.post("rules", rule="memory.percent > 5")
    for _ in range(10):
        server.tick(95)
    server.tick(95)
    assert server.alerts()["thresholds"][0]["state"] == "broken"


def test_mute_and_unmute_are_shown_with_time_until_and_history() -> None:
    server = Server("cpu.percent > 90")
    server.tick(95)
    assert server.post("mute", rule="cpu.percent > 90", **{"for": "1d"}).status == 200
    server.tick(95)
    (row,) = server.alerts()["thresholds"]
    assert row["mute"]["until"] - row["mute"]["time"] == 86_400_000
    (firing,) = ask(server.app, "/api/ticks", authorization=BEARER).json["broken"]
    assert firing["mute"] == row["mute"]
    server.restart()
    assert "mute" in server.alerts()["thresholds"][0]
    server.post("unmute", rule="cpu.percent > 90")
    server.tick(95)
    assert "mute" not in server.alerts()["thresholds"][0]
    assert [row["kind"] for row in server.alerts()["actions"]] == ["unmute", "mute"]


def test_mute_until_resolved_ends_with_the_alert() -> None:
    server = Server("cpu.percent > 90")
    server.tick(95)
    server.post("mute", rule="cpu.percent > 90", **{"for": "resolved"})
    server.tick(95)
    assert server.alerts()["thresholds"][0]["mute"]["until"] is None
    server.tick(5)
    assert "mute" not in server.alerts()["thresholds"][0]


def test_acknowledgement_has_comment_until_resolved_and_stays_in_history() -> None:
    server = Server("cpu.percent > 90 repeat 1m")
    server.tick(95)
    server.post("acknowledge", rule="cpu.percent > 90", comment="  <b>backup</b>\nruns ")
    server.tick(95)
    assert server.alerts()["thresholds"][0]["acknowledgement"]["comment"] == "<b>backup</b> runs"
    server.tick(5)
    assert "acknowledgement" not in server.alerts()["thresholds"][0]
    (row,) = server.alerts()["actions"]
    assert (row["kind"], row["comment"], row["user"]) == ("acknowledge", "<b>backup</b> runs", "")


def test_action_names_user_of_trusted_proxy() -> None:
    store, queue = MemoryStore(), MemoryPushQueue()
    flags = ["--store", "memory:", "--trusted-proxy", "127.0.0.1", "--proxy-user", "X-User"]
    app = create_app(store, parse_settings(flags, {}), queue)
    monitor = AlertMonitor([], store)
    body = b'{"rule": "cpu.percent > 1"}'
    assert ask(app, "/api/alerts/rules", method="POST", body=body, x_user="mia").status == 200
    ActionReader(queue, monitor).read(0)
    assert [(action.user, action.kind) for action in store.alert_controls().log] == [("mia", "create")]


def test_rule_test_sends_a_message_and_returns_current_value() -> None:
    server = Server()
    server.tick(42)
    answer = server.post("test", rule="cpu.percent > 90 critical")
    assert answer.json == {"rule": "cpu.percent > 90 critical", "value": 42, "addresses": 0}
    server.tick(43)
    (entry,) = server.store.alert_log()
    assert (entry.kind, entry.value) == ("test", 43)
    assert server.alerts()["log"] == []
    server.restart()
    server.tick(44)
    assert len(server.store.alert_log()) == 1


def test_action_that_is_read_twice_is_applied_once() -> None:
    server = Server("cpu.percent > 90")
    server.post("mute", rule="cpu.percent > 90", **{"for": "1h"})
    (record,) = server.queue._records
    for _ in range(2):
        server.queue.put(record)
    server.tick()
    server.restart()
    server.queue.put(record)
    server.tick()
    assert len(server.store.alert_controls().log) == 1


BAD = [
    ("rules", {"rule": "cpu.percent"}, 'rule is "cpu.percent"; expected "METRIC > NUMBER'),
    ("rules", {"rule": "a > 1 repeat 3s"}, "expected repeat with a time from 1m to 7d"),
    ("rules", {"rule": "a > 1 except Mon-Sun"}, "leave no time for a message"),
    ("rules", {"rule": "x" * 5000 + " > 1"}, "expected"),
    ("rules", {"rule": HOT}, "exists already"),
    ("rules", {"rule": f"{HOT} critical"}, "differ only in their options"),
    ("rules", {"rule": "cpu.percent < 95"}, "one always fires"),
    ("rules", {"rule": "a > 1", "replaces": HOT}, "is a rule of the settings; change --threshold"),
    ("rules", {"rule": "a > 1", "replaces": "b > 1"}, 'there is no rule "b > 1"'),
    ("rules", {"rule": "a > 1", "level": "critical"}, '"level" is not a known key'),
    ("rules", {"rule": 5}, "rule is not text"),
    ("rules", {}, "the body has no rule"),
    ("rules/delete", {"rule": HOT}, "is a rule of the settings"),
    ("mute", {"rule": "b > 1", "for": "1h"}, 'there is no rule "b > 1"'),
    ("mute", {"rule": HOT, "for": "2h"}, 'for is "2h"; expected 1h, 1d, resolved'),
    ("mute", {"rule": HOT}, "expected 1h, 1d, resolved"),
    ("mute", {"rule": HOT, "for": "resolved"}, "is not firing; expected 1h or 1d"),
    ("acknowledge", {"rule": HOT, "comment": "x"}, "is not firing"),
    ("test", {"rule": "nonsense"}, "expected"),
]


@pytest.mark.parametrize(("name", "body", "expected"), BAD)
def test_invalid_action_is_rejected_with_one_sentence(name: str, body: dict[str, Any], expected: str) -> None:
    server = Server(HOT)
    server.tick()
    assert expected in server.error(name, **body)
    assert not server.queue._records


@pytest.mark.parametrize("comment", ["x" * (MAX_COMMENT_CHARS + 1), "a\u202eb", "a\x00b"])
def test_invalid_comment_is_rejected(comment: str) -> None:
    server = Server("cpu.percent > 90")
    server.tick(95)
    assert "comment" in server.error("acknowledge", rule="cpu.percent > 90", comment=comment)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'"rule"', b"\xff", b"[" * 8000])
def test_body_that_is_no_object_is_rejected(body: bytes) -> None:
    answer = Server(HOT).send("rules", body)
    assert answer.status == 400
    assert "the body" in answer.json["error"]


def test_number_of_rules_is_limited() -> None:
    server = Server(*(f"m{number} > 1" for number in range(MAX_RULES)))
    assert f"there are {MAX_RULES} rules" in server.error("rules", rule="cpu.percent > 1")


def test_new_rule_is_compared_with_each_other_one_only() -> None:
    """To compare all pairs of 500 rules takes half a second, in which other requests wait."""

    def effort(count: int) -> int:
        levels = ("", " critical")
        server = Server(*(f"cpu.percent > {number}{levels[number % 2]}" for number in range(count)))
        body = json.dumps({"rule": "cpu.percent > -1"}).encode()
        now = time.time()
        return calls_of(lambda: parse_action("rules", body, server.store, now, "", "id"))

    effort(10)
    few, many = effort(100), effort(400)
    assert many < 6 * few


def test_collector_keeps_limit_of_rules_when_requests_race() -> None:
    server = Server(*(f"m{number} > 1" for number in range(MAX_RULES - 1)))
    for number in range(3):
        server.post("rules", rule=f"n{number} > 1")
    server.tick()
    assert len(server.store.thresholds()) == MAX_RULES


@pytest.mark.parametrize("name", FIELDS)
def test_action_requires_login_and_same_site(name: str) -> None:
    server = Server(HOT)
    body = json.dumps({"rule": HOT}).encode()
    path = f"/api/alerts/{name}"
    assert ask(server.app, path, method="POST", body=body).status == 401
    assert ask(server.app, path, method="POST", body=body, authorization="Bearer wrong").status == 403
    cookie = sign_in(server.app)
    for headers in (
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "https://evil"},
    ):
        answer = ask(server.app, path, method="POST", body=body, cookie=cookie, **headers)
        assert (answer.status, answer.json["error"]) == (403, "cross-site request rejected")
    assert ask(server.app, path, cookie=cookie).status == 405
    assert not server.queue._records


@pytest.mark.parametrize("name", FIELDS)
def test_action_is_rejected_without_login_and_through_share_link(name: str) -> None:
    body = json.dumps({"rule": HOT}).encode()
    app = guarded(password="")
    answer = ask(app, f"/api/alerts/{name}", method="POST", body=body)
    assert answer.status == 403
    assert "set DASHAPP_PASSWORD" in answer.json["error"]
    app = guarded()
    answer = ask(app, f"{link(app)}api/alerts/{name}", method="POST", body=body)
    assert answer.status in (403, 404, 405)


def test_public_page_and_share_link_hide_who_did_what() -> None:
    server = Server("cpu.percent > 90")
    server.tick(95)
    server.post("acknowledge", rule="cpu.percent > 90", comment="c4nary")
    server.tick(95)
    assert "c4nary" in json.dumps(server.alerts())
    shared = ask(server.app, f"{link(server.app)}api/alerts")
    assert "c4nary" not in shared.body.decode()
    public = create_app(server.store, parse_settings(["--store", "memory:", "--public"], {}))
    for path in ("/api/alerts", "/api/ticks"):
        assert "c4nary" not in ask(public, path).body.decode()


def test_unknown_action_is_not_found() -> None:
    assert Server().send("nonsense", b"{}").status == 404
