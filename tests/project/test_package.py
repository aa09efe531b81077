"""The built package, installed into a fresh environment and started from another folder."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from contextlib import suppress
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

import brotli
import pytest
from playwright.sync_api import Page
from ports import free_port
from processes import ROOT, Dashapp, Process, stored
from thorough import amount
from waiting import PATIENCE_S, wait_for, wait_until

import hatch_build
from dashapp.alerts import apprise_worker
from dashapp.config import parsers
from dashapp.sources.external import prometheus, quotes

# The user's extras; the others are for the work on dashapp itself.
OWN_EXTRAS = {"all", "bench", "docs", "pictures", "release", "test"}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the sdist, and with the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("built")
    argv = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    env = {**os.environ, hatch_build.URL_VARIABLE: "https://host.example/owner/dashapp"}
    done = subprocess.run(
        argv, cwd=folder, env=env, timeout=8 * PATIENCE_S, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("dashapp-*.whl")
    return found


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith("/METADATA")]
        return HeaderParser().parsestr(archive.read(name).decode())


def requirements(lines: list[str]) -> set[str]:
    """Return the requirements without order and spaces, with the specifiers of each sorted."""
    return {
        re.match(r"[\w.-]+", line)[0] + ",".join(sorted(re.findall(r"[<>=!~]=?[\w.]+", line)))  # type: ignore[index]
        for line in lines
        if line.strip() and not line.startswith("#")
    }


def test_wheel_requires_same_packages_as_requirements_txt(metadata: Message) -> None:
    needed = [each for each in metadata.get_all("Requires-Dist", []) if "extra ==" not in each]
    assert requirements(needed) == requirements((ROOT / "requirements.txt").read_text().splitlines())
    assert metadata["Requires-Python"] == ">=3.11"


def test_extra_all_contains_every_extra_of_users(metadata: Message) -> None:
    extras = set(PYPROJECT["optional-dependencies"])
    assert {"gpu", "redis", "alerts", "prometheus", "mcp", "all"} <= extras
    of_extra = [
        re.split(r"; extra == ", each) for each in metadata.get_all("Requires-Dist", []) if ";" in each
    ]
    needs = {extra: {need for need, name in of_extra if name.strip("'\"") == extra} for extra in extras}
    assert needs["all"] == set().union(*(needs[extra] for extra in extras - OWN_EXTRAS))


def test_metadata_for_package_index_is_complete(metadata: Message) -> None:
    classifiers = metadata.get_all("Classifier", [])
    assert "Typing :: Typed" in classifiers
    for minor in range(11, 15):
        assert f"Programming Language :: Python :: 3.{minor}" in classifiers
    assert metadata["License-Expression"] == "MIT"
    assert len(metadata["Keywords"].split(",")) >= 5
    assert "Source, https://host.example/owner/dashapp" in metadata.get_all("Project-URL", [])
    # The index shows the README, and knows nothing of the repository's folders.
    text = str(metadata.get_payload())
    assert "](https://host.example/owner/dashapp/blob/main/docs/tutorial.md)" in text
    assert not re.findall(r"\]\((?!https?:|#)[^)]*\)", text)


def test_project_has_no_invented_address() -> None:
    """The repository has no public address yet; the release workflow sets it."""
    assert "urls" in PYPROJECT["dynamic"]
    assert "urls" not in PYPROJECT


def test_examples_of_build_script() -> None:
    assert doctest.testmod(hatch_build).failed == 0


@pytest.mark.parametrize("text", ["`a", "`${`", "f(`${a}"])
def test_script_that_ends_in_a_template_is_not_minified(text: str) -> None:
    with pytest.raises(ValueError, match="template literal"):
        hatch_build.minify_script(text)


@pytest.mark.parametrize(
    ("extra", "said"),
    {
        "alerts": apprise_worker.APPRISE_MISSING,
        "prometheus": prometheus.PACKAGE_MISSING,
        "quotes": quotes.PACKAGE_MISSING,
        "redis": parsers.REDIS_MISSING,
    }.items(),
)
def test_missing_package_error_names_requirement_of_extra(extra: str, said: str) -> None:
    """The message names the missing package itself, because dashapp is on no index.

    A package of that name on an index would not be ours.
    """
    known = PYPROJECT["optional-dependencies"]
    assert [re.findall("pip install '(.+)'", said)[0]] == known[extra]


def test_wheel_contains_all_package_files_and_no_others(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {each for each in archive.namelist() if ".dist-info/" not in each}
    tracked = subprocess.run(
        ["git", "ls-files", "dashapp", "assets"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert {
        "dashapp/web/server.py",
        "dashapp/collector/service.py",
        "dashapp/integrations/flask_mount.py",
    } <= names
    assert {"dashapp/assets/charts/live_view.js", "dashapp/assets/styles/base.css"} <= names
    # plotly.js, compressed with more patience than a server has.
    (packed,) = [name for name in names if name.endswith(".br")]
    with zipfile.ZipFile(wheel) as archive:
        plain = archive.read(packed.removesuffix(".br"))
        assert brotli.decompress(archive.read(packed)) == plain
        assert len(archive.read(packed)) < 0.3 * len(plain)
    assert all(name.startswith("dashapp/") for name in names)
    assert "dashapp/py.typed" in names
    if tracked.returncode == 0:
        for name in tracked.stdout.split():
            assert name.removeprefix("dashapp/") in {each.removeprefix("dashapp/") for each in names}


def test_sdist_contains_what_a_packager_builds_and_tests(built: Path) -> None:
    (found,) = built.glob("dashapp-*.tar.gz")
    with tarfile.open(found) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in ("LICENSE", "README.md", "hatch_build.py", "requirements.lock", "assets/ui/numbers.js"):
        assert name in names
    assert {"tests/conftest.py", "docs/tutorial.md", "examples/dash_app.py", "Makefile"} <= names


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not here to parse the scripts")
def test_minified_scripts_are_the_same_programs(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    top = ROOT / "assets"
    pairs = [
        (path, tmp_path / "dashapp" / "assets" / path.relative_to(top))
        for path in sorted(top.rglob("*.js"))
        if not path.name.endswith(".min.js")
    ]
    program = ROOT / "tests" / "support" / "same_program.cjs"
    argv = ["node", "--expose-internals", str(program), *(str(path) for pair in pairs for path in pair)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=4 * PATIENCE_S)
    assert (done.returncode, done.stderr) == (0, "")
    before, after = (sum(pair[index].stat().st_size for pair in pairs) for index in (0, 1))
    assert after < 0.75 * before


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `bin` folder of a fresh environment with the wheel in it.

    It uses the dependencies of the environment that runs these tests.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    own = [path for path in sys.path if path.endswith("site-packages")]
    (site / "dependencies.pth").write_text("\n".join(own) + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    options = ["--no-deps", "--no-index", "--disable-pip-version-check", "--ignore-installed"]
    subprocess.run([*pip, *options, str(wheel)], check=True, timeout=4 * PATIENCE_S)
    return folder / "bin"


@pytest.mark.parametrize("command", [["dashapp"], ["python", "-m", "dashapp"]])
def test_installed_command_prints_version(installed: Path, tmp_path: Path, command: list[str]) -> None:
    program = [str(installed / command[0]), *command[1:]]
    version = subprocess.run(
        [*program, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", version.stdout)


def test_installed_command_serves_from_any_folder(installed: Path, tmp_path: Path, page: Page) -> None:
    port = free_port()
    argv = [str(installed / "dashapp"), "--port", str(port)]
    process = Process(argv, folder=tmp_path, env={"PYTHONPATH": ""})
    app = Dashapp.__new__(Dashapp)
    app.port, app.popen = port, process.popen
    try:
        wait_for(lambda: f"Serving on http://127.0.0.1:{port} (store: data/)" in process.said)
        wait_for(app.newest)
        document = app.get("/")[1]
        addresses = [b"/" + each for each in re.findall(rb'(?:src|href)="\./([^"]+)"', document)]
        assert any(b"page.bundle.js" in address for address in addresses)
        assert any(b"plotly-basic" in address for address in addresses)
        for address in addresses:
            assert app.get(address.decode())[0] == 200, address
        # The minified scripts draw.
        page.goto(f"http://127.0.0.1:{port}/")
        drawn = "(document.querySelector('[data-panel=cpu] .js-plotly-plot')?.data?.[0]?.x.length ?? 0) > 1"
        wait_until(page, lambda: page.evaluate(drawn))
        page.goto("about:blank")
        assert str(ROOT) not in process.said
    finally:
        process.end()


def test_installed_collector_writes_to_any_folder(installed: Path, tmp_path: Path) -> None:
    argv = [str(installed / "python"), "-m", "dashapp", "collect", "--store", "here"]
    process = Process(argv, folder=tmp_path, env={"PYTHONPATH": ""})
    try:
        wait_for(lambda: stored(tmp_path / "here"))
        process.popen.terminate()
        assert process.wait() == 0
        assert "Traceback" not in process.said
    finally:
        process.end()


def test_installed_package_mounts_in_flask_from_any_folder(installed: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "flask_app.py", tmp_path / "shop.py")
    port = free_port()
    argv = [str(installed / "python"), "-m", "flask", "--app", "shop", "run", "--port", str(port)]
    process = Process(argv, folder=tmp_path, env={"PYTHONPATH": ""})
    app = Dashapp.__new__(Dashapp)
    app.port, app.popen = port, process.popen

    def get(path: str) -> tuple[int, bytes]:
        with suppress(OSError):
            return app.get(path)
        return 0, b""

    try:
        wait_for(lambda: get("/")[0] == 200)
        assert b'<iframe class="dashapp-chart" src="/monitor/?' in get("/")[1]
        wait_for(lambda: b'"cpu.percent":[' in get("/monitor/api/ticks?metrics=cpu.percent")[1])
        for address in re.findall(rb'(?:src|href)="\./([^"]+)"', get("/monitor/")[1]):
            assert get(f"/monitor/{address.decode()}")[0] == 200, address
        wait_for(lambda: stored(tmp_path / "data"))
    finally:
        process.end()


@pytest.mark.parametrize("command", [["-m", "dashapp"], ["-m", "dashapp.collector"], ["collector.py"]])
def test_old_python_gets_one_sentence(command: list[str]) -> None:
    """Run the oldest interpreter of this machine, or this one with the version of an older one."""
    old = next((path for path in map(shutil.which, ("python3.8", "python3.9", "python3.10")) if path), None)
    if old is None or subprocess.run([old, "--version"], capture_output=True, check=False).returncode:
        code = (
            "import runpy, sys; sys.path.insert(0, ''); sys.version_info = (3, 10, 0, 'final', 0); "
            f"sys.argv = {command[:1]!r}; "
            + (f"runpy.run_module({command[1]!r}, run_name='__main__')" if command[1:] else "import dashapp")
        )
        argv = [sys.executable, "-c", code]
    else:
        argv = [old, *command]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert re.fullmatch(r"dashapp needs Python 3\.11 or newer; this is Python 3\.\d+\n", done.stderr)
    assert (done.returncode, done.stdout) == (1, "")


def runs(version: str) -> bool:
    program = shutil.which(f"python{version}")
    return (
        program is not None
        and not subprocess.run([program, "--version"], capture_output=True, check=False).returncode
    )


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("kind", ["whl", "tar.gz"])
def test_package_installs_and_serves_on_each_python(
    built: Path, tmp_path: Path, version: str, kind: str
) -> None:
    """Install into an empty environment, with all requirements."""
    if not amount(0, 1):
        pytest.skip("an installation for each Python; run with --thorough")
    if not runs(version):
        pytest.skip(f"python{version} is not here")
    subprocess.run([f"python{version}", "-m", "venv", str(tmp_path / "venv")], check=True)
    programs, (package,) = tmp_path / "venv" / "bin", built.glob(f"dashapp-*.{kind}")
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet", str(package)]
    subprocess.run(pip, check=True, timeout=8 * PATIENCE_S)
    port = free_port()
    process = Process(
        [str(programs / "dashapp"), "--port", str(port)], folder=tmp_path, env={"PYTHONPATH": ""}
    )
    app = Dashapp.__new__(Dashapp)
    app.port, app.popen = port, process.popen
    try:
        wait_for(lambda: "Serving on" in process.said)
        wait_for(app.newest)
        assert b"page.bundle.js" in app.get("/")[1]
        process.popen.terminate()
        assert process.wait() == 0
        assert "Traceback" not in process.said
    finally:
        process.end()
