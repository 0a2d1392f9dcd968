"""The filters' own answers, without a crawl."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pixivcrawl.errors import ConfigurationError
from pixivcrawl.filters import Filters, SavedFilters, read_filters
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
        ({"artists": "2,3"}, True),
        ({"artists": [3]}, False),
        ({"exclude_artists": "2"}, False),
        ({"words": "CA 海"}, True),
        ({"words": "dog"}, False),
        ({"exclude_words": "CA"}, False),
        ({"exclude_words": "dog"}, True),
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


# The file of saved filters


def saved_as(folder: Path, text: str) -> SavedFilters:
    (folder / "filters.toml").write_text(text, encoding="utf-8")
    return read_filters(folder / "filters.toml")


def test_saved_filters_are_read_by_their_names(tmp_path: Path):
    saved = saved_as(
        tmp_path,
        """
        [default]
        show = "calm"
        fetch = "no noise"

        [filter.calm]
        rating = "safe"
        exclude_tags = ["R-18 G", "AI生成"]
        exclude_artists = [11, 12]

        [filter."no noise"]
        min_bookmarks = 10
        since = "2021-05-01"
        words = ["猫"]
        """,
    )
    assert (saved.show, saved.fetch) == ("calm", "no noise")
    assert saved.named("calm") == Filters(rating=["safe"], exclude_tags=["R-18 G", "AI生成"], exclude_artists=[11, 12])
    assert saved.named("no noise") == Filters(min_bookmarks=10, since="2021-05-01", words=["猫"])
    assert saved.named(None) is saved.named("none") is None
    with pytest.raises(ConfigurationError, match="has no filter 'loud'; it has calm, no noise: add "):
        saved.named("loud")


def test_a_file_that_is_not_there_holds_none(tmp_path: Path):
    assert read_filters(tmp_path / "filters.toml").filters == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[filter.a]\nrating = 'adult'", r"\[filter.a\] rating: Input should be "),
        ("[filter.a]\ncolour = 'red'", r"\[filter.a\] colour: is not known; there is: tags, "),
        ("[filter.a]\nmin_pages = 3\nmax_pages = 2", r"\[filter.a\] max_pages: is before min_pages=3"),
        ("[filter.a]\nartists = ['someone']", r"\[filter.a\] artists: "),
        ("[filter.none]\nai = 'only'", r"\[filter.none\]: choose another name"),
        ("[filter]\na = 1", r"\[filter\] a: write it in brackets of its own"),
        ("[filters.a]\nai = 'only'", "filters is not known here: write "),
        ("filter = 1", "write single brackets"),
        ("[default]\nshow = 'a'", r"\[default\] show: there is no filter 'a'; there is: none"),
        ("[default]\nhide = 'a'", r"\[default\] hide is not known"),
        ("[filter.a\n", "not TOML "),
        ("a = " + "9" * 5000, "not TOML "),
    ],
)
def test_what_is_wrong_in_the_file_is_one_line(tmp_path: Path, text: str, said: str):
    with pytest.raises(ConfigurationError, match=rf"filters.toml: {said}") as raised:
        saved_as(tmp_path, text)
    assert "\n" not in str(raised.value)
