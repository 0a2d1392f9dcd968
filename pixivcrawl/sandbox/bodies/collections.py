"""What belongs to a reader: bookmarks, follows, feeds, the watchlist; and the two POSTs."""

from __future__ import annotations

from collections.abc import Sequence

from pixivcrawl.sandbox import lists
from pixivcrawl.sandbox.bodies.artworks import NOT_FOUND
from pixivcrawl.sandbox.bodies.rows import (
    framed,
    in_japan,
    is_followed,
    masked_row,
    page_meta,
    portrait_url,
    work_row,
    zone,
)
from pixivcrawl.sandbox.bodies.users import known_artist
from pixivcrawl.sandbox.http import ApiRequest, ApiResponse, Json, RefusedError, found
from pixivcrawl.sandbox.shelves import Bookmark
from pixivcrawl.sandbox.works import Artist, Work

AT_ONCE = 100
ILLUSTS_OF_A_FOLLOWED = 3
MODES = ("all", "safe", "r18")


def bookmarks(question: ApiRequest) -> ApiResponse:
    """user/{id}/illusts/bookmarks: newest bookmark first, masked rows for vanished works. pixiv: `tag` must be sent,
    if empty."""
    owner = known_artist(question)
    if "tag" not in question.query:
        raise RefusedError(400, "Invalid parameters: tag is needed.")
    hidden = _is_hidden(question, owner)
    kept = lists.bookmarks(question.world, owner.id, hidden, question.text("tag"))
    if question.one_of("order", ("desc", "asc"), "desc") == "asc":
        kept.reverse()
    shown = kept[question.number("offset", 0) :][: question.up_to("limit", 48, AT_ONCE)]
    return found(
        {
            "works": [_bookmarked(question, bookmark) for bookmark in shown],
            "total": len(kept),
            "zoneConfig": zone("header", "footer", "logo", "500x500"),
            "extraData": page_meta(owner.name, f"https://www.pixiv.net/users/{owner.id}"),
            "bookmarkTags": {str(one.id): list(one.tags) for one in shown if one.tags} or [],
        }
    )


def following(question: ApiRequest) -> ApiResponse:
    """user/{id}/following: whom a user follows, with their newest works; rest=hide for the reader's own secret ones."""
    owner = known_artist(question)
    shelf = question.world.shelf(owner.id)
    followed = shelf.secret_follows if _is_hidden(question, owner) else shelf.follows
    return found(_users(question, owner, followed) | {"followUserTags": []})


def followers(question: ApiRequest) -> ApiResponse:
    """user/{id}/followers."""
    owner = known_artist(question)
    return found(_users(question, owner, question.world.shelf(owner.id).followers))


def feed(question: ApiRequest) -> ApiResponse:
    """follow_latest/illust: 60 a page. pixiv: past the deepest page the last one repeats."""
    works = lists.feed(question.world, question.reader, question.one_of("mode", MODES, "all"))
    return found(_feed_page(question, works, question.world.limits.feed))


def mypixiv(question: ApiRequest) -> ApiResponse:
    """mypixiv_latest/illust."""
    return found(_feed_page(question, lists.mypixiv(question.world), question.world.limits.feed))


