"""Files: from wanted to stored, and what failed on the way."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from pixivcrawl.items import Artwork, Original
from pixivcrawl.ledger.journal import Entry
from pixivcrawl.ledger.models import CrawlArtworkRow, FileRow
from pixivcrawl.ledger.queries import (
    known_works,
    served_before,
    status_of_zips,
    stored_files,
    unsettled_intents,
)
from pixivcrawl.ledger.replay import arguments_of
from pixivcrawl.ledger.updates import (
    forget_intent,
    record_artwork,
    record_file_failed,
    record_intent,
    record_lost,
    record_row_originals,
    record_stored,
    record_unavailable,
    settle_intent,
)
from pixivcrawl.ledger.updates.doubtful import changed_validators
from tests.ledger.making import (
    DAY,
    FIRST,
    FRAMES,
    HOUR,
    NOW,
    SECOND,
    an_artwork,
    an_original,
    an_ugoira,
    archived,
    as_stored,
    begun,
    frames_of,
    store,
    wanted_originals,
)


def rows(connection: Connection) -> list[Any]:
    return list(connection.execute(select(FileRow.__table__).order_by(FileRow.id)).all())


def state(connection: Connection, work_id: int = 1) -> str:
    return known_works(connection, [work_id])[work_id].files_state


def test_an_original_is_given_back_as_the_api_named_it(connection: Connection):
    artwork = an_artwork(originals=(an_original(width=None, height=None), an_original(page=1, extension="png")))
    record_artwork(connection, artwork, NOW)
    assert wanted_originals(connection, 1, NOW) == list(artwork.originals)


def test_an_ugoira_keeps_its_frames_and_is_one_file(connection: Connection):
    ugoira = an_ugoira()
    record_artwork(connection, an_artwork(kind="ugoira", originals=(ugoira,)), NOW)
    assert wanted_originals(connection, 1, NOW) == [ugoira]
    record_intent(connection, as_stored(ugoira), NOW)
    (intent,) = unsettled_intents(connection)
    assert intent.original.frames == FRAMES
    assert (intent.frames_path, intent.frames_sha256) == (f"originals/7/1_p0_{ugoira.revision}.json", "cd" * 32)
    record_stored(connection, as_stored(ugoira), NOW)
    assert [(file.path.rpartition(".")[2], file.bytes) for file in stored_files(connection)] == [
        ("json", None),
        ("zip", 1000),
    ]
    assert unsettled_intents(connection) == []
    assert state(connection) == "complete"


def test_a_stored_file_is_what_its_bytes_are(connection: Connection):
    record_artwork(connection, an_artwork(originals=(an_original(width=100, height=None),)), NOW)
    record_intent(connection, as_stored(an_original()), NOW)
    assert [row.state for row in rows(connection)] == ["intent"]
    assert state(connection) == "found"
    record_stored(connection, as_stored(an_original()), NOW + HOUR)
    (row,) = rows(connection)
    assert (row.state, row.width, row.height, row.sha256, row.bytes, row.format, row.stored) == (
        "stored", 640, 480, "ab" * 32, 1000, "jpg", NOW + HOUR,
    )  # fmt: skip
    assert wanted_originals(connection, 1, NOW) == []


def test_a_work_is_complete_with_its_last_file(connection: Connection):
    artwork = an_artwork(pages=3)
    record_artwork(connection, artwork, NOW)
    for original in artwork.originals:
        assert state(connection) == "found"
        store(connection, original)
    assert state(connection) == "complete"


class TestIntents:
    def test_of_an_ended_run_are_settled(self, connection: Connection):
        record_artwork(connection, an_artwork(originals=(an_ugoira(),)), NOW)
        record_intent(connection, as_stored(an_ugoira()), NOW)
        (intent,) = unsettled_intents(connection)
        assert (intent.sha256, intent.bytes) == ("ab" * 32, 1000)
        settle_intent(connection, intent, NOW + HOUR)
        assert [(row.kind, row.state, row.stored) for row in rows(connection)] == [
            ("ugoira", "stored", NOW + HOUR),
            ("frames", "stored", NOW + HOUR),
        ]
        assert state(connection) == "complete"

    def test_or_forgotten(self, connection: Connection):
        record_artwork(connection, an_artwork(originals=(an_ugoira(),)), NOW)
        record_intent(connection, as_stored(an_ugoira()), NOW)
        (intent,) = unsettled_intents(connection)
        forget_intent(connection, intent, NOW)
        assert [(row.kind, row.state, row.path, row.sha256) for row in rows(connection)] == [
            ("ugoira", "wanted", None, None)
        ]
        assert [original.url for original in wanted_originals(connection, 1, NOW)] == [an_ugoira().url]

    def test_of_a_revision_that_passed_are_not_wanted_again(self, connection: Connection):
        record_artwork(connection, an_artwork(), NOW)
        record_intent(connection, as_stored(an_original()), NOW)
        (intent,) = unsettled_intents(connection)
        record_artwork(connection, an_artwork(revision=SECOND), NOW)
        forget_intent(connection, intent, NOW)
        assert [row.state for row in rows(connection)] == ["superseded", "wanted"]

    def test_are_not_fetched_a_second_time(self, connection: Connection):
        record_artwork(connection, an_artwork(), NOW)
        record_intent(connection, as_stored(an_original()), NOW)
        assert record_artwork(connection, an_artwork(), NOW) == []
        assert wanted_originals(connection, 1, NOW) == []

    def test_come_twice_with_the_same_bytes(self, connection: Connection):
        archived(connection)
        record_intent(connection, as_stored(an_original()), NOW)
        assert [row.state for row in rows(connection)] == ["stored"]

    def test_never_replace_other_bytes(self, connection: Connection):
        archived(connection)
        with pytest.raises(ValueError, match="work 1 page 0 is stored already"):
            record_intent(connection, as_stored(an_original(), "ef" * 32), NOW)
        assert [row.sha256 for row in rows(connection)] == ["ab" * 32]


class TestFailures:
    def test_wait_longer_with_each_run(self, connection: Connection):
        record_artwork(connection, an_artwork(), NOW)
        now = NOW
        missing = an_original()
        for wait in (0 * HOUR, HOUR, DAY, 7 * DAY, 30 * DAY, 30 * DAY):
            begun(connection, 1, now=now)
            assert wanted_originals(connection, 1, now) == [missing]
            missing = an_original(retried=True)
            record_file_failed(connection, an_original(), "damaged", now)
            assert wanted_originals(connection, 1, now + 6 * DAY) == []
            assert record_artwork(connection, an_artwork(), now + 6 * DAY) == []
            begun(connection, now=now)
            if wait:
                assert wanted_originals(connection, 1, now + wait - HOUR / 2) == []
            assert wanted_originals(connection, 1, now + wait) == [missing]
            assert record_artwork(connection, an_artwork(), now + wait) == [missing]
            now += wait
        assert state(connection) == "parked"

    def test_may_be_tried_before_their_time(self, connection: Connection):
        record_artwork(connection, an_artwork(), NOW)
        begun(connection)
        record_file_failed(connection, an_original(), "damaged", NOW)
        assert record_artwork(connection, an_artwork(), NOW) == []
        assert wanted_originals(connection, 1, None) == []
        begun(connection)
        record_file_failed(connection, an_original(), "damaged", NOW)
        begun(connection)
        assert wanted_originals(connection, 1, NOW) == []
        assert wanted_originals(connection, 1, None) == [an_original(retried=True)]
        assert record_artwork(connection, an_artwork(), NOW, retry_parked=True) == [an_original(retried=True)]

    def test_are_due_after_the_clock_was_set_back(self, connection: Connection):
        record_artwork(connection, an_artwork(), NOW)
        for _ in range(2):
            begun(connection)
            record_file_failed(connection, an_original(), "damaged", NOW)
        begun(connection)
        assert wanted_originals(connection, 1, NOW) == []
        assert wanted_originals(connection, 1, NOW - 365 * DAY) == [an_original(retried=True)]

    def test_are_over_once_the_file_is_stored(self, connection: Connection):
        record_artwork(connection, an_artwork(), NOW)
        begun(connection)
        record_file_failed(connection, an_original(), "damaged", NOW)
        store(connection, an_original())
        (row,) = rows(connection)
        assert (row.state, row.failed_runs, row.failed_reason, row.next_attempt) == ("stored", 0, None, None)
        record_file_failed(connection, an_original(), "a late word", NOW)
        assert [row.state for row in rows(connection)] == ["stored"]

    def test_after_the_intent_park_the_file(self, connection: Connection):
        record_artwork(connection, an_artwork(), NOW)
        record_intent(connection, as_stored(an_original()), NOW)
        record_file_failed(connection, an_original(), "the name is taken", NOW)
        assert [row.state for row in rows(connection)] == ["parked"]

    def test_of_an_address_that_changed_count_no_more(self, connection: Connection):
        record_artwork(connection, an_artwork(), NOW)
        begun(connection)
        record_file_failed(connection, an_original(), "404", NOW)
        elsewhere = an_original(url="https://i.pximg.net/elsewhere.jpg")
        assert record_artwork(connection, an_artwork(originals=(elsewhere,)), NOW) == [elsewhere]

    def test_of_a_file_nobody_asked_for_are_kept(self, connection: Connection):
        record_artwork(connection, an_artwork(), NOW)
        record_file_failed(connection, an_original(page=5), "404", NOW)
        assert [row.state for row in rows(connection)] == ["wanted", "parked"]


class TestADoubtfulBody:
    """Promise: kept as served when three transfers brought the same bytes, each an hour after the last one, over a day or more."""

    def came(
        self, connection: Connection, after: timedelta, sha256: str = "aa", **said: str
    ) -> tuple[int, timedelta, bool]:
        """One more transfer in a run of its own: how often it has come by now, after what time it is due, and whether it suffices."""
        now = NOW + after
        begun(connection, 1, now=now)
        record_file_failed(connection, an_original(), "warned", now, served_sha256=sha256, **said)
        served = served_before(connection, an_original())
        assert served is not None
        (row,) = rows(connection)
        assert row.next_attempt == served.next_transfer
        return served.times, served.next_transfer - NOW, served.suffices

    @pytest.fixture(autouse=True)
    def a_work(self, connection: Connection):
        record_artwork(connection, an_artwork(), NOW)

    def test_is_kept_when_it_came_three_times_over_a_day(self, connection: Connection):
        assert served_before(connection, an_original()) is None
        assert self.came(connection, 0 * HOUR) == (1, HOUR, False)
        assert self.came(connection, HOUR) == (2, DAY, False)
        assert self.came(connection, DAY) == (3, DAY + HOUR, True)
        assert served_before(connection, an_original(page=1)) is None

    def test_is_due_a_day_after_it_first_came_and_an_hour_after_it_last_did(self, connection: Connection):
        self.came(connection, 0 * HOUR)
        assert self.came(connection, DAY - HOUR / 2) == (2, DAY + HOUR / 2, False)
        begun(connection, now=NOW + DAY)
        assert wanted_originals(connection, 1, NOW + DAY) == []
        assert wanted_originals(connection, 1, NOW + DAY + HOUR / 2) == [an_original(retried=True)]
        assert self.came(connection, DAY + HOUR / 2) == (3, DAY + 1.5 * HOUR, True)

    def test_does_not_count_within_an_hour(self, connection: Connection):
        self.came(connection, 0 * HOUR)
        for part in (0.1, 0.5, 0.99):
            assert self.came(connection, part * HOUR) == (1, HOUR, False)
        assert self.came(connection, HOUR)[0] == 2

    def test_may_come_more_often_than_is_needed(self, connection: Connection):
        """By a person's own request, before it is due."""
        for hours in range(4):
            assert self.came(connection, hours * HOUR) == (hours + 1, HOUR if not hours else DAY, False)
        assert self.came(connection, DAY)[2]

    def test_begins_again_with_other_bytes(self, connection: Connection):
        for hours in (0, 1):
            self.came(connection, hours * HOUR)
        assert self.came(connection, DAY, "bb") == (1, DAY + HOUR, False)
        assert self.came(connection, 2 * DAY, "aa") == (1, 2 * DAY + HOUR, False)

    def test_begins_again_when_the_clock_was_set_back(self, connection: Connection):
        self.came(connection, 365 * DAY)
        assert self.came(connection, 0 * HOUR) == (1, HOUR, False)

    def test_is_remembered_through_other_failures(self, connection: Connection):
        self.came(connection, 0 * HOUR)
        begun(connection, now=NOW + HOUR)
        record_file_failed(connection, an_original(), "no answer", NOW + HOUR)
        assert self.came(connection, DAY) == (2, DAY + HOUR, False)

    def test_keeps_what_the_image_host_said_of_it(self, connection: Connection):
        self.came(connection, 0 * HOUR, etag='"a"', last_modified="Fri")
        before = served_before(connection, an_original())
        self.came(connection, HOUR, etag='"b"', last_modified="Fri")
        now = served_before(connection, an_original())
        assert before is not None
        assert now is not None
        assert changed_validators(before, now) == ['ETag "a" before, "b" now']

    def test_is_known_at_once_when_it_was_kept_and_got_lost(self, connection: Connection):
        for hours in (0, 1, 24):
            self.came(connection, hours * HOUR)
        store(connection, an_original())
        record_lost(connection, 1, 0, FIRST, "image", NOW + 2 * DAY)
        assert self.came(connection, 3 * DAY)[2]


