"""Files are proven in processes of their own: whatever becomes of these, the crawl ends as documented and the archive with it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pixivcrawl.sandbox.works import Page
from tests.live.injecting import injecting
from tests.live.running import PROJECT, assert_holds, complaints, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of a crawl in /proc")

COMMAND = ("crawl", "user", "-a", "id=11")


def begin(*command: str, env: dict[str, str]) -> subprocess.Popen[str]:
    """In a process group of its own, as a shell would start it."""
    return subprocess.Popen(
        [sys.executable, "-m", "scrapy", *command],
        cwd=PROJECT,
        env=env,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )


def descendants(pid: int) -> Iterator[int]:
    """The fork server of a crawl, and its workers."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        for thread in Path(f"/proc/{pid}/task").iterdir():
            children += [int(child) for child in (thread / "children").read_text().split()]
    except OSError:
        return
    for child in dict.fromkeys(children):
        yield child
        yield from descendants(child)


def until(happened: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("kills", [6, pytest.param(50, marks=pytest.mark.long)])
@pytest.mark.long
def test_processes_that_are_killed_at_random_cost_nothing(tmp_path: Path, kills: int):
    dice = random.Random(kills)
    with Sandbox(World.of(works=4 * kills, pages=(Page("jpg", 900, 600), Page("png", 300, 200)))) as sandbox:
        run = begin(*COMMAND, env=environment(sandbox, tmp_path))
        killed = 0
        while killed < kills and run.poll() is None:
            living = list(descendants(run.pid))
            if living:
                # One that has ended since it was listed is no kill.
                with suppress(ProcessLookupError):
                    os.kill(dice.choice(living), signal.SIGKILL)
                    killed += 1
            time.sleep(dice.uniform(0, 0.08))
        _, errors = run.communicate(timeout=240)
        assert killed == kills
        assert (run.returncode, complaints(errors)) == (0, ""), errors
        assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))
        assert not list((tmp_path / "quarantine").iterdir())


WHAT_BECOMES_OF_ONE = """
import os, signal, time
import simplejpeg

decoding = simplejpeg.decode_jpeg

def decode(data, *arguments, **options):
    if len(data) == {size}:
        with open({tried!r}, "a") as tried:
            tried.write("tried\\n")
        {deed}
    return decoding(data, *arguments, **options)

simplejpeg.decode_jpeg = decode
"""

DEEDS = {
    "os.kill(os.getpid(), signal.SIGSEGV)": "its decoder crashed (SIGSEGV)",
    "os._exit(3)": "its decoder ended by itself (exit code 3)",
    "b'x' * (3 << 30)": "its decoder ran out of memory",
}


@pytest.mark.parametrize(
    "deed", [next(iter(DEEDS)), *(pytest.param(each, marks=pytest.mark.long) for each in list(DEEDS)[1:])]
)
@pytest.mark.long
def test_a_file_that_ends_its_decoder_ends_nothing_else(tmp_path: Path, deed: str):
    archive, tried = tmp_path / "archive", tmp_path / "tried"
    with Sandbox(World.of(works=5, pages=(Page("jpg", 60, 40),))) as sandbox:
        whole = sandbox.world.expected.user(11, session=True)
        assert scrapy(*COMMAND, env=environment(sandbox, tmp_path / "first")).returncode == 0
        sizes = [(tmp_path / "first" / name).stat().st_size for name in whole.files]
        size = next(size for size in sizes if sizes.count(size) == 1)
        code = WHAT_BECOMES_OF_ONE.format(size=size, tried=str(tried), deed=deed)
        wrong = scrapy(*COMMAND, env=environment(sandbox, archive, **injecting(tmp_path / "injected", code)))
        assert wrong.returncode == 1
        assert "Traceback" not in wrong.stderr
        assert tried.read_text() == "tried\n", "the same bytes are not tried again by the same run"
        (reason,) = rows(archive, "SELECT failed_reason FROM files WHERE state != 'stored'")[0]
        assert DEEDS[deed] in reason
        assert len(rows(archive, "SELECT 1 FROM files WHERE state = 'stored'")) == 4
        assert scrapy(*COMMAND, env=environment(sandbox, archive)).returncode == 0
        assert_holds(archive, whole)


