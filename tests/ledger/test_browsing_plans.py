"""No page of the gallery looks at every work, tag or file: how SQLite goes about each question, at 20,000 works."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from pixivcrawl.ledger.engine import prepare, read_url, writing_engine
from pixivcrawl.ledger.models import (
    ArtworkRow,
    ArtworkTagRow,
    ArtworkVersionRow,
    BookmarkRow,
    CrawlArtworkRow,
    FileRow,
    FollowRow,
    RankingEntryRow,
    TagRow,
    UserRow,
    table,
)
from pixivcrawl.ledger.queries.browsing import days, history, lists, missing, people, works
from pixivcrawl.ledger.queries.reports import Span
from tests.ledger.making import DAY, FIRST, NOW, begun, sqlite_url
from tests.ledger.test_plans import plans

WORKS = 20_000

PAGE = list(range(100, 160))
SPAN = Span(NOW, NOW + DAY)

ASKED: dict[str, Callable[[Connection], Any]] = {
    "cards": lambda c: works.cards(c, PAGE),
    "covers": lambda c: works.covers(c, PAGE),
    "revised_among": lambda c: works.revised_among(c, PAGE),
    "tags_of_works": lambda c: works.tags_of_works(c, PAGE),
    "translated": lambda c: works.translated(c, ["tag 1", "tag 2"]),
    "translations_of_tag": lambda c: works.translations_of_tag(c, "tag 1"),
    "titles": lambda c: works.titles(c, PAGE),
    "facts_of_work": lambda c: works.facts_of_work(c, 100),
    "pages_of_work": lambda c: works.pages_of_work(c, 100),
    "page_total": lambda c: works.page_total(c, 100),
    "pictures_at": lambda c: works.pictures_at(c, 100, FIRST),
    "pictures_in": lambda c: works.pictures_in(c, {(100, 0), (101, 0), (101, 1)}),
    "series_place": lambda c: works.series_place(c, 100, 5),
    "changes_of_work": lambda c: history.changes_of_work(c, 100),
    "changes_of_user": lambda c: history.changes_of_user(c, 7),
    "revisions_of_work": lambda c: history.revisions_of_work(c, 100),
    "names_of_users": lambda c: history.names_of_users(c, [7, 8]),
    "pictures_of_users": lambda c: history.pictures_of_users(c, [7, 8]),
    "people": lambda c: people.people(c, [7, 8]),
    "followers_after": lambda c: people.followers_after(c, 0),
    "follows_of": lambda c: people.follows_of(c, 901, 50),
    "facts_of_series": lambda c: lists.facts_of_series(c, 5),
    "works_of_series": lambda c: lists.works_of_series(c, 5, (1, 1)),
    "rankings": lists.rankings,
    "ranking_date": lambda c: lists.ranking_date(c, "daily", "all", "20260105", later=False),
    "ranking_of": lambda c: lists.ranking_of(c, "daily", "all", "20260101", (60, 60)),
    "ranked": lambda c: lists.ranked(c, "daily", "all", "20260101"),
    "bookmark_owners": lists.bookmark_owners,
    "bookmarks_of": lambda c: lists.bookmarks_of(c, 901, (100, 5)),
    "requests_before": lambda c: lists.requests_before(c, 100),
    "last_moment": lambda c: days.last_moment(c, NOW),
    "first_moment": lambda c: days.first_moment(c, NOW),
    "new_on": lambda c: days.new_on(c, SPAN, (NOW, 5)),
    "changed_on": lambda c: days.changed_on(c, SPAN, (NOW, 5)),
    "lost_on": lambda c: days.lost_on(c, SPAN, (NOW, 5)),
    "unavailable_before": lambda c: days.unavailable_before(c, ("gone",), (NOW, 5)),
    "runs_before": lambda c: days.runs_before(c, 100),
    "losses": days.losses,
    "files_missing": lambda c: missing.files_missing(c, 15_000),
    "works_failed": lambda c: missing.works_failed(c, (NOW, 5)),
    "lists_left": lambda c: missing.lists_left(c, 10),
    "pictures_missing": missing.pictures_missing,
}

MAY_BE_SCANNED = ("SCAN some", "SCAN crawls", "SCAN user_files USING INDEX user_files_open")
"""What was found by then; runs, which are few."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = writing_engine(read_url(sqlite_url(tmp_path_factory.mktemp("large"))))
    prepare(engine)
    with engine.begin() as connection:
        begun(connection)
        for model, rows in large().items():
            connection.execute(table(model).insert(), rows)
    with engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
    yield engine
    engine.dispose()


