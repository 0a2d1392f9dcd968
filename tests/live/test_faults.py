"""An exception that nobody caught, wherever it is raised: exit code 70, one line, and a file with the details."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.live.injecting import injecting
from tests.live.running import PROJECT, assert_holds, complaints, environment, scrapy
from tests.sandbox.serving import Sandbox, World

HEAD = f"""
import sys
sys.path.insert(0, {str(PROJECT)!r})
def fail(*_, **__):
    raise RuntimeError("a secret of the account")
"""
PLACES = {
    "start()": "async def start(self):\n    fail()\n    yield\nfrom pixivcrawl.spiders.user import UserSpider; UserSpider.start = start",
    "a pipeline": "from pipelines.metadata import MetadataPipeline; MetadataPipeline.process_item = fail",
    "an extension": "from pixivcrawl.extensions.garbage_collection import GarbageCollection; GarbageCollection.__init__ = fail",
    "a signal": "import pixivcrawl.extensions.ledger as module\nmodule.sweep_staging = fail",
}
ANYWHERE = "from pixivcrawl.configuration import Configuration; Configuration.from_settings = fail"


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(World.of(works=2, size=(64, 48))) as running:
        yield running


def told(folder: Path, sandbox: Sandbox, code: str, *command: str) -> tuple[str, str]:
    """What the command says, and the details that it kept."""
    env = environment(sandbox, folder / "archive", XDG_STATE_HOME=str(folder / "state"))
    run = scrapy(*command, env=env | injecting(folder / "injected", HEAD + code))
    assert run.returncode == 70, (run.returncode, run.stderr)
    (kept,) = (folder / "state" / "pixivcrawl" / "faults").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert str(kept) in run.stderr.splitlines()[-1]
    return run.stderr, kept.read_text()


@pytest.mark.long
@pytest.mark.parametrize("place", PLACES)
def test_a_fault_in_a_crawl(tmp_path: Path, sandbox: Sandbox, place: str):
    said, details = told(tmp_path, sandbox, PLACES[place], "crawl", "user", "-a", "id=11")
    (line,) = complaints(said).splitlines()
    assert line.startswith("pixivcrawl: this is a bug in pixivcrawl (RuntimeError), not your mistake")
    assert "secret" not in line
    assert "Traceback" in details
    env = environment(sandbox, tmp_path / "archive")
    assert scrapy("crawl", "user", "-a", "id=11", env=env).returncode == 0, "the same command goes on"
    assert_holds(tmp_path / "archive", sandbox.world.expected.user(11, session=True))


@pytest.mark.parametrize(
    "command",
    [
        *("crawl user -a id=11", "status", "verify"),
        *(
            pytest.param(command, marks=pytest.mark.long)
            for command in (
                "archive 5000111",
                "rebuild",
                "doctor",
                "backup x",
                "report",
                "sync",
                "api illust.detail id=1",
            )
        ),
    ],
)
def test_a_fault_in_any_command(tmp_path: Path, sandbox: Sandbox, command: str):
    said, details = told(tmp_path, sandbox, ANYWHERE, *command.split())
    assert len(said.splitlines()) == 1
    assert "Traceback" in details


def test_the_traceback_is_shown_where_it_is_asked_for(tmp_path: Path, sandbox: Sandbox):
    said, _ = told(tmp_path, sandbox, ANYWHERE, "status", "-L", "INFO")
    assert "Traceback" in said
