"""Ctrl-C: the run ends soon, says so, and the same command goes on."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live.injecting import injecting
from tests.live.inside import WITH_CLOSE, crawl
from tests.live.running import PROJECT, assert_holds, complaints, environment, scrapy
from tests.sandbox.serving import Sandbox, World

SOON = 10
"""Seconds within which a run ends that was asked to."""


AT_ONCE = 3
"""Seconds within which a run ends that was told twice: no time at all, but for a machine that has much else to do."""

COMMAND = ("crawl", "user", "-a", "id=11")

A_PROOF_THAT_TAKES_LONG = """
import time, simplejpeg
simplejpeg.decode_jpeg = lambda *_, **__: time.sleep(60)
"""


def begin(*command: str, env: dict[str, str], **options: Any) -> subprocess.Popen[str]:
    outputs = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen([sys.executable, "-m", "scrapy", *command], cwd=PROJECT, env=env, text=True, **outputs)


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.long
@pytest.mark.parametrize("known", [False, True], ids=["works that are asked for", "files alone"])
def test_ctrl_c_in_the_middle_of_transfers(tmp_path: Path, known: bool):
    with Sandbox(World.demo(), tls=True) as sandbox:
        env, command = environment(sandbox, tmp_path), COMMAND
        if known:
            # Then the files of works that are known come from the ledger, without an answer of pixiv's before them.
            sandbox.faults.image(kind="status:500")
            assert scrapy(*command, env=env).returncode == 1
            sandbox.faults.clear()
        sandbox.faults.image(kind="slow")
        before = len(sandbox.requests(kind="image"))
        run = begin(*command, env=env)
        wait_for(lambda: len(sandbox.requests(kind="image")) >= before + 4)
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=SOON)
        assert run.returncode == 130, errors
        assert "user: interrupted" in errors
        assert "Traceback" not in errors
        sandbox.faults.clear()
        assert scrapy(*command, env=env).returncode == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


@pytest.mark.parametrize(
    "command", [COMMAND, pytest.param(("archive", "https://www.pixiv.net/users/11"), marks=pytest.mark.long)], ids=str
)
@pytest.mark.long
def test_twice_ends_at_once_and_tells_what_was_done(tmp_path: Path, command: tuple[str, ...]):
    with Sandbox(World.demo(), tls=True) as sandbox:
        sandbox.faults.image(kind="slow")
        run = begin(*command, env=environment(sandbox, tmp_path))
        wait_for(lambda: len(sandbox.requests(kind="image")) >= 4)
        run.send_signal(signal.SIGINT)
        time.sleep(0.5)
        told = time.monotonic()
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=SOON)
        assert time.monotonic() - told < AT_ONCE
        assert run.returncode == 130
        assert errors.splitlines()[-1] == "pixivcrawl: interrupted at once; nothing is lost: run the same command again"
        assert ("user: interrupted" if command == COMMAND else "what each brought") in errors
        sandbox.faults.clear()
        assert scrapy(*COMMAND, env=environment(sandbox, tmp_path)).returncode == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


@pytest.mark.long
@pytest.mark.parametrize("times", [1, 2])
def test_no_thread_holds_up_the_end(tmp_path: Path, times: int):
    """A proof or a disk that takes its time cannot be cut off; the process is."""
    with Sandbox(World.demo(), tls=True) as sandbox:
        slow = injecting(tmp_path / "injected", A_PROOF_THAT_TAKES_LONG)
        run = begin(*COMMAND, env=environment(sandbox, tmp_path / "archive", **slow))
        wait_for(lambda: len(list((tmp_path / "archive" / "staging").glob("*.body"))) >= 4)
        for _ in range(times):
            run.send_signal(signal.SIGINT)
            time.sleep(0.5)
        _, errors = run.communicate(timeout=SOON if times == 1 else AT_ONCE)
        assert run.returncode == 130
        assert "Traceback" not in errors
        assert "user: interrupted" in errors
        assert scrapy(*COMMAND, env=environment(sandbox, tmp_path / "archive")).returncode == 0
        assert_holds(tmp_path / "archive", sandbox.world.expected.user(11, session=True))


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
@pytest.mark.long
def test_a_pause_of_minutes_is_not_waited_out(tmp_path: Path, number: int):
    with Sandbox(World.demo(), tls=True) as sandbox:
        sandbox.faults.api("illust", kind="status:429", retry_after=300)
        run = begin(*COMMAND, env=environment(sandbox, tmp_path))
        wait_for(lambda: "asks for a pause" in run.stderr.readline())
        run.send_signal(number)
        _, errors = run.communicate(timeout=SOON)
        assert (run.returncode, complaints(errors)) == (130, "")
        assert "user: interrupted" in errors


@pytest.mark.parametrize("opened", [False, pytest.param(True, marks=pytest.mark.long)])
@pytest.mark.long
def test_at_the_start_there_is_nothing_to_finish(tmp_path: Path, *, opened: bool):
    with Sandbox(World.demo(), tls=True) as sandbox:
        archive = tmp_path / "archive"
        slow = injecting(tmp_path / "injected", "import os, time\nos.fsync = lambda _: time.sleep(60)")
        run = begin(*COMMAND, env=environment(sandbox, archive, **slow))
        assert run.stderr.readline() == f"archive: {archive}\n"
        wait_for(lambda: not opened or (archive / ".lock").exists())
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=SOON)
        assert run.returncode == 130
        assert "Traceback" not in errors


IMPORTS_THAT_TAKE_LONG = """
import sys, time
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "pixivcrawl.configuration":
            sys.stderr.write("importing\\n")
            sys.stderr.flush()
            # Not once for long: a signal that comes a moment before the sleep does not end it.
            for _ in range(600):
                time.sleep(0.1)
