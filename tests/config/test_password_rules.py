"""The password setting: a weak one is rejected and not shown; a strong one permits `--host`."""

from __future__ import annotations

import pytest
from settings_errors import problems

from dashapp.config.settings import parse_settings

pytestmark = pytest.mark.usefixtures("elsewhere")

WEAK = [
    "",
    "short",
    "x" * 10,
    "1234567890",
    "0987654321",
    "qwertzuiop",
    "abcdefghijkl",
    "password12",
    "passwordpassword",
    "PasswortDashapp1",
    "DashappDashapp1",
]
WEAK += ["Passwort1", "dashapp1234", "abababababab", "correct\nhorse", "x1" * 101, "correct horse "]


@pytest.mark.parametrize("text", WEAK)
def test_password_error_hides_text_when_weak(text: str) -> None:
    (sentence,) = problems([], {"DASHAPP_PASSWORD": text})
    assert sentence.startswith(f"DASHAPP_PASSWORD has {len(text)} characters; expected 10 to 200")
    assert not text or text not in sentence


@pytest.mark.parametrize(
    "text", ["correct horse 7", "Tr0ub4dor&3", "mypasswordis7Xq", "zwölf Äpfel!", "1" * 6 + "abcd"]
)
def test_password_is_accepted_and_hidden_when_strong(text: str) -> None:
    settings = parse_settings([], {"DASHAPP_PASSWORD": text})
    assert settings.password == text
    assert settings.requires_authentication
    assert text not in repr(settings)
    assert "password" in problems([f"--password={text}"])[0].lower()


def test_password_error_is_the_only_error_for_public_host() -> None:
    (sentence,) = problems(["--host", "0.0.0.0"], {"DASHAPP_PASSWORD": "password12"})
    assert sentence.startswith("DASHAPP_PASSWORD has 10 characters")


def test_password_allows_public_host() -> None:
    assert (
        parse_settings(["--host", "0.0.0.0"], {"DASHAPP_PASSWORD": "correct horse 7"}).listen_address
        == "0.0.0.0"
    )
    proxied = parse_settings(["--host=::", "--proxy-user=X-User", "--trusted-proxy=10.0.0.1"], {})
    assert proxied.requires_authentication
    assert "DASHAPP_PASSWORD" in problems(["--host", "0.0.0.0"])[0]
