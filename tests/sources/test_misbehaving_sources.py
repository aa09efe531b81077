"""Fault 21: a failing source loses only its own values and is reported once."""

from __future__ import annotations

import logging
import math

import pytest
from clocks import FakeClock
from stage import SLOW, Says, Stage
from waiting import PATIENCE_S

from dashapp.collector.sampler import LOG_INTERVAL_S
from dashapp.model.ticks import Metric
from dashapp.sources.polling import BackgroundSource


class UnprintableError(Exception):
    def __repr__(self) -> str:
        raise ValueError("not even that")


LIES = {
    "raises": RuntimeError("secret /home/me"),
    "none": None,
    "list": [1, 2],
    "text": "cpu",
    "keys-of-text": {"cpu.percent": 1.0},
    "key-of-none": {Metric(None, "x", "", "x"): 1.0},  # type: ignore[arg-type]
    "key-empty": {Metric("", "x", "", "x"): 1.0},
    "nan": {SLOW: math.nan},
    "infinite": {SLOW: 1e400},
    "minus-infinite": {SLOW: -math.inf},
    "value-none": {SLOW: None},
    "value-text": {SLOW: "12"},
    "value-list": {SLOW: [1]},
    "value-bool": {SLOW: True},
    "huge": {SLOW: 10**400},
    "too-large-to-add-up": {SLOW: 1.7976931348623157e308},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
@pytest.mark.parametrize("isolated", [False, True])
def test_sampler_drops_hostile_value_and_reports_it_once(
    lie: object, isolated: bool, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    liar = Says({SLOW: 2.0})
    stage = Stage(
        BackgroundSource(liar, max_wait=PATIENCE_S, clock=clock.monotonic) if isolated else liar, clock
    )
    assert stage.tick()["slow.value"] == 2.0
    liar.answer = lie
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            assert set(stage.tick()) == {"good.value"}
    assert len(caplog.records) == 1
    assert len(stage.notice.said) == 2
    sentence = stage.notice.said[-1]
    assert sentence is not None
    assert sentence.startswith(("Says failed: ", "Says returned no number"))
    assert "/" not in sentence
    liar.answer = {SLOW: 3.0}
    assert stage.tick()["slow.value"] == 3.0
    assert stage.notice.said[-1] is None


def test_sampler_keeps_other_values_of_source_with_bad_value() -> None:
    other = Metric("other.value", "Other", "", "other")
    stage = Stage(Says({SLOW: math.nan, other: 5.0}), FakeClock())
    assert stage.tick() == {"good.value": 1.0, "other.value": 5.0}


def test_sampler_logs_flapping_source_once_per_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = Says({SLOW: 2.0})
    stage = Stage(source, FakeClock())
    with caplog.at_level(logging.WARNING):
        for second in range(int(2 * LOG_INTERVAL_S)):
            source.answer = OSError("flaps") if second % 2 else {SLOW: 2.0}
            stage.tick()
    assert len(caplog.records) == 2


def test_sampler_reports_exception_that_cannot_be_printed() -> None:
    stage = Stage(Says(UnprintableError()), FakeClock())
    assert set(stage.tick()) == {"good.value"}
    assert stage.notice.said == ["Says failed: UnprintableError"]


def test_sampler_describes_metric_again_only_when_label_changes() -> None:
    source = Says({SLOW: 2.0})
    stage = Stage(source, FakeClock())
    stage.tick()
    described = stage.store.metrics()
    source.answer = {Metric(SLOW.key, SLOW.label, "", "slow", 0.0): 2.0}
    stage.tick()
    assert stage.store.metrics() is described
    source.answer = {Metric(SLOW.key, "of 2 cores", "", "slow", 0.0): 2.0}
    stage.tick()
    assert [metric.label for metric in stage.store.metrics()] == ["of 2 cores", "Good"]
