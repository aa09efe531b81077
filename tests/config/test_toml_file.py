"""dashapp.toml: the settings in it, their precedence, and the errors in a bad file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dashapp.config.settings import Settings, parse_settings
from dashapp.model.panels import Panel
from dashapp.model.ticks import SettingsError
from dashapp.sources.spec import SourceSpec

WHOLE = """
host = "127.0.0.2"
port = 9000
public = true
hosts = ["A.test", "b"]
store = "./x"
interval = 0.5
window = 300
retention = ["1h", "2d", "1y"]
size = "2GB"
workers = 3
collector = false
title = "The greenhouse"
theme = "dark"

[[source]]
use = "weather:temperature"
label = "Kitchen"
unit = "°C"
low = -10
high = 40.5
panel = "climate"
every = 5

[[source]]
use = "quotes:btcusd"
currency = "EUR"

[[panel]]
name = "cpu"
kind = "mountain"

[[panel]]
title = "Climate at home"
metrics = ["temperature.*", "humidity"]
right = ["humidity"]
kind = "area"
unit = "°C"
low = -10
high = 40
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str | bytes, name: str = "dashapp.toml") -> None:
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())


def problems(text: str | bytes) -> list[str]:
    write(text)
    with pytest.raises(SettingsError) as caught:
        parse_settings([], {})
    return caught.value.problems


def test_toml_file_keeps_defaults_when_missing_or_empty() -> None:
    assert parse_settings([], {}) == Settings()
    write("")
    assert parse_settings([], {}) == Settings()


def test_toml_file_sets_all_kinds_of_settings() -> None:
    write(WHOLE)
    assert parse_settings([], {}) == Settings(
        host="127.0.0.2",
        port=9000,
        public=True,
        hosts=("a.test", "b"),
        store="./x",
        interval=0.5,
        window=300.0,
        retention=(3600.0, 172_800.0, 31_536_000.0),
        size=2_000_000_000,
        workers=3,
        collector=False,
        title="The greenhouse",
        theme="dark",
        source=(
            SourceSpec(
                "weather:temperature",
                {
                    "label": "Kitchen",
                    "unit": "°C",
                    "low": -10,
                    "high": 40.5,
                    "panel": "climate",
                    "every": 5,
                },
            ),
            SourceSpec("quotes:btcusd", {"currency": "EUR"}),
        ),
        panel=(
            Panel("cpu", "Cpu", low=None, kind="mountain", overridden=frozenset({"name", "kind"})),
            Panel(
                "climate-at-home",
                "Climate at home",
                unit="°C",
                low=-10.0,
                high=40.0,
                kind="area",
                metrics=("temperature.*", "humidity"),
                right=("humidity",),
                overridden=frozenset({"title", "metrics", "right", "kind", "unit", "low", "high"}),
            ),
        ),
    )


def test_toml_file_is_overridden_by_variables_and_flags() -> None:
    write('port = 1001\nwindow = 20\nsource = ["a:b", "c:d"]\ntheme = "dark"')
    environ = {"DASHAPP_PORT": "1002", "DASHAPP_WINDOW": "30", "PORT": "1003"}
    settings = parse_settings(["--port", "1004", "--source", "machine"], environ)
    assert (settings.port, settings.window) == (1004, 30)
    assert (settings.theme, settings.listen_address) == ("dark", "127.0.0.1")
    assert settings.source == (SourceSpec("machine"),)
    assert parse_settings([], environ).port == 1002
    assert parse_settings([], {"PORT": "1003"}).port == 1003
    assert parse_settings([], {}).port == 1001
    assert parse_settings([], {}).source == (SourceSpec("a:b"), SourceSpec("c:d"))


def test_toml_switch_is_overridden_by_variable() -> None:
    write("public = true\ncollector = false")
    settings = parse_settings([], {"DASHAPP_PUBLIC": "0", "DASHAPP_COLLECTOR": "1"})
    assert (settings.public, settings.collector) == (False, True)


@pytest.mark.parametrize("how", ["flag", "variable"])
def test_toml_file_is_chosen_by_flag_or_variable(how: str) -> None:
    write("port = 1001")
    write("port = 1002", "other.toml")
    argv = ["--config", "other.toml"] if how == "flag" else []
    assert parse_settings(argv, {} if argv else {"DASHAPP_CONFIG": "other.toml"}).port == 1002


def test_toml_bad_value_is_ignored_when_overridden() -> None:
    write('port = "x"')
    assert parse_settings(["--port", "80"], {}).port == 80


