"""Pictures of states that this machine does not have, such as 64 cores or two years of history.

The values are simulated; the page and its server are real. The pictures go to `pictures/`, which git ignores.
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

from audit.states import shows
from bench.page import until
from bench.served import Served, command, folder, free_port, launched
from dashapp.model.ticks import Metric, Tick
from dashapp.sources.system.cpu import TOTAL_METRIC, core_metric
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import Retention

FOLDER = Path(__file__).resolve().parent.parent / "pictures"
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


def _stale(page: Page) -> None:
    until(page, "document.querySelector('#status')?.dataset.state === 'stale'")
    until(page, "document.querySelector('[data-panel=cpu] .js-plotly-plot .scatterlayer path') !== null")


def _empty(page: Page) -> None:
    until(page, "document.querySelector('#page.empty') !== null")


def _offline(page: Page) -> None:
    shows("live")(page)
    page.context.set_offline(True)
    until(page, "document.querySelector('#status')?.dataset.state === 'offline'")


DARK, LIGHT = {"color_scheme": "dark"}, {"color_scheme": "light"}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
TALL = {"viewport": {"width": 1280, "height": 1300}}
PICTURES = (
    Picture("wall", machine(16, 4), options=DARK | {"viewport": {"width": 3840, "height": 2160}}),
    Picture("empty", (), 0, reach=_empty, going=False, options=DARK),
    Picture("stale", age=600, going=False, reach=_stale, options=LIGHT),
    Picture("offline", reach=_offline, options=DARK),
    Picture("64-cores", machine(64), options=DARK | TALL),
    Picture("20-disks", machine(disk=20), options=LIGHT | TALL, query="panels=cpu,disk,disks"),
    Picture("no-sensors", machine(sensors=False), options=LIGHT),
    Picture("two-years", seconds=730 * DAY, step=1800.0, query=f"window={730 * DAY}", options=DARK),
)


def take_all(running: Browser) -> None:
    for picture in PICTURES:
        with folder() as store, served(store, picture) as server:
            page = opened(running, f"{server.url}?{picture.query}", picture.options)
            picture.reach(page)
            take(page, FOLDER / f"page-{picture.name}.png")


def opened(running: Browser, url: str, options: dict[str, Any]) -> Page:
    page = running.new_context(**({"viewport": {"width": 1280, "height": 900}} | options)).new_page()
    page.goto(url)
    return page


def take(page: Page, path: Path) -> None:
    """Take the picture once the page is at rest, and close the page."""
    page.wait_for_timeout(2500)
    page.screenshot(path=path)
    page.context.close()
    print(path.name, flush=True)


@contextmanager
def served(store: Path, picture: Picture) -> Iterator[Served]:
    keep = picture.seconds + 2 * DAY
    stop = Event()
    with closing(DiskStore(store, keep=7200, retention=Retention(keep, keep, keep, 10**9))) as disk:
        if picture.seconds:
            _fill(disk, picture)
        feeder = Thread(target=_feed, args=(disk, picture, stop))
        if picture.going:
            feeder.start()
        port = free_port()
        try:
            with launched(command(store, port, "--no-collector"), port) as server:
                server.wait("/readyz" if picture.going else "/healthz")
                yield server
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


def _feed(disk: DiskStore, picture: Picture, stop: Event) -> None:
    time_s = disk.newest().time_ms / 1000
    while not stop.is_set():
        while time_s < time.time():
            disk.append(_tick(picture, time_s, picture.step))
            time_s += picture.step
        stop.wait(1 - time.time() % 1)
