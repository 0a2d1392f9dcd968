"""Works: what is recorded, what is kept of the past, and what never overwrites what is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, select

from pixivcrawl.items import Tag
from pixivcrawl.ledger.models import ArtworkRow, ArtworkVersionRow, FileRow, TagTranslationRow
from pixivcrawl.ledger.queries import KnownWork, known_works
from pixivcrawl.ledger.updates import (
    mark_stale,
    record_artwork,
    record_not_found,
    record_rows,
    record_unavailable,
    record_withheld,
    record_work_failed,
)
from pixivcrawl.reader import VISITOR
from tests.ledger.making import (
    DAY,
    FIRST,
    HOUR,
    NOW,
    SECOND,
    a_row,
    an_artwork,
    an_original,
    archived,
    begun,
    store,
    tag_names,
)


def row_of(connection: Connection, work_id: int = 1) -> Any:
    return connection.execute(select(ArtworkRow.__table__).where(ArtworkRow.id == work_id)).one()


def known(connection: Connection, work_id: int = 1) -> KnownWork:
    return known_works(connection, [work_id])[work_id]


def versions(connection: Connection, work_id: int = 1) -> list[tuple[Any, ...]]:
    query = select(
        ArtworkVersionRow.field, ArtworkVersionRow.value, ArtworkVersionRow.true_from, ArtworkVersionRow.true_to
    )
    found = connection.execute(query.where(ArtworkVersionRow.artwork_id == work_id).order_by(ArtworkVersionRow.id))
    return [tuple(row) for row in found]


class TestAWorkInFull:
    def test_is_kept_as_it_was_told(self, connection: Connection):
        record_artwork(connection, an_artwork(x_restrict=1, width=640, height=480, view_count=2**40), NOW)
        row = row_of(connection)
        assert (row.title, row.caption, row.kind, row.page_count, row.revision) == (
            "title", "caption", "illust", 1, FIRST,
        )  # fmt: skip
        assert (row.x_restrict, row.width, row.height, row.view_count, row.user_id) == (1, 640, 480, 2**40, 7)
        assert (row.created, row.uploaded) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
        assert (row.detail, row.availability, row.first_seen) == ("full", "available", NOW)
        assert tag_names(connection, [1]) == {1: ["one", "two"]}
        translations = connection.execute(select(TagTranslationRow.text)).scalars().all()
        assert translations == ["deux"]

    def test_names_the_originals_to_fetch_until_they_are_stored(self, connection: Connection):
        artwork = an_artwork(pages=3)
        assert record_artwork(connection, artwork, NOW) == list(artwork.originals)
        store(connection, artwork.originals[1])
        assert record_artwork(connection, artwork, NOW) == [artwork.originals[0], artwork.originals[2]]
        assert known(connection).files_state == "found"
        store(connection, artwork.originals[0], artwork.originals[2])
        assert record_artwork(connection, artwork, NOW) == []
        assert known(connection).files_state == "complete"
        row = row_of(connection)
        assert (row.files_stored, row.bytes_stored) == (3, 3000)

    def test_told_again_changes_nothing(self, connection: Connection):
        record_artwork(connection, an_artwork(), NOW)
        before = row_of(connection)
        record_artwork(connection, an_artwork(), NOW + DAY)
        assert row_of(connection) == before
        assert versions(connection) == []

    def test_is_not_asked_twice_because_of_text_that_cannot_be_stored(self, connection: Connection):
        nasty = an_artwork(title="a\x00\ud800", caption="\udfff", tags=(Tag("\x00"), Tag("t" * 3000, "\ud800")))
        record_artwork(connection, nasty, NOW)
        record_artwork(connection, nasty, NOW + DAY)
        assert row_of(connection).title == "a\ufffd\ufffd"
        assert versions(connection) == []

    def test_may_bear_one_tag_twice(self, connection: Connection):
        record_artwork(connection, an_artwork(tags=(Tag("one"), Tag("two"), Tag("one", "eins"))), NOW)
        assert tag_names(connection, [1]) == {1: ["one", "two"]}

    def test_none_never_replaces_what_is_known(self, connection: Connection):
        record_artwork(connection, an_artwork(series_id=5, sanity_level=2), NOW)
        record_artwork(connection, an_artwork(caption=None, created=None), NOW)
        row = row_of(connection)
        assert (row.series_id, row.sanity_level, row.caption) == (5, 2, "caption")
        assert row.created is not None

    def test_a_translation_that_changed_is_kept_and_none_does_not_erase_it(self, connection: Connection):
        record_artwork(connection, an_artwork(tags=(Tag("two", "deux"),)), NOW)
        record_artwork(connection, an_artwork(tags=(Tag("two"),)), NOW)
        assert connection.execute(select(TagTranslationRow.text)).scalars().all() == ["deux"]
        record_artwork(connection, an_artwork(tags=(Tag("two", "zwei"),)), NOW)
        assert connection.execute(select(TagTranslationRow.text)).scalars().all() == ["zwei"]


class TestHistory:
    def test_former_values_stay_with_their_dates(self, connection: Connection):
        record_artwork(connection, an_artwork(), NOW)
        record_artwork(connection, an_artwork(title="second", tags=(Tag("three"),)), NOW + DAY)
        record_artwork(connection, an_artwork(title="third", tags=()), NOW + 2 * DAY)
        assert versions(connection) == [
            ("title", "title", NOW, NOW + DAY),
            ("tags", ["one", "two"], NOW, NOW + DAY),
            ("title", "second", NOW + DAY, NOW + 2 * DAY),
            ("tags", ["three"], NOW + DAY, NOW + 2 * DAY),
        ]
        assert row_of(connection).title == "third"
        assert tag_names(connection, [1]) == {}

    def test_counts_are_no_history(self, connection: Connection):
        record_artwork(connection, an_artwork(bookmark_count=1), NOW)
        record_artwork(connection, an_artwork(bookmark_count=2), NOW + DAY)
        assert versions(connection) == []
        assert row_of(connection).bookmark_count == 2

    def test_another_order_of_tags_is_no_history(self, connection: Connection):
        record_artwork(connection, an_artwork(), NOW)
        record_artwork(connection, an_artwork(tags=(Tag("two"), Tag("one"))), NOW + DAY)
        assert versions(connection) == []

    def test_a_revision_is_fetched_beside_the_old_one(self, connection: Connection):
        archived(connection, pages=2)
        revised = an_artwork(pages=3, revision=SECOND)
        assert record_artwork(connection, revised, NOW + DAY) == list(revised.originals)
        states = connection.execute(select(FileRow.revision, FileRow.state).order_by(FileRow.id)).all()
        assert [tuple(state) for state in states] == [(FIRST, "stored")] * 2 + [(SECOND, "wanted")] * 3
        assert [version[:2] for version in versions(connection)] == [("page_count", 2), ("revision", FIRST)]
        assert known(connection).files_state == "found"
        store(connection, *revised.originals)
        assert row_of(connection).files_stored == 5

    def test_what_was_never_had_of_an_older_revision_is_superseded(self, connection: Connection):
        artwork = an_artwork(pages=3)
        record_artwork(connection, artwork, NOW)
        store(connection, artwork.originals[0])
        revised = an_artwork(pages=1, revision=SECOND)
        assert record_artwork(connection, revised, NOW + DAY) == list(revised.originals)
        store(connection, *revised.originals)
        assert known(connection).files_state == "complete"
        states = connection.execute(select(FileRow.state).order_by(FileRow.id)).scalars().all()
        assert states == ["stored", "superseded", "superseded", "stored"]

    def test_a_revision_that_returns_is_wanted_again_where_it_is_missing(self, connection: Connection):
        artwork = an_artwork(pages=2)
        record_artwork(connection, artwork, NOW)
        store(connection, artwork.originals[0])
        record_artwork(connection, an_artwork(pages=2, revision=SECOND), NOW)
        assert record_artwork(connection, artwork, NOW) == [artwork.originals[1]]

    def test_an_address_that_changed_is_taken_over(self, connection: Connection):
        record_artwork(connection, an_artwork(), NOW)
        as_png = an_original(url="https://i.pximg.net/1_p0.png", extension="png")
        assert record_artwork(connection, an_artwork(originals=(as_png,)), NOW) == [as_png]
        assert connection.execute(select(FileRow.extension)).scalars().all() == ["png"]


class TestListRows:
    def test_make_works_known(self, connection: Connection):
        assert record_rows(connection, [a_row(1), a_row(2, SECOND, kind="ugoira")], NOW) == []
        works = known_works(connection, [1, 2, 3])
        assert sorted(works) == [1, 2]
        assert (works[2].detail, works[2].availability, works[2].kind, works[2].revision) == (
            "listing",
            "available",
            "ugoira",
            SECOND,
        )
        assert tag_names(connection, [1, 2, 3]) == {1: ["one", "two"], 2: ["one", "two"]}

    def test_never_lower_or_cut_short_what_is_known_in_full(self, connection: Connection):
        archived(connection, pages=2)
        row = a_row(title="new title", caption="", page_count=1, width=1, uploaded=None, tags=())
        assert record_rows(connection, [row], NOW + DAY) == []
        work = row_of(connection)
        assert (work.detail, work.title, work.caption, work.page_count, work.width) == (
            "full",
            "new title",
            "caption",
            2,
            None,
        )
        assert tag_names(connection, [1]) == {1: ["one", "two"]}
        assert versions(connection) == [("title", "title", NOW, NOW + DAY)]

    def test_tell_a_revision_once_and_mark_the_work_stale(self, connection: Connection):
        archived(connection)
        assert record_rows(connection, [a_row(1, SECOND)], NOW) == [1]
        assert known(connection).stale
        assert known(connection).revision == FIRST
        assert record_rows(connection, [a_row(1, SECOND)], NOW) == []
        assert known(connection).stale
        record_artwork(connection, an_artwork(revision=SECOND), NOW)
        assert not known(connection).stale
        assert record_rows(connection, [a_row(1, SECOND)], NOW) == []

    def test_do_not_tell_what_the_work_itself_told_meanwhile(self, connection: Connection):
        record_rows(connection, [a_row(1, FIRST)], NOW)
        record_artwork(connection, an_artwork(revision=SECOND), NOW)
        assert record_rows(connection, [a_row(1, SECOND)], NOW) == []

    def test_tell_a_later_update(self, connection: Connection):
        archived(connection)
        assert record_rows(connection, [a_row(uploaded=NOW - DAY)], NOW) == []
        assert record_rows(connection, [a_row(uploaded=NOW - DAY)], NOW) == []
        assert record_rows(connection, [a_row(uploaded=NOW)], NOW) == [1]

    def test_say_nothing_of_a_work_that_was_never_read(self, connection: Connection):
        record_rows(connection, [a_row(1, FIRST)], NOW)
        assert record_rows(connection, [a_row(1, SECOND)], NOW) == []
        assert known(connection).revision == SECOND
        assert not known(connection).stale

    def test_tell_that_a_work_is_back(self, connection: Connection):
        archived(connection)
        record_unavailable(connection, 1, "gone", "404", NOW)
        assert record_rows(connection, [a_row()], NOW) == [1]

    def test_with_one_work_twice_and_many_works(self, connection: Connection):
        rows = [a_row(work_id) for work_id in range(1, 1201)] + [a_row(1, title="again")]
        record_rows(connection, rows, NOW)
        assert len(known_works(connection, range(1, 1300))) == 1200
        assert row_of(connection).title == "again"

    def test_of_none(self, connection: Connection):
        assert record_rows(connection, [], NOW) == []
        assert known_works(connection, []) == {}


class TestUnavailable:
    @pytest.mark.parametrize("availability", ["gone", "withheld", "masked"])
    def test_keeps_all_that_is_known(self, connection: Connection, availability: Any):
        artwork = archived(connection)
        mark_stale(connection, 1, NOW)
        before = row_of(connection)
        if availability == "withheld":
            record_withheld(connection, 1, "as pixiv says", NOW + DAY, VISITOR)
        else:
            record_unavailable(connection, 1, availability, "as pixiv says", NOW + DAY)
        row = row_of(connection)
        assert (row.availability, row.unavailable_reason, row.unavailable_since) == (
            availability,
            "as pixiv says",
            NOW + DAY,
        )
        assert (row.title, row.detail, row.revision, row.files_stored) == (
            before.title,
            before.detail,
            before.revision,
            1,
        )
        assert tag_names(connection, [1]) == {1: ["one", "two"]}
        assert versions(connection) == []
        record_artwork(connection, artwork, NOW + 2 * DAY)
        back = row_of(connection)
        assert (back.availability, back.unavailable_reason, back.unavailable_since) == ("available", None, None)

    def test_is_dated_when_it_began(self, connection: Connection):
        for day in range(3):
            record_unavailable(connection, 1, "gone", "404", NOW + day * DAY)
        assert row_of(connection).unavailable_since == NOW
        assert row_of(connection).first_seen == NOW

    def test_a_masked_row_says_less_than_a_tombstone(self, connection: Connection):
        record_unavailable(connection, 1, "gone", "404", NOW)
        record_unavailable(connection, 1, "masked", "a masked row", NOW)
        assert known(connection).availability == "gone"

    def test_a_masked_row_has_the_work_asked_for_once(self, connection: Connection):
        artwork = archived(connection)
        record_unavailable(connection, 1, "masked", "a masked row", NOW)
        assert known(connection).availability == "masked"
        record_artwork(connection, artwork, NOW)
        record_unavailable(connection, 1, "masked", "a masked row", NOW + DAY)
        assert known(connection).availability == "available"
        record_rows(connection, [a_row()], NOW + DAY)
        record_unavailable(connection, 1, "masked", "a masked row", NOW + 2 * DAY)
        assert known(connection).availability == "masked"

    def test_a_complete_work_that_needs_a_session_now_is_no_loss(self, connection: Connection):
        archived(connection)
        record_withheld(connection, 1, "R-18", NOW, VISITOR)
        assert known(connection).availability == "available"
        record_artwork(connection, an_artwork(availability="withheld", originals=()), NOW)
        assert known(connection).availability == "available"
        assert known(connection).files_state == "complete"

    def test_a_work_read_without_its_images_needs_a_session(self, connection: Connection):
        assert record_artwork(connection, an_artwork(availability="withheld", originals=()), NOW) == []
        work = known(connection)
        assert (work.detail, work.availability, work.files_state) == ("full", "withheld", "found")

    @pytest.mark.parametrize("old", ["login needed", "forbidden"])
    def test_what_journals_of_old_call_final_is_withheld_from_nobody_knows_whom(self, connection: Connection, old: Any):
        record_unavailable(connection, 1, old, "R-18", NOW, with_session=True)
        row = row_of(connection)
        assert (row.availability, row.withheld_from, row.withheld_session, row.withheld_at) == (
            "withheld",
            None,
            None,
            NOW,
        )

    def test_one_answer_that_it_is_not_found_is_no_tombstone(self, connection: Connection):
        assert not record_not_found(connection, 1, "404", NOW, apart=3600)
        assert not record_not_found(connection, 1, "404", NOW + HOUR / 2, apart=3600)
        assert (row_of(connection).availability, row_of(connection).missing_since) == ("unknown", NOW)
        assert record_not_found(connection, 1, "404", NOW + HOUR, apart=3600)
        assert (row_of(connection).availability, row_of(connection).unavailable_since) == ("gone", NOW + HOUR)

    def test_one_answer_is_enough_where_a_list_says_it_too(self, connection: Connection):
        archived(connection)
        assert record_not_found(connection, 1, "404", NOW, apart=3600, is_unlisted=True)
        record_unavailable(connection, 2, "masked", "-----", NOW)
        assert record_not_found(connection, 2, "404", NOW, apart=3600)

    def test_a_work_that_is_seen_between_two_looks_is_not_gone(self, connection: Connection):
        record_not_found(connection, 1, "404", NOW, apart=3600)
        record_artwork(connection, an_artwork(), NOW + HOUR / 2)
        assert not record_not_found(connection, 1, "404", NOW + HOUR, apart=3600)

    def test_a_work_that_any_list_shows_again_is_taken_back_at_once(self, connection: Connection):
        archived(connection)
        record_unavailable(connection, 1, "gone", "404", NOW)
        assert record_rows(connection, [a_row()], NOW + DAY) == [1]
        assert (known(connection).availability, known(connection).stale) == ("available", True)
        assert [field for field, *_ in versions(connection)] == ["availability"]

    def test_a_revised_work_that_is_withheld_is_that(self, connection: Connection):
        archived(connection)
        mark_stale(connection, 1, NOW)
        record_artwork(connection, an_artwork(availability="withheld", originals=()), NOW)
        record_withheld(connection, 1, "R-18", NOW, VISITOR)
        assert (known(connection).availability, known(connection).stale) == ("withheld", False)


class TestAWorkThatFailed:
    def test_waits_longer_with_each_run(self, connection: Connection):
        now = NOW
        for wait in (0 * HOUR, HOUR, DAY, 7 * DAY, 30 * DAY, 30 * DAY):
            begun(connection, now=now)
            record_work_failed(connection, 1, "HTML where JSON is due", now)
            assert known(connection).next_attempt == now + wait
            now += 30 * DAY
        assert row_of(connection).failed_runs == 6
        assert known(connection).files_state == "parked"

    def test_twice_in_one_run_counts_once(self, connection: Connection):
        begun(connection)
        record_work_failed(connection, 1, "first", NOW)
        record_work_failed(connection, 1, "second", NOW + HOUR)
        assert (row_of(connection).failed_runs, row_of(connection).failed_reason) == (1, "second")

    def test_and_then_is_read_has_a_clean_sheet(self, connection: Connection):
        begun(connection)
        record_work_failed(connection, 1, "first", NOW)
        record_artwork(connection, an_artwork(), NOW)
        row = row_of(connection)
        assert (row.failed_runs, row.failed_reason, row.next_attempt, row.failed_crawl_id) == (0, None, None, None)
        assert row.files_state == "found"

    def test_keeps_its_files(self, connection: Connection):
        archived(connection)
        begun(connection)
        record_work_failed(connection, 1, "502", NOW)
        assert known(connection).files_state == "complete"


def test_a_row_with_a_caption_tells_it_until_the_work_s_own_page_does(connection: Connection):
    record_rows(connection, [a_row(caption="second hand", translated_title="Abend")], NOW)
    assert (row_of(connection).caption, row_of(connection).detail) == ("second hand", "listing")
    record_artwork(connection, an_artwork(), NOW)
    record_rows(connection, [a_row(caption="second hand", translated_title="Abend")], NOW)
    assert (row_of(connection).caption, row_of(connection).detail) == ("caption", "full")


def test_a_work_changes_hands_never_its_history(connection: Connection):
    """Two works share tags and artist; each keeps its own."""
    record_artwork(connection, an_artwork(1), NOW)
    record_artwork(connection, replace(an_artwork(2), tags=(Tag("two"), Tag("six"))), NOW)
    record_artwork(connection, an_artwork(1, tags=(Tag("six"),)), NOW + DAY)
    assert tag_names(connection, [1, 2]) == {1: ["six"], 2: ["two", "six"]}
    assert versions(connection, 2) == []
