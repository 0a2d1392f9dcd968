"""Machines that share a ledger on a server: one lane an account, which nobody goes on with who may have lost it."""

from __future__ import annotations

import asyncio
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ArchiveInUse, BudgetSpent, StorageFailed
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.engine import read_url
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.reader import Reader
from pixivcrawl.throttling import server_lane
from pixivcrawl.throttling.budget import Budget
from pixivcrawl.throttling.lane import held, lanes_of
from pixivcrawl.throttling.server_lane import ServerLane
from tests.ledger.server import Line
from tests.live.running import PROJECT, complaints, environment, scrapy, scrapy_at, stored_files
from tests.sandbox.serving import Sandbox, World
from tests.travelling import settings_for

LANE = 4711


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(works=60, size=(48, 36)), delay=0.02) as running:
        yield running


@pytest.fixture
def line(postgres_url: str) -> Iterator[Line]:
    with Line(postgres_url) as line:
        yield line


def machine(sandbox: Sandbox, folder: Path, url: str, **more: str) -> dict[str, str]:
    """The environment of a worker that has its own folders, and the ledger with others."""
    own = {"PIXIVCRAWL_DATABASE_URL": url, "XDG_STATE_HOME": str(folder / "state")}
    return environment(sandbox, folder / "archive", **own, **more)


def begun(env: dict[str, str], *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "scrapy", "crawl", "user", "-a", "id=11", *more]
    return subprocess.Popen(command, cwd=PROJECT, env=env, stderr=subprocess.PIPE, text=True)


