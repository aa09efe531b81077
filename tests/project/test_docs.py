"""The documentation is complete and correct: settings, paths, links, pictures, snippets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest
from openapi_references import parameter_names
from processes import ROOT

from dashapp.api import endpoints, openapi, prometheus, push
from dashapp.config.cli import ENV_PREFIX
from dashapp.config.settings import Settings

DOCS = ROOT / "docs"
MAX_README_WORDS, MAX_README_TABLE_ROWS = 900, 20
MAX_GLOSSARY_WORDS = 20
NO_DOCUMENTS = {"node_modules", "dist", "build", "data", "site"}
# Variables of dashapp that are not settings.
OTHER_VARIABLES = {"DASHAPP_URL", "DASHAPP_BENCH_STEP"}

_FENCE = re.compile(r"^(`{3,})(\w*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_URL = re.compile(r"[a-z][a-z0-9+.-]*:")


def documents() -> Iterator[Path]:
    """Yield all Markdown files of the project."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NO_DOCUMENTS and not name.startswith(".")]
        yield from (Path(folder, name) for name in sorted(files) if name.endswith(".md"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


DOCUMENTS = sorted(documents())


@cache
def flags() -> frozenset[str]:
    """Return the flags that --help lists."""
    argv = [sys.executable, "-m", "dashapp", "--help"]
    text = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return frozenset(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def rows(path: Path, heading: str) -> dict[str, str]:
    """Return the rows of a section's first table, keyed by the text of the first two cells."""
    section = path.read_text().partition(f"\n{heading}\n")[2]
    lines = [line for line in section.partition("\n#")[0].splitlines() if line.startswith("|")]
    return {"".join(line.split("|")[1:3]): line for line in lines[2:]}


@pytest.mark.parametrize("setting", [each.name for each in fields(Settings)])
def test_configuration_page_has_variable_and_platform_variable(setting: str) -> None:
    (field,) = [each for each in fields(Settings) if each.name == setting]
    table = rows(DOCS / "configuration.md", "## All settings")
    (cells,) = [cells for cells in table if f"`{ENV_PREFIX}{setting.upper()}`" in cells]
    assert (
        f"`{field.metadata['platform_variable']}`" in cells if "platform_variable" in field.metadata else True
    )


def test_configuration_page_has_each_flag_and_no_other() -> None:
    named = set(re.findall(r"`(--[a-z-]+)`", "".join(rows(DOCS / "configuration.md", "## All settings"))))
    assert named == flags() - {"--help", "--version", "--check-config"}
    assert "`python -m dashapp --check-config`" in (DOCS / "configuration.md").read_text()


def test_documents_name_only_variables_that_exist() -> None:
    known = {f"{ENV_PREFIX}{each.name.upper()}" for each in fields(Settings)} | OTHER_VARIABLES
    for path in DOCUMENTS:
        assert set(re.findall(rf"\b{ENV_PREFIX}[A-Z_]+", path.read_text())) <= known, name_of(path)


PAGE = (DOCS / "api.md").read_text()
# A server with every optional feature: a login, a push token, many hosts.
DESCRIPTION = openapi.openapi_document(
    Settings(password="correct horse 7", push_token="4f9c2e7ab15d8036"), True
)
PATHS = {
    *endpoints.PATHS,
    openapi.OPENAPI_PATH,
    prometheus.METRICS_PATH,
    push.PUSH_PATH,
    *DESCRIPTION["paths"],
}


@pytest.mark.parametrize("path", sorted(PATHS))
def test_api_page_has_each_path(path: str) -> None:
    assert re.search(rf"^\| `(GET|POST) {re.escape(path)}(\?[^`]*)?` \|", PAGE, re.MULTILINE)


def test_api_page_has_each_query_parameter() -> None:
    asked = {
        (path, name)
        for path, methods in DESCRIPTION["paths"].items()
        for operation in methods.values()
        for name in parameter_names(DESCRIPTION, operation)
    }
    table = rows(DOCS / "api.md", "## Query parameters")
    for path, name in sorted(asked):
        found = [cells for cells in table if re.search(rf"`{name}(=1)?`", cells)]
        assert any(f"`{path}`" in cells for cells in found), f"{name} of {path}"


def test_api_page_has_each_field_of_a_frame() -> None:
    schema = DESCRIPTION["components"]["schemas"]["Frame"]
    for field in schema["properties"]:
        assert f"`{field}`" in PAGE, field


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub generates them."""
    text = _FENCE.sub("", path.read_text())
    found: set[str] = set()
    for heading in _HEADING.findall(text):
        plain = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower())
        anchor = again = plain.strip().replace(" ", "-")
        number = 1
        while again in found:
            again, number = f"{anchor}-{number}", number + 1
        found.add(again)
    return found


def links(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the relative links of a document: the file and the anchor, which may be empty."""
    for target in _LINK.findall(_FENCE.sub("", path.read_text())):
        if not _URL.match(target):
            file, _, anchor = target.partition("#")
            yield (path.parent / file).resolve() if file else path, anchor


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_to_files_and_headings(path: Path) -> None:
    for file, anchor in links(path):
        assert file.exists(), file
        assert not anchor or anchor in anchors(file), f"{name_of(file)}#{anchor}"


def test_installation_page_has_each_extra_for_users() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    listed = re.findall(r"^\| `(\w+)` \|", (DOCS / "install.md").read_text(), re.MULTILINE)
    (everything,) = extras["all"]
    assert set(listed) == {"all", *everything.partition("[")[2].rstrip("]").split(",")}


def test_index_links_each_page() -> None:
    linked = {file for file, _ in links(DOCS / "index.md")}
    assert {*DOCS.glob("*.md"), ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md"} - linked == {
        DOCS / "index.md"
    }


def test_each_picture_and_file_in_docs_is_used() -> None:
    linked = {file for path in DOCUMENTS for file, _ in links(path)}
    assert not {path.name for path in DOCS.iterdir() if path.suffix != ".md" and path not in linked}


def test_readme_is_short_and_has_the_test_command() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.split()) <= MAX_README_WORDS
    rows = [line for line in text.splitlines() if line.startswith(("| ", "|-"))]
    assert len(rows) <= MAX_README_TABLE_ROWS
    assert "\n```sh\nmake test\n```\n" in text


def test_architecture_page_names_files_that_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for name in sorted(set(re.findall(r"`([\w/*]+\.(?:py|js|css))`", text))):
        folders = ("dashapp", "assets", "tests")
        assert any(next(ROOT.glob(f"{folder}/**/{name}"), None) for folder in folders) or any(
            ROOT.glob(name)
        ), name


def test_glossary_has_few_words_which_other_pages_use() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", (DOCS / "glossary.md").read_text(), re.MULTILINE)
    assert 0 < len(words) <= MAX_GLOSSARY_WORDS
    assert len(set(words)) == len(words)
    others = " ".join(path.read_text().lower() for path in DOCS.glob("*.md") if path.stem != "glossary")
    assert [word for word in words if word not in others] == []


def test_changelog_has_one_change_per_line_under_known_headings() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    versions = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert versions[0] == "[Unreleased]"
