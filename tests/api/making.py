"""A valid answer for every endpoint, written by hand; ids are strings here and integers there, as pixiv does it."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]

WORK = 90_000_001
USER = 4242
PATH_TIME = "2022/08/11/23/46/14"
REVISION = "20220811234614"
HOST = "https://i.pximg.net"
PLACEHOLDER = "https://s.pximg.net/common/images/limit_unknown_360.png"


def thumbnail(work_id: int) -> str:
    return f"{HOST}/c/250x250_80_a2/img-master/img/{PATH_TIME}/{work_id}_p0_square1200.jpg"


def original(work_id: int = WORK, page: int = 0, extension: str = "png") -> str:
    return f"{HOST}/img-original/img/{PATH_TIME}/{work_id}_p{page}.{extension}"


def row(work_id: int = WORK, /, **changes: Any) -> Json:
    return {
        "id": str(work_id),
        "title": f"Work {work_id}",
        "illustType": 0,
        "xRestrict": 0,
        "restrict": 0,
        "sl": 2,
        "url": thumbnail(work_id),
        "description": "",
        "tags": ["sea", "空"],
        "userId": str(USER),
        "userName": "An artist",
        "width": 800,
        "height": 600,
        "pageCount": 2,
        "bookmarkData": None,
        "titleCaptionTranslation": {"workTitle": None},
        "createDate": "2022-08-11T23:46:14+09:00",
        "updateDate": "2022-08-11T23:46:14+09:00",
        "isUnlisted": False,
        "isMasked": False,
    } | changes


def masked(work_id: int = WORK, /, **changes: Any) -> Json:
    return (
        row(
            work_id,
            title="-----",
            url=PLACEHOLDER,
            tags=[],
            userId=0,
            userName="-----",
            createDate="1970-01-01T00:00:00+09:00",
            updateDate="1970-01-01T00:00:00+09:00",
            isMasked=True,
        )
        | changes
    )


def user(user_id: int = USER, /, **changes: Any) -> Json:
    return {
        "userId": str(user_id),
        "name": "An artist",
        "image": f"{HOST}/user-profile/img/2018/06/26/14/26/03/1_50.jpg",
        "imageBig": f"{HOST}/user-profile/img/2018/06/26/14/26/03/1_170.jpg",
        "premium": True,
        "isFollowed": False,
        "background": None,
        "acceptRequest": True,
    } | changes


def detail(work_id: int = WORK, /, **changes: Any) -> Json:
    return {
        "id": str(work_id),
        "title": "Evening",
        "description": "by the sea<br />",
        "illustType": 0,
        "createDate": "2022-08-11T14:46:14+00:00",
        "uploadDate": "2022-08-11T14:46:14+00:00",
        "restrict": 0,
        "xRestrict": 0,
        "sl": 2,
        "urls": {
            "mini": thumbnail(work_id),
            "thumb": thumbnail(work_id),
            "small": thumbnail(work_id),
            "regular": f"{HOST}/img-master/img/{PATH_TIME}/{work_id}_p0_master1200.jpg",
            "original": original(work_id),
        },
        "tags": {
            "authorId": str(USER),
            "tags": [
                {"tag": "空", "locked": True, "romaji": "sora", "translation": {"en": "sky"}, "userId": str(USER)},
                {"tag": "sea", "locked": False, "translation": []},
            ],
        },
        "userId": str(USER),
        "userName": "An artist",
        "userAccount": "artist",
        "userIllusts": {str(work_id): None},
        "width": 800,
        "height": 600,
        "pageCount": 2,
        "bookmarkCount": 7,
        "likeCount": "6",
        "commentCount": 1,
        "viewCount": 100,
        "bookStyle": "0",
        "bookmarkData": None,
        "seriesNavData": {"seriesType": "manga", "seriesId": "55", "order": 2, "title": "A series", "prev": None},
        "aiType": 1,
        "isUnlisted": False,
    } | changes


def pages(work_id: int = WORK) -> list[Json]:
    return [
        {
            "urls": {"thumb_mini": thumbnail(work_id), "original": original(work_id, page, extension)},
            "width": 800,
            "height": 600,
        }
        for page, extension in enumerate(("png", "jpg"))
    ]


def ugoira(work_id: int = WORK) -> Json:
    zip_url = f"{HOST}/img-zip-ugoira/img/{PATH_TIME}/{work_id}_ugoira"
    return {
        "src": f"{zip_url}600x600.zip",
        "originalSrc": f"{zip_url}1920x1080.zip",
        "mime_type": "image/jpeg",
        "frames": [{"file": "000000.jpg", "delay": 80}, {"file": "000001.jpg", "delay": 120}],
    }


def series_row(series_id: int = 55) -> Json:
    return {
        "id": str(series_id),
        "userId": str(USER),
        "title": "A series",
        "total": 2,
        "firstIllustId": str(WORK),
        "latestIllustId": str(WORK + 1),
        "createDate": "2021-12-10T21:56:59+09:00",
        "updateDate": "2022-05-25T19:00:08+09:00",
    }


def ranked(rank: int, work_id: int = WORK) -> Json:
    return {
        "title": "Ranked",
        "date": "2022年08月18日 00:00",
        "tags": ["sea"],
        "url": f"{HOST}/c/240x480/img-master/img/{PATH_TIME}/{work_id}_p0_master1200.jpg",
        "illust_type": "0",
        "illust_page_count": "14",
        "user_name": "An artist",
        "illust_series": False,
        "illust_id": work_id,
        "width": 2937,
        "height": 2541,
        "user_id": USER,
        "rank": rank,
        "yes_rank": 5,
        "rating_count": 13,
        "view_count": 107,
        "illust_upload_timestamp": 1660229174,
        "attr": "",
    }


def framed(*work_ids: int) -> Json:
    return {
        "tagTranslation": {"空": {"en": "sky", "romaji": "sora"}} if work_ids else [],
        "thumbnails": {"illust": [row(work_id) for work_id in work_ids], "novel": [], "novelSeries": []},
        "illustSeries": [],
        "requests": [],
        "users": [user()],
        "zoneConfig": {"header": {"url": "https://example.org/"}},
    }


def commission(request_id: int, work: Json | None) -> Json:
    return {
        "requestId": str(request_id),
        "planId": "7",
        "fanUserId": None,
        "creatorUserId": str(USER),
        "requestStatus": "complete" if work else "inProgress",
        "requestPostWorkType": "illust",
        "requestPrice": 5000,
        "requestProposal": {"requestOriginalProposal": "draw", "requestOriginalProposalLang": "en"},
        "requestTags": ["sea"],
        "requestAdultFlg": False,
        "requestAnonymousFlg": True,
        "requestResponseDeadlineDatetime": "2022-09-01T00:00:00+09:00",
        "requestPostDeadlineDatetime": "2022-10-01T00:00:00+09:00",
        "plan": {"planId": "7", "planTitle": {"planTranslationTitle": []}},
        "postWork": work,
    }


def post_work(work_id: int, kind: str) -> Json:
    return {"postWorkId": str(work_id), "postWorkType": kind, "work": None}


def request_list() -> Json:
    return framed(WORK) | {
        "page": {
            "requestIds": ["301", "302"],
            "recommendRequestIds": ["303"],
            "pager": {"page": 1, "hasNextPage": True},
            "workType": "illust",
            "mode": "all",
        },
        "requests": [
            commission(303, post_work(WORK + 5, "illust")),
            commission(302, post_work(WORK, "novel")),
            commission(301, post_work(WORK, "illust")),
        ],
    }


def creators() -> Json:
    return framed() | {
        "page": {"creatorUserIds": ["11", "12"], "followCreatorUserIds": [], "pager": {"page": 1, "hasNextPage": False}}
    }


def search(*names: str, total: int = 130) -> Json:
    listed = {"data": [row(), {"isAdContainer": True}, row(WORK + 1)], "total": total}
    return {
        **dict.fromkeys(names, listed),
        "popular": {"recent": [row(WORK + 2)], "permanent": []},
        "relatedTags": ["sea"],
        "tagTranslation": [],
    }


def followed() -> Json:
    person = {
        "userId": "11",
        "userName": "Someone",
        "userComment": "",
        "following": True,
        "illusts": [row()],
        "novels": [],
    }
    return {"users": [person, person | {"userId": "12", "illusts": []}], "total": 5, "followUserTags": []}


def feed(*, last: bool = False) -> Json:
    return framed(WORK, WORK + 1) | {"page": {"ids": [WORK, WORK + 1], "isLastPage": last, "tags": []}}


def comment(comment_id: int, /, **changes: Any) -> Json:
    return {
        "id": str(comment_id),
        "userId": "11",
        "userName": "Someone",
        "isDeletedUser": False,
        "comment": "good",
        "stampId": None,
        "commentDate": "2022-08-12 01:02",
        "commentParentId": None,
        "hasReplies": False,
    } | changes


def mobile_row(work_id: int = WORK, /, **changes: Any) -> Json:
    return {
        "id": str(work_id),
        "user_id": str(USER),
        "title": "Evening",
        "comment": "by the sea",
        "alt": "#sea Evening",
        "tags": ["sea"],
        "type": "0",
        "illust_type": "0",
        "page_count": "2",
        "x_restrict": "0",
        "restrict": "0",
        "sl": 2,
        "ai_type": 1,
        "width": "800",
        "height": "600",
        "upload_timestamp": 1660229174,
        "url": thumbnail(work_id),
        "url_s": thumbnail(work_id),
        "url_big": original(work_id),
        "url_placeholder": None,
        "author_details": {
            "user_id": str(USER),
            "user_name": "An artist",
            "user_account": "artist",
            "user_image": f"{HOST}/user-profile/img/2018/06/26/14/26/03/1_50.jpg",
        },
        "title_caption_translation": {"work_title": "Abend", "work_caption": None},
        "is_original": True,
        "location_mask": False,
        "book_style": "0",
        "mask_reason": None,
    } | changes


BODIES: dict[str, Any] = {
    "top.illust": framed(WORK)
    | {
        "page": {
            "follow": [WORK],
            "mypixiv": [],
            "recommend": {"ids": [str(WORK)], "details": {str(WORK): {"score": 0.5}}},
            "recommendByTag": [{"tag": "sea", "ids": [str(WORK)], "details": []}],
            "ranking": {"items": [{"rank": "1", "id": str(WORK)}], "date": "20220823"},
            "newPost": [str(WORK)],
            "completeRequestIds": ["301"],
            "myFavoriteTags": [],
        }
    },
    "user.short": user(),
    "user.full": user(following=349, comment="hello", webpage=None, social=[], region={"name": "Japan"}, partial=1),
    "user.profile_all": {
        "illusts": {str(WORK): None, str(WORK + 2): None},
        "manga": {str(WORK + 1): None},
        "novels": [],
        "mangaSeries": [series_row()],
        "pickup": [{"type": "fanbox"}, row(type="illust")],
    },
    "user.following": followed(),
    "user.followers": followed(),
    "user.works_latest": {"illusts": {str(WORK): row(), str(WORK - 1): None}, "novels": []},
    "user.bookmarks": {
        "works": [row(bookmarkData={"id": "900", "private": False}), masked(WORK + 1)],
        "total": 130,
        "bookmarkTags": {"900": ["mine"]},
    },
    "live.following": [],
    "me.extra": {"following": 3, "followers": 4, "mypixivCount": 0, "background": None},
    "feed.illust": feed(),
    "watchlist.manga": framed()
    | {"page": {"total": "3", "maxPage": 2, "watchedSeriesIds": ["55"]}, "illustSeries": [series_row()]},
    "mypixiv.illust": feed(last=True),
    "dashboard.home": framed(WORK) | {"data": {"contests": [], "userCountSummary": {"today": {"viewCount": 3}}}},
    "dashboard.settings": {"view": None},
    "dashboard.request_strategy": framed() | {"data": {"works": [], "drafts": []}},
    "illust.detail": detail(),
    "illust.comments": {
        "comments": [comment(2), comment(1, userId="0", isDeletedUser=True, comment="", stampId="303")],
        "hasNext": True,
    },
    "illust.pages": pages(),
    "illust.recommend": {
        "illusts": [{"isAdContainer": True}, row(WORK + 1, type="illust")],
        "nextIds": [str(WORK + number) for number in range(2, 42)],
        "details": {str(WORK): {"score": 0.3}},
    },
    "illust.bookmark_add": {"last_bookmark_id": "900", "stacc_status_id": "901"},
    "illust.like": {"is_liked": False},
    "tag.info": {
        "tag": "空",
        "word": "空",
        "pixpedia": [],
        "breadcrumbs": {"successor": [], "current": []},
        "myFavoriteTags": [],
        "tagTranslation": {"空": {"en": "sky", "zh": ""}},
    },
    "tag.stories": {"tagStoryIds": ["1952", "1938"]},
    "ranking": {
        "contents": [ranked(1), ranked(2, WORK + 1)],
        "mode": "daily",
        "content": "complex",
        "page": 1,
        "prev": False,
        "next": 2,
        "date": "20220823",
        "prev_date": "20220822",
        "next_date": False,
        "rank_total": 500,
    },
    "search.top": search("illust", "manga", "novel"),
    "search.artworks": search("illustManga"),
    "search.illustrations": search("illust"),
    "search.manga": search("manga"),
    "requests.overview": framed(WORK)
    | {
        "page": {
            "completeRequestIdsIllust": ["301"],
            "completeRequestIdsManga": [],
            "completeRequestIdsNovels": ["302"],
            "inProgressRequestIds": ["303"],
            "creatorUserIds": ["11"],
            "recentIllustIdsByCreatorAcceptingRequest": [str(WORK)],
        },
        "requests": [commission(303, None), commission(301, post_work(WORK, "illust"))],
    },
    **{f"requests.complete_{kind}": request_list() for kind in ("illust", "manga", "ugoira")},
    **{f"requests.creators_{kind}": creators() for kind in ("illust", "manga", "ugoira")},
    **{f"requests.in_progress_{kind}": request_list() for kind in ("all", "illust", "manga", "ugoira")},
    "discovery.artworks": framed(WORK, WORK + 1)
    | {"recommendedIllusts": [{"illustId": str(WORK + 1), "recommendScore": 1.5}]},
    "discovery.users": framed(WORK)
    | {"recommendedUsers": [{"userId": str(USER), "recentIllustIds": [str(WORK)], "recentNovelIds": []}]},
    "discovery.artworks_meta": {"meta": {"title": "Discovery", "description": False}},
    "discovery.users_meta": {"meta": {"title": "Discovery", "description": False}},
    "new.illust": {"illusts": [row(titleCaptionTranslation=None), row(WORK - 3)], "lastId": str(WORK - 3)},
    "webpush": {"permission": "nosettings"},
    "notification": {
        "items": [{"id": "1", "type": "news", "unread": True, "notifiedAt": "2022-08-12T00:00:00+09:00"}],
        "remaining_unread_count": 2,
    },
    "linked_service.tumeng": framed()
    | {"page": {"user": {"id": "1"}, "works": [{"id": "1"}, {"id": "2"}], "totalItemCount": 5}},
    "illust.ugoira_meta": ugoira(),
    "user.profile_illusts": {"works": {str(WORK): row(), str(WORK + 1): row(WORK + 1)}, "extraData": {}},
    "illust.recommend_rows": {"illusts": [row(WORK + 2)]},
    "series": framed(WORK, WORK + 1)
    | {
        "page": {
            "series": [{"workId": str(WORK), "order": 1}, {"workId": str(WORK + 1), "order": 2}],
            "seriesId": 55,
            "total": 14,
        },
        "illustSeries": [series_row()],
    },
    "user.tagged": {"works": [row(), row(WORK + 1)], "total": 3},
    "illust.details_many": {"illust_details": [mobile_row()]},
    "illust.unlisted": detail(isUnlisted=True),
    "comment.replies": {
        "comments": [comment(5, commentParentId="2"), comment(4, commentParentId="2")],
        "hasNext": False,
    },
    "collection": framed(WORK, WORK + 1) | {"data": {"userCollections": {"701": {"id": "701", "tiles": []}}}},
    "user.requests": framed(WORK)
    | {"requests": [commission(301, post_work(WORK, "illust")), commission(302, post_work(WORK, "novel"))]},
    "user.bookmark_tags": {"public": [{"tag": "keep", "cnt": 3}], "private": [], "tooManyBookmark": False},
}

PARAMETERS: dict[str, Json] = {
    "user.short": {"id": USER},
    "user.full": {"id": USER},
    "illust.detail": {"id": WORK},
    "illust.pages": {"id": WORK},
    "illust.ugoira_meta": {"id": WORK},
    "user.profile_illusts": {"ids": [WORK, WORK + 1]},
    "series": {"id": 55},
    "illust.details_many": {"illust_ids": [WORK, WORK + 1]},
}
"""Of the endpoints whose bodies are compared with the question, the question that these bodies answer."""


def answer(name: str, body: Any) -> bytes:
    """The whole answer that holds this body. pixiv: some come without a message; ranking.php has no envelope."""
    if name == "ranking":
        return json.dumps(body).encode()
    message = {} if name.startswith("search.") else {"message": ""}
    return json.dumps({"error": False, **message, "body": body}).encode()
