"""Python functions as sources: their options, their calls and their failures."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from clocks import FakeClock
from readings import by_key
from sampler_harness import Heard
from user_modules import Define, definer
from waiting import PATIENCE_S

import dashapp
from dashapp.collector.sampler import Sampler
from dashapp.model.ticks import Metric
from dashapp.sources.function import FunctionSource
from dashapp.sources.polling import BackgroundSource
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.memory import MemoryStore

define = pytest.fixture(definer)


def test_function_number_becomes_metric_of_function_name(define: Define) -> None:
    module = define("def rain(): return 21.5")
    assert FunctionSource(f"{module}:rain", {}).read() == {Metric("rain", "rain", "", "rain"): 21.5}


@pytest.mark.parametrize("name", ["temperature", "load", "memory", "hosts", "top", "alerts", "runs"])
def test_function_named_like_a_part_of_the_page_has_its_own_panel(define: Define, name: str) -> None:
    """The page has a panel with another unit, or a table, of each of these names."""
    module = define(f"def {name}(): return 21.5")
    (metric,) = FunctionSource(f"{module}:{name}", {}).read()
    assert (metric.key, metric.panel) == (name, f"{module}-{name}")
    # The user chooses this panel.
    (metric,) = FunctionSource(f"{module}:{name}", {"panel": "memory"}).read()
    assert metric.panel == "memory"


def test_function_without_a_module_has_its_own_panel() -> None:
    source = FunctionSource("load", {}, function=eval("lambda: 1", {"__name__": "__main__"}))
    (metric,) = source.read()
    assert metric.panel == "load-function"


def test_function_mapping_becomes_metric_per_name(define: Define) -> None:
    module = define("def temperature(): return {'kitchen': 21, 'Living Room': 18.5, 7: 1, 'δ.ω': 2}")
    found = FunctionSource(f"{module}:temperature", {}).read()
    assert by_key(found) == {
        "temperature.kitchen": 21,
        "temperature.Living-Room": 18.5,
        "temperature.7": 1,
        "temperature.δ.ω": 2,
    }
    assert [metric.label for metric in found] == ["kitchen", "Living Room", "7", "δ.ω"]


def test_function_options_of_settings_override_decorator(define: Define) -> None:
    module = define(
        "import dashapp\n"
        "@dashapp.source(label='Temp', unit='°C', low=-10, high=40, panel='Climate at home', every=5)\n"
        "def temperature(): return {'kitchen': 21}\n"
    )
    source = FunctionSource(f"{module}:temperature", {})
    (metric,) = source.read()
    assert metric == Metric("temperature.kitchen", "Temp kitchen", "°C", "Climate-at-home", -10, 40)
    assert source.every == 5
    # The settings file overrides the decorator.
    source = FunctionSource(f"{module}:temperature", {"unit": "K", "every": 2, "low": 200, "high": 400})
    (metric,) = source.read()
    assert metric == Metric("temperature.kitchen", "Temp kitchen", "K", "Climate-at-home", 200, 400)
    assert source.every == 2


def test_source_decorator_returns_function_unchanged() -> None:
    def plain() -> int:
        return 5

    assert dashapp.source(label="x")(plain) is plain
    assert plain() == 5


@pytest.mark.parametrize("on_disk", [False, True])
def test_function_panel_kind_reaches_store(define: Define, tmp_path: Path, on_disk: bool) -> None:
    said = "import dashapp\n@dashapp.source(kind='bar', panel='Rain')\ndef f(): return 1\n"
    module = define(said + "def g(): return 2\n")
    store = DiskStore(tmp_path / "data") if on_disk else MemoryStore()
    source = BackgroundSource(FunctionSource(f"{module}:f", {}), max_wait=PATIENCE_S)
    with closing(store):
        Sampler([source], store, 1.0).tick(1.0)
        assert store.panel_kinds() == {"Rain": "bar"}
        Sampler([FunctionSource(f"{module}:g", {})], store, 1.0).tick(2.0)
        assert store.panel_kinds() == {}


BAD_OPTIONS: list[dict[str, Any]] = [
    {"label": 5},
    {"label": "x" * 65},
    {"unit": b"C"},
    {"low": "0"},
    {"low": True},
    {"low": math.nan},
    {"high": 10**400},
    {"low": 5, "high": 5},
    {"every": 0},
    {"every": -1},
    {"every": 1e9},
    {"panel": ["x"]},
    {"kind": "pie"},
]


@pytest.mark.parametrize("said", BAD_OPTIONS, ids=str)
def test_source_decorator_error_names_option_and_value(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"{next(iter(said))} is .*; expected ") as caught:
        dashapp.source(**said)
    assert len(str(caught.value)) < 200


def test_import_of_dashapp_loads_no_heavy_modules() -> None:
    code = "import sys; import dashapp; dashapp.source(label='x'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {"dash", "numpy", "flask", "plotly", "psutil", "asyncio", "dashapp.config.settings"} & loaded
    with pytest.raises(AttributeError, match="dashapp has no sauce"):
        _ = dashapp.sauce


def test_async_function_runs_in_one_persistent_loop(define: Define) -> None:
    module = define(
        "import asyncio\nloops = set()\nasync def f():\n"
        "    loops.add(asyncio.get_running_loop())\n    await asyncio.sleep(0)\n    return len(loops)\n"
    )
    # Read in another thread, as the collector does: this one may run the event loop of a browser test.
    with closing(FunctionSource(f"{module}:f", {})) as source, ThreadPoolExecutor(1) as thread:
        assert [by_key(thread.submit(source.read).result()) for _ in range(3)] == [{"f": 1}] * 3


RAISING = {
    "error": ("raise OSError('/home/me/secret')", "OSError"),
    "exit": ("raise SystemExit(3)", "RuntimeError"),
    "interrupt": ("raise KeyboardInterrupt", "RuntimeError"),
    "cancelled": ("import asyncio; raise asyncio.CancelledError", "RuntimeError"),
    "unprintable": ("raise type('E', (Exception,), {'__repr__': lambda s: 1 / 0})", "E"),
}


@pytest.mark.parametrize("way", ["def", "async def"])
@pytest.mark.parametrize(("code", "kind"), RAISING.values(), ids=RAISING.keys())
def test_function_is_called_again_after_any_exception(define: Define, code: str, kind: str, way: str) -> None:
    module = define(f"calls = []\n{way} f():\n    calls.append(1)\n    {code}\n")
    clock, heard = FakeClock(), Heard()
    source = BackgroundSource(
        FunctionSource(f"{module}:f", {}), max_wait=PATIENCE_S, clock=clock.monotonic, name="m:f"
    )
    sampler = Sampler([source], MemoryStore(), 1.0, heard)
    for _ in range(3):
        clock.pass_time(1.0)
        sampler.tick(clock.wall())
    assert heard.said == [f"m:f failed: {kind}"]
    assert len(sys.modules[module].calls) == 3


def test_22_hanging_function_uses_one_thread_and_delays_no_tick(define: Define) -> None:
    module = define("from threading import Event\ngo_on = Event()\ndef f(): go_on.wait()\ndef g(): return 1")
    clock, heard = FakeClock(), Heard()
    name = f"{module}:f"
    hanging = BackgroundSource(FunctionSource(name, {}), 10.0, max_wait=0.0, clock=clock.monotonic, name=name)
    sampler = Sampler([hanging, FunctionSource(f"{module}:g", {})], MemoryStore(), 1.0, heard)
    for _ in range(30):
        clock.pass_time(1.0)
        tick = sampler.tick(clock.wall())
        assert tick is not None
        assert tick.values == {"g": 1}
    assert [thread.name for thread in threading.enumerate()].count(f"source {name}") == 1
    assert heard.said == [f"{name} failed: TimeoutError"]
    sys.modules[module].go_on.set()
