"""HTML from the Jinja templates in dashapp/templates, which escape every value."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dashapp.languages.tables import Translator

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def render(name: str, translate: Translator, **values: object) -> str:
    """The page of a template with these values, which are in its language already."""
    template = _ENVIRONMENT.get_template(name)
    return template.render(values, translate=translate, language=translate.language)
