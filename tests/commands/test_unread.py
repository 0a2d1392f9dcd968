"""Whoever reads what a command prints may stop at any time: nothing is said of it, and no run ends early."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.inside import crawl
from tests.live.nursery import LONGEST, PROJECT
from tests.live.running import assert_holds, environment
from tests.sandbox.serving import Sandbox, World

PRINTING = (
    "status",
    "verify",
    "report",
    "report --format json",
    "subscriptions",
    "doctor",
    "doctor --json",
    "openapi",
    "api",
    "api user.profile_all --help",
    "api user.profile_all id=11",
    "rebuild --replace",
    "backup {archive}/copy.sqlite",
    "subscribe 5000111",
    "sync --plan",
    "list",
)

FOLLOWED = '[[subscription]]\nname = "all"\nurl = "https://www.pixiv.net/users/11"\n'


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(works=3, size=(32, 24)), tls=False) as running:
        yield running


@pytest.fixture
def archive(sandbox: Sandbox, tmp_path: Path) -> Path:
    (tmp_path / "subscriptions.toml").write_text(FOLLOWED)
    assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
    return tmp_path


def run_until(lines: int, *command: str, env: dict[str, str]) -> tuple[int, str]:
    """`scrapy ... 2>errors | head -n lines`: its exit code, and what it wrote to standard error."""
    typed = [sys.executable, "-m", "scrapy", *command]
    with subprocess.Popen(typed, cwd=PROJECT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        for _ in range(lines):
            running.stdout.readline()
        running.stdout.close()
        said = running.stderr.read().decode()
        return running.wait(LONGEST), said


@pytest.mark.parametrize(
    "command", [*PRINTING[:1], *(pytest.param(words, marks=pytest.mark.long) for words in PRINTING[1:])]
)
def test_a_command_that_nobody_reads_ends_as_a_shell_expects(sandbox: Sandbox, archive: Path, command: str) -> None:
    assert run_until(0, *command.format(archive=archive).split(), env=environment(sandbox, archive)) == (128 + 13, "")


RUNNING = ("crawl user -a id=11", "archive https://www.pixiv.net/users/11", "sync")


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        (RUNNING[0], 2),
        *(pytest.param(words, lines, marks=pytest.mark.long) for words in RUNNING for lines in (0, 1, 4)),
    ],
)
@pytest.mark.long
def test_a_run_goes_on_without_its_reader(sandbox: Sandbox, tmp_path: Path, command: str, lines: int) -> None:
    """`scrapy ... 2>&1 >/dev/null | head -n lines`."""
    (tmp_path / "subscriptions.toml").write_text(FOLLOWED)
    typed = [sys.executable, "-m", "scrapy", *command.split()]
    env = environment(sandbox, tmp_path)
    with subprocess.Popen(typed, cwd=PROJECT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
        assert running.stderr is not None
        for _ in range(lines):
            running.stderr.readline()
        running.stderr.close()
        assert running.wait(LONGEST) == 0
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


@pytest.mark.long
def test_with_standard_error_gone_too_the_exit_code_tells(sandbox: Sandbox, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    typed = [sys.executable, "-m", "scrapy", "status"]
    env = environment(sandbox, tmp_path)
    run = subprocess.run(typed, cwd=PROJECT, env=env, stdout=writer, stderr=writer, check=False, timeout=LONGEST)
    os.close(writer)
    assert run.returncode == 128 + 13


@pytest.mark.parametrize(
    "closed",
    [
        "2>&-",
        *(pytest.param(said, marks=pytest.mark.long) for said in (">&-", "<&- >&- 2>&-", "2>/dev/full", ">/dev/full")),
    ],
)
def test_a_run_needs_no_open_streams(sandbox: Sandbox, tmp_path: Path, closed: str) -> None:
    typed = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "scrapy", *RUNNING[0].split()]
    run = subprocess.run(
        typed,
        cwd=PROJECT,
        env=environment(sandbox, tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
    )
    assert run.returncode == 0
    assert "Traceback" not in run.stderr
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


def test_a_current_folder_that_is_gone_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    typed = ["sh", "-c", 'cd gone && rmdir ../gone && exec "$@"', "sh", sys.executable, "-m", "pixivcrawl", "status"]
    env = environment(None, tmp_path, PYTHONPATH=str(PROJECT))
    run = subprocess.run(typed, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=LONGEST)
    assert (run.returncode, run.stderr) == (2, "pixivcrawl: the current folder is gone: change to another one\n")


@pytest.mark.parametrize("command", ["config", pytest.param("list", marks=pytest.mark.long)])
def test_output_that_a_full_disk_does_not_take_is_one_line(tmp_path: Path, command: str) -> None:
    typed = ["sh", "-c", 'exec "$@" >/dev/full', "sh", sys.executable, "-m", "scrapy", *command.split()]
    env = environment(None, tmp_path)
    run = subprocess.run(typed, cwd=PROJECT, env=env, capture_output=True, text=True, check=False, timeout=LONGEST)
    assert run.returncode == 5
    assert run.stderr == (
        "pixivcrawl: standard output cannot be written (No space left on device): "
        "see to its disk, then run the same command again\n"
    )
