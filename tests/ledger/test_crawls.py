"""Runs: what they list, what is left to do, and how the next one goes on."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from sqlalchemy import Connection, func, select

from pixivcrawl.api.withheld import Withheld
from pixivcrawl.ledger.models import CrawlArtworkRow
from pixivcrawl.ledger.queries import last_crawls, works_left
from pixivcrawl.ledger.updates import (
    Crawl,
    begin_crawl,
    end_crawl,
    mark_stale,
    record_artwork,
    record_file_failed,
    record_listing,
    record_not_found,
    record_row_originals,
    record_rows,
    record_told_to_ask,
    record_unavailable,
    record_withheld,
    record_work_failed,
)
from pixivcrawl.reader import VISITOR, Reader
from tests.ledger.making import (
    DAY,
    HOUR,
    NOW,
    SECOND,
    a_row,
    an_artwork,
    an_original,
    an_ugoira,
    archived,
    begun,
    frames_of,
    store,
    works_to_do,
)

FRAMES_TOO = {"ugoira": "frames"}


READER = Reader(901, 5)


def ended(connection: Connection, crawl: Crawl, outcome: str = "complete", **changes: Any) -> None:
    values: dict[str, Any] = {"outcome": outcome, "exit_code": 0, "counts": {}, "read_to_end": True, "now": NOW}
    end_crawl(connection, crawl.crawl_id, **(values | changes))


def to_do(connection: Connection, crawl: Crawl, after: int = 0, **changes: Any) -> list[tuple[int, bool]]:
    values: dict[str, Any] = {"reader": READER, "now": NOW}
    works = works_to_do(connection, crawl.crawl_id, after, 100, **(values | changes))
    found = [(work.work_id, work.must_be_asked) for work in works]
    if not after and not changes.get("stale"):
        asked = sum(must_be_asked for _, must_be_asked in found)
        wanted = {"files": True, "enough": "full"} | values | changes
        left = works_left(connection, crawl.crawl_id, **wanted)
        assert (left.to_ask, left.works) == (asked, len(found))
        first = [work_id for work_id, _ in found[:1]]
        others = sum(must_be_asked for _, must_be_asked in found[1:])
        left = works_left(connection, crawl.crawl_id, **wanted, asking=first, fetching=first)
        assert (left.to_ask, left.works) == (others, len(found[1:]))
    return found


class TestTheNextRun:
    def test_of_a_new_list_begins_at_its_head(self, connection: Connection):
        crawl = begin_crawl(connection, "user", {"id": [7]}, NOW)
        assert (crawl.resumes, crawl.cursor, crawl.frontier, crawl.read_to_end_before) == (None, None, (), False)

    def test_goes_on_where_a_killed_one_was(self, connection: Connection):
        first = begin_crawl(connection, "bookmarks", {"id": 7, "rest": "show"}, NOW)
        record_listing(connection, first.crawl_id, [5, 4, 3], "offset=3", NOW)
        second = begin_crawl(connection, "bookmarks", {"rest": "show", "id": 7}, NOW)
        assert (second.resumes, second.cursor) == (first.crawl_id, "offset=3")
        third = begin_crawl(connection, "bookmarks", {"rest": "show", "id": 7}, NOW)
        assert (third.resumes, third.cursor) == (second.crawl_id, "offset=3")
        assert to_do(connection, third) == [(5, True), (4, True), (3, True)]

    @pytest.mark.parametrize("outcome", ["interrupted", "stopped", "finished with failures"])
    def test_goes_on_where_one_stopped(self, connection: Connection, outcome: str):
        first = begin_crawl(connection, "user", {}, NOW)
        record_listing(connection, first.crawl_id, [1], "2", NOW)
        ended(connection, first, outcome, read_to_end=False)
        assert begin_crawl(connection, "user", {}, NOW).cursor == "2"

    def test_does_not_go_on_with_what_was_read_to_the_end(self, connection: Connection):
        first = begin_crawl(connection, "user", {}, NOW)
        record_listing(connection, first.crawl_id, [1], "2", NOW)
        second = begin_crawl(connection, "user", {}, NOW)
        ended(connection, second, "finished with failures", frontier=[9, 8])
        third = begin_crawl(connection, "user", {}, NOW)
        assert (third.resumes, third.cursor, third.frontier, third.read_to_end_before) == (None, None, (9, 8), True)

    def test_knows_the_last_frontier(self, connection: Connection):
        for frontier in ([3, 2, 1], [6, 5, 4]):
            ended(connection, begin_crawl(connection, "user", {}, NOW), frontier=frontier)
        ended(connection, begin_crawl(connection, "user", {}, NOW), "interrupted", read_to_end=False)
        assert begin_crawl(connection, "user", {}, NOW).frontier == (6, 5, 4)

    def test_stops_at_nobody_elses_frontier(self, connection: Connection):
        for reader in (VISITOR, Reader(902, 6), Reader()):
            ended(connection, begin_crawl(connection, "search", {}, NOW, reader), frontier=[3, 2, 1])
        mine = begin_crawl(connection, "search", {}, NOW, READER)
        assert (mine.resumes, mine.cursor, mine.frontier, mine.read_to_end_before) == (None, None, (), False)
        ended(connection, mine, frontier=[4, 3, 2])
        assert begin_crawl(connection, "search", {}, NOW, Reader(901, 7)).frontier == (4, 3, 2), (
            "a session is no reader"
        )

    @pytest.mark.parametrize(("session", "exit_code", "cursor"), [(5, 130, "3"), (5, 4, "1"), (6, 130, "1")])
    def test_goes_on_behind_what_the_reader_is_known_to_have_seen(
        self, connection: Connection, session: int, exit_code: int, cursor: str
    ):
        first = begin_crawl(connection, "search", {}, NOW, READER)
        for place, confirmed in (("1", True), ("2", False), ("3", False)):
            record_listing(connection, first.crawl_id, [int(place)], place, NOW, confirmed=confirmed)
        ended(connection, first, "stopped", exit_code=exit_code, read_to_end=False)
        assert begin_crawl(connection, "search", {}, NOW, Reader(901, session)).cursor == cursor

    @pytest.mark.parametrize(
        ("spider", "arguments"),
        [("user", {"id": [8]}), ("artwork", {"id": [7]}), ("user", {"id": [7], "type": "manga"})],
    )
    def test_of_another_list_is_its_own(self, connection: Connection, spider: str, arguments: dict[str, Any]):
        begun(connection, 1, 2)
        other = begin_crawl(connection, spider, arguments, NOW)
        assert other.resumes is None
        assert to_do(connection, other) == []

    def test_finds_what_an_earlier_one_left_even_where_the_list_is_not_read_again(self, connection: Connection):
        """A newest-first list is read to the frontier alone; a work below it that failed is still this list's."""
        first = begun(connection, 3, 2, 1)
        for work_id in (3, 1):
            archived(connection, work_id)
        record_work_failed(connection, 2, "502", NOW)
        ended(connection, first, "finished with failures", frontier=[3, 2])
        second = begin_crawl(connection, "user", {"id": [7]}, NOW)
        record_listing(connection, second.crawl_id, [4, 3], None, NOW)
        assert to_do(connection, second) == [(2, True), (4, True)]


