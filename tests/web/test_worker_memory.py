"""A worker does not load some modules, and keeps no file twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# As web/server.py starts a worker, and then one page with all its files.
PAGE = """
import re, sys
sys.path.append("tests/support")
sys.argv = ["dashapp.web", "--store=memory:", "--no-collector"]
from dashapp.web import server
worker = server._worker_module()
apps = []
worker.AsgiBridge = lambda app, *more: apps.append(app)
worker.build_app()
from wsgi_client import ask
text = ask(apps[0], "/").body.decode()
for address in re.findall(r'(?:src|href)="[.](/[^"]+)"', text):
    assert ask(apps[0], address, accept_encoding="br").status == 200, address
"""


def test_page_loads_no_masked_arrays() -> None:
    """The engine of plotly for JSON that needs orjson loads numpy.ma: 2 MB and 20 ms of CPU."""
    loaded = _run("print(*sys.modules)").split()
    assert {"numpy", "dash.dash", "plotly.io"} <= set(loaded)
    assert "numpy.ma" not in loaded


def test_worker_over_a_store_loads_no_collector() -> None:
    """The collector and its sources need 2 MB; only `--store memory:` uses them."""
    loaded = _run("print(*sys.modules)").split()
    assert "dashapp.web.worker" in loaded
    assert not {"dashapp.collector.service", "dashapp.sources.registry"} & set(loaded)


def test_texts_of_bundles_are_not_kept() -> None:
    """Only the cache of responses keeps them, as bytes."""
    code = "import gc; gc.unfreeze(); print(max(len(value) for each in gc.get_objects()"
    code += " for value in gc.get_referents(each) if isinstance(value, str)))"
    assert int(_run(code).split()[-1]) < 100_000


def _run(code: str) -> str:
    argv = [sys.executable, "-c", f"{PAGE}\n{code}"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
