"""Any Python function as a source: what it may answer, how it is called, and what becomes of nonsense."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clocks import FakeClock

import dashapp
from dashapp.model import Metric
from dashapp.sampler import Sampler
from dashapp.sources.function import FunctionSource, make
from dashapp.sources.isolated import Isolated
from dashapp.sources.registry import make_sources, problem
from dashapp.sources.spec import Spec
from dashapp.stores.disk import DiskStore
from dashapp.stores.memory import MemoryStore

Define = Callable[..., str]


@pytest.fixture
def define(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Define]:
    """`define("code")`: a module of its own in the working folder; its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    made: list[str] = []

    def write(code: str) -> str:
        name = f"made_{len(made)}_{tmp_path.name.replace('-', '_')}"
        made.append(name)
        (tmp_path / f"{name}.py").write_text(code)
        return name

    yield write
    for name in made:
        sys.modules.pop(name, None)


@pytest.fixture
def answering(define: Define) -> Callable[[Any], FunctionSource]:
    """A source whose function `f` answers with what it is given."""

    def source(answer: Any, **options: Any) -> FunctionSource:
        module = define("def f():\n    return answer\n")
        made = FunctionSource(f"{module}:f", options)
        vars(import_module(module))["answer"] = answer
        return made

    return source


def keys(values: Mapping[Metric, float]) -> dict[str, float]:
    return {metric.key: value for metric, value in values.items()}


def test_a_number_is_a_metric_of_the_functions_name(define: Define) -> None:
    module = define("def temperature(): return 21.5")
    assert FunctionSource(f"{module}:temperature", {}).read() == {
        Metric("temperature", "temperature", "", "temperature"): 21.5
    }


def test_a_mapping_is_a_metric_for_each_name(define: Define) -> None:
    module = define("def temperature(): return {'kitchen': 21, 'Living Room': 18.5, 7: 1, 'δ.ω': 2}")
    found = FunctionSource(f"{module}:temperature", {}).read()
    assert keys(found) == {
        "temperature.kitchen": 21,
        "temperature.Living-Room": 18.5,
        "temperature.7": 1,
        "temperature.δ.ω": 2,
    }
    assert [metric.label for metric in found] == ["kitchen", "Living Room", "7", "δ.ω"]


def test_what_the_author_says_of_it(define: Define) -> None:
    module = define(
        "import dashapp\n"
        "@dashapp.source(label='Temp', unit='°C', low=-10, high=40, panel='Climate at home', every=5)\n"
        "def temperature(): return {'kitchen': 21}\n"
    )
    source = FunctionSource(f"{module}:temperature", {})
    (metric,) = source.read()
    assert metric == Metric("temperature.kitchen", "Temp kitchen", "°C", "Climate-at-home", -10, 40)
    assert source.every == 5
    # The settings file has the last word.
    source = FunctionSource(f"{module}:temperature", {"unit": "K", "every": 2, "low": 200, "high": 400})
    (metric,) = source.read()
    assert metric == Metric("temperature.kitchen", "Temp kitchen", "K", "Climate-at-home", 200, 400)
    assert source.every == 2


def test_the_decorator_leaves_the_function_as_it_is() -> None:
    def plain() -> int:
        return 5

    assert dashapp.source(label="x")(plain) is plain
    assert plain() == 5


@pytest.mark.parametrize("on_disk", [False, True])
def test_how_its_panel_is_drawn_reaches_the_store(define: Define, tmp_path: Path, on_disk: bool) -> None:
    said = "import dashapp\n@dashapp.source(kind='bar', panel='Rain')\ndef f(): return 1\n"
    module = define(said + "def g(): return 2\n")
    store = DiskStore(tmp_path / "data") if on_disk else MemoryStore()
    source = Isolated(FunctionSource(f"{module}:f", {}), patience=5.0)
    with closing(store):
        Sampler([source], store, 1.0).tick(1.0)
        assert store.looks() == {"Rain": "bar"}
        Sampler([FunctionSource(f"{module}:g", {})], store, 1.0).tick(2.0)
        assert store.looks() == {}


