"""The collector process: samples at regular deadlines and appends to the store.

It handles the signals, the writer lock and the time, and imports no dash, plotly or flask.
"""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from functools import partial
from threading import Event
from zoneinfo import ZoneInfo

from dashapp.alerts.delivery import AlertDelivery
from dashapp.alerts.monitor import AlertMonitor
from dashapp.collector.alert_actions import apply_records
from dashapp.collector.alert_reasons import alert_reasons
from dashapp.collector.clock import Clock, LogClock, SystemClock, deadlines
from dashapp.collector.corrections import ClockReport
from dashapp.collector.events import EventRecorder, read_machine, read_marks
from dashapp.collector.preflight import alert_target_problems
from dashapp.collector.run_registry import RunRegistry
from dashapp.collector.sampler import Sampler
from dashapp.collector.top_recorder import TopRecorder
from dashapp.config import settings as config
from dashapp.config.cli import CHILD_OF_ATTACH, CHILD_VARIABLE
from dashapp.config.parsers import MEMORY_STORE
from dashapp.config.settings import Settings
from dashapp.model.formulas.derived import DerivedMetric
from dashapp.model.notices import NoticeSink
from dashapp.model.ticks import (
    SettingsError,
    StoreError,
    StoreLockedError,
    StoreUnavailableError,
    to_milliseconds,
)
from dashapp.model.top import GPU
from dashapp.process.log_format import log_to_terminal
from dashapp.process.signals import ignore_stop_signals, stop_on_signals, when_parent_exits
from dashapp.sources.base import Source
from dashapp.sources.push import Marks, PushSource, SeriesReader
from dashapp.sources.registry import make_sources, source_problems
from dashapp.sources.spec import OWN_MACHINE, MachineFiles, SourceSpec
from dashapp.sources.system.gpu.source import gpu_ranking
from dashapp.sources.system.top.ranking import TopRanking
from dashapp.sources.system.top.scan import process_scanner
from dashapp.stores.base import Rewind, Store
from dashapp.stores.factory import StoreBackend, open_backend, redis_problem, shared_storage_problem
from dashapp.stores.push_queue import PushReader

log = logging.getLogger("dashapp")

# Reports that the thread of a collector inside another process failed.
COLLECTOR_NOTICE = "collector"
# Maximum ticks of a source's backfill: appending them takes less than a second.
MAX_BACKFILL_TICKS = 7200


def collect(
    store: Store,
    clock: Clock,
    interval: float,
    notice: NoticeSink | None = None,
    monitor: AlertMonitor | None = None,
    source: Sequence[SourceSpec] = (),
    push_queue: PushReader | None = None,
    extra_sources: Sequence[Source] = (),
    delivery: AlertDelivery | None = None,
    failure_notice: NoticeSink | None = None,
    retention: float = math.inf,
    machine: MachineFiles = OWN_MACHINE,
    top: TopRecorder | None = None,
    *,
    accepts_values: bool = True,
    derived: Sequence[DerivedMetric] = (),
) -> None:
    """Sample `source` into `store` until the clock ends the work; report problems to `notice`.

    `monitor` observes each tick after it is stored, and its changes go to `delivery`. `push_queue` has the
    pushed values, events and actions on alerts; without `accepts_values` only the last two count.
    `extra_sources` are sources that exist already. `failure_notice` may have a sentence about an earlier
    failure, which the first tick ends.
    `retention` is the seconds for which the store keeps the history of a metric. `machine`: the folders
    that the sources of the machine read. `top` records the processes. `derived`: the metrics to compute
    from the values of the sources.
    """
    newest = store.newest().time_ms / 1000
    sources = [*make_sources(source, interval, machine), *extra_sources]
    if top is not None:
        top.add_ranking(GPU, partial(gpu_ranking, sources))

    def mark(marks: Marks, removed: Marks) -> None:
        events.add(marks, time, removed)

    push = None
    if push_queue is not None:
        runs = RunRegistry(store.runs(), store.set_runs) if accepts_values else None
        act = None if monitor is None else partial(apply_records, monitor)
        make_series = partial(_ingested_series, interval) if accepts_values else None
        push = PushSource(push_queue, lambda: store.newest().time_ms, runs, act, mark, make_series)
        if accepts_values:
            # The last source: a push cannot replace what the machine measures.
            sources.append(push)
    sampler = Sampler(sources, store, interval, notice, retention, derived)
    log_clock = LogClock(clock, newest)
    report = ClockReport(store, clock)
    events = EventRecorder(store, clock, interval, retention, partial(read_machine, machine))

    def follow_clock() -> None:
        for step in log_clock.take_steps():
            if step.after is not None:
                store.rewind(Rewind(to_milliseconds(step.after), step.restores))
                report.add(step)
                events.follow_clock(step)
            if top is not None:
                top.follow_clock(step.after)
            if monitor is not None:
                monitor.follow_clock(step.size, step.after, step.restores)
        report.expire()

    now = log_clock.now()
    follow_clock()
    events.start(now)
    sampler.backfill(math.floor(now / interval) * interval, MAX_BACKFILL_TICKS)
    # A kernel counts CPU time in hundredths of a second: a rate over only a few of them is noise.
    for time in deadlines(clock, interval, log_clock, first=min(0.3, interval / 2)):
        follow_clock()
        tick = sampler.tick(time)
        events.observe(time, tick is not None)
        if push is not None and not accepts_values:
            read_marks(push)
        if tick is not None and monitor is not None:
            changes = monitor.observe(tick)
            if delivery is not None:
                delivery.put(changes, alert_reasons(changes, sources))
        if top is not None:
            top.step(time)
        if failure_notice is not None:
            failure_notice.clear()
            failure_notice = None


