"""The built package, installed into a fresh environment and started from another folder."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from contextlib import suppress
from email.parser import HeaderParser
from pathlib import Path

import pytest
from ports import free_port
from processes import ROOT, Dashapp, Process, stored
from waiting import PATIENCE_S, wait_for

from dashapp.alerts import apprise_worker
from dashapp.config import parsers
from dashapp.sources.external import prometheus, quotes


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--wheel-dir", str(folder), str(ROOT)], check=True, cwd=folder, timeout=4 * PATIENCE_S
    )
    (found,) = folder.glob("dashapp-*.whl")
    return found


def requirements(lines: list[str]) -> set[str]:
    """Return the requirements without order and spaces, with the specifiers of each sorted."""
    return {
        re.match(r"[\w.-]+", line)[0] + ",".join(sorted(re.findall(r"[<>=!~]=?[\w.]+", line)))  # type: ignore[index]
        for line in lines
        if line.strip() and not line.startswith("#")
    }


def test_wheel_requires_same_packages_as_requirements_txt(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith("/METADATA")]
        metadata = HeaderParser().parsestr(archive.read(name).decode())
    needed = [each for each in metadata.get_all("Requires-Dist", []) if "extra ==" not in each]
    assert requirements(needed) == requirements((ROOT / "requirements.txt").read_text().splitlines())
    assert metadata["Requires-Python"] == ">=3.11"


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
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
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
    assert all(name.startswith("dashapp/") for name in names)
    if tracked.returncode == 0:
        for name in tracked.stdout.split():
            assert name.removeprefix("dashapp/") in {each.removeprefix("dashapp/") for each in names}


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `bin` folder of a fresh environment with the wheel in it.

    It uses the dependencies of the environment that runs these tests.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    own = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "dependencies.pth").write_text(own + "\n")
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


def test_installed_command_serves_from_any_folder(installed: Path, tmp_path: Path) -> None:
    port = free_port()
    argv = [str(installed / "dashapp"), "--port", str(port)]
    process = Process(argv, folder=tmp_path, env={"PYTHONPATH": ""})
    app = Dashapp.__new__(Dashapp)
    app.port, app.popen = port, process.popen
    try:
        wait_for(lambda: f"Serving on http://127.0.0.1:{port} (store: data/)" in process.said)
        wait_for(app.newest)
        page = app.get("/")[1]
        addresses = [b"/" + each for each in re.findall(rb'(?:src|href)="\./([^"]+)"', page)]
        assert any(b"page.bundle.js" in address for address in addresses)
        assert any(b"plotly-basic" in address for address in addresses)
        for address in addresses:
            assert app.get(address.decode())[0] == 200, address
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
