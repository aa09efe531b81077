"""Return values of function sources: valid numbers and names, and errors about others."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from readings import by_key
from sampler_harness import Heard, said_of
from user_modules import Define, answerer, definer

from dashapp.collector.sampler import Sampler
from dashapp.sources.function import FunctionSource
from dashapp.stores.base import MAX_ROW_CHARS
from dashapp.stores.memory import MemoryStore

define = pytest.fixture(definer)
answering = pytest.fixture(answerer)


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
    "huge": 1e300,
}


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS.keys())
def test_function_accepts_numbers_of_any_type(
    answering: Callable[[Any], FunctionSource], number: Any
) -> None:
    for answer, key in ((number, "f"), ({"a": number}, "f.a")):
        tick = Sampler([answering(answer)], MemoryStore(), 1.0).tick(1.0)
        assert tick is not None
        assert tick.values == {key: float(number)}


class RaisingFloat:
    def __float__(self) -> float:
        raise RuntimeError("no")


NONSENSE = {
    "none": None,
    "text": "21",
    "bytes": b"21",
    "nan": math.nan,
    "too-large-to-add-up": 1.7e308,
    "infinite": 1e400,
    "minus-infinite": -math.inf,
    "whole-beyond-floats": 10**400,
    "decimal-nan": Decimal("nan"),
    "numpy-nan": np.float64("nan"),
    "complex": 1j,
    "list": [1],
    "array": np.array([1.0, 2.0]),
    "object": object(),
    "raises": RaisingFloat(),
}


@pytest.mark.parametrize("value", NONSENSE.values(), ids=NONSENSE.keys())
def test_21_function_value_becomes_reported_gap_when_not_a_number(
    answering: Callable[[Any], FunctionSource], value: Any
) -> None:
    assert said_of(answering(value)) != []
    source = answering({"good": 1, "bad": value})
    store = MemoryStore()
    tick = Sampler([source], store, 1.0).tick(1.0)
    assert tick is not None
    assert tick.values == {"f.good": 1}
    (sentence,) = said_of(source)
    assert sentence.startswith(f"{source.name} returned no number for f.bad (it is ")


@pytest.mark.parametrize(
    ("value", "quoted"), [("21,5 °C", '"21,5 °C"'), (b"\xff", '"ÿ"'), (None, "None"), ([1], "list")]
)
def test_function_result_is_quoted_on_the_page_when_unusable(
    answering: Callable[[Any], FunctionSource], value: Any, quoted: str
) -> None:
    source = answering(value)
    assert said_of(source) == [
        f"{source.name} returned {quoted}; expected a number or a mapping of names to numbers"
    ]


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
def test_function_name_is_rejected_and_reported_when_invalid(
    answering: Callable[[Any], FunctionSource], name: Any
) -> None:
    source = answering({name: 1, "good": 2})
    assert by_key(source.read()) == {"f.good": 2}
    assert said_of(source) == [f"{source.name} returned 1 names that are not text of 1 to 200 characters"]


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
def test_function_key_and_label_are_plain_when_name_is_hostile(
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


def test_function_keys_are_unique_and_stable_for_similar_names(
    answering: Callable[[Any], FunctionSource],
) -> None:
    source = answering({"a b": 1, "a-b": 2, "a/b": 3})
    assert by_key(source.read()) == by_key(source.read()) == {"f.a-b": 1, "f.a-b-2": 2, "f.a-b-3": 3}


def test_function_mapping_is_limited_to_1000_metrics(
    answering: Callable[[Any], FunctionSource],
) -> None:
    source = answering({f"n{number}": number for number in range(100_000)})
    assert len(source.read()) == 1000
    assert said_of(source) == [f"{source.name} returned more than 1,000 metrics; 99,000 were dropped"]


def test_function_metrics_stay_limited_when_names_change(define: Define) -> None:
    module = define("import itertools\ncount = itertools.count()\ndef f(): return {f'n{next(count)}': 1}")
    source = FunctionSource(f"{module}:f", {})
    store = MemoryStore()
    sampler = Sampler([source], store, 1.0)
    for second in range(1500):
        sampler.tick(float(second + 1))
    assert len(source._converter._cache) <= 1001  # type: ignore[union-attr]
    assert not source.status_message


def test_functions_of_same_name_keep_separate_metrics(define: Define) -> None:
    modules = [define(f"def f(): return {{'a': {number}, '{number}': 5}}") for number in range(2)]
    sources = [FunctionSource(f"{module}:f", {}) for module in modules]
    heard = Heard()
    tick = Sampler(sources, MemoryStore(), 1.0, heard).tick(1.0)
    assert tick is not None
    assert tick.values == {"f.a": 0, "f.0": 5, "f.1": 5}
    assert heard.said == [f"{sources[1].name} returned f.a, which an earlier source provides"]


def test_sampler_drops_only_values_that_do_not_fit_into_a_tick(
    answering: Callable[..., FunctionSource],
) -> None:
    many = [answering({f"{'ж' * 190}{source}-{number}": 1 for number in range(300)}) for source in range(2)]
    heard = Heard()
    tick = Sampler([answering({"a": 1}), *many], MemoryStore(), 1.0, heard).tick(1.0)
    assert tick is not None
    stored = [sum(f"{source}-" in key for key in tick.values) for source in range(2)]
    assert tick.values["f.a"] == 1
    assert stored[0] == 300
    assert 0 < stored[1] < 300
    assert len(tick.encode()) < MAX_ROW_CHARS
    assert heard.said == [
        f"{many[1].name} returned 300 values, and {300 - stored[1]} of them are not stored: "
        "a tick has at most 1,048,576 characters"
    ]
