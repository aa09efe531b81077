"""The sentences and labels in the tables are those that the server sends."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from fake_machine import FakeMachine

from dashapp.alerts.message import describe_change
from dashapp.collector.clock import ClockStep
from dashapp.collector.corrections import describe
from dashapp.languages.tables import language_table, languages
from dashapp.model.notices import damage_notice
from dashapp.model.panels import PANELS
from dashapp.model.thresholds import REMINDER, AlertChange, Threshold
from dashapp.model.ticks import Metric
from dashapp.sources.spec import MachineFiles
from dashapp.sources.system.all import system_sources

PACKAGE = Path(__file__).parents[2] / "dashapp"
LANGUAGES = [language for language in languages() if language != "en"]
VALUE = re.compile(r"\{\w+\}")


def patterns(table: dict[str, str]) -> list[re.Pattern[str]]:
    return [re.compile(".+?".join(map(re.escape, VALUE.split(key)))) for key in table]


def is_known(text: str, table: dict[str, str]) -> bool:
    return any(pattern.fullmatch(text) for pattern in patterns(table))


def source_texts() -> str:
    """Return all strings of the package, with a line break for each value of an f-string."""
    texts = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "\n" for part in node.values)
                texts.append("".join(map(str, parts)))
    return "\n\n".join(texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_sentence_is_in_the_package(language: str) -> None:
    """Find sentences that the server does not send any more: their words are in no string of it."""
    source = source_texts()
    missing = [
        (key, word)
        for key in language_table(language)["sentences"]
        # Two parts can be in different strings, such as the level of an alert after its state.
        for part in re.split(r"\{\w+\}|[:;,()]", key)
        for word in re.findall(r"[a-z]{4,}", part)
        if word not in source
    ]
    assert missing == []


CHANGES = [
    AlertChange(threshold, firing, 0.0, value, kind=kind)
    for threshold in map(
        Threshold.parse, ("cpu.percent > 90 for 5m", "cpu.percent > 90 critical", "load.1 missing for 5m")
    )
    for firing, kind in ((True, "change"), (False, "change"), (True, REMINDER))
    for value in (97.25, None)
]
STEPS = [
    ClockStep(time=1e9, size=size, after=1e9 - 60, restores=restores, is_observed=is_observed)
    for size, restores, is_observed in ((-3600, False, True), (-3600, False, False), (3600, True, True))
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_that_the_server_sends_are_known(language: str) -> None:
    sentences = language_table(language)["sentences"]
    sent = [*map(describe_change, CHANGES), *map(describe, STEPS), damage_notice(3)]
    assert [text for text in sent if not is_known(text, sentences)] == []


# The labels of these panels are names: of devices, sensors, units, containers and GPUs.
NAMED_PANELS = {"filesystem", "temperature", "fans", "gpumemory", "gputemperature", "gpupower", "gpuclock"}


def machine_metrics(folder: Path) -> list[Metric]:
    machine = FakeMachine(folder)
    sources = system_sources(MachineFiles(machine.proc, machine.sys))
    found: dict[str, Metric] = {}
    for _ in range(3):
        machine.pass_time(2)
        for source in sources:
            found |= {metric.key: metric for metric in source.read()}
    return [*found.values()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_of_the_machine_are_known(language: str, tmp_path: Path) -> None:
    labels = language_table(language)["labels"]
    metrics = machine_metrics(tmp_path)
    panels = {metric.panel for metric in metrics}
    assert len(panels & labels.keys()) > 10
    assert panels <= {panel.name for panel in PANELS}
    unknown = [
        (metric.panel, metric.label)
        for metric in metrics
        if metric.panel not in NAMED_PANELS and not is_known(metric.label, labels.get(metric.panel, {}))
    ]
    assert unknown == []
