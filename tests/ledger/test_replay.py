"""The journal's changes made again: every one comes back, whole, in order, and whatever a kill or another version left in it."""

from __future__ import annotations

import ast
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from inspect import Parameter, isfunction, signature
from itertools import islice
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy.settings import Settings
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from pixivcrawl.archive.layout import Archive
from pixivcrawl.commands.rebuild import rebuild
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.items import (
    Artwork,
    Bookmark,
    Comment,
    CommissionRequest,
    Facts,
    Follow,
    MaskedWork,
    RankingEntry,
    Series,
    SeriesPlace,
    TagTranslation,
    User,
)
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.changes import entry_of, make_change, make_together, parameters_of
from pixivcrawl.ledger.columns import storable
from pixivcrawl.ledger.engine import prepare, read_url, writing_engine
from pixivcrawl.ledger.journal import Entry, Journal, SkippedParts, _entry, _line, located, read_journal
from pixivcrawl.ledger.models import Base
from pixivcrawl.ledger.replay import ReplayResult, arguments_of, replay
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.updates import EVENTS, FoundFile, Intent
from pixivcrawl.ledger.updates.tags import remember_tags
from pixivcrawl.reader import Reader
from tests.ledger.making import (
    DAY,
    NOW,
    SECOND,
    a_picture,
    a_row,
    an_answer,
    an_artwork,
    an_original,
    an_ugoira,
    as_stored,
    connected,
    sqlite_url,
)

ROOT = Path(__file__).parents[2]

# What journals on people's disks hold


JOURNALED = {
    "run-began": "spider arguments now reader",
    "works-left-out": "crawl_id work_ids",
    "run-ended": "crawl_id outcome exit_code counts read_to_end now frontier reason confirmed",
    "intent-forgotten": "intent now",
    "work-stale": "work_id now",
    "answer": "answer facts",
    "artist-left": "user_id now",
    "artwork": "artwork now retry_parked",
    "bookmarks": "bookmarks now position",
    "columns-filled": "facts",
    "bookmark-places": "user_id work_ids position",
    "facts": "facts now",
    "files-from-rows": "originals now",
    "comments": "comments now",
    "comments-read": "work_id now",
    "file-failed": "original reason now served_sha256 waits etag last_modified crawl_id",
    "follows": "follows names now",
    "file-found": "found now",
    "journal-gap": "number now",
    "list-read-in-full": "crawl_id",
    "following-gaps": "crawl_id follows now",
    "intent": "stored now",
    "works-listed": "crawl_id work_ids cursor now confirmed",
    "file-double": "work_id page revision kind now",
    "file-lost": "work_id page revision kind now",
    "masked": "reasons now",
    "work-not-found": "work_id reason now apart is_unlisted crawl_id",
    "ranking": "entries now",
    "requests": "requests now",
    "forgotten": "subject subject_id now note files_deleted",
    "remembered": "subject subject_id now",
    "files-from-row": "work_id originals now",
    "rows": "artworks now",
    "series": "series places now",
    "file-stored": "stored now",
    "work-ids": "work_ids now",
    "tag-translations": "translations now",
    "works-asked-for": "work_ids now",
    "work-unavailable": "work_id availability reason now with_session",
    "bookmarks-unlisted": "user_id since total now private",
    "followers-unlisted": "followed_id since total now",
    "following-unlisted": "follower_id since total now private",
    "series-unlisted": "series_id since total now",
    "store-used": "name address now",
    "file-unproven": "original now",
    "user": "user now",
    "user-name": "user_id name now",
    "user-not-found": "user_id reason now apart",
    "user-pictures": "user_id pictures now",
    "user-seen": "user_id now",
    "user-unavailable": "user_id availability reason now",
    "work-withheld": "work_id reason now reader",
    "work-failed": "work_id reason now crawl_id",
    "bookmark-order": "user_id private",
    "intent-settled": "intent now",
}
"""Every event of the journal, with the names of its data. Lines are added here; one that is changed or taken away is one that a rebuild
passes over in the journals that hold it.
"""


NOT_JOURNALED = {
    "clear_pause",
    "note_answers",
    "note_session",
    "pause_host",
    "share_pace",
    "spend_request",
    "take_request",
}
"""Pauses and counted requests are over by the time of a rebuild, and a pace is learned again; where answers lie is noted as they are
read.
"""


