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
    Follow,
    RankingEntry,
    Reader,
    Series,
    SeriesPlace,
    User,
)
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.changes import CHANGES, entry_of, make_change, make_together, parameters_of
from pixivcrawl.ledger.columns import storable
from pixivcrawl.ledger.engine import prepare, read_url, writing_engine
from pixivcrawl.ledger.journal import Entry, Journal, PassedOver, _entry, _line, read_journal
from pixivcrawl.ledger.models import Base, FileRow
from pixivcrawl.ledger.replay import Replayed, arguments_of, replay
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.updates import Found, Intent
from pixivcrawl.ledger.updates.tags import remember_tags
from tests.ledger.making import (
    DAY,
    NOW,
    SECOND,
    a_picture,
    a_row,
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
    "begin_crawl": "spider arguments now reader",
    "drop_from_list": "crawl_id work_ids",
    "end_crawl": "crawl_id outcome exit_code counts read_to_end now frontier reason confirmed",
    "forget_intent": "intent now",
    "mark_stale": "work_id now",
    "note_body": "endpoint parameters payload read_at snapshot",
    "record_artist_left": "user_id now",
    "record_artwork": "artwork now retry_parked",
    "record_bookmarks": "bookmarks now position",
    "record_comments": "comments now",
    "record_comments_read": "work_id now",
    "record_file_failed": "original reason now served_sha256 waits etag last_modified",
    "record_follows": "follows names now",
    "record_found": "found now",
    "record_journal_gap": "number now",
    "record_full_reading": "crawl_id",
    "record_gaps_in_following": "crawl_id follows now",
    "record_intent": "stored now",
    "record_listing": "crawl_id work_ids cursor now confirmed",
    "record_lost": "work_id page revision kind now",
    "record_masked": "reasons now",
    "record_not_found": "work_id reason now apart is_unlisted",
    "record_ranking": "entries now",
    "record_requests": "requests now",
    "record_row_originals": "work_id originals now",
    "record_rows": "artworks now",
    "record_series": "series places now",
    "record_stored": "stored now",
    "record_stubs": "work_ids now",
    "record_tag_translations": "translations now",
    "record_told_to_ask": "work_ids now",
    "record_unavailable": "work_id availability reason now with_session",
    "record_unlisted_bookmarks": "user_id since total now private",
    "record_unlisted_followers": "followed_id since total now",
    "record_unlisted_following": "follower_id since total now private",
    "record_unlisted_in_series": "series_id since total now",
    "record_unproven": "original now",
    "record_user": "user now",
    "record_user_name": "user_id name now",
    "record_user_not_found": "user_id reason now apart",
    "record_user_pictures": "user_id pictures now",
    "record_user_seen": "user_id now",
    "record_user_unavailable": "user_id availability reason now",
    "record_withheld": "work_id reason now reader",
    "record_work_failed": "work_id reason now",
    "settle_bookmark_order": "user_id private",
    "settle_intent": "intent now",
}
"""Every change that was ever journaled, with its arguments. Lines are added here; one that is changed or taken away is one that a
rebuild passes over in the journals that hold it.
"""


def test_every_change_is_journaled_or_said_not_to_be():
    functions = {name for name in updates.__all__ if isfunction(getattr(updates, name))}
    assert set(CHANGES) == functions - updates.NOT_JOURNALED
    assert functions >= updates.NOT_JOURNALED
    assert set(CHANGES) == set(JOURNALED), "add a line for what is new"


@pytest.mark.parametrize("name", JOURNALED)
def test_what_was_journaled_can_be_made_again(name: str):
    known = signature(CHANGES[name]).parameters
    assert set(JOURNALED[name].split()) <= set(known)
    added = set(parameters_of(CHANGES[name])) - set(JOURNALED[name].split())
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
    known = {f"updates.{name}" for name in CHANGES.keys() | updates.NOT_JOURNALED}
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


@settings(max_examples=12)
@pytest.mark.parametrize("name", CHANGES)
@given(data=st.data())
def test_the_arguments_of_each_change_come_back(name: str, data: st.DataObject):
    hints = get_type_hints(CHANGES[name])
    arguments = {each: data.draw(values_of(hints[each])) for each in parameters_of(CHANGES[name])}
    entry = entry_of(CHANGES[name], (), arguments, None)
    assert entry is not None
    read = _entry(_line(entry, 1).encode())
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

