"""Homes and configurations that are not as they should be: each command says it in a line, and ends as its help says.

Where the test is root, who may write everywhere, the commands run as a user whom the system does not know.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.nursery import PROJECT
from tests.live.running import complaints, environment
from tests.sandbox.serving import Sandbox, World

pytestmark = pytest.mark.long

IS_ROOT = os.name == "posix" and os.geteuid() == 0
AS_NOBODY = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"] if IS_ROOT else []
nobody_known = pytest.mark.skipif(not IS_ROOT, reason="only root can become a user whom the system does not know")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(works=1, size=(48, 36))) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def can_be_run_by_anybody() -> None:
    if AS_NOBODY and not shutil.which("setpriv"):
        pytest.skip("without setpriv")
    seen = subprocess.run([*AS_NOBODY, sys.executable, "-c", "import pixivcrawl, scrapy"], cwd=PROJECT, check=False)
    if seen.returncode:
        pytest.skip("others cannot read this checkout or its environment")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A home that may only be read, and a folder to work in; pytest's own are root's alone."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "home").mkdir()
        (folder / "work").mkdir()
        (folder / "home").chmod(0o555)
        (folder / "work").chmod(0o777)
        yield folder


def type_there(folder: Path, sandbox: Sandbox, *words: str, **more: str | None) -> subprocess.CompletedProcess[str]:
    """`pixivcrawl WORDS` in the folder to work in, with the configuration and the state where a user has them; None takes away."""
    given = environment(sandbox, folder / "work" / "archive") | {
        "HOME": str(folder / "home"),
        "PYTHONPATH": str(PROJECT),
    }
    given |= {"PIXIVCRAWL_CONFIG": None, "XDG_STATE_HOME": None, "XDG_CONFIG_HOME": None} | more
    env = {name: value for name, value in given.items() if value is not None}
    command = [*AS_NOBODY, sys.executable, "-m", "pixivcrawl", *words]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.run(command, cwd=folder / "work", env=env, text=True, timeout=60, check=False, **streams)


def said(run: subprocess.CompletedProcess[str]) -> str:
    """The one complaint."""
    (line,) = complaints(run.stderr).splitlines()
    return line.removeprefix("pixivcrawl: ")


FACTS = ["user", "11", "--no-files"]
"""Files are proven in processes of their own, and root's own Python may be one that others cannot start."""

EACH = [["status"], ["setup", "--visitor", "--archive", "pictures"], FACTS]


@pytest.mark.parametrize("words", EACH)
def test_a_configuration_of_a_newer_version(folder: Path, sandbox: Sandbox, words: list[str]) -> None:
    file = folder / "work" / "pixivcrawl.toml"
    file.write_text("version = 2\ncolour = 'new'\n")
    run = type_there(folder, sandbox, *words)
    assert (run.returncode, run.stdout) == (2, "")
    assert said(run) == (
        f"{file}, line 1, column 1: it is for a later pixivcrawl (version 2, this one knows 1): update pixivcrawl"
    )
    assert file.read_text().startswith("version = 2\n")


@pytest.mark.parametrize(("words", "code"), list(zip(EACH, (2, 0, 0), strict=True)))
def test_a_configuration_that_others_can_write(folder: Path, sandbox: Sandbox, words: list[str], code: int) -> None:
    """It is said, and all else is as ever: there is no archive yet to tell of."""
    file = folder / "work" / "pixivcrawl.toml"
    file.write_text("pixiv_api_delay = 2\n")
    file.chmod(0o666)
    run = type_there(folder, sandbox, *words, XDG_STATE_HOME=str(folder / "work" / "state"))
    assert run.returncode == code, run.stderr
    complaint = f"pixivcrawl: {file}: others can change it; prevent that with: chmod go-w {file}"
    assert run.stderr.splitlines().count(complaint) == 1
    if words[0] == "setup":
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_home_that_may_only_be_read(folder: Path, sandbox: Sandbox) -> None:
    home = folder / "home"
    run = type_there(folder, sandbox, "setup", "--visitor", "--archive", "pictures")
    assert run.returncode == 2
    assert said(run) == (
        f"{home}/.config/pixivcrawl/pixivcrawl.toml cannot be written (Permission denied): name another place with --config FILE"
    )
    run = type_there(folder, sandbox, *FACTS)
    assert run.returncode == 0, run.stderr
    assert said(run) == (
        f"{home}/.local/state/pixivcrawl/lanes cannot be written (Permission denied): other crawls of account 901 are not seen"
    )
    run = type_there(folder, sandbox, "status")
    assert (run.returncode, run.stderr) == (0, "")


def test_an_archive_in_a_home_that_may_only_be_read(folder: Path, sandbox: Sandbox) -> None:
    archive = str(folder / "home" / "archive")
    run = type_there(folder, sandbox, *FACTS, PIXIVCRAWL_ARCHIVE_DIR=archive)
    assert run.returncode == 5
    assert said(run).startswith(f"no permission for {archive}: give this user the right to read and write there")
    run = type_there(folder, sandbox, "status", PIXIVCRAWL_ARCHIVE_DIR=archive)
    assert run.returncode == 2
    assert said(run).startswith("there is no archive there yet; begin one with: pixivcrawl user ID")
    run = type_there(folder, sandbox, "setup", "--visitor", "--archive", archive)
    assert run.returncode == 2
    assert said(run) == f"{folder / 'home'} is not a folder that you may write to: choose another place for the archive"


@nobody_known
def test_without_a_home(folder: Path, sandbox: Sandbox) -> None:
    run = type_there(folder, sandbox, "setup", "--visitor", "--archive", "pictures", HOME=None)
    assert run.returncode == 2
    assert said(run) == "your home folder is unknown (is HOME set?): name a file with --config FILE"
    run = type_there(folder, sandbox, *FACTS, HOME=None)
    assert run.returncode == 0, run.stderr
    assert said(run) == "there is no home folder (set XDG_STATE_HOME): other crawls of account 901 are not seen"
    run = type_there(folder, sandbox, "status", HOME=None)
    assert (run.returncode, run.stderr) == (0, "")


@nobody_known
@pytest.mark.parametrize(
    ("words", "more", "what"),
    [
        (["status"], {"PIXIVCRAWL_ARCHIVE_DIR": "~/pixiv"}, "ARCHIVE_DIR: the home folder in '~/pixiv' is unknown"),
        (FACTS, {"PIXIVCRAWL_ARCHIVE_DIR": "~/pixiv"}, "ARCHIVE_DIR: the home folder in '~/pixiv' is unknown"),
        (
            ["user", "11"],
            {"PIXIV_PHPSESSID": None, "PIXIV_COOKIE_FILE": "~/session"},
            "PIXIV_COOKIE_FILE: the home folder in",
        ),
        (["--config", "~/c", "status"], {}, "--config: the home folder in '~/c' is unknown"),
        (
            ["--config", "c", "setup", "--visitor"],
            {"PIXIVCRAWL_ARCHIVE_DIR": None},
            "--archive: the home folder in '~/pixiv'",
        ),
        (
            ["--config", "c", "setup", "--visitor", "--archive", "~/a"],
            {},
            "--archive: the home folder in '~/a' is unknown",
        ),
    ],
)
def test_what_lies_in_a_home_that_nobody_knows(
    folder: Path, sandbox: Sandbox, words: list[str], more: dict[str, str | None], what: str
) -> None:
    run = type_there(folder, sandbox, *words, HOME=None, **more)
    assert run.returncode == 2, run.stderr
    assert said(run).startswith(what)
    assert said(run).endswith("is unknown (is HOME set?): write the whole path")
