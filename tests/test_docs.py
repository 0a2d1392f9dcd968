"""The pages of docs/: those made from the code are as the code is, nothing lacks words or tests, links lead somewhere, commands run."""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import AsyncIterator, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import Field
from scrapy.commands import ScrapyCommand
from sqlalchemy import ColumnElement, MetaData

from pixivcrawl.api.parameters import Param
from pixivcrawl.base_spiders.listing import ListingSpider
from pixivcrawl.base_spiders.page import Page
from pixivcrawl.base_spiders.params import ListingArguments
from pixivcrawl.ledger.models import Base, column
from tests.live.running import environment
from tests.sandbox.serving import Sandbox, World
from tests.test_project import ROOT, blocks, simple_commands

DOCS = ROOT / "docs"
MADE = ("spiders", "endpoints", "settings", "schema", "journal", "commands")
FOLLOWED_ELSEWHERE = "fleet.md"
"""By tests/live/test_fleet_page.py, with a server of its own."""

PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")), *sorted(DOCS.glob("*.md"))]


@pytest.fixture(autouse=True)
def docs_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when `python docs/generate.py` runs."""
    monkeypatch.syspath_prepend(str(DOCS))


def making(page: str) -> ModuleType:
    return import_module(f"pages.{page}")


# The pages that are made


@pytest.mark.parametrize("page", MADE)
def test_a_page_says_what_the_code_says(page: str) -> None:
    generate = import_module("generate")
    assert generate.undescribed(f"{page}.md", generate.text_of(page)) == []
    assert generate.check({f"{page}.md": generate.text_of(page)}) == 0, "python docs/generate.py"


def test_every_page_that_is_made_is_looked_at() -> None:
    assert import_module("generate").PAGES == MADE


@pytest.mark.long
def test_the_environment_of_the_maker_changes_nothing(tmp_path: Path) -> None:
    """And a checkout that is not installed is enough, from whatever folder."""
    env = os.environ | {"PIXIVCRAWL_ARCHIVE_DIR": "elsewhere", "PIXIVCRAWL_PIXIV_API_DELAY": "9"}
    command = [sys.executable, str(DOCS / "generate.py"), "--check"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stale_page_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    generate = import_module("generate")
    assert generate.check({"settings.md": "another text\n", "no-such.md": ""}) == 1
    assert capfd.readouterr().err.splitlines() == [
        "docs/settings.md is stale: python docs/generate.py",
        "docs/no-such.md is stale: python docs/generate.py",
    ]


# What lacks its description is found


class SilentArguments(ListingArguments):
    spoken: bool = Field(default=False, description="Has words.")
    mute: bool = False


class SilentSpider(ListingSpider[SilentArguments]):
    name = "silent"

    def listing(self) -> AsyncIterator[Page]:
        raise NotImplementedError


class Apart(Base):
    metadata = MetaData()


class SilentTable(Apart):
    __tablename__ = "silent"

    id: ColumnElement[int] = column(primary_key=True)


class SilentCommand(ScrapyCommand):
    def short_desc(self) -> str:
        return ""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--mute")
        parser.add_argument("--spoken", help="has words")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        raise NotImplementedError


def undescribed(text: str) -> list[str]:
    found: list[str] = import_module("generate").undescribed("page.md", text)
    return found


def test_a_spider_and_an_argument_without_words_are_found() -> None:
    found = undescribed(making("spiders").section(SilentSpider, {}))
    assert len(found) == 2
    assert found[0] == "page.md: silent: (not described)"
    assert found[1].startswith("page.md: silent: | `mute` | true or false | `false` |")


def test_a_command_and_an_option_without_words_are_found() -> None:
    found = undescribed(making("commands").section("silent", SilentCommand()))
    assert found == [
        "page.md: pixivcrawl silent: (not described)",
        "page.md: pixivcrawl silent: | `--mute MUTE` | (not described) |",
    ]


def test_a_table_without_words_is_found() -> None:
    assert undescribed(making("schema").section(SilentTable)) == ["page.md: silent: (not described)"]


def test_a_parameter_without_words_is_found() -> None:
    assert "(not described)" in making("endpoints").parameter_row(Param("p", "integer", ""))


def test_a_setting_without_words_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = making("settings")
    (tmp_path / "base.py").write_text("# Heard.\nA = 1\nB = 2\n\nC = 3\n")
    monkeypatch.setattr(settings, "SETTINGS", tmp_path)
    assert [(each.name, each.comment) for each in settings.settings_of("base")] == [
        ("A", "Heard."),
        ("B", "Heard."),
        ("C", ""),
    ]
    assert [group[-1] for group in map(settings.own_row, settings.groups(settings.settings_of("base")))] == [
        "Heard.",
        "(not described)",
    ]


def test_the_options_that_a_command_speaks_of_exist() -> None:
    commands = making("commands")
    for name, command in commands.our_commands().items():
        known = {"--help"}
        for of_all in (True, False):
            for option in commands.options_of(command, of_all=of_all):
                known |= set(option.option_strings)
        assert set(re.findall(r"(?<!\S)--[a-z][a-z-]*", command.long_desc())) <= known, name


# What the pages read out of the code is right


def test_what_a_spider_asks_is_found() -> None:
    spiders = making("spiders").our_spiders()
    reading = making("reading")
    assert reading.endpoints_of(spiders["ranking"]) == ["ranking"]
    assert reading.endpoints_of(spiders["artwork"]) == ["illust.unlisted"]
    assert set(reading.endpoints_of(spiders["user"])) >= {"user.full", "user.profile_all", "user.works_latest"}
    assert set(reading.endpoints_of_each_work()) >= {"illust.detail", "illust.pages", "illust.ugoira_meta"}


def test_names_that_are_put_together_are_found() -> None:
    written = making("reading").endpoints_written(
        ast.parse('find(f"requests.creators_{kind}"), find("tag.info"), "ranking"')
    )
    assert list(written) == [
        *("requests.creators_illust", "requests.creators_manga", "requests.creators_ugoira", "tag.info")
    ]


def test_limits_of_settings_are_those_that_are_checked() -> None:
    settings = making("settings")
    limits = settings.limits()
    assert limits["PIXIV_IMAGE_CONCURRENCY"] == "a whole number from 1 to 32"
    assert limits["PIXIV_API_DELAY"] == "seconds from 0 to 3600"
    assert set(limits) <= {setting.name for setting in settings.settings_of("base")}


def test_every_variable_that_the_code_reads_is_told() -> None:
    asked = {
        name
        for path in (ROOT / "pixivcrawl").rglob("*.py")
        if "sandbox" not in path.parts
        for name in re.findall(r'environ(?:ment)?(?:\.get\(|\[)"(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert asked == set(making("settings").ENVIRONMENT)


def test_text_cannot_leave_its_cell() -> None:
    markdown = making("markdown")
    row = markdown.table(["a"], [[markdown.described("one | two\nthree <b> *x* _y_ a_b `<c_d>`")]]).splitlines()[-1]
    assert row == r"| one \| two three \<b\> \*x\* \_y\_ a_b `<c_d>` |"


# Nothing is without its test


@cache
def text_of_tests(*folders: str) -> str:
    """The text of the tests under these folders, but for this file."""
    paths = sorted({path for folder in folders for path in (ROOT / "tests" / folder).rglob("*.py")})
    return "\n".join(path.read_text(encoding="utf-8") for path in paths if path != Path(__file__))


def test_every_spider_is_run_by_a_test() -> None:
    given = text_of_tests("live", "spiders")
    untested = [name for name in making("spiders").our_spiders() if not re.search(rf'"{name}[" ]', given)]
    assert not untested


def test_every_argument_is_given_by_a_test() -> None:
    spiders = making("spiders")
    arguments = {name for spider in spiders.our_spiders().values() for name in spiders.arguments_of(spider)}
    given = text_of_tests("live", "spiders")
    untested = sorted(name for name in arguments if not re.search(rf'\b{name}=|"{name}"', given))
    assert not untested


def test_every_command_is_run_by_a_test() -> None:
    untested = [
        name
        for name in making("commands").our_commands()
        if f'"{name}"' not in text_of_tests("live", "commands", "exchange")
    ]
    assert not untested


def test_every_setting_of_our_own_is_given_by_a_test() -> None:
    settings = making("settings")
    own = [setting.name for setting in settings.settings_of("base") if setting.section == settings.OWN]
    assert "ARCHIVE_DIR" in own
    untested = [name for name in own if name not in text_of_tests("")]
    assert not untested


# Links

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


@cache
def anchors(page: Path) -> tuple[str, ...]:
    anchor = making("markdown").anchor
    return tuple(anchor(heading) for heading in HEADING.findall(FENCED.sub("", page.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        to = (page.parent / path).resolve() if path else page
        if not to.exists() or (anchor and anchors(to).count(anchor) != 1):
            dead.append(target)
    assert not dead


def test_what_contributors_are_led_to_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = set(re.findall(r"`((?:tests|pixivcrawl|settings|docs)/[\w/]+\.py)", text))
    assert len(files) > 10
    assert {name for name in files if not (ROOT / name).is_file()} == {
        "pixivcrawl/spiders/NAME.py",
        "pixivcrawl/commands/NAME.py",
    }
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert {name for name in re.findall(r"\b(test_\w+)`", text) if f"def {name}(" not in tests} == set()


# Commands

ELSEWHERE = {"crontab", "docker", "git", "journalctl", "loginctl", "pip", "psql", "scrapyd", "systemctl"}
"""Programs that change the machine or need more than this one."""


def runs_here(line: str) -> bool:
    """Whether a line can run without a network; lines that install are run by .ci/run."""
    commands = list(simple_commands(line))
    installs = any(Path(words[0]).name.startswith("python") and "venv" in words for words in commands)
    return not installs and not any(Path(words[0]).name in ELSEWHERE for words in commands)


def script_of(page: Path) -> str:
    """The lines of the page's sh blocks that can run here, in their order: one reader types them into one shell."""
    lines = [
        line
        for name, language, text in blocks()
        if (name, language) == (page.name, "sh")
        for line in text.replace("\\\n", " ").splitlines()
    ]
    return "\n".join(line for line in lines if line.strip() and runs_here(line))