FOUND = Found(7, 5, 0, SECOND, "image", f"originals/7/5_p0_{SECOND}.png", "ef" * 32, "png", NOW, 12, 3, 4)
INTENT = Intent(an_original(1), "originals/7/1.jpg", "ab" * 32, 1000)
UGOIRA_INTENT = Intent(an_ugoira(3), "originals/7/3.zip", "ab" * 32, 1000, "originals/7/3.json", "cd" * 32)

Call = tuple[Any, ...]
CALLS: list[Call] = [
    ("begin_crawl", "user", {"id": [7], "tag": None}),
    ("begin_crawl", "bookmarks", {"id": [8]}),
    ("record_listing", 1, [1, 2, 3, 4], "page 2"),
    ("record_listing", 2, [2, 1], None),
    ("drop_from_list", 1, [4]),
    ("note_body", "illust.detail", {"id": 1}, b'{"a": "\xff"}'),
    ("note_body", "top.illust", {"mode": "all"}, b"{}", {"snapshot": True}),
    ("note_body", "illust.detail", {"id": "no number"}, b"{}"),
    ("record_artwork", an_artwork(1, 2)),
    ("record_artwork", an_artwork(1, 1, SECOND, title="\ud83d title\0", tags=())),
    ("record_artwork", an_artwork(2, availability="login needed", originals=())),
    ("record_artwork", an_artwork(3, kind="ugoira", originals=(an_ugoira(3),)), {"retry_parked": True}),
    ("record_rows", [a_row(1, SECOND), a_row(4)]),
    ("record_stubs", [5, 6]),
    ("record_intent", as_stored(an_original(1))),
    ("record_stored", as_stored(an_original(1))),
    ("record_intent", as_stored(an_original(1), "ef" * 32)),
    ("record_intent", as_stored(an_ugoira(3))),
    ("settle_intent", INTENT),
    ("settle_intent", UGOIRA_INTENT),
    ("forget_intent", UGOIRA_INTENT),
    ("record_file_failed", an_original(1, 1), "404"),
    (
        "record_file_failed",
        an_original(2),
        "warns",
        {"served_sha256": "ab" * 32, "etag": '"x"', "last_modified": "today"},
    ),
    ("record_file_failed", an_original(2), "warns again", {"served_sha256": "ab" * 32, "etag": '"y"'}),
    ("record_lost", 1, 0, an_original(1).revision, "image"),
    ("record_unproven", an_original(1)),
    ("record_row_originals", 4, [an_original(4)]),
    ("record_found", FOUND),
    ("record_journal_gap", 7),
    ("record_work_failed", 2, "502"),
    ("record_unavailable", 2, "gone", "deleted"),
    ("record_unavailable", 3, "login needed", "R-18", {"with_session": True}),
    ("record_withheld", 3, "R-18", {"reader": Reader(901, 5)}),
    ("record_not_found", 6, "404", {"apart": 3600.0, "is_unlisted": True}),
    ("record_not_found", 5, "404", {"apart": 3600.0}),
    ("record_told_to_ask", [5, 6]),
    ("record_user_not_found", 9, "404", {"apart": 3600.0}),
    ("record_masked", {4: "-----", 6: "x"}),
    ("mark_stale", 1),
    ("record_user", User(7, "another", "full", comment="hello")),
    ("record_user", User(7, "another", "full", comment="another hello")),
    ("record_user_name", 7, "artist"),
    ("record_user_seen", 9),
    ("record_user_pictures", 7, [a_picture(7), a_picture(7, kind="background")]),
    ("record_intent", as_stored(a_picture(7))),
    ("record_stored", as_stored(a_picture(7))),
    ("record_file_failed", a_picture(7, kind="background"), "404"),
    ("record_user_pictures", 7, [a_picture(7, SECOND)]),
    ("record_lost", 7, 0, a_picture(7).revision, "avatar"),
    ("record_artist_left", 9),
    ("record_user_unavailable", 9, "gone", "left"),
    (
        "record_bookmarks",
        [Bookmark(8, 1, private=False, tags=("x",)), Bookmark(8, 2, private=True, bookmark_id=77)],
        {"position": 10},
    ),
    ("record_bookmarks", [Bookmark(8, 3, private=False)]),
    ("settle_bookmark_order", 8, {"private": False}),
    ("record_full_reading", 2),
    ("record_gaps_in_following", 2, [Follow(8, 7, private=True)]),
    ("record_follows", [Follow(8, 7, private=True), Follow(8, 9)], {7: "artist"}),
    ("record_comments", [Comment(1, 1, 8, "name", "text", written=NOW), Comment(2, 1, None, None, "", 301, 1)]),
    ("record_comments_read", 1),
    ("record_ranking", [RankingEntry("daily", "all", "20261122", 1, 0, 1)]),
    (
        "record_requests",
        [CommissionRequest(1, 7, "illust", "done", price=3000), CommissionRequest(1, 7, "illust", "open")],
    ),
    ("record_series", [Series(1, 7, "series", total=2)], [SeriesPlace(1, 1, 1), SeriesPlace(1, 3, 2)]),
    ("record_tag_translations", {"one": {"en": "uno", "romaji": None}}),
]
ENDED: list[Call] = [
    ("record_unlisted_bookmarks", 8, NOW + DAY, 0, {"private": False}),
    ("record_unlisted_following", 8, NOW + DAY, 0, {"private": True}),
    ("record_unlisted_followers", 9, NOW + DAY, 0),
    ("record_unlisted_in_series", 1, NOW + DAY, 0),
    ("end_crawl", 1, {"outcome": "complete", "exit_code": 0, "counts": {"found": 3}, "read_to_end": True, "frontier": (3, 2)}),
    ("end_crawl", 9, {"outcome": "stopped", "exit_code": 1, "counts": {}, "read_to_end": False, "reason": "a\nb"}),
]  # fmt: skip