@pytest.mark.long
def test_too_little_memory_for_anything_is_said_and_nothing_is_lost(tmp_path: Path):
    with Sandbox(World.of(works=3)) as sandbox:
        poor = scrapy(*COMMAND, env=environment(sandbox, tmp_path, PIXIVCRAWL_PROOF_MEMORY="1"))
        assert poor.returncode == 1
        assert "Traceback" not in poor.stderr
        reasons = rows(tmp_path, "SELECT failed_reason FROM files")
        assert reasons
        assert all("PROOF_MEMORY" in reason for (reason,) in reasons)
        assert not list((tmp_path / "quarantine").iterdir())
        assert scrapy(*COMMAND, env=environment(sandbox, tmp_path)).returncode == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


@pytest.mark.long
def test_decoders_that_cannot_be_had_end_the_run_in_one_line(tmp_path: Path):
    with Sandbox(World.of(works=3)) as sandbox:
        without = injecting(tmp_path / "injected", "import sys\nsys.modules['simplejpeg'] = None")
        run = scrapy(*COMMAND, env=environment(sandbox, tmp_path / "archive", **without))
        assert run.returncode == 5
        (line,) = complaints(run.stderr).splitlines()
        assert "no process for proofs can be started" in line
        assert "simplejpeg" in line
        assert scrapy(*COMMAND, env=environment(sandbox, tmp_path / "archive")).returncode == 0


A_PROOF_THAT_TAKES_LONG = """
import time, simplejpeg
simplejpeg.decode_jpeg = lambda *_, **__: time.sleep(600)
"""


@pytest.mark.long
def test_a_crawl_that_is_killed_leaves_neither_processes_nor_a_lock(tmp_path: Path):
    with Sandbox(World.of(works=4)) as sandbox:
        archive = tmp_path / "archive"
        run = begin(
            *COMMAND, env=environment(sandbox, archive, **injecting(tmp_path / "injected", A_PROOF_THAT_TAKES_LONG))
        )
        until(lambda: len(list(descendants(run.pid))) >= 2)
        until(lambda: len(list((archive / "staging").glob("*.body"))) >= 2)
        left = list(descendants(run.pid))
        run.kill()
        run.communicate(timeout=60)
        assert scrapy(*COMMAND, env=environment(sandbox, archive)).returncode == 0
        until(lambda: not any(map(is_alive, left)), 30)
        assert_holds(archive, sandbox.world.expected.user(11, session=True))


@pytest.mark.long
def test_ctrl_c_reaches_every_process_of_a_terminal_and_ends_quietly(tmp_path: Path):
    with Sandbox(World.demo()) as sandbox:
        sandbox.faults.image(kind="slow", times=3)
        run = begin(*COMMAND, env=environment(sandbox, tmp_path))
        until(lambda: len(list(descendants(run.pid))) >= 2)
        left = list(descendants(run.pid))
        os.killpg(run.pid, signal.SIGINT)
        said, errors = run.communicate(timeout=60)
        assert (run.returncode, complaints(errors)) == (130, ""), said
        until(lambda: not any(map(is_alive, left)), 30)
        sandbox.faults.clear()
        assert scrapy(*COMMAND, env=environment(sandbox, tmp_path)).returncode == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


WHAT_WAS_IMPORTED = """
import atexit, json, sys

def tell():
    decoders = [name for name in ("PIL", "numpy", "simplejpeg") if name in sys.modules]
    with open({told!r}, "a") as told:
        told.write(json.dumps(decoders) + "\\n")

atexit.register(tell)
"""


@pytest.mark.long
def test_no_command_imports_a_decoder(tmp_path: Path):
    archive, told = tmp_path / "archive", tmp_path / "told"
    watched = injecting(tmp_path / "injected", WHAT_WAS_IMPORTED.format(told=str(told)))
    report = ("report", "--since", "1d", "--output", str(tmp_path / "report.html"))
    commands = (COMMAND, ("verify", "--deep"), report, ("rebuild", "--replace"))
    with Sandbox(World.demo()) as sandbox:
        for number, command in enumerate(commands, 1):
            if command[0] == "rebuild":
                # So that there is something to adopt.
                for part in (archive / "journal").iterdir():
                    part.unlink()
            run = scrapy(*command, env=environment(sandbox, archive, **watched))
            assert run.returncode == 0 or command[0] == "rebuild", run.stderr
            assert [json.loads(line) for line in told.read_text().splitlines()] == [[]] * number, command
    assert "data:image/jpeg;base64," in (tmp_path / "report.html").read_text()
    assert rows(archive, "SELECT 1 FROM files WHERE state = 'stored'")
