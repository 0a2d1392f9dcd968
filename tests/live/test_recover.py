"""A lost ledger comes back from the journal and the files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.canonical import dump
from tests.live.inside import crawl
from tests.live.running import environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World

LEDGER = ("archive.sqlite", "archive.sqlite-wal", "archive.sqlite-shm")


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(World.standard()) as running:
        yield running


@pytest.fixture
def archive(tmp_path: Path, sandbox: Sandbox) -> Path:
    """Everything that a ledger can hold: artists, lists, tombstones, filters, comments, revisions, a damaged file."""
    folder = tmp_path / "archive"
    sandbox.faults.clear()
    crawl("user", sandbox, folder, id="11,13,999999", comments="true")
    crawl("bookmarks", sandbox, folder, id="me", max_works=40)
    crawl("following", sandbox, folder, id="me", files="false", detail="listing", max_works=20)
    crawl("search", sandbox, folder, word="猫", kinds="illust", max_works=30)
    crawl("series", sandbox, folder, id=501)
    sandbox.faults.image(sandbox.world.work_id(14, 1), kind="zeroed_half")
    crawl("user", sandbox, folder, id=14)
    sandbox.faults.clear()
    sandbox.world.revise(sandbox.world.work_id(11, 2))
    sandbox.world.retitle(sandbox.world.work_id(11, 2), "another title")
    crawl("user", sandbox, folder, id="11,13,999999", comments="true", refresh="true")
    return folder


def test_a_lost_ledger_comes_back_as_it_was(archive: Path, sandbox: Sandbox):
    before = dump(archive)
    assert all(before[table] for table in ("artworks", "files", "bookmarks", "comments", "artwork_versions", "follows"))
    for name in LEDGER:
        (archive / name).unlink(missing_ok=True)
    env = environment(sandbox, archive)
    rebuilt = scrapy("rebuild", env=env)
    assert rebuilt.returncode == 0, rebuilt.stderr + rebuilt.stdout
    assert dump(archive) == before

    # The runs came back too: nothing is asked for or fetched again.
    since = len(sandbox.log)
    scrapy("crawl", "user", "-a", "id=11,13,999999", "-a", "comments=true", env=env)
    assert all(logged.path.endswith("/profile/all") for logged in sandbox.log[since:])


@pytest.mark.long
def test_a_ledger_that_is_there_is_replaced_only_when_asked_and_kept(archive: Path, sandbox: Sandbox):
    before = dump(archive)
    env = environment(sandbox, archive)
    refused = scrapy("rebuild", env=env)
    assert refused.returncode == 2
    assert "--replace" in refused.stderr
    assert scrapy("rebuild", "--replace", "--check", env=env).returncode == 0
    assert dump(archive) == before
    assert len(list(archive.glob("archive.sqlite.replaced-*"))) == 1


@pytest.mark.long
def test_without_a_journal_the_files_speak_for_themselves(tmp_path: Path, sandbox: Sandbox):
    folder = tmp_path / "archive"
    sandbox.faults.clear()
    assert crawl("user", sandbox, folder, id=15, max_works=10).exit_code == 0
    kept = rows(folder, "SELECT path, sha256 FROM files WHERE state = 'stored' ORDER BY path")
    for name in LEDGER:
        (folder / name).unlink(missing_ok=True)
    for path in (folder / "journal").iterdir():
        path.unlink()
    env = environment(sandbox, folder)
    assert scrapy("rebuild", env=env).returncode in (0, 1)
    assert rows(folder, "SELECT path, sha256 FROM files WHERE state = 'stored' ORDER BY path") == kept
    since = len(sandbox.requests("image"))
    assert scrapy("crawl", "user", "-a", "id=15", "-a", "max_works=10", env=env).returncode == 0
    assert len(sandbox.requests("image")) == since, "what is there is not fetched again"


def test_a_copy_of_no_ledger_is_refused(tmp_path: Path, sandbox: Sandbox):
    run = scrapy("backup", str(tmp_path / "copy.sqlite"), env=environment(sandbox, tmp_path / "archive"))
    assert (run.returncode, len(run.stderr.splitlines())) == (2, 1)


@pytest.mark.long
def test_a_backup_holds_the_journal_up_to_its_moment_and_is_an_archive_again(tmp_path: Path, sandbox: Sandbox):
    archive, backups, env = tmp_path / "archive", tmp_path / "backups", environment(sandbox, tmp_path / "archive")
    backups.mkdir()
    assert scrapy("crawl", "user", "-a", "id=15", "-a", "max_works=3", env=env).returncode == 0
    assert scrapy("backup", str(backups), env=env).returncode == 0
    (first,) = backups.glob("*.sqlite")
    kept = {path.name: path.read_bytes() for path in (backups / "journal").iterdir()}
    assert scrapy("crawl", "user", "-a", "id=15", "-a", "max_works=5", env=env).returncode == 0

    restored = tmp_path / "restored"
    shutil.copytree(archive / "originals", restored / "originals")
    shutil.copytree(backups / "journal", restored / "journal")
    shutil.copy(first, restored / "archive.sqlite")
    again = environment(sandbox, restored)
    assert scrapy("status", env=again).returncode == 0
    assert scrapy("crawl", "user", "-a", "id=15", "-a", "max_works=3", env=again).returncode == 0

    second = scrapy("backup", str(backups / "named.sqlite"), env=env)
    assert (second.returncode, (backups / "named.journal").is_dir()) == (0, True)
    assert scrapy("backup", str(backups), env=env).returncode == 0
    now = {path.name: path.read_bytes() for path in (backups / "journal").iterdir()}
    assert kept.items() < now.items(), "what was there stays, and what is new came"
    assert now == {path.name: path.read_bytes() for path in (archive / "journal").iterdir()}

    other = scrapy("crawl", "user", "-a", "id=11", "-a", "max_works=1", env=environment(sandbox, tmp_path / "other"))
    assert other.returncode == 0
    (file,) = (tmp_path / "other/journal").iterdir()
    (backups / "journal" / file.name).write_bytes(b"x" * 10**6)
    refused = scrapy("backup", str(backups), env=environment(sandbox, tmp_path / "other"))
    assert refused.returncode == 2
    assert "is of another journal" in refused.stderr
