"""`pixivcrawl work`: workers that share a ledger and a queue on a server, and die."""

from __future__ import annotations

import asyncio
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scrapy.utils.project import get_project_settings

from pixivcrawl.fleet.queue import app_of, prepare
from pixivcrawl.fleet.worker import add_tasks
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.sandbox.log import Logged
from tests.ledger.postgres import answered
from tests.ledger.server import Line
from tests.live.running import PROJECT, complaints, environment, scrapy, stored_files
from tests.sandbox.serving import Sandbox, World

FOLLOWED = """
[[subscription]]
name = "artist"
spider = "user"
id = "11"

[[subscription]]
name = "hers"
spider = "user"
id = "12"
account = "second"
"""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(artists=2, works=20, size=(48, 36)), delay=0.02) as running:
        yield running


@pytest.fixture
def fleet(tmp_path: Path, sandbox: Sandbox, postgres_url: str) -> Callable[..., dict[str, str]]:
    """The environment of a worker that has folders of its own, and the subscriptions, sessions and ledger with others."""
    (tmp_path / "subscriptions.toml").write_text(FOLLOWED)
    session = tmp_path / "accounts/second"
    session.parent.mkdir()
    session.write_text(sandbox.premium_cookie)
    session.chmod(0o600)
    shared = {
        "PIXIVCRAWL_DATABASE_URL": postgres_url,
        "PIXIVCRAWL_SUBSCRIPTIONS": str(tmp_path / "subscriptions.toml"),
        "PIXIVCRAWL_PIXIV_ACCOUNTS": str(session.parent),
    }

    def worker(name: str, **more: str) -> dict[str, str]:
        return environment(sandbox, tmp_path / name, **shared, XDG_STATE_HOME=str(tmp_path / name / "state"), **more)

    return worker


def begun(env: dict[str, str], *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "scrapy", "work", *more], cwd=PROJECT, env=env)


def until(happens: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def asked_as(sandbox: Sandbox, cookie: str) -> list[Logged]:
    return [logged for logged in sandbox.requests("api") if cookie in logged.headers["cookie"]]


@pytest.mark.long
def test_what_is_due_is_done_once_as_its_account(
    tmp_path: Path, sandbox: Sandbox, postgres_url: str, fleet: Callable[..., dict[str, str]]
) -> None:
    run = scrapy("work", "--once", env=fleet("a"))
    assert run.returncode == 0, run.stderr
    assert scrapy("fleet", "status", env=fleet("a")).stdout.splitlines()[:2] == [
        f"account 901: at work: nobody; {len(asked_as(sandbox, sandbox.cookie))} API requests today (UTC)",
        f"second, account 902: at work: nobody; {len(asked_as(sandbox, sandbox.premium_cookie))} API requests today (UTC)",
    ]
    crawls = "SELECT reader, exit_code FROM crawls ORDER BY reader"
    assert answered(postgres_url, crawls) == [(901, 0), (902, 0)]
    expected = [sandbox.world.expected.user(artist, session=True).files for artist in (11, 12)]
    assert stored_files(tmp_path / "a") == {name: what for files in expected for name, what in files.items()}
    before = len(sandbox.log)
    assert scrapy("work", "--once", env=fleet("b")).returncode == 0
    assert (len(sandbox.log), answered(postgres_url, crawls)) == (before, [(901, 0), (902, 0)]), "nothing is due"


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="a child that ends with its parent")
def test_what_a_killed_worker_had_begun_is_taken_back_and_nothing_is_asked_twice_at_once(
    tmp_path: Path, sandbox: Sandbox, postgres_url: str, fleet: Callable[..., dict[str, str]]
) -> None:
    (tmp_path / "subscriptions.toml").write_text(FOLLOWED.partition("\n\n")[0])
    first = begun(fleet("a", PIXIVCRAWL_PIXIV_API_DELAY="0.3"))
    until(lambda: len(sandbox.requests("api")) > 3)
    standing = scrapy("fleet", "status", env=fleet("a")).stdout
    assert "account 901: at work: 'pixivcrawl crawl user (process " in standing
    assert "jobs: 0 waiting, 1 at work" in standing
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    second = begun(fleet("b"))
    until(lambda: answered(postgres_url, "SELECT 1 FROM crawls WHERE exit_code = 0") != [], seconds=120)
    second.send_signal(signal.SIGTERM)
    assert second.wait(timeout=60) == 0
    here, there = (stored_files(tmp_path / name) for name in "ab")
    assert here | there == sandbox.world.expected.user(11, session=True).files
    # What was placed and not yet recorded at the kill is fetched again: at most four images are under way.
    assert len(here.keys() & there.keys()) <= 4


