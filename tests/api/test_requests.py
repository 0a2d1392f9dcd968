"""Every request as pixiv wants it, written out by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Request

from pixivcrawl.api import catalogue
from pixivcrawl.api.catalogue import ENDPOINTS, find
from pixivcrawl.api.endpoint import Auth
from pixivcrawl.api.parameters import ParameterRefused

PIXIV = "https://www.pixiv.net"
ROOT = "https://www.pixiv.net/"
PROFILE = "https://www.pixiv.net/member.php?id=11"
WORK = "https://www.pixiv.net/artworks/22"

SEA = "%E6%B5%B7"
"""海, percent-encoded."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a question's request must look like; `url` begins after https://www.pixiv.net."""

    name: str
    values: dict[str, Any]
    url: str
    referer: str = ROOT
    auth: Auth = Auth.NONE
    body: dict[str, Any] | None = field(default=None)


S, R18, TOKEN = Auth.SESSION, Auth.SESSION_FOR_R18, Auth.SESSION_AND_TOKEN

WANTED = [
    Wanted("top.illust", {}, "/ajax/top/illust?mode=all", auth=S),
    Wanted("user.short", {"id": 11}, "/ajax/user/11", PROFILE),
    Wanted("user.full", {"id": "11"}, "/ajax/user/11?full=1", PROFILE),
    Wanted("user.profile_all", {"id": 11}, "/ajax/user/11/profile/all", PROFILE),
    Wanted("user.following", {"id": 11, "rest": "hide"}, "/ajax/user/11/following?offset=0&limit=24&rest=hide", auth=S),
    Wanted("user.followers", {"id": 11, "offset": 24}, "/ajax/user/11/followers?offset=24&limit=24", auth=S),
    Wanted("user.works_latest", {"id": 11}, "/ajax/user/11/works/latest"),
    Wanted("user.bookmarks", {"id": 11}, "/ajax/user/11/illusts/bookmarks?tag=&offset=0&limit=48&rest=show", auth=S),
    Wanted("live.following", {}, "/ajax/sketch/live/following", auth=S),
    Wanted("me.extra", {}, "/ajax/user/extra", auth=S),
    Wanted("feed.illust", {"mode": "r18", "p": 3}, "/ajax/follow_latest/illust?mode=r18&p=3", auth=S),
    Wanted("watchlist.manga", {}, "/ajax/watch_list/manga?p=1", auth=S),
    Wanted("mypixiv.illust", {"p": "2"}, "/ajax/mypixiv_latest/illust?p=2", auth=S),
    Wanted("dashboard.home", {}, "/ajax/dashboard/home", auth=S),
    Wanted("dashboard.settings", {}, "/ajax/dashboard/settings", auth=S),
    Wanted("dashboard.request_strategy", {}, "/ajax/dashboard/works/illust/request_strategy", auth=S),
    Wanted("illust.detail", {"id": 22}, "/ajax/illust/22", WORK, R18),
    Wanted("illust.comments", {"illust_id": 22}, "/ajax/illusts/comments/roots?illust_id=22&offset=0&limit=50", WORK),
    Wanted("illust.pages", {"id": 22}, "/ajax/illust/22/pages", WORK, R18),
    Wanted("illust.recommend", {"id": 22}, "/ajax/illust/22/recommend/init?limit=18", WORK, S),
    Wanted(
        "illust.bookmark_add",
        {"illust_id": 22, "restrict": 1, "tags": ["海", "sky"]},
        "/ajax/illusts/bookmarks/add",
        auth=TOKEN,
        body={"illust_id": "22", "restrict": 1, "comment": "", "tags": ["海", "sky"]},
    ),
    Wanted("illust.like", {"illust_id": "22"}, "/ajax/illusts/like", auth=TOKEN, body={"illust_id": "22"}),
    Wanted("tag.info", {"tag": "海"}, f"/ajax/search/tags/{SEA}"),
    Wanted("tag.stories", {"tag": "海"}, f"/ajax/stories/tag_stories?tag={SEA}"),
    Wanted(
        "ranking",
        {"mode": "weekly_r18", "date": "2022-08-23", "content": "illust", "p": 2},
        "/ranking.php?format=json&mode=weekly_r18&date=20220823&content=illust&p=2",
        auth=R18,
    ),
    Wanted("search.top", {"word": "海"}, f"/ajax/search/top/{SEA}"),
    Wanted(
        "search.artworks",
        {"word": "海", "scd": "20220801", "ecd": "2022-08-31", "blt": 100, "p": 7},
        f"/ajax/search/artworks/{SEA}?word={SEA}&type=all&order=date_d&mode=all&s_mode=s_tag_full"
        "&scd=2022-08-01&ecd=2022-08-31&sce=2022-08-31&blt=100&p=7",
        auth=R18,
    ),
    Wanted(
        "search.illustrations",
        {"word": "海", "type": "ugoira", "order": "popular_male_d", "mode": "safe", "s_mode": "s_tc", "ratio": "-0.5"}
        | {"wlt": 1, "wgt": 2, "hlt": 3, "hgt": 4, "tool": "CLIP STUDIO PAINT", "bgt": 9},
        f"/ajax/search/illustrations/{SEA}?word={SEA}&type=ugoira&order=popular_male_d&mode=safe&s_mode=s_tc"
        "&wlt=1&wgt=2&hlt=3&hgt=4&ratio=-0.5&tool=CLIP%20STUDIO%20PAINT&bgt=9&p=1",
        auth=R18,
    ),
    Wanted(
        "search.manga",
        {"word": "海", "order": "date", "work_lang": "ja"},
        f"/ajax/search/manga/{SEA}?word={SEA}&type=manga&order=date&mode=all&s_mode=s_tag_full&work_lang=ja&p=1",
        auth=R18,
    ),
    Wanted("requests.overview", {}, "/ajax/commission/page/request"),
    *(
        Wanted(
            f"requests.{state}_{kind}",
            {"mode": "safe", "p": 2},
            f"/ajax/commission/page/request/{state}/{kind}?mode=safe&p=2",
            auth=R18,
        )
        for state, kinds in (
            ("complete", ("illust", "manga", "ugoira")),
            ("creators", ("illust", "manga", "ugoira")),
            ("in_progress", ("all", "illust", "manga", "ugoira")),
        )
        for kind in kinds
    ),
    Wanted("discovery.artworks", {"limit": 100}, "/ajax/discovery/artworks?mode=all&limit=100", auth=S),
    Wanted("discovery.users", {}, "/ajax/discovery/users?limit=20", auth=S),
    Wanted("discovery.artworks_meta", {"mode": "r18"}, "/ajax/discovery/artworks/meta?mode=r18", auth=S),
    Wanted("discovery.users_meta", {}, "/ajax/discovery/users/meta", auth=S),
    Wanted("new.illust", {}, "/ajax/illust/new?lastId=0&limit=20&type=illust&r18=false", auth=S),
    Wanted("webpush", {}, "/ajax/webpush"),
    Wanted("notification", {}, "/ajax/notification", auth=S),
    Wanted("linked_service.tumeng", {"page": 2}, "/ajax/linked_service/tumeng?page=2", auth=S),
    Wanted("illust.ugoira_meta", {"id": 22}, "/ajax/illust/22/ugoira_meta", auth=R18),
    Wanted(
        "user.profile_illusts",
        {"id": 11, "ids": [22, 23], "work_category": "illustManga", "is_first_page": False},
        "/ajax/user/11/profile/illusts?ids%5B%5D=22&ids%5B%5D=23&work_category=illustManga&is_first_page=0",
    ),
    Wanted(
        "illust.recommend_rows",
        {"illust_ids": "22, 23"},
        "/ajax/illust/recommend/illusts?illust_ids%5B%5D=22&illust_ids%5B%5D=23",
        auth=S,
    ),
    Wanted("series", {"id": 55}, "/ajax/series/55?p=1"),
    Wanted(
        "user.tagged",
        {"id": 11, "category": "manga", "tag": "海"},
        f"/ajax/user/11/manga/tag?tag={SEA}&offset=0&limit=48",
    ),
    Wanted(
        "illust.details_many",
        {"illust_ids": "22, 23"},
        "/touch/ajax/illust/details/many?illust_ids%5B%5D=22&illust_ids%5B%5D=23",
    ),
    Wanted(
        "illust.unlisted",
        {"secret": "aB3"},
        "/ajax/illust/unlisted/aB3",
        "https://www.pixiv.net/artworks/unlisted/aB3",
    ),
    Wanted("comment.replies", {"comment_id": 7, "page": 2}, "/ajax/illusts/comments/replies?comment_id=7&page=2"),
    Wanted("collection", {"id": 701}, "/ajax/collection/701"),
    Wanted("user.requests", {"id": 11}, "/ajax/commission/page/users/11/request", auth=R18),
    Wanted("user.bookmark_tags", {"id": 901}, "/ajax/user/901/illusts/bookmark/tags", auth=S),
]


