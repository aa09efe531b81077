"""Programs as sources, with real scripts: what they print, how they fail, and that they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import psutil
import pytest
from processes import alive
from waiting import PATIENCE_S, wait_for

from dashapp.model.ticks import SourceError
from dashapp.sources.external.programs.command import Command
from dashapp.sources.external.programs.source import ProgramSource

ROOT = Path(__file__).resolve().parents[4]
Script = Callable[..., ProgramSource]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    """A function that writes a script and returns its source."""
    monkeypatch.chdir(tmp_path)
    sources: list[ProgramSource] = []

    def write(text: str, options: str = "") -> ProgramSource:
        path = tmp_path / "job.sh"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        sources.append(ProgramSource(Command.parse(f"./job.sh{options}"), pause=lambda _: None))
        return sources[-1]

    yield write
    for source in sources:
        source.close()


def values(source: ProgramSource) -> dict[str, float]:
    """Run the program once; return its values by key."""
    source._thread = source._thread or object()  # type: ignore[assignment]
    source.run_once()
    return {metric.key: value for metric, value in source.read().items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("echo 21.5", {"value": 21.5}),
        ("echo temp=21.5 humidity=40%", {"temp": 21.5, "humidity": 40.0}),
        ("printf 'r b free\\n1 0 52\\n'", {"r": 1, "b": 0, "free": 52}),
        ('echo \'{"a": {"b": 1}}\'', {"a-b": 1}),
        ("echo a=1; echo b=2", {"a": 1, "b": 2}),
        ("printf 'a=1\\nb=2'", {"a": 1, "b": 2}),
        ("echo a=1; echo warning >&2", {"a": 1}),
        ("echo $1 $#", {"column1": 7, "column2": 2}),
    ],
)
def test_program_output_is_read_like_standard_input(
    script: Script, text: str, expected: dict[str, float]
) -> None:
    source = script(text, " 7 '8 $(id)'")
    assert values(source) == {f"exec.job.{name}": value for name, value in expected.items()}
    assert source.status_message == ""
    assert values(source) == {f"exec.job.{name}": value for name, value in expected.items()}


def test_program_does_not_receive_our_settings(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DASHAPP_PASSWORD", "DASHAPP_NOTIFY", "DASHAPP_STORE"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("SHOP", "5")
    assert values(script('echo "shop=$SHOP settings=$(env | grep -c ^DASHAPP_)"')) == {
        "exec.job.shop": 5,
        "exec.job.settings": 0,
    }


def test_program_panels_have_its_name_and_unit(script: Script) -> None:
    source = script("echo a=1 b=2%", "#disk")
    values(source)
    assert {metric.panel for metric in source.read()} == {"exec-disk", "exec-disk-percent"}


def test_names_of_an_earlier_run_are_gone(script: Script, tmp_path: Path) -> None:
    source = script("cat numbers")
    (tmp_path / "numbers").write_text("a=1 b=2\n")
    assert values(source) == {"exec.job.a": 1, "exec.job.b": 2}
    (tmp_path / "numbers").write_text("b=3\n")
    assert values(source) == {"exec.job.b": 3}


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        ("exit 3", "failed with exit status 3"),
        ("echo a=1; echo first >&2; echo no disk >&2; exit 1", "failed with exit status 1: no disk"),
        ("echo http://me:secret@h/ >&2; exit 1", "failed with exit status 1: http://…@h/"),
        ("kill -9 $$", "failed with signal SIGKILL"),
        ("exec ./missing", "failed with exit status 127: "),
        ("yes a=1", "printed more than 1 MB and was stopped; for a program that never ends use a pipe"),
        ("yes 'an error' >&2", "printed more than 1 MB and was stopped; "),
        ("head -c 2000000 /dev/zero", "printed more than 1 MB and was stopped; "),
        ("sleep 1000", "did not end within 0.3 s and was stopped; for a program that never ends"),
        ("while :; do echo a=1; sleep 0.05; done", "did not end within 0.3 s and was stopped; "),
        ("exec >&- 2>&-; sleep 1000", "did not end within 0.3 s and was stopped; "),
        ("trap '' TERM INT HUP; while :; do sleep 1; done", "did not end within 0.3 s and was stopped; "),
    ],
)
def test_program_that_fails_has_reason_and_no_value(script: Script, text: str, failure: str) -> None:
    source = script(text, "?every=1&timeout=0.3" if "0.3 s" in failure else "?timeout=10")
    with pytest.raises(SourceError) as error:
        values(source)
    assert str(error.value).startswith(f"exec job {failure}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "exec job printed nothing"),
        ("echo hello world", 'exec job printed no number; it begins with "hello world"'),
        ("echo '<?xml version=1?>'", "exec job is XML, which is not read; print JSON"),
        ("head -c 100000 /dev/zero | tr '\\0' a", "some lines of exec job are not columns"),
        ("echo 1,234", 'the number "1,234" of exec job has two readings'),
        ("i=0; while [ $i -lt 1001 ]; do i=$((i+1)); echo n$i=1; done", "exec job has more than 1000 names"),
    ],
)
def test_message_about_output_names_the_program(script: Script, text: str, message: str) -> None:
    source = script(text)
    values(source)
    assert source.status_message.startswith(message)


def test_file_without_interpreter_is_a_failure(script: Script, tmp_path: Path) -> None:
    source = script("echo 1")
    (tmp_path / "job.sh").write_bytes(b"echo 1\n")
    with pytest.raises(SourceError, match="exec job cannot be run: its first line must be such as #!/bin/sh"):
        values(source)
    (tmp_path / "job.sh").unlink()
    with pytest.raises(SourceError, match="exec job cannot be run: No such file or directory"):
        values(source)


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return the processes that run in `folder`, and are no zombies."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and process.pid != os.getpid() and alive(process):
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize(
    "text",
    ["sleep 1000 & sleep 1000 & echo a=1", "(sleep 1000 & sleep 1000) & wait", "sleep 1000 | sleep 1000"],
)
def test_all_processes_of_a_run_end_with_it(script: Script, text: str, tmp_path: Path) -> None:
    source = script(text, "?every=1&timeout=0.3")
    source.run_once()
    shell = source._guard._process
    assert shell is not None
    wait_for(lambda: {process.pid for process in processes_of(tmp_path)} == {shell.pid})
    source.close()
    wait_for(lambda: not processes_of(tmp_path))


def test_program_does_not_inherit_marks_of_our_processes(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHAPP_CHILD", "1")
    monkeypatch.setenv("DASHAPP_URL", "http://h")
    assert values(script("env | grep -c ^DASHAPP_CHILD= || true")) == {"exec.job.value": 0}
    assert values(script("env | grep -c ^DASHAPP_URL=")) == {"exec.job.value": 1}


def test_values_expire_if_the_thread_is_late(script: Script) -> None:
    now = 0.0
    source = script("echo 1")
    source._clock = lambda: now
    assert values(source)
    now = 20.0
    assert source.read()
    now = 21.0
    with pytest.raises(SourceError, match="exec job has not run for 21 s: it is due every 10 s"):
        source.read()


def test_source_runs_its_program_again_and_again(script: Script) -> None:
    source = script("echo 1")
    # The thread waits for ever after three runs.
    pauses = iter([lambda: None] * 3)
    source._pause = lambda _: next(pauses, Event().wait)()
    source.read()
    wait_for(lambda: source.reading_count == 3 and source.read())


# Writes "guarded" once the guard knows the group of the running program.
KILLED = """
import pathlib, sys, time
from dashapp.sources.external.programs.command import Command
from dashapp.sources.external.programs.run import ProcessGuard
from dashapp.sources.external.programs.source import ProgramSource
plain = ProcessGuard.set_group
def set_group(guard, group):
    plain(guard, group)
    if group:
        pathlib.Path("guarded").touch()
ProcessGuard.set_group = set_group
source = ProgramSource(Command.parse(sys.argv[1]))
source.read()
print("ready", flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_program_ends_when_the_collector_is_killed(script: Script, tmp_path: Path, number: int) -> None:
    """A shell that outlives the collector for a moment kills the whole group."""
    script("touch started; sleep 1000 & sleep 1000", "")
    collector = subprocess.Popen(
        [sys.executable, "-c", KILLED, "./job.sh?every=1000&timeout=1000"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    wait_for((tmp_path / "started").exists)
    wait_for((tmp_path / "guarded").exists)
    # The collector, its guard, the program, and two that this one started.
    wait_for(lambda: len(processes_of(tmp_path)) == 5)
    collector.send_signal(number)
    collector.wait(PATIENCE_S)
    wait_for(lambda: not processes_of(tmp_path))
