"""The English texts that the server shows: its layout, its templates, and its modules."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from dashapp.http.middleware import login_page, share_links
from dashapp.languages.tables import Translator
from dashapp.model.panels import PANELS
from dashapp.model.thresholds import Threshold
from dashapp.web import layout, pages
from dashapp.web.components.host_controls import HostControls
from dashapp.web.components.window_slider import WINDOW_STOPS_S

PACKAGE = Path(layout.__file__).parents[1]
_TEMPLATE_TEXT = re.compile(r'translate\("([^"]+)"\)')
ALL_HOSTS = (("web-1",), ("web-1", "web-2"), tuple(f"web-{number}" for number in range(5)))


class Recorder(Translator):
    """Records the texts that are translated."""

    def __init__(self, language: str = "en") -> None:
        super().__init__(language)
        self.texts: set[str] = set()

    def __call__(self, text: str, /, **values: object) -> str:
        self.texts.add(text)
        return super().__call__(text, **values)

    def count(self, text: str, one: str, count: float) -> str:
        self.texts.add(text)
        return super().count(text, one, count)


def whole_layouts(translate: Translator) -> list[object]:
    """Return pages with every part that the layout has, as components."""
    rules = [Threshold.parse("cpu.percent > 90 for 5m")]
    return [
        layout.page_layout(
            *(stop, 1, WINDOW_STOPS_S[-1], [], PANELS, translate),
            thresholds=rules,
            processes=True,
            top=True,
            hosts=HostControls(names, len(names) == 1, True, translate),
            session="password",
            share=True,
            alert_controls=True,
            marks=True,
            facts=["vm-1"],
        )
        for stop in WINDOW_STOPS_S
        for names in ALL_HOSTS
    ]


def server_texts() -> set[str]:
    recorder = Recorder()
    whole_layouts(recorder)
    texts = {text for text in recorder.texts if text}
    for template in (PACKAGE / "templates").glob("*.html"):
        texts |= set(_TEMPLATE_TEXT.findall(template.read_text("utf-8")))
    for module in PACKAGE.rglob("*.py"):
        texts |= _translated_literals(ast.parse(module.read_text("utf-8")))
    links = (share_links.EXPIRED_LINK, share_links.INVALID_LINK)
    login = (login_page.SIGN_IN_FAILED, login_page.SIGN_IN_EMPTY, login_page.UNREADABLE_FORM)
    return texts | {pages.DESCRIPTION, *login, *(f"{link.capitalize()}." for link in links)}


def _translated_literals(tree: ast.Module) -> set[str]:
    """Return the first arguments of `translate(…)` and `translate.count(…)`."""
    texts = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = ast.unparse(node.func).rpartition(".")[2]
            if function == "translate" or (function == "count" and len(node.args) == 3):
                texts.add(str(node.args[0].value))
    return texts