def test_every_endpoint_is_here_in_the_order_of_the_catalogue() -> None:
    assert [wanted.name for wanted in WANTED] == list(ENDPOINTS)


def test_the_language_comes_last_and_only_where_there_is_one() -> None:
    url = find("user.full").request("https://www.pixiv.net", "zh_tw", id=11).url
    assert url == "https://www.pixiv.net/ajax/user/11?full=1&lang=zh_tw"
    assert find("user.short").request("https://www.pixiv.net", "", id=11).url == "https://www.pixiv.net/ajax/user/11"


def test_all_kinds_are_said_by_saying_nothing() -> None:
    for kind in ("all", "complex"):
        assert "content" not in find("ranking").request("https://www.pixiv.net", content=kind).url
    assert "content=manga" in find("ranking").request("https://www.pixiv.net", content="manga").url


@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: wanted.name)
def test_a_request(wanted: Wanted) -> None:
    endpoint = find(wanted.name)
    request = endpoint.request(PIXIV, **wanted.values)
    assert request.url == PIXIV + wanted.url
    assert request.headers["Referer"] == wanted.referer.encode()
    assert request.headers["Accept"] == b"application/json"
    assert endpoint.auth is wanted.auth
    assert request.dont_filter
    assert request.meta["endpoint"] == wanted.name
    if wanted.body is None:
        assert (request.method, request.body) == ("GET", b"")
        assert "Content-Type" not in request.headers
    else:
        assert request.method == "POST"
        assert json.loads(request.body) == wanted.body
        assert request.headers["Content-Type"] == b"application/json"


