"""What the bodies of lists say, as items: who bookmarked, who follows whom, which works make a series."""

from __future__ import annotations

from collections.abc import Iterable

from pixivcrawl.api.bodies.listings import Bookmarks, FollowRow
from pixivcrawl.api.bodies.listings import Series as SeriesBody
from pixivcrawl.api.bodies.rows import IllustRow
from pixivcrawl.api.bodies.users import SeriesRow
from pixivcrawl.items import Bookmark, Follow, Series, SeriesPlace


def bookmarks(body: Bookmarks, owner: int, *, private: bool, own: bool) -> list[Bookmark]:
    """The bookmarks on a page of `owner`'s list, masked ones among them; `own`: it is the reader's list.

    pixiv: a row's bookmark is the reader's own, so that on the list of another user it tells nothing of that user's.
    """
    return [
        Bookmark(
            user_id=owner,
            work_id=row.id,
            private=private,
            tags=tuple(body.tags_of(row)) if own and row.bookmark_data else None,
            bookmark_id=row.bookmark_data.id if own and row.bookmark_data else None,
        )
        for row in body.works
    ]


def following(people: Iterable[FollowRow], follower: int, *, private: bool) -> list[Follow]:
    """Whom `follower` follows."""
    return [Follow(follower, person.user_id, private) for person in people]


def followers(people: Iterable[FollowRow], followed: int) -> list[Follow]:
    """Who follows `followed`."""
    return [Follow(person.user_id, followed) for person in people]


def series(row: SeriesRow) -> Series:
    """A series as a list of series, or its own page, tells it."""
    return Series(
        series_id=row.id,
        user_id=row.user_id,
        title=row.title,
        caption=row.caption or row.description,
        total=row.total,
        latest=row.latest_illust_id,
    )


def series_places(body: SeriesBody, series_id: int) -> list[SeriesPlace]:
    """The works on a page of a series."""
    return [SeriesPlace(series_id, entry.work_id, entry.order) for entry in body.page.series]


def masked(rows: Iterable[IllustRow]) -> dict[int, str]:
    """{work id: the placeholder's name} of the rows that stand for a vanished work."""
    return {row.id: row.masked_because or "masked" for row in rows if row.has_vanished}
