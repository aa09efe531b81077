"""Text of error messages: without credentials, in linear time."""

from __future__ import annotations

import difflib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashapp.model import text
from dashapp.model.text import quote_value, redact_credentials, suggest

MILLION = 1_000_000


@given(st.text(alphabet="/@a: \n", max_size=40))
def test_redact_credentials_removes_all_before_last_at_sign(text: str) -> None:
    assert redact_credentials(text) == re.sub(r"(?<=//)\S*@", "…@", text)


@pytest.mark.parametrize("text", ["/" * MILLION, "/" * MILLION + "@", "//a" * MILLION, "@" * MILLION])
def test_quote_value_of_million_characters_returns(text: str) -> None:
    """A pattern of quadratic time took hours here, and one request blocked a server for seconds."""
    assert len(quote_value(text)) <= 83


def test_suggest_for_long_text_returns_alternative() -> None:
    assert suggest("x" * MILLION, ["port", "host"], "see --help") == "; see --help"


@pytest.mark.parametrize("count", [1000, 6000])
@pytest.mark.parametrize(
    "unknown", ["run.resnet-1.layer5.weight.gard.norm105", "e" * 80, "r.e.s.n.e.t." * 20]
)
def test_suggest_compares_few_of_many_names_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, count: int, unknown: str
) -> None:
    """A comparison with 6,000 metrics took half a second, for each request that names an unknown one."""
    known = [f"run.resnet-{number // 100}.layer{number}.weight.grad.norm" for number in range(count)]
    compared: list[str] = []
    compare = difflib.get_close_matches

    def note(word: str, words: list[str], limit: int) -> list[str]:
        compared.extend(words)
        return compare(word, words, limit)

    monkeypatch.setattr(difflib, "get_close_matches", note)
    suggest(unknown, known)
    assert len(compared) <= text.MAX_COMPARED_WORDS


@pytest.mark.parametrize("place", [0, 500, 999])
@given(data=st.data())
def test_suggest_finds_name_with_one_mistake_among_many(place: int, data: st.DataObject) -> None:
    known = [f"group{number % 7}.unit{number}.load" for number in range(1000)]
    word = known[place]
    position = data.draw(st.integers(0, len(word) - 1))
    mistaken = data.draw(
        st.sampled_from(
            [
                word[:position] + word[position + 1 :],
                word[:position] + "_" + word[position:],
                word[:position] + "_" + word[position + 1 :],
            ]
        )
    )
    assert suggest(mistaken, known).startswith("; did you mean ")


def test_suggest_skips_very_long_names() -> None:
    assert suggest("e" * 80, ["e" * 199] * 1000, "see /api/metrics") == "; see /api/metrics"


def test_suggest_metric_compares_in_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    inner: list[str] = []

    def again(word: str, words: list[str], limit: int) -> list[str]:
        if words:
            inner.append(text.suggest_metric("prot", ["port"], "see /api/metrics"))
        return words

    monkeypatch.setattr(difflib, "get_close_matches", again)
    assert text.suggest_metric("prot", ["port"]) == "; did you mean port?"
    assert inner == ["; see /api/metrics"]
    monkeypatch.undo()
    assert text.suggest_metric("prot", ["port"]) == "; did you mean port?"