def test_every_change_is_journaled_or_said_not_to_be():
    of_several = {make_all for _, make_all in updates.BATCHED.values()}
    functions = {name for name, each in vars(updates).items() if isfunction(each) and each not in of_several}
    assert {change.__name__ for change in EVENTS.values()} == functions - NOT_JOURNALED
    assert set(EVENTS) == set(JOURNALED), "add a line for what is new"


@pytest.mark.parametrize("name", JOURNALED)
def test_what_was_journaled_can_be_made_again(name: str):
    known = signature(EVENTS[name]).parameters
    assert set(JOURNALED[name].split()) <= set(known)
    added = set(parameters_of(EVENTS[name])) - set(JOURNALED[name].split())
    assert all(known[each].default is not Parameter.empty for each in added), "older lines do not have it"


def test_nothing_is_written_that_the_journal_does_not_know():
    """Every `ledger.write(...)` and `write_now(...)` of the product names a function of `updates`."""
    written = [
        (path.name, ast.unparse(call.args[0]))
        for package in ("pixivcrawl", "pipelines")
        for path in (ROOT / package).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("write", "write_now")
        and "ledger" in ast.unparse(call.func.value)
    ]
    assert len(written) > 40
    written.remove(("scratch.py", "_take_over"))
    known = {f"updates.{name}" for name in {change.__name__ for change in EVENTS.values()} | NOT_JOURNALED}
    assert [each for each in written if each[1] not in known] == []


# What is written is read

TEXT = st.text(st.characters(), max_size=12) | st.sampled_from(["\ud83d", "a\x00b", "絵\ud800", "\u2028", "👩‍🎨"])
NUMBERS = st.integers(-(2**63), 2**63 - 1)
MOMENTS = st.datetimes(timezones=st.just(UTC)) | st.just(datetime(2026, 3, 1, tzinfo=UTC))
VALUES = st.none() | st.booleans() | NUMBERS | TEXT
JSON = st.recursive(VALUES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2))

st.register_type_strategy(str, TEXT)
st.register_type_strategy(int, NUMBERS)
st.register_type_strategy(float, st.floats(allow_nan=False))
st.register_type_strategy(datetime, MOMENTS)


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    origin = get_origin(hint)
    if origin is UnionType:
        return st.one_of(*map(values_of, get_args(hint)))
    inner = [values_of(each) for each in get_args(hint)] if origin in (Mapping, Sequence, Iterable, dict, list) else []
    if len(inner) == 2:
        return st.dictionaries(*inner, max_size=2)
    if inner:
        return st.lists(*inner, max_size=2)
    return JSON if hint is Any else st.from_type(hint)


for item in (Artwork, User):
    hints = get_type_hints(item)
    st.register_type_strategy(item, st.builds(item, **{name: values_of(hint) for name, hint in hints.items()}))


@pytest.mark.long
@settings(max_examples=12)
@pytest.mark.parametrize("name", [name for name in EVENTS if name != "answer"])
@given(data=st.data())
def test_the_arguments_of_each_change_come_back(name: str, data: st.DataObject):
    hints = get_type_hints(EVENTS[name])
    arguments = {each: data.draw(values_of(hints[each])) for each in parameters_of(EVENTS[name])}
    entry = entry_of(EVENTS[name], (), arguments, None)
    assert entry is not None
    read = _entry(_line(entry, 1).encode(), {})
    assert read is not None
    assert _bare(arguments_of(read)) == _bare(arguments)


def _bare(value: Any) -> Any:
    """A value without what the ledger would not tell apart: lists and tuples, and what it cannot hold and what it puts in its place."""
    if dataclasses.is_dataclass(value):
        return [type(value), *(_bare(getattr(value, field.name)) for field in dataclasses.fields(value))]
    if isinstance(value, Mapping):
        return {_bare(key): _bare(each) for key, each in value.items()}
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return [_bare(each) for each in value]
    return value


# A ledger comes back

FOUND = FoundFile(7, 5, 0, SECOND, "image", f"originals/7/5_p0_{SECOND}.png", "ef" * 32, "png", NOW, 12, 3, 4)
INTENT = Intent(an_original(1), "originals/7/1.jpg", "ab" * 32, 1000)
UGOIRA_INTENT = Intent(an_ugoira(3), "originals/7/3.zip", "ab" * 32, 1000, "originals/7/3.json", "cd" * 32)

