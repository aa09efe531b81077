"""The apprise worker delivers messages unchanged and reports each failure in a few words."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict
from html.parser import HTMLParser

import pytest
from mail_server import mail_server
from waiting import PATIENCE_S
from webhook_server import Webhook, webhook

from dashapp.alerts import apprise_worker
from dashapp.alerts.message import MAX_LISTED_CHANGES, ZERO_WIDTH_SPACE, Message, compose_message
from dashapp.model.thresholds import AlertChange, Threshold
from dashapp.model.top import AlertProcesses, TopEntry

HOT = Threshold.parse("cpu.percent > 90 for 30s")
PLAIN = Message("lab: a title", "a body", all_resolved=False)


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as found:
        yield found


TEXTS = ("<b>&amp;</b> **x** _y_ #z", "é ünï ☃ 字", "%s {0} {{x}} \\n \\t", "'; drop table x; --", "a\nb\nc")


def test_send_notification_keeps_special_characters(hook: Webhook) -> None:
    title, text = " ".join(TEXTS).replace("\n", " "), "\n".join(TEXTS)
    assert (
        apprise_worker.send_notification(hook.address, Message(title, text, all_resolved=True), PATIENCE_S)
        == ""
    )
    ((_, message),) = hook.heard
    assert (message["title"], message["message"], message["type"]) == (title, text, "success")


def errors_of(*addresses: str) -> list[str]:
    """Return the error of each address; one worker sends to all, because it is slow to start."""
    return apprise_worker._run_worker(addresses, asdict(PLAIN), PATIENCE_S)


def test_worker_reports_http_status_when_target_rejects() -> None:
    statuses = (301, 401, 404, 500, 503)
    with ExitStack() as stack:
        hooks = [stack.enter_context(webhook()) for _ in statuses]
        for hook, status in zip(hooks, statuses, strict=True):
            hook.status = status
        reasons = errors_of(*(hook.address for hook in hooks))
        assert reasons == [f"it responded with status {status}" for status in statuses]
        assert [hook.heard for hook in hooks] == [[]] * len(statuses)


def test_send_notification_gives_up_when_target_hangs(hook: Webhook) -> None:
    hook.hanging = True
    patience = 2.0
    while not hook.tried:
        # The address asks for a longer timeout than the worker has.
        assert (
            apprise_worker.send_notification(f"{hook.address}?rto=50", PLAIN, patience)
            == apprise_worker.NO_RESPONSE
        )
        patience *= 2  # the worker had not started in time


def test_worker_error_omits_address_when_target_is_unreachable() -> None:
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))  # reserves the port; no server listens on it
        said = {
            f"json://c4nary@127.0.0.1:{silent.getsockname()[1]}/": apprise_worker.NO_RESPONSE,
            "json://c4nary.invalid/": apprise_worker.NO_RESPONSE,
            "nonsense://c4nary": apprise_worker.UNKNOWN_SERVICE,
            "json://c4nary\0/": apprise_worker.UNKNOWN_SERVICE,
        }
        assert errors_of(*said) == [*said.values()]


def test_invalid_targets_sends_no_request(hook: Webhook) -> None:
    assert apprise_worker.invalid_targets([hook.address, "nonsense://x"], PATIENCE_S) == [
        "",
        apprise_worker.UNKNOWN_SERVICE,
    ]
    assert hook.tried == 0


def test_compose_message_uses_single_change_as_title() -> None:
    message = compose_message([AlertChange(HOT, True, 0.5, 1 / 3, 1)], 1, 1, "lab")
    assert message == Message(
        "lab: cpu.percent > 90 for 30s: firing, at 0.333333",
        "1970-01-01 00:00:00 UTC  cpu.percent > 90 for 30s: firing, at 0.333333",
        all_resolved=False,
    )


def test_compose_message_omits_value_when_metric_is_missing() -> None:
    absent = Threshold.parse("cpu.percent missing for 60s")
    assert (
        compose_message([AlertChange(absent, True, 0, None, 1)], 1, 1, "lab").title
        == "lab: cpu.percent missing for 1m: no data"
    )
    assert compose_message([AlertChange(absent, False, 0, 5, 1)], 1, 0, "lab").title.endswith(
        ": data received, at 5"
    )


def test_compose_message_counts_changes_and_lists_newest() -> None:
    changes = [AlertChange(HOT, number % 2 == 0, number, 95, number) for number in range(1, 31)]
    message = compose_message(changes, 30, 1, "lab")
    assert message.title == "lab: 30 alert changes; 1 firing now"
    first, *lines = message.body.splitlines()
    assert first == "10 earlier changes: see /api/alerts"
    assert len(lines) == MAX_LISTED_CHANGES
    assert lines[-1].startswith("1970-01-01 00:00:30 UTC")
    assert message.all_resolved is False
    assert compose_message(changes[:1], 1, 0, "lab").all_resolved
    # Only one of two changes is listed, so the alert of the other may still be firing.
    assert not compose_message(changes[:1], 2, 0, "lab").all_resolved


class Tags(HTMLParser):
    """The elements of a document, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_mail_contains_html_of_names_as_text() -> None:
    """Programs that push and writers to a Redis choose the names of metrics."""
    name = '<img src=x onerror=alert(1)><a href="https://evil.test">x</a>'
    changes = [AlertChange(Threshold(name, ">", 90), True, 1_800_000_000.0, 97.0, 1)]
    message = compose_message(changes, 1, 1, f"{name} & lab")
    with mail_server() as server:
        address = f"mailto://127.0.0.1:{server.port}?from=a@lab.test&to=b@lab.test&format=html"
        assert apprise_worker.send_notification(address, message, PATIENCE_S) == ""
        (mail,) = server.received
    assert mail["subject"] == message.title
    body = mail.get_body(("html",))
    assert body is not None
    tags = Tags()
    tags.feed(body.get_content())
    assert tags.found <= {"html", "head", "body", "title", "br", "p", "h1", "div", "span", "meta"}
    assert name in tags.text.replace("\xa0", " ")


