"""Settings: all errors are reported together, each in one sentence with the expected value."""

from __future__ import annotations

import json
from dataclasses import fields
from ipaddress import ip_network
from pathlib import Path

import pytest
from settings_errors import problems

from dashapp.config.other_names import OTHER_NAMES
from dashapp.config.settings import Settings, parse_settings, unknown_variables
from dashapp.model.formulas.derived import DerivedMetric
from dashapp.model.panels import Panel
from dashapp.model.thresholds import Threshold
from dashapp.sources.spec import SourceSpec

pytestmark = pytest.mark.usefixtures("elsewhere")


BAD = [
    ("--port", "0", "1 to 65535"),
    ("--port", "65536", "1 to 65535"),
    ("--port", "-1", "1 to 65535"),
    ("--port", "80.5", "whole number"),
    ("--port", "http", "whole number"),
    ("--port", "", "whole number"),
    ("--port", "9" * 5000, "whole number"),
    ("--interval", "0", "0.1 to 60"),
    ("--interval", "0.099", "0.1 to 60"),
    ("--interval", "60.01", "0.1 to 60"),
    ("--interval", "nan", "0.1 to 60"),
    ("--interval", "inf", "0.1 to 60"),
    ("--interval", "1s", "0.1 to 60"),
    ("--window", "9", "from 10"),
    ("--window", "63072001", "seconds of the history"),
    ("--window", "1e400", "from 10"),
    ("--retention", "14d", "three ascending durations"),
    ("--retention", "14d,1d,730d", "three ascending durations"),
    ("--retention", "14d,90d,forever", "three ascending durations"),
    ("--retention", "1m,1d,1y", "three ascending durations"),
    ("--size", "400", "megabytes"),
    ("--size", "1MB", "megabytes"),
    ("--workers", "0", "1 to 33"),
    ("--workers", "34", "1 to 33"),
    ("--workers", "two", "whole number"),
    ("--host", "example.test", "IP address"),
    ("--host", "1.2.3", "IP address"),
    ("--host", "300.1.1.1", "IP address"),
    ("--host", "127.0.0.1:80", "IP address"),
    ("--hosts", "a,b c", "host names"),
    ("--hosts", "http://a", "host names"),
    ("--hosts", "monitor.example:80", "host names"),
    ("--hosts", "monitor,.example", "host names"),
    ("--hosts", "*", "host names"),
    *(
        ("--frame-ancestors", text, "sites separated by commas, such as https://intranet.example")
        for text in (
            *("*", "intranet.example", "https://", "https://a b", "ftp://a", "'self'", "null", "data:"),
            *("https://a.example/path", "https://a.example?x", "https://a..b"),
            *("https://a:0", "https://a:65536", "https://a:*", "https://a.*", "https://*", "https://[::1]"),
            *("https://a; script-src *", "https://a\nx: y", "https://-a"),
            ",".join(f"https://{number}.example" for number in range(33)),
        )
    ),
    ("--trusted-proxy", "localhost", "IP addresses or networks"),
    ("--trusted-proxy", "127.0.0.1,10.0.0.0/33", "IP addresses or networks"),
    ("--trusted-proxy", "10.0.0.1/8", "IP addresses or networks"),
    ("--proxy-user", "X Forwarded", "a header name"),
    ("--proxy-user", "Cookie", "a header name"),
    ("--proxy-user", "X-Forwarded-User", "add --trusted-proxy"),
    ("--limit", "0", "1 to 100000"),
    ("--limit", "many", "whole number"),
    ("--processes", "1", "local, always or never"),
    ("--processes", "", "local, always or never"),
    ("--store", "reddis://x", "folder"),
    ("--store", "", "folder"),
    ("--store", "memory:x", "folder"),
    ("--source", "", "machine, none"),
    ("--source", "machin", "did you mean machine?"),
    ("--source", "quote:BTC USD", "did you mean quotes?"),
    ("--source", "wether", "a Python function as module:function"),
    ("--source", "machine:1", "machine without an argument"),
    ("--source", "weather:", "module:function"),
    ("--source", ":temperature", "module:function"),
    ("--source", "../weather:temperature", "module:function"),
    ("--source", "weather:a.b", "module:function"),
    ("--source", "a" * 5000, "module:function"),
    ("--source", "none", "leaves nothing to read"),
    ("--panel", "cpu", "one line of TOML"),
    ("--panel", 'kind="bar"', "expected `name` or `title`"),
    ("--panel", 'name="x"}\nport={', "one line of TOML"),
    ("--panel", 'name="x", kind="pie"', "line, area, stacked"),
    ("--title", "", "1 to 64"),
    ("--title", "x" * 65, "1 to 64"),
    ("--theme", "pink", "auto, dark or light"),
    ("--language", "jp", "auto, en or ja; did you mean ja?"),
    ("--redis-ca", "/nowhere/ca.pem", "the file of a CA certificate, or none"),
    ("--redis-ca", "", "the file of a CA certificate, or none"),
    ("--docker", "", "such as unix:///var/run/docker.sock"),
    ("--docker", "/var/run/docker.sock", "such as unix:///var/run/docker.sock"),
    ("--docker", "unix://docker.sock", "such as unix:///var/run/docker.sock"),
    ("--docker", "http://127.0.0.1:2375", "such as unix:///var/run/docker.sock"),
    ("--proc", "/nowhere/proc", "a folder that exists"),
    ("--proc", "", "a folder that exists"),
    ("--sys", "/proc/self/stat", "a folder that exists"),
    ("--config", "", "a file"),
    ("--config", "nothing.toml", "expected an existing file"),
    ("--time-zone", "Mars/Base", "a name of the IANA"),
    ("--time-zone", "../../etc/passwd", "a name of the IANA"),
    ("--time-zone", "", "a name of the IANA"),
    ("--public-url", "monitor.example", "a web address such as"),
    ("--public-url", "ftp://monitor.example", "a web address such as"),
    ("--public-url", "https://monitor.example:99999", "a web address such as"),
    ("--public-url", "https://", "a web address such as"),
    ("--threshold", "cpu.percent", "METRIC > NUMBER for TIME"),
    ("--threshold", "cpu.percent > 90 for ever", "METRIC > NUMBER for TIME"),
    ("--threshold", "", "METRIC > NUMBER for TIME"),
]


