"""The source of a check: times of its runs, how long a result is valid, and messages."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from threading import Event

import pytest
from check_server import answer, serving
from clocks import EndedPause, FakeClock
from stage import Listener
from waiting import wait_for

from dashapp.alerts.evaluator import AlertEvaluator
from dashapp.collector.sampler import Sampler
from dashapp.model.thresholds import AlertChange, Threshold
from dashapp.model.ticks import SourceError
from dashapp.sources.external.checks.attempt import Attempt, CheckFailedError, CheckImpossibleError
from dashapp.sources.external.checks.source import CheckSource
from dashapp.sources.external.checks.target import Target
from dashapp.sources.registry import make_sources, source_problems
from dashapp.sources.spec import SourceSpec
from dashapp.stores.memory import MemoryStore


class Runs:
    """A check on a fake clock: `probe` raises `error` if it is set; `step` starts the next run."""

    def __init__(self, text: str = "tcp://db:5432") -> None:
        self.clock = FakeClock()
        self.error: Exception | None = None
        self.pauses: list[float] = []
        self.times: list[float] = []
        self._next = Event()
        self.source = CheckSource(Target.parse(text), self._probe, self.clock.monotonic, self._pause)

    def _probe(self, target: Target, attempt: Attempt) -> None:
        self.times.append(self.clock.monotonic())
        if self.error is not None:
            raise self.error

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self._next.wait()
        self._next.clear()

    def step(self) -> None:
        """Start the next run, and wait for its end."""
        count = len(self.pauses)
        self.clock.pass_time(self.pauses[-1])
        self._next.set()
        wait_for(lambda: len(self.pauses) > count)

    def start(self) -> None:
        self.source.read()
        self.wait()
        self.step()

    def wait(self) -> None:
        """Wait until the thread waits for its first run."""
        wait_for(lambda: self.pauses)


def keys(source: CheckSource) -> dict[str, float]:
    return {metric.key: value for metric, value in source.read().items()}


def test_check_has_no_value_before_its_first_run() -> None:
    runs = Runs()
    assert keys(runs.source) == {}
    assert runs.source.reading_count == 0


def test_check_has_up_and_latency_until_next_run_must_have_ended() -> None:
    runs = Runs()
    runs.start()
    assert keys(runs.source) == {"check.db.up": 1.0, "check.db.latency": 0.0}
    runs.clock.pass_time(15.0)
    assert keys(runs.source)["check.db.up"] == 1.0
    runs.clock.pass_time(1.0)
    with pytest.raises(SourceError, match=r"^check db has not run for 16 s: it is due every 10 s$"):
        runs.source.read()


def test_failed_check_is_0_without_latency_and_names_reason() -> None:
    runs = Runs()
    runs.error = CheckFailedError("connection refused")
    runs.start()
    assert keys(runs.source) == {"check.db.up": 0.0}
    assert runs.source.status_message == "check db failed: connection refused"
    runs.error = None
    runs.step()
    assert keys(runs.source) == {"check.db.up": 1.0, "check.db.latency": 0.0}
    assert runs.source.status_message == ""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (CheckImpossibleError("it is forbidden"), "check db cannot run: it is forbidden"),
        (ZeroDivisionError("text"), "check db cannot run: it raised ZeroDivisionError"),
    ],
)
def test_check_that_cannot_run_has_no_value(error: Exception, message: str) -> None:
    runs = Runs()
    runs.error = error
    runs.start()
    with pytest.raises(SourceError, match=f"^{message}$"):
        runs.source.read()


def test_check_runs_every_interval_also_after_a_late_run() -> None:
    runs = Runs("tcp://db:5432?every=10")
    runs.start()
    for _ in range(3):
        runs.step()
    first, second, third, fourth = runs.times
    assert 0 < second - first <= 10
    assert (third - second, fourth - third) == pytest.approx((10, 10))
    # The machine slept, or the run before took long.
    runs.clock.pass_time(25.0)
    runs.step()
    runs.step()
    assert runs.times[-1] - fourth == pytest.approx(40)


def test_checks_are_spread_over_their_interval() -> None:
    tenths = set()
    for number in range(200):
        runs = Runs(f"tcp://db:5432#db{number}")
        runs.source.read()
        runs.wait()
        assert runs.pauses[0] <= 2
        tenths.add(int(runs.pauses[0] * 10))
    assert len(tenths) == 20


def test_check_whose_name_resolves_for_ever_fails_at_its_timeout() -> None:
    """A DNS query cannot be ended: the thread waits, and the source reports the failure."""
    clock, entered, over, pause = FakeClock(), Event(), Event(), EndedPause()

    def probe(target: Target, attempt: Attempt) -> None:
        attempt.late_reason = "DNS did not answer"
        entered.set()
        over.wait()
        attempt.remaining()

    source = CheckSource(Target.parse("tcp://db:5432"), probe, clock.monotonic, pause)
    source.read()
    entered.wait()
    assert keys(source) == {}
    for _ in range(4):
        clock.pass_time(30.0)
        assert keys(source) == {"check.db.up": 0.0}
        assert source.status_message == "check db failed: DNS did not answer within 5 s"
    pause.end()
    over.set()


def test_alert_on_check_fires_and_resolves_with_real_server() -> None:
    """`up` is present and 0 while the check fails."""
    evaluator = AlertEvaluator([Threshold.parse("check.shop.up below 1 for 30s")])
    notice, times, pause = Listener(), iter(range(1_800_000_000, 1_900_000_000)), EndedPause(0.02)
    with serving(answer()) as server, ExitStack() as ends:
        ends.callback(pause.end)
        text = f"tcp://127.0.0.1:{server.port}#shop"
        source = CheckSource(Target.parse(text), pause=pause)
        sampler = Sampler([source], MemoryStore(), 1.0, notice)

        def changes() -> list[AlertChange]:
            tick = sampler.tick(float(next(times)))
            return evaluator.evaluate(tick) if tick else []

        assert not changes()
        wait_for(lambda: source.reading_count)
        assert not changes()
        assert notice.said == [None]
        server.stop()
        fired = wait_for(changes, every=0.002)
        assert [(change.firing, change.value) for change in fired] == [(True, 0.0)]
        assert notice.said[-1] == "check shop failed: connection refused"
        with socket.create_server(("127.0.0.1", server.port)):
            resolved = wait_for(changes, every=0.002)
        assert [(change.firing, change.value) for change in resolved] == [(False, 1.0)]


@pytest.mark.parametrize("makes", [source_problems, make_sources])
def test_two_checks_of_one_name_are_a_mistake(makes: Callable[..., object]) -> None:
    specs = [SourceSpec.parse(f"check:{text}") for text in ("https://h/a", "https://h/b", "dns://h#x")]
    expected = "source: several are called check.h; put #NAME at the end of one, such as #h-2"
    if makes is source_problems:
        assert source_problems(specs, 1.0) == [expected]
    else:
        with pytest.raises(ValueError, match=expected):
            make_sources([SourceSpec("none"), *specs], 1.0)


def test_problem_of_check_shows_no_credentials() -> None:
    (problem,) = source_problems([SourceSpec.parse("check:https://me:secret@h/?token=secret&every=0")], 1.0)
    assert problem.endswith('every is "0"; expected seconds from 1 to 86400')
    assert "secret" not in problem