Call = tuple[Any, ...]
CALLS: list[Call] = [
    ("run-began", "user", {"id": [7], "tag": None}),
    ("run-began", "bookmarks", {"id": [8]}),
    ("works-listed", 1, [1, 2, 3, 4], "page 2"),
    ("works-listed", 2, [2, 1], None),
    ("works-left-out", 1, [4]),
    ("answer", an_answer("illust.detail", {"id": 1}, b'{"a": "\xff"}', NOW)),
    ("answer", an_answer("top.illust", {"mode": "all"}, b"{}", NOW, snapshot=True)),
    ("answer", an_answer("illust.detail", {"id": "no number"}, b"{}", NOW)),
    ("artwork", an_artwork(1, 2)),
    ("artwork", an_artwork(1, 1, SECOND, title="\ud83d title\0", tags=())),
    ("artwork", an_artwork(2, availability="login needed", originals=())),
    ("artwork", an_artwork(3, kind="ugoira", originals=(an_ugoira(3),)), {"retry_parked": True}),
    ("rows", [a_row(1, SECOND), a_row(4)]),
    ("work-ids", [5, 6]),
    ("intent", as_stored(an_original(1))),
    ("file-stored", as_stored(an_original(1))),
    ("intent", as_stored(an_original(1), "ef" * 32)),
    ("intent", as_stored(an_ugoira(3))),
    ("intent-settled", INTENT),
    ("intent-settled", UGOIRA_INTENT),
    ("intent-forgotten", UGOIRA_INTENT),
    ("file-failed", an_original(1, 1), "404"),
    (
        "file-failed",
        an_original(2),
        "warns",
        {"served_sha256": "ab" * 32, "etag": '"x"', "last_modified": "today"},
    ),
    ("file-failed", an_original(2), "warns again", {"served_sha256": "ab" * 32, "etag": '"y"'}),
    ("file-lost", 1, 0, an_original(1).revision, "image"),
    ("file-double", 1, 0, an_original(1).revision, "image"),
    ("file-unproven", an_original(1)),
    ("files-from-row", 4, [an_original(4)]),
    ("files-from-rows", [an_original(4)]),
    ("file-found", FOUND),
    ("journal-gap", 7),
    ("work-failed", 2, "502"),
    ("work-unavailable", 2, "gone", "deleted"),
    ("work-unavailable", 3, "login needed", "R-18", {"with_session": True}),
    ("work-withheld", 3, "R-18", {"reader": Reader(901, 5)}),
    ("work-not-found", 6, "404", {"apart": 3600.0, "is_unlisted": True}),
    ("work-not-found", 5, "404", {"apart": 3600.0}),
    ("works-asked-for", [5, 6]),
    ("user-not-found", 9, "404", {"apart": 3600.0}),
    ("masked", {4: "-----", 6: "x"}),
    ("work-stale", 1),
    ("user", User(7, "another", "full", comment="hello")),
    ("user", User(7, "another", "full", comment="another hello")),
    ("user-name", 7, "artist"),
    ("user-seen", 9),
    ("user-pictures", 7, [a_picture(7), a_picture(7, kind="background")]),
    ("intent", as_stored(a_picture(7))),
    ("file-stored", as_stored(a_picture(7))),
    ("file-failed", a_picture(7, kind="background"), "404"),
    ("user-pictures", 7, [a_picture(7, SECOND)]),
    ("file-lost", 7, 0, a_picture(7).revision, "avatar"),
    ("artist-left", 9),
    ("user-unavailable", 9, "gone", "left"),
    (
        "bookmarks",
        [Bookmark(8, 1, private=False, tags=("x",)), Bookmark(8, 2, private=True, bookmark_id=77)],
        {"position": 10},
    ),
    ("bookmarks", [Bookmark(8, 3, private=False)]),
    ("columns-filled", Facts(artworks=(an_artwork(1, is_original=True),))),
    ("bookmark-places", 8, [3, 2, 1], 10),
    ("bookmark-order", 8, {"private": False}),
    ("list-read-in-full", 2),
    ("forgotten", "work", 1, {"note": "a duplicate", "files_deleted": True}),
    ("forgotten", "work", 4),
    ("forgotten", "artist", 9, {"files_deleted": True}),
    ("remembered", "work", 1),
    ("following-gaps", 2, [Follow(8, 7, private=True)]),
    ("follows", [Follow(8, 7, private=True), Follow(8, 9)], {7: "artist"}),
    ("comments", [Comment(1, 1, 8, "name", "text", written=NOW), Comment(2, 1, None, None, "", 301, 1)]),
    ("comments-read", 1),
    ("ranking", [RankingEntry("daily", "all", "20261122", 1, 0, 1)]),
    (
        "requests",
        [CommissionRequest(1, 7, "illust", "done", price=3000), CommissionRequest(1, 7, "illust", "open")],
    ),
    ("series", [Series(1, 7, "series", total=2)], [SeriesPlace(1, 1, 1), SeriesPlace(1, 3, 2)]),
    ("tag-translations", {"one": {"en": "uno", "romaji": None}}),
    (
        "facts",
        Facts(
            users=(User(7, "artist", pictures=(a_picture(7),)), User(9, None)),
            artworks=(an_artwork(2, 1, SECOND), a_row(4, SECOND)),
            masked=(MaskedWork(6, "-----"),),
            bookmarks=(Bookmark(8, 3, private=False, tags=("x",)),),
            follows=(Follow(8, 7, private=True),),
            rankings=(RankingEntry("daily", "all", "20261123", 1, 0, 1),),
            requests=(CommissionRequest(2, 7, "illust", "done"),),
            comments=(Comment(3, 1, 8, "name", "text", written=NOW),),
            series=(Series(1, 7, "series", total=2),),
            places=(SeriesPlace(1, 2, 3),),
            translations=(TagTranslation("one", "en", "uno"),),
        ),
    ),
]
ENDED: list[Call] = [
    ("bookmarks-unlisted", 8, NOW + DAY, 0, {"private": False}),
    ("following-unlisted", 8, NOW + DAY, 0, {"private": True}),
    ("followers-unlisted", 9, NOW + DAY, 0),
    ("series-unlisted", 1, NOW + DAY, 0),
    ("store-used", "a name", "s3://archive/x"),
    ("run-ended", 1, {"outcome": "complete", "exit_code": 0, "counts": {"found": 3}, "read_to_end": True, "frontier": (3, 2)}),
    ("run-ended", 9, {"outcome": "stopped", "exit_code": 1, "counts": {}, "read_to_end": False, "reason": "a\nb"}),
]  # fmt: skip


