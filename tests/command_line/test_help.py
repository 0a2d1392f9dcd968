"""`--help` of every command and spider teaches: it fits, shows an example that runs, and names nothing that only programmers know."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixivcrawl.command_line.lookup import OURS, SPIDERS, names
from tests.commands.typing_in import type_pixivcrawl
from tests.live.running import environment, pixivcrawl
from tests.sandbox.serving import Sandbox, World

EVERY = [*names(SPIDERS), *names(OURS)]

INTERNAL = re.compile(r"pixivcrawl\.(?!toml)\w|[Ss]crapy|pydantic|cProfile|pdb|scraped|callback|None\b|\[\w+\]|`")


@pytest.fixture(autouse=True)
def _a_wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "180")


def help_of(name: str) -> str:
    shown = type_pixivcrawl(name, "--help")
    assert (shown.code, shown.err) == (0, "")
    return shown.out


def example_of(name: str) -> list[str]:
    (example,) = re.findall(r"^Example: pixivcrawl (.+)$", help_of(name), re.MULTILINE)
    return shlex.split(example)


@pytest.mark.parametrize("name", EVERY)
def test_help_fits_and_shows_an_example(name: str) -> None:
    assert max(map(len, help_of(name).splitlines())) <= 100
    assert example_of(name)[0] == name


@pytest.mark.parametrize("name", EVERY)
def test_help_names_no_internal(name: str) -> None:
    assert INTERNAL.findall(help_of(name).partition("\n")[2]) == []


def test_the_overview_names_every_command() -> None:
    shown = type_pixivcrawl()
    assert [name for name in [*EVERY, "completion"] if f"\n  {name} " not in shown.out] == []
    assert max(map(len, shown.out.splitlines())) <= 100
    assert shown == type_pixivcrawl("--help") == type_pixivcrawl("help")


def test_a_narrow_terminal_gets_words_and_not_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert "\n  account            Keeps what pixiv\n" in type_pixivcrawl().out


# The examples

ELSEWHERE = {
    "demo": "tests/live/test_demo.py",
    "fleet": "tests/live/test_fleet.py",
    "gallery": "tests/commands/test_gallery.py",
    "import": "tests/exchange/test_import.py",
    "notify": "tests/commands/test_notify.py",
    "similar": "tests/commands/test_similar.py",
    "work": "tests/live/test_fleet.py",
}
"""Commands whose example needs what is not here (a server, a folder, a person), with a test that runs it."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.standard()) as running:
        yield running


@pytest.fixture(scope="module")
def archive(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples") / "archive"
    done = type_pixivcrawl("user", "11", "--max-works", "3", sandbox=sandbox, archive=folder, cookie=sandbox.cookie)
    assert done.code == 0, done.err
    (folder / "filters.toml").write_text("[filter.safe]\nrating = 'safe'\n")
    (folder / "subscriptions.toml").write_text('[[subscription]]\nname = "harbour"\nspider = "user"\nid = 12\n')
    return folder


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in EVERY if name not in ELSEWHERE])
def test_the_example_runs(name: str, sandbox: Sandbox, archive: Path, tmp_path: Path) -> None:
    """Of pixiv's lists some are not read to their end in fifty works, which is exit code 0 or 1; wrong usage is 2."""
    config = tmp_path / "pixivcrawl.toml"
    config.touch()
    env = environment(sandbox, archive, PIXIVCRAWL_CONFIG=str(config))
    ran = pixivcrawl(*example_of(name), env=env, cwd=tmp_path)
    assert ran.returncode in (0, 1), ran.stderr
