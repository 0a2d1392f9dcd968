"""A state that is missing is no first run: a ledger or a journal that is gone, cut or replaced by an older copy is refused before
anything is sent, and `pixivcrawl rebuild` brings back what there is.
"""

from __future__ import annotations

import shutil
import sqlite3
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.canonical import Dump, dump
from tests.live.injecting import injecting
from tests.live.inside import crawl
from tests.live.running import PROJECT, assert_holds, complaints, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World

COMMAND = ("crawl", "user", "-a", "id=11")
NEW = ("crawl", "user", "-a", "id=12")


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(World.of(artists=2, works=6, ugoira=20, size=(64, 48))) as running:
        yield running


@pytest.fixture(scope="module")
def made(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`older`, an archive after its first run, and `archive`, the same after a second one."""
    folder = tmp_path_factory.mktemp("made")
    for name, artist in (("older", 11), ("archive", 12)):
        if artist == 12:
            shutil.copytree(folder / "older", folder / "archive")
        assert crawl("user", sandbox, folder / name, id=artist).exit_code == 0
    return folder


@pytest.fixture
def archive(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / "archive", tmp_path / "archive")
    return tmp_path / "archive"


def ledger_files(archive: Path) -> list[Path]:
    return list(archive.glob("archive.sqlite*"))


def remove_ledger(archive: Path, _: Path) -> None:
    for path in ledger_files(archive):
        path.unlink()


def truncate_ledger(archive: Path, older: Path) -> None:
    remove_ledger(archive, older)
    (archive / "archive.sqlite").touch()


def drop_tables(archive: Path, older: Path) -> None:
    remove_ledger(archive, older)
    with sqlite3.connect(archive / "archive.sqlite") as connection:
        connection.execute("CREATE TABLE x (y)")
        connection.execute("DROP TABLE x")


def delete_rows(archive: Path, _: Path) -> None:
    with sqlite3.connect(archive / "archive.sqlite") as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if name != "alembic_version":
                connection.execute(f"DELETE FROM {name}")


def older_ledger(archive: Path, older: Path) -> None:
    remove_ledger(archive, older)
    for path in ledger_files(older):
        shutil.copy(path, archive)


def remove_journal(archive: Path, _: Path) -> None:
    shutil.rmtree(archive / "journal")


def empty_journal(archive: Path, _: Path) -> None:
    for path in (archive / "journal").iterdir():
        path.unlink()


def truncate_journal(archive: Path, _: Path) -> None:
    for path in (archive / "journal").iterdir():
        path.write_bytes(b"")


def cut_journal(archive: Path, _: Path) -> None:
    """In the middle of a batch."""
    path = max((archive / "journal").iterdir())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_last_byte(archive: Path, _: Path) -> None:
    path = max((archive / "journal").iterdir())
    path.write_bytes(path.read_bytes()[:-1])


def older_journal(archive: Path, older: Path) -> None:
    remove_journal(archive, older)
    shutil.copytree(older / "journal", archive / "journal")


def rarely(*ways: Callable[[Path, Path], None]) -> list[Any]:
    return [pytest.param(way, marks=pytest.mark.long) for way in ways]


LOST = [remove_ledger, delete_rows, older_ledger, *rarely(truncate_ledger, drop_tables)]
LOST_JOURNAL = [empty_journal, cut_journal, older_journal, *rarely(remove_journal, truncate_journal, cut_last_byte)]


@pytest.mark.long
@pytest.mark.parametrize("lose", [*LOST, *LOST_JOURNAL])
def test_is_refused_in_one_line_and_nothing_is_sent(
    made: Path, archive: Path, sandbox: Sandbox, lose: Callable[[Path, Path], None]
):
    lose(archive, made / "older")
    before = {
        path: path.read_bytes() for path in archive.rglob("*") if path.is_file() and path.parent.name == "journal"
    }
    since = len(sandbox.log)
    env = environment(sandbox, archive)
    for command in (NEW, ("archive", "5000111"), ("verify",), ("verify", "--repair"), ("status",)):
        run = scrapy(*command, env=env)
        assert (run.returncode, run.stderr.count("pixivcrawl: ")) == (5, 1), (command, run.stderr)
        assert "pixivcrawl rebuild" in run.stderr
    found = scrapy("doctor", "--offline", env=env)
    assert found.returncode == 5
    assert "pixivcrawl rebuild" in found.stdout
    assert len(sandbox.log) == since
    after = {path: path.read_bytes() for path in archive.rglob("*") if path.is_file() and path.parent.name == "journal"}
    assert after == before, "nothing is written or cut"
    assert not list((archive / "quarantine").iterdir())


def test_a_sync_is_refused_too(made: Path, archive: Path, sandbox: Sandbox):
    env = environment(sandbox, archive)
    assert scrapy("subscribe", "https://www.pixiv.net/users/11", env=env).returncode == 0
    since = len(sandbox.log)
    for lose in (older_ledger, remove_ledger):
        lose(archive, made / "older")
        run = scrapy("sync", env=env)
        assert (run.returncode, complaints(run.stderr).count("\n")) == (5, 1), run.stderr
        assert "pixivcrawl rebuild" in run.stderr
    assert len(sandbox.log) == since


def assert_goes_on(archive: Path, sandbox: Sandbox) -> None:
    """Nothing is fetched again, and both artists are there."""
    since = len(sandbox.requests("image"))
    for command in (COMMAND, NEW):
        run = scrapy(*command, env=environment(sandbox, archive))
        assert run.returncode == 0, run.stderr
    assert len(sandbox.requests("image")) == since
    assert_holds(archive, *(sandbox.world.expected.user(artist, session=True) for artist in (11, 12)))


@pytest.mark.long
@pytest.mark.parametrize("lose", LOST)
def test_a_lost_ledger_comes_back_whole(
    made: Path, archive: Path, sandbox: Sandbox, lose: Callable[[Path, Path], None]
):
    expected = dump(archive)
    lose(archive, made / "older")
    run = scrapy("rebuild", "--replace", env=environment(None, archive))
    assert run.returncode == 0, run.stdout + run.stderr
    assert dump(archive) == expected
    assert_goes_on(archive, sandbox)


def without_answers(archive: Path) -> Dump:
    """What the ledger knows; the answers were in the journal alone."""
    return {name: rows for name, rows in dump(archive).items() if name not in ("answers", "snapshots")}


@pytest.mark.long
@pytest.mark.parametrize("lose", LOST_JOURNAL)
def test_a_ledger_goes_on_without_what_its_journal_lost_and_that_is_said_ever_after(
    made: Path, archive: Path, sandbox: Sandbox, lose: Callable[[Path, Path], None]
):
    expected = without_answers(archive)
    lose(archive, made / "older")
    run = scrapy("rebuild", env=environment(None, archive))
    assert run.returncode == 1, run.stdout + run.stderr
    assert "missing in the journal" in run.stdout
    assert without_answers(archive) == expected
    assert_goes_on(archive, sandbox)
    remove_ledger(archive, archive)
    later = scrapy("rebuild", env=environment(None, archive))
    assert later.returncode == 1
    assert "missing in the journal" in later.stdout


@pytest.mark.long
def test_a_ledger_made_again_from_a_short_journal_says_what_the_old_one_knew(made: Path, archive: Path):
    older_journal(archive, made / "older")
    run = scrapy("rebuild", "--replace", env=environment(None, archive))
    assert run.returncode == 1
    assert "known to the old ledger but not to the journal" in run.stdout
    assert "files adopted that the journal did not know" in run.stdout


def test_an_archive_from_before_the_ledger_kept_its_number_opens(archive: Path, sandbox: Sandbox):
    with sqlite3.connect(archive / "archive.sqlite") as connection:
        connection.execute("DELETE FROM journal")
    assert_goes_on(archive, sandbox)
    assert rows(archive, "SELECT count(*) FROM journal") == [(1,)]


@pytest.mark.long
def test_originals_alone_are_no_first_run_and_are_adopted_by_a_rebuild(archive: Path, sandbox: Sandbox):
    for path in archive.iterdir():
        if path.name != "originals":
            path.unlink() if path.is_file() else shutil.rmtree(path)
    since = len(sandbox.log)
    env = environment(sandbox, archive)
    run = scrapy(*COMMAND, env=env)
    assert (run.returncode, complaints(run.stderr).count("\n")) == (5, 1), run.stderr
    assert "pixivcrawl rebuild" in run.stderr
    assert len(sandbox.log) == since
    assert scrapy("rebuild", env=env).returncode == 1, "the files' facts did not come with them"
    assert_goes_on(archive, sandbox)


@pytest.mark.long
def test_a_first_run_is_a_first_run(tmp_path: Path, sandbox: Sandbox):
    """Also where a person made the folders before, or keeps notes in them."""
    for name in ("originals/11", "journal", "staging", "quarantine"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "originals" / "11" / "note.txt").write_text("mine")
    (tmp_path / "archive.sqlite").touch()
    assert scrapy(*COMMAND, env=environment(sandbox, tmp_path)).returncode == 0


KILLED = """
    import os, signal, sys
    sys.path.insert(0, {project!r})
    from pixivcrawl.ledger import journal, writer

    append, count = journal.Journal.append, 0

    def append_and_die(self, entries, now, order):
        global count
        position = append(self, entries, now, order)
        count += bool(entries)
        if count == {last}:
            os.kill(os.getpid(), signal.SIGKILL)
        return position

    journal.Journal.append = append_and_die
"""


@pytest.mark.parametrize("last", [2, *(pytest.param(each, marks=pytest.mark.long) for each in (1, 7))])
def test_a_kill_between_journal_and_commit_is_no_loss(tmp_path: Path, sandbox: Sandbox, last: int):
    archive = tmp_path / "archive"
    env = environment(sandbox, archive)
    injected = injecting(tmp_path / "injected", textwrap.dedent(KILLED.format(project=str(PROJECT), last=last)))
    killed = scrapy(*COMMAND, env=env | injected)
    assert killed.returncode in (-9, 137), killed.stderr
    assert scrapy("status", env=env).returncode == 0
    assert scrapy("verify", env=env).returncode == 0
    assert scrapy(*COMMAND, env=env).returncode == 0
    assert_holds(archive, sandbox.world.expected.user(11, session=True))
    expected = dump(archive)
    remove_ledger(archive, archive)
    assert scrapy("rebuild", env=env).returncode == 0
    assert dump(archive) == expected, "nothing is there twice"


@pytest.mark.long
def test_a_journal_that_is_cut_while_a_run_writes_ends_it(tmp_path: Path, sandbox: Sandbox):
    archive = tmp_path / "archive"
    cut = f"""
    import sys
    sys.path.insert(0, {str(PROJECT)!r})
    from pixivcrawl.ledger import journal

    append, count = journal.Journal.append, 0

    def append_and_cut(self, entries, now, order):
        global count
        position = append(self, entries, now, order)
        count += bool(entries)
        if entries and count == 3:
            next(self.folder.iterdir()).unlink()
        return position

    journal.Journal.append = append_and_cut
    """
    run = scrapy(*COMMAND, env=environment(sandbox, archive) | injecting(tmp_path / "injected", textwrap.dedent(cut)))
    assert run.returncode == 5, run.stderr
    assert "was removed, cut or replaced while it was in use" in run.stderr


class TestAServer:
    """The same with a ledger in PostgreSQL, which may be another one, or restored to an earlier time."""

    @pytest.fixture
    def env(self, sandbox: Sandbox, tmp_path: Path, postgres_url: str) -> dict[str, str]:
        env = environment(sandbox, tmp_path / "archive", PIXIVCRAWL_DATABASE_URL=postgres_url)
        assert scrapy(*COMMAND, env=env).returncode == 0
        return env

    @pytest.mark.long
    def test_an_empty_database_is_no_first_run(self, env: dict[str, str], sandbox: Sandbox, postgres_url: str):
        forget(postgres_url)
        since = len(sandbox.log)
        run = scrapy(*COMMAND, env=env)
        assert (run.returncode, complaints(run.stderr).count("\n")) == (5, 1), run.stderr
        assert "pixivcrawl rebuild" in run.stderr
        assert len(sandbox.log) == since
        assert scrapy("rebuild", env=env).returncode == 0
        assert scrapy(*COMMAND, env=env).returncode == 0
        assert not sandbox.log[since:] or all(logged.kind == "api" for logged in sandbox.log[since:])

    def test_a_database_of_an_earlier_time_is_refused(self, env: dict[str, str], sandbox: Sandbox, postgres_url: str):
        execute(postgres_url, "UPDATE journal SET number = number - 40, bytes = bytes - 4000")
        run = scrapy(*COMMAND, env=env)
        assert (run.returncode, complaints(run.stderr).count("\n")) == (5, 1), run.stderr
        assert "older than its journal" in run.stderr

    def test_a_lost_journal_is_refused_and_then_gone_on_without(self, env: dict[str, str], tmp_path: Path):
        empty_journal(tmp_path / "archive", tmp_path)
        run = scrapy(*COMMAND, env=env)
        assert (run.returncode, complaints(run.stderr).count("\n")) == (5, 1), run.stderr
        assert scrapy("rebuild", env=env).returncode == 1
        assert scrapy(*COMMAND, env=env).returncode == 0

    @pytest.mark.long
    def test_several_archives_share_it_each_with_its_own_journal(self, env: dict[str, str], tmp_path: Path):
        other = env | {"PIXIVCRAWL_ARCHIVE_DIR": str(tmp_path / "other")}
        assert scrapy(*COMMAND, env=other).returncode == 0
        assert scrapy(*COMMAND, env=env).returncode == 0
        empty_journal(tmp_path / "other", tmp_path)
        assert scrapy(*COMMAND, env=other).returncode == 5
        assert scrapy(*COMMAND, env=env).returncode == 0


def execute(url: str, statement: str) -> None:
    from sqlalchemy import create_engine, text

    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def forget(url: str) -> None:
    execute(url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
