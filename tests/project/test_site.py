"""The documentation as a site: no warnings, no broken links, no requests to other sites."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from mkdocs.config import load_config
from mkdocs.config.defaults import MkDocsConfig
from playwright.sync_api import Page, expect
from processes import ROOT
from waiting import PATIENCE_S

from docsite import hooks
from docsite.settings_table import DEFAULTS, NOTES, PAGE, with_table

# Elements of a page that make a browser load an address.
LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "link": "href",
}


class Addresses(HTMLParser):
    """The addresses that a page loads, those to which it links, and its anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.anchors.update(value for name in ("id", "name") if (value := values.get(name)))
        if address := values.get(LOADED.get(tag, "")):
            self.loaded.append(address)
        if tag == "a" and (address := values.get("href")):
            self.linked.append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    argv = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    env.pop(hooks.URL_VARIABLE, None)
    build = subprocess.run(
        argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=4 * PATIENCE_S, check=False
    )
    assert build.returncode == 0, build.stderr
    assert "WARNING" not in build.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Addresses]:
    """The pages by their path, without that of errors, whose addresses begin with `/`."""
    found = {path.relative_to(site).as_posix(): path for path in site.rglob("*.html")}
    found.pop("404.html")
    return {name: Addresses(path.read_text("utf-8")) for name, path in found.items()}


def test_links_and_pictures_of_site_lead_to_files_and_anchors(
    site: Path, pages: dict[str, Addresses]
) -> None:
    broken = []
    count = 0
    for name, page in pages.items():
        for address in [*page.loaded, *page.linked]:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = unquote(urljoin(name, parts.path)) if parts.path else name
            target = "index.html" if target in ("", ".") else target
            count += 1
            anchor = unquote(parts.fragment)
            if not (site / target).is_file() or (anchor and anchor not in pages[target].anchors):
                broken.append((name, address))
    assert broken == []
    assert count > 1000


def test_site_loads_nothing_from_other_sites(site: Path, pages: dict[str, Addresses]) -> None:
    assert [each for page in pages.values() for each in page.loaded if urlsplit(each).netloc] == []
    for path in site.rglob("*.css"):
        text = path.read_text("utf-8")
        assert not re.findall(r"@import|url\(\s*['\"]?(?:https?:)?//", text), path.name


def test_site_has_no_backslash_before_a_bar_in_code_of_tables(site: Path) -> None:
    text = (site / "sources.html").read_text("utf-8")
    assert "<code>stdin</code>, as in <code>vmstat 1 | python" in text


def test_site_has_a_page_for_each_linked_file_of_the_repository(pages: dict[str, Addresses]) -> None:
    linked = hooks.linked_files()
    assert "examples/stocks.py" in linked
    assert {hooks.page_of(name).removesuffix(".md") + ".html" for name in linked} <= set(pages)


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(site)))
    Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_site_is_searched_in_the_browser_without_other_requests(page: Page, address: str) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address + "index.html")
    expect(page.locator("h1")).to_contain_text("dashapp")
    page.locator(".md-search__input").click()
    page.keyboard.type("retention")
    result = page.locator(".md-search-result__link", has_text="History").first
    expect(result).to_be_visible()
    result.click()
    expect(page.locator("h1")).to_contain_text("History")
    others = [url for url in requests if not url.startswith((address, "data:", "blob:"))]
    assert others == []


def test_navigation_has_the_pages_of_the_index_in_its_order() -> None:
    navigation = load_config(str(ROOT / "mkdocs.yml")).nav
    assert navigation
    home, *sections = navigation
    assert home == {"Home": "index.md"}
    expected = [
        (title, [(name, path) for each in entries for name, path in each.items()])
        for section in sections
        for title, entries in section.items()
    ]
    index = hooks.links_of_site((ROOT / "docs" / "index.md").read_text("utf-8"), "docs/index.md")
    listed = [
        (section.partition("\n")[0], re.findall(r"^- \[([^\]]+)\]\(([^)]+)\): .+\?$", section, re.MULTILINE))
        for section in index.split("\n## ")[1:]
    ]
    assert listed == expected


def test_settings_table_is_current() -> None:
    text = PAGE.read_text("utf-8")
    assert text == with_table(text), "run `python -m docsite`, or `make docs`"


def test_notes_and_defaults_belong_to_settings() -> None:
    text = PAGE.read_text("utf-8")
    assert all(f"`DASHAPP_{name.upper()}`" in text for name in (*DEFAULTS, *NOTES))


@pytest.mark.parametrize("url", ["", "https://git.example/team/dashapp"])
def test_site_links_the_repository_only_if_it_has_an_address(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(hooks.URL_VARIABLE, url)
    config = hooks.on_config(MkDocsConfig())
    assert [each["link"] for each in config.extra.get("social", [])] == ([url] if url else [])
    # With this setting the theme requests data of the repository from its host.
    assert not config.repo_url