def _ingested_series(interval: float) -> SeriesReader:
    # Import late: most collectors never get such series, and hashlib needs 3.5 MB.
    from dashapp.sources.external.ingest.series import IngestedSeries

    return IngestedSeries(interval)


def main(argv: Sequence[str] | None = None, prog: str = "collector.py") -> int:
    log_to_terminal("collector", logging.INFO)
    try:
        settings = config.parse_settings(sys.argv[1:] if argv is None else argv, prog=prog, serving=False)
        # The parent process has already checked these.
        if not os.environ.get(CHILD_VARIABLE):
            problems = [
                *source_problems(settings.source, settings.interval),
                *alert_target_problems(settings),
            ]
            problems += [
                problem for problem in (shared_storage_problem(settings), redis_problem(settings)) if problem
            ]
            if problems:
                raise SettingsError(problems)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    backend = open_backend(settings)
    if backend is None:
        print(
            f'--store is "{MEMORY_STORE}"; expected a folder, which the web server can read too',
            file=sys.stderr,
        )
        return 2
    stop = stop_on_signals()
    if os.environ.get(CHILD_VARIABLE) == CHILD_OF_ATTACH:
        # The monitor sends the notifications, although both may read the same settings file.
        settings = replace(settings, notify=())
    if os.environ.get(CHILD_VARIABLE):
        when_parent_exits(stop.set)
    try:
        collect_into(backend, settings, stop)
    except StoreError as error:
        print(error, file=sys.stderr)
        return 1
    ignore_stop_signals()
    return 0


def collect_into(
    backend: StoreBackend, settings: Settings, stop: Event, extra_sources: Sequence[Source] = ()
) -> None:
    """Collect whenever this process is the writer, until `stop`. Raise StoreError if it cannot."""
    while (store := _wait_for_writer(backend, stop)) is not None:
        log.info("collecting every %g s into %s", settings.interval, backend.label)
        with closing(store), suppress(StoreLockedError):
            collect_with_settings(
                settings,
                store,
                backend.push_reader(store),
                stop,
                extra_sources,
            )


def collect_with_settings(
    settings: Settings,
    store: Store,
    push_queue: PushReader | None,
    stop: Event,
    extra_sources: Sequence[Source] = (),
) -> None:
    """Collect into an open store with all settings, until `stop`."""
    store.notice_sink(COLLECTOR_NOTICE).clear()
    top = top_recorder(settings, store)
    monitor = AlertMonitor(
        settings.threshold,
        store,
        store.notice_sink("thresholds"),
        top.explain if top else None,
        ZoneInfo(settings.time_zone) if settings.time_zone else None,
    )
    notice, delivery_notice = store.notice_sink("sources"), store.notice_sink("outbox")
    clock = SystemClock(stop)
    with (
        closing(
            AlertDelivery(
                settings.notify, store, delivery_notice, _sender_name(settings), url=settings.public_url
            )
        ) as delivery,
        closing(monitor),
        closing(top) if top else nullcontext(),
    ):
        collect(
            store,
            clock,
            settings.interval,
            notice,
            monitor,
            settings.source,
            push_queue,
            extra_sources,
            delivery,
            store.notice_sink(COLLECTOR_NOTICE),
            max(settings.retention),
            settings.machine_files,
            top,
            accepts_values=bool(settings.push_token),
            derived=settings.metric,
        )


def top_recorder(settings: Settings, store: Store) -> TopRecorder | None:
    """Return the recorder of top processes; None if they are not recorded."""
    if not (settings.process_history and settings.reads_system):
        return None
    ranking = TopRanking(process_scanner(settings.proc))
    return TopRecorder(ranking, store, explains=settings.processes != "never")


def _sender_name(settings: Settings) -> str:
    """Return the start of a message's title: one person may have many machines."""
    return f"{settings.title} on {settings.machine_files.host_name}"


def _wait_for_writer(backend: StoreBackend, stop: Event) -> Store | None:
    """Return the store once no other collector writes to it; None if `stop` comes first."""
    last_problem = ""
    while not stop.is_set():
        try:
            return backend.open_writer()
        except StoreLockedError as error:
            if last_problem != "locked":
                log.info("%s; standing by to take over", error)
            last_problem = "locked"
        except StoreUnavailableError as error:
            if last_problem != "away":
                log.warning("%s; nothing is collected until it is available", error)
            last_problem = "away"
        stop.wait(0.25)
    return None