@pytest.mark.long
def test_an_account_that_pixiv_refuses_is_left_alone(
    sandbox: Sandbox, postgres_url: str, fleet: Callable[..., dict[str, str]]
) -> None:
    """Until it has another session; the other account goes on."""
    over = {"PIXIV_PHPSESSID": "901_nobodyknowsthissession1234567890"}
    assert scrapy("work", "--once", env=fleet("a", **over)).returncode == 0
    assert answered(postgres_url, "SELECT reader, exit_code FROM crawls ORDER BY reader") == [(901, 4), (902, 0)]
    asked = len(asked_as(sandbox, over["PIXIV_PHPSESSID"]))
    standing = scrapy("fleet", "status", env=fleet("a", **over)).stdout
    assert "jobs: 0 waiting, 0 at work; 1 failed and wait for a person" in standing
    assert "of the last day: 1 crawl ended with exit code 4: pixiv no longer takes the session" in standing
    assert scrapy("work", "--once", env=fleet("a", **over)).returncode == 0
    assert len(asked_as(sandbox, over["PIXIV_PHPSESSID"])) == asked
    assert scrapy("work", "--once", env=fleet("a")).returncode == 0
    assert answered(postgres_url, "SELECT exit_code FROM crawls WHERE reader = 901 ORDER BY id") == [(4,), (0,)]


@pytest.mark.parametrize(
    "happens",
    [pytest.param(Line.hold_up, marks=pytest.mark.long), pytest.param(Line.cut, marks=pytest.mark.campaign)],
)
def test_a_worker_whose_server_goes_away_ends_with_a_line(
    happens: Callable[[Line], None], postgres_url: str, fleet: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    """The server takes no connections any more, or never answers."""
    (tmp_path / "subscriptions.toml").write_text("")
    with Line(postgres_url) as line:
        command = [sys.executable, "-m", "scrapy", "work"]
        env = fleet("a") | {"PIXIVCRAWL_DATABASE_URL": line.url}
        worker = subprocess.Popen(command, cwd=PROJECT, env=env, stderr=subprocess.PIPE, text=True)
        until(lambda: answered(postgres_url, "SELECT to_regclass('fleet.procrastinate_workers')") != [(None,)])
        until(lambda: answered(postgres_url, "SELECT count(*) FROM fleet.procrastinate_workers") == [(1,)])
        happens(line)
        _, said = worker.communicate(timeout=90)
    assert worker.returncode == 5, said
    assert "the queue's server does not answer, and is waited for" in said
    assert "Traceback" not in said, said
    (ended,) = [line for line in said.splitlines() if line.startswith("pixivcrawl: ")]
    assert ended.startswith("pixivcrawl: the queue on 127.0.0.1:")


@pytest.mark.parametrize("words", [["work"], ["fleet", "status"]])
def test_a_fleet_needs_a_server(words: list[str], tmp_path: Path, sandbox: Sandbox) -> None:
    refused = scrapy(*words, env=environment(sandbox, tmp_path))
    assert (refused.returncode, sandbox.log) == (2, [])
    assert complaints(refused.stderr).startswith(
        "pixivcrawl: a fleet shares a ledger on PostgreSQL: name it in DATABASE_URL"
    )


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://nobody:wrong@127.0.0.1:1/none", "postgresql+psycopg://nobody@/none?host=/nowhere"]
)
def test_a_server_that_is_not_there_is_said_in_a_line(url: str, tmp_path: Path, sandbox: Sandbox) -> None:
    refused = scrapy("work", env=environment(sandbox, tmp_path, PIXIVCRAWL_DATABASE_URL=url))
    assert (refused.returncode, sandbox.log) == (5, [])
    (line,) = complaints(refused.stderr).splitlines()
    assert "wrong" not in line


def test_a_worker_that_is_older_than_the_ledger_sends_nothing(
    sandbox: Sandbox, postgres_url: str, fleet: Callable[..., dict[str, str]]
) -> None:
    Ledger.open(postgres_url).close()
    answered(postgres_url, "UPDATE alembic_version SET version_num = '9999'")
    refused = scrapy("work", env=fleet("a"))
    assert (refused.returncode, sandbox.log) == (2, [])
    (line,) = complaints(refused.stderr).splitlines()
    assert "is from a newer version (9999, this one knows " in line
    assert line.endswith("update pixivcrawl")


def test_what_cannot_be_planned_is_told_by_the_status_until_it_can(
    fleet: Callable[..., dict[str, str]],
    tmp_path: Path,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = get_project_settings()
    for name, value in fleet("one").items():
        monkeypatch.setenv(name, value)
        if name.startswith("PIXIVCRAWL_"):
            # Another test may have imported the settings, which then know nothing of this environment.
            settings.set(name.removeprefix("PIXIVCRAWL_"), value, priority="cmdline")
    Ledger.open(postgres_url).close()
    prepare(postgres_url)

    def plan(subscriptions: str) -> str:
        (tmp_path / "subscriptions.toml").write_text(subscriptions)
        app = app_of(postgres_url)
        add_tasks(app, settings, [], lambda: 1)

        async def planned() -> None:
            async with app.open_async():
                await app.tasks["plan"](timestamp=0)

        asyncio.run(planned())
        return capsys.readouterr().err

    unplanned = "SELECT worker, reason FROM fleet.failed_plans"
    said = plan("[[subscription]]\nspider = 11\n")
    assert said.startswith("nothing was planned: ")
    assert "subscriptions.toml" in said
    assert said.count("\n") == 1
    worker, reason = f"{platform.node()}:{tmp_path / 'one'}", said.removeprefix("nothing was planned: ").strip()
    assert answered(postgres_url, unplanned) == [(worker, reason)]
    assert plan("") == ""
    assert answered(postgres_url, unplanned) == []
