"""`make pictures`: one picture of each state of the page.

The pictures that the documentation shows go to `docs/`, all others to `pictures/`, which git ignores. The
values are simulated; the page and its server are real.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

from playwright.sync_api import Browser, Page

from audit.many import many
from audit.states import shows
from bench.page import browser, until
from bench.served import Served, command, folder, free_port, launched
from dashapp.alerts.monitor import AlertMonitor
from dashapp.model.thresholds import Threshold
from dashapp.model.ticks import Metric, Tick
from dashapp.sources.system.cpu import TOTAL_METRIC, core_metric
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import Retention

ROOT = Path(__file__).resolve().parent.parent
# tests/project/test_docs.py checks that the documentation shows each picture in docs/.
IN_DOCS = {"dark", "phone", "alert", "login", "hosts", "overlay"}
DAY = 86_400
MEMORY = Metric("memory.percent", "Memory", "%", "memory", 0, 100)
LOAD = Metric("load.1", "Load, 1 min", "", "load", 0)
NETWORK = tuple(
    Metric(f"network.{way}", way.capitalize(), "B/s", "network", 0) for way in ("received", "sent")
)
SENSORS = tuple(
    Metric(f"temperature.core{number}", f"Core {number}", "°C", "temperature") for number in range(4)
)


def disks(count: int) -> tuple[Metric, ...]:
    total = [Metric(f"disk.{way}", way.capitalize(), "B/s", "disk", 0) for way in ("read", "write")]
    single = [
        Metric(f"disk.sd{chr(97 + n)}.{way}", f"sd{chr(97 + n)} {way}", "B/s", "disks", 0)
        for n in range(count)
        for way in ("read", "write")
    ]
    return (*total, *single)


def machine(cores: int = 4, disk: int = 1, sensors: bool = True) -> tuple[Metric, ...]:
    rest = (MEMORY, LOAD, *NETWORK, *disks(disk), *(SENSORS if sensors else ()))
    return (TOTAL_METRIC, *map(core_metric, range(cores)), *rest)


def value(metric: Metric, position: int, time_s: float) -> float:
    """Return a value like a day of work with variations within a minute; repeatable by time."""
    day = 0.5 - 0.45 * math.cos(2 * math.pi * (time_s % DAY) / DAY)
    variation = math.sin(time_s / 7 + position) * math.sin(time_s / 61 + 3 * position) + 0.4 * math.sin(
        time_s / 2.3 + 5 * position
    )
    share = min(max(0.15 + 0.55 * day + 0.22 * variation, 0.01), 0.99)
    if metric.unit == "%":
        return 100 * share
    return {"B/s": 4e6 * share**3, "°C": 38 + 30 * share}.get(metric.unit, 6 * share)


LIVE = shows("live")


@dataclass(frozen=True)
class Picture:
    """A picture of `metrics`, with `seconds` of history, one tick every `step` seconds.

    `reach` brings the open page to the state of the picture.
    """

    name: str
    metrics: Sequence[Metric] = field(default_factory=machine)
    seconds: int = 900
    step: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)
    query: str = ""
    reach: Callable[[Page], None] = LIVE
    age: float = 0.0
    going: bool = True
    thresholds: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)


def _login(page: Page) -> None:
    page.wait_for_selector("input[type=password]")


def _stale(page: Page) -> None:
    until(page, "document.querySelector('#status')?.dataset.state === 'stale'")
    until(page, "document.querySelector('[data-panel=cpu] .js-plotly-plot .scatterlayer path') !== null")


def _empty(page: Page) -> None:
    until(page, "document.querySelector('#page.empty') !== null")


def _offline(page: Page) -> None:
    shows("live")(page)
    page.context.set_offline(True)
    until(page, "document.querySelector('#status')?.dataset.state === 'offline'")


def _firing(page: Page) -> None:
    # The simulated load rises above the limit within its period.
    until(page, "document.querySelector('.tile.broken') !== null", 120)


DARK, LIGHT = {"color_scheme": "dark"}, {"color_scheme": "light"}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
TALL = {"viewport": {"width": 1280, "height": 1300}}
PICTURES = (
    Picture("dark", options=DARK),
    Picture("light", options=LIGHT),
    Picture("phone", options=PHONE | LIGHT),
    Picture("wall", machine(16, 4), options=DARK | {"viewport": {"width": 3840, "height": 2160}}),
    Picture("empty", (), 0, reach=_empty, going=False, options=DARK),
    Picture("stale", age=600, going=False, reach=_stale, options=LIGHT),
    Picture("offline", reach=_offline, options=DARK),
    Picture("64-cores", machine(64), options=DARK | TALL),
    Picture("20-disks", machine(disk=20), options=LIGHT | TALL, query="panels=cpu,disk,disks"),
    Picture("no-sensors", machine(sensors=False), options=LIGHT),
    Picture("two-years", seconds=730 * DAY, step=1800.0, query=f"window={730 * DAY}", options=DARK),
    Picture("alert", reach=_firing, options=DARK, thresholds=("cpu.percent > 30",)),
    Picture("login", options=LIGHT, variables={"DASHAPP_PASSWORD": "correct horse 7"}, reach=_login),
)
# Many hosts, and two of them in one chart.
HOSTS = {
    "": Picture("hosts", options=DARK),
    "host/web-001,web-004/": Picture("overlay", options=LIGHT),
}


def main() -> None:
    with browser() as running:
        for picture in PICTURES:
            with folder() as store, _served(store, picture) as served:
                _take(running, served.url, picture)
        with many() as url:
            for path, picture in HOSTS.items():
                _take(running, url + path, picture)


def _take(running: Browser, url: str, picture: Picture) -> None:
    context = running.new_context(**({"viewport": {"width": 1280, "height": 900}} | picture.options))
    page = context.new_page()
    page.goto(f"{url}?{picture.query}")
    picture.reach(page)
    page.wait_for_timeout(2500)
    file = target(picture.name)
    page.screenshot(path=ROOT / file)
    context.close()
    print(file)


def target(name: str) -> Path:
    """Return the file of a picture, relative to the root of the project."""
    return Path("docs" if name in IN_DOCS else "pictures", f"page-{name}.png")


@contextmanager
def _served(store: Path, picture: Picture) -> Iterator[Served]:
    keep = picture.seconds + 2 * DAY
    stop = Event()
    with closing(DiskStore(store, keep=7200, retention=Retention(keep, keep, keep, 10**9))) as disk:
        monitor = AlertMonitor([Threshold.parse(text) for text in picture.thresholds], disk)
        if picture.seconds:
            _fill(disk, picture)
        feeder = Thread(target=_feed, args=(disk, picture, monitor, stop))
        if picture.going:
            feeder.start()
        port = free_port()
        try:
            with launched(command(store, port, "--no-collector"), port, **picture.variables) as served:
                served.wait("/readyz" if picture.going and not picture.variables else "/healthz")
                yield served
        finally:
            stop.set()
            if picture.going:
                feeder.join()


def _tick(picture: Picture, time_s: float, step: float) -> Tick:
    return Tick(
        time_s,
        step,
        {
            metric.key: round(value(metric, position, time_s), 2)
            for position, metric in enumerate(picture.metrics)
        },
    )


def _fill(disk: DiskStore, picture: Picture) -> None:
    end = int(time.time() - picture.age)
    disk.describe(picture.metrics)
    count = int(picture.seconds / picture.step)
    for number in range(count):
        disk.append(_tick(picture, end - (count - 1 - number) * picture.step, picture.step))


def _feed(disk: DiskStore, picture: Picture, monitor: AlertMonitor, stop: Event) -> None:
    time_s = disk.newest().time_ms / 1000
    while not stop.is_set():
        while time_s < time.time():
            tick = _tick(picture, time_s, picture.step)
            if disk.append(tick):
                monitor.observe(tick)
            time_s += picture.step
        stop.wait(1 - time.time() % 1)


if __name__ == "__main__":
    main()