def made(calls: Iterable[Call]) -> list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]:
    """Each call as (function, arguments, named arguments), at a time of its own."""
    found = []
    for number, (name, *arguments) in enumerate(calls):
        named = arguments.pop() if arguments and isinstance(arguments[-1], dict) and set(arguments[-1]) <= NAMED else {}
        change = CHANGES[name]
        moment = "read_at" if name == "note_body" else "now"
        if moment in parameters_of(change):
            named = named | {moment: NOW + timedelta(hours=number)}
        found.append((change, tuple(arguments), named))
    return found


TOGETHER = [change.__name__ for change in updates.TOGETHER]
NAMED = {each for change in CHANGES.values() for each in parameters_of(change)}


def test_the_calls_hold_every_change():
    assert {name for name, *_ in CALLS + ENDED} == set(CHANGES)


def everything(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, times, runs and numbers included; but not how far the journal is, which these tests write themselves."""
    engine = writing_engine(read_url(sqlite_url(folder)))
    with engine.connect() as connection:
        tables = {
            table.name: sorted(map(tuple, connection.execute(select(table)).all()), key=repr)
            for table in Base.metadata.sorted_tables
            if table.name != "journal"
        }
    engine.dispose()
    return tables


def replayed_into(folder: Path, journal: Path) -> Replayed:
    engine = writing_engine(read_url(sqlite_url(folder)))
    prepare(engine)
    outcome = replay(engine, read_journal(journal))
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
    engine.dispose()
    Journal(folder / "journal").append([entry for entry in entries if entry is not None], NOW)


@pytest.fixture
def two(tmp_path: Path, empty_ledger: Path) -> tuple[Path, Path]:
    """Two folders with an empty ledger each."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        shutil.copy(empty_ledger, tmp_path / name)
    return tmp_path / "old", tmp_path / "new"


def test_a_ledger_is_replayed_to_the_last_row(two: tuple[Path, Path]):
    old, new = two
    well = write_all(old, CALLS + ENDED)
    outcome = replayed_into(new, old / "journal")
    assert well == len(CALLS + ENDED) - 2, "two of the calls are wrong, and leave no line"
    assert (outcome.made, outcome.failed) == (well - 1, {"end_crawl": 1}), "a run that never was has no end"
    expected = everything(old)
    assert everything(new) == expected
    assert [name for name, rows in expected.items() if not rows] == ["hosts"]


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


def test_files_of_journals_from_before_flaws_and_etags_come_back(two: tuple[Path, Path]):
    """As version 0004 of the ledger wrote them."""
    _, new = two
    page = (
        '{"work_id":1,"user_id":7,"page":%d,"revision":"20260102030405","url":"https://i.pximg.net/1_p0.jpg","extension":"jpg",'
        '"uploaded":"2026-01-02T00:00:00+00:00","width":640,"height":480,"frames":null,"guessed":false}'
    )
    staged = f'{{"original":{page % 0},"staged":"x","sha256":"aa","bytes":9}}'
    proven = f'{{"staged":{staged},"format":"jpg","width":640,"height":480,"as_served":true}}'
    stored = f'{{"proven":{proven},"path":"originals/7/1.jpg","frames_path":null,"frames_sha256":null}}'
    now = '"now":"2026-03-01T06:00:00+00:00"'
    lines = [
        f'{{"change":"record_stubs","arguments":{{"work_ids":[1],{now}}}}}',
        f'{{"change":"record_intent","arguments":{{"stored":{stored},{now}}}}}',
        f'{{"change":"record_stored","arguments":{{"stored":{stored},{now}}}}}',
        f'{{"change":"record_file_failed","arguments":{{"original":{page % 1},"reason":"warns",{now},"served_sha256":"bb"}}}}',
    ]
    entries = [entry for line in lines if (entry := _entry(line.encode())) is not None]
    engine = writing_engine(read_url(sqlite_url(new)))
    assert replay(engine, entries).made == 4
    with engine.connect() as connection:
        files = connection.execute(select(FileRow.__table__).order_by(FileRow.page)).all()
    engine.dispose()
    assert [(row.state, row.as_served, row.flaw, row.served_sha256, row.served_times) for row in files] == [
        ("stored", True, None, None, 0),
        ("parked", False, None, "bb", 1),
    ]


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
        Entry("record_a_dream", {"now": moment}),
        Entry("record_user_seen", {"user_id": 1, "now": moment, "mood": "good"}),
        Entry("record_user_seen", {"user_id": "one", "now": moment}),
        Entry("record_user_seen", {"now": moment}),
        Entry("record_listing", {"crawl_id": 3, "work_ids": [1], "cursor": None, "now": moment}),
        Entry("begin_crawl", {"spider": "user", "arguments": {}, "now": moment}, gave={"no": "number"}),
        Entry("record_user_seen", {"user_id": 2, "now": moment}, gave=5),
        Entry("record_user_seen", {"user_id": 3, "now": moment}),
    ]
    Journal(old).append(entries, NOW)
    outcome = replayed_into(new, old)
    assert (outcome.made, dict(outcome.unknown), dict(outcome.failed)) == (
        3,
        {"record_a_dream": 1, "record_user_seen with mood": 1},
        {"record_user_seen": 2, "record_listing": 1},
    )
    assert "before the journal" in outcome.reasons["record_listing"]
    assert [row[0] for row in everything(new)["users"]] == [2, 3]


