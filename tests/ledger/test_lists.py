"""Bookmarks, follows and series: what is told replaces, what is not told stays, and nothing is missing unless all was seen."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from pixivcrawl.items import Bookmark, Follow, Series, SeriesPlace
from pixivcrawl.ledger.queries import known_follows, known_works, listed_before, newest_bookmark, works_of_series
from pixivcrawl.ledger.updates import (
    record_artwork,
    record_bookmarks,
    record_follows,
    record_masked,
    record_series,
    record_unlisted_bookmarks,
    record_unlisted_followers,
    record_unlisted_following,
    record_unlisted_in_series,
)
from tests.ledger.making import DAY, HOUR, NOW, an_artwork, archived, begun

LATER = NOW + DAY


def a_bookmark(work_id: int, **changes: Any) -> Bookmark:
    return Bookmark(**{"user_id": 901, "work_id": work_id, "private": False} | changes)


def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(text(query))]


def unlisted(connection: Connection) -> set[int]:
    return {row[0] for row in rows(connection, "SELECT artwork_id FROM bookmarks WHERE unlisted IS NOT NULL")}


def read_bookmarks(connection: Connection, work_ids: list[int], now: datetime, **changes: Any) -> None:
    record_bookmarks(connection, [a_bookmark(work_id, **changes) for work_id in work_ids], now, position=len(work_ids))


def test_the_order_of_bookmarks_is_kept_over_readings(connection: Connection):
    read_bookmarks(connection, [3, 2, 1], NOW)
    newest = newest_bookmark(connection, 901, private=False)
    assert newest == 3
    # The head of a list of four: 4 is new, 2 was bookmarked again.
    record_bookmarks(connection, [a_bookmark(2), a_bookmark(4), a_bookmark(3)], LATER, position=newest + 4)
    order = rows(connection, "SELECT artwork_id FROM bookmarks ORDER BY position DESC")
    assert order == [(2,), (4,), (3,), (1,)]


def test_what_a_list_does_not_tell_of_a_bookmark_stays(connection: Connection):
    record_bookmarks(connection, [a_bookmark(1, tags=("keep",), bookmark_id=77)], NOW, position=5)
    record_bookmarks(connection, [a_bookmark(1, private=True)], LATER)
    found = rows(connection, "SELECT bookmark_id, position, tags, private FROM bookmarks")
    assert [(number, place, tags, bool(private)) for number, place, tags, private in found] == [
        (77, 5, '["keep"]', True)
    ]
    record_bookmarks(connection, [a_bookmark(1, tags=())], LATER)
    assert rows(connection, "SELECT tags FROM bookmarks") == [("[]",)]
    (first, last) = rows(connection, "SELECT first_seen, last_seen FROM bookmarks")[0]
    assert first < last


def test_a_whole_reading_tells_what_is_no_longer_bookmarked(connection: Connection):
    read_bookmarks(connection, [1, 2, 3], NOW)
    read_bookmarks(connection, [8], NOW, private=True)
    read_bookmarks(connection, [9], NOW, user_id=902)
    read_bookmarks(connection, [3, 1], LATER)
    assert record_unlisted_bookmarks(connection, 901, LATER, 2, LATER + HOUR, private=False) == 1
    assert unlisted(connection) == {2}
    read_bookmarks(connection, [2], LATER + DAY)
    assert unlisted(connection) == set()


def test_a_reading_that_saw_another_number_than_the_total_says_nothing(connection: Connection):
    read_bookmarks(connection, [1, 2, 3], NOW)
    read_bookmarks(connection, [3, 1], LATER)
    assert record_unlisted_bookmarks(connection, 901, LATER, 3, LATER, private=False) == 0
    assert unlisted(connection) == set()


def test_a_masked_work_stays_bookmarked_and_known(connection: Connection):
    archived(connection, 1)
    read_bookmarks(connection, [1], NOW)
    record_masked(connection, {1: "limit_unknown", 2: "masked"}, LATER)
    assert rows(connection, "SELECT title FROM artworks WHERE id = 1") == [("title",)]
    assert rows(connection, "SELECT count(*) FROM artworks WHERE masked_since IS NOT NULL") == [(2,)]
    assert known_works(connection, [1])[1].files_state == "complete"
    assert unlisted(connection) == set()


def test_follows_from_both_ends_are_one(connection: Connection):
    record_follows(connection, [Follow(901, 11, private=False)], {11: "mika"}, NOW)
    record_follows(connection, [Follow(901, 11)], {901: "reader"}, LATER)
    found = rows(connection, "SELECT follower_id, followed_id, private FROM follows")
    assert [(follower, followed, bool(private)) for follower, followed, private in found] == [(901, 11, False)]
    assert known_follows(connection, [(901, 11), (11, 901), (901, 12)]) == {(901, 11)}
    assert set(rows(connection, "SELECT id, name FROM users")) == {(11, "mika"), (901, "reader")}


def gone(connection: Connection) -> set[tuple[Any, ...]]:
    return set(rows(connection, "SELECT follower_id, followed_id FROM follows WHERE unlisted IS NOT NULL"))


def test_a_whole_reading_tells_who_is_no_longer_followed(connection: Connection):
    record_follows(connection, [Follow(901, person, private=False) for person in (11, 12)], {}, NOW)
    record_follows(connection, [Follow(901, 13, private=True), Follow(902, 11, private=False)], {}, NOW)
    record_follows(connection, [Follow(901, 12, private=False)], {}, LATER)
    assert record_unlisted_following(connection, 901, LATER, 1, LATER, private=False) == 1
    assert gone(connection) == {(901, 11)}
    assert record_unlisted_following(connection, 901, LATER, 2, LATER, private=True) == 0


def test_who_follows_in_private_is_on_no_list_of_followers(connection: Connection):
    record_follows(connection, [Follow(901, 11, private=True), Follow(902, 11), Follow(903, 11)], {}, NOW)
    record_follows(connection, [Follow(903, 11)], {}, LATER)
    assert record_unlisted_followers(connection, 11, LATER, 1, LATER) == 1
    assert gone(connection) == {(902, 11)}


def test_a_series_keeps_its_order_and_what_was_told(connection: Connection):
    series = Series(502, 18, "chapters", "a caption", 3)
    places = [SeriesPlace(502, work_id, place) for place, work_id in enumerate((30, 10, 20), 1)]
    record_series(connection, [series], places, NOW)
    record_series(connection, [Series(502, 18, "renamed")], [SeriesPlace(502, 40, 2)], LATER)
    assert works_of_series(connection, 502) == [30, 10, 40, 20]
    assert rows(connection, "SELECT title, caption, total FROM series") == [("renamed", "a caption", 3)]


def test_a_work_s_own_page_tells_the_title_of_its_series(connection: Connection):
    record_series(connection, [Series(502, 18, "before", "a caption", total=9)], [], NOW)
    record_artwork(connection, an_artwork(1, series_id=502, series_title="renamed"), LATER)
    record_artwork(connection, an_artwork(2, series_id=502), LATER)
    assert rows(connection, "SELECT title, caption, total FROM series") == [("renamed", "a caption", 9)]


def test_a_whole_reading_tells_what_left_a_series(connection: Connection):
    record_series(connection, [], [SeriesPlace(502, work_id, work_id) for work_id in (1, 2, 3)], NOW)
    record_series(connection, [], [SeriesPlace(502, work_id, work_id) for work_id in (1, 3)], LATER)
    assert record_unlisted_in_series(connection, 502, LATER, 3, LATER) == 0
    assert works_of_series(connection, 502) == [1, 2, 3]
    assert record_unlisted_in_series(connection, 502, LATER, 2, LATER) == 1
    assert works_of_series(connection, 502) == [1, 3]


def test_which_works_stand_on_the_list_of_a_run(connection: Connection):
    first = begun(connection, 1, 2)
    assert listed_before(connection, first.crawl_id, [1, 3]) == {1}
    later = begun(connection, 3)
    assert listed_before(connection, later.crawl_id, [1, 2, 3, 4]) == {1, 2, 3}
