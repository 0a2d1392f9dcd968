"""No update forgets to say what it changed, and none is passed over, however many write."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import fields
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from pixivcrawl.archive.layout import Archive
from pixivcrawl.index import updating
from pixivcrawl.index.reading import Index
from pixivcrawl.index.search import parse
from pixivcrawl.items import Facts
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.engine import prepare, read_url, writing_engine
from pixivcrawl.ledger.journal import read_journal
from pixivcrawl.ledger.queries import indexed
from pixivcrawl.ledger.queries.indexed import SearchableWork
from pixivcrawl.ledger.replay import replay
from pixivcrawl.ledger.service import Ledger
from tests.index.making import contents, follow, know
from tests.ledger.making import NOW, an_artwork, sqlite_url
from tests.ledger.test_properties import ARTWORKS
from tests.ledger.test_replay import CALLS, Call, made

TOLD = ARTWORKS.map(lambda artwork: ("facts", Facts(artworks=(artwork,))))
"""What anybody may say of three works."""

SEQUENCES = st.tuples(st.permutations(CALLS), st.lists(TOLD, max_size=12)).flatmap(
    lambda both: st.permutations([*both[0][:30], *both[1]])
)


def write(ledger: Ledger, call: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]) -> None:
    change, arguments, named = call
    with suppress(ValueError, SQLAlchemyError):
        ledger.write_now(change, *arguments, **named)


# What changes is noted


def watch(database: Path) -> None:
    """Have SQLite itself write down of which works, users and tags anything changes that an index holds."""
    columns = [
        each.name
        for each in fields(SearchableWork)
        if each.name not in ("id", "first_seen", "tags", "is_revised", "files")
    ]
    changes = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in columns)
    stored = (
        "(CASE OLD.state WHEN 'stored' THEN OLD.sha256 END IS NOT CASE NEW.state WHEN 'stored' THEN NEW.sha256 END)"
    )
    watched = [
        ("work", "NEW.id", f"UPDATE ON artworks WHEN {changes}"),
        ("work", "NEW.id", "INSERT ON artworks WHEN NEW.detail IS NOT NULL OR NEW.availability <> 'unknown'"),
        ("work", "NEW.artwork_id", "INSERT ON artwork_tags"),
        ("work", "OLD.artwork_id", "DELETE ON artwork_tags"),
        ("work", "NEW.artwork_id", "INSERT ON artwork_versions WHEN NEW.field = 'revision'"),
        ("work", "NEW.artwork_id", "INSERT ON files WHEN NEW.state = 'stored' AND NEW.kind <> 'frames'"),
        (
            "work",
            "NEW.artwork_id",
            f"UPDATE ON files WHEN NEW.kind <> 'frames' AND {stored}",
        ),
        ("work", "OLD.artwork_id", "DELETE ON files WHEN OLD.state = 'stored' AND OLD.kind <> 'frames'"),
        ("user", "NEW.id", "UPDATE ON users WHEN OLD.name IS NOT NEW.name"),
        ("user", "NEW.user_id", "INSERT ON user_names"),
        ("tag", "NEW.tag_id", "INSERT ON tag_translations"),
        ("tag", "NEW.tag_id", "UPDATE ON tag_translations WHEN OLD.text <> NEW.text"),
    ]
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE touched (kind, subject_id)")
        for number, (kind, subject, when) in enumerate(watched):
            connection.execute(
                f"CREATE TRIGGER watch_{number} AFTER {when} BEGIN INSERT INTO touched VALUES ('{kind}', {subject}); END"
            )
        connection.commit()


def assert_noted(calls: list[Call]) -> None:
    with TemporaryDirectory() as folder:
        database = Path(folder) / "archive.sqlite"
        ledger = Ledger.open(sqlite_url(Path(folder)))
        watch(database)
        last = 0
        with closing(sqlite3.connect(database, isolation_level=None)) as beside:
            for call in made(calls):
                write(ledger, call)
                touched = set(beside.execute("SELECT kind, subject_id FROM touched"))
                noted = set(beside.execute("SELECT kind, subject_id FROM artwork_changes WHERE number > ?", (last,)))
                assert not touched - noted, call[0].__name__
                last = beside.execute("SELECT max(number) FROM artwork_changes").fetchone()[0]
                beside.execute("DELETE FROM touched")
        ledger.close()


def test_whatever_an_update_changes_of_what_is_shown_it_notes():
    assert_noted(CALLS)


@pytest.mark.long
@settings(max_examples=40)
@given(SEQUENCES)
def test_so_it_does_in_whatever_order(calls: list[Call]):
    assert_noted(calls)


# What is noted is followed


def assert_followed(ledger: Ledger, folder: Path, calls: list[Call], built: str) -> None:
    for number, call in enumerate(made(calls)):
        write(ledger, call)
        if number % 7 == 0:
            follow(ledger, folder / "followed")
    follow(ledger, folder / "followed")
    follow(ledger, folder / built)
    assert contents(folder / "followed") == contents(folder / built)


def test_an_index_that_followed_is_one_that_was_made_from_nothing(ledger: Ledger, tmp_path: Path):
    assert_followed(ledger, tmp_path, CALLS, "built")


@pytest.mark.long
def test_so_it_is_whatever_came_in_which_order(ledger: Ledger, tmp_path: Path):
    """The ledger goes on from one example to the next, and so does the index."""
    trials = count()

    @settings(max_examples=20, database=None)
    @given(SEQUENCES)
    def trial(calls: list[Call]) -> None:
        assert_followed(ledger, tmp_path, calls, f"built {next(trials)}")

    trial()


@pytest.mark.long
def test_a_ledger_that_is_made_again_from_its_journal_has_the_same_index(tmp_path: Path):
    ledger = Ledger.open(sqlite_url(tmp_path), archive=Archive(tmp_path))
    for call in made(CALLS):
        write(ledger, call)
    follow(ledger, tmp_path / "derived")
    before = contents(tmp_path / "derived")
    ledger.close()
    (tmp_path / "rebuilt").mkdir()
    engine = writing_engine(read_url(sqlite_url(tmp_path / "rebuilt")))
    prepare(engine)
    replay(engine, {"": read_journal(tmp_path / "journal")})
    engine.dispose()
    rebuilt = Ledger.open(sqlite_url(tmp_path / "rebuilt"))
    # The index of the ledger that was there before lies beside it, and is another's now.
    assert follow(rebuilt, tmp_path / "derived") > 0
    rebuilt.close()
    assert contents(tmp_path / "derived") == before


def test_an_older_copy_of_the_ledger_has_an_index_of_its_own(tmp_path: Path):
    ledger = Ledger.open(sqlite_url(tmp_path))
    know(ledger, an_artwork(1))
    with (
        closing(sqlite3.connect(tmp_path / "archive.sqlite")) as source,
        closing(sqlite3.connect(tmp_path / "copy")) as copy,
    ):
        source.backup(copy)
    know(ledger, an_artwork(2))
    follow(ledger, tmp_path / "derived")
    ledger.close()
    for path in tmp_path.glob("archive.sqlite*"):
        path.unlink()
    (tmp_path / "copy").rename(tmp_path / "archive.sqlite")
    older = Ledger.open(sqlite_url(tmp_path))
    know(older, an_artwork(3))
    follow(older, tmp_path / "derived")
    assert Index(tmp_path / "derived", older).works(parse("")).ids == [3, 1]
    older.close()


def test_what_a_slow_transaction_commits_late_is_not_passed_over(postgres_url: str, tmp_path: Path):
    """It began first, and so stands before what another committed meanwhile."""
    ledger = Ledger.open(postgres_url)
    derived = tmp_path / "derived"
    index = Index(derived, ledger)
    know(ledger, an_artwork(1))
    follow(ledger, derived)
    slow = create_engine(read_url(postgres_url))
    with slow.begin() as connection:
        updates.record_facts(connection, Facts(artworks=(an_artwork(2),)), NOW)
        know(ledger, an_artwork(3))
        place = ledger.read_now(indexed.last_change)
        assert updating.update_index(ledger, derived, stop=Event()) == 0
        assert index.works(parse("")).ids == [1]
        # Made from nothing at this moment, an index is no further.
        updating.update_index(ledger, tmp_path / "other", stop=Event())
    slow.dispose()
    for folder in (derived, tmp_path / "other"):
        follow(ledger, folder)
        assert Index(folder, ledger).works(parse("")).ids == [3, 2, 1]
    assert [
        change.subject_id for change in ledger.read_now(indexed.changes_after, place, 100) if change.kind == "work"
    ] == [2, 3]
    ledger.close()
