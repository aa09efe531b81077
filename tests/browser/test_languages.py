"""The page in other languages: in Japanese, and in one that marks every text of the table."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from alert_page import AlertFeeder
from authenticated_app import PASSWORD
from chart_assertions import wait_for_state
from fake_collector import METRICS
from fake_hosts import Fleet
from faulty_server import Served
from kept_tab import OpenAt
from playwright.sync_api import Browser, Page, expect
from waiting import PATIENCE_S

from dashapp.config.settings import Settings, parse_settings
from dashapp.languages import tables
from dashapp.languages.tables import language_table, languages
from dashapp.model.ticks import Metric
from dashapp.stores.memory import MemoryStore
from dashapp.stores.push_queue import MemoryPushQueue
from dashapp.web.app import create_app

# A language of tests: Intl formats it as English.
MARKED = "en-XA"
# Texts that a viewer reads and that are not marked. Keys of metrics and rules, units, days, months, facts of
# the system and the names of this test stay as they are. Marks can be inside of others.
UNMARKED = r"""() => {
    const NAMES = /\b(python|collect|none|normal|dashapp|web-\d+|vm|UTC|Asia|Kolkata|zzzz|PNG|CSV|p95)\b/g;
    const DAYS = /\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b/g;
    const MONTHS = /\b(Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)\b/g;
    const UNITS = /\b[kMGT]?(Hz|B(\/s)?)\b/g;
    const KEYS = /[\w*-]+([.\/][\w*-]+)+( (>=|>) [\d.]+)?/g;
    const OTHERS = [KEYS, NAMES, DAYS, MONTHS, UNITS];
    const plain = (text) => {
        let [before, rest] = ["", text];
        while (before !== rest) [before, rest] = [rest, rest.replace(/⟦[^⟦⟧]*⟧/g, "")];
        return OTHERS.reduce((kept, pattern) => kept.replace(pattern, ""), rest);
    };
    const SKIPPED = "script, style, code, kbd, .facts > li, [data-table=top] tbody, .result-detail";
    const isSkipped = (element) =>
        !element.checkVisibility({ visibilityProperty: true }) ||
        element.closest(SKIPPED) !== null;
    const found = new Set();
    const check = (text, place) => /[A-Za-z]{2,}/.test(plain(text)) && found.add(`${place}: ${text}`);
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const { parentElement, data } = walker.currentNode;
        if (!isSkipped(parentElement)) check(data, parentElement.id || parentElement.tagName);
    }
    const attributes = ["aria-label", "title", "placeholder", "aria-valuetext", "alt", "data-message"];
    for (const name of [...attributes, "data-muted"]) {
        for (const element of document.querySelectorAll(`[${name}]`)) {
            if (!isSkipped(element)) check(element.getAttribute(name), name);
        }
    }
    for (const element of document.querySelectorAll("main, .chart")) {
        for (const place of ["::before", "::after"]) {
            if (!isSkipped(element)) check(getComputedStyle(element, place).content, place);
        }
    }
    check(document.title, "document.title");
    return [...found];
}"""
# Examples of a rule and of a formula, which are the same in every language.
EXAMPLES = {
    "placeholder: cpu.percent > 90 for 5m repeat 30m except Sat-Sun 22:00-06:00 critical",
    "placeholder: rate = 100 * hits / (hits + misses) [%]",
}
# Metrics of a machine, whose labels are in the table.
MACHINE = [
    *METRICS,
    Metric("cpu.user", "User", "%", "cpu", 0, 100),
    Metric("memory.percent", "Memory", "%", "memory", 0, 100),
    Metric("memory.used", "Used", "B", "memorybytes", 0),
    Metric("load.1", "Load, 1 min", "", "load", 0),
    Metric("disk.sda.read", "⟦sda⟧ read", "B/s", "disks", 0),
    Metric("container.cpu.percent", "Container, of 2 cores", "%", "cpu", 0, 100),
]


def marked_table() -> dict[str, Any]:
    """Return the table of a language that has each text in marks."""
    table = language_table("ja")
    return {
        **{part: {key: f"⟦{key}⟧" for key in table[part]} for part in ("texts", "server", "sentences")},
        "labels": {panel: {key: f"⟦{key}⟧" for key in part} for panel, part in table["labels"].items()},
        "phrases": [],
    }


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Add the language of marks."""
    folder, table = tmp_path_factory.mktemp("languages"), marked_table()
    (folder / f"{MARKED}.json").write_text(json.dumps(table))
    (folder / "ja.json").write_text((tables.FOLDER / "ja.json").read_text("utf-8"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "FOLDER", folder)
        for cached in (languages, language_table):
            cached.cache_clear()
        yield MARKED
    for cached in (languages, language_table):
        cached.cache_clear()


@contextmanager
def site(language: str, password: str = PASSWORD) -> Iterator[str]:
    """Serve a page with alerts, marks and share links; yield its address."""
    queue = MemoryPushQueue()
    feeder = AlertFeeder(0.5, ["cpu.percent >= 0 critical", "cpu.core0.percent > 1000"], queue)
    feeder.store.describe(MACHINE)
    feeder.backfill(100)
    feeder.start(gapless=True)
    flags = ["--store", "memory:", "--interval", "0.5", "--language", language, "--time-zone", "UTC"]
    settings = parse_settings(flags, {"DASHAPP_PASSWORD": password} if password else {})
    server = Served(create_app(feeder.store, settings, queue))
    yield server.url
    feeder.stop()
    server.close()


@pytest.fixture(scope="module")
def marked_site(marked: str) -> Iterator[str]:
    with site(marked) as url:
        yield url


def sign_in(page: Page) -> None:
    if page.locator("#password").count():
        page.locator("#password").fill(PASSWORD)
        with page.expect_navigation():
            page.keyboard.press("Enter")
    wait_for_state(page, "live")


def assert_all_marked(page: Page) -> None:
    assert set(page.evaluate(UNMARKED)) - EXAMPLES == set()


def pressed(key: str) -> Callable[[Page], None]:
    def reach(page: Page) -> None:
        page.keyboard.press(key)
        expect(page.locator("dialog[open]")).to_be_visible()

    return reach


def clicked(selector: str, opened: str) -> Callable[[Page], None]:
    def reach(page: Page) -> None:
        page.locator(selector).first.click()
        expect(page.locator(opened).first).to_be_visible()

    return reach


def search_for(text: str) -> Callable[[Page], None]:
    def reach(page: Page) -> None:
        page.keyboard.press("/")
        page.locator("dialog[open] input").fill(text)

    return reach


def built(page: Page) -> None:
    page.keyboard.press("b")
    page.locator("dialog[open] .search-input").fill("cpu.core")
    page.locator("dialog[open] .results li").first.click()
    page.locator("dialog[open] input").last.fill("x")
    page.locator("dialog[open] button[type=submit].primary").click()
    expect(page.locator("[data-built]:not(.absent)").first).to_be_visible()


def paused(page: Page) -> None:
    page.locator("#pause").click()
    wait_for_state(page, "paused")
    page.keyboard.press("Shift+ArrowLeft")


def toast_of(key: str) -> Callable[[Page], None]:
    def reach(page: Page) -> None:
        page.keyboard.press(key)
        expect(page.locator("#note")).to_be_visible()

    return reach


def offline(page: Page) -> None:
    page.context.set_offline(True)
    wait_for_state(page, "offline")


STATES: dict[str, Callable[[Page], None]] = {
    "live": lambda page: None,
    "help": pressed("?"),
    "go to": pressed("g"),
    "events": pressed("e"),
    "mark": pressed("m"),
    "chart builder": pressed("b"),
    "rules": pressed("a"),
    "panels": pressed("v"),
    "search": pressed("/"),
    "search of metrics": search_for("cpu"),
    "search of a time": search_for("yesterday 14:00"),
    "search of nothing": search_for("zzzz"),
    "menu of the page": clicked("#menu", "#menu-items:popover-open"),
    "menu of a panel": clicked('[data-panel="cpu"] .more', ".menu:popover-open"),
    "list of alerts": clicked("#alerts .count", ".incidents:popover-open"),
    "own chart": built,
    "paused": paused,
    "comparison": lambda page: page.keyboard.press("y"),
    "usual range": lambda page: page.keyboard.press("u"),
    "time zone": toast_of("z"),
    "kiosk": lambda page: page.keyboard.press("k"),
    "offline": offline,
}


@pytest.fixture
def signed_in(open_at: OpenAt, page: Page, marked_site: str) -> None:
    open_at(marked_site, sign_in)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.usefixtures("signed_in")
def test_page_shows_no_text_outside_of_the_table(page: Page, state: str) -> None:
    try:
        STATES[state](page)
        assert_all_marked(page)
    finally:
        page.context.set_offline(False)


def test_unmarked_text_is_found(page: Page, marked_site: str) -> None:
    page.goto(marked_site)
    sign_in(page)
    page.evaluate("document.getElementById('status').title = 'Not in the table'")
    page.evaluate("document.getElementById('search').textContent = '⟦Marked ⟦inside⟧⟧ and not'")
    found = page.evaluate(UNMARKED)
    assert found == ["search: ⟦Marked ⟦inside⟧⟧ and not", "title: Not in the table"]


def test_login_page_shows_no_text_outside_of_the_table(page: Page, marked_site: str) -> None:
    page.context.clear_cookies()
    page.goto(f"{marked_site}login")
    assert_all_marked(page)
    page.locator("#password").fill("wrong password")
    page.keyboard.press("Enter")
    expect(page.locator("#wrong")).to_be_visible()
    assert_all_marked(page)


@pytest.mark.parametrize("path", ["", "host/web-2/", "host/web-1,web-2/"], ids=["all", "one", "two"])
def test_page_of_hosts_shows_no_text_outside_of_the_table(page: Page, marked: str, path: str) -> None:
    fleet = Fleet()
    for name in ("web-1", "web-2", "web-3"):
        fleet.add(name, 60, 1.0, 0.0)
    fleet.start()
    settings = Settings(store="memory:", language=marked)
    server = Served(create_app(MemoryStore(), settings, None, fleet, "web-1"))
    page.goto(server.url + path)
    wait_for_state(page, "live")
    assert_all_marked(page)
    page.keyboard.press("h")
    expect(page.locator("dialog[open] tbody tr").first).to_be_visible()
    assert_all_marked(page)
    page.goto("about:blank")
    fleet.end()
    server.close()


@contextmanager
def japanese(chromium: Browser, **options: Any) -> Iterator[Page]:
    with closing(chromium.new_context(locale="ja-JP", timezone_id="Asia/Tokyo", **options)) as context:
        context.set_default_timeout(1000 * PATIENCE_S)
        yield context.new_page()


@pytest.fixture(scope="module")
def automatic_site() -> Iterator[str]:
    with site("auto", password="") as url:
        yield url


def test_browser_chooses_the_language(chromium: Browser, page: Page, automatic_site: str) -> None:
    page.goto(automatic_site)
    wait_for_state(page, "live")
    expect(page.locator("#status")).to_have_text("Live")
    with japanese(chromium) as other:
        other.goto(automatic_site)
        wait_for_state(other, "live")
        expect(other.locator("html")).to_have_attribute("lang", "ja")
        expect(other.locator("#status")).to_have_text("ライブ")
        expect(other.locator("#window-lead")).to_have_text("直近 ")
        expect(other.locator("#window-label")).to_have_text("100 秒")
        expect(other.locator("#alerts p")).to_have_text(re.compile(r"CPU が 0\s%\s以上"))
        expect(other.locator('[data-line="cpu.core0.percent"] bdi')).to_have_text("コア 0")
        slider = other.locator("#window [role=slider]")
        expect(slider).to_have_attribute("aria-valuetext", "100 秒")


PHRASES = (
    "昨日 14:00",
    "昨日の14時30分",
    "3時間前",
    "直近10分",
    "昨夜",
    "11月26日",
    "2026年11月26日 8時",
    "月曜日",
)


def test_japanese_search_understands_times(chromium: Browser, automatic_site: str) -> None:
    with japanese(chromium) as page:
        page.goto(automatic_site)
        wait_for_state(page, "live")
        now = "Date.parse('2026-11-28T11:00:00+09:00')"
        found = page.evaluate(
            f"""(phrases) => phrases.map((phrase) => {{
                const parsed = dashapp.parseTimePhrase(dashapp.toEnglishPhrase(phrase), {now});
                if (!parsed) return null;
                if (parsed.seconds) return `${{parsed.seconds}} s`;
                return (parsed.range ?? [parsed.time]).map(dashapp.wallText).join(" ");
            }})""",
            list(PHRASES),
        )
    assert dict(zip(PHRASES, found, strict=True)) == {
        "昨日 14:00": "2026-11-27T14:00:00",
        "昨日の14時30分": "2026-11-27T14:30:00",
        "3時間前": "2026-11-28T08:00:00",
        "直近10分": "600 s",
        "昨夜": "2026-11-27T20:00:00 2026-11-28T08:00:00",
        "11月26日": "2026-11-26T00:00:00 2026-11-27T00:00:00",
        "2026年11月26日 8時": "2026-11-26T08:00:00",
        "月曜日": "2026-11-23T00:00:00 2026-11-24T00:00:00",
    }


RESPONSES = {
    "The machine started": "マシンが起動しました",
    "No data for 12 min: the machine was off": "12 分 データなし: マシンの電源が切れていました",
    "cpu.percent > 90 for 5m: still firing (critical), at 97.3 (ffmpeg 61 %)": (
        "cpu.percent > 90 for 5m: 継続中 (重大)、値 97.3 (ffmpeg 61 %)"
    ),
    "reaches 95 % in 2 days (1 to 3)": "あと 2 日 (1~3) で 95 % に到達",
    # A sentence without a pattern, and hostile ones.
    "deploy 1.4": "deploy 1.4",
    "__proto__": "__proto__",
    "{rule}: firing": "{rule}: 発生",
    "$&: firing": "$&: 発生",
}
LABELS = {
    ("cores", "Core 12", ""): "コア 12",
    ("disks", "sda read", ""): "sda 読み込み",
    ("cpu", "Container, of 2 cores", ""): "コンテナー (2 コア に対する割合)",
    ("network", "web-1 Received", "web-1"): "web-1 受信",
    # Labels of the user's own panels stay.
    ("weather", "Received", ""): "Received",
    ("cpu", "constructor", ""): "constructor",
}


def test_responses_are_translated_in_the_browser(chromium: Browser, automatic_site: str) -> None:
    with japanese(chromium) as page:
        page.goto(automatic_site)
        found = page.evaluate("(texts) => texts.map(dashapp.translateSentence)", list(RESPONSES))
        assert dict(zip(RESPONSES, found, strict=True)) == RESPONSES
        labels = page.evaluate(
            "(all) => all.map(([panel, label, host]) => dashapp.translateLabel({ panel, label }, host))",
            [list(key) for key in LABELS],
        )
        assert dict(zip(LABELS, labels, strict=True)) == LABELS


@pytest.mark.parametrize("width", [360, 820, 1280])
def test_japanese_page_fits_into_the_window(chromium: Browser, automatic_site: str, width: int) -> None:
    with japanese(chromium, viewport={"width": width, "height": 900}) as page:
        page.goto(automatic_site)
        wait_for_state(page, "live")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        clipped = page.evaluate(
            """() => [...document.querySelectorAll("#bar button, .tile-title, .panel > h2 .title")]
                .filter((element) => element.checkVisibility())
                .filter((element) => getComputedStyle(element).display !== "inline")
                .filter((element) => element.scrollWidth > element.clientWidth + 1)
                .map((element) => element.textContent)"""
        )
        assert clipped == []
