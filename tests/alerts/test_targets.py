"""Alert targets from a variable, a file or a keyword; their addresses stay secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from settings_errors import problems

from dashapp.collector.preflight import alert_target_problems
from dashapp.config.kwargs import to_command_line
from dashapp.config.settings import Settings, parse_settings

ONE, TWO = "json://me:c4nary@127.0.0.1:9/x", "mailto://me:c4nary@example.org"


def test_notify_accepts_several_addresses_from_variable_or_file(tmp_path: Path) -> None:
    assert parse_settings([], {"DASHAPP_NOTIFY": f" {ONE} ;{TWO};"}).notify == (ONE, TWO)
    path = tmp_path / "s.toml"
    path.write_text(f'notify = ["{ONE}", "{TWO}"]')
    assert parse_settings(["--config", str(path)], {}).notify == (ONE, TWO)


def test_notify_keyword_is_never_passed_as_flag() -> None:
    found = to_command_line({"notify": [ONE, TWO]}, {})
    assert found.argv == []
    assert parse_settings(found.argv, found.variables).notify == (ONE, TWO)
    assert parse_settings([], to_command_line({"notify": ONE}, {}).variables).notify == (ONE,)


def test_notify_is_rejected_as_flag_and_hidden_in_repr() -> None:
    (sentence,) = problems([f"--notify={ONE}"], {})
    assert sentence.endswith("set DASHAPP_NOTIFY")
    assert "c4nary" not in sentence
    assert "c4nary" not in repr(parse_settings([], {"DASHAPP_NOTIFY": ONE}))


@pytest.mark.parametrize(
    "text",
    [
        "c4nary",
        "://c4nary",
        "json:c4nary",
        "json://",
        "json://c4nary x",
        "1://c4nary",
        "j://" + "c4nary" * 400,
    ],
)
def test_notify_error_hides_text_when_address_is_invalid(text: str) -> None:
    (sentence,) = problems([], {"DASHAPP_NOTIFY": text})
    assert sentence.startswith(
        f"DASHAPP_NOTIFY has {len(text)} characters; expected an address such as json://"
    )
    assert "c4nary" not in sentence


def test_alert_target_problems_give_position_of_unknown_service() -> None:
    found = alert_target_problems(Settings(notify=(ONE, "nonsense://c4nary", TWO, "slack://c4nary")))
    assert found == [
        f'DASHAPP_NOTIFY {place} is "{service}://…"; '
        "expected a service that apprise supports; see https://github.com/caronc/apprise"
        for place, service in ((2, "nonsense"), (4, "slack"))
    ]
    assert alert_target_problems(Settings(notify=(ONE, TWO))) == alert_target_problems(Settings()) == []
