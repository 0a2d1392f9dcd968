"""Two crawls of one account on one machine: one lane, one pause, one budget, whatever their archives."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from pixivcrawl.configuration import Configuration
from pixivcrawl.reader import Reader
from pixivcrawl.throttling.lane import held, lanes_of
from tests.live.inside import crawl
from tests.live.running import PROJECT, assert_holds, complaints, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World
from tests.travelling import settings_for


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(works=12, size=(48, 36))) as running:
        yield running


def begun(sandbox: Sandbox, archive: Path, *more: str, **environ: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "scrapy", "crawl", "user", "-a", "id=11", *more]
    env = environment(sandbox, archive, **environ)
    return subprocess.Popen(command, cwd=PROJECT, env=env, stderr=subprocess.PIPE, text=True)


@contextmanager
def in_use(sandbox: Sandbox, tmp_path: Path, **settings: Any) -> Iterator[None]:
    """The lane of the sandbox's first reader, held by this process."""
    configuration = Configuration.from_settings(settings_for(tmp_path, sandbox, **settings))
    with held(lanes_of(configuration, Reader(901)), "crawl user"):
        yield


def said_by(run: subprocess.Popen[str], beginning: str) -> str:
    assert run.stderr is not None
    return next(line for line in run.stderr if line.startswith(beginning))


def test_the_second_of_an_account_ends_with_a_line_and_leaves_nothing(tmp_path: Path, sandbox: Sandbox) -> None:
    with in_use(sandbox, tmp_path):
        refused = scrapy("crawl", "user", "-a", "id=11", env=environment(sandbox, tmp_path))
        two = {"PIXIVCRAWL_PIXIV_LANES_PER_ADDRESS": "2"}
        another = scrapy("crawl", "user", "-a", "id=11", env=environment(sandbox, tmp_path, session=False, **two))
    assert (refused.returncode, another.returncode) == (3, 0), "a visitor is no account"
    (line,) = complaints(refused.stderr).splitlines()
    assert line.startswith(
        f"pixivcrawl: account 901 is in use by 'crawl user' (process {os.getpid()} on {platform.node()}, since "
    )
    assert line.endswith("wait for it, or add --wait")


@pytest.mark.long
def test_who_waits_begins_when_the_other_is_done(tmp_path: Path, sandbox: Sandbox) -> None:
    with in_use(sandbox, tmp_path):
        waiting = begun(sandbox, tmp_path, "--wait")
        assert f"waits for 'crawl user' (process {os.getpid()} on {platform.node()}, since " in said_by(
            waiting, "waits for "
        )
        assert sandbox.log == []
    assert waiting.wait(timeout=120) == 0
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


@pytest.mark.long
def test_two_archives_of_an_account_never_have_two_requests_out_at_once(tmp_path: Path, sandbox: Sandbox) -> None:
    runs = [begun(sandbox, tmp_path / name, "--wait", PIXIVCRAWL_USER_AGENT=f"Mozilla/5.0 {name}") for name in "ab"]
    assert [run.wait(timeout=120) for run in runs] == [0, 0]
    for name in "ab":
        assert_holds(tmp_path / name, sandbox.world.expected.user(11, session=True))
    asked = [logged.headers["user-agent"] for logged in sandbox.requests("api")]
    assert len([agent for agent, _ in groupby(asked)]) == 2, "one after the other, and nothing in between"


