"""dashapp.show in a real kernel: one server and one collector, which end with the kernel."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from html import unescape
from threading import BoundedSemaphore, Thread
from types import ModuleType
from typing import Any
from wsgiref.simple_server import make_server

import nbformat
import pytest
from nbclient import NotebookClient
from playwright.sync_api import Page
from processes import ROOT
from waiting import PATIENCE_S, wait_for

import dashapp
from dashapp.integrations.notebook import server
from dashapp.integrations.notebook.server import KernelServer
from dashapp.model.ticks import DashappError, SettingsError

CELL = """
import dashapp
def loss():
    return {number}
dashapp.show("cpu.*", loss, "pushed.value", window=60)
"""
CHECK = """
import json, os, threading, urllib.request
import time
dashapp.push("pushed.value", 7)
with dashapp.run("in-kernel") as run:
    run.log(loss=0.5, step=3)
while True:
    root = os.environ["DASHAPP_URL"]
    frame = json.load(urllib.request.urlopen(root + "/api/ticks?window=60"))
    if {"pushed.value", "cpu.percent", "run.in-kernel.loss"} <= frame["y"].keys() and 9 in frame["y"]["loss"]:
        break
    time.sleep(0.1)
names = [thread.name for thread in threading.enumerate()]
print(names.count("dashapp collector"), names.count("dashapp server"))
"""


@pytest.fixture(scope="module")
def notebook() -> Any:
    """A cell ten times, each time with another function, and the snippets of the docs."""
    cells = [code_cell(CELL.format(number=number)) for number in range(10)]
    page = (ROOT / "docs" / "notebooks.md").read_text()
    snippets = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    later = [code_cell(code) for code in (CHECK, *snippets)]
    return nbformat.v4.new_notebook(cells=[*cells, *later])  # type: ignore[no-untyped-call]


def code_cell(code: str) -> Any:
    return nbformat.v4.new_code_cell(code)  # type: ignore[no-untyped-call]


def url_of(cell: Any) -> str:
    """Return the address of the chart that a cell shows."""
    html = [output["data"]["text/html"] for output in cell.outputs if output["output_type"] == "display_data"]
    (url,) = re.findall(r'<iframe src="([^"]+)"', "".join(html))
    return unescape(url)


def test_cell_run_ten_times_has_one_collector_that_ends_with_the_kernel(
    notebook: Any, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    client = NotebookClient(notebook, timeout=PATIENCE_S, kernel_name="python3")
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
        assert notebook.cells[10].outputs[0]["text"] == "1 1\n"
        url = url_of(notebook.cells[0])
        charts = [cell for cell in notebook.cells if "dashapp.show(" in cell.source]
        assert {url_of(cell).partition("?")[0] for cell in charts} == {url.partition("?")[0]}
        # Jupyter's page has another origin than the chart: another name or another port.
        html = notebook.cells[0].outputs[0]["data"]["text/html"]
        with serving_html(html) as host:
            page.goto(host)
            frame = page.frame_locator("iframe").first
            frame.locator(".js-plotly-plot .scatterlayer .trace").nth(2).wait_for(state="attached")
            page.goto("about:blank")
    port = int(url.split(":")[2].split("/")[0])
    wait_for(lambda: not is_open(port))


@contextmanager
def serving_html(html: str) -> Iterator[str]:
    """Serve a document on another port, as Jupyter does; Chromium blocks frames in a routed one."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("content-type", "text/html; charset=utf-8")])
        return [html.encode()]

    with make_server("127.0.0.1", 0, app, handler_class=server._Handler) as host:
        thread = Thread(target=host.serve_forever)
        thread.start()
        yield f"http://localhost:{host.server_port}/"
        host.shutdown()
        thread.join()


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class Display(ModuleType):
    """A stand-in of IPython, whose display keeps what a cell shows."""

    def __init__(self, shell: object) -> None:
        super().__init__("IPython")
        self.shown: list[dict[str, str]] = []
        self.get_ipython = lambda: shell
        self.display = self

    def __call__(self, data: dict[str, str], raw: bool) -> None:
        self.shown.append(data)


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Display:
    stand_in = Display(object())
    monkeypatch.setitem(sys.modules, "IPython", stand_in)
    monkeypatch.setitem(sys.modules, "IPython.display", stand_in)
    monkeypatch.setattr(server, "_server", None)
    return stand_in


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"metrics": [5]}, r'^a metric is 5; expected a key such as "cpu\.percent", or a function$'),
        ({"metrics": [None]}, "^a metric is None; expected"),
        ({"metrics": [""]}, '^a metric is ""; expected'),
        ({"metrics": ["a,b"]}, '^a metric is "a,b"; expected'),
        ({"metrics": [["cpu.*"]]}, "^a metric is .+; expected"),
        ({"metrics": [int]}, "^a metric is .+; expected"),
        ({"metrics": [lambda: 1]}, r"^a function has no name .+; pass it as sources={'name': function}$"),
        ({"metrics": ["a"] * 17}, '^show has 17 metrics; expected at most 16, or "cpu'),
        ({"window": "5"}, '^window is "5"; expected seconds from 10 to 7200$'),
        ({"window": 5}, "^window is 5; expected seconds"),
        ({"window": float("nan")}, "^window is nan; expected seconds"),
        ({"window": True}, "^window is true; expected seconds"),
        ({"height": "300px"}, '^height is "300px"; expected pixels from 80 to 4000$'),
        ({"height": 10}, "^height is 10; expected pixels"),
        ({"theme": "pink"}, '^theme is "pink"; expected auto, dark, light$'),
        ({"theme": None}, "^theme is None; expected"),
        ({"sources": 5}, "^sources is 5; expected functions or names of sources$"),
        ({"sources": [5]}, "^sources contains 5; expected functions or names"),
        ({"sources": []}, "^sources is empty; expected functions or names"),
        ({"sources": "machin"}, "source"),
    ],
)
def test_invalid_argument_of_show_is_one_sentence_with_the_form(
    display: Display, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], sentence: str
) -> None:
    metrics = arguments.pop("metrics", ["cpu.*"])
    monkeypatch.setenv("DASHAPP_PUSH_TOKEN", "4f9c2e7ab15d8036")
    with pytest.raises(SettingsError, match=sentence) as error:
        dashapp.show(*metrics, **arguments)
    assert len(error.value.problems) == 1
    assert "\n" not in str(error.value)
    assert display.shown == []


