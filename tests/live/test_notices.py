"""What real runs tell a real service, and that none of the services can spoil a run, hold it up, or have its URL shown."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.live.injecting import injecting
from tests.live.running import PROJECT, complaints, environment, scrapy
from tests.live.syncing import START
from tests.live.test_secrets import everything_in
from tests.notifications.receiving import SECRETS, Receiver, receiving
from tests.sandbox.serving import Sandbox, World

MINE = '[[subscription]]\nname = "mine"\nspider = "bookmarks"\nid = "me"\n'
FOLLOWED = '[[subscription]]\nname = "first"\nurl = "https://www.pixiv.net/users/11"\nevery = "1d"\n'


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(works=3, size=(64, 48))) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "subscriptions.toml").write_text(FOLLOWED)
    return folder


def told_of(sandbox: Sandbox, archive: Path, *urls: str, **more: str) -> dict[str, str]:
    """The environment of someone who wants notices, of all but the digest and a full disk where nothing else is said."""
    wanted = {"PIXIVCRAWL_NOTICE_ON": "refused failures", "PIXIVCRAWL_NOTICE_DISK_LOW": "1"}
    return environment(sandbox, archive, **wanted | {"PIXIVCRAWL_NOTICE_URLS": " ".join(urls)} | more)


def assert_shows_no_secret(run: subprocess.CompletedProcess[str], archive: Path) -> None:
    assert not any(secret in run.stdout + run.stderr for secret in SECRETS)
    assert not any(secret.encode() in everything_in(archive) for secret in SECRETS)


@pytest.mark.long
def test_a_refused_session_is_told_whatever_the_services_do(archive: Path, sandbox: Sandbox, receiver: Receiver):
    """One takes it, one refuses it, one never answers; the run's own log is at DEBUG."""
    (archive / "subscriptions.toml").write_text(MINE)
    urls = (receiver.url(), receiver.url("refuse"), receiver.url("hang"))
    more = {"PIXIV_PHPSESSID": "901_stale", "PIXIVCRAWL_NOTICE_TIMEOUT": "6"}
    env = told_of(sandbox, archive, *urls, **more)
    began = time.monotonic()
    run = scrapy("sync", "-L", "DEBUG", "--logfile", str(archive / "log"), env=env)
    assert time.monotonic() - began < 100, "the service would hang for longer"
    assert run.returncode == 4, run.stderr
    assert receiver.titles == ["pixiv archive: the account was refused"]
    assert "no longer takes the session" in receiver.taken[0]["message"]
    refused, unsent = complaints(run.stderr).splitlines()
    assert "no longer takes the session" in refused
    assert unsent == (
        "pixivcrawl: notices did not reach 2 json://127.0.0.1 (it answered with status 403), 3 json://127.0.0.1 (no answer within 6 s); "
        "this does not change the run's result; pixivcrawl notify tests each service"
    )
    assert_shows_no_secret(run, archive)


@pytest.mark.long
def test_a_refused_session_is_told_once_until_it_is_taken_again(archive: Path, sandbox: Sandbox, receiver: Receiver):
    (archive / "subscriptions.toml").write_text(MINE)
    stale = told_of(sandbox, archive, receiver.url(), PIXIV_PHPSESSID="901_stale")
    for words in (["sync"], ["crawl", "bookmarks", "-a", "id=me"], ["archive", "https://www.pixiv.net/discovery"]):
        run = scrapy(*words, env=stale)
        assert (run.returncode, f"\n{run.stderr}".count("\npixivcrawl: ")) == (4, 1), run.stderr
    assert len(receiver.taken) == 1
    assert scrapy("sync", "--all", env=told_of(sandbox, archive, receiver.url())).returncode == 0
    assert scrapy("sync", "--all", env=stale).returncode == 4
    assert len(receiver.taken) == 2


@pytest.mark.long
def test_what_fails_is_told_when_it_does(archive: Path, sandbox: Sandbox, receiver: Receiver):
    env = told_of(sandbox, archive, receiver.url())
    assert scrapy("archive", "https://www.pixiv.net/users/11", env=env).returncode == 0
    assert receiver.taken == []
    new = sandbox.world.add_work(11)
    sandbox.faults.image(new.id, kind="status:500")
    run = scrapy("crawl", "user", "-a", "id=11", env=env)
    assert run.returncode == 1, run.stderr
    assert receiver.titles == ["pixiv archive: something failed"]
    assert f"work {new.id} page 0" in receiver.taken[0]["message"]
    # The same file, for the second time.
    assert scrapy("crawl", "user", "-a", "id=11", env=env).returncode == 1
    assert len(receiver.taken) == 1


