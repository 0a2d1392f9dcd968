"""The reader's own account and the top page."""

from __future__ import annotations

from pixivcrawl.sandbox import lists
from pixivcrawl.sandbox.bodies.rows import framed, in_japan, portrait_url, zone
from pixivcrawl.sandbox.commissions import Commission
from pixivcrawl.sandbox.http import ApiRequest, ApiResponse, Json, found, found_without_message
from pixivcrawl.sandbox.making import FIRST_DAY
from pixivcrawl.sandbox.works import Work

MODES = ("all", "safe", "r18")
FEW = 6


def top(question: ApiRequest) -> ApiResponse:
    """top/illust: lists of ids, strings in some and integers in others; the rows for all are in `thumbnails`."""
    mode = question.one_of("mode", MODES, "all")
    works = [work for work in lists.public(question.world, question.session) if lists.fits_mode(work, mode)]
    followed = lists.feed(question.world, question.reader, mode)[:FEW]
    few = works[:FEW]
    popular = sorted(works, key=lambda work: -work.bookmark_count)[:FEW]
    asked = [
        one
        for one in lists.commissions(question.world, complete=True, post_type="illust", mode=mode)[:FEW]
        if one.work_id is not None
    ]
    drawn = [work for one in asked if one.work_id is not None and (work := question.world.work(one.work_id))]
    artists = [artist for artist in question.world.artists() if artist.id < 900][:FEW]
    shown = list({work.id: work for work in [*few, *followed, *popular, *drawn]}.values())
    return found(
        framed(question, shown, users=artists)
        | {
            "page": _top_lists(few, followed, popular, asked)
            | {
                "recommendUser": [{"id": artist.id, "illustIds": [], "novelIds": []} for artist in artists],
                "trendingTags": [{"tag": tag, "trendingRate": 7, "ids": [few[0].id]} for tag in few[0].tags]
                if few
                else [],
            },
            "boothItems": [],
            "sketchLives": [],
            "zoneConfig": zone("logo", "header", "footer", "topbranding_rectangle", "comic", "illusttop_appeal"),
        }
    )


def extra(question: ApiRequest) -> ApiResponse:
    """user/extra."""
    shelf = question.world.shelf(question.reader.user_id)
    return found(
        {"following": len(shelf.follows), "followers": len(shelf.followers), "mypixivCount": 1, "background": None}
    )


def live_following(_: ApiRequest) -> ApiResponse:
    """sketch/live/following: an empty list without the key `message`."""
    return found_without_message([])


def dashboard_home(question: ApiRequest) -> ApiResponse:
    """dashboard/home of one who has drawn nothing."""
    today = lists.public(question.world, question.session)[:FEW]
    counts = {
        "viewCount": 0,
        "ratingCount": 0,
        "bookmarkCount": 0,
        "commentCount": 0,
        "reportedAt": "2022-09-09 02:00:00",
    }
    contest = {
        "id": "572",
        "icon": question.addresses.no_portrait(),
        "title": "A contest",
        "url": "https://www.pixiv.net/contest/example",
        "deadlineDate": in_japan(FIRST_DAY),
        "workCount": 2017,
        "coverImage": question.addresses.no_portrait(),
    }
    data = {
        "recentUploadWorks": [],
        "hotWorks": {"today": None},
        "yearBestWork": {"work": None},
        "achievement": None,
        "userCountSummary": {"today": counts, "yesterday": counts},
        "contests": [contest],
        "todayAnniversary": {
            "tag": "day of the lantern",
            "illustIds": [str(work.id) for work in today],
            "isMuted": False,
        },
        "mangadayInfo": [],
    }
    return found(framed(question, today) | {"data": data, "zoneConfig": zone("dashboard_home")})


def dashboard_settings(_: ApiRequest) -> ApiResponse:
    """dashboard/settings."""
    return found({"view": None})


def request_strategy(question: ApiRequest) -> ApiResponse:
    """dashboard/works/illust/request_strategy of one who has drawn nothing."""
    data: Json = {"works": [], "series": [], "drafts": [], "reservedWorks": [], "fetchRanges": []}
    return found(framed(question, []) | {"data": data})


def discovery_meta(_: ApiRequest) -> ApiResponse:
    """discovery/artworks/meta and discovery/users/meta."""
    return found({"zoneConfig": zone("header", "footer", "logo"), "meta": {"title": "Discovery", "description": False}})


def webpush(_: ApiRequest) -> ApiResponse:
    """webpush."""
    return found({"permission": "nosettings"})


def notification(question: ApiRequest) -> ApiResponse:
    """notification."""
    item = {
        "id": "426403295",
        "type": "fanbox_newbie",
        "unread": False,
        "notifiedAt": in_japan(FIRST_DAY),
        "linkUrl": "https://www.pixiv.net/info.php",
        "iconUrl": portrait_url(question, 11, 170),
        "targetBlank": True,
        "isProfileIcon": True,
        "content": "Someone you follow draws again.",
    }
    return found(
        {
            "items": [item],
            "remaining_unread_count": 0,
            "imageResponseCount": 0,
            "quotationCount": 0,
            "isNotAuthorized": False,
            "filter": {"reactions": ["like", "bookmark", "follow"]},
        }
    )


def tumeng(question: ApiRequest) -> ApiResponse:
    """linked_service/tumeng?page: of one who has not linked anything."""
    user = {
        "id": str(question.reader.user_id),
        "name": "",
        "comment": "",
        "profileImageUrl": portrait_url(question, question.reader.user_id, 170),
        "followerCount": 0,
        "linkState": "unlinked",
        "updateDatetime": None,
        "enableCustomProfile": False,
        "customProfile": None,
        "profileImageConfigured": True,
        "meta": {"f0": False},
    }
    return found(framed(question, []) | {"page": {"user": user, "works": [], "totalItemCount": 0}})


def _top_lists(few: list[Work], followed: list[Work], popular: list[Work], asked: list[Commission]) -> Json:
    names = [str(work.id) for work in few]
    reason = {"methods": ["bookmark_graph"], "score": 0.66, "seedIllustIds": names[:2]}
    recommended = {"ids": names, "details": dict.fromkeys(names, reason) or []}
    tag = few[0].tags[0] if few and few[0].tags else ""
    return {
        "tags": [{"tag": tag, "ids": [work.id for work in few]}],
        "follow": [work.id for work in followed],
        "mypixiv": [],
        "recommend": recommended,
        "recommendByTag": [recommended | {"tag": tag}],
        "ranking": {
            "items": [{"rank": str(rank), "id": str(work.id)} for rank, work in enumerate(popular, 1)],
            "date": "20230113",
        },
        "pixivision": [],
        "contestOngoing": [],
        "contestResult": [],
        "editorRecommend": [{"illustId": names[0], "comment": "Look closely."}] if names else [],
        "boothFollowItemIds": [],
        "sketchLiveFollowIds": [],
        "sketchLivePopularIds": [],
        "myFavoriteTags": [],
        "newPost": names,
        "completeRequestIds": [str(one.id) for one in asked],
        "userEventIds": [],
    }