def test_runs_that_have_other_ids_now_keep_their_works(two: tuple[Path, Path]):
    """As with a sequence of PostgreSQL's, or a journal that begins late."""
    old, new = two
    moment = NOW.isoformat()
    begin = {"spider": "user", "arguments": {}, "now": moment}
    entries = [
        Entry("begin_crawl", begin, gave=40),
        Entry("record_listing", {"crawl_id": 40, "work_ids": [1], "cursor": "x", "now": moment}),
        Entry("begin_crawl", begin | {"spider": "search"}, gave=44),
        Entry("record_listing", {"crawl_id": 44, "work_ids": [2], "cursor": "y", "now": moment}),
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

    def append_and_die(self, entries, now):
        global count
        position = append(self, entries, now)
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
    passed_over = PassedOver()
    assert len(list(read_journal(old / "journal", passed_over))) == len(journaled) + well
    assert passed_over == PassedOver()
    replayed_into(new, old / "journal")
    assert everything(new) == everything(old)


def test_a_torn_journal_gives_what_is_whole(two: tuple[Path, Path]):
    old, new = two
    write_together(old, CALLS[:20], 5)
    expected = everything(old)
    write_together(old, CALLS[20:], 5)
    (path,) = (old / "journal").iterdir()
    os.truncate(path, path.stat().st_size - 3)
    replayed_into(new, old / "journal")
    assert everything(new) == expected


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
            if table.name != "journal"
        }
    assert counts == {name: len(rows) for name, rows in everything(old).items()}
    with pytest.raises(ConfigurationError, match="not empty"):
        rebuild(configuration, replace=True, check=False)
