"""Opening a ledger: made, migrated, refused."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, select, text

from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.ledger import engine, queries, updates
from pixivcrawl.ledger.engine import prepare, read_url, writing_engine
from pixivcrawl.ledger.models import Base, FileRow
from pixivcrawl.ledger.service import Ledger
from tests.ledger.making import NOW, connected, sqlite_url

THIS_VERSION = engine.VERSION
NEXT_VERSION = f"{int(THIS_VERSION) + 1:04}"
NEXT = f"""
import sqlalchemy as sa
from alembic import op

revision = "{NEXT_VERSION}"
down_revision = "{THIS_VERSION}"

def upgrade():
    with op.batch_alter_table("users", recreate="always") as users:
        users.add_column(sa.Column("pronouns", sa.Text()))
"""


def schema(database: Path) -> dict[str, str]:
    """Every table and index as SQLite keeps it, without the marks that only differ in how they were written."""
    rows = answer(database, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {name: re.sub(r"[\s\"]+", " ", sql) for name, sql in rows}


def answer(database: Path, question: str) -> list[Any]:
    """What another program would be told by the file."""
    connection = sqlite3.connect(database)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


def migrated(url: str, *, to: str = "head") -> None:
    """Make the tables by migrations alone."""
    target = writing_engine(read_url(url))
    with engine._configuration() as configuration, target.begin() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, to)
    target.dispose()


@pytest.fixture
def a_next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that knows one revision more."""
    folder = tmp_path / "migrations"
    shutil.copytree(engine.MIGRATIONS, folder)
    (folder / "versions" / f"{NEXT_VERSION}_next.py").write_text(NEXT)
    monkeypatch.setattr(engine, "MIGRATIONS", folder)
    monkeypatch.setattr(engine, "VERSION", NEXT_VERSION)


@pytest.mark.parametrize(
    "url",
    ["", "archive.sqlite", "mysql://me:secret@host/db", "postgresql://me:secret@host/db", "sqlite://", "sqlite:///:memory:", "sqlite:///a?mode=ro",
     "postgresql+psycopg://me:secret@host", "postgresql+psycopg://me:secret@host:port/db"],
)  # fmt: skip
def test_wrong_urls_are_refused_in_one_line_without_the_password(url: str):
    with pytest.raises(ConfigurationError) as raised:
        Ledger.open(url)
    assert "DATABASE_URL" in str(raised.value)
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_server_that_is_not_there_is_said_without_the_password():
    with pytest.raises(StorageFailed) as raised:
        Ledger.open("postgresql+psycopg://me:secret@127.0.0.1:9/db")
    assert "127.0.0.1:9/db" in str(raised.value)
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_password_is_in_no_representation():
    url = read_url("postgresql+psycopg://me:secret@host/db")
    assert "secret" not in repr(url) + str(url) + repr(writing_engine(url))


def test_a_fresh_ledger_and_a_migrated_one_are_alike(tmp_path: Path):
    (tmp_path / "fresh").mkdir()
    (tmp_path / "migrated").mkdir()
    with connected(sqlite_url(tmp_path / "fresh")):
        pass
    migrated(sqlite_url(tmp_path / "migrated"))
    assert schema(tmp_path / "fresh/archive.sqlite") == schema(tmp_path / "migrated/archive.sqlite")


def test_migrations_and_models_agree(database_url: str):
    migrated(database_url)
    target = create_engine(read_url(database_url))
    with target.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
    target.dispose()


def test_the_version_is_the_newest_migration():
    with engine._configuration() as configuration:
        assert ScriptDirectory.from_config(configuration).get_heads() == [engine.VERSION]


