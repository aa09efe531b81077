"""A chart in a page of the application, by one call in its template: its URL and its errors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask_host import Host, Mounted, mounter, store_of_a_tick

import dashapp
from dashapp.model.ticks import MountError

store = pytest.fixture(store_of_a_tick)
mounted = pytest.fixture(mounter)


def chart(host: Host, call: str, **more: Any) -> str:
    with host.app.test_request_context("/", **more):
        return host.app.jinja_env.from_string("").render() + render(call)


def render(call: str) -> str:
    from flask import render_template_string

    return render_template_string("{{ " + call + " }}")


def test_chart_is_iframe_with_options(mounted: Mounted) -> None:
    html = chart(mounted(), 'dashapp_chart("cpu.percent", window=60, height=240, theme="dark")')
    assert html.startswith('<iframe class="dashapp-chart" src="/monitor/?bare=1&amp;chart=cpu.percent&amp;')
    assert "window=60" in html
    assert 'width="100%"' in html
    assert 'height="240"' in html
    assert "theme=dark" in html


def test_chart_url_uses_prefix_of_proxy(mounted: Mounted) -> None:
    html = chart(mounted(), 'dashapp_chart("cpu.percent")', environ_overrides={"SCRIPT_NAME": "/outer"})
    assert 'src="/outer/monitor/?' in html


def test_default_title_of_chart_has_no_language(mounted: Mounted) -> None:
    """The page of the host can have any; only its author knows which."""
    host = mounted()
    assert ' title="cpu.percent, load.1" ' in chart(host, 'dashapp_chart("cpu.percent", "load.1")')
    assert ' title="負荷" ' in chart(host, 'dashapp_chart("load.1", title="負荷")')


def test_chart_selects_mount_by_prefix(mounted: Mounted, store: Path) -> None:
    host = mounted("/one/")
    dashapp.mount(host.app, "/two/", store=store, collect=False)
    assert 'src="/one/?' in chart(host, 'dashapp_chart("a")')
    assert 'src="/two/?' in chart(host, 'dashapp_chart("a", at="/two/")')


@pytest.mark.parametrize("name", ['"><script>alert(1)</script>', "a&b=c", "#", "ä", "a b", "cpu.core*"])
def test_chart_escapes_hostile_name(mounted: Mounted, name: str) -> None:
    host = mounted()
    with host.app.test_request_context("/"):
        from flask import render_template_string

        html = render_template_string("{{ dashapp_chart(name, title=name) }}", name=name)
    assert html.count("<") == 2
    assert "<script" not in html
    src = re.search(r'src="([^"]+)"', html)
    assert src is not None
    assert host.ask(src[1].replace("&amp;", "&")).status == 200


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ("dashapp_chart()", "has 0 metrics"),
        ("dashapp_chart(7)", 'a metric is 7; expected a name, such as "cpu.percent"'),
        ('dashapp_chart("")', "a metric is"),
        ('dashapp_chart("a,b")', "a metric is"),
        ('dashapp_chart("a", window=1)', "window is 1; expected seconds from 10 to"),
        ('dashapp_chart("a", window="wide")', 'window is "wide"'),
        ('dashapp_chart("a", height=0)', "height is 0; expected pixels from 80"),
        ('dashapp_chart("a", theme="pink")', 'theme is "pink"; expected auto, dark, light'),
        ('dashapp_chart("a", at="/nowhere/")', 'at is "/nowhere/"; dashapp is mounted at /monitor/'),
    ],
)
def test_chart_rejects_invalid_arguments(mounted: Mounted, call: str, problem: str) -> None:
    with pytest.raises(MountError, match=re.escape(problem)) as error:
        chart(mounted(), call)
    assert "\n" not in str(error.value)