def large() -> dict[Any, list[dict[str, Any]]]:
    """20,000 works of 40 artists, with three tags and a file each; every tenth lacks it, every hundredth is gone."""
    ids = range(1, WORKS + 1)
    seen = {"first_seen": NOW, "last_seen": NOW}
    versions = {"field": "title", "value": "was", "true_from": NOW, "true_to": NOW + DAY}
    return {
        UserRow: [{"id": user, "name": f"artist {user}", **seen} for user in range(1, 41)],
        ArtworkRow: [
            {
                "id": number,
                "user_id": 1 + number % 40,
                "title": f"work {number}",
                "page_count": 1,
                "first_seen": NOW,
                "availability": "gone" if number % 100 == 0 else "available",
                "unavailable_since": NOW if number % 100 == 0 else None,
                "next_attempt": NOW if number % 100 == 1 else None,
            }
            for number in ids
        ],
        TagRow: [{"id": number, "name": f"tag {number}"} for number in range(1, 1001)],
        ArtworkTagRow: [
            {"artwork_id": number, "position": place, "tag_id": 1 + (number * place) % 1000}
            for number in ids
            for place in (1, 2, 3)
        ],
        FileRow: [
            {
                "artwork_id": number,
                "page": 0,
                "revision": FIRST,
                "kind": "image",
                "state": "wanted" if number % 10 == 0 else "stored",
                "extension": "jpg",
                "uploaded": NOW,
                "recorded": NOW,
            }
            for number in ids
        ],
        ArtworkVersionRow: [{"artwork_id": number, **versions} for number in range(1, WORKS, 50)],
        CrawlArtworkRow: [
            {"list_id": 1, "artwork_id": number, "crawl_id": 1, "unsettled": number % 10 == 0} for number in ids
        ],
        RankingEntryRow: [
            {
                "mode": mode,
                "content": "all",
                "date": f"202601{day:02}",
                "artwork_id": rank,
                "rank": rank,
                "previous_rank": 0,
                "seen": NOW,
            }
            for mode in ("daily", "weekly")
            for day in range(1, 11)
            for rank in range(1, 501)
        ],
        BookmarkRow: [
            {"user_id": 901, "artwork_id": number, "private": False, "position": number, **seen}
            for number in range(1, 5001)
        ],
        FollowRow: [{"follower_id": 901, "followed_id": number, **seen} for number in range(1, 5001)],
    }


@pytest.mark.parametrize("name", ASKED)
def test_no_page_looks_at_a_whole_table(engine: Engine, name: str):
    for statement, steps in plans(engine, ASKED[name]).items():
        scans = [step for step in steps if step.startswith("SCAN") and not step.startswith(MAY_BE_SCANNED)]
        assert scans == [], statement


def test_every_question_is_asked():
    modules: tuple[ModuleType, ...] = (days, history, lists, missing, people, works)
    functions = {
        name
        for module in modules
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
    }
    assert ASKED.keys() == functions - {"distinct", "picture_of"}, "parts of others"


@pytest.mark.parametrize(
    "name", ["files_missing", "works_failed", "new_on", "lost_on", "changed_on", "requests_before"]
)
def test_a_page_by_key_is_read_in_the_order_of_its_index(engine: Engine, name: str):
    for statement, steps in plans(engine, ASKED[name]).items():
        assert not any("TEMP B-TREE" in step for step in steps), statement
