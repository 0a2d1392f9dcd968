"""What was acknowledged is there, whatever ends the process or fills the disk."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixivcrawl.archive.layout import Archive
from pixivcrawl.errors import StorageFailed
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.journal import read_journal
from pixivcrawl.ledger.service import Ledger
from tests.ledger.making import NOW, an_answer, sqlite_url
from tests.live.chaos.plans import campaign

WRITER = textwrap.dedent(
    """
    import asyncio, os, sys
    from pathlib import Path
    from pixivcrawl.archive.layout import Archive
    from pixivcrawl.ledger import updates
    from pixivcrawl.ledger.service import Ledger
    from tests.ledger.making import NOW, an_answer, an_artwork

    async def one_after_another(ledger, first):
        for work_id in range(first, first + 100_000, 4):
            await asyncio.gather(
                ledger.write(updates.record_answer, an_answer("illust.detail", {"id": work_id}, b'{"id": %d}' % work_id, NOW)),
                ledger.write(updates.record_artwork, an_artwork(work_id, pages=3), NOW),
            )
            os.write(1, b"%d\\n" % work_id)

    async def main(url, journal, first):
        ledger = Ledger.open(url, archive=Archive(Path(journal).parent))
        await asyncio.gather(*(one_after_another(ledger, first + n) for n in range(4)))

    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    """
)


def killed_after(seconds: float, folder: Path, first: int) -> set[int]:
    """Run the writer until it is killed; gives the works whose writing it was told of."""
    arguments = [sys.executable, "-c", WRITER, sqlite_url(folder), str(folder / "journal"), str(first)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read()
    lines = told.splitlines(keepends=True)
    return {int(line) for line in lines if line.endswith(b"\n")}


@pytest.mark.long
def test_a_killed_writer_loses_nothing_it_acknowledged(tmp_path: Path):
    chance = random.Random(7)
    acknowledged: set[int] = set()
    for kill in range(5):
        told = killed_after(chance.uniform(0.0, 0.4), tmp_path, 1 + kill * 200_000)
        assert told
        acknowledged |= told
        assert_sound(tmp_path, acknowledged)


@pytest.mark.parametrize("seed", campaign(range(10)))
def test_many_kills_lose_nothing(tmp_path: Path, seed: int):
    chance = random.Random(seed)
    acknowledged: set[int] = set()
    for kill in range(6):
        acknowledged |= killed_after(chance.uniform(0.0, 0.5), tmp_path, 1 + kill * 200_000)
        assert_sound(tmp_path, acknowledged)


def assert_sound(folder: Path, acknowledged: set[int]) -> None:
    Ledger.open(sqlite_url(folder), archive=Archive(folder)).close()
    database = sqlite3.connect(folder / "archive.sqlite")
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    pages = dict(database.execute("SELECT artwork_id, count(*) FROM files GROUP BY artwork_id"))
    bodies = {row[0] for row in database.execute("SELECT subject_id FROM answers")}
    database.close()
    assert acknowledged <= set(pages)
    assert set(pages.values()) == {3}
    assert acknowledged <= bodies
    assert bodies <= bodies_journaled(folder / "journal")
    works = (entry for entry in read_journal(folder / "journal") if entry.type == "artwork")
    assert set(pages) <= {entry.data["artwork"]["work_id"] for entry in works}


def bodies_journaled(journal: Path) -> set[int]:
    return {entry.data["answer"].parameters["id"] for entry in read_journal(journal) if entry.type == "answer"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=2m", "pixivcrawl-test", str(folder)]
    if mount is None or os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(ledger: Ledger) -> int:
    """Write until the disk is full; gives how many works were acknowledged."""
    for number in range(10_000):
        try:
            ledger.write_now(updates.record_answer, an_answer("illust.detail", {"id": number}, os.urandom(2000), NOW))
        except StorageFailed:
            return number
    raise AssertionError("the disk is never full")


def bodies_kept(folder: Path) -> int:
    database = sqlite3.connect(folder / "archive.sqlite")
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    (number,) = database.execute("SELECT count(*) FROM answers").fetchone()
    database.close()
    return int(number)


@pytest.mark.parametrize("journal_elsewhere", [False, True])
def test_a_full_disk_ends_the_run_and_harms_nothing(small_disk: Path, tmp_path: Path, *, journal_elsewhere: bool):
    journal = (tmp_path if journal_elsewhere else small_disk) / "journal"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(300_000))
    ledger = Ledger.open(sqlite_url(small_disk), archive=Archive(journal.parent))
    written = fill(ledger)
    assert written > 20
    assert ledger.broken is not None
    assert "free space" in str(ledger.broken)
    assert "\n" not in str(ledger.broken)
    with pytest.raises(StorageFailed, match="free space"):
        ledger.write_now(updates.record_user_seen, 1, NOW)
    ledger.close()
    ballast.unlink()
    again = Ledger.open(sqlite_url(small_disk), archive=Archive(journal.parent))
    again.write_now(updates.record_answer, an_answer("illust.detail", {"id": 10**6}, b"{}", NOW))
    again.close()
    # What the disk kept from the ledger after the journal had it comes back with the next start.
    assert bodies_kept(small_disk) in (written + 1, written + 2)
    assert set(range(written)) | {10**6} <= bodies_journaled(journal)


def test_a_database_that_fills_in_the_middle_of_a_change_ends_the_run(tmp_path: Path):
    """Not at the commit: the failing change is not taken for one that fails alone."""
    ledger = Ledger.open(sqlite_url(tmp_path))
    pages = ledger.write_now(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar())
    ledger.write_now(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 10}").scalar())
    with pytest.raises(StorageFailed):
        _write_names(ledger, 10_000)
    assert ledger.broken is not None
    assert "the disk is full" in str(ledger.broken)
    ledger.close()


def _write_names(ledger: Ledger, number: int) -> None:
    for user_id in range(number):
        ledger.write_now(updates.record_user_name, user_id, "name" * 100, NOW)


LIMITED = textwrap.dedent(
    """
    import resource, sys
    from pixivcrawl.ledger import updates
    from pixivcrawl.ledger.service import Ledger
    from pixivcrawl.errors import StorageFailed
    from tests.ledger.making import NOW

    ledger = Ledger.open(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
    try:
        for number in range(100_000):
            ledger.write_now(updates.record_user_name, number, "name" * 100, NOW)
    except StorageFailed as error:
        print(number, error)
    ledger.close()
    """
)


@pytest.mark.long
def test_a_file_that_may_not_grow_ends_the_run_too(tmp_path: Path):
    """As with a quota: SQLite is told of an error of the disk rather than of a full one."""
    arguments = [sys.executable, "-c", LIMITED, sqlite_url(tmp_path)]
    run = subprocess.run(arguments, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    written, line = run.stdout.splitlines()[0].split(" ", 1)
    assert "run the same command again" in line
    database = sqlite3.connect(tmp_path / "archive.sqlite")
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert database.execute("SELECT count(*) FROM users").fetchone() == (int(written),)
    database.close()
