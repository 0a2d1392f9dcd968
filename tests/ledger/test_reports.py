"""What `pixivcrawl report` is told, and that it looks at what happened in its span and at nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from pixivcrawl.filters import Filters
from pixivcrawl.items import Tag
from pixivcrawl.ledger.engine import prepare, read_url, writing_engine
from pixivcrawl.ledger.queries import Missing, reports
from pixivcrawl.ledger.queries.browsing.works import covers
from pixivcrawl.ledger.queries.reports import Change, Loss, NewName, Return, Span, Sums
from pixivcrawl.ledger.updates import (
    drop_from_list,
    end_crawl,
    record_artist_left,
    record_artwork,
    record_file_failed,
    record_row_originals,
    record_unavailable,
    record_user_name,
    record_withheld,
    record_work_failed,
)
from tests.ledger.making import (
    DAY,
    FIRST,
    HOUR,
    NOW,
    SECOND,
    an_artwork,
    an_original,
    an_ugoira,
    archived,
    begun,
    sqlite_url,
    store,
)
from tests.ledger.test_plans import plans, whole_tables

TODAY = Span(NOW, NOW + DAY)
TOMORROW = Span(NOW + DAY, NOW + 2 * DAY)
EVER = Span(NOW - 900 * DAY, NOW + 900 * DAY)


def two_days(connection: Connection) -> None:
    """Today works 1 to 5 of two artists; tomorrow one revised, one reworded, one gone, one renamed artist, one new."""
    begun(connection, 1, 2, 3, 4, 5, 9)
    archived(connection, 1, pages=2)
    archived(connection, 2)
    record_artwork(connection, an_artwork(3), NOW + HOUR)
    record_artwork(connection, an_artwork(4, user_id=8, user_name="other"), NOW + HOUR)
    later = NOW + DAY
    begun(connection, 1, 2, 3, 4, 5, 6, now=later)
    record_artwork(connection, an_artwork(1, 2, SECOND), later)
    store(connection, an_original(1, 0, SECOND))
    record_artwork(connection, an_artwork(2, title="new words", tags=(Tag("one"),)), later)
    record_unavailable(connection, 3, "gone", "404", later)
    record_user_name(connection, 8, "another", later)
    record_artwork(connection, an_artwork(6), later)
    record_file_failed(connection, an_original(6), "damaged: cut short", later)
    record_work_failed(connection, 5, "HTML where JSON is due", later)


def test_an_empty_archive_has_no_news(connection: Connection):
    assert reports.sums_of_span(connection, EVER) == Sums(0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert reports.artists_with_news(connection, EVER, None) == []
    for ask in (reports.new_works, reports.changes, reports.returns, reports.losses, reports.new_names):
        assert list(ask(connection, EVER)) == []
    assert list(reports.runs_of_span(connection, EVER)) == []
    assert reports.first_run_since(connection, EVER.since) is None
    assert covers(connection, [1]) == {}


def test_what_is_new_is_told_for_its_own_span(connection: Connection):
    two_days(connection)
    assert [work.work_id for work in reports.new_works(connection, TODAY)] == [1, 2, 4, 5, 9]
    assert [work.work_id for work in reports.new_works(connection, TOMORROW)] == [6]
    (new,) = reports.new_works(connection, TOMORROW)
    assert (new.user_id, new.user_name, new.title, new.kind, new.files_state) == (
        7,
        "artist",
        "title",
        "illust",
        "parked",
    )
    artists = reports.artists_with_news(connection, TODAY, 2)
    assert [(artist.user_id, artist.works, artist.files) for artist in artists] == [(7, 2, 4), (None, 2, 0)]
    assert len(reports.artists_with_news(connection, TODAY, None)) == 3
    newest = reports.newest_of_artists(connection, TODAY, [7, None], 2)
    assert {artist: [work.work_id for work in works] for artist, works in newest.items()} == {7: [2, 1], None: [9, 5]}


def test_what_changed_is_told_with_its_former_value(connection: Connection):
    two_days(connection)
    assert list(reports.changes(connection, TODAY)) == []
    assert list(reports.changes(connection, TOMORROW)) == [
        Change(1, 7, "artist", "title", "revision", FIRST, NOW + DAY),
        Change(2, 7, "artist", "new words", "title", "title", NOW + DAY),
        Change(2, 7, "artist", "new words", "tags", ["one", "two"], NOW + DAY),
    ]
    assert len(list(reports.changes(connection, TOMORROW, 1))) == 1


def test_what_was_lost_and_what_came_back(connection: Connection):
    two_days(connection)
    assert list(reports.losses(connection, TODAY)) == []
    assert list(reports.losses(connection, TOMORROW)) == [Loss(3, 7, "artist", "title", "gone", "404", NOW + DAY, 0)]
    record_artwork(connection, an_artwork(3), NOW + 2 * DAY)
    assert list(reports.losses(connection, TOMORROW)) == []
    back = Span(NOW + 2 * DAY, NOW + 3 * DAY)
    assert list(reports.returns(connection, back)) == [
        Return(3, 7, "artist", "title", "gone", NOW + DAY, NOW + 2 * DAY)
    ]
    assert list(reports.changes(connection, back)) == []


def test_each_return_tells_its_own_absence(connection: Connection):
    """Also that of an artist who left with the works, and of a work that was never described before it came."""
    begun(connection, 1, 2)
    archived(connection, 1)
    record_unavailable(connection, 1, "gone", "404", NOW + DAY)
    record_unavailable(connection, 2, "gone", "404", NOW + DAY)
    for work_id in (1, 2):
        record_artwork(connection, an_artwork(work_id), NOW + 2 * DAY)
    record_artist_left(connection, 7, NOW + 5 * DAY)
    record_artwork(connection, an_artwork(1), NOW + 6 * DAY)
    told = [(back.work_id, back.was, back.since, back.seen) for back in reports.returns(connection, EVER)]
    assert told == [
        (1, "gone", NOW + DAY, NOW + 2 * DAY),
        (2, "gone", NOW + DAY, NOW + 2 * DAY),
        (1, "gone", NOW + 5 * DAY, NOW + 6 * DAY),
    ]


@pytest.mark.long
def test_a_first_name_is_no_renaming(connection: Connection):
    two_days(connection)
    assert list(reports.new_names(connection, TODAY)) == []
    assert list(reports.new_names(connection, EVER)) == [NewName(8, "another", "other", NOW + DAY)]


def test_what_failed_is_told_with_when_it_is_due(connection: Connection):
    two_days(connection)
    first = reports.first_run_since(connection, TOMORROW.since)
    assert first is not None
    failed = [
        Missing(5, None, "work", "HTML where JSON is due", 1, NOW + DAY),
        Missing(6, 0, "image", "damaged: cut short", 1, NOW + DAY),
    ]
    assert list(reports.failures(connection, first)) == failed
    for limit in range(3):
        assert list(reports.failures(connection, first, limit)) == failed[:limit]
    assert list(reports.failures(connection, first + 1)) == []
    begun(connection, 5, now=NOW + 2 * DAY)
    record_work_failed(connection, 5, "again", NOW + 2 * DAY)
    again = [failure.work_id for failure in reports.failures(connection, first, for_the_first_time=True)]
    assert again == [6]


def test_what_fails_again_and_again_is_counted(connection: Connection):
    two_days(connection)
    assert reports.failing_again_and_again(connection, 1) == 2
    assert reports.failing_again_and_again(connection, 2) == 0
    begun(connection, 5, now=NOW + 2 * DAY)
    record_work_failed(connection, 5, "again", NOW + 2 * DAY)
    record_withheld(connection, 8, "R-18", NOW + 2 * DAY)
    assert reports.failing_again_and_again(connection, 2) == 1
    assert reports.needing_a_session(connection) == 1


def test_the_sums_are_those_of_the_lists(connection: Connection):
    two_days(connection)
    assert reports.sums_of_span(connection, TODAY) == Sums(5, 2, 4, 4000, 0, 0, 0, 0, 0)
    assert reports.sums_of_span(connection, TOMORROW) == Sums(1, 1, 0, 0, 1, 1, 1, 0, 1)


def test_what_was_never_had_is_not_new(connection: Connection):
    """A tombstone that a list brought, and what the filters left out."""
    crawl = begun(connection, 1, 2, 3)
    archived(connection, 1)
    record_artwork(connection, an_artwork(2), NOW)
    drop_from_list(connection, crawl.crawl_id, [2])
    record_unavailable(connection, 3, "gone", "404", NOW)
    assert [work.work_id for work in reports.new_works(connection, TODAY)] == [1]
    assert reports.sums_of_span(connection, TODAY).works == 1
    assert [loss.work_id for loss in reports.losses(connection, TODAY)] == [3]


def test_runs_are_told_in_their_order(connection: Connection):
    crawl = begun(connection, 1)
    end_crawl(connection, crawl.crawl_id, outcome="complete", exit_code=0, counts={"a": 1}, read_to_end=True, now=NOW)
    begun(connection, 1, now=NOW + DAY)
    runs = list(reports.runs_of_span(connection, EVER))
    assert [(run.crawl_id, run.list_id, run.outcome, run.counts) for run in runs] == [
        (crawl.crawl_id, crawl.crawl_id, "complete", {"a": 1}),
        (crawl.crawl_id + 1, crawl.crawl_id, None, {}),
    ]
    assert [run.crawl_id for run in reports.runs_of_span(connection, TODAY)] == [crawl.crawl_id]


def test_a_work_is_shown_by_its_latest_first_page(connection: Connection):
    begun(connection, 1, 2, 3)
    archived(connection, 1, pages=2)
    record_artwork(connection, an_artwork(1, 2, SECOND), NOW)
    store(connection, an_original(1, 1, SECOND))
    record_artwork(connection, an_artwork(2, kind="ugoira", originals=(an_ugoira(2),)), NOW)
    store(connection, an_ugoira(2))
    record_row_originals(connection, 3, (an_original(3),), NOW)
    found = covers(connection, [1, 2, 3])
    assert sorted(found) == [1, 2]
    assert found[1].path == f"originals/7/1_p1_{SECOND}.jpg"
    assert (found[2].kind, found[2].path, found[2].frame) == ("ugoira", f"originals/7/2_p0_{FIRST}.zip", "000000.jpg")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = writing_engine(read_url(sqlite_url(tmp_path)))
    prepare(engine)
    with engine.begin() as connection:
        two_days(connection)
    yield engine
    engine.dispose()


QUESTIONS: dict[str, Callable[[Connection], Any]] = {
    "sums_of_span": lambda c: reports.sums_of_span(c, TODAY),
    "artists_with_news": lambda c: reports.artists_with_news(c, TODAY, 20),
    "new_works": lambda c: reports.new_works(c, TODAY),
    "newest_of_artists": lambda c: reports.newest_of_artists(c, TODAY, [7, None], 3),
    "changes": lambda c: reports.changes(c, TODAY, 20),
    "returns": lambda c: reports.returns(c, TODAY, 20),
    "losses": lambda c: reports.losses(c, TODAY, 20),
    "new_names": lambda c: reports.new_names(c, TODAY, 20),
    "first_run_since": lambda c: reports.first_run_since(c, NOW),
    "failures": lambda c: reports.failures(c, 1, 20),
    "filtered": lambda c: reports.filtered(c, TODAY, "calm", Filters(rating="safe")),
    "runs_of_span": lambda c: reports.runs_of_span(c, TODAY),
    "needing_a_session": reports.needing_a_session,
    "failing_again_and_again": lambda c: reports.failing_again_and_again(c, 4),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_report_looks_at_no_whole_table(engine: Engine, name: str):
    for statement, steps in plans(engine, QUESTIONS[name]).items():
        assert [step for step in whole_tables(steps) if step not in ("SCAN sums", "SCAN ranked")] == [], statement


def test_every_question_of_a_report_is_looked_at():
    asked = {
        name
        for name, each in vars(reports).items()
        if callable(each) and name.islower() and not name.startswith("_") and each.__module__ == reports.__name__
    }
    assert asked == set(QUESTIONS)