def made(calls: Iterable[Call]) -> list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]:
    """Each call as (function, arguments, named arguments), at a time of its own."""
    found = []
    for number, (name, *arguments) in enumerate(calls):
        named = arguments.pop() if arguments and isinstance(arguments[-1], dict) and set(arguments[-1]) <= NAMED else {}
        change = EVENTS[name]
        if "now" in parameters_of(change):
            named = named | {"now": NOW + timedelta(hours=number)}
        found.append((change, tuple(arguments), named))
    return found


TOGETHER = [name for name, change in EVENTS.items() if change in updates.BATCHED]
NAMED = {each for change in EVENTS.values() for each in parameters_of(change)}


def test_the_calls_hold_every_change():
    assert {name for name, *_ in CALLS + ENDED} == set(EVENTS)


OF_ONE_LEDGER = ("journal", "artwork_changes")
"""How far its journal was, which these tests write themselves, and when what was committed that an index follows."""


def everything(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, times, runs and numbers included; but not what belongs to one ledger alone."""
    engine = writing_engine(read_url(sqlite_url(folder)))
    with engine.connect() as connection:
        tables = {
            table.name: sorted(map(tuple, connection.execute(select(table)).all()), key=repr)
            for table in Base.metadata.sorted_tables
            if table.name not in OF_ONE_LEDGER
        }
    engine.dispose()
    return tables


def replayed_into(folder: Path, journal: Path) -> ReplayResult:
    engine = writing_engine(read_url(sqlite_url(folder)))
    prepare(engine)
    outcome = replay(engine, {"": read_journal(journal)})
    engine.dispose()
    return outcome


def write_all(folder: Path, calls: Iterable[Call]) -> int:
    """Make the calls in the ledger in `folder`, each committed for itself; gives how many did not raise."""
    ledger = Ledger.open(sqlite_url(folder), archive=Archive(folder))
    well = 0
    for change, arguments, named in made(calls):
        with suppress(ValueError, SQLAlchemyError):
            ledger.write_now(change, *arguments, **named)
            well += 1
    assert ledger.broken is None
    ledger.close()
    return well


def write_together(folder: Path, calls: Iterable[Call], size: int) -> None:
    """The same in one transaction, as the writer makes what comes together: so many at once, and each alone where one of them raises."""
    engine = writing_engine(read_url(sqlite_url(folder)))
    rest, entries = iter(made(calls)), []
    with engine.connect() as connection:
        remember_tags(connection)
        with connection.begin():
            while batch := list(islice(rest, size)):
                results = make_together(connection, batch)
                for number, (change, arguments, named) in enumerate(batch):
                    with suppress(ValueError, SQLAlchemyError):
                        result = (
                            results[number]
                            if results is not None
                            else make_change(connection, change, arguments, named)
                        )
                        entries.append(entry_of(change, arguments, named, result))
            journal = Journal(folder / "journal")
            journal.append([entry for entry in entries if entry is not None], NOW)
            updates.note_answers(connection, "", located(journal.appended))
    engine.dispose()


@pytest.fixture
def two(tmp_path: Path, empty_ledger: Path) -> tuple[Path, Path]:
    """Two folders with an empty ledger each."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        shutil.copy(empty_ledger, tmp_path / name)
    return tmp_path / "old", tmp_path / "new"


@pytest.mark.long
def test_a_ledger_is_replayed_to_the_last_row(two: tuple[Path, Path]):
    old, new = two
    well = write_all(old, CALLS + ENDED)
    outcome = replayed_into(new, old / "journal")
    assert well == len(CALLS + ENDED) - 1, "one of the calls is wrong, and leaves no line"
    assert (outcome.made, outcome.failed) == (well - 1, {"run-ended": 1}), "a run that never was has no end"
    expected = everything(old)
    assert everything(new) == expected
    assert [name for name, rows in expected.items() if not rows] == ["accounts", "hosts"]


@pytest.mark.long
@settings(max_examples=12)
@given(
    st.permutations(CALLS).flatmap(lambda calls: st.integers(8, len(calls)).map(lambda n: calls[:n] + ENDED)),
    st.sampled_from([1, 4, 12]),
    st.booleans(),
)
def test_whatever_the_order_it_comes_back(empty_ledger: Path, calls: list[Call], size: int, alike: bool):
    """`alike`: changes of one kind follow each other, so that several are made in the statements of one."""
    with tempfile.TemporaryDirectory() as folder:
        old, new = Path(folder) / "old", Path(folder) / "new"
        for each in (old, new):
            each.mkdir()
            shutil.copy(empty_ledger, each)
        write_together(
            old, sorted(calls, key=lambda call: call[0] if call[0] in TOGETHER else "") if alike else calls, size
        )
        replayed_into(new, old / "journal")
        assert everything(new) == everything(old)


def test_pauses_are_not_journaled(tmp_path: Path):
    ledger = Ledger.open(sqlite_url(tmp_path), archive=Archive(tmp_path))
    ledger.write_now(updates.pause_host, "www.pixiv.net", NOW, NOW)
    ledger.write_now(updates.clear_pause, "www.pixiv.net")
    ledger.close()
    assert not (tmp_path / "journal").exists()


# What else a journal may hold


def test_what_this_version_does_not_know_is_counted_and_the_rest_goes_on(two: tuple[Path, Path]):
    old, new = two
    moment = NOW.isoformat()
    entries = [
        Entry("a-dream", {"now": moment}),
        Entry("user-seen", {"user_id": 1, "now": moment, "mood": "good"}),
        Entry("user-seen", {"user_id": "one", "now": moment}),
        Entry("user-seen", {"now": moment}),
        Entry("works-listed", {"crawl_id": 3, "work_ids": [1], "cursor": None, "now": moment}),
        Entry("run-began", {"spider": "user", "arguments": {}, "now": moment}, gave={"no": "number"}),
        Entry("user-seen", {"user_id": 2, "now": moment}, gave=5),
        Entry("user-seen", {"user_id": 3, "now": moment}),
    ]
    Journal(old).append(entries, NOW)
    outcome = replayed_into(new, old)
    assert (outcome.made, dict(outcome.unknown), dict(outcome.failed)) == (
        3,
        {"a-dream": 1, "user-seen with mood": 1},
        {"user-seen": 2, "works-listed": 1},
    )
    assert "before the journal" in outcome.reasons["works-listed"]
    assert [row[0] for row in everything(new)["users"]] == [2, 3]


def test_runs_that_have_other_ids_now_keep_their_works(two: tuple[Path, Path]):
    """As with a sequence of PostgreSQL's, or a journal that begins late."""
    old, new = two
    moment = NOW.isoformat()
    begin = {"spider": "user", "arguments": {}, "now": moment}
    entries = [
        Entry("run-began", begin, gave=40),
        Entry("works-listed", {"crawl_id": 40, "work_ids": [1], "cursor": "x", "now": moment}),
        Entry("run-began", begin | {"spider": "search"}, gave=44),
        Entry("works-listed", {"crawl_id": 44, "work_ids": [2], "cursor": "y", "now": moment}),
    ]
    Journal(old).append(entries, NOW)
    replayed_into(new, old)
    rows = everything(new)
    assert [row[1:4] for row in rows["crawl_artworks"]] == [(1, 1, 1), (2, 2, 2)]


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from pixivcrawl.ledger import journal
    from tests.ledger.test_replay import CALLS, ENDED, write_all

    folder, last = Path(sys.argv[1]), int(sys.argv[2])
    append, count = journal.Journal.append, 0

    def append_and_die(self, entries, now, order):
        global count
        position = append(self, entries, now, order)
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return position

    journal.Journal.append = append_and_die
    write_all(folder, CALLS + ENDED)
    """
)


@pytest.mark.parametrize("last", [pytest.param(1, marks=pytest.mark.long), 14])
def test_a_kill_between_journal_and_commit_loses_nothing_and_makes_nothing_twice(two: tuple[Path, Path], last: int):
    """The next start makes again in the ledger what the journal has already."""
    old, new = two
    killed = subprocess.run([sys.executable, "-c", KILLED, str(old), str(last)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    journaled = list(read_journal(old / "journal"))
    for _ in range(2):
        Ledger.open(sqlite_url(old), archive=Archive(old)).close()
    assert list(read_journal(old / "journal")) == journaled
    well = write_all(old, [*CALLS[20:], *ENDED])
    passed_over = SkippedParts()
    assert len(list(read_journal(old / "journal", passed_over))) == len(journaled) + well
    assert passed_over == SkippedParts()
    replayed_into(new, old / "journal")
    assert everything(new) == everything(old)


def test_a_torn_journal_gives_what_is_whole(two: tuple[Path, Path]):
    old, new = two
    write_together(old, CALLS[:20], 5)
    expected = everything(old)
    write_together(old, CALLS[20:], 5)
    path = max((old / "journal").iterdir())
    os.truncate(path, path.stat().st_size - 3)
    replayed_into(new, old / "journal")
    assert everything(new) == expected


@pytest.mark.long
def test_a_ledger_comes_back_in_an_empty_postgresql_database_alone(two: tuple[Path, Path], postgres_url: str):
    old, _ = two
    write_together(old, CALLS, 5)
    Archive(old).create()
    settings = Settings()
    settings.setmodule("settings.base", priority="project")
    settings.update({"ARCHIVE_DIR": str(old), "DATABASE_URL": postgres_url}, priority="cmdline")
    configuration = Configuration.from_settings(settings)
    # The files that the calls speak of were never there.
    assert rebuild(configuration, replace=False, check=True) == 1
    with connected(postgres_url) as connection:
        counts = {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in Base.metadata.sorted_tables
            # How far the journal was when the ledger was last written belongs to that ledger alone.
            if table.name not in OF_ONE_LEDGER
        }
    assert counts == {name: len(rows) for name, rows in everything(old).items()}
    with pytest.raises(ConfigurationError, match="not empty"):
        rebuild(configuration, replace=True, check=False)
