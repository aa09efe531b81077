"""Hooks of mkdocs: links to files of the repository become pages of the site.

Pages in docs/ link to files outside of it, as GitHub shows them. In the site a document such as
ARCHITECTURE.md is a page of its own, an example is a page with its code, and a folder is plain text.
"""

from __future__ import annotations

import html
import os
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
DOCS = "docs"
# Documents in the root of the repository, and their pages.
DOCUMENTS = {
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CODE_OF_CONDUCT.md": "conduct.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "vulnerabilities.md",
}
FILES = "files"
FAVICON, STYLES = "assets/favicon.svg", "docsite/site.css"
# The address of the repository, if there is one; the build of the package uses the same variable.
URL_VARIABLE = "PROJECT_URL"
LINK = re.compile(r"(!?\[[^\]]*\])\(([^)\s]+)\)")
_FENCE = re.compile(r"^(`{3,}).*?^\1$", re.MULTILINE | re.DOTALL)
_URL = re.compile(r"[a-z][a-z0-9+.-]*:|#")
_LANGUAGES = {".py": "python", ".conf": "nginx", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    # Not as `repo_url`, because the theme then requests data from the host in the browser of each reader.
    if url := os.environ.get(URL_VARIABLE):
        config.extra["social"] = [{"icon": "fontawesome/brands/git-alt", "link": url, "name": "Repository"}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for name, page in DOCUMENTS.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text("utf-8")))
    for name in linked_files():
        files.append(File.generated(config, page_of(name), content=_page_with_code(name)))
    for name in (FAVICON, STYLES):
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    return links_of_site(markdown, source_of(page.file.src_uri))


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    # In a table `\|` is a bar, also in code. Python-Markdown leaves the backslash there.
    return re.sub(
        r"<td.*?</td>",
        lambda cell: re.sub(r"<code>.*?</code>", lambda code: code[0].replace("\\|", "|"), cell[0]),
        content,
        flags=re.DOTALL,
    )


def source_of(page: str) -> str:
    """Return the path of a page's Markdown in the repository.

    >>> source_of("alerts.md"), source_of("changelog.md"), source_of("files/examples/stocks.py.md")
    ('docs/alerts.md', 'CHANGELOG.md', 'examples/stocks.py')
    """
    for name, path in DOCUMENTS.items():
        if path == page:
            return name
    if page.startswith(f"{FILES}/"):
        return next(name for name in linked_files() if page_of(name) == page)
    return f"{DOCS}/{page}"


def page_of(name: str) -> str:
    """Return the page, or the picture, of a file of the repository.

    A name loses a dot at its begin, because mkdocs leaves out such files.

    >>> page_of("docs/alerts.md"), page_of("CHANGELOG.md"), page_of("docs/cache.nginx.conf")
    ('alerts.md', 'changelog.md', 'files/docs/cache.nginx.conf.md')
    >>> page_of(".github/workflows/ci.yml")
    'files/github/workflows/ci.yml.md'
    """
    if name in DOCUMENTS:
        return DOCUMENTS[name]
    if name.startswith(f"{DOCS}/") and not name.endswith(".conf"):
        return name.removeprefix(f"{DOCS}/")
    return f"{FILES}/{name.replace('/.', '/').removeprefix('.')}.md"


def resolved(target: str, source: str) -> tuple[str, str]:
    """Return the file of a relative link in the document `source`, and its anchor with the `#`."""
    path, mark, anchor = target.partition("#")
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), path)), mark + anchor


def links_of_site(markdown: str, source: str) -> str:
    """Return the Markdown of a document with its links changed to pages of the site.

    >>> links_of_site("[a](alerts.md#rules) [b](../CHANGELOG.md) [c](../examples) [d](#x)", "docs/index.md")
    '[a](alerts.md#rules) [b](changelog.md) c [d](#x)'
    >>> links_of_site("[a](docs/alerts.md) [b](examples/stocks.py)", "CHANGELOG.md")
    '[a](alerts.md) [b](files/examples/stocks.py.md)'
    """

    def replaced(match: re.Match[str]) -> str:
        text, target = match.groups()
        if _URL.match(target):
            return match[0]
        name, anchor = resolved(target, source)
        if (ROOT / name).is_dir():
            return text[1:-1]
        return f"{text}({page_of(name)}{anchor})"

    parts: list[str] = []
    end = 0
    for fence in _FENCE.finditer(markdown):
        parts += [LINK.sub(replaced, markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, LINK.sub(replaced, markdown[end:])])


def linked_files() -> set[str]:
    """Return the files outside of docs/ to which the documents link, without documents."""
    documents = [*DOCUMENTS, *(f"{DOCS}/{path.name}" for path in (ROOT / DOCS).glob("*.md"))]
    found = {
        resolved(target, document)[0]
        for document in documents
        for _, target in LINK.findall(_FENCE.sub("", (ROOT / document).read_text("utf-8")))
        if not _URL.match(target)
    }
    return {name for name in found if (ROOT / name).is_file() and page_of(name).startswith(f"{FILES}/")}


def _page_with_code(name: str) -> str:
    text = (ROOT / name).read_text("utf-8")
    if name.endswith(".md"):
        return text
    return f"# {html.escape(name)}\n\n````{_LANGUAGES.get(Path(name).suffix, '')}\n{text}\n````\n"
