"""Ctrl-C: the run ends soon, says so, and the same command goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pixivcrawl.sandbox import Sandbox, World
from tests.live.running import PROJECT, assert_holds, environment, scrapy

SOON = 10
"""Seconds within which a run ends that was asked to."""


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("known", [False, True], ids=["works that are asked for", "files alone"])
def test_ctrl_c_in_the_middle_of_transfers(tmp_path: Path, known: bool):
    with Sandbox(World.demo(), tls=True) as sandbox:
        env = environment(sandbox, tmp_path)
        command = ("crawl", "user", "-a", "id=11")
        if known:
            # Then the files of works that are known come from the ledger, without an answer of pixiv's before them.
            sandbox.faults.image(kind="status:500")
            assert scrapy(*command, env=env).returncode == 1
            sandbox.faults.clear()
        sandbox.faults.image(kind="slow")
        before = len(sandbox.requests(kind="image"))
        run = subprocess.Popen(
            [sys.executable, "-m", "scrapy", *command],
            cwd=PROJECT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for(lambda: len(sandbox.requests(kind="image")) >= before + 4)
        run.send_signal(signal.SIGINT)
        said, errors = run.communicate(timeout=SOON)
        assert run.returncode == 130, errors
        assert "user: interrupted" in said
        assert "Traceback" not in errors
        sandbox.faults.clear()
        assert scrapy(*command, env=env).returncode == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))
