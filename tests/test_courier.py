"""The courier: what it carries arrives as it was said, and whatever fails is said in a few words."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from processes import free_port
from webhook import Webhook, webhook

from dashapp.alerts import apprise_worker
from dashapp.alerts.message import MOST_TOLD, Message, compose
from dashapp.model.thresholds import Change, Threshold

HOT = Threshold.parse("cpu.percent > 90 for 30s")
PLAIN = Message("lab: a title", "a body", good=False)


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as found:
        yield found


@pytest.mark.parametrize(
    "text",
    ["<b>&amp;</b> **x** _y_ #z", "é ünï ☃ 字", "%s {0} {{x}} \\n \\t", "'; drop table x; --", "a\nb\nc"],
)
def test_text_arrives_as_it_was_said(hook: Webhook, text: str) -> None:
    title = text.replace("\n", " ")
    assert apprise_worker.hand_over(hook.address, Message(title, text, good=True)) == ""
    ((_, message),) = hook.heard
    assert (message["title"], message["message"], message["type"]) == (title, text, "success")


@pytest.mark.parametrize("status", [301, 401, 404, 500, 503])
def test_a_status_is_told(hook: Webhook, status: int) -> None:
    hook.status = status
    assert apprise_worker.hand_over(hook.address, PLAIN) == f"it answered with status {status}"
    assert hook.heard == []


def test_one_that_hangs_is_given_up(hook: Webhook) -> None:
    hook.hanging = True
    before = time.monotonic()
    # Longer than we wait for a courier, whatever the address itself asks for.
    assert apprise_worker.hand_over(f"{hook.address}?rto=50", PLAIN, patience=2) == apprise_worker.UNANSWERED
    assert time.monotonic() - before < 4


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("json://c4nary@127.0.0.1:PORT/", apprise_worker.UNANSWERED),
        ("json://c4nary.invalid/", apprise_worker.UNANSWERED),
        ("nonsense://c4nary", apprise_worker.UNKNOWN),
        ("json://c4nary\0/", apprise_worker.UNKNOWN),
    ],
)
def test_what_cannot_be_reached_is_told_without_its_address(address: str, said: str) -> None:
    assert apprise_worker.hand_over(address.replace("PORT", str(free_port())), PLAIN) == said


def test_looking_at_an_address_sends_nothing(hook: Webhook) -> None:
    assert apprise_worker.check([hook.address, "nonsense://x"]) == ["", apprise_worker.UNKNOWN]
    assert hook.tried == 0


def test_one_change_is_the_title_itself() -> None:
    message = compose([Change(HOT, True, 0.5, 1 / 3, 1)], 1, 1, "lab")
    assert message == Message(
        "lab: cpu.percent > 90 for 30s: broken, at 0.333333",
        "1970-01-01 00:00:00 UTC  cpu.percent > 90 for 30s: broken, at 0.333333",
        good=False,
    )


def test_a_metric_that_is_missing_has_no_value() -> None:
    absent = Threshold.parse("cpu.percent missing for 60s")
    assert (
        compose([Change(absent, True, 0, None, 1)], 1, 1, "lab").title
        == "lab: cpu.percent missing for 1m: no data"
    )
    assert compose([Change(absent, False, 0, 5, 1)], 1, 0, "lab").title.endswith(": data again, at 5")


def test_several_are_counted_and_the_newest_told() -> None:
    changes = [Change(HOT, number % 2 == 0, number, 95, number) for number in range(1, 31)]
    message = compose(changes, 30, 1, "lab")
    assert message.title == "lab: 30 alerts; 1 is broken now"
    first, *lines = message.body.splitlines()
    assert first == "10 before these; /api/alerts lists them."
    assert len(lines) == MOST_TOLD
    assert lines[-1].startswith("1970-01-01 00:00:30 UTC")
    assert message.good is False
    assert compose(changes[:1], 1, 0, "lab").good
    # What is not known to be well is not called so.
    assert not compose(changes[:1], 2, 0, "lab").good