def watchlist(question: ApiRequest) -> ApiResponse:
    """watch_list/manga: the series that the reader watches."""
    watched = question.world.shelf(question.reader.user_id).watched_series
    entries = question.world.limits.watchlist_entries
    shown = watched[(question.page() - 1) * entries :][:entries]
    page = {
        "total": str(len(watched)),
        "maxPage": max(1, -(-len(watched) // entries)),
        "watchedSeriesIds": [str(series_id) for series_id in shown],
    }
    latest = [work for series_id in shown if (work := _latest_volume(question, series_id)) is not None]
    return found(
        framed(question, latest)
        | {
            "page": page,
            "zoneConfig": zone("header", "footer", "logo"),
            "extraData": {
                "meta": {"title": "Watchlist", "description": "", "canonical": "", "ogp": False, "twitter": False}
            },
            "illustSeries": [series_row(question, work) for work in latest],
        }
    )


def bookmark_add(question: ApiRequest) -> ApiResponse:
    """POST illusts/bookmarks/add: {illust_id, restrict 0 or 1, comment, tags}."""
    work = _posted_work(question)
    restrict, tags = question.document.get("restrict", 0), question.document.get("tags", [])
    if restrict not in (0, 1) or not isinstance(tags, list):
        raise RefusedError(400, "Invalid parameters: restrict is 0 or 1, tags is a list.")
    shelf = question.world.shelf(question.reader.user_id)
    comment = str(question.document.get("comment", ""))
    kept = shelf.bookmark(work.id, bool(restrict), [str(tag) for tag in tags], comment)
    return found({"last_bookmark_id": str(kept.id), "stacc_status_id": str(kept.id - 5_000_000_000)})


def like(question: ApiRequest) -> ApiResponse:
    """POST illusts/like: {illust_id}."""
    work = _posted_work(question)
    question.world.shelf(question.reader.user_id).likes.add(work.id)
    return found({"is_liked": True})


def series_row(question: ApiRequest, work: Work) -> Json:
    """The series that `work` belongs to."""
    volumes = question.world.series_works(work.series_id or 0)
    return {
        "id": str(work.series_id),
        "userId": str(work.artist_id),
        "title": f"Series {work.series_id}",
        "description": "",
        "caption": "",
        "total": len(volumes),
        "content_order": None,
        "url": None,
        "coverImageSl": 2,
        "firstIllustId": str(volumes[0].id),
        "latestIllustId": str(volumes[-1].id),
        "createDate": in_japan(volumes[0].created),
        "updateDate": in_japan(volumes[-1].uploaded),
        "watchCount": None,
        "isWatched": False,
        "isNotifying": False,
    }


def _is_hidden(question: ApiRequest, owner: Artist) -> bool:
    hidden = question.one_of("rest", ("show", "hide"), "show") == "hide"
    if hidden and owner.id != question.reader.user_id:
        raise RefusedError(403, "That is theirs alone.")
    return hidden


def _bookmarked(question: ApiRequest, bookmark: Bookmark) -> Json:
    data = {"id": str(bookmark.id), "private": bookmark.private}
    work = question.world.work(bookmark.work_id)
    if work is None or not question.world.sees(question.session, work):
        return masked_row(question, bookmark.work_id, data)
    return work_row(question, work, bookmarkData=data)


def _users(question: ApiRequest, owner: Artist, ids: Sequence[int]) -> Json:
    artists = [artist for user_id in ids if (artist := question.world.artist(user_id)) is not None]
    shown = artists[question.number("offset", 0) :][: question.up_to("limit", 24, AT_ONCE)]
    return {
        "users": [_followed(question, artist) for artist in shown],
        "total": len(artists),
        "zoneConfig": zone("header", "footer", "logo", "500x500"),
        "extraData": page_meta(owner.name, f"https://www.pixiv.net/users/{owner.id}"),
    }


def _followed(question: ApiRequest, artist: Artist) -> Json:
    works = [work for work in question.world.works_of(artist.id, question.session) if not work.gone]
    return {
        "userId": str(artist.id),
        "userName": artist.name,
        "profileImageUrl": portrait_url(question, artist.id, 170),
        "userComment": artist.comment,
        "following": is_followed(question, artist.id),
        "followed": artist.id in question.world.shelf(question.reader.user_id).followers,
        "isBlocking": False,
        "isMypixiv": False,
        "illusts": [work_row(question, work) for work in works[:ILLUSTS_OF_A_FOLLOWED]],
        "novels": [],
        "acceptRequest": artist.accepts_requests,
    }


def _feed_page(question: ApiRequest, works: Sequence[Work], deepest: int) -> Json:
    """Here the ids are integers."""
    last = max(1, min(deepest, -(-len(works) // lists.FEED_ENTRIES)))
    page = min(question.page(), last)
    shown = works[(page - 1) * lists.FEED_ENTRIES : page * lists.FEED_ENTRIES]
    ids = [work.id for work in shown]
    return framed(question, shown) | {
        "page": {"ids": ids, "isLastPage": page == last, "tags": []},
        "zoneConfig": zone("header", "footer", "logo"),
    }


def _latest_volume(question: ApiRequest, series_id: int) -> Work | None:
    return next((work for work in reversed(question.world.series_works(series_id)) if not work.gone), None)


def _posted_work(question: ApiRequest) -> Work:
    work_id = str(question.document.get("illust_id", ""))
    work = question.world.work(int(work_id)) if work_id.isdecimal() else None
    if work is None or not question.world.sees(question.session, work):
        raise RefusedError(404, NOT_FOUND)
    return work
