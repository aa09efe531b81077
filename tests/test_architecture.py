"""The house's rules: who may import whom, how long a file may be, what never stands in one."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent / "dashapp"
FILES = sorted(PACKAGE.rglob("*.py"))
HEAVY = ("dash", "plotly", "flask", "granian", "werkzeug", "pandas", "numpy")


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    """Whole names of the modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "dashapp":
                found |= {f"dashapp.{each.name}" for each in node.names}
    return found


def ours(path: Path) -> set[str]:
    return {name for name in imported(path) if name.startswith("dashapp.") and name != "dashapp.__version__"}


# By the first word after the package: what each room may know. A room that is not here may know all.
ROOMS = {
    "model": set[str](),
    "thresholds": set(),
    "judge": {"model", "thresholds"},
    "message": {"thresholds"},
    "courier": {"message", "signals"},
    "outbox": {"courier", "message", "sampler", "stores", "thresholds"},
    "addresses": {"config", "courier"},
    "alerts": {"model", "stores", "thresholds"},
    "signals": set(),
    "notices": set(),
    "clock": set(),
    "columns": {"model"},
    "downsample": {"columns"},
    "rollup": {"model"},
    "values": set(),
    "conflicts": {"config", "sources", "values"},
    "credentials": set(),
    "setting": {"flags", "settings_file", "values"},
    "config": {
        *("conflicts", "credentials", "flags", "model", "panels", "setting", "settings_file", "sources"),
        *("thresholds", "values"),
    },
    "flags": {"values"},
    "settings_file": {"flags"},
    "folders": {"config", "model", "values"},
    "question": {"config", "model"},
    "entries": {"model", "question", "sources"},
    "body": {"model"},
    "pushing": {"sender"},
    "sender": set(),
    "panels": {"model", "panel_table"},
    "panel_table": set(),
    "sources": {"model", "panel_table", "sources", "values"},
    "stores": {"hosts", "model", "notices", "own_thread", "rollup", "columns", "stores", "thresholds"},
    "levels": {"model", "stores", "columns", "downsample"},
    "sampler": {"model", "sources", "stores"},
    "watch": {"judge", "model", "sampler", "stores", "thresholds"},
    "history": {"model", "stores", "columns", "levels"},
    "static": {"api"},
    "answer": {"model", "process_table"},
    "health": {"answer", "model", "stores"},
    "catalogue": {"panel_table", "stores"},
    "reply": {"answer", "api"},
    "own_thread": set(),
    "signing_key": set(),
    "visitor": set(),
    "throttle": set(),
    "session": set(),
    "login": set(),
    "view": {"columns", "model", "panels", "stores", "thresholds"},
    "share": {"answer", "api", "body", "model", "question", "reply", "session", "view"},
    "door": {"api", "body", "login", "reply", "session", "share", "throttle", "visitor"},
    "export": {"model", "panels", "question", "stores", "columns", "levels"},
    "process_table": {"model"},
    "security": {"answer", "api", "reply", "throttle", "visitor"},
    "supervisor": {"stores"},
    "keywords": {"config", "flags", "model"},
    "prefix": {"flags", "model"},
    "gate": {"api"},
    "dispatcher": {"api"},
    "embedding": {"bundle", "config", "flags", "model", "values"},
    "keeper": {"checking", "config", "model", "opening", "own_thread", "stores", "supervisor"},
    "opening": {"config", "folders", "hosts", "model", "notices", "stores", "values"},
    "figures": {"model"},
    "callbacks": set(),
    "document": set(),
    "windows": set(),
    "routes": {"api", "bridge", "model"},
    "bridge": {"api"},
    "hosts": {"stores"},
    "skew": {"hosts"},
    "host_list": {"hosts", "model"},
    "host_reader": {"hosts", "model", "notices", "skew", "stores", "thresholds"},
    "laid": {"exposition", "model", "panels", "tiles"},
    "members": {"hosts", "model", "skew", "stores"},
    "overlay": {
        "hosts",
        "laid",
        "members",
        "model",
        "notices",
        "overlay_points",
        "skew",
        "stores",
        "thresholds",
    },
    "overlay_points": {"columns", "downsample", "levels", "model", "stores"},
    "host_controls": set(),
    "component": {"config", "live_graph", "panels", "panel_table", "values", "windows"},
}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_room_knows_only_those_below_it(path: Path) -> None:
    room = [*name_of(path).split("."), ""][1]
    if room in ROOMS:
        assert {name.split(".")[1] for name in ours(path)} <= ROOMS[room]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_the_page_and_its_server_know_dash(path: Path) -> None:
    outside = {name.split(".")[0] for name in imported(path)}
    allowed = {"app": {"dash"}, "layout": {"dash"}, "callbacks": {"dash"}, "live_graph": {"dash"}}
    # History is read in columns; whoever writes it does without.
    allowed |= {"columns": {"numpy"}, "downsample": {"numpy"}, "history": {"numpy"}, "stores": {"numpy"}}
    allowed |= {"export": {"numpy"}}
    # What goes into somebody's Flask application.
    allowed |= {room: {"flask"} for room in ("mounting", "dispatcher", "embedding")}
    # What page a request is for, the layout is told by it alone.
    allowed |= {"app": {"dash", "flask"}, "host_controls": {"dash"}}
    allowed |= {"gate": {"flask", "werkzeug"}}
    # What goes into other people's Dash apps.
    allowed |= {"windows": {"dash"}, "viewing": {"dash"}, "component": {"dash"}, "attaching": {"dash"}}
    allowed |= {"routes": {"dash", "flask"}}
    room = [*name_of(path).split("."), ""][1]
    expected = {"granian"} if room == "web" else allowed.get(room, set())
    assert outside & set(HEAVY) <= expected


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_one_noun_a_file(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 250
    assert ast.get_docstring(ast.parse(path.read_text())), "a module says what it is"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_code_comes_from_data(path: Path) -> None:
    tree = ast.parse(path.read_text())
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {"eval", "exec", "compile", "globals", "__import__"}
    assert not {name.split(".")[0] for name in imported(path)} & {"pickle", "marshal", "shelve", "dill"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_failure_is_swallowed_unseen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, "a bare except"
            silent = all(isinstance(line, ast.Pass) for line in node.body)
            assert not (silent and isinstance(node.type, ast.Name) and node.type.id == "Exception")


@pytest.mark.parametrize("module", ["dashapp.collector", "dashapp.__main__"])
def test_a_small_process_stays_small(module: str) -> None:
    """The collector and the supervisor: a third of the memory, a seventh of the start-up."""
    code = f"import {module}, sys; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=HERE.parent, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not set(loaded) & {*HEAVY, "asyncio", "pydantic", "requests", "apprise"}


def test_nothing_happens_at_import() -> None:
    """No thread, child, socket or file is left open by importing every module."""
    names = [name_of(path) for path in FILES if path.stem != "__main__"]
    code = (
        f"import importlib, os, threading\nbefore = set(os.listdir('/proc/self/fd'))\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert set(os.listdir('/proc/self/fd')) == before\n"
    )
    if Path("/proc/self/fd").is_dir():
        subprocess.run([sys.executable, "-c", code], cwd=HERE.parent, check=True)