class TestListing:
    def test_keeps_the_order_and_is_the_same_twice(self, connection: Connection):
        crawl = begun(connection, 9, 3, 7, 3)
        record_listing(connection, crawl.crawl_id, [7, 9, 5], "next", NOW)
        record_listing(connection, crawl.crawl_id, [7, 9, 5], "next", NOW)
        assert [work_id for work_id, _ in to_do(connection, crawl)] == [9, 3, 7, 5]
        assert last_crawls(connection, 1)[0].found == 4

    def test_counts_what_each_run_found_without_growing(self, connection: Connection):
        for _ in range(3):
            crawl = begun(connection, *range(1, 700))
            ended(connection, crawl)
        assert [crawl.found for crawl in last_crawls(connection, 3)] == [699, 699, 699]
        assert connection.execute(select(func.count()).select_from(CrawlArtworkRow)).scalar() == 699

    def test_leaves_known_works_as_they_are(self, connection: Connection):
        archived(connection, 1)
        crawl = begun(connection, 1, 2)
        assert to_do(connection, crawl) == [(2, True)]

    def test_of_nothing_keeps_the_cursor(self, connection: Connection):
        crawl = begun(connection)
        record_listing(connection, crawl.crawl_id, [], "page=2", NOW)
        assert begin_crawl(connection, "user", {"id": [7]}, NOW).cursor == "page=2"


