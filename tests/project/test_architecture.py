"""Structure rules: layers of packages, size limits, and forbidden constructs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from dashapp.web.assets import LIVE_GRAPH_LAYERS, PAGE_LAYERS

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "dashapp"
FILES = sorted(PACKAGE.rglob("*.py"))

# From bottom to top: a module imports only from its own package and from those before it.
LAYERS = [
    *(
        "model",
        "languages",
        "process",
        "sources",
        "config",
        "stores",
        "query",
        "alerts",
        "http",
        "api",
        "collector",
    ),
    *("mcp", "web", "integrations"),
]
# Inside `sources` and `stores`, only these two modules import the sub-packages, because they select one.
CHOOSERS = {"dashapp.sources.registry", "dashapp.stores.factory"}
# A sub-package that all of them use.
SHARED = (
    "dashapp.model.alerts",
    "dashapp.model.formulas",
    "dashapp.stores.history",
    "dashapp.web.components",
    "dashapp.model.statistics",
    "dashapp.stores.history",
    *("dashapp.api.statistics", "dashapp.api.streaming", "dashapp.web.components"),
)
MAX_MODULES = 15
MAX_LINES = 400
MAX_FUNCTION_LINES = 100

# Large third-party packages, and our modules or packages that may import them.
HEAVY = {
    "brotli": {"dashapp.http.encodings"},
    "dash": {
        *("dashapp.web.app", "dashapp.web.layout", "dashapp.web.live_graph", "dashapp.web.panel"),
        *("dashapp.web.components", "dashapp.web.shared_view_app", "dashapp.web.dash_files"),
        *("dashapp.integrations.dash_attach", "dashapp.integrations.dash_routes"),
    },
    "flask": {
        *("dashapp.web.app", "dashapp.integrations.dash_routes", "dashapp.integrations.flask_chart"),
        *("dashapp.integrations.flask_mount", "dashapp.integrations.flask_response"),
    },
    "granian": {"dashapp.web.server"},
    "jinja2": {"dashapp.http.templates"},
    "numpy": {
        *(
            "dashapp.model.columns",
            "dashapp.model.column_buffer",
            "dashapp.stores",
            "dashapp.query.frames",
            "dashapp.query.formula_columns",
            "dashapp.mcp.history",
            *("dashapp.query.frames", "dashapp.query.forecasts", "dashapp.query.usual"),
            "dashapp.api.csv_export",
        ),
    },
    "orjson": {
        *("dashapp.http.responses", "dashapp.api.csv_export", "dashapp.stores.history.archive_reader"),
        "dashapp.model.ticks",  # only for ticks of many metrics
    },
    "mcp": {"dashapp.mcp.server"},
    "mcp_types": {"dashapp.mcp.server"},
    "pandas": set[str](),
    "plotly": {"dashapp.web.worker"},
    "redis": {"dashapp.stores.redis"},
    "zxcvbn": {"dashapp.config.password_strength"},
    "werkzeug": {
        *("dashapp.integrations.access", "dashapp.integrations.flask_response", "dashapp.integrations.wsgi"),
    },
}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in FILES}


@cache
def trees() -> dict[str, ast.Module]:
    return {name: ast.parse(path.read_text()) for name, path in MODULES.items()}


def imports(nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Yield the full names of the imported modules."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in MODULES else node.module for name in names)


@cache
def all_imports(module: str) -> set[str]:
    """Return all imports of the module, including those inside functions."""
    return set(imports(ast.walk(trees()[module])))


def layer(module: str) -> int | None:
    """Return the index in LAYERS, or None for a module outside all layers."""
    parts = module.split(".")
    return LAYERS.index(parts[1]) if len(parts) > 1 and parts[1] in LAYERS else None


def test_imports_point_down() -> None:
    wrong = []
    for module in MODULES:
        own = layer(module)
        for imported in all_imports(module):
            if own is None or not imported.startswith("dashapp."):
                continue
            other = layer(imported)
            if other is None or other > own:
                wrong.append(f"{module} imports {imported}")
    assert not wrong


def test_every_package_has_a_layer() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert folders - {"examples"} == set(LAYERS)


def test_modules_have_no_import_cycles() -> None:
    """Check imports at module level only, because only they run when a module is imported."""
    left = {}
    for module, tree in trees().items():
        found = {name for name in imports(iter(tree.body)) if name in MODULES and name != module}
        left[module] = found
    while True:
        free = {module for module, others in left.items() if not others & left.keys()}
        if not free:
            break
        left = {module: others for module, others in left.items() if module not in free}
    assert not left, f"these import each other: {sorted(left)}"


def test_subpackages_are_imported_only_by_registry_and_factory() -> None:
    wrong = []
    for module in MODULES:
        parts = module.split(".")
        for imported in all_imports(module):
            target = imported.split(".")
            same = len(target) > 3 and target[:2] == parts[:2]
            if (
                same
                and parts[:3] != target[:3]
                and module not in CHOOSERS
                and not imported.startswith(SHARED)
            ):
                wrong.append(f"{module} imports {imported}")
    assert not wrong


def test_client_imports_no_other_dashapp_module() -> None:
    assert not {name for name in all_imports("dashapp.client") if name.startswith("dashapp.")}


@pytest.mark.parametrize("module", ["dashapp.training_run", "dashapp.marks"])
def test_public_senders_import_only_the_client(module: str) -> None:
    found = {name for name in all_imports(module) if name.startswith("dashapp.")}
    assert found == {"dashapp.client"}


def test_packages_modules_and_functions_stay_below_size_limits() -> None:
    wrong = []
    for folder in {path.parent for path in FILES}:
        modules = [path for path in folder.glob("*.py") if path.stem not in ("__init__", "__main__")]
        if len(modules) > MAX_MODULES:
            wrong.append(f"{name_of(folder / '__init__.py')} has {len(modules)} modules")
    for module, path in MODULES.items():
        if (lines := len(path.read_text().splitlines())) > MAX_LINES:
            wrong.append(f"{module} has {lines} lines")
        for node in ast.walk(trees()[module]):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    wrong.append(f"{module}.{node.name} has {lines} lines")
    assert not wrong


def test_module_has_docstring() -> None:
    assert not [module for module, tree in trees().items() if not ast.get_docstring(tree)]


def test_heavy_packages_are_imported_only_by_listed_modules() -> None:
    wrong = []
    for module in MODULES:
        for imported in all_imports(module):
            allowed = HEAVY.get(imported.split(".")[0])
            if allowed is not None and not any(
                module == name or module.startswith(f"{name}.") for name in allowed
            ):
                wrong.append(f"{module} imports {imported}")
    assert not wrong


def test_modules_use_no_eval_or_pickle() -> None:
    wrong = []
    for module, tree in trees().items():
        for node in ast.walk(tree):
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if called in {"eval", "exec", "compile", "globals", "__import__"}:
                wrong.append(f"{module} calls {called}")
        if {name.split(".")[0] for name in all_imports(module)} & {"pickle", "marshal", "shelve", "dill"}:
            wrong.append(f"{module} reads pickles")
    assert not wrong


def test_exceptions_are_not_silently_ignored() -> None:
    wrong = []
    for module, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler):
                silent = all(isinstance(line, ast.Pass) for line in node.body)
                broad = isinstance(node.type, ast.Name) and node.type.id == "Exception"
                if node.type is None or (silent and broad):
                    wrong.append(f"{module}, line {node.lineno}")
    assert not wrong


# The collector imports its store and its sources only when it needs them.
LATER_IMPORTS = ["dashapp.stores.disk.store", *(name for name in MODULES if "dashapp.sources" in name)]


@pytest.mark.parametrize(
    "modules", ["dashapp.collector.service", "dashapp.__main__", ", ".join(LATER_IMPORTS)]
)
def test_collector_and_supervisor_load_no_heavy_packages(modules: str) -> None:
    """Keep the collector and the supervisor light.

    Without these packages they need a third of the memory and a seventh of the start-up time.
    """
    code = f"import {modules}, sys; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not set(loaded) & {*HEAVY, "asyncio", "pydantic", "requests", "apprise"}


def test_collector_without_alert_addresses_does_not_load_openssl() -> None:
    """Loading OpenSSL, for example with `secrets` or `hashlib`, needs 3.5 MB of memory."""
    modules = "dashapp.collector.service, dashapp.stores.disk.store, dashapp.stores.memory"
    code = f"import {modules}, dashapp.sources.system.all, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"_hashlib", "_ssl"} & set(loaded)


def test_supervisor_loads_no_parser_of_mail_and_no_alerts() -> None:
    """They come with http.client, and OpenSSL as well: 4 MB."""
    code = "import dashapp.__main__, sys; print(*sys.modules)"
    argv = [sys.executable, "-c", code]
    loaded = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert "dashapp.process.supervisor" in loaded
    assert not {"_ssl", "_hashlib", "email", "http.client", "dashapp.alerts.apprise_worker"} & set(loaded)


def test_workers_do_not_load_ipython() -> None:
    """Dash would import it for notebooks: a tenth of a second and 9 MB in each worker."""
    code = "import sys; from dashapp.web import server; server._worker_module(); print(*sys.modules)"
    argv = [sys.executable, "-c", code]
    loaded = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert {"dash.dash", "dashapp.web.worker"} <= set(loaded)
    assert not {"IPython", "IPython.core"} & set(loaded)


def test_process_that_starts_a_single_worker_loads_no_dash() -> None:
    """It only waits: with Dash it would need 30 MB more."""
    argv = [sys.executable, "-X", "importtime", "-m", "dashapp.web", "--window", "none"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    loaded = set(re.findall(r"\| +([\w.]+)$", done.stderr, re.MULTILINE))
    assert {"granian", "dashapp.web.server"} <= loaded
    assert not loaded & {*HEAVY, "pydantic"} - {"granian"}


def test_import_starts_no_thread_and_opens_no_file() -> None:
    """Importing every module leaves no thread, child process, socket or file open."""
    names = [name for name in MODULES if not name.endswith("__main__")]
    code = (
        f"import importlib, os, threading\nbefore = set(os.listdir('/proc/self/fd'))\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert set(os.listdir('/proc/self/fd')) == before\n"
    )
    if Path("/proc/self/fd").is_dir():
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


# Scripts share one object, `app`: each name is defined in one script and used in its own layer and above.
SCRIPTS = sorted(path for path in (ROOT / "assets").glob("*/*.js") if path.parent.name != "vendor")


def test_scripts_use_only_names_of_their_layer_and_below() -> None:
    homes = {
        name: path.parent.name
        for path in SCRIPTS
        for name in re.findall(r"^  app\.(\w+) = ", path.read_text(), re.M)
    }
    wrong = []
    for path in SCRIPTS:
        own = path.parent.name
        layers = LIVE_GRAPH_LAYERS if own == "live_graph" else PAGE_LAYERS
        below = layers[: layers.index(own) + 1]
        used = set(re.findall(r"\bapp\.(\w+)", path.read_text())) & homes.keys()
        wrong += [
            f"{own}/{path.name} uses app.{name} of {homes[name]}" for name in used if homes[name] not in below
        ]
    assert not wrong


def test_scripts_and_script_folders_stay_below_size_limits() -> None:
    assert {path.parent.name for path in SCRIPTS} == {*PAGE_LAYERS, *LIVE_GRAPH_LAYERS}
    for folder in {path.parent for path in SCRIPTS}:
        assert len(list(folder.glob("*.js"))) <= MAX_MODULES, folder
    assert not [path.name for path in SCRIPTS if len(path.read_text().splitlines()) > MAX_LINES]