sys.meta_path.insert(0, Slow())
"""


@pytest.mark.parametrize("command", [COMMAND, pytest.param(("status",), marks=pytest.mark.long)], ids=str)
def test_while_it_imports_there_is_nothing_to_trace_back(tmp_path: Path, command: tuple[str, ...]):
    slow = injecting(tmp_path / "injected", IMPORTS_THAT_TAKE_LONG)
    run = begin(*command, env=environment(None, tmp_path / "archive", **slow))
    assert run.stderr.readline() == "importing\n"
    run.send_signal(signal.SIGINT)
    said, errors = run.communicate(timeout=SOON)
    assert (run.returncode, said) == (130, "")
    assert errors == "pixivcrawl: interrupted; run the same command again\n"


@pytest.mark.long
def test_a_terminal_that_closes_ends_the_run_in_good_order(tmp_path: Path):
    with Sandbox(World.demo(), tls=True) as sandbox:
        sandbox.faults.image(kind="slow")
        ours, theirs = pty.openpty()
        terminal = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "start_new_session": True}
        # Tests that are run by nohup hand on that a closed terminal is of no matter.
        before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
        run = begin(*COMMAND, env=environment(sandbox, tmp_path), **terminal)
        signal.signal(signal.SIGHUP, before)
        os.close(theirs)
        wait_for(lambda: len(sandbox.requests(kind="image")) >= 4)
        os.close(ours)
        run.send_signal(signal.SIGHUP)
        assert run.wait(timeout=SOON) == 130
        sandbox.faults.clear()
        assert scrapy(*COMMAND, env=environment(sandbox, tmp_path)).returncode == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "limit",
    [
        {"CLOSESPIDER_ITEMCOUNT": 25},
        *(pytest.param({"CLOSESPIDER_ITEMCOUNT": items}, marks=pytest.mark.long) for items in (1, 5, 30, 40)),
        *(pytest.param({"CLOSESPIDER_TIMEOUT": tenths / 10}, marks=pytest.mark.long) for tenths in range(1, 9)),
    ],
    ids=str,
)
def test_a_limit_of_scrapys_ends_a_run_while_items_are_under_way(tmp_path: Path, limit: dict[str, float]):
    with Sandbox(World.of(works=30)) as sandbox:
        ended = crawl("user", sandbox, tmp_path, id=11, settings=limit | WITH_CLOSE).exit_code
        # A fast machine is done before the time is over.
        assert ended == 130 or (ended == 0 and "CLOSESPIDER_TIMEOUT" in limit)
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))
