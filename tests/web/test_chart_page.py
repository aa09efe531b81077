"""/chart/KEY: a page with one chart, below every prefix and by the rules of the whole page."""

from __future__ import annotations

import re
from posixpath import normpath
from urllib.parse import urljoin

import pytest
from authenticated_app import filled, guarded, link, sign_in
from fake_hosts import Clock, Fleet
from host_pages import served
from wsgi_client import Answer, ask

from dashapp.config.settings import parse_settings
from dashapp.http.types import WSGIApp
from dashapp.model.ticks import Curves
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app


@pytest.fixture(scope="module")
def app() -> WSGIApp:
    store = filled()
    store.set_curves({"growth": Curves([[0.0]], [[1.0]], ["a"])})
    return create_app(store, parse_settings(["--store", "memory:"], {}))


def files(app: WSGIApp, path: str) -> dict[str, Answer]:
    """Return the answer to each address in a document, as a browser resolves it."""
    document = ask(app, path, accept="text/html").body.decode()
    addresses = re.findall(r'(?:src|href)="([^"]+)"', document)
    prefix = re.search(r'"requests_pathname_prefix":"([^"]*)"', document)
    assert prefix
    base = f"http://host{path}"
    targets = [urljoin(base, each) for each in (*addresses, f"{prefix[1]}api/ticks")]
    assert all(target.startswith("http://host/") for target in targets)
    return {target: ask(app, target.removeprefix("http://host")) for target in targets}


@pytest.mark.parametrize("path", ["/chart/cpu.percent", "/chart/cpu.percent?window=300", "/chart/cpu.*"])
def test_chart_page_is_served_with_all_its_files(app: WSGIApp, path: str) -> None:
    assert ask(app, path).status == 200
    answers = files(app, path)
    assert len(answers) > 5
    assert {answer.status for answer in answers.values()} == {200}


def test_chart_page_shares_its_files_with_the_whole_page(app: WSGIApp) -> None:
    assert files(app, "/chart/cpu.percent").keys() == files(app, "/").keys()


@pytest.mark.parametrize("path", ["/chart/cpu.percent,memory.percent", "/chart/growth", "/chart/*"])
def test_chart_page_accepts_lists_curves_and_patterns(app: WSGIApp, path: str) -> None:
    assert ask(app, path).status == 200


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/chart/cpu.procent", 'no metric "cpu.procent"; did you mean cpu.percent?'),
        ("/chart/cpu.percent,nothing", 'no metric "nothing"'),
        ("/chart/gpu.*", 'no metric "gpu.*"'),
        ("/chart/", "expected /chart/KEY with 1 to 16 keys, such as /chart/cpu.percent"),
        (f"/chart/{'a,' * 17}", "expected /chart/KEY with 1 to 16 keys"),
        (f"/chart/{'a' * 3000}", "expected /chart/KEY"),
        (f"/chart/{'*a' * 12},{'*b' * 5}", "the keys have 17 wildcards; expected at most 16"),
        ("/chart/<b>x", 'no metric "<b>x"'),
    ],
)
def test_unknown_key_has_one_sentence(app: WSGIApp, path: str, sentence: str) -> None:
    answer = ask(app, path)
    assert answer.status == 404
    assert sentence in answer.json["error"]
    page = ask(app, path, accept="text/html")
    assert page.status == 404
    assert b"<b>" not in page.body
    # The metric may come later.
    assert page.headers["refresh"] == "10"


def test_chart_page_waits_for_the_first_tick() -> None:
    app = create_app(MemoryStore(), parse_settings(["--store", "memory:"], {}))
    assert ask(app, "/chart/anything").status == 200


def test_chart_page_answers_get_and_head_only(app: WSGIApp) -> None:
    assert ask(app, "/chart/cpu.percent", method="POST").status == 405
    assert ask(app, "/chart/cpu.percent", method="HEAD").status == 200
    assert ask(app, "/chart").status == 404


def test_chart_page_of_each_host_has_the_files_of_the_root() -> None:
    fleet = Fleet(Clock())
    fleet.add("web-1", 100)
    fleet.add("web-2", 100)
    app = served(fleet)
    for path in ("/host/web-2/chart/cpu.percent", "/host/web-1,web-2/chart/web-1%2Fcpu.percent"):
        inner = path.replace("%2F", "/")
        document = ask(app, inner, accept="text/html")
        assert document.status == 200
        addresses = re.findall(r'(?:src|href)="([^"]+)"', document.body.decode())
        targets = {normpath(urljoin(path, each).partition("?")[0]) for each in addresses}
        assert all(each.startswith((path.partition("/chart")[0], "/assets", "/_dash-c")) for each in targets)
        assert "/assets/favicon.svg" in targets


def test_chart_page_requires_the_login_and_leads_back_to_it() -> None:
    app = guarded()
    answer = ask(app, "/chart/cpu.percent", accept="text/html")
    assert (answer.status, answer.headers["location"]) == (303, "../login?next=%2Fchart%2Fcpu.percent")
    assert ask(app, "/chart/cpu.percent", cookie=sign_in(app)).status == 200


def test_chart_page_of_a_share_link_shows_its_metrics_only() -> None:
    app = guarded()
    path = link(app)
    assert ask(app, f"{path}chart/cpu.percent").status == 200
    assert ask(app, f"{path}chart/secret.plan").status == 404
