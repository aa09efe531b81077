"""The log of alerts keeps what a rule found, and reads the rows of earlier versions."""

from __future__ import annotations

import json

import pytest

from dashapp.model.thresholds import QUIET, REMINDER, AlertChange, Threshold
from dashapp.stores.documents import CHANGES

RULE = Threshold.parse("filesystem.root reaches 95 within 3d")
DETAIL = "reaches 95\u202f% in 2 days (1 to 3)"
ROW = [3, RULE.text, True, 1000, 82.5]


@pytest.mark.parametrize(
    "change",
    [
        AlertChange(RULE, True, 1.0, 82.5, 3, detail=DETAIL),
        AlertChange(RULE, True, 1.0, 82.5, 3, REMINDER, QUIET, DETAIL),
        AlertChange(RULE, False, 1.0, None, 3),
    ],
)
def test_detail_is_the_same_after_a_round_trip(change: AlertChange) -> None:
    assert CHANGES.decode(CHANGES.encode([change])) == [change]


@pytest.mark.parametrize(
    ("row", "kind", "silence"), [(ROW, "", ""), ([*ROW, REMINDER, QUIET], REMINDER, QUIET)]
)
def test_rows_of_earlier_versions_have_no_detail(row: list[object], kind: str, silence: str) -> None:
    (change,) = CHANGES.decode(json.dumps([row]))
    assert (change.kind, change.silence, change.detail) == (kind, silence, "")


def test_long_detail_of_another_program_is_cut() -> None:
    (change,) = CHANGES.decode(json.dumps([[*ROW, "", "", "x" * 10_000]]))
    assert len(change.detail) == 200
