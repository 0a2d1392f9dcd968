"""`pixivcrawl rebuild` and `pixivcrawl backup`, typed as a person would, over an archive that the sandbox filled."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scrapy.settings import Settings

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
from pixivcrawl.commands.backup import back_up
from pixivcrawl.commands.rebuild import rebuild
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.ledger.copying import copy_ledger
from tests.canonical import dump
from tests.live.inside import crawl
from tests.live.running import PROJECT, assert_holds, environment, rows, scrapy, stored_files
from tests.sandbox.serving import Sandbox, World


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(World.demo()) as running:
        yield running


@pytest.fixture(scope="module")
def filled(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    assert crawl("user", sandbox, folder, id=11).exit_code == 0
    return folder


def rebuilt(archive: Path, *, replace: bool = False, check: bool = False) -> int:
    """As the command does it, in this process."""
    return rebuild(configuration_of(archive), replace=replace, check=check)


def configuration_of(archive: Path) -> Configuration:
    settings = Settings()
    settings.setmodule("settings.base", priority="project")
    settings.set("ARCHIVE_DIR", str(archive), priority="cmdline")
    return Configuration.from_settings(settings)


@pytest.fixture
def archive(filled: Path, tmp_path: Path) -> Path:
    shutil.copytree(filled, tmp_path / "archive")
    return tmp_path / "archive"


def test_a_deleted_ledger_comes_back_and_the_next_run_goes_on(archive: Path, sandbox: Sandbox):
    before = dump(archive)
    for part in archive.glob("archive.sqlite*"):
        part.unlink()
    run = scrapy("rebuild", env=environment(sandbox, archive))
    assert (run.returncode, run.stderr) == (0, "")
    assert dump(archive) == before
    since = len(sandbox.log)
    assert crawl("user", sandbox, archive, id=11).exit_code == 0
    assert len(sandbox.log) == since + 1
    assert_holds(archive, sandbox.world.expected.user(11, session=True))


def test_a_ledger_that_is_there_is_only_replaced_on_demand(archive: Path):
    before = dump(archive)
    (archive / "archive.sqlite.rebuilding").write_bytes(b"what a kill left")
    with pytest.raises(ConfigurationError, match="add --replace"):
        rebuilt(archive)
    assert rebuilt(archive, replace=True, check=True) == 0
    (kept,) = archive.glob("archive.sqlite.replaced-*")
    assert dump(archive) == before
    kept.rename(archive / "archive.sqlite")
    assert dump(archive) == before


def test_files_that_are_gone_are_fetched_by_the_next_run(
    archive: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
):
    gone, damaged, *_ = [archive / name for name in stored_files(archive) if not name.endswith((".json", ".zip"))]
    gone.unlink()
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert rebuilt(archive, replace=True) == 1
    said = capsys.readouterr().out
    assert "1 file missing" in said
    assert "1 file damaged" in said
    assert crawl("user", sandbox, archive, id=11).exit_code == 0
    assert_holds(archive, sandbox.world.expected.user(11, session=True))


def test_without_a_journal_the_files_alone_are_adopted(archive: Path):
    shutil.rmtree(archive / "journal")
    held = stored_files(archive)
    assert rebuilt(archive, replace=True) == 1, "nothing but the files came back"
    assert dict(rows(archive, "SELECT path, sha256 FROM files WHERE state = 'stored'")) == held


@pytest.mark.long
def test_a_rebuild_may_be_killed_at_any_moment(archive: Path):
    env, before, chance = environment(None, archive), dump(archive), random.Random(7)
    for _ in range(12):
        command = [sys.executable, "-m", "scrapy", "rebuild", "--replace"]
        with subprocess.Popen(command, cwd=PROJECT, env=env, stdout=subprocess.DEVNULL) as killed:
            time.sleep(chance.uniform(0.8, 2.0))
            killed.send_signal(signal.SIGKILL)
    assert rebuilt(archive, replace=True) == 0
    assert dump(archive) == before


def test_what_cannot_be_rebuilt_is_refused_in_one_line(archive: Path, tmp_path: Path):
    nowhere = scrapy("rebuild", env=environment(None, tmp_path / "nowhere"))
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (2, 1)
    assert not (tmp_path / "nowhere").exists()
    with lock(Archive(archive), "crawl user"):
        held = scrapy("rebuild", "--replace", env=environment(None, archive))
    assert (held.returncode, held.stderr.count("\n")) == (3, 1)
    assert "crawl user" in held.stderr


def damage_pages(database: Path) -> None:
    with database.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xff" * (database.stat().st_size - 4096 * 2))


def test_damage_is_looked_for_after_a_kill_until_it_is_healed(archive: Path, sandbox: Sandbox):
    hold = "import sys, pathlib, time; from pixivcrawl.archive.layout import Archive; from pixivcrawl.archive.lock import lock\n"
    hold += "lock(Archive(pathlib.Path(sys.argv[1])), 'crawl').acquire(); print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", hold, archive], stdout=subprocess.PIPE, cwd=PROJECT) as killed:
        assert killed.stdout is not None
        killed.stdout.readline()
        killed.send_signal(signal.SIGKILL)
    damage_pages(archive / "archive.sqlite")
    run = scrapy("crawl", "user", "-a", "id=11", env=environment(sandbox, archive))
    assert (run.returncode, run.stderr.count("pixivcrawl: ")) == (5, 1)
    assert "pixivcrawl rebuild" in run.stderr
    with pytest.raises(StorageFailed, match="pixivcrawl rebuild"):
        crawl("user", sandbox, archive, id=11)
    assert rebuilt(archive, replace=True) == 0
    assert crawl("user", sandbox, archive, id=11).exit_code == 0
    assert_holds(archive, sandbox.world.expected.user(11, session=True))


def assert_sound_copy(copy: Path, archive: Path) -> int:
    """The copy opens, is whole, and each file that it has stored is there; gives how many."""
    connection = sqlite3.connect(copy)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    stored = [path for (path,) in connection.execute("SELECT path FROM files WHERE state = 'stored'")]
    connection.close()
    assert all((archive / path).is_file() for path in stored)
    return len(stored)


@pytest.mark.long
def test_copies_are_taken_while_a_crawl_writes(tmp_path: Path, sandbox: Sandbox):
    archive = tmp_path / "archive"
    command = [sys.executable, "-m", "scrapy", "crawl", "user", "-a", "id=11"]
    env = environment(sandbox, archive, PIXIVCRAWL_PIXIV_API_DELAY="0.05")
    with subprocess.Popen(command, cwd=PROJECT, env=env, stdout=subprocess.DEVNULL) as running:
        stored, number = set(), 0
        while running.poll() is None:
            time.sleep(0.05)
            if not rows_are_there(archive):
                continue
            number += 1
            copy_ledger(archive / "archive.sqlite", tmp_path / f"{number}.sqlite")
            stored.add(assert_sound_copy(tmp_path / f"{number}.sqlite", archive))
        assert running.returncode == 0
    assert len(stored) > 2, "the crawl wrote between two copies"
    assert not list(tmp_path.glob("*.part*"))


def rows_are_there(archive: Path) -> bool:
    try:
        return bool(rows(archive, "SELECT 1 FROM alembic_version"))
    except sqlite3.OperationalError:
        return False


def test_a_backup_gets_its_name_and_takes_no_others(archive: Path, tmp_path: Path):
    env = environment(None, archive)
    folder = tmp_path / "backups"
    folder.mkdir()
    with lock(Archive(archive), "crawl user"):
        assert scrapy("backup", str(folder), env=env).returncode == 0
    (copy,) = folder.glob("*.sqlite")
    assert copy.name.startswith("archive-2")
    assert assert_sound_copy(copy, archive) == len(stored_files(archive))
    run = scrapy("backup", str(copy), env=env)
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
    with pytest.raises(ConfigurationError, match="no folder"):
        copy_ledger(archive / "archive.sqlite", tmp_path / "no" / "where.sqlite")
    assert list(folder.glob("*.sqlite")) == [copy]


def test_backups_of_the_same_second_have_names_of_their_own(archive: Path, tmp_path: Path):
    for number in range(1, 4):
        back_up(configuration_of(archive), tmp_path)
        assert len(list(tmp_path.glob("archive-*.sqlite"))) == number


def test_a_backup_of_postgresql_is_pg_dumps(tmp_path: Path):
    url = "postgresql+psycopg://somebody:secret@127.0.0.1:1/nowhere"
    run = scrapy("backup", str(tmp_path / "x"), env=environment(None, tmp_path, PIXIVCRAWL_DATABASE_URL=url))
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
    assert "pg_dump" in run.stderr
    assert "secret" not in run.stderr


def test_a_disk_that_fills_leaves_nothing_of_a_copy(archive: Path, tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "pixivcrawl-test", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        run = scrapy("backup", str(disk), env=environment(None, archive))
        assert run.returncode == 5
        assert "the disk is full" in run.stderr
        assert run.stderr.count("\n") == 1
        assert not list(disk.iterdir())
    finally:
        subprocess.run(["umount", str(disk)], check=True)