@pytest.mark.parametrize(("flag", "value", "expected"), BAD)
def test_setting_error_names_flag_value_and_expectation(flag: str, value: str, expected: str) -> None:
    (sentence,) = problems([f"{flag}={value}"])
    assert sentence.startswith(f"{flag} is {json.dumps(value[:80])[:-1]}")
    assert expected in sentence
    assert "\n" not in sentence
    assert len(sentence) < 250


@pytest.mark.parametrize(("flag", "value", "expected"), [bad for bad in BAD if bad[1]])
def test_setting_error_names_variable_when_set_by_variable(flag: str, value: str, expected: str) -> None:
    name = "DASHAPP_" + flag[2:].upper().replace("-", "_")
    (sentence,) = problems([], {name: value})
    assert sentence.startswith(f"{name} is {json.dumps(value[:80])[:-1]}")


@pytest.mark.parametrize("value", ["maybe", "2", "-"])
def test_switch_variable_rejects_other_than_on_or_off(value: str) -> None:
    (sentence,) = problems([], {"DASHAPP_PUBLIC": value})
    assert sentence == f'DASHAPP_PUBLIC is "{value}"; expected 1 or 0'


@pytest.mark.parametrize("text", ["--public=1", "--no-collector=0", "--version=1", "--help="])
def test_switch_flag_rejects_value(text: str) -> None:
    (sentence,) = problems([text])
    assert text.partition("=")[0] + " without one" in sentence


def test_setting_errors_are_reported_together() -> None:
    found = problems(
        ["--port", "0", "--interval=x", "--prot", "81", "--public=1", "stray", "--host", "0.0.0.0"],
        {"DASHAPP_WINDOW": "1", "WEB_CONCURRENCY": "99"},
    )
    for part in ("--port", "--interval", "--prot", "--public", "stray", "--host", "DASHAPP_WINDOW"):
        assert sum(part in sentence for sentence in found) >= 1
    assert any("WEB_CONCURRENCY" in sentence for sentence in found)
    assert len(found) == 8


def test_setting_error_stays_on_one_line_with_line_break() -> None:
    (sentence,) = problems(["--port", "1\n2"])
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("--prt", "--port"),
        ("--intervall=1", "--interval"),
        ("--collector", "--no-collector"),
        ("--worker", "--workers"),
        ("colect", "collect"),
        ("--pubic", "--public"),
        ("-port", "--port"),
        # The words of other programs.
        ("--alert", "--threshold"),
        ("--data-dir=x", "--store"),
        ("--bind", "--host"),
    ],
)
def test_unknown_flag_error_suggests_nearest_flag(text: str, near: str) -> None:
    (sentence,) = problems([text])
    assert f"did you mean {near}?" in sentence


def test_names_of_other_programs_are_those_of_settings() -> None:
    names = {option.name for option in fields(Settings)}
    assert set(OTHER_NAMES.values()) <= names
    assert not names & set(OTHER_NAMES), "a setting needs no hint"