class TestWorksToDo:
    def test_are_given_in_order_from_a_position(self, connection: Connection):
        crawl = begun(connection, *range(10, 0, -1))
        first = works_to_do(connection, crawl.crawl_id, 0, 4, reader=READER, now=NOW)
        assert [work.work_id for work in first] == [10, 9, 8, 7]
        rest = works_to_do(connection, crawl.crawl_id, first[-1].position, 100, reader=READER, now=NOW)
        assert [work.work_id for work in rest] == [6, 5, 4, 3, 2, 1]

    def test_say_what_is_missing(self, connection: Connection):
        crawl = begun(connection, 1, 2, 3, 4, 5)
        archived(connection, 1)
        record_artwork(connection, an_artwork(2), NOW)
        record_rows(connection, [a_row(3)], NOW)
        archived(connection, 4)
        mark_stale(connection, 4, NOW)
        assert to_do(connection, crawl) == [(2, False), (3, True), (4, True), (5, True)]
        assert to_do(connection, crawl, files=False) == [(3, True), (4, True), (5, True)]
        assert to_do(connection, crawl, stale=True) == [(4, True)]

    def test_end_when_the_last_file_is_stored(self, connection: Connection):
        crawl = begun(connection, 1)
        artwork = an_artwork(1, pages=2)
        record_artwork(connection, artwork, NOW)
        store(connection, artwork.originals[0])
        assert to_do(connection, crawl) == [(1, False)]
        store(connection, artwork.originals[1])
        assert to_do(connection, crawl) == []

    def test_leave_out_what_is_settled_until_it_is_stale(self, connection: Connection):
        crawl = begun(connection, 1)
        record_unavailable(connection, 1, "gone", "404", NOW)
        assert to_do(connection, crawl) == []
        mark_stale(connection, 1, NOW)
        assert to_do(connection, crawl) == [(1, True)]
        record_unavailable(connection, 1, "gone", "404", NOW)
        assert to_do(connection, crawl) == []

    def test_hold_what_is_withheld_for_another_reader_or_session_or_day(self, connection: Connection):
        crawl = begun(connection, 1)
        record_withheld(connection, 1, Withheld.R18, NOW, READER)
        assert to_do(connection, crawl) == []
        others = {"another session": Reader(901, 6), "another account": Reader(902, 5), "a visitor": VISITOR}
        assert {who: to_do(connection, crawl, reader=reader) for who, reader in others.items()} == {
            who: [(1, True)] for who in others
        }
        assert to_do(connection, crawl, now=NOW + DAY - HOUR) == []
        assert to_do(connection, crawl, now=NOW + DAY + HOUR) == [(1, True)]
        assert to_do(connection, crawl, now=NOW - HOUR) == [(1, True)], "a clock that was ahead puts nothing off"
        mark_stale(connection, 1, NOW)
        assert to_do(connection, crawl) == [(1, True)]

    def test_hold_what_is_withheld_from_a_visitor_for_one_who_is_signed_in(self, connection: Connection):
        crawl = begun(connection, 1, 2)
        record_withheld(connection, 1, Withheld.SIGNED_IN, NOW, VISITOR)
        record_withheld(connection, 2, Withheld.REGION, NOW, VISITOR)
        assert to_do(connection, crawl, reader=VISITOR) == []
        assert to_do(connection, crawl, reader=VISITOR, now=NOW + 2 * DAY) == [(2, True)]
        assert to_do(connection, crawl) == [(1, True), (2, True)]

    def test_hold_what_was_not_found_an_hour_later_also_in_the_same_run(self, connection: Connection):
        crawl = begun(connection, 1)
        assert not record_not_found(connection, 1, "404", NOW, apart=3600)
        assert to_do(connection, crawl, now=NOW + HOUR / 2) == []
        assert to_do(connection, begun(connection), now=NOW + HOUR / 2) == []
        assert to_do(connection, crawl, now=NOW + HOUR) == to_do(connection, crawl, now=NOW + HOUR, stale=True)
        assert to_do(connection, crawl, now=NOW + HOUR) == [(1, True)]
        assert record_not_found(connection, 1, "404", NOW + HOUR, apart=3600)
        assert to_do(connection, crawl, now=NOW + DAY) == []

    def test_hold_whatever_a_person_names_again(self, connection: Connection):
        crawl = begun(connection, 1, 2, 3, 4)
        record_unavailable(connection, 1, "gone", "404", NOW)
        record_withheld(connection, 2, Withheld.R18, NOW, READER)
        record_not_found(connection, 3, "404", NOW, apart=3600)
        archived(connection, 4)
        assert to_do(connection, crawl) == []
        record_told_to_ask(connection, [1, 2, 3, 4, 5], NOW)
        assert to_do(connection, crawl) == [(1, True), (2, True), (3, True)]

    def test_hold_a_masked_work_once(self, connection: Connection):
        crawl = begun(connection, 1)
        artwork = archived(connection, 1)
        record_unavailable(connection, 1, "masked", "a masked row", NOW)
        assert to_do(connection, crawl) == [(1, True)]
        record_artwork(connection, artwork, NOW)
        record_unavailable(connection, 1, "masked", "a masked row", NOW)
        assert to_do(connection, crawl) == []

    def test_leave_out_what_failed_in_this_run(self, connection: Connection):
        crawl = begun(connection, 1, 2)
        record_work_failed(connection, 1, "502", NOW)
        record_artwork(connection, an_artwork(2), NOW)
        record_file_failed(connection, an_original(2), "damaged", NOW)
        assert to_do(connection, crawl, now=NOW + 30 * DAY) == []
        following = begun(connection)
        assert to_do(connection, following) == [(1, True), (2, False)]

    def test_leave_out_what_is_not_due(self, connection: Connection):
        for _ in range(2):
            begun(connection, 1, 2)
            record_work_failed(connection, 1, "502", NOW)
            record_artwork(connection, an_artwork(2), NOW)
            record_file_failed(connection, an_original(2), "damaged", NOW)
        crawl = begun(connection)
        assert to_do(connection, crawl, now=NOW + HOUR / 2) == []
        assert to_do(connection, crawl, now=NOW + HOUR) == [(1, True), (2, False)]

    def test_hold_a_work_with_one_parked_file_among_wanted_ones(self, connection: Connection):
        crawl = begun(connection, 1)
        record_artwork(connection, an_artwork(1, pages=2), NOW)
        record_file_failed(connection, an_original(1, page=1), "damaged", NOW)
        assert to_do(connection, crawl) == [(1, False)]

    def test_hold_a_revised_work_once_more(self, connection: Connection):
        crawl = begun(connection, 1)
        archived(connection, 1)
        record_rows(connection, [a_row(1, SECOND)], NOW)
        assert to_do(connection, crawl) == [(1, True)]

    def test_of_two_lists_that_share_a_work_both_see_it_settled(self, connection: Connection):
        one = begun(connection, 1, 2)
        other = begin_crawl(connection, "ranking", {}, NOW)
        record_listing(connection, other.crawl_id, [2, 1], None, NOW)
        archived(connection, 1)
        assert to_do(connection, one) == to_do(connection, other) == [(2, True)]


