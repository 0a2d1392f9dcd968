"""Requests, comments, tags' translations, and what the filters ask: what is told replaces, what is not told stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from pixivcrawl.items import Comment, CommissionRequest, Tag
from pixivcrawl.ledger.engine import prepare, read_url, writing_engine
from pixivcrawl.ledger.queries import counts_before, described_works, works_without_comments
from pixivcrawl.ledger.updates import (
    begin_crawl,
    drop_from_list,
    end_crawl,
    record_artwork,
    record_comments,
    record_comments_read,
    record_requests,
    record_rows,
    record_stubs,
    record_tag_translations,
)
from pixivcrawl.reader import VISITOR
from tests.ledger.making import DAY, HOUR, NOW, a_row, an_artwork, begun, sqlite_url, works_to_do
from tests.ledger.test_plans import plans, whole_tables

LATER = NOW + DAY
ASKED = CommissionRequest(
    request_id=90,
    creator_id=7,
    kind="illust",
    state="inProgress",
    requester_id=901,
    price=5000,
    title="a plan",
    text="draw",
)


def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(text(query))]


def a_comment(comment_id: int, **changes: Any) -> Comment:
    written = datetime(2026, 1, 1, 10, 30, tzinfo=UTC)
    return replace(Comment(comment_id, 1, 901, "reader", "well drawn", written=written), **changes)


def test_a_completed_request_keeps_its_price_and_who_asked(connection: Connection):
    record_requests(connection, [ASKED], NOW)
    done = replace(ASKED, state="complete", price=None, requester_id=None, work_id=55)
    record_requests(connection, [done, done], LATER)
    kept = rows(connection, "SELECT state, price, requester_id, artwork_id, title, text FROM commission_requests")
    assert kept == [("complete", 5000, 901, 55, "a plan", "draw")]
    first, last = rows(connection, "SELECT first_seen, last_seen FROM commission_requests")[0]
    assert first != last
    record_requests(connection, [], LATER)


@given(texts=st.lists(st.text(), min_size=1, max_size=4))
def test_whatever_was_asked_for_is_kept(empty_ledger: Path, tmp_path_factory: pytest.TempPathFactory, texts: list[str]):
    folder = tmp_path_factory.mktemp("ledger")
    (folder / "archive.sqlite").write_bytes(empty_ledger.read_bytes())
    engine = writing_engine(read_url(sqlite_url(folder)))
    with engine.begin() as connection:
        asked = [replace(ASKED, request_id=number, text=words, title=words) for number, words in enumerate(texts, 1)]
        record_requests(connection, asked, NOW)
        kept = rows(connection, "SELECT text FROM commission_requests ORDER BY id")
        assert kept == [(words.replace("\x00", "\ufffd"),) for words in texts]
    engine.dispose()


def test_a_comment_is_new_once_and_stays_when_it_is_no_longer_shown(connection: Connection):
    assert record_comments(connection, [a_comment(1), a_comment(2, text="", stamp_id=303)], NOW) == 2
    assert (
        record_comments(connection, [a_comment(2, text="edited"), a_comment(3, user_id=None, user_name=None)], LATER)
        == 1
    )
    kept = rows(connection, "SELECT id, text, user_id, written FROM comments ORDER BY id")
    written = "2026-01-01T10:30:00+00:00"
    assert kept == [(1, "well drawn", 901, written), (2, "edited", 901, written), (3, "well drawn", None, written)]
    assert record_comments(connection, [], NOW) == 0


def test_comments_are_read_of_works_that_have_any_and_once(connection: Connection):
    crawl = begun(connection, 5, 3, 1, 2, 4)
    record_artwork(connection, an_artwork(1, comment_count=2), NOW)
    record_artwork(connection, an_artwork(2, comment_count=0), NOW)
    record_artwork(connection, an_artwork(3, availability="withheld", originals=()), NOW)
    record_rows(connection, [a_row(4)], NOW)
    assert works_without_comments(connection, crawl.crawl_id, 0, 10) == [1, 4]
    assert works_without_comments(connection, crawl.crawl_id, 1, 10) == [4]
    record_comments_read(connection, 1, NOW)
    assert works_without_comments(connection, crawl.crawl_id, 0, 10) == [4]
    assert works_without_comments(connection, crawl.crawl_id, 0, 10, read_before=NOW + HOUR) == [1, 4]
    # Reading the work again says nothing of its comments.
    record_artwork(connection, an_artwork(1, comment_count=3, title="b"), LATER)
    assert works_without_comments(connection, crawl.crawl_id, 0, 10) == [4]


def test_a_tag_has_a_translation_for_each_language(connection: Connection):
    record_artwork(connection, an_artwork(1, tags=(Tag("猫", "katze"),)), NOW)
    record_tag_translations(connection, {"猫": {"en": "cat", "romaji": "neko", "ko": None}, "海": {}}, NOW)
    record_tag_translations(connection, {"猫": {"en": "kitty"}}, LATER)
    kept = rows(
        connection, "SELECT name, language, text FROM tag_translations JOIN tags ON id = tag_id ORDER BY language"
    )
    assert kept == [("猫", "en", "kitty"), ("猫", "reader", "katze"), ("猫", "romaji", "neko")]


def test_described_works_come_back_as_they_were_described(connection: Connection):
    record_artwork(connection, an_artwork(1, bookmark_count=7), NOW)
    record_rows(connection, [a_row(2, width=30)], NOW)
    record_stubs(connection, [3], NOW)
    described = described_works(connection, [1, 2, 3, 4])
    assert set(described) == {1, 2}
    assert (described[1].detail, described[1].bookmark_count, described[1].caption) == ("full", 7, "caption")
    assert [tag.name for tag in described[2].tags] == ["one", "two"]
    assert (described[2].detail, described[2].width, described[2].originals) == ("listing", 30, ())


def test_a_dropped_work_is_not_to_be_done(connection: Connection):
    crawl = begun(connection, 1, 2, 3)
    drop_from_list(connection, crawl.crawl_id, [2, 9])
    left = works_to_do(connection, crawl.crawl_id, 0, 10, reader=VISITOR, now=NOW)
    assert [work.work_id for work in left] == [1, 3]


def test_the_counts_of_the_run_before(connection: Connection):
    first = begin_crawl(connection, "search", {"word": "a"}, NOW)
    assert counts_before(connection, first.crawl_id) == {}
    end = {"outcome": "complete", "exit_code": 0, "read_to_end": True, "now": NOW}
    end_crawl(connection, first.crawl_id, counts={"lists_cut_off": 2}, **end)
    begin_crawl(connection, "search", {"word": "a"}, LATER)
    other = begin_crawl(connection, "search", {"word": "b"}, LATER)
    third = begin_crawl(connection, "search", {"word": "a"}, LATER)
    assert counts_before(connection, third.crawl_id) == {"lists_cut_off": 2}
    assert counts_before(connection, other.crawl_id) == {}


def test_none_of_it_looks_at_a_whole_table(tmp_path: Path):
    engine = writing_engine(read_url(sqlite_url(tmp_path)))
    prepare(engine)
    with engine.begin() as connection:
        begun(connection, 1, 2, 3)
        record_artwork(connection, an_artwork(1), NOW)
    for ask in (
        lambda c: record_requests(c, [ASKED], NOW),
        lambda c: record_comments(c, [a_comment(1)], NOW),
        lambda c: record_comments_read(c, 1, NOW),
        lambda c: works_without_comments(c, 1, 0, 100, read_before=NOW),
        lambda c: described_works(c, [1, 2]),
    ):
        for statement, steps in plans(engine, ask).items():
            assert whole_tables(steps) == [], statement
            assert not any("TEMP B-TREE" in step for step in steps), statement
    engine.dispose()
