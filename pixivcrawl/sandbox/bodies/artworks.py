"""illust/{id}, its pages, an ugoira's frames."""

from __future__ import annotations

from typing import Any

from pixivcrawl.sandbox.bodies.rows import (
    THUMBNAIL,
    artist_name,
    bookmark_data,
    page_meta,
    work_row,
    zone,
)
from pixivcrawl.sandbox.http import ApiRequest, ApiResponse, Json, RefusedError, found
from pixivcrawl.sandbox.making import ROMAJI, TRANSLATIONS
from pixivcrawl.sandbox.works import Work, frames_of

NOT_FOUND = "This work was deleted, or its id is wrong."
ROWS_OF_THE_ARTIST = 3
PAGE_URLS = ("thumb_mini", "small", "regular", "original")


def detail(question: ApiRequest) -> ApiResponse:
    """illust/{id}; pixiv: an unlisted work answers to its address alone."""
    work = seen_work(question)
    if work.id in question.world.unlisted.values():
        raise RefusedError(404, NOT_FOUND)
    return detail_of(question, work)


def detail_of(question: ApiRequest, work: Work) -> ApiResponse:
    """All about a work: times in UTC; every URL null for one who may not see the images."""
    artist = question.world.artist(work.artist_id)
    body: Json = {
        "illustId": str(work.id),
        "illustTitle": work.title,
        "illustComment": work.caption,
        "id": str(work.id),
        "title": work.title,
        "description": work.caption,
        "illustType": work.kind,
        "createDate": work.created.isoformat(timespec="seconds"),
        "uploadDate": work.uploaded.isoformat(timespec="seconds"),
        "restrict": work.restrict,
        "xRestrict": work.x_restrict,
        "sl": work.sanity_level,
        "urls": _urls(question, work),
        "tags": _tags(question, work),
        "alt": f"#{' #'.join(work.tags)} {work.title}",
        "storableTags": [f"T{number:05d}x{work.id % 97}" for number in range(len(work.tags))],
        "userId": str(work.artist_id),
        "userName": artist_name(question, work),
        "userAccount": artist.account if artist is not None else "",
        "userIllusts": _works_around(question, work),
        "likeData": question.session is not None and work.id in question.world.shelf(question.session.user_id).likes,
        "width": work.first.width,
        "height": work.first.height,
        "pageCount": len(work.pages),
        "bookmarkCount": work.bookmark_count,
        "likeCount": work.like_count,
        "commentCount": work.comment_count,
        "responseCount": 0,
        "viewCount": work.view_count,
        "bookStyle": "0" if work.kind == 1 else 0,
        "isHowto": False,
        "isOriginal": "オリジナル" in work.tags,
        "imageResponseOutData": [],
        "imageResponseData": [],
        "imageResponseCount": 0,
        "pollData": None,
        "seriesNavData": _series(question, work),
        "descriptionBoothId": None,
        "descriptionYoutubeId": None,
        "comicPromotion": None,
        "fanboxPromotion": None,
        "contestBanners": [],
        "isBookmarkable": True,
        "bookmarkData": bookmark_data(question, work),
        "contestData": None,
        "zoneConfig": zone(
            "responsive", "rectangle", "500x500", "header", "footer", "expandedFooter", "logo", "relatedworks"
        ),
        "extraData": page_meta(work.title, f"https://www.pixiv.net/artworks/{work.id}"),
        "titleCaptionTranslation": {"workTitle": None, "workCaption": None},
        "isUnlisted": False,
        "isLoginOnly": work.id in question.world.login_only,
        "locationMask": work.region_masked,
        "request": None,
        "commentOff": 0,
        "aiType": work.ai_type,
        "noLoginData": None,
    }
    if question.session is None:
        body["noLoginData"] = _for_strangers(work)
    return found(body)


def pages(question: ApiRequest) -> ApiResponse:
    """illust/{id}/pages: every page's size and addresses. pixiv: 404 for what is not shown in the reader's region."""
    work = seen_work(question)
    if work.region_masked:
        raise RefusedError(404, "")
    if work.id in question.world.login_only and question.session is None:
        return found([{"urls": dict.fromkeys(PAGE_URLS), "width": 0, "height": 0} for _ in work.pages])
    work = _work_with_images(question)
    addresses = question.addresses
    return found(
        [
            {
                "urls": {
                    "thumb_mini": addresses.square(work, "c/128x128", number),
                    "small": addresses.master(work, "c/540x540_70/", number),
                    "regular": addresses.master(work, "", number),
                    "original": addresses.original(work, number),
                },
                "width": page.width,
                "height": page.height,
            }
            for number, page in enumerate(work.pages)
        ]
    )


