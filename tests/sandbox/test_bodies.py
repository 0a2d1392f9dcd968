"""The shapes of the answers: pixiv's key names, types and oddities."""

import json
import re
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest

DIGITS = {"type": "string", "pattern": r"^\d+$"}
TEXT = {"type": "string"}
WHOLE = {"type": "integer"}
FLAG = {"type": "boolean"}
IN_JAPAN = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+09:00$"}
IN_UTC = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$"}
PICTURE = {"type": "string", "pattern": r"^https?://127\.0\.0\.1:\d+/"}
NOTHING = {"type": "array", "maxItems": 0}


def shape(required: dict[str, Any], closed: bool = False) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": required, "additionalProperties": not closed}


def rows_of(row: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": row, "minItems": 1}


def keyed_by_id(value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "patternProperties": {r"^\d+$": value}, "additionalProperties": False, "minProperties": 1}


ROW = shape(
    {
        "id": DIGITS,
        "title": TEXT,
        "illustType": {"enum": [0, 1, 2]},
        "xRestrict": {"enum": [0, 1, 2]},
        "restrict": {"enum": [0, 1]},
        "sl": {"enum": [0, 2, 4, 6]},
        "url": PICTURE,
        "description": TEXT,
        "tags": {"type": "array", "items": TEXT},
        "userId": DIGITS,
        "userName": TEXT,
        "width": WHOLE,
        "height": WHOLE,
        "pageCount": WHOLE,
        "isBookmarkable": FLAG,
        "bookmarkData": {"type": ["object", "null"]},
        "alt": TEXT,
        "createDate": IN_JAPAN,
        "updateDate": IN_JAPAN,
        "isUnlisted": FLAG,
        "isMasked": {"const": False},
    }
)
MASKED = shape({"id": WHOLE, "userId": {"const": 0}, "isMasked": {"const": True}, "title": {"const": "-----"}})
AD = shape({"isAdContainer": {"const": True}}, closed=True)
USER = shape(
    {
        "userId": DIGITS,
        "name": TEXT,
        "image": PICTURE,
        "imageBig": PICTURE,
        "premium": FLAG,
        "isFollowed": FLAG,
        "partial": {"enum": [0, 1]},
    }
)
DETAIL = shape(
    {
        "illustId": DIGITS,
        "title": TEXT,
        "description": TEXT,
        "createDate": IN_UTC,
        "uploadDate": IN_UTC,
        "urls": shape(dict.fromkeys(("mini", "thumb", "small", "regular", "original"), PICTURE), closed=True),
        "tags": shape({"authorId": DIGITS, "tags": rows_of(shape({"tag": TEXT, "locked": FLAG, "deletable": FLAG}))}),
        "userIllusts": keyed_by_id({"anyOf": [ROW, {"type": "null"}]}),
        "width": WHOLE,
        "height": WHOLE,
        "pageCount": WHOLE,
        "bookmarkCount": WHOLE,
        "likeCount": WHOLE,
        "commentCount": WHOLE,
        "viewCount": WHOLE,
        "aiType": {"enum": [0, 1, 2]},
    }
)
PAGE = shape(
    {
        "urls": shape(dict.fromkeys(("thumb_mini", "small", "regular", "original"), PICTURE), closed=True),
        "width": WHOLE,
        "height": WHOLE,
    },
    closed=True,
)
FRAMES = shape(
    {
        "src": PICTURE,
        "originalSrc": PICTURE,
        "mime_type": {"const": "image/jpeg"},
        "frames": rows_of(shape({"file": TEXT, "delay": WHOLE}, closed=True)),
    },
    closed=True,
)
ENTRY = shape(
    {
        "illust_id": WHOLE,
        "user_id": WHOLE,
        "illust_type": DIGITS,
        "illust_page_count": DIGITS,
        "rank": WHOLE,
        "yes_rank": WHOLE,
        "illust_series": {"anyOf": [{"const": False}, {"type": "object"}]},
        "illust_upload_timestamp": WHOLE,
        "url": PICTURE,
    }
)
ALL_IDS = shape(
    {
        "illusts": keyed_by_id({"type": "null"}),
        "manga": keyed_by_id({"type": "null"}),
        "mangaSeries": rows_of(shape({"id": DIGITS})),
        "pickup": rows_of({"type": "object"}),
    }
)
REQUEST = shape(
    {
        "requestId": DIGITS,
        "creatorUserId": DIGITS,
        "fanUserId": {"type": ["string", "null"]},
        "requestStatus": TEXT,
        "plan": {"type": "object"},
        "postWork": {"type": ["object", "null"]},
    }
)


def frame(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "thumbnails": shape(
            {"illust": rows_of(row), "novel": {"type": "array"}, "novelSeries": NOTHING, "novelDraft": NOTHING}
        ),
        "illustSeries": {"type": "array"},
    }


BODIES: dict[str, dict[str, Any]] = {
    "/ajax/user/11": USER,
    "/ajax/user/11?full=1": shape(
        {
            **USER["properties"],
            "comment": TEXT,
            "webpage": TEXT,
            "social": {"type": "object"},
            "region": {"type": "object"},
        }
    ),
    "/ajax/user/12?full=1": shape({"webpage": {"type": "null"}, "social": NOTHING}),
    "/ajax/user/11/profile/all": ALL_IDS,
    "/ajax/user/12/profile/all": shape(
        {"illusts": NOTHING, "manga": NOTHING, "novels": NOTHING, "mangaSeries": NOTHING, "pickup": NOTHING}
    ),
    "/ajax/user/11/works/latest": shape({"illusts": keyed_by_id({"anyOf": [ROW, {"type": "null"}]})}),
    "/ajax/user/12/works/latest": shape({"illusts": NOTHING, "novels": NOTHING}),
    "/ajax/user/11/profile/illusts?ids[]=5000111&ids[]=5000811&ids[]=1&work_category=illustManga&is_first_page=0": shape(
        {"works": keyed_by_id(ROW)}
    ),
    "/ajax/user/11/profile/illusts?ids[]=5000115&work_category=illust&is_first_page=1": shape({"works": NOTHING}),
    "/ajax/illust/5000211": DETAIL,
    "/ajax/illust/5000311": shape(
        {
            "seriesNavData": shape(
                {
                    "seriesId": {"const": "501"},
                    "order": {"const": 1},
                    "prev": {"type": "null"},
                    "next": shape({"id": {"const": "5001211"}}),
                }
            )
        }
    ),
    "/ajax/illust/5000211/pages": rows_of(PAGE),
    "/ajax/illust/5000411/ugoira_meta": FRAMES,
    "/ajax/user/901/following?offset=0&limit=24&rest=show": shape(
        {"users": rows_of(shape({"userId": DIGITS, "illusts": {"type": "array", "items": ROW}})), "total": WHOLE}
    ),
    "/ajax/user/901/illusts/bookmarks?tag=&offset=0&limit=100&rest=show": shape(
        {"works": rows_of({"anyOf": [ROW, MASKED]}), "total": WHOLE}
    ),
    "/ajax/follow_latest/illust?mode=all&p=1": shape(
        {**frame({"anyOf": [ROW, MASKED]}), "page": shape({"ids": rows_of(WHOLE), "isLastPage": FLAG})}
    ),
    "/ajax/watch_list/manga?p=1": shape({**frame(ROW), "page": shape({"total": DIGITS, "maxPage": WHOLE})}),
    "/ajax/series/502?p=1": shape(
        {
            **frame({"anyOf": [ROW, MASKED]}),
            "page": shape({"series": rows_of(shape({"workId": DIGITS, "order": WHOLE})), "total": WHOLE}),
        }
    ),
    "/ajax/illust/5000211/recommend/init?limit=18": shape(
        {
            "illusts": rows_of({"anyOf": [AD, ROW]}),
            "nextIds": rows_of(DIGITS),
            "details": keyed_by_id({"type": "object"}),
        }
    ),
    "/ajax/illust/new?lastId=0&limit=20&type=illust&r18=false": shape({"illusts": rows_of(ROW), "lastId": DIGITS}),
    "/ajax/illusts/comments/roots?illust_id=5000211&offset=0&limit=30": shape(
        {
            "comments": rows_of(shape({"id": DIGITS, "stampId": {"type": ["string", "null"]}, "isDeletedUser": FLAG})),
            "hasNext": FLAG,
        }
    ),
    "/ajax/commission/page/request": shape({**frame(ROW), "requests": rows_of(REQUEST), "users": rows_of(USER)}),
    "/ajax/commission/page/request/complete/illust?mode=all&p=1": shape(
        {
            **frame(ROW),
            "requests": rows_of(REQUEST),
            "page": shape({"requestIds": rows_of(DIGITS), "pager": {"const": {"page": 1, "hasNextPage": True}}}),
        }
    ),
    "/ajax/discovery/artworks?mode=all&limit=20": shape(
        {**frame(ROW), "recommendedIllusts": rows_of(shape({"illustId": DIGITS}))}
    ),
    "/ajax/discovery/users?limit=5": shape(
        {**frame(ROW), "users": rows_of(USER), "recommendedUsers": rows_of(shape({"userId": DIGITS}))}
    ),
    "/ajax/discovery/artworks/meta?mode=all": shape({"meta": shape({"description": {"const": False}})}),
    "/ajax/discovery/users/meta": shape({"meta": shape({"title": TEXT})}),
    "/ajax/top/illust?mode=all": shape(
        {
            **frame({"anyOf": [ROW, MASKED]}),
            "page": shape(
                {
                    "follow": rows_of(WHOLE),
                    "newPost": rows_of(DIGITS),
                    "ranking": shape({"items": rows_of(shape({"rank": DIGITS, "id": DIGITS}))}),
                }
            ),
        }
    ),
    "/ajax/user/extra": shape(
        {"following": {"const": 55}, "followers": {"const": 30}, "mypixivCount": WHOLE, "background": {"type": "null"}}
    ),
    "/ajax/sketch/live/following": NOTHING,
    "/ajax/dashboard/home": shape(
        {**frame(ROW), "data": shape({"recentUploadWorks": NOTHING, "contests": rows_of({"type": "object"})})}
    ),
    "/ajax/dashboard/settings": shape({"view": {"type": "null"}}, closed=True),
    "/ajax/dashboard/works/illust/request_strategy": shape(
        {
            "data": shape(dict.fromkeys(("works", "series", "drafts", "reservedWorks", "fetchRanges"), NOTHING)),
            "tagTranslation": NOTHING,
        }
    ),
    "/ajax/notification": shape(
        {"items": rows_of(shape({"id": DIGITS, "notifiedAt": IN_JAPAN})), "remaining_unread_count": WHOLE}
    ),
    "/ajax/linked_service/tumeng?page=1": shape(
        {"page": shape({"user": {"type": "object"}, "works": NOTHING, "totalItemCount": {"const": 0}})}
    ),
}


@pytest.mark.parametrize("path", BODIES)
def test_body_has_its_shape(shared: Any, path: str):
    jsonschema.validate(shared.body(path, shared.sandbox.cookie), BODIES[path])


def test_ranking_has_its_shape(shared: Any):
    reply = shared.get("/ranking.php?format=json&mode=daily&date=20230113&content=complex&p=1").json
    jsonschema.validate(
        reply,
        shape(
            {"contents": rows_of(ENTRY), "next": {"const": 2}, "prev": {"const": False}, "rank_total": {"const": 120}}
        ),
    )


@pytest.mark.parametrize(
    ("where", "name"), [("artworks", "illustManga"), ("illustrations", "illust"), ("manga", "manga"), ("top", "illust")]
)
def test_search_has_its_shape(shared: Any, where: str, name: str):
    body = shared.body(f"/ajax/search/{where}/{quote('猫')}?word={quote('猫')}")
    listing = shape({"data": rows_of({"anyOf": [AD, ROW]}), "total": WHOLE})
    jsonschema.validate(
        body, shape({name: listing, "popular": shape({"recent": {"type": "array"}}), "relatedTags": {"type": "array"}})
    )


def test_the_same_moment_in_both_zones(shared: Any):
    work = shared.sandbox.world.work(5001511)
    detail = shared.body("/ajax/illust/5001511")
    row = shared.body("/ajax/user/11/profile/illusts?ids[]=5001511&work_category=illust&is_first_page=0")["works"][
        "5001511"
    ]
    assert detail["createDate"] != detail["uploadDate"]
    assert re.sub(r"\D", "", row["updateDate"][:19]) == work.revision
    assert f"/{row['updateDate'][:4]}/{row['updateDate'][5:7]}/{row['updateDate'][8:10]}/" in detail["urls"]["original"]
    assert row["createDate"] != row["updateDate"]


def test_a_row_without_a_session_hides_r18_thumbnails(shared: Any):
    path = "/ajax/user/11/profile/illusts?ids[]=5000711&work_category=illust&is_first_page=0"
    assert shared.body(path)["works"]["5000711"]["url"].endswith("limit_sanity_level_360.png")
    assert "5000711_p0" in shared.body(path, shared.sandbox.cookie)["works"]["5000711"]["url"]


def test_nasty_names_arrive_as_they_are(shared: Any):
    titles = [
        shared.body(f"/ajax/illust/{shared.sandbox.world.work_id(14, number)}")["title"] for number in range(1, 9)
    ]
    assert {"..", "CON", "", "長" * 300} < set(titles)
    assert any("\u202e" in title for title in titles)
    assert any("/" in title for title in titles)
    assert any("\0" in title for title in titles)


def test_an_ugoira_names_its_first_frame_as_original(shared: Any):
    urls = shared.body("/ajax/illust/5000411")["urls"]
    assert urls["original"].endswith("/5000411_ugoira0.jpg")
    assert shared.body("/ajax/illust/5000411/ugoira_meta")["originalSrc"].endswith("/5000411_ugoira1920x1080.zip")


def test_strings_of_japan_survive(shared: Any):
    assert json.loads(shared.get("/ajax/user/13").body)["body"]["name"] == "夜の画家"
