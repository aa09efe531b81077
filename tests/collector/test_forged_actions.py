"""Records of actions on alerts that no server wrote: they change nothing and stop no tick."""

from __future__ import annotations

import json
from typing import Any

import pytest
from action_reader import ActionReader

from dashapp.alerts.monitor import AlertMonitor
from dashapp.model.alerts.controls import CREATE, AlertAction, AlertControls
from dashapp.model.alerts.rules import parse_rule
from dashapp.sources.push import ACTION_MARK
from dashapp.stores.documents import ALERT_CONTROLS, action_record
from dashapp.stores.memory import MemoryStore
from dashapp.stores.push_queue import MemoryPushQueue

RULE = parse_rule("cpu.percent > 90")
ROW = json.loads(action_record(AlertAction("1", CREATE, RULE, 1_795_218_000.0)))


@pytest.mark.parametrize(
    "record",
    [
        *(b"", b"\xff", b"null", b"5", b"[]", b'"text"', b"{}", b"[" * 5000),
        *(
            json.dumps(ROW | change).encode()
            for change in (
                {"time": 10**400},
                {"until": 10**400},
                {"until": float("nan")},
                {"time": None},
                {"rule": 5},
                {"rule": None},
                {"rule": "nothing"},
                {"replaces": [1]},
                {"kind": ["mute"]},
                {"kind": "other"},
                {"id": None},
                {"comment": "\ud83d"},
                {"user": "x" * 5000},
            )
        ),
    ],
)
def test_forged_action_changes_nothing_and_leaves_the_queue(record: bytes) -> None:
    store, queue = MemoryStore(), MemoryPushQueue()
    reader = ActionReader(queue, AlertMonitor([], store))
    queue.put(ACTION_MARK + record)
    reader.read(0)
    assert store.alert_controls() == AlertControls()
    # The next one is read.
    queue.put(ACTION_MARK + action_record(AlertAction("2", CREATE, RULE, 1_795_218_000.0)))
    reader.read(0)
    controls: Any = ALERT_CONTROLS.parse(ALERT_CONTROLS.encode(store.alert_controls()))
    assert controls.rules == (RULE,)
