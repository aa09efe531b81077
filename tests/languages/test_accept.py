"""The language of a response: by the header of the request, or by the setting."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from authenticated_app import PASSWORD
from hypothesis import given
from hypothesis import strategies as st
from settings_errors import problems
from wsgi_client import Answer, ask

from dashapp.config.settings import Settings, parse_settings
from dashapp.http.types import WSGIApp
from dashapp.languages.accept import MAX_HEADER_LENGTH, choose_language, negotiate
from dashapp.languages.tables import languages
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app

HEADERS = {
    "": "en",
    "ja": "ja",
    "JA-jp": "ja",
    "ja-JP,ja;q=0.9,en-US;q=0.8,en;q=0.7": "ja",
    "en-GB,en;q=0.9,ja;q=0.8": "en",
    "ja;q=0.5, en": "en",
    "en;q=0.5, ja": "ja",
    # The first language that we have, although others come before it.
    "de-DE,de;q=0.9,ja;q=0.2": "ja",
    "de, fr;q=0.5": "en",
    # A language with a quality of 0 is not wanted; * stands for any other.
    "ja;q=0": "en",
    "*": "en",
    "*;q=0.1, ja;q=0.2": "ja",
    "ja-Latn-JP-x-private": "ja",
    # No languages at all.
    "?!": "en",
    ",,;q=;;": "en",
    "ja;q=2": "en",
    "ja;q=0.0000": "en",
    "ja;level=1": "en",
    "jajajajaja": "en",
    "ja\x00": "en",
    "日本語": "en",
    "../../ja": "en",
}


@pytest.mark.parametrize(("header", "language"), HEADERS.items(), ids=map(ascii, HEADERS))
def test_header_chooses_the_language(header: str, language: str) -> None:
    assert negotiate(header) == language


@given(st.text(max_size=MAX_HEADER_LENGTH + 10))
def test_any_header_chooses_a_language_that_exists(header: str) -> None:
    assert choose_language("auto", header) in languages()


def test_header_of_any_length_is_answered_at_once() -> None:
    assert choose_language("auto", "ja," * MAX_HEADER_LENGTH) == "en"
    assert choose_language("auto", "ja;q=0." + "1" * 10**6) == "en"


def page_in(app: WSGIApp, header: str, path: str = "/") -> Answer:
    return ask(app, path, accept_language=header)


@pytest.fixture(scope="module")
def app() -> WSGIApp:
    return create_app(MemoryStore(), Settings(store="memory:"))


def lang_of(answer: Answer) -> str:
    (language,) = re.findall(r'<html lang="([^"]+)"', answer.body.decode())
    return str(language)


def test_document_layout_and_scripts_are_in_the_language_of_the_browser(app: WSGIApp) -> None:
    # The caches must not mix the languages.
    for header, language, word in 2 * [
        ("ja-JP", "ja", "検索"),
        ("en-GB", "en", "Search"),
        ("", "en", "Search"),
    ]:
        document, layout = page_in(app, header), page_in(app, header, "/_dash-layout")
        assert lang_of(document) == language
        assert word in json.dumps(layout.json, ensure_ascii=False)
        for answer in (document, layout):
            assert answer.headers["vary"] == "accept-encoding, accept-language"
        (script,) = re.findall(r'src="\./(assets/page\.[^"]+)"', document.body.decode())
        bundle = page_in(app, "", f"/{script}")
        assert bundle.headers["cache-control"].endswith("immutable")
        assert bundle.headers["vary"] == "accept-encoding"
        assert ("languageTable: {" in bundle.body.decode()) == (language != "en")


def test_data_does_not_depend_on_the_language(app: WSGIApp) -> None:
    for path in ("/api/metrics", "/api/alerts", "/api/events", "/healthz"):
        answers = [page_in(app, header, path) for header in ("ja", "en")]
        assert answers[0].body == answers[1].body
        assert "accept-language" not in answers[0].headers.get("vary", "")


def test_etags_differ_by_language(app: WSGIApp) -> None:
    tags = {page_in(app, header).headers["etag"] for header in ("ja", "en")}
    assert len(tags) == 2


def test_setting_chooses_one_language_for_everybody() -> None:
    app = create_app(MemoryStore(), Settings(store="memory:", language="ja"))
    assert [lang_of(page_in(app, header)) for header in ("en", "", "de")] == ["ja"] * 3


@pytest.mark.parametrize(
    ("language", "hint"),
    [("jp", "did you mean ja?"), ("ja-JP", "did you mean ja?"), ("EN", "did you mean en?"), ("tlh", "")],
)
def test_unknown_language_is_one_clear_sentence(language: str, hint: str) -> None:
    (problem,) = problems([f"--language={language}"])
    end = f"; {hint}" if hint else ""
    assert problem == f'--language is "{language}"; expected auto, en or ja{end}'


def test_login_and_error_pages_are_in_the_language_of_the_browser() -> None:
    app = create_app(MemoryStore(), parse_settings(["--store", "memory:"], {"DASHAPP_PASSWORD": PASSWORD}))
    html: dict[str, Any] = {"accept": "text/html"}
    login = ask(app, "/login", accept_language="ja", **html)
    assert lang_of(login) == "ja"
    assert "パスワードを入力してください" in login.body.decode()
    assert login.headers["vary"] == "accept-language"
    link = ask(app, "/share/none/", accept_language="ja", **html)
    assert "このリンクは無効か" in link.body.decode()
    assert "This link is invalid or incomplete" in ask(app, "/share/none/", **html).body.decode()


def test_unknown_page_is_reported_in_the_language_of_the_browser(app: WSGIApp) -> None:
    found = [ask(app, "/nothing", accept="text/html", accept_language=header) for header in ("ja", "en")]
    assert "<p>ページが見つかりません。" in found[0].body.decode()
    assert "<p>Page not found. " in found[1].body.decode()
