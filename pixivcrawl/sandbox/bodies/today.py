"""What pixiv has added since 2022: unlisted works, answers to comments, collections, one artist's requests, tags of bookmarks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pixivcrawl.sandbox import lists
from pixivcrawl.sandbox.bodies.artworks import NOT_FOUND, detail_of
from pixivcrawl.sandbox.bodies.requests import around
from pixivcrawl.sandbox.bodies.rows import artist_name, framed, novel_row, portrait_url
from pixivcrawl.sandbox.bodies.users import known_artist
from pixivcrawl.sandbox.http import ApiRequest, ApiResponse, Json, RefusedError, found
from pixivcrawl.sandbox.shelves import Bookmark
from pixivcrawl.sandbox.works import Work

AT_ONCE = 100
FIRST_REPLY = 10**12
REPLIES = 3
REPLIES_A_PAGE = 2


def unlisted(question: ApiRequest) -> ApiResponse:
    """illust/unlisted/{secret}: a work that answers to no id."""
    work = question.world.work(question.world.unlisted.get(question.places[0], 0))
    if work is None or work.gone:
        raise RefusedError(404, NOT_FOUND)
    return detail_of(question, work)


def details_many(question: ApiRequest) -> ApiResponse:
    """touch/ajax/illust/details/many: numbers as strings; works that are not there are left out."""
    ids = question.query.get("illust_ids[]", [])
    if not ids or len(ids) > AT_ONCE or not all(one.isdecimal() for one in ids):
        raise RefusedError(400, f"Invalid parameters: illust_ids[] takes up to {AT_ONCE} numbers.")
    works = [work for one in ids if (work := question.world.work(int(one))) is not None]
    shown = [work for work in works if question.world.sees(question.session, work)]
    return found({"illust_details": [_touched(question, work) for work in shown]})


def replies(question: ApiRequest) -> ApiResponse:
    """illusts/comments/replies: two a page."""
    comment, page = question.number("comment_id", 0), question.number("page", 1)
    numbers = range((page - 1) * REPLIES_A_PAGE, min(page * REPLIES_A_PAGE, REPLIES))
    body = {
        "comments": [_reply(question, comment, number) for number in numbers],
        "hasNext": page * REPLIES_A_PAGE < REPLIES,
    }
    return found(body)


def collection(question: ApiRequest) -> ApiResponse:
    """collection/{id}: the rows of its works, and how they are laid out."""
    ids = question.world.collections.get(question.id)
    if ids is None:
        raise RefusedError(404, "There is no such collection.")
    works = [work for work_id in ids if (work := question.world.work(work_id)) is not None]
    tiles = [
        {"type": "Illust", "id": str(work.id), "x": place % 3, "y": place // 3} for place, work in enumerate(works)
    ]
    maker = question.world.artist(works[0].artist_id) if works else None
    body = framed(question, works, novels=[novel_row(question, 9, maker)] if maker else [])
    entry = {"id": str(question.id), "title": f"Collection {question.id}", "tiles": tiles}
    return found(body | {"data": {"userCollections": {str(question.id): entry}}})


def user_requests(question: ApiRequest) -> ApiResponse:
    """commission/page/users/{id}/request: in progress and complete, novels among them."""
    artist = known_artist(question)
    asked = [
        one
        for is_complete in (True, False)
        for one in lists.commissions(question.world, complete=is_complete, post_type="all", mode="all")
        if one.creator_id == artist.id and (question.session is not None or not one.adult)
    ]
    return found({"page": {"requestIds": [str(one.id) for one in asked]}} | around(question, asked))


def bookmark_tags(question: ApiRequest) -> ApiResponse:
    """user/{id}/illusts/bookmark/tags: the private ones for their owner alone."""
    owner = known_artist(question)
    shelf = question.world.shelf(owner.id)
    hidden = [kept for kept in shelf.bookmarks if kept.private and owner.id == question.reader.user_id]
    return found(
        {
            "public": _counted([kept for kept in shelf.bookmarks if not kept.private]),
            "private": _counted(hidden),
            "tooManyBookmark": False,
            "tooManyBookmarkTags": False,
        }
    )


def _counted(bookmarks: Sequence[Bookmark]) -> list[Json]:
    counts = Counter(tag for kept in bookmarks for tag in kept.tags or (lists.UNTAGGED,))
    return [{"tag": tag, "cnt": number} for tag, number in sorted(counts.items())]


def _reply(question: ApiRequest, comment: int, number: int) -> Json:
    writer = 901 + number % 2
    return {
        "userId": str(writer),
        "userName": f"writer {writer}",
        "isDeletedUser": False,
        "img": portrait_url(question, writer, 170),
        "id": str(FIRST_REPLY + 10 * comment + number),
        "comment": f"answer {number}",
        "stampId": None,
        "commentDate": "2023-01-02 03:04",
        "commentRootId": str(comment),
        "commentParentId": str(comment),
        "commentUserId": str(writer),
        "replyToUserId": None,
        "editable": False,
    }


def _touched(question: ApiRequest, work: Work) -> Json:
    shown = question.world.sees_images(question.session, work)
    artist = question.world.artist(work.artist_id)
    thumbnail = question.addresses.square(work, "c/250x250_80_a2") if shown else question.addresses.placeholder("r18")
    return {
        "id": str(work.id),
        "user_id": str(work.artist_id),
        "title": work.title,
        "comment": work.caption,
        "alt": work.title,
        "tags": list(work.tags),
        "type": str(work.kind),
        "x_restrict": str(work.x_restrict),
        "restrict": str(work.restrict),
        "sl": work.sanity_level,
        "ai_type": work.ai_type,
        "width": str(work.first.width),
        "height": str(work.first.height),
        "page_count": str(len(work.pages)),
        "upload_timestamp": int(work.created.timestamp()),
        "url": thumbnail,
        "url_s": thumbnail,
        "url_big": question.addresses.original(work) if shown and not work.is_ugoira else None,
        "url_placeholder": None,
        "author_details": {
            "user_id": str(work.artist_id),
            "user_name": artist_name(question, work),
            "user_account": artist.account if artist is not None else "",
            "user_image": portrait_url(question, work.artist_id, 50),
        },
        "title_caption_translation": {"work_title": None, "work_caption": None},
        "is_mypixiv": work.restrict == 1,
        "is_private": False,
        "is_howto": False,
        "is_original": "オリジナル" in work.tags,
        "comment_off_setting": 0,
        "location_mask": work.region_masked,
        "book_style": "0",
        "mask_reason": None,
    }