def test_repeated_unknown_flag_is_one_problem() -> None:
    assert len(problems(["--alert", "cpu.percent > 90", "--alert", "load.1 > 4"])) == 1


def test_unknown_flag_error_points_to_help_without_similar_flag() -> None:
    assert "--help" in problems(["--zzz"])[0]


def test_unknown_variable_is_reported_without_error() -> None:
    environ = {"DASHAPP_PRT": "1", "DASHAPP_PORT": "1", "DASHAPP_CHILD": "1", "OTHER": "1"}
    assert unknown_variables(environ) == [
        "DASHAPP_PRT is set but is not a setting; did you mean DASHAPP_PORT?"
    ]


def test_settings_have_defaults_without_input() -> None:
    assert parse_settings([], {}) == Settings()
    assert Settings().listen_address == "127.0.0.1"


GOOD = {
    "host": ("::1", "::1"),
    "port": ("9000", 9000),
    "public": ("yes", True),
    "hosts": ("A.test, b", ("a.test", "b")),
    "frame_ancestors": (
        "https://A.test/, http://*.b.test:8080,https://a.test",
        ("https://a.test", "http://*.b.test:8080"),
    ),
    "store": ("./x", "./x"),
    "redis_ca": ("None", "none"),
    "name": ("db-1.eu_west", "db-1.eu_west"),
    "forget": ("2d", 172_800.0),
    "interval": ("0.1", 0.1),
    "window": ("7200", 7200.0),
    "retention": ("1h,2d,1y", (3600.0, 172_800.0, 31_536_000.0)),
    "size": ("2GB", 2_000_000_000),
    "workers": ("33", 33),
    "collector": ("off", False),
    "process_history": ("0", False),
    "push_token": ("4f9c2e7ab15d8036", "4f9c2e7ab15d8036"),
    "password": ("correct horse 7", "correct horse 7"),
    "trusted_proxy": ("127.0.0.1, 10.0.0.0/8", (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"))),
    "proxy_user": ("X-Forwarded-User", "X-Forwarded-User"),
    "limit": ("50", 50),
    "source": ("a.b:c", (SourceSpec("a.b:c"),)),
    "metric": ("x = a / b [%]", (DerivedMetric.parse("x = a / b [%]"),)),
    "panel": ('name="x", kind="bar"', (Panel.from_table({"name": "x", "kind": "bar"}),)),
    "title": ("The greenhouse", "The greenhouse"),
    "theme": ("dark", "dark"),
    "language": ("ja", "ja"),
    "transport": ("poll", "poll"),
    "config": ("empty.toml", "empty.toml"),
    "public_url": ("https://monitor.example/lab/", "https://monitor.example/lab"),
    "time_zone": ("Europe/Berlin", "Europe/Berlin"),
    "threshold": ("cpu.percent > 90 for 30s", (Threshold("cpu.percent", ">", 90, 30),)),
    "notify": ("json://127.0.0.1:9/x", ("json://127.0.0.1:9/x",)),
    "processes": ("never", "never"),
    "docker": ("unix:///run/user/1000/podman.sock", "unix:///run/user/1000/podman.sock"),
    "proc": ("/usr/", "/usr"),
    "sys": ("/usr/../usr", "/usr/../usr"),
}

# Switches, and settings that have no flag.
NO_TEXT = ("public", "collector", "process_history", "push_token", "notify", "password")

# Variables that a setting requires.
BESIDE = {"proxy_user": {"DASHAPP_TRUSTED_PROXY": "127.0.0.1"}}


@pytest.mark.parametrize("name", GOOD)
def test_setting_is_read_from_its_variable(name: str) -> None:
    Path("empty.toml").touch()
    text, value = GOOD[name]
    assert (
        getattr(parse_settings([], {f"DASHAPP_{name.upper()}": text, **BESIDE.get(name, {})}), name) == value
    )


@pytest.mark.parametrize("name", [name for name in GOOD if name not in NO_TEXT])
def test_setting_flag_overrides_variable(name: str) -> None:
    Path("empty.toml").touch()
    text, value = GOOD[name]
    environ = {f"DASHAPP_{name.upper()}": "bad one", **BESIDE.get(name, {})}
    assert getattr(parse_settings([f"--{name.replace('_', '-')}", text], environ), name) == value


def test_unknown_variables_ignores_push_client_variables() -> None:
    assert not unknown_variables({"DASHAPP_URL": "http://x", "DASHAPP_PUSH_TOKEN": "4f9c2e7ab15d8036"})


def test_source_may_be_none_when_push_token_is_set() -> None:
    assert parse_settings(["--source", "none"], {"DASHAPP_PUSH_TOKEN": "4f9c2e7ab15d8036"}).source == (
        SourceSpec("none"),
    )


def test_settings_examples_cover_every_setting() -> None:
    assert {each.name for each in fields(Settings)} == set(GOOD)


def test_switch_flags_set_public_and_collector() -> None:
    settings = parse_settings(["--public", "--no-collector", "--no-process-history"], {})
    assert (settings.public, settings.collector, settings.process_history) == (True, False, False)


def test_memory_store_is_rejected_with_several_workers() -> None:
    (sentence,) = problems(["--store", "memory:"], {"WEB_CONCURRENCY": "2"})
    assert sentence.startswith('WEB_CONCURRENCY is "2"; expected 1')


KUBERNETES = {
    "DASHAPP_SERVICE_HOST": "10.96.12.7",
    "DASHAPP_SERVICE_PORT": "8050",
    "DASHAPP_SERVICE_PORT_HTTP": "8050",
    "DASHAPP_PORT": "tcp://10.96.12.7:8050",
    "DASHAPP_PORT_8050_TCP": "tcp://10.96.12.7:8050",
    "DASHAPP_PORT_8050_TCP_PROTO": "tcp",
    "DASHAPP_PORT_8050_TCP_PORT": "8050",
    "DASHAPP_PORT_8050_TCP_ADDR": "10.96.12.7",
}
SERVICES = {
    "kubernetes": KUBERNETES,
    "ipv6": {"DASHAPP_PORT": "tcp://[fd00::1]:8050", "DASHAPP_SERVICE_HOST": "fd00::1"},
    "udp": {"DASHAPP_PORT": "udp://10.96.12.7:53", "DASHAPP_PORT_53_UDP": "udp://10.96.12.7:53"},
    "docker link": {
        "DASHAPP_NAME": "/shop/dashapp",
        "DASHAPP_PORT": "tcp://172.17.0.5:8050",
        "DASHAPP_ENV_PATH": "/usr/bin",
    },
    "a second service": {"DASHAPP_HOST_PORT": "tcp://10.0.0.1:80", "DASHAPP_HOST_SERVICE_HOST": "10.0.0.1"},
    "a service called host": {"DASHAPP_HOST": "tcp://10.0.0.1:80", "DASHAPP_STORE": "tcp://10.0.0.1:80"},
    "the platform's": {"PORT": "tcp://10.0.0.1:80", "REDIS_URL": "tcp://10.0.0.1:6379"},
}


@pytest.mark.parametrize("variables", SERVICES.values(), ids=SERVICES.keys())
def test_variables_of_service_are_ignored_with_one_sentence(variables: dict[str, str]) -> None:
    assert parse_settings([], {**variables, "REDIS_PORT": "tcp://10.0.0.2:6379"}) == parse_settings([], {})
    (sentence,) = unknown_variables(variables)
    assert all(name in sentence for name in [*variables][:3])
    assert "ignored, because a Kubernetes service or a Docker link has set" in sentence


def test_variables_of_person_win_beside_those_of_service() -> None:
    settings = parse_settings([], {**KUBERNETES, "PORT": "19197", "DASHAPP_NAME": "pod-1"})
    assert (settings.port, settings.name) == (19197, "pod-1")
    assert parse_settings(["--port", "9000"], KUBERNETES).port == 9000
    assert parse_settings([], {"DASHAPP_PASSWORD": "tcp://a-very-good-one:8050"}).password


@pytest.mark.parametrize(
    ("ca", "address", "expected"),
    [
        ("none", "rediss://:x@h:6380", "rediss://:x@h:6380?ssl_cert_reqs=none"),
        ("NONE", "rediss+cluster://h", "rediss+cluster://h?ssl_cert_reqs=none"),
        ("{file}", "rediss://h", "rediss://h?ssl_ca_certs={file}"),
        (
            "none",
            "rediss://h?ssl_check_hostname=false",
            "rediss://h?ssl_check_hostname=false&ssl_cert_reqs=none",
        ),
        ("none", "rediss://h?ssl_cert_reqs=required", "rediss://h?ssl_cert_reqs=required"),
        ("none", "redis://h", "redis://h"),
        ("none", "rediss://h?ssl_ca_certs=/ca.pem", "rediss://h?ssl_ca_certs=/ca.pem"),
        ("", "rediss://h", "rediss://h"),
    ],
)
def test_redis_ca_completes_address_of_platform(ca: str, address: str, expected: str, tmp_path: Path) -> None:
    (file := tmp_path / "ca.pem").touch()
    variables = {"REDIS_URL": address, "DASHAPP_REDIS_CA": ca.format(file=file)}
    assert parse_settings([], variables).store == expected.format(file=file)
