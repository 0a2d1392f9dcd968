"""Turns an answer into facts, from the request, the body and the reader alone, so that a kept answer gives the same facts again.

A work's own page says nothing here: it is one `Artwork` with what the answers about its parts say (`items_from.artwork`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from pixivcrawl import items_from
from pixivcrawl.api import catalogue
from pixivcrawl.api.bodies.artworks import Comments
from pixivcrawl.api.bodies.listings import Bookmarks, Follows, Series
from pixivcrawl.api.bodies.ranking import Ranking
from pixivcrawl.api.bodies.requests import Commissions, CreatorList
from pixivcrawl.api.bodies.rows import IllustRow
from pixivcrawl.api.bodies.search import TagInfo
from pixivcrawl.api.bodies.users import UserRow
from pixivcrawl.items import Facts, TagTranslation, User
from pixivcrawl.reader import Reader

Parameters = Mapping[str, Any]


def facts_of(endpoint: str, question: Parameters, body: Any, reader: Reader) -> Facts:
    """The facts in the answer to `question`, which has the request's parameters and what else is needed to read the answer: for
    comment.replies the `illust_id`, for user.short whether its pictures are wanted too (`pictures`).
    """
    read = _FACTS.get(endpoint)
    return Facts() if read is None else read(question, body, reader)


def _rows(rows: Iterable[IllustRow]) -> Facts:
    return Facts(artworks=tuple(items_from.listed_artworks(rows)))


def _rows_and_masks(rows: Iterable[IllustRow]) -> Facts:
    rows = list(rows)
    return Facts(artworks=tuple(items_from.listed_artworks(rows)), masked=tuple(items_from.masked(rows)))


def _user(question: Parameters, body: UserRow, reader: Reader) -> Facts:
    user = items_from.listed_user(body)
    if question.get("pictures"):
        user = replace(user, pictures=items_from.pictures_of_user(body))
    return Facts(users=(user,))


def _bookmarks(question: Parameters, body: Bookmarks, reader: Reader) -> Facts:
    owner = question["id"]
    bookmarks = items_from.bookmarks(body, owner, private=question["rest"] == "hide", own=owner == reader.user_id)
    return replace(_rows_and_masks(body.works), bookmarks=tuple(bookmarks))


def _following(question: Parameters, body: Follows, reader: Reader) -> Facts:
    follows = items_from.following(body.users, question["id"], private=question["rest"] == "hide")
    return replace(_followed(body), follows=tuple(follows))


def _followers(question: Parameters, body: Follows, reader: Reader) -> Facts:
    return replace(_followed(body), follows=tuple(items_from.followers(body.users, question["id"])))


def _followed(body: Follows) -> Facts:
    rows = _rows(row for person in body.users for row in person.illusts)
    return replace(rows, users=tuple(User(person.user_id, person.user_name) for person in body.users))


def _people(users: Iterable[UserRow]) -> tuple[User, ...]:
    return tuple(map(items_from.listed_user, users))


def _ranking(_: Parameters, body: Ranking, reader: Reader) -> Facts:
    return Facts(artworks=tuple(items_from.ranked_artworks(body)), rankings=tuple(items_from.ranking_entries(body)))


def _requests(_: Parameters, body: Commissions, reader: Reader) -> Facts:
    requests = tuple(items_from.commission_requests(body.requests))
    return replace(_rows(body.rows), requests=requests, users=_people(body.users))


def _creators(_: Parameters, body: CreatorList, reader: Reader) -> Facts:
    return Facts(users=tuple(User(user_id, None) for user_id in body.page.creator_user_ids))


def _series(question: Parameters, body: Series, reader: Reader) -> Facts:
    series_id = question["id"]
    return replace(
        _rows_and_masks(body.rows),
        series=tuple(items_from.series(row) for row in body.illust_series if row.id == series_id),
        places=tuple(items_from.series_places(body, series_id)),
    )


def _comments(question: Parameters, body: Comments, reader: Reader) -> Facts:
    if "illust_id" not in question:
        return Facts()
    return Facts(comments=tuple(items_from.comments(question["illust_id"], body, question.get("comment_id"))))


def _translations(_: Parameters, body: TagInfo, reader: Reader) -> Facts:
    told = body.tag_translation.items()
    return Facts(
        translations=tuple(
            TagTranslation(tag, language, text) for tag, texts in told for language, text in texts.items() if text
        )
    )


_FACTS: dict[str, Callable[[Parameters, Any, Reader], Facts]] = {
    catalogue.USER_SHORT.name: _user,
    catalogue.USER_FULL.name: lambda asked, body, reader: Facts(users=(items_from.user(body),)),
    catalogue.USER_PROFILE_ALL.name: lambda asked, body, reader: Facts(
        users=(items_from.user_of_profile(asked["id"], body),)
    ),
    catalogue.USER_WORKS_LATEST.name: lambda asked, body, reader: Facts(users=(User(asked["id"], None),)),
    catalogue.USER_PROFILE_ILLUSTS.name: lambda asked, body, reader: _rows(body.works.values()),
    catalogue.USER_TAGGED.name: lambda asked, body, reader: _rows(body.works),
    catalogue.USER_BOOKMARKS.name: _bookmarks,
    catalogue.USER_FOLLOWING.name: _following,
    catalogue.USER_FOLLOWERS.name: _followers,
    catalogue.USER_REQUESTS.name: _requests,
    catalogue.TOP_ILLUST.name: _requests,
    **{
        name: _creators if endpoint.body is CreatorList else _requests
        for name, endpoint in catalogue.ENDPOINTS.items()
        if name.startswith("requests.")
    },
    catalogue.FEED_ILLUST.name: lambda asked, body, reader: _rows_and_masks(body.rows),
    catalogue.MYPIXIV_ILLUST.name: lambda asked, body, reader: _rows_and_masks(body.rows),
    catalogue.COLLECTION.name: lambda asked, body, reader: _rows_and_masks(body.rows),
    catalogue.NEW_ILLUST.name: lambda asked, body, reader: _rows_and_masks(body.illusts),
    catalogue.SERIES.name: _series,
    catalogue.WATCHLIST_MANGA.name: lambda asked, body, reader: Facts(
        series=tuple(map(items_from.series, body.illust_series))
    ),
    catalogue.RANKING.name: _ranking,
    catalogue.SEARCH_ARTWORKS.name: lambda asked, body, reader: _rows(body.rows),
    catalogue.SEARCH_ILLUSTRATIONS.name: lambda asked, body, reader: _rows(body.rows),
    catalogue.SEARCH_MANGA.name: lambda asked, body, reader: _rows(body.rows),
    catalogue.SEARCH_TOP.name: lambda asked, body, reader: _rows(body.rows),
    catalogue.DISCOVERY_ARTWORKS.name: lambda asked, body, reader: _rows(body.rows),
    catalogue.DISCOVERY_USERS.name: lambda asked, body, reader: replace(_rows(body.rows), users=_people(body.users)),
    catalogue.ILLUST_RECOMMEND.name: lambda asked, body, reader: _rows(body.illusts),
    catalogue.ILLUST_RECOMMEND_ROWS.name: lambda asked, body, reader: _rows(body.illusts),
    catalogue.ILLUST_DETAILS_MANY.name: lambda asked, body, reader: Facts(
        artworks=tuple(items_from.artworks_of_mobile_rows(body.illust_details))
    ),
    catalogue.ILLUST_COMMENTS.name: _comments,
    catalogue.COMMENT_REPLIES.name: _comments,
    catalogue.TAG_INFO.name: _translations,
}
