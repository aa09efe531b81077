"""The build of the package: scripts and styles without comments, requirements, and the project's address.

A checkout serves the files in assets/ as they are. Only a wheel has these smaller copies.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

ASSETS = "assets"
# The release workflow sets it to the address of the repository, such as https://host/owner/dashapp.
URL_VARIABLE = "PROJECT_URL"
_RELATIVE_LINK = re.compile(r"(!?\[[^\]]*\]\()(?!#|[a-z]+:)([^)\s]+)")


_TOKEN = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*|/\*.*?\*/)+)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<word>[\w$]+)
    |(?P<regex>/(?:[^\\/\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*)
    |(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
_TEMPLATE = re.compile(r"(?:[^\\`$]|\\.|\$(?!\{))*(?:`|\$\{)", re.DOTALL)
# After these words a slash begins a regular expression, and after any other word it divides.
_BEFORE_REGEX = {"return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "else", "do"}
# A line break after or before these ends no statement.
_OPEN, _CLOSE = frozenset(";{,([=&|?:"), frozenset(")],;.=&|?:")


def script_tokens(text: str) -> Iterator[tuple[str, str]]:
    """Yield kind and text of the tokens of a script; space includes comments.

    >>> [text for kind, text in script_tokens("a /b/ `${`c ${d} `} e`") if kind != "space"]
    ['a', '/', 'b', '/', '`${', '`c ${', 'd', '} `', '} e`']
    """
    # For each template that is open, the number of braces that are open in its expression.
    braces: list[int] = []
    place, last = 0, ""
    while place < len(text):
        closes_expression = text[place] == "}" and braces[-1:] == [0]
        if text[place] == "`" or closes_expression:
            found = _TEMPLATE.match(text, place + 1)
            if found is None:
                raise ValueError("a template literal does not end")
            if closes_expression:
                braces.pop()
            if found[0].endswith("${"):
                braces.append(0)
            kind, end = "string", found.end()
        else:
            token = _TOKEN.match(text, place)
            assert token is not None
            kind, end = str(token.lastgroup), token.end()
            divides = last[-1:] in (")", "]", "}", '"', "'", "`") or (
                re.fullmatch(r"[\w$]+", last) and last not in _BEFORE_REGEX
            )
            if kind == "regex" and divides:
                kind, end = "other", place + 1
            if braces and kind == "other":
                braces[-1] += {"{": 1, "}": -1}.get(text[place], 0)
        if kind != "space":
            last = text[place:end]
        yield kind, text[place:end]
        place = end


def minify_script(text: str) -> str:
    r"""Return a script without comments, indentation and most spaces; every other token stays.

    >>> minify_script("if (a) return  1 + +b; // why\nc = `${ `d  ${ e }` }`;")
    'if(a)return 1+ +b;c=`${`d  ${e}`}`;\n'
    """
    parts: list[str] = []
    space = ""
    for kind, token in script_tokens(text):
        if kind == "space":
            space += token
            continue
        before, after = (parts[-1][-1:] if parts else ";"), token[0]
        if "\n" in space and before not in _OPEN and after not in _CLOSE:
            parts.append("\n")
        elif space and ((_is_word(before) and _is_word(after)) or (before == after and before in "+-/")):
            parts.append(" ")
        parts.append(token)
        space = ""
    return "".join(parts) + "\n"


def minify_style(text: str) -> str:
    r"""Return a style sheet without comments and most spaces.

    >>> minify_style("a  :hover, b { color : red; /* why */\n content: ' { ' }")
    "a :hover,b{color : red;content: ' { '}\n"
    """
    parts = re.split(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|/\*.*?\*/)""", text, flags=re.DOTALL)
    plain = "".join(" " if part.startswith("/*") else part for part in parts)
    strings = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\s*([{};,])\s*|\s+""")
    return strings.sub(lambda found: found[1] or found[2] or " ", plain).strip() + "\n"


def _is_word(character: str) -> bool:
    return character.isalnum() or character in "_$"


class MinifiedAssets(BuildHookInterface[Any]):
    """Adds assets/ to a wheel as dashapp/assets/."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        # An editable install uses the files of the checkout.
        if version == "editable":
            return
        import brotli

        self._folder = tempfile.TemporaryDirectory(prefix="dashapp-assets-")
        shrink = {".js": minify_script, ".css": minify_style}
        top = Path(self.root, ASSETS)
        for path in sorted(top.rglob("*")):
            if path.is_dir():
                continue
            source = path
            if path.suffix in shrink and not path.name.endswith(".min.js"):
                source = Path(self._folder.name, path.relative_to(top))
                source.parent.mkdir(parents=True, exist_ok=True)
                source.write_text(shrink[path.suffix](path.read_text("utf-8")), "utf-8")
            target = f"dashapp/{ASSETS}/{path.relative_to(top).as_posix()}"
            build_data["force_include"][str(source)] = target
            if path.name.endswith(".min.js"):
                # Half a minute on a small computer, so not at the start of a server.
                packed = Path(self._folder.name, f"{path.name}.br")
                packed.write_bytes(brotli.compress(path.read_bytes(), quality=11))
                build_data["force_include"][str(packed)] = f"{target}.br"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            self._folder.cleanup()


class ProjectMetadata(MetadataHookInterface):
    """Sets the requirements, the project's URLs, and a README whose links work on a package index.

    In an sdist these stand in PKG-INFO, and hatchling takes them from there.
    """

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        dynamic, url = metadata.get("dynamic", []), os.environ.get(URL_VARIABLE, "").rstrip("/")
        if "dependencies" in dynamic:
            # One list of what is needed: the file that a PaaS installs.
            lines = Path(self.root, "requirements.txt").read_text("utf-8").splitlines()
            metadata["dependencies"] = [line for line in lines if line and not line.startswith("#")]
        if "readme" in dynamic:
            text = Path(self.root, "README.md").read_text("utf-8")
            metadata["readme"] = {"content-type": "text/markdown", "text": absolute_links(text, url)}
        if "urls" in dynamic and url:
            metadata["urls"] = {
                "Homepage": url,
                "Documentation": f"{url}/tree/main/docs",
                "Source": url,
                "Changelog": f"{url}/blob/main/CHANGELOG.md",
                "Issues": f"{url}/issues",
            }


def absolute_links(text: str, url: str) -> str:
    """Return Markdown whose relative links point into the repository at `url`; as it is without one.

    >>> absolute_links("[a](docs/a.md) ![b](docs/b.png) [c](#c) [d](https://d.example)", "https://h.example/x")
    '[a](https://h.example/x/blob/main/docs/a.md) ![b](https://h.example/x/raw/main/docs/b.png) [c](#c) [d](https://d.example)'
    """

    def absolute(found: re.Match[str]) -> str:
        kind = "raw" if found[1].startswith("!") else "blob"
        return f"{found[1]}{url}/{kind}/main/{found[2]}"

    return _RELATIVE_LINK.sub(absolute, text) if url else text
