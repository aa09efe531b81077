"""LiveGraph and attach, as a stranger's Dash app calls them: what they put in, serve, collect and refuse."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest
from dash import Dash, dcc, html
from flask import Flask, abort
from processes import ROOT, alive, wait_for
from wsgi import Answer, ask

import dashapp
from dashapp import LiveGraph, attach
from dashapp.model import Metric, SettingsError, Tick
from dashapp.stores.disk import DiskStore

LOSS = Metric("loss", "loss", "", "loss")


def loss() -> float:
    return 0.5


def get(app: Dash, path: str, accept_encoding: str = "") -> Answer:
    return ask(app.server.wsgi_app, path, accept_encoding=accept_encoding)


def theirs() -> Dash:
    app = Dash(__name__)
    app.layout = html.Div("Theirs")
    return app


def filled(folder: Path, count: int = 5) -> Path:
    with closing(DiskStore(folder)) as store:
        store.describe([LOSS])
        for number in range(count):
            store.append(Tick(1_700_000_000.0 + number, 1.0, {"loss": float(number)}))
    return folder


@pytest.fixture
def attached(tmp_path: Path) -> Dash:
    app = Dash(__name__)
    attach(app, store=filled(tmp_path / "store"), collect=False)
    app.layout = LiveGraph("loss")
    return app


# The component.


def parts(graph: LiveGraph) -> dict[str, Any]:
    """What has an id in it, by the name of the part."""
    return {each.id["subcomponent"]: each for each in [graph, *graph._traverse()] if hasattr(each, "id")}


def test_its_parts_have_ids_by_the_conventions_of_all_in_one_components() -> None:
    graph = LiveGraph(["loss"], aio_id="mine")
    found = parts(graph)
    assert set(found) == {"section", "interval", "spec", "chart", "pause", "window"}
    for name, part in found.items():
        assert part.id == {"component": "LiveGraph", "subcomponent": name, "aio_id": "mine"}
        assert part.id == getattr(LiveGraph.ids, name)("mine")
    assert isinstance(graph, html.Section)
    assert found["spec"].data["graph"].id == LiveGraph.ids.graph("mine")


def test_each_has_an_id_of_its_own_where_none_is_given() -> None:
    assert LiveGraph("loss").aio_id != LiveGraph("loss").aio_id


def test_without_controls_it_has_no_button_and_no_slider() -> None:
    assert not {"pause", "window"} & set(parts(LiveGraph("loss", controls=False)))


def test_its_slider_begins_at_its_window() -> None:
    slider = parts(graph := LiveGraph("loss", window=77, longest=300))["window"]
    assert isinstance(slider, dcc.Slider)
    assert graph.stops[slider.value] == 77
    assert graph.stops[-1] == 300


def test_all_there_is_is_the_longest_window() -> None:
    found = parts(graph := LiveGraph("loss", window="all", longest=900))
    assert (found["spec"].data["window"], found["spec"].data["all"]) == (900, True)
    assert graph.stops[found["window"].value] == 900
    assert parts(LiveGraph("loss", window=900, longest=900))["spec"].data["all"] is False


@pytest.mark.parametrize("reference", ["loss.first", "first", 0, 0.5])
def test_its_reference_is_told_to_the_browser(reference: str | float) -> None:
    (panel,) = parts(LiveGraph("loss", reference=reference))["spec"].data["panels"].values()
    assert panel["reference"] == reference
    (plain,) = parts(LiveGraph("loss"))["spec"].data["panels"].values()
    assert "reference" not in plain


def test_what_a_section_takes_it_takes() -> None:
    graph = LiveGraph("loss", className="col-6", style={"margin": "1em"}, hidden=True)
    assert graph.className.split() == ["dashapp-live", "loading", "absent", "col-6"]
    assert (graph.style, graph.hidden) == ({"margin": "1em"}, True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"metrics": []}, "metrics is empty"),
        ({"metrics": [3]}, "metrics holds 3"),
        ({"metrics": ["a" * 300]}, "metrics holds"),
        ({"window": 5}, "window is 5; expected seconds from 10"),
        ({"window": "100"}, "window is '100'"),
        ({"window": True}, "window is True"),
        ({"window": float("nan")}, "window is nan"),
        ({"window": 9000}, "at most longest, which is 7200"),
        ({"longest": 1e12}, "longest is"),
        ({"kind": "pie"}, "kind is 'pie'; expected one of line"),
        ({"reference": ""}, "reference is ''; expected a metric key, \"first\" or a number"),
        ({"reference": float("nan")}, "reference is nan; expected a number"),
        ({"reference": ["a"]}, "reference is a list"),
        ({"window": "some"}, "window is 'some'"),
        ({"low": 3, "high": 2}, "low is 3; expected less than high"),
        ({"title": "t" * 65}, "title is"),
        ({"theme": "pink"}, "expected auto, dark or light"),
        ({"aio_id": ""}, "aio_id is ''"),
    ],
)
def test_what_cannot_be_is_told_in_one_sentence(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r"^LiveGraph: ") as caught:
        LiveGraph(**{"metrics": ["loss"], **given})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


# What attach serves.


def test_it_serves_questions_below_its_own_path(attached: Dash) -> None:
    frame = get(attached, "/_dashapp/api/ticks?window=100&like=lo*").json
    assert frame["y"] == {"loss": [0, 1, 2, 3, 4]}
    assert get(attached, "/_dashapp/api/metrics").json[0]["key"] == "loss"


def test_the_page_loads_our_script_and_style_once_and_may_keep_them(attached: Dash) -> None:
    page = get(attached, "/").body.decode()
    for name, kind in (("live_graph.js", "text/javascript"), ("live_graph.css", "text/css")):
        (address,) = [part.split('"')[0] for part in page.split('"') if name in part]
        answer = get(attached, address, accept_encoding="gzip")
        assert answer.status == 200
        assert answer.headers["content-type"].startswith(kind)
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "gzip"


def test_its_style_reaches_nothing_but_a_live_graph(attached: Dash) -> None:
    style = get(attached, "/_dashapp/live_graph.css").body.decode()
    rules = [line for line in style.splitlines() if line.rstrip().endswith(("{", "}")) and "{" in line]
    for rule in rules:
        assert rule.lstrip().startswith((".dashapp-live", "@media")), rule


def test_the_apps_own_paths_are_as_they_were(attached: Dash) -> None:
    plain = theirs()
    assert get(attached, "/api/ticks").body[:15] == get(plain, "/api/ticks").body[:15]  # Dash's own page
    assert get(attached, "/_dashapp/nothing").status == 404
    assert get(attached, "/_dashapp/api/nothing").status == 404
    assert get(attached, "/_dashapp/../secret").status == 404


def test_it_stands_below_the_apps_own_prefix(tmp_path: Path) -> None:
    app = Dash(__name__, routes_pathname_prefix="/tool/", requests_pathname_prefix="/proxy/tool/")
    attach(app, store=filled(tmp_path / "store"), collect=False)
    app.layout = LiveGraph("loss")
    assert get(app, "/tool/_dashapp/api/metrics").status == 200
    assert '"/proxy/tool/_dashapp/live_graph.js?m=' in get(app, "/tool/").body.decode()


def test_the_apps_login_stands_before_the_numbers(tmp_path: Path) -> None:
    server = Flask("theirs")
    server.before_request(lambda: abort(401))
    app = Dash(__name__, server=server)
    attach(app, store=filled(tmp_path / "store"), collect=False)
    assert get(app, "/_dashapp/api/ticks").status == 401


def test_several_questions_have_their_answers_in_one(attached: Dash) -> None:
    questions = ("q=window%3D100%26like%3Dloss", "q=window%3D10%26like%3Dgone", "q=window%3D1")
    first, second, third = get(attached, f"/_dashapp/api/frames?{'&'.join(questions)}").json["frames"]
    assert first["y"] == {"loss": [0, 1, 2, 3, 4]}
    assert second["y"] == {}
    assert second["t"] == first["t"]
    assert "expected seconds from 10" in third["error"]


@pytest.mark.parametrize("query", ["", "q=window%3D10&x=1", "&".join(["q=window%3D10"] * 17)])
def test_too_many_questions_or_none_are_refused(attached: Dash, query: str) -> None:
    answer = get(attached, f"/_dashapp/api/frames?{query}")
    assert (answer.status, list(answer.json)) == (400, ["error"])


@pytest.mark.parametrize("query", ["like=", "like=,", "like=a&metrics=loss", "like=" + ",".join("a" * 65)])
def test_patterns_that_cannot_be_are_refused(attached: Dash, query: str) -> None:
    assert get(attached, f"/_dashapp/api/ticks?{query}").status == 400


def asked_by_asgi(app: Dash, path: str, method: str = "GET") -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    path, _, query = path.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [],
    }
    scope |= {"root_path": "", "scheme": "http", "app": app.server}
    with ThreadPoolExecutor(1) as pool:  # this thread may have a loop that runs: the browser's
        pool.submit(lambda: asyncio.run(app.server(scope, receive, send))).result(10)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), body


def test_an_app_on_fastapi_is_served_the_same(tmp_path: Path) -> None:
    app = Dash(__name__, backend="fastapi")
    attach(app, store=filled(tmp_path / "store"), collect=False)
    status, headers, body = asked_by_asgi(app, "/_dashapp/api/ticks?like=loss")
    assert (status, json.loads(body)["y"]) == (200, {"loss": [0, 1, 2, 3, 4]})
    assert headers[b"content-type"] == b"application/json"
    assert asked_by_asgi(app, "/_dashapp/api/ticks", "HEAD")[::2] == (200, b"")
    assert asked_by_asgi(app, "/_dashapp/live_graph.js")[0] == 200
    assert asked_by_asgi(app, "/_dashapp/nothing")[0] == 404
    csv = asked_by_asgi(app, "/_dashapp/api/csv?metrics=loss&from=1699999990000&to=1700000009000")
    assert csv[2].decode().count("\n") >= 6
    assert "before; once" in refused(lambda: attach(app, store=tmp_path, collect=False))


# What attach collects.


def newest(app: Dash) -> dict[str, list[float]]:
    y: dict[str, list[float]] = get(app, "/_dashapp/api/ticks?window=100").json["y"]
    return y


def test_functions_of_the_app_are_sampled_in_its_process() -> None:
    threads: set[str] = set()

    def accuracy() -> dict[str, float]:
        threads.add(threading.current_thread().name)
        return {"train": 0.9, "test": 0.8}

    app = theirs()
    attach(app, sources=[loss, accuracy], interval=0.1)
    found = wait_for(lambda: newest(app))
    assert set(found) == {"loss", "accuracy.train", "accuracy.test"}
    assert threads == {"source accuracy"}


def test_functions_by_name_may_be_lambdas_and_leave_a_history(tmp_path: Path) -> None:
    app = theirs()
    attach(app, store=tmp_path / "store", sources={"lr": lambda: 0.001}, interval=0.1)
    assert set(wait_for(lambda: newest(app))) == {"lr"}
    assert (tmp_path / "store" / "tail").exists()


def test_a_function_that_raises_leaves_the_others_theirs(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> float:
        raise ZeroDivisionError

    app = theirs()
    attach(app, sources=[broken, loss], interval=0.1)
    assert set(wait_for(lambda: newest(app))) == {"loss"}
    notices = get(app, "/_dashapp/api/ticks").json["notices"]
    assert notices == ["broken gives nothing: ZeroDivisionError"]


HOST = """
from dash import Dash
from dashapp import LiveGraph, attach
app = Dash(__name__)
attach(app, store="store", sources=["demo"], interval=0.2)
app.layout = LiveGraph("demo.*")
print("attached", flush=True)
input()
"""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOST],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    yield process
    process.kill()
    process.wait()
    assert process.stdin
    process.stdin.close()


def test_a_collector_of_its_own_dies_with_the_app(host: subprocess.Popen[bytes], tmp_path: Path) -> None:
    wait_for((tmp_path / "store" / "tail").exists, 20)
    (collector,) = psutil.Process(host.pid).children()
    assert "dashapp.collector" in collector.cmdline()
    host.kill()
    wait_for(lambda: not alive(collector))


# What attach refuses.


def refused(call: Callable[[], None]) -> str:
    with pytest.raises(SettingsError) as caught:
        call()
    said = str(caught.value)
    assert said.count("\n") == 0, said
    return said


def test_a_second_attach_is_refused(tmp_path: Path) -> None:
    app = theirs()
    attach(app, store=tmp_path, collect=False)
    assert "before; once serves all" in refused(lambda: attach(app, store=tmp_path, collect=False))


def test_a_route_of_the_apps_own_is_not_served_over(tmp_path: Path) -> None:
    app = theirs()
    app.server.add_url_rule("/_dashapp/mine", endpoint="mine", view_func=lambda: "mine")
    assert "/_dashapp/mine" in refused(lambda: attach(app, store=tmp_path, collect=False))
    assert get(app, "/_dashapp/mine").body == b"mine"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"interval": 0}, 'interval is "0"; expected seconds from 0.1 to 60'),
        ({"intervall": 1}, "intervall is not a setting; did you mean interval?"),
        ({"port": 80}, "port is no setting here: attach serves no page"),
        ({"source": "demo"}, "source is no setting here: sources is"),
        ({"sources": []}, "sources is empty"),
        ({"sources": [lambda: 1]}, "sources holds <lambda>; give it a name"),
        ({"sources": [loss, loss]}, "two functions loss"),
        ({"sources": [3]}, "sources holds 3"),
        ({"sources": ["no such"]}, "source is"),
        ({"sources": ["replay:/no/such.csv"]}, "/no/such.csv"),
        ({"store": "reddis://x"}, "store is"),
        ({"store": "/proc/nowhere"}, "it cannot be written"),
        ({"collect": False}, "expected a folder with collect=False"),
    ],
)
def test_settings_that_cannot_be_are_told_in_one_sentence(settings: dict[str, Any], said: str) -> None:
    assert said in refused(lambda: attach(Dash(__name__), **settings))


@pytest.mark.parametrize("app", [Flask("theirs"), None, Dash(__name__, server=False)])
def test_what_is_no_dash_app_with_a_server_is_refused(app: Any) -> None:
    assert "attach" in refused(lambda: attach(app))


def test_a_store_that_is_not_there_is_told_and_answered_empty(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = theirs()
    attach(app, store=tmp_path / "nowhere", collect=False)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "dashapp"]
    assert "holds no store yet" in line
    assert "python -m dashapp.collector --store" in line
    assert get(app, "/_dashapp/api/ticks?like=loss").json["t"] == []
    assert not (tmp_path / "nowhere").exists()


# The public face.


def test_the_package_alone_loads_no_dash() -> None:
    code = (
        "import dashapp, sys; print('dash' in sys.modules)\ndashapp.LiveGraph; print('dash' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "True"]
    assert dashapp.attach is attach


def test_the_example_is_under_ten_lines_of_code_and_runs() -> None:
    example = ROOT / "examples" / "dash_app.py"
    lines = [line for line in example.read_text().splitlines() if line and not line.startswith(('"', "#"))]
    assert len(lines) < 10
    code = (
        "import runpy, sys, json, io\n"
        f"app = runpy.run_path({str(example)!r})['app']\n"
        "print(json.dumps(app.server.test_client().get('/_dashapp/api/ticks').status_code))\n"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(said.stdout) == 200