def until(happens: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ended_by_its_server(url: str, name: str) -> int:
    """End the connections of that name, as an administrator may; gives how many there were."""
    administrator = create_engine(url, isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        ending = text(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name LIKE :name AND datname = current_database()"
        )
        ended = connection.execute(ending, {"name": name}).scalar_one()
    administrator.dispose()
    return int(ended)


def lane_at(url: str, *places: int, key: int = LANE) -> ServerLane:
    lane = ServerLane(read_url(url), key, "account 901")
    lane.places = places or (key + 1,)
    return lane


@pytest.mark.long
def test_the_second_machine_is_told_who_has_the_account_and_sends_nothing(
    tmp_path: Path, sandbox: Sandbox, postgres_url: str
) -> None:
    first = begun(machine(sandbox, tmp_path / "a", postgres_url, PIXIVCRAWL_PIXIV_API_DELAY="1"))
    until(lambda: len(sandbox.requests("api")) > 3)
    refused = scrapy(
        "crawl",
        "user",
        "-a",
        "id=11",
        env=machine(sandbox, tmp_path / "b", postgres_url, PIXIVCRAWL_USER_AGENT="Mozilla/5.0 b"),
    )
    assert refused.returncode == 3
    (said,) = complaints(refused.stderr).splitlines()
    assert said.startswith(
        f"pixivcrawl: account 901 is in use by 'pixivcrawl crawl user (process {first.pid} on {platform.node()[:5]}"
    )
    assert said.endswith("wait for it, or add --wait")
    # Killed, it holds nothing: whoever waits goes on with what is left, and never beside it.
    waiting = begun(machine(sandbox, tmp_path / "b", postgres_url, PIXIVCRAWL_USER_AGENT="Mozilla/5.0 b"), "--wait")
    assert waiting.stderr is not None
    assert any(each.startswith("waits for 'pixivcrawl crawl user") for each in waiting.stderr)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    waiting.communicate(timeout=120)
    assert waiting.returncode == 0
    here, there = (stored_files(tmp_path / name / "archive") for name in "ab")
    expected = sandbox.world.expected.user(11, session=True).files
    assert here | there == {name: what for name, what in expected.items() if isinstance(what, str)}
    agents = [logged.headers["user-agent"] == "Mozilla/5.0 b" for logged in sandbox.requests("api")]
    assert agents == sorted(agents)


@pytest.mark.long
def test_whoever_loses_the_lane_has_it_again_and_goes_on(tmp_path: Path, sandbox: Sandbox, postgres_url: str) -> None:
    run = begun(machine(sandbox, tmp_path, postgres_url))
    for asked in (5, 15, 25):
        until(lambda asked=asked: len(sandbox.requests("api")) >= asked)
        assert ended_by_its_server(postgres_url, "pixivcrawl crawl user (process %") == 1
    _, said = run.communicate(timeout=120)
    assert run.returncode == 0
    assert said.count("the lane is lost, and nothing is sent until it is ours again") == 3
    expected = sandbox.world.expected.user(11, session=True).files
    assert stored_files(tmp_path / "archive").keys() == {
        name for name, what in expected.items() if isinstance(what, str)
    }


def test_a_machine_whose_clock_is_wrong_sends_nothing(tmp_path: Path, sandbox: Sandbox, postgres_url: str) -> None:
    then = datetime.now(UTC) + timedelta(hours=3)
    refused = scrapy_at(then, "crawl", "user", "-a", "id=11", env=machine(sandbox, tmp_path, postgres_url))
    assert (refused.returncode, sandbox.log) == (2, [])
    (said,) = complaints(refused.stderr).splitlines()
    assert said.startswith("pixivcrawl: this machine's clock is 3 h ahead of that of the ledger ")


def test_a_lane_is_lost_the_moment_its_connection_ends(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_lane, "BUSY_TIMEOUT", 1.0)
    lane = lane_at(line.url)
    with lane.held("crawl user"):
        assert lane.is_sure
        line.cut()
        until(lambda: not lane.is_sure, seconds=0.5)
        assert lane.lost is None
        until(lambda: lane.lost is not None, seconds=20)
        assert not lane.is_sure
    line.mend()
    with lane.held("crawl user"):
        until(lambda: lane.is_sure)


def test_a_lane_is_not_sure_while_the_server_is_silent(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("SILENT_FOR", 0.6), ("LOOKS_EVERY", 0.1), ("BUSY_TIMEOUT", 2.0)):
        monkeypatch.setattr(server_lane, name, seconds)
    lane = lane_at(line.url)
    with lane.held("crawl user"):
        assert lane.is_sure
        line.hold_up()
        until(lambda: not lane.is_sure, seconds=3)
        line.let_go()
        until(lambda: lane.is_sure, seconds=3)
        line.hold_up()
        until(lambda: lane.lost is not None, seconds=10)
        assert "has not answered for 2 s, so that account 901 may be another run's by now" in str(lane.lost)
        line.let_go()


def test_whoever_lost_the_lane_to_another_does_not_have_it_again(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_lane, "BUSY_TIMEOUT", 1.0)
    lost, other = lane_at(postgres_url), lane_at(postgres_url)
    # It tries to have it back half a second later: by then another has it.
    monkeypatch.setattr(server_lane, "TRIES_EVERY", 0.5)
    with lost.held("crawl that loses"):
        until(lambda: lost.is_sure)
        assert ended_by_its_server(postgres_url, "pixivcrawl crawl that loses%") == 1
        until(lambda: not lost.is_sure, seconds=0.5)
        with other.held("crawl that wins", wait=True):
            until(lambda: lost.lost is not None, seconds=20)
            assert isinstance(lost.lost, StorageFailed)
            assert "the lane was lost: account 901 is in use by 'pixivcrawl crawl that wins" in str(lost.lost)
            assert other.is_sure
            assert not lost.is_sure


def test_so_many_lanes_as_the_address_has_places(postgres_url: str) -> None:
    one, two, three = (lane_at(postgres_url, 1, 2, key=key) for key in (10, 20, 30))
    with one.held("crawl"), two.held("crawl"):
        with pytest.raises(ArchiveInUse, match=r"PIXIV_LANES_PER_ADDRESS allows \(2\)"), three.held("crawl"):
            pass
        elsewhere = lane_at(postgres_url, 3, 4, key=30)
        with elsewhere.held("crawl"):
            pass
    with three.held("crawl"), three.held("crawl"):
        assert three.is_sure


@pytest.mark.long
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no signal that freezes")
def test_a_run_that_was_frozen_sends_nothing_before_it_knows_that_the_lane_is_its_own(
    tmp_path: Path, sandbox: Sandbox, postgres_url: str
) -> None:
    run = begun(machine(sandbox, tmp_path, postgres_url))
    until(lambda: len(sandbox.requests("api")) > 3)
    os.kill(run.pid, signal.SIGSTOP)
    assert ended_by_its_server(postgres_url, "pixivcrawl crawl user%") == 1
    with lane_taken(sandbox, tmp_path / "other", postgres_url):
        time.sleep(server_lane.SILENT_FOR + 1)
        asked = len(sandbox.requests("api"))
        os.kill(run.pid, signal.SIGCONT)
        time.sleep(2)
        assert len(sandbox.requests("api")) == asked
    run.communicate(timeout=120)
    assert run.returncode == 0


def lane_taken(sandbox: Sandbox, folder: Path, url: str) -> AbstractContextManager[None]:
    """The account's lane on the server, held by this process as another machine would."""
    configuration = Configuration.from_settings(settings_for(folder, sandbox, DATABASE_URL=url))
    return held(
        [lane for lane in lanes_of(configuration, Reader(901)) if isinstance(lane, ServerLane)], "crawl elsewhere"
    )


def test_machines_that_share_a_budget_send_no_more_than_it(postgres_url: str) -> None:
    """Whatever the lanes do: each request is taken before it leaves."""
    ledgers = [Ledger.open(postgres_url) for _ in range(3)]

    async def spends(ledger: Ledger) -> int:
        budget, sent = Budget("www.pixiv.net", 901), 0
        with suppress(BudgetSpent):
            while True:
                await budget.spend(ledger, 50, datetime.now(UTC))
                sent += 1
        return sent

    with ThreadPoolExecutor(3) as threads:
        sent = list(threads.map(lambda ledger: asyncio.run(spends(ledger)), ledgers))
    for ledger in ledgers:
        ledger.close()
    assert sum(sent) == 50, sent


def test_a_pause_of_an_image_host_is_heard_at_once_by_every_machine(postgres_url: str) -> None:
    Ledger.open(postgres_url).close()
    lane = lane_at(postgres_url)
    with lane.held("crawl user"):
        until(lane.has_heard)
        assert not lane.has_heard()
        ledger = Ledger.open(postgres_url)
        now = datetime.now(UTC)
        ledger.write_now(updates.pause_host, "i.pximg.net", now + timedelta(seconds=60), now)
        until(lane.has_heard, seconds=0.5)
        assert ledger.read_now(queries.pauses_left, 902, now - timedelta(hours=5)) == pytest.approx(
            {"i.pximg.net": 60}, abs=2
        )
        ledger.close()