BAD_SAID: list[dict[str, Any]] = [
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


@pytest.mark.parametrize("said", BAD_SAID, ids=str)
def test_what_cannot_be_said_of_it_is_told_with_name_and_value(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"{next(iter(said))} is .*; expected ") as caught:
        dashapp.source(**said)
    assert len(str(caught.value)) < 200


def test_import_dashapp_is_light() -> None:
    code = (
        "import time, sys; began = time.process_time(); import dashapp; dashapp.source(label='x')\n"
        "print(time.process_time() - began, *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, *loaded = done.stdout.split()
    assert float(seconds) < 0.1
    assert not {"dash", "numpy", "flask", "plotly", "psutil", "asyncio", "dashapp.config"} & set(loaded)
    with pytest.raises(AttributeError, match="dashapp has no sauce"):
        _ = dashapp.sauce


def test_an_async_function_runs_to_its_end_in_a_loop_that_stays(define: Define) -> None:
    module = define(
        "import asyncio\nloops = set()\nasync def f():\n"
        "    loops.add(asyncio.get_running_loop())\n    await asyncio.sleep(0)\n    return len(loops)\n"
    )
    # In a thread of its own, as always: this one may have a loop of the browser's running.
    with closing(FunctionSource(f"{module}:f", {})) as source, ThreadPoolExecutor(1) as thread:
        assert [keys(thread.submit(source.read).result()) for _ in range(3)] == [{"f": 1}] * 3


NUMBERS = {
    "int": 21,
    "bool": True,
    "decimal": Decimal("21.5"),
    "fraction": Fraction(1, 3),
    "numpy-float": np.float32(1.5),
    "numpy-int": np.int64(7),
    "numpy-array-of-none": np.array(3.5),
    "minus-zero": -0.0,
    "tiny": 5e-324,
    "huge": 1.7e308,
}


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS.keys())
def test_whatever_is_a_number_is_one(answering: Callable[[Any], FunctionSource], number: Any) -> None:
    for answer, key in ((number, "f"), ({"a": number}, "f.a")):
        tick = Sampler([answering(answer)], MemoryStore(), 1.0).tick(1.0)
        assert tick is not None
        assert tick.values == {key: float(number)}


class Endless:
    def __float__(self) -> float:
        raise RuntimeError("no")


NONSENSE = {
    "none": None,
    "text": "21",
    "bytes": b"21",
    "nan": math.nan,
    "infinite": 1e400,
    "minus-infinite": -math.inf,
    "whole-beyond-floats": 10**400,
    "decimal-nan": Decimal("nan"),
    "numpy-nan": np.float64("nan"),
    "complex": 1j,
    "list": [1],
    "array": np.array([1.0, 2.0]),
    "object": object(),
    "raises": Endless(),
}


@pytest.mark.parametrize("value", NONSENSE.values(), ids=NONSENSE.keys())
def test_21_what_is_no_number_is_a_gap_and_said(
    answering: Callable[[Any], FunctionSource], value: Any
) -> None:
    assert said_of(answering(value)) != []
    source = answering({"good": 1, "bad": value})
    store = MemoryStore()
    tick = Sampler([source], store, 1.0).tick(1.0)
    assert tick is not None
    assert tick.values == {"f.good": 1}
    (sentence,) = said_of(source)
    assert sentence == f"{source.name} gives no number for f.bad"


NAMES = {
    "none": None,
    "bool": True,
    "fraction": 1.5,
    "tuple": ("a", "b"),
    "bytes": b"a",
    "empty": "",
    "blank": "  \n",
    "endless": "x" * 201,
    "whole-endless": 10**5000,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_name_that_is_none_is_refused_and_said(
    answering: Callable[[Any], FunctionSource], name: Any
) -> None:
    source = answering({name: 1, "good": 2})
    assert keys(source.read()) == {"f.good": 2}
    assert said_of(source) == [f"{source.name} gives 1 names that are not text of 1 to 200 characters"]


HOSTILE_NAMES = [
    "<b>bold</b>",
    "<a href='x'>y</a>",
    "a,b",
    "a\nb",
    "\ud800",
    "../x",
    "&amp;",
    "a b  c",
    "x" * 200,
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_strange_name_is_a_plain_key_and_a_label_of_one_line(
    answering: Callable[[Any], FunctionSource], name: str
) -> None:
    (metric,) = answering({name: 1}).read()
    assert metric.key.startswith("f.")
    assert all(sign.isalnum() or sign in "._-" for sign in metric.key)
    assert metric.label.isprintable()
    assert 0 < len(metric.label) <= 64
    metric.label.encode()
    if name.startswith("<"):
        assert metric.label == name, "the page escapes it"


def test_names_that_look_alike_stay_apart_and_keep_their_keys(
    answering: Callable[[Any], FunctionSource],
) -> None:
    source = answering({"a b": 1, "a-b": 2, "a/b": 3})
    assert keys(source.read()) == keys(source.read()) == {"f.a-b": 1, "f.a-b-2": 2, "f.a-b-3": 3}


def test_a_hundred_thousand_entries_are_a_thousand_metrics(
    answering: Callable[[Any], FunctionSource],
) -> None:
    source = answering({f"n{number}": number for number in range(100_000)})
    assert len(source.read()) == 1000
    assert said_of(source) == [f"{source.name} gives more than 1,000 metrics; 99,000 are left out"]


def test_names_that_change_all_the_time_end_at_a_thousand(define: Define) -> None:
    module = define("import itertools\ncount = itertools.count()\ndef f(): return {f'n{next(count)}': 1}")
    source = FunctionSource(f"{module}:f", {})
    store = MemoryStore()
    sampler = Sampler([source], store, 1.0)
    for second in range(1500):
        sampler.tick(float(second + 1))
    assert len(store.metrics()) == 1000
    assert source.said


def test_two_functions_of_one_name_do_not_mix(define: Define) -> None:
    modules = [define(f"def f(): return {{'a': {number}, '{number}': 5}}") for number in range(2)]
    sources = [FunctionSource(f"{module}:f", {}) for module in modules]
    heard = Heard()
    tick = Sampler(sources, MemoryStore(), 1.0, heard).tick(1.0)
    assert tick is not None
    assert tick.values == {"f.a": 0, "f.0": 5, "f.1": 5}
    assert heard.said == [f"{sources[1].name} gives f.a, which a source before it gives already"]


def test_more_than_a_tick_takes_costs_the_last_source_only(
    answering: Callable[..., FunctionSource],
) -> None:
    many = [answering({f"{'ж' * 190}{number}": 1 for number in range(1000)}) for _ in range(2)]
    heard = Heard()
    tick = Sampler([answering({"a": 1}), *many], MemoryStore(), 1.0, heard).tick(1.0)
    assert tick is not None
    assert tick.values == {"f.a": 1}
    assert len(tick.encode()) < 1 << 18
    assert len(heard.said) == 1
    assert heard.said[0].count("gives more than a tick has room for") == 2


class Heard:
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, sentence: str) -> None:
        self.said.append(sentence)

    def clear(self) -> None: ...


def said_of(source: FunctionSource) -> list[str]:
    heard = Heard()
    Sampler([source], MemoryStore(), 1.0, heard).tick(1.0)
    return heard.said


RAISING = {
    "error": ("raise OSError('/home/me/secret')", "OSError"),
    "exit": ("raise SystemExit(3)", "RuntimeError"),
    "interrupt": ("raise KeyboardInterrupt", "RuntimeError"),
    "cancelled": ("import asyncio; raise asyncio.CancelledError", "RuntimeError"),
    "unprintable": ("raise type('E', (Exception,), {'__repr__': lambda s: 1 / 0})", "E"),
}


@pytest.mark.parametrize("way", ["def", "async def"])
@pytest.mark.parametrize(("code", "kind"), RAISING.values(), ids=RAISING.keys())
def test_whatever_it_raises_it_is_called_again_and_the_page_is_told_the_kind(
    define: Define, code: str, kind: str, way: str
) -> None:
    module = define(f"calls = []\n{way} f():\n    calls.append(1)\n    {code}\n")
    clock, heard = FakeClock(), Heard()
    source = Isolated(FunctionSource(f"{module}:f", {}), patience=5.0, clock=clock.monotonic, name="m:f")
    sampler = Sampler([source], MemoryStore(), 1.0, heard)
    for _ in range(3):
        clock.pass_time(1.0)
        sampler.tick(clock.wall())
    assert heard.said == [f"m:f gives nothing: {kind}"]
    assert len(sys.modules[module].calls) == 3


def test_22_one_that_hangs_is_one_thread_and_holds_up_nobody(define: Define) -> None:
    module = define("from threading import Event\ngo_on = Event()\ndef f(): go_on.wait()\ndef g(): return 1")
    clock, heard = FakeClock(), Heard()
    before = threading.active_count()
    hanging = Isolated(
        FunctionSource(f"{module}:f", {}), 10.0, patience=0.0, clock=clock.monotonic, name="m:f"
    )
    sampler = Sampler([hanging, FunctionSource(f"{module}:g", {})], MemoryStore(), 1.0, heard)
    for _ in range(30):
        clock.pass_time(1.0)
        tick = sampler.tick(clock.wall())
        assert tick is not None
        assert tick.values == {"g": 1}
    assert threading.active_count() == before + 1
    assert heard.said == ["m:f gives nothing: TimeoutError"]
    sys.modules[module].go_on.set()


def test_one_is_made_without_importing_it(define: Define) -> None:
    module = define("raise SystemExit('imported')")
    (source,) = make_sources([Spec("none"), Spec(f"{module}:f")], 1.0)
    assert isinstance(source, Isolated)
    assert source.name == f"{module}:f"
    assert module not in sys.modules
    assert isinstance(make(f"{module}:f", 1.0, unit="x"), Isolated)


REASONS = {
    "syntax": ("def f(:", "cannot be imported: SyntaxError: "),
    "raises": ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero"),
    "exits": ("raise SystemExit(5)", "cannot be imported: SystemExit: 5"),
    "lacks": ("import nothing_like_it", "cannot be imported: ModuleNotFoundError: No module named"),
    "endless-reason": ("raise ValueError('x\\n' * 5000)", "cannot be imported: ValueError: x x x"),
    "no-function": ("def ff(): return 1", "has no function f; did you mean ff?"),
    "a-number": ("f = 5", "f is of type int; expected a function"),
    "arguments": ("def f(x): return 1", "f cannot be called: missing a required argument: 'x'"),
    "wrongly-decorated": (
        "import dashapp\n@dashapp.source(low=5, high=1)\ndef f(): return 1",
        "cannot be imported: ValueError: low is 5; expected less than high",
    ),
}


@pytest.mark.parametrize(("code", "reason"), REASONS.values(), ids=REASONS.keys())
def test_why_there_is_no_function_is_one_sentence(define: Define, code: str, reason: str) -> None:
    module = define("print('noise')\n" + code)
    sentence = problem(Spec(f"{module}:f"), 1.0)
    assert sentence.startswith(f'source is "{module}:f"; ')
    assert reason in sentence
    assert "\n" not in sentence
    assert len(sentence) < 400


def test_what_the_file_and_the_author_say_must_go_together(define: Define) -> None:
    module = define("import dashapp\n@dashapp.source(low=5)\ndef f(): return 1")
    assert problem(Spec(f"{module}:f", {"high": 10}), 1.0) == ""
    assert "expected less than high" in problem(Spec(f"{module}:f", {"high": 1}), 1.0)


def test_a_module_that_is_not_there_is_told_with_the_nearest(define: Define) -> None:
    module = define("def f(): return 1")
    sentence = problem(Spec(f"{module}x:f"), 1.0)
    assert f"there is no module {module}x in {Path.cwd()}; did you mean {module}?" in sentence


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("websockets", "websockets cannot be used; python -m pip install websockets"),
        ("dashapp.sources.nowhere", "nowhere cannot be used"),
    ],
)
def test_37_a_package_that_is_missing_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, missing: str, expected: str
) -> None:
    def import_module(_name: str) -> None:
        raise ModuleNotFoundError(f"{missing.rpartition('.')[2]} cannot be used", name=missing)

    monkeypatch.setattr("dashapp.sources.registry.import_module", import_module)
    sentence = problem(Spec("quotes:x"), 1.0)
    assert sentence == f'source is "quotes:x"; quotes cannot be used here: {expected}'
