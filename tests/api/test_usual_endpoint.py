"""/api/usual: the bands of the hours in a range, in the time zone of the machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from long_series import CPU, DAY, HOUR, NOW, fill_days
from wsgi_client import ask

from dashapp.api.endpoints import Api
from dashapp.api.statistics.usual import TOO_LITTLE_HISTORY
from dashapp.model.ticks import Metric, Tick
from dashapp.query.shared_view import SharedView, SharedViewReader
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.documents import ZONE
from dashapp.stores.memory import MemoryStore

NEW = Metric("new", "New", "", "new")
WEEK = 7 * DAY


def values(time: float) -> Mapping[str, float]:
    """Return 0 to 59 by the minute, and 100 for each hour; no value far from NOW."""
    is_near = min((NOW - time) % WEEK, (time - NOW) % WEEK) < 3 * HOUR
    found = {CPU.key: time % HOUR // 60 + 100 * (time % DAY // HOUR)} if is_near else {}
    return found | ({NEW.key: 5.0} if is_near and time > NOW - 8 * DAY else {})


@pytest.fixture(scope="module", params=["UTC", "+05:30", "Asia/Tokyo", ""])
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DiskReader]:
    folder = tmp_path_factory.mktemp("store")
    store = fill_days(folder, values, 28.2, [CPU, NEW], minutes=28.2)
    store.write_document(ZONE, request.param)
    store.close()
    reader = DiskReader(folder)
    yield reader
    reader.close()


def test_usual_endpoint_returns_the_band_of_each_hour(reader: DiskReader) -> None:
    api = Api(reader, now=lambda: NOW)
    response = ask(api, f"/api/usual?metrics={CPU.key}&from={1000 * (NOW - 2 * HOUR)}").json
    zone = reader.read_document(ZONE)
    assert response["zone"] == (zone or "UTC")
    assert response["message"] == ""
    offset = 1800 if zone == "+05:30" else 0
    # NOW is 20 minutes after an hour of UTC.
    first = NOW // HOUR * HOUR - 2 * HOUR - offset
    assert response["start"] == [1000 * (first + HOUR * number) for number in range(3)]
    assert response["end"] == [time + 3_600_000 for time in response["start"]]
    if not offset:
        hours = [100 * (time // 1000 % DAY // HOUR) for time in response["start"]]
        assert response["low"][CPU.key] == pytest.approx([hour + 5.9 for hour in hours], abs=0.2)
        assert response["high"][CPU.key] == pytest.approx([hour + 53.1 for hour in hours], abs=0.2)


def test_usual_endpoint_returns_this_hour_without_a_range(reader: DiskReader) -> None:
    response = ask(Api(reader, now=lambda: NOW), f"/api/usual?metrics={CPU.key}").json
    (start,), (end,) = response["start"], response["end"]
    assert start <= 1000 * NOW < end


def test_usual_endpoint_has_no_band_with_too_little_history(reader: DiskReader) -> None:
    api = Api(reader, now=lambda: NOW)
    response = ask(api, f"/api/usual?metrics={NEW.key}").json
    assert response["low"] == response["high"] == {NEW.key: [None]}
    assert response["message"] == TOO_LITTLE_HISTORY
    response = ask(api, f"/api/usual?metrics={NEW.key},{CPU.key}").json
    assert response["message"] == ""


def test_usual_endpoint_uses_only_the_history_of_a_shared_view(reader: DiskReader) -> None:
    view = SharedViewReader(reader, SharedView(("cpu",), 3600))
    response = ask(Api(view, now=lambda: NOW), f"/api/usual?metrics={CPU.key}").json
    assert response["message"] == TOO_LITTLE_HISTORY


WRONG = [
    ("", "metrics is not set; expected the keys of 1 to 64 metrics"),
    ("metrics=", "metrics has 0 names; expected 1 to 64"),
    ("metrics=nothing", '"nothing" is not a metric; see /api/metrics'),
    ("metrics=cpu.percent&to=1", "to is set without from; expected both in epoch milliseconds"),
    ("metrics=cpu.percent&from=1", "expected at most 691200"),
    ("metrics=cpu.percent&window=9", '"window" is not a parameter'),
]


@pytest.mark.parametrize(("query", "error"), WRONG)
def test_usual_endpoint_rejects_a_wrong_query(reader: DiskReader, query: str, error: str) -> None:
    answer = ask(Api(reader, now=lambda: NOW), f"/api/usual?{query}")
    assert answer.status == 400
    assert error in answer.json["error"]


def test_usual_endpoint_works_without_ticks(tmp_path: Path) -> None:
    response = ask(Api(MemoryStore(), now=lambda: NOW), "/api/usual?metrics=cpu.percent").json
    assert response["message"] == TOO_LITTLE_HISTORY


@pytest.mark.parametrize("zone", ["+23:99", "-99:00", "Nowhere/City", "../etc/passwd"])
def test_usual_endpoint_uses_utc_for_an_unknown_zone(zone: str) -> None:
    store = MemoryStore()
    store.describe([CPU])
    store.append(Tick(NOW, 1.0, {CPU.key: 1.0}))
    store.write_document(ZONE, zone)
    response = ask(Api(store, now=lambda: NOW), f"/api/usual?metrics={CPU.key}")
    assert (response.status, response.json["zone"]) == (200, "UTC")
