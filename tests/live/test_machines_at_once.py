"""Machines that share a ledger on a server and are at work at the same moment: a pause is one account's, and the same artist is anybody's.

`-m campaign` has four of them archive the same artist fifty times.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from pixivcrawl.sandbox.log import Logged
from pixivcrawl.sandbox.works import Session
from tests.live.running import PROJECT, environment, stored_files
from tests.sandbox.serving import Sandbox, World

WAIT = 6
"""Seconds that pixiv asks an account to wait for."""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(works=20, size=(48, 36)), delay=0.02) as running:
        more = (Session(903 + number, f"sessionOfReader{903 + number}", "0" * 32) for number in range(2))
        running.world.readers = (*running.world.readers, *more)
        yield running


def begun(sandbox: Sandbox, folder: Path, url: str, reader: Session, *words: str, **more: str) -> subprocess.Popen[str]:
    """A crawl of the artist on a machine of its own, as one of the accounts."""
    own = {"PIXIVCRAWL_DATABASE_URL": url, "XDG_STATE_HOME": str(folder / "state"), "PIXIV_PHPSESSID": reader.cookie}
    env = environment(sandbox, folder, session=False, PIXIVCRAWL_PIXIV_LANES_PER_ADDRESS="4", **own, **more)
    command = [sys.executable, "-m", "scrapy", "crawl", "user", "-a", "id=11", *words]
    return subprocess.Popen(command, cwd=PROJECT, env=env, stderr=subprocess.PIPE, text=True)


def asked_by(sandbox: Sandbox, reader: Session) -> list[Logged]:
    return [logged for logged in sandbox.requests("api") if reader.cookie in logged.headers["cookie"]]


@pytest.mark.long
def test_who_is_asked_to_wait_waits_on_every_machine_and_the_others_go_on(
    tmp_path: Path, sandbox: Sandbox, postgres_url: str
) -> None:
    readers = sandbox.world.readers[:2]
    slowly = {"PIXIVCRAWL_PIXIV_API_DELAY": "0.5"}
    runs = {reader: begun(sandbox, tmp_path / reader.cookie[:3], postgres_url, reader, **slowly) for reader in readers}
    while min(len(asked_by(sandbox, reader)) for reader in readers) < 3:
        time.sleep(0.02)
    sandbox.faults.api("/ajax/", kind="status:429", retry_after=WAIT, times=1)
    while not (refused := [logged for logged in sandbox.requests("api") if logged.status == 429]):
        time.sleep(0.02)
    (waiting,) = [reader for reader in readers if reader.cookie in refused[0].headers["cookie"]]
    (other,) = {*readers} - {waiting}
    time.sleep(0.5)
    # What it was told, the next machine that reads as this account finds in the ledger.
    runs[waiting].kill()
    again = begun(sandbox, tmp_path / "again", postgres_url, waiting)
    for run in (*runs.values(), again):
        run.communicate(timeout=200)
    assert [run.returncode for run in (runs[other], again)] == [0, 0]
    since, until = refused[0].time + 0.05, refused[0].time + WAIT
    assert [logged.path for logged in asked_by(sandbox, waiting) if since < logged.time < until] == []
    assert [logged.path for logged in asked_by(sandbox, waiting) if logged.time > until]
    assert [logged.path for logged in asked_by(sandbox, other) if since < logged.time < until]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("times", "accounts"),
    [
        pytest.param(1, 1, marks=pytest.mark.long),
        pytest.param(5, 4, marks=pytest.mark.long),
        pytest.param(50, 1, marks=pytest.mark.campaign),
        pytest.param(50, 4, marks=pytest.mark.campaign),
    ],
)
def test_four_machines_archive_the_same_artist_and_none_ends_for_another(
    tmp_path: Path, sandbox: Sandbox, postgres_url: str, times: int, accounts: int
) -> None:
    """As one account one after the other, or as four at the same moment: nothing is fetched again."""
    expected = sandbox.world.expected.user(11, session=True).files
    for turn in range(times):
        asked = len(sandbox.requests("image"))
        machines = [tmp_path / str(turn) / str(number) for number in range(4)]
        runs = [
            begun(sandbox, machine, postgres_url, sandbox.world.readers[number % accounts], "--wait")
            for number, machine in enumerate(machines)
        ]
        said = [run.communicate(timeout=300)[1] for run in runs]
        assert [run.returncode for run in runs] == [0, 0, 0, 0], said
        found = [stored_files(machine) for machine in machines]
        assert {path: sha256 for each in found for path, sha256 in each.items()} == expected
        fetched = Counter(logged.path for logged in sandbox.requests("image")[asked:] if logged.status == 200)
        again = sum(fetched.values()) - len(fetched)
        print(f"{turn}, {accounts} accounts: 4 of 4 complete, {again} fetched again")
        assert again == 0
        assert sum(map(len, found)) == len(expected), "each file lies in one folder"
        with closing(create_engine(postgres_url, isolation_level="AUTOCOMMIT").connect()) as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
