"""What the gallery's pages read: what works and people are and were, page by page, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, update

from pixivcrawl.items import Bookmark, CommissionRequest, Follow, RankingEntry, Series, SeriesPlace, Tag, User
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.models import ArtworkRow
from pixivcrawl.ledger.queries.browsing import days, history, lists, missing, people, works
from pixivcrawl.ledger.queries.reports import Span
from pixivcrawl.reader import VISITOR
from tests.ledger.making import (
    DAY,
    FIRST,
    HOUR,
    NOW,
    SECOND,
    a_picture,
    an_artwork,
    an_original,
    an_ugoira,
    archived,
    as_stored,
    begun,
    store,
)


def test_cards_come_in_the_order_asked_for_with_their_covers(connection: Connection):
    begun(connection, 1, 2, 3)
    archived(connection, 1, pages=3)
    updates.record_artwork(connection, an_artwork(2, kind="ugoira", originals=(an_ugoira(2),)), NOW)
    store(connection, an_ugoira(2))
    shown = works.cards(connection, [2, 3, 9, 1])
    assert [card.work_id for card in shown] == [2, 3, 1], "one that is not known is left out"
    ugoira, stub, picture = shown
    assert ugoira.cover is not None
    assert (ugoira.cover.kind, ugoira.cover.frame, ugoira.cover.extension) == ("ugoira", "000000.jpg", "zip")
    assert (stub.cover, stub.title) == (None, None)
    assert picture.cover is not None
    assert (picture.cover.page, picture.cover.sha256, picture.user_name) == (0, "ab" * 32, "artist")


def test_a_work_whose_first_page_is_not_here_is_shown_by_the_next(connection: Connection):
    artwork = an_artwork(1, pages=3)
    updates.record_artwork(connection, artwork, NOW)
    store(connection, *artwork.originals[1:])
    (card,) = works.cards(connection, [1])
    assert card.cover is not None
    assert card.cover.page == 1
    first, second, _ = works.pages_of_work(connection, 1)
    assert (first.picture, first.state) == (None, "wanted")
    assert second.picture == card.cover


def test_a_revised_work_is_shown_as_it_is_now_and_was(connection: Connection):
    begun(connection, 1)
    archived(connection, 1, pages=3)
    revised = an_artwork(1, 2, SECOND, title="another", tags=(Tag("two"), Tag("three")))
    updates.record_artwork(connection, revised, NOW + HOUR)
    updates.record_intent(connection, as_stored(revised.originals[0], "ef" * 32), NOW + HOUR)
    updates.record_stored(connection, as_stored(revised.originals[0], "ef" * 32), NOW + HOUR)

    (card,) = works.cards(connection, [1])
    assert card.is_revised
    assert card.cover is not None
    assert card.cover.sha256 == "ef" * 32
    pages = works.pages_of_work(connection, 1)
    assert [page.picture.revision for page in pages if page.picture] == [SECOND, FIRST], "the latest that is here"
    assert [page.state for page in pages] == [None, "wanted"]
    assert [page.page for page in works.pages_of_work(connection, 1, first=1, limit=1)] == [1]
    assert [revision.revision for revision in history.revisions_of_work(connection, 1)] == [SECOND, FIRST]
    assert [revision.files for revision in history.revisions_of_work(connection, 1)] == [1, 3]
    assert len(works.pictures_at(connection, 1, FIRST)) == 3

    updates.record_artwork(connection, an_artwork(1, 2, SECOND, title="a third"), NOW + DAY)
    titles = [each for each in history.changes_of_work(connection, 1) if each.field == "title"]
    assert [(each.was, each.now) for each in titles] == [("another", "a third"), ("title", "another")]
    assert titles[1].seen == titles[0].since == NOW + HOUR
    tags = [each for each in history.changes_of_work(connection, 1) if each.field == "tags"]
    assert [(each.was, each.now) for each in tags] == [
        (["two", "three"], ["one", "two"]),
        (["one", "two"], ["two", "three"]),
    ]


def test_a_work_that_was_away_came_back_each_time(connection: Connection):
    begun(connection, 1)
    archived(connection, 1)
    for times in (1, 3):
        updates.record_unavailable(connection, 1, "gone", "404", NOW + times * HOUR)
        updates.record_artwork(connection, an_artwork(1), NOW + (times + 1) * HOUR)
    updates.record_unavailable(connection, 1, "gone", "404", NOW + 5 * HOUR)
    away = [each for each in history.changes_of_work(connection, 1) if each.field == "availability"]
    assert [(each.was, each.now, each.since) for each in away] == [
        ("gone", "available", NOW + 3 * HOUR),
        ("gone", "available", NOW + HOUR),
    ]


def test_tags_bear_the_first_translation_that_is_wanted(connection: Connection):
    archived(connection, 1)
    updates.record_tag_translations(connection, {"two": {"en": "pair", "zh": "二"}, "one": {"zh": "一"}}, NOW)
    shown = works.tags_of_works(connection, [1, 2])
    assert {work: [(tag.name, tag.translation) for tag in tags] for work, tags in shown.items()} == {
        1: [("one", None), ("two", "pair")]
    }
    assert works.translated(connection, ["two", "nothing"]) == {"two": "pair"}


def test_people_with_their_names_and_pictures(connection: Connection):
    archived(connection, 1)
    updates.record_artwork(connection, an_artwork(2, user_id=9, user_name="other"), NOW)
    for name, revision, later in (("artist", FIRST, NOW), ("renamed", SECOND, NOW + DAY)):
        picture = a_picture(7, revision)
        updates.record_user(connection, User(7, name, "full", comment=name, pictures=(picture,)), later)
        store(connection, picture)
    assert people.people(connection, [7, 5]).keys() == {7}
    assert [row.name for row in history.names_of_users(connection, [7])[7]] == ["renamed", "artist"]
    assert [picture.revision for picture in history.pictures_of_users(connection, [7])[7]] == [SECOND, FIRST]
    (change,) = history.changes_of_user(connection, 7)
    assert (change.field, change.was, change.now) == ("comment", "artist", "renamed")


def test_follows_page_by_page(connection: Connection):
    follows = [Follow(901, followed, private=followed == 3) for followed in (1, 2, 3)]
    updates.record_follows(connection, [*follows, Follow(902, 901)], {}, NOW)
    updates.record_user(connection, User(2, "second"), NOW)
    assert people.followers_after(connection, 0) == [901, 902]
    first = people.follows_of(connection, 901, limit=2)
    assert [(row.followed_id, row.name, row.private) for row in first] == [(1, None, False), (2, "second", False)]
    assert [row.followed_id for row in people.follows_of(connection, 901, after=2)] == [3]


def test_a_series_in_its_order(connection: Connection):
    places = [SeriesPlace(5, work, place) for work, place in ((3, 1), (1, 2), (2, 3))]
    updates.record_series(connection, [Series(5, 7, "story")], places, NOW)
    assert [row.artwork_id for row in lists.works_of_series(connection, 5)] == [3, 1, 2]
    assert [row.artwork_id for row in lists.works_of_series(connection, 5, after=(1, 3), limit=1)] == [1]
    place = works.series_place(connection, 1, 5)
    assert place == works.SeriesPlace(5, "story", 2, 3, 2)
    assert works.series_place(connection, 9, 5) is None
    assert works.series_place(connection, 3, 5) == works.SeriesPlace(5, "story", 1, None, 1)


def test_rankings_by_mode_and_day(connection: Connection):
    archived(connection, 1)
    entries = [
        RankingEntry("daily", "all", day, rank, 0, rank) for day in ("20260101", "20260102") for rank in (1, 2, 3)
    ]
    updates.record_ranking(connection, [*entries, RankingEntry("weekly", "manga", "20260105", 1, 0, 1)], NOW)
    assert lists.rankings(connection) == [("daily", "all", "20260102"), ("weekly", "manga", "20260105")]
    assert lists.ranking_date(connection, "daily", "all", "20260102", later=False) == "20260101"
    assert lists.ranking_date(connection, "daily", "all", "20260101", later=True) == "20260102"
    assert lists.ranking_date(connection, "daily", "all", "20260102", later=True) is None
    assert [row.artwork_id for row in lists.ranking_of(connection, "daily", "all", "20260101", after=(1, 1))] == [2, 3]
    assert lists.ranked(connection, "daily", "all", "20260101") == (3, 1)
    assert lists.ranked(connection, "daily", "all", "20250101") == (0, 0)


def test_bookmarks_newest_first_with_those_of_no_known_place_last(connection: Connection):
    updates.record_bookmarks(
        connection, [Bookmark(901, work, private=False, tags=("a",)) for work in (5, 3, 4)], NOW, position=3
    )
    updates.record_bookmarks(connection, [Bookmark(901, 9, private=True)], NOW)
    first = lists.bookmarks_of(connection, 901, limit=2)
    assert [(row.artwork_id, row.tags) for row in first] == [(5, ["a"]), (3, ["a"])]
    rest = lists.bookmarks_of(connection, 901, before=(first[-1].place, first[-1].artwork_id))
    assert [(row.artwork_id, row.private) for row in rest] == [(4, False), (9, True)]
    assert lists.bookmark_owners(connection) == [901]


def test_requests_with_who_asked_where_pixiv_shows_it(connection: Connection):
    updates.record_user(connection, User(7, "artist"), NOW)
    requests = [CommissionRequest(number, 7, "illust", "complete", text="please") for number in (1, 2, 3)]
    updates.record_requests(connection, requests, NOW)
    latest, *_ = lists.requests_before(connection, limit=1)
    assert (latest.id, latest.creator, latest.requester) == (3, "artist", None)
    assert [row.id for row in lists.requests_before(connection, before=3)] == [2, 1]


def test_what_happened_on_a_day(connection: Connection):
    begun(connection, 1, 2)
    archived(connection, 1)
    updates.record_artwork(connection, an_artwork(1, title="another"), NOW + DAY)
    updates.record_unavailable(connection, 1, "gone", "404", NOW + 2 * DAY)
    first, second, third = (Span(NOW + number * DAY, NOW + (number + 1) * DAY) for number in range(3))
    assert [work for _, work in days.new_on(connection, first)] == [1, 2]
    assert days.new_on(connection, first, after=(NOW, 1)) == [(NOW, 2)]
    assert [(row.artwork_id, row.field, row.value) for row in days.changed_on(connection, second)] == [
        (1, "title", "title")
    ]
    assert days.lost_on(connection, third) == [(NOW + 2 * DAY, 1)]
    assert days.lost_on(connection, third, after=(NOW + 2 * DAY, 1)) == []
    assert days.last_moment(connection) == NOW + 2 * DAY
    assert days.last_moment(connection, before=NOW + 2 * DAY) == NOW + DAY
    assert days.first_moment(connection, after=NOW + timedelta(seconds=1)) == NOW + DAY
    assert days.first_moment(connection, after=NOW + 3 * DAY) is None
    assert [record.crawl_id for record in days.runs_before(connection)] == [1]
    assert days.runs_before(connection, before=1) == []
    (loss,) = days.losses(connection)
    assert (loss.availability, loss.reason, loss.works, loss.kept) == ("gone", "404", 1, 1)


def test_what_cannot_be_had_is_looked_for_among_so_many_at_once(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(days, "LOOKED_AT", 3)
    for number in range(1, 8):
        at = NOW + number * HOUR
        if number == 2:
            updates.record_unavailable(connection, number, "gone", "404", at)
        else:
            updates.record_withheld(connection, number, "R-18", at, VISITOR)
    gone = ("gone",)
    first, to_5 = days.unavailable_before(connection, gone, limit=1)
    assert (first, to_5) == ([], (NOW + 5 * HOUR, 5))
    second, to_2 = days.unavailable_before(connection, gone, to_5, limit=1)
    assert (second, to_2) == ([(NOW + 2 * HOUR, 2)], (NOW + 2 * HOUR, 2))
    assert days.unavailable_before(connection, gone, to_2, limit=1) == ([], None)
    newest, key = days.unavailable_before(connection, ("withheld",), limit=2)
    assert [work for _, work in newest] == [7, 6]
    assert key == newest[-1]


def test_what_is_missing_and_why(connection: Connection):
    begun(connection, 1, 2, 3, 4)
    archived(connection, 1)
    updates.record_artwork(connection, an_artwork(2, pages=3), NOW)
    updates.record_file_failed(connection, an_original(2, 1), "cut", NOW)
    updates.record_artwork(connection, an_artwork(4), NOW)
    updates.record_work_failed(connection, 3, "502", NOW)
    latest, other = missing.files_missing(connection)
    assert (latest.artwork_id, latest.missing, latest.failed, latest.reason) == (4, 1, 0, None)
    assert (other.artwork_id, other.missing, other.failed, other.reason) == (2, 3, 1, "cut")
    assert [row.artwork_id for row in missing.files_missing(connection, before=4)] == [2]
    (failed,) = missing.works_failed(connection)
    assert (failed.id, failed.failed_reason) == (3, "502")
    assert missing.works_failed(connection, after=(failed.next_attempt, 3)) == []
    assert [(spider, number) for spider, _, number in missing.lists_left(connection, 10)] == [("user", 3)]
    assert [number for *_, number in missing.lists_left(connection, 1)] == [2], "more than one"
    connection.execute(update(ArtworkRow.__table__).where(ArtworkRow.id == 2).values(availability="gone"))
    assert [row.artwork_id for row in missing.files_missing(connection)] == [4]


def test_what_is_forgotten_is_not_missing_and_what_was_deleted_with_it_says_so(connection: Connection):
    begun(connection, 1, 2, 3)
    archived(connection, 1)
    updates.record_artwork(connection, an_artwork(2), NOW)
    updates.record_work_failed(connection, 3, "502", NOW)
    for work in (1, 2, 3):
        updates.forget(connection, "work", work, NOW, files_deleted=True)
    assert missing.files_missing(connection) == missing.works_failed(connection) == []
    assert [(page.picture, page.state) for page in works.pages_of_work(connection, 1)] == [(None, "deleted")]
    assert works.covers(connection, [1]) == {}


def test_nothing_is_known_of_what_was_never_seen(connection: Connection):
    assert works.facts_of_work(connection, 1) is None
    assert works.pages_of_work(connection, 1) == []
    assert history.changes_of_work(connection, 1) == history.changes_of_user(connection, 1) == []
    assert lists.facts_of_series(connection, 1) is None
    assert lists.rankings(connection) == lists.bookmarks_of(connection, 1) == []
    assert days.last_moment(connection) is None
