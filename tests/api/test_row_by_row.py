"""Rows are read each for itself: what is wrong with one is said of that one, and the others are there."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.api.catalogue import ENDPOINTS
from pixivcrawl.api.endpoint import BodyRefused
from tests.api.making import BODIES, WORK, answer, row

ODD = (
    None,
    "gone",
    7,
    [],
    {},
    row(title=None),
    row(id=0),
    row(illustType=9),
    row(updateDate="-0001-11-30T00:00:00+09:00"),
)
BOOKMARKS = ENDPOINTS["user.bookmarks"]


def read(name: str, body: Any) -> tuple[Any, list[str]]:
    odd: list[BodyRefused] = []
    return ENDPOINTS[name].parse(answer(name, body), None, odd), [refusal.field for refusal in odd]


@given(st.dictionaries(st.integers(0, 39), st.sampled_from(ODD), max_size=39), st.integers(0, 39))
def test_exactly_the_odd_rows_are_left_out_and_named_by_their_place(odd: dict[int, Any], advertised: int) -> None:
    rows = [odd.get(place, row(WORK + place)) for place in range(40)]
    rows.insert(advertised, {"isAdContainer": True})
    places = {place + (place >= advertised) for place in odd}
    bookmarks, named = read("user.bookmarks", {"works": rows, "total": 90})
    assert [work.id for work in bookmarks.works] == [WORK + place for place in range(40) if place not in odd]
    assert {int(field.split(".")[1]) for field in named} == places
    assert len(named) == len(odd)
    # The next page begins behind all that came.
    assert BOOKMARKS.next_page({"id": 1, "offset": 0}, bookmarks)["offset"] == 40


@pytest.mark.parametrize(
    ("name", "path", "field"),
    [
        ("ranking", "contents", "contents.1.rank"),
        ("user.following", "users", "users.1.userName"),
        ("illust.comments", "comments", "comments.1.userId"),
        ("requests.complete_illust", "requests", "requests.1.creatorUserId"),
        ("new.illust", "illusts", "illusts.1.pageCount"),
        ("watchlist.manga", "illustSeries", "illustSeries.0.title"),
    ],
)
def test_rows_of_every_kind(name: str, path: str, field: str) -> None:
    body = copy.deepcopy(BODIES[name])
    _, place, key = field.split(".")
    whole = len(body[path])
    body[path][int(place)][key] = {}
    read_body, named = read(name, body)
    assert named == [field]
    attribute = {"illustSeries": "illust_series"}.get(path, path)
    assert len(getattr(read_body, attribute)) == whole - 1


def test_a_person_is_not_lost_for_one_of_their_works() -> None:
    body = copy.deepcopy(BODIES["user.following"])
    body["users"][0]["illusts"] = [row(), None, row(WORK + 2), row(title=4)]
    follows, named = read("user.following", body)
    assert [work.id for work in follows.users[0].illusts] == [WORK, WORK + 2]
    assert named == ["users.0.illusts.1", "users.0.illusts.3.title"]


def test_ids_and_rows_by_their_ids() -> None:
    feed, named = read("feed.illust", BODIES["feed.illust"] | {"page": {"ids": [5, None, "x", 6], "isLastPage": True}})
    assert (feed.work_ids, named) == ([5, 6], ["page.ids.1", "page.ids.2"])
    profile, named = read("user.profile_all", {"illusts": {"7": None, "x": None, "9": None}, "manga": []})
    assert (profile.work_ids, named) == ([9, 7], ["illusts.1"])
    works = {"7": row(7), "8": row(9), "x": row(10), "11": row(11, title=None), "12": None}
    listed, named = read("user.profile_illusts", {"works": works})
    assert (list(listed.works), sorted(named)) == ([7], ["works.11.title", "works.8", "works.x.[key]"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"works": {"0": row()}, "total": 1}, "works"),
        ({"works": [row(), None], "total": "many"}, "total"),
        ({"works": [{"name": "Evening"}] * 10, "total": 10}, "works.0.id"),
    ],
)
def test_a_body_of_another_shape_is_refused_as_a_whole(body: Any, field: str) -> None:
    with pytest.raises(BodyRefused) as refused:
        read("user.bookmarks", body)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("name", "path"), [("illust.pages", ()), ("illust.ugoira_meta", ("frames",)), ("illust.detail", ("tags", "tags"))]
)
def test_parts_of_one_work_are_no_rows(name: str, path: tuple[str, ...]) -> None:
    body = copy.deepcopy(BODIES[name])
    parts = body
    for key in path:
        parts = parts[key]
    parts[1] = None
    with pytest.raises(BodyRefused):
        read(name, body)
