"""The text of a check: address, options, name, and one sentence for each mistake."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashapp.sources.external.checks.target import Target


@pytest.mark.parametrize(
    ("text", "kind", "host", "port", "name"),
    [
        ("https://shop.example/health", "https", "shop.example", 443, "shop-example"),
        ("HTTP://Shop.Example:8080", "http", "shop.example", 8080, "shop-example"),
        ("https://shop.example#shop", "https", "shop.example", 443, "shop"),
        ("https://me:secret@shop.example/?expect=ok#Shop_2", "https", "shop.example", 443, "Shop_2"),
        ("https://müller.example/ü", "https", "xn--mller-kva.example", 443, "xn--mller-kva-example"),
        ("http://[::1]:8080/", "http", "::1", 8080, "1"),
        ("tcp://db:5432", "tcp", "db", 5432, "db"),
        ("tcp://[2001:db8::1]:22", "tcp", "2001:db8::1", 22, "2001-db8-1"),
        ("dns://example.org", "dns", "example.org", 0, "example-org"),
        ("ping://10.0.0.1", "ping", "10.0.0.1", 0, "10-0-0-1"),
        ("ping://[::1]#me", "ping", "::1", 0, "me"),
    ],
)
def test_target_has_kind_host_port_and_name(text: str, kind: str, host: str, port: int, name: str) -> None:
    target = Target.parse(text)
    assert (target.kind, target.host, target.port, target.name) == (kind, host, port, name)
    assert (target.every, target.timeout) == (10.0, 5.0)


@pytest.mark.parametrize(
    ("text", "path", "expect", "every", "timeout"),
    [
        ("https://h/a?b=1&every=30&c=%20&timeout=2.5&d", "/a?b=1&c=%20&d", "", 30.0, 2.5),
        ("https://h/a?expect=all+good%21", "/a", "all good!", 10.0, 5.0),
        ("https://h?expect=all good", "/", "all good", 10.0, 5.0),
        ("https://h?every=2", "/", "", 2.0, 2.0),
        ("https://h/?%65very=1", "/?%65very=1", "", 10.0, 5.0),
        ("https://h/a b?q=ü", "/a%20b?q=%C3%BC", "", 10.0, 5.0),
        ("https://h/?expect=a%3Db%26c", "/", "a=b&c", 10.0, 5.0),
    ],
)
def test_target_keeps_own_options_from_the_server(
    text: str, path: str, expect: str, every: float, timeout: float
) -> None:
    target = Target.parse(text)
    assert target.url is not None
    assert (target.url.path, target.expect, target.every, target.timeout) == (path, expect, every, timeout)


def test_target_takes_options_of_a_settings_file() -> None:
    target = Target.parse("https://h/?a=1", {"every": 30, "timeout": 2, "expect": "ok", "name": "shop"})
    assert (target.every, target.timeout, target.expect, target.name) == (30.0, 2.0, "ok", "shop")


@pytest.mark.parametrize(
    ("text", "options", "problem"),
    [
        ("", {}, "expected an address such as check:http://shop.example/health"),
        ("shop.example", {}, "expected an address such as"),
        ("htps://shop.example", {}, "did you mean https?"),
        ("ftp://shop.example", {}, "expected an address such as"),
        ("https://", {}, "expected an address such as check:https://shop.example/health"),
        ("https://h:99999/", {}, "expected an address such as check:https://"),
        ("https://h:0/", {}, "expected an address such as check:https://"),
        ("https://h\x00/", {}, "expected an address such as check:https://"),
        ("https://a b/", {}, "expected an address such as check:https://"),
        ("https://" + "a" * 64 + "/", {}, "expected an address such as check:https://"),
        ("https://[::1", {}, "expected an address such as check:https://"),
        ("tcp://db", {}, "expected an address such as check:tcp://db.example:5432"),
        ("tcp://db:0", {}, "expected an address such as check:tcp://db.example:5432"),
        ("tcp://db:5432/path", {}, "expected an address such as check:tcp://db.example:5432"),
        ("dns://example.org:53", {}, "expected an address such as check:dns://example.org"),
        ("ping://", {}, "expected an address such as check:ping://10.0.0.1"),
        (
            "tcp://db:5432?expect=ok",
            {},
            '"expect" is not an option of a tcp check; expected every or timeout',
        ),
        ("ping://h?evry=1", {}, '"evry" is not an option of a ping check; expected every or timeout'),
        ("https://h?every=0", {}, 'every is "0"; expected seconds from 1 to 86400'),
        ("https://h?every=ten", {}, 'every is "ten"; expected seconds from 1 to 86400'),
        ("https://h?every=nan", {}, 'every is "nan"; expected seconds from 1 to 86400'),
        ("https://h?every", {}, 'every is ""; expected seconds from 1 to 86400'),
        ("https://h?timeout=20", {}, "timeout is 20; expected at most every, which is 10"),
        ("https://h?timeout=0", {}, 'timeout is "0"; expected seconds from 0.1 to 60'),
        ("https://h?expect=", {}, 'expect is ""; expected text of 1 to 200 characters'),
        ("https://h?every=5&every=6", {}, "every occurs twice; expected it once"),
        ("https://h?every=5", {"every": 6}, "every occurs twice; expected it once"),
        ("https://h", {"evry": 6}, '"evry" is not an option; did you mean every?'),
        ("https://h", {"every": True}, "every is true; expected seconds from 1 to 86400"),
        ("https://h", {"expect": 5}, "expect is 5; expected text of 1 to 200 characters"),
        ("https://h#my shop", {}, 'the name is "my shop"; expected 1 to 32 letters, digits, - and _'),
        ("https://h#a.b", {}, 'the name is "a.b"; expected 1 to 32'),
    ],
)
def test_target_explains_mistake_in_one_sentence(text: str, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)) as error:
        Target.parse(text, options)
    assert "\n" not in str(error.value)


@given(st.sampled_from(["https", "http", "tcp", "dns", "ping"]), st.text(max_size=60))
def test_target_is_valid_or_a_sentence_for_any_text(kind: str, text: str) -> None:
    with suppress(ValueError):
        target = Target.parse(f"{kind}://{text}")
        assert target.host.isascii()
        assert target.host
        assert 1 <= len(target.name) <= 32


def test_target_representation_has_no_credentials() -> None:
    assert "secret" not in repr(Target.parse("https://me:secret@h/?token=secret"))