def test_one_address_reads_as_one_account_unless_more_are_allowed(tmp_path: Path, sandbox: Sandbox) -> None:
    visitor = environment(sandbox, tmp_path, session=False)
    with in_use(sandbox, tmp_path):
        refused = scrapy("crawl", "user", "-a", "id=11", env=visitor)
        elsewhere = scrapy("crawl", "user", "-a", "id=11", env=visitor | {"PIXIVCRAWL_PIXIV_ADDRESS": "by the proxy"})
    assert complaints(refused.stderr) == (
        "pixivcrawl: as many other accounts as PIXIV_LANES_PER_ADDRESS allows (1) are read from this address: wait for it, or add --wait\n"
    )
    assert (refused.returncode, elsewhere.returncode) == (3, 0)
    two = {"PIXIVCRAWL_PIXIV_LANES_PER_ADDRESS": "2"}
    with in_use(sandbox, tmp_path), in_use(sandbox, tmp_path):
        # However often this process holds it: it is one lane.
        assert scrapy("crawl", "user", "-a", "id=11", env=visitor | two).returncode == 0


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.long
def test_ctrl_c_ends_who_waits(tmp_path: Path, sandbox: Sandbox) -> None:
    with in_use(sandbox, tmp_path):
        waiting = begun(sandbox, tmp_path, "--wait")
        assert said_by(waiting, "waits for ")
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(timeout=20) == 130


def test_a_pause_and_the_day_s_budget_hold_for_the_next_archive_too(tmp_path: Path, sandbox: Sandbox) -> None:
    budget = {"PIXIV_API_BUDGET": 5}
    assert crawl("user", sandbox, tmp_path / "a", id=11, settings=budget).exit_code == 1
    spent = len(sandbox.requests("api"))
    assert spent == 5
    assert crawl("user", sandbox, tmp_path / "b", id=11, settings=budget).exit_code == 1
    assert len(sandbox.requests("api")) == spent
    sandbox.faults.api("/ajax/", kind="status:429", retry_after=3600, times=1)
    assert (
        crawl("user", sandbox, tmp_path / "a", id=11, settings={"LONGEST_WAIT": 1, "PIXIV_API_BUDGET": 0}).exit_code
        == 75
    )
    asked = len(sandbox.requests("api"))
    assert (
        crawl("user", sandbox, tmp_path / "b", id=11, settings={"LONGEST_WAIT": 1, "PIXIV_API_BUDGET": 0}).exit_code
        == 75
    )
    assert len(sandbox.requests("api")) == asked


@pytest.mark.parametrize("folder", ["/proc/nothing", "/dev/null"])
def test_where_no_state_can_be_kept_it_is_said_and_the_crawl_goes_on(
    folder: str, tmp_path: Path, sandbox: Sandbox
) -> None:
    run = scrapy("crawl", "user", "-a", "id=11", env=environment(sandbox, tmp_path, XDG_STATE_HOME=folder))
    assert run.returncode == 0, run.stderr
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("pixivcrawl: ")]
    assert "cannot be written" in line
    assert line.endswith("other crawls of account 901 are not seen")
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


def test_a_user_without_a_home_has_no_lane_and_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, sandbox: Sandbox
) -> None:
    def no_home(*_: object, **__: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(platformdirs, "user_state_path", no_home)
    configuration = Configuration.from_settings(settings_for(tmp_path, sandbox))
    assert lanes_of(configuration, Reader(901)) == []
    assert "there is no home folder (set XDG_STATE_HOME)" in capsys.readouterr().err


def test_a_pause_and_a_budget_are_the_account_s_own(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.faults.api("/ajax/", kind="status:429", retry_after=3600, times=1)
    settings = {"LONGEST_WAIT": 1, "PIXIV_API_BUDGET": 40}
    codes = [
        crawl("user", sandbox, tmp_path, phpsessid=session, id=11, settings=settings).exit_code
        for session in (sandbox.cookie, sandbox.premium_cookie, sandbox.cookie)
    ]
    assert codes == [75, 0, 75]
    mine = [logged for logged in sandbox.requests("api") if sandbox.cookie in logged.headers["cookie"]]
    assert len(mine) == 1, "nothing more of the account that is to wait"
    assert rows(tmp_path, "SELECT count(*) FROM accounts WHERE paused_until IS NOT NULL AND account = 901") == [(1,)]
    assert rows(tmp_path, "SELECT account, spent FROM accounts ORDER BY account") == [
        (901, 1),
        (902, len(sandbox.requests("api")) - 1),
    ]