@pytest.mark.parametrize(
    "name",
    ["<!channel>", "!here>", "<!subteam^S1|x>", "<users/all>", "<https://e.t|x>", "https://e.t |x>", "@all"],
)
def test_name_of_a_process_has_no_syntax_of_a_chat(name: str) -> None:
    """Slack and Google Chat have other mentions and links than Mattermost."""
    change = AlertChange(HOT, True, 1_800_000_000.0, 97.0, 1)
    processes = {1: AlertProcesses(1_800_000_000_000, "cpu", [TopEntry(name, 10.0, 1)])}
    url = "https://monitor.example"
    message = compose_message([change], 1, 1, "lab", processes, url)
    assert f"{url}/?window=" in message.body, "our own link works"
    for text in (message.title, message.body):
        assert name not in text
        assert name in text.replace(ZERO_WIDTH_SPACE, "")


def test_name_of_a_process_is_neither_a_mention_nor_a_link(hook: Webhook) -> None:
    """A user of the machine names a process `@everyone`, and the message goes to Mattermost."""
    change = AlertChange(HOT, True, 1_800_000_000.0, 97.0, 1)
    names = ("@everyone", "(@here", "[x](//e.test)", "a@b.test", "<@123>")
    ranking = [TopEntry(name, 10.0, 1) for name in names]
    reasons = {2: "the host answered @all [y](//e.test)"}
    other = AlertChange(Threshold("check.shop.up", "<", 1), True, 1_800_000_000.0, 0.0, 2)
    for part in (ranking[:3], ranking[2:]):
        processes = {1: AlertProcesses(1_800_000_000_000, "cpu", part)}
        message = compose_message([change, other], 2, 2, "lab", processes, reasons=reasons)
        address = f"mmost://127.0.0.1:{hook.port}/3ccdd113474722377935511fc85d3dd4"
        assert apprise_worker.send_notification(address, message, PATIENCE_S) == ""
    text = "".join(heard["text"] for _, heard in hook.heard)
    assert all(name.strip("(<>@") in text for name in ("everyone", "here", "a@b.test", "123"))
    assert not re.search(r"(?<!\w)@\w", text)
    assert "](" not in text
