"""Secret settings: they cannot be passed as flags, and no message contains them."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from settings_errors import problems

from dashapp.config.settings import parse_settings

STRONG = "c4nary-7qV2xK9mTe"

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.mark.parametrize(
    "flags", [["--push-token", "c4nary"], ["--push_token=c4nary"], ["-push-token=c4nary"]]
)
def test_secret_is_rejected_as_flag_and_never_shown(flags: list[str]) -> None:
    (sentence,) = problems(flags)
    assert sentence.endswith("set DASHAPP_PUSH_TOKEN")
    assert "c4nary" not in sentence
    assert "push" not in parse_help()
    assert "c4nary" not in repr(parse_settings([], {"DASHAPP_PUSH_TOKEN": STRONG}))


@pytest.mark.parametrize(
    "text",
    [
        "c4nary",
        "c" * 15,
        "c" * 201,
        "c4nary with a space",
        "c4naryé" * 3,
        "c4nary\n" * 3,
        "c4nary" * 3,
        "c4nary0123456789abcdef"[6:],
        "aaaaaaaaaaaaaaaaaaaa",
        "passwordpassword",
        "1234567890123456",
        "qwertyuiopasdfgh",
        "dashappdashapp2026",
        "deadbeefdeadbeef",
        "abcdefgh12345678",
    ],
)
def test_secret_error_hides_text_when_invalid(text: str) -> None:
    (sentence,) = problems([], {"DASHAPP_PUSH_TOKEN": text})
    assert sentence.startswith(f"DASHAPP_PUSH_TOKEN has {len(text)} characters; expected 16 to 200")
    assert "c4nary" not in sentence


def test_secret_is_read_from_settings_file(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(f'push_token = "{STRONG}"')
    assert parse_settings(["--config", str(path)], {}).push_token == STRONG
    for text in ('"c4nary"', '["c4naryc4naryc4nary"]', "474747", "true"):
        path.write_text(f"push_token = {text}")
        (sentence,) = problems(["--config", str(path)])
        assert "push_token" in sentence
        assert "c4nary" not in sentence
        assert "474747" not in sentence


def parse_help() -> str:
    with pytest.raises(SystemExit), redirect_stdout(io.StringIO()) as said:
        parse_settings(["--help"], {})
    return said.getvalue()