def test_show_outside_a_notebook_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", Display(None))
    with pytest.raises(DashappError, match=r"^show needs a notebook; in a program.+use push$"):
        dashapp.show("cpu.*")


@pytest.fixture
def kernel(display: Display, monkeypatch: pytest.MonkeyPatch) -> KernelServer:
    """A server whose threads do not start."""
    monkeypatch.setenv("DASHAPP_PUSH_TOKEN", "4f9c2e7ab15d8036")
    monkeypatch.setattr(KernelServer, "collect", lambda *_: None)
    kernel = KernelServer()
    monkeypatch.setattr(server, "_server", kernel)
    monkeypatch.setattr(kernel._server, "server_close", kernel._server.server_close)
    return kernel


def test_show_says_where_pushes_go_if_the_kernel_has_a_server(display: Display, kernel: KernelServer) -> None:
    dashapp.show("cpu.*")
    assert "pushes to the server of DASHAPP_URL instead" in display.shown[0]["text/html"]
    assert display.shown[0]["text/plain"].startswith(f"Live chart: {kernel.root}?window=100&bare=1")
    kernel._server.server_close()


def test_names_of_metrics_cannot_leave_the_script_or_the_attribute(
    display: Display, kernel: KernelServer
) -> None:
    dashapp.show('</script><script>alert(1)</script>"')
    html = display.shown[0]["text/html"]
    assert html.count("<script>") == html.count("</script>") == 1
    assert "alert(1)<" not in html
    kernel._server.server_close()


def test_address_without_the_secret_is_not_found(kernel: KernelServer) -> None:
    statuses = []
    for path in ("/", "/api/ticks", kernel._path[:-1] + "/", kernel._path):
        list(kernel._serve({"PATH_INFO": path}, lambda status, headers: statuses.append(status)))
    assert set(statuses) == {"404 Not Found"}
    kernel._server.server_close()


def test_kernel_serves_limited_number_of_connections_for_limited_time(kernel: KernelServer) -> None:
    """Every connection of another user was a thread of the kernel, without an end."""
    assert server._Handler.timeout is not None
    kernel._server._free = BoundedSemaphore(2)
    serving = Thread(target=kernel._server.serve_forever, args=(0.01,))
    serving.start()
    address = (server.HOST, kernel.port)
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(address, PATIENCE_S)) for _ in range(2)]
        third = stack.enter_context(socket.create_connection(address, PATIENCE_S))
        assert third.recv(1) == b""
        silent.pop().close()
        wait_for(lambda: answers(address), every=0.01)
    kernel._server.shutdown()
    serving.join(PATIENCE_S)
    kernel._server.server_close()


def answers(address: tuple[str, int]) -> bool:
    """Return whether the server takes a connection, and sends a response."""
    with socket.create_connection(address, PATIENCE_S) as connection, suppress(OSError):
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return connection.recv(12).startswith(b"HTTP/1.0 404")
    return False
