"""The search language: what each part means, and that a query and its text say the same."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.errors import ConfigurationError
from pixivcrawl.index.search import Days, Numbers, WorksQuery, parse

WORDS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=3, unique=True).map(tuple)
NUMBERS = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(lambda ends: Numbers(*sorted(ends)))
OPEN = st.integers(0, 10**6).flatmap(lambda end: st.sampled_from([Numbers(end, None), Numbers(None, end)]))
DAYS = st.tuples(st.dates(), st.dates()).map(lambda ends: Days(*sorted(ends)))
SORTS = st.sampled_from(["new", "uploaded", "archived", "bookmarks"])


def some(*values: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), unique=True).map(tuple)


QUERIES = st.builds(
    WorksQuery,
    words=WORDS,
    tags=WORDS,
    without_tags=WORDS,
    artist=st.none() | st.text(min_size=1),
    kinds=some("illust", "manga", "ugoira"),
    ratings=some("safe", "r18", "r18g"),
    ai=st.sampled_from([None, True, False]),
    **{name: st.none() | NUMBERS | OPEN for name in ("pages", "bookmarks", "width", "height")},
    dates=st.none() | DAYS,
    is_revised=st.booleans(),
    is_gone=st.booleans(),
    sort=SORTS,
    filter=st.none() | st.text(min_size=1),
)


@given(QUERIES)
def test_a_query_s_text_says_that_query(query: WorksQuery):
    assert parse(query.text()) == query


@given(
    st.text()
    | st.lists(st.sampled_from(["#", "-#", "user:", '"', "\\", "pages:>2", "kind:manga", " ", "猫"])).map("".join)
)
def test_whatever_is_typed_is_understood_the_same_again_or_refused_in_one_line(text: str):
    try:
        query = parse(text)
    except ConfigurationError as error:
        said = str(error)
    else:
        said = query.text()
        assert parse(said) == query
    assert len(said.splitlines()) <= 1 or not text.isprintable()


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("猫 耳", WorksQuery(words=("猫", "耳"))),
        ('"two words"　three', WorksQuery(words=("two words", "three"))),
        ("#猫耳 -#AI", WorksQuery(tags=("猫耳",), without_tags=("AI",))),
        ("user:11", WorksQuery(artist="11")),
        ('user:"a b"', WorksQuery(artist="a b")),
        ("kind:manga,ugoira rating:r18 ai:no", WorksQuery(kinds=("manga", "ugoira"), ratings=("r18",), ai=False)),
        ("pages:>20", WorksQuery(pages=Numbers(21, None))),
        ("pages:<20 bookmarks:>=5", WorksQuery(pages=Numbers(None, 19), bookmarks=Numbers(5, None))),
        ("width:2..3 height:7", WorksQuery(width=Numbers(2, 3), height=Numbers(7, 7))),
        ("date:2021-05", WorksQuery(dates=Days(date(2021, 5, 1), date(2021, 5, 31)))),
        ("date:2020..2021-05-03", WorksQuery(dates=Days(date(2020, 1, 1), date(2021, 5, 3)))),
        ("is:revised is:gone sort:bookmarks", WorksQuery(is_revised=True, is_gone=True, sort="bookmarks")),
        ("filter:mine", WorksQuery(filter="mine")),
        ("https://example.org 12:30 #", WorksQuery(words=("https://example.org", "12:30", "#"))),
        ("", WorksQuery()),
    ],
)
def test_what_each_part_means(text: str, query: WorksQuery):
    assert parse(text) == query


@pytest.mark.parametrize(
    "text",
    ["kind:novel", "rating:18", "ai:maybe", "pages:many", "pages:<0", "pages:9..2", "pages:>2..3", "date:2021-13", "date:2021-02-30",
     "date:2022..2021", "date:yesterday", "is:new", "sort:old", "date:0000"],
)  # fmt: skip
def test_a_part_that_is_not_understood_says_what_it_takes(text: str):
    head = text.partition(":")[0]
    with pytest.raises(ConfigurationError, match=f"^{head}:.* is not understood: {head}: takes "):
        parse(text)
