"""/api/badge/KEY.svg: the newest value as a picture, by the rules of the page."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from authenticated_app import guarded, link, sign_in
from fake_hosts import Clock, Fleet
from host_pages import served
from hypothesis import given, settings
from hypothesis import strategies as st
from wsgi_client import Answer, ask

from dashapp.api.badge import MAX_LABEL_LENGTH, BadgeEndpoint
from dashapp.config.settings import parse_settings
from dashapp.http.types import WSGIApp
from dashapp.model.quantities import format_quantity
from dashapp.model.thresholds import AlertState, Threshold
from dashapp.model.ticks import Metric, Tick
from dashapp.stores.documents import THRESHOLDS
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app

NOW = 1_800_000_000.0
GREEN, AMBER, RED, GREY, BLUE = "#00704f", "#8f5600", "#b3261e", "#52606e", "#0072b2"


def badge_of(store: MemoryStore, path: str, *, now: float = NOW, method: str = "GET", **more: Any) -> Answer:
    endpoint = BadgeEndpoint(store, lambda: now, "private, max-age=1")
    return ask(endpoint, f"/api/badge/{path}", method=method, **more)


def store_of(value: float | None = 12.5, metric: Metric | None = None, rules: Any = ()) -> MemoryStore:
    metric = metric or Metric("cpu.percent", "CPU", "%", "cpu", 0, 100)
    store = MemoryStore()
    store.describe([metric])
    store.append(Tick(NOW, 1, {"other": 1.0} if value is None else {metric.key: value}))
    store.write_document(THRESHOLDS, rules)
    return store


def texts(answer: Answer) -> list[str]:
    root = ElementTree.fromstring(answer.body)
    return [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]


def colour(answer: Answer) -> str:
    rectangles = ElementTree.fromstring(answer.body).findall(".//{http://www.w3.org/2000/svg}g/*[@fill]")
    return rectangles[-1].attrib["fill"]


def test_badge_has_label_value_and_unit() -> None:
    answer = badge_of(store_of(), "cpu.percent.svg")
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/svg+xml; charset=utf-8"
    assert texts(answer) == ["CPU", "12.5\u202f%"]
    assert 'aria-label="CPU: 12.5\u202f%"' in answer.body.decode()
    assert colour(answer) == BLUE


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "%", "0.0 %"),
        (0.04, "%", "0.0400 %"),
        (99.96, "%", "100.0 %"),
        (-3.25, "°C", "-3.2 °C"),
        (8180, "B/s", "8.18 kB/s"),
        (999.6, "B", "1.00 kB"),
        (16_000_000_000, "B", "16.0 GB"),
        (2_400_000_000, "Hz", "2.40 GHz"),
        (0.0123, "s", "12.3 ms"),
        (0, "s", "0 s"),
        (1e-9, "s", "0.00100 µs"),
        (119, "s", "119 s"),
        (7300, "s", "2 h"),
        (1234, "", "1,234"),
        (12.345, "1/s", "12.35/s"),
        (9.9996, "", "10.00"),
        (0.5, "", "0.500"),
        (1e18, "", "1.000e+18"),
        (3, "orders", "3 orders"),
        (1, "up/down", "up"),
        (0, "up/down", "down"),
        (0.5, "up/down", "50.0 %"),
    ],
)
def test_quantity_has_three_digits_and_its_unit(value: float, unit: str, text: str) -> None:
    assert format_quantity(float(value), unit).replace("\u202f", " ") == text


@pytest.mark.parametrize(
    ("now", "value", "text"),
    [(NOW + 3600, 12.5, "stale"), (NOW - 3600, 12.5, "stale"), (NOW, None, "no value")],
)
def test_badge_shows_no_number_that_is_not_current(now: float, value: float | None, text: str) -> None:
    answer = badge_of(store_of(value), "cpu.percent.svg?warning=1", now=now)
    assert (answer.status, texts(answer), colour(answer)) == (200, ["CPU", text], GREY)


def test_badge_of_empty_store_has_no_value() -> None:
    answer = badge_of(MemoryStore(), "cpu.percent.svg")
    assert (answer.status, texts(answer)) == (200, ["cpu.percent", "no value"])


RULE = Threshold.parse("cpu.percent > 90 for 30s")
LOW_RULE = Threshold.parse("cpu.percent <= 5")


@pytest.mark.parametrize(
    ("value", "states", "expected"),
    [
        (50, [AlertState(RULE)], GREEN),
        (95, [AlertState(RULE)], AMBER),
        (95, [AlertState(RULE, firing=True)], RED),
        # It fires until the value is below the limit at which it resolves.
        (88, [AlertState(RULE, firing=True)], RED),
        (5, [AlertState(RULE), AlertState(LOW_RULE)], AMBER),
        (50, [AlertState(Threshold.parse("cpu.percent missing for 1m"))], GREEN),
        (50, [AlertState(Threshold.parse("memory.percent > 1"), firing=True)], BLUE),
    ],
)
def test_colour_follows_alerts(value: float, states: list[AlertState], expected: str) -> None:
    assert colour(badge_of(store_of(value, rules=states), "cpu.percent.svg")) == expected


def test_missing_value_is_red_while_its_alert_fires() -> None:
    state = AlertState(Threshold.parse("cpu.percent missing for 1m"), firing=True)
    answer = badge_of(store_of(None, rules=[state]), "cpu.percent.svg")
    assert (texts(answer)[-1], colour(answer)) == ("no value", RED)


@pytest.mark.parametrize(
    ("query", "value", "expected"),
    [
        ("warning=80&critical=95", 79, GREEN),
        ("warning=80&critical=95", 80, AMBER),
        ("critical=95&warning=80", 95, RED),
        ("warning=20&critical=10", 21, GREEN),
        ("warning=20&critical=10", 20, AMBER),
        ("warning=20&critical=10", 9, RED),
        ("warning=80", 81, AMBER),
        ("critical=80", 81, RED),
        ("critical=8e1", 79, GREEN),
        ("warning=-5", -6, GREEN),
    ],
)
def test_colour_follows_limits_of_the_request(query: str, value: float, expected: str) -> None:
    # They replace the alerts.
    store = store_of(value, rules=[AlertState(RULE, firing=True)])
    assert colour(badge_of(store, f"cpu.percent.svg?{query}")) == expected


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("warning=hot", 'warning is "hot"; expected a number, such as 90'),
        ("critical=nan", 'critical is "nan"; expected a number'),
        ("warning=1e999", "expected a number"),
        ("warning=", "expected a number"),
        ("lable=x", '"lable" is not a parameter; did you mean label?'),
        ("x=1", '"x" is not a parameter; expected one of label, warning, critical'),
        ("label=a&label=b", "label is set twice"),
        (f"label={'x' * (MAX_LABEL_LENGTH + 1)}", "label has 61 characters; expected at most 60"),
    ],
)
def test_wrong_option_has_one_sentence(query: str, problem: str) -> None:
    answer = badge_of(store_of(), f"cpu.percent.svg?{query}")
    assert answer.status == 400
    assert problem in answer.json["error"]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("cpu.procent.svg", 'no metric "cpu.procent"; did you mean cpu.percent?'),
        ("nothing.svg", 'no metric "nothing"; see /api/metrics'),
        ("cpu.percent", "expected /api/badge/KEY.svg, such as /api/badge/cpu.percent.svg"),
        ("cpu.percent.png", "expected /api/badge/KEY.svg"),
        (".svg", "expected /api/badge/KEY.svg"),
        ("", "expected /api/badge/KEY.svg"),
    ],
)
def test_unknown_metric_is_not_found(path: str, problem: str) -> None:
    answer = badge_of(store_of(), path)
    assert answer.status == 404
    assert problem in answer.json["error"]


def test_unknown_metric_is_a_picture_in_an_image() -> None:
    answer = badge_of(store_of(), "cpu.procent.svg", accept="image/avif,image/svg+xml,image/*,*/*;q=0.8")
    assert (answer.status, texts(answer)) == (404, ["cpu.procent", "unknown"])
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("key", ["a/b", "web-1/cpu.percent", "Temperatur °C", "温度", "100%", "a b", "x.svg"])
def test_key_may_have_any_characters(key: str) -> None:
    store = store_of(7, Metric(key, key, "", "own"))
    # As a server passes a path: its bytes as Latin-1.
    assert texts(badge_of(store, f"{key.encode().decode('latin-1')}.svg"))[-1] == "7"


TEXT = st.text(max_size=20)


@settings(max_examples=25, deadline=None)
@given(label=TEXT, unit=TEXT, key=TEXT)
def test_badge_is_xml_for_every_text(label: str, unit: str, key: str) -> None:
    store = store_of(1.5, Metric("k", label, unit, "own"))
    for answer in (
        badge_of(store, "k.svg"),
        badge_of(store, f"{quote(key, errors='replace')}.svg".replace("%", ""), accept="image/*"),
        badge_of(store, f"k.svg?label={quote(label, errors='replace')}"),
    ):
        assert len(texts(answer)) in (1, 2)
        assert set(ElementTree.fromstring(answer.body).attrib) == {"width", "height", "role", "aria-label"}


def test_label_is_escaped_and_may_be_empty() -> None:
    evil = '"><script>alert(1)</script>'
    answer = badge_of(store_of(), f"cpu.percent.svg?label={quote(evil)}")
    assert texts(answer)[0] == evil
    assert b"<script" not in answer.body
    assert texts(badge_of(store_of(), "cpu.percent.svg?label=")) == ["12.5\u202f%"]


def test_head_has_no_body_and_other_methods_are_rejected() -> None:
    whole, head = (badge_of(store_of(), "cpu.percent.svg", method=method) for method in ("GET", "HEAD"))
    assert (head.headers, head.body) == (whole.headers, b"")
    assert badge_of(store_of(), "cpu.percent.svg", method="POST").status == 405


# Access.


def app_of(*flags: str, **more: Any) -> WSGIApp:
    store, mount_key = MemoryStore(), "filesystem.srv-x.percent"
    store.describe([Metric("cpu.percent", "CPU", "%", "cpu"), Metric(mount_key, "/srv/x", "%", "filesystem")])
    store.append(Tick(int(time.time()), 3600, {"cpu.percent": 95.0, mount_key: 1.0}))
    store.write_document(THRESHOLDS, [AlertState(RULE, firing=True)])
    return create_app(store, parse_settings(["--store", "memory:", *flags], {}), **more)


PATH = "/api/badge/cpu.percent.svg"


def test_public_badge_is_cached_for_a_second_and_shows_no_alerts() -> None:
    answer = ask(app_of("--public"), PATH)
    assert answer.headers["cache-control"] == "public, max-age=1"
    assert colour(answer) == BLUE
    assert ask(app_of("--public"), "/api/badge/filesystem.srv-x.percent.svg").status == 404
    assert ask(app_of("--public"), "/api/badge/filesystem.disk1.percent.svg").status == 200
    private = ask(app_of(), PATH)
    assert private.headers["cache-control"] == "private, max-age=1"
    assert colour(private) == RED


def test_badge_requires_the_login_of_the_page() -> None:
    app = guarded()
    assert ask(app, PATH).status == 401
    answer = ask(app, PATH, cookie=sign_in(app))
    assert (answer.status, answer.headers["cache-control"]) == (200, "private, max-age=1")


def test_share_link_shows_badges_of_its_panels_only() -> None:
    app = guarded()
    path = link(app)
    answer = ask(app, f"{path}{PATH[1:]}")
    assert (answer.status, answer.headers["cross-origin-resource-policy"]) == (200, "cross-origin")
    assert ask(app, f"{path}api/badge/secret.plan.svg").status == 404


def test_badge_of_each_host_has_its_own_values() -> None:
    fleet = Fleet(Clock())
    fleet.add("web-1", 100)
    fleet.add("web-2", 100)
    app = served(fleet)
    first, second = (ask(app, f"/host/web-{number}{PATH}") for number in (1, 2))
    assert first.status == second.status == 200
    assert texts(first)[1] != texts(second)[1]
    assert texts(ask(app, "/host/web-1,web-2/api/badge/web-2/cpu.percent.svg"))[1] == texts(second)[1]
    assert ask(app, f"/host/nobody{PATH}").status == 404


@pytest.mark.parametrize(
    ("flags", "more", "policy"),
    [
        ([], {}, "same-origin"),
        (["--public"], {}, "cross-origin"),
        (["--hosts", "a.example"], {}, "cross-origin"),
        (["--frame-ancestors", "https://a.example"], {}, "cross-origin"),
        (["--public"], {"mounted": True}, "same-origin"),
        (["--public", "--frame-ancestors", "https://a.example"], {"mounted": True}, "cross-origin"),
        (
            ["--public", "--frame-ancestors", "https://a.example"],
            {"mounted": True, "restricted": True},
            "same-site",
        ),
    ],
)
def test_other_sites_show_badges_only_if_allowed(flags: list[str], more: dict[str, Any], policy: str) -> None:
    answer = ask(app_of(*flags, **more), PATH)
    assert answer.headers["cross-origin-resource-policy"] == policy
    # The rest of the API is for this site only.
    assert ask(app_of(*flags, **more), "/api/ticks").headers["cross-origin-resource-policy"] == "same-origin"


def test_badge_behind_a_login_is_for_the_same_site_at_most() -> None:
    for flags, policy in (([], "same-origin"), (["--frame-ancestors", "https://a.example"], "same-site")):
        app = guarded(*flags)
        headers = ask(app, PATH, cookie=sign_in(app)).headers
        assert headers["cross-origin-resource-policy"] == policy