@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: wanted.name)
def test_the_parameters_of_a_request_ask_the_same_again(wanted: Wanted) -> None:
    endpoint = find(wanted.name)
    request = endpoint.request(PIXIV, **wanted.values)
    parameters = json.loads(json.dumps(request.meta["parameters"]))
    again = endpoint.request(PIXIV, **parameters)
    assert (again.url, again.body, again.meta) == (request.url, request.body, request.meta)


def test_the_canonical_parameters() -> None:
    request = catalogue.RANKING.request(PIXIV, date="2022-08-23", p="2", content=None)
    assert request.meta["parameters"] == {"mode": "daily", "date": "20220823", "p": 2}
    request = catalogue.USER_PROFILE_ILLUSTS.request(PIXIV, id="11", ids=["22"])
    assert request.meta["parameters"] == {
        "id": 11,
        "ids": [22],
        "work_category": "illustManga",
        "is_first_page": False,
    }


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8480", "http://127.0.0.1:8480/"])
def test_elsewhere_the_referer_is_pixivs_all_the_same(base_url: str) -> None:
    request = catalogue.ILLUST_DETAIL.request(base_url, id=22)
    assert request.url == "http://127.0.0.1:8480/ajax/illust/22"
    assert request.headers["Referer"] == WORK.encode()


def test_a_request_can_be_given_its_callback() -> None:
    request = catalogue.ILLUST_DETAIL.request(PIXIV, id=22).replace(priority=3, cb_kwargs={"work_id": 22})
    assert (request.priority, request.cb_kwargs, request.meta["endpoint"]) == (3, {"work_id": 22}, "illust.detail")


