"""What a kill leaves half done is gone on with: whole bodies cost no request, of a part the rest is asked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.inside import crawl
from tests.live.running import PROJECT, assert_holds, environment, scrapy
from tests.sandbox.serving import Sandbox, World

COMMAND = ("crawl", "user", "-a", "id=11")


def killed_when(env: dict[str, str], happened: Callable[[], bool]) -> None:
    """Starts the command and kills all of it as soon as `happened()`."""
    run = subprocess.Popen(
        [sys.executable, "-m", "scrapy", *COMMAND],
        cwd=PROJECT,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        assert run.poll() is None
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()


def test_the_rest_of_a_broken_body_is_fetched_by_the_next_run(tmp_path: Path):
    with Sandbox(World.of(works=1, size=(2400, 1800))) as sandbox:
        # The first half comes; the tries that follow find the host out of order.
        sandbox.faults.image(kind="status:500")
        sandbox.faults.image(kind="cut_declared", times=1)
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 1
        sandbox.faults.clear()
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11))
        broken, rest = [logged for logged in sandbox.requests("image") if logged.status != 500]
        assert (broken.status, rest.status) == (200, 206)
        [file] = (tmp_path / "originals").rglob("*.jpg")
        # What had arrived and was not read yet when the connection broke comes again.
        assert file.stat().st_size // 2 <= rest.bytes_sent < 0.9 * file.stat().st_size


def test_a_part_of_a_work_that_was_revised_is_swept_away(tmp_path: Path):
    with Sandbox(World.of(works=1, size=(2400, 1800))) as sandbox:
        [work] = sandbox.world.works_of(11, None)
        sandbox.faults.image(kind="status:500")
        sandbox.faults.image(kind="cut_declared", times=1)
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 1
        assert len(list((tmp_path / "staging").iterdir())) == 2
        sandbox.faults.clear()
        sandbox.world.revise(work.id)
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11))


@pytest.mark.long
def test_bodies_that_were_whole_at_a_kill_are_not_fetched_again(tmp_path: Path):
    with Sandbox(World.of(works=30, size=(1200, 900)), tls=True) as sandbox:
        env = environment(sandbox, tmp_path, PIXIVCRAWL_PIXIV_IMAGE_CONCURRENCY_MOST="4")
        killed_when(env, lambda: len(sandbox.requests("image")) >= 12)
        in_flight = 4
        assert scrapy(*COMMAND, env=env).returncode == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11))
        assert len(sandbox.requests("image")) <= 30 + in_flight


@pytest.mark.long
def test_what_was_told_of_a_work_before_a_kill_is_not_asked_again(tmp_path: Path):
    with Sandbox(World.of(works=1, pages=3, size=(96, 64)), delay=0.4) as sandbox:
        env = environment(sandbox, tmp_path)
        killed_when(env, lambda: any(logged.path.endswith("/pages") for logged in sandbox.requests("api")))
        assert scrapy(*COMMAND, env=env).returncode == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11))
        asked = [logged.path.removeprefix("/ajax/illust/") for logged in sandbox.requests("api")]
        work_id = sandbox.world.work_id(11, 1)
        assert asked.count(f"{work_id}") == 1
        # The kill comes a moment after the answer, which is recorded by then or not.
        assert asked.count(f"{work_id}/pages") in (1, 2)
