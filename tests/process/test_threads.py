"""Long-lived threads: no exception ends one silently, and all of dashapp start in one place."""

from __future__ import annotations

import ast
import logging
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from threading import Event

import pytest
from waiting import PATIENCE_S, wait_for

from dashapp.model.ticks import StoreError
from dashapp.process import threads
from dashapp.process.threads import PerProcessThread, start_thread

PACKAGE = Path(threads.__file__).resolve().parents[1]

# Calls that start a thread, and the only modules that contain them, each with a reason.
STARTERS = {"Thread", "Timer", "start_new_thread", "ThreadPoolExecutor"}
ALLOWED = {
    ("process/threads.py", "Thread"),
    # It imports no other module, and has its own loop; see tests/client.
    ("client.py", "Thread"),
    # A signal handler must not wait for the lock of an event, and setting an event cannot fail.
    ("process/signals.py", "start_new_thread"),
    # One call after a timeout: it closes a socket, or ends the process.
    ("sources/external/http_client.py", "Timer"),
    ("alerts/apprise_worker.py", "Timer"),
    # The caller waits for the results, and gets the exceptions.
    ("query/overlay_sync.py", "ThreadPoolExecutor"),
    ("http/asgi.py", "ThreadPoolExecutor"),
}


def thread_starts(tree: ast.AST) -> set[str]:
    """Return the names in STARTERS that a module calls or subclasses."""
    found = set()
    for node in ast.walk(tree):
        used: list[ast.expr] = []
        if isinstance(node, ast.Call):
            used = [node.func]
        elif isinstance(node, ast.ClassDef):
            used = node.bases
        found |= {each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in used}
    return found & STARTERS


def test_every_thread_of_dashapp_restarts_after_exceptions() -> None:
    found = {
        (path.relative_to(PACKAGE).as_posix(), name)
        for path in PACKAGE.rglob("*.py")
        for name in thread_starts(ast.parse(path.read_text()))
    }
    assert found == ALLOWED, "use start_thread or PerProcessThread of dashapp.process.threads"


@pytest.mark.parametrize(
    "code",
    [
        "Thread(target=f).start()",
        "threading.Thread(target=f)",
        "class Mine(Thread): ...",
        "class Mine(threading.Timer): ...",
        "lambda: _thread.start_new_thread(f, ())",
    ],
)
def test_thread_starts_are_found(code: str) -> None:
    assert thread_starts(ast.parse(code))


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "RETRY_INITIAL_S", 0.001)
    monkeypatch.setattr(threads, "RETRY_MAX_S", 0.002)


class Failing:
    """A thread's function that raises the errors in turn, and then returns."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.runs = 0

    def __call__(self) -> None:
        self.runs += 1
        if self.errors:
            raise self.errors.pop(0)


@pytest.mark.parametrize("start", [start_thread, lambda *words: PerProcessThread(*words).start()])
def test_thread_restarts_logs_and_reports_after_any_exception(
    start: Callable[..., object],
    fast: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = Failing(KeyError("a"), SystemExit(3), StoreError("the disk is full"), RuntimeError("b"))
    sentences: SimpleQueue[str] = SimpleQueue()
    with caplog.at_level(logging.ERROR):
        start("reader", run, sentences.put)
        reported = [sentences.get(timeout=PATIENCE_S) for _ in range(4)]
        wait_for(lambda: run.runs == 5)
    assert [text.partition(";")[0] for text in reported] == [
        "The thread reader failed (KeyError)",
        "The thread reader failed (SystemExit)",
        "The thread reader failed: the disk is full",
        "The thread reader failed (RuntimeError)",
    ]
    assert [record.getMessage() for record in caplog.records] == reported
    # Only an error of the program needs its place in the code.
    assert [bool(record.exc_info) for record in caplog.records] == [True, True, False, True]


def test_thread_restarts_although_report_fails(fast: None, caplog: pytest.LogCaptureFixture) -> None:
    run = Failing(KeyError("a"), KeyError("b"))

    def report(_: str) -> None:
        raise OSError("no page")

    start_thread("reader", run, report).join(PATIENCE_S)
    assert run.runs == 3
    assert caplog.text.count("the page cannot show that the thread reader failed") == 2


def test_thread_pauses_for_longer_after_each_exception() -> None:
    pauses: list[float] = []
    start_thread("reader", Failing(*map(KeyError, range(20))), pause=pauses.append).join(PATIENCE_S)
    assert pauses[:3] == [0.5, 1.0, 2.0]
    assert pauses[-1] == threads.RETRY_MAX_S


def test_thread_ends_during_pause_when_stop_is_set() -> None:
    stop = Event()

    def run() -> None:
        if not stop.is_set():
            raise KeyError

    thread = PerProcessThread("reader", run, lambda _: stop.set(), stop.wait)
    thread.start()
    thread.join()
