"""What a person wants no more is left alone by every question of what is to do, until it is wanted again."""

from __future__ import annotations

from sqlalchemy import Connection, select

from pixivcrawl.ledger import queries
from pixivcrawl.ledger.models import CrawlArtworkRow, FileRow
from pixivcrawl.ledger.updates import (
    begin_crawl,
    forget,
    record_artwork,
    record_listing,
    record_rows,
    record_user_pictures,
    record_work_failed,
    remember,
)
from pixivcrawl.reader import VISITOR
from tests.ledger.making import (
    DAY,
    FIRST,
    NOW,
    SECOND,
    a_picture,
    a_row,
    an_artwork,
    an_original,
    archived,
    begun,
    store,
)


def left(connection: Connection) -> tuple[list[int], list[int]]:
    """The works to ask about and those to fetch, of the first list."""
    ask = queries.works_to_ask(connection, 1, 0, 99, reader=VISITOR, now=NOW + DAY, enough="full")
    fetch = queries.works_to_fetch(connection, 1, limit=99, now=NOW + DAY)
    return [work.work_id for work in ask], [work.work_id for work in fetch]


def states(connection: Connection) -> list[tuple[int, str]]:
    found = connection.execute(select(FileRow.artwork_id, FileRow.state).order_by(FileRow.artwork_id, FileRow.page))
    return [(work_id, state) for work_id, state in found]


def test_a_forgotten_work_is_neither_asked_for_nor_fetched(connection: Connection) -> None:
    begun(connection, 1, 2, 3)
    record_artwork(connection, an_artwork(2), NOW)
    assert left(connection) == ([1, 3], [2])
    for work_id in (1, 2):
        forget(connection, "work", work_id, NOW)
    assert left(connection) == ([3], [])
    record_listing(connection, 1, [1, 2, 3], None, NOW)
    record_rows(connection, [a_row(1), a_row(2, SECOND)], NOW)
    assert left(connection) == ([3], []), "whatever is said of it"
    for work_id in (1, 2):
        remember(connection, "work", work_id, NOW)
    assert left(connection) == ([1, 2, 3], [])


def test_a_work_that_nobody_had_heard_of_can_be_forgotten(connection: Connection) -> None:
    forget(connection, "work", 5, NOW, note="seen elsewhere")
    begun(connection, 4, 5)
    assert left(connection) == ([4], [])
    assert queries.forgotten(connection) == [queries.Forgotten("work", 5, NOW, "seen elsewhere")]


def test_all_works_of_a_forgotten_artist_are_those_that_come_later_too(connection: Connection) -> None:
    forget(connection, "artist", 7, NOW)
    crawl = begin_crawl(connection, "bookmarks", {"id": 8}, NOW).crawl_id
    record_listing(connection, crawl, [1, 2, 3], None, NOW)
    record_artwork(connection, an_artwork(1), NOW)
    record_artwork(connection, an_artwork(2, user_id=8, user_name="other"), NOW)
    assert left(connection) == ([3], [2]), "the third may be anybody's"
    record_listing(connection, crawl, [4, 5], None, NOW, artist=7)
    assert left(connection) == ([3], [2])
    record_user_pictures(connection, 7, [a_picture(7)], NOW)
    assert [each.work_id for each in queries.status_missing(connection, None)] == [2]
    remember(connection, "artist", 7, NOW)
    assert left(connection) == ([3, 4, 5], [1, 2])


def test_forgotten_works_are_counted_as_such_and_as_nothing_else(connection: Connection) -> None:
    begun(connection, *range(1, 6))
    archived(connection, 1, pages=2)
    record_artwork(connection, an_artwork(2), NOW)
    record_work_failed(connection, 3, "HTML where JSON is due", NOW)
    record_artwork(connection, an_artwork(4, user_id=8, user_name="other"), NOW)
    before = queries.status_totals(connection)
    for work_id in (1, 2, 3):
        forget(connection, "work", work_id, NOW)
    forget(connection, "artist", 8, NOW)
    totals = queries.status_totals(connection)
    assert (totals.works, totals.files, totals.bytes) == (before.works, before.files, before.bytes)
    assert (totals.forgotten, totals.complete, totals.to_do, totals.parked) == (4, 0, 1, 0)
    assert queries.status_missing(connection, None) == queries.status_waiting(connection) == []
    by_artist = {each.user_id: each.forgotten for each in queries.status_of_works(connection, None)[1]}
    assert by_artist == {7: 2, 8: 1}


def test_deleted_files_are_told_from_lost_ones_and_come_again_as_those_do(connection: Connection) -> None:
    begun(connection, 1)
    archived(connection, 1, pages=2)
    record_artwork(connection, an_artwork(1, revision=SECOND), NOW)
    store(connection, an_original(1, revision=SECOND))
    forget(connection, "work", 1, NOW, files_deleted=True)
    assert states(connection) == [(1, "deleted")] * 3
    assert len(queries.paths_deleted(connection, "work", 1)) == 3
    record_artwork(connection, an_artwork(1, revision=SECOND), NOW + DAY)
    assert states(connection) == [(1, "deleted")] * 3, "an answer that comes late wants nothing of it"
    remember(connection, "work", 1, NOW)
    found = connection.execute(select(FileRow.page, FileRow.revision, FileRow.state, FileRow.sha256.is_(None)))
    assert sorted(map(tuple, found)) == [
        (0, FIRST, "superseded", False),
        (0, SECOND, "wanted", True),
        (1, FIRST, "superseded", False),
    ]
    assert connection.execute(select(CrawlArtworkRow.unsettled)).scalars().all() == [True]


def test_what_is_forgotten_twice_keeps_its_first_day_and_its_note(connection: Connection) -> None:
    forget(connection, "artist", 7, NOW, note="too much")
    forget(connection, "artist", 7, NOW + DAY)
    assert queries.forgotten(connection) == [queries.Forgotten("artist", 7, NOW, "too much")]
    remember(connection, "work", 7, NOW)
    assert len(queries.forgotten(connection)) == 1, "a work is no artist"
