"""One definition of a filter: a crawl takes, the gallery shows, a report tells and an export writes the same works."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixivcrawl.archive.layout import Archive
from pixivcrawl.exchange.export.choice import select
from pixivcrawl.filters import Filters, SavedFilters
from pixivcrawl.index.reading import Index
from pixivcrawl.index.search import WorksQuery
from pixivcrawl.items import Artwork, Facts
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.queries import reports
from pixivcrawl.ledger.queries.exported import Choice
from pixivcrawl.ledger.queries.reports import Span
from pixivcrawl.ledger.service import Ledger
from tests.index.making import every_id, follow
from tests.index.test_filters import WORKS, filters, numbered
from tests.ledger.making import DAY, NOW, an_artwork, sqlite_url

WEEK = Span(NOW - DAY, NOW + DAY)


def as_told(works: list[Artwork]) -> list[Artwork]:
    """Numbered, and as their sources tell them: a row tells no caption."""
    return [replace(work, caption=None) if work.detail == "listing" else work for work in numbered(works)]


def the_same_everywhere(works: list[Artwork], several: list[Filters], url: str | None = None) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        ledger = Ledger.open(url or sqlite_url(folder))
        try:
            crawl = ledger.write_now(updates.begin_crawl, "user", {"id": [7]}, NOW)
            ids = [work.work_id for work in works]
            ledger.write_now(updates.record_listing, crawl.crawl_id, ids, None, NOW)
            ledger.write_now(updates.record_facts, Facts(artworks=tuple(works)), NOW)
            follow(ledger, folder / "derived")
            saved = SavedFilters(folder, {str(number): each for number, each in enumerate(several)})
            index = Index(folder / "derived", ledger, saved)
            for of_name, each in saved.filters.items():
                taken = {work.work_id for work in works if each.fits(work) is not False}
                span = ledger.read_now(reports.filtered, WEEK, of_name, each)
                told = ledger.read_now(lambda connection, span=span: [*reports.new_works(connection, span)])
                selection = select(Archive(folder), ledger, Choice(), each)
                assert set(every_id(index, WorksQuery(filter=of_name))) == taken
                assert {work.work_id for work in told} == taken
                assert set(selection.work_ids) == taken
                assert len(span.left_out) == selection.hidden == len(works) - len(taken)
                assert ledger.read_now(reports.sums_of_span, span).works == len(taken)
        finally:
            ledger.close()


@settings(max_examples=5)
@given(st.lists(WORKS, min_size=10, max_size=20), st.lists(filters(), min_size=4, max_size=6))
def test_a_filter_is_the_same_everywhere(works: list[Artwork], several: list[Filters]):
    the_same_everywhere(as_told(works), several)


@pytest.mark.long
@settings(max_examples=1)
@given(st.lists(WORKS, min_size=100, max_size=100), st.lists(filters(), min_size=6, max_size=6))
def test_so_it_is_of_ten_thousand_works(works: list[Artwork], several: list[Filters]):
    the_same_everywhere(as_told(works * 100), several)


def test_so_it_is_on_postgresql(postgres_url: str):
    works = [
        an_artwork(number, number % 4 + 1, x_restrict=number % 3, bookmark_count=number) for number in range(1, 21)
    ]
    the_same_everywhere(works, [Filters(rating="safe"), Filters(min_pages=2), Filters(min_bookmarks=99)], postgres_url)
