"""`pixivcrawl sync`: what is due is run once, in one process, and a timer that calls it too often costs nothing."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.live.running import PROJECT, assert_holds, complaints, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World

FOLLOWED = """
[[subscription]]
url = "https://www.pixiv.net/users/11"
name = "first"
every = "6h"
refresh = "3d"

[[subscription]]
spider = "user"
id = "12"
name = "second"
every = "1d"
refresh = "never"

[[subscription]]
spider = "bookmarks"
id = "me"
name = "kept"
every = "1d"
refresh = "3d"
"""


@pytest.fixture
def sandbox():
    with Sandbox(World.of(artists=2, works=4)) as running:
        yield running


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "subscriptions.toml").write_text(FOLLOWED)
    return folder


def time_passes(archive: Path, **much: int) -> None:
    """As if every run had been so much earlier."""
    with sqlite3.connect(archive / "archive.sqlite") as ledger:
        for crawl_id, *times in ledger.execute("SELECT id, started, ended FROM crawls").fetchall():
            earlier = [told and (datetime.fromisoformat(told) - timedelta(**much)) for told in times]
            texts = [moment and moment.isoformat(timespec="microseconds")[:-6] + "Z" for moment in earlier]
            ledger.execute("UPDATE crawls SET started = ?, ended = ? WHERE id = ?", (*texts, crawl_id))


def asked(sandbox: Sandbox, since: int) -> list[str]:
    return [logged.path.removeprefix("/ajax/") for logged in sandbox.requests("api")[since:]]


@pytest.mark.long
def test_what_is_due_is_run_and_nothing_else(archive: Path, sandbox: Sandbox):
    env = environment(sandbox, archive)
    plan = scrapy("sync", "--plan", env=env)
    assert (plan.returncode, len(sandbox.log)) == (0, 0), plan.stderr
    first = scrapy("sync", env=env)
    assert first.returncode == 0, first.stderr + first.stdout
    everything = [sandbox.world.expected.user(artist, session=True) for artist in (11, 12)]
    assert_holds(archive, *everything)

    since = len(sandbox.requests("api"))
    again = scrapy("sync", env=env)
    assert (again.returncode, asked(sandbox, since)) == (0, [])
    assert "nothing is due" in again.stderr

    # Half a day later the first one is due, and whoever made something new is archived.
    time_passes(archive, hours=12)
    sandbox.world.add_work(11)
    sandbox.world.add_work(12)
    since = len(sandbox.requests("api"))
    assert scrapy("sync", env=env).returncode == 0
    assert "user/11/profile/all" in asked(sandbox, since)
    assert "user/12/profile/all" not in asked(sandbox, since)
    assert_holds(archive, everything[1], sandbox.world.expected.user(11, session=True))

    # A missed week is caught up with once; a work that vanished meanwhile and one that was revised are noticed.
    time_passes(archive, days=7)
    before = sandbox.world.expected.user(11, session=True)
    sandbox.world.remove(sandbox.world.work_id(11, 1))
    sandbox.world.revise(sandbox.world.work_id(11, 2))
    since = len(sandbox.requests("api"))
    assert scrapy("sync", env=env).returncode == 0
    assert asked(sandbox, since).count("user/12/profile/all") == 1
    assert_holds(archive, before, *(sandbox.world.expected.user(artist, session=True) for artist in (11, 12)))
    assert rows(archive, "SELECT id FROM artworks WHERE availability = 'gone'") == [(sandbox.world.work_id(11, 1),)]
    assert "nothing is due" in scrapy("sync", env=env).stderr


@pytest.mark.long
def test_only_what_is_named_is_run_due_or_not(archive: Path, sandbox: Sandbox):
    env = environment(sandbox, archive)
    assert scrapy("sync", "--only", "second", env=env).returncode == 0
    assert_holds(archive, sandbox.world.expected.user(12, session=True))
    wrong = scrapy("sync", "--only", "third", env=env)
    assert (wrong.returncode, len(complaints(wrong.stderr).splitlines())) == (2, 1)


@pytest.mark.long
def test_killed_in_the_middle_it_goes_on(archive: Path, sandbox: Sandbox):
    env = environment(sandbox, archive)
    run = subprocess.Popen(
        [sys.executable, "-m", "scrapy", "sync"],
        cwd=PROJECT,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while len(sandbox.requests("image")) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    held = scrapy("sync", env=env)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert held.returncode in (0, 3), "the second one finds the archive in use, unless the first was quick"
    assert scrapy("sync", env=env).returncode == 0
    assert_holds(archive, *(sandbox.world.expected.user(artist, session=True) for artist in (11, 12)))


def test_a_session_that_no_longer_answers_ends_it(archive: Path, sandbox: Sandbox):
    env = environment(sandbox, archive, PIXIV_PHPSESSID="901_stale")
    run = scrapy("sync", env=env)
    assert run.returncode == 4, run.stderr
    assert "Traceback" not in run.stderr
    assert len(sandbox.requests("api")) <= 3


@pytest.mark.long
def test_an_artist_who_left_does_not_stop_the_others(archive: Path, sandbox: Sandbox):
    (archive / "subscriptions.toml").write_text(FOLLOWED.replace("users/11", "users/999999"))
    run = scrapy("sync", env=environment(sandbox, archive))
    assert run.returncode == 1
    assert_holds(archive, *(sandbox.world.expected.user(artist, session=True) for artist in (11, 12)))


@pytest.mark.parametrize(
    "broken", ["[[subscription]]\nurl = ", FOLLOWED + FOLLOWED, "[[subscription]]\nspider = 'none'\n"]
)
def test_a_broken_file_sends_nothing(archive: Path, sandbox: Sandbox, broken: str):
    (archive / "subscriptions.toml").write_text(broken)
    run = scrapy("sync", env=environment(sandbox, archive))
    assert (run.returncode, len(complaints(run.stderr).splitlines()), len(sandbox.log)) == (2, 1, 0)
    assert "subscriptions.toml" in run.stderr
