"""Pages, ends and repeats of every list."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.sandbox.serving import Sandbox, World


def ids_of(rows: list[dict[str, Any]]) -> list[int]:
    return [int(row["id"]) for row in rows if "id" in row]


def test_ranking_ends_with_next_false(shared: Any):
    path = "/ranking.php?format=json&mode=daily&date=20230111&content=complex"
    pages = [shared.get(f"{path}&p={number}").json for number in (1, 2, 3)]
    assert [len(page["contents"]) for page in pages] == [50, 50, 20]
    assert [(page["prev"], page["next"]) for page in pages] == [(False, 2), (1, 3), (2, False)]
    entries = [entry for page in pages for entry in page["contents"]]
    assert [entry["rank"] for entry in entries] == list(range(1, 121))
    assert len({entry["illust_id"] for entry in entries}) == 120
    assert {entry["user_id"] for entry in entries} > {11, 13, 14, 15, 18}
    assert (pages[0]["prev_date"], pages[0]["next_date"], pages[0]["rank_total"]) == ("20230110", "20230112", 120)
    reply = shared.get(f"{path}&p=4")
    assert reply.status == 404
    assert set(reply.json) == {"error"}


def test_previous_ranks_are_those_of_the_day_before(shared: Any):
    def ranks(day: str) -> dict[int, tuple[int, int]]:
        found = {}
        for number in (1, 2, 3):
            page = shared.get(f"/ranking.php?format=json&mode=daily&date={day}&content=complex&p={number}").json
            found |= {entry["illust_id"]: (entry["rank"], entry["yes_rank"]) for entry in page["contents"]}
        return found

    before, after = ranks("20230110"), ranks("20230111")
    assert all(previous == 0 for _, previous in before.values())
    assert all(previous == before.get(work_id, (0, 0))[0] for work_id, (_, previous) in after.items())
    assert any(previous == 0 for _, previous in after.values())


@pytest.mark.parametrize(
    "query", ["mode=daily&date=29990101", "mode=monthly&date=20230113", "mode=nonsense", "mode=daily&p=0"]
)
def test_no_such_ranking(shared: Any, query: str):
    reply = shared.get(f"/ranking.php?format=json&{query}")
    assert reply.status == 404
    assert set(reply.json) == {"error"}


def test_ranking_contents_are_rankings_of_their_own(shared: Any):
    page = shared.get("/ranking.php?format=json&mode=daily&date=20230113&content=manga").json
    assert {entry["illust_type"] for entry in page["contents"]} == {"1"}
    assert [entry["rank"] for entry in page["contents"]] == list(range(1, len(page["contents"]) + 1))


def test_bookmarks_in_steps(shared: Any):
    cookie = shared.sandbox.cookie

    def step(offset: int, rest: str = "show", tag: str = "") -> Any:
        path = f"/ajax/user/901/illusts/bookmarks?tag={quote(tag)}&offset={offset}&limit=48&rest={rest}"
        return shared.body(path, cookie)

    rows: list[dict[str, Any]] = []
    while page := step(len(rows))["works"]:
        rows += page
    assert len(rows) == step(0)["total"] > 96
    assert len({row["id"] for row in rows}) == len(rows)
    numbers = [int(row["bookmarkData"]["id"]) for row in rows]
    assert numbers == sorted(numbers, reverse=True), "newest bookmark first"
    masked = [row for row in rows if row["isMasked"]]
    assert {(row["userId"], row["title"], row["createDate"]) for row in masked} == {
        (0, "-----", "1970-01-01T00:00:00+09:00")
    }
    assert 5000811 in {row["id"] for row in masked}
    assert masked[0]["url"].endswith("limit_unknown_360.png")

    hidden = step(0, "hide")
    assert all(row["bookmarkData"]["private"] for row in hidden["works"])
    assert 0 < step(0, tag="later")["total"] < step(0, tag="keep")["total"]
    assert step(0, tag="keep")["total"] + step(0, tag="未分類")["total"] == len(rows)


def test_bookmarks_refuse_what_pixiv_refuses(shared: Any):
    cookie = shared.sandbox.cookie
    path = "/ajax/user/901/illusts/bookmarks?offset=0&limit=48&rest=show"
    assert shared.get(path, cookie).status == 400, "tag must be sent"
    assert shared.get(f"{path}&tag=".replace("48", "101"), cookie).status == 400
    assert shared.get("/ajax/user/902/illusts/bookmarks?tag=&offset=0&limit=48&rest=hide", cookie).status == 403


def test_following_and_followers(shared: Any):
    def step(path: str) -> Any:
        return shared.body(f"/ajax/user/901/{path}", shared.sandbox.cookie)

    first, last = (step(f"following?offset={offset}&limit=24&rest=show") for offset in (0, 48))
    assert (len(first["users"]), first["total"]) == (24, 55)
    assert len(last["users"]) == 7
    assert first["users"][0]["userId"] == "11"
    assert first["users"][0]["following"] is True
    assert len(first["users"][0]["illusts"]) == 3
    assert "13" in {user["userId"] for user in step("following?offset=0&limit=24&rest=hide")["users"]}
    assert step("followers?offset=0&limit=24")["total"] == 30
    assert step("followers?offset=48&limit=24")["users"] == []


def feed_page(browser: Any, number: int, mode: str = "all") -> Any:
    return browser.body(f"/ajax/follow_latest/illust?mode={mode}&p={number}", browser.sandbox.cookie)


def test_feed_ends_and_repeats(shared: Any):
    pages = [feed_page(shared, number) for number in range(1, 7)]
    lasts = [page["page"]["isLastPage"] for page in pages]
    end = lasts.index(True)
    assert lasts == [False] * end + [True] * (6 - end)
    assert pages[end]["page"]["ids"] == pages[5]["page"]["ids"], "past the end the last page repeats"
    ids = [work_id for page in pages[: end + 1] for work_id in page["page"]["ids"]]
    assert ids == sorted(set(ids), reverse=True)
    assert all(isinstance(work_id, int) for work_id in ids)
    assert all(len(page["page"]["ids"]) == 60 for page in pages[:end])
    masked = {row["id"] for page in pages for row in page["thumbnails"]["illust"] if row["isMasked"]}
    assert 5000811 in masked


def test_feed_has_a_wall(own: Any):
    own.sandbox.world.limits.feed = 2
    second, third = feed_page(own, 2), feed_page(own, 3)
    assert second["page"]["isLastPage"] is True
    assert second["page"]["ids"] == third["page"]["ids"]


def test_feed_modes(shared: Any):
    safe, adult = (feed_page(shared, 1, mode)["thumbnails"]["illust"] for mode in ("safe", "r18"))
    assert {row["xRestrict"] for row in safe} == {0}
    assert {row["xRestrict"] for row in adult if not row["isMasked"]} == {1, 2}


def test_watchlist_and_series(own: Any):
    world, cookie = own.sandbox.world, own.sandbox.cookie
    world.limits.watchlist_entries = 1
    pages = [own.body(f"/ajax/watch_list/manga?p={number}", cookie)["page"] for number in (1, 2, 3)]
    assert [page["watchedSeriesIds"] for page in pages] == [["501"], ["502"], []]
    assert {(page["total"], page["maxPage"]) for page in pages} == {("2", 2)}

    chapters = [own.body(f"/ajax/series/502?p={number}") for number in (1, 2, 3, 4)]
    assert [len(page["page"]["series"]) for page in chapters] == [12, 12, 6, 0]
    orders = [entry["order"] for page in chapters for entry in page["page"]["series"]]
    assert orders == list(range(1, 31))
    assert chapters[0]["page"]["total"] == 30
    assert isinstance(chapters[0]["page"]["series"][0]["workId"], str)
    assert [row["isMasked"] for row in chapters[1]["thumbnails"]["illust"]].count(True) == 1
    assert own.get("/ajax/series/999").status == 404


def test_mypixiv(shared: Any):
    page = shared.body("/ajax/mypixiv_latest/illust?p=1", shared.sandbox.cookie)["page"]
    assert page == {
        "ids": [shared.sandbox.world.work_id(17, number) for number in (6, 4, 2)],
        "isLastPage": True,
        "tags": [],
    }


def test_works_of_a_user_under_a_tag(shared: Any):
    tag = quote("rain")
    everything = shared.body(f"/ajax/user/15/illustmanga/tag?tag={tag}&offset=0&limit=100")
    illusts = shared.body(f"/ajax/user/15/illusts/tag?tag={tag}&offset=2&limit=10")
    assert everything["total"] == len(everything["works"]) == 12
    assert ids_of(illusts["works"]) == ids_of(everything["works"])[2:]
    assert all("rain" in row["tags"] for row in everything["works"])
    assert shared.body(f"/ajax/user/15/manga/tag?tag={tag}&offset=0&limit=48") | {"zoneConfig": 0, "extraData": 0} == {
        "works": [],
        "total": 0,
        "zoneConfig": 0,
        "extraData": 0,
    }


def test_comments(shared: Any):
    def step(offset: int) -> Any:
        return shared.body(f"/ajax/illusts/comments/roots?illust_id=5000211&offset={offset}&limit=30")

    first, second = step(0), step(30)
    assert (len(first["comments"]), first["hasNext"], len(second["comments"]), second["hasNext"]) == (
        30,
        True,
        15,
        False,
    )
    assert len({comment["id"] for comment in first["comments"] + second["comments"]}) == 45
    assert shared.get("/ajax/illusts/comments/roots?illust_id=1&offset=0&limit=30").status == 404


def test_related_works_and_their_next_ids(shared: Any):
    cookie = shared.sandbox.cookie
    body = shared.body("/ajax/illust/5000211/recommend/init?limit=18", cookie)
    rows = ids_of(body["illusts"])
    assert {"isAdContainer": True} in body["illusts"]
    assert (len(rows), len(body["nextIds"])) == (18, 180)
    assert 5000211 not in rows
    query = "&".join(f"illust_ids[]={work_id}" for work_id in body["nextIds"][:20])
    more = shared.body(f"/ajax/illust/recommend/illusts?{query}", cookie)
    assert ids_of(more["illusts"]) == [int(work_id) for work_id in body["nextIds"][:20]]
    assert shared.get("/ajax/illust/recommend/illusts", cookie).status == 400


def test_new_works_go_on_from_last_id(shared: Any):
    seen: list[int] = []
    cookie = shared.sandbox.cookie
    last = 0
    while rows := (body := shared.body(f"/ajax/illust/new?lastId={last}&limit=20&type=illust&r18=false", cookie))[
        "illusts"
    ]:
        seen += ids_of(rows)
        last = int(body["lastId"])
        assert last == seen[-1]
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) > 150
    assert shared.get("/ajax/illust/new?lastId=0&limit=21&type=illust&r18=false", cookie).status == 400


def test_new_works_have_a_wall(own: Any):
    own.sandbox.world.limits.new_works = 25
    first = own.body("/ajax/illust/new?lastId=0&limit=20&type=illust&r18=false", own.sandbox.cookie)
    second = own.body(f"/ajax/illust/new?lastId={first['lastId']}&limit=20&type=illust&r18=false", own.sandbox.cookie)
    assert len(second["illusts"]) == 5
    third = own.body(f"/ajax/illust/new?lastId={second['lastId']}&limit=20&type=illust&r18=false", own.sandbox.cookie)
    assert (third["illusts"], third["lastId"]) == ([], second["lastId"])


def test_discovery_is_fresh_each_time(shared: Any):
    def names() -> list[str]:
        body = shared.body("/ajax/discovery/artworks?mode=safe&limit=20", shared.sandbox.cookie)
        assert [row["id"] for row in body["thumbnails"]["illust"]] == [
            one["illustId"] for one in body["recommendedIllusts"]
        ]
        return [one["illustId"] for one in body["recommendedIllusts"]]

    assert len(names()) == 20
    assert names() != names()


@pytest.mark.parametrize("kind", ["illust", "manga", "ugoira"])
def test_complete_requests(shared: Any, kind: str):
    def page(number: int) -> Any:
        return shared.body(f"/ajax/commission/page/request/complete/{kind}?mode=all&p={number}")

    bodies = [page(1)]
    while bodies[-1]["page"]["pager"]["hasNextPage"]:
        bodies.append(page(len(bodies) + 1))
    own = [request_id for body in bodies for request_id in body["page"]["requestIds"]]
    assert len(own) == len(set(own))
    assert len(bodies) == (3 if kind == "illust" else 1)
    requests = {one["requestId"]: one for body in bodies for one in body["requests"]}
    assert {requests[request_id]["postWork"]["postWorkType"] for request_id in own} == {kind}
    assert page(len(bodies) + 1)["page"]["requestIds"] == []
    novels = [one for one in requests.values() if one["postWork"]["postWorkType"] == "novel"]
    assert novels
    assert shared.sandbox.world.work(int(novels[0]["postWork"]["postWorkId"])), "a novel's id that is a work's too"
    assert all(one["requestId"] not in own for one in novels)


def test_requests_in_progress_and_creators(shared: Any):
    first = shared.body("/ajax/commission/page/request/in_progress/illust?mode=all&p=1")
    second = shared.body("/ajax/commission/page/request/in_progress/illust?mode=all&p=2")
    assert (len(first["page"]["requestIds"]), len(second["page"]["requestIds"])) == (24, 6)
    assert {one["postWork"] for one in first["requests"]} == {None}
    creators = shared.body("/ajax/commission/page/request/creators/illust?mode=all&p=1")
    assert creators["page"]["creatorUserIds"] == ["11", "15"]
    assert creators["users"] == []
    assert creators["tagTranslation"] == []
    overview = shared.body("/ajax/commission/page/request")
    assert len(overview["page"]["completeRequestIdsNovels"]) == 2
    assert len(overview["thumbnails"]["novel"]) == 2


def search(
    browser: Any, query: str, where: str = "artworks", name: str = "illustManga", cookie: str | None = None
) -> Any:
    reply = browser.get(f"/ajax/search/{where}/rain?word=rain&{query}", cookie)
    assert reply.status == 200, reply.body
    assert "message" not in reply.json
    return reply.json["body"][name]


def every_row(browser: Any, query: str = "", **given: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    total = search(browser, query, **given)["total"]
    for number in range(1, 2 + total // 60):
        rows += [row for row in search(browser, f"{query}&p={number}", **given)["data"] if "id" in row]
    assert len(rows) == total
    return rows


def test_search_pages_and_orders(shared: Any):
    first = search(shared, "p=1")
    assert len(first["data"]) == 61, "60 rows and an advertisement"
    rows = every_row(shared)
    assert [row["id"] for row in rows] == [row["id"] for row in reversed(every_row(shared, "order=date"))]
    last = 1 + (len(rows) - 1) // 60
    assert search(shared, f"p={last}")["data"] == search(shared, "p=500")["data"], "past the end the last page repeats"
    assert all(any("rain" in tag for tag in row["tags"]) for row in rows)


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("mode=safe", lambda row: row["xRestrict"] == 0),
        ("scd=2022-09-01", lambda row: row["createDate"][:10] >= "2022-09-01"),
        ("ecd=2022-09-01", lambda row: row["createDate"][:10] <= "2022-09-01"),
        ("scd=2022-09-01&ecd=2022-10-01", lambda row: "2022-09-01" <= row["createDate"][:10] <= "2022-10-01"),
        ("wlt=100&hlt=100", lambda row: row["width"] >= 100 and row["height"] >= 100),
        ("wgt=100&hgt=100", lambda row: row["width"] <= 100 and row["height"] <= 100),
        ("ratio=-0.5", lambda row: row["width"] < row["height"]),
        ("s_mode=s_tag_full", lambda row: "rain" in row["tags"]),
    ],
)
def test_search_filters(shared: Any, query: str, fits: Callable[[Any], bool]):
    cookie = shared.sandbox.cookie
    everything = every_row(shared, cookie=cookie)
    found = every_row(shared, query, cookie=cookie)
    assert {row["id"] for row in found} == {row["id"] for row in everything if fits(row)}
    assert found


def test_search_kinds_and_texts(shared: Any):
    assert {row["illustType"] for row in every_row(shared, where="manga", name="manga")} == {1}
    assert {row["illustType"] for row in every_row(shared, where="illustrations", name="illust")} <= {0, 2}
    chapter = shared.get(f"/ajax/search/manga/{quote('Chapter 12')}?s_mode=s_tc&work_lang=ja").json["body"]["manga"]
    assert [row["title"] for row in chapter["data"]] == ["Chapter 12"]
    nothing = shared.get("/ajax/search/artworks/nowhere").json["body"]["illustManga"]
    assert (nothing["data"], nothing["total"]) == ([], 0)
    top = shared.get("/ajax/search/top/rain").json["body"]
    assert {name: bool(top[name]["data"]) for name in ("illust", "manga", "novel")} == dict.fromkeys(
        ("illust", "manga", "novel"), True
    )
    assert shared.get("/ajax/search/artworks/rain?scd=yesterday").status == 400


def test_premium_values_are_for_premium(shared: Any):
    plain = [shared.sandbox.cookie, None]
    premium = shared.sandbox.premium_cookie
    for cookie in plain:
        assert search(shared, "order=popular_d&blt=2000", cookie=cookie) == search(shared, "", cookie=cookie)
    world = shared.sandbox.world
    counts = [
        world.work(int(row["id"])).bookmark_count
        for row in every_row(shared, "order=popular_d&blt=1000", cookie=premium)
    ]
    assert counts == sorted(counts, reverse=True)
    assert min(counts) >= 1000


def test_seventy_thousand_works_and_the_wall(browse: Any):
    with Sandbox(World.shadowed(70_000)) as sandbox:
        browser = browse(sandbox)

        def page(number: int, query: str = "", cookie: str | None = None) -> tuple[list[int], Any]:
            path = f"/ajax/search/artworks/shadow?word=shadow&order=date_d&p={number}{query}"
            listing = browser.get(path, cookie).json["body"]["illustManga"]
            return ids_of(listing["data"]), listing

        first, listing = page(1)
        wall, _ = page(1000)
        assert listing["total"] == 70_000
        assert page(1001)[0] == page(4000)[0] == wall, "the wall: the last page repeats"
        assert page(1001, cookie=sandbox.premium_cookie)[0] != wall, "premium goes deeper"

        oldest = [row for row in page(1000)[1]["data"] if "id" in row][-1]
        beyond, rest = page(1, f"&ecd={oldest['createDate'][:10]}")
        assert beyond[0] >= int(oldest["id"]), "the last day again from its start, so that nothing is missed"
        end, _ = page(1 + (rest["total"] - 1) // 60, f"&ecd={oldest['createDate'][:10]}")
        assert end[-1] == min(end) == sandbox.world.shadow.at(0).id
        assert first[0] == sandbox.world.shadow.at(69_999).id
        body = browser.body(f"/ajax/illust/{oldest['id']}")
        assert browser.get(body["urls"]["original"]).status == 200
        assert browser.body(f"/ajax/user/{body['userId']}")["name"] == body["userName"]


def test_tags(shared: Any):
    known = shared.get(f"/ajax/search/tags/{quote('猫')}").json
    assert "message" not in known
    assert known["body"]["pixpedia"]["abstract"]
    assert known["body"]["tagTranslation"] == {"猫": {"en": "cat", "romaji": "neko"}}
    unknown = shared.get("/ajax/search/tags/nowhere").json["body"]
    assert (unknown["pixpedia"], unknown["tagTranslation"]) == ([], [])
    assert shared.body("/ajax/stories/tag_stories?tag=rain")["tagStoryIds"]
    assert shared.body("/ajax/stories/tag_stories?tag=nowhere")["tagStoryIds"] == []


def test_every_answer_is_json_with_an_envelope(shared: Any):
    assert json.loads(shared.get("/ajax/webpush").body)["body"] == {"permission": "nosettings"}
    assert shared.get("/ajax/nonsense").status == 404
