"""Text of error messages: without credentials, in linear time."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
