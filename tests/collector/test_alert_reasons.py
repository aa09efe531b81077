"""Reasons of alerts: the message of the source whose metric crossed its limit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from dashapp.collector.alert_reasons import alert_reasons
from dashapp.model.thresholds import AlertChange, Threshold


def change(number: int, metric: str, firing: bool = True) -> AlertChange:
    return AlertChange(Threshold(metric, "<", 1), firing, 1.0, 0.0, number)


def test_alert_on_check_has_reason_of_this_check_only() -> None:
    sources: Any = [
        SimpleNamespace(unique_name="check.shop", status_message="check shop failed: not found in DNS"),
        SimpleNamespace(unique_name="check.shop-2", status_message="check shop-2 failed: other"),
        SimpleNamespace(unique_name="check.db", status_message=""),
        SimpleNamespace(status_message="a message"),
    ]
    changes = [
        change(1, "check.shop.up"),
        change(2, "check.shop.up", firing=False),
        change(3, "check.db.up"),
        change(4, "cpu.percent"),
        change(5, "check.shopping.up"),
    ]
    assert alert_reasons(changes, sources) == {1: "check shop failed: not found in DNS"}


def test_reason_is_one_printable_line() -> None:
    """It becomes a line of a message, whose other lines are other alerts."""
    text = "exec failed: a\n2026-01-01 00:00:00 UTC  cpu.percent > 90: resolved\r\x1b[2J"
    sources: Any = [SimpleNamespace(unique_name="exec", status_message=text)]
    reason = alert_reasons([change(1, "exec.up")], sources)[1]
    assert reason.isprintable()
    assert reason.startswith("exec failed: a 2026")
