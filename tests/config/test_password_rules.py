"""The password setting: a weak one is rejected and not shown; a strong one permits `--host`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from settings_errors import problems

from dashapp.config.password_strength import is_guessable
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
WEAK += [
    "summer2026!",
    "Sommer2026!",
    "Frühling2026!",
    "qwertzuiop1",
    "asdfghjklö1",
    "Passw0rd2026",
    "111111abcd",
]
WEAK += [
    "Welcome2026",
    "P@ssw0rd123!",
    "Pa$$w0rd2024",
    "1q2w3e4r5t6z",
    "zaq12wsxcde3",
    "letmein12345",
    "iloveyou123",
]
WEAK += [
    "dashapp-2026",
    "monitor2026!",
    "Monitoring2026",
    "kennwort123!",
    "Willkommen1!",
    "Hallo12345!",
    "Winter2025!!",
]
WEAK += [
    "hunter2hunter2",
    "aaaaabbbbbccccc",
    "changeme-changeme",
    "trustno1trustno1",
    "January2026",
    "horse battery",
]
WEAK += ["Passwort1", "dashapp1234", "abababababab", "correct\nhorse", "x1" * 101, "correct horse "]


@pytest.mark.parametrize("text", WEAK)
def test_password_error_hides_text_when_weak(text: str) -> None:
    (sentence,) = problems([], {"DASHAPP_PASSWORD": text})
    assert sentence.startswith(f"DASHAPP_PASSWORD has {len(text)} characters; expected 10 to 200")
    assert not text or text not in sentence


@pytest.mark.parametrize(
    "text", ["correct horse 7", "Tr0ub4dor&3", "mypasswordis7Xq", "zwölf Äpfel!", "vX9#kq2Lp0" * 20]
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


def test_weak_password_in_settings_file_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('password = "summer2026!"')
    (sentence,) = problems(["--config", str(path)])
    assert "password" in sentence
    assert "summer" not in sentence


def test_collector_does_not_load_the_password_lists() -> None:
    """They take 12 MB; the collector never uses the password, and the server forgets them again."""
    code = (
        "import sys; from dashapp.config.settings import parse_settings; "
        "parse_settings([], serving=False); assert 'zxcvbn' not in sys.modules; "
        "parse_settings([], checked=True); assert 'zxcvbn' not in sys.modules; "
        "parse_settings([]); assert 'zxcvbn.frequency_lists' not in sys.modules"
    )
    environ = {**os.environ, "DASHAPP_PASSWORD": "correct horse 7", "DASHAPP_PUSH_TOKEN": "4f9c2e7ab15d8036"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environ)


def test_password_estimate_keeps_modules_of_the_app() -> None:
    import zxcvbn

    is_guessable.cache_clear()
    assert is_guessable("summer2026!")
    assert sys.modules["zxcvbn"] is zxcvbn
