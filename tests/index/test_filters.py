"""A saved filter shows in the index what the same filter would take in a crawl, and what it hides is counted."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixivcrawl.errors import ConfigurationError
from pixivcrawl.filters import Filters, SavedFilters
from pixivcrawl.index.search import WorksQuery
from pixivcrawl.items import Artwork, Tag
from tests.index.making import an_index, as_searched, every_id
from tests.ledger.making import an_artwork

TAGS = ("Cat", "cat", "猫", "ねこ", "ネコ", "R-18", "ＡＩ", "ai")
WORKS = st.builds(
    an_artwork,
    user_id=st.integers(1, 4),
    title=st.text("猫ねコcat ", max_size=5),
    caption=st.none() | st.text("猫ねコ<br/>&amp;", max_size=8),
    kind=st.sampled_from(["illust", "manga", "ugoira"]),
    detail=st.sampled_from(["listing", "full"]),
    tags=st.lists(st.sampled_from(TAGS), max_size=3, unique=True).map(lambda names: tuple(map(Tag, names))),
    created=st.none() | st.datetimes(datetime(2021, 1, 1), datetime(2021, 1, 5), timezones=st.just(UTC)),  # noqa: DTZ001 (given one)
    x_restrict=st.none() | st.integers(0, 3),
    ai_type=st.none() | st.integers(0, 2),
    bookmark_count=st.none() | st.integers(0, 4),
    width=st.none() | st.integers(0, 4),
    height=st.none() | st.integers(0, 4),
)
FEW = st.none() | st.integers(1, 4)


def some(*values: object) -> st.SearchStrategy[list[object] | None]:
    return st.none() | st.lists(st.sampled_from(values), min_size=1, max_size=3)


@st.composite
def filters(draw: st.DrawFn) -> Filters:
    pages = sorted(draw(st.tuples(*[st.integers(1, 4)] * 2)))
    ratios = sorted(draw(st.tuples(*[st.floats(0.25, 4)] * 2)))
    days = sorted(draw(st.tuples(*[st.dates(date(2020, 12, 31), date(2021, 1, 6))] * 2)))
    given: dict[str, object] = {
        "tags": draw(some(*TAGS)),
        "exclude_tags": draw(some(*TAGS)),
        "kinds": draw(some("illust", "manga", "ugoira")),
        "rating": draw(some("safe", "r18", "r18g")),
        "ai": draw(st.sampled_from([None, "only", "exclude"])),
        "min_bookmarks": draw(FEW),
        "min_pages": draw(st.sampled_from([None, pages[0]])),
        "max_pages": draw(st.sampled_from([None, pages[1]])),
        "min_width": draw(FEW),
        "min_height": draw(FEW),
        "min_ratio": draw(st.sampled_from([None, ratios[0]])),
        "max_ratio": draw(st.sampled_from([None, ratios[1]])),
        "since": draw(st.sampled_from([None, days[0]])),
        "until": draw(st.sampled_from([None, days[1]])),
        "artists": draw(some(1, 2, 3, 9)),
        "exclude_artists": draw(some(1, 2, 3, 9)),
        "words": draw(some("猫", "ねこ", "CAT")),
        "exclude_words": draw(some("猫", "ねこ", "CAT", " ")),
    }
    # Few at once: of all together hardly a work is left.
    kept = draw(st.sets(st.sampled_from(sorted(given)), max_size=3))
    return Filters.model_validate({name: value for name, value in given.items() if name in kept})


def numbered(works: list[Artwork]) -> list[Artwork]:
    return [
        an_artwork(number, **{name: getattr(work, name) for name in _CHANGED}) for number, work in enumerate(works, 1)
    ]


_CHANGED = (
    "user_id", "title", "caption", "kind", "detail", "tags", "created", "x_restrict", "ai_type", "bookmark_count", "width", "height",
)  # fmt: skip


@settings(max_examples=8)
@given(st.lists(WORKS, min_size=10, max_size=20), st.lists(filters(), min_size=4, max_size=6))
def test_a_filter_hides_what_a_crawl_would_leave_out(works: list[Artwork], several: list[Filters]):
    the_same_in_both(numbered(works), several)


@pytest.mark.campaign
@settings(max_examples=5)
@given(st.lists(WORKS, min_size=100, max_size=100), st.lists(filters(), min_size=10, max_size=10))
def test_so_it_does_of_ten_thousand_works(works: list[Artwork], several: list[Filters]):
    the_same_in_both(numbered(works * 100), several)


def the_same_in_both(works: list[Artwork], several: list[Filters]) -> None:
    with TemporaryDirectory() as folder:
        tag_ids: dict[str, int] = {}
        saved = SavedFilters(Path(folder), {str(number): each for number, each in enumerate(several)})
        index = an_index(Path(folder), [as_searched(work, tag_ids) for work in works], saved)
        for name, each in saved.filters.items():
            shown = {work.work_id for work in works if each.fits(work) is not False}
            assert set(every_id(index, WorksQuery(filter=name))) == shown
            assert index.hidden(WorksQuery(filter=name), len(works)) == len(works) - len(shown)


def test_the_default_is_shown_where_no_filter_is_named(tmp_path: Path):
    works = [an_artwork(1, x_restrict=0), an_artwork(2, x_restrict=1)]
    saved = SavedFilters(tmp_path, {"calm": Filters(rating="safe")}, show="calm")
    index = an_index(tmp_path, [as_searched(work, {}) for work in works], saved)
    assert index.works(WorksQuery()).ids == [1]
    assert index.hidden(WorksQuery()) == 1
    assert index.works(WorksQuery(filter="none")).ids == [2, 1]
    assert index.hidden(WorksQuery(filter="none")) == 0
    with pytest.raises(ConfigurationError, match="has no filter 'other'; it has calm"):
        index.works(WorksQuery(filter="other"))