def ugoira_meta(question: ApiRequest) -> ApiResponse:
    """illust/{id}/ugoira_meta: the zip and its timing."""
    work = _work_with_images(question)
    if not work.is_ugoira:
        raise RefusedError(404, NOT_FOUND)
    return found(
        {
            "src": question.addresses.zip(work, "600x600"),
            "originalSrc": question.addresses.zip(work),
            "mime_type": "image/jpeg",
            "frames": frames_of(work),
        }
    )


def seen_work(question: ApiRequest) -> Work:
    """The work of the path. pixiv: 404 for one that is deleted, private, or for mypixiv only."""
    work = question.world.work(question.id)
    if work is None or not question.world.sees(question.session, work):
        raise RefusedError(404, NOT_FOUND)
    return work


def _work_with_images(question: ApiRequest) -> Work:
    work = seen_work(question)
    if not question.world.sees_images(question.session, work):
        raise RefusedError(403, "Sign in to see this work.")
    return work


def _urls(question: ApiRequest, work: Work) -> dict[str, str | None]:
    addresses = question.addresses
    if not question.world.sees_images(question.session, work):
        return dict.fromkeys(("mini", "thumb", "small", "regular", "original"))
    return {
        "mini": addresses.square(work, "c/48x48"),
        "thumb": addresses.square(work, THUMBNAIL),
        "small": addresses.master(work, "c/540x540_70/"),
        "regular": addresses.master(work),
        "original": addresses.original(work),
    }


def _tags(question: ApiRequest, work: Work) -> Json:
    return {
        "authorId": str(work.artist_id),
        "isLocked": False,
        "tags": [_tag(question, work, tag, place) for place, tag in enumerate(work.tags)],
        "writable": question.session is not None,
    }


def _tag(question: ApiRequest, work: Work, tag: str, place: int) -> Json:
    """The last of three tags was put there by a reader: it does not name that reader."""
    row: Json = {"tag": tag, "locked": place == 0, "deletable": place != 0}
    if tag in ROMAJI:
        row["romaji"] = ROMAJI[tag]
    if tag in TRANSLATIONS:
        row["translation"] = {"en": TRANSLATIONS[tag]}
    if place < 2:
        row |= {"userId": str(work.artist_id), "userName": artist_name(question, work)}
    return row


def _works_around(question: ApiRequest, work: Work) -> Json:
    """Rows for the artist's works next to this one, null for all the others."""
    listed = question.world.works_of(work.artist_id, question.session)
    place = next((number for number, other in enumerate(listed) if other.id == work.id), 0)
    near = {other.id for other in listed[max(0, place - 1) : place + ROWS_OF_THE_ARTIST - 1] if not other.gone}
    return {str(other.id): work_row(question, other) if other.id in near else None for other in listed}


def _series(question: ApiRequest, work: Work) -> Json | None:
    if work.series_id is None:
        return None
    volumes = question.world.series_works(work.series_id)
    order = 1 + [volume.id for volume in volumes].index(work.id)
    return {
        "seriesType": "manga",
        "seriesId": str(work.series_id),
        "title": f"Series {work.series_id}",
        "isConcluded": False,
        "isReplaceable": False,
        "isWatched": False,
        "isNotifying": False,
        "order": order,
        "prev": _volume(volumes, order - 1),
        "next": _volume(volumes, order + 1),
    }


def _volume(volumes: list[Work], order: int) -> Json | None:
    if not 1 <= order <= len(volumes):
        return None
    volume = volumes[order - 1]
    return {"title": volume.title, "order": order, "id": str(volume.id), "available": not volume.gone}


def _for_strangers(work: Work) -> Json:
    current: Any = {"ja": work.tags[0]} if work.tags else []
    return {
        "breadcrumbs": {"successor": [], "current": current},
        "zengoIdWorks": [],
        "zengoWorkData": {"nextWork": None, "prevWork": None},
    }
