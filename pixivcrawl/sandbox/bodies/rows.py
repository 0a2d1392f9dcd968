"""What most answers share: rows of works and of users, and the trimmings around them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pixivcrawl.sandbox.http import ApiRequest, Json, keyed
from pixivcrawl.sandbox.making import ROMAJI, TRANSLATIONS
from pixivcrawl.sandbox.works import JAPAN, Artist, Work

THUMBNAIL = "c/250x250_80_a2"
ROW_SIZES = {"250x250": THUMBNAIL, "360x360": "c/360x360_70", "540x540": "c/540x540_70"}


def work_row(question: ApiRequest, work: Work, *, urls: bool = False, portrait: bool = True, **extra: Any) -> Json:
    """A work as lists show it: times in Japan's zone, ids as strings, no original and no counts."""
    shown = question.world.sees_images(question.session, work)
    thumbnail = question.addresses.square(work, THUMBNAIL) if shown else question.addresses.placeholder("sanity_level")
    row: Json = {
        "id": str(work.id),
        "title": work.title,
        "illustType": work.kind,
        "xRestrict": work.x_restrict,
        "restrict": work.restrict,
        "sl": work.sanity_level,
        "url": thumbnail,
        "description": "",
        "tags": list(work.tags),
        "userId": str(work.artist_id),
        "userName": artist_name(question, work),
        "width": work.first.width,
        "height": work.first.height,
        "pageCount": len(work.pages),
        "isBookmarkable": True,
        "bookmarkData": bookmark_data(question, work),
        "alt": f"#{' #'.join(work.tags)} {work.title}",
        "titleCaptionTranslation": {"workTitle": None, "workCaption": None},
        "createDate": in_japan(work.created),
        "updateDate": in_japan(work.uploaded),
        "isUnlisted": False,
        "isMasked": False,
        "aiType": work.ai_type,
    }
    if urls:
        row["urls"] = {
            size: question.addresses.square(work, prefix) if shown else thumbnail for size, prefix in ROW_SIZES.items()
        }
    if portrait:
        row["profileImageUrl"] = portrait_url(question, work.artist_id, 50)
    return row | extra


def bookmark_data(question: ApiRequest, work: Work) -> Json | None:
    """The reader's own bookmark of a work."""
    kept = question.world.shelf(question.session.user_id).bookmark_of(work.id) if question.session else None
    return None if kept is None else {"id": str(kept.id), "private": kept.private}


def user_row(question: ApiRequest, artist: Artist) -> Json:
    """A user as the `users` list beside thumbnails shows one."""
    return {
        "partial": 0,
        "comment": artist.comment,
        "followedBack": False,
        "userId": str(artist.id),
        "name": artist.name,
        "image": portrait_url(question, artist.id, 50),
        "imageBig": portrait_url(question, artist.id, 170),
        "premium": artist.premium,
        "isFollowed": is_followed(question, artist.id),
        "isMypixiv": False,
        "isBlocking": False,
        "background": None,
        "acceptRequest": artist.accepts_requests,
    }


def is_followed(question: ApiRequest, artist_id: int) -> bool:
    """Whether the reader follows an artist, in public or in secret."""
    if question.session is None:
        return False
    shelf = question.world.shelf(question.session.user_id)
    return artist_id in shelf.follows or artist_id in shelf.secret_follows


def artist_name(question: ApiRequest, work: Work) -> str:
    artist = question.world.artist(work.artist_id)
    return artist.name if artist is not None else ""


def portrait_url(question: ApiRequest, user_id: int, size: int) -> str:
    artist = question.world.artist(user_id)
    if artist is None or not artist.has_picture:
        return question.addresses.no_portrait(small=size == 50)
    return question.addresses.portrait(artist, size)


def in_japan(moment: datetime) -> str:
    return moment.astimezone(JAPAN).isoformat(timespec="seconds")


def tag_translation(tags: Iterable[str]) -> Json | list[Any]:
    """{tag: {en, romaji}} for those that have any; the parts that a tag lacks are left out."""
    known = {}
    for tag in tags:
        parts = {"en": TRANSLATIONS.get(tag), "romaji": ROMAJI.get(tag)}
        if any(parts.values()):
            known[tag] = {name: text for name, text in parts.items() if text}
    return keyed(known)


def masked_row(question: ApiRequest, work_id: int, bookmark: Json | None = None) -> Json:
    """pixiv: what stands in bookmarks and feeds for a work that vanished."""
    return {
        "id": work_id,
        "title": "-----",
        "illustType": 0,
        "xRestrict": 0,
        "restrict": 0,
        "sl": 0,
        "url": question.addresses.placeholder("unknown"),
        "description": "",
        "tags": [],
        "userId": 0,
        "userName": "-----",
        "width": 100,
        "height": 100,
        "pageCount": 1,
        "isBookmarkable": False,
        "bookmarkData": bookmark,
        "alt": "",
        "titleCaptionTranslation": {"workTitle": None, "workCaption": None},
        "createDate": "1970-01-01T00:00:00+09:00",
        "updateDate": "1970-01-01T00:00:00+09:00",
        "isUnlisted": False,
        "isMasked": True,
        "profileImageUrl": question.addresses.no_portrait(small=True),
    }


def novel_row(question: ApiRequest, novel_id: int, artist: Artist) -> Json:
    """A novel; its id may be a work's too."""
    return {
        "id": str(novel_id),
        "title": f"Tale {novel_id}",
        "xRestrict": 0,
        "restrict": 0,
        "url": question.addresses.no_portrait(),
        "tags": ["tale"],
        "userId": str(artist.id),
        "userName": artist.name,
        "profileImageUrl": portrait_url(question, artist.id, 50),
        "textCount": 1390,
        "wordCount": 764,
        "readingTime": 166,
        "useWordCount": False,
        "description": "",
        "isBookmarkable": True,
        "bookmarkData": None,
        "bookmarkCount": 0,
        "isOriginal": False,
        "marker": None,
        "titleCaptionTranslation": {"workTitle": None, "workCaption": None},
        "createDate": "2022-08-24T15:07:42+09:00",
        "updateDate": "2022-08-24T15:12:16+09:00",
        "isMasked": False,
        "isUnlisted": False,
    }


def framed(
    question: ApiRequest, works: Sequence[Work], *, novels: Sequence[Json] = (), users: Sequence[Artist] = ()
) -> Json:
    """What surrounds `page` in most bodies: rows of works (masked for those that vanished) and of users."""
    rows = [masked_row(question, work.id) if work.gone else work_row(question, work, urls=True) for work in works]
    return {
        "tagTranslation": tag_translation(tag for work in works for tag in work.tags),
        "thumbnails": {"illust": rows, "novel": list(novels), "novelSeries": [], "novelDraft": []},
        "illustSeries": [],
        "requests": [],
        "users": [user_row(question, artist) for artist in users],
    }


def zone(*names: str) -> Json:
    """Where pixiv puts advertisements."""
    return {name: {"url": f"https://example.org/zone/{name}"} for name in names}


def page_meta(title: str, canonical: str) -> Json:
    card = {"description": title, "image": "https://example.org/card.png", "title": title}
    return {
        "meta": {
            "title": title,
            "description": title,
            "canonical": canonical,
            "ogp": card | {"type": "article"},
            "twitter": card | {"card": "summary_large_image"},
            "alternateLanguages": {"ja": canonical, "en": canonical.replace("/www.pixiv.net/", "/www.pixiv.net/en/")},
            "descriptionHeader": "",
        }
    }