@pytest.mark.parametrize(
    ("word", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("../../x", "..%2F..%2Fx"),
        ("100%", "100%25"),
        ("%2F", "%252F"),
        ("a#b?c&d=e", "a%23b%3Fc%26d%3De"),
        ("初音 ミク", "%E5%88%9D%E9%9F%B3%20%E3%83%9F%E3%82%AF"),
        ("a+b", "a%2Bb"),
        ("Fate/GrandOrder(10000users入り)", "Fate%2FGrandOrder%2810000users%E5%85%A5%E3%82%8A%29"),
        ("\U0001f30a", "%F0%9F%8C%8A"),
        ("{id}", "%7Bid%7D"),
    ],
)
def test_a_keyword_in_the_path(word: str, segment: str) -> None:
    assert catalogue.SEARCH_TOP.request(PIXIV, word=word).url == f"{PIXIV}/ajax/search/top/{segment}"
    assert catalogue.TAG_INFO.request(PIXIV, tag=word).url == f"{PIXIV}/ajax/search/tags/{segment}"


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_different_words_make_different_requests(one: str, other: str) -> None:
    urls = [catalogue.SEARCH_TOP.request(PIXIV, word=word).url for word in (one, other)]
    assert (urls[0] == urls[1]) == (one == other)
    for url in urls:
        assert url.startswith(f"{PIXIV}/ajax/search/top/")
        assert not set(url.removeprefix(f"{PIXIV}/ajax/search/top/")) & set("/?#& ")


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("illust.detail", {}, "illust.detail needs the parameter id: the work's id"),
        ("illust.detail", {"id": None}, "illust.detail needs the parameter id: the work's id"),
        ("illust.detail", {"id": 0}, "illust.detail: id=0 is refused; it takes a positive whole number"),
        ("illust.detail", {"id": True}, "illust.detail: id=true is refused; it takes a positive whole number"),
        ("illust.detail", {"id": "22/.."}, "illust.detail: id='22/..' is refused; it takes a positive whole number"),
        ("illust.detail", {"id": "٢"}, "illust.detail: id='٢' is refused; it takes a positive whole number"),
        ("illust.detail", {"id": 2**63}, "illust.detail: id=9223372036854775808 is refused; it takes a positive"),
        ("illust.detail", {"id": 1, "x": 2}, "illust.detail has no parameter 'x'; it takes id"),
        ("user.full", {"id": 1, "full": 0}, "user.full has no parameter 'full'; it takes id"),
        ("me.extra", {"id": 1}, "me.extra has no parameter 'id'; it takes none"),
        ("feed.illust", {"mode": "r19"}, "feed.illust: mode='r19' is refused; it takes one of all, safe, r18"),
        ("feed.illust", {"p": 0}, "feed.illust: p=0 is refused; it takes a whole number from 1"),
        ("user.following", {"id": 1, "limit": 101}, "user.following: limit=101 is refused; it takes a whole number"),
        ("ranking", {"date": "20220230"}, "ranking: date='20220230' is refused; it takes a day as yyyy-mm-dd"),
        ("ranking", {"date": "2022-0823"}, "ranking: date='2022-0823' is refused; it takes a day as yyyy-mm-dd"),
        ("search.top", {"word": ""}, "search.top: word='' is refused; it takes a text that is not empty"),
        ("search.top", {"word": "x" * 1001}, "search.top: word='xxxxxxx"),
        ("search.top", {"word": "\ud800"}, "search.top: word='' is refused; it takes a text that can be written"),
        ("user.profile_illusts", {"id": 1, "ids": []}, "user.profile_illusts: ids=a list is refused; it takes a list"),
        ("user.profile_illusts", {"id": 1, "ids": [1] * 101}, "user.profile_illusts: ids=a list is refused"),
        ("user.profile_illusts", {"id": 1, "ids": [1, "x"]}, "user.profile_illusts: ids=a list is refused"),
        ("new.illust", {"r18": "maybe"}, "new.illust: r18='maybe' is refused; it takes true or false"),
    ],
)
def test_what_is_refused(name: str, values: dict[str, Any], says: str) -> None:
    with pytest.raises(ParameterRefused) as refused:
        find(name).request(PIXIV, **values)
    message = str(refused.value)
    assert message.startswith(says)
    assert message.isprintable()
    assert refused.value.exit_code == 2


@given(
    st.sampled_from(sorted(ENDPOINTS)),
    st.dictionaries(
        st.sampled_from(["id", "ids", "word", "tag", "p", "mode", "date", "limit", "r18", "category", "\x1b"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers() | st.text()),
    ),
)
def test_whatever_is_asked_is_sent_to_pixiv_or_refused(name: str, values: dict[str, Any]) -> None:
    try:
        request = find(name).request(PIXIV, **values)
    except ParameterRefused as refused:
        message = str(refused)
    else:
        message = ""
        assert request.url.startswith((f"{PIXIV}/ajax/", f"{PIXIV}/ranking.php?"))
        json.dumps(request.meta["parameters"])
    assert message == "" or (message.isprintable() and message.startswith(name))


def test_what_needs_premium() -> None:
    artworks = catalogue.SEARCH_ARTWORKS
    assert artworks.premium_needed_for({"word": "x"}) == []
    assert artworks.premium_needed_for({"word": "x", "order": "popular_d", "bgt": 5}) == ["order", "bgt"]


@pytest.mark.parametrize("wanted", [wanted for wanted in WANTED if wanted.body is None], ids=lambda wanted: wanted.url)
def test_an_address_tells_what_it_asks(wanted: Wanted):
    """`scrapy parse` and its like are given an address alone."""
    endpoint = find(wanted.name)
    request = endpoint.request(PIXIV, "en", **wanted.values)
    assert endpoint.parameters_of(Request(request.url)) == request.meta["parameters"]
    assert catalogue.asked(request.url) is endpoint


def test_an_address_of_another_endpoint_is_refused():
    with pytest.raises(ParameterRefused, match=r"is not an address of illust\.detail"):
        catalogue.ILLUST_DETAIL.parameters_of(Request(f"{PIXIV}/ajax/user/11"))
    assert catalogue.asked(f"{PIXIV}/artworks/22") is None