def test_a_run_is_recorded_with_its_end(connection: Connection):
    arguments = {"id": [7], "word": "絵 \x00", "files": True}
    crawl = begin_crawl(connection, "search", arguments, NOW)
    assert last_crawls(connection, 5)[0].outcome is None
    ended(
        connection,
        crawl,
        "stopped",
        exit_code=5,
        counts={"files_stored": 3, "works_unavailable/gone": 1},
        read_to_end=False,
        now=NOW + HOUR,
        reason="the disk is full",
    )
    (record,) = last_crawls(connection, 5)
    assert (record.spider, record.outcome, record.exit_code, record.reason) == (
        "search",
        "stopped",
        5,
        "the disk is full",
    )
    assert (record.started, record.ended) == (NOW, NOW + HOUR)
    assert record.counts == {"files_stored": 3, "works_unavailable/gone": 1}
    assert record.arguments == arguments


class TestAListThatWantsFrames:
    @pytest.mark.parametrize("detail", ["full", "listing"])
    def test_is_not_content_with_a_zip(self, connection: Connection, detail: Literal["full", "listing"]):
        ugoira = an_artwork(1, kind="ugoira", detail=detail, originals=(an_ugoira(1),))
        (record_artwork if detail == "full" else lambda c, row, now: record_rows(c, [row], now))(
            connection, ugoira, NOW
        )
        store(connection, an_ugoira(1))
        archived(connection, 2)
        zips, frames = (begin_crawl(connection, "user", {"detail": detail, **more}, NOW) for more in ({}, FRAMES_TOO))
        for crawl in (zips, frames):
            record_listing(connection, crawl.crawl_id, [1, 2], None, NOW)
        enough = "timing" if detail == "listing" else "full"
        assert to_do(connection, zips, enough=enough) == []
        assert to_do(connection, frames, enough=enough, frames=True) == [(1, False)]
        record_row_originals(connection, 1, [an_ugoira(1), *frames_of(1)[:1]], NOW)
        store(connection, frames_of(1)[0])
        assert to_do(connection, frames, enough=enough, frames=True) == [(1, False)], "one of two frames is known"
        record_row_originals(connection, 1, [an_ugoira(1), *frames_of(1)], NOW)
        store(connection, frames_of(1)[1])
        assert to_do(connection, frames, enough=enough, frames=True) == []

    def test_waits_with_a_work_that_could_not_be_asked_for(self, connection: Connection):
        record_artwork(connection, an_artwork(1, kind="ugoira", originals=(an_ugoira(1),)), NOW)
        store(connection, an_ugoira(1))
        crawl = begin_crawl(connection, "user", FRAMES_TOO, NOW)
        record_listing(connection, crawl.crawl_id, [1], None, NOW)
        record_work_failed(connection, 1, "502", NOW)
        assert to_do(connection, crawl, frames=True) == []
        again = begin_crawl(connection, "user", FRAMES_TOO, NOW + DAY)
        assert to_do(connection, again, frames=True, now=NOW + DAY) == [(1, False)]
