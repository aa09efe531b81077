"""The built files in assets/vendor are of the installed Dash and plotly."""

from __future__ import annotations

import json
from pathlib import Path

import brotli
import dash
from plotly.offline import get_plotlyjs_version

from dashapp.web.assets import assets_directory

VENDOR = assets_directory() / "vendor"
LOCK = json.loads((Path(__file__).parents[2] / "libraries" / "package-lock.json").read_text())["packages"]


def test_components_are_those_of_the_installed_dash() -> None:
    """Otherwise run `make libraries`; until then a page has Dash's own files, which are larger."""
    assert [path.name for path in VENDOR.glob("dash-core-*")] == [f"dash-core-{dash.__version__}.min.js"]


def test_plotlyjs_is_that_of_the_installed_plotly() -> None:
    version = get_plotlyjs_version()
    names = {path.name for path in VENDOR.glob("plotly-*.js")}
    assert names == {f"plotly-basic-{version}.min.js", f"plotly-lines-{version}.min.js"}
    assert LOCK["node_modules/plotly.js"]["version"] == version


def test_packed_file_is_the_plain_one() -> None:
    (packed,) = VENDOR.glob("*.br")
    assert brotli.decompress(packed.read_bytes()) == packed.with_suffix("").read_bytes()


def test_licences_name_the_packages_in_the_files() -> None:
    text = (VENDOR / "libraries-LICENSES.txt").read_text("utf-8")
    for name in ("@plotly/d3", "@radix-ui/react-slider", "culori", "plotly.js", "ramda"):
        assert f"{name} {LOCK[f'node_modules/{name}']['version']} (" in text
    assert f"dash {dash.__version__} (MIT)" in text
