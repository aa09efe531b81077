"""The check of tests/conftest.py for threads that work on after their tests."""

from __future__ import annotations

from threading import Event, Thread

from leftover_threads import are_at_rest
from waiting import wait_for


def test_working_thread_is_noticed_and_waiting_thread_is_not() -> None:
    ended, waits = Event(), Thread(target=Event().wait, daemon=True)

    def work() -> None:
        while not ended.is_set():
            pass

    works = Thread(target=work)
    waits.start()
    works.start()
    try:
        wait_for(lambda: not are_at_rest([works, waits]))
    finally:
        ended.set()
        works.join()
    wait_for(lambda: are_at_rest([works, waits]))