def test_installing_is_left_out() -> None:
    assert not runs_here("python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/pixivcrawl demo")
    assert runs_here("pixivcrawl status | cat")
    assert "pixivcrawl user 11 " in script_of(ROOT / "README.md")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.standard(), tls=True) as running:
        yield running


@pytest.mark.long
@pytest.mark.parametrize(
    "page", [page for page in PAGES if script_of(page) and page.name != FOLLOWED_ELSEWHERE], ids=lambda page: page.name
)
def test_the_commands_of_a_page_run(page: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    """As a reader types them, in a project's folder of their own, with pixiv's place taken by the sandbox."""
    shutil.copy(ROOT / "scrapy.cfg", tmp_path)
    work = next(work for work in sandbox.world.works() if not work.is_ugoira)
    fetched = tmp_path / "gallery-dl" / f"{work.id}_p0.jpg"
    fetched.parent.mkdir()
    fetched.write_bytes(sandbox.world.pictures.original(work, 0).whole)
    # The tests need no installed project.
    command = tmp_path / "bin" / "pixivcrawl"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pixivcrawl "$@"\n')
    command.chmod(0o755)
    programs = [str(command.parent), sysconfig.get_path("scripts"), os.environ["PATH"]]
    env = environment(sandbox, tmp_path / "archive", PATH=os.pathsep.join(programs))
    env |= {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    del env["PIXIVCRAWL_ARCHIVE_DIR"]
    assert_succeeds(script_of(page), tmp_path, env)


def assert_succeeds(script: str, folder: Path, env: dict[str, str]) -> None:
    """Run a script of the shell to its end; what it started does not outlive it."""
    shell = subprocess.Popen(
        ["sh", "-ex", "-c", script],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = shell.communicate(timeout=200)
    except BaseException:
        os.killpg(shell.pid, signal.SIGKILL)
        raise
    assert shell.returncode == 0, said