BAD = {
    "unknown": ("widnow = 5", "dashapp.toml: `widnow` is not a setting; did you mean window?"),
    "other-name": ("refresh = 5", "`refresh` is not a setting; did you mean interval?"),
    "unknown-far": ("zzz = 5", "`zzz` is not a setting; python -m dashapp --help lists the settings"),
    "unknown-table": ("[prt]\nx = 1", "`prt` is not a setting; did you mean port?"),
    "unknown-endless": ("a" * 5000 + " = 1", "is not a setting"),
    "config": ('config = "x.toml"', "`config` is not a setting"),
    "bad-value": ("window = 5", 'dashapp.toml: window is "5"; expected seconds from 10'),
    "not-a-number": ("interval = nan", 'interval is "nan"; expected seconds'),
    "text-for-number": ('port = "http"', 'port is "http"; expected a whole number'),
    "fraction": ("port = 80.5", "expected a whole number"),
    "switch-for-number": ("port = true", "port is true; expected a number"),
    "number-for-text": ("host = 5", "host is 5; expected a string"),
    "number-for-switch": ("public = 1", "public is 1; expected true or false"),
    "list-for-number": ("port = [1]", "port is [1]; expected a number"),
    "table-for-number": ("[port]\nx = 1", "port is {"),
    "date-for-number": ("port = 2026-01-01", "port is 2026-01-01; expected a number"),
    "numbers-for-texts": ("hosts = [1, 2]", "hosts is [1, 2]; expected a string, or a list"),
    "empty-list": ("retention = []", "retention is []; expected a string, or a list"),
    "number-for-source": ("source = [5]", "source is 5; expected a string or a table"),
    "unknown-source": ('source = "wether"', 'source is "wether"; expected machine'),
    "table-without-use": ("[[source]]\nlabel = 'x'", "source 1: `use` is missing"),
    "table-one": ("[source]\nuse = 'weather'", 'source 1: use is "weather"; expected machine'),
    "option-unknown": ("[[source]]\nuse='a:b'\nlable='x'", "did you mean label?"),
    "option-kind": ("[[source]]\nuse='a:b'\nlow='x'", 'source 1: low is "x"; expected a number'),
    "option-range": ("[[source]]\nuse='a:b'\nlow=2\nhigh=1", "low is 2; expected less than high"),
    "option-every": ("[[source]]\nuse='a:b'\nevery=0", "every is 0; expected seconds from 0.1"),
    "option-endless": (f"[[source]]\nuse='a:b'\nlow={'9' * 400}", "low is 999"),
    "option-of-none": ("[[source]]\nuse='machine'\nevery=1", "machine has no options"),
    "second-source": ("[[source]]\nuse='a:b'\n[[source]]\nuse='a'", 'source 2: use is "a"'),
    "panel-kind": ("[[panel]]\nname='x'\nkind='pie'", 'panel 1: kind is "pie"; expected one of line'),
    "panel-key": ("[[panel]]\nnmae='x'", "panel 1: `nmae` is not a key of a panel; did you mean name?"),
    "panel-nameless": ("[[panel]]\nkind='bar'", "expected `name` or `title`"),
    "panel-name-of-signs": ("[[panel]]\nname='<>'", "expected `name` or `title`"),
    "panel-metrics": (
        "[[panel]]\nname='x'\nmetrics=[1]",
        "panel 1: metrics contains 1; expected metric keys",
    ),
    "panel-no-metrics": ("[[panel]]\nname='x'\nmetrics=[]", "metrics is empty; expected metric keys"),
    "panel-range": ("[[panel]]\nname='x'\nlow=1\nhigh=1", "low is 1; expected less than high"),
    "panel-infinite": ("[[panel]]\nname='x'\nlow=inf", "low is inf; expected a number"),
    "half": ('port = 80\nhost = "127', "dashapp.toml: not TOML: "),
    "place": ("port = 80\nhost 5", "line 2"),
    "twice": ("port = 80\nport = 81", "not TOML: Cannot overwrite a value"),
    "deep": ("port = " + "[" * 100_000, "not TOML"),
    "huge-number": ("port = " + "9" * 5000, "not TOML"),
    "not-utf-8": (b'title = "\xff"', "dashapp.toml: not UTF-8 (at byte 9)"),
    "binary": (bytes(range(256)), "not UTF-8"),
    "ten-megabytes": (b"# " + b"x" * 10_000_000, "larger than 1,048,576 bytes"),
}


@pytest.mark.parametrize(("text", "expected"), BAD.values(), ids=BAD.keys())
def test_toml_error_is_one_sentence_when_file_is_bad(text: str | bytes, expected: str) -> None:
    (sentence,) = problems(text)
    assert sentence.startswith("dashapp.toml: ")
    assert expected in sentence
    assert "\n" not in sentence
    assert len(sentence) < 400


def test_toml_errors_are_reported_together() -> None:
    text = 'widnow = 1\nport = "x"\ninterval = true\n[[panel]]\nkind = "x"\n[[source]]\nuse = "x"'
    assert len(problems(text)) == 5


def test_toml_file_is_rejected_when_path_is_directory() -> None:
    Path("dashapp.toml").mkdir()
    with pytest.raises(SettingsError, match=r"dashapp\.toml: not a file"):
        parse_settings([], {})


def test_toml_file_is_rejected_at_once_when_path_is_pipe() -> None:
    os.mkfifo("pipe.toml")
    with pytest.raises(SettingsError, match=r"pipe\.toml: not a file"):
        parse_settings(["--config", "pipe.toml"], {})


def test_toml_file_is_rejected_when_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    write("port = 80")

    def refuse(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SettingsError, match=r"dashapp\.toml: cannot be read \(Permission denied\)"):
        parse_settings([], {})


def test_toml_conflict_error_names_file() -> None:
    (sentence,) = problems('store = "memory:"\nworkers = 2')
    assert sentence.startswith('dashapp.toml: workers is "2"; expected 1 with dashapp.toml: store')