@pytest.mark.long
def test_a_disk_that_runs_full_is_told_once(archive: Path, sandbox: Sandbox, receiver: Receiver):
    more = {"PIXIVCRAWL_NOTICE_ON": "disk_low", "PIXIVCRAWL_NOTICE_DISK_LOW": str(10**18)}
    env = told_of(sandbox, archive, receiver.url(), **more)
    for _ in range(2):
        assert scrapy("sync", env=env).returncode == 0
    assert receiver.titles == ["pixiv archive: the disk is nearly full"]


@pytest.mark.long
def test_wrong_words_on_a_command_line_are_told_there_alone(archive: Path, sandbox: Sandbox, receiver: Receiver):
    run = scrapy("crawl", "user", "-a", "id=none", env=told_of(sandbox, archive, receiver.url()))
    assert (run.returncode, receiver.taken) == (2, [])


def synced(env: dict[str, str], days: float) -> int:
    """`pixivcrawl sync`, so many days after the first."""
    at = START + timedelta(days=days)
    command = [sys.executable, "-m", "tests.live.elsewhen", at.isoformat(), "sync"]
    return subprocess.run(command, cwd=PROJECT, env=env, check=False, capture_output=True).returncode


KILLED_BEFORE_IT_IS_REMEMBERED = """
    import os, pathlib, signal
    replace = pathlib.Path.replace
    def killed(self, target):
        if self.name == "notices.json.new":
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(self, target)
    pathlib.Path.replace = killed
"""


@pytest.mark.long
def test_a_digest_comes_once_a_week_and_once_more_after_a_kill(
    archive: Path, sandbox: Sandbox, receiver: Receiver, tmp_path: Path
):
    env = told_of(sandbox, archive, receiver.url(), PIXIVCRAWL_NOTICE_ON="digest")
    assert synced(env, 0) == 0
    assert receiver.titles == ["pixiv archive: 3 new works"]
    assert "artist 11" in receiver.taken[0]["message"]
    sandbox.world.add_work(11)
    for days in (0.01, 1, 3, 6.9):
        assert synced(env, days) == 0
    assert len(receiver.taken) == 1
    assert synced(env | injecting(tmp_path / "injected", KILLED_BEFORE_IT_IS_REMEMBERED), 7) == -9
    assert synced(env, 7.1) == 0
    assert synced(env, 7.2) == 0
    assert receiver.titles[1:] == ["pixiv archive: 1 new work"] * 2
    assert synced(env, 15) == 0
    assert receiver.titles[3:] == ["pixiv archive: 0 new works"]


@pytest.mark.long
def test_a_digest_that_no_service_took_is_tried_again(archive: Path, sandbox: Sandbox, receiver: Receiver):
    env = told_of(sandbox, archive, receiver.url("refuse"), PIXIVCRAWL_NOTICE_ON="digest")
    assert synced(env, 0) == 0
    assert receiver.taken == []
    env["PIXIVCRAWL_NOTICE_URLS"] = f"{receiver.url('refuse')} {receiver.url()}"
    assert synced(env, 1) == 0
    assert len(receiver.taken) == 1
    assert synced(env, 2) == 0, "one that always refuses does not have the other told again"
    assert len(receiver.taken) == 1


@pytest.mark.long
def test_a_file_of_services_that_cannot_be_read_is_said_and_no_more(archive: Path, sandbox: Sandbox):
    env = environment(sandbox, archive, PIXIVCRAWL_NOTICE_URLS_FILE=str(archive / "none"))
    run = scrapy("sync", env=env)
    assert run.returncode == 0
    (line,) = complaints(run.stderr).splitlines()
    assert "NOTICE_URLS_FILE" in line
    assert "this does not change the run's result" in line


@pytest.mark.long
def test_apprise_is_imported_by_the_worker_alone():
    code = """
import sys
from importlib import import_module
from pkgutil import iter_modules
from pixivcrawl import commands
for module in iter_modules(commands.__path__):
    import_module(f"{commands.__name__}.{module.name}")
sys.exit("apprise" in sys.modules or "PIL" in sys.modules and "pixivcrawl.reporting.thumbnails" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)
