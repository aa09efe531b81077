"""Controls for hosts: a button, a list above the charts, and the names of the shown hosts.

assets/panels/hosts.js fills them. With one host in the store they are invisible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dash import html

from dashapp.languages.tables import Translator

# Names that fit into a line.
MAX_NAMED_HOSTS = 3


@dataclass(frozen=True)
class HostControls:
    """`names`: hosts of this page. `top`: it is the page at the root. `several`: others exist."""

    names: tuple[str, ...]
    top: bool
    several: bool
    translate: Translator

    def attributes(self) -> Mapping[str, str]:
        """Attributes of the page, for its scripts."""
        return {"data-hosts": ",".join(self.names), "data-top": "yes" if self.top else "no"}

    def tagline(self) -> str:
        if len(self.names) < 2:
            return "".join(self.names)
        count = len(self.names) - MAX_NAMED_HOSTS
        text = ", ".join(self.names[:MAX_NAMED_HOSTS])
        if count > 0:
            return self.translate("comparing {hosts} and {count} more", hosts=text, count=count)
        return self.translate("comparing {hosts}", hosts=text)

    def button(self) -> html.Button:
        hosts = self.translate("Hosts")
        text = (
            hosts
            if self.top
            else self.names[0]
            if len(self.names) == 1
            else self.translate("{count} hosts", count=len(self.names))
        )
        title = self.translate("Choose or compare hosts (h)")
        return html.Button(
            text,
            id="hosts",
            type="button",
            title=title,
            className="" if self.several or not self.top else "absent",
            **{"aria-keyshortcuts": "h", "aria-haspopup": "dialog", "aria-label": f"{hosts}: {text}"}
            if text != hosts
            else {"aria-keyshortcuts": "h", "aria-haspopup": "dialog"},
        )

    def section(self) -> html.Section:
        return html.Section(
            [html.H2([self.translate("Hosts"), html.Span("", className="of")]), html.Div(className="table")],
            className="panel" if self.several else "panel absent",
            **{"data-table": "hosts", "aria-label": self.translate("Hosts")},
        )