def test_what_is_odd_about_a_file_goes_with_its_bytes(connection: Connection):
    record_artwork(connection, an_artwork(kind="ugoira", originals=(an_ugoira(),)), NOW)
    proven = as_stored(an_ugoira()).proven
    staged = replace(proven.staged, etag='"a"', last_modified="Fri")
    odd = replace(as_stored(an_ugoira()), proven=replace(proven, staged=staged, flaw="frames of two sizes"))
    record_intent(connection, odd, NOW)
    record_stored(connection, odd, NOW)
    told = [(row.kind, row.flaw, row.etag, row.last_modified) for row in rows(connection)]
    assert told == [("ugoira", "frames of two sizes", '"a"', "Fri"), ("frames", None, None, None)]
    record_lost(connection, 1, 0, FIRST, "ugoira", NOW)
    lost = rows(connection)[0]
    assert (lost.state, lost.flaw, lost.etag, lost.last_modified) == ("wanted", None, None, None)


def test_stored_files_are_given_one_by_one(connection: Connection):
    for work_id in range(1, 40):
        archived(connection, work_id, pages=2)
    files = list(stored_files(connection))
    assert len(files) == 78
    assert {(file.sha256, file.bytes) for file in files} == {("ab" * 32, 1000)}


class TestALostFile:
    def test_of_the_present_revision_is_wanted_again_on_every_list(self, connection: Connection):
        archived(connection, 1, pages=2)
        begun(connection, 1)
        record_lost(connection, 1, 1, FIRST, "image", NOW)
        assert [row.state for row in rows(connection)] == ["stored", "wanted"]
        assert state(connection) == "found"
        assert wanted_originals(connection, 1, NOW) == [an_original(page=1)]
        assert connection.execute(select(CrawlArtworkRow.unsettled)).scalars().all() == [True]

    def test_of_a_replaced_revision_is_superseded_and_remembered(self, connection: Connection):
        archived(connection)
        record_artwork(connection, an_artwork(revision=SECOND), NOW)
        store(connection, an_original(revision=SECOND))
        record_lost(connection, 1, 0, FIRST, "image", NOW)
        assert [(row.state, row.sha256) for row in rows(connection)] == [
            ("superseded", "ab" * 32),
            ("stored", "ab" * 32),
        ]
        assert (state(connection), known_works(connection, [1])[1].stale) == ("complete", False)

    @pytest.mark.parametrize("change", [{"url": None}, {"page": 9}, {"revision": SECOND}])
    def test_that_pixiv_may_not_have_is_asked_for_once(self, connection: Connection, change: dict[str, Any]):
        archived(connection)
        connection.execute(update(FileRow).values(**change))
        (row,) = rows(connection)
        record_lost(connection, 1, row.page, row.revision, "image", NOW)
        assert known_works(connection, [1])[1].stale
        assert wanted_originals(connection, 1, NOW) == []
        missing = record_artwork(connection, an_artwork(), NOW)
        assert missing == [an_original()]
        store(connection, *missing)
        assert state(connection) == "complete"

    def test_is_lost_once(self, connection: Connection):
        archived(connection)
        record_lost(connection, 1, 0, FIRST, "image", NOW)
        once = rows(connection)
        record_lost(connection, 1, 0, FIRST, "image", NOW + HOUR)
        assert rows(connection) == once

    def test_list_of_frames_loses_its_row(self, connection: Connection):
        record_artwork(connection, an_artwork(kind="ugoira", originals=(an_ugoira(),)), NOW)
        store(connection, an_ugoira())
        record_lost(connection, 1, 0, FIRST, "frames", NOW)
        assert [(row.kind, row.state) for row in rows(connection)] == [("ugoira", "stored")]


