"""How each list is read on, and how it says that it has ended."""

from __future__ import annotations

from typing import Any

import pytest

from pixivcrawl.api import catalogue
from pixivcrawl.api.catalogue import find
from tests.api import making
from tests.api.making import BODIES, WORK, answer


def following(name: str, values: dict[str, Any], body: Any) -> dict[str, Any] | None:
    endpoint = find(name)
    page = endpoint.next_page(values, endpoint.parse(answer(name, body)))
    if page is not None:
        find(endpoint.continued_by).request("https://www.pixiv.net", **page)
    return page


def changed(name: str, path: str, value: Any) -> Any:
    """The endpoint's body with another value at a dotted path."""
    *outer, last = path.split(".")
    body = dict(BODIES[name])
    node = body
    for step in outer:
        node[step] = dict(node[step])
        node = node[step]
    node[last] = value
    return body


@pytest.mark.parametrize("name", ["user.following", "user.followers", "user.bookmarks", "user.tagged"])
def test_offsets_count_the_rows_that_came(name: str) -> None:
    values = {"id": 1, "offset": 4, "limit": 10} | ({"tag": "x"} if name == "user.tagged" else {})
    page = following(name, values, BODIES[name] | {"total": 7})
    assert page is not None
    assert (page["offset"], page["limit"], page["id"]) == (6, 10, 1)
    assert following(name, values, BODIES[name] | {"total": 6}) is None
    assert following(name, values, BODIES[name] | {"total": 0}) == page


def test_an_empty_page_in_the_middle_is_passed_over() -> None:
    values = {"id": 1, "offset": 10, "limit": 10}
    page = following("user.bookmarks", values, {"works": [], "total": 30})
    assert page is not None
    assert page["offset"] == 20


def test_pages_by_their_flags() -> None:
    assert following("feed.illust", {"mode": "r18"}, making.feed()) == {"mode": "r18", "p": 2}
    assert following("feed.illust", {"p": 2}, making.feed(last=True)) is None
    assert following("mypixiv.illust", {"p": "4"}, making.feed()) == {"p": 5}
    assert following("watchlist.manga", {"p": 1}, BODIES["watchlist.manga"]) == {"p": 2}
    assert following("watchlist.manga", {"p": 2}, BODIES["watchlist.manga"]) is None
    assert following("requests.complete_manga", {"p": 3}, making.request_list()) == {"mode": "all", "p": 4}
    assert following("requests.creators_manga", {"p": 3}, making.creators()) is None


def test_a_ranking_names_its_next_page() -> None:
    assert following("ranking", {"p": 1}, BODIES["ranking"]) == {"mode": "daily", "p": 2}
    assert following("ranking", {"p": 10}, BODIES["ranking"] | {"next": False}) is None


@pytest.mark.parametrize("total", [0, 1, 60, 61, 120, 121, 60_000, 60_001])
def test_a_search_ends_where_its_total_does(total: int) -> None:
    pages = -(-total // 60)
    body = making.search("illust", total=total)
    if pages > 1:
        page = following("search.illustrations", {"word": "x", "p": pages - 1}, body)
        assert page is not None
        assert page["p"] == pages
    assert following("search.illustrations", {"word": "x", "p": max(1, pages)}, body) is None


def test_a_search_of_two_lists_ends_with_the_longer_one() -> None:
    body = making.search("illust", total=61) | {"manga": making.search("manga", total=1)["manga"]}
    page = following("search.artworks", {"word": "x"}, body)
    assert page is not None
    assert page["p"] == 2


def test_a_series_has_twelve_a_page() -> None:
    assert following("series", {"id": 55}, BODIES["series"]) == {"id": 55, "p": 2}
    assert following("series", {"id": 55, "p": 2}, BODIES["series"]) is None


def test_comments_say_whether_more_follow() -> None:
    assert following("illust.comments", {"illust_id": 1, "offset": 50}, BODIES["illust.comments"]) == {
        "illust_id": 1,
        "offset": 52,
        "limit": 50,
    }
    assert following("illust.comments", {"illust_id": 1}, BODIES["illust.comments"] | {"hasNext": False}) is None


def test_new_works_go_on_from_the_last() -> None:
    body = BODIES["new.illust"]
    page = following("new.illust", {"type": "manga"}, body)
    assert page == {"lastId": WORK - 3, "limit": 20, "type": "manga", "r18": False}
    assert following("new.illust", {"lastId": WORK - 3}, body) is None
    assert following("new.illust", {"lastId": 5}, body | {"illusts": []}) is None
    assert following("new.illust", {}, body | {"lastId": "0"}) is None


def test_recommendations_go_on_elsewhere() -> None:
    assert catalogue.ILLUST_RECOMMEND.continued_by == "illust.recommend_rows"
    page = following("illust.recommend", {"id": WORK}, BODIES["illust.recommend"])
    assert page == {"illust_ids": [WORK + number for number in range(2, 20)]}
    assert following("illust.recommend", {"id": WORK}, BODIES["illust.recommend"] | {"nextIds": []}) is None


def test_linked_services() -> None:
    name = "linked_service.tumeng"
    assert following(name, {"page": 2}, BODIES[name]) == {"page": 3}
    assert following(name, {"page": 3}, BODIES[name]) is None
    assert following(name, {"page": 1}, changed(name, "page.works", [])) is None


def test_what_is_no_list_has_no_next_page() -> None:
    assert following("illust.detail", {"id": WORK}, BODIES["illust.detail"]) is None
    assert catalogue.ILLUST_DETAIL.continued_by == "illust.detail"


@pytest.mark.parametrize(
    ("name", "body", "throttled"),
    [
        ("search.artworks", making.search("illustManga"), False),
        ("search.artworks", {"illustManga": {"data": [], "total": 0}}, True),
        ("search.artworks", {"illustManga": {"data": [{"isAdContainer": True}], "total": 0}}, True),
        ("search.artworks", {"illustManga": {"data": [], "total": 70}}, False),
        ("user.bookmarks", {"works": [], "total": 0}, True),
        ("feed.illust", making.feed(), False),
        ("feed.illust", changed("feed.illust", "page.ids", []), True),
        ("ranking", BODIES["ranking"] | {"contents": [], "rank_total": 0}, True),
        ("user.profile_all", {"illusts": [], "manga": []}, False),
        ("illust.detail", BODIES["illust.detail"], False),
    ],
)
def test_what_looks_throttled(name: str, body: Any, throttled: bool) -> None:
    endpoint = find(name)
    assert endpoint.looks_throttled(endpoint.parse(answer(name, body))) is throttled