def test_a_fresh_ledger_imports_no_alembic(tmp_path: Path):
    code = f"""
import sys
from pixivcrawl.ledger.service import Ledger
Ledger.open({sqlite_url(tmp_path)!r}).close()
Ledger.open({sqlite_url(tmp_path)!r}).close()
sys.exit("alembic" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.usefixtures("a_next_version")
def test_an_older_ledger_is_copied_and_then_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as older:
        older.setattr(engine, "VERSION", THIS_VERSION)
        with connected(sqlite_url(tmp_path)) as connection:
            updates.record_user_name(connection, 7, "artist", NOW)
            updates.record_rows(connection, [], NOW)
            updates.begin_crawl(connection, "user", {"id": [7]}, NOW)
    before = schema(tmp_path / "archive.sqlite")
    ledger = Ledger.open(sqlite_url(tmp_path))
    assert ledger.read_now(queries.last_crawls, 5)[0].spider == "user"
    assert "pronouns" in {
        column["name"] for column in ledger.read_now(lambda connection: inspect(connection).get_columns("users"))
    }
    ledger.close()
    (copy,) = tmp_path.glob(f"archive.sqlite.backup-{THIS_VERSION}-*")
    assert schema(copy) == before
    assert answer(copy, "SELECT name FROM user_names") == [("artist",)]
    assert answer(tmp_path / "archive.sqlite", "SELECT name FROM user_names") == [("artist",)]
    assert answer(tmp_path / "archive.sqlite", "PRAGMA foreign_key_check") == []
    Ledger.open(sqlite_url(tmp_path)).close()
    assert len(list(tmp_path.glob("archive.sqlite.backup-*Z"))) == 1


def test_a_ledger_of_version_0004_keeps_its_files(database_url: str):
    migrated(database_url, to="0004")
    target = writing_engine(read_url(database_url))
    with target.begin() as connection:
        connection.execute(text("INSERT INTO artworks (id, first_seen) VALUES (1, '2026-01-02T00:00:00.000000Z')"))
        connection.execute(
            text(
                "INSERT INTO files (artwork_id, page, revision, kind, state, extension, uploaded, recorded, as_served, served_sha256, "
                "served_at) VALUES (1, 0, '20260102030405', 'image', 'parked', 'jpg', '2026-01-02T00:00:00.000000Z', "
                "'2026-01-02T00:00:00.000000Z', false, 'aa', '2026-01-03T00:00:00.000000Z')"
            )
        )
    target.dispose()
    ledger = Ledger.open(database_url)
    (row,) = ledger.read_now(lambda connection: connection.execute(select(FileRow.__table__)).all())
    ledger.close()
    assert (row.artwork_id, row.state, row.as_served, row.flaw) == (1, "parked", False, None)
    assert (row.served_sha256, row.served_last, row.served_times) == ("aa", row.served_at, 1)


def test_a_ledger_of_version_0005_keeps_what_it_says_of_works_and_people(database_url: str):
    migrated(database_url, to="0005")
    target = writing_engine(read_url(database_url))
    now = "'2026-01-02T00:00:00.000000Z'"
    with target.begin() as connection:
        for statement in (
            f"INSERT INTO users (id, name, comment, first_seen, last_seen) VALUES (7, 'artist', 'hello', {now}, {now})",
            f"INSERT INTO artworks (id, user_id, title, first_seen) VALUES (1, 7, 'title', {now})",
            "INSERT INTO tags (id, name) VALUES (3, 'one')",
            "INSERT INTO artwork_tags (artwork_id, position, tag_id) VALUES (1, 0, 3)",
            f"INSERT INTO comments (id, artwork_id, text, first_seen, last_seen) VALUES (5, 1, 'good', {now}, {now})",
            f"INSERT INTO series (id, title, total, first_seen, last_seen) VALUES (55, 'a series', 2, {now}, {now})",
        ):
            connection.execute(text(statement))
    target.dispose()
    ledger = Ledger.open(database_url)
    kept = ledger.read_now(
        lambda connection: [
            connection.execute(text(f"SELECT {columns} FROM {table}")).one()
            for table, columns in (
                ("users", "name, comment, social"),
                ("artworks", "user_id, title, is_original"),
                ("artwork_tags", "tag_id, locked"),
                ("comments", "text, has_replies"),
                ("series", "title, total, latest"),
            )
        ]
    )
    ledger.close()
    assert kept == [
        ("artist", "hello", None), (7, "title", None), (3, None), ("good", None), ("a series", 2, None),
    ]  # fmt: skip


@pytest.mark.usefixtures("a_next_version")
def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    broken = NEXT + "        \n    raise RuntimeError('half way')\n"
    (engine.MIGRATIONS / f"versions/{NEXT_VERSION}_next.py").write_text(broken)
    with monkeypatch.context() as older:
        older.setattr(engine, "VERSION", THIS_VERSION)
        with connected(sqlite_url(tmp_path)):
            pass
    before = schema(tmp_path / "archive.sqlite")
    with pytest.raises(RuntimeError, match="half way"):
        Ledger.open(sqlite_url(tmp_path))
    assert schema(tmp_path / "archive.sqlite") == before


@pytest.mark.usefixtures("a_next_version")
def test_a_ledger_that_cannot_be_copied_is_said_and_not_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as older:
        older.setattr(engine, "VERSION", THIS_VERSION)
        with connected(sqlite_url(tmp_path)):
            pass
    before = schema(tmp_path / "archive.sqlite")

    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as disk:
        disk.setattr("pixivcrawl.ledger.copying.fault_of", full)
        with pytest.raises(StorageFailed, match=r"archive\.sqlite\.backup-"):
            Ledger.open(sqlite_url(tmp_path))
    assert schema(tmp_path / "archive.sqlite") == before
    assert not list(tmp_path.glob("archive.sqlite.backup-*"))


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_ledger_is_refused(tmp_path: Path, *, read_only: bool):
    with connected(sqlite_url(tmp_path)) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(
        ConfigurationError, match=rf"newer version \(9999, this one knows {THIS_VERSION}\): update pixivcrawl"
    ) as raised:
        Ledger.open(sqlite_url(tmp_path), read_only=read_only)
    assert raised.value.exit_code == 2
    assert not list(tmp_path.glob("*backup*"))


@pytest.mark.usefixtures("a_next_version")
def test_reading_an_older_ledger_does_not_migrate_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as older:
        older.setattr(engine, "VERSION", THIS_VERSION)
        with connected(sqlite_url(tmp_path)):
            pass
    with pytest.raises(ConfigurationError, match="older version"):
        Ledger.open(sqlite_url(tmp_path), read_only=True)


def test_a_database_of_something_else_is_refused(tmp_path: Path):
    other = sqlite3.connect(tmp_path / "archive.sqlite")
    other.execute("CREATE TABLE recipes (name)")
    other.close()
    with pytest.raises(ConfigurationError, match="something else"):
        Ledger.open(sqlite_url(tmp_path))
    assert list(schema(tmp_path / "archive.sqlite")) == ["recipes"]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    (tmp_path / "archive.sqlite").write_bytes(b"<html>" * 1000)
    with pytest.raises(StorageFailed, match="not a ledger"):
        Ledger.open(sqlite_url(tmp_path))


def test_a_folder_that_is_not_there_is_said(tmp_path: Path):
    with pytest.raises(StorageFailed, match="cannot be opened"):
        Ledger.open(sqlite_url(tmp_path / "nowhere"))


def test_a_ledger_that_is_not_there_is_not_made_by_reading(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="no ledger"):
        Ledger.open(sqlite_url(tmp_path), read_only=True)
    assert not list(tmp_path.iterdir())


def test_what_was_half_made_is_made_again(tmp_path: Path):
    """All tables come in one transaction: a kill before its end leaves an empty database."""
    target = writing_engine(read_url(sqlite_url(tmp_path)))
    with target.connect() as connection:
        Base.metadata.create_all(connection)
        connection.rollback()
    assert schema(tmp_path / "archive.sqlite") == {}
    prepare(target)
    target.dispose()
    Ledger.open(sqlite_url(tmp_path), read_only=True).close()


def test_sqlite_is_set_up_for_safety(tmp_path: Path):
    with connected(sqlite_url(tmp_path)) as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def test_names_with_odd_characters_open(tmp_path: Path):
    folder = tmp_path / "a?b#c%20 d"
    folder.mkdir()
    Ledger.open(sqlite_url(folder)).close()
    assert (folder / "archive.sqlite").is_file()
    Ledger.open(sqlite_url(folder), read_only=True).close()
