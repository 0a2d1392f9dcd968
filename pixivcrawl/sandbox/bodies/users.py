"""user/{id} and what hangs under it that anyone may ask."""

from __future__ import annotations

from typing import Any

from pixivcrawl.sandbox.bodies.rows import in_japan, is_followed, page_meta, portrait_url, work_row, zone
from pixivcrawl.sandbox.http import ApiRequest, ApiResponse, Json, RefusedError, found, keyed
from pixivcrawl.sandbox.works import ILLUST, MANGA, Artist, Work

NO_USER = "This user has left pixiv, or the id is wrong."
LATEST_ROWS = 5
LATEST_KEYS = 30
IDS_AT_ONCE = 100
CATEGORIES = {"illust": (0, 2), "manga": (1,), "illustManga": (0, 1, 2)}


def user(question: ApiRequest) -> ApiResponse:
    """user/{id}, with `full=1` the profile too."""
    artist = known_artist(question)
    body: Json = {
        "userId": str(artist.id),
        "name": artist.name,
        "image": portrait_url(question, artist.id, 50),
        "imageBig": portrait_url(question, artist.id, 170),
        "premium": artist.premium,
        "isFollowed": is_followed(question, artist.id),
        "isMypixiv": False,
        "isBlocking": False,
        "background": {"repeat": None, "color": None, "url": question.addresses.background(artist), "isPrivate": False}
        if artist.premium
        else None,
        "sketchLiveId": None,
        "partial": 0,
        "acceptRequest": artist.accepts_requests,
        "sketchLives": [],
    }
    if question.text("full") == "1":
        body |= _profile(artist)
    return found(body)


def profile_all(question: ApiRequest) -> ApiResponse:
    """user/{id}/profile/all: every id at once, as keys of objects; the values are null."""
    artist = known_artist(question)
    works = question.world.works_of(artist.id, question.session)
    return found(
        {
            "illusts": keyed({str(work.id): None for work in works if work.kind != MANGA}),
            "manga": keyed({str(work.id): None for work in works if work.kind == MANGA}),
            "novels": keyed({str(number): None for number in question.world.novels_of(artist.id)}),
            "mangaSeries": [
                _series(artist, works, number)
                for number in sorted({work.series_id for work in works if work.series_id})
            ],
            "novelSeries": [],
            "pickup": _pickup(question, artist, works),
            "bookmarkCount": {"public": {"illust": 0, "novel": 0}, "private": {"illust": 0, "novel": 0}},
            "externalSiteWorksStatus": {"booth": False, "sketch": True, "vroidHub": False},
            "request": {
                "showRequestTab": artist.accepts_requests,
                "showRequestSentTab": False,
                "postWorks": {"artworks": [], "novels": []},
            },
        }
    )


def works_latest(question: ApiRequest) -> ApiResponse:
    """user/{id}/works/latest: rows for the newest works, null for the next ones."""
    artist = known_artist(question)
    works = question.world.works_of(artist.id, question.session)[:LATEST_KEYS]
    shown = [work.id for work in works if not work.gone][:LATEST_ROWS]
    return found(
        {
            "illusts": keyed({str(work.id): work_row(question, work) if work.id in shown else None for work in works}),
            "novels": keyed({str(number): None for number in question.world.novels_of(artist.id)}),
        }
    )


def profile_illusts(question: ApiRequest) -> ApiResponse:
    """user/{id}/profile/illusts: rows for up to 100 ids of this artist; ids that are not there are left out.

    pixiv: ids[], work_category and is_first_page must all be sent.
    """
    artist = known_artist(question)
    ids = question.query.get("ids[]", [])
    category = question.text("work_category")
    if not ids or category not in CATEGORIES or question.text("is_first_page") not in ("0", "1"):
        raise RefusedError(400, "Invalid parameters: ids[], work_category and is_first_page are needed.")
    if len(ids) > IDS_AT_ONCE or not all(one.isdecimal() for one in ids):
        raise RefusedError(400, f"Invalid parameters: ids[] takes up to {IDS_AT_ONCE} numbers.")
    wanted = [work for one in ids if (work := question.world.work(int(one))) is not None]
    rows = {
        str(work.id): work_row(question, work, portrait=False)
        for work in wanted
        if work.artist_id == artist.id
        and work.kind in CATEGORIES[category]
        and question.world.sees(question.session, work)
    }
    return found(
        {
            "works": keyed(rows),
            "zoneConfig": zone("header", "footer", "logo", "500x500"),
            "extraData": page_meta(artist.name, f"https://www.pixiv.net/users/{artist.id}"),
        }
    )


def known_artist(question: ApiRequest) -> Artist:
    """The user of the path. pixiv: 404 for one who left or never was."""
    artist = question.world.artist(question.id)
    if artist is None:
        raise RefusedError(404, NO_USER)
    return artist


def _profile(artist: Artist) -> Json:
    hidden = {"name": None, "privacyLevel": None}
    social: Any = {"twitter": {"url": f"https://example.org/twitter/{artist.account}"}} if artist.webpage else []
    return {
        "partial": 1,
        "following": artist.id * 7,
        "followedBack": False,
        "comment": artist.comment,
        "commentHtml": artist.comment.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "<br />"),
        "webpage": artist.webpage,
        "social": social,
        "canSendMessage": True,
        "region": {"name": "日本", "region": "JP", "prefecture": "26", "privacyLevel": "0"},
        "age": hidden,
        "birthDay": hidden,
        "gender": hidden,
        "job": {"name": "illustrator", "privacyLevel": "0"},
        "workspace": {"userWorkspaceTool": "a pencil"} if artist.webpage else None,
        "official": False,
        "group": [],
    }


def _series(artist: Artist, works: list[Work], series_id: int) -> Json:
    volumes = sorted((work for work in works if work.series_id == series_id), key=lambda work: work.id)
    return {
        "id": str(series_id),
        "userId": str(artist.id),
        "title": f"Series {series_id}",
        "description": "",
        "caption": "",
        "total": len(volumes),
        "content_order": None,
        "url": None,
        "coverImageSl": None,
        "firstIllustId": str(volumes[0].id),
        "latestIllustId": str(volumes[-1].id),
        "createDate": in_japan(volumes[0].created),
        "updateDate": in_japan(volumes[-1].uploaded),
        "watchCount": None,
        "isWatched": False,
        "isNotifying": False,
    }


def _pickup(question: ApiRequest, artist: Artist, works: list[Work]) -> list[Json]:
    """What a premium user has pinned: a shop of theirs, and their first illust."""
    first = next((work for work in reversed(works) if work.kind == ILLUST and not work.gone), None)
    if not artist.premium or first is None:
        return []
    shop = {
        "type": "fanbox",
        "deletable": False,
        "draggable": True,
        "userName": artist.name,
        "userImageUrl": portrait_url(question, artist.id, 170),
        "contentUrl": f"https://www.pixiv.net/fanbox/creator/{artist.id}",
        "description": "monthly sketches",
        "imageUrl": "https://example.org/cover.jpg",
        "imageUrlMobile": "https://example.org/cover.jpg",
        "hasAdultContent": False,
    }
    pinned = {
        "type": "illust",
        "deletable": True,
        "draggable": True,
        "contentUrl": f"https://www.pixiv.net/artworks/{first.id}",
    }
    return [shop, work_row(question, first, urls=True, portrait=False, **pinned)]
