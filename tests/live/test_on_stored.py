"""ON_STORED: a command of the user's for each finished work."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from pixivcrawl.errors import ConfigurationError
from tests.commands.typing_in import Typed, type_in
from tests.live.running import assert_holds
from tests.sandbox.serving import Sandbox, World

HOSTILE = "--help; $(touch {files}) `id`\n\"'\\ \x1b[2J\u202e{title}{0}%s"

TELLS = "import json,os,sys; open(sys.argv[1],'a').write(json.dumps([sys.argv[2:], sorted(os.environ)])+chr(10))"


@pytest.fixture
def sandbox():
    with Sandbox(World.of(works=4, size=(48, 36))) as running:
        yield running


def archived(sandbox: Sandbox, archive: Path, command: object, **more: object) -> Typed:
    settings = {"ON_STORED": command, **more}
    return type_in("crawl", "user", "-a", "id=11", sandbox=sandbox, archive=archive, cookie=sandbox.cookie, **settings)


def test_each_finished_work_is_told_once_by_arguments_and_without_the_session(tmp_path: Path, sandbox: Sandbox) -> None:
    world = sandbox.world
    odd = world.add_work(11, title=HOSTILE)
    said = tmp_path / "said"
    command = [sys.executable, "-c", TELLS, str(said), "--", "{id}", "{title}", "by {artist}", "{files}"]
    assert archived(sandbox, tmp_path / "archive", command).code == 0
    told = [json.loads(line) for line in said.read_text().splitlines()]
    assert sorted(int(words[1]) for words, _ in told) == sorted(
        work.id for work in world.works_of(11, world.readers[0])
    )
    for words, environment in told:
        assert words[0] == "--"
        assert words[3] == "by 11"
        assert all(Path(path).is_file() for path in words[4:])
        assert len(words) > 4
        assert "PATH" in environment
        assert "PIXIV_PHPSESSID" not in environment
    assert [words[2] for words, _ in told if int(words[1]) == odd.id] == [odd.title]
    said.unlink()
    assert archived(sandbox, tmp_path / "archive", command).code == 0
    assert not said.exists(), "nothing was finished"


def test_commands_run_one_at_a_time_in_order(tmp_path: Path, sandbox: Sandbox) -> None:
    said = tmp_path / "said"
    slow = "import sys,time; f=open(sys.argv[1],'a',1); f.write('begin\\n'); time.sleep(0.2); f.write('end\\n')"
    assert archived(sandbox, tmp_path / "archive", [sys.executable, "-c", slow, str(said)]).code == 0
    assert said.read_text().split() == ["begin", "end"] * 4


def test_one_that_fails_is_said_once_counted_and_never_the_archive_s_fault(tmp_path: Path, sandbox: Sandbox) -> None:
    run = archived(sandbox, tmp_path, [sys.executable, "-c", "raise SystemExit(3)"])
    assert run.code == 0
    assert run.err.count("pixivcrawl: ON_STORED failed for work ") == 1
    assert "exit code 3; the run continues" in run.err
    assert "4 commands of ON_STORED that failed or had to be skipped" in " ".join(run.err.split())
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


def test_a_file_that_is_gone_is_named(tmp_path: Path, sandbox: Sandbox) -> None:
    """The first command waits until each work has a file, and removes them all."""
    removes = (
        "import pathlib,sys,time; folder=pathlib.Path(sys.argv[1])\n"
        "while len(set(path.name.split('_')[0] for path in folder.iterdir())) < 4: time.sleep(0.05)\n"
        "for path in folder.iterdir(): path.unlink()"
    )
    run = archived(sandbox, tmp_path, [sys.executable, "-c", removes, str(tmp_path / "originals/11"), "{files}"])
    assert run.code == 0
    gone = [line for line in run.err.splitlines() if "is stored and not there: run pixivcrawl verify" in line]
    assert gone
    assert all(f": {tmp_path}/originals/11/" in line for line in gone)


def test_one_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path, sandbox: Sandbox) -> None:
    child = "import subprocess,sys,time; p=subprocess.Popen([sys.executable,'-c','import time; time.sleep(60)']); "
    child += "open(sys.argv[1],'a').write(str(p.pid)+chr(10)); time.sleep(60)"
    began = time.monotonic()
    run = archived(
        sandbox, tmp_path / "archive", [sys.executable, "-c", child, str(tmp_path / "pids")], ON_STORED_TIMEOUT=1.5
    )
    assert (run.code, "it took more than 1.5 s (ON_STORED_TIMEOUT)" in run.err) == (0, True)
    assert time.monotonic() - began < 30
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        assert not is_alive(pid)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_works_for_which_there_is_no_room_go_without(tmp_path: Path, sandbox: Sandbox) -> None:
    slow = [sys.executable, "-c", "import time; time.sleep(1.5)"]
    run = archived(sandbox, tmp_path, slow, ON_STORED_WAITING=1)
    assert run.code == 0
    assert run.err.count("1 others are already waiting (ON_STORED_WAITING)") == 1
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("no-such-program-here {id}", "ON_STORED: there is no program 'no-such-program-here': give its whole path"),
        ("true 'unclosed", "ON_STORED: close every quote and brace"),
        ("true {path}", "the placeholders are {id}, {artist}, {title}, {files}"),
        ("true {", "ON_STORED: close every quote and brace"),
    ],
)
def test_a_command_that_cannot_be_is_refused_before_anything_is_sent(
    command: str, said: str, tmp_path: Path, sandbox: Sandbox
) -> None:
    run = archived(sandbox, tmp_path, command)
    assert (run.code, sandbox.log) == (ConfigurationError.exit_code, [])
    (line,) = [line for line in run.err.splitlines() if line.startswith("pixivcrawl: ")]
    assert said in line
