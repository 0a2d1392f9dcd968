"""The filters' own answers, without a crawl."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pixivcrawl.base_spiders.filters import Filters
from pixivcrawl.items import Artwork, Tag

WORK = Artwork(
    work_id=1,
    user_id=2,
    user_name="someone",
    title="",
    kind="illust",
    page_count=3,
    detail="full",
    tags=(Tag("Cat"), Tag("海")),
    created=datetime(2023, 1, 1, 15, 30, tzinfo=UTC),
    width=300,
    height=200,
    x_restrict=1,
    ai_type=1,
    bookmark_count=10,
)


@pytest.mark.parametrize(
    ("given_filters", "fits"),
    [
        ({}, True),
        ({"tags": "cat"}, True),
        ({"tags": "cat, 海"}, True),
        ({"tags": "cat dog"}, False),
        ({"exclude_tags": "dog"}, True),
        ({"exclude_tags": "dog CAT"}, False),
        ({"kinds": "illust,ugoira"}, True),
        ({"kinds": "manga"}, False),
        ({"rating": "r18"}, True),
        ({"rating": "safe,r18g"}, False),
        ({"ai": "exclude"}, True),
        ({"ai": "only"}, False),
        ({"min_bookmarks": "10"}, True),
        ({"min_bookmarks": "11"}, False),
        ({"min_pages": 3, "max_pages": 3}, True),
        ({"max_pages": 2}, False),
        ({"min_width": 301}, False),
        ({"min_height": 200}, True),
        ({"min_ratio": 1.5, "max_ratio": 1.5}, True),
        ({"max_ratio": 1.4}, False),
        # Half past midnight in Japan.
        ({"since": "2023-01-02", "until": "20230102"}, True),
        ({"until": "2023-01-01"}, False),
    ],
)
def test_a_work_that_is_known_in_full_fits_or_does_not(given_filters: dict[str, object], fits: bool):
    assert Filters.model_validate(given_filters).fits(WORK) is fits


@pytest.mark.parametrize(
    ("filters", "unsaid"),
    [
        ({"min_bookmarks": 5}, {"bookmark_count": None}),
        ({"rating": "safe"}, {"x_restrict": None}),
        ({"ai": "exclude"}, {"ai_type": None}),
        ({"since": "2023-01-01"}, {"created": None}),
        ({"min_width": 100}, {"width": None}),
        ({"min_ratio": 1}, {"width": 0, "height": 0}),
        ({"tags": "cat"}, {"tags": ()}),
        ({"exclude_tags": "cat"}, {"tags": ()}),
    ],
)
def test_what_a_row_does_not_say_is_left_open(filters: dict[str, object], unsaid: dict[str, object]):
    assert Filters.model_validate(filters).fits(replace(WORK, detail="listing", **unsaid)) is None


def test_one_no_is_enough_whatever_else_is_open():
    row = replace(WORK, detail="listing", bookmark_count=None)
    assert Filters.model_validate({"min_bookmarks": 5, "kinds": "manga"}).fits(row) is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kinds", "novel"),
        ("rating", "adult"),
        ("ai", "yes"),
        ("min_ratio", "nan"),
        ("since", "yesterday"),
        ("tags", " "),
        ("min_pages", 0),
    ],
)
def test_a_wrong_value_is_refused(name: str, value: object):
    with pytest.raises(ValidationError):
        Filters.model_validate({name: value})


@given(st.floats(0.01, 100), st.floats(0.01, 100), st.integers(1, 10_000), st.integers(1, 10_000))
def test_a_ratio_lies_within_its_ends_or_the_work_is_left_out(first: float, second: float, width: int, height: int):
    least, most = sorted((first, second))
    filters = Filters(min_ratio=least, max_ratio=most)
    assert filters.fits(replace(WORK, width=width, height=height)) is (least <= width / height <= most)
