"""Each snippet of the page about training runs does what it shows."""

from __future__ import annotations

import re
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from processes import ROOT
from push_server import Server, pushed_to, run
from waiting import wait_for

SNIPPETS = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "training.md").read_text(), re.M | re.S)
server = pytest.fixture(pushed_to)
LIBRARY_CALLS = [code for code in SNIPPETS if "callbacks=" in code]
PROGRAMS = [code for code in SNIPPETS if code not in LIBRARY_CALLS]


@pytest.mark.parametrize("code", PROGRAMS, ids=["run", "wandb"])
def test_snippet_makes_a_run_that_finishes(server: Server, code: str) -> None:
    run(code, server)
    wait_for(lambda: server.entries[-1]["run"]["state"] == "finished")
    assert server.entries[0]["run"]["name"] == "resnet"
    assert "loss" in server.newest


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stand-ins of the libraries; `seen` has the callbacks of each call."""
    seen: list[Any] = []

    def keep(*_: Any, callbacks: list[Any]) -> None:
        seen.extend(callbacks)

    names: dict[str, Any] = {"model": SimpleNamespace(fit=keep), "x": 0, "y": 0, "args": 0, "seen": seen}
    for name, members in {
        "keras.callbacks": {"Callback": object},
        "lightning.pytorch.callbacks": {"Callback": object},
        "transformers": {"TrainerCallback": object},
    }.items():
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            path = ".".join(parts[:count])
            monkeypatch.setitem(sys.modules, path, ModuleType(path))
        vars(sys.modules[name]).update(members)
        vars(sys.modules[parts[0]])["Trainer"] = keep
        names[parts[0]] = sys.modules[parts[0]]
    return names


@pytest.mark.parametrize("code", LIBRARY_CALLS, ids=["keras", "lightning", "transformers"])
def test_snippet_passes_a_callback_to_its_library(libraries: dict[str, Any], code: str) -> None:
    exec("import dashapp\n" + code, libraries)
    (callback,) = libraries["seen"]
    assert hasattr(callback, "on_train_end")
