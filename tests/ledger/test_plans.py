"""No question or change that a run asks often looks at a whole table; `status` looks at an index alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from pixivcrawl.items import RankingEntry, User
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.answer import Location
from pixivcrawl.ledger.engine import prepare, read_url, writing_engine
from pixivcrawl.reader import VISITOR, Reader
from tests.ledger.making import (
    NOW,
    SECOND,
    a_picture,
    a_row,
    an_answer,
    an_artwork,
    an_original,
    an_ugoira,
    archived,
    as_stored,
    begun,
    sqlite_url,
)

SMALL = {"accounts", "hosts"}
"""Tables that never grow."""

READER = Reader(901, 1)

OF_THE_STATEMENT = {"CONSTANT", "ROW", "json_each"}
"""What SQLite calls a statement's own values."""

PARTIAL = {
    "files_missing",
    "files_intent",
    "user_files_open",
    "files_odd",
    "artworks_unavailable",
    "artworks_failed",
    "artworks_withheld",
    "artworks_of_rows",
    "crawl_artworks_unsettled",
}
"""Indexes of what is amiss, which is little; to look at the whole of one is what it is for."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = writing_engine(read_url(sqlite_url(tmp_path)))
    prepare(engine)
    with engine.begin() as connection:
        begun(connection, 1, 2, 3)
        archived(connection, 1)
        updates.record_artwork(connection, an_artwork(2, pages=2), NOW)
        updates.record_intent(connection, as_stored(an_original(2)), NOW)
    yield engine
    engine.dispose()


def plans(engine: Engine, ask: Callable[[Connection], Any]) -> dict[str, list[str]]:
    """How SQLite goes about each statement that `ask` sends."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            sent.append((statement, parameters[0] if many else parameters))

    event.listen(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        result = ask(connection)
        if isinstance(result, Iterator):
            list(result)
        event.remove(engine, "before_cursor_execute", note)
        found = {
            statement: [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            for statement, parameters in sent
        }
        connection.rollback()
    assert found
    return found


def whole_tables(steps: list[str]) -> list[str]:
    """The steps that look at every row of a table or of an index of one."""
    looks = []
    for step in steps:
        scan = re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", step)
        if scan and scan[1] not in SMALL and scan[2] not in PARTIAL and scan[1] not in OF_THE_STATEMENT:
            looks.append(step)
    return looks


ASKED_OFTEN: dict[Any, set[str]] = {
    updates: {
        "availability",
        "answers",
        "crawls",
        "disk",
        "files",
        "hosts",
        "people",
        "rankings",
        "user_files",
        "works",
    },
    queries: {"crawls", "lists", "odd_files", "remaining", "rows", "status", "user_files", "works"},
}
"""The modules whose every function must be in `HOT`."""


def to_come(connection: Connection, among: Any, **more: Any) -> queries.WorksToCome:
    wanted: dict[str, Any] = {"reader": READER, "now": NOW, "files": True, "enough": "full"}
    return queries.works_to_come(connection, among, **wanted, **more)


HOT: dict[str, Callable[[Connection], Any]] = {
    "begin_crawl": lambda c: updates.begin_crawl(c, "user", {"id": [7]}, NOW, READER),
    "record_not_found": lambda c: updates.record_not_found(c, 1, "404", NOW, apart=3600),
    "record_withheld": lambda c: updates.record_withheld(c, 1, "R-18", NOW, READER),
    "record_told_to_ask": lambda c: updates.record_told_to_ask(c, [1, 2], NOW),
    "record_user_not_found": lambda c: updates.record_user_not_found(c, 7, "404", NOW, apart=3600),
    "record_listing": lambda c: updates.record_listing(c, 1, [1, 2, 9], "2", NOW),
    "drop_from_list": lambda c: updates.drop_from_list(c, 1, [1, 2]),
    "end_crawl": lambda c: updates.end_crawl(
        c, 1, outcome="complete", exit_code=0, counts={}, read_to_end=True, now=NOW
    ),
    "record_rows": lambda c: updates.record_rows(c, [a_row(1, SECOND, title="b"), a_row(4)], NOW),
    "record_artwork": lambda c: updates.record_artwork(c, an_artwork(3), NOW),
    "record_artwork again": lambda c: updates.record_artwork(c, an_artwork(1, 2, SECOND, title="b", tags=()), NOW),
    "record_unavailable": lambda c: updates.record_unavailable(c, 2, "gone", "404", NOW),
    "record_artist_left": lambda c: updates.record_artist_left(c, 7, NOW),
    "record_work_failed": lambda c: updates.record_work_failed(c, 2, "502", NOW),
    "mark_stale": lambda c: updates.mark_stale(c, 2, NOW),
    "record_intent": lambda c: updates.record_intent(c, as_stored(an_ugoira(2)), NOW),
    "record_stored": lambda c: updates.record_stored(c, as_stored(an_original(2, 1)), NOW),
    "record_file_failed": lambda c: updates.record_file_failed(c, an_original(2, 1), "cut", NOW),
    "record_lost": lambda c: updates.record_lost(c, 1, 0, an_original().revision, "image", NOW),
    "adopted_doubles": queries.adopted_doubles,
    "settle_intent": lambda c: updates.settle_intent(c, queries.unsettled_intents(c)[0], NOW),
    "forget_intent": lambda c: updates.forget_intent(c, queries.unsettled_intents(c)[0], NOW),
    "record_user": lambda c: updates.record_user(c, User(7, "new name", "full"), NOW),
    "record_user_pictures": lambda c: updates.record_user_pictures(c, 7, [a_picture(7)], NOW),
    "wanted_pictures": lambda c: queries.wanted_pictures(c, 7, 1, NOW),
    "files_of_users": lambda c: queries.files_of_users(c, [7, 8]),
    "files_by_id": lambda c: queries.files_by_id(c, [1, 7]),
    "intents_of_users": queries.intents_of_users,
    "abandoned_intents": lambda c: queries.abandoned_intents(c, "one of several"),
    "record_user_seen": lambda c: updates.record_user_seen(c, 7, NOW),
    "record_user_unavailable": lambda c: updates.record_user_unavailable(c, 7, "gone", "404", NOW),
    "record_ranking": lambda c: updates.record_ranking(c, [RankingEntry("daily", "complex", "20260101", 1, 0, 1)], NOW),
    "note_answers": lambda c: updates.note_answers(
        c, "", [(an_answer("illust.detail", {"id": 1}, b"{}", NOW), Location("a", 0, 1))]
    ),
    "known_works": lambda c: queries.known_works(c, range(1, 49)),
    "works_to_fetch": lambda c: queries.works_to_fetch(c, 1, limit=100, now=NOW),
    "works_to_fetch, some": lambda c: queries.works_to_fetch(c, 1, limit=100, now=NOW, among=[1, 2]),
    "works_to_fetch, with frames": lambda c: queries.works_to_fetch(c, 1, limit=100, now=NOW, frames=True),
    "works_to_ask": lambda c: queries.works_to_ask(c, 1, 0, 100, reader=READER, now=NOW, enough="full"),
    "works_to_ask, others": lambda c: queries.works_to_ask(
        c, 1, 0, 100, reader=VISITOR, now=NOW, enough="full", asked="named"
    ),
    "works_to_ask, stale": lambda c: queries.works_to_ask(
        c, 1, 0, 100, reader=READER, now=NOW, enough="full", stale=True
    ),
    "works_to_ask, without timing": lambda c: queries.works_to_ask(
        c, 1, 0, 100, reader=READER, now=NOW, enough="timing"
    ),
    "works_without_caption": lambda c: queries.works_without_caption(c, 1, 0, 100),
    "works_left": lambda c: queries.works_left(
        c, 1, reader=READER, now=NOW, files=True, enough="full", asking=[1], fetching=[2]
    ),
    "works_to_come": lambda c: to_come(c, queries.on_list("a list"), again=True),
    "on_list": lambda c: to_come(c, queries.on_list("a list")),
    "of_artists": lambda c: to_come(c, queries.of_artists([7, 8])),
    "with_ids": lambda c: to_come(c, queries.with_ids([1, 2])),
    "known_from_rows": lambda c: to_come(c, queries.known_from_rows()),
    "list_is_known": lambda c: queries.list_is_known(c, "a list"),
    "record_originals_of_rows": lambda c: updates.record_originals_of_rows(c, [an_original(4)], NOW),
    "record_row_originals": lambda c: updates.record_row_originals(c, 2, [an_original(2, 7)], NOW),
    "record_unproven": lambda c: updates.record_unproven(c, an_original(1), NOW),
    "without_originals": lambda c: queries.without_originals(c, [1, 2, 9]),
    "likely_extensions": lambda c: queries.likely_extensions(c, [7, 8]),
    "files_of_row": lambda c: queries.files_of_row(c, 1),
    "works_of_rows": lambda c: queries.works_of_rows(c, 0, 100),
    "answer_location": lambda c: queries.answer_location(c, "illust.detail", 1, NOW),
    "wanted_originals": lambda c: queries.wanted_originals(c, [2, 3], 1, NOW),
    "returned_works": lambda c: queries.returned_works(c, 1, 7, 0),
    "unseen_works": lambda c: queries.unseen_works(c, 1, 7, 0, READER),
    "imported_works": lambda c: queries.imported_works(c, 11),
    "listed_before": lambda c: queries.listed_before(c, 1, [1, 2]),
    "newest_bookmark": lambda c: queries.newest_bookmark(c, 901, private=False),
    "known_follows": lambda c: queries.known_follows(c, [(901, 7)]),
    "works_of_series": lambda c: queries.works_of_series(c, 501),
    "waiting_works": lambda c: queries.waiting_works(c, 1),
    "disputed_files": lambda c: queries.disputed_files(c, 1),
    "unstored_places": lambda c: queries.unstored_places(c, [1, 2]),
    "served_before": lambda c: queries.served_before(c, an_original(2)),
    "unsettled_intents": queries.unsettled_intents,
    "user_detail": lambda c: queries.user_detail(c, 7),
    "counts_before": lambda c: queries.counts_before(c, 1),
    "host_pauses": queries.host_pauses,
    "pauses_left": lambda c: queries.pauses_left(c, 901, NOW),
    "refused_sessions": lambda c: queries.refused_sessions(c, "www.pixiv.net"),
    "take_request": lambda c: updates.take_request(c, "www.pixiv.net", 901, 5, NOW),
    "note_session": lambda c: updates.note_session(c, "www.pixiv.net", READER, is_refused=True),
    "artists_unread": queries.artists_unread,
    "lists_shown_in_part": queries.lists_shown_in_part,
    "spend_request": lambda c: updates.spend_request(c, "www.pixiv.net", 901, NOW),
    "confirmed": lambda c: queries.confirmed(c, READER),
    "requests_spent": lambda c: queries.requests_spent(c, "www.pixiv.net", NOW),
    "withheld_works": lambda c: queries.withheld_works(c, 1),
    "status_withheld": queries.status_withheld,
    "status_to_ask": queries.status_to_ask,
    "status_of_rows": queries.status_of_rows,
    "status_imported": queries.status_imported,
    "status_odd": queries.status_odd,
    "status_odd_files": queries.status_odd_files,
    "zip_of_ugoira": lambda c: queries.zip_of_ugoira(c, 2),
    "status_missing": lambda c: queries.status_missing(c, 20),
    "status_waiting": queries.status_waiting,
    "status_unavailable_works": queries.status_unavailable_works,
    "status_unavailable": lambda c: queries.status_unavailable(c, 20),
}


@pytest.mark.parametrize("name", HOT)
def test_what_a_run_asks_looks_at_no_whole_table(engine: Engine, name: str):
    for statement, steps in plans(engine, HOT[name]).items():
        allowed = "SCAN crawls" if "max(crawls." in statement else "nothing"
        assert [step for step in whole_tables(steps) if not step.startswith(allowed)] == [], statement


def test_every_change_and_question_is_covered():
    asked = {name.split(",")[0].removesuffix(" again") for name in HOT}
    functions = {
        name
        for package, modules in ASKED_OFTEN.items()
        for name, function in vars(package).items()
        if name.islower() and getattr(function, "__module__", "").rpartition(".")[2] in modules
    }
    elsewhere = {
        "clear_pause",  # a table that never grows
        "record_found",  # by rebuild and import alone
        "record_journal_gap",
        "record_answer",  # the journal holds it
        "pause_host",
        "share_pace",
        "record_stubs",  # a part of record_listing
        "record_user_name",  # a part of record_artwork
        "stored_files",  # gives every row there is
        "users_with_pictures",
        "last_crawls",  # stops at its limit
        "measured",  # so does this
        "last_account",
        "status_of_works",
        "status_totals",
        "status_of_zips",  # looks at every zip, in an index of their own
    }
    of_several = {make_all.__name__ for _, make_all in updates.BATCHED.values()}
    assert asked == functions - elsewhere - of_several


@pytest.mark.parametrize("name", ["works_to_ask", "works_to_fetch", "works_left", "waiting_works"])
def test_what_is_unsettled_is_read_in_its_order_from_its_own_index(engine: Engine, name: str):
    ((_, steps),) = plans(engine, HOT[name]).items()
    assert "SEARCH crawl_artworks USING INDEX crawl_artworks_unsettled (list_id=? AND position>?)" in steps
    assert not any("TEMP B-TREE" in step for step in steps)


def test_status_reads_an_index_through_once_and_never_looks_at_the_works(engine: Engine):
    counts, forgotten, unasked, users = plans(engine, lambda c: queries.status_of_works(c, 20)).values()
    assert counts == ["SCAN artworks USING COVERING INDEX artworks_status"]
    assert whole_tables(unasked) == counts
    assert not whole_tables(forgotten)
    assert not whole_tables(users)


def test_the_newest_run_is_found_at_the_end_of_its_table(engine: Engine):
    """`max(id)` reads one entry, though SQLite calls it a search of the table."""
    statements = plans(engine, HOT["record_work_failed"])
    (steps,) = (steps for statement, steps in statements.items() if "max(crawls.id)" in statement)
    assert steps == ["SEARCH crawls"]