class TestFramesAsUploaded:
    """Nobody names them but whoever asks for them."""

    def ugoira(self, *frames: Original, revision: str = FIRST) -> Artwork:
        return an_artwork(kind="ugoira", revision=revision, originals=(an_ugoira(revision=revision), *frames))

    def states(self, connection: Connection) -> list[tuple[str, str, str]]:
        return sorted((row.kind, row.revision, row.state) for row in rows(connection) if row.kind != "frames")

    def test_stay_wanted_when_the_zip_alone_is_named(self, connection: Connection):
        record_artwork(connection, self.ugoira(*frames_of()), NOW)
        store(connection, an_ugoira(), frames_of()[0])
        assert record_artwork(connection, self.ugoira(), NOW) == []
        record_row_originals(connection, 1, [an_ugoira()], NOW)
        assert self.states(connection) == [
            ("frame", FIRST, "stored"),
            ("frame", FIRST, "wanted"),
            ("ugoira", FIRST, "stored"),
        ]
        assert state(connection) == "found"

    def test_of_an_older_revision_are_superseded_unless_they_are_there(self, connection: Connection):
        record_artwork(connection, self.ugoira(*frames_of()), NOW)
        store(connection, an_ugoira(), frames_of()[0])
        record_artwork(connection, self.ugoira(revision=SECOND), NOW)
        store(connection, an_ugoira(revision=SECOND))
        assert self.states(connection) == [
            ("frame", FIRST, "stored"),
            ("frame", FIRST, "superseded"),
            ("ugoira", FIRST, "stored"),
            ("ugoira", SECOND, "stored"),
        ]
        record_lost(connection, 1, 0, FIRST, "frame", NOW)
        assert not known_works(connection, [1])[1].stale, "the zip is newer, so that pixiv has no such frame"

    def test_that_are_lost_are_wanted_again(self, connection: Connection):
        record_artwork(connection, self.ugoira(*frames_of()), NOW)
        store(connection, an_ugoira(), *frames_of())
        record_lost(connection, 1, 1, FIRST, "frame", NOW)
        assert wanted_originals(connection, 1, NOW) == [frames_of()[1]]

    def test_keep_the_extension_that_was_found(self, connection: Connection):
        found = frames_of()[1].with_extension("gif")
        record_artwork(connection, self.ugoira(*frames_of()), NOW)
        store(connection, an_ugoira(), frames_of()[0], found)
        record_lost(connection, 1, 1, FIRST, "frame", NOW)
        begun(connection)
        record_file_failed(connection, found, "500", NOW)
        assert record_artwork(connection, self.ugoira(*frames_of()), NOW) == [], "a guess is no reason to try again"
        assert wanted_originals(connection, 1, NOW + 8 * DAY) == []
        begun(connection)
        assert wanted_originals(connection, 1, NOW + 8 * DAY) == [replace(found, retried=True)]

    def test_are_counted_when_the_zip_is_alone(self, connection: Connection):
        record_artwork(connection, self.ugoira(), NOW)
        assert status_of_zips(connection) == (0, 0, 0)
        store(connection, an_ugoira())
        assert status_of_zips(connection) == (1, 0, 0)
        record_row_originals(connection, 1, [an_ugoira(), *frames_of()], NOW)
        store(connection, *frames_of())
        assert status_of_zips(connection) == (0, 0, 0)
        record_artwork(connection, self.ugoira(revision=SECOND), NOW)
        store(connection, an_ugoira(revision=SECOND))
        record_unavailable(connection, 1, "gone", "404", NOW)
        assert status_of_zips(connection) == (0, 1, 0)


def test_a_journal_that_tells_no_kind_means_a_zip_by_its_frames():
    told = {**asdict(an_ugoira()), "uploaded": an_ugoira().uploaded.isoformat()}
    del told["kind"]
    entry = Entry("files-from-row", {"work_id": 1, "originals": [told], "now": NOW.isoformat()}, None)
    assert arguments_of(entry)["originals"] == [an_ugoira()]
